//! Messages that waited for a connection, for somebody to say whether they are still to be sent.

use super::Outbox;
use super::chunk::{Chunk, History};
use super::requeue::Kept;
use crate::message::OutboundMessage;
use alloc::vec::Vec;

/// A message that waited for a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldPublish {
    /// The message.
    pub message: OutboundMessage,
    /// What is known of it.
    pub fate: HeldFate,
}

/// What is known of a message that waited for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldFate {
    /// No server has it.
    Unwritten,
    /// It was written to a connection that was lost before anything proved its arrival: sent again,
    /// it may arrive twice.
    Uncertain,
}

/// What to do with a message that waited for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Send it.
    Send,
    /// Drop it; it is counted.
    Drop,
}

/// The queue of an outbox, taken out to be decided on without it.
#[derive(Debug)]
#[must_use = "what is not put back is lost"]
pub struct Held {
    chunks: Vec<Chunk>,
}

/// What is left of a [`Held`] queue.
#[derive(Debug)]
#[must_use = "what is not put back is lost"]
pub struct Decided {
    kept: Kept,
    declined: u64,
}

impl Held {
    /// Asks about each message, in order.
    pub fn decide(self, mut verdict: impl FnMut(&HeldPublish) -> Verdict) -> Decided {
        let (mut kept, mut declined) = (Kept::default(), 0);
        for publish in self.chunks.iter().flat_map(Chunk::queued_publishes) {
            let fate = match publish.history {
                History::Unwritten => HeldFate::Unwritten,
                History::Written => HeldFate::Uncertain,
            };
            match verdict(&HeldPublish { message: publish.message().into(), fate }) {
                Verdict::Send => kept.push(&publish),
                Verdict::Drop => declined += 1,
            }
        }
        Decided { kept, declined }
    }
}

impl Outbox {
    /// Takes out all messages that wait, to be [put back](Self::put_back) before
    /// [`set_online`](Self::set_online).
    pub fn take_held(&mut self) -> Held {
        self.close_ledger();
        let held = Held { chunks: self.drain_queue() };
        self.refill(Kept::default());
        self.reopen_ledger();
        held
    }

    /// Puts messages back in front of what came meanwhile, and counts those that were declined.
    pub fn put_back(&mut self, decided: Decided) {
        self.close_ledger();
        let Decided { kept, declined } = decided;
        self.offline.drops.declined += declined;
        self.largest = self.largest.max(kept.largest);
        self.with_headers |= kept.with_headers;
        for chunk in kept.chunks.into_iter().rev() {
            self.queued += chunk.len();
            self.closed.push_front(chunk);
        }
    }
}

#[cfg(test)]
mod tests;
