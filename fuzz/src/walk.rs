//! A connection driven through arbitrary operations, with its promises checked after each.

use bytes::Bytes;
use core::net::SocketAddr;
use core::time::Duration;
use midge_proto::{
    Action, Auth, AuthFailures, Backoff, Choice, Chunk, ClientDecoder, ClientFrame, Config,
    Connection, DecodeLimits, Decoder, Delay, DialId, FenceId, FirstConnect, Frame, Instant,
    Interest, Names, Order, Outbox, OutboxLimits, Peer, Phase, Proxy, ProxyError, Publish,
    Reconnect, Resend, Secrets, Server, ServerAddr, Sid, Subject, TlsMode, WebSocketError, Writing,
};
use std::sync::Arc;

/// An order that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Resolve,
    Dial,
    StartTunnel,
    StartWebSocket,
    StartTls,
    Authenticate,
    ChooseServer,
    ChooseDelay,
}

/// The stream, as the driver sees it.
#[derive(Debug, Default)]
struct Stream {
    open: bool,
    secured: bool,
    decoder: Option<Decoder>,
    buf: Vec<u8>,
    /// What the server got in this connection, and the parser of it.
    sent: Vec<u8>,
    parser: Option<ClientDecoder>,
    connects: usize,
}

struct Walk {
    machine: Connection,
    outbox: Outbox,
    chunk: Option<(Chunk, usize)>,
    stream: Stream,
    waiting: Option<Waiting>,
    /// TLS handshakes so far.
    secured_count: u32,
    /// Dials under way, the latest last.
    dials: Vec<DialId>,
    /// Orders so far, which tell one attempt from the next.
    orders: usize,
    now: Instant,
    no_pings: bool,
    closes: usize,
    online: bool,
    published: u64,
    written: u64,
    dropped: u64,
    next_sid: Sid,
    live: Vec<Sid>,
}

/// A source of choices: bytes, and zeros behind them.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> usize {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                usize::from(*first)
            }
            [] => 0,
        }
    }

    fn flag(&mut self) -> bool {
        self.next() % 2 == 1
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = (self.next() % 48).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken.to_vec()
    }
}

const SERVERS: [&str; 7] = [
    "10.0.0.1",
    "10.0.0.2",
    "nats.example",
    "tls://b.example",
    "ws://10.0.0.5",
    "wss://c.example",
    "unix:///run/nats.sock",
];

/// Frames that a server could send; the last ones end things.
const FRAMES: [&str; 20] = [
    "INFO {\"headers\":true,\"max_payload\":100}\r\n",
    "INFO {\"headers\":true,\"max_payload\":20,\"connect_info\":true}\r\n",
    "INFO {\"tls_required\":true}\r\n",
    "INFO {\"tls_available\":true,\"max_payload\":-1}\r\n",
    "INFO {\"connect_urls\":[\"10.0.0.7:4222\",\"d.example:4222\",\"127.0.0.1:1\",\"?\"]}\r\n",
    "INFO {\"connect_urls\":[\"10.0.0.8:4222\"],\"ldm\":true}\r\n",
    "INFO nonsense\r\n",
    "PONG\r\n",
    "PONG\r\nINFO {\"connect_info\":true,\"headers\":true}\r\n",
    "PONG\r\nPONG\r\n",
    "PING\r\n",
    "+OK\r\n",
    "MSG a 1 1\r\nx\r\n",
    "MSG a 9 3\r\n",
    "-ERR 'Authorization Violation'\r\n",
    "-ERR 'Permissions Violation for Subscription to \"a\"'\r\n",
    "-ERR 'Maximum Payload Violation'\r\n",
    "-ERR 'never heard of'\r\n",
    "-ERR 'Stale Connection'\r\n",
    "RUBBISH\r\n",
];

/// Walks a connection through the operations that `data` stands for, then lets a well-behaved
/// world take over and expects a connection.
pub(crate) fn connection_ops(data: &[u8]) {
    let mut choices = Choices(data);
    let mut walk = Walk::new(&mut choices);
    walk.settle();
    while !choices.0.is_empty() {
        walk.step(&mut choices);
        walk.settle();
        walk.check();
    }
    walk.recover();
}

