//! The frames of one connection as text, for people who look into a case.
//!
//! # The form
//!
//! One line a frame, which stays the same in later versions: the time in seconds with nine decimals,
//! since the origin of the driver's clock; `->` for what the client sends and `<-` for what it
//! receives; and the frame's own control line. What is added or left out:
//!
//! | frame | in the text |
//! | --- | --- |
//! | `PUB`, `HPUB`, `MSG`, `HMSG` | the control line, without headers and payload |
//! | `CONNECT` | its JSON, with `[redacted]` for `pass`, `auth_token`, `jwt`, `sig` and whatever is not known |
//! | `INFO`, `-ERR`, `SUB`, `UNSUB`, `PING`, `PONG`, `+OK` | the control line |
//! | a new stream, the end of one | `== open`, `== end` |
//! | bytes that are no frame | `!!` and why, once a stream and direction |
//!
//! Bytes outside of printable ASCII are escaped as in Rust's byte strings. Subjects are shown.

use crate::decoder::{ClientDecoder, ClientFrame, DecodeError, DecodeLimits, Decoder, Frame};
use crate::message::MessageFrame;
use crate::time::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use serde_json::{Map, Value};

/// Fields of `CONNECT` that are no secrets.
const SHOWN: [&str; 12] = [
    "verbose",
    "pedantic",
    "echo",
    "tls_required",
    "name",
    "lang",
    "version",
    "protocol",
    "headers",
    "no_responders",
    "user",
    "nkey",
];

/// Follows the bytes of a client's connections and says in text which frames they are.
///
/// ```
/// use midge_proto::{DecodeLimits, Instant, WireTrace};
///
/// let mut trace = WireTrace::new(DecodeLimits::default());
/// let mut lines = Vec::new();
/// let at = Instant::from_nanos(1_500_000_000);
/// trace.written(at, b"PUB orders 6\r\nsec", &mut |line| lines.push(line.to_owned()));
/// trace.written(at, b"ret\r\n", &mut |line| lines.push(line.to_owned()));
/// assert_eq!(lines, ["1.500000000 -> PUB orders 6"]);
/// ```
#[derive(Debug)]
pub struct WireTrace {
    limits: DecodeLimits,
    sent: Half<ClientDecoder>,
    received: Half<Decoder>,
}

/// One direction.
#[derive(Debug)]
struct Half<D> {
    decoder: D,
    buf: Vec<u8>,
    health: Health,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    InStep,
    /// Nothing behind an error can be read.
    Lost,
}

impl<D> Half<D> {
    fn new(decoder: D) -> Self {
        Self { decoder, buf: Vec::new(), health: Health::InStep }
    }
}

impl WireTrace {
    /// Follows no stream yet.
    #[must_use]
    pub fn new(limits: DecodeLimits) -> Self {
        let (sent, received) = (ClientDecoder::new(limits), Decoder::new(limits));
        Self { limits, sent: Half::new(sent), received: Half::new(received) }
    }

    /// A stream begins.
    pub fn open(&mut self, at: Instant, line: &mut dyn FnMut(&str)) {
        *self = Self::new(self.limits);
        emit(at, "==", b"open", line);
    }

    /// The stream is over.
    pub fn end(&mut self, at: Instant, line: &mut dyn FnMut(&str)) {
        *self = Self::new(self.limits);
        emit(at, "==", b"end", line);
    }

    /// The client's bytes, as far as the socket took them.
    pub fn written(&mut self, at: Instant, bytes: &[u8], line: &mut dyn FnMut(&str)) {
        let Half { decoder, buf, health } = &mut self.sent;
        if *health == Health::Lost {
            return;
        }
        buf.extend_from_slice(bytes);
        loop {
            let before = decoder.consumed();
            match decoder.next(buf) {
                Ok(Some(frame)) => emit(at, "->", &sent(&frame, buf, before), line),
                Ok(None) => break,
                Err(error) => {
                    lost(at, "->", &error, line);
                    (*health, *buf) = (Health::Lost, Vec::new());
                    return;
                }
            }
        }
        buf.drain(..decoder.consumed());
        decoder.consume();
    }

    /// The server's bytes, as they were read.
    pub fn read(&mut self, at: Instant, bytes: &[u8], line: &mut dyn FnMut(&str)) {
        let Half { decoder, buf, health } = &mut self.received;
        if *health == Health::Lost {
            return;
        }
        buf.extend_from_slice(bytes);
        loop {
            let before = decoder.consumed();
            match decoder.next(buf) {
                Ok(Some(frame)) => emit(at, "<-", &received(&frame, buf, before), line),
                Ok(None) => break,
                Err(error) => {
                    lost(at, "<-", &error, line);
                    (*health, *buf) = (Health::Lost, Vec::new());
                    return;
                }
            }
        }
        buf.drain(..decoder.consumed());
        decoder.consume();
    }
}

fn lost(at: Instant, direction: &str, error: &DecodeError, line: &mut dyn FnMut(&str)) {
    let mut text = String::from("!! ");
    let _ = write!(text, "{error}");
    emit(at, direction, text.as_bytes(), line);
}

/// Hands one line over, without a line end.
fn emit(at: Instant, direction: &str, text: &[u8], line: &mut dyn FnMut(&str)) {
    let nanos = at.as_nanos();
    let mut out = String::new();
    let _ = write!(out, "{}.{:09} {direction} ", nanos / 1_000_000_000, nanos % 1_000_000_000);
    for &byte in text {
        match byte {
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "{}", byte.escape_ascii());
            }
        }
    }
    line(&out);
}

