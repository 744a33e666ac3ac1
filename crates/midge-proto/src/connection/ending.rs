//! How attempts fail, connections are lost and everything ends.

use super::record::Input;
use super::state::{Attempt, Layer, Protection, State};
use super::{
    Action, AttemptFailure, AuthFailures, Cause, CloseReason, Connection, ConnectionEvent,
    LostReason, Reconnect, Step,
};
use crate::outbox::{Cut, Unfenced};
use crate::pool::ServerId;
use crate::server_addr::ServerAddr;
use crate::server_error::{ServerError, ServerErrorClass};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

impl Connection {
    /// The stream ended; `error` is what the operating system said, if it was not a clean end.
    pub fn handle_disconnected(&mut self, now: Instant, error: Option<String>) {
        self.record(now, || Input::Disconnected(error.clone()));
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
            State::AwaitInfo(attempt)
            | State::Layering { attempt, layer: Layer::WebSocket }
            | State::AwaitPong(attempt)
                if attempt.protection != Protection::Clear =>
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
            State::Layering { .. }
            | State::AwaitInfo(_)
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

    /// Drops the connection and makes another one; cuts a wait short.
    pub fn force_reconnect(&mut self, now: Instant) {
        self.record(now, || Input::ForceReconnect);
        let now = self.advance(now);
        match self.state {
            State::Ready(_) => self.lost(now, LostReason::Forced),
            State::Backoff { server, .. } => self.begin(now, server),
            State::Choosing { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Layering { .. }
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
        self.record(now, || Input::Close);
        self.advance(now);
        self.close_for(CloseReason::ByUser);
    }

    /// Whoever drove it has gone: ends everything, for good.
    pub fn handle_dropped(&mut self, now: Instant) {
        self.record(now, || Input::Dropped);
        self.advance(now);
        self.close_for(CloseReason::DriverDropped);
    }

    pub(super) fn attempt_failed(&mut self, now: Instant, cause: Cause) {
        let Some((attempt, step)) = self.state.attempt() else { return };
        let id = attempt.server;
        let failure = self.failure(attempt, step, cause);
        self.abandon_attempt();
        self.pool.failed(id, failure.cause.to_string());
        self.last_failure = Some(Box::new(failure.clone()));
        self.event(ConnectionEvent::AttemptFailed(failure.clone()));
        match self.judge(id, &failure.cause) {
            Verdict::GoOn => self.next_attempt(now),
            Verdict::Refused => self.close_for(CloseReason::Refused(failure)),
            Verdict::Unusable => self.close_for(CloseReason::Unusable(failure)),
        }
    }

    pub(super) fn failure(&self, attempt: &Attempt, step: Step, cause: Cause) -> AttemptFailure {
        let server = match self.pool.get(attempt.server) {
            Some(entry) => entry.server.addr.clone(),
            None => ServerAddr::default(),
        };
        AttemptFailure { server, address: attempt.address, step, cause }
    }

    pub(super) fn abandon_attempt(&mut self) {
        self.actions.push_back(Action::Hangup);
        self.control.clear();
        self.pings.reset();
        self.state = State::undecided(self.latest);
        for slot_ended in self.subscriptions.disconnect() {
            // Draining ones end with the connection; there was none, so none can be draining.
            debug_assert!(false, "slot {slot_ended:?} was draining without a connection");
        }
    }

    /// What a server's words say about further attempts; takes it out of the pool if it will not do.
    fn judge(&mut self, id: ServerId, cause: &Cause) -> Verdict {
        let Cause::Server(error) = cause else { return Verdict::GoOn };
        let end = match error.class() {
            ServerErrorClass::Informational | ServerErrorClass::Retry => return Verdict::GoOn,
            ServerErrorClass::Fatal => return Verdict::Unusable,
            ServerErrorClass::ServerUnusable => Verdict::Unusable,
            ServerErrorClass::Authentication if !self.is_refused_again(id, error) => {
                return Verdict::GoOn;
            }
            ServerErrorClass::Authentication => Verdict::Refused,
        };
        self.pool.remove(id);
        if self.pool.len() == 0 { end } else { Verdict::GoOn }
    }

    /// Counts a refusal of the credentials; whether it is once too often for the same reason.
    fn is_refused_again(&mut self, id: ServerId, error: &ServerError) -> bool {
        let kind = core::mem::discriminant(error);
        let Some(entry) = self.pool.get_mut(id) else { return false };
        let times = match entry.refused {
            Some((before, times)) if before == kind => times + 1,
            Some(_) | None => 1,
        };
        entry.refused = Some((kind, times));
        times >= REFUSALS_MAX && self.config.refused == AuthFailures::GiveUp
    }

    pub(super) fn lost(&mut self, now: Instant, reason: LostReason) {
        self.flaps = if let State::Ready(ready) = &self.state
            && reason != LostReason::Forced
            && now < ready.since + STEADY
        {
            self.flaps.saturating_add(1)
        } else {
            0
        };
        self.actions.push_back(Action::Hangup);
        self.go_offline(reason.clone());
        self.state = State::undecided(now);
        match self.config.reconnect {
            Reconnect::Never => self.close_for(CloseReason::Lost(reason)),
            Reconnect::Unlimited | Reconnect::Limited(_) => self.next_attempt(now),
        }
    }

    pub(super) fn go_offline(&mut self, reason: LostReason) {
        self.control = Vec::new();
        let fences = self.pings.reset();
        if !fences.is_empty() {
            self.actions.push_back(Action::FencesFailed(fences));
        }
        let payload_refused = matches!(&reason, LostReason::Server(ServerError::MaxPayload { .. }));
        let cut = if payload_refused { Cut::PayloadRefused } else { Cut::Other };
        if blames_a_message(&reason) {
            // Sent again, it would end the next connection in the same way.
            self.unfenced = Unfenced::default();
        }
        self.actions.push_back(Action::Offline { reason, cut });
    }

    pub(super) fn close_for(&mut self, reason: CloseReason) {
        match self.state {
            State::Closed => return,
            State::Ready(_) => {
                self.actions.push_back(Action::Hangup);
                self.go_offline(LostReason::ByUser);
            }
            State::Resolving(_)
            | State::Dialing(_)
            | State::Layering { .. }
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

/// Whether the connection ended over something that was published.
fn blames_a_message(reason: &LostReason) -> bool {
    matches!(
        reason,
        LostReason::Server(
            ServerError::MaxPayload(_)
                | ServerError::MaxControlLine(_)
                | ServerError::UnknownOperation(_)
        )
    )
}

/// What a failed attempt means for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    GoOn,
    /// The credentials will not do anywhere.
    Refused,
    /// Nothing that is left can be used.
    Unusable,
}

/// How long a connection has to live to count as one: whoever takes connections and ends them at once
/// is asked less and less often, like a server that takes none.
const STEADY: Duration = Duration::from_secs(1);

/// Equal refusals in a row after which a server is not asked again, as in nats.go.
const REFUSALS_MAX: u32 = 2;

/// Longest `CONNECT` in bytes that every server takes: the default `max_control_line`.
const CONNECT_LEN_SAFE: usize = 4096;
