//! From a stream to where INFO is awaited: the proxy, TLS that comes first, the WebSocket.

use super::record::Input;
use super::state::{Attempt, Info, Layer, Peer, Protection, State, TlsLock};
use super::{Action, Cause, Connection, DialId, LostReason, TlsMode, WebSocketError};
use crate::proxy::ProxyError;
use crate::time::Instant;
use alloc::string::{String, ToString};

impl Connection {
    /// A stream is open; with `secured` the dialer itself has verified the peer under that name.
    ///
    /// An announced server has to be verified under the name that it would have to carry here;
    /// under another one it counts as encrypted and nothing more.
    ///
    /// Other dials that are under way are of no use any more, and what comes of them is ignored.
    pub fn handle_dialed(&mut self, now: Instant, dial: DialId, secured: Option<String>) {
        self.record(now, || Input::Dialed { dial, secured: secured.clone() });
        let now = self.advance(now);
        let State::Dialing(attempt) = &self.state else { return };
        let mut attempt = attempt.clone();
        let Some(found) = attempt.dials.iter().find(|other| other.id == dial) else { return };
        attempt.address = found.address;
        attempt.dials.clear();
        attempt.addresses.clear();
        let Some(entry) = self.pool.get(attempt.server) else {
            self.choose_from_pool(now);
            return;
        };
        if let Some(name) = secured {
            let is_proof = entry.is_proven_by(&name);
            let peer = if is_proof { Peer::Verified(name) } else { Peer::Unverified };
            attempt.protection = Protection::Secured(peer);
            self.tls_lock = TlsLock::Locked;
        }
        let addr = &entry.server.addr;
        match &self.config.proxy {
            Some(proxy) if addr.unix_path().is_none() => {
                let (proxy, host, port) = (proxy.clone(), addr.host().to_string(), addr.port());
                self.state = State::Layering { attempt, layer: Layer::Proxy };
                self.actions.push_back(Action::StartTunnel { proxy, host, port });
            }
            Some(_) | None => self.reached(now, attempt),
        }
    }

    /// The proxy carries the stream on.
    pub fn handle_tunneled(&mut self, now: Instant) {
        self.record(now, || Input::Tunneled);
        let now = self.advance(now);
        if let State::Layering { attempt, layer: Layer::Proxy } = &self.state {
            let attempt = attempt.clone();
            self.reached(now, attempt);
        }
    }

    /// The proxy does not carry the stream on.
    pub fn handle_proxy_failed(&mut self, now: Instant, error: ProxyError) {
        self.record(now, || Input::ProxyFailed(error.clone()));
        let now = self.advance(now);
        if let State::Layering { layer: Layer::Proxy, .. } = self.state {
            self.attempt_failed(now, Cause::Proxy(error));
        }
    }

    /// The WebSocket is open.
    pub fn handle_upgraded(&mut self, now: Instant) {
        self.record(now, || Input::Upgraded);
        self.advance(now);
        if let State::Layering { attempt, layer: Layer::WebSocket } = &self.state {
            self.state = State::AwaitInfo(attempt.clone());
        }
    }

    /// The WebSocket is not to be had, broke, or was closed by the server.
    pub fn handle_websocket_failed(&mut self, now: Instant, error: WebSocketError) {
        self.record(now, || Input::WebSocketFailed(error.clone()));
        let now = self.advance(now);
        match self.state {
            State::Layering { .. }
            | State::Securing { .. }
            | State::AwaitInfo(_)
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. } => {
                let cause = match self.last_error.take() {
                    Some(complaint) => Cause::Server(complaint),
                    None => Cause::WebSocket(error),
                };
                self.attempt_failed(now, cause);
            }
            State::Ready(_) => {
                let reason = match self.last_error.take() {
                    Some(complaint) => LostReason::Server(complaint),
                    None => LostReason::WebSocket(error),
                };
                self.lost(now, reason);
            }
            State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Closed => {}
        }
    }

    /// The stream leads to the server itself.
    fn reached(&mut self, now: Instant, attempt: Attempt) {
        let first = self.config.tls == TlsMode::First || self.is_scheme(&attempt, "wss");
        if first && attempt.protection == Protection::Clear {
            self.start_tls(attempt, Info::Awaited);
        } else {
            self.upgrade(now, attempt);
        }
    }

    /// TLS that comes first is behind us, or there is none.
    pub(super) fn upgrade(&mut self, now: Instant, attempt: Attempt) {
        match self.pool.get(attempt.server) {
            Some(entry) if entry.server.addr.is_websocket() => {
                let server = entry.server.addr.clone();
                // The headers of the request may hold secrets, too.
                let forbidden =
                    self.tls_lock == TlsLock::Locked && attempt.protection == Protection::Clear;
                self.state = State::Layering { attempt, layer: Layer::WebSocket };
                if forbidden {
                    self.attempt_failed(now, Cause::TlsNotOffered);
                } else {
                    self.actions.push_back(Action::StartWebSocket { server });
                }
            }
            Some(_) | None => self.state = State::AwaitInfo(attempt),
        }
    }

    fn is_scheme(&self, attempt: &Attempt, scheme: &str) -> bool {
        let entry = self.pool.get(attempt.server);
        entry.is_some_and(|entry| entry.server.addr.scheme() == scheme)
    }
}
