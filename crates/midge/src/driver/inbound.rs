//! Bytes that came in: the buffer they are read into, and the sorting of messages by subscription.

use bytes::{Bytes, BytesMut};
use midge_proto::{MessageFrame, Slot};

/// Smallest read buffer in bytes: INFO and a few small messages.
const BUFFER_MIN: usize = 2 << 10;

/// Largest read buffer in bytes, but for a message that is larger.
pub(crate) const BUFFER_MAX_DEFAULT: usize = 64 << 10;

/// Room for a read in bytes below which a new buffer is taken.
const ROOM_MIN: usize = 512;

/// A buffer that bytes are read into and whole frames are cut off from.
///
/// It grows while reads fill it and shrinks with an idle connection. What is cut off is shared with
/// the messages in it; what is left of an unfinished frame moves to the next buffer once at most.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    /// Initialised throughout; bytes up to `filled` were read.
    buf: BytesMut,
    filled: usize,
    size: usize,
    max: usize,
}

impl ReadBuffer {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(BUFFER_MIN);
        Self { buf: BytesMut::new(), filled: 0, size: BUFFER_MIN, max }
    }

    /// Where to read to; `wanted` is the size of an unfinished message at the front.
    pub(crate) fn room(&mut self, wanted: usize) -> &mut [u8] {
        let capacity = self.size.max(wanted);
        let short = self.buf.len() - self.filled < ROOM_MIN;
        if short || self.buf.len() < wanted {
            let mut fresh = BytesMut::zeroed(capacity.max(self.filled + ROOM_MIN));
            fresh[..self.filled].copy_from_slice(&self.buf[..self.filled]);
            self.buf = fresh;
        }
        &mut self.buf[self.filled..]
    }

    /// So many bytes were read.
    pub(crate) fn read(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.buf.len());
        if self.filled == self.buf.len() && self.size < self.max {
            self.size = (self.size * 2).min(self.max);
        }
    }

    /// Adds bytes from elsewhere.
    #[cfg(feature = "tls")]
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.room(self.filled + bytes.len());
        self.buf[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.read(bytes.len());
    }

    /// What was read and not cut off.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.buf[..self.filled]
    }

    /// Cuts `count` bytes off the front, to be shared by the messages in them.
    pub(crate) fn cut(&mut self, count: usize) -> Bytes {
        self.filled -= count;
        self.buf.split_to(count).freeze()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buf = BytesMut::new();
        self.filled = 0;
        self.size = BUFFER_MIN;
    }

    /// Nothing is expected soon: lets go of an empty buffer if a new one costs next to nothing.
    pub(crate) fn rest(&mut self) {
        if self.filled == 0 && self.size == BUFFER_MIN {
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

/// The messages of one read, chained by subscription, so that each gets its run at one go.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    staged: Vec<Staged>,
    /// First and last of each chain, by slot.
    chains: Vec<Chain>,
    touched: Vec<Slot>,
}

#[derive(Debug, Clone, Copy)]
struct Staged {
    frame: MessageFrame,
    next: u32,
}

#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

const NONE: u32 = u32::MAX;

impl Sorter {
    #[inline]
    pub(crate) fn stage(&mut self, slot: Slot, frame: MessageFrame) {
        let at = self.staged.len() as u32;
        self.staged.push(Staged { frame, next: NONE });
        let index = slot.index();
        if index >= self.chains.len() {
            self.chains.resize(index + 1, Chain { first: NONE, last: NONE });
        }
        let chain = &mut self.chains[index];
        if chain.first == NONE {
            chain.first = at;
            self.touched.push(slot);
        } else {
            self.staged[chain.last as usize].next = at;
        }
        chain.last = at;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.staged.len()
    }

    /// The slots with messages, in the order of their first ones.
    pub(crate) fn touched(&self) -> impl Iterator<Item = Slot> {
        self.touched.iter().copied()
    }

    /// The messages of a slot, in order.
    pub(crate) fn frames(&self, slot: Slot) -> impl Iterator<Item = MessageFrame> {
        let mut at = self.chains.get(slot.index()).map_or(NONE, |chain| chain.first);
        core::iter::from_fn(move || {
            let staged = self.staged.get(at as usize)?;
            at = staged.next;
            Some(staged.frame)
        })
    }

    pub(crate) fn clear(&mut self) {
        self.staged.clear();
        for slot in self.touched.drain(..) {
            self.chains[slot.index()] = Chain { first: NONE, last: NONE };
        }
    }

    /// Lets go of memory: for an idle connection.
    pub(crate) fn shrink(&mut self) {
        if self.staged.is_empty() {
            self.staged = Vec::new();
            self.touched = Vec::new();
        }
    }
}
