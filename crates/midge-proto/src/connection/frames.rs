//! What frames mean: INFO, PONG and `-ERR` in every state.

use super::record::Input;
use super::state::{Probe, State};
use super::{Action, Cause, Connection, ConnectionEvent, LostReason};
use crate::decoder::{DecodeError, Frame};
use crate::encode;
use crate::info::ServerInfo;
use crate::server_error::ServerError;
use crate::time::Instant;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;

impl Connection {
    /// Bytes were read; to be called before the frames among them are handed over.
    pub fn handle_read(&mut self, now: Instant) {
        self.record(now, || Input::Read);
        let now = self.advance(now);
        self.pings.heard(now);
        self.last_error = None;
    }

    /// One frame, but for messages, which the driver delivers by [`subscriptions`](Self::subscriptions).
    pub fn handle_frame(&mut self, now: Instant, frame: &Frame, buf: &[u8]) {
        self.record(now, || Input::frame(frame, buf));
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
                | State::Layering { .. }
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
        self.record(now, || Input::ReadDone);
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
        self.record(now, || Input::DecodeError(error.clone()));
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
            | State::Layering { .. }
            | State::Closed => {}
        }
    }

    pub(super) fn handle_info(&mut self, now: Instant, json: &[u8]) {
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
            | State::Layering { .. }
            | State::Securing { .. }
            | State::Closed => {}
        }
    }

    pub(super) fn handle_pong(&mut self, now: Instant) {
        let pong = match self.state {
            State::AwaitPong(_) | State::Settling { .. } | State::Ready(_) => {
                self.pings.answered(now)
            }
            State::AwaitInfo(_) => return self.unexpected(now, "PONG before INFO"),
            State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Layering { .. }
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::Closed => return,
        };
        let Some(pong) = pong else { return };
        self.fenced = self.fenced.max(pong.publishes);
        self.unfenced.handle_fenced(self.fenced);
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
            | State::Layering { .. }
            | State::AwaitInfo(_)
            | State::Securing { .. }
            | State::Authenticating(_)
            | State::Closed => {}
        }
    }

    pub(super) fn handle_error(&mut self, now: Instant, error: ServerError) {
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
            | State::Layering { .. }
            | State::Closed => {}
        }
    }

    pub(super) fn store_info(&mut self, json: &[u8], info: ServerInfo) {
        self.raw_info = String::from_utf8_lossy(json).into();
        self.info = Arc::new(info);
    }

    /// A later INFO on the same connection, which has no nonce and may lack the list of servers.
    pub(super) fn merge_info(&mut self, json: &[u8], mut info: ServerInfo) {
        if info.connect_urls.is_empty() {
            info.connect_urls.clone_from(&self.info.connect_urls);
        }
        self.store_info(json, info);
    }

    pub(super) fn unexpected(&mut self, now: Instant, what: &str) {
        self.attempt_failed(now, Cause::Unexpected(what.to_string()));
    }
}

/// Bytes of unwritten handshake, PINGs and PONGs above which no more PONGs are queued.
///
/// Ten thousand of them; a server asks every two minutes. A long replay of subscriptions counts too,
/// but a server that has not read that yet hardly asks for anything.
const CONTROL_BYTES_MAX: usize = 64 << 10;
