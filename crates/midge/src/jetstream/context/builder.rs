//! Everything there is to set about a context.

use super::{Context, Inner};
use crate::Client;
use crate::jetstream::call::{Trace, Tracer};
use crate::jetstream::error::Fault;
use crate::jetstream::window::{WhenFull, Window};
use crate::sync::Arc;
use core::time::Duration;
use midge_proto::jetstream::{ApiPrefix, InvalidName, RetryPolicy, WindowLimits};

/// How long a call of the API may take by default: five seconds, as in nats.go.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a published message waits for its acknowledgement by default: five seconds, as in
/// nats.go.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// A [`Context`] that is about to be made.
#[derive(Clone, Debug)]
#[must_use = "a context is made by `build`"]
pub struct ContextBuilder {
    prefix: Result<ApiPrefix, Fault>,
    timeout: Duration,
    ack_timeout: Duration,
    limits: WindowLimits,
    when_full: WhenFull,
    retry: RetryPolicy,
    api_retry: RetryPolicy,
    tracer: Option<Tracer>,
}

impl Default for ContextBuilder {
    fn default() -> Self {
        Self {
            prefix: Ok(ApiPrefix::default()),
            timeout: TIMEOUT,
            ack_timeout: ACK_TIMEOUT,
            limits: WindowLimits::default(),
            when_full: WhenFull::default(),
            retry: RetryPolicy::default(),
            api_retry: RetryPolicy::QUESTIONS,
            tracer: None,
        }
    }
}

impl ContextBuilder {
    /// JetStream of the account of the client, with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn of(context: &Inner) -> Self {
        Self {
            prefix: context.prefix.clone(),
            timeout: context.timeout,
            ack_timeout: context.ack_timeout,
            limits: context.window.limits(),
            when_full: context.window.when_full(),
            retry: context.retry,
            api_retry: context.api_retry,
            tracer: context.tracer.clone(),
        }
    }

    /// The prefix under which another account exports JetStream. One that is none is told by the
    /// first call.
    pub fn api_prefix<T: AsRef<str>>(mut self, prefix: T) -> Self {
        let prefix = prefix.as_ref();
        self.prefix = ApiPrefix::new(prefix)
            .map_err(|error| Fault::Prefix(format!("invalid API prefix {prefix:?}: {error}")));
        self
    }

    /// The domain of JetStream. One that is none is told by the first call.
    pub fn domain<T: AsRef<str>>(mut self, domain: T) -> Self {
        self.prefix = ApiPrefix::domain(domain)
            .map_err(|error: InvalidName| Fault::Prefix(error.to_string()));
        self
    }

    /// How long a call of the API may take; 5 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a published message waits for its acknowledgement; 5 s by default.
    pub fn ack_timeout(mut self, ack_timeout: Duration) -> Self {
        self.ack_timeout = ack_timeout;
        self
    }

    /// How many published messages may wait for their acknowledgements; 256 by default.
    pub fn max_ack_inflight(mut self, messages: usize) -> Self {
        self.limits.messages = messages;
        self
    }

    /// How many bytes of published messages may wait for their acknowledgements; 8 MiB by default.
    pub fn max_ack_inflight_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Whether a publish waits for room when too many wait for their acknowledgements (`true`, the
    /// default), or fails.
    pub fn backpressure_on_inflight(self, enabled: bool) -> Self {
        self.when_full(if enabled { WhenFull::Wait } else { WhenFull::Fail })
    }

    /// The same as a choice of two.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// When a message that no stream took is published again; by default twice after nobody
    /// answered.
    pub fn publish_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// When a call of the API that only reads is asked again; by default twice after a refusal that may
    /// pass ([`RetryPolicy::QUESTIONS`]). All attempts together have the time of one call
    /// ([`timeout`](Self::timeout)) after the first.
    pub fn api_retry(mut self, retry: RetryPolicy) -> Self {
        self.api_retry = retry;
        self
    }

    /// A function that sees every call of the API and its answer. It runs in the task of the
    /// caller.
    pub fn trace(mut self, see: impl Fn(Trace<'_>) + Send + Sync + 'static) -> Self {
        self.tracer = Some(Tracer::new(see));
        self
    }

    /// Makes the context.
    #[must_use]
    pub fn build(self, client: Client) -> Context {
        Context {
            inner: Arc::new(Inner {
                client,
                prefix: self.prefix,
                timeout: self.timeout,
                ack_timeout: self.ack_timeout,
                retry: self.retry,
                api_retry: self.api_retry,
                window: Arc::new(Window::new(self.limits, self.when_full)),
                level: Arc::default(),
                tracer: self.tracer,
            }),
        }
    }
}
