//! The half of a client that its adapter carries: bytes in, bytes out, time, and nothing else.
//!
//! ```text
//! socket -> ReadBuffer -> Decoder -> Connection -> Sorter -> mailboxes
//! socket <- Outbound  <- chunks of the Outbox, and the Connection's own bytes between them
//! ```

mod inbound;
mod outbound;
mod run;
mod shutdown;

pub(crate) use inbound::BUFFER_MAX_DEFAULT;
pub use run::run;

use crate::auth::{Authenticator, Callbacks, Outcome};
use crate::error::FlushError;
use crate::event::{ClientError, Event, Fate, ReadingState};
use crate::mailbox::{End, Mailbox, News};
use crate::runtime::SocketOptions;
use crate::shared::{
    Command, Core, Fence, Fenced, Reply, ReplyFailure, Shared, State, Target, wake,
};
use crate::statistics::add;
use crate::sync::{Arc, Ordering};
use bytes::Bytes;
use core::net::SocketAddr;
use core::task::{Context, Poll, Waker};
use futures_channel::oneshot;
use inbound::{ReadBuffer, Sorter};
use midge_proto::{
    Action, Chosen, CloseReason, Connection, ConnectionEvent, Cut, DecodeLimits, Decoder, Delivery,
    FenceId, Frame, Instant, LostReason, Message, OnWire, Phase, ServerError, ServerLimits, Sid,
    Slot, Writing,
};
use outbound::{Finished, Outbound};
use shutdown::Shutdown;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};

/// What the adapter has to do about the stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Order {
    /// Look up the addresses of a host and answer with [`Driver::handle_resolved`].
    Resolve {
        /// The host name.
        host: String,
        /// The port to put into the addresses.
        port: u16,
    },
    /// Open a stream and answer with [`Driver::handle_dialed`] or [`Driver::handle_dial_failed`].
    Dial {
        /// Where to.
        target: midge_proto::Target,
        /// How to set up the socket.
        options: SocketOptions,
    },
    /// Close the stream, or drop whatever is going on to get one. Not answered.
    Hangup,
}

/// One client's connection, without a runtime: it owns the protocol machine and the buffers.
///
/// An adapter hands it to [`run`]. Whoever wants to drive it by hand calls, in a loop:
/// [`poll_order`](Self::poll_order) until `None`, [`write_slices`](Self::write_slices) and
/// [`handle_written`](Self::handle_written), [`read_buf`](Self::read_buf) and
/// [`handle_read`](Self::handle_read), [`handle_timeout`](Self::handle_timeout) at
/// [`poll_timeout`](Self::poll_timeout), and [`park`](Self::park) before it sleeps.
///
/// Dropping it ends the client: every waiter hears that it is closed.
pub struct Driver {
    shared: Arc<Shared>,
    connection: Connection,
    decoder: Decoder,
    limits: DecodeLimits,
    inbound: ReadBuffer,
    sorter: Sorter,
    outbound: Outbound,
    /// Where messages go, by slot.
    targets: Vec<Option<Target>>,
    /// Commands that need the time or more than the registry.
    deferred: Vec<Command>,
    sleeps: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    sleep_deadlines: HashMap<u64, Instant>,
    stream: StreamState,
    #[cfg(feature = "tls")]
    tls: Option<Box<crate::tls::TlsLayer>>,
    #[cfg(feature = "tls")]
    tls_options: crate::tls::TlsOptions,
    orders: std::collections::VecDeque<Order>,
    socket: SocketOptions,
    callbacks: Callbacks,
    connected: Option<oneshot::Sender<Result<(), CloseReason>>>,
    paused: Option<Arc<Mailbox>>,
    shutdown: Shutdown,
    /// Bytes read when the last keep-alive PING went out, to tell an idle connection.
    idle: IdleMark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamState {
    None,
    Open,
}

#[derive(Debug, Clone, Copy, Default)]
struct IdleMark {
    bytes: u64,
}

/// What an options builder hands over.
pub(crate) struct DriverParts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Connection,
    pub(crate) limits: DecodeLimits,
    pub(crate) read_buffer_max: usize,
    pub(crate) socket: SocketOptions,
    pub(crate) authenticator: Authenticator,
    pub(crate) callbacks: Callbacks,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::TlsOptions,
    pub(crate) connected: oneshot::Sender<Result<(), CloseReason>>,
}

