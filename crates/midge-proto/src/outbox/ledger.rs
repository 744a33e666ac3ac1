//! Which message of the queue is how old and under which policy, while there is no connection.

use super::policy::{BufferPolicy, Class, ReconnectBuffer};
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

/// One entry for each message of the queue, in its order.
///
/// A message that is dropped stays in the bytes of its chunk until the chunk goes, or the queue is
/// swept: its entry says that it does not count.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: VecDeque<Entry>,
    /// The number of the first entry; numbers go on while entries leave at the front.
    first: u64,
    shares: Vec<Share>,
    /// Entries at the back whose time is not known yet.
    unstamped: usize,
    /// Entries at the front whose messages were dropped.
    dropped_front: usize,
    dropped_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    class: Class,
    /// On the wire, in bytes.
    len: usize,
    at: Option<Instant>,
    state: EntryState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryState {
    Waits,
    Dropped,
}

/// What waits under one policy.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    messages: usize,
    bytes: usize,
    /// The number of the oldest, if there is any.
    oldest: u64,
}

impl Ledger {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            shares: vec![Share::default(); classes],
            unstamped: 0,
            dropped_front: 0,
            dropped_bytes: 0,
        }
    }

    /// Messages and bytes that wait under a policy.
    pub(super) fn waiting(&self, class: Class) -> (usize, usize) {
        self.shares.get(class).map_or((0, 0), |share| (share.messages, share.bytes))
    }

    pub(super) fn push(&mut self, class: Class, len: usize) {
        let share = &mut self.shares[class];
        if share.messages == 0 {
            share.oldest = self.first + self.entries.len() as u64;
        }
        share.messages += 1;
        share.bytes += len;
        self.entries.push_back(Entry { class, len, at: None, state: EntryState::Waits });
        self.unstamped += 1;
    }

    /// Drops the oldest message under a policy; says whether there was any.
    pub(super) fn drop_oldest(&mut self, class: Class) -> bool {
        let share = &mut self.shares[class];
        let at = (share.oldest - self.first) as usize;
        let Some(entry) = self.entries.get_mut(at).filter(|_| share.messages > 0) else {
            return false;
        };
        share.messages -= 1;
        entry.state = EntryState::Dropped;
        share.bytes -= entry.len;
        self.dropped_bytes += entry.len;
        if share.messages > 0 {
            let next = self.entries.range(at + 1..).position(|entry| entry.class == class);
            share.oldest += 1 + next.map_or(0, |steps| steps as u64);
        }
        let front = self.entries.range(self.dropped_front..);
        let dropped = |entry: &&Entry| entry.state == EntryState::Dropped;
        self.dropped_front += front.take_while(dropped).count();
        true
    }

    /// Gives a time to the messages that came since the last call.
    pub(super) fn stamp(&mut self, now: Instant) {
        let from = self.entries.len() - self.unstamped;
        self.entries.range_mut(from..).for_each(|entry| entry.at = Some(now));
        self.unstamped = 0;
    }

    /// When the oldest message under a policy is too old.
    pub(super) fn expiry(&self, class: Class, policy: &BufferPolicy) -> Option<Instant> {
        let share = self.shares.get(class).filter(|share| share.messages > 0)?;
        let entry = self.entries.get((share.oldest - self.first) as usize)?;
        Some(entry.at? + policy.max_age?)
    }

    /// Whether the first so many messages of the queue were all dropped; forgets them then.
    pub(super) fn release_front(&mut self, messages: usize) -> bool {
        if messages == 0 || messages > self.dropped_front {
            return false;
        }
        self.dropped_bytes -= self.entries.drain(..messages).map(|entry| entry.len).sum::<usize>();
        self.dropped_front -= messages;
        // A burst may be dropped again before it got its time.
        self.unstamped = self.unstamped.min(self.entries.len());
        self.first += messages as u64;
        true
    }

    /// Whether messages of the queue were dropped.
    pub(super) fn is_clean(&self) -> bool {
        self.dropped_bytes == 0
    }

    /// Bytes of the queue that belong to dropped messages.
    pub(super) fn dropped_bytes(&self) -> usize {
        self.dropped_bytes
    }

    /// Which messages of the queue still count, in order; forgets the others.
    pub(super) fn sweep(&mut self) -> Vec<bool> {
        let waits = |entry: &Entry| entry.state == EntryState::Waits;
        let kept: Vec<bool> = self.entries.iter().map(waits).collect();
        self.entries.retain(waits);
        self.first = 0;
        (self.dropped_front, self.dropped_bytes) = (0, 0);
        // Those without a time are at the back, and some of them may have gone.
        self.unstamped = self.entries.iter().rev().take_while(|entry| entry.at.is_none()).count();
        let mut seen = vec![false; self.shares.len()];
        for (number, entry) in (0u64..).zip(&self.entries) {
            if !core::mem::replace(&mut seen[entry.class], true) {
                self.shares[entry.class].oldest = number;
            }
        }
        kept
    }
}

impl ReconnectBuffer {
    /// A ledger, if the policies need one.
    pub(super) fn ledger(&self) -> Option<Ledger> {
        (!self.is_plain()).then(|| Ledger::new(self.classes()))
    }
}
