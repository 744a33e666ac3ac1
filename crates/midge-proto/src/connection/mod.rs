//! The life of a connection, from the first dial to the end.
//!
//! ```text
//!            +----------------------- attempt failed ------------------------+
//!            v                                                               |
//!   Choosing --> Backoff --> Resolving --> Dialing --> AwaitInfo --+          |
//!      ^                                      |           |        |          |
//!      |                             TLS first|           |TLS     |clear     |
//!      |                                      v           v        v          |
//!      |                                   Securing --> Authenticating --> AwaitPong
//!      |                                                                      |PONG
//!      |                                                                      v
//!      +------------------------ lost --------------------- Ready <------- Settling
//!                                                             |   second INFO, or a PONG more
//!   every state ------------- closed ---------------------> Closed
//! ```
//!
//! One deadline covers everything from `Resolving` to `Settling`. Every state but `Closed` has a
//! deadline or an action that the driver has to answer; `Ready` has its keep-alive.

mod action;
mod config;
mod failure;
mod pings;
#[cfg(test)]
mod tests;

pub use action::{Action, ConnectionEvent, Scope, Target};
pub use config::{
    AuthFailures, Choice, Config, Delay, FirstConnect, Identity, Names, Reconnect, Secrets, TlsMode,
};
pub use failure::{AttemptFailure, Cause, CloseReason, LostReason, Step};
pub use pings::RoundTrips;

use crate::connect_info::{Auth, ConnectInfo};
use crate::decoder::{DecodeError, Frame};
use crate::encode;
use crate::info::ServerInfo;
use crate::outbox::{Chunk, Cut, HeaderSupport, ServerLimits};
use crate::pool::{Order, RoundStart, Server, ServerId, ServerPool, Trust};
use crate::random::Random;
use crate::server_addr::ServerAddr;
use crate::server_error::{ServerError, ServerErrorClass};
use crate::subscriptions::Subscriptions;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use pings::{Liveness, Pings};

/// Longest `CONNECT` in bytes that every server takes: the default `max_control_line`.
const CONNECT_LEN_SAFE: usize = 4096;

/// One attempt to connect.
#[derive(Debug, Clone)]
struct Attempt {
    server: ServerId,
    /// Addresses still to be dialed.
    addresses: VecDeque<SocketAddr>,
    /// The one being dialed or connected.
    address: Option<SocketAddr>,
    give_up_at: Instant,
    protection: Protection,
    /// Bytes of the CONNECT sent.
    connect_len: usize,
}

/// What protects the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    Clear,
    Secured,
}

#[derive(Debug)]
enum State {
    /// Waits for the application to pick a server or a delay.
    Choosing {
        picked: Option<ServerId>,
        give_up_at: Instant,
    },
    Backoff {
        server: ServerId,
        until: Instant,
    },
    Resolving(Attempt),
    Dialing(Attempt),
    AwaitInfo(Attempt),
    Securing {
        attempt: Attempt,
        info: Info,
    },
    Authenticating(Attempt),
    AwaitPong(Attempt),
    Settling {
        attempt: Attempt,
        probe: Probe,
    },
    Ready(Ready),
    Closed,
}

impl State {
    /// There is no stream, and what comes next is decided within the same call.
    fn undecided(now: Instant) -> Self {
        Self::Choosing { picked: None, give_up_at: now }
    }

    /// The attempt under way, and how far it came.
    fn attempt(&self) -> Option<(&Attempt, Step)> {
        match self {
            Self::Resolving(attempt) => Some((attempt, Step::Resolve)),
            Self::Dialing(attempt) => Some((attempt, Step::Dial)),
            Self::AwaitInfo(attempt) => Some((attempt, Step::Info)),
            Self::Securing { attempt, .. } => Some((attempt, Step::Tls)),
            Self::Authenticating(attempt) => Some((attempt, Step::Credentials)),
            Self::AwaitPong(attempt) | Self::Settling { attempt, .. } => {
                Some((attempt, Step::Connect))
            }
            Self::Choosing { .. } | Self::Backoff { .. } | Self::Ready(_) | Self::Closed => None,
        }
    }
}

/// Whether INFO came before TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Info {
    Read,
    Awaited,
}

/// The PING that stands in for a second INFO where a server sends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Unsent,
    Sent,
}

#[derive(Debug)]
struct Ready {
    server: ServerId,
    /// Kept here because the pool may lose the server while it is connected.
    addr: ServerAddr,
    address: Option<SocketAddr>,
    protection: Protection,
    /// When the next keep-alive PING goes out.
    ping_at: Instant,
    /// When a socket that takes nothing is given up.
    write_stalled_at: Option<Instant>,
    reading: Reading,
}

/// Whether the driver reads; while it does not, silence proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Running,
    Paused,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Not connected, and on the way to be for the first time.
    Connecting,
    /// Connected.
    Connected,
    /// Not connected any more, and on the way to be again.
    Reconnecting,
    /// Over.
    Closed,
}

