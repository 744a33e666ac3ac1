//! From a stream to `CONNECT`: TLS, credentials, and who may have them.

use super::record::Input;
use super::state::{Attempt, Info, Peer, Protection, State, TlsLock};
use super::{Action, Cause, Connection, ConnectionEvent, LostReason, Scope, Secrets};
use crate::connect_info::{Auth, ConnectInfo};
use crate::outbox::Unfenced;
use crate::pool::Trust;
use crate::time::Instant;
use alloc::string::{String, ToString};
use alloc::sync::Arc;

impl Connection {
    /// Bytes in clear were read behind INFO where TLS was to start.
    pub fn handle_plaintext(&mut self, now: Instant, bytes: &[u8]) {
        self.record(now, || Input::Plaintext(bytes.to_vec()));
        let now = self.advance(now);
        if !matches!(self.state, State::Securing { .. }) || bytes.is_empty() {
            return;
        }
        let text = bytes
            .strip_prefix(b"-ERR")
            .map(|text| crate::snippet::Snippet::new(text.trim_ascii()).as_str().to_string());
        self.attempt_failed(now, Cause::PlaintextBehindInfo { unauthenticated_error: text });
    }

    /// The TLS handshake succeeded, with this peer.
    pub fn handle_secured(&mut self, now: Instant, peer: Peer) {
        self.record(now, || Input::Secured(peer.clone()));
        let now = self.advance(now);
        let State::Securing { attempt, info } = &self.state else { return };
        let mut attempt = attempt.clone();
        attempt.protection = Protection::Secured(peer);
        self.tls_lock = TlsLock::Locked;
        match info {
            Info::Awaited => self.upgrade(now, attempt),
            Info::Read => self.authenticate(now, attempt),
        }
    }

    /// TLS failed, or is not to be had.
    pub fn handle_tls_failed(&mut self, now: Instant, text: String) {
        self.record(now, || Input::TlsFailed(text.clone()));
        let now = self.advance(now);
        match self.state {
            // A refusal of the client's certificate arrives after the handshake with TLS 1.3.
            State::Securing { .. }
            | State::Layering { .. }
            | State::AwaitInfo(_)
            | State::Authenticating(_)
            | State::AwaitPong(_)
            | State::Settling { .. } => self.attempt_failed(now, Cause::Tls(text)),
            State::Ready(_) => self.lost(now, LostReason::Io(text)),
            State::Choosing { .. }
            | State::Backoff { .. }
            | State::Resolving(_)
            | State::Dialing(_)
            | State::Closed => {}
        }
    }

    /// Credentials are there, or could not be had.
    pub fn handle_authenticated(&mut self, now: Instant, result: Result<Auth, String>) {
        self.record(now, || Input::authenticated(&result));
        let now = self.advance(now);
        let State::Authenticating(attempt) = &self.state else { return };
        match result {
            // Their kind does not tell all: a credentials file may hold a JWT without a key.
            Ok(auth) if auth.is_secret() && !self.may_have_secrets(attempt) => {
                self.withhold_secrets(now);
            }
            Ok(auth) => {
                let attempt = attempt.clone();
                self.send_connect(now, attempt, auth);
            }
            Err(text) => self.attempt_failed(now, Cause::Credentials(text)),
        }
    }

    pub(super) fn start_tls(&mut self, attempt: Attempt, info: Info) {
        let name = match self.pool.get(attempt.server) {
            Some(entry) => entry.verified_name(),
            None => String::new(),
        };
        self.state = State::Securing { attempt, info };
        self.actions.push_back(Action::StartTls { name });
    }

