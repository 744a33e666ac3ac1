//! A connection at work: what was written, whether the socket moves, which servers it announces.

use super::record::Input;
use super::state::{Attempt, ConnectedBefore, Peer, Protection, Reading, Ready, State};
use super::{Action, Connection, ConnectionEvent};
use crate::encode;
use crate::outbox::{Chunk, HeaderSupport, ServerLimits, Unfenced};
use crate::pool::Trust;
use crate::server_addr::ServerAddr;
use crate::time::Instant;
use alloc::vec::Vec;

impl Connection {
    /// A chunk of the outbox is about to be written.
    pub fn handle_chunk_begun(&mut self, now: Instant, chunk: &Chunk) {
        self.record(now, || Input::chunk_begun(chunk));
        let now = self.advance(now);
        for fence in chunk.fences() {
            let publishes = self.written + u64::from(fence.publishes_before);
            self.pings.sent(now, publishes, Some(fence.id));
        }
    }

    /// The socket took the last byte of a chunk; returns it to be recycled, unless it is kept until
    /// a PONG covers it.
    pub fn handle_chunk_written(&mut self, chunk: Chunk) -> Option<Chunk> {
        self.record(self.latest, || Input::ChunkWritten);
        self.written += u64::from(chunk.publishes());
        let done = self.unfenced.handle_written(chunk, self.written);
        if self.unfenced.wants_ping(UNFENCED_PING.min(self.config.unfenced_max / 4)) {
            self.send_ping(self.latest);
        }
        done
    }

    /// What was kept because nothing proves its arrival, once the connection is lost.
    pub fn take_unfenced(&mut self) -> Unfenced {
        self.record(self.latest, || Input::TakeUnfenced);
        core::mem::take(&mut self.unfenced)
    }

    /// There are bytes to write and the socket takes none; or it took some again.
    pub fn handle_writing(&mut self, now: Instant, writing: Writing) {
        self.record(now, || Input::Writing(writing));
        let now = self.advance(now);
        let timeout = self.config.write_timeout;
        let State::Ready(ready) = &mut self.state else { return };
        match writing {
            Writing::Progress => ready.write_stalled_at = None,
            Writing::Blocked => {
                if ready.write_stalled_at.is_none() && !timeout.is_zero() {
                    ready.write_stalled_at = Some(now + timeout);
                }
            }
        }
    }

    /// The driver stopped or went on reading, to hold back a server that is faster than the
    /// application.
    pub fn handle_reading(&mut self, now: Instant, paused: bool) {
        let reading = if paused { Reading::Paused } else { Reading::Running };
        // Told at every turn, and mostly nothing new.
        if !matches!(&self.state, State::Ready(ready) if ready.reading != reading) {
            return;
        }
        self.record(now, || Input::ReadingPaused(paused));
        self.advance(now);
        if let State::Ready(ready) = &mut self.state {
            ready.reading = reading;
        }
    }

    /// Moves the bytes that go ahead of the outbox to the end of `out`.
    pub fn take_control(&mut self, out: &mut Vec<u8>) {
        self.record(self.latest, || Input::TakeControl);
        out.append(&mut self.control);
        // A PING or PONG a minute is not worth the room of a handshake.
        self.control = Vec::new();
    }

    /// Lets go of the room for orders and news that are not there: to be called once it is ready, for
    /// a handshake has many of them, and whenever it is idle.
    pub fn shrink(&mut self) {
        self.actions.shrink_to_fit();
        self.events.shrink_to_fit();
    }

    /// Appends the `SUB`s that the server does not know yet to what goes out next.
    pub fn replay(&mut self) {
        self.record(self.latest, || Input::Replay);
        self.subscriptions.replay(&mut self.control);
    }

    pub(super) fn send_ping(&mut self, now: Instant) {
        self.control.extend_from_slice(encode::PING);
        self.pings.sent(now, self.written, None);
    }

    pub(super) fn ready(&mut self, now: Instant, attempt: Attempt) {
        self.pool.connected(attempt.server, &mut self.random);
        let addr = match self.pool.get(attempt.server) {
            Some(entry) => entry.server.addr.clone(),
            None => ServerAddr::default(),
        };
        self.attempts = 0;
        self.last_failure = None;
        self.state = State::Ready(Ready {
            server: attempt.server,
            addr,
            address: attempt.address,
            protection: attempt.protection,
            since: now,
            ping_at: now + self.config.ping_interval,
            write_stalled_at: None,
            reading: Reading::Running,
        });
        self.connected_before = ConnectedBefore::Yes;
        self.actions.push_back(Action::Online(self.limits()));
        self.discover();
        if self.info.lame_duck_mode {
            self.event(ConnectionEvent::LameDuck);
        }
    }

    pub(super) fn limits(&self) -> ServerLimits {
        let headers = if self.info.headers { HeaderSupport::Yes } else { HeaderSupport::No };
        ServerLimits { max_payload: self.info.max_payload.min(self.config.max_payload), headers }
    }

    /// Takes the announced servers into the pool.
    pub(super) fn discover(&mut self) {
        let State::Ready(ready) = &self.state else { return };
        let server = ready.server;
        let Some(entry) = self.pool.get(server) else { return };
        let trust = match &ready.protection {
            Protection::Secured(Peer::Verified(name)) => {
                Trust::AnnouncedSecurely { by: name.clone() }
            }
            Protection::Secured(Peer::Unverified) | Protection::Clear => {
                Trust::AnnouncedInClear { seed: entry.verified_name() }
            }
        };
        let (listed, policy) = (self.info.connect_urls.clone(), self.config.discovery.clone());
        let (new, refused) = self.pool.announce(&listed, server, &trust, &policy, &mut self.random);
        for addr in new {
            self.event(ConnectionEvent::Discovered(addr));
        }
        for (address, reason) in refused {
            self.event(ConnectionEvent::Refused { address, reason });
        }
    }
}

/// Bytes of publishes after which a PING asks for a proof that they arrived, where they are kept.
///
/// A few writes of full size; one PING to each costs next to nothing.
const UNFENCED_PING: usize = 256 << 10;

/// Whether the socket takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Writing {
    /// It took some, or there are none to write.
    Progress,
    /// There are bytes to write and it takes none.
    Blocked,
}
