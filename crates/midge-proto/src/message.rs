//! Messages, received and to be sent.

#[cfg(feature = "serde")]
mod payload_serde;

use crate::header::{HeaderMap, NATS_MESSAGE_ID, parse_status};
use crate::status::StatusCode;
use crate::subject::{LatestSubject, Subject};
use alloc::string::String;
use bytes::Bytes;
use core::fmt;
use core::ops::Range;

/// A message as it was received.
///
/// # Memory
///
/// Payload and headers, and subjects of more than 32 bytes, are slices of the chunk that was read
/// from the socket: making them costs no copy, and while one of them lives the chunk does, which
/// may be 64 KiB for a message of ten bytes. Before a message is kept for long, or in great
/// numbers, call [`detach`](Self::detach).
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Message {
    /// Where the message was published to.
    pub subject: Subject,
    /// Where an answer is expected, if one is.
    pub reply: Option<Subject>,
    /// The body.
    #[cfg_attr(feature = "serde", serde(with = "payload_serde"))]
    pub payload: Bytes,
    /// The headers; `None` when the message came without any.
    pub headers: Option<HeaderMap>,
    /// The status a server put into the header block.
    pub status: Option<StatusCode>,
    /// What the server says about that status.
    pub description: Option<String>,
    /// Bytes of subject, reply subject, header block and payload together.
    pub length: usize,
}

impl Message {
    /// The message that `frame` describes in `chunk`.
    ///
    /// What does not lie inside of the chunk is empty: frames of a decoder always do.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    /// use midge_proto::{Message, MessageFrame};
    ///
    /// let chunk = Bytes::from_static(b"MSG a.b 1 5\r\nhello\r\n");
    /// let frame = MessageFrame {
    ///     subject_start: 4,
    ///     subject_len: 3,
    ///     reply_start: 0,
    ///     reply_len: 0,
    ///     header_len: 0,
    ///     body_start: 13,
    ///     total_len: 5,
    /// };
    /// let message = Message::from_frame(&chunk, &frame);
    /// assert_eq!(message.subject, "a.b");
    /// assert_eq!(message.payload, "hello");
    /// ```
    #[must_use]
    pub fn from_frame(chunk: &Bytes, frame: &MessageFrame) -> Self {
        let mut message = Self::empty();
        message.subject.set_from_chunk(chunk, frame.subject());
        message.payload = slice(chunk, frame.payload());
        message.length = frame.length();
        if frame.reply_len > 0 {
            message.reply.insert(Subject::unset()).set_from_chunk(chunk, frame.reply());
        }
        if frame.header_len > 0 {
            message.read_headers(slice(chunk, frame.header_block()));
        }
        message
    }

    /// A message without anything, to be filled in.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            subject: Subject::unset(),
            reply: None,
            payload: Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    /// As [`from_frame`](Self::from_frame), if the subject is the `latest` one and the message has
    /// neither a reply subject nor headers. Most of a run have not, and this is the short way to them.
    #[inline(always)]
    #[must_use]
    pub fn from_plain_frame(
        chunk: &Bytes,
        frame: &MessageFrame,
        latest: &LatestSubject,
    ) -> Option<Self> {
        if frame.reply_len > 0 || frame.header_len > 0 {
            return None;
        }
        Some(Self {
            subject: latest.again(chunk.get(frame.subject())?)?,
            reply: None,
            payload: slice(chunk, frame.payload()),
            headers: None,
            status: None,
            description: None,
            length: frame.length(),
        })
    }

    fn read_headers(&mut self, block: Bytes) {
        let (status, description) = parse_status(&block);
        self.status = status;
        self.description = description.map(|text| String::from_utf8_lossy(text).into_owned());
        self.headers = Some(HeaderMap::received(block));
    }

    /// The same message without the chunk it was read from, which can be freed then.
    #[must_use]
    pub fn detach(self) -> Self {
        self.detached()
    }

    /// A copy of the message that keeps nothing else alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            subject: self.subject.detached(),
            reply: self.reply.as_ref().map(Subject::detached),
            payload: Bytes::copy_from_slice(&self.payload),
            headers: self.headers.as_ref().map(HeaderMap::detached),
            status: self.status,
            description: self.description.clone(),
            length: self.length,
        }
    }

    /// Whether nobody listens to the subject of the request that this answers.
    #[must_use]
    pub fn is_no_responders(&self) -> bool {
        self.payload.is_empty() && self.status == Some(StatusCode::NO_RESPONDERS)
    }
}

