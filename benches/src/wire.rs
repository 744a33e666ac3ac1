//! Just enough of the protocol for the raw tools: blocking, trusting, and fast where it counts.

use core::ops::Range;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use memchr::memchr;

/// Bytes a read asks for.
pub const READ_BYTES: usize = 256 * 1024;

/// Bytes a write hands over. On loopback, parts of 32 KiB are moved fastest.
pub const WRITE_BYTES: usize = 32 * 1024;

const INFO: &str = concat!(
    r#"INFO {"server_id":"RAW","server_name":"raw","version":"2.15.1","go":"","host":"127.0.0.1","#,
    r#""port":4222,"headers":true,"max_payload":1048576,"proto":1,"client_id":1,"#,
    r#""client_ip":"127.0.0.1"}"#,
);

/// What a server sends first.
#[must_use]
pub fn greeting() -> String {
    format!("{INFO} \r\n")
}

/// What a server sends to a first PING: PONG, and INFO once more, marked as such.
#[must_use]
pub fn first_pong() -> String {
    let open = INFO.trim_end_matches('}');
    format!("PONG\r\n{open},\"connect_info\":true}} \r\n")
}

/// One connection, server or client side, as two halves that can be borrowed apart.
#[derive(Debug)]
pub struct Wire {
    /// What the peer sends.
    pub input: Input,
    /// What is to be sent to the peer.
    pub output: Output,
}

/// The reading half.
#[derive(Debug)]
pub struct Input {
    stream: TcpStream,
    buffer: Vec<u8>,
    unread: Range<usize>,
}

/// The writing half; what is pushed is sent when the reading half is about to wait.
#[derive(Debug)]
pub struct Output {
    stream: TcpStream,
    pending: Vec<u8>,
    pongs: usize,
}

/// One frame of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// PING; already answered.
    Ping,
    /// PONG.
    Pong,
    /// SUB without a queue group.
    Sub {
        /// What is subscribed to.
        subject: &'a [u8],
        /// The subscription's number.
        sid: &'a [u8],
    },
    /// PUB or MSG.
    Message {
        /// Where to.
        subject: &'a [u8],
        /// Where an answer goes; empty when there is none.
        reply: &'a [u8],
        /// The body.
        payload: &'a [u8],
    },
    /// Anything else: INFO, CONNECT, UNSUB.
    Other,
}

impl Wire {
    /// Serves a connection that was just accepted.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub fn accept(stream: TcpStream) -> io::Result<Self> {
        let mut wire = Self::new(stream)?;
        wire.output.push(greeting().as_bytes());
        wire.output.flush()?;
        Ok(wire)
    }

    /// Connects to a server as a client, subscribes to `subjects` (numbered from 1), and waits
    /// until the server has taken note.
    ///
    /// # Errors
    ///
    /// When the socket fails or the server closes it.
    pub fn dial(address: &str, subjects: &[&str]) -> io::Result<Self> {
        let mut wire = Self::new(TcpStream::connect(address)?)?;
        let connect = r#"CONNECT {"verbose":false,"pedantic":false,"protocol":1,"headers":true}"#;
        wire.output.push(format!("{connect}\r\n").as_bytes());
        for (subject, sid) in subjects.iter().zip(1..) {
            wire.output.push(format!("SUB {subject} {sid}\r\n").as_bytes());
        }
        wire.output.push(b"PING\r\n");
        loop {
            match wire.input.next(&mut wire.output)? {
                Some(Frame::Pong) => return Ok(wire),
                Some(_) => {}
                None => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let output = Output { stream: stream.try_clone()?, pending: Vec::new(), pongs: 0 };
        Ok(Self { input: Input { stream, buffer: vec![0; READ_BYTES], unread: 0..0 }, output })
    }
}

impl Input {
    /// The next frame, or `None` when the peer has closed the connection.
    ///
    /// # Errors
    ///
    /// When the socket fails, or the peer sent what cannot be read.
    pub fn next(&mut self, output: &mut Output) -> io::Result<Option<Frame<'_>>> {
        let parsed = loop {
            if let Some(parsed) = parse(&self.buffer[self.unread.clone()])? {
                break parsed;
            }
            output.flush()?;
            if self.fill()? == 0 {
                return Ok(None);
            }
        };
        let start = self.unread.start;
        self.unread.start += parsed.length;
        let frame = parsed.frame(&self.buffer[start..]);
        if frame == Frame::Ping {
            output.pong();
        }
        Ok(Some(frame))
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let count = self.stream.read(&mut self.buffer[self.unread.end..])?;
        self.unread.end += count;
        Ok(count)
    }
}

impl Output {
    /// Adds bytes to what will be sent.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Sends what is pending.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Sends what is pending, then `block`, without copying it.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub fn send(&mut self, block: &[u8]) -> io::Result<()> {
        self.flush()?;
        block.chunks(WRITE_BYTES).try_for_each(|part| self.stream.write_all(part))
    }

    fn pong(&mut self) {
        if self.pongs == 0 {
            self.push(first_pong().as_bytes());
        } else {
            self.push(b"PONG\r\n");
        }
        self.pongs += 1;
    }
}

/// A complete frame: its verb, its parts and its length with line ends, as offsets.
struct Parsed {
    verb: Verb,
    subject: Range<usize>,
    reply: Range<usize>,
    payload: Range<usize>,
    length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Ping,
    Pong,
    Sub,
    Message,
    Other,
}

