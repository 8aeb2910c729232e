//! Secrets that are made here: 256 random bits each, of which nothing but the SHA-256 is kept. So many bits cannot be guessed, so
//! nothing slower than that is needed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// What a read token begins with, so that people and scanners recognise one.
pub const PREFIX: &str = "shipper_read_";
/// Characters of 256 bits in base64.
const LENGTH: usize = 43;

/// The SHA-256 of a secret; `Display` is hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(hex: &str) -> Result<Self, String> {
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("it is no SHA-256 in hex".to_owned());
        }
        for (number, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * number..2 * number + 2], 16)
                .map_err(|error| error.to_string())?;
        }
        Ok(Self(bytes))
    }
}

/// 256 random bits, in base64 as it may stand in addresses and cookies.
pub fn unguessable() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether it has the form of what [`unguessable`] makes.
pub fn is_unguessable(text: &str) -> bool {
    text.len() == LENGTH
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A new read token.
pub fn read_token() -> String {
    let mut token = PREFIX.to_owned();
    let _ = write!(token, "{}", unguessable());
    token
}

/// Whether it has the form of a read token; whatever has not is none, and nobody need look.
pub fn is_read_token(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(is_unguessable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_recognised_unlike_each_other_and_known_by_their_digest() {
        let (one, other) = (read_token(), read_token());
        assert!(is_read_token(&one) && one != other);
        assert!(!is_read_token(&one[1..]) && !is_read_token(&format!("{one}x")) && !is_read_token(PREFIX));
        let digest = Digest::of(&one);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_ne!(digest, Digest::of(&other));
        assert!("no digest".parse::<Digest>().is_err());
    }
}
