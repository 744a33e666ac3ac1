//! What can be changed while it runs.

use super::pings;
use super::record::Input;
use super::state::{Protection, Ready, State, TlsLock};
use super::{Action, Connection, LostReason, Secrets, Step};
use crate::server_addr::ServerAddr;
use crate::time::Instant;
use alloc::vec::Vec;
use core::time::Duration;

impl Connection {
    /// Replaces the configured servers; the connection at hand stays, unless it is in clear and the
    /// list asks for TLS.
    ///
    /// An attempt is given up if its server is no longer in the list, or for the same reason.
    pub fn set_servers(&mut self, servers: Vec<ServerAddr>) {
        self.record(self.latest, || Input::SetServers(servers.clone()));
        if servers.iter().any(ServerAddr::tls_required) {
            self.tls_lock = TlsLock::Locked;
        }
        self.pool.replace(servers);
        let given_up = self.state.attempt().is_some_and(|(attempt, step)| {
            let gone = self.pool.get(attempt.server).is_none();
            // Past the point where TLS would have begun.
            let clear = matches!(step, Step::Credentials | Step::Connect)
                && attempt.protection == Protection::Clear;
            gone || (clear && self.tls_lock == TlsLock::Locked)
        });
        if given_up {
            self.abandon_attempt();
            self.choose_from_pool(self.latest);
        }
        if let State::Ready(Ready { protection: Protection::Clear, .. }) = self.state
            && self.tls_lock == TlsLock::Locked
        {
            self.lost(self.latest, LostReason::TlsDemanded);
        }
    }

    /// Changes the time between keep-alive PINGs; zero stops them, and less than
    /// 1 ms counts as 1 ms.
    pub fn set_ping_interval(&mut self, now: Instant, interval: Duration) {
        self.record(now, || Input::SetPingInterval(interval));
        let now = self.advance(now);
        let interval = pings::bounded(interval);
        self.config.ping_interval = interval;
        if let State::Ready(ready) = &mut self.state {
            ready.ping_at = now + interval;
        }
    }

    /// Changes how many PINGs may be unanswered.
    pub fn set_max_pings_out(&mut self, max: u32) {
        self.record(self.latest, || Input::SetMaxPingsOut(max));
        self.config.max_pings_out = max;
    }

    /// The driver provides other credentials from here on, and these are what they are.
    ///
    /// What servers refused before does not count any more. The connection at hand stays, and so
    /// does [`Secrets::SentToAll`], which is about the servers.
    pub fn set_secrets(&mut self, secrets: Secrets) {
        self.record(self.latest, || Input::SetSecrets(secrets));
        if self.config.secrets != Secrets::SentToAll {
            self.config.secrets = secrets;
        }
        self.pool.forget_refusals();
    }

    /// Changes the own limit on a message; the smaller of it and the server's counts.
    pub fn set_max_payload(&mut self, max: usize) {
        self.record(self.latest, || Input::SetMaxPayload(max));
        self.config.max_payload = max;
        if self.is_ready() {
            self.actions.push_back(Action::Limits(self.limits()));
        }
    }
}
