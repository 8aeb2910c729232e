//! A login that is under way, in a cookie of the browser that began it. Everything that has to come back is derived from it, so the hub
//! keeps nothing until somebody comes back, and any hub can take them in: `state` ties the answer to this browser, `nonce` the ID token to
//! this login, and the verifier (PKCE, RFC 7636) the code to whoever asked for it.

use crate::access::cookie::back;
use crate::access::secret::{Digest, is_unguessable, unguessable};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

/// How long a person may take at the provider.
pub const LASTS: SignedDuration = SignedDuration::from_mins(10);

/// A login that is under way.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(String);

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket(…)")
    }
}

impl Ticket {
    /// A new one, to come back to `path`.
    pub fn new(now: Timestamp, path: &str) -> Self {
        let path = URL_SAFE_NO_PAD.encode(back(path));
        Self(format!("{}.{}.{path}", now.as_second(), unguessable()))
    }

    /// The one of a cookie; `None` where it is none, or too old.
    pub fn read(cookie: &str, now: Timestamp) -> Option<Self> {
        let ticket = Self(cookie.to_owned());
        let began = Timestamp::from_second(ticket.part(0)?.parse().ok()?).ok()?;
        let age = now.duration_since(began);
        let fresh = (-SignedDuration::from_mins(1)..LASTS).contains(&age);
        (fresh && is_unguessable(ticket.part(1)?) && ticket.part(2).is_some()).then_some(ticket)
    }

    fn part(&self, number: usize) -> Option<&str> {
        self.0.splitn(3, '.').nth(number)
    }

    fn derived(&self, what: &str) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{what}.{}", self.0)))
    }

    /// What the cookie says.
    pub fn cookie(&self) -> &str {
        &self.0
    }

    /// What comes back with the browser.
    pub fn state(&self) -> String {
        self.derived("state")
    }

    /// What comes back in the ID token.
    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// What is shown to get the tokens for the code.
    pub fn verifier(&self) -> String {
        self.derived("verifier")
    }

    /// What the provider is told of the verifier beforehand (S256).
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    /// Where to go afterwards, a path of this hub.
    pub fn back(&self) -> String {
        let path = self.part(2).and_then(|path| URL_SAFE_NO_PAD.decode(path).ok());
        let path = path.and_then(|path| String::from_utf8(path).ok()).unwrap_or_default();
        back(&path).to_owned()
    }

    /// By what it is remembered once it is used up.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_of_one_login_and_not_for_long() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let (one, other) = (Ticket::new(now, "/applications/web/shop"), Ticket::new(now, "/"));
        let parts =
            [one.state(), one.nonce(), one.verifier(), one.challenge(), other.state(), other.verifier()];
        assert_eq!(parts.iter().collect::<std::collections::BTreeSet<_>>().len(), 6, "{parts:?}");
        assert!(parts.iter().all(|part| is_unguessable(part)), "{parts:?}");
        assert_eq!(Ticket::read(one.cookie(), now), Some(one.clone()));
        assert_eq!(one.back(), "/applications/web/shop");
        let later = |minutes| now + SignedDuration::from_mins(minutes);
        assert!(Ticket::read(one.cookie(), later(9)).is_some());
        assert!(
            Ticket::read(one.cookie(), later(11)).is_none()
                && Ticket::read(one.cookie(), later(-11)).is_none()
        );
        for cookie in ["", "1.2.3", "..", &one.cookie()[1..]] {
            assert!(Ticket::read(cookie, now).is_none(), "{cookie}");
        }
        let younger = one.cookie().replacen("18", "19", 1);
        let forged = Ticket::read(&younger, Timestamp::from_second(1_900_000_000).unwrap()).unwrap();
        assert_ne!(forged.state(), one.state(), "who makes it look younger has another login");
        assert_eq!(Ticket::new(now, "//evil.example").back(), "/");
    }
}
