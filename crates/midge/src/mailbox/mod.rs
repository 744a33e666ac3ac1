//! Where a subscription's messages wait for the one who reads them.

mod budget;
mod inbox;
mod latest;
mod marks;
mod pending;
mod policy;
mod reader;
mod run;
mod seldom;
mod state;

pub(crate) use budget::Budget;
use inbox::{Drain, EndMet, Episode, Gaps, Inbox, Tell};
use marks::Barrier;
pub use marks::Gap;
pub use pending::Pending;
pub use policy::{
    DEFAULT_CAPACITY, DEFAULT_CAPACITY_BYTES, DEFAULT_CAPACITY_READ_AHEAD, SlowConsumerPolicy,
};
pub(crate) use policy::{LimitOptions, Limits};
pub(crate) use reader::{Advanced, Reader, Refill, Room};
pub(crate) use run::Run;
pub use state::{SubscriptionState, SubscriptionStates};

use crate::sorter::Staged;
use crate::subscriber::Closing;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};
use bytes::Bytes;
use core::task::Waker;
use midge_proto::MessageFrame;

/// Why no more messages will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Unsubscribed or drained.
    Finished,
    /// As many messages came as were wanted.
    LimitReached,
    /// The client was closed.
    Closed,
    /// More waited than allowed and the policy was to fail.
    Overflow,
    /// The server took the permission, or never gave it.
    Refused(Box<str>),
}

/// The queue between the driver and a subscriber.
///
/// What crosses is a whole run of messages with one lock and one wake; a message is made of its
/// frame where it is used.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inbox: Mutex<Inbox>,
    /// Messages and bytes that the subscriber has taken; only the subscriber writes them.
    taken: AtomicU64,
    taken_bytes: AtomicU64,
    /// Whether the driver waits for room in this queue: a hint for the subscriber to look.
    pausing: AtomicBool,
}

/// What a delivery came to.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// To be woken once all locks are released.
    pub(crate) waker: Option<Waker>,
    /// As well.
    pub(crate) watchers: Vec<Waker>,
    pub(crate) dropped: u64,
    pub(crate) news: Option<News>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// It began to drop messages.
    Slow,
    /// It is over its limit and asks for reading to pause.
    Pause,
    /// It is over its limit and asks to be paused itself.
    Suspend,
    /// It is over its limit and ended.
    Failed,
}

fn size_of(frame: &MessageFrame) -> u64 {
    u64::from(frame.subject_len) + u64::from(frame.reply_len) + u64::from(frame.total_len)
}

impl Mailbox {
    /// An empty queue, which counts into `budget` if there is one.
    pub(crate) fn new(limits: Limits, budget: Option<&Arc<Budget>>) -> Self {
        Self {
            inbox: Mutex::new(Inbox::new(limits, budget)),
            taken: AtomicU64::new(0),
            taken_bytes: AtomicU64::new(0),
            pausing: AtomicBool::new(false),
        }
    }

    /// Adds all messages that one read has for this mailbox: where there is room for them, without
    /// a look at each.
    pub(crate) fn deliver_all(&self, chunk: &Bytes, staged: Staged<'_>) -> Delivered {
        let inbox = &mut *self.inbox.lock();
        let (count, size) = staged.size();
        let count = count as u64;
        let (pending, bytes) = self.waiting(inbox);
        let (limits, _) = inbox.limits_in_force(bytes);
        let (pending, bytes) = (pending + count, bytes + size);
        let came = inbox.came + count;
        let fits =
            pending <= limits.messages as u64 && bytes <= limits.bytes as u64 && came <= inbox.max;
        if !fits || limits.policy == SlowConsumerPolicy::LatestOnly || inbox.end.is_some() {
            return self.deliver_each(inbox, chunk, staged.iter());
        }
        let mut spare = core::mem::take(&mut inbox.spare);
        spare.clear();
        inbox.came = came;
        inbox.delivered += count;
        inbox.delivered_bytes += size;
        inbox.push_run(chunk, staged.into_vec(spare), size);
        let mut outcome = Delivered::default();
        inbox.delivered(&mut outcome, pending, bytes);
        outcome
    }

