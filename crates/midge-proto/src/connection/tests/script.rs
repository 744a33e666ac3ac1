//! Scripts: what the world tells a connection, and what is expected of it then, and nothing else.

pub(super) use crate::connect_info::Auth;
pub(super) use crate::connection::*;
pub(super) use crate::decoder::Frame;
pub(super) use crate::outbox::{Cut, FenceId, OnWire, Outbox, OutboxLimits, Publish, Requeued};
pub(super) use crate::pool::Order;
pub(super) use crate::time::Instant;
pub(super) use alloc::format;
pub(super) use alloc::string::{String, ToString};
pub(super) use alloc::vec::Vec;
pub(super) use core::net::SocketAddr;
pub(super) use core::time::Duration;

use crate::decoder::{DecodeLimits, Decoder};
use crate::encode;
use crate::interest::Interest;
use crate::outbox::{Chunk, ServerLimits};
use crate::server_addr::ServerAddr;
use crate::sid::Sid;
use crate::subject::Subject;
use crate::subscriptions::Delivery;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use bytes::Bytes;

pub(super) fn secs(number: u64) -> Duration {
    Duration::from_secs(number)
}

pub(super) fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

pub(super) fn addr(text: &str) -> ServerAddr {
    text.parse().unwrap()
}

pub(super) fn interest(subject: &str) -> Arc<Interest> {
    Arc::new(Interest::new(Subject::from(subject), None))
}

/// One server at an address, tried in the order given.
pub(super) fn config(servers: &[&str]) -> Config {
    let servers = servers.iter().map(|text| addr(text)).collect();
    Config { order: Order::AsGiven, ..Config::new(servers) }
}

/// `INFO` of a recent server; `extra` is JSON that begins with a comma.
pub(super) fn info(extra: &str) -> String {
    format!(
        "INFO {{\"server_id\":\"NA\",\"version\":\"2.11.0\",\"proto\":1,\"headers\":true,\
         \"max_payload\":1048576{extra}}}\r\n"
    )
}

/// The second `INFO`, which ends the handshake.
pub(super) fn second_info(extra: &str) -> String {
    info(&format!(",\"connect_info\":true{extra}"))
}

/// The first order of a machine that begins with a dial.
#[track_caller]
pub(super) fn first_dial(machine: &mut Connection) -> DialId {
    match machine.poll_action() {
        Some(Action::Dial { dial, .. }) => dial,
        other => panic!("{other:?} where a dial was expected"),
    }
}

/// What a machine said, from its beginning on.
#[derive(Debug, Default, PartialEq)]
struct Said {
    actions: Vec<String>,
    events: Vec<String>,
    control: Vec<u8>,
}

impl Said {
    /// What a recording makes a machine say.
    fn by_playback(lines: &[String]) -> Self {
        let mut said = Self::default();
        let mut add = |outputs: Outputs| {
            said.actions.extend(outputs.actions.iter().map(|action| format!("{action:?}")));
            said.events.extend(outputs.events.iter().map(|event| format!("{event:?}")));
            said.control.extend(outputs.control);
        };
        let mut playback = Playback::begin(&lines[0]).unwrap();
        add(playback.outputs());
        lines[1..].iter().for_each(|line| add(playback.step(line).unwrap()));
        said
    }

    /// Without what `CONNECT` says: a recording has no secrets.
    fn without_connect(mut self) -> Self {
        let text = String::from_utf8(self.control).unwrap();
        let lines = text.split_inclusive('\n').map(|line| match line.starts_with("CONNECT ") {
            true => format!("CONNECT of {} bytes\n", line.len()),
            false => line.to_string(),
        });
        self.control = lines.collect::<String>().into_bytes();
        self
    }
}

/// Every script is also a test of its recording.
impl Drop for Script {
    fn drop(&mut self) {
        extern crate std;
        if std::thread::panicking() {
            return;
        }
        self.pump();
        let lines: Vec<String> = core::iter::from_fn(|| self.machine.poll_record()).collect();
        let said = core::mem::take(&mut self.said).without_connect();
        assert_eq!(Said::by_playback(&lines).without_connect(), said, "{lines:#?}");
    }
}