impl Driver {
    pub(crate) fn new(parts: DriverParts) -> Self {
        let mut callbacks = parts.callbacks;
        callbacks.authenticator = parts.authenticator;
        let mut driver = Self {
            shared: parts.shared,
            connection: parts.connection,
            decoder: Decoder::new(parts.limits),
            limits: parts.limits,
            inbound: ReadBuffer::new(parts.read_buffer_max),
            sorter: Sorter::default(),
            outbound: Outbound::default(),
            targets: Vec::new(),
            deferred: Vec::new(),
            sleeps: BTreeMap::new(),
            sleep_deadlines: HashMap::new(),
            stream: StreamState::None,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            tls_options: parts.tls,
            orders: std::collections::VecDeque::new(),
            socket: parts.socket,
            callbacks,
            connected: Some(parts.connected),
            paused: None,
            shutdown: Shutdown::default(),
            idle: IdleMark::default(),
        };
        driver.settle(Instant::ZERO);
        driver
    }

    // ---- what the adapter asks ----

    /// The next thing to do about the stream.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// Where to read to; `None` while nothing is to be read.
    pub fn read_buf(&mut self) -> Option<&mut [u8]> {
        if self.stream != StreamState::Open || (self.paused.is_some() && !self.is_awaited()) {
            return None;
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return Some(tls.read_buf());
        }
        let wanted = self.decoder.wanted().unwrap_or(0);
        Some(self.inbound.room(wanted))
    }

    /// Whether somebody waits for what only reading can bring.
    fn is_awaited(&self) -> bool {
        let core = self.shared.core.lock();
        !core.requests.is_empty() || !core.fences.is_empty()
    }

