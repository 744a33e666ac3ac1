//! Where a subscription's messages wait for the one who reads them.

mod budget;
mod pending;
mod policy;
mod reader;

pub(crate) use budget::Budget;
use budget::Share;
pub use pending::Pending;
pub(crate) use policy::Limits;
pub use policy::{DEFAULT_CAPACITY, DEFAULT_CAPACITY_BYTES, SlowConsumerPolicy};
pub(crate) use reader::{Reader, Refill, Room};

use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};
use bytes::Bytes;
use core::task::Waker;
use midge_proto::MessageFrame;
use std::collections::VecDeque;

/// Why no more messages will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Unsubscribed, drained, or the limit of messages was reached.
    Finished,
    /// The client was closed.
    Closed,
    /// More waited than allowed and the policy was to fail.
    Overflow,
    /// The server took the permission, or never gave it.
    Refused(String),
}

/// Messages of one read, for one subscription.
#[derive(Debug)]
pub(crate) struct Run {
    chunk: Bytes,
    frames: Vec<MessageFrame>,
    /// Frames before this were taken.
    at: usize,
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
    /// Whether the driver stopped reading for this queue: a hint for the subscriber to look.
    pausing: AtomicBool,
}

#[derive(Debug)]
struct Inbox {
    runs: VecDeque<Run>,
    spare: Option<Vec<MessageFrame>>,
    waker: Option<Waker>,
    limits: Limits,
    end: Option<End>,
    delivered: u64,
    delivered_bytes: u64,
    dropped: u64,
    /// Messages and bytes dropped after they were delivered.
    evicted: u64,
    evicted_bytes: u64,
    /// The driver wants to be told when everything was read.
    tell_when_read: Tell,
    max_pending: u64,
    max_pending_bytes: u64,
    episode: Episode,
    /// What of a budget for all subscriptions is used here, if there is one.
    share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tell {
    No,
    Yes,
}

/// Whether the subscription is slow at present: news of it are given once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Episode {
    Keeping,
    /// The driver stopped reading for it and wants to be told when there is room.
    Pausing,
    Dropping,
}

