//! What an adapter asks of the driver and tells it.

use super::outbound::{Finished, watch_queue};
use super::{Machine, Order, Parked, StreamState};
use crate::callbacks::Outcome;
use crate::event::{ClientError, Event};
use crate::shared::{Kept, ReplyFailure};
use crate::statistics::add;
use crate::sync::Arc;
use core::net::SocketAddr;
use core::task::{Context, Poll, Waker};
use midge_proto::{Chosen, Decoder, DialId, HOLD_MAX, Instant, Phase, Writing};
use std::io::{self, IoSlice};

/// What the adapter asks.
impl Machine {
    /// The next thing to do about the stream.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// Where to read to; `None` while nothing is to be read.
    pub fn read_buf(&mut self) -> Option<&mut [u8]> {
        if self.stream != StreamState::Open || (!self.paused.is_empty() && !self.is_awaited()) {
            return None;
        }
        if !self.layers.is_empty() {
            return Some(self.layers.read_buf());
        }
        let wanted = self.decoder.wanted().unwrap_or(0);
        Some(self.inbound.room(wanted))
    }

    /// Whether somebody waits for what only reading can bring.
    fn is_awaited(&self) -> bool {
        let core = self.shared.core.lock();
        !core.requests.is_empty() || !core.fences.is_empty()
    }

    /// Puts what is to be written next into the first of `out`; returns how many were set.
    pub fn write_slices<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        if !self.layers.is_empty() {
            let Some(first) = out.first_mut() else { return 0 };
            *first = IoSlice::new(self.layers.output());
            return 1;
        }
        self.outbound.slices(out)
    }

    /// Whether there is anything to write; takes the next chunk if the last one is out.
    pub fn prepare_write(&mut self, now: Instant) -> bool {
        if self.stream != StreamState::Open {
            return false;
        }
        if self.outbound.is_empty() && self.connection.has_control() {
            self.connection.take_control(self.outbound.control());
        }
        if self.outbound.wants_chunk() && self.connection.takes_chunks() {
            let shared = Arc::clone(&self.shared);
            let chunk = {
                let mut core = shared.core.lock();
                // The answer to a SUB in the chunk may come before the next poll.
                self.take_commands(&mut core);
                let chunk = if core.outbox.holds_back() {
                    self.held_until.get_or_insert(now + HOLD_MAX);
                    None
                } else {
                    self.held_until = None;
                    let chunk = core.outbox.take();
                    if chunk.is_none() {
                        core.outbox.release();
                    }
                    chunk
                };
                core.in_flight = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                chunk
            };
            if let Some(chunk) = chunk {
                self.connection.handle_chunk_begun(now, &chunk);
                self.outbound.put(chunk);
            }
        }
        if !self.layers.is_empty() {
            let pieces = self.outbound.pieces(self.layers.encoded());
            if let Err(error) = self.layers.send(pieces) {
                self.fail_layer(now, error);
            }
            return !self.layers.output().is_empty();
        }
        !self.outbound.is_empty()
    }

    /// Whether the socket has not taken yet what was made ready for it.
    pub(super) fn is_writing(&self) -> bool {
        !self.outbound.is_empty()
            || self.connection.has_control()
            || !self.layers.output().is_empty()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (requests, kept) = {
            let core = self.shared.core.lock();
            (core.requests.poll_timeout(), core.outbox.poll_timeout())
        };
        let others = [
            requests,
            kept,
            self.sleeps.poll_timeout(),
            self.shutdown.drain.poll_timeout(),
            self.held_until,
        ];
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
        // What is held back needs a moment at which it is written all the same.
        let waits = core.outbox.holds_back() && self.held_until.is_some();
        let may_write = self.connection.takes_chunks() && !core.outbox.is_empty() && !waits;
        let may_sleep = core.commands.is_empty() && self.deferred.is_empty();
        if may_sleep && !(may_write && self.outbound.is_empty()) {
            if core.outbox.is_empty() && self.outbound.is_empty() {
                core.outbox.release();
            }
            core.park(waker);
            drop(core);
            self.inbound.rest();
            Parked::Idle
        } else {
            Parked::Work
        }
    }
}

/// What the adapter tells.
impl Machine {
    /// Takes in what handles have asked for since the last call.
    pub fn handle_commands(&mut self, now: Instant) {
        let shared = Arc::clone(&self.shared);
        shared.clock.set(now);
        let mut core = shared.core.lock();
        core.requests.stamp(now);
        core.outbox.stamp(now);
        let drops = core.outbox.poll_drops();
        let news = watch_queue(&mut self.writing, &core.outbox);
        let nothing = core.commands.is_empty() && self.deferred.is_empty();
        self.take_commands(&mut core);
        drop(core);
        self.tell_drops(drops);
        news.into_iter().for_each(|event| self.shared.event(event));
        if nothing {
            return;
        }
        self.run_deferred(now);
        self.settle(now);
    }

    /// A look-up is done.
    pub fn handle_resolved(&mut self, now: Instant, result: io::Result<Vec<SocketAddr>>) {
        self.connection.handle_resolved(now, result.map_err(|error| error.to_string()));
        self.settle(now);
    }

    /// A stream is open; `local` is its own end, for people. Other dials are to be dropped.
    pub fn handle_dialed(&mut self, now: Instant, dial: DialId, local: Option<SocketAddr>) {
        self.begin_stream(now, dial, local, None);
    }

