//! What a user JWT says, without a check of who says it.

use alloc::borrow::ToOwned;
use alloc::string::String;
use base64ct::{Base64UrlUnpadded, Encoding};
use core::fmt;
use serde_json::{Map, Value};

/// The claims of a user JWT that concern a client.
///
/// Nobody checked the signature: the server does that. They serve to explain a mistake before
/// the server says `Authorization Violation`, which never says why.
///
/// ```
/// use midge_proto::nkeys::UserClaims;
///
/// # fn main() -> Result<(), midge_proto::nkeys::JwtError> {
/// // {"typ":"JWT","alg":"ed25519-nkey"} . {"sub":"U","exp":99} . signature
/// let jwt = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJzdWIiOiJVIiwiZXhwIjo5OX0.c2ln";
/// let claims = UserClaims::decode(jwt)?;
/// assert_eq!(claims.subject(), Some("U"));
/// assert!(claims.is_expired_at(99) && !claims.is_expired_at(98));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserClaims {
    subject: Option<String>,
    issuer: Option<String>,
    issuer_account: Option<String>,
    name: Option<String>,
    expires_unix_secs: Option<u64>,
    bearer: bool,
}

impl UserClaims {
    /// Reads the claims of `jwt`; the signature is not checked.
    ///
    /// A claim of an unexpected type counts as missing.
    ///
    /// # Errors
    ///
    /// When the text is not made of three parts, or the middle one is no JSON object in base64url.
    pub fn decode(jwt: &str) -> Result<Self, JwtError> {
        let mut parts = jwt.trim().split('.');
        let (Some(_), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwtError::NotThreeParts);
        };
        let json = Base64UrlUnpadded::decode_vec(claims.trim_end_matches('='))
            .map_err(|_| JwtError::InvalidBase64)?;
        let claims: Map<String, Value> =
            serde_json::from_slice(&json).map_err(|_| JwtError::InvalidJson)?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(ToOwned::to_owned);
        let nats = claims.get("nats");
        let nats = |key| nats.and_then(|nats| nats.get(key));
        Ok(Self {
            subject: text(claims.get("sub")),
            issuer: text(claims.get("iss")),
            issuer_account: text(nats("issuer_account")),
            name: text(claims.get("name")),
            expires_unix_secs: claims.get("exp").and_then(Value::as_u64).filter(|&at| at != 0),
            bearer: nats("bearer_token").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// The user's public key (`sub`).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The public key that signed the JWT (`iss`).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The account the user belongs to, when a signing key of the account made the JWT.
    #[must_use]
    pub fn issuer_account(&self) -> Option<&str> {
        self.issuer_account.as_deref()
    }

    /// The name of the user, for people.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// When the JWT ends, in seconds since the Unix epoch; `None` when it never does.
    #[must_use]
    pub const fn expires_unix_secs(&self) -> Option<u64> {
        self.expires_unix_secs
    }

    /// Whether the JWT has ended at `unix_secs`, in seconds since the Unix epoch.
    #[must_use]
    pub fn is_expired_at(&self, unix_secs: u64) -> bool {
        self.expires_unix_secs.is_some_and(|end| end <= unix_secs)
    }

    /// Whether the server takes the JWT alone, without a signature of the nonce.
    #[must_use]
    pub const fn is_bearer(&self) -> bool {
        self.bearer
    }
}

/// Why a text is not a JWT. It holds no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtError {
    /// The text is not made of three parts with dots between.
    NotThreeParts,
    /// The claims are not base64url.
    InvalidBase64,
    /// The claims are not a JSON object.
    InvalidJson,
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotThreeParts => "jwt does not have three parts",
            Self::InvalidBase64 => "claims of the jwt are not base64url",
            Self::InvalidJson => "claims of the jwt are not a JSON object",
        })
    }
}

impl core::error::Error for JwtError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    fn jwt(claims: &str) -> String {
        format!("eyJ0eXAiOiJKV1QifQ.{}.c2ln", Base64UrlUnpadded::encode_string(claims.as_bytes()))
    }

    #[test]
    fn all_claims_that_concern_a_client_are_read() {
        let claims =
            UserClaims::decode(&jwt(r#"{"sub":"UX","iss":"AY","name":"joe","exp":1700000000,
               "nats":{"bearer_token":true,"issuer_account":"AZ","pub":{"allow":["a"]}}}"#))
            .unwrap();
        assert_eq!(claims.subject(), Some("UX"));
        assert_eq!(claims.issuer(), Some("AY"));
        assert_eq!(claims.issuer_account(), Some("AZ"));
        assert_eq!(claims.name(), Some("joe"));
        assert_eq!(claims.expires_unix_secs(), Some(1_700_000_000));
        assert!(claims.is_bearer());
    }

    #[test]
    fn missing_and_mistyped_claims_count_as_absent() {
        assert_eq!(UserClaims::decode(&jwt("{}")), Ok(UserClaims::default()));
        let odd = jwt(r#"{"sub":1,"exp":"soon","name":null,"nats":[]}"#);
        assert_eq!(UserClaims::decode(&odd), Ok(UserClaims::default()));
    }

    #[test]
    fn an_end_of_zero_means_that_the_jwt_never_ends() {
        let claims = UserClaims::decode(&jwt(r#"{"exp":0}"#)).unwrap();
        assert_eq!(claims.expires_unix_secs(), None);
        assert!(!claims.is_expired_at(u64::MAX));
    }

    #[test]
    fn what_is_not_a_jwt_is_refused() {
        assert_eq!(UserClaims::decode(""), Err(JwtError::NotThreeParts));
        assert_eq!(UserClaims::decode("a.b"), Err(JwtError::NotThreeParts));
        assert_eq!(UserClaims::decode("a.b.c.d"), Err(JwtError::NotThreeParts));
        assert_eq!(UserClaims::decode("a.!!.c"), Err(JwtError::InvalidBase64));
        assert_eq!(UserClaims::decode(&jwt("[1]")), Err(JwtError::InvalidJson));
        assert_eq!(UserClaims::decode(&jwt(&"[".repeat(10_000))), Err(JwtError::InvalidJson));
    }

    proptest! {
        #[test]
        fn no_text_makes_decoding_panic(text in "\\PC{0,60}", json in "\\PC{0,60}") {
            let _ = UserClaims::decode(&text);
            let _ = UserClaims::decode(&jwt(&json));
        }
    }
}
