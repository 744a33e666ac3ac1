//! Bytes on their way out: what goes first, and how far the socket has taken it.

use crate::event::{Event, WritingState};
use midge_proto::{Chunk, Outbox};
use std::io::IoSlice;

/// Pieces handed to the socket in one call at most: a queue full of payloads of 64 KiB takes 33.
pub(crate) const SLICES_MAX: usize = 64;

/// The chunk being written, and the bytes of the connection itself that go between two chunks.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    chunk: Option<Chunk>,
    chunk_at: usize,
    control: Vec<u8>,
    control_at: usize,
}

/// What the socket finished taking.
#[derive(Debug)]
pub(crate) enum Finished {
    Nothing,
    Chunk(Chunk),
}

impl Outbound {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunk.is_none() && self.control.is_empty()
    }

    /// Whether the next chunk may be put in: the one before is out, and so is the control buffer.
    pub(crate) fn wants_chunk(&self) -> bool {
        self.is_empty()
    }

    pub(crate) fn put(&mut self, chunk: Chunk) {
        debug_assert!(self.chunk.is_none());
        self.chunk = Some(chunk);
        self.chunk_at = 0;
    }

    pub(crate) fn control(&mut self) -> &mut Vec<u8> {
        &mut self.control
    }

    /// What to write next, up to one chunk and as many pieces as `out` takes; returns how many.
    pub(crate) fn slices<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let control = self.chunk.is_none().then(|| &self.control[self.control_at..]);
        let chunk = self.chunk.iter().flat_map(|chunk| chunk.slices(self.chunk_at));
        let pieces = control.into_iter().chain(chunk).filter(|piece| !piece.is_empty());
        let mut count = 0;
        for (slot, piece) in out.iter_mut().zip(pieces) {
            *slot = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    /// The item being written, from byte `from` of what is left of it on.
    pub(crate) fn pieces(&self, from: usize) -> impl Iterator<Item = &[u8]> {
        let control = match &self.chunk {
            Some(_) => None,
            None => self.control.get(self.control_at + from..),
        };
        let chunk = self.chunk.iter().flat_map(move |chunk| chunk.slices(self.chunk_at + from));
        control.into_iter().filter(|piece| !piece.is_empty()).chain(chunk)
    }

    /// The socket took so many bytes.
    pub(crate) fn written(&mut self, count: usize) -> Finished {
        let Some(chunk) = &self.chunk else {
            self.control_at += count;
            if self.control_at >= self.control.len() {
                // They are few and far between.
                self.control = Vec::new();
                self.control_at = 0;
            }
            return Finished::Nothing;
        };
        self.chunk_at += count;
        if self.chunk_at < chunk.len() {
            return Finished::Nothing;
        }
        self.chunk_at = 0;
        self.chunk.take().map_or(Finished::Nothing, Finished::Chunk)
    }

    /// Bytes of the chunk at hand that the socket has not taken.
    pub(crate) fn unwritten(&self) -> usize {
        self.chunk.as_ref().map_or(0, |chunk| chunk.len() - self.chunk_at)
    }

    /// The connection is lost: returns the unfinished chunk and how far it was written.
    pub(crate) fn reset(&mut self) -> Vec<(Chunk, usize)> {
        self.control = Vec::new();
        self.control_at = 0;
        let at = core::mem::take(&mut self.chunk_at);
        self.chunk.take().map(|chunk| (chunk, at)).into_iter().collect()
    }
}

/// Tells when publishers begin to be held up, and when they go on.
pub(super) fn watch_queue(writing: &mut WritingState, outbox: &Outbox) -> Option<Event> {
    let next = match *writing {
        WritingState::Resumed if !outbox.has_room() => WritingState::HeldUp,
        WritingState::HeldUp if outbox.is_low() => WritingState::Resumed,
        WritingState::Resumed | WritingState::HeldUp => return None,
    };
    *writing = next;
    Some(Event::Writing(next))
}