impl Walk {
    fn new(choices: &mut Choices<'_>) -> Self {
        let count = 1 + choices.next() % 3;
        let servers = (0..count).map(|_| server(choices)).collect();
        let flags = choices.next();
        let config = Config {
            order: if flags & 1 == 0 { Order::Random } else { Order::AsGiven },
            choice: if flags & 2 == 0 { Choice::Pool } else { Choice::Ask },
            delay: if flags & 4 == 0 { Delay::Backoff(Backoff::default()) } else { Delay::Ask },
            first_connect: if flags & 72 == 72 { FirstConnect::Fail } else { FirstConnect::Retry },
            names: if flags & 16 == 0 { Names::Resolve } else { Names::LeaveToDialer },
            resend: if flags & 128 == 0 { Resend::No } else { Resend::Yes },
            refused: if flags & 32 == 0 { AuthFailures::GiveUp } else { AuthFailures::Retry },
            reconnect: match choices.next() % 8 {
                0 => Reconnect::Limited(flags >> 6),
                1 => Reconnect::Never,
                _ => Reconnect::Unlimited,
            },
            tls: [TlsMode::Auto, TlsMode::Auto, TlsMode::Require, TlsMode::First]
                [choices.next() % 4],
            secrets: [Secrets::NeverSent, Secrets::Sent, Secrets::SentToAll][choices.next() % 3],
            proxy: (flags & 128 != 0).then(proxy),
            ..Config::new(servers)
        };
        let now = Instant::from_nanos(1_000_000_000_000);
        Self {
            machine: Connection::new(config, [choices.next() as u8; 32], now),
            outbox: Outbox::new(OutboxLimits::default()),
            chunk: None,
            stream: Stream::default(),
            waiting: None,
            secured_count: 0,
            dials: Vec::new(),
            orders: 0,
            now,
            no_pings: false,
            closes: 0,
            online: false,
            published: 0,
            written: 0,
            dropped: 0,
            next_sid: Sid::FIRST,
            live: Vec::new(),
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let now = self.now;
        match choices.next() % 32 {
            // Half of the steps get things forward, or a walk would rarely be connected.
            0..=7 => self.answer(!choices.next().is_multiple_of(8)),
            8..=11 => {
                let frame = FRAMES[choices.next() % FRAMES.len()];
                self.server_sends(frame.as_bytes());
            }
            12 => {
                let bytes = choices.bytes();
                self.server_sends(&bytes);
            }
            13 => {
                let addresses = (0..choices.next() % 4).map(|n| address(n as u8)).collect();
                let result = if choices.flag() { Err("dns".to_string()) } else { Ok(addresses) };
                self.answered(Waiting::Resolve);
                self.machine.handle_resolved(now, result);
            }
            14 => self.dialed(choices.flag().then(|| "n".to_string())),
            15 => {
                if choices.flag() {
                    self.dials.reverse();
                }
                self.dial_failed();
            }
            16 => match choices.next() % 4 {
                0 => self.tunneled(),
                1 => self.upgraded(),
                _ => self.secured(),
            },
            17 => match choices.next() % 4 {
                0 => self.machine.handle_proxy_failed(now, ProxyError::CredentialsRefused),
                1 => {
                    let error = WebSocketError::Status { code: 500 };
                    self.machine.handle_websocket_failed(now, error);
                }
                _ => self.machine.handle_tls_failed(now, "tls".to_string()),
            },
            18 => {
                self.answered(Waiting::Authenticate);
                let result = if choices.flag() { Err("no".to_string()) } else { Ok(Auth::new()) };
                self.machine.handle_authenticated(now, result);
            }
            19 => {
                self.answered(Waiting::ChooseServer);
                let choice = choices.flag().then(|| {
                    let delay = Duration::from_millis(choices.next() as u64);
                    (server(choices), Some(delay))
                });
                self.machine.handle_server_chosen(now, choice);
            }
            20 => {
                self.answered(Waiting::ChooseDelay);
                let delay = Duration::from_millis(choices.next() as u64 * 10);
                self.machine.handle_delay_chosen(now, delay);
            }
            21 => {
                let error = choices.flag().then(|| "reset".to_string());
                self.machine.handle_disconnected(now, error);
            }
            22 => {
                let blocked = choices.flag();
                let writing = if blocked { Writing::Blocked } else { Writing::Progress };
                self.machine.handle_writing(now, writing);
            }
            23 => self.machine.handle_reading(now, choices.flag()),
            24 => {
                let nanos = 1_u64 << (choices.next() % 40);
                self.now = now + Duration::from_nanos(nanos);
                self.machine.handle_timeout(self.now);
            }
            25 => {
                if let Some(at) = self.machine.poll_timeout() {
                    self.now = now.max(at);
                }
                self.machine.handle_timeout(self.now);
            }
            26 => self.machine.handle_timeout(Instant::ZERO),
            27 => self.publish(choices.next()),
            28 => self.subscription(choices),
            29 => {
                if self.outbox.fence(FenceId(1)).is_ok() {
                    self.write(choices.next());
                }
            }
            30 => self.write(choices.next()),
            _ => match choices.next() % 8 {
                0 => self.machine.force_reconnect(now),
                1 => {
                    // Most lists are not empty, which would be the end.
                    let count = choices.next() % 9;
                    let servers = (0..count).map(|_| server(choices)).collect();
                    self.machine.set_servers(servers);
                }
                2 => {
                    let interval = Duration::from_secs(choices.next() as u64 % 4);
                    self.no_pings = interval.is_zero();
                    self.machine.set_ping_interval(now, interval);
                }
                3 => self.machine.set_max_pings_out(choices.next() as u32 % 4),
                4 => self.machine.set_secrets(Secrets::Sent),
                5 => self.machine.handle_plaintext(now, b"-ERR 'x'"),
                6 if choices.next().is_multiple_of(8) => self.machine.close(now),
                _ => {}
            },
        }
    }

    /// Answers the order that waits, well or badly.
    fn answer(&mut self, well: bool) {
        let now = self.now;
        match (self.waiting, well) {
            (None, _) => {
                if self.stream.open && self.machine.expects_frames() {
                    self.greet();
                }
            }
            (Some(Waiting::Resolve), _) => {
                self.waiting = None;
                self.machine.handle_resolved(now, Ok(vec![address(1), address(2)]));
            }
            (Some(Waiting::Dial), true) => self.dialed(None),
            (Some(Waiting::Dial), false) => self.dial_failed(),
            (Some(Waiting::StartTunnel), _) => self.tunneled(),
            (Some(Waiting::StartWebSocket), _) => self.upgraded(),
            (Some(Waiting::StartTls), _) => self.secured(),
            (Some(Waiting::Authenticate), _) => {
                self.waiting = None;
                self.machine.handle_authenticated(now, Ok(Auth::new()));
            }
            (Some(Waiting::ChooseServer), _) => {
                self.waiting = None;
                self.machine.handle_server_chosen(now, None);
            }
            (Some(Waiting::ChooseDelay), _) => {
                self.waiting = None;
                self.machine.handle_delay_chosen(now, Duration::ZERO);
            }
        }
    }

    /// What a well-behaved server sends next.
    fn greet(&mut self) {
        if self.stream.connects == 0 {
            let line = b"INFO {\"headers\":true,\"max_payload\":1000,\"tls_available\":true}\r\n";
            self.server_sends(line);
        } else if !self.machine.is_ready() {
            self.server_sends(b"PONG\r\nINFO {\"headers\":true,\"connect_info\":true}\r\n");
        }
    }

    fn answered(&mut self, order: Waiting) {
        if self.waiting == Some(order) {
            self.waiting = None;
        }
    }

    fn dial_failed(&mut self) {
        let Some(dial) = self.dials.pop() else { return };
        if self.dials.is_empty() {
            self.answered(Waiting::Dial);
        }
        self.machine.handle_dial_failed(self.now, dial, "refused".to_string());
    }

    fn tunneled(&mut self) {
        self.answered(Waiting::StartTunnel);
        self.machine.handle_tunneled(self.now);
    }

    fn upgraded(&mut self) {
        self.answered(Waiting::StartWebSocket);
        self.machine.handle_upgraded(self.now);
    }

    fn dialed(&mut self, secured: Option<String>) {
        let Some(dial) = self.dials.pop() else { return };
        if self.waiting == Some(Waiting::Dial) {
            self.waiting = None;
            self.dials.clear();
            self.stream = Stream {
                open: true,
                secured: secured.is_some(),
                decoder: Some(Decoder::new(DecodeLimits::default())),
                parser: Some(ClientDecoder::new(DecodeLimits::default())),
                ..Stream::default()
            };
        }
        self.machine.handle_dialed(self.now, dial, secured);
    }

    fn secured(&mut self) {
        if self.waiting == Some(Waiting::StartTls) {
            self.waiting = None;
            self.stream.secured = true;
            self.stream.buf.clear();
            self.stream.decoder = Some(Decoder::new(DecodeLimits::default()));
        }
        // Every other handshake proves nothing.
        let peer = match self.secured_count % 2 {
            0 => Peer::Verified("nats.example".to_owned()),
            _ => Peer::Unverified,
        };
        self.secured_count += 1;
        self.machine.handle_secured(self.now, peer);
    }

    fn server_sends(&mut self, bytes: &[u8]) {
        if !self.stream.open || self.is_layering() {
            return;
        }
        let now = self.now;
        self.stream.buf.extend_from_slice(bytes);
        self.machine.handle_read(now);
        while self.machine.expects_frames() && self.stream.open {
            let Some(decoder) = &mut self.stream.decoder else { break };
            match decoder.next(&self.stream.buf) {
                Ok(Some(frame)) => {
                    let buf = core::mem::take(&mut self.stream.buf);
                    self.machine.handle_frame(now, &frame, &buf);
                    if let Frame::Message { sid, .. } = frame {
                        self.machine.subscriptions().deliver(sid);
                    }
                    self.stream.buf = buf;
                    self.take_actions();
                }
                Ok(None) => break,
                Err(error) => {
                    self.machine.handle_decode_error(now, error);
                    break;
                }
            }
        }
        self.take_actions();
        if self.waiting == Some(Waiting::StartTls) {
            let at = self.stream.decoder.as_ref().map_or(0, Decoder::consumed);
            let rest = self.stream.buf.split_off(at);
            self.machine.handle_plaintext(now, &rest);
        }
        self.machine.handle_read_done(now);
    }

    /// Whether what is read and written is not yet NATS.
    fn is_layering(&self) -> bool {
        matches!(
            self.waiting,
            Some(Waiting::StartTls | Waiting::StartTunnel | Waiting::StartWebSocket)
        )
    }

    fn publish(&mut self, size: usize) {
        let payload = Bytes::from(vec![b'x'; size]);
        let message = Publish { subject: b"p", reply: None, headers: None, payload: &payload };
        if self.outbox.publish(message).is_ok() {
            self.published += 1;
        }
    }

    fn subscription(&mut self, choices: &mut Choices<'_>) {
        match (choices.next() % 4, self.live.last().copied()) {
            (0, Some(sid)) => {
                self.machine.subscriptions().set_max(sid, 2);
                self.outbox.unsubscribe(sid, Some(2));
            }
            (1, Some(sid)) => {
                self.machine.subscriptions().remove(sid);
                self.outbox.unsubscribe(sid, None);
                self.live.pop();
            }
            (2, Some(sid)) if self.online => {
                self.outbox.unsubscribe(sid, None);
                self.machine.subscriptions().set_draining(sid);
                self.live.pop();
            }
            _ => {
                let sid = self.next_sid;
                self.next_sid = sid.next();
                if let Ok(on_wire) = self.outbox.subscribe(b"a", None, sid) {
                    let subject = Subject::from("a");
                    self.machine.subscriptions().insert(
                        sid,
                        Arc::new(Interest::new(subject, None)),
                        on_wire,
                    );
                    self.live.push(sid);
                }
            }
        }
    }

    /// The socket takes `count` bytes of the outbox.
    fn write(&mut self, count: usize) {
        if !self.machine.is_ready() {
            return;
        }
        if self.chunk.is_none() {
            if !self.machine.takes_chunks() {
                return;
            }
            let Some(chunk) = self.outbox.take() else { return };
            self.machine.handle_chunk_begun(self.now, &chunk);
            self.chunk = Some((chunk, 0));
        }
        let Some((chunk, taken)) = &mut self.chunk else { return };
        let rest: Vec<u8> = chunk.slices(*taken).flatten().copied().collect();
        let count = rest.len().min(count * 4);
        *taken += count;
        self.stream.sent.extend_from_slice(&rest[..count]);
        if *taken == chunk.len()
            && let Some((chunk, _)) = self.chunk.take()
        {
            self.written += u64::from(chunk.publishes());
            if let Some(chunk) = self.machine.handle_chunk_written(chunk) {
                self.outbox.recycle(chunk);
            }
        }
    }

    /// Does what the machine ordered, as a driver would.
    fn settle(&mut self) {
        self.take_actions();
        if self.chunk.as_ref().is_none_or(|(_, taken)| *taken == 0) {
            let before = self.stream.sent.len();
            self.machine.take_control(&mut self.stream.sent);
            let grown = self.stream.sent.len() > before;
            assert!(!grown || self.stream.open, "bytes without a stream");
            assert!(!(grown && self.is_layering()), "bytes in a handshake");
        }
        while self.machine.poll_event().is_some() {}
    }

    fn take_actions(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            assert_eq!(self.closes, 0, "{action:?} after the end");
            match action {
                Action::Resolve { .. } => self.order(Waiting::Resolve),
                Action::Dial { dial, .. } => {
                    self.dials.push(dial);
                    self.order(Waiting::Dial);
                }
                Action::StartTunnel { .. } => {
                    assert!(self.stream.open);
                    self.layer(Waiting::StartTunnel);
                }
                Action::StartWebSocket { .. } => {
                    assert!(self.stream.open);
                    self.layer(Waiting::StartWebSocket);
                }
                Action::ChooseServer { .. } => self.order(Waiting::ChooseServer),
                Action::ChooseDelay { .. } => self.order(Waiting::ChooseDelay),
                Action::StartTls { name } => {
                    assert!(self.stream.open && !self.stream.secured && !name.is_empty());
                    self.layer(Waiting::StartTls);
                }
                Action::Authenticate { .. } => {
                    assert!(self.stream.open);
                    assert!(self.stream.secured || !self.machine.is_clear_forbidden());
                    assert_eq!(self.waiting, None);
                    self.waiting = Some(Waiting::Authenticate);
                }
                Action::Hangup => {
                    self.stream = Stream::default();
                    self.waiting = None;
                    self.dials.clear();
                }
                Action::Online(limits) => {
                    assert!(!self.online && self.stream.open);
                    self.online = true;
                    self.dropped += self.outbox.drop_refused(limits).len() as u64;
                    self.outbox.set_online(limits);
                    self.machine.replay();
                }
                Action::Limits(limits) => self.outbox.set_server_limits(limits),
                Action::Offline { cut, .. } => {
                    assert!(self.online);
                    self.online = false;
                    let unfinished = self.chunk.take().into_iter().collect();
                    let unfenced = self.machine.take_unfenced();
                    let fate = self.outbox.set_offline_with(unfenced, unfinished, cut);
                    self.written += fate.written;
                    self.dropped += fate.dropped.len() as u64;
                    // What is sent again waits once more.
                    self.written -= fate.repeated;
                    let waiting = fate.kept + fate.repeated;
                    assert_eq!(self.published, self.written + self.dropped + waiting);
                    self.machine.subscriptions().handle_disconnected();
                }
                Action::Close(_) => {
                    assert!(!self.online && !self.stream.open);
                    self.closes += 1;
                }
                _ => {}
            }
        }
    }

