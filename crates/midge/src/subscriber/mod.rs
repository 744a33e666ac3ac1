//! The reading end of a subscription.

mod closed;
mod error;
pub(crate) mod forward;
mod gaps;
pub(crate) mod handling;

pub(crate) use closed::Closing;
pub use closed::{Closed, SubscriptionClosed};
pub use error::NextError;
pub use gaps::{Item, SubscriberWithGaps};
pub use handling::Handled;

use crate::client::Handle;
#[cfg(feature = "jetstream")]
use crate::complaints::Refusals;
use crate::error::UnsubscribeError;
use crate::mailbox::{
    Advanced, End, Limits, Mailbox, Pending, Reader, Refill, Room, SlowConsumerPolicy,
    SubscriptionState, SubscriptionStates,
};
use crate::shared::{Command, Core, Fence, Target, wake};
use crate::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use futures_core::Stream;
use midge_proto::{Interest, Message, OnWire, Refusal, Sid, Subject};

/// A subscription: a stream of its messages, in the order in which the server sent them.
///
/// Dropping it unsubscribes. It survives reconnects: messages published while there was no
/// connection are not among those received, as everywhere in core NATS.
pub struct Subscriber {
    sid: Sid,
    interest: Arc<Interest>,
    sharing: Sharing,
    progress: Progress,
    reader: Reader,
    handle: Arc<Handle>,
}

/// Whose `SUB` it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Its own.
    Alone,
    /// That of all subscriptions of this client with the same subject and group.
    Shared,
}

/// How far it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Reading,
    /// The end was met; the mailbox knows why it ended.
    Over,
}

impl Subscriber {
    /// Registers a subscription and puts its `SUB` behind everything the caller did before.
    pub(crate) fn open(
        handle: Arc<Handle>,
        interest: Interest,
        limits: Limits,
        sharing: Sharing,
        max: Option<u64>,
    ) -> Result<Self, Refusal> {
        let mailbox = Arc::new(Mailbox::new(limits, handle.shared.settings.pending.as_ref()));
        mailbox.set_max(max.unwrap_or(u64::MAX));
        // The protocol has no limit of none.
        let (is_over, max) = (max == Some(0), max.filter(|max| *max > 0));
        let interest = Arc::new(interest);
        let mut core = handle.shared.core.lock();
        let sid = core.next_sid();
        let waker = match sharing {
            Sharing::Shared => {
                let waker = core.join_shared(sid, &interest, Arc::clone(&mailbox))?;
                if let Some(max) = max {
                    // None has come to a member that is new.
                    let _ = core.sharing.set_max(sid, max);
                }
                waker
            }
            Sharing::Alone => {
                core.subscribe(sid, &interest, max, Target::Mailbox(Arc::clone(&mailbox)))?;
                core.unpark_at_once()
            }
        };
        drop(core);
        wake(waker);
        let (reader, progress) = (Reader::new(mailbox), Progress::Reading);
        let mut opened = Self { sid, interest, sharing, progress, reader, handle };
        if is_over {
            // Closed between the two: the first read says so.
            let _ = opened.unsubscribe_now();
        }
        Ok(opened)
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
        self.reader.mailbox().take_dropped()
    }