/// The bytes at `range`; none when it does not lie in `chunk`.
#[inline]
fn slice(chunk: &Bytes, range: Range<usize>) -> Bytes {
    if range.start <= range.end && range.end <= chunk.len() {
        chunk.slice(range)
    } else {
        Bytes::new()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Message");
        out.field("subject", &self.subject);
        if let Some(reply) = &self.reply {
            out.field("reply", reply);
        }
        if let Some(status) = &self.status {
            out.field("status", status);
        }
        if let Some(description) = &self.description {
            out.field("description", description);
        }
        if let Some(headers) = &self.headers {
            out.field("headers", headers);
        }
        out.field("payload_len", &self.payload.len()).finish_non_exhaustive()
    }
}

/// A message to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundMessage {
    /// Where it goes.
    pub subject: Subject,
    /// Where answers to it should go.
    pub reply: Option<Subject>,
    /// The body.
    pub payload: Bytes,
    /// The headers; an empty map is sent as none.
    pub headers: Option<HeaderMap>,
}

impl OutboundMessage {
    /// A message without a reply subject.
    #[must_use]
    pub const fn new(subject: Subject, payload: Bytes, headers: Option<HeaderMap>) -> Self {
        Self { subject, reply: None, payload, headers }
    }

    /// The id by which a stream knows it when it comes a second time (`Nats-Msg-Id`). An empty one is
    /// none.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        let id = self.headers.as_ref()?.get(NATS_MESSAGE_ID)?.as_str();
        (!id.is_empty()).then_some(id)
    }
}

impl From<Message> for OutboundMessage {
    fn from(message: Message) -> Self {
        let Message { subject, reply, payload, headers, .. } = message;
        Self { subject, reply, payload, headers }
    }
}

impl fmt::Debug for OutboundMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("OutboundMessage");
        out.field("subject", &self.subject);
        if let Some(reply) = &self.reply {
            out.field("reply", reply);
        }
        if let Some(headers) = &self.headers {
            out.field("headers", headers);
        }
        out.field("payload_len", &self.payload.len()).finish_non_exhaustive()
    }
}

/// Where the parts of one message are in the chunk it was read into.
///
/// This is what waits in queues: a [`Message`] is made of it where it is used. Offsets count from
/// the start of the chunk, which is shorter than 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageFrame {
    /// Where the subject begins.
    pub subject_start: u32,
    /// Bytes of the subject.
    pub subject_len: u32,
    /// Where the reply subject begins, if there is one.
    pub reply_start: u32,
    /// Bytes of the reply subject; 0 when there is none.
    pub reply_len: u32,
    /// Bytes of the header block; 0 when there is none.
    pub header_len: u32,
    /// Where the header block begins, or the payload when there is no block.
    pub body_start: u32,
    /// Bytes of header block and payload together.
    pub total_len: u32,
}

impl MessageFrame {
    /// Where the subject is.
    #[inline]
    #[must_use]
    pub const fn subject(&self) -> Range<usize> {
        range(self.subject_start, self.subject_len)
    }

    /// Where the reply subject is; empty when there is none.
    #[inline]
    #[must_use]
    pub const fn reply(&self) -> Range<usize> {
        range(self.reply_start, self.reply_len)
    }

    /// Where the header block is; empty when there is none.
    #[inline]
    #[must_use]
    pub const fn header_block(&self) -> Range<usize> {
        range(self.body_start, self.header_len)
    }

    /// Where the payload is.
    #[inline]
    #[must_use]
    pub const fn payload(&self) -> Range<usize> {
        let body = range(self.body_start, self.total_len);
        body.start.saturating_add(self.header_len as usize)..body.end
    }

    /// Bytes of subject, reply subject, header block and payload together.
    #[inline]
    #[must_use]
    pub const fn length(&self) -> usize {
        (self.subject_len as usize)
            .saturating_add(self.reply_len as usize)
            .saturating_add(self.total_len as usize)
    }
}

#[inline]
const fn range(start: u32, len: u32) -> Range<usize> {
    let start = start as usize;
    // Only where `usize` has 32 bits can this reach the limit, and such a range is outside of
    // every chunk.
    start..start.saturating_add(len as usize)
}

#[cfg(test)]
mod tests;
