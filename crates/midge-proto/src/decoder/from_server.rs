//! Frames that a server sends.

use super::head::{self, Head};
use super::line::{self, Arguments, LineScanner};
use super::{DecodeError, DecodeLimits};
use crate::message::MessageFrame;
use crate::sid::Sid;
use core::ops::Range;

/// One frame from a server, as offsets into the buffer it was found in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// `MSG` or `HMSG`.
    Message {
        /// The subscription it is for.
        sid: Sid,
        /// Where its parts are.
        frame: MessageFrame,
    },
    /// `INFO`: where its JSON is.
    Info(Range<usize>),
    /// `-ERR`: where its text is, quotes included.
    Error(Range<usize>),
    /// `PING`, to be answered by `PONG`.
    Ping,
    /// `PONG`.
    Pong,
    /// `+OK`, which a server sends in verbose mode.
    Ok,
}

/// The parser for what a server sends.
///
/// Give it the same growing buffer again and again; after taking [`consumed`](Self::consumed)
/// bytes off the front of the buffer, say so with [`consume`](Self::consume).
///
/// ```
/// use midge_proto::{DecodeLimits, Decoder, Frame};
///
/// let mut decoder = Decoder::new(DecodeLimits::default());
/// let buffer = b"PING\r\nMSG greet 1 5\r\nhel";
/// assert_eq!(decoder.next(buffer)?, Some(Frame::Ping));
/// assert_eq!(decoder.next(buffer)?, None);
/// let buffer = b"PING\r\nMSG greet 1 5\r\nhello\r\n";
/// assert!(matches!(decoder.next(buffer)?, Some(Frame::Message { .. })));
/// assert_eq!(decoder.consumed(), buffer.len());
/// # Ok::<(), midge_proto::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    limits: DecodeLimits,
    /// Where the frame at hand begins; everything before it was handed out.
    start: usize,
    scanner: LineScanner,
    /// The head of a message whose body is not all there.
    head: Option<(Sid, MessageFrame)>,
    /// The latest head in the buffer, and where it stands.
    latest: Option<(usize, Head)>,
}

impl Decoder {
    /// A parser at the beginning of a stream.
    #[must_use]
    pub fn new(limits: DecodeLimits) -> Self {
        Self { limits, start: 0, scanner: LineScanner::default(), head: None, latest: None }
    }

    /// Returns the next complete frame, or `None` when `buf` ends before it does.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the stream is out of step; it is final.
    #[inline]
    pub fn next(&mut self, buf: &[u8]) -> Result<Option<Frame>, DecodeError> {
        if let Some((sid, frame)) = self.head {
            return self.message(buf, sid, frame);
        }
        let rest = buf.get(self.start..).unwrap_or_default();
        let Some(&first) = rest.first() else {
            return Ok(None);
        };
        // Only at the first look: a line that trickles in is scanned once.
        if self.scanner.is_fresh()
            && let Some(head) = self.repeated(buf, rest).or_else(|| head::read(rest))
            && head.frame.body_start as usize <= self.limits.control_line_max
        {
            let frame = self.checked(head.frame)?;
            self.latest = Some((self.start, head));
            return self.message(buf, head.sid, frame);
        }
        self.next_line(buf, rest, first)
    }

    /// Returns the next frame if it is a message behind a message, with the same control line and all
    /// there: the short way through a run of them, because that line was read and checked.
    ///
    /// `None` says nothing: [`next`](Self::next) knows.
    ///
    /// ```
    /// use midge_proto::{DecodeLimits, Decoder, Frame};
    ///
    /// let mut decoder = Decoder::new(DecodeLimits::default());
    /// let buffer = b"MSG greet 1 2\r\nhi\r\nMSG greet 1 2\r\nho\r\nMSG greet 1 5\r\nhello\r\n";
    /// assert!(matches!(decoder.next(buffer)?, Some(Frame::Message { .. })));
    /// assert_eq!(&buffer[decoder.next_alike(buffer).unwrap().payload()], b"ho");
    /// assert_eq!(decoder.next_alike(buffer), None);
    /// assert!(matches!(decoder.next(buffer)?, Some(Frame::Message { .. })));
    /// # Ok::<(), midge_proto::DecodeError>(())
    /// ```
    #[inline]
    pub fn next_alike(&mut self, buf: &[u8]) -> Option<MessageFrame> {
        let (start, head) = self.latest.as_ref()?;
        let line = buf.get(*start..*start + head.frame.body_start as usize)?;
        if self.head.is_some() || !buf.get(self.start..)?.starts_with(line) {
            return None;
        }
        let frame = self.placed(head.frame);
        let body_end = frame.body_start as usize + frame.total_len as usize;
        match buf.get(body_end..)? {
            [b'\r', b'\n', ..] => self.start = body_end + 2,
            _ => return None,
        }
        Some(frame)
    }

    /// The head at the front of `rest`, if it begins as the latest one did.
    #[inline]
    fn repeated(&self, buf: &[u8], rest: &[u8]) -> Option<Head> {
        let (start, head) = self.latest.as_ref()?;
        let beginning = buf.get(*start..start + head.beginning?)?;
        if rest.starts_with(beginning) { head.repeat(rest) } else { None }
    }

    /// The frame at the front of `rest`, by the parser that knows every tolerated spelling.
    #[inline(never)]
    fn next_line(
        &mut self,
        buf: &[u8],
        rest: &[u8],
        first: u8,
    ) -> Result<Option<Frame>, DecodeError> {
        // What comes next does not come behind that message.
        self.latest = None;
        let limit = match first {
            b'i' | b'I' => self.limits.info_max,
            _ => self.limits.control_line_max,
        };
        let Some(len) = self.scanner.find(rest, limit)? else {
            return Ok(None);
        };
        let line = line::without_line_end(&rest[..len]);
        if let Some((verb, headers)) = message_verb(line) {
            let (sid, frame) = self.head(line, verb, headers, len)?;
            return self.message(buf, sid, frame);
        }
        let frame = control(line, self.start)?;
        self.start += len;
        Ok(Some(frame))
    }

