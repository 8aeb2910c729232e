//! Cookies: what keeps a person signed in. Where people reach the hub by https they carry the prefix `__Host-`, so no other host, path or
//! plain connection can set or read them.

use axum::http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

/// A cookie of the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The session of a person.
    Session,
    /// A login that is under way.
    Login,
}

/// How cookies are made: whether people reach the hub by https.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jar {
    /// Whether they do.
    pub secure: bool,
}

impl Jar {
    fn name(self, cookie: Cookie) -> &'static str {
        match (cookie, self.secure) {
            (Cookie::Session, true) => "__Host-shipper-session",
            (Cookie::Session, false) => "shipper-session",
            (Cookie::Login, true) => "__Host-shipper-login",
            (Cookie::Login, false) => "shipper-login",
        }
    }

    /// What the browser sends of it.
    pub fn get(self, headers: &HeaderMap, cookie: Cookie) -> Option<&str> {
        value(headers, self.name(cookie))
    }

    /// The header that sets it for so long.
    pub fn set(self, cookie: Cookie, value: &str, lasts: Duration) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name(cookie);
        let text =
            format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", lasts.as_secs());
        HeaderValue::from_str(&text).ok()
    }

    /// The header that takes it away.
    pub fn clear(self, cookie: Cookie) -> Option<HeaderValue> {
        self.set(cookie, "", Duration::ZERO)
    }
}

/// The first cookie of a name.
pub fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Whether a request that changes something comes from a page of this hub, as far as the browser says. Programs say nothing, and have no
/// cookies that somebody could abuse.
pub fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, named)| named == host),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// A path of this hub to go back to; `/` for anything else. `//host` and `/\host` are other hosts for browsers.
pub fn back(path: &str) -> &str {
    let own = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.len() <= 2000
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn cookies_are_for_this_host_alone_and_for_no_script() {
        let set = Jar { secure: true }.set(Cookie::Session, "x", Duration::from_secs(60)).unwrap();
        assert_eq!(set, "__Host-shipper-session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        let plain = Jar { secure: false };
        assert!(
            !plain.set(Cookie::Session, "x", Duration::ZERO).unwrap().to_str().unwrap().contains("Secure")
        );
        let sent = headers(&[("cookie", "a=b; shipper-session=one;__Host-shipper-session=two")]);
        assert_eq!(plain.get(&sent, Cookie::Session), Some("one"));
        assert_eq!(Jar { secure: true }.get(&sent, Cookie::Session), Some("two"));
        assert_eq!(plain.get(&sent, Cookie::Login), None);
    }

    #[test]
    fn only_pages_of_the_hub_change_something() {
        assert!(is_own(&headers(&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")])));
        assert!(!is_own(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(!is_own(&headers(&[("sec-fetch-site", "same-site")])));
        assert!(is_own(&headers(&[("origin", "https://hub.example"), ("host", "hub.example")])));
        assert!(!is_own(&headers(&[("origin", "https://evil.example"), ("host", "hub.example")])));
        assert!(!is_own(&headers(&[("origin", "null"), ("host", "hub.example")])));
        assert!(is_own(&headers(&[])));
    }

    #[test]
    fn nobody_is_led_to_another_host() {
        for own in ["/", "/applications/web/shop?x=1#y"] {
            assert_eq!(back(own), own);
        }
        for other in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\\b", "/a b", "/\n/", "/ü"]
        {
            assert_eq!(back(other), "/", "{other:?}");
        }
        assert_eq!(back(&format!("/{}", "a".repeat(3000))), "/");
    }
}