/// A connection with a driver that carries its orders out and a socket that takes everything.
pub(super) struct Script {
    pub(super) machine: Connection,
    pub(super) outbox: Outbox,
    pub(super) requeued: Requeued,
    now: Instant,
    decoder: Decoder,
    buf: Vec<u8>,
    written: Vec<u8>,
    actions: VecDeque<String>,
    events: VecDeque<String>,
    /// The chunk being written and how many of its bytes the socket took.
    chunk: Option<(Chunk, usize)>,
    /// The dials ordered and not answered, in order.
    dials: VecDeque<DialId>,
    latest_dial: Option<DialId>,
    /// How many bytes of chunks the socket still takes.
    socket_takes: usize,
    next_sid: Sid,
    /// All that the machine said, to be compared with what its recording says.
    said: Said,
    /// The name in the last order to start TLS.
    tls_name: String,
}

impl Script {
    /// About to dial the first of the servers; that order is not yet looked at.
    pub(super) fn new(config: Config) -> Self {
        let now = Instant::ZERO + secs(1000);
        let mut script = Self {
            machine: Connection::recorded(config, [7; 32], now),
            outbox: Outbox::new(OutboxLimits::default()),
            requeued: Requeued::default(),
            now,
            decoder: Decoder::new(DecodeLimits::default()),
            buf: Vec::new(),
            written: Vec::new(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
            chunk: None,
            dials: VecDeque::new(),
            latest_dial: None,
            socket_takes: usize::MAX,
            next_sid: Sid::FIRST,
            said: Said::default(),
            tls_name: String::new(),
        };
        script.pump();
        script
    }

    /// The stream to 10.0.0.1:4222 is open and INFO is awaited.
    pub(super) fn dialed(config: Config) -> Self {
        let mut script = Self::new(config);
        script.expect_dial();
        script.handle_dialed();
        script
    }

    /// INFO and CONNECT are behind us, the PONG is awaited.
    pub(super) fn awaiting_pong(config: Config) -> Self {
        let mut script = Self::dialed(config);
        script.server_sends(&info(""));
        script.expect_authenticate();
        script.authenticated(Auth::new());
        script.written.clear();
        script
    }

    /// Connected to 10.0.0.1:4222, with the handshake behind us.
    pub(super) fn connected() -> Self {
        Self::connected_with(config(&["10.0.0.1"]))
    }

    pub(super) fn connected_with(config: Config) -> Self {
        let mut script = Self::new(config);
        script.expect_dial();
        script.handshake();
        script
    }

    /// Everything from the answer to a dial up to the second INFO.
    #[track_caller]
    pub(super) fn handshake(&mut self) {
        self.handshake_with("");
    }

    /// As [`handshake`](Self::handshake), with `extra` in both INFOs.
    #[track_caller]
    pub(super) fn handshake_with(&mut self, extra: &str) {
        self.handle_dialed();
        self.server_sends(&info(extra));
        self.expect_authenticate();
        self.authenticated(Auth::new());
        self.expect_connect();
        let replay_end = self.written.len() - encode::PING.len();
        assert_eq!(self.written.split_off(replay_end), encode::PING);
        self.written.clear();
        self.server_sends(&format!("PONG\r\n{}", second_info(extra)));
        self.expect_online();
        assert_eq!(self.machine.phase(), Phase::Connected);
    }

    // ---- the world ----

    pub(super) fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some(at) = self.machine.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.machine.handle_timeout(self.now);
            self.pump();
            assert_ne!(self.machine.poll_timeout(), Some(at), "the deadline was not met");
        }
        self.now = end;
    }

    pub(super) fn server_sends(&mut self, text: &str) {
        self.buf.extend_from_slice(text.as_bytes());
        self.machine.handle_read(self.now);
        loop {
            if !self.machine.expects_frames() {
                let rest = self.buf.split_off(self.decoder.consumed().min(self.buf.len()));
                self.machine.handle_plaintext(self.now, &rest);
                self.buf.clear();
                self.decoder = Decoder::new(DecodeLimits::default());
                break;
            }
            match self.decoder.next(&self.buf) {
                Ok(Some(frame)) => {
                    let buf = core::mem::take(&mut self.buf);
                    self.machine.handle_frame(self.now, &frame, &buf);
                    if let Frame::Message { sid, .. } = frame {
                        let delivery = self.machine.subscriptions().deliver(sid);
                        assert_ne!(delivery, Delivery::Unknown);
                    }
                    self.buf = buf;
                    self.pump_actions();
                }
                Ok(None) => break,
                Err(error) => {
                    self.machine.handle_decode_error(self.now, error);
                    break;
                }
            }
        }
        self.machine.handle_read_done(self.now);
        self.pump();
    }

    pub(super) fn resolved(&mut self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.machine.handle_resolved(self.now, Ok(addresses));
        self.pump();
    }

    pub(super) fn resolve_fails(&mut self, text: &str) {
        self.machine.handle_resolved(self.now, Err(text.to_string()));
        self.pump();
    }

    pub(super) fn handle_dialed(&mut self) {
        let dial = self.answered_dial();
        self.machine.handle_dialed(self.now, dial, None);
        self.pump();
    }

    pub(super) fn dialed_and_secured_as(&mut self, name: &str) {
        let dial = self.answered_dial();
        self.machine.handle_dialed(self.now, dial, Some(name.to_string()));
        self.pump();
    }

    pub(super) fn dial_fails(&mut self, text: &str) {
        let dial = self.answered_dial();
        self.machine.handle_dial_failed(self.now, dial, text.to_string());
        self.pump();
    }

    /// The dial that was ordered first among those under way; its answer is left to the caller.
    pub(super) fn next_dial(&mut self) -> DialId {
        self.dials.pop_front().expect("a dial")
    }

    /// As above, or the latest that was ordered, for an answer that comes too late.
    fn answered_dial(&mut self) -> DialId {
        self.dials.pop_front().or(self.latest_dial).unwrap_or(DialId(0))
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn proxy_fails(&mut self, error: crate::ProxyError) {
        self.machine.handle_proxy_failed(self.now, error);
        self.pump();
    }

    pub(super) fn upgraded(&mut self) {
        self.machine.handle_upgraded(self.now);
        self.pump();
    }

    pub(super) fn websocket_fails(&mut self, error: WebSocketError) {
        self.machine.handle_websocket_failed(self.now, error);
        self.pump();
    }

    /// The handshake succeeded under the name that was ordered.
    pub(super) fn secured(&mut self) {
        let name = self.tls_name.clone();
        self.machine.handle_secured(self.now, Peer::Verified(name));
        self.pump();
    }

    pub(super) fn secured_with_anybody(&mut self) {
        self.machine.handle_secured(self.now, Peer::Unverified);
        self.pump();
    }

    pub(super) fn tls_fails(&mut self, text: &str) {
        self.machine.handle_tls_failed(self.now, text.to_string());
        self.pump();
    }

    pub(super) fn authenticated(&mut self, auth: Auth) {
        self.machine.handle_authenticated(self.now, Ok(auth));
        self.pump();
    }

    pub(super) fn no_credentials(&mut self, text: &str) {
        self.machine.handle_authenticated(self.now, Err(text.to_string()));
        self.pump();
    }

    pub(super) fn server_closes(&mut self) {
        self.machine.handle_disconnected(self.now, None);
        self.pump();
    }

    pub(super) fn socket_fails(&mut self, text: &str) {
        self.machine.handle_disconnected(self.now, Some(text.to_string()));
        self.pump();
    }

    pub(super) fn server_chosen(&mut self, choice: Option<(&str, Duration)>) -> Chosen {
        let choice = choice.map(|(text, delay)| (addr(text), Some(delay)));
        let chosen = self.machine.handle_server_chosen(self.now, choice);
        self.pump();
        chosen
    }

    pub(super) fn delay_chosen(&mut self, delay: Duration) {
        self.machine.handle_delay_chosen(self.now, delay);
        self.pump();
    }

    pub(super) fn writing(&mut self, writing: Writing) {
        self.machine.handle_writing(self.now, writing);
        self.pump();
    }

    pub(super) fn reading_paused(&mut self, paused: bool) {
        self.machine.handle_reading(self.now, paused);
        self.pump();
    }

    /// From here on the socket takes `bytes` of the outbox and no more.
    pub(super) fn socket_takes(&mut self, bytes: usize) {
        self.socket_takes = bytes;
        self.pump();
    }

    // ---- the user ----

    pub(super) fn publish(&mut self, subject: &str, payload: &str) {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        let subject = subject.as_bytes();
        let message = Publish { subject, reply: None, headers: None, payload: &payload };
        self.outbox.publish(message).unwrap();
        self.pump();
    }

    pub(super) fn subscribe(&mut self, subject: &str) -> Sid {
        let sid = self.next_sid;
        self.next_sid = sid.next();
        let on_wire = self.outbox.subscribe(subject.as_bytes(), None, sid).unwrap();
        self.machine.subscriptions().insert(sid, interest(subject), on_wire);
        self.pump();
        sid
    }

    pub(super) fn unsubscribe_after(&mut self, sid: Sid, max: u64) -> OnWire {
        self.machine.subscriptions().set_max(sid, max);
        let on_wire = self.outbox.unsubscribe(sid, Some(max));
        self.pump();
        on_wire
    }

    pub(super) fn fence(&mut self, id: u64) {
        self.outbox.fence(FenceId(id)).unwrap();
        self.pump();
    }

    pub(super) fn force_reconnect(&mut self) {
        self.machine.force_reconnect(self.now);
        self.pump();
    }

    pub(super) fn close(&mut self) {
        self.machine.close(self.now);
        self.pump();
    }

    pub(super) fn set_servers(&mut self, servers: &[&str]) {
        self.machine.set_servers(servers.iter().map(|text| addr(text)).collect());
        self.pump();
    }

    pub(super) fn set_ping_interval(&mut self, interval: Duration) {
        self.machine.set_ping_interval(self.now, interval);
        self.pump();
    }

    // ---- what is expected ----

    #[track_caller]
    pub(super) fn expect_action(&mut self, expected: &str) {
        assert_eq!(self.actions.pop_front().as_deref(), Some(expected), "then {:?}", self.actions);
    }

    /// A dial order, whatever its target, which is returned.
    #[track_caller]
    pub(super) fn expect_dial(&mut self) -> String {
        self.expect_beginning("dial ")
    }

    /// A dial order, after the pause before it if there is one.
    #[track_caller]
    pub(super) fn wait_for_dial(&mut self) -> String {
        if self.actions.is_empty() {
            let until = self.machine.poll_timeout().expect("a pause");
            self.advance(until - self.now);
        }
        self.expect_dial()
    }

    #[track_caller]
    pub(super) fn expect_authenticate(&mut self) {
        self.expect_beginning("authenticate ");
    }

    #[track_caller]
    pub(super) fn expect_online(&mut self) {
        self.expect_beginning("online ");
    }

    #[track_caller]
    pub(super) fn expect_hangup(&mut self) {
        self.expect_action("hang up");
    }

    /// Hanging up and going offline for a reason.
    #[track_caller]
    pub(super) fn expect_lost(&mut self, reason: &str) {
        self.expect_hangup();
        self.expect_action(&format!("offline: {reason}"));
    }

    #[track_caller]
    pub(super) fn expect_beginning(&mut self, begin: &str) -> String {
        match self.actions.pop_front() {
            Some(action) if action.starts_with(begin) => action[begin.len()..].to_string(),
            other => panic!("{other:?} where {begin:?} was expected, then {:?}", self.actions),
        }
    }

    /// News whose text holds `part`.
    #[track_caller]
    pub(super) fn expect_event(&mut self, part: &str) {
        match self.events.pop_front() {
            Some(event) if event.contains(part) => {}
            other => panic!("{other:?} where {part:?} was expected, then {:?}", self.events),
        }
    }

    #[track_caller]
    pub(super) fn expect_written(&mut self, expected: &str) {
        let written = String::from_utf8(core::mem::take(&mut self.written)).unwrap();
        assert_eq!(written, expected);
    }

    /// How many PINGs stand on lines of their own in what was written.
    pub(super) fn written_pings(&self) -> usize {
        self.written.windows(8).filter(|window| window == b"\r\nPING\r\n").count()
    }

    /// A CONNECT at the beginning of what was written, as JSON; the rest stays.
    #[track_caller]
    pub(super) fn expect_connect(&mut self) -> serde_json::Value {
        let end = self.written.iter().position(|&byte| byte == b'\n').expect("a line") + 1;
        let rest = self.written.split_off(end);
        let line = core::mem::replace(&mut self.written, rest);
        let json = line.strip_prefix(b"CONNECT ").expect("CONNECT");
        serde_json::from_slice(json).unwrap()
    }

    /// Looks away from what happened so far.
    pub(super) fn forget(&mut self) {
        self.actions.clear();
        self.events.clear();
        self.written.clear();
    }

    #[track_caller]
    pub(super) fn expect_nothing(&mut self) {
        assert_eq!(self.actions, [""; 0], "actions");
        assert_eq!(self.events, [""; 0], "events");
        assert_eq!(self.written.escape_ascii().to_string(), "", "written");
    }

    // ---- the driver ----

    fn pump(&mut self) {
        self.pump_actions();
        self.take_control();
        while self.machine.takes_chunks() || self.chunk.is_some() {
            if self.chunk.is_none() {
                let Some(chunk) = self.outbox.take() else { break };
                self.machine.handle_chunk_begun(self.now, &chunk);
                self.chunk = Some((chunk, 0));
            }
            let Some((chunk, taken)) = &mut self.chunk else { break };
            let bytes: Vec<u8> = chunk.slices(*taken).flatten().copied().collect();
            let count = bytes.len().min(self.socket_takes);
            self.written.extend_from_slice(&bytes[..count]);
            *taken += count;
            self.socket_takes -= count;
            if *taken < chunk.len() {
                break;
            }
            let Some((chunk, _)) = self.chunk.take() else { break };
            if let Some(chunk) = self.machine.handle_chunk_written(chunk) {
                self.outbox.recycle(chunk);
            }
            self.take_control();
        }
        while let Some(event) = self.machine.poll_event() {
            self.said.events.push(format!("{event:?}"));
            self.events.push_back(news(&event));
        }
    }

    /// Writes the machine's own bytes; returns all that is written.
    pub(super) fn take_control(&mut self) -> &[u8] {
        let before = self.written.len();
        self.machine.take_control(&mut self.written);
        self.said.control.extend_from_slice(&self.written[before..]);
        &self.written
    }

    fn pump_actions(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.said.actions.push(format!("{action:?}"));
            match &action {
                Action::Dial { dial, .. } => {
                    self.dials.push_back(*dial);
                    self.latest_dial = Some(*dial);
                }
                Action::Hangup => {
                    self.dials.clear();
                    self.buf.clear();
                    self.decoder = Decoder::new(DecodeLimits::default());
                }
                Action::Online(limits) => {
                    self.requeued.dropped.extend(self.outbox.drop_refused(*limits));
                    self.outbox.set_online(*limits);
                    self.machine.replay();
                }
                Action::StartTls { name } => self.tls_name.clone_from(name),
                Action::Limits(limits) => self.outbox.set_server_limits(*limits),
                Action::Offline { cut, .. } => {
                    let unfinished = self.chunk.take().into_iter().collect();
                    let unfenced = self.machine.take_unfenced();
                    self.requeued = self.outbox.set_offline_with(unfenced, unfinished, *cut);
                    self.socket_takes = usize::MAX;
                    self.machine.subscriptions().handle_disconnected();
                }
                Action::Resolve { .. }
                | Action::StartTunnel { .. }
                | Action::StartWebSocket { .. }
                | Action::Authenticate { .. }
                | Action::ChooseServer { .. }
                | Action::ChooseDelay { .. }
                | Action::FencePassed { .. }
                | Action::FencesFailed(_)
                | Action::Close(_) => {}
            }
            self.actions.push_back(order(&action));
        }
    }
}