impl Parsed {
    fn frame<'a>(&self, bytes: &'a [u8]) -> Frame<'a> {
        let part = |range: &Range<usize>| &bytes[range.clone()];
        match self.verb {
            Verb::Ping => Frame::Ping,
            Verb::Pong => Frame::Pong,
            Verb::Sub => Frame::Sub { subject: part(&self.subject), sid: part(&self.reply) },
            Verb::Message => Frame::Message {
                subject: part(&self.subject),
                reply: part(&self.reply),
                payload: part(&self.payload),
            },
            Verb::Other => Frame::Other,
        }
    }
}

fn parse(bytes: &[u8]) -> io::Result<Option<Parsed>> {
    let Some(end) = memchr(b'\n', bytes) else {
        return Ok(None);
    };
    let line = &bytes[..end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let words = Words::of(line);
    let verb = match words.get(line, 0) {
        b"PING" => Verb::Ping,
        b"PONG" => Verb::Pong,
        b"SUB" => Verb::Sub,
        b"PUB" | b"MSG" | b"HPUB" | b"HMSG" => Verb::Message,
        _ => Verb::Other,
    };
    let mut parsed = Parsed { verb, subject: 0..0, reply: 0..0, payload: 0..0, length: end + 1 };
    if verb == Verb::Sub {
        parsed.subject = words.range(1);
        parsed.reply = words.range(words.count.saturating_sub(1));
    }
    if verb == Verb::Message {
        // MSG has a sid behind the subject; headers add a length and stay part of the payload.
        let message = line.starts_with(b"MSG") || line.starts_with(b"HMSG");
        let sizes = 1 + usize::from(line.starts_with(b"H"));
        let fixed = 2 + usize::from(message);
        parsed.subject = words.range(1);
        if words.count == fixed + 1 + sizes {
            parsed.reply = words.range(fixed);
        }
        let size = decimal(words.get(line, words.count.saturating_sub(1)))?;
        parsed.payload = end + 1..end + 1 + size;
        parsed.length = end + 1 + size + 2;
        if bytes.len() < parsed.length {
            return Ok(None);
        }
    }
    Ok(Some(parsed))
}

/// Where the words of a control line are; there are six at most (`HMSG`).
struct Words {
    ranges: [(usize, usize); 6],
    count: usize,
}

impl Words {
    fn of(line: &[u8]) -> Self {
        let mut words = Self { ranges: [(0, 0); 6], count: 0 };
        let mut start = 0;
        while start < line.len() && words.count < words.ranges.len() {
            let length = memchr(b' ', &line[start..]).unwrap_or(line.len() - start);
            words.ranges[words.count] = (start, start + length);
            words.count += 1;
            start += length + 1;
        }
        words
    }

    fn range(&self, index: usize) -> Range<usize> {
        let (start, end) = self.ranges[index];
        start..end
    }

    fn get<'a>(&self, line: &'a [u8], index: usize) -> &'a [u8] {
        &line[self.range(index)]
    }
}

/// Parses a size.
///
/// # Errors
///
/// When `digits` is not a number of up to nine digits.
pub fn decimal(digits: &[u8]) -> io::Result<usize> {
    let valid = (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    if !valid {
        let text = String::from_utf8_lossy(digits);
        return Err(io::Error::new(ErrorKind::InvalidData, format!("{text:?} is no size")));
    }
    Ok(digits.iter().fold(0, |value, digit| value * 10 + usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::{Frame, decimal, parse};

    #[track_caller]
    fn frame(bytes: &[u8]) -> Frame<'_> {
        let parsed = parse(bytes).unwrap().expect("a whole frame");
        assert_eq!(parsed.length, bytes.len());
        parsed.frame(bytes)
    }

    #[test]
    fn frames_are_taken_apart() {
        let message = |subject, reply, payload| Frame::Message { subject, reply, payload };
        assert_eq!(frame(b"PING\r\n"), Frame::Ping);
        assert_eq!(frame(b"CONNECT {\"a\": 1, \"b\": 2}\r\n"), Frame::Other);
        assert_eq!(frame(b"SUB a 7\r\n"), Frame::Sub { subject: b"a", sid: b"7" });
        assert_eq!(frame(b"PUB a 2\r\nhi\r\n"), message(b"a", b"", b"hi"));
        assert_eq!(frame(b"PUB a r 2\r\nhi\r\n"), message(b"a", b"r", b"hi"));
        assert_eq!(frame(b"MSG a 1 r 2\r\nhi\r\n"), message(b"a", b"r", b"hi"));
        assert_eq!(frame(b"HPUB a r 1 2\r\nhi\r\n"), message(b"a", b"r", b"hi"));
        assert_eq!(frame(b"HMSG a 1 1 2\r\nhi\r\n"), message(b"a", b"", b"hi"));
    }

    #[test]
    fn a_part_of_a_frame_is_none_yet() {
        let whole = b"MSG a 1 r 2\r\nhi\r\n";
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).unwrap().is_none(), "{end}");
        }
    }

    #[test]
    fn a_size_is_a_short_number() {
        assert_eq!(decimal(b"0042").unwrap(), 42);
        assert!(decimal(b"").is_err());
        assert!(decimal(b"1234567890").is_err());
        assert!(decimal(b"-1").is_err());
    }
}
