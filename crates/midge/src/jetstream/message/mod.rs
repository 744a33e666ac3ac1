//! Messages of consumers, and what is told about them.

mod acker;
mod batcher;
mod error;
mod keep_alive;
mod once;
mod told;
mod word;

pub use midge_proto::OutboundMessage;
pub use midge_proto::jetstream::AckKind;
pub use midge_proto::jetstream::message::{
    Info, InvalidAckSubject, Lag, PublishMessage, StreamMessage, StreamMessageError,
    StreamMessageErrorKind, StreamValue,
};

pub use acker::Acker;
pub use batcher::AckBatcher;
pub use error::AckError;
pub use once::{AckOnce, NotAcknowledged};
pub(super) use told::AckWait;

use super::context::Context;
use core::ops::Deref;
use core::time::Duration;
use midge_proto::Subject;
use told::Told;
use word::Word;

/// A message that a consumer delivered.
///
/// Its fields and methods are those of a [`crate::Message`], by `Deref`; the rest is about
/// acknowledging it.
#[derive(Debug)]
pub struct Message {
    /// The message.
    pub message: crate::Message,
    /// The context it came through.
    pub context: Context,
    told: Told,
}

impl Message {
    /// A message that came through `context`.
    #[must_use]
    pub fn new(message: crate::Message, context: Context) -> Self {
        Self { message, context, told: Told::default() }
    }

    pub(super) fn delivered(message: crate::Message, context: Context, ack_wait: AckWait) -> Self {
        Self { message, context, told: Told::nothing(ack_wait) }
    }

    fn word(&self) -> Word<'_> {
        Word { context: &self.context, reply: self.message.reply.as_ref(), told: &self.told }
    }

    /// Has the message delivered anew, after `delay`, if it is dropped before the consumer was told
    /// what became of it: without that, it comes again when `ack_wait` is over.
    ///
    /// It follows the acknowledging half when the message is [split](Self::split). Clones say
    /// nothing. [`StreamBuilder::nak_on_drop`](crate::jetstream::consumer::pull::StreamBuilder::nak_on_drop)
    /// does so for every message of a reading.
    #[must_use]
    pub fn nak_on_drop(mut self, delay: Duration) -> Self {
        if let Some(reply) = &self.message.reply {
            self.told.nak_on_drop(&self.context, reply, delay);
        }
        self
    }

    /// Takes the message and its acknowledgement apart; the reply subject goes with the latter, so
    /// that nobody acknowledges by an answer.
    #[must_use]
    pub fn split(self) -> (crate::Message, Acker) {
        let Self { mut message, context, told } = self;
        let acker = Acker { context, reply: message.reply.take(), told };
        (message, acker)
    }

    /// The acknowledging half, beside the message: what is told to one of them, the other one and
    /// clones made from then on know. What [`nak_on_drop`](Self::nak_on_drop) has set goes over to
    /// it.
    #[must_use]
    pub fn acker(&mut self) -> Acker {
        let (context, reply) = (self.context.clone(), self.message.reply.clone());
        Acker { context, reply, told: self.told.share() }
    }

    /// What the reply subject tells: sequences, the number of this delivery, what is to come.
    ///
    /// # Errors
    ///
    /// When the message does not come from a consumer.
    pub fn info(&self) -> Result<Info<'_>, InvalidAckSubject> {
        Info::parse(self.message.reply.as_ref().map_or("", Subject::as_str))
    }

    /// Whether it was said what became of the message.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.told.get()
    }
}

/// A clone knows what was told before it was made; and what is told later only where an
/// [`acker`](Message::acker) was made before it, as `handle_and_ack` does for every message.
impl Clone for Message {
    fn clone(&self) -> Self {
        Self {
            message: self.message.clone(),
            context: self.context.clone(),
            told: self.told.clone(),
        }
    }
}

impl Deref for Message {
    type Target = crate::Message;

    fn deref(&self) -> &crate::Message {
        &self.message
    }
}

impl From<Message> for crate::Message {
    fn from(message: Message) -> Self {
        message.message
    }
}