    /// Bytes at the front of the buffer whose frames were all handed out.
    #[must_use]
    #[inline]
    pub fn consumed(&self) -> usize {
        self.start
    }

    /// The whole size in bytes that the unfinished message at [`consumed`](Self::consumed) will
    /// have, if its control line was read: what a read buffer needs room for.
    #[must_use]
    pub fn wanted(&self) -> Option<usize> {
        let (_, frame) = self.head.as_ref()?;
        Some(frame.body_start as usize + frame.total_len as usize + 2 - self.start)
    }

    /// Says that the consumed bytes were taken off the front of the buffer.
    pub fn consume(&mut self) {
        let gone = self.start as u32;
        if let Some((_, frame)) = &mut self.head {
            frame.subject_start -= gone;
            frame.body_start -= gone;
            frame.reply_start = frame.reply_start.saturating_sub(gone);
        }
        self.start = 0;
        self.latest = None;
    }

    #[inline]
    fn head(
        &self,
        line: &[u8],
        verb: usize,
        with_headers: HasHeaders,
        line_len: usize,
    ) -> Result<(Sid, MessageFrame), DecodeError> {
        let fixed = match with_headers {
            HasHeaders::No => 3,
            HasHeaders::Yes => 4,
        };
        let arguments = match Arguments::split(line, verb) {
            Some(found) if found.count() == fixed || found.count() == fixed + 1 => found,
            Some(_) | None => return Err(line::invalid_arguments(line)),
        };
        let last = arguments.count() - 1;
        let read = || {
            let sid = line::sid(arguments.bytes(line, 1))?;
            let total = line::size(arguments.bytes(line, last))?;
            let headers = match with_headers {
                HasHeaders::No => 0,
                HasHeaders::Yes => line::size(arguments.bytes(line, last - 1))?,
            };
            Some((sid, headers, total))
        };
        let Some((sid, headers, total)) = read() else {
            return Err(line::invalid_arguments(line));
        };
        let (subject_start, subject_len) = arguments.range(0);
        let (reply_start, reply_len) =
            if arguments.count() > fixed { arguments.range(2) } else { (0, 0) };
        let frame = MessageFrame {
            subject_start,
            subject_len,
            reply_start,
            reply_len,
            header_len: headers as u32,
            body_start: line_len as u32,
            total_len: total as u32,
        };
        Ok((sid, self.checked(frame)?))
    }

    /// Checks the lengths in a frame with offsets from its own line, and makes them the buffer's.
    #[inline]
    fn checked(&self, frame: MessageFrame) -> Result<MessageFrame, DecodeError> {
        let (headers, total) = (frame.header_len as usize, frame.total_len as usize);
        line::check_lengths(headers, total, self.limits.message_max)?;
        Ok(self.placed(frame))
    }

    /// Makes offsets from the line at hand those of the buffer.
    #[inline]
    fn placed(&self, mut frame: MessageFrame) -> MessageFrame {
        let base = self.start as u32;
        frame.subject_start += base;
        frame.body_start += base;
        if frame.reply_len > 0 {
            frame.reply_start += base;
        }
        frame
    }

    #[inline(always)]
    fn message(
        &mut self,
        buf: &[u8],
        sid: Sid,
        frame: MessageFrame,
    ) -> Result<Option<Frame>, DecodeError> {
        let body_end = frame.body_start as usize + frame.total_len as usize;
        let behind = buf.get(body_end..).unwrap_or_default();
        if line::terminator(behind)?.is_none() {
            self.head = Some((sid, frame));
            return Ok(None);
        }
        self.head = None;
        self.start = body_end + 2;
        Ok(Some(Frame::Message { sid, frame }))
    }
}

#[derive(Clone, Copy)]
enum HasHeaders {
    No,
    Yes,
}

/// Length of the verb of a message line, with the blank behind it; `None` for another verb.
#[inline]
fn message_verb(line: &[u8]) -> Option<(usize, HasHeaders)> {
    match line {
        [b'm' | b'M', b's' | b'S', b'g' | b'G', b' ' | b'\t', ..] => Some((4, HasHeaders::No)),
        [b'h' | b'H', b'm' | b'M', b's' | b'S', b'g' | b'G', b' ' | b'\t', ..] => {
            Some((5, HasHeaders::Yes))
        }
        _ => None,
    }
}

/// A line that is a whole frame; `start` is where it stands in the buffer.
fn control(line: &[u8], start: usize) -> Result<Frame, DecodeError> {
    let verb_is =
        |verb: &[u8]| line.get(..verb.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(verb));
    // As the server does: whatever follows on the line of these three is ignored.
    if verb_is(b"PING") {
        return Ok(Frame::Ping);
    }
    if verb_is(b"PONG") {
        return Ok(Frame::Pong);
    }
    if verb_is(b"+OK") {
        return Ok(Frame::Ok);
    }
    if verb_is(b"INFO") {
        return Ok(Frame::Info(line::trimmed(line, 4, start)));
    }
    if verb_is(b"-ERR") {
        return Ok(Frame::Error(line::trimmed(line, 4, start)));
    }
    if verb_is(b"MSG") || verb_is(b"HMSG") {
        return Err(line::invalid_arguments(line));
    }
    Err(line::unknown_operation(line))
}