    /// One layer at a time is put over the stream.
    fn layer(&mut self, order: Waiting) {
        assert_eq!(self.waiting, None, "{order:?}");
        self.orders += 1;
        self.waiting = Some(order);
    }

    /// Only one thing at a time is ordered while there is no stream, dials side by side apart.
    fn order(&mut self, order: Waiting) {
        assert!(!self.stream.open, "{order:?} with a stream open");
        // A deadline of the machine's own ends a wait for the application.
        let replaces = matches!(self.waiting, Some(Waiting::ChooseServer | Waiting::ChooseDelay))
            || (self.waiting, order) == (Some(Waiting::Dial), Waiting::Dial);
        assert!(self.waiting.is_none() || replaces, "{order:?} while waiting: {:?}", self.waiting);
        self.orders += 1;
        self.waiting = Some(order);
    }

    fn check(&mut self) {
        let phase = self.machine.phase();
        if phase == Phase::Closed {
            assert_eq!((self.closes, self.machine.poll_timeout()), (1, None));
            return;
        }
        let may_rest = phase == Phase::Connected && self.no_pings;
        assert!(self.machine.poll_timeout().is_some() || may_rest, "nothing to wait for");
        assert_eq!(phase == Phase::Connected, self.online);
        let (written, unfenced) = self.machine.publishes_written();
        assert!(unfenced <= written);
        let Some(parser) = &mut self.stream.parser else {
            return;
        };
        while let Some(frame) = parser.next(&self.stream.sent).expect("own frames are sound") {
            if matches!(frame, ClientFrame::Connect(_)) {
                self.stream.connects += 1;
                assert!(self.stream.secured || !self.machine.is_clear_forbidden());
            }
            assert_eq!(self.stream.connects, 1, "{frame:?}");
        }
    }

