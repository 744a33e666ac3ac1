//! Consumers.

mod control;
mod deletion;
mod error;
mod handled;
mod ordered;
pub(super) mod owned;
pub mod pull;
pub mod push;
mod reading;
mod returning;

pub(crate) use deletion::Deletions;

pub use crate::jetstream::error::{ConsumerInfoErrorKind, StreamErrorKind};
pub use control::{Closed, Control};
pub use error::{MessagesError, MessagesErrorKind, MessagesFault};
pub use handled::Handled;
pub use midge_proto::jetstream::consume::{InvalidResumeToken, OrderedEvent, ResumeToken};
pub use midge_proto::jetstream::consumer::{
    AckPolicy, Action, Config, ConsumerResetResponse, CreateRequest, DeliverPolicy, FromConsumer,
    Id, Info, IntoConsumerConfig, PriorityGroupState, PriorityPolicy, ReplayPolicy, SequenceInfo,
    WrongKind,
};
pub use ordered::{Ordered, OrderedBuilder};

use crate::jetstream::context::{ConsumerInfoError, Context};
use crate::jetstream::error::CallError;
use crate::jetstream::stream::ConsumerResetError;
use core::fmt;
use midge_proto::jetstream::InvalidName;

/// A consumer was not read.
pub type StreamError = CallError<StreamErrorKind>;

/// A consumer that is pulled from.
pub type PullConsumer = Consumer<pull::Config>;
/// A consumer that pushes its messages to a subject.
pub type PushConsumer = Consumer<push::Config>;
/// A consumer that is pulled from and delivers every message once and in order.
pub type OrderedPullConsumer = Consumer<pull::OrderedConfig>;
/// A consumer that pushes its messages and delivers every message once and in order.
pub type OrderedPushConsumer = Consumer<push::OrderedConfig>;

/// A handle of a consumer, with what was last heard of it.
#[derive(Clone)]
pub struct Consumer<T: IntoConsumerConfig> {
    pub(super) context: Context,
    pub(super) config: T,
    pub(super) info: Info,
}

impl<T: IntoConsumerConfig> Consumer<T> {
    /// A handle made of what is known.
    #[must_use]
    pub const fn new(config: T, info: Info, context: Context) -> Self {
        Self { context, config, info }
    }

    pub(super) fn id(&self) -> Result<Id, InvalidName> {
        Id::parse(&self.info.stream_name, &self.info.name)
    }

    /// An error of a reading of this consumer that could not begin.
    fn messages_error(&self, fault: MessagesFault) -> MessagesError {
        MessagesError::new(&self.info.stream_name, &self.info.name, fault)
    }

    /// The configuration, as far as it is one of this kind.
    #[must_use]
    pub const fn config(&self) -> &T {
        &self.config
    }

    /// The context it was got from.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Asks what the consumer is and how far it is, and keeps that.
    ///
    /// # Errors
    ///
    /// As [`Context::call`]; and when it is not there any more.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn info(&mut self) -> Result<&Info, ConsumerInfoError> {
        self.info = self.get_info().await?;
        Ok(&self.info)
    }

    /// Asks what the consumer is and how far it is.
    ///
    /// # Errors
    ///
    /// As [`info`](Self::info).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_info(&self) -> Result<Info, ConsumerInfoError> {
        self.context.consumer_info(self.id()?).await
    }

    /// What was last heard of the consumer.
    #[must_use]
    pub const fn cached_info(&self) -> &Info {
        &self.info
    }

    /// Sets the consumer back to what is not acknowledged, or to a sequence, and keeps what it is
    /// then (2.14).
    ///
    /// # Errors
    ///
    /// As [`Stream::reset_consumer`](crate::jetstream::stream::Stream::reset_consumer).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn reset(
        &mut self,
        seq: Option<u64>,
    ) -> Result<ConsumerResetResponse, ConsumerResetError> {
        let response = self.context.reset(self.id()?, seq).await?;
        self.info = response.info.clone();
        Ok(response)
    }

    /// The same consumer as one of another kind.
    ///
    /// # Errors
    ///
    /// When it is not of that kind.
    pub fn into_kind<U: FromConsumer + IntoConsumerConfig, K>(
        self,
    ) -> Result<Consumer<U>, CallError<K>> {
        let config = U::try_from_consumer_config(self.info.config.clone())?;
        Ok(Consumer::new(config, self.info, self.context))
    }
}

impl<T: IntoConsumerConfig> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("stream", &self.info.stream_name)
            .field("name", &self.info.name)
            .finish_non_exhaustive()
    }
}
