//! Frames that a client sends: for test brokers, simulators, proxies, and for finding the frame
//! boundaries in what a client could not write any more.

use super::line::{self, Arguments, LineScanner};
use super::{DecodeError, DecodeLimits};
use crate::message::MessageFrame;
use crate::sid::Sid;
use core::ops::Range;

/// One frame from a client, as offsets into the buffer it was found in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientFrame {
    /// `CONNECT`: where its JSON is.
    Connect(Range<usize>),
    /// `PUB` or `HPUB`.
    Publish(MessageFrame),
    /// `SUB`.
    Subscribe {
        /// Where the subject filter is.
        subject: Range<usize>,
        /// Where the queue group is, if there is one.
        queue: Option<Range<usize>>,
        /// The client's id for the subscription.
        sid: Sid,
    },
    /// `UNSUB`.
    Unsubscribe {
        /// The subscription to end.
        sid: Sid,
        /// After how many deliveries in all; `None` for at once.
        max: Option<u64>,
    },
    /// `PING`.
    Ping,
    /// `PONG`.
    Pong,
}

/// The parser for what a client sends; it works as [`Decoder`](super::Decoder) does.
#[derive(Clone, Debug)]
pub struct ClientDecoder {
    limits: DecodeLimits,
    start: usize,
    scanner: LineScanner,
    head: Option<MessageFrame>,
}

impl ClientDecoder {
    /// A parser at the beginning of a stream.
    #[must_use]
    pub fn new(limits: DecodeLimits) -> Self {
        Self { limits, start: 0, scanner: LineScanner::default(), head: None }
    }

    /// Returns the next complete frame, or `None` when `buf` ends before it does.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the stream is out of step; it is final.
    pub fn next(&mut self, buf: &[u8]) -> Result<Option<ClientFrame>, DecodeError> {
        if let Some(frame) = self.head {
            return self.publish(buf, frame);
        }
        let rest = buf.get(self.start..).unwrap_or_default();
        let Some(&first) = rest.first() else {
            return Ok(None);
        };
        let limit = match first {
            b'c' | b'C' => self.limits.info_max,
            _ => self.limits.control_line_max,
        };
        let Some(len) = self.scanner.find(rest, limit)? else {
            return Ok(None);
        };
        let line = line::without_line_end(&rest[..len]);
        let verb_end = line
            .iter()
            .position(|&byte| line::is_blank(byte) || byte == b'{')
            .unwrap_or(line.len());
        let verb = &line[..verb_end];
        let frame = if verb.eq_ignore_ascii_case(b"PUB") {
            let frame = self.publish_head(line, verb_end, 2, len)?;
            return self.publish(buf, frame);
        } else if verb.eq_ignore_ascii_case(b"HPUB") {
            let frame = self.publish_head(line, verb_end, 3, len)?;
            return self.publish(buf, frame);
        } else if verb.eq_ignore_ascii_case(b"SUB") {
            self.subscribe(line, verb_end)?
        } else if verb.eq_ignore_ascii_case(b"UNSUB") {
            unsubscribe(line, verb_end)?
        } else if verb.eq_ignore_ascii_case(b"PING") {
            ClientFrame::Ping
        } else if verb.eq_ignore_ascii_case(b"PONG") {
            ClientFrame::Pong
        } else if verb.eq_ignore_ascii_case(b"CONNECT") {
            ClientFrame::Connect(line::trimmed(line, verb_end, self.start))
        } else {
            return Err(line::unknown_operation(line));
        };
        self.start += len;
        Ok(Some(frame))
    }

    /// Bytes at the front of the buffer whose frames were all handed out.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.start
    }

    /// Says that the consumed bytes were taken off the front of the buffer.
    pub fn consume(&mut self) {
        let gone = self.start as u32;
        if let Some(frame) = &mut self.head {
            frame.subject_start -= gone;
            frame.body_start -= gone;
            frame.reply_start = frame.reply_start.saturating_sub(gone);
        }
        self.start = 0;
    }

    /// `fixed` counts the arguments without a reply subject: two for `PUB`, three for `HPUB`.
    fn publish_head(
        &self,
        line: &[u8],
        verb_end: usize,
        fixed: usize,
        line_len: usize,
    ) -> Result<MessageFrame, DecodeError> {
        let arguments = match Arguments::split(line, verb_end) {
            Some(found) if found.count() == fixed || found.count() == fixed + 1 => found,
            Some(_) | None => return Err(line::invalid_arguments(line)),
        };
        let last = arguments.count() - 1;
        let sizes = || {
            let total = line::size(arguments.bytes(line, last))?;
            let headers = if fixed == 3 { line::size(arguments.bytes(line, last - 1))? } else { 0 };
            Some((headers, total))
        };
        let Some((headers, total)) = sizes() else {
            return Err(line::invalid_arguments(line));
        };
        line::check_lengths(headers, total, self.limits.message_max)?;
        let base = self.start as u32;
        let (subject_start, subject_len) = arguments.range(0);
        let (reply_start, reply_len) = if arguments.count() > fixed {
            let (start, len) = arguments.range(1);
            (base + start, len)
        } else {
            (0, 0)
        };
        Ok(MessageFrame {
            subject_start: base + subject_start,
            subject_len,
            reply_start,
            reply_len,
            header_len: headers as u32,
            body_start: base + line_len as u32,
            total_len: total as u32,
        })
    }

    fn publish(
        &mut self,
        buf: &[u8],
        frame: MessageFrame,
    ) -> Result<Option<ClientFrame>, DecodeError> {
        let body_end = frame.body_start as usize + frame.total_len as usize;
        if line::terminator(buf.get(body_end..).unwrap_or_default())?.is_none() {
            self.head = Some(frame);
            return Ok(None);
        }
        self.head = None;
        self.start = body_end + 2;
        Ok(Some(ClientFrame::Publish(frame)))
    }

    fn subscribe(&self, line: &[u8], verb_end: usize) -> Result<ClientFrame, DecodeError> {
        let range = |(start, len): (u32, u32)| {
            let start = self.start + start as usize;
            start..start + len as usize
        };
        let read = || {
            let arguments = Arguments::split(line, verb_end)?;
            let queue = match arguments.count() {
                2 => None,
                3 => Some(range(arguments.range(1))),
                _ => return None,
            };
            let sid = line::sid(arguments.bytes(line, arguments.count() - 1))?;
            Some(ClientFrame::Subscribe { subject: range(arguments.range(0)), queue, sid })
        };
        read().ok_or_else(|| line::invalid_arguments(line))
    }
}

fn unsubscribe(line: &[u8], verb_end: usize) -> Result<ClientFrame, DecodeError> {
    let read = || {
        let arguments = Arguments::split(line, verb_end)?;
        let max = match arguments.count() {
            1 => None,
            2 => Some(line::decimal(arguments.bytes(line, 1))?).filter(|&max| max > 0),
            _ => return None,
        };
        Some(ClientFrame::Unsubscribe { sid: line::sid(arguments.bytes(line, 0))?, max })
    };
    read().ok_or_else(|| line::invalid_arguments(line))
}
