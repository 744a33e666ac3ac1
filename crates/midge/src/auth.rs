//! Credentials and where they come from.

mod check;

pub use check::InvalidCredentials;

use crate::callbacks::BoxFuture;
use crate::secret::Secret;
use core::fmt;
use core::future::Future;
#[cfg(feature = "nkeys")]
use midge_proto::nkeys::{KeyPair, NkeyError, parse_seed_text};
use midge_proto::{Auth, Secrets};
#[cfg(feature = "nkeys")]
use std::path::{Path, PathBuf};
use std::sync::Arc;

type AuthFn = Arc<dyn Fn(Vec<u8>) -> BoxFuture<Result<Auth, AuthError>> + Send + Sync>;
type SignFn = Arc<dyn Fn(Vec<u8>) -> BoxFuture<Result<Vec<u8>, AuthError>> + Send + Sync>;

/// Credentials could not be had; the attempt fails and the next one asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthError(String);

impl AuthError {
    /// Says what went wrong; secrets do not belong here.
    #[must_use]
    pub fn new(text: impl ToString) -> Self {
        Self(text.to_string())
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for AuthError {}

/// Where credentials come from: for [`ConnectOptions::authentication`] and
/// [`Client::set_credentials`].
///
/// Files are read and callbacks asked at each attempt. Seeds are wiped from memory when they are no
/// longer needed; `Debug` shows the kind alone.
///
/// [`ConnectOptions::authentication`]: crate::ConnectOptions::authentication
/// [`Client::set_credentials`]: crate::Client::set_credentials
#[derive(Clone, Default)]
pub struct Credentials(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    None,
    UserAndPassword(String, Secret),
    Token(Secret),
    #[cfg(feature = "nkeys")]
    NkeySeed(Secret),
    #[cfg(feature = "nkeys")]
    NkeyFile(PathBuf),
    NkeySigner {
        public_key: String,
        sign: SignFn,
    },
    Jwt {
        jwt: String,
        sign: SignFn,
    },
    #[cfg(feature = "nkeys")]
    JwtAndSeed(String, Secret),
    BearerJwt(Secret),
    #[cfg(feature = "nkeys")]
    Text(Secret),
    #[cfg(feature = "nkeys")]
    File(PathBuf),
    Callback(AuthFn),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Credentials {
    /// What they are, and nothing of what they say.
    pub(crate) fn kind(&self) -> &'static str {
        match self.0 {
            Source::None => "none",
            Source::UserAndPassword(..) => "user and password",
            Source::Token(_) => "token",
            #[cfg(feature = "nkeys")]
            Source::NkeySeed(_) => "nkey seed",
            #[cfg(feature = "nkeys")]
            Source::NkeyFile(_) => "nkey file",
            Source::NkeySigner { .. } => "nkey signer",
            Source::Jwt { .. } => "JWT with signer",
            #[cfg(feature = "nkeys")]
            Source::JwtAndSeed(..) => "JWT and seed",
            Source::BearerJwt(_) => "bearer JWT",
            #[cfg(feature = "nkeys")]
            Source::Text(_) => "credentials",
            #[cfg(feature = "nkeys")]
            Source::File(_) => "credentials file",
            Source::Callback(_) => "callback",
        }
    }

    /// No credentials.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A user name and password.
    #[must_use]
    pub fn user_and_password(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self(Source::UserAndPassword(user.into(), Secret::from(password.into())))
    }

    /// A token.
    #[must_use]
    pub fn token(token: impl Into<String>) -> Self {
        Self(Source::Token(Secret::from(token.into())))
    }

    /// An nkey, by its seed.
    #[cfg(feature = "nkeys")]
    #[must_use]
    pub fn nkey(seed: impl Into<String>) -> Self {
        Self(Source::NkeySeed(Secret::from(seed.into())))
    }

    /// An nkey, by a file with its seed, bare or decorated.
    #[cfg(feature = "nkeys")]
    #[must_use]
    pub fn nkey_file(path: impl AsRef<Path>) -> Self {
        Self(Source::NkeyFile(path.as_ref().to_owned()))
    }

    /// An nkey whose seed somebody else keeps: the callback signs the nonce.
    #[must_use]
    pub fn nkey_signer<F, Fut>(public_key: impl Into<String>, sign: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        let sign: SignFn = Arc::new(move |nonce| Box::pin(sign(nonce)));
        Self(Source::NkeySigner { public_key: public_key.into(), sign })
    }

    /// A JWT; the callback signs the nonce.
    #[must_use]
    pub fn jwt<F, Fut>(jwt: impl Into<String>, sign: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        let sign: SignFn = Arc::new(move |nonce| Box::pin(sign(nonce)));
        Self(Source::Jwt { jwt: jwt.into(), sign })
    }

    /// A JWT and the seed that signs for it.
    #[cfg(feature = "nkeys")]
    #[must_use]
    pub fn jwt_and_seed(jwt: impl Into<String>, seed: impl Into<String>) -> Self {
        Self(Source::JwtAndSeed(jwt.into(), Secret::from(seed.into())))
    }

    /// A bearer JWT, which needs no signature.
    #[must_use]
    pub fn bearer_jwt(jwt: impl Into<String>) -> Self {
        Self(Source::BearerJwt(Secret::from(jwt.into())))
    }

    /// The text of a credentials file: a JWT and its seed.
    #[cfg(feature = "nkeys")]
    #[must_use]
    pub fn text(credentials: impl Into<String>) -> Self {
        Self(Source::Text(Secret::from(credentials.into())))
    }

    /// A credentials file: a JWT and its seed.
    #[cfg(feature = "nkeys")]
    #[must_use]
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self(Source::File(path.as_ref().to_owned()))
    }

    /// Whatever the callback returns, which gets the server's nonce to sign.
    #[must_use]
    pub fn callback<F, Fut>(callback: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Auth, AuthError>> + Send + 'static,
    {
        Self(Source::Callback(Arc::new(move |nonce| Box::pin(callback(nonce)))))
    }

    /// Whether what it provides could be used elsewhere by a server that gets it. A callback may
    /// provide anything.
    pub(crate) fn secrets(&self) -> Secrets {
        match self.0 {
            Source::UserAndPassword(..)
            | Source::Token(_)
            | Source::BearerJwt(_)
            | Source::Callback(_) => Secrets::Sent,
            Source::None | Source::NkeySigner { .. } | Source::Jwt { .. } => Secrets::NeverSent,
            #[cfg(feature = "nkeys")]
            Source::NkeySeed(_)
            | Source::NkeyFile(_)
            | Source::JwtAndSeed(..)
            | Source::Text(_)
            | Source::File(_) => Secrets::NeverSent,
        }
    }

    /// Begins to make the answer to one CONNECT.
    pub(crate) fn begin(&self, nonce: &str) -> Answer {
        let bytes = nonce.as_bytes().to_vec();
        let mut auth = Auth::new();
        match &self.0 {
            Source::None => {}
            Source::UserAndPassword(user, password) => {
                auth.username = Some(user.clone());
                auth.password = Some(password.to_string());
            }
            Source::Token(token) => auth.token = Some(token.to_string()),
            Source::BearerJwt(jwt) => auth.jwt = Some(jwt.to_string()),
            #[cfg(feature = "nkeys")]
            Source::NkeySeed(seed) => return Answer::Now(nkey(KeyPair::from_seed(seed), nonce)),
            #[cfg(feature = "nkeys")]
            Source::NkeyFile(path) => {
                return Answer::Now(
                    read(path).and_then(|text| nkey(parse_seed_text(&text), nonce)),
                );
            }
            #[cfg(feature = "nkeys")]
            Source::JwtAndSeed(jwt, seed) => {
                let key = KeyPair::from_seed(seed).map_err(AuthError::new);
                return Answer::Now(key.map(|key| signed(jwt.clone(), &key, nonce)));
            }
            #[cfg(feature = "nkeys")]
            Source::Text(text) => return Answer::Now(credentials(text, nonce)),
            #[cfg(feature = "nkeys")]
            Source::File(path) => {
                return Answer::Now(read(path).and_then(|text| credentials(&text, nonce)));
            }
            Source::NkeySigner { .. } if nonce.is_empty() => return Answer::Now(Err(no_nonce())),
            Source::NkeySigner { public_key, sign } => {
                auth.nkey = Some(public_key.clone());
                return later(auth, sign(bytes));
            }
            Source::Jwt { jwt, sign } => {
                auth.jwt = Some(jwt.clone());
                return later(auth, sign(bytes));
            }
            Source::Callback(callback) => return Answer::Later(callback(bytes)),
        }
        Answer::Now(Ok(auth))
    }
}

/// Adds the signature once it is there.
fn later(mut auth: Auth, signature: BoxFuture<Result<Vec<u8>, AuthError>>) -> Answer {
    Answer::Later(Box::pin(async move {
        auth.signature = Some(signature.await?);
        Ok(auth)
    }))
}

fn no_nonce() -> AuthError {
    AuthError::new("the server sent no nonce: it does not take nkeys")
}

#[cfg(feature = "nkeys")]
fn nkey(key: Result<KeyPair, NkeyError>, nonce: &str) -> Result<Auth, AuthError> {
    let key = key.map_err(AuthError::new)?;
    if nonce.is_empty() {
        return Err(no_nonce());
    }
    let mut auth = Auth::new();
    auth.nkey = Some(key.public_key());
    auth.signature = Some(key.sign(nonce.as_bytes()).to_vec());
    Ok(auth)
}

#[cfg(feature = "nkeys")]
fn signed(jwt: String, key: &KeyPair, nonce: &str) -> Auth {
    let mut auth = Auth::new();
    auth.jwt = Some(jwt);
    auth.signature = Some(key.sign(nonce.as_bytes()).to_vec());
    auth
}

#[cfg(feature = "nkeys")]
fn credentials(text: &str, nonce: &str) -> Result<Auth, AuthError> {
    let credentials = midge_proto::nkeys::Credentials::parse(text).map_err(AuthError::new)?;
    let Some(key) = &credentials.key else {
        // A bearer JWT comes without a key; the server knows whether that will do.
        let mut auth = Auth::new();
        auth.jwt = Some(credentials.jwt);
        return Ok(auth);
    };
    Ok(signed(credentials.jwt, key, nonce))
}

#[cfg(feature = "nkeys")]
fn read(path: &Path) -> Result<Secret, AuthError> {
    Secret::read(path).map_err(AuthError::new)
}

/// Credentials, or who makes them.
pub(crate) enum Answer {
    Now(Result<Auth, AuthError>),
    Later(BoxFuture<Result<Auth, AuthError>>),
}

#[cfg(all(test, feature = "nkeys"))]
mod tests {
    use super::*;

    #[test]
    fn a_credentials_file_without_a_key_is_a_bearer_jwt() {
        let asked = |text: &str| match Credentials::text(text).begin("nonce") {
            Answer::Now(auth) => auth.unwrap(),
            Answer::Later(_) => panic!("there is nobody to ask"),
        };
        let jwt = "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJVIiwiZXhwIjo5OX0.c2ln";
        let begin = "-----BEGIN NATS USER JWT-----";
        let bearer = format!("{begin}\n{jwt}\n------END NATS USER JWT------\n");
        let seed = KeyPair::new_user([7; 32]).seed().to_string();
        let (begin, end) = ("-----BEGIN USER NKEY SEED-----", "------END USER NKEY SEED------");
        let signing = format!("{bearer}\n{begin}\n{seed}\n{end}\n");
        let (bearer, signing) = (asked(&bearer), asked(&signing));
        assert_eq!((bearer.jwt.as_deref(), signing.jwt.as_deref()), (Some(jwt), Some(jwt)));
        assert!(bearer.signature.is_none() && signing.signature.is_some());
    }
}
