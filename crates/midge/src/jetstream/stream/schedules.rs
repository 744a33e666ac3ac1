//! Schedules that are stored in a stream.

use super::{BatchMessages, DirectGetError, GetMessageError, PurgeError, RawMessage, Stream};
use core::fmt;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll, ready};
use futures_core::Stream as FuturesStream;
use midge_proto::jetstream::{InvalidSchedule, Scheduling};

/// A message that a stream publishes later, or again and again.
#[derive(Clone, Debug)]
pub struct ScheduledMessage {
    /// The schedule; an error if it is one that this version does not know.
    pub scheduling: Result<Scheduling, InvalidSchedule>,
    /// The message with it: its subject is that of the schedule, its payload is what is published.
    pub message: RawMessage,
}

impl ScheduledMessage {
    fn read(message: RawMessage) -> Option<Self> {
        let scheduling = Scheduling::read(&message.headers)?;
        Some(Self { scheduling, message })
    }
}

/// Schedules ([`PublishMessage::schedule`](midge_proto::jetstream::message::PublishMessage::schedule))
/// that are in the stream.
impl Stream {
    /// The schedule on a subject; `None` if the last message there is none.
    ///
    /// # Errors
    ///
    /// As [`get_last_message_for_subject`](Self::get_last_message_for_subject).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_schedule<S: AsRef<str>>(
        &self,
        subject: S,
    ) -> Result<Option<ScheduledMessage>, GetMessageError> {
        self.get_last_message_for_subject(subject).await.map(ScheduledMessage::read)
    }

    /// All schedules on subjects that `filter` matches, as they were at one moment. The stream has to
    /// allow direct gets ([`allow_direct`](super::Config::allow_direct)).
    ///
    /// # Errors
    ///
    /// As [`GetLastMessages::send`](super::GetLastMessages::send).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn schedules<S: Into<String>>(&self, filter: S) -> Result<Schedules, DirectGetError> {
        let messages = self.get_last_messages_for([filter]).send().await?;
        Ok(Schedules { messages })
    }

    /// Cancels the schedules on subjects that `filter` matches by deleting all messages there; returns
    /// how many there were. With another publish in one step it is done by
    /// [`PublishMessage::cancel_schedule`](midge_proto::jetstream::message::PublishMessage::cancel_schedule).
    ///
    /// # Errors
    ///
    /// As [`purge`](Self::purge).
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have cancelled them.
    pub async fn cancel_schedules<S: Into<String>>(&self, filter: S) -> Result<u64, PurgeError> {
        self.purge().filter(filter).await.map(|purged| purged.purged)
    }
}

/// Schedules of a stream, one after the other.
pub struct Schedules {
    messages: BatchMessages,
}

impl Schedules {
    /// The next schedule; `None` when there will be no more.
    ///
    /// # Errors
    ///
    /// When the read cannot go on.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Result<ScheduledMessage, DirectGetError>> {
        core::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl FuturesStream for Schedules {
    type Item = Result<ScheduledMessage, DirectGetError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let messages = &mut self.get_mut().messages;
        loop {
            let Some(message) = ready!(Pin::new(&mut *messages).poll_next(cx)) else {
                return Poll::Ready(None);
            };
            match message.map(ScheduledMessage::read) {
                // Another message of the stream.
                Ok(None) => {}
                Ok(Some(schedule)) => return Poll::Ready(Some(Ok(schedule))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl fmt::Debug for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedules").field("messages", &self.messages).finish()
    }
}
