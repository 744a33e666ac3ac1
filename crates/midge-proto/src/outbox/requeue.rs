//! What becomes of queued frames when a connection is lost or a new one has narrower limits.

use super::chunk::{Chunk, QueuedFrame, QueuedFrameKind};
use super::{HeaderSupport, Link, Outbox, ServerLimits};
use crate::message::MessageFrame;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// How often a frame that was cut half-way is begun again on a new connection.
const RESTARTS_MAX: u8 = 3;

/// Why the connection ended, as far as the frame that was cut half-way is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server refused that very frame for its size: it is not sent again.
    PayloadRefused,
    /// Anything else.
    Other,
}

/// What became of the frames when a connection was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requeued {
    /// Publishes that were written to the lost connection out of unfinished chunks.
    pub written: u64,
    /// Publishes that wait for the next connection.
    pub kept: u64,
    /// Subjects of publishes that left the queue unsent, as text.
    pub dropped: Vec<String>,
}

impl Outbox {
    /// The connection is lost: puts the unwritten publishes of `unfinished` back to the front, whole
    /// frames only, and removes what a new connection makes anew.
    ///
    /// `unfinished` lists the chunks that were taken and not recycled, in order, each with the
    /// number of its bytes that the socket took.
    #[must_use]
    pub fn set_offline(&mut self, unfinished: Vec<(Chunk, usize)>, cut: Cut) -> Requeued {
        self.link = Link::Offline;
        let mut report = Requeued::default();
        let mut kept = Kept::default();
        for (chunk, taken) in unfinished {
            let restarts = chunk.restarts();
            for (index, frame) in chunk.frames().into_iter().enumerate() {
                let QueuedFrameKind::Publish(parts) = frame.kind else { continue };
                if frame.end <= taken {
                    report.written += 1;
                    continue;
                }
                let mut begun = if index == 0 { restarts } else { 0 };
                if frame.start < taken {
                    begun += 1;
                    if cut == Cut::PayloadRefused || begun > RESTARTS_MAX {
                        report.dropped.push(subject_of(&frame, parts));
                        continue;
                    }
                }
                kept.push(&frame, parts, begun);
            }
        }
        for chunk in self.drain_queue() {
            let restarts = chunk.restarts();
            for (index, frame) in chunk.frames().into_iter().enumerate() {
                if let QueuedFrameKind::Publish(parts) = frame.kind {
                    kept.push(&frame, parts, if index == 0 { restarts } else { 0 });
                }
            }
        }
        report.kept = self.refill(kept);
        report
    }

    /// Removes queued publishes that `server` would refuse and returns their subjects.
    #[must_use]
    pub fn drop_refused(&mut self, server: ServerLimits) -> Vec<String> {
        let fits = self.largest <= server.max_payload;
        if fits && (server.headers == HeaderSupport::Yes || !self.with_headers) {
            return Vec::new();
        }
        let mut dropped = Vec::new();
        let mut kept = Kept::default();
        for chunk in self.drain_queue() {
            let restarts = chunk.restarts();
            for (index, frame) in chunk.frames().into_iter().enumerate() {
                let QueuedFrameKind::Publish(parts) = frame.kind else { continue };
                let refused = parts.total_len as usize > server.max_payload
                    || (parts.header_len > 0 && server.headers == HeaderSupport::No);
                if refused {
                    dropped.push(subject_of(&frame, parts));
                } else {
                    kept.push(&frame, parts, if index == 0 { restarts } else { 0 });
                }
            }
        }
        self.refill(kept);
        dropped
    }

    /// Drops every queued publish and returns how many those were; subscriptions and PINGs stay.
    pub fn drop_publishes(&mut self) -> u64 {
        let mut dropped = 0;
        let mut kept = Chunk::default();
        for chunk in self.drain_queue() {
            let mut fences = chunk.fences().iter();
            for frame in chunk.frames() {
                if let QueuedFrameKind::Publish(_) = frame.kind {
                    dropped += 1;
                    continue;
                }
                let bytes = frame.bytes();
                kept.append(|out| out.extend_from_slice(&bytes));
                if &bytes[..] == crate::encode::PING {
                    // Every PING of a chunk is somebody's fence.
                    if let Some(fence) = fences.next() {
                        kept.push_fence(fence.id);
                    }
                }
            }
        }
        let chunks = if kept.is_empty() { VecDeque::new() } else { [kept].into() };
        self.refill(Kept { chunks, ..Kept::default() });
        dropped
    }

    /// Drops everything queued and returns how many publishes and bytes that were.
    pub fn clear(&mut self) -> (u64, usize) {
        let bytes = self.queued;
        let publishes = self.drain_queue().iter().map(|chunk| u64::from(chunk.publishes())).sum();
        self.refill(Kept::default());
        (publishes, bytes)
    }

    fn drain_queue(&mut self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = self.closed.drain(..).collect();
        chunks.push(core::mem::take(&mut self.tail));
        chunks
    }

    /// Makes `kept` the queue; returns the publishes in it.
    fn refill(&mut self, kept: Kept) -> u64 {
        self.queued = kept.chunks.iter().map(Chunk::len).sum();
        self.closed = kept.chunks;
        self.largest = kept.largest;
        self.with_headers = kept.with_headers;
        self.closed.iter().map(|chunk| u64::from(chunk.publishes())).sum()
    }
}

/// The queue to be, and what [`Outbox::drop_refused`] needs to know of it.
#[derive(Default)]
struct Kept {
    chunks: VecDeque<Chunk>,
    largest: usize,
    with_headers: bool,
}

impl Kept {
    /// Appends one publish, in a chunk of its own where it was begun before.
    fn push(&mut self, frame: &QueuedFrame, parts: MessageFrame, restarts: u8) {
        let bytes = frame.bytes();
        let fits = self
            .chunks
            .back()
            .is_some_and(|last| restarts == 0 && last.len() + bytes.len() <= super::CHUNK_BYTES);
        if !fits {
            let mut chunk = Chunk::default();
            chunk.set_restarts(restarts);
            self.chunks.push_back(chunk);
        }
        if let Some(last) = self.chunks.back_mut() {
            last.count_publish();
            last.append(|out| out.extend_from_slice(&bytes));
        }
        self.largest = self.largest.max(parts.total_len as usize);
        self.with_headers |= parts.header_len > 0;
    }
}

fn subject_of(frame: &QueuedFrame, parts: MessageFrame) -> String {
    String::from_utf8_lossy(frame.slice(parts.subject_start, parts.subject_len)).into_owned()
}
