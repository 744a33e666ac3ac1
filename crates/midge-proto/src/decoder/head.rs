//! The control line of a message as every server writes it, read in one pass.
//!
//! Upper case, one blank between arguments, CR LF at the end. Any other spelling, and a line that is
//! not all there yet, is left to the parser that knows the tolerances: `None` here is no verdict.

use super::line::{SIZE_DIGITS_MAX, is_blank};
use crate::message::MessageFrame;
use crate::sid::Sid;

/// What stands in the line, with offsets from the beginning of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) sid: Sid,
    pub(super) frame: MessageFrame,
    /// Bytes in front of the size, if that is all that follows: messages come in runs, and the next
    /// line mostly begins in the same way.
    pub(super) beginning: Option<usize>,
}

impl Head {
    /// Reads the line at the front of `rest`, which begins as this one did.
    #[inline]
    pub(super) fn repeat(&self, rest: &[u8]) -> Option<Self> {
        let size = line_end(rest, self.beginning?)?;
        let frame =
            MessageFrame { total_len: size.number, body_start: size.line_len as u32, ..self.frame };
        Some(Self { frame, ..*self })
    }
}

/// Reads the message line at the front of `rest`.
#[inline]
pub(super) fn read(rest: &[u8]) -> Option<Head> {
    match rest.first_chunk::<4>()? {
        b"MSG " => message(rest),
        b"HMSG" => message_with_headers(rest),
        _ => None,
    }
}

/// `MSG subject sid [reply] size`
#[inline]
fn message(rest: &[u8]) -> Option<Head> {
    let subject = next_argument(rest, 3)?;
    let (subject_end, sid, at) = subject_and_sid(rest, subject)?;
    let mut frame = MessageFrame {
        subject_start: subject as u32,
        subject_len: (subject_end - subject) as u32,
        ..MessageFrame::default()
    };
    let (size, beginning) = match line_end(rest, at) {
        Some(size) => (size, Some(at)),
        None => {
            let reply_end = word_end(rest, at)?;
            frame.reply_start = at as u32;
            frame.reply_len = (reply_end - at) as u32;
            (line_end(rest, next_argument(rest, reply_end)?)?, None)
        }
    };
    frame.total_len = size.number;
    frame.body_start = size.line_len as u32;
    Some(Head { sid, frame, beginning })
}

/// `HMSG subject sid [reply] headers size`
#[inline]
fn message_with_headers(rest: &[u8]) -> Option<Head> {
    let subject = next_argument(rest, 4)?;
    let (subject_end, sid, at) = subject_and_sid(rest, subject)?;
    let mut frame = MessageFrame {
        subject_start: subject as u32,
        subject_len: (subject_end - subject) as u32,
        ..MessageFrame::default()
    };
    let without_reply = || {
        let (headers, end) = number(rest, at)?;
        Some((headers, line_end(rest, next_argument(rest, end)?)?))
    };
    let (headers, size) = match without_reply() {
        Some(found) => found,
        None => {
            let reply_end = word_end(rest, at)?;
            frame.reply_start = at as u32;
            frame.reply_len = (reply_end - at) as u32;
            let (headers, end) = number(rest, next_argument(rest, reply_end)?)?;
            (headers, line_end(rest, next_argument(rest, end)?)?)
        }
    };
    frame.header_len = headers;
    frame.total_len = size.number;
    frame.body_start = size.line_len as u32;
    Some(Head { sid, frame, beginning: None })
}

/// The end of the subject that begins at `start`, the sid behind it, and where the next argument
/// begins.
#[inline]
fn subject_and_sid(rest: &[u8], start: usize) -> Option<(usize, Sid, usize)> {
    let subject_end = word_end(rest, start)?;
    let (sid, end) = id(rest, next_argument(rest, subject_end)?)?;
    Some((subject_end, sid, next_argument(rest, end)?))
}

/// The last number of a line.
struct Last {
    number: u32,
    /// Bytes of the line, its end included.
    line_len: usize,
}

/// The number at `at`, if it is the last thing on its line.
#[inline]
fn line_end(rest: &[u8], at: usize) -> Option<Last> {
    let (number, end) = number(rest, at)?;
    match rest.get(end..)? {
        [b'\r', b'\n', ..] => Some(Last { number, line_len: end + 2 }),
        _ => None,
    }
}

/// Where the argument behind the blank at `end` begins.
#[inline]
fn next_argument(rest: &[u8], end: usize) -> Option<usize> {
    match rest.get(end..)? {
        [b' ', more, ..] if !is_blank(*more) => Some(end + 1),
        _ => None,
    }
}

/// A size at `at`, and where it ends.
#[inline]
fn number(rest: &[u8], at: usize) -> Option<(u32, usize)> {
    let (mut number, mut len) = (0u32, 0);
    for byte in rest.get(at..)? {
        let value = byte.wrapping_sub(b'0');
        if value > 9 {
            break;
        }
        // Nine digits always fit, and more of them are the other parser's to refuse.
        number = number.wrapping_mul(10).wrapping_add(u32::from(value));
        len += 1;
    }
    if len == 0 || len > SIZE_DIGITS_MAX { None } else { Some((number, at + len)) }
}