    /// As [`handle_dialed`](Self::handle_dialed), where the stream is encrypted already and the
    /// peer's certificate was verified under this name.
    pub fn handle_dialed_secured(
        &mut self,
        now: Instant,
        dial: DialId,
        local: Option<SocketAddr>,
        verified_name: String,
    ) {
        self.begin_stream(now, dial, local, Some(verified_name));
    }

    fn begin_stream(
        &mut self,
        now: Instant,
        dial: DialId,
        local: Option<SocketAddr>,
        verified_name: Option<String>,
    ) {
        self.stream = StreamState::Open;
        self.decoder = Decoder::new(self.limits);
        self.inbound.clear();
        self.shared.core.lock().view.local = local;
        if let Some(trace) = &mut self.trace {
            trace.open(now);
        }
        self.connection.handle_dialed(now, dial, verified_name);
        self.settle(now);
    }

    /// A stream could not be opened.
    pub fn handle_dial_failed(&mut self, now: Instant, dial: DialId, error: &io::Error) {
        self.connection.handle_dial_failed(now, dial, error.to_string());
        self.settle(now);
    }

    /// So many bytes were read into [`read_buf`](Self::read_buf): hands on every frame that is
    /// complete, and returns how many there were.
    pub fn handle_read(&mut self, now: Instant, count: usize) -> usize {
        self.shared.clock.set(now);
        add(&self.shared.statistics.in_bytes, count as u64);
        self.connection.handle_read(now);
        let before = self.inbound.filled().len();
        let received = self.receive(now, count);
        if let Some(trace) = &mut self.trace {
            trace.read(now, self.inbound.filled().get(before..).unwrap_or_default());
        }
        let frames = self.decode(now);
        if let Err(error) = received {
            self.fail_layer(now, error);
        }
        self.connection.handle_read_done(now);
        self.settle(now);
        frames
    }

    /// The stream ended, by itself or by an error.
    pub fn handle_disconnected(&mut self, now: Instant, error: Option<&io::Error>) {
        if let Some(trace) = &mut self.trace {
            trace.end(now);
        }
        self.stream = StreamState::None;
        self.connection.handle_disconnected(now, error.map(ToString::to_string));
        self.settle(now);
    }

    /// The socket took so many of the bytes of [`write_slices`](Self::write_slices).
    pub fn handle_written(&mut self, now: Instant, count: usize) {
        add(&self.shared.statistics.out_bytes, count as u64);
        let count = if self.layers.is_empty() { count } else { self.layers.written(count) };
        if let Some(trace) = &mut self.trace {
            super::trace::written(&mut **trace, now, self.outbound.pieces(0), count);
        }
        let mut done = match self.outbound.written(count) {
            Finished::Chunk(chunk) => self.connection.handle_chunk_written(chunk),
            Finished::Nothing => None,
        };
        if let Some(chunk) = &mut done {
            chunk.let_go_of_payloads();
        }
        let mut wakers = Vec::new();
        let (flushed, news) = {
            let mut core = self.shared.core.lock();
            if let Some(chunk) = done {
                core.outbox.recycle(chunk);
            }
            core.in_flight = self.outbound.unwritten() as u64;
            let flushed = core.take_flushed();
            if core.outbox.is_low() {
                wakers.extend(core.next_in_line());
            }
            wakers.extend(core.take_watchers());
            (flushed, watch_queue(&mut self.writing, &core.outbox))
        };
        for done in flushed {
            let _ = done.send(Ok(()));
        }
        wakers.into_iter().for_each(Waker::wake);
        news.into_iter().for_each(|event| self.shared.event(event));
        self.connection.handle_writing(now, Writing::Progress);
    }

    /// Whether the stream has let go of all that it took: until then, nobody hears that it is
    /// flushed. Only streams that keep bytes need this.
    pub fn handle_flush(&mut self, now: Instant, is_done: bool) {
        if is_done && self.kept == Kept::Nothing {
            return;
        }
        let (kept, writing) = match is_done {
            true => (Kept::Nothing, Writing::Progress),
            false => (Kept::Something, Writing::Blocked),
        };
        self.kept = kept;
        let flushed = {
            let mut core = self.shared.core.lock();
            core.kept = kept;
            core.take_flushed()
        };
        for done in flushed {
            let _ = done.send(Ok(()));
        }
        self.connection.handle_writing(now, writing);
    }

    /// There is something to write and the socket takes nothing.
    pub fn handle_write_blocked(&mut self, now: Instant) {
        self.connection.handle_writing(now, Writing::Blocked);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.shared.clock.set(now);
        let mut drops = None;
        let mut expired = Vec::new();
        let mut line = Vec::new();
        {
            let mut core = self.shared.core.lock();
            while let Some(waiter) = core.requests.poll_expired(now) {
                expired.push(waiter);
            }
            if self.held_until.is_some_and(|at| at <= now) {
                self.held_until = None;
                core.outbox.release();
            }
            if core.outbox.handle_timeout(now) {
                line = core.whole_line();
                drops = core.outbox.poll_drops();
            }
        }
        self.tell_drops(drops);
        line.into_iter().for_each(Waker::wake);
        for waiter in expired {
            waiter.answer(Err(ReplyFailure::TimedOut));
        }
        self.sleeps.wake_expired(now);
        let ping = self.connection.poll_timeout().is_some_and(|at| at <= now);
        self.connection.handle_timeout(now);
        if ping {
            self.shrink_if_idle();
        }
        self.settle(now);
    }

    /// Runs the application's event callback; ready when it has seen the last event.
    pub fn poll_listener(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.callbacks.poll_listener(cx)
    }

    /// Polls the application's callbacks; ready when one has answered, and another may be next.
    pub fn poll_callbacks(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
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
}
