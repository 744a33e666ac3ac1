//! Options that can be changed while a client runs.

use crate::auth::{Credentials, InvalidCredentials};
use crate::callbacks::OnEvent;
use crate::client::Client;
use crate::error::ClosedError;
use crate::event::Event;
use crate::shared::{Command, wake};
use core::future::Future;
use core::time::Duration;
use midge_proto::OutboxLimits;

/// Each changes one option of a live client and says from when on. The servers are changed by
/// [`set_server_pool`](Self::set_server_pool).
impl Client {
    /// Changes the time between keep-alive PINGs; zero stops them, and less than 1 ms counts as
    /// 1 ms. The next one is due after this time from now.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub fn set_ping_interval(&self, interval: Duration) -> Result<(), ClosedError> {
        self.command_unless_closed(Command::SetPingInterval(interval))
    }

    /// Changes how many PINGs may go unanswered before the connection is given up. It counts when
    /// the next one is due.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub fn set_max_pings_out(&self, max: u32) -> Result<(), ClosedError> {
        self.command_unless_closed(Command::SetMaxPings(max))
    }

    /// Changes the credentials: they are shown from the next attempt to connect on, and what servers
    /// refused before does not count any more.
    ///
    /// The connection at hand stays as it is; [`force_reconnect`](Self::force_reconnect) makes
    /// another one. Credentials in the URL of a server still come first; they are changed with
    /// [`set_server_pool`](Self::set_server_pool).
    ///
    /// # Errors
    ///
    /// They cannot be right: a seed or JWT is none, or a file cannot be read or holds none; those
    /// before stay then. Or the client is closed.
    pub fn set_credentials(&self, credentials: Credentials) -> Result<(), InvalidCredentials> {
        credentials.check()?;
        self.command_unless_closed(Command::SetCredentials(credentials))
            .map_err(|ClosedError| InvalidCredentials::Closed)
    }

    /// Puts another event callback in the place of the one there is. It is told what the other one
    /// was not told yet; where there was none, what happens from here on.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub fn set_event_callback<F, Fut>(&self, callback: F) -> Result<(), ClosedError>
    where
        F: Fn(Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let events = self.events();
        let callback = Some(OnEvent::new(callback));
        self.command_unless_closed(Command::SetEventCallback { callback, events })
    }

    /// Takes the event callback away. A call that is running goes on to its end.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub fn remove_event_callback(&self) -> Result<(), ClosedError> {
        let events = self.events();
        self.command_unless_closed(Command::SetEventCallback { callback: None, events })
    }

    /// Changes the own limit on headers and payload of one message in bytes; the smaller of it and
    /// the server's counts, `usize::MAX` is none. What is in line already is not looked at again.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub fn set_max_payload(&self, bytes: usize) -> Result<(), ClosedError> {
        self.command_unless_closed(Command::SetMaxPayload(bytes))
    }

    /// Changes how many bytes may wait to be written while connected before publishers wait. It
    /// counts for the next publish, and for those in line.
    pub fn set_write_high_water(&self, bytes: usize) {
        self.set_outbox_limits(|limits| {
            limits.high_water = bytes;
            limits.low_water = bytes / 2;
        });
    }

    /// Changes how many bytes of published messages are kept while not connected. It counts for the
    /// next publish; what is kept already stays.
    pub fn set_reconnect_buffer(&self, bytes: usize) {
        self.shared().core.lock().outbox.set_reconnect_bytes(bytes);
    }

    /// Changes how long a request waits by default, `None` is for ever. It counts for the next one.
    pub fn set_request_timeout(&self, timeout: Option<Duration>) {
        self.shared().settings.request_timeout.set(timeout);
    }

    fn set_outbox_limits(&self, change: impl FnOnce(&mut OutboxLimits)) {
        let next = {
            let mut core = self.shared().core.lock();
            let mut limits = core.outbox.limits();
            change(&mut limits);
            core.outbox.set_limits(limits);
            core.next_in_line()
        };
        wake(next);
    }
}
