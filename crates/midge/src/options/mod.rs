//! Everything that can be said about a client before it connects.

mod build;
mod credentials;
mod events;
mod identity;
mod limits;
mod memory_budget;
mod pool;
mod reconnect_buffer;
mod servers;
mod tls;
mod transport;
#[cfg(feature = "websocket")]
mod websocket;

pub use build::FirstConnection;
pub use pool::InvalidPool;
pub(crate) use pool::check_pool;

use crate::auth::Credentials;
use crate::callbacks::Callbacks;
use crate::dialer::Dialer;
use crate::driver::{BUFFER_MAX_DEFAULT, TraceSink};
use crate::event::Unheard;
use crate::mailbox::Limits;
use crate::nuid::IdGenerator;
use crate::republish::Republishing;
use crate::runtime::SocketOptions;
use crate::shared::Validation;
#[cfg(feature = "tls")]
use crate::tls::TlsOptions;
#[cfg(feature = "websocket")]
use crate::websocket::WebSocketOptions;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use midge_proto::{Config, DecodeLimits, OutboxLimits, ReconnectBuffer};

/// How long a request waits for its reply by default: ten seconds, as in async-nats.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Options of a client, bound to a runtime by its adapter.
///
/// Nothing fails until [`connect`](Self::connect), which checks everything before it touches the
/// network.
#[must_use]
pub struct ConnectOptions<R> {
    config: Config,
    credentials: Credentials,
    /// The kinds of credentials that were set: more than one is a mistake.
    credentials_set: Vec<&'static str>,
    callbacks: Callbacks,
    limits: OutboxLimits,
    reconnect_buffer: ReconnectBuffer,
    memory_budget: Option<usize>,
    republishing: Republishing,
    decode: DecodeLimits,
    read_buffer: usize,
    socket: SocketOptions,
    #[cfg(feature = "tls")]
    tls: TlsOptions,
    #[cfg(feature = "websocket")]
    websocket: WebSocketOptions,
    dialer: Option<Dialer>,
    trace: Option<TraceSink>,
    recorder: Option<TraceSink>,
    subscription: Limits,
    inbox_prefix: String,
    request_timeout: Option<Duration>,
    validation: Validation,
    secrets_to_all: bool,
    unheard: Unheard,
    ids: IdGenerator,
    runtime: PhantomData<fn() -> R>,
}

impl<R> Default for ConnectOptions<R> {
    fn default() -> Self {
        Self {
            config: Config::new(Vec::new()),
            credentials: Credentials::none(),
            credentials_set: Vec::new(),
            callbacks: Callbacks::default(),
            limits: OutboxLimits::default(),
            reconnect_buffer: ReconnectBuffer::default(),
            memory_budget: None,
            republishing: Republishing::default(),
            decode: DecodeLimits::default(),
            read_buffer: BUFFER_MAX_DEFAULT,
            socket: SocketOptions::default(),
            #[cfg(feature = "tls")]
            tls: TlsOptions::default(),
            #[cfg(feature = "websocket")]
            websocket: WebSocketOptions::default(),
            dialer: None,
            trace: None,
            recorder: None,
            subscription: Limits::default(),
            inbox_prefix: String::from("_INBOX"),
            request_timeout: Some(REQUEST_TIMEOUT),
            validation: Validation::Full,
            secrets_to_all: false,
            unheard: Unheard::default(),
            ids: IdGenerator::default(),
            runtime: PhantomData,
        }
    }
}

/// By hand, because a derived one would ask the runtime to be `Clone`.
impl<R> Clone for ConnectOptions<R> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            credentials: self.credentials.clone(),
            credentials_set: self.credentials_set.clone(),
            callbacks: self.callbacks.clone(),
            limits: self.limits,
            reconnect_buffer: self.reconnect_buffer.clone(),
            memory_budget: self.memory_budget,
            republishing: self.republishing.clone(),
            decode: self.decode,
            read_buffer: self.read_buffer,
            socket: self.socket,
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            #[cfg(feature = "websocket")]
            websocket: self.websocket.clone(),
            dialer: self.dialer.clone(),
            trace: self.trace.clone(),
            recorder: self.recorder.clone(),
            subscription: self.subscription,
            inbox_prefix: self.inbox_prefix.clone(),
            request_timeout: self.request_timeout,
            validation: self.validation,
            secrets_to_all: self.secrets_to_all,
            unheard: self.unheard,
            ids: self.ids.clone(),
            runtime: PhantomData,
        }
    }
}

impl<R> ConnectOptions<R> {
    /// The defaults, each stated at the method that changes it.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<R> fmt::Debug for ConnectOptions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("credentials", &self.credentials)
            .field("config", &self.config)
            .field("outbox", &self.limits)
            .field("reconnect_buffer", &self.reconnect_buffer)
            .field("memory_budget", &self.memory_budget)
            .field("republishing", &self.republishing)
            .field("socket", &self.socket)
            .field("subscription", &self.subscription)
            .field("inbox_prefix", &self.inbox_prefix)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}
