//! The reading end of a subscription.

use crate::client::Handle;
use crate::error::UnsubscribeError;
use crate::mailbox::{End, Limits, Mailbox, Pending, Reader, Refill, Room, SlowConsumerPolicy};
use crate::shared::{Command, Fence, Target};
use crate::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use futures_core::Stream;
use midge_proto::{Message, OnWire, Refusal, Sid, Subject};

/// A subscription: a stream of its messages, in the order in which the server sent them.
///
/// Dropping it unsubscribes. It survives reconnects: messages published while there was no
/// connection are not among those received, as everywhere in core NATS.
pub struct Subscriber {
    sid: Sid,
    subject: Subject,
    queue: Option<String>,
    reader: Reader,
    handle: Arc<Handle>,
    ended: Option<End>,
    seen_dropped: u64,
}

impl Subscriber {
    /// Registers a subscription and puts its `SUB` behind everything the caller did before.
    pub(crate) fn open(
        handle: Arc<Handle>,
        subject: Subject,
        queue: Option<String>,
        limits: Limits,
    ) -> Result<Self, Refusal> {
        let mailbox = Arc::new(Mailbox::new(limits, handle.shared.settings.pending.as_ref()));
        let mut core = handle.shared.core.lock();
        let sid = core.next_sid();
        let queue_bytes = queue.as_deref().map(str::as_bytes);
        let on_wire = core.outbox.subscribe(subject.as_bytes(), queue_bytes, sid)?;
        let target = Target::Mailbox(Arc::clone(&mailbox));
        let waker = core.command(Command::Subscribe {
            sid,
            subject: subject.clone(),
            queue: queue.clone(),
            on_wire,
            target,
        });
        drop(core);
        crate::shared::wake(waker);
        let reader = Reader::new(mailbox);
        Ok(Self { sid, subject, queue, reader, handle, ended: None, seen_dropped: 0 })
    }

