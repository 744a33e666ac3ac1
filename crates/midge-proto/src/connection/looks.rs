//! What it asks the world, and what can be seen of it.

use super::state::{ConnectedBefore, State, TlsLock};
use super::{Action, Connection, ConnectionEvent, Phase, RoundTrips};
use crate::info::ServerInfo;
use crate::pool::Server;
use crate::server_addr::ServerAddr;
use crate::subscriptions::Subscriptions;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

impl Connection {
    /// The next order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next piece of news.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }

    pub(super) fn event(&mut self, event: ConnectionEvent) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }

    /// Whether there are handshake bytes, PONGs or PINGs to write ahead of the outbox.
    #[must_use]
    pub fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    /// The registry of subscriptions: messages are delivered by it.
    pub fn subscriptions(&mut self) -> &mut Subscriptions {
        &mut self.subscriptions
    }

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

    /// Whether the connection is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// Whether chunks of the outbox may be written: it is ready, and no more has to be kept for
    /// being sent again than may be.
    #[must_use]
    pub fn takes_chunks(&self) -> bool {
        self.is_ready() && self.unfenced.bytes() < self.config.unfenced_max
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
    pub fn server_info(&self) -> &Arc<ServerInfo> {
        &self.info
    }

    /// The latest INFO as it was received.
    #[must_use]
    pub fn raw_info(&self) -> &Arc<str> {
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
}

/// Events kept for a driver that does not take them; more are of no use to anybody.
const EVENTS_MAX: usize = 1024;
