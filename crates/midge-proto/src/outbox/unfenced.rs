//! Written chunks whose arrival nothing proves yet, kept to be sent again if need be.

use super::chunk::Chunk;
use alloc::collections::VecDeque;

/// Whether what was written and not fenced is sent again on the next connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Resend {
    /// It is counted, and forgotten once it is written.
    #[default]
    No,
    /// It is kept until a PONG covers it.
    Yes,
}

/// Chunks that were written to the connection at hand and are not covered by a PONG.
#[derive(Debug, Default)]
pub struct Unfenced {
    resend: Resend,
    chunks: VecDeque<Written>,
    bytes: usize,
    /// Bytes written since the last PING that was sent for their sake.
    since_ping: usize,
    /// Publishes written in whole chunks, and those that a PONG covers, which may be more.
    written: u64,
    fenced: u64,
}

#[derive(Debug)]
struct Written {
    chunk: Chunk,
    /// Publishes written to the connection with this chunk and all before it.
    end: u64,
}

impl Unfenced {
    /// Nothing was written yet.
    #[must_use]
    pub fn new(resend: Resend) -> Self {
        Self { resend, ..Self::default() }
    }

    /// A chunk was written, and with it `end` publishes in all; returns it if nobody needs it.
    pub fn handle_written(&mut self, chunk: Chunk, end: u64) -> Option<Chunk> {
        self.written = end;
        if self.resend == Resend::No || chunk.publishes() == 0 || end <= self.fenced {
            return Some(chunk);
        }
        self.bytes += chunk.len();
        self.since_ping += chunk.len();
        self.chunks.push_back(Written { chunk, end });
        None
    }

    /// A PONG covers the first `fenced` publishes.
    pub fn handle_fenced(&mut self, fenced: u64) {
        self.fenced = fenced;
        while let Some(first) = self.chunks.front()
            && first.end <= fenced
        {
            self.bytes -= first.chunk.len();
            self.chunks.pop_front();
        }
    }

    /// Whether so much was written that a PING should prove it; says so once.
    pub fn wants_ping(&mut self, after: usize) -> bool {
        let wanted = self.since_ping >= after && self.since_ping > 0;
        if wanted {
            self.since_ping = 0;
        }
        wanted
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn resend(&self) -> Resend {
        self.resend
    }

    /// The chunks, and how many publishes at the front of them, or of what was being written behind
    /// them, are covered by a PONG.
    pub(super) fn into_chunks(self) -> (VecDeque<Chunk>, u64) {
        let start = |first: &Written| first.end - u64::from(first.chunk.publishes());
        let fenced = self.fenced.saturating_sub(self.chunks.front().map_or(self.written, start));
        (self.chunks.into_iter().map(|written| written.chunk).collect(), fenced)
    }
}
