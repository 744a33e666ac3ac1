//! Bytes that came in: the buffer they are read into.

use bytes::{Bytes, BytesMut};
use core::mem;
use std::collections::VecDeque;

/// Smallest read buffer in bytes: INFO and a few small messages.
const BUFFER_MIN: usize = 2 << 10;

/// Largest read buffer in bytes, but for a message that is larger.
pub(crate) const BUFFER_MAX_DEFAULT: usize = 64 << 10;

/// Room for a read in bytes below which a new buffer is taken.
const ROOM_MIN: usize = 512;

/// Reads after which a small buffer is kept for the next one: more than it takes to connect.
const READS_TO_STAY: u32 = 16;

/// Bytes of buffers in the hands of readers that are looked after, to be filled again.
const RETIRED_BYTES_MAX: usize = 1 << 20;

/// A buffer that bytes are read into and whole frames are cut off from.
///
/// It grows while reads fill it and shrinks with an idle connection. What is cut off is shared with
/// the messages in it; what is left of an unfinished frame moves to the next buffer once at most.
///
/// A buffer that was filled well is handed out whole, and comes back once the messages in it are
/// gone: as long as their reader keeps up, nothing is allocated and nothing is zeroed. One that was
/// made for a message above the usual size does not: small messages would pin it.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    /// Initialised throughout; bytes up to `filled` were read.
    buf: BytesMut,
    filled: usize,
    size: usize,
    max: usize,
    /// How often it was read into since it was last empty-handed.
    reads: u32,
    /// Whole buffers that were handed out, oldest first.
    retired: VecDeque<Bytes>,
}

impl ReadBuffer {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(BUFFER_MIN);
        let (buf, retired) = (BytesMut::new(), VecDeque::new());
        Self { buf, filled: 0, size: BUFFER_MIN, max, reads: 0, retired }
    }

    /// Where to read to; `wanted` is the size of an unfinished message at the front.
    pub(crate) fn room(&mut self, wanted: usize) -> &mut [u8] {
        let short = self.buf.len() - self.filled < ROOM_MIN;
        if short || self.buf.len() < wanted {
            self.renew(0, wanted);
        }
        &mut self.buf[self.filled..]
    }

    /// Goes on in another buffer with what is left behind the first `consumed` bytes; returns the
    /// old one.
    fn renew(&mut self, consumed: usize, wanted: usize) -> BytesMut {
        let left = self.filled - consumed;
        let capacity = self.size.max(wanted).max(left + ROOM_MIN);
        let mut fresh = self.returned(capacity).unwrap_or_else(|| BytesMut::zeroed(capacity));
        fresh[..left].copy_from_slice(&self.buf[consumed..self.filled]);
        self.filled = left;
        mem::replace(&mut self.buf, fresh)
    }

    /// A buffer whose messages are all gone, wherever it stands in the line.
    fn returned(&mut self, capacity: usize) -> Option<BytesMut> {
        let at = self.retired.iter().position(Bytes::is_unique)?;
        let buf = self.retired.remove(at)?.try_into_mut().ok()?;
        (buf.len() >= capacity).then_some(buf)
    }

    fn retire(&mut self, whole: Bytes) {
        if whole.len() > self.max.min(RETIRED_BYTES_MAX) {
            return;
        }
        self.retired.push_back(whole);
        while self.retired.iter().map(Bytes::len).sum::<usize>() > RETIRED_BYTES_MAX {
            self.retired.pop_front();
        }
    }

    /// So many bytes were read.
    pub(crate) fn read(&mut self, count: usize) {
        self.reads = self.reads.saturating_add(1);
        self.filled = (self.filled + count).min(self.buf.len());
        if self.filled == self.buf.len() && self.size < self.max {
            self.size = (self.size * 2).min(self.max);
        }
    }

    /// Adds bytes from elsewhere.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.room(self.filled + bytes.len());
        self.buf[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.read(bytes.len());
    }

    /// What was read and not cut off.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.buf[..self.filled]
    }

    /// Cuts `count` bytes off the front, to be shared by the messages in them; `wanted` is the size
    /// of the unfinished message behind them.
    pub(crate) fn cut(&mut self, count: usize, wanted: usize) -> Bytes {
        if count * 2 < self.buf.len() || self.size == BUFFER_MIN {
            self.filled -= count;
            return self.buf.split_to(count).freeze();
        }
        let whole = self.renew(count, wanted).freeze();
        let chunk = whole.slice(..count);
        self.retire(whole);
        chunk
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buf = BytesMut::new();
        self.filled = 0;
        self.size = BUFFER_MIN;
        self.reads = 0;
        self.retired = VecDeque::new();
    }

    /// Nothing is there to be read: lets go of an empty buffer if a new one costs next to nothing and
    /// is not needed all the time.
    pub(crate) fn rest(&mut self) {
        if self.filled == 0 && self.size == BUFFER_MIN && self.reads < READS_TO_STAY {
            self.buf = BytesMut::new();
        }
    }

    /// Lets go of an empty buffer: for an idle connection.
    pub(crate) fn shrink(&mut self) {
        if self.filled == 0 {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 64 << 10;

    /// Fills the room there is and cuts all of it off, as a read of whole frames does.
    fn read_all(buffer: &mut ReadBuffer) -> Bytes {
        let count = buffer.room(0).len();
        buffer.read(count);
        let filled = buffer.filled().len();
        buffer.cut(filled, 0)
    }

    /// A buffer that has grown to its usual size.
    fn grown() -> ReadBuffer {
        let mut buffer = ReadBuffer::new(MAX);
        while buffer.size < MAX || buffer.buf.len() < MAX {
            read_all(&mut buffer);
        }
        buffer
    }

    #[test]
    fn a_buffer_comes_back_once_its_messages_are_gone_whatever_is_kept_of_others() {
        let mut buffer = grown();
        let kept = read_all(&mut buffer);
        let gone = read_all(&mut buffer);
        let at = gone.as_ptr();
        drop(gone);
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(read_all(&mut buffer).as_ptr());
        }
        assert!(seen.contains(&at), "the second one is read into again");
        assert!(!seen.contains(&kept.as_ptr()), "and the kept one is left alone");
    }

    #[test]
    fn a_buffer_for_a_large_message_does_not_come_back_for_small_ones() {
        let mut buffer = grown();
        read_all(&mut buffer);
        let large = 10 * MAX;
        assert!(buffer.room(large).len() >= large);
        let chunk = read_all(&mut buffer);
        assert!(chunk.len() >= large);
        drop(chunk);
        for _ in 0..20 {
            assert!(buffer.room(0).len() <= MAX);
            read_all(&mut buffer);
        }
    }

    #[test]
    fn no_more_than_a_mebibyte_is_looked_after() {
        let mut buffer = grown();
        let kept: Vec<Bytes> = (0..40).map(|_| read_all(&mut buffer)).collect();
        let retired: usize = buffer.retired.iter().map(Bytes::len).sum();
        assert!(retired <= RETIRED_BYTES_MAX && retired > RETIRED_BYTES_MAX / 2);
        drop(kept);
        buffer.shrink();
        assert!(buffer.retired.is_empty());
    }
}
