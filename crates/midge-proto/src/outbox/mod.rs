//! The half of a connection that a publisher touches.
//!
//! Whoever publishes appends a whole frame to the outbound bytes on its own thread, so that the
//! order on the wire is the order of the calls. Whoever drives the connection takes chunks of whole
//! frames off the front, writes them, and gives the empty buffers back.
//!
//! ```text
//! publish, subscribe, fence --> [chunk][chunk][tail..]  --take--> socket
//!                                   ^
//! after a lost connection: what was not written, whole frames only
//! ```

mod chunk;
mod held;
mod ledger;
mod offline;
mod pace;
mod policy;
mod refusal;
mod requeue;
#[cfg(test)]
mod tests;
mod unfenced;

pub use chunk::{Chunk, Fence, FenceId};
pub use held::{Decided, Held, HeldFate, HeldPublish, Verdict};
pub use offline::BufferDrops;
pub use pace::HOLD_MAX;
pub use policy::{BufferPolicy, ReconnectBuffer, WhenFull};
pub use refusal::Refusal;
pub use requeue::{Cut, Requeued};
pub use unfenced::{Resend, Unfenced};

use crate::encode::{self, SizeText};
use crate::header::HeaderMap;
use crate::sid::Sid;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use offline::{Offline, Patience};
use pace::Pace;

/// Bytes after which a chunk is closed, and so the size of one write.
///
/// Only a queue that has grown makes chunks of this size. In a long write the kernel hands over segments
/// in bursts and wakes the peer less often, and between two of them publishers and the writer meet less
/// often, too. Measured on loopback with messages of 128 bytes, a queue of 1 MiB and two cores: 9.0
/// million a second and 110 ns of CPU time each with chunks of 32 KiB, 11.5 million and 129 ns with 64
/// KiB, 11.8 million and 98 ns with 256 KiB, 14.9 million and 88 ns with 384 KiB.
pub const CHUNK_BYTES: usize = 384 << 10;

/// Bytes after which a chunk with payloads that are written from where they are is closed.
///
/// Such payloads cost no copy here, and the fewer calls the better: in a long write the kernel hands
/// over segments in bursts and wakes the peer less often. Measured on loopback, messages of 64 KiB: 18.6
/// us of CPU time each with writes of 256 KiB, 14.9 us with 512 KiB, 12.9 us with 1 MiB, 12.2 us with
/// 2 MiB, which would need a queue of that size.
pub const SPLICED_CHUNK_BYTES: usize = 1 << 20;

/// Payloads from this size on, in bytes, are written from where they are instead of being copied.
pub const SPLICE_BYTES_MIN: usize = 16 << 10;

/// Empty buffers kept to be filled again: as many as a full queue takes, so that a publisher that is
/// ahead of the socket allocates nothing, and not more than this. An idle connection lets go of them.
const FREE_BUFFERS_MAX: usize = 40;

/// Largest size of one write: as much as a server's `max_pending`.
const CHUNK_BYTES_MAX: usize = 64 << 20;

/// How much may wait to be written while connected, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Above this a publisher has to wait. Default 1 MiB.
    pub high_water: usize,
    /// Publishers that wait go on once this is reached. Default half of the above.
    pub low_water: usize,
    /// Size of one write, unless it holds payloads that are written from where they are. Default
    /// [`CHUNK_BYTES`]; more than 64 MiB count as 64 MiB.
    pub chunk: usize,
}

impl OutboxLimits {
    /// Room for a chunk is asked for before it is filled.
    fn bounded(self) -> Self {
        Self { chunk: self.chunk.min(CHUNK_BYTES_MAX), ..self }
    }
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { high_water: 1 << 20, low_water: 512 << 10, chunk: CHUNK_BYTES }
    }
}

/// What the connected server accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Headers and payload of one message in bytes; `usize::MAX` for no limit.
    pub max_payload: usize,
    /// Whether it takes headers.
    pub headers: HeaderSupport,
}

/// Whether a server takes messages with headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSupport {
    /// Since server 2.2, unless switched off.
    Yes,
    /// Publishing headers would end the connection.
    No,
}

/// Who may still append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Everybody.
    Open,
    /// Publishers, but no new subscriptions: the first part of a drain.
    PublishOnly,
    /// Nobody: the last part of a drain.
    Draining,
    /// Nobody, for good.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Offline,
    Online,
}