fn order(action: &Action) -> String {
    let limits = |limits: &ServerLimits| format!("{} {:?}", limits.max_payload, limits.headers);
    match action {
        Action::Resolve { host, port } => format!("resolve {host}:{port}"),
        Action::Dial { target, .. } => format!("dial {target}"),
        Action::StartTunnel { proxy, host, port } => {
            format!("tunnel by {proxy} to {host}:{port}")
        }
        Action::StartWebSocket { server } => format!("websocket {server}"),
        Action::StartTls { name } => format!("tls {name}"),
        Action::Authenticate { server, scope, login, .. } => {
            let user = login.as_ref().map(|login| format!(" as {}", login.user));
            format!("authenticate {server} {scope:?}{}", user.unwrap_or_default())
        }
        Action::ChooseServer { servers, .. } => {
            let servers: Vec<String> =
                servers.iter().map(|server| server.addr.to_string()).collect();
            format!("choose of {}", servers.join(" "))
        }
        Action::ChooseDelay { attempt } => format!("delay of {attempt}"),
        Action::Hangup => "hang up".to_string(),
        Action::Online(server) => format!("online {}", limits(server)),
        Action::Limits(server) => format!("limits {}", limits(server)),
        Action::Offline { reason, cut: Cut::Other } => format!("offline: {reason}"),
        Action::Offline { reason, cut: Cut::PayloadRefused } => format!("refused: {reason}"),
        Action::FencePassed { fence, round_trip } => {
            format!("fence {} after {round_trip:?}", fence.0)
        }
        Action::FencesFailed(fences) => {
            format!("failed {:?}", fences.iter().map(|fence| fence.0).collect::<Vec<_>>())
        }
        Action::Close(reason) => format!("close: {reason}"),
    }
}

fn news(event: &ConnectionEvent) -> String {
    match event {
        ConnectionEvent::AttemptFailed(failure) => failure.to_string(),
        ConnectionEvent::Discovered(addr) => format!("discovered {addr}"),
        ConnectionEvent::Refused { address, reason } => format!("refused {address}: {reason}"),
        ConnectionEvent::SecretsWithheld(addr) => format!("withheld from {addr}"),
        ConnectionEvent::LameDuck => "lame duck".to_string(),
        ConnectionEvent::ServerError(error) => error.to_string(),
    }
}