    /// Adds messages of one read.
    pub(crate) fn deliver(
        &self,
        chunk: &Bytes,
        frames: impl Iterator<Item = MessageFrame>,
    ) -> Delivered {
        self.deliver_each(&mut self.inbox.lock(), chunk, frames)
    }

    fn deliver_each(
        &self,
        inbox: &mut Inbox,
        chunk: &Bytes,
        frames: impl Iterator<Item = MessageFrame>,
    ) -> Delivered {
        let mut outcome = Delivered::default();
        if inbox.end.is_some() {
            return outcome;
        }
        let mut came = inbox.came;
        let may_come = usize::try_from(inbox.max.saturating_sub(came)).unwrap_or(usize::MAX);
        let frames = frames.take(may_come).inspect(|_| came += 1);
        let (mut pending, mut pending_bytes) = self.waiting(inbox);
        let (limits, overflow) = inbox.limits_in_force(pending_bytes);
        if limits.policy == SlowConsumerPolicy::LatestOnly {
            outcome.dropped = inbox.put_latest(limits, chunk, frames);
            inbox.came = came;
            let (pending, bytes) = self.waiting(inbox);
            inbox.delivered(&mut outcome, pending, bytes);
            return outcome;
        }
        let mut run = core::mem::take(&mut inbox.spare);
        run.clear();
        let before = inbox.delivered_bytes;
        for frame in frames {
            let size = size_of(&frame);
            let is_full = |messages: u64, bytes: u64| {
                messages >= limits.messages as u64 || bytes + size > limits.bytes as u64
            };
            if is_full(pending, pending_bytes) {
                match limits.policy {
                    SlowConsumerPolicy::DropNewest => {
                        inbox.drop_newest(&mut outcome, run.len());
                        continue;
                    }
                    SlowConsumerPolicy::Fail => {
                        inbox.end = Some(Box::new(End::Overflow));
                        outcome.news = Some(News::Failed);
                        break;
                    }
                    SlowConsumerPolicy::BackPressure
                        if pending_bytes + size
                            > (limits.bytes as u64).saturating_add(overflow) =>
                    {
                        inbox.drop_newest(&mut outcome, run.len());
                        continue;
                    }
                    SlowConsumerPolicy::BackPressure => {
                        self.ask_for_room(inbox, &mut outcome, News::Pause);
                    }
                    SlowConsumerPolicy::Pause => {
                        self.ask_for_room(inbox, &mut outcome, News::Suspend);
                        inbox.drop_newest(&mut outcome, run.len());
                        continue;
                    }
                    SlowConsumerPolicy::DropOldest | SlowConsumerPolicy::LatestOnly => {
                        // Nothing has to go for a message that would find no room even then.
                        let fits = size <= limits.bytes as u64;
                        while fits
                            && is_full(pending, pending_bytes)
                            && let Some(gone) = inbox.evict(&mut run)
                        {
                            pending -= 1;
                            pending_bytes = pending_bytes.saturating_sub(gone);
                            outcome.dropped += 1;
                        }
                        if is_full(pending, pending_bytes) {
                            inbox.drop_newest(&mut outcome, run.len());
                            continue;
                        }
                    }
                }
            }
            run.push(frame);
            inbox.delivered += 1;
            inbox.delivered_bytes += size;
            pending += 1;
            pending_bytes += size;
        }
        inbox.came = came;
        if run.is_empty() {
            inbox.spare = run;
        } else {
            let bytes = inbox.delivered_bytes - before;
            inbox.push_run(chunk, run, bytes);
        }
        inbox.delivered(&mut outcome, pending, pending_bytes);
        outcome
    }

    /// Messages and bytes that wait here or in the run that is being read.
    #[inline]
    fn waiting(&self, inbox: &Inbox) -> (u64, u64) {
        let taken = self.taken.load(Ordering::Relaxed);
        let taken_bytes = self.taken_bytes.load(Ordering::Relaxed);
        let (evicted, evicted_bytes) = inbox.evicted();
        (
            inbox.delivered.saturating_sub(taken + evicted),
            inbox.delivered_bytes.saturating_sub(taken_bytes + evicted_bytes),
        )
    }

