//! When the last, unfinished chunk of a flood is worth a write of its own.
//!
//! Whoever writes and whoever publishes may run side by side. If each write takes just what has come
//! since the one before, both settle at small writes: with messages of 128 bytes they were measured
//! to carry 5 KiB each, and a message to cost 145 ns of CPU time instead of 96 ns with writes of
//! 32 KiB. So once much was written without a rest, an unfinished chunk waits for more, for
//! [`HOLD_MAX`] at most: until it is full where publishers are ahead of the socket, and for the size of
//! a decent write where they are not.

use core::time::Duration;

/// How long an unfinished chunk may be held back.
///
/// At the pace that makes a flood enough has come long before; this is for its end.
pub const HOLD_MAX: Duration = Duration::from_millis(1);

/// Bytes taken without a rest that make a flood.
const FLOOD_BYTES: usize = 256 << 10;

/// Copied bytes that are worth a write where publishers are not ahead of the socket: most of what there
/// is to gain, and soon there. Payloads that are not copied gain more by waiting.
const DECENT_BYTES: usize = 32 << 10;

/// How much was taken since there was last nothing to take.
#[derive(Debug, Default)]
pub(super) struct Pace {
    without_rest: usize,
    supply: Supply,
}

/// Whether publishers were ahead of the socket since there was last nothing to take.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Supply {
    #[default]
    Follows,
    Ahead,
}

impl Pace {
    #[inline]
    pub(super) fn is_flood(&self) -> bool {
        self.without_rest >= FLOOD_BYTES
    }

    /// Whether so few bytes in an unfinished chunk of a flood are to wait for more.
    #[inline]
    pub(super) fn waits_for_more(&self, bytes: usize) -> bool {
        self.supply == Supply::Ahead || bytes < DECENT_BYTES
    }

    /// So many bytes are taken.
    pub(super) fn take(&mut self, bytes: usize) {
        self.without_rest = self.without_rest.saturating_add(bytes);
    }

    /// More waits than at the low-water mark.
    pub(super) fn note_ahead(&mut self) {
        self.supply = Supply::Ahead;
    }

    /// Nothing was left to take, or what is left must not wait.
    #[inline]
    pub(super) fn rest(&mut self) {
        *self = Self::default();
    }
}