/// The state machine of one client's connection, over any number of servers and reconnects.
///
/// It owns no socket and no clock. A driver tells it what happened by the `handle_*` calls, each of
/// which may change what every `poll_*` returns. After each of them, in this order: `poll_action`
/// until `None`, `take_control` and write that, then chunks of the outbox while
/// [`is_ready`](Self::is_ready), `poll_event` until `None`, and finally `poll_timeout`.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    random: Random,
    pool: ServerPool,
    state: State,
    /// Whether it was ever ready.
    connected_before: ConnectedBefore,
    attempts: usize,
    last_failure: Option<AttemptFailure>,
    /// A complaint in the latest bytes read that the server may close the connection after.
    last_error: Option<ServerError>,
    info: ServerInfo,
    raw_info: String,
    /// Set once TLS was asked for or spoken: from then on nothing goes out in clear.
    tls_lock: TlsLock,
    subscriptions: Subscriptions,
    pings: Pings,
    /// Publishes whose last byte the socket took, and how many of them a PONG covers, both counted
    /// since the connection began.
    written: u64,
    fenced: u64,
    control: Vec<u8>,
    actions: VecDeque<Action>,
    events: VecDeque<ConnectionEvent>,
    latest: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectedBefore {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TlsLock {
    Open,
    Locked,
}

/// Events kept for a driver that does not take them; more are of no use to anybody.
const EVENTS_MAX: usize = 1024;

impl Connection {
    /// A machine that is about to begin its first attempt.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], now: Instant) -> Self {
        let mut random = Random::new(seed);
        let locked =
            config.tls != TlsMode::Auto || config.servers.iter().any(ServerAddr::tls_required);
        let mut connection = Self {
            pool: ServerPool::new(config.servers.clone(), config.order),
            random: random.fork(),
            config,
            state: State::undecided(now),
            connected_before: ConnectedBefore::No,
            attempts: 0,
            last_failure: None,
            last_error: None,
            info: ServerInfo::default(),
            raw_info: String::new(),
            tls_lock: if locked { TlsLock::Locked } else { TlsLock::Open },
            subscriptions: Subscriptions::default(),
            pings: Pings::default(),
            written: 0,
            fenced: 0,
            control: Vec::new(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
            latest: now,
        };
        connection.next_attempt(now);
        connection
    }

    // ---- what the world tells ----

    /// A host name was looked up.
    pub fn handle_resolved(&mut self, now: Instant, result: Result<Vec<SocketAddr>, String>) {
        let now = self.advance(now);
        let State::Resolving(attempt) = &mut self.state else { return };
        match result {
            Ok(mut addresses) if !addresses.is_empty() => {
                if self.config.order == Order::Random {
                    self.random.shuffle(&mut addresses);
                }
                let mut attempt = attempt.clone();
                attempt.addresses = addresses.into();
                self.dial_next(now, attempt);
            }
            Ok(_) => self.attempt_failed(now, Cause::Dns("the host has no address".to_string())),
            Err(text) => self.attempt_failed(now, Cause::Dns(text)),
        }
    }

    /// The stream is open; with `secured` the dialer itself has verified the peer under a name.
    pub fn handle_dialed(&mut self, now: Instant, secured: Option<String>) {
        self.advance(now);
        let State::Dialing(attempt) = &self.state else { return };
        let mut attempt = attempt.clone();
        if secured.is_some() {
            attempt.protection = Protection::Secured;
            self.tls_lock = TlsLock::Locked;
        }
        let first = self.config.tls == TlsMode::First || self.is_wss(attempt.server);
        if first && attempt.protection == Protection::Clear {
            self.start_tls(attempt, Info::Awaited);
        } else {
            self.state = State::AwaitInfo(attempt);
        }
    }

    /// The stream could not be opened.
    pub fn handle_dial_failed(&mut self, now: Instant, text: String) {
        let now = self.advance(now);
        let State::Dialing(attempt) = &self.state else { return };
        let attempt = attempt.clone();
        if attempt.addresses.is_empty() {
            self.attempt_failed(now, Cause::Io(text));
        } else {
            let failure = self.failure(&attempt, Step::Dial, Cause::Io(text));
            self.event(ConnectionEvent::AttemptFailed(failure));
            self.dial_next(now, attempt);
        }
    }

    /// Bytes in clear were read behind INFO where TLS was to start.
    pub fn handle_plaintext(&mut self, now: Instant, bytes: &[u8]) {
        let now = self.advance(now);
        if !matches!(self.state, State::Securing { .. }) || bytes.is_empty() {
            return;
        }
        let text = bytes
            .strip_prefix(b"-ERR")
            .map(|text| crate::snippet::Snippet::new(text.trim_ascii()).as_str().to_string());
        self.attempt_failed(now, Cause::PlaintextBehindInfo { unauthenticated_error: text });
    }

    /// The TLS handshake succeeded.
    pub fn handle_secured(&mut self, now: Instant) {
        let now = self.advance(now);
        let State::Securing { attempt, info } = &self.state else { return };
        let mut attempt = attempt.clone();
        attempt.protection = Protection::Secured;
        self.tls_lock = TlsLock::Locked;
        match info {
            Info::Awaited => self.state = State::AwaitInfo(attempt),
            Info::Read => self.authenticate(now, attempt),
        }
    }

    /// TLS failed, or is not to be had.
    pub fn handle_tls_failed(&mut self, now: Instant, text: String) {
        let now = self.advance(now);
        match self.state {
            // A refusal of the client's certificate arrives after the handshake with TLS 1.3.
            State::Securing { .. }
            | State::AwaitInfo(_)
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. } => self.attempt_failed(now, Cause::Tls(text)),
            State::Ready(_) => self.lost(now, LostReason::Io(text)),
            State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Closed => {}
        }
    }

    /// Credentials are there, or could not be had.
    pub fn handle_authenticated(&mut self, now: Instant, result: Result<Auth, String>) {
        let now = self.advance(now);
        let State::Authenticating(attempt) = &self.state else { return };
        match result {
            Ok(auth) => {
                let attempt = attempt.clone();
                self.send_connect(now, attempt, auth);
            }
            Err(text) => self.attempt_failed(now, Cause::Credentials(text)),
        }
    }

    /// The application picked the server of the next attempt; `None` leaves it to the pool.
    ///
    /// Returns whether the server is in the pool; another one leaves the choice to the pool.
    pub fn handle_server_chosen(
        &mut self,
        now: Instant,
        choice: Option<(ServerAddr, Option<Duration>)>,
    ) -> Chosen {
        let now = self.advance(now);
        let State::Choosing { picked: None, .. } = self.state else { return Chosen::TooLate };
        let Some((addr, delay)) = choice else {
            self.choose_from_pool(now);
            return Chosen::Pool;
        };
        let Some(id) = self.pool.find(&addr) else {
            self.choose_from_pool(now);
            return Chosen::NotInPool;
        };
        self.begin_after(now, id, delay.unwrap_or_default());
        Chosen::Application
    }

    /// The application named the delay before the next attempt.
    pub fn handle_delay_chosen(&mut self, now: Instant, delay: Duration) {
        let now = self.advance(now);
        let State::Choosing { picked: Some(id), .. } = self.state else { return };
        self.begin_after(now, id, delay);
    }

    /// Bytes were read; to be called before the frames among them are handed over.
    pub fn handle_read(&mut self, now: Instant) {
        self.advance(now);
        self.pings.heard();
        self.last_error = None;
    }

    /// One frame, but for messages, which the driver delivers by [`subscriptions`](Self::subscriptions).
    pub fn handle_frame(&mut self, now: Instant, frame: &Frame, buf: &[u8]) {
        let now = self.advance(now);
        match frame {
            Frame::Info(range) => {
                let json = buf.get(range.clone()).unwrap_or_default();
                self.handle_info(now, json);
            }
            Frame::Error(range) => {
                let text = buf.get(range.clone()).unwrap_or_default();
                self.handle_error(now, ServerError::parse(text));
            }
            Frame::Ping => match self.state {
                State::AwaitPong(_) | State::Settling { .. } | State::Ready(_) => {
                    // A server that asks without taking answers must not fill the memory; the
                    // bound on a blocked socket ends that.
                    if self.control.len() < CONTROL_BYTES_MAX {
                        self.control.extend_from_slice(encode::PONG);
                    }
                }
                State::AwaitInfo(_) => self.unexpected(now, "PING before INFO"),
                State::Choosing { .. }
                | State::Backoff { .. }
                | State::Resolving(_)
                | State::Dialing(_)
                | State::Securing { .. }
                | State::Authenticating(_)
                | State::Closed => {}
            },
            Frame::Pong => self.handle_pong(now),
            Frame::Ok => {}
            Frame::Message { .. } => {
                if matches!(self.state, State::AwaitInfo(_)) {
                    self.unexpected(now, "message before INFO");
                }
            }
        }
    }

    /// All frames of a read were handed over.
    pub fn handle_read_done(&mut self, now: Instant) {
        let now = self.advance(now);
        if let State::Settling { probe, .. } = &mut self.state
            && *probe == Probe::Unsent
        {
            *probe = Probe::Sent;
            self.send_ping(now);
        }
    }

    /// What was read is not the protocol.
    pub fn handle_decode_error(&mut self, now: Instant, error: DecodeError) {
        let now = self.advance(now);
        match self.state {
            State::Ready(_) => self.lost(now, LostReason::Protocol(error)),
            State::AwaitInfo(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. } => self.attempt_failed(now, Cause::Protocol(error)),
            State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Closed => {}
        }
    }

    /// The stream ended; `error` is what the operating system said, if it was not a clean end.
    pub fn handle_disconnected(&mut self, now: Instant, error: Option<String>) {
        let now = self.advance(now);
        match &self.state {
            State::Ready(_) => {
                let reason = match (self.last_error.take(), error) {
                    (Some(error), _) => LostReason::Server(error),
                    (None, Some(text)) => LostReason::Io(text),
                    (None, None) => LostReason::Closed,
                };
                self.lost(now, reason);
            }
            State::AwaitPong(attempt) | State::Settling { attempt, .. }
                if attempt.connect_len > CONNECT_LEN_SAFE =>
            {
                let len = attempt.connect_len;
                self.attempt_failed(now, Cause::ConnectTooLong { len });
            }
            State::AwaitInfo(attempt) | State::AwaitPong(attempt)
                if attempt.protection == Protection::Secured =>
            {
                // With TLS 1.3 a server refuses a client's certificate after the handshake, which
                // may show as nothing but the end of the stream.
                let ended = error.unwrap_or_else(|| "the server closed the connection".to_string());
                let text = format!(
                    "{ended} right after the TLS handshake; it may have refused the client \
                     certificate, or demand one"
                );
                self.attempt_failed(now, Cause::Tls(text));
            }
            State::AwaitInfo(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. } => {
                let cause = match (self.last_error.take(), error) {
                    (Some(error), _) => Cause::Server(error),
                    (None, Some(text)) => Cause::Io(text),
                    (None, None) => Cause::Closed,
                };
                self.attempt_failed(now, cause);
            }
            State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Closed => {}
        }
    }

    /// A chunk of the outbox is about to be written.
    pub fn handle_chunk_begun(&mut self, now: Instant, chunk: &Chunk) {
        let now = self.advance(now);
        for fence in chunk.fences() {
            let publishes = self.written + u64::from(fence.publishes_before);
            self.pings.sent(now, publishes, Some(fence.id));
        }
    }

    /// The socket took the last byte of a chunk.
    pub fn handle_chunk_written(&mut self, chunk: &Chunk) {
        self.written += u64::from(chunk.publishes());
    }

    /// There are bytes to write and the socket takes none; or it took some again.
    pub fn handle_writing(&mut self, now: Instant, writing: Writing) {
        let now = self.advance(now);
        let timeout = self.config.write_timeout;
        let State::Ready(ready) = &mut self.state else { return };
        match writing {
            Writing::Progress => ready.write_stalled_at = None,
            Writing::Blocked => {
                if ready.write_stalled_at.is_none() && !timeout.is_zero() {
                    ready.write_stalled_at = Some(now + timeout);
                }
            }
        }
    }

    /// The driver stopped or went on reading, to hold back a server that is faster than the
    /// application.
    pub fn handle_reading(&mut self, now: Instant, paused: bool) {
        self.advance(now);
        if let State::Ready(ready) = &mut self.state {
            ready.reading = if paused { Reading::Paused } else { Reading::Running };
        }
    }

    /// Time has passed; spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        match &mut self.state {
            State::Choosing { picked: None, .. } => self.choose_from_pool(now),
            State::Choosing { picked: Some(id), .. } => {
                let id = *id;
                self.begin_after(now, id, Duration::ZERO);
            }
            State::Backoff { server, .. } => {
                let server = *server;
                self.begin(now, server);
            }
            State::Resolving(_)
            | State::Dialing(_)
            | State::AwaitInfo(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. } => self.attempt_failed(now, Cause::TimedOut),
            State::Ready(ready) => {
                if ready.write_stalled_at.is_some_and(|at| at <= now) {
                    self.lost(now, LostReason::WriteStalled);
                    return;
                }
                ready.ping_at = now + self.config.ping_interval;
                if ready.reading == Reading::Paused {
                    return;
                }
                match self.pings.tick(self.config.max_pings_out) {
                    Liveness::Alive => self.send_ping(now),
                    Liveness::Stale => self.lost(now, LostReason::Stale),
                }
            }
            State::Closed => {}
        }
    }

    // ---- what the user asks ----

    /// Drops the connection and makes another one; cuts a wait short.
    pub fn force_reconnect(&mut self, now: Instant) {
        let now = self.advance(now);
        match self.state {
            State::Ready(_) => self.lost(now, LostReason::Forced),
            State::Backoff { server, .. } => self.begin(now, server),
            State::Choosing { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::AwaitInfo(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. }
            | State::Closed => {}
        }
    }

    /// Ends everything, for good.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        self.close_for(CloseReason::ByUser);
    }

    /// Replaces the configured servers; the connection at hand stays as it is.
    ///
    /// An attempt is given up if its server is no longer in the list, or if it goes on in clear and
    /// the list asks for TLS.
    pub fn set_servers(&mut self, servers: Vec<ServerAddr>) {
        if servers.iter().any(ServerAddr::tls_required) {
            self.tls_lock = TlsLock::Locked;
        }
        self.pool.replace(servers);
        let given_up = self.state.attempt().is_some_and(|(attempt, step)| {
            let gone = self.pool.get(attempt.server).is_none();
            // Past the point where TLS would have begun.
            let clear = matches!(step, Step::Credentials | Step::Connect)
                && attempt.protection == Protection::Clear;
            gone || (clear && self.tls_lock == TlsLock::Locked)
        });
        if given_up {
            self.abandon_attempt();
            self.choose_from_pool(self.latest);
        }
    }

    /// Changes the time between keep-alive PINGs; zero stops them.
    pub fn set_ping_interval(&mut self, now: Instant, interval: Duration) {
        let now = self.advance(now);
        self.config.ping_interval = interval;
        if let State::Ready(ready) = &mut self.state {
            ready.ping_at = now + interval;
        }
    }

    /// Changes how many PINGs may be unanswered.
    pub fn set_max_pings_out(&mut self, max: u32) {
        self.config.max_pings_out = max;
    }

    /// Changes what the credentials are that the driver provides.
    pub fn set_secrets(&mut self, secrets: Secrets) {
        self.config.secrets = secrets;
    }

    /// Appends the `SUB`s that the server does not know yet to what goes out next.
    pub fn replay(&mut self) {
        self.subscriptions.replay(&mut self.control);
    }

    /// The registry of subscriptions: messages are delivered by it.
    pub fn subscriptions(&mut self) -> &mut Subscriptions {
        &mut self.subscriptions
    }

    // ---- what it asks the world ----

    /// The next order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next piece of news.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Choosing { give_up_at, .. } => Some(*give_up_at),
            State::Backoff { until, .. } => Some(*until),
            State::Resolving(attempt)
            | State::Dialing(attempt)
            | State::AwaitInfo(attempt)
            | State::Securing { attempt, .. }
            | State::Authenticating(attempt)
            | State::AwaitPong(attempt)
            | State::Settling { attempt, .. } => Some(attempt.give_up_at),
            State::Ready(ready) => {
                let ping = (!self.config.ping_interval.is_zero()).then_some(ready.ping_at);
                match (ping, ready.write_stalled_at) {
                    (Some(ping), Some(stalled)) => Some(ping.min(stalled)),
                    (ping, stalled) => ping.or(stalled),
                }
            }
            State::Closed => None,
        }
    }

    /// Whether there are handshake bytes, PONGs or PINGs to write ahead of the outbox.
    #[must_use]
    pub fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    /// Moves the bytes that go ahead of the outbox to the end of `out`.
    pub fn take_control(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.control);
        if self.control.capacity() > CONTROL_CAPACITY_KEPT {
            self.control = Vec::new();
        }
    }

    // ---- looks ----

    /// What it is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match (&self.state, self.connected_before) {
            (State::Closed, _) => Phase::Closed,
            (State::Ready(_), _) => Phase::Connected,
            (_, ConnectedBefore::No) => Phase::Connecting,
            (_, ConnectedBefore::Yes) => Phase::Reconnecting,
        }
    }

    /// Whether chunks of the outbox may be written.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// Whether bytes from the stream are frames, as opposed to TLS or nothing.
    #[must_use]
    pub fn expects_frames(&self) -> bool {
        matches!(
            self.state,
            State::AwaitInfo(_)
                | State::Authenticating(_)
                | State::AwaitPong(_)
                | State::Settling { .. }
                | State::Ready(_)
        )
    }

    /// The latest INFO.
    #[must_use]
    pub fn server_info(&self) -> &ServerInfo {
        &self.info
    }

    /// The latest INFO as it was received.
    #[must_use]
    pub fn raw_info(&self) -> &str {
        &self.raw_info
    }

    /// The servers and how they fared.
    #[must_use]
    pub fn servers(&self) -> Vec<Server> {
        self.pool.snapshot()
    }

    /// The connected server and the address dialed.
    #[must_use]
    pub fn connected_server(&self) -> Option<(&ServerAddr, Option<SocketAddr>)> {
        let State::Ready(ready) = &self.state else { return None };
        Some((&ready.addr, ready.address))
    }

    /// Round-trip times of all PINGs.
    #[must_use]
    pub fn round_trips(&self) -> &RoundTrips {
        self.pings.round_trips()
    }

    /// Publishes written to this connection in whole chunks, and how many of them no PONG covers.
    ///
    /// A PONG may come before the chunk of its PING is written to the end.
    #[must_use]
    pub fn publishes_written(&self) -> (u64, u64) {
        (self.written, self.written.saturating_sub(self.fenced))
    }

    /// Publishes written to this connection in whole chunks, and those covered by a PONG, which may
    /// be more: a PONG may come before the chunk of its PING is written to the end.
    #[must_use]
    pub fn publishes_fenced(&self) -> (u64, u64) {
        (self.written, self.fenced)
    }

    /// The `tls_lock` in force: whether nothing may be sent in clear.
    #[must_use]
    pub fn is_clear_forbidden(&self) -> bool {
        self.tls_lock == TlsLock::Locked
    }

    // ---- transitions ----

    /// Time never runs backwards.
    fn advance(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }

    fn event(&mut self, event: ConnectionEvent) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }

    fn next_attempt(&mut self, now: Instant) {
        if let Reconnect::Limited(max) = self.config.reconnect
            && self.connected_before == ConnectedBefore::Yes
            && self.attempts >= max
        {
            self.close_for(CloseReason::MaxReconnects(self.last_failure.clone()));
            return;
        }
        if self.config.choice == Choice::Ask && self.connected_before == ConnectedBefore::Yes {
            let give_up_at = now + self.config.attempt_timeout;
            self.state = State::Choosing { picked: None, give_up_at };
            let (servers, info) = (self.pool.snapshot(), self.info.clone());
            self.actions.push_back(Action::ChooseServer { servers, info });
            return;
        }
        self.choose_from_pool(now);
    }

    fn choose_from_pool(&mut self, now: Instant) {
        let Some((id, start)) = self.pool.next(&mut self.random) else {
            self.close_for(CloseReason::NoServers);
            return;
        };
        let first_round_over = matches!(start, RoundStart::Yes(round) if round > 0)
            && self.connected_before == ConnectedBefore::No
            && self.config.first_connect == FirstConnect::Fail;
        if first_round_over {
            let reason = match self.last_failure.clone() {
                Some(failure) => CloseReason::ConnectFailed(failure),
                None => CloseReason::NoServers,
            };
            self.close_for(reason);
            return;
        }
        match (self.config.delay, start) {
            (Delay::Ask, _) => {
                let give_up_at = now + self.config.attempt_timeout;
                self.state = State::Choosing { picked: Some(id), give_up_at };
                let attempt = self.attempts + 1;
                self.actions.push_back(Action::ChooseDelay { attempt });
            }
            (Delay::Backoff(backoff), RoundStart::Yes(round)) => {
                let delay = backoff.delay(round, &mut self.random);
                self.begin_after(now, id, delay);
            }
            (Delay::Backoff(_), RoundStart::No) => self.begin_after(now, id, Duration::ZERO),
        }
    }

    fn begin_after(&mut self, now: Instant, server: ServerId, delay: Duration) {
        if delay.is_zero() {
            self.begin(now, server);
        } else {
            self.state = State::Backoff { server, until: now + delay };
        }
    }

    fn begin(&mut self, now: Instant, server: ServerId) {
        let Some(entry) = self.pool.get(server) else {
            // It left the pool while its turn was waited for.
            self.choose_from_pool(now);
            return;
        };
        self.attempts += 1;
        let (host, port) = (entry.server.addr.host().to_string(), entry.server.addr.port());
        let addr = entry.server.addr.clone();
        let attempt = Attempt {
            server,
            addresses: VecDeque::new(),
            address: None,
            give_up_at: now + self.config.attempt_timeout,
            protection: Protection::Clear,
            connect_len: 0,
        };
        if let Ok(ip) = host.parse::<IpAddr>() {
            let addresses = [SocketAddr::new(ip, port)].into();
            self.dial_next(now, Attempt { addresses, ..attempt });
            return;
        }
        match self.config.names {
            Names::Resolve => {
                self.state = State::Resolving(attempt);
                self.actions.push_back(Action::Resolve { host, port });
            }
            Names::LeaveToDialer => {
                self.state = State::Dialing(attempt);
                let target = Target::Name(host, port);
                self.actions.push_back(Action::Dial { target, server: addr });
            }
        }
    }

    fn dial_next(&mut self, now: Instant, mut attempt: Attempt) {
        let Some(entry) = self.pool.get(attempt.server) else {
            self.choose_from_pool(now);
            return;
        };
        let server = entry.server.addr.clone();
        let Some(address) = attempt.addresses.pop_front() else { return };
        attempt.address = Some(address);
        self.state = State::Dialing(attempt);
        self.actions.push_back(Action::Dial { target: Target::Address(address), server });
    }

    fn start_tls(&mut self, attempt: Attempt, info: Info) {
        let name = match self.pool.get(attempt.server) {
            Some(entry) => entry.verified_name(),
            None => String::new(),
        };
        self.state = State::Securing { attempt, info };
        self.actions.push_back(Action::StartTls { name });
    }

    fn is_wss(&self, server: ServerId) -> bool {
        let entry = self.pool.get(server);
        entry.is_some_and(|entry| entry.server.addr.scheme() == "wss")
    }

    fn handle_info(&mut self, now: Instant, json: &[u8]) {
        let info = match ServerInfo::parse(json) {
            Ok(info) => info,
            Err(error) => {
                let text = format!("INFO: {error}");
                // Later ones only refine what is known already.
                if !self.is_ready() {
                    self.unexpected(now, &text);
                }
                return;
            }
        };
        match &self.state {
            State::AwaitInfo(attempt) => {
                let attempt = attempt.clone();
                self.store_info(json, info);
                self.greeted(now, attempt);
            }
            State::AwaitPong(_) => self.merge_info(json, info),
            State::Settling { attempt, .. } => {
                let settled = info.connect_info;
                let attempt = attempt.clone();
                self.merge_info(json, info);
                if settled {
                    self.ready(now, attempt);
                }
            }
            State::Ready(_) => {
                let lame_duck_before = self.info.lame_duck_mode;
                self.merge_info(json, info);
                if self.info.lame_duck_mode && !lame_duck_before {
                    self.event(ConnectionEvent::LameDuck);
                }
                self.discover();
                self.actions.push_back(Action::Limits(self.limits()));
            }
            State::Authenticating(_)
            | State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Securing { .. }
            | State::Closed => {}
        }
    }

    fn store_info(&mut self, json: &[u8], info: ServerInfo) {
        self.raw_info = String::from_utf8_lossy(json).into_owned();
        self.info = info;
    }

    /// A later INFO on the same connection, which has no nonce and may lack the list of servers.
    fn merge_info(&mut self, json: &[u8], mut info: ServerInfo) {
        if info.connect_urls.is_empty() {
            info.connect_urls = core::mem::take(&mut self.info.connect_urls);
        }
        self.store_info(json, info);
    }

    /// INFO is there: go on to TLS or to CONNECT.
    fn greeted(&mut self, now: Instant, attempt: Attempt) {
        let is_websocket =
            self.pool.get(attempt.server).is_some_and(|entry| entry.server.addr.is_websocket());
        let demanded = self.tls_lock == TlsLock::Locked;
        let offered = self.info.tls_required || self.info.tls_available;
        // Over a WebSocket, TLS was spoken before the HTTP upgrade or not at all.
        let wanted = demanded || (self.info.tls_required && !is_websocket);
        match attempt.protection {
            Protection::Secured => self.authenticate(now, attempt),
            Protection::Clear if !wanted => self.authenticate(now, attempt),
            Protection::Clear if !offered || is_websocket => {
                self.attempt_failed(now, Cause::TlsNotOffered);
            }
            Protection::Clear => self.start_tls(attempt, Info::Read),
        }
    }

    fn authenticate(&mut self, now: Instant, attempt: Attempt) {
        let Some(entry) = self.pool.get(attempt.server) else {
            self.choose_from_pool(now);
            return;
        };
        let scope = self.scope(&entry.trust, attempt.protection);
        let server = entry.server.addr.clone();
        if scope == Scope::SignaturesOnly && self.config.secrets == Secrets::Sent {
            self.state = State::Authenticating(attempt);
            self.event(ConnectionEvent::SecretsWithheld(server));
            let text = "a password or token is not sent to a server that was announced without \
                        verified TLS; allow it by `send_secrets_to_discovered_servers`";
            self.attempt_failed(now, Cause::Credentials(text.to_string()));
            return;
        }
        self.state = State::Authenticating(attempt);
        let info = self.info.clone();
        self.actions.push_back(Action::Authenticate { server, info, scope });
    }

    /// Announced servers get secrets only where both the announcement and the link to them are
    /// verified, or where the pool uses no TLS at all and the discovery policy let them in.
    fn scope(&self, trust: &Trust, protection: Protection) -> Scope {
        match (self.config.secrets, trust, protection) {
            (Secrets::SentToAll, _, _)
            | (_, Trust::Configured, _)
            | (_, Trust::AnnouncedSecurely { .. }, Protection::Secured) => Scope::Everything,
            (_, Trust::AnnouncedInClear { .. }, _) if self.tls_lock == TlsLock::Open => {
                Scope::Everything
            }
            (_, Trust::AnnouncedSecurely { .. } | Trust::AnnouncedInClear { .. }, _) => {
                Scope::SignaturesOnly
            }
        }
    }

    fn send_connect(&mut self, now: Instant, mut attempt: Attempt, auth: Auth) {
        let identity = &self.config.identity;
        let headers = self.info.headers;
        let connect = ConnectInfo {
            verbose: identity.verbose,
            pedantic: identity.pedantic,
            echo: identity.echo,
            tls_required: attempt.protection == Protection::Secured,
            name: identity.name.clone(),
            lang: identity.lang.clone(),
            version: identity.version.clone(),
            headers,
            no_responders: headers && identity.no_responders,
            ..ConnectInfo::default()
        }
        .with_auth(auth);
        self.control.clear();
        connect.encode(&mut self.control);
        attempt.connect_len = self.control.len();
        self.written = 0;
        self.fenced = 0;
        self.last_error = None;
        self.subscriptions.replay(&mut self.control);
        self.state = State::AwaitPong(attempt);
        self.send_ping(now);
    }

    fn send_ping(&mut self, now: Instant) {
        self.control.extend_from_slice(encode::PING);
        self.pings.sent(now, self.written, None);
    }

    fn handle_pong(&mut self, now: Instant) {
        let pong = match self.state {
            State::AwaitPong(_) | State::Settling { .. } | State::Ready(_) => {
                self.pings.answered(now)
            }
            State::AwaitInfo(_) => return self.unexpected(now, "PONG before INFO"),
            State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::Closed => return,
        };
        let Some(pong) = pong else { return };
        self.fenced = self.fenced.max(pong.publishes);
        if let Some(fence) = pong.fence {
            let round_trip = pong.round_trip;
            self.actions.push_back(Action::FencePassed { fence, round_trip });
        }
        match &self.state {
            State::AwaitPong(attempt) => {
                self.state = State::Settling { attempt: attempt.clone(), probe: Probe::Unsent };
            }
            State::Settling { attempt, probe: Probe::Sent } => {
                let attempt = attempt.clone();
                self.ready(now, attempt);
            }
            State::Settling { probe: Probe::Unsent, .. }
            | State::Ready(_)
            | State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::AwaitInfo(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::Closed => {}
        }
    }

    fn ready(&mut self, now: Instant, attempt: Attempt) {
        self.pool.connected(attempt.server, &mut self.random);
        let addr = match self.pool.get(attempt.server) {
            Some(entry) => entry.server.addr.clone(),
            None => ServerAddr::default(),
        };
        self.attempts = 0;
        self.last_failure = None;
        self.state = State::Ready(Ready {
            server: attempt.server,
            addr,
            address: attempt.address,
            protection: attempt.protection,
            ping_at: now + self.config.ping_interval,
            write_stalled_at: None,
            reading: Reading::Running,
        });
        self.connected_before = ConnectedBefore::Yes;
        self.actions.push_back(Action::Online(self.limits()));
        self.discover();
        if self.info.lame_duck_mode {
            self.event(ConnectionEvent::LameDuck);
        }
    }

    fn limits(&self) -> ServerLimits {
        let headers = if self.info.headers { HeaderSupport::Yes } else { HeaderSupport::No };
        ServerLimits { max_payload: self.info.max_payload, headers }
    }

    /// Takes the announced servers into the pool.
    fn discover(&mut self) {
        let State::Ready(ready) = &self.state else { return };
        let (server, protection) = (ready.server, ready.protection);
        let Some(entry) = self.pool.get(server) else { return };
        let name = entry.verified_name();
        let trust = match protection {
            Protection::Secured => Trust::AnnouncedSecurely { by: name },
            Protection::Clear => Trust::AnnouncedInClear { seed: name },
        };
        let (listed, policy) = (self.info.connect_urls.clone(), self.config.discovery.clone());
        let (new, refused) = self.pool.announce(&listed, server, &trust, &policy, &mut self.random);
        for addr in new {
            self.event(ConnectionEvent::Discovered(addr));
        }
        for (address, reason) in refused {
            self.event(ConnectionEvent::Refused { address, reason });
        }
    }

    fn handle_error(&mut self, now: Instant, error: ServerError) {
        match self.state {
            State::AwaitInfo(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. } => {
                if error.closes_connection() || matches!(self.state, State::AwaitInfo(_)) {
                    self.attempt_failed(now, Cause::Server(error));
                } else {
                    // A refused subscription among those replayed, and the connection is fine; or
                    // words unknown to us, before the server ends the connection.
                    self.last_error = matches!(error, ServerError::Other(_)).then(|| error.clone());
                    self.event(ConnectionEvent::ServerError(error));
                }
            }
            State::Ready(_) if error.closes_connection() => {
                self.lost(now, LostReason::Server(error));
            }
            State::Ready(_) => {
                // Whether the server ends the connection after words unknown to us will show.
                self.last_error = matches!(error, ServerError::Other(_)).then(|| error.clone());
                self.event(ConnectionEvent::ServerError(error));
            }
            State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Closed => {}
        }
    }

    fn unexpected(&mut self, now: Instant, what: &str) {
        self.attempt_failed(now, Cause::Unexpected(what.to_string()));
    }

    fn failure(&self, attempt: &Attempt, step: Step, cause: Cause) -> AttemptFailure {
        let server = match self.pool.get(attempt.server) {
            Some(entry) => entry.server.addr.clone(),
            None => ServerAddr::default(),
        };
        AttemptFailure { server, address: attempt.address, step, cause }
    }

    fn attempt_failed(&mut self, now: Instant, cause: Cause) {
        let Some((attempt, step)) = self.state.attempt() else { return };
        let id = attempt.server;
        let failure = self.failure(attempt, step, cause);
        self.abandon_attempt();
        self.pool.failed(id, failure.cause.to_string());
        self.count_refusal(id, &failure.cause);
        self.last_failure = Some(failure.clone());
        self.event(ConnectionEvent::AttemptFailed(failure.clone()));
        if self.pool.len() == 0 {
            self.close_for(CloseReason::Refused(failure));
            return;
        }
        self.next_attempt(now);
    }

    fn abandon_attempt(&mut self) {
        self.actions.push_back(Action::Hangup);
        self.control.clear();
        self.pings.reset();
        self.state = State::undecided(self.latest);
        for slot_ended in self.subscriptions.handle_disconnected() {
            // Draining ones end with the connection; there was none, so none can be draining.
            debug_assert!(false, "slot {slot_ended:?} was draining without a connection");
        }
    }

    /// Takes a server out of the pool that refused the credentials twice for the same reason.
    fn count_refusal(&mut self, id: ServerId, cause: &Cause) {
        let Cause::Server(error) = cause else { return };
        if error.class() != ServerErrorClass::Authentication
            || self.config.refused == AuthFailures::Retry
        {
            return;
        }
        let kind = core::mem::discriminant(error);
        let Some(entry) = self.pool.get_mut(id) else { return };
        let times = match entry.refused {
            Some((before, times)) if before == kind => times + 1,
            Some(_) | None => 1,
        };
        entry.refused = Some((kind, times));
        if times >= REFUSALS_MAX {
            self.pool.remove(id);
        }
    }

    fn lost(&mut self, now: Instant, reason: LostReason) {
        self.actions.push_back(Action::Hangup);
        self.go_offline(reason.clone());
        self.state = State::undecided(now);
        match self.config.reconnect {
            Reconnect::Never => self.close_for(CloseReason::Lost(reason)),
            Reconnect::Unlimited | Reconnect::Limited(_) => self.next_attempt(now),
        }
    }

    fn go_offline(&mut self, reason: LostReason) {
        self.control = Vec::new();
        let fences = self.pings.reset();
        if !fences.is_empty() {
            self.actions.push_back(Action::FencesFailed(fences));
        }
        let payload_refused = matches!(&reason, LostReason::Server(ServerError::MaxPayload { .. }));
        let cut = if payload_refused { Cut::PayloadRefused } else { Cut::Other };
        self.actions.push_back(Action::Offline { reason, cut });
    }

    fn close_for(&mut self, reason: CloseReason) {
        match self.state {
            State::Closed => return,
            State::Ready(_) => {
                self.actions.push_back(Action::Hangup);
                self.go_offline(LostReason::ByUser);
            }
            State::Resolving(_)
            | State::Dialing(_)
            | State::AwaitInfo(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. } => self.actions.push_back(Action::Hangup),
            State::Choosing { .. } | State::Backoff { .. } => {}
        }
        self.state = State::Closed;
        self.actions.push_back(Action::Close(reason));
    }
}

/// Equal refusals in a row after which a server is not asked again, as in nats.go.
const REFUSALS_MAX: u32 = 2;

/// Bytes of unwritten handshake, PINGs and PONGs above which no more PONGs are queued.
///
/// Ten thousand of them; a server asks every two minutes. A long replay of subscriptions counts too,
/// but a server that has not read that yet hardly asks for anything.
const CONTROL_BYTES_MAX: usize = 64 << 10;

/// Bytes of capacity that the control buffer keeps: a few PINGs and PONGs.
const CONTROL_CAPACITY_KEPT: usize = 256;

/// Whether the socket takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// It took some, or there are none to write.
    Progress,
    /// There are bytes to write and it takes none.
    Blocked,
}

/// What became of the application's choice of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// It is tried next.
    Application,
    /// It left the choice to the pool.
    Pool,
    /// It is not in the pool, which chose instead.
    NotInPool,
    /// The choice was waited for too long and the pool chose instead.
    TooLate,
}
