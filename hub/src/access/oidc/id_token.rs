//! Whether an ID token is what it says (OpenID Connect Core 3.1.3.7): signed by the provider with a key of its own, for this hub, for this
//! login, and not over.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far clocks may be apart, in seconds.
const LEEWAY: u64 = 60;

/// Why an ID token is not believed.
#[derive(Debug, thiserror::Error)]
pub enum IdTokenError {
    /// It is none, or its signature is `none`.
    #[error("it cannot be read as a signed token")]
    Unreadable,
    /// It is signed in a way that anybody who knows public things could, or that is not known here.
    #[error("its algorithm {0:?} is none that is accepted")]
    Algorithm(Algorithm),
    /// No key of the provider's fits.
    #[error("it is signed by a key that is none of the provider's")]
    Key,
    /// Signature, issuer, audience or times are not right.
    #[error("{0}")]
    Wrong(#[source] jsonwebtoken::errors::Error),
    /// It was made for somebody else.
    #[error("it was made for another client")]
    Party,
    /// It is of another login.
    #[error("it is of another login")]
    Nonce,
}

/// What a token has to say.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// This hub, as the provider knows it.
    pub client: &'a str,
    /// Of this login.
    pub nonce: &'a str,
}

/// What a token says.
#[derive(Clone, Debug, Deserialize)]
pub struct Claims {
    /// The provider's name for the person.
    pub sub: String,
    aud: Value,
    azp: Option<String>,
    nonce: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// The claims of a token that is to be believed.
///
/// # Errors
/// It is not.
pub fn check(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Claims, IdTokenError> {
    let header = decode_header(token).map_err(|_| IdTokenError::Unreadable)?;
    if !is_accepted(header.alg) {
        return Err(IdTokenError::Algorithm(header.alg));
    }
    let fitting = keys.iter().filter(|key| fits(key, header.alg));
    let named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
    let mut fitting = fitting.filter(named);
    let key = fitting.next().ok_or(IdTokenError::Key)?;
    if header.kid.is_none() && fitting.next().is_some() {
        return Err(IdTokenError::Key);
    }
    let key = DecodingKey::from_jwk(key).map_err(|_| IdTokenError::Key)?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY;
    let claims: Claims = decode(token, &key, &validation).map_err(IdTokenError::Wrong)?.claims;
    let party = claims.azp.as_deref();
    let several = claims.aud.as_array().is_some_and(|all| all.len() > 1);
    if party.is_some_and(|party| party != expected.client) || (several && party.is_none()) {
        return Err(IdTokenError::Party);
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(IdTokenError::Nonce);
    }
    Ok(claims)
}

/// Signatures by a private key alone: with `HS256` whoever knows the client's secret, or takes a public key for one, could sign.
fn is_accepted(algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512 | ES256 | ES384 | EdDSA)
}

/// Whether a key is for signatures of this algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let common = &key.common;
    let for_signing = common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let same = common
        .key_algorithm
        .is_none_or(|named| Algorithm::try_from(named).is_ok_and(|named| named == algorithm));
    let family = match &key.algorithm {
        AlgorithmParameters::RSA(_) => {
            matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512)
        }
        AlgorithmParameters::EllipticCurve(parameters) => match parameters.curve {
            EllipticCurve::P256 => algorithm == ES256,
            EllipticCurve::P384 => algorithm == ES384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(parameters) => {
            parameters.curve == EllipticCurve::Ed25519 && algorithm == EdDSA
        }
        _ => false,
    };
    for_signing && same && family
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
    use serde_json::json;

    const EXPECTED: Expected<'static> =
        Expected { issuer: "https://sso.example", client: "shipper", nonce: "of this login" };

    struct Signer {
        key: EncodingKey,
        jwk: Jwk,
    }

    impl Signer {
        fn new(kid: &str) -> Self {
            let pair = rcgen::KeyPair::generate().unwrap();
            let key = EncodingKey::from_ec_der(&pair.serialize_der());
            let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
            jwk.common.key_id = Some(kid.to_owned());
            Self { key, jwk }
        }

        fn sign(&self, claims: &Value) -> String {
            let mut header = Header::new(Algorithm::ES256);
            header.kid.clone_from(&self.jwk.common.key_id);
            encode(&header, claims, &self.key).unwrap()
        }
    }

