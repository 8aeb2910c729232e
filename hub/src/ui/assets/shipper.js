// Keeps an open page true. The hub says when something may be different; the page is then fetched again, and only what differs is put
// in place, so that focus, scrolling, selections and what is unfolded stay. Without this script the pages are plain pages.

const parser = new DOMParser();
const parts = ["banners", "main", "foot"];
// A word may come before everything it is about is written down: so much later is looked once more.
const AGAIN = 1500;
// With no word for so long, not even that all is quiet, the connection is taken for lost.
const SILENCE = 16000;
const RETRY = 2000;
// A page that has not come after so long is asked for anew.
const PATIENCE = 10000;

// ---- Time: the hub writes it out, here it becomes relative.

const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

function when(exact) {
  const seconds = (Date.parse(exact) - Date.now()) / 1000;
  if (Math.abs(seconds) < 2) return "now";
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units[3];
  return relative.format(Math.trunc(seconds / length), unit);
}

function tellTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const text = when(time.dateTime);
    if (!time.title) time.title = time.textContent;
    if (time.textContent !== text) time.textContent = text;
  }
}

// ---- Commands: a button that copies, where the browser lets us.

function addButtons(root) {
  for (const code of root.querySelectorAll(".orders code")) {
    const button = (root.ownerDocument ?? root).createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy the command: ${code.textContent}`);
    code.after(button);
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button.copy");
  if (!button) return;
  const text = button.previousElementSibling.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without permission, or without https: the text is marked, ready to be copied by hand.
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "Marked";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});

// ---- Putting what differs in place.

const same = (one, other) =>
  one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");

function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // Whether something is unfolded is the reader's.
    if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name === "open" && old.localName === "details") continue;
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  // What is in a field is the reader's as well.
  if (["input", "select", "textarea"].includes(old.localName)) return;
  morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
  const named = new Map();
  for (const child of old.children) if (child.id) named.set(child.id, child);
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const known = next.id && named.get(next.id);
    if (known && same(known, next)) {
      if (known === at) at = at.nextSibling;
      // Moving keeps the focus, where the browser can do that.
      else if (old.moveBefore) old.moveBefore(known, at);
      else old.insertBefore(known, at);
      morph(known, next);
    } else if (at && !next.id && !at.id && same(at, next)) {
      const here = at;
      at = at.nextSibling;
      morph(here, next);
    } else {
      old.insertBefore(document.importNode(next, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

let shown = null;

async function refresh() {
  const signal = AbortSignal.timeout(PATIENCE);
  const response = await fetch(location.href, { cache: "no-cache", headers: { accept: "text/html" }, signal });
  // Whoever was signed in is not any more, or sees nothing any more: going to the page leads to where that is said.
  if (response.status === 401 || response.status === 403) return location.reload();
  const text = await response.text();
  // Not a page of the hub: something between answers in its place.
  const fresh = parser.parseFromString(text, "text/html");
  if (!fresh.getElementById("main") || !fresh.body.dataset.changes) throw new Error(`status ${response.status}`);
  if (text === shown) return;
  shown = text;
  tellTimes(fresh);
  addButtons(fresh);
  for (const part of parts) {
    const [old, now] = [document.getElementById(part), fresh.getElementById(part)];
    if (old && now) morph(old, now);
  }
  document.title = fresh.title;
  document.documentElement.dataset.changed = String(Number(document.documentElement.dataset.changed ?? 0) + 1);
}

// ---- The stream.

const connection = document.getElementById("connection");
let asked = false;
let busy = false;
let later = 0;
let alarm = 0;
let source = null;
let lostAt = null;

function lost() {
  if (lostAt !== null) return;
  lostAt = new Date();
  connection.hidden = false;
  connection.textContent =
    `The connection to the hub is broken. You see how things were at ${lostAt.toLocaleTimeString()}; trying again.`;
  document.body.classList.add("stale");
}

function back() {
  if (lostAt === null) return;
  lostAt = null;
  connection.hidden = true;
  connection.textContent = "";
  document.body.classList.remove("stale");
}

function lookAgain(after) {
  clearTimeout(later);
  later = setTimeout(look, after);
}

async function look() {
  asked = true;
  if (busy) return;
  busy = true;
  while (asked) {
    asked = false;
    try {
      await refresh();
      back();
    } catch {
      lost();
      lookAgain(RETRY);
    }
  }
  busy = false;
}

function heard() {
  clearTimeout(alarm);
  alarm = setTimeout(() => { lost(); connect(); }, SILENCE);
}

function connect() {
  source?.close();
  source = new EventSource(document.body.dataset.changes);
  heard();
  source.addEventListener("ping", heard);
  source.addEventListener("changed", () => {
    heard();
    look();
    lookAgain(AGAIN);
  });
  source.addEventListener("error", () => {
    lost();
    // A browser gives up where the answer is a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { connect(); look(); }, RETRY);
  });
}

function rest() {
  source?.close();
  clearTimeout(alarm);
  clearTimeout(later);
}

addButtons(document);
tellTimes(document);
setInterval(() => tellTimes(document), 1000);
// A page that nobody sees needs no stream, of which browsers have few to give; seen again, it is fetched at once.
const follow = () => { if (document.hidden) rest(); else if (document.body.dataset.changes) connect(); };
document.addEventListener("visibilitychange", follow);
addEventListener("pagehide", rest);
addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
follow();
