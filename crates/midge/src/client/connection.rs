//! The connection: how it is, and what to change about it.

use super::Client;
use crate::error::{ClosedError, ReconnectError};
use crate::event::{Events, StateChanges};
use crate::options::{InvalidPool, check_pool};
use crate::shared::{Command, State};
use crate::statistics::Statistics;
use crate::sync::Arc;
use core::net::SocketAddr;
use core::task::Waker;
use core::time::Duration;
use midge_proto::{
    CloseReason, RoundTrips, Server, ServerAddr, ServerCapabilities, ServerError, ServerInfo,
    ToServerAddrs,
};

impl Client {
    /// Whether it is connected.
    #[must_use]
    pub fn connection_state(&self) -> State {
        self.shared().core.lock().view.state
    }

    /// Drops the connection and makes another one; cuts a wait between attempts short.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub async fn force_reconnect(&self) -> Result<(), ReconnectError> {
        self.command_unless_closed(Command::ForceReconnect)
    }

    /// Replaces the configured servers. The connection at hand stays, unless it is in clear and an
    /// address asks for TLS; servers that stay keep their counters.
    ///
    /// # Errors
    ///
    /// An address does not parse, there is none, WebSocket and other addresses are mixed, or the
    /// client is closed.
    pub async fn set_server_pool<A: ToServerAddrs>(&self, addrs: A) -> Result<(), InvalidPool> {
        let addrs: Vec<ServerAddr> = addrs.to_server_addrs().map_err(InvalidPool::from)?.collect();
        check_pool(&addrs)?;
        self.command_unless_closed(Command::SetServers(addrs)).map_err(|_| InvalidPool::Closed)
    }

    /// The servers and how they fared.
    ///
    /// # Errors
    ///
    /// Never; the result is there for programs that come from async-nats.
    pub async fn server_pool(&self) -> Result<Vec<Server>, ClosedError> {
        Ok(self.look(|view| view.servers.clone()))
    }

    /// What the connected server said, or the last one that was.
    #[must_use]
    pub fn server_info(&self) -> ServerInfo {
        self.look(|view| (*view.info).clone())
    }

    /// What the connected server said; `None` before the first connection.
    #[must_use]
    pub fn try_server_info(&self) -> Option<ServerInfo> {
        self.look(|view| (!view.raw_info.is_empty()).then(|| (*view.info).clone()))
    }

    /// The last INFO as it was received, for fields that [`ServerInfo`] does not have.
    #[must_use]
    pub fn raw_server_info(&self) -> Arc<str> {
        self.look(|view| Arc::clone(&view.raw_info))
    }

    /// Headers and payload in bytes that the server takes in one message; `usize::MAX` for no limit.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.shared().core.lock().outbox.server_limits().max_payload
    }

    /// Whether the server is at least of this version.
    #[must_use]
    pub fn is_server_compatible(&self, major: i64, minor: i64, patch: i64) -> bool {
        let number = |part: i64| u64::try_from(part).unwrap_or(0);
        self.look(|view| view.info.version_at_least(number(major), number(minor), number(patch)))
    }

    /// What the connected server, or the last one that was, can do and cannot; `None` before the
    /// first connection.
    #[must_use]
    pub fn server_capabilities(&self) -> Option<ServerCapabilities> {
        self.look(|view| (!view.raw_info.is_empty()).then(|| view.info.capabilities()))
    }

    /// The connected server; its `Display` leaves credentials out.
    #[must_use]
    pub fn connected_server(&self) -> Option<ServerAddr> {
        self.look(|view| view.server.clone())
    }

    /// The address of the connected server.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.look(|view| view.remote)
    }

    /// The TLS session of the connection; `None` without a connection or without TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_info(&self) -> Option<crate::TlsInfo> {
        self.look(|view| view.tls.as_deref().cloned())
    }

    /// This end's address.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.look(|view| view.local)
    }

    /// The last complaint of a server.
    #[must_use]
    pub fn last_error(&self) -> Option<ServerError> {
        self.look(|view| view.last_error.as_deref().cloned())
    }

    /// Why the client is closed, once it is.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.look(|view| view.close_reason.as_deref().cloned())
    }

    /// Round-trip times of all PINGs, keep-alives included.
    #[must_use]
    pub fn round_trips(&self) -> RoundTrips {
        self.look(|view| view.round_trips.clone())
    }

    /// Subscriptions alive, the one for replies included once there was a request.
    #[must_use]
    pub fn subscription_count(&self) -> usize {
        self.look(|view| view.subscriptions)
    }

    /// Bytes accepted and not yet handed to the socket.
    #[must_use]
    pub fn buffered_bytes(&self) -> u64 {
        let core = self.shared().core.lock();
        core.outbox.end_position() - core.written()
    }

    /// Drops what waits to be written and returns how many messages that were. What is being written
    /// at the moment is not among them.
    pub fn clear_buffered(&self) -> u64 {
        let (publishes, flushed, next, sinks) = {
            let mut core = self.shared().core.lock();
            let publishes = core.outbox.drop_publishes();
            let end = core.outbox.end_position();
            // Positions moved; what flushes waited for lies before the new end, or is gone.
            core.flushes.iter_mut().for_each(|(target, _)| *target = end.min(*target));
            let flushed =
                if core.is_written() { core::mem::take(&mut core.flushes) } else { vec![] };
            (publishes, flushed, core.next_in_line(), core.take_watchers())
        };
        for (_, done) in flushed {
            let _ = done.send(Ok(()));
        }
        sinks.into_iter().chain(next).for_each(Waker::wake);
        publishes
    }

    /// Requests that wait for their reply.
    #[must_use]
    pub fn requests_in_flight(&self) -> usize {
        self.shared().core.lock().requests.len()
    }

    /// How long a request waits by default; `None` for ever.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.shared().settings.request_timeout.get()
    }

    /// Counters over all connections of this client.
    #[must_use]
    pub fn statistics(&self) -> Arc<Statistics> {
        let statistics = &self.shared().statistics;
        // Under the lock, so that two callers do not take turns in going back.
        let core = self.shared().core.lock();
        statistics.set_published(core.outbox.published().0);
        drop(core);
        Arc::clone(statistics)
    }

    /// The stream of events from here on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.shared().events.subscribe()
    }

    /// The stream of changes to these states from here on.
    #[must_use]
    pub fn state_changes(&self, wanted: &[State]) -> StateChanges {
        self.shared().events.subscribe_states(wanted)
    }
}
