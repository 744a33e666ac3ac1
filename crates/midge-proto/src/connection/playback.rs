//! What a connection was told, written down, and told again.
//!
//! # The form
//!
//! One JSON object a line: `{"at":NANOSECONDS,"input":..}`. The first input is `begin` with the
//! configuration and the seed; the others are the `handle_*` calls and settings in their order, with
//! frames in place of the bytes they were read from. The form belongs to the version of this crate
//! that wrote it: it is for playing back, not for keeping.
//!
//! # What is masked
//!
//! Credentials of addresses are `redacted`; what authentication provided is replaced letter by
//! letter, so that lengths stay. Messages are counted and nothing else of them is written. Subjects
//! of subscriptions, server names and errors are written as they are.

use super::record::{Input, RecordedFrame};
use super::{Action, Chosen, Config, Connection, ConnectionEvent};
use crate::decoder::Frame;
use crate::message::MessageFrame;
use crate::outbox::{Chunk, Fence, FenceId};
use crate::sid::Sid;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};

/// The lines that wait to be taken.
#[derive(Debug)]
pub(super) struct Log {
    lines: VecDeque<String>,
    /// A value and no call by name, so that JSON is part of a program only if it records.
    write: fn(&Line) -> serde_json::Result<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    at: u64,
    input: Input,
}

impl Log {
    pub(super) fn push(&mut self, at: Instant, input: Input) {
        // Nothing in an input lacks a JSON form.
        if let Ok(line) = (self.write)(&Line { at: at.as_nanos(), input }) {
            self.lines.push_back(line);
        }
    }
}

impl Connection {
    /// As [`new`](Self::new), with everything that it is told written down, to be taken by
    /// [`poll_record`](Self::poll_record) and played back by [`Playback`].
    #[must_use]
    pub fn recorded(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut log = Log { lines: VecDeque::new(), write: serde_json::to_string };
        log.push(now, Input::Begin { config: Box::new(config.clone()), seed });
        let mut connection = Self::new(config, seed, now);
        connection.log = Some(log);
        connection.subscriptions.record();
        connection
    }

    /// The next line of the recording.
    pub fn poll_record(&mut self) -> Option<String> {
        self.log.as_mut()?.lines.pop_front()
    }
}

/// A recorded connection that is told again what it was told.
///
/// ```
/// use midge_proto::{Config, Connection, Instant, Playback};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::new(vec!["nats://joe:s3cret@10.0.0.1".parse()?]);
/// let mut live = Connection::recorded(config, [7; 32], Instant::ZERO);
/// live.close(Instant::ZERO);
/// let lines: Vec<String> = std::iter::from_fn(|| live.poll_record()).collect();
/// assert!(lines.iter().all(|line| !line.contains("s3cret")));
///
/// let mut playback = Playback::begin(&lines[0])?;
/// let dial = playback.outputs();
/// assert_eq!(dial.actions.len(), 1);
/// let close = playback.step(&lines[1])?;
/// assert!(format!("{:?}", close.actions).contains("Close(ByUser)"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Playback {
    connection: Connection,
    chunk: Option<Chunk>,
}

/// What a connection said after one input.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Outputs {
    /// What it ordered.
    pub actions: Vec<Action>,
    /// What it told.
    pub events: Vec<ConnectionEvent>,
    /// The bytes of its own that went out with this input.
    pub control: Vec<u8>,
}

/// A line is not one of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRecord(String);

impl fmt::Display for InvalidRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a line of a recording: {}", self.0)
    }
}

impl core::error::Error for InvalidRecord {}

fn parse(line: &str) -> Result<(Instant, Input), InvalidRecord> {
    let line: Line =
        serde_json::from_str(line).map_err(|error| InvalidRecord(error.to_string()))?;
    Ok((Instant::from_nanos(line.at), line.input))
}

impl Playback {
    /// Begins with the first line.
    ///
    /// # Errors
    ///
    /// It is not the first line of a recording.
    pub fn begin(line: &str) -> Result<Self, InvalidRecord> {
        match parse(line)? {
            (at, Input::Begin { config, seed }) => {
                Ok(Self { connection: Connection::new(*config, seed, at), chunk: None })
            }
            (_, other) => Err(InvalidRecord(format!("begins with {other:?}"))),
        }
    }

    /// What the connection says without being told more.
    pub fn outputs(&mut self) -> Outputs {
        Outputs {
            actions: core::iter::from_fn(|| self.connection.poll_action()).collect(),
            events: core::iter::from_fn(|| self.connection.poll_event()).collect(),
            control: Vec::new(),
        }
    }

