//! What a mailbox keeps behind its lock.

use super::budget::{Budget, Share};
use super::seldom::Seldom;
use super::{Delivered, End, Gap, Limits, News, Run, SubscriptionState, size_of};
use crate::sync::Arc;
use core::task::Waker;
use midge_proto::MessageFrame;
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) runs: VecDeque<Run>,
    /// Places of the first message that waits here and of the next one to come, counted from the
    /// first there ever was.
    pub(super) front: u64,
    pub(super) tail: u64,
    /// An emptied run, to be filled again.
    pub(super) spare: Vec<MessageFrame>,
    /// Of the reader, while it waits at the end of the queue.
    pub(super) waker: Option<Waker>,
    pub(super) end_met: EndMet,
    pub(super) limits: Limits,
    pub(super) end: Option<Box<End>>,
    /// Messages that came, those that found no room included, and how many may come in all.
    pub(super) came: u64,
    pub(super) max: u64,
    pub(super) delivered: u64,
    pub(super) delivered_bytes: u64,
    pub(super) max_pending: u64,
    pub(super) max_pending_bytes: u64,
    /// The driver wants to be told when everything was read.
    pub(super) tell_when_read: Tell,
    pub(super) episode: Episode,
    pub(super) drain: Drain,
    pub(super) gaps: Gaps,
    pub(super) seldom: Option<Box<Seldom>>,
}

/// Whether the reader was told that nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndMet {
    No,
    Yes,
}

/// Whether missing messages are told in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    Untold,
    Told,
}

/// Whether the subscription was asked to end behind what is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drain {
    No,
    Begun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    No,
    Yes,
}

/// Whether the subscription is slow at present: news of it are given once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Episode {
    Keeping,
    /// The driver stopped something for it and wants to be told when there is room.
    Pausing,
    Dropping,
}

impl Inbox {
    pub(super) fn new(limits: Limits, budget: Option<&Arc<Budget>>) -> Self {
        Self {
            runs: VecDeque::new(),
            front: 0,
            tail: 0,
            spare: Vec::new(),
            waker: None,
            end_met: EndMet::No,
            limits,
            end: None,
            came: 0,
            max: u64::MAX,
            delivered: 0,
            delivered_bytes: 0,
            max_pending: 0,
            max_pending_bytes: 0,
            tell_when_read: Tell::No,
            episode: Episode::Keeping,
            drain: Drain::No,
            gaps: Gaps::Untold,
            seldom: budget.map(|budget| {
                Box::new(Seldom { share: Some(Share::new(budget)), ..Seldom::default() })
            }),
        }
    }

    /// What is seldom needed, because it is needed.
    #[cold]
    pub(super) fn seldom(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_default()
    }

    /// Messages and bytes dropped or replaced after they were delivered.
    #[inline]
    pub(super) fn evicted(&self) -> (u64, u64) {
        self.seldom.as_ref().map_or((0, 0), |seldom| (seldom.evicted, seldom.evicted_bytes))
    }

    /// How the subscription is.
    pub(super) fn state(&self) -> SubscriptionState {
        match (&self.end, self.drain, self.episode) {
            (Some(_), _, _) => SubscriptionState::Closed,
            (None, Drain::Begun, _) => SubscriptionState::Draining,
            (None, Drain::No, Episode::Dropping | Episode::Pausing) => SubscriptionState::Slow,
            (None, Drain::No, Episode::Keeping) => SubscriptionState::Active,
        }
    }

    /// Closes the books on a delivery that left so much waiting.
    #[inline]
    pub(super) fn delivered(&mut self, outcome: &mut Delivered, pending: u64, pending_bytes: u64) {
        self.max_pending = self.max_pending.max(pending);
        self.max_pending_bytes = self.max_pending_bytes.max(pending_bytes);
        self.charge(pending_bytes);
        let slow = outcome.dropped > 0 || outcome.news.is_some();
        if slow || self.episode == Episode::Dropping {
            self.note_episode(outcome);
        }
        outcome.waker = self.waker.take();
    }

