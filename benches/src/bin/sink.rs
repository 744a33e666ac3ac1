#![forbid(unsafe_code)]
//! A server that counts publishes and discards them.
//!
//! It prints `listening <address>` and serves one connection after the other on one thread. A
//! publish to the marker subject is answered, to the latest subscription, with the number of
//! publishes since the marker before.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use memchr::memchr;
use midge_benches::{Result, subjects, wire};

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        if let Err(error) = Sink::new(stream)?.run() {
            eprintln!("sink: {error}");
        }
    }
}

struct Sink {
    stream: TcpStream,
    count: usize,
    pongs: usize,
    sid: String,
    /// The latest PUB line. A publisher mostly repeats itself, and comparing is faster than
    /// searching and parsing, so that the sink is never what is measured.
    line: Vec<u8>,
    /// Bytes of body and line end behind [`line`](Self::line).
    body: usize,
}

impl Sink {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (sid, line) = (String::from("1"), Vec::new());
        Ok(Self { stream, count: 0, pongs: 0, sid, line, body: 0 })
    }

    fn run(&mut self) -> io::Result<()> {
        self.stream.write_all(wire::greeting().as_bytes())?;
        let mut buffer = vec![0; wire::READ_BYTES];
        let (mut start, mut end, mut skip) = (0, 0, 0);
        loop {
            buffer.copy_within(start..end, 0);
            (start, end) = (0, end - start);
            match self.stream.read(&mut buffer[end..])? {
                0 => return Ok(()),
                count => end += count,
            }
            loop {
                let skipped = skip.min(end - start);
                start += skipped;
                skip -= skipped;
                let unread = &buffer[start..end];
                if !self.line.is_empty() && unread.starts_with(&self.line) {
                    self.count += 1;
                    start += self.line.len();
                    skip = self.body;
                    continue;
                }
                let Some(length) = memchr(b'\n', unread) else {
                    break;
                };
                skip = self.handle_line(&unread[..=length])?;
                start += length + 1;
            }
        }
    }

    /// Handles a control line, line end included, and returns how many bytes of body follow.
    fn handle_line(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut words = line.trim_ascii_end().split(|byte| *byte == b' ');
        let verb = words.next().unwrap_or_default();
        let subject = words.next().unwrap_or_default();
        let last = words.next_back().unwrap_or_default();
        match verb {
            b"PING" => self.handle_ping()?,
            b"SUB" => self.sid = String::from_utf8_lossy(last).into_owned(),
            b"PUB" | b"HPUB" => {
                let body = wire::decimal(last)? + 2;
                if subject == subjects::DONE.as_bytes() {
                    self.handle_marker()?;
                } else {
                    self.count += 1;
                    self.line.clear();
                    self.line.extend_from_slice(line);
                    self.body = body;
                }
                return Ok(body);
            }
            _ => {}
        }
        Ok(0)
    }

    fn handle_ping(&mut self) -> io::Result<()> {
        let first = self.pongs == 0;
        self.pongs += 1;
        let pong = if first { wire::first_pong() } else { "PONG\r\n".into() };
        self.stream.write_all(pong.as_bytes())
    }

    fn handle_marker(&mut self) -> io::Result<()> {
        let count = self.count.to_string();
        self.count = 0;
        let (subject, sid, length) = (subjects::DONE, &self.sid, count.len());
        write!(self.stream, "MSG {subject} {sid} {length}\r\n{count}\r\n")
    }
}
