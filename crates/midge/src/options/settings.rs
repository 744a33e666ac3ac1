//! What the options hold, whatever the runtime.

#[cfg(feature = "recording")]
use super::Recorder;
use super::{REQUEST_TIMEOUT, Tracer};
use crate::auth::Credentials;
use crate::callbacks::Callbacks;
use crate::dialer::Dialer;
use crate::driver::BUFFER_MAX_DEFAULT;
use crate::event::Unheard;
use crate::mailbox::LimitOptions;
use crate::nuid::IdGenerator;
use crate::opaque::Opaque;
use crate::republish::Republishing;
use crate::runtime::SocketOptions;
use crate::shared::Validation;
#[cfg(feature = "tls")]
use crate::tls::TlsOptions;
#[cfg(feature = "websocket")]
use crate::websocket::WebSocketOptions;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;
use midge_proto::{Config, DecodeLimits, OutboxLimits, ReconnectBuffer};

/// The settings, on the heap.
pub(super) struct Settings(Box<dyn Opaque<Fields> + Send + Sync>);

#[derive(Clone)]
pub(super) struct Fields {
    pub(super) config: Config,
    pub(super) credentials: Credentials,
    /// The kinds of credentials that were set: more than one is a mistake.
    pub(super) credentials_set: Vec<&'static str>,
    pub(super) callbacks: Callbacks,
    pub(super) limits: OutboxLimits,
    pub(super) reconnect_buffer: ReconnectBuffer,
    pub(super) memory_budget: Option<usize>,
    pub(super) republishing: Republishing,
    pub(super) decode: DecodeLimits,
    pub(super) read_buffer: usize,
    pub(super) socket: SocketOptions,
    #[cfg(feature = "tls")]
    pub(super) tls: TlsOptions,
    #[cfg(feature = "websocket")]
    pub(super) websocket: WebSocketOptions,
    pub(super) dialer: Option<Dialer>,
    pub(super) trace: Option<Tracer>,
    #[cfg(feature = "recording")]
    pub(super) recorder: Option<Recorder>,
    pub(super) subscription: LimitOptions,
    pub(super) inbox_prefix: String,
    pub(super) request_timeout: Option<Duration>,
    pub(super) validation: Validation,
    pub(super) secrets_to_all: bool,
    pub(super) unheard: Unheard,
    pub(super) ids: IdGenerator,
}

impl Settings {
    pub(super) fn into_fields(self) -> Box<Fields> {
        self.0.into_inner()
    }
}

impl Default for Settings {
    // Not to be inlined: where it is boxed, its drop is compiled.
    #[inline(never)]
    fn default() -> Self {
        Self(Box::new(Fields {
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
            #[cfg(feature = "recording")]
            recorder: None,
            subscription: LimitOptions::default(),
            inbox_prefix: String::from("_INBOX"),
            request_timeout: Some(REQUEST_TIMEOUT),
            validation: Validation::Full,
            secrets_to_all: false,
            unheard: Unheard::default(),
            ids: IdGenerator::default(),
        }))
    }
}

impl Clone for Settings {
    #[inline(never)]
    fn clone(&self) -> Self {
        Self(Box::new((**self).clone()))
    }
}

impl Deref for Settings {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        (*self.0).get()
    }
}

impl DerefMut for Settings {
    fn deref_mut(&mut self) -> &mut Fields {
        (*self.0).get_mut()
    }
}

impl fmt::Debug for Fields {
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