    /// Ends the subscription at once. What is in the queue can still be read.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub async fn unsubscribe(&mut self) -> Result<(), UnsubscribeError> {
        self.unsubscribe_now()
    }

    pub(crate) fn unsubscribe_now(&mut self) -> Result<(), UnsubscribeError> {
        let (end, sharing) = (End::Finished, self.sharing);
        self.change(|core, sid| match sharing {
            Sharing::Alone => {
                core.outbox.unsubscribe(sid, None);
                Some(Command::Unsubscribe { sid, end })
            }
            // To the driver it is not known; only what it does for want of room concerns it.
            Sharing::Shared => core.leave_shared(sid).map(|_| Command::RoomMade),
        })?;
        match sharing {
            Sharing::Alone => {}
            Sharing::Shared => self.reader.mailbox().end(End::Finished),
        }
        Ok(())
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

    fn limit(&mut self, max: u64) -> Result<(), UnsubscribeError> {
        let sharing = self.sharing;
        let mut reached = max == 0;
        // The driver hears of it later, and more may be on the way to it.
        self.reader.mailbox().set_max(max);
        if !reached {
            self.change(|core, sid| match sharing {
                Sharing::Alone => {
                    core.outbox.unsubscribe(sid, Some(max));
                    Some(Command::UnsubscribeAfter { sid, max })
                }
                Sharing::Shared => {
                    reached = core.sharing.set_max(sid, max);
                    None
                }
            })?;
        }
        if reached { self.unsubscribe_now() } else { Ok(()) }
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
        self.begin_drain()
    }

    pub(crate) fn begin_drain(&mut self) -> Result<(), UnsubscribeError> {
        let sharing = self.sharing;
        self.change(|core, sid| {
            match sharing {
                Sharing::Alone => {
                    core.outbox.unsubscribe(sid, None);
                }
                Sharing::Shared => core.drain_shared(sid),
            }
            let fence = core.next_fence();
            let fenced = match core.outbox.fence(fence) {
                Ok(()) => {
                    core.fences.insert(fence, Fence::Subscription(sid));
                    OnWire::Yes
                }
                Err(_) => OnWire::No,
            };
            Some(Command::DrainSubscription { sid, fenced })
        })?;
        self.reader.mailbox().begin_drain();
        Ok(())
    }

    /// Hears what the server refuses from now on, and is woken for it.
    #[cfg(feature = "jetstream")]
    pub(crate) fn refusals(&self) -> Refusals {
        Refusals::begin(&self.handle.shared, self.reader.mailbox())
    }

    /// Does something under the lock and hands the driver what it has to know of it.
    fn change(
        &mut self,
        change: impl FnOnce(&mut Core, Sid) -> Option<Command>,
    ) -> Result<(), UnsubscribeError> {
        let mut core = self.handle.shared.core.lock();
        if core.view.state == crate::State::Closed {
            return Err(crate::error::ClosedError);
        }
        let waker = change(&mut core, self.sid).and_then(|command| core.command(command));
        drop(core);
        wake(waker);
        Ok(())
    }

    /// Its id, unique within the client: the one on the wire, unless it
    /// [shares](crate::SubscribeBuilder::shared) the `SUB` of others.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.sid
    }

    /// The subject filter.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.interest.subject
    }

    /// The queue group.
    #[must_use]
    pub fn queue_group(&self) -> Option<&str> {
        self.interest.queue.as_deref()
    }

    /// How it is at the moment.
    #[must_use]
    pub fn state(&self) -> SubscriptionState {
        self.reader.mailbox().state()
    }

    /// How it is at the moment, and each change from then on; the stream outlives the subscriber.
    #[must_use]
    pub fn states(&self) -> SubscriptionStates {
        self.reader.mailbox().watch()
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
        let (messages, bytes) = (messages.max(1), bytes.max(1));
        self.change_limits(|limits| *limits = Limits { messages, bytes, ..*limits });
    }

    /// Changes what happens to a message for which there is no room. The limits stay as they are.
    pub fn set_slow_consumer_policy(&self, policy: SlowConsumerPolicy) {
        self.change_limits(|limits| limits.policy = policy);
    }

    fn change_limits(&self, change: impl FnOnce(&mut Limits)) {
        if self.reader.mailbox().change_limits(change) == Room::Made {
            self.handle.shared.command(Command::RoomMade);
        }
    }

    /// Why no more messages will come, once that is so.
    #[must_use]
    pub fn end_reason(&self) -> Option<NextError> {
        self.reader.mailbox().ended().as_ref().map(NextError::from)
    }

    pub(crate) fn next_error(&self) -> NextError {
        self.end_reason().unwrap_or(NextError::Finished)
    }

    #[inline(always)]
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.take(Some(cx.waker()))
    }

    #[inline(always)]
    fn take(&mut self, waker: Option<&Waker>) -> Poll<Option<Message>> {
        if !self.reader.has_message() {
            let refill = self.refill_message(waker);
            if !matches!(refill, Refill::Run) {
                return self.nothing(refill);
            }
        }
        self.take_of_run()
    }

    /// The next message of the run at hand, which has one.
    ///
    /// A message is a large value: most are made where they are returned, and moved nowhere.
    #[inline(never)]
    fn take_of_run(&mut self) -> Poll<Option<Message>> {
        let Some(advanced) = self.reader.advance() else { return Poll::Pending };
        if advanced.tell && advanced.made_room() == Room::Made {
            self.handle.shared.command(Command::RoomMade);
        }
        let Advanced { chunk, frame, subject, .. } = &advanced;
        match Message::from_plain_frame(chunk, frame, subject) {
            Some(message) => Poll::Ready(Some(message)),
            None => Poll::Ready(Some(advanced.message())),
        }
    }

    #[inline(never)]
    fn refill_message(&mut self, waker: Option<&Waker>) -> Refill {
        loop {
            match self.refill(waker) {
                // Nobody asked to be told.
                Refill::Gap(_) => {}
                refill => return refill,
            }
        }
    }

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
            Refill::Run | Refill::Gap(_) | Refill::Empty => Poll::Pending,
            Refill::End(end) => {
                if self.progress == Progress::Reading {
                    self.progress = Progress::Over;
                    self.tell_closed(&end);
                }
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

impl Stream for Subscriber {
    type Item = Message;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.get_mut().poll_message(cx)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let end = self.reader.mailbox().ended();
        self.reader.mailbox().abandon();
        if end.is_some() {
            // A drain may wait for this queue to be read.
            self.handle.shared.command(Command::RoomMade);
        } else {
            // A closed client has no subscriptions to end.
            let _ = self.unsubscribe_now();
        }
        if self.progress == Progress::Reading {
            self.tell_closed(&end.unwrap_or(End::Finished));
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("sid", &self.sid)
            .field("subject", &self.interest.subject)
            .field("queue", &self.interest.queue)
            .finish_non_exhaustive()
    }
}
