//! Credentials that cannot be right are found before anybody is dialed.

use super::{Credentials, Source};
use core::fmt;
#[cfg(feature = "nkeys")]
use midge_proto::nkeys::{self, KeyKind, KeyPair, PublicKey, UserClaims, parse_seed_text};
#[cfg(feature = "nkeys")]
use std::path::Path;

/// Credentials that no server can take, or that came too late.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCredentials {
    /// They cannot be read, or cannot be right.
    Unusable {
        /// Which part of them, in the words of the option: "nkey seed", "credentials file".
        option: &'static str,
        /// What is wrong, without any of the secret; for a file its name, too.
        reason: String,
    },
    /// The client is closed.
    Closed,
}

impl fmt::Display for InvalidCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { option, reason } => write!(f, "{option}: {reason}"),
            Self::Closed => crate::error::ClosedError.fmt(f),
        }
    }
}

impl core::error::Error for InvalidCredentials {}

impl Credentials {
    /// Whether what is known now can be right: seeds and JWTs are texts of their kind, files are
    /// there and hold such. Callbacks are not asked, but what they sign for is looked at.
    pub(crate) fn check(&self) -> Result<(), InvalidCredentials> {
        match &self.0 {
            Source::None | Source::UserAndPassword(..) | Source::Token(_) | Source::Callback(_) => {
                Ok(())
            }
            // Nothing here knows their form.
            #[cfg(not(feature = "nkeys"))]
            Source::NkeySigner { .. } | Source::Jwt { .. } | Source::BearerJwt(_) => Ok(()),
            #[cfg(feature = "nkeys")]
            Source::NkeySigner { public_key, .. } => {
                unusable("public nkey", PublicKey::parse_kind(public_key, KeyKind::User))
            }
            #[cfg(feature = "nkeys")]
            Source::Jwt { jwt, .. } => unusable("JWT", UserClaims::decode(jwt)),
            #[cfg(feature = "nkeys")]
            Source::BearerJwt(jwt) => unusable("bearer JWT", UserClaims::decode(jwt)),
            #[cfg(feature = "nkeys")]
            Source::NkeySeed(seed) => unusable("nkey seed", KeyPair::from_seed(seed)),
            #[cfg(feature = "nkeys")]
            Source::NkeyFile(path) => check_file("nkey file", path, parse_seed_text),
            #[cfg(feature = "nkeys")]
            Source::JwtAndSeed(jwt, seed) => unusable("JWT", UserClaims::decode(jwt))
                .and_then(|()| unusable("seed of the JWT", KeyPair::from_seed(seed))),
            #[cfg(feature = "nkeys")]
            Source::Text(text) => unusable("credentials", nkeys::Credentials::parse(text)),
            #[cfg(feature = "nkeys")]
            Source::File(path) => check_file("credentials file", path, nkeys::Credentials::parse),
        }
    }
}

#[cfg(feature = "nkeys")]
fn unusable<T, E: fmt::Display>(
    option: &'static str,
    result: Result<T, E>,
) -> Result<(), InvalidCredentials> {
    let unusable = |error: E| InvalidCredentials::Unusable { option, reason: error.to_string() };
    result.map(drop).map_err(unusable)
}

#[cfg(feature = "nkeys")]
fn check_file<T, E: fmt::Display>(
    option: &'static str,
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<(), InvalidCredentials> {
    let text = super::read(path);
    unusable(option, text.as_ref().map_err(Clone::clone))?;
    let Ok(text) = text else { return Ok(()) };
    let named = |error: E| format!("{}: {error}", path.display());
    unusable(option, parse(&text).map_err(named))
}

#[cfg(all(test, feature = "nkeys"))]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_right_is_named_without_the_secret() {
        let seed = KeyPair::new_user([1; 32]).seed().to_string();
        let jwt = "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJVIiwiZXhwIjo5OX0.c2ln";
        let sign = |nonce: Vec<u8>| async { Ok(nonce) };
        let public = KeyPair::new_user([1; 32]).public_key();
        let account = KeyPair::new(KeyKind::Account, [1; 32]).unwrap().public_key();
        for good in [
            Credentials::nkey(seed.clone()),
            Credentials::nkey_signer(public.as_str(), sign),
            Credentials::jwt(jwt, sign),
            Credentials::bearer_jwt(jwt),
            Credentials::jwt_and_seed(jwt, seed.clone()),
            Credentials::token("SUrubbish"),
            Credentials::none(),
        ] {
            assert_eq!(good.check(), Ok(()), "{good:?}");
        }
        for (bad, text) in [
            (Credentials::nkey("SUrubbish"), "nkey seed: 9 characters instead of 58"),
            (Credentials::nkey_file("/no/such.nk"), "nkey file: /no/such.nk: "),
            (Credentials::file("/no/such.creds"), "credentials file: /no/such.creds: "),
            (Credentials::jwt_and_seed("rubbish", seed), "JWT: "),
            (Credentials::jwt_and_seed(jwt, "rubbish"), "seed of the JWT: 7 characters"),
            (Credentials::text("rubbish"), "credentials: "),
            (Credentials::nkey_signer("rubbish", sign), "public nkey: 7 characters"),
            (Credentials::nkey_signer(account.as_str(), sign), "public nkey: "),
            (Credentials::jwt("rubbish", sign), "JWT: "),
            (Credentials::bearer_jwt("rubbish"), "bearer JWT: "),
        ] {
            let error = bad.check().unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
            assert!(!error.contains("rubbish"), "{error}");
        }
    }
}
