//! Subscriptions whose messages are fetched.

use crate::jetstream::consumer::owned::Owned;
use crate::jetstream::consumer::pull::{self, Batch, BatchError, MessagesError};
use crate::jetstream::consumer::{Info, PullConsumer, StreamError};
use crate::jetstream::context::ConsumerInfoError;
use crate::jetstream::message::Message;
use crate::jetstream::stream::ConsumerError;
use core::fmt;
use core::time::Duration;

/// A subscription whose messages come when they are fetched.
///
/// Dropping it deletes its consumer, if it was created for it: whoever still reads from the consumer
/// is told that it is gone.
#[must_use = "the consumer goes with it"]
pub struct PullSubscription {
    consumer: PullConsumer,
    owned: Option<Owned>,
}

impl PullSubscription {
    pub(super) const fn new(consumer: PullConsumer, owned: Option<Owned>) -> Self {
        Self { consumer, owned }
    }

    /// The consumer, with everything that can be set about a pull.
    #[must_use]
    pub const fn consumer(&self) -> &PullConsumer {
        &self.consumer
    }

    /// Fetches up to so many messages: the batch ends when all are there or the time is up. Dropping
    /// it gives back what was not read.
    ///
    /// # Errors
    ///
    /// As [`messages`](pull::BatchBuilder::messages) of a batch.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has asked for nothing.
    pub async fn fetch(&self, max_messages: usize, within: Duration) -> Result<Batch, BatchError> {
        self.consumer.batch().max_messages(max_messages).expires(within).messages().await
    }

    /// The next message, or `None` if none came within `expires`.
    ///
    /// # Errors
    ///
    /// As [`next_message`](crate::jetstream::consumer::Consumer::next_message) of the consumer.
    ///
    /// # Cancel safety
    ///
    /// A message that came meanwhile goes back to the consumer.
    pub async fn next_message(&self, expires: Duration) -> Result<Option<Message>, MessagesError> {
        self.consumer.next_message(expires).await
    }

    /// Messages for as long as they are asked for; pulls ahead of the reader.
    ///
    /// # Errors
    ///
    /// As [`messages`](crate::jetstream::consumer::Consumer::messages) of the consumer.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has asked for nothing.
    pub async fn messages(&self) -> Result<pull::Stream, StreamError> {
        self.consumer.messages().await
    }

    /// Asks what the consumer is and how far it is.
    ///
    /// # Errors
    ///
    /// As [`info`](crate::jetstream::consumer::Consumer::info) of the consumer.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn consumer_info(&self) -> Result<Info, ConsumerInfoError> {
        self.consumer.get_info().await
    }

    /// Deletes the consumer, if it was created for this, and waits until that is done.
    ///
    /// # Errors
    ///
    /// The consumer was not deleted, or not known to be. That it was gone before is no error.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has the consumer deleted, without waiting for that.
    pub async fn unsubscribe(mut self) -> Result<(), ConsumerError> {
        match self.owned.take() {
            Some(owned) => owned.delete().await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PullSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullSubscription").field("consumer", &self.consumer).finish_non_exhaustive()
    }
}
