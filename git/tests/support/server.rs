//! A web server for the tests: HTTP/1.1 with kept connections, `git http-backend` as a CGI program, and the answers
//! of servers that are ill, strict or not Git at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the server does with a request.
#[derive(Clone)]
pub enum Behaviour {
    /// Git.
    Git,
    /// Git for who knows the `Authorization` header, 401 for others.
    GitFor(String),
    /// This answer, as it stands.
    Answer(String),
    /// Nothing, ever.
    Hang,
    /// The head of an answer, then a byte now and then without end.
    Drip,
    /// An endless answer of Git's content type.
    Endless,
}

type BeforePush = Box<dyn FnMut() + Send>;

pub struct Server {
    pub url: String,
    pub port: u16,
    state: Arc<State>,
}

struct State {
    root: PathBuf,
    behaviour: Mutex<Behaviour>,
    before_push: Mutex<Option<BeforePush>>,
    connections: AtomicUsize,
    seen: Mutex<Vec<Request>>,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub authorization: Option<String>,
    content_type: String,
    body: Vec<u8>,
}

impl Server {
    /// Serves the repositories below `root`.
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            root: root.to_owned(),
            behaviour: Mutex::new(Behaviour::Git),
            before_push: Mutex::new(None),
            connections: AtomicUsize::new(0),
            seen: Mutex::new(Vec::new()),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let state = Arc::clone(&shared);
                std::thread::spawn(move || while serve(&state, &stream).is_some() {});
            }
        });
        Self { url: format!("http://127.0.0.1:{port}/fleet.git"), port, state }
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    /// Runs once, when a push has been announced and before it is carried out.
    pub fn before_next_push(&self, action: impl FnMut() + Send + 'static) {
        *self.state.before_push.lock().unwrap() = Some(Box::new(action));
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap().clone()
    }
}

fn serve(state: &State, stream: &TcpStream) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let request = read_request(stream)?;
    state.seen.lock().unwrap().push(request.clone());
    let behaviour = state.behaviour.lock().unwrap().clone();
    match behaviour {
        Behaviour::Git => backend(state, &request, &mut out),
        Behaviour::GitFor(header) if request.authorization.as_ref() == Some(&header) => {
            backend(state, &request, &mut out)
        }
        Behaviour::GitFor(_) => out
            .write_all(b"HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n")
            .ok(),
        Behaviour::Answer(text) => {
            out.write_all(text.as_bytes()).ok()?;
            (!text.contains("connection: close")).then_some(())
        }
        Behaviour::Hang => {
            // Until the client gives up.
            let _ = BufReader::new(stream).read(&mut [0]);
            None
        }
        Behaviour::Drip => {
            out.write_all(advertisement_head().as_bytes()).ok()?;
            while out.write_all(b"0").is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            None
        }
        Behaviour::Endless => {
            out.write_all(advertisement_head().as_bytes()).ok()?;
            while out.write_all(&[b'0'; 65536]).is_ok() {}
            None
        }
    }
}

fn advertisement_head() -> &'static str {
    "HTTP/1.1 200 OK\r\ncontent-type: application/x-git-upload-pack-advertisement\r\nconnection: close\r\n\r\n"
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut request = Request {
        line: line.trim_end().to_owned(),
        authorization: None,
        content_type: String::new(),
        body: Vec::new(),
    };
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|n| *n > 0)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "content-type" => request.content_type = value.to_owned(),
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

fn backend(state: &State, request: &Request, out: &mut TcpStream) -> Option<()> {
    let mut words = request.line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let pushes = method == "POST" && target.ends_with("/git-receive-pack");
    let action = if pushes { state.before_push.lock().unwrap().take() } else { None };
    if let Some(mut action) = action {
        action();
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &state.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", &request.content_type)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body.clone();
    std::thread::spawn(move || stdin.write_all(&body));
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let body = &output[end + 4..];
    let mut status = "200 OK".to_owned();
    let mut headers = String::new();
    for line in head.lines() {
        match line.strip_prefix("Status: ") {
            Some(given) => status = given.to_owned(),
            None => headers.push_str(&format!("{line}\r\n")),
        }
    }
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    out.write_all(head.as_bytes()).and_then(|()| out.write_all(body)).ok()
}