    /// The next message; `None` when the subscription has ended and everything was read.
    ///
    /// # Cancel safety
    ///
    /// A message leaves the queue in the poll that returns it: nothing is lost.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "the name every user of streams looks for")]
    pub fn next(&mut self) -> Next<'_> {
        Next { subscriber: self }
    }

    /// The next message, or what kept it away.
    ///
    /// # Errors
    ///
    /// [`NextError::TimedOut`] leaves the subscription as it is.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next_timeout(&mut self, timeout: Duration) -> Result<Message, NextError> {
        if let Some(result) = self.try_next().transpose() {
            return result;
        }
        let mut sleep = self.handle.sleep(timeout);
        core::future::poll_fn(|cx| {
            if let Poll::Ready(message) = self.poll_message(cx) {
                return Poll::Ready(message.ok_or_else(|| self.next_error()));
            }
            match Pin::new(&mut sleep).poll(cx) {
                Poll::Ready(()) => Poll::Ready(Err(NextError::TimedOut(timeout))),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// The next message if one waits, without waiting.
    ///
    /// # Errors
    ///
    /// When the subscription has ended and everything was read.
    pub fn try_next(&mut self) -> Result<Option<Message>, NextError> {
        match self.take(None) {
            Poll::Ready(Some(message)) => Ok(Some(message)),
            Poll::Ready(None) => Err(self.next_error()),
            Poll::Pending => Ok(None),
        }
    }

    /// Messages dropped for lack of room since the last call: whether the next message is the
    /// successor of the last one.
    pub fn take_dropped(&mut self) -> u64 {
        let dropped = self.reader.mailbox().pending().dropped;
        let new = dropped - self.seen_dropped;
        self.seen_dropped = dropped;
        new
    }

    /// Ends the subscription at once. What is in the queue can still be read.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub async fn unsubscribe(&mut self) -> Result<(), UnsubscribeError> {
        self.unsubscribe_now()
    }

    fn unsubscribe_now(&mut self) -> Result<(), UnsubscribeError> {
        self.change(|core, sid| {
            core.outbox.unsubscribe(sid, None);
            Command::Unsubscribe { sid, end: End::Finished }
        })
    }

    /// Ends the subscription after `unsub_after` messages, counted from its beginning; at once when
    /// there were so many already.
    ///
    /// The count goes on over reconnects, and messages dropped for lack of room count, too.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub async fn unsubscribe_after(&mut self, unsub_after: u64) -> Result<(), UnsubscribeError> {
        self.limit(unsub_after)
    }

    pub(crate) fn limit(&mut self, max: u64) -> Result<(), UnsubscribeError> {
        if max == 0 {
            return self.unsubscribe_now();
        }
        self.change(|core, sid| {
            core.outbox.unsubscribe(sid, Some(max));
            Command::UnsubscribeAfter { sid, max }
        })
    }

    /// Unsubscribes, and ends the stream once everything that was in flight has been read.
    ///
    /// The server's answer to a PING proves that nothing more can come. Returns once that is on its
    /// way; go on reading until the stream ends.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub async fn drain(&mut self) -> Result<(), UnsubscribeError> {
        self.change(|core, sid| {
            core.outbox.unsubscribe(sid, None);
            let fence = core.next_fence();
            let fenced = match core.outbox.fence(fence) {
                Ok(()) => {
                    core.fences.insert(fence, Fence::Subscription(sid));
                    OnWire::Yes
                }
                Err(_) => OnWire::No,
            };
            Command::DrainSubscription { sid, fenced }
        })
    }

    fn change(
        &mut self,
        command: impl FnOnce(&mut crate::shared::Core, Sid) -> Command,
    ) -> Result<(), UnsubscribeError> {
        let mut core = self.handle.shared.core.lock();
        if core.view.state == crate::State::Closed {
            return Err(crate::error::ClosedError);
        }
        let command = command(&mut core, self.sid);
        let waker = core.command(command);
        drop(core);
        crate::shared::wake(waker);
        Ok(())
    }

    /// Its id on the wire, unique within the client.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.sid
    }

    /// The subject filter.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The queue group.
    #[must_use]
    pub fn queue_group(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    /// What waits, what waited at most, what was dropped.
    #[must_use]
    pub fn pending(&self) -> Pending {
        self.reader.mailbox().pending()
    }

    /// Begins the measurement of what waits at most anew.
    pub fn reset_max_pending(&self) {
        self.reader.mailbox().reset_max_pending();
    }

    /// Messages and bytes that may wait before the policy decides.
    #[must_use]
    pub fn pending_limits(&self) -> (usize, usize) {
        let limits = self.reader.mailbox().limits();
        (limits.messages, limits.bytes)
    }

    /// Changes how many messages and bytes may wait; `usize::MAX` is no limit, and 0 counts as 1.
    pub fn set_pending_limits(&self, messages: usize, bytes: usize) {
        let policy = self.reader.mailbox().limits().policy;
        let (messages, bytes) = (messages.max(1), bytes.max(1));
        self.reader.mailbox().set_limits(Limits { messages, bytes, policy });
    }

    /// Changes what happens to a message for which there is no room.
    pub fn set_slow_consumer_policy(&self, policy: SlowConsumerPolicy) {
        let limits = self.reader.mailbox().limits();
        self.reader.mailbox().set_limits(Limits { policy, ..limits });
    }

    /// Why no more messages will come, once that is so.
    #[must_use]
    pub fn end_reason(&self) -> Option<NextError> {
        self.reader.mailbox().ended().map(|end| error_of(&end))
    }

    fn next_error(&self) -> NextError {
        self.ended.as_ref().map_or(NextError::Finished, error_of)
    }

    #[inline(always)]
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.take(Some(cx.waker()))
    }

    /// A message is a large value: it is made where it is returned, and moved nowhere.
    #[inline(always)]
    fn take(&mut self, waker: Option<&Waker>) -> Poll<Option<Message>> {
        if !self.reader.has_message() {
            let refill = self.refill(waker);
            if !matches!(refill, Refill::Run) {
                return self.nothing(refill);
            }
        }
        let mut taken = Poll::Ready(Some(Message::empty()));
        if let Poll::Ready(Some(message)) = &mut taken {
            self.reader.take(message);
        }
        if self.reader.should_tell() {
            self.tell_room();
        }
        taken
    }

    #[cold]
    fn tell_room(&self) {
        if self.reader.made_room() == Room::Made {
            self.handle.shared.command(Command::RoomMade);
        }
    }

    #[inline(never)]
    fn refill(&mut self, waker: Option<&Waker>) -> Refill {
        let (refill, room) = self.reader.refill(waker);
        if room == Room::Made {
            self.handle.shared.command(Command::RoomMade);
        }
        refill
    }

    #[cold]
    fn nothing(&mut self, refill: Refill) -> Poll<Option<Message>> {
        match refill {
            Refill::Run | Refill::Empty => Poll::Pending,
            Refill::End(end) => {
                self.ended = Some(end);
                Poll::Ready(None)
            }
        }
    }
}

/// The future of [`Subscriber::next`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Next<'a> {
    subscriber: &'a mut Subscriber,
}

impl Future for Next<'_> {
    type Output = Option<Message>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.get_mut().subscriber.poll_message(cx)
    }
}

fn error_of(end: &End) -> NextError {
    match end {
        End::Finished => NextError::Finished,
        End::Closed => NextError::Closed,
        End::Overflow => NextError::SlowConsumer,
        End::Refused(text) => NextError::Refused(text.clone()),
    }
}

/// Why there is no next message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextError {
    /// None came within this time; the subscription goes on.
    TimedOut(Duration),
    /// Unsubscribed, drained, or the limit of messages was reached.
    Finished,
    /// The client was closed.
    Closed,
    /// More messages waited than allowed, and the policy was to fail.
    SlowConsumer,
    /// The server refused the subscription; this is what it said.
    Refused(String),
}

impl fmt::Display for NextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(after) => write!(f, "no message within {after:?}"),
            Self::Finished => f.write_str("the subscription has ended"),
            Self::Closed => f.write_str("the client is closed"),
            Self::SlowConsumer => f.write_str("more messages waited than the subscription allows"),
            Self::Refused(text) => write!(f, "subscription refused by the server: {text}"),
        }
    }
}

impl core::error::Error for NextError {}

impl Stream for Subscriber {
    type Item = Message;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.get_mut().poll_message(cx)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let ended = self.reader.mailbox().ended().is_some();
        self.reader.mailbox().abandon();
        if ended {
            // A drain may wait for this queue to be read.
            self.handle.shared.command(Command::RoomMade);
        } else {
            // A closed client has no subscriptions to end.
            let _ = self.unsubscribe_now();
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("sid", &self.sid)
            .field("subject", &self.subject)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