    /// Begins an episode that ends when there is room.
    #[cold]
    fn ask_for_room(&self, inbox: &mut Inbox, outcome: &mut Delivered, news: News) {
        if inbox.episode != Episode::Pausing {
            inbox.episode = Episode::Pausing;
            self.pausing.store(true, Ordering::Relaxed);
            outcome.news = Some(news);
        }
    }

    /// Ends the queue behind what is in it, and wakes who waits for that; the first reason stays.
    pub(crate) fn end(&self, end: End) {
        let mut outcome = Delivered::default();
        {
            let mut inbox = self.inbox.lock();
            if inbox.end.is_none() {
                inbox.end = Some(Box::new(end));
            }
            self.forget_pause(&mut inbox);
            outcome.waker = inbox.waker.take();
            outcome.watchers = inbox.note_state();
        }
        outcome.wake();
    }

    /// The subscription is to end behind what is in flight.
    pub(crate) fn begin_drain(&self) {
        let watchers = {
            let mut inbox = self.inbox.lock();
            inbox.drain = Drain::Begun;
            inbox.note_state()
        };
        watchers.into_iter().for_each(Waker::wake);
    }

    /// The connection is lost: what was published since does not come, and what was paused is not.
    pub(crate) fn handle_disconnected(&self) {
        let (reader, watchers) = {
            let mut inbox = self.inbox.lock();
            if inbox.limits.policy != SlowConsumerPolicy::Pause {
                self.forget_pause(&mut inbox);
            }
            (inbox.note_unseen(), inbox.note_state())
        };
        watchers.into_iter().chain(reader).for_each(Waker::wake);
    }

    fn forget_pause(&self, inbox: &mut Inbox) {
        if inbox.episode == Episode::Pausing {
            inbox.episode = Episode::Keeping;
            self.pausing.store(false, Ordering::Relaxed);
        }
    }

    /// Whether something was stopped for want of room and there is none yet.
    pub(crate) fn is_pausing(&self) -> bool {
        self.inbox.lock().episode == Episode::Pausing
    }

    /// The subscription was stopped at the server: messages may be missing from here on.
    pub(crate) fn note_unseen(&self) {
        let reader = self.inbox.lock().note_unseen();
        reader.into_iter().for_each(Waker::wake);
    }

    /// Has the reader look again.
    #[cfg(feature = "jetstream")]
    pub(crate) fn wake(&self) {
        let reader = self.inbox.lock().waker.take();
        reader.into_iter().for_each(Waker::wake);
    }

    /// From now on, missing messages are told in their place.
    pub(crate) fn tell_gaps(&self) {
        self.inbox.lock().gaps = Gaps::Told;
    }

    pub(crate) fn state(&self) -> SubscriptionState {
        self.inbox.lock().state()
    }

    pub(crate) fn watch(&self) -> SubscriptionStates {
        let mut inbox = self.inbox.lock();
        let state = inbox.state();
        inbox.seldom().watchers.add(state)
    }

