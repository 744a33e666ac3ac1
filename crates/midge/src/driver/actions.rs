//! What the connection machine orders, carried out.

use super::{Machine, Order, StreamState};
use crate::dialer::DialRequest;
use crate::event::{Event, Fate, WritingState};
use crate::layer::ProxyLayer;
use crate::mailbox::End;
use crate::shared::{Kept, ReplyFailure, State, wake};
use crate::statistics::add;
use crate::sync::Arc;
use core::task::Waker;
use midge_proto::{
    self as proto, Action, Cut, Decoder, DialId, FenceId, Instant, Intake, LostReason, ServerAddr,
    ServerLimits,
};

impl Machine {
    /// Carries out what the machine ordered and tells people the news.
    pub(super) fn settle(&mut self, now: Instant) {
        self.take_actions(now);
        self.take_events(now);
        self.advance_shutdown(now);
        self.take_actions(now);
        // Whatever paused or resumed it: while nothing is read, silence of the server proves nothing.
        self.connection.handle_reading(now, !self.paused.is_empty());
        self.hand_over_record();
    }

    pub(super) fn take_actions(&mut self, now: Instant) {
        while let Some(action) = self.connection.poll_action() {
            match action {
                Action::Resolve { host, port } => {
                    self.orders.push_back(Order::Resolve { host, port });
                }
                Action::Dial { dial, target, server } => self.dial(dial, target, server),
                Action::StartTunnel { proxy, host, port } => {
                    self.layers.push(Box::new(ProxyLayer::new(&proxy, &host, port)));
                }
                Action::StartTls { name } => self.start_tls(now, name),
                Action::StartWebSocket { server } => self.start_websocket(now, &server),
                Action::Authenticate { info, login, .. } => {
                    if let Some(result) = self.callbacks.authenticate(login, &info.nonce) {
                        let result = result.map_err(|error| error.to_string());
                        self.connection.handle_authenticated(now, result);
                    }
                }
                Action::ChooseServer { servers, info } => {
                    self.callbacks.choose(servers, (*info).clone())
                }
                Action::ChooseDelay { attempt } => {
                    let delay = self.callbacks.delay(attempt);
                    self.connection.handle_delay_chosen(now, delay);
                }
                Action::Hangup => {
                    if let (Some(trace), StreamState::Open) = (&mut self.trace, self.stream) {
                        trace.end(now);
                    }
                    self.stream = StreamState::None;
                    self.kept = Kept::Nothing;
                    self.shared.core.lock().kept = Kept::Nothing;
                    self.callbacks.cancel();
                    let last_words = self.layers.farewell();
                    self.layers.clear();
                    self.inbound.clear();
                    self.decoder = Decoder::new(self.limits);
                    self.orders.push_back(Order::Hangup { last_words });
                }
                Action::Online(limits) => {
                    self.go_online(limits);
                    self.shrink_queues();
                }
                Action::Limits(limits) => {
                    let shared = Arc::clone(&self.shared);
                    let mut core = shared.core.lock();
                    core.outbox.set_server_limits(limits);
                    self.refresh_view(&mut core);
                }
                Action::Offline { reason, cut } => self.go_offline(now, reason, cut),
                Action::FencePassed { fence, round_trip } => {
                    self.pass_fence(fence, round_trip);
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

    fn dial(&mut self, dial: DialId, target: proto::Target, server: ServerAddr) {
        let socket = self.socket;
        self.orders.push_back(match &self.dialer {
            Some(dialer) => {
                let future = dialer.dial(DialRequest { target, server, socket });
                Order::DialCustom { dial, future }
            }
            None => Order::Dial { dial, target, options: socket },
        });
    }

    fn go_online(&mut self, limits: ServerLimits) {
        self.decide_held();
        let shared = Arc::clone(&self.shared);
        let (undeliverable, refused, line, drops) = {
            let mut core = shared.core.lock();
            self.take_commands(&mut core);
            self.connection.replay();
            let undeliverable = core.outbox.drop_refused(limits);
            // Frames may have left the queue: flushes wait for all of the rest.
            let end = core.outbox.end_position();
            core.flushes.iter_mut().for_each(|(target, _)| *target = end);
            core.outbox.set_online(limits);
            let refused = core.resend_requests();
            let drops = core.outbox.poll_drops();
            core.view.state = match core.outbox.intake() {
                Intake::Open => State::Connected,
                // An orderly end that began before the connection was lost goes on.
                Intake::PublishOnly | Intake::Draining => State::Draining,
                Intake::Closed => State::Closed,
            };
            self.refresh_view(&mut core);
            (undeliverable, refused, core.next_in_line(), drops)
        };
        self.tell_drops(drops);
        wake(line);
        self.shutdown.drain.handle_online();
        for (waiter, refusal) in refused {
            waiter.answer(Err(ReplyFailure::Refused(refusal)));
        }
        add(&self.shared.statistics.connects, 1);
        self.shared.event(Event::Connected);
        if !undeliverable.is_empty() {
            add(&self.shared.statistics.dropped_publishes, undeliverable.len() as u64);
            self.shared.event(Event::Undeliverable { subjects: undeliverable });
        }
        // Last, so that who waited for it is not told of it once more.
        if let Some(connected) = self.connected.take() {
            let _ = connected.send(Ok(()));
        }
    }

    fn go_offline(&mut self, now: Instant, reason: LostReason, cut: Cut) {
        let shared = Arc::clone(&self.shared);
        let (requeued, fences, requests, line) = {
            let mut core = shared.core.lock();
            self.take_commands(&mut core);
            let unfenced = self.connection.take_unfenced();
            let unfinished = self.outbound.reset();
            let requeued = core.outbox.set_offline_with(unfenced, unfinished, cut);
            core.outbox.stamp(now);
            core.in_flight = 0;
            // Frames changed their places in the queue: flushes wait for all of it.
            let end = core.outbox.end_position();
            core.flushes.iter_mut().for_each(|(target, _)| *target = end);
            core.view.state = State::Disconnected;
            core.view.losses += 1;
            core.view.server = None;
            core.view.remote = None;
            core.view.local = None;
            #[cfg(feature = "tls")]
            {
                core.view.tls = None;
            }
            if let LostReason::Server(error) = &reason {
                core.view.last_error = Some(Box::new(error.clone()));
            }
            let fences: Vec<FenceId> = core.fences.keys().copied().collect();
            (requeued, fences, core.requests.handle_disconnected(), core.whole_line())
        };
        self.fail_fences(fences);
        for waiter in requests {
            waiter.answer(Err(ReplyFailure::Disconnected));
        }
        line.into_iter().for_each(Waker::wake);
        for slot in self.connection.subscriptions().handle_disconnected() {
            self.end_slot(slot, End::Finished);
        }
        for target in self.targets.iter().flatten() {
            self.mailboxes(target).iter().for_each(|mailbox| mailbox.handle_disconnected());
        }
        self.resume();
        // A PONG may cover part of the chunk that was cut.
        let (written, fenced) = self.connection.publishes_fenced();
        let fate = Fate {
            uncertain: (written + requeued.written).saturating_sub(fenced),
            repeated: requeued.repeated,
            kept: requeued.kept,
            dropped: requeued.dropped.len() as u64,
        };
        self.shutdown.drain.handle_lost(fate.uncertain.saturating_sub(fate.repeated));
        add(&self.shared.statistics.dropped_publishes, fate.dropped);
        if reason == LostReason::ByUser {
            self.callbacks.handle_own_close();
        }
        if self.writing == WritingState::HeldUp {
            self.writing = WritingState::Resumed;
            self.shared.event(Event::Writing(WritingState::Resumed));
        }
        self.shared.event(Event::Disconnected);
        self.shared.event(Event::Lost(reason));
        self.shared.event(Event::Fate(fate));
    }
}
