//! Counters of a client.

use crate::sync::{AtomicU64, Ordering};

/// Counters over the whole life of a client, all its connections together (ADR-40).
///
/// The driver brings them up to date when it writes and reads; [`Client::statistics`] does so, too.
///
/// [`Client::statistics`]: crate::Client::statistics
#[derive(Debug, Default)]
pub struct Statistics {
    /// Bytes read from sockets.
    pub in_bytes: AtomicU64,
    /// Bytes written to sockets.
    pub out_bytes: AtomicU64,
    /// Messages received (`MSG` and `HMSG`).
    pub in_messages: AtomicU64,
    /// Messages accepted for publishing (`PUB` and `HPUB`).
    pub out_messages: AtomicU64,
    /// Connections made, the first one included.
    pub connects: AtomicU64,
    /// Messages that no subscription had room for.
    pub dropped_messages: AtomicU64,
    /// Published messages that were given up without being sent: by a policy of the reconnect buffer,
    /// by the application's choice, because the server does not take them, or because the client
    /// ended before.
    pub dropped_publishes: AtomicU64,
    /// Published messages that `out_messages` has taken in.
    published_seen: AtomicU64,
}

impl Statistics {
    /// Takes in how many messages the outbox has ever accepted.
    pub(crate) fn set_published(&self, published: u64) {
        let seen = self.published_seen.swap(published, Ordering::Relaxed);
        add(&self.out_messages, published.saturating_sub(seen));
    }

    /// Sets every counter to zero.
    pub fn reset(&self) {
        for counter in [
            &self.in_bytes,
            &self.out_bytes,
            &self.in_messages,
            &self.out_messages,
            &self.connects,
            &self.dropped_messages,
            &self.dropped_publishes,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