    fn claims() -> Value {
        let now = get_current_timestamp();
        json!({"iss": "https://sso.example", "aud": "shipper", "sub": "4711", "nonce": "of this login", "exp": now + 300, "iat": now,
            "groups": ["shop"]})
    }

    #[expect(clippy::needless_pass_by_value, reason = "claims are written down where they are used")]
    fn with(change: Value) -> Value {
        let mut all = claims();
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        all
    }

    #[test]
    fn what_the_provider_signed_for_this_login_is_believed() {
        let signer = Signer::new("one");
        let keys = [Signer::new("other").jwk, signer.jwk.clone()];
        let good = check(&signer.sign(&claims()), &keys, &EXPECTED).unwrap();
        assert_eq!((good.sub.as_str(), &good.others["groups"]), ("4711", &json!(["shop"])));
        let several = with(json!({"aud": ["shipper", "other"], "azp": "shipper"}));
        assert!(check(&signer.sign(&several), &keys, &EXPECTED).is_ok());
    }

    #[test]
    fn what_anybody_else_made_is_not() {
        let (signer, stranger) = (Signer::new("one"), Signer::new("one"));
        let keys = [signer.jwk.clone()];
        let refused = |token: &str| check(token, &keys, &EXPECTED).unwrap_err();
        assert!(
            matches!(refused(&stranger.sign(&claims())), IdTokenError::Wrong(_)),
            "another key of the same name"
        );
        assert!(matches!(refused(&Signer::new("two").sign(&claims())), IdTokenError::Key));

        let now = get_current_timestamp();
        for wrong in [
            json!({"iss": "https://evil.example"}),
            json!({"aud": "another client"}),
            json!({"aud": ["another client"]}),
            json!({"exp": now - 120}),
            json!({"nbf": now + 600}),
        ] {
            let token = signer.sign(&with(wrong.clone()));
            assert!(matches!(refused(&token), IdTokenError::Wrong(_)), "{wrong}");
        }
        for missing in ["iss", "aud", "exp", "sub"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(missing);
            refused(&signer.sign(&claims));
        }
        for (wrong, party) in [
            (json!({"nonce": "of another login"}), false),
            (json!({"nonce": null}), false),
            (json!({"azp": "another client"}), true),
            (json!({"aud": ["shipper", "another client"]}), true),
        ] {
            let refused = refused(&signer.sign(&with(wrong.clone())));
            let right = if party {
                matches!(refused, IdTokenError::Party)
            } else {
                matches!(refused, IdTokenError::Nonce)
            };
            assert!(right, "{wrong}: {refused}");
        }

        let good = signer.sign(&claims());
        let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
        let encode_part = |part: &Value| {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part.to_string())
        };
        let none = encode_part(&json!({"alg": "none", "typ": "JWT"}));
        assert!(matches!(refused(&format!("{none}.{body}.")), IdTokenError::Unreadable));
        let other = encode_part(&with(json!({"sub": "somebody else"})));
        assert!(matches!(refused(&format!("{header}.{other}.{signature}")), IdTokenError::Wrong(_)));
        // A public key taken for the secret of an HMAC: whoever read the provider's keys could sign.
        let public = serde_json::to_vec(&signer.jwk).unwrap();
        let mut hmac = Header::new(Algorithm::HS256);
        hmac.kid = Some("one".to_owned());
        let hmac = encode(&hmac, &claims(), &EncodingKey::from_secret(&public)).unwrap();
        assert!(matches!(refused(&hmac), IdTokenError::Algorithm(Algorithm::HS256)));
        let secret: Jwk =
            serde_json::from_value(json!({"kty": "oct", "kid": "one", "k": "c2VjcmV0"})).unwrap();
        assert!(check(&hmac, &[secret], &EXPECTED).is_err(), "a secret among the keys is none");
        refused("not.a.token");
        refused("");

        let mut for_encryption = signer.jwk.clone();
        for_encryption.common.public_key_use = Some(PublicKeyUse::Encryption);
        assert!(matches!(check(&good, &[for_encryption], &EXPECTED), Err(IdTokenError::Key)));
        let mut nameless = Header::new(Algorithm::ES256);
        nameless.kid = None;
        let nameless = encode(&nameless, &claims(), &signer.key).unwrap();
        assert!(check(&nameless, &keys, &EXPECTED).is_ok());
        let two = [keys[0].clone(), Signer::new("two").jwk];
        assert!(check(&nameless, &two, &EXPECTED).is_err(), "it has to say which of several");
    }
}
