//! Credentials and where they come from.

use crate::callbacks::BoxFuture;
use core::fmt;
use core::future::Future;
use midge_proto::{Auth, Secrets};
#[cfg(feature = "nkeys")]
use std::path::PathBuf;
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

/// Where credentials come from. Files are read again at each attempt.
#[derive(Clone, Default)]
pub(crate) enum Authenticator {
    #[default]
    None,
    UserAndPassword(String, String),
    Token(String),
    #[cfg(feature = "nkeys")]
    NkeySeed(String),
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
    BearerJwt(String),
    #[cfg(feature = "nkeys")]
    Credentials(String),
    #[cfg(feature = "nkeys")]
    CredentialsFile(PathBuf),
    Callback(AuthFn),
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::UserAndPassword(..) => "user and password [redacted]",
            Self::Token(_) => "token [redacted]",
            #[cfg(feature = "nkeys")]
            Self::NkeySeed(_) => "nkey seed [redacted]",
            #[cfg(feature = "nkeys")]
            Self::NkeyFile(_) => "nkey file",
            Self::NkeySigner { .. } => "nkey signer",
            Self::Jwt { .. } => "JWT with signer",
            Self::BearerJwt(_) => "bearer JWT [redacted]",
            #[cfg(feature = "nkeys")]
            Self::Credentials(_) => "credentials [redacted]",
            #[cfg(feature = "nkeys")]
            Self::CredentialsFile(_) => "credentials file",
            Self::Callback(_) => "callback",
        })
    }
}

impl Authenticator {
    pub(crate) fn callback<F, Fut>(callback: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Auth, AuthError>> + Send + 'static,
    {
        Self::Callback(Arc::new(move |nonce| Box::pin(callback(nonce))))
    }

    pub(crate) fn jwt<F, Fut>(jwt: String, sign: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        Self::Jwt { jwt, sign: Arc::new(move |nonce| Box::pin(sign(nonce))) }
    }

    pub(crate) fn nkey_signer<F, Fut>(public_key: String, sign: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        Self::NkeySigner { public_key, sign: Arc::new(move |nonce| Box::pin(sign(nonce))) }
    }

    /// Whether what it provides could be used elsewhere by a server that gets it. A callback may
    /// provide anything.
    pub(crate) fn secrets(&self) -> Secrets {
        match self {
            Self::UserAndPassword(..) | Self::Token(_) | Self::BearerJwt(_) | Self::Callback(_) => {
                Secrets::Sent
            }
            _ => Secrets::NeverSent,
        }
    }

    /// Begins to make the answer to one CONNECT.
    pub(crate) fn begin(&self, nonce: &str) -> Answer {
        let bytes = nonce.as_bytes().to_vec();
        match self {
            Self::None => Answer::Now(Ok(Auth::new())),
            Self::UserAndPassword(user, password) => {
                let mut auth = Auth::new();
                auth.username = Some(user.clone());
                auth.password = Some(password.clone());
                Answer::Now(Ok(auth))
            }
            Self::Token(token) => {
                let mut auth = Auth::new();
                auth.token = Some(token.clone());
                Answer::Now(Ok(auth))
            }
            Self::BearerJwt(jwt) => {
                let mut auth = Auth::new();
                auth.jwt = Some(jwt.clone());
                Answer::Now(Ok(auth))
            }
            #[cfg(feature = "nkeys")]
            Self::NkeySeed(seed) => Answer::Now(
                midge_proto::nkeys::KeyPair::from_seed(seed)
                    .map_err(AuthError::new)
                    .and_then(|key| nkey(&key, nonce)),
            ),
            #[cfg(feature = "nkeys")]
            Self::NkeyFile(path) => Answer::Now(read(path).and_then(|text| {
                let key = midge_proto::nkeys::parse_seed_text(&text).map_err(AuthError::new)?;
                nkey(&key, nonce)
            })),
            #[cfg(feature = "nkeys")]
            Self::Credentials(text) => Answer::Now(credentials(text, nonce)),
            #[cfg(feature = "nkeys")]
            Self::CredentialsFile(path) => {
                Answer::Now(read(path).and_then(|text| credentials(&text, nonce)))
            }
            Self::NkeySigner { public_key, sign } => {
                if nonce.is_empty() {
                    return Answer::Now(Err(no_nonce()));
                }
                let public_key = public_key.clone();
                let signature = sign(bytes);
                Answer::Later(Box::pin(async move {
                    let mut auth = Auth::new();
                    auth.nkey = Some(public_key);
                    auth.signature = Some(signature.await?);
                    Ok(auth)
                }))
            }
            Self::Jwt { jwt, sign } => {
                let jwt = jwt.clone();
                let signature = sign(bytes);
                Answer::Later(Box::pin(async move {
                    let mut auth = Auth::new();
                    auth.jwt = Some(jwt);
                    auth.signature = Some(signature.await?);
                    Ok(auth)
                }))
            }
            Self::Callback(callback) => Answer::Later(callback(bytes)),
        }
    }
}

fn no_nonce() -> AuthError {
    AuthError::new("the server sent no nonce: it does not take nkeys")
}

#[cfg(feature = "nkeys")]
fn nkey(key: &midge_proto::nkeys::KeyPair, nonce: &str) -> Result<Auth, AuthError> {
    if nonce.is_empty() {
        return Err(no_nonce());
    }
    let mut auth = Auth::new();
    auth.nkey = Some(key.public_key());
    auth.signature = Some(key.sign(nonce.as_bytes()).to_vec());
    Ok(auth)
}

#[cfg(feature = "nkeys")]
fn credentials(text: &str, nonce: &str) -> Result<Auth, AuthError> {
    let credentials = midge_proto::nkeys::Credentials::parse(text).map_err(AuthError::new)?;
    let mut auth = Auth::new();
    // A bearer JWT comes without a key; the server knows whether that will do.
    if let Some(key) = &credentials.key {
        auth.signature = Some(key.sign(nonce.as_bytes()).to_vec());
    }
    auth.jwt = Some(credentials.jwt);
    Ok(auth)
}

#[cfg(feature = "nkeys")]
fn read(path: &std::path::Path) -> Result<String, AuthError> {
    std::fs::read_to_string(path)
        .map_err(|error| AuthError::new(format!("{}: {error}", path.display())))
}

/// Credentials, or who makes them.
pub(crate) enum Answer {
    Now(Result<Auth, AuthError>),
    Later(BoxFuture<Result<Auth, AuthError>>),
}
