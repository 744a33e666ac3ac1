//! Reading from consumers that are pulled from.
//!
//! | call | brings |
//! | --- | --- |
//! | [`messages`](Consumer::messages), [`stream`](Consumer::stream) | messages for as long as wanted; pulls ahead of the reader |
//! | [`fetch`](Consumer::fetch) | what is there, up to a number |
//! | [`batch`](Consumer::batch) | a number of messages, or what came until the time was up |
//! | [`next_message`](Consumer::next_message) | one message |
//! | [`sequence`](Consumer::sequence) | one batch after the other |
//!
//! Messages that are there or on their way when a reading is dropped go back to their consumer,
//! which delivers them anew at once. They count as delivered once more. Where the connection is lost
//! meanwhile, those on their way come again when their time to be acknowledged (`ack_wait`) is over.

mod fetch;
mod stream;

pub use crate::jetstream::consumer::error::{
    MessagesError, MessagesErrorKind, MessagesFault, OrderedError, OrderedErrorKind,
};
pub use crate::jetstream::consumer::ordered::{Ordered, OrderedBuilder};
pub use crate::jetstream::error::BatchErrorKind;
pub use fetch::{Batch, BatchBuilder, FetchBuilder, Sequence};
pub use midge_proto::jetstream::consume::{
    FetchEnd, OrderedEvent, PullEnd, PullEvent, ResumeToken,
};
pub use midge_proto::jetstream::consumer::pull::{BatchConfig, Config, OrderedConfig};
pub use stream::{Stream, StreamBuilder};

use crate::jetstream::consumer::{Consumer, StreamError};
use crate::jetstream::error::{CallError, Fault};
use crate::jetstream::message::Message;
use crate::publish::publish_over;
use core::time::Duration;
use midge_proto::Subject;
use midge_proto::jetstream::consumer::pull::next_subject;

/// A pull was not made.
pub type BatchError = CallError<BatchErrorKind>;
/// A pull into an inbox of the caller was not sent.
pub type BatchRequestError = BatchError;
/// What kind of error a [`BatchRequestError`] is.
pub type BatchRequestErrorKind = BatchErrorKind;

impl Consumer<Config> {
    /// Messages, one after the other, for as long as they are asked for.
    ///
    /// Pulls ahead of the reader as [`stream`](Self::stream) does where nothing else is set: 500
    /// messages, the next ones asked for when half of them were taken.
    ///
    /// # Errors
    ///
    /// The client is closed or draining, or the consumer has priority groups, one of which has to
    /// be named.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has asked for nothing.
    pub async fn messages(&self) -> Result<Stream, StreamError> {
        self.stream().messages().await
    }

    /// Messages for as long as they are asked for, with everything that can be set.
    pub fn stream(&self) -> StreamBuilder<'_> {
        StreamBuilder::new(self)
    }

    /// What is there, up to a number of messages; see [`FetchBuilder`].
    pub fn fetch(&self) -> FetchBuilder<'_> {
        FetchBuilder::new(self)
    }

    /// What is there now, up to so many messages.
    ///
    /// # Errors
    ///
    /// As [`FetchBuilder::messages`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future has asked for nothing.
    pub async fn fetch_now(&self, max_messages: usize) -> Result<Batch, BatchError> {
        self.fetch().max_messages(max_messages).messages().await
    }

    /// A number of messages, or what came until the time was up; see [`BatchBuilder`].
    pub fn batch(&self) -> BatchBuilder<'_> {
        BatchBuilder::new(self)
    }

    /// The next message, or `None` if none came within `expires`.
    ///
    /// # Errors
    ///
    /// The pull could not be made, the server refused it, or the connection was lost.
    ///
    /// # Cancel safety
    ///
    /// A message that came meanwhile goes back to the consumer.
    pub async fn next_message(&self, expires: Duration) -> Result<Option<Message>, MessagesError> {
        let batch = self.batch().max_messages(1).expires(expires).messages().await;
        let mut batch =
            batch.map_err(|error| self.messages_error(MessagesFault::Call(error.of())))?;
        batch.next().await.transpose()
    }

    /// One batch of so many messages after the other, for as long as they are asked for. Each is
    /// over after 30 s, or as long as the consumer allows.
    ///
    /// # Errors
    ///
    /// None at present; a batch that cannot be asked for is an error of the sequence.
    pub fn sequence(&self, batch: usize) -> Result<Sequence, BatchError> {
        Ok(Sequence::new(self.clone(), batch))
    }

    /// Sends one pull whose messages and status come to `inbox`, which is the caller's to
    /// subscribe to and to read.
    ///
    /// # Errors
    ///
    /// The pull is none, or was not sent.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has asked for nothing.
    pub async fn request_batch<I: Into<BatchConfig>>(
        &self,
        batch: I,
        inbox: Subject,
    ) -> Result<(), BatchRequestError> {
        let config = batch.into();
        config.check()?;
        let prefix = self.context.inner.prefix.as_ref().map_err(Fault::clone)?;
        let subject = next_subject(prefix, &self.id()?);
        let mut body = Vec::new();
        config.encode(&mut body);
        let shared = self.context.inner.client.shared();
        publish_over(shared, &subject, Some(&inbox), None, &body.into())
            .map_err(|error| CallError::new(Some(subject), Fault::Request(error.into())))
    }
}