    fn progress(&self) -> impl PartialEq + use<> {
        (self.orders, self.waiting, self.stream.buf.len(), self.stream.sent.len())
    }

    /// From here on everything goes well: a connection must come about.
    fn recover(&mut self) {
        let locked = self.machine.is_clear_forbidden();
        let usable = |server: &Server| {
            // A WebSocket in clear cannot be upgraded, and announced servers may get no secrets.
            !(server.is_discovered || locked && server.addr.scheme() == "ws")
        };
        if !self.machine.servers().iter().any(usable) {
            return;
        }
        for _ in 0..STEPS_TO_RECOVER_MAX {
            match self.machine.phase() {
                Phase::Closed | Phase::Connected => return,
                _ => {}
            }
            if self.waiting.is_some() || self.stream.open {
                let before = self.progress();
                // What was left half-sent is completed before a greeting makes sense.
                if self.stream.open && !self.stream.buf_is_whole() {
                    self.now = self.machine.poll_timeout().unwrap_or(self.now).max(self.now);
                    self.machine.handle_timeout(self.now);
                } else {
                    self.answer(true);
                }
                self.settle();
                self.check();
                if before != self.progress() {
                    continue;
                }
            }
            if let Some(at) = self.machine.poll_timeout() {
                self.now = self.now.max(at);
            }
            self.machine.handle_timeout(self.now);
            self.settle();
            self.check();
        }
        panic!("no connection came about: {:?}", self.machine.servers());
    }
}

/// Every server of a walk refusing once, each costing a handful of steps, is far below.
const STEPS_TO_RECOVER_MAX: usize = 400;

impl Stream {
    /// Whether the bytes read so far end with a frame.
    fn buf_is_whole(&self) -> bool {
        self.decoder.as_ref().is_none_or(|decoder| decoder.consumed() == self.buf.len())
    }
}

fn server(choices: &mut Choices<'_>) -> ServerAddr {
    SERVERS[choices.next() % SERVERS.len()].parse().expect("a server of the table")
}

fn proxy() -> Proxy {
    "http://proxy.example".parse().expect("a proxy")
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, last], 4222))
}
