//! The handle that everything of JetStream begins with.

mod builder;
mod consumers;
mod publish;
mod setup;
mod streams;
pub mod traits;

pub use super::error::{
    AccountErrorKind, ConsumerInfoErrorKind, CreateStreamErrorKind, GetStreamByNameErrorKind,
    GetStreamErrorKind, PublishErrorKind, RequestErrorKind,
};
pub use super::publish::{PublishAckFuture, PublishError};
pub use builder::{ACK_TIMEOUT, ContextBuilder, TIMEOUT};
pub use midge_proto::jetstream::message::PublishMessage as Publish;
pub(super) use publish::{outbound, size_of};
pub use setup::SetupError;

use super::call::Tracer;
use super::error::{CallError, Fault};
use super::level::KnownLevel;
use super::pages::Pages;
use super::window::Window;
use crate::sync::Arc;
use crate::{Client, FlushError};
use core::time::Duration;
use midge_proto::jetstream::{ApiPrefix, RetryPolicy, account, stream};

/// The account was not told.
pub type AccountError = CallError<AccountErrorKind>;
/// A stream was not created.
pub type CreateStreamError = CallError<CreateStreamErrorKind>;
/// A stream was not updated.
pub type UpdateStreamError = CreateStreamError;
/// What kind of error an [`UpdateStreamError`] is.
pub type UpdateStreamErrorKind = CreateStreamErrorKind;
/// A stream was not found.
pub type GetStreamError = CallError<GetStreamErrorKind>;
/// A stream was not deleted.
pub type DeleteStreamError = GetStreamError;
/// What kind of error a [`DeleteStreamError`] is.
pub type DeleteStreamErrorKind = GetStreamErrorKind;
/// The stream of a subject was not found.
pub type GetStreamByNameError = CallError<GetStreamByNameErrorKind>;
/// A consumer was not looked at.
pub type ConsumerInfoError = CallError<ConsumerInfoErrorKind>;
/// A request was not answered.
pub type RequestError = CallError<RequestErrorKind>;
/// The next page of a list did not come.
pub type StreamsError = RequestError;
/// What kind of error a [`StreamsError`] is.
pub type StreamsErrorKind = RequestErrorKind;
/// Streams, one after the other.
pub type Streams = Pages<stream::ListRequest>;
/// Names of streams, one after the other.
pub type StreamNames = Pages<stream::NamesRequest>;

/// JetStream of one account, reached through one prefix or domain.
///
/// Cloning is cheap. Many contexts may share a connection. One can be made of a [`Client`] by
/// [`jetstream::new`](super::new), [`with_domain`](super::with_domain),
/// [`with_prefix`](super::with_prefix), or with everything that there is to set by a
/// [`ContextBuilder`].
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) inner: Arc<Inner>,
}

/// One allocation, so that a message costs one count.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) prefix: Result<ApiPrefix, Fault>,
    pub(super) timeout: Duration,
    pub(super) ack_timeout: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) api_retry: RetryPolicy,
    pub(super) window: Arc<Window>,
    /// The level of the server, once it was asked.
    pub(super) level: Arc<KnownLevel>,
    pub(super) tracer: Option<Tracer>,
}

impl Context {
    /// The connection below.
    #[must_use]
    pub fn client(&self) -> Client {
        self.inner.client.clone()
    }

    /// Everything that was set about this context, to make another one of: over another client, or
    /// with something changed. What waits for acknowledgements is not taken over.
    pub fn options(&self) -> ContextBuilder {
        ContextBuilder::of(&self.inner)
    }

    /// How long a call of the API may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.inner.timeout
    }

    /// Sets how long a call of the API may take, for this handle and its clones from here on.
    pub fn set_timeout(&mut self, timeout: Duration) {
        Arc::make_mut(&mut self.inner).timeout = timeout;
    }

    /// How long a published message waits for its acknowledgement.
    #[must_use]
    pub fn ack_timeout(&self) -> Duration {
        self.inner.ack_timeout
    }

    /// Waits until the server has all acknowledgements that were told so far by this client: a round
    /// trip, within [`ack_timeout`](Self::ack_timeout).
    ///
    /// Consumers take them in behind that; [`Message::double_ack`](super::Message::double_ack) waits
    /// for it.
    ///
    /// # Errors
    ///
    /// As [`Client::sync_timeout`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn flush_acks(&self) -> Result<(), FlushError> {
        self.inner.client.sync_timeout(self.inner.ack_timeout).await
    }

    /// What stands in front of the subjects of the API; `None` if what was set is none.
    #[must_use]
    pub fn api_prefix(&self) -> Option<&ApiPrefix> {
        self.inner.prefix.as_ref().ok()
    }

    /// Asks what the account may use of JetStream, and uses.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); [`AccountErrorKind::JetStreamUnavailable`] where there is none.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn query_account(&self) -> Result<account::Account, AccountError> {
        self.ask(&account::InfoRequest).await
    }
}
