//! Acknowledgements that are gathered and written together.

use super::error::AckError;
use super::{AckKind, Message};
use crate::jetstream::consumer::{AckPolicy, Consumer, IntoConsumerConfig};
use crate::jetstream::context::Context;
use crate::publish::{publish_each, publish_each_over};
use core::fmt;
use midge_proto::jetstream::message::AckGather;

/// Acknowledgements that are written at the latest: some 20 KiB, less than one write.
const GATHERED_MAX: usize = 256;

/// Gathers acknowledgements, to write them together: under one lock, with one wake, and where one
/// of them stands for those before it ([`AckPolicy::All`]), only the last.
///
/// They are written when there are 256 (see [`max`](Self::max)), by [`flush`](Self::flush), and when
/// this is dropped. No time is watched: a reader that waits long for its next message flushes
/// before, well within `ack_wait`.
///
/// ```no_run
/// # use futures_core::Stream;
/// # use midge::jetstream::consumer::PullConsumer;
/// # async fn example(consumer: PullConsumer) -> Result<(), midge::Error> {
/// let mut acks = consumer.ack_batcher();
/// let mut batch = consumer.batch().max_messages(100).messages().await?;
/// while let Some(message) = batch.next().await {
///     let message = message?;
///     println!("{:?}", message.payload);
///     acks.ack(&message).await?;
/// }
/// acks.flush().await?;
/// # Ok(())
/// # }
/// ```
pub struct AckBatcher {
    context: Context,
    gathered: AckGather,
    max: usize,
}

impl<T: IntoConsumerConfig> Consumer<T> {
    /// Gathers acknowledgements for messages of this consumer.
    pub fn ack_batcher(&self) -> AckBatcher {
        AckBatcher::new(self.context.clone(), self.info.config.ack_policy)
    }
}

impl AckBatcher {
    /// Gathers acknowledgements for messages of one consumer with this policy.
    #[must_use]
    pub fn new(context: Context, policy: AckPolicy) -> Self {
        Self { context, gathered: AckGather::new(policy), max: GATHERED_MAX }
    }

    /// Writes when there are so many. Default 256; 0 counts as 1.
    #[must_use]
    pub fn max(mut self, acks: usize) -> Self {
        self.max = acks.max(1);
        self
    }

    /// Acknowledgements of messages that are not written yet.
    #[must_use]
    pub fn gathered(&self) -> u64 {
        self.gathered.messages()
    }

    /// Says that the message is done, at the latest with the next [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// When it was told before what became of the message; and what the others could not be written
    /// for, which are kept.
    ///
    /// # Cancel safety
    ///
    /// The acknowledgement is gathered at once; what waits to be written is kept.
    pub async fn ack(&mut self, message: &Message) -> Result<(), AckError> {
        let reply = message.word().hand_over()?;
        self.gathered.add(reply.clone()).map_err(|_| AckError::NoReply)?;
        if self.gathered.messages() < self.max as u64 {
            return Ok(());
        }
        self.write().await
    }

    /// Writes them all, and returns when they were handed to the socket.
    ///
    /// # Errors
    ///
    /// When they could not be sent; what is not written is kept.
    ///
    /// # Cancel safety
    ///
    /// What is not written is kept.
    pub async fn flush(&mut self) -> Result<(), AckError> {
        self.write().await?;
        self.context.inner.client.flush().await.map_err(AckError::Flush)
    }

    /// Writes them all, and returns when the server has them.
    ///
    /// The consumer takes them in behind that; [`Message::double_ack`] waits for it.
    ///
    /// # Errors
    ///
    /// When they could not be sent, the connection is lost, or the server has not answered within
    /// [`ack_timeout`](Context::ack_timeout).
    ///
    /// # Cancel safety
    ///
    /// What is not written is kept.
    pub async fn sync(&mut self) -> Result<(), AckError> {
        self.write().await?;
        self.context.flush_acks().await.map_err(AckError::Flush)
    }

    async fn write(&mut self) -> Result<(), AckError> {
        let shared = self.context.inner.client.shared();
        Ok(publish_each(shared, self.gathered.replies(), &AckKind::Ack.into()).await?)
    }
}

/// Writes what is gathered, where there is room or not.
impl Drop for AckBatcher {
    fn drop(&mut self) {
        // What cannot be sent comes again after `ack_wait`.
        let shared = self.context.inner.client.shared();
        let _ = publish_each_over(shared, self.gathered.replies(), &AckKind::Ack.into());
    }
}

impl fmt::Debug for AckBatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckBatcher")
            .field("gathered", &self.gathered.messages())
            .finish_non_exhaustive()
    }
}
