//! A run of whole frames on its way to the socket.

use crate::decoder::{ClientDecoder, ClientFrame, DecodeLimits};
use crate::message::{Message, MessageFrame};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;

/// Names one PING that somebody waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FenceId(pub u64);

/// Whole frames: bytes of our own, with payloads that stay where they are spliced in.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    splices: VecDeque<Splice>,
    /// Bytes of `bytes` and all splices together.
    len: usize,
    /// PINGs among the frames, in order.
    fences: Vec<Fence>,
    /// `PUB` and `HPUB` among the frames.
    publishes: u32,
    /// How often its first frame was begun on a connection and cut.
    restarts: u8,
    /// How many publishes at its front were written before, on a connection that was lost.
    repeats: u32,
}

/// A PING that somebody waits on, within a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Who waits.
    pub id: FenceId,
    /// Publishes of the chunk that stand before it.
    pub publishes_before: u32,
}

#[derive(Debug, Clone)]
struct Splice {
    /// Where in `bytes` the payload belongs.
    at: usize,
    payload: Bytes,
}

impl Chunk {
    pub(super) fn with_buffer(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// A chunk as a recording tells of it: its counts, and no frames.
    #[cfg(feature = "recording")]
    pub(crate) fn of_record(len: usize, publishes: u32, fences: Vec<Fence>) -> Self {
        Self { len, publishes, fences, ..Self::default() }
    }

    /// Length on the wire in bytes.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no frame.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The PINGs that somebody waits on, in order.
    #[must_use]
    pub fn fences(&self) -> &[Fence] {
        &self.fences
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// How many of its frames are publishes.
    #[must_use]
    pub fn publishes(&self) -> u32 {
        self.publishes
    }

    /// The pieces to write, from byte `from` of the chunk on.
    ///
    /// ```text
    /// bytes   [....head....|CRLF ....head....|CRLF ....]
    /// splices              ^ payload         ^ payload
    /// ```
    pub fn slices(&self, from: usize) -> impl Iterator<Item = &[u8]> {
        let mut skip = from;
        self.pieces().filter_map(move |piece| {
            if skip >= piece.len() {
                skip -= piece.len();
                return None;
            }
            let rest = &piece[skip..];
            skip = 0;
            Some(rest)
        })
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = 0;
        let spliced = self.splices.iter().flat_map(move |splice| {
            let own = &self.bytes[at..splice.at];
            at = splice.at;
            [own, &splice.payload[..]]
        });
        let tail = self.splices.back().map_or(0, |splice| splice.at);
        spliced.chain(core::iter::once(&self.bytes[tail..]))
    }

    /// Lets `write` append one frame to the chunk's own bytes.
    #[inline]
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let before = self.bytes.len();
        write(&mut self.bytes);
        let added = self.bytes.len() - before;
        self.len += added;
        added
    }

    pub(super) fn splice(&mut self, payload: Bytes) {
        self.len += payload.len();
        self.splices.push_back(Splice { at: self.bytes.len(), payload });
    }

    pub(super) fn push_fence(&mut self, id: FenceId) {
        self.fences.push(Fence { id, publishes_before: self.publishes });
    }

    #[inline]
    pub(super) fn count_publish(&mut self) {
        self.publishes += 1;
    }

    /// Bytes of its own buffer, without payloads that stay where they are.
    #[inline]
    pub(super) fn own_len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn has_splices(&self) -> bool {
        !self.splices.is_empty()
    }

    /// Gives up the payloads that it refers to, and with them its frames: for a chunk that is
    /// written, before its buffer goes back under a lock.
    pub fn let_go_of_payloads(&mut self) {
        self.len = self.bytes.len();
        self.splices = VecDeque::new();
    }

    /// Takes the buffer back out, empty, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        let mut bytes = self.bytes;
        bytes.clear();
        bytes
    }

    /// Cuts the chunk into its frames: the slow way, for after a connection was lost.
    pub(super) fn frames(&self) -> Vec<QueuedFrame> {
        let whole: Vec<u8> = self.pieces().flatten().copied().collect();
        let whole = Bytes::from(whole);
        let limits = DecodeLimits {
            control_line_max: usize::MAX,
            info_max: usize::MAX,
            message_max: usize::MAX,
        };
        let mut decoder = ClientDecoder::new(limits);
        let mut frames = Vec::new();
        let mut start = 0;
        // The bytes are our own encoder's; one that does not decode would end the list here.
        while let Ok(Some(frame)) = decoder.next(&whole) {
            let end = decoder.consumed();
            let kind = match frame {
                ClientFrame::Publish(frame) => QueuedFrameKind::Publish(frame),
                ClientFrame::Connect(_)
                | ClientFrame::Subscribe { .. }
                | ClientFrame::Unsubscribe { .. }
                | ClientFrame::Ping
                | ClientFrame::Pong => QueuedFrameKind::Control,
            };
            frames.push(QueuedFrame { whole: whole.clone(), start, end, kind });
            start = end;
        }
        debug_assert_eq!(start, whole.len(), "a chunk holds whole frames");
        frames
    }

    pub(super) fn set_restarts(&mut self, restarts: u8) {
        self.restarts = restarts;
    }

    /// Says that the publish that was counted last may have arrived before, as did all before it.
    pub(super) fn count_repeat(&mut self) {
        self.repeats = self.publishes;
    }

    /// The publishes of a chunk that waits or waited, each with its history.
    pub(super) fn queued_publishes(&self) -> impl Iterator<Item = QueuedPublish> {
        let publishes = self.frames().into_iter().filter_map(|frame| match frame.kind {
            QueuedFrameKind::Publish(parts) => Some((frame, parts)),
            QueuedFrameKind::Control => None,
        });
        (0..).zip(publishes).map(|(index, (frame, parts))| QueuedPublish {
            restarts: if frame.start == 0 { self.restarts } else { 0 },
            history: if index < self.repeats { History::Written } else { History::Unwritten },
            frame,
            parts,
        })
    }
}

/// One frame of a chunk, found again after a connection was lost.
#[derive(Clone, Debug)]
pub(super) struct QueuedFrame {
    whole: Bytes,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: QueuedFrameKind,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum QueuedFrameKind {
    /// `PUB` or `HPUB`; offsets are those of the whole chunk.
    Publish(MessageFrame),
    /// Everything else; a new connection makes its own.
    Control,
}

impl QueuedFrame {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.whole.slice(self.start..self.end)
    }

    pub(super) fn slice(&self, start: u32, len: u32) -> &[u8] {
        &self.whole[start as usize..(start + len) as usize]
    }
}

/// One publish of a chunk, found again after a connection was lost.
#[derive(Clone, Debug)]
pub(super) struct QueuedPublish {
    pub(super) frame: QueuedFrame,
    pub(super) parts: MessageFrame,
    /// How often it was begun on a connection and cut.
    pub(super) restarts: u8,
    pub(super) history: History,
}

/// Whether a publish was written to a connection that was lost before it proved to have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    Unwritten,
    Written,
}

impl QueuedPublish {
    pub(super) fn subject(&self) -> &[u8] {
        self.frame.slice(self.parts.subject_start, self.parts.subject_len)
    }

    pub(super) fn reply(&self) -> &[u8] {
        self.frame.slice(self.parts.reply_start, self.parts.reply_len)
    }

    pub(super) fn message(&self) -> Message {
        Message::from_frame(&self.frame.whole, &self.parts)
    }
}
