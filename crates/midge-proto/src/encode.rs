//! Frames out: encoders that append to the caller's buffer.
//!
//! The arguments were checked where their types were made; what arrives here is put on the wire as
//! it is.

use crate::header::HeaderMap;
use crate::sid::Sid;
use alloc::vec::Vec;

/// `PING` with its line end.
pub const PING: &[u8] = b"PING\r\n";
/// `PONG` with its line end.
pub const PONG: &[u8] = b"PONG\r\n";

/// How a size ends a control line: a blank, its digits, the line end.
///
/// Publishers mostly send messages of one size after the other, so whoever encodes them keeps one
/// of these, and digits are made only when the size changes.
#[derive(Clone, Copy, Debug)]
pub struct SizeText {
    size: usize,
    len: usize,
    text: [u8; Self::BYTES],
}

impl SizeText {
    /// A blank, twenty digits at most, CR LF, and what makes it a round number to copy.
    const BYTES: usize = 24;

    /// The text of `size`.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let mut text = [b' '; Self::BYTES];
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(size).as_bytes();
        let end = 1 + digits.len();
        text[1..end].copy_from_slice(digits);
        text[end..end + 2].copy_from_slice(b"\r\n");
        Self { size, len: end + 2, text }
    }

    /// Becomes that of `size`, if it is not already.
    #[inline]
    pub fn set(&mut self, size: usize) {
        if self.size != size {
            *self = Self::new(size);
        }
    }

    /// Appended as a piece of a fixed length and cut: that takes no call.
    #[inline]
    fn append(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend_from_slice(&self.text);
        out.truncate(end);
    }
}

/// Appends the control line of `PUB`, or of `HPUB` with its header block, up to where the payload
/// begins.
///
/// The payload and one CR LF must follow; room for `following` bytes is made. `size` is that of
/// headers and payload together.
pub fn publish_head(
    out: &mut Vec<u8>,
    subject: &[u8],
    reply: Option<&[u8]>,
    headers: Option<&HeaderMap>,
    size: &SizeText,
    following: usize,
) {
    let reply_len = reply.map_or(0, |reply| reply.len() + 1);
    let header_len = headers.map_or(0, HeaderMap::encoded_len);
    out.reserve(subject.len() + reply_len + PUBLISH_HEAD_MAX + header_len + following);
    match headers {
        None => out.extend_from_slice(b"PUB "),
        Some(_) => out.extend_from_slice(b"HPUB "),
    }
    out.extend_from_slice(subject);
    if let Some(reply) = reply {
        out.push(b' ');
        out.extend_from_slice(reply);
    }
    if let Some(headers) = headers {
        out.push(b' ');
        decimal(out, header_len as u64);
        size.append(out);
        headers.encode(out);
    } else {
        size.append(out);
    }
}

/// Bytes of an `HPUB` line beside its subject, reply and last size: the verb, a size of at most
/// twenty digits, blanks, and the text of the last size.
const PUBLISH_HEAD_MAX: usize = 5 + 20 + 2 + SizeText::BYTES;

/// Appends a whole `PUB` or `HPUB` frame; `size` is that of headers and payload together.
#[inline]
pub fn publish(
    out: &mut Vec<u8>,
    subject: &[u8],
    reply: Option<&[u8]>,
    headers: Option<&HeaderMap>,
    size: &SizeText,
    payload: &[u8],
) {
    match (reply, headers) {
        (None, None) => {
            out.reserve(subject.len() + PUBLISH_HEAD_MAX + payload.len() + 2);
            out.extend_from_slice(b"PUB ");
            out.extend_from_slice(subject);
            size.append(out);
        }
        _ => publish_head(out, subject, reply, headers, size, payload.len() + 2),
    }
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Appends `SUB`.
pub fn subscribe(out: &mut Vec<u8>, subject: &[u8], queue: Option<&[u8]>, sid: Sid) {
    out.extend_from_slice(b"SUB ");
    out.extend_from_slice(subject);
    if let Some(queue) = queue {
        out.push(b' ');
        out.extend_from_slice(queue);
    }
    out.push(b' ');
    decimal(out, sid.get());
    out.extend_from_slice(b"\r\n");
}

/// Appends `UNSUB`; with `max` the server ends the subscription after that many deliveries in all.
pub fn unsubscribe(out: &mut Vec<u8>, sid: Sid, max: Option<u64>) {
    out.extend_from_slice(b"UNSUB ");
    decimal(out, sid.get());
    if let Some(max) = max {
        out.push(b' ');
        decimal(out, max);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `MSG` or `HMSG`, as a server does: for test brokers and simulators.
pub fn message(
    out: &mut Vec<u8>,
    subject: &[u8],
    sid: Sid,
    reply: Option<&[u8]>,
    header_block: Option<&[u8]>,
    payload: &[u8],
) {
    let header_len = header_block.map_or(0, <[u8]>::len);
    out.extend_from_slice(if header_block.is_some() { b"HMSG " } else { b"MSG " });
    out.extend_from_slice(subject);
    out.push(b' ');
    decimal(out, sid.get());
    out.push(b' ');
    if let Some(reply) = reply {
        out.extend_from_slice(reply);
        out.push(b' ');
    }
    if let Some(block) = header_block {
        decimal(out, header_len as u64);
        out.push(b' ');
        decimal(out, (header_len + payload.len()) as u64);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(block);
    } else {
        decimal(out, payload.len() as u64);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn decimal(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
