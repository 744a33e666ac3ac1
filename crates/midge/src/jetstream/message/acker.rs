//! Telling a consumer what became of a message.

use super::error::AckError;
use super::keep_alive::keep_alive;
use super::told::Told;
use super::word::Word;
use super::{AckKind, Message};
use crate::jetstream::consumer::pull::{Batch, BatchConfig};
use crate::jetstream::context::Context;
use core::future::Future;
use core::time::Duration;
use midge_proto::Subject;

/// The acknowledging half of a [`Message`], made by [`Message::split`]: the message can go
/// elsewhere meanwhile.
#[derive(Debug)]
pub struct Acker {
    pub(super) context: Context,
    pub(super) reply: Option<Subject>,
    pub(super) told: Told,
}

macro_rules! acknowledging {
    ($handle:ty) => {
        impl $handle {
            /// Says that the message is done.
            ///
            /// Returns when that is on its way, as [`Client::publish`](crate::Client::publish) does.
            ///
            /// # Errors
            ///
            /// When it was told before what became of the message, and when nothing could be sent.
            ///
            /// # Cancel safety
            ///
            /// A dropped future has told nothing.
            pub async fn ack(&self) -> Result<(), AckError> {
                self.ack_with(AckKind::Ack).await
            }

            /// Says what became of the message. All kinds but
            /// [`Progress`](AckKind::Progress) can be said once.
            ///
            /// # Errors
            ///
            /// As [`ack`](Self::ack).
            ///
            /// # Cancel safety
            ///
            /// As [`ack`](Self::ack).
            pub async fn ack_with(&self, kind: AckKind) -> Result<(), AckError> {
                self.word().tell(kind).await
            }

            /// Says that the message is done, unless it was said before what became of it: for who
            /// calls a handler that may have said so itself. `Ok` means that the consumer is told, by
            /// this or by an earlier word, be it that this one is still under way.
            ///
            /// # Errors
            ///
            /// [`AckError::SaidInVain`] when something was to be said that was not sent or not
            /// confirmed, be it that its future was dropped: the message may have been refused, and
            /// comes again when its time is over. Else as [`ack`](Self::ack).
            ///
            /// # Cancel safety
            ///
            /// A dropped future has told nothing.
            pub async fn ack_unless_said(&self) -> Result<(), AckError> {
                self.word().ack_unless_said().await
            }

            /// Says that the message is done, and waits until the server has taken that in.
            ///
            /// # Errors
            ///
            /// As [`ack`](Self::ack), and [`AckError::Unconfirmed`]; after that it can be said
            /// again.
            ///
            /// # Cancel safety
            ///
            /// A dropped future may have told it.
            pub async fn double_ack(&self) -> Result<(), AckError> {
                self.double_ack_with(AckKind::Ack).await
            }

            /// Says what became of the message, and waits until the server has taken that in.
            ///
            /// # Errors
            ///
            /// As [`double_ack`](Self::double_ack); and for [`AckKind::Next`], which is answered
            /// by a message.
            ///
            /// # Cancel safety
            ///
            /// A dropped future may have told it.
            pub async fn double_ack_with(&self, kind: AckKind) -> Result<(), AckError> {
                self.word().confirm(kind).await
            }

            /// Says that the message is done, and pulls: the messages come as they do from
            /// [`Consumer::batch`](crate::jetstream::consumer::Consumer::batch), in one turn less. A
            /// pull that does not say how long it waits is over after 30 s; a consumer with a smaller
            /// `max_expires` refuses that, so name the time for one.
            ///
            /// # Errors
            ///
            /// As [`ack`](Self::ack), and when the pull is none.
            ///
            /// # Cancel safety
            ///
            /// A dropped future has told nothing.
            pub async fn ack_and_fetch<B: Into<BatchConfig>>(
                &self,
                batch: B,
            ) -> Result<Batch, AckError> {
                self.word().ack_and_fetch(batch.into())
            }

            /// Says that the message is done, and waits for the next one; `None` if none came
            /// within `expires`.
            ///
            /// # Errors
            ///
            /// As [`ack`](Self::ack); and [`AckError::Next`], after which the message is
            /// acknowledged.
            ///
            /// # Cancel safety
            ///
            /// A dropped future may have acknowledged the message. One that came meanwhile goes
            /// back to the consumer.
            pub async fn ack_and_next(
                &self,
                expires: Duration,
            ) -> Result<Option<Message>, AckError> {
                let config = BatchConfig { batch: 1, expires: Some(expires), ..Default::default() };
                let mut batch = self.word().ack_and_fetch(config)?;
                batch.next().await.transpose().map_err(AckError::Next)
            }

            /// Runs `work`, and meanwhile tells the consumer every half of its `ack_wait` that the
            /// message is being worked on, so that it does not deliver it to somebody else.
            ///
            /// It tells so for the first time when `work` has to wait: the message may have waited
            /// here before. It stops when `work` is done or dropped, when the message is
            /// acknowledged, and when the client is closed. No task is needed for it. Where
            /// `ack_wait` is not known, because the message was not read from a consumer, its
            /// default of 30 s counts; see [`in_progress_every`](Self::in_progress_every).
            ///
            /// # Cancel safety
            ///
            /// As `work`, which is dropped with it.
            pub fn in_progress_while<W: Future>(
                &self,
                work: W,
            ) -> impl Future<Output = W::Output> + use<'_, W> {
                self.in_progress_every(self.told.ack_wait() / 2, work)
            }

            /// As [`in_progress_while`](Self::in_progress_while), with the time between two signs
            /// of life; less than 1 ms counts as that.
            ///
            /// # Cancel safety
            ///
            /// As `work`, which is dropped with it.
            pub fn in_progress_every<W: Future>(
                &self,
                period: Duration,
                work: W,
            ) -> impl Future<Output = W::Output> + use<'_, W> {
                keep_alive(self.word(), period, work)
            }
        }
    };
}

acknowledging!(Message);
acknowledging!(Acker);

impl Acker {
    /// Acknowledges what has this reply subject.
    #[must_use]
    pub fn new(context: Context, reply: Option<Subject>) -> Self {
        Self { context, reply, told: Told::default() }
    }

    pub(super) fn word(&self) -> Word<'_> {
        Word { context: &self.context, reply: self.reply.as_ref(), told: &self.told }
    }
}