fn sent(frame: &ClientFrame, buf: &[u8], start: usize) -> Vec<u8> {
    match frame {
        ClientFrame::Connect(range) => {
            let mut text = b"CONNECT ".to_vec();
            text.extend(redact(buf.get(range.clone()).unwrap_or_default()));
            text
        }
        ClientFrame::Publish(frame) => control_line(buf, start, Some(frame)),
        ClientFrame::Subscribe { .. }
        | ClientFrame::Unsubscribe { .. }
        | ClientFrame::Ping
        | ClientFrame::Pong => control_line(buf, start, None),
    }
}

fn received(frame: &Frame, buf: &[u8], start: usize) -> Vec<u8> {
    match frame {
        Frame::Message { frame, .. } => control_line(buf, start, Some(frame)),
        Frame::Info(_) | Frame::Error(_) | Frame::Ping | Frame::Pong | Frame::Ok => {
            control_line(buf, start, None)
        }
    }
}

/// The line at `start`, without its end.
fn control_line(buf: &[u8], start: usize, message: Option<&MessageFrame>) -> Vec<u8> {
    let rest = buf.get(start..).unwrap_or_default();
    let end = match message {
        Some(frame) => (frame.body_start as usize).saturating_sub(start),
        None => rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
    };
    rest.get(..end).unwrap_or_default().trim_ascii().to_vec()
}

/// The JSON of `CONNECT` without its secrets.
fn redact(json: &[u8]) -> Vec<u8> {
    let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(json) else {
        return b"[redacted]".to_vec();
    };
    let shown: Map<String, Value> = fields
        .into_iter()
        .map(|(name, value)| {
            let is_shown = SHOWN.contains(&name.as_str());
            let value = if is_shown { value } else { Value::String("[redacted]".into()) };
            (name, value)
        })
        .collect();
    serde_json::to_vec(&shown).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn lines(of: impl Fn(&mut WireTrace, &mut dyn FnMut(&str))) -> Vec<String> {
        let mut trace = WireTrace::new(DecodeLimits::default());
        let mut lines = Vec::new();
        of(&mut trace, &mut |line| lines.push(line.to_string()));
        lines
    }

    #[test]
    fn every_frame_has_its_control_line_however_the_bytes_are_cut() {
        let client = b"CONNECT {\"name\":\"n\"}\r\nSUB a.* q 1\r\nUNSUB 1 5\r\nPUB a 3\r\nabc\r\n\
            HPUB a r 12 13\r\nNATS/1.0\r\n\r\nx\r\nPING\r\nPONG\r\n";
        let server = b"INFO {\"a\":1}\r\nPING\r\nPONG\r\n+OK\r\n-ERR 'no'\r\nMSG a 1 2\r\nhi\r\n\
            HMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n";
        let whole = lines(|trace, line| {
            let at = Instant::from_nanos(12_000_000_034);
            trace.open(at, line);
            trace.written(at, client, line);
            trace.read(at, server, line);
            trace.end(at, line);
        });
        let expected = [
            "== open",
            "-> CONNECT {\"name\":\"n\"}",
            "-> SUB a.* q 1",
            "-> UNSUB 1 5",
            "-> PUB a 3",
            "-> HPUB a r 12 13",
            "-> PING",
            "-> PONG",
            "<- INFO {\"a\":1}",
            "<- PING",
            "<- PONG",
            "<- +OK",
            "<- -ERR 'no'",
            "<- MSG a 1 2",
            "<- HMSG a 1 r 12 12",
            "== end",
        ];
        let expected: Vec<String> =
            expected.iter().map(|text| alloc::format!("12.000000034 {text}")).collect();
        assert_eq!(whole, expected);
        let pieces = lines(|trace, line| {
            let at = Instant::from_nanos(12_000_000_034);
            trace.open(at, line);
            client.chunks(1).for_each(|byte| trace.written(at, byte, line));
            server.chunks(1).for_each(|byte| trace.read(at, byte, line));
            trace.end(at, line);
        });
        assert_eq!(pieces, expected);
    }

    #[test]
    fn secrets_payloads_and_headers_are_not_in_the_text() {
        let shown = lines(|trace, line| {
            let connect = b"CONNECT {\"user\":\"joe\",\"pass\":\"S3CRET\",\"auth_token\":\"S3CRET\",\
                \"jwt\":\"S3CRET\",\"sig\":\"S3CRET\",\"nkey\":\"U\",\"unheard_of\":\"S3CRET\"}\r\n";
            trace.written(Instant::ZERO, connect, line);
            trace.written(Instant::ZERO, b"PUB a 6\r\nS3CRET\r\nPING\r\n", line);
            trace.written(Instant::ZERO, b"CONNECT {\"pass\":\"S3CRET\"\r\n", line);
            trace.read(Instant::ZERO, b"MSG a 1 6\r\nS3CRET\r\n", line);
        });
        assert_eq!(shown.len(), 5);
        assert!(shown.iter().all(|line| !line.contains("S3CRET")), "{shown:?}");
        assert!(shown[0].contains("\"user\":\"joe\"") && shown[0].contains("[redacted]"));
    }

    #[test]
    fn what_is_no_frame_is_said_once_and_the_next_stream_is_read_again() {
        let shown = lines(|trace, line| {
            trace.read(Instant::ZERO, b"HTTP/1.1 400\x1b\r\n", line);
            trace.read(Instant::ZERO, b"PING\r\n", line);
            trace.open(Instant::ZERO, line);
            trace.read(Instant::ZERO, b"PING\r\n", line);
        });
        assert_eq!(shown.len(), 3, "{shown:?}");
        assert!(shown[0].contains("<- !! unknown protocol operation"), "{shown:?}");
        assert!(shown[2].ends_with("<- PING"), "{shown:?}");
    }
}
