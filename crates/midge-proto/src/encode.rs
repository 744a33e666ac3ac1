//! Frames out: encoders that append to the caller's buffer and keep no state.
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

/// Appends the control line of `PUB`, or of `HPUB` with its header block, up to where the payload
/// begins.
///
/// The payload and one CR LF must follow.
#[inline]
pub fn publish_head(
    out: &mut Vec<u8>,
    subject: &[u8],
    reply: Option<&[u8]>,
    headers: Option<&HeaderMap>,
    payload_len: usize,
) {
    let reply_len = reply.map_or(0, |reply| reply.len() + 1);
    let Some(headers) = headers else {
        out.reserve(subject.len() + reply_len + PUBLISH_HEAD_MAX);
        out.extend_from_slice(b"PUB ");
        out.extend_from_slice(subject);
        if let Some(reply) = reply {
            out.push(b' ');
            out.extend_from_slice(reply);
        }
        size_and_line_end(out, payload_len);
        return;
    };
    let header_len = headers.encoded_len();
    out.reserve(subject.len() + reply_len + PUBLISH_HEAD_MAX + header_len);
    out.extend_from_slice(b"HPUB ");
    out.extend_from_slice(subject);
    if let Some(reply) = reply {
        out.push(b' ');
        out.extend_from_slice(reply);
    }
    out.push(b' ');
    decimal(out, header_len as u64);
    size_and_line_end(out, header_len + payload_len);
    headers.encode(out);
}

/// Bytes of an `HPUB` line beside its subject and reply: the verb, two sizes of at most twenty
/// digits, blanks and the line end.
const PUBLISH_HEAD_MAX: usize = 5 + 20 + 20 + 3 + 2;

/// Appends a whole `PUB` or `HPUB` frame.
#[inline]
pub fn publish(
    out: &mut Vec<u8>,
    subject: &[u8],
    reply: Option<&[u8]>,
    headers: Option<&HeaderMap>,
    payload: &[u8],
) {
    // Once for everything that has no headers.
    let reply_len = reply.map_or(0, |reply| reply.len() + 1);
    out.reserve(subject.len() + reply_len + PUBLISH_HEAD_MAX + payload.len() + 2);
    publish_head(out, subject, reply, headers, payload.len());
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

/// Appends a blank, the size, and the line end.
///
/// All of it is built aside and appended as one piece of a fixed length, which takes no call.
#[inline]
fn size_and_line_end(out: &mut Vec<u8>, size: usize) {
    const DIGITS: usize = 10;
    let Some(mut rest) = u32::try_from(size).ok() else {
        out.push(b' ');
        decimal(out, size as u64);
        out.extend_from_slice(b"\r\n");
        return;
    };
    let digits = rest.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut text = [b' '; DIGITS + 6];
    for at in (1..=digits.min(DIGITS)).rev() {
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text[digits + 1] = b'\r';
    text[digits + 2] = b'\n';
    let end = out.len() + digits + 3;
    out.extend_from_slice(&text);
    out.truncate(end);
}

#[inline]
fn decimal(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