    /// Appends to `out` what is to be written next; nothing when there is nothing.
    pub fn write_slices<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            out.push(IoSlice::new(tls.output()));
            return;
        }
        self.outbound.slices(out);
    }

    /// Whether there is anything to write; takes the next chunk if the last one is out.
    pub fn prepare_write(&mut self, now: Instant) -> bool {
        if self.stream != StreamState::Open {
            return false;
        }
        if self.outbound.is_empty() && self.connection.has_control() {
            self.connection.take_control(self.outbound.control());
        }
        if self.outbound.wants_chunk() && self.connection.is_ready() {
            let shared = Arc::clone(&self.shared);
            let chunk = {
                let mut core = shared.core.lock();
                // The answer to a SUB in the chunk may come before the next poll.
                self.take_commands(&mut core);
                let chunk = core.outbox.take();
                core.in_flight = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                chunk
            };
            if let Some(chunk) = chunk {
                self.connection.handle_chunk_begun(now, &chunk);
                self.outbound.put(chunk);
            }
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            if tls.wants_plaintext() {
                let from = tls.encrypted();
                if let Err(text) = tls.encrypt(self.outbound.pieces(from)) {
                    self.connection.handle_tls_failed(now, text);
                }
            }
            return tls.has_output();
        }
        !self.outbound.is_empty()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let requests = self.shared.core.lock().requests.poll_timeout();
        let sleep = self.sleeps.first_key_value().map(|(&(at, _), _)| at);
        let others = [requests, sleep, self.shutdown.deadline()];
        others.into_iter().flatten().fold(self.connection.poll_timeout(), |first, at| {
            Some(first.map_or(at, |first: Instant| first.min(at)))
        })
    }

    /// Whether all is over and the driver can be dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.connection.phase() == Phase::Closed && self.orders.is_empty()
    }

    /// Leaves a waker for when a handle has something to do; says whether it has already.
    pub fn park(&mut self, waker: &Waker) -> Parked {
        let mut core = self.shared.core.lock();
        let may_write = self.connection.is_ready() && !core.outbox.is_empty();
        let may_sleep = core.commands.is_empty() && self.deferred.is_empty();
        if may_sleep && !(may_write && self.outbound.is_empty()) {
            core.park(waker);
            drop(core);
            self.inbound.rest();
            Parked::Idle
        } else {
            Parked::Work
        }
    }

    // ---- what the adapter tells ----

    /// Takes in what handles have asked for since the last call.
    pub fn handle_commands(&mut self, now: Instant) {
        let shared = Arc::clone(&self.shared);
        let mut core = shared.core.lock();
        core.requests.stamp(now);
        if core.commands.is_empty() && self.deferred.is_empty() {
            return;
        }
        self.take_commands(&mut core);
        drop(core);
        self.run_deferred(now);
        self.settle(now);
    }

    /// A look-up is done.
    pub fn handle_resolved(&mut self, now: Instant, result: io::Result<Vec<SocketAddr>>) {
        self.connection.handle_resolved(now, result.map_err(|error| error.to_string()));
        self.settle(now);
    }

    /// The stream is open; `local` is its own end, for people.
    pub fn handle_dialed(&mut self, now: Instant, local: Option<SocketAddr>) {
        self.stream = StreamState::Open;
        self.decoder = Decoder::new(self.limits);
        self.inbound.clear();
        self.shared.core.lock().view.local = local;
        self.connection.handle_dialed(now, None);
        self.settle(now);
    }

    /// The stream could not be opened.
    pub fn handle_dial_failed(&mut self, now: Instant, error: &io::Error) {
        self.connection.handle_dial_failed(now, error.to_string());
        self.settle(now);
    }

    /// So many bytes were read into [`read_buf`](Self::read_buf).
    pub fn handle_read(&mut self, now: Instant, count: usize) {
        add(&self.shared.statistics.in_bytes, count as u64);
        self.connection.handle_read(now);
        self.receive(now, count);
        self.decode(now);
        self.connection.handle_read_done(now);
        self.settle(now);
    }

    /// The stream ended, by itself or by an error.
    pub fn handle_disconnected(&mut self, now: Instant, error: Option<&io::Error>) {
        self.stream = StreamState::None;
        self.connection.handle_disconnected(now, error.map(ToString::to_string));
        self.settle(now);
    }

    /// The socket took so many of the bytes of [`write_slices`](Self::write_slices).
    pub fn handle_written(&mut self, now: Instant, count: usize) {
        add(&self.shared.statistics.out_bytes, count as u64);
        #[cfg(feature = "tls")]
        let count = match &mut self.tls {
            Some(tls) => tls.written(count),
            None => count,
        };
        let finished = self.outbound.written(count);
        let mut wakers = Vec::new();
        let mut flushed = Vec::new();
        {
            let mut core = self.shared.core.lock();
            if let Finished::Chunk(chunk) = finished {
                self.connection.handle_chunk_written(&chunk);
                core.outbox.recycle(chunk);
            }
            core.in_flight = self.outbound.unwritten() as u64;
            if !core.flushes.is_empty() {
                let written = core.written();
                let mut at = 0;
                while at < core.flushes.len() {
                    if core.flushes[at].0 <= written {
                        flushed.push(core.flushes.swap_remove(at).1);
                    } else {
                        at += 1;
                    }
                }
            }
            if core.outbox.is_low() {
                wakers.extend(core.next_in_line());
            }
            wakers.extend(core.take_watchers());
        }
        for done in flushed {
            let _ = done.send(Ok(()));
        }
        wakers.into_iter().for_each(Waker::wake);
        self.connection.handle_writing(now, Writing::Progress);
    }

    /// There is something to write and the socket takes nothing.
    pub fn handle_write_blocked(&mut self, now: Instant) {
        self.connection.handle_writing(now, Writing::Blocked);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut expired = Vec::new();
        {
            let mut core = self.shared.core.lock();
            while let Some(waiter) = core.requests.poll_expired(now) {
                expired.push(waiter);
            }
        }
        for waiter in expired {
            let _ = waiter.sender.send(Err(ReplyFailure::TimedOut));
        }
        while let Some(entry) = self.sleeps.first_entry() {
            if entry.key().0 > now {
                break;
            }
            self.sleep_deadlines.remove(&entry.key().1);
            let _ = entry.remove().send(());
        }
        let ping = self.connection.poll_timeout().is_some_and(|at| at <= now);
        self.connection.handle_timeout(now);
        if ping {
            self.shrink_if_idle();
        }
        self.advance_shutdown(now);
        self.settle(now);
    }

    /// Runs the application's event callback; ready when it has seen the last event.
    pub(crate) fn poll_listener(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.callbacks.poll_listener(cx)
    }

    /// Polls the application's callbacks.
    pub(crate) fn poll_callbacks(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let Poll::Ready(outcome) = self.callbacks.poll(cx) else { return Poll::Pending };
        match outcome {
            Outcome::Auth(result) => {
                self.connection
                    .handle_authenticated(now, result.map_err(|error| error.to_string()));
            }
            Outcome::Server(choice) => {
                let choice = choice.map(|choice| (choice.addr, choice.delay));
                if self.connection.handle_server_chosen(now, choice) == Chosen::NotInPool {
                    self.shared.event(Event::ClientError(ClientError::ServerNotInPool));
                }
            }
        }
        self.settle(now);
        Poll::Ready(())
    }

    // ---- reading ----

    /// Takes bytes of the socket through the layers to where frames are decoded.
    fn receive(&mut self, now: Instant, count: usize) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let inbound = &mut self.inbound;
            match tls.receive(count, |plaintext| inbound.extend(plaintext)) {
                Ok(crate::tls::Received::Data) => {}
                Ok(crate::tls::Received::Secured) => {
                    let info = tls.info();
                    self.shared.core.lock().view.tls = Some(info);
                    self.connection.handle_secured(now);
                    self.take_actions(now);
                }
                Err(text) => self.connection.handle_tls_failed(now, text),
            }
            return;
        }
        let _ = now;
        self.inbound.read(count);
    }

    /// Starts TLS on the stream; nothing that was read in clear may be left.
    fn start_tls(&mut self, now: Instant, name: String) {
        let residue = self.inbound.filled().get(self.decoder.consumed()..).unwrap_or_default();
        if !residue.is_empty() {
            let residue = residue.to_vec();
            return self.connection.handle_plaintext(now, &residue);
        }
        self.inbound.clear();
        self.decoder = Decoder::new(self.limits);
        #[cfg(feature = "tls")]
        {
            let name = self.tls_options.server_name.clone().unwrap_or(name);
            let layer = self
                .tls_options
                .config()
                .map_err(|error| error.to_string())
                .and_then(|config| crate::tls::TlsLayer::new(config, &name));
            match layer {
                Ok(layer) => self.tls = Some(Box::new(layer)),
                Err(text) => self.connection.handle_tls_failed(now, text),
            }
        }
        #[cfg(not(feature = "tls"))]
        {
            let text = format!("TLS for {name} is not compiled in: switch on the feature `ring`");
            self.connection.handle_tls_failed(now, text);
        }
    }

    fn decode(&mut self, now: Instant) {
        while self.connection.expects_frames() {
            match self.decoder.next(self.inbound.filled()) {
                Ok(Some(Frame::Message { sid, frame })) => {
                    if !self.connection.is_ready() {
                        self.connection.handle_frame(
                            now,
                            &Frame::Message { sid, frame },
                            self.inbound.filled(),
                        );
                    }
                    match self.connection.subscriptions().deliver(sid) {
                        Delivery::Deliver(slot) => self.sorter.stage(slot, frame),
                        Delivery::DeliverLast(slot) => {
                            self.sorter.stage(slot, frame);
                            // The slot may be given to another subscription from here on.
                            self.deliver();
                            self.end_slot(slot, End::Finished);
                        }
                        Delivery::Unknown => {}
                    }
                }
                Ok(Some(frame)) => {
                    if !self.sorter.is_empty() {
                        // What a PONG or an error tells is true of everything before it.
                        self.deliver();
                    }
                    self.connection.handle_frame(now, &frame, self.inbound.filled());
                    self.take_actions(now);
                    // A complaint is heard by those whose PONG follows in the same read.
                    self.take_events(now);
                }
                Ok(None) => break,
                Err(error) => {
                    self.deliver();
                    self.connection.handle_decode_error(now, error);
                    break;
                }
            }
        }
        self.deliver();
    }

    /// Hands the staged messages to their mailboxes and cuts the finished frames off the buffer.
    fn deliver(&mut self) {
        let consumed = self.decoder.consumed();
        if consumed == 0 {
            return;
        }
        self.decoder.consume();
        let chunk = self.inbound.cut(consumed);
        if self.sorter.is_empty() {
            return;
        }
        add(&self.shared.statistics.in_messages, self.sorter.len() as u64);
        let mut wakers: Vec<Waker> = Vec::new();
        let mut news = Vec::new();
        let mut dropped = 0;
        for slot in self.sorter.touched() {
            let Some(Some(target)) = self.targets.get(slot.index()) else { continue };
            match target {
                Target::Mailbox(mailbox) => {
                    let outcome = mailbox.deliver(&chunk, self.sorter.frames(slot));
                    wakers.extend(outcome.waker);
                    dropped += outcome.dropped;
                    if let Some(kind) = outcome.news {
                        news.push((slot, kind));
                    }
                }
                Target::Requests => reply_all(&self.shared, &chunk, self.sorter.frames(slot)),
            }
        }
        self.sorter.clear();
        wakers.into_iter().for_each(Waker::wake);
        if dropped > 0 {
            add(&self.shared.statistics.dropped_messages, dropped);
        }
        for (slot, kind) in news {
            self.handle_news(slot, kind);
        }
    }

    fn handle_news(&mut self, slot: Slot, news: News) {
        let sid = self
            .connection
            .subscriptions()
            .iter()
            .find(|(other, _)| *other == slot)
            .map(|(_, subscription)| subscription.sid);
        match news {
            News::Slow => {
                if let Some(sid) = sid {
                    self.shared.event(Event::SlowConsumer(sid.get()));
                }
            }
            News::Pause => {
                if let Some(Some(Target::Mailbox(mailbox))) = self.targets.get(slot.index()) {
                    self.paused = Some(Arc::clone(mailbox));
                    self.shared.event(Event::Reading(ReadingState::Paused));
                }
            }
            News::Failed => {
                if let Some(sid) = sid {
                    self.shared.event(Event::SlowConsumer(sid.get()));
                    self.shared.core.lock().outbox.unsubscribe(sid, None);
                    self.remove(sid, End::Overflow);
                }
            }
        }
    }

    // ---- what the machine orders ----

    /// Carries out what the machine ordered and tells people the news.
    fn settle(&mut self, now: Instant) {
        self.take_actions(now);
        self.take_events(now);
        self.advance_shutdown(now);
        self.take_actions(now);
    }

    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.connection.poll_event() {
            self.handle_event(now, event);
        }
    }

    fn take_actions(&mut self, now: Instant) {
        while let Some(action) = self.connection.poll_action() {
            match action {
                Action::Resolve { host, port } => {
                    self.orders.push_back(Order::Resolve { host, port });
                }
                Action::Dial { target, server: _ } => {
                    let options = self.socket;
                    self.orders.push_back(Order::Dial { target, options });
                }
                Action::StartTls { name } => self.start_tls(now, name),
                Action::Authenticate { server, info, scope } => {
                    if let Some(result) = self.callbacks.authenticate(&server, &info, scope) {
                        let result = result.map_err(|error| error.to_string());
                        self.connection.handle_authenticated(now, result);
                    }
                }
                Action::ChooseServer { servers, info } => self.callbacks.choose(servers, info),
                Action::ChooseDelay { attempt } => {
                    let delay = self.callbacks.delay(attempt);
                    self.connection.handle_delay_chosen(now, delay);
                }
                Action::Hangup => {
                    self.stream = StreamState::None;
                    self.callbacks.cancel();
                    #[cfg(feature = "tls")]
                    {
                        self.tls = None;
                    }
                    self.inbound.clear();
                    self.decoder = Decoder::new(self.limits);
                    self.orders.push_back(Order::Hangup);
                }
                Action::Online(limits) => self.go_online(limits),
                Action::Limits(limits) => {
                    let shared = Arc::clone(&self.shared);
                    let mut core = shared.core.lock();
                    core.outbox.set_server_limits(limits);
                    self.refresh_view(&mut core);
                }
                Action::Offline { reason, cut } => self.go_offline(reason, cut),
                Action::FencePassed { fence, round_trip } => {
                    self.pass_fence(now, fence, round_trip);
                }
                Action::FencesFailed(fences) => self.fail_fences(fences),
                Action::Close(reason) => {
                    // What led to the end is told before it; nobody listens afterwards.
                    self.take_events(now);
                    self.finish(reason);
                }
                _ => {}
            }
        }
    }

    fn go_online(&mut self, limits: ServerLimits) {
        let shared = Arc::clone(&self.shared);
        let (undeliverable, line) = {
            let mut core = shared.core.lock();
            self.take_commands(&mut core);
            self.connection.replay();
            let undeliverable = core.outbox.drop_refused(limits);
            // Frames may have left the queue: flushes wait for all of the rest.
            let end = core.outbox.end_position();
            core.flushes.iter_mut().for_each(|(target, _)| *target = end);
            core.outbox.set_online(limits);
            core.view.state = State::Connected;
            self.refresh_view(&mut core);
            (undeliverable, core.next_in_line())
        };
        wake(line);
        add(&self.shared.statistics.connects, 1);
        if let Some(connected) = self.connected.take() {
            let _ = connected.send(Ok(()));
        }
        self.shared.event(Event::Connected);
        if !undeliverable.is_empty() {
            self.shared.event(Event::Undeliverable { subjects: undeliverable });
        }
    }

    fn go_offline(&mut self, reason: LostReason, cut: Cut) {
        let shared = Arc::clone(&self.shared);
        let (requeued, fences, requests, line) = {
            let mut core = shared.core.lock();
            self.take_commands(&mut core);
            let requeued = core.outbox.set_offline(self.outbound.reset(), cut);
            core.in_flight = 0;
            // Frames changed their places in the queue: flushes wait for all of it.
            let end = core.outbox.end_position();
            core.flushes.iter_mut().for_each(|(target, _)| *target = end);
            core.view.state = State::Disconnected;
            core.view.server = None;
            core.view.remote = None;
            core.view.local = None;
            #[cfg(feature = "tls")]
            {
                core.view.tls = None;
            }
            if let LostReason::Server(error) = &reason {
                core.view.last_error = Some(error.clone());
            }
            let fences: Vec<FenceId> = core.fences.keys().copied().collect();
            (requeued, fences, core.requests.handle_disconnected(), core.whole_line())
        };
        self.fail_fences(fences);
        for waiter in requests {
            let _ = waiter.sender.send(Err(ReplyFailure::Disconnected));
        }
        line.into_iter().for_each(Waker::wake);
        for slot in self.connection.subscriptions().handle_disconnected() {
            self.end_slot(slot, End::Finished);
        }
        if self.paused.take().is_some() {
            self.shared.event(Event::Reading(ReadingState::Resumed));
        }
        // A PONG may cover part of the chunk that was cut.
        let (written, fenced) = self.connection.publishes_fenced();
        let fate = Fate {
            uncertain: (written + requeued.written).saturating_sub(fenced),
            kept: requeued.kept,
            dropped: requeued.dropped.len() as u64,
        };
        self.shutdown.add_uncertain(fate.uncertain);
        self.shared.event(Event::Disconnected);
        self.shared.event(Event::Lost(reason));
        self.shared.event(Event::Fate(fate));
    }

    fn handle_event(&mut self, now: Instant, event: ConnectionEvent) {
        let event = match event {
            ConnectionEvent::AttemptFailed(failure) => Event::AttemptFailed(failure),
            ConnectionEvent::Discovered(addr) => Event::ServerDiscovered(addr),
            ConnectionEvent::Refused { address, reason } => {
                Event::ServerRefused { address, reason: reason.to_string() }
            }
            ConnectionEvent::SecretsWithheld(addr) => Event::SecretsWithheld(addr),
            ConnectionEvent::LameDuck => Event::LameDuckMode,
            ConnectionEvent::ServerError(error) => {
                self.attribute(now, &error);
                Event::ServerError(error)
            }
            _ => return,
        };
        let shared = Arc::clone(&self.shared);
        self.refresh_view(&mut shared.core.lock());
        self.shared.event(event);
    }

    /// Takes a complaint of the server to those it concerns.
    fn attribute(&mut self, _now: Instant, error: &ServerError) {
        let mut denied = Vec::new();
        {
            let mut core = self.shared.core.lock();
            core.view.last_error = Some(error.clone());
            for fence in core.fences.values_mut() {
                if let Fence::Caller(_, complaints) = fence {
                    complaints.push(error.clone());
                }
            }
            if let ServerError::PublishPermission { subject, .. } = error {
                denied = core.requests.remove_where(|waiter| *waiter.subject.as_str() == **subject);
            }
        }
        for waiter in denied {
            let _ = waiter.sender.send(Err(ReplyFailure::Denied(error.clone())));
        }
        if let ServerError::SubscribePermission { subject, queue, sid, .. } = error {
            let refused: Vec<Sid> = self
                .connection
                .subscriptions()
                .iter()
                .filter(|(_, subscription)| match sid {
                    Some(sid) => subscription.sid.get() == *sid,
                    None => {
                        *subscription.subject.as_str() == **subject
                            && subscription.queue.as_deref() == queue.as_deref()
                    }
                })
                .map(|(_, subscription)| subscription.sid)
                .collect();
            for sid in refused {
                self.remove(sid, End::Refused(error.text().to_owned()));
                self.shared.event(Event::SubscriptionRefused { sid, error: error.clone() });
            }
        }
    }

    // ---- commands ----

    /// Applies what concerns the registry; the rest waits until the lock is released.
    fn take_commands(&mut self, core: &mut Core) {
        for command in core.commands.drain(..) {
            match command {
                Command::Subscribe { sid, subject, queue, on_wire, target } => {
                    let subscriptions = self.connection.subscriptions();
                    let slot = subscriptions.insert(sid, subject, queue, on_wire);
                    if slot.index() >= self.targets.len() {
                        self.targets.resize(slot.index() + 1, None);
                    }
                    self.targets[slot.index()] = Some(target);
                }
                Command::DrainSubscription { sid, fenced: OnWire::Yes } => {
                    self.connection.subscriptions().set_draining(sid);
                }
                command => self.deferred.push(command),
            }
        }
        // A burst of subscriptions must not leave its queue behind.
        if core.commands.capacity() > COMMANDS_KEPT {
            core.commands = Vec::new();
        }
        core.view.subscriptions = self.connection.subscriptions().len();
    }

    fn run_deferred(&mut self, now: Instant) {
        for command in core::mem::take(&mut self.deferred) {
            match command {
                Command::Subscribe { .. } => {}
                Command::Unsubscribe { sid, end } => self.remove(sid, end),
                Command::UnsubscribeAfter { sid, max } => {
                    if let Some(slot) = self.connection.subscriptions().set_max(sid, max) {
                        self.end_slot(slot, End::Finished);
                    }
                }
                // Without a connection nothing is in flight.
                Command::DrainSubscription { sid, .. } => self.remove(sid, End::Finished),
                Command::Sleep { id, after, done } => {
                    let at = now + after;
                    self.sleeps.insert((at, id), done);
                    self.sleep_deadlines.insert(id, at);
                }
                Command::CancelSleep { id } => {
                    if let Some(at) = self.sleep_deadlines.remove(&id) {
                        self.sleeps.remove(&(at, id));
                    }
                }
                Command::ForceReconnect => self.connection.force_reconnect(now),
                Command::SetServers(servers) => {
                    self.connection.set_servers(servers);
                    let shared = Arc::clone(&self.shared);
                    self.refresh_view(&mut shared.core.lock());
                }
                Command::SetPingInterval(interval) => {
                    self.connection.set_ping_interval(now, interval);
                }
                Command::SetMaxPings(max) => self.connection.set_max_pings_out(max),
                Command::RoomMade => {
                    if self.paused.take().is_some() {
                        self.shared.event(Event::Reading(ReadingState::Resumed));
                    }
                }
                Command::Close { done } => self.begin_close(now, done),
                Command::Drain { budget, done } => self.begin_drain(now, budget, done),
                Command::LastHandleDropped => self.begin_close(now, None),
            }
        }
        self.connection.handle_reading(now, self.paused.is_some());
    }

    fn remove(&mut self, sid: Sid, end: End) {
        if let Some((slot, _)) = self.connection.subscriptions().remove(sid) {
            self.end_slot(slot, end);
        }
    }

    fn end_slot(&mut self, slot: Slot, end: End) {
        if let Some(Some(Target::Mailbox(mailbox))) =
            self.targets.get_mut(slot.index()).map(Option::take)
        {
            if self.paused.as_ref().is_some_and(|paused| Arc::ptr_eq(paused, &mailbox)) {
                self.paused = None;
                self.shared.event(Event::Reading(ReadingState::Resumed));
            }
            wake(mailbox.end(end));
        }
        self.shared.core.lock().view.subscriptions = self.connection.subscriptions().len();
    }

    // ---- fences ----

    fn pass_fence(&mut self, now: Instant, fence: FenceId, round_trip: core::time::Duration) {
        let waiter = {
            let mut core = self.shared.core.lock();
            core.view.round_trips = self.connection.round_trips().clone();
            core.fences.remove(&fence)
        };
        match waiter {
            Some(Fence::Caller(sender, complaints)) => {
                let _ = sender.send(Ok(Fenced { round_trip, complaints }));
            }
            Some(Fence::Subscription(sid)) => self.remove(sid, End::Finished),
            Some(Fence::Drain) => self.shutdown_fence(now, shutdown::FenceEnd::Passed),
            None => {}
        }
    }

    fn fail_fences(&mut self, fences: Vec<FenceId>) {
        let mut shutdown = false;
        for fence in fences {
            let waiter = self.shared.core.lock().fences.remove(&fence);
            match waiter {
                Some(Fence::Caller(sender, _)) => {
                    let _ = sender.send(Err(FlushError::Disconnected));
                }
                Some(Fence::Subscription(sid)) => self.remove(sid, End::Finished),
                Some(Fence::Drain) => shutdown = true,
                None => {}
            }
        }
        if shutdown {
            self.shutdown.fence_failed();
        }
    }

    // ---- the end ----

    /// The machine is closed: everybody who waits hears it.
    fn finish(&mut self, reason: CloseReason) {
        let shared = Arc::clone(&self.shared);
        let (requests, flushes, fences, line, unwritten, fence_ids) = {
            let mut core = shared.core.lock();
            self.take_commands(&mut core);
            core.outbox.restrict(midge_proto::Intake::Closed);
            let (unwritten, _) = core.outbox.clear();
            core.in_flight = 0;
            core.view.state = State::Closed;
            core.view.close_reason = Some(reason.clone());
            let requests = core.requests.clear();
            let flushes = core::mem::take(&mut core.flushes);
            let fence_ids: Vec<FenceId> = core.fences.keys().copied().collect();
            let fences = core::mem::take(&mut core.fences);
            (requests, flushes, fences, core.whole_line(), unwritten, fence_ids.len())
        };
        let _ = fence_ids;
        for waiter in requests {
            let _ = waiter.sender.send(Err(ReplyFailure::Closed));
        }
        for (_, waiter) in flushes {
            let _ = waiter.send(Err(FlushError::Closed));
        }
        for (_, fence) in fences {
            if let Fence::Caller(sender, _) = fence {
                let _ = sender.send(Err(FlushError::Closed));
            }
        }
        line.into_iter().for_each(Waker::wake);
        for target in core::mem::take(&mut self.targets).into_iter().flatten() {
            if let Target::Mailbox(mailbox) = target {
                wake(mailbox.end(End::Closed));
            }
        }
        for command in core::mem::take(&mut self.deferred) {
            match command {
                Command::Unsubscribe { sid, end } => self.remove(sid, end),
                Command::Close { done } => self.shutdown.add_waiter(done),
                Command::Drain { done, .. } => self.shutdown.add_drain_waiter(done),
                // Dropped senders tell their receivers.
                _ => {}
            }
        }
        self.sleeps.clear();
        self.sleep_deadlines.clear();
        self.paused = None;
        self.shutdown.finish(unwritten);
        if let Some(connected) = self.connected.take() {
            let _ = connected.send(Err(reason.clone()));
        }
        if matches!(reason, CloseReason::MaxReconnects(_)) {
            self.shared.event(Event::ClientError(ClientError::MaxReconnects));
        }
        self.shared.event(Event::Closed);
        self.shared.event(Event::CloseReason(reason));
        self.shared.events.end();
    }

    fn refresh_view(&self, core: &mut Core) {
        let view = &mut core.view;
        if *view.raw_info != *self.connection.raw_info() {
            view.info = Arc::new(self.connection.server_info().clone());
            view.raw_info = Arc::from(self.connection.raw_info());
        }
        view.servers = self.connection.servers();
        match self.connection.connected_server() {
            Some((addr, remote)) => {
                view.server = Some(addr.clone());
                view.remote = remote;
            }
            None => (view.server, view.remote) = (None, None),
        }
        view.round_trips = self.connection.round_trips().clone();
    }

    /// Lets go of buffers when nothing came in since the last keep-alive.
    fn shrink_if_idle(&mut self) {
        let bytes = self.shared.statistics.in_bytes.load(Ordering::Relaxed)
            + self.shared.statistics.out_bytes.load(Ordering::Relaxed);
        // A PING and its PONG are twelve bytes.
        if bytes - self.idle.bytes <= 12 {
            self.inbound.shrink();
            self.sorter.shrink();
            #[cfg(feature = "tls")]
            if let Some(tls) = &mut self.tls {
                tls.shrink();
            }
            self.shared.core.lock().outbox.shrink();
        }
        self.idle.bytes = bytes;
    }
}

/// Room for commands that is kept between bursts.
const COMMANDS_KEPT: usize = 64;

/// Whether there is work left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// None: the waker will be woken.
    Idle,
    /// Some: go on.
    Work,
}

/// Hands replies to those who wait for them.
fn reply_all(
    shared: &Shared,
    chunk: &Bytes,
    frames: impl Iterator<Item = midge_proto::MessageFrame>,
) {
    let mut answered: Vec<(oneshot::Sender<Reply>, Message)> = Vec::new();
    {
        let mut core = shared.core.lock();
        for frame in frames {
            let start = frame.subject_start as usize;
            let subject = chunk.get(start..start + frame.subject_len as usize).unwrap_or_default();
            if let Some(waiter) = core.requests.handle_reply(subject) {
                answered.push((waiter.sender, Message::from_frame(chunk, &frame)));
            }
        }
    }
    for (sender, message) in answered {
        // One who no longer waits does not miss it.
        let _ = sender.send(Ok(message));
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.shared.is_closed() {
            return;
        }
        self.connection.close(Instant::MAX);
        self.take_actions(Instant::MAX);
    }
}

impl core::fmt::Debug for Driver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Driver").field("phase", &self.connection.phase()).finish_non_exhaustive()
    }
}
