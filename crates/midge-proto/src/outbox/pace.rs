//! When the last, unfinished chunk of a flood is worth a write of its own.
//!
//! Whoever writes and whoever publishes may run side by side. If each write takes just what has come
//! since the one before, both settle at small writes: with messages of 128 bytes they were measured
//! to carry 5 KiB each, and a message to cost 145 ns of CPU time instead of 96 ns with writes of a
//! whole chunk. So once much was written without a rest, an unfinished chunk waits until it is full,
//! for [`HOLD_MAX`] at most.

use core::time::Duration;

/// How long an unfinished chunk may be held back.
///
/// At the pace that makes a flood a chunk is full long before; this is for its end.
pub const HOLD_MAX: Duration = Duration::from_millis(1);

/// Bytes taken without a rest that make a flood.
const FLOOD_BYTES: usize = 256 << 10;

/// How much was taken since there was last nothing to take.
#[derive(Debug, Default)]
pub(super) struct Pace {
    without_rest: usize,
}

impl Pace {
    #[inline]
    pub(super) fn is_flood(&self) -> bool {
        self.without_rest >= FLOOD_BYTES
    }

    pub(super) fn take(&mut self, bytes: usize) {
        self.without_rest = self.without_rest.saturating_add(bytes);
    }

    /// Nothing was left to take, or what is left must not wait.
    #[inline]
    pub(super) fn rest(&mut self) {
        self.without_rest = 0;
    }
}
