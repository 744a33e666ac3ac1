//! Appending while there is no connection, within the policies for that.

use super::chunk::Chunk;
use super::ledger::Ledger;
use super::policy::{BufferPolicy, Class, ReconnectBuffer, WhenFull};
use super::{Intake, Outbox, Publish, Refusal};
use crate::header::HeaderMap;
use crate::time::Instant;
use alloc::collections::VecDeque;
use core::time::Duration;

/// Messages that the policies of a [`ReconnectBuffer`] or the application gave up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferDrops {
    /// Dropped as they came, for want of room.
    pub newest: u64,
    /// Dropped to make room for newer ones.
    pub oldest: u64,
    /// Waited for too long.
    pub expired: u64,
    /// Not sent by the application's choice once there was a connection again.
    pub declined: u64,
}

impl BufferDrops {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.newest + self.oldest + self.expired + self.declined
    }
}

/// Whether the one who appends can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    MayWait,
    None,
}

/// What is known while there is no connection.
#[derive(Debug)]
pub(super) struct Offline {
    pub(super) buffer: ReconnectBuffer,
    /// Only where the policies need it, and only without a connection.
    pub(super) ledger: Option<Ledger>,
    pub(super) drops: BufferDrops,
    told: Told,
}

/// Whether it was told that messages are dropped, which is done once until there is a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    No,
    Yes,
}

impl Offline {
    pub(super) fn new(buffer: ReconnectBuffer) -> Self {
        let ledger = buffer.ledger();
        Self { buffer, ledger, drops: BufferDrops::default(), told: Told::No }
    }

    /// Begins the bookkeeping with what waits already.
    pub(super) fn open_ledger(&mut self, queue: &VecDeque<Chunk>) {
        self.ledger = self.buffer.ledger();
        let Some(ledger) = &mut self.ledger else { return };
        for publish in queue.iter().flat_map(Chunk::queued_publishes) {
            ledger.push(self.buffer.class_of(publish.subject()), publish.frame.len());
        }
    }
}

impl Outbox {
    /// Changes what is kept while there is no connection; to be called before anything is.
    pub fn set_reconnect_buffer(&mut self, buffer: ReconnectBuffer) {
        self.offline = Offline::new(buffer);
    }

    /// Changes how many bytes are kept while there is no connection, under the policy for subjects
    /// without one of their own.
    pub fn set_reconnect_bytes(&mut self, bytes: usize) {
        let policy = self.offline.buffer.rest();
        *policy = policy.bytes(bytes);
    }

    /// Appends a message, or makes of it what its policy says.
    #[cold]
    pub(super) fn publish_offline(
        &mut self,
        message: Publish<'_>,
        headers: Option<&HeaderMap>,
        header_len: usize,
        size: usize,
        patience: Patience,
    ) -> Result<(), Refusal> {
        let class = self.offline.buffer.class_of(message.subject);
        let policy = self.offline.buffer.policy(class);
        if let Some(refusal) = self.lack(class, size, &policy) {
            // A message without a body is no exception where nothing may be kept.
            let hopeless = size > policy.bytes || policy.bytes == 0 || policy.messages == 0;
            match policy.when_full {
                WhenFull::DropNewest => {
                    self.offline.drops.newest += 1;
                    return Err(Refusal::Discarded);
                }
                WhenFull::Wait(_) if patience == Patience::MayWait && !hopeless => {
                    return Err(Refusal::Full);
                }
                WhenFull::DropOldest if !hopeless => self.make_room(class, size, &policy),
                WhenFull::Fail | WhenFull::Wait(_) | WhenFull::DropOldest => return Err(refusal),
            }
        }
        let before = self.queued;
        self.append(message, headers, header_len, size);
        let len = self.queued - before;
        if let Some(ledger) = &mut self.offline.ledger {
            ledger.push(class, len);
        }
        Ok(())
    }