/// One message to publish, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Checked by the caller: a subject without blanks and control bytes.
    pub subject: &'a [u8],
    /// Checked by the caller in the same way.
    pub reply: Option<&'a [u8]>,
    /// Checked by the caller; an empty map is sent as no headers.
    pub headers: Option<&'a HeaderMap>,
    /// The body.
    pub payload: &'a Bytes,
}

/// Outbound frames between the handles of a client and its driver.
#[derive(Debug)]
pub struct Outbox {
    link: Link,
    intake: Intake,
    limits: OutboxLimits,
    server: ServerLimits,
    offline: Offline,
    closed: VecDeque<Chunk>,
    tail: Chunk,
    free: Vec<Vec<u8>>,
    queued: usize,
    /// Bytes ever appended, less those dropped again: the end of the queue as a position.
    appended: u64,
    /// Largest message in the queue since it was last empty, headers included.
    largest: usize,
    /// Whether the queue may hold a message with headers.
    with_headers: bool,
    published: u64,
    published_bytes: u64,
    size_text: SizeText,
    pace: Pace,
    /// Up to this position nothing is held back.
    awaited: u64,
}

impl Outbox {
    /// An outbox without a connection.
    #[must_use]
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            link: Link::Offline,
            intake: Intake::Open,
            limits: limits.bounded(),
            server: ServerLimits { max_payload: usize::MAX, headers: HeaderSupport::Yes },
            offline: Offline::new(ReconnectBuffer::default()),
            closed: VecDeque::new(),
            tail: Chunk::default(),
            free: Vec::new(),
            queued: 0,
            appended: 0,
            largest: 0,
            with_headers: false,
            published: 0,
            published_bytes: 0,
            size_text: SizeText::new(0),
            pace: Pace::default(),
            awaited: 0,
        }
    }

    /// Appends a message.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing was appended then.
    #[inline]
    pub fn publish(&mut self, message: Publish<'_>) -> Result<(), Refusal> {
        let headers = message.headers.filter(|headers| !headers.is_empty());
        let header_len = headers.map_or(0, HeaderMap::encoded_len);
        let size = header_len + message.payload.len();
        self.admit(size, header_len)?;
        match self.link {
            Link::Online if self.queued > self.limits.high_water => Err(Refusal::Full),
            Link::Online => {
                self.append(message, headers, header_len, size);
                Ok(())
            }
            Link::Offline => {
                self.publish_offline(message, headers, header_len, size, Patience::MayWait)
            }
        }
    }

    /// Appends a message even above the high-water mark: for a caller that had made sure of room.
    ///
    /// # Errors
    ///
    /// [`Refusal`], but never [`Refusal::Full`]; nothing was appended then.
    pub fn publish_over(&mut self, message: Publish<'_>) -> Result<(), Refusal> {
        let headers = message.headers.filter(|headers| !headers.is_empty());
        let header_len = headers.map_or(0, HeaderMap::encoded_len);
        let size = header_len + message.payload.len();
        self.admit(size, header_len)?;
        match self.link {
            Link::Online => {
                self.append(message, headers, header_len, size);
                Ok(())
            }
            Link::Offline => {
                self.publish_offline(message, headers, header_len, size, Patience::None)
            }
        }
    }

    #[inline]
    fn append(
        &mut self,
        message: Publish<'_>,
        headers: Option<&HeaderMap>,
        header_len: usize,
        size: usize,
    ) {
        self.largest = self.largest.max(size);
        self.with_headers |= header_len > 0;
        self.size_text.set(size);
        let Publish { subject, reply, payload, .. } = message;
        self.make_tail_for(size.min(SPLICE_BYTES_MIN) + subject.len());
        let Self { tail, size_text, .. } = self;
        tail.count_publish();
        let added = if payload.len() < SPLICE_BYTES_MIN {
            tail.append(|out| encode::publish(out, subject, reply, headers, size_text, payload))
        } else {
            let head = tail.append(|out| {
                encode::publish_head(out, subject, reply, headers, size_text, 0);
            });
            tail.splice(payload.clone());
            head + payload.len() + tail.append(|out| out.extend_from_slice(b"\r\n"))
        };
        self.published += 1;
        self.published_bytes += size as u64;
        self.added(added);
    }

    /// Appends `SUB`, if there is a connection; else the next connection will send it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Draining`] or [`Refusal::Closed`].
    pub fn subscribe(
        &mut self,
        subject: &[u8],
        queue: Option<&[u8]>,
        sid: Sid,
    ) -> Result<OnWire, Refusal> {
        match self.intake {
            Intake::Open => Ok(self.control(|out| encode::subscribe(out, subject, queue, sid))),
            Intake::PublishOnly | Intake::Draining => Err(Refusal::Draining),
            Intake::Closed => Err(Refusal::Closed),
        }
    }

    /// Appends `UNSUB`, if there is a connection.
    pub fn unsubscribe(&mut self, sid: Sid, max: Option<u64>) -> OnWire {
        self.control(|out| encode::unsubscribe(out, sid, max))
    }

    /// Appends a PING whose PONG proves that the server has processed everything before it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Disconnected`] without a connection, [`Refusal::Closed`] after closing.
    pub fn fence(&mut self, id: FenceId) -> Result<(), Refusal> {
        if self.intake == Intake::Closed {
            return Err(Refusal::Closed);
        }
        match self.control(|out| out.extend_from_slice(encode::PING)) {
            OnWire::Yes => {
                self.tail.push_fence(id);
                Ok(())
            }
            OnWire::No => Err(Refusal::Disconnected),
        }
    }

    /// Takes the next chunk to write, if there is a connection and anything to write.
    pub fn take(&mut self) -> Option<Chunk> {
        match self.link {
            Link::Offline => None,
            Link::Online => self.take_any(),
        }
    }

    /// Takes the next chunk whether or not there is a connection.
    fn take_any(&mut self) -> Option<Chunk> {
        let chunk = match self.closed.pop_front() {
            Some(chunk) => chunk,
            None if self.tail.is_empty() => return None,
            None => {
                let fresh = self.fresh();
                core::mem::replace(&mut self.tail, fresh)
            }
        };
        if !self.is_low() {
            self.pace.note_ahead();
        }
        self.queued -= chunk.len();
        self.pace.take(chunk.len());
        if self.queued == 0 {
            self.largest = 0;
            self.with_headers = false;
        }
        Some(chunk)
    }

    /// Whether what waits is the unfinished chunk of a flood, which is not to be taken before it is
    /// full, or a decent write where publishers are not ahead of the socket, or has waited for
    /// [`HOLD_MAX`], nor is anybody to be woken for it.
    ///
    /// Never while so much waits that publishers may stand in line: those who would fill the chunk
    /// wait for it to go.
    #[must_use]
    #[inline]
    pub fn holds_back(&self) -> bool {
        self.pace.is_flood()
            && self.closed.is_empty()
            && self.queued > 0
            && self.is_low()
            && (self.tail.has_splices() || self.pace.waits_for_more(self.queued))
            && self.link == Link::Online
            && self.start_position() >= self.awaited
    }

    /// Holds nothing of what is in the queue back: somebody waits for it, it was held back for long
    /// enough, or whoever takes has caught up with it. What is appended later is, in the next flood.
    #[inline]
    pub fn release(&mut self) {
        self.pace.rest();
        self.awaited = self.appended;
    }

    /// Gives a written chunk's buffer back; what it refers to is best
    /// [let go](Chunk::let_go_of_payloads) before, without a lock.
    pub fn recycle(&mut self, chunk: Chunk) {
        let buffer = chunk.into_buffer();
        let full_queue = (self.limits.high_water / self.limits.chunk.max(1)).saturating_add(1);
        if self.free.len() < FREE_BUFFERS_MAX.min(full_queue)
            && buffer.capacity() <= 2 * self.limits.chunk.max(CHUNK_BYTES)
        {
            self.free.push(buffer);
        }
    }

    /// Lets go of empty buffers: for a connection that has been idle.
    pub fn shrink(&mut self) {
        self.free = Vec::new();
        if self.queued == 0 {
            self.tail = Chunk::default();
            self.closed = VecDeque::new();
        }
    }

    /// There is a connection: frames may be taken, and `server` limits what is appended.
    pub fn set_online(&mut self, server: ServerLimits) {
        self.close_ledger();
        self.link = Link::Online;
        self.server = server;
        self.release();
    }

    /// The server's limits changed, or are known before the connection is ready.
    pub fn set_server_limits(&mut self, server: ServerLimits) {
        self.server = server;
    }

    /// The bounds on what may wait.
    #[must_use]
    pub fn limits(&self) -> OutboxLimits {
        self.limits
    }

    /// Changes the bounds on what may wait.
    pub fn set_limits(&mut self, limits: OutboxLimits) {
        self.limits = limits.bounded();
    }

    /// Restricts who may append; never widens it again.
    pub fn restrict(&mut self, intake: Intake) {
        let rank = |intake: Intake| match intake {
            Intake::Open => 0,
            Intake::PublishOnly => 1,
            Intake::Draining => 2,
            Intake::Closed => 3,
        };
        if rank(intake) > rank(self.intake) {
            self.intake = intake;
        }
    }

    /// Whether a publisher that was [`Refusal::Full`] may try again.
    #[must_use]
    #[inline]
    pub fn has_room(&self) -> bool {
        match self.link {
            Link::Online => self.queued <= self.limits.high_water,
            // Not room, but mostly an answer: few policies make publishers wait then.
            Link::Offline => true,
        }
    }

    /// Whether so little waits that publishers in line should be woken.
    #[must_use]
    #[inline]
    pub fn is_low(&self) -> bool {
        self.link == Link::Offline || self.queued <= self.limits.low_water
    }

    /// Whether nothing waits to be taken.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// Bytes that wait to be taken.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.queued
    }

    /// Where the queue ends, as a position in the stream of everything appended.
    #[must_use]
    pub fn end_position(&self) -> u64 {
        self.appended
    }

    /// Where the queue begins: everything before it was taken.
    #[must_use]
    pub fn start_position(&self) -> u64 {
        self.appended - self.queued as u64
    }

    /// Whether frames are taken, that is, whether there is a connection.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.link == Link::Online
    }

    /// Who may still append.
    #[must_use]
    pub fn intake(&self) -> Intake {
        self.intake
    }

    /// The server's limits in force.
    #[must_use]
    pub fn server_limits(&self) -> ServerLimits {
        self.server
    }

    /// Messages accepted, and their headers and payloads in bytes.
    #[must_use]
    pub fn published(&self) -> (u64, u64) {
        (self.published, self.published_bytes)
    }

    #[inline]
    fn admit(&self, size: usize, header_len: usize) -> Result<(), Refusal> {
        if size > self.server.max_payload {
            let limit = self.server.max_payload;
            return Err(Refusal::MaxPayloadExceeded { size, limit });
        }
        if header_len > 0 && self.server.headers == HeaderSupport::No {
            return Err(Refusal::HeadersNotSupported);
        }
        match self.intake {
            Intake::Open | Intake::PublishOnly => Ok(()),
            Intake::Draining => Err(Refusal::Draining),
            Intake::Closed => Err(Refusal::Closed),
        }
    }

    /// Makes the last chunk one that a frame of about `size` bytes of our own can go to.
    #[inline]
    fn make_tail_for(&mut self, size: usize) {
        let chunk = self.limits.chunk;
        let full = self.tail.own_len() + size > chunk
            || self.tail.len() + size > chunk.max(SPLICED_CHUNK_BYTES);
        if full && !self.tail.is_empty() {
            let fresh = self.fresh();
            self.closed.push_back(core::mem::replace(&mut self.tail, fresh));
        }
    }

    fn fresh(&mut self) -> Chunk {
        let buffer = self.free.pop().unwrap_or_else(|| {
            // Where chunks queue up, the next one will be filled, too.
            let chunk = self.limits.chunk;
            let capacity = if self.closed.is_empty() { 0 } else { chunk + chunk / 8 };
            Vec::with_capacity(capacity)
        });
        Chunk::with_buffer(buffer)
    }

    fn control(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> OnWire {
        if self.link == Link::Offline {
            return OnWire::No;
        }
        self.make_tail_for(64);
        let added = self.tail.append(write);
        self.added(added);
        self.release();
        OnWire::Yes
    }

    #[inline]
    fn added(&mut self, bytes: usize) {
        self.queued += bytes;
        self.appended += bytes as u64;
    }
}

/// Whether a control frame was appended, or is left to the next connection's replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum OnWire {
    /// It is in the queue.
    Yes,
    /// There is no connection.
    No,
}