/// A subscription id at `at`, and where it ends: as a size, for ids are counted from 1.
#[inline]
fn id(rest: &[u8], at: usize) -> Option<(Sid, usize)> {
    let (number, end) = number(rest, at)?;
    Some((Sid::new(u64::from(number))?, end))
}

/// Where the word that begins at `start` ends: at the first blank or control byte.
///
/// Eight bytes at a time: taking 0x21 from each byte borrows from the high bit of those below it.
/// The borrow may spoil bytes behind the first hit, never one before it.
#[inline]
fn word_end(rest: &[u8], start: usize) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([b' ' + 1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut at = start;
    while let Some(eight) = rest.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let eight = u64::from_le_bytes(*eight);
        let hits = eight.wrapping_sub(LOW) & !eight & HIGH;
        if hits != 0 {
            return Some(at + (hits.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let behind = rest.get(at..)?.iter().position(|&byte| byte <= b' ')?;
    Some(at + behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn what_servers_write_is_read() {
        let line = b"MSG orders.new 9 128\r\n";
        let head = read(line).unwrap();
        assert_eq!(head.sid.get(), 9);
        assert_eq!(&line[head.frame.subject()], b"orders.new");
        assert_eq!(
            (head.frame.reply_len, head.frame.header_len, head.frame.total_len),
            (0, 0, 128)
        );
        assert_eq!(head.frame.body_start as usize, line.len());

        let line = b"HMSG a.subject.of.more.than.eight.bytes 77 _INBOX.a.b 12 00034\r\n";
        let head = read(line).unwrap();
        assert_eq!(head.sid.get(), 77);
        assert_eq!(&line[head.frame.subject()], b"a.subject.of.more.than.eight.bytes");
        assert_eq!(&line[head.frame.reply()], b"_INBOX.a.b");
        assert_eq!((head.frame.header_len, head.frame.total_len), (12, 34));

        assert_eq!(read(b"MSG a 1 7reply 5\r\n").unwrap().frame.reply_len, 6);
        assert_eq!(read(b"HMSG a 1 3 5\r\n").unwrap().frame.header_len, 3);
    }

    #[test]
    fn a_line_that_begins_like_the_one_before_differs_in_its_size_alone() {
        let first = read(b"MSG orders.new 9 128\r\n").unwrap();
        let next = b"MSG orders.new 9 7\r\n";
        assert!(next.starts_with(&b"MSG orders.new 9 128\r\n"[..first.beginning.unwrap()]));
        assert_eq!(first.repeat(next), read(next));
        // It may go on in another way all the same.
        assert_eq!(first.repeat(b"MSG orders.new 9 reply 7\r\n"), None);
        assert_eq!(first.repeat(b"MSG orders.new 9  7\r\n"), None);
        assert_eq!(read(b"MSG orders.new 9 reply 7\r\n").unwrap().beginning, None);
        assert_eq!(read(b"HMSG orders.new 9 7 9\r\n").unwrap().beginning, None);
    }

    #[test]
    fn every_other_spelling_is_left_alone() {
        for line in [
            &b"msg a 1 5\r\n"[..],
            b"MSG  a 1 5\r\n",
            b"MSG  21 reply 14\r\n",
            b"HMSG  21 reply 0 14\r\n",
            b"MSG a\t1 5\r\n",
            b"MSG a 1 5\n",
            b"MSG a 1 5 \r\n",
            b"MSG a 1 1234567890\r\n",
            b"MSG a 0 5\r\n",
            b"MSG a 12345678901234567890 5\r\n",
            b"MSG a x 5\r\n",
            b"MSG a 1\r\n",
            b"MSG a\r\n1 5\r\n",
            b"HMSG a 1 5\r\n",
            b"HMSG a 1 7 8 9 10\r\n",
            b"HMSG a 1 r 5\r\n",
            b"MSGa 1 5\r\n",
            b"PING\r\n",
            b"",
        ] {
            assert_eq!(read(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_line_that_is_cut_anywhere_is_left_alone() {
        let line = b"HMSG a.subject.of.some.bytes 77 _INBOX.a.b 12 345\r\n";
        for cut in 0..line.len() {
            assert_eq!(read(&line[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn a_word_ends_at_each_byte_up_to_the_blank_and_at_no_other() {
        for len in 0..20 {
            for byte in 0..=u8::MAX {
                let mut bytes: Vec<u8> = Vec::from([0xa1; 40]);
                bytes[len] = byte;
                let expected = (byte <= b' ').then_some(len);
                assert_eq!(word_end(&bytes, 0), expected, "{byte:#x} at {len}");
            }
        }
    }
}
