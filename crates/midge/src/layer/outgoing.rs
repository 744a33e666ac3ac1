//! Bytes that a layer made, and how much of what came from above they stand for.

use std::collections::VecDeque;

/// Bytes from above that a layer takes as one piece: what a TLS record holds.
pub(crate) const PIECE_BYTES_MAX: usize = 16 << 10;

/// Bytes made ahead of what is taken from below.
const AHEAD_BYTES_MAX: usize = 64 << 10;

/// What a layer made and what has been taken of it.
///
/// Each piece from above has a mark where its last byte ends. What is above counts as written when
/// that byte was taken, and not before.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    /// How many of `bytes` were taken.
    sent: usize,
    /// Bytes ever taken.
    taken: u64,
    /// Where each piece ends, counted as `taken` is, and how long it is above.
    marks: VecDeque<(u64, usize)>,
    /// Bytes from above that were made into `bytes` and are not taken yet.
    encoded: usize,
}

impl Outgoing {
    /// Where the layer puts its bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// All that was put in last stands for `len` bytes from above.
    pub(crate) fn mark(&mut self, len: usize) {
        let end = self.taken + self.pending().len() as u64;
        self.marks.push_back((end, len));
        self.encoded += len;
    }

    /// What waits to be taken.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Whether enough waits already.
    pub(crate) fn is_full(&self) -> bool {
        self.pending().len() >= AHEAD_BYTES_MAX
    }

    /// Bytes from above of which some may not be taken yet.
    pub(crate) fn encoded(&self) -> usize {
        self.encoded
    }

    /// `count` bytes were taken; returns how many bytes from above that completes.
    pub(crate) fn take(&mut self, count: usize) -> usize {
        self.sent += count;
        self.taken += count as u64;
        if self.sent >= self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        }
        let mut completed = 0;
        while let Some(&(end, len)) = self.marks.front() {
            if end > self.taken {
                break;
            }
            completed += len;
            self.marks.pop_front();
        }
        self.encoded -= completed.min(self.encoded);
        completed
    }

    /// Lets go of memory.
    pub(crate) fn shrink(&mut self) {
        if self.pending().is_empty() {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_counts_when_its_last_byte_below_is_taken() {
        let mut outgoing = Outgoing::default();
        outgoing.bytes_mut().extend_from_slice(b"handshake");
        outgoing.bytes_mut().extend_from_slice(b"<abc>");
        outgoing.mark(3);
        outgoing.bytes_mut().extend_from_slice(b"<de>");
        outgoing.mark(2);
        assert_eq!((outgoing.pending().len(), outgoing.encoded()), (18, 5));
        assert_eq!(outgoing.take(9), 0);
        assert_eq!(outgoing.take(4), 0);
        assert_eq!((outgoing.take(1), outgoing.encoded()), (3, 2));
        // Between two pieces the layer may have something to say for itself.
        outgoing.bytes_mut().extend_from_slice(b"pong");
        assert_eq!(outgoing.take(8), 2);
        assert_eq!((outgoing.pending().len(), outgoing.encoded()), (0, 0));
        outgoing.bytes_mut().extend_from_slice(b"<f>");
        outgoing.mark(1);
        assert_eq!(outgoing.take(3), 1);
    }
}