    /// Tells the connection what the next line says, and returns what it says to that.
    ///
    /// # Errors
    ///
    /// The line is not one of a recording, or not one behind the first.
    pub fn step(&mut self, line: &str) -> Result<Outputs, InvalidRecord> {
        let (at, input) = parse(line)?;
        let mut control = Vec::new();
        self.tell(at, input, &mut control)?;
        Ok(Outputs { control, ..self.outputs() })
    }

    fn tell(
        &mut self,
        at: Instant,
        input: Input,
        control: &mut Vec<u8>,
    ) -> Result<(), InvalidRecord> {
        let connection = &mut self.connection;
        match input {
            Input::Begin { .. } => return Err(InvalidRecord("it begins twice".to_string())),
            Input::Resolved(result) => {
                let addresses = result.map(|texts| {
                    texts.iter().filter_map(|text| text.parse().ok()).collect::<Vec<SocketAddr>>()
                });
                connection.handle_resolved(at, addresses);
            }
            Input::Dialed { dial, secured } => connection.handle_dialed(at, dial, secured),
            Input::DialFailed { dial, text } => connection.handle_dial_failed(at, dial, text),
            Input::Tunneled => connection.handle_tunneled(at),
            Input::ProxyFailed(error) => connection.handle_proxy_failed(at, error),
            Input::Upgraded => connection.handle_upgraded(at),
            Input::WebSocketFailed(error) => connection.handle_websocket_failed(at, error),
            Input::Plaintext(bytes) => connection.handle_plaintext(at, &bytes),
            Input::Secured(peer) => connection.handle_secured(at, peer),
            Input::TlsFailed(text) => connection.handle_tls_failed(at, text),
            Input::Authenticated(result) => {
                connection.handle_authenticated(at, result.map(|auth| auth.masked()));
            }
            Input::ServerChosen(choice) => {
                let _: Chosen = connection.handle_server_chosen(at, choice);
            }
            Input::DelayChosen(delay) => connection.handle_delay_chosen(at, delay),
            Input::Read => connection.handle_read(at),
            Input::Frame(frame) => tell_frame(connection, at, frame),
            Input::ReadDone => connection.handle_read_done(at),
            Input::DecodeError(error) => connection.handle_decode_error(at, error),
            Input::Disconnected(error) => connection.handle_disconnected(at, error),
            Input::ChunkBegun { len, publishes, fences } => {
                let fences = fences
                    .into_iter()
                    .map(|(id, publishes_before)| Fence { id: FenceId(id), publishes_before });
                let chunk = Chunk::of_record(len, publishes, fences.collect());
                connection.handle_chunk_begun(at, &chunk);
                self.chunk = Some(chunk);
            }
            Input::ChunkWritten => {
                if let Some(chunk) = self.chunk.take() {
                    let _ = connection.handle_chunk_written(chunk);
                }
            }
            Input::TakeUnfenced => {
                let _ = connection.take_unfenced();
            }
            Input::Writing(writing) => connection.handle_writing(at, writing),
            Input::ReadingPaused(paused) => connection.handle_reading(at, paused),
            Input::TakeControl => connection.take_control(control),
            Input::Replay => connection.replay(),
            Input::Subscriptions(changes) => {
                changes.into_iter().for_each(|change| connection.subscriptions.apply(change));
            }
            Input::SetServers(servers) => connection.set_servers(servers),
            Input::SetPingInterval(interval) => connection.set_ping_interval(at, interval),
            Input::SetMaxPingsOut(max) => connection.set_max_pings_out(max),
            Input::SetSecrets(secrets) => connection.set_secrets(secrets),
            Input::SetMaxPayload(max) => connection.set_max_payload(max),
            Input::ForceReconnect => connection.force_reconnect(at),
            Input::Close => connection.close(at),
            Input::Dropped => connection.handle_dropped(at),
            Input::Timeout => connection.handle_timeout(at),
        }
        Ok(())
    }
}

fn tell_frame(connection: &mut Connection, at: Instant, frame: RecordedFrame) {
    match frame {
        RecordedFrame::Info(json) => {
            connection.handle_frame(at, &Frame::Info(0..json.len()), json.as_bytes());
        }
        RecordedFrame::Error(text) => {
            connection.handle_frame(at, &Frame::Error(0..text.len()), &text);
        }
        RecordedFrame::Ping => connection.handle_frame(at, &Frame::Ping, b""),
        RecordedFrame::Pong => connection.handle_frame(at, &Frame::Pong, b""),
        RecordedFrame::Ok => connection.handle_frame(at, &Frame::Ok, b""),
        RecordedFrame::Message(sid) => {
            if let Some(sid) = Sid::new(sid) {
                let frame = Frame::Message { sid, frame: MessageFrame::default() };
                connection.handle_frame(at, &frame, b"");
            }
        }
    }
}