/// What a delivery came to.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// To be woken once all locks are released.
    pub(crate) waker: Option<Waker>,
    pub(crate) dropped: u64,
    pub(crate) news: Option<News>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// It began to drop messages.
    Slow,
    /// It is over its limit and asks for reading to pause.
    Pause,
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
            inbox: Mutex::new(Inbox {
                runs: VecDeque::new(),
                spare: None,
                waker: None,
                limits,
                end: None,
                delivered: 0,
                delivered_bytes: 0,
                dropped: 0,
                evicted: 0,
                evicted_bytes: 0,
                tell_when_read: Tell::No,
                max_pending: 0,
                max_pending_bytes: 0,
                episode: Episode::Keeping,
                share: budget.map(Share::new),
            }),
            taken: AtomicU64::new(0),
            taken_bytes: AtomicU64::new(0),
            pausing: AtomicBool::new(false),
        }
    }

    /// Adds messages of one read.
    pub(crate) fn deliver(
        &self,
        chunk: &Bytes,
        frames: impl Iterator<Item = MessageFrame>,
    ) -> Delivered {
        let mut outcome = Delivered::default();
        let inbox = &mut *self.inbox.lock();
        if inbox.end.is_some() {
            return outcome;
        }
        let (taken, taken_bytes) =
            (self.taken.load(Ordering::Relaxed), self.taken_bytes.load(Ordering::Relaxed));
        let mut run = inbox.spare.take().unwrap_or_default();
        run.clear();
        let mut pending = inbox.delivered.saturating_sub(taken + inbox.evicted);
        let mut pending_bytes =
            inbox.delivered_bytes.saturating_sub(taken_bytes + inbox.evicted_bytes);
        let (limits, overflow) = inbox.limits_in_force(pending_bytes);
        for frame in frames {
            let size = size_of(&frame);
            let full =
                pending >= limits.messages as u64 || pending_bytes + size > limits.bytes as u64;
            if full {
                match limits.policy {
                    SlowConsumerPolicy::DropNewest => {
                        outcome.dropped += 1;
                        continue;
                    }
                    SlowConsumerPolicy::Fail => {
                        inbox.end = Some(End::Overflow);
                        outcome.news = Some(News::Failed);
                        break;
                    }
                    SlowConsumerPolicy::BackPressure
                        if pending_bytes + size
                            > (limits.bytes as u64).saturating_add(overflow) =>
                    {
                        outcome.dropped += 1;
                        continue;
                    }
                    SlowConsumerPolicy::BackPressure => {
                        if inbox.episode != Episode::Pausing {
                            inbox.episode = Episode::Pausing;
                            self.pausing.store(true, Ordering::Relaxed);
                            outcome.news = Some(News::Pause);
                        }
                    }
                    SlowConsumerPolicy::DropOldest => {
                        let Some(gone) = evict(&mut inbox.runs, &mut run) else {
                            outcome.dropped += 1;
                            continue;
                        };
                        inbox.evicted += 1;
                        inbox.evicted_bytes += gone;
                        pending -= 1;
                        pending_bytes = pending_bytes.saturating_sub(gone);
                        outcome.dropped += 1;
                    }
                }
            }
            run.push(frame);
            inbox.delivered += 1;
            inbox.delivered_bytes += size;
            pending += 1;
            pending_bytes += size;
        }
        inbox.max_pending = inbox.max_pending.max(pending);
        inbox.max_pending_bytes = inbox.max_pending_bytes.max(pending_bytes);
        inbox.dropped += outcome.dropped;
        inbox.charge(pending_bytes);
        if outcome.dropped > 0 {
            if inbox.episode == Episode::Keeping {
                inbox.episode = Episode::Dropping;
                outcome.news = Some(News::Slow);
            }
        } else if inbox.episode == Episode::Dropping {
            inbox.episode = Episode::Keeping;
        }
        if run.is_empty() {
            inbox.spare = Some(run);
        } else {
            inbox.runs.push_back(Run { chunk: chunk.clone(), frames: run, at: 0 });
        }
        outcome.waker = inbox.waker.take();
        outcome
    }

    /// Ends the queue behind what is in it; the first reason stays.
    pub(crate) fn end(&self, end: End) -> Option<Waker> {
        let mut inbox = self.inbox.lock();
        if inbox.end.is_none() {
            inbox.end = Some(end);
        }
        inbox.waker.take()
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inbox.lock().limits
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        self.inbox.lock().limits = limits;
    }

    pub(crate) fn ended(&self) -> Option<End> {
        self.inbox.lock().end.clone()
    }

    pub(crate) fn pending(&self) -> Pending {
        let inbox = self.inbox.lock();
        let taken = self.taken.load(Ordering::Relaxed);
        let taken_bytes = self.taken_bytes.load(Ordering::Relaxed);
        Pending {
            messages: inbox.delivered.saturating_sub(taken + inbox.evicted),
            bytes: inbox.delivered_bytes.saturating_sub(taken_bytes + inbox.evicted_bytes),
            max_messages: inbox.max_pending,
            max_bytes: inbox.max_pending_bytes,
            delivered: inbox.delivered,
            dropped: inbox.dropped,
        }
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
        let mut inbox = self.inbox.lock();
        inbox.runs.clear();
        inbox.evicted = inbox.delivered - self.taken.load(Ordering::Relaxed);
        inbox.evicted_bytes = inbox.delivered_bytes - self.taken_bytes.load(Ordering::Relaxed);
        inbox.charge(0);
    }

    pub(crate) fn reset_max_pending(&self) {
        let mut inbox = self.inbox.lock();
        (inbox.max_pending, inbox.max_pending_bytes) = (0, 0);
    }
}

/// Drops the oldest message of a queue, or of the run that is being made; returns its size.
fn evict(runs: &mut VecDeque<Run>, making: &mut Vec<MessageFrame>) -> Option<u64> {
    while let Some(oldest) = runs.front_mut() {
        if let Some(frame) = oldest.frames.get(oldest.at) {
            let size = size_of(frame);
            oldest.at += 1;
            if oldest.at == oldest.frames.len() {
                runs.pop_front();
            }
            return Some(size);
        }
        runs.pop_front();
    }
    (!making.is_empty()).then(|| size_of(&making.remove(0)))
}