    /// INFO is there: go on to TLS or to CONNECT.
    pub(super) fn greeted(&mut self, now: Instant, attempt: Attempt) {
        let is_websocket =
            self.pool.get(attempt.server).is_some_and(|entry| entry.server.addr.is_websocket());
        let demanded = self.tls_lock == TlsLock::Locked;
        let offered = self.info.tls_required || self.info.tls_available;
        // Over a WebSocket, TLS was spoken before the HTTP upgrade or not at all.
        let wanted = demanded || (self.info.tls_required && !is_websocket);
        match attempt.protection {
            Protection::Secured(_) => self.authenticate(now, attempt),
            Protection::Clear if !wanted => self.authenticate(now, attempt),
            Protection::Clear if !offered || is_websocket => {
                self.attempt_failed(now, Cause::TlsNotOffered);
            }
            Protection::Clear => self.start_tls(attempt, Info::Read),
        }
    }

    pub(super) fn authenticate(&mut self, now: Instant, attempt: Attempt) {
        let Some(entry) = self.pool.get(attempt.server) else {
            self.choose_from_pool(now);
            return;
        };
        let scope = self.scope(&entry.trust, &attempt.protection);
        let server = entry.server.addr.clone();
        let login = self.pool.login(attempt.server);
        // What a URL holds is sent as it is.
        let sends_secrets = self.config.secrets == Secrets::Sent || login.is_some();
        self.state = State::Authenticating(attempt);
        if scope == Scope::SignaturesOnly && sends_secrets {
            self.withhold_secrets(now);
            return;
        }
        let info = Arc::clone(&self.info);
        self.actions.push_back(Action::Authenticate { server, info, scope, login });
    }

    /// Whether the server of an attempt may have secrets; one that has left the pool meanwhile may not.
    fn may_have_secrets(&self, attempt: &Attempt) -> bool {
        let entry = self.pool.get(attempt.server);
        entry.is_some_and(|it| self.scope(&it.trust, &attempt.protection) == Scope::Everything)
    }

    /// Skips a server that may not have what there is to send.
    fn withhold_secrets(&mut self, now: Instant) {
        let text = "a password, token or bearer JWT is not sent to a server that was announced without \
                    verified TLS; allow it by `send_secrets_to_discovered_servers`";
        let cause = Cause::Credentials(text.to_string());
        let entry = self.state.attempt().and_then(|(attempt, _)| self.pool.get(attempt.server));
        if let Some(server) = entry.map(|entry| entry.server.addr.clone()) {
            self.event(ConnectionEvent::SecretsWithheld(server));
        }
        self.attempt_failed(now, cause);
    }

    /// Announced servers get secrets only where both the announcement and the link to them are
    /// verified, or where the pool uses no TLS at all and the discovery policy let them in.
    pub(super) fn scope(&self, trust: &Trust, protection: &Protection) -> Scope {
        match (self.config.secrets, trust, protection) {
            (Secrets::SentToAll, _, _)
            | (_, Trust::Configured, _)
            | (_, Trust::AnnouncedSecurely { .. }, Protection::Secured(Peer::Verified(_))) => {
                Scope::Everything
            }
            (_, Trust::AnnouncedInClear { .. }, _) if self.tls_lock == TlsLock::Open => {
                Scope::Everything
            }
            (_, Trust::AnnouncedSecurely { .. } | Trust::AnnouncedInClear { .. }, _) => {
                Scope::SignaturesOnly
            }
        }
    }

    pub(super) fn send_connect(&mut self, now: Instant, mut attempt: Attempt, auth: Auth) {
        let identity = &self.config.identity;
        let headers = self.info.headers;
        let connect = ConnectInfo {
            verbose: identity.verbose,
            pedantic: identity.pedantic,
            echo: identity.echo,
            tls_required: attempt.protection != Protection::Clear,
            name: identity.name.clone(),
            lang: identity.lang.clone(),
            version: identity.version.clone(),
            headers,
            no_responders: headers && identity.no_responders,
            ..ConnectInfo::default()
        }
        .with_auth(auth);
        self.control.clear();
        connect.encode(&mut self.control);
        attempt.connect_len = self.control.len();
        self.written = 0;
        self.fenced = 0;
        self.unfenced = Unfenced::new(self.config.resend);
        self.last_error = None;
        self.subscriptions.replay(&mut self.control);
        self.state = State::AwaitPong(attempt);
        self.send_ping(now);
    }
}