    #[cold]
    pub(super) fn note_episode(&mut self, outcome: &mut Delivered) {
        self.seldom().dropped += outcome.dropped;
        match self.episode {
            Episode::Keeping if outcome.dropped > 0 => {
                self.episode = Episode::Dropping;
                outcome.news = Some(News::Slow);
            }
            Episode::Dropping if outcome.dropped == 0 => self.episode = Episode::Keeping,
            Episode::Keeping | Episode::Dropping | Episode::Pausing => {}
        }
        outcome.watchers = self.note_state();
    }

    /// Tells those who watch how the subscription is; they are to be woken without the lock.
    pub(super) fn note_state(&mut self) -> Vec<Waker> {
        let state = self.state();
        self.seldom.as_mut().map_or_else(Vec::new, |seldom| seldom.watchers.set(state))
    }

    /// Drops the message that would follow the `making` ones of the run that is being made.
    #[cold]
    pub(super) fn drop_newest(&mut self, outcome: &mut Delivered, making: usize) {
        outcome.dropped += 1;
        self.add_gap(making, Gap::dropped(1));
    }

    /// Messages are missing behind all that waits and `making` more.
    pub(super) fn add_gap(&mut self, making: usize, gap: Gap) {
        if self.gaps == Gaps::Told {
            let place = self.tail + making as u64;
            self.seldom().marks.add_gap(place, gap);
        }
    }

    /// Messages may be missing behind all that waits; a reader who is told of that is to be woken
    /// without the lock.
    pub(super) fn note_unseen(&mut self) -> Option<Waker> {
        self.add_gap(0, Gap::UNSEEN);
        match self.gaps {
            Gaps::Told => self.waker.take(),
            Gaps::Untold => None,
        }
    }

    /// Drops the oldest message of the queue, or of the run that is being made; returns its size.
    #[cold]
    pub(super) fn evict(&mut self, making: &mut Vec<MessageFrame>) -> Option<u64> {
        let size = match self.runs.front_mut() {
            Some(oldest) => {
                let size = oldest.frames.get(oldest.at).map(size_of);
                oldest.at += 1;
                if oldest.at >= oldest.frames.len() {
                    self.runs.pop_front();
                }
                size?
            }
            None if making.is_empty() => return None,
            None => {
                self.tail += 1;
                size_of(&making.remove(0))
            }
        };
        self.count_evicted(size);
        Some(size)
    }

    /// Counts the oldest message as dropped after it was delivered.
    pub(super) fn count_evicted(&mut self, size: u64) {
        self.front += 1;
        let (front, gaps) = (self.front, self.gaps);
        let seldom = self.seldom();
        seldom.evicted += 1;
        seldom.evicted_bytes += size;
        if gaps == Gaps::Told {
            seldom.marks.add_gap_in_front(front, Gap::dropped(1));
        }
    }

    /// Takes the oldest run, up to the first mark in it.
    pub(super) fn pop_run(&mut self) -> Option<Run> {
        let Some(mut run) = self.runs.pop_front() else {
            let latest = self.seldom.as_mut()?.latest.as_mut()?;
            let run = latest.pop_run(core::mem::take(&mut self.spare))?;
            self.front += 1;
            return Some(run);
        };
        let mut count = run.frames.len() - run.at;
        if let Some(seldom) = &self.seldom
            && let Some(distance) = seldom.marks.distance(self.front)
            && distance < count
        {
            let frames = run.frames.split_off(run.at + distance);
            self.runs.push_front(Run { chunk: run.chunk.clone(), frames, at: 0 });
            count = distance;
        }
        self.front += count as u64;
        Some(run)
    }

    /// Whether half of the limits is free.
    pub(super) fn has_room(&self, pending: u64, bytes: u64) -> bool {
        pending <= self.limits.messages as u64 / 2 && bytes <= self.limits.bytes as u64 / 2
    }
}
