//! What becomes of queued frames when a connection is lost or a new one has narrower limits.

use super::chunk::{Chunk, History, QueuedFrameKind, QueuedPublish};
use super::unfenced::{Resend, Unfenced};
use super::{HeaderSupport, Link, Outbox, ServerLimits};
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
    /// Publishes that were written, that nothing proves to have arrived, and that wait to be sent
    /// again.
    pub repeated: u64,
    /// Publishes that wait for the next connection and were not written.
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
        self.set_offline_with(Unfenced::default(), unfinished, cut)
    }

    /// As [`set_offline`](Self::set_offline), and puts what was written and is not fenced before all
    /// else, if it was kept for that.
    #[must_use]
    pub fn set_offline_with(
        &mut self,
        unfenced: Unfenced,
        unfinished: Vec<(Chunk, usize)>,
        cut: Cut,
    ) -> Requeued {
        self.link = Link::Offline;
        let mut report = Requeued::default();
        let mut kept = Kept::default();
        let resend = unfenced.resend();
        let (chunks, mut fenced) = unfenced.into_chunks();
        let mut written = |publish: QueuedPublish, kept: &mut Kept| {
            if fenced > 0 {
                fenced -= 1;
            } else if resend == Resend::Yes {
                kept.push(&QueuedPublish { restarts: 0, history: History::Written, ..publish });
                report.repeated += 1;
            }
        };
        for publish in chunks.iter().flat_map(Chunk::queued_publishes) {
            written(publish, &mut kept);
        }
        for (chunk, taken) in unfinished {
            for mut publish in chunk.queued_publishes() {
                if publish.frame.end <= taken {
                    report.written += 1;
                    written(publish, &mut kept);
                    continue;
                }
                if publish.frame.start < taken {
                    publish.restarts += 1;
                    if cut == Cut::PayloadRefused || publish.restarts > RESTARTS_MAX {
                        report.dropped.push(subject_of(&publish));
                        continue;
                    }
                }
                kept.push(&publish);
            }
        }
        for publish in self.drain_queue().iter().flat_map(Chunk::queued_publishes) {
            kept.push(&publish);
        }
        self.offline.open_ledger(&kept.chunks);
        report.kept = self.refill(kept) - report.repeated;
        report
    }

    /// Removes queued publishes that `server` would refuse and returns their subjects; to be called
    /// before [`set_online`](Self::set_online).
    #[must_use]
    pub fn drop_refused(&mut self, server: ServerLimits) -> Vec<String> {
        self.close_ledger();
        let fits = self.largest <= server.max_payload;
        if fits && (server.headers == HeaderSupport::Yes || !self.with_headers) {
            return Vec::new();
        }
        let mut dropped = Vec::new();
        let mut kept = Kept::default();
        for publish in self.drain_queue().iter().flat_map(Chunk::queued_publishes) {
            let parts = publish.parts;
            let refused = parts.total_len as usize > server.max_payload
                || (parts.header_len > 0 && server.headers == HeaderSupport::No);
            if refused {
                dropped.push(subject_of(&publish));
            } else {
                kept.push(&publish);
            }
        }
        self.refill(kept);
        dropped
    }

    /// Drops every queued publish and returns how many those were; subscriptions and PINGs stay.
    pub fn drop_publishes(&mut self) -> u64 {
        self.close_ledger();
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
        self.reopen_ledger();
        dropped
    }

    /// Drops everything queued and returns how many publishes and bytes that were.
    pub fn clear(&mut self) -> (u64, usize) {
        self.close_ledger();
        let bytes = self.queued;
        let publishes = self.drain_queue().iter().map(|chunk| u64::from(chunk.publishes())).sum();
        self.refill(Kept::default());
        self.reopen_ledger();
        (publishes, bytes)
    }

    /// Shows the reply subject of every queued publish that has one.
    pub fn visit_replies(&self, mut visit: impl FnMut(&[u8])) {
        for publish in self.closed.iter().chain([&self.tail]).flat_map(Chunk::queued_publishes) {
            if publish.parts.reply_len > 0 {
                visit(publish.reply());
            }
        }
    }

    /// Takes the messages that were dropped meanwhile out of the queue.
    pub(super) fn sweep(&mut self) {
        let Some(ledger) = self.offline.ledger.as_mut().filter(|ledger| !ledger.is_clean()) else {
            return;
        };
        let mut waits = ledger.sweep().into_iter();
        let mut kept = Kept::default();
        for publish in self.drain_queue().iter().flat_map(Chunk::queued_publishes) {
            if waits.next() == Some(true) {
                kept.push(&publish);
            }
        }
        self.refill(kept);
    }

    pub(super) fn drain_queue(&mut self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = self.closed.drain(..).collect();
        chunks.push(core::mem::take(&mut self.tail));
        self.queued = 0;
        chunks
    }

    /// Makes `kept` the queue; returns the publishes in it.
    pub(super) fn refill(&mut self, kept: Kept) -> u64 {
        self.queued = kept.chunks.iter().map(Chunk::len).sum();
        self.closed = kept.chunks;
        self.largest = kept.largest;
        self.with_headers = kept.with_headers;
        self.closed.iter().map(|chunk| u64::from(chunk.publishes())).sum()
    }
}

/// The queue to be, and what [`Outbox::drop_refused`] needs to know of it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) chunks: VecDeque<Chunk>,
    pub(super) largest: usize,
    pub(super) with_headers: bool,
}

impl Kept {
    /// Appends one publish, in a chunk of its own where it was begun before.
    pub(super) fn push(&mut self, publish: &QueuedPublish) {
        let bytes = publish.frame.bytes();
        let fits = self.chunks.back().is_some_and(|last| {
            publish.restarts == 0 && last.len() + bytes.len() <= super::CHUNK_BYTES
        });
        if !fits {
            let mut chunk = Chunk::default();
            chunk.set_restarts(publish.restarts);
            self.chunks.push_back(chunk);
        }
        if let Some(last) = self.chunks.back_mut() {
            last.count_publish();
            last.append(|out| out.extend_from_slice(&bytes));
            if publish.history == History::Written {
                last.count_repeat();
            }
        }
        self.largest = self.largest.max(publish.parts.total_len as usize);
        self.with_headers |= publish.parts.header_len > 0;
    }
}

pub(super) fn subject_of(publish: &QueuedPublish) -> String {
    String::from_utf8_lossy(publish.subject()).into_owned()
}
