//! The one deadline of each state.

use super::pings::Tick;
use super::record::Input;
use super::state::{Reading, State};
use super::{Cause, Connection, LostReason};
use crate::time::Instant;
use core::time::Duration;

impl Connection {
    /// Time has passed; spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.record(now, || Input::Timeout);
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
            State::Dialing(attempt) if attempt.give_up_at > now => {
                let attempt = attempt.clone();
                self.dial_next(now, attempt);
            }
            State::Resolving(_)
            | State::Dialing(_)
            | State::Layering { .. }
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
                if ready.reading == Reading::Paused {
                    ready.ping_at = now + self.config.ping_interval;
                    return;
                }
                match self.pings.tick(now, &self.config) {
                    Tick::Ping { next } => {
                        ready.ping_at = next;
                        self.send_ping(now);
                    }
                    Tick::Rest { next } => ready.ping_at = next,
                    Tick::Stale => self.lost(now, LostReason::Stale),
                }
            }
            State::Closed => {}
        }
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Choosing { give_up_at, .. } => Some(*give_up_at),
            State::Backoff { until, .. } => Some(*until),
            State::Dialing(attempt) => {
                let next = attempt.dial_next_at.unwrap_or(attempt.give_up_at);
                Some(next.min(attempt.give_up_at))
            }
            State::Resolving(attempt)
            | State::Layering { attempt, .. }
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

    /// Time never runs backwards.
    pub(super) fn advance(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }
}