    /// Keeps `barrier` until the reader asks for more than what waits now; not at all if the reader
    /// has come back from everything.
    pub(crate) fn add_barrier(&self, barrier: &Barrier) {
        let mut inbox = self.inbox.lock();
        let has_read_all = inbox.waker.is_some() || inbox.end_met == EndMet::Yes;
        if inbox.delivered > 0 && !has_read_all {
            let tail = inbox.tail;
            inbox.seldom().marks.add_barrier(tail, Arc::clone(barrier));
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inbox.lock().limits
    }

    /// Changes the limits. What was stopped for want of room goes on if there is room by the new
    /// ones, or if another policy is in charge now, which decides anew.
    pub(crate) fn change_limits(&self, change: impl FnOnce(&mut Limits)) -> Room {
        let (room, watchers) = {
            let inbox = &mut *self.inbox.lock();
            let before = inbox.limits.policy;
            change(&mut inbox.limits);
            let policy = inbox.limits.policy;
            if policy != SlowConsumerPolicy::LatestOnly
                && let Some(seldom) = &mut inbox.seldom
                && let Some(mut latest) = seldom.latest.take()
            {
                while let Some(run) = latest.pop_run(Vec::new()) {
                    inbox.runs.push_back(run);
                }
            }
            if policy == before { self.make_room(inbox) } else { self.end_pause(inbox) }
        };
        watchers.into_iter().for_each(Waker::wake);
        room
    }

    /// Ends a pause if there is room; the watchers are to be woken without the lock.
    fn make_room(&self, inbox: &mut Inbox) -> (Room, Vec<Waker>) {
        let (pending, bytes) = self.waiting(inbox);
        if !inbox.has_room(pending, bytes) {
            return (Room::Unasked, Vec::new());
        }
        self.end_pause(inbox)
    }

    fn end_pause(&self, inbox: &mut Inbox) -> (Room, Vec<Waker>) {
        if inbox.episode != Episode::Pausing {
            return (Room::Unasked, Vec::new());
        }
        self.forget_pause(inbox);
        (Room::Made, inbox.note_state())
    }

    /// No more than so many messages may come in all, those that came already included.
    pub(crate) fn set_max(&self, max: u64) {
        self.inbox.lock().max = max;
    }

    pub(crate) fn ended(&self) -> Option<End> {
        self.inbox.lock().end.as_deref().cloned()
    }

    pub(crate) fn pending(&self) -> Pending {
        let inbox = self.inbox.lock();
        let (messages, bytes) = self.waiting(&inbox);
        Pending {
            messages,
            bytes,
            max_messages: inbox.max_pending,
            max_bytes: inbox.max_pending_bytes,
            delivered: inbox.delivered,
            delivered_bytes: inbox.delivered_bytes,
            dropped: inbox.seldom.as_ref().map_or(0, |seldom| seldom.dropped),
            replaced: inbox.seldom.as_ref().map_or(0, |seldom| seldom.replaced),
        }
    }

    /// Messages dropped for lack of room since the last call.
    pub(crate) fn take_dropped(&self) -> u64 {
        let mut inbox = self.inbox.lock();
        let Some(seldom) = &mut inbox.seldom else { return 0 };
        seldom.dropped - core::mem::replace(&mut seldom.dropped_told, seldom.dropped)
    }

    /// Adds to those who want to hear that the subscription is over.
    pub(crate) fn with_closing(&self, add: impl FnOnce(&mut Closing)) {
        add(&mut self.inbox.lock().seldom().closing);
    }

    /// Takes those who want to hear it.
    pub(crate) fn take_closing(&self) -> Closing {
        let mut inbox = self.inbox.lock();
        inbox.seldom.as_mut().map(|seldom| core::mem::take(&mut seldom.closing)).unwrap_or_default()
    }

    /// Asks the reader to tell the driver when it has read everything.
    pub(crate) fn tell_when_read(&self) {
        self.inbox.lock().tell_when_read = Tell::Yes;
    }

    /// Whether everything was read, or nobody is left to read it.
    pub(crate) fn is_read(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 || self.pending().messages == 0
    }

    /// Nobody will read it any more.
    pub(crate) fn abandon(&self) {
        // Dropped after the lock is released: that wakes who waits for a barrier.
        let _marks;
        let mut inbox = self.inbox.lock();
        inbox.runs.clear();
        inbox.front = inbox.tail;
        let evicted = inbox.delivered - self.taken.load(Ordering::Relaxed);
        let evicted_bytes = inbox.delivered_bytes - self.taken_bytes.load(Ordering::Relaxed);
        if evicted > 0 {
            inbox.seldom();
        }
        let Some(seldom) = &mut inbox.seldom else { return };
        (seldom.evicted, seldom.evicted_bytes) = (evicted, evicted_bytes);
        _marks = core::mem::take(&mut seldom.marks);
        if let Some(latest) = &mut seldom.latest {
            latest.clear();
        }
        inbox.charge(0);
    }

    pub(crate) fn reset_max_pending(&self) {
        let mut inbox = self.inbox.lock();
        (inbox.max_pending, inbox.max_pending_bytes) = self.waiting(&inbox);
    }
}

impl Delivered {
    /// Wakes whom it concerns; no lock may be held.
    pub(crate) fn wake(self) {
        self.watchers.into_iter().chain(self.waker).for_each(Waker::wake);
    }
}