    /// How long a publisher of `subject` may wait for room or for a connection.
    #[must_use]
    pub fn offline_wait(&self, subject: &[u8]) -> Option<Duration> {
        let buffer = &self.offline.buffer;
        match buffer.policy(buffer.class_of(subject)).when_full {
            WhenFull::Wait(time) => Some(time),
            WhenFull::Fail | WhenFull::DropOldest | WhenFull::DropNewest => None,
        }
    }

    /// Gives the messages kept since the last call their time.
    pub fn stamp(&mut self, now: Instant) {
        if let Some(ledger) = &mut self.offline.ledger {
            ledger.stamp(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called: some message is too old then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ledger = self.offline.ledger.as_ref()?;
        let buffer = &self.offline.buffer;
        (0..buffer.classes()).filter_map(|class| ledger.expiry(class, &buffer.policy(class))).min()
    }

    /// Drops the messages that waited for a connection too long; says whether there were any.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let before = self.offline.drops.expired;
        for class in 0..self.offline.buffer.classes() {
            let policy = self.offline.buffer.policy(class);
            let Some(ledger) = &mut self.offline.ledger else { return false };
            while ledger.expiry(class, &policy).is_some_and(|at| at <= now)
                && ledger.drop_oldest(class)
            {
                self.offline.drops.expired += 1;
            }
        }
        self.let_go_of_dropped();
        self.offline.drops.expired > before
    }

    /// How many messages were dropped, each told once: when dropping begins, and the rest when there
    /// is a connection or the client is closed.
    pub fn poll_drops(&mut self) -> Option<BufferDrops> {
        let over = self.is_online() || self.intake == Intake::Closed;
        if over {
            self.offline.told = Told::No;
        }
        if self.offline.told == Told::Yes || self.offline.drops.total() == 0 {
            return None;
        }
        if !over {
            self.offline.told = Told::Yes;
        }
        Some(core::mem::take(&mut self.offline.drops))
    }

    /// What there is no room for, if a message of so many bytes has none.
    fn lack(&self, class: Class, size: usize, policy: &BufferPolicy) -> Option<Refusal> {
        let (messages, bytes) = match &self.offline.ledger {
            Some(ledger) => ledger.waiting(class),
            None => (0, self.queued),
        };
        if policy.bytes == 0 || bytes + size > policy.bytes {
            return Some(Refusal::BufferFull { limit: policy.bytes });
        }
        let limit = policy.messages;
        (messages >= limit).then_some(Refusal::TooManyBuffered { limit })
    }

    fn make_room(&mut self, class: Class, size: usize, policy: &BufferPolicy) {
        while self.lack(class, size, policy).is_some()
            && self.offline.ledger.as_mut().is_some_and(|ledger| ledger.drop_oldest(class))
        {
            self.offline.drops.oldest += 1;
        }
        self.let_go_of_dropped();
    }

    /// Takes dropped messages out of the queue and ends the bookkeeping, before there is a
    /// connection or whatever else changes the queue.
    pub(super) fn close_ledger(&mut self) {
        self.sweep();
        self.offline.ledger = None;
    }

    /// Begins the bookkeeping anew for an empty queue, where there is no connection.
    pub(super) fn reopen_ledger(&mut self) {
        if !self.is_online() {
            self.offline.ledger = self.offline.buffer.ledger();
        }
    }

    /// Frees the chunks at the front that hold dropped messages only, and all dropped messages
    /// where they have become many.
    fn let_go_of_dropped(&mut self) {
        loop {
            let front = self.closed.front().unwrap_or(&self.tail).publishes() as usize;
            let Some(ledger) = &mut self.offline.ledger else { return };
            if !ledger.release_front(front) {
                break;
            }
            if let Some(chunk) = self.take_any() {
                self.recycle(chunk);
            }
        }
        let dropped = self.offline.ledger.as_ref().map_or(0, Ledger::dropped_bytes);
        if dropped > SWEEP_BYTES_MIN && dropped > (self.queued - dropped) / 2 {
            self.sweep();
        }
    }
}

/// Bytes of dropped messages that may stay in the queue whatever else is in it.
const SWEEP_BYTES_MIN: usize = 128 << 10;

#[cfg(test)]
mod tests;
