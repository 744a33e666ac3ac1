//! Credentials: where they come from, and the callbacks that an application may provide.

use crate::event::Events;
use crate::options::OnEvent;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use midge_proto::{Auth, Scope, Secrets, Server, ServerAddr, ServerInfo};
#[cfg(feature = "nkeys")]
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type AuthFn = Arc<dyn Fn(Vec<u8>) -> BoxFuture<Result<Auth, AuthError>> + Send + Sync>;
type SignFn = Arc<dyn Fn(Vec<u8>) -> BoxFuture<Result<Vec<u8>, AuthError>> + Send + Sync>;
type ChooseFn =
    Arc<dyn Fn(Vec<Server>, ServerInfo) -> BoxFuture<Option<ReconnectToServer>> + Send + Sync>;
type DelayFn = Arc<dyn Fn(usize) -> Duration + Send + Sync>;

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

/// The server that an application wants to be tried next.
#[derive(Clone, Debug)]
pub struct ReconnectToServer {
    /// One of the pool.
    pub addr: ServerAddr,
    /// How long to wait before; `None` for not at all.
    pub delay: Option<Duration>,
}

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

    fn begin(&self, nonce: &str) -> Answer {
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

enum Answer {
    Now(Result<Auth, AuthError>),
    Later(BoxFuture<Result<Auth, AuthError>>),
}

/// The application's callbacks, and the one that is running.
#[derive(Default)]
pub(crate) struct Callbacks {
    pub(crate) authenticator: Authenticator,
    pub(crate) choose: Option<ChooseFn>,
    pub(crate) delay: Option<DelayFn>,
    /// User name and password of the configured URL that was used last, which servers announced
    /// by that one get, too.
    url: Option<(String, Option<String>)>,
    running: Running,
    listener: Option<Listener>,
}

/// The application's event callback and the call that is running.
struct Listener {
    callback: OnEvent,
    events: Events,
    running: Option<BoxFuture<()>>,
}

#[derive(Default)]
enum Running {
    #[default]
    Nothing,
    Auth(BoxFuture<Result<Auth, AuthError>>),
    Choose(BoxFuture<Option<ReconnectToServer>>),
}

/// What a callback came to.
pub(crate) enum Outcome {
    Auth(Result<Auth, AuthError>),
    Server(Option<ReconnectToServer>),
}

impl Callbacks {
    /// Asks for credentials; `None` when the answer comes later.
    pub(crate) fn authenticate(
        &mut self,
        server: &ServerAddr,
        info: &ServerInfo,
        scope: Scope,
    ) -> Option<Result<Auth, AuthError>> {
        if let Some(user) = server.username() {
            self.url = Some((user.to_owned(), server.password().map(str::to_owned)));
        }
        if let (Some((user, password)), Scope::Everything) = (&self.url, scope) {
            let mut auth = Auth::new();
            match password {
                Some(password) => {
                    auth.username = Some(user.clone());
                    auth.password = Some(password.clone());
                }
                // A URL's user without a password is a token.
                None => auth.token = Some(user.clone()),
            }
            return Some(Ok(auth));
        }
        match self.authenticator.begin(&info.nonce) {
            Answer::Now(result) => Some(result),
            Answer::Later(future) => {
                self.running = Running::Auth(future);
                None
            }
        }
    }

    pub(crate) fn choose(&mut self, servers: Vec<Server>, info: ServerInfo) {
        if let Some(choose) = &self.choose {
            self.running = Running::Choose(choose(servers, info));
        }
    }

    pub(crate) fn delay(&self, attempt: usize) -> Duration {
        self.delay.as_ref().map_or(Duration::ZERO, |delay| delay(attempt))
    }

    /// Calls `callback` with each of `events`.
    pub(crate) fn listen(&mut self, callback: Option<OnEvent>, events: Events) {
        self.listener = callback.map(|callback| Listener { callback, events, running: None });
    }

    /// Runs the event callback as far as it goes; ready when it has seen the last event.
    pub(crate) fn poll_listener(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(listener) = &mut self.listener else { return Poll::Ready(()) };
        loop {
            if let Some(running) = &mut listener.running {
                if running.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                listener.running = None;
            }
            match listener.events.poll(cx) {
                Poll::Ready(Some(event)) => listener.running = Some((listener.callback)(event)),
                Poll::Ready(None) => {
                    self.listener = None;
                    return Poll::Ready(());
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Drops what is running: the attempt it was for is over.
    pub(crate) fn cancel(&mut self) {
        if matches!(self.running, Running::Auth(_)) {
            self.running = Running::Nothing;
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = match &mut self.running {
            Running::Nothing => return Poll::Pending,
            Running::Auth(future) => future.as_mut().poll(cx).map(Outcome::Auth),
            Running::Choose(future) => future.as_mut().poll(cx).map(Outcome::Server),
        };
        if outcome.is_ready() {
            self.running = Running::Nothing;
        }
        outcome
    }
}
