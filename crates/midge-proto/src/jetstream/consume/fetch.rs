//! One pull from a consumer.

use super::Verdict;
use crate::jetstream::consumer::pull::BatchConfig;
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::status::{Status, StatusClass};
use crate::message::Message;
use crate::server_error::ServerError;
use crate::time::Instant;
use core::fmt;
use core::time::Duration;

/// Time that the answer to a pull may come late.
const GRACE: Duration = Duration::from_secs(5);

/// Why a fetch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchEnd {
    /// It got all the messages it asked for.
    Complete,
    /// The server ended it: there is nothing (more), its time is over, or something is wrong.
    Status(Status),
    /// Nothing was heard of it for twice the heartbeat, or for longer than it may take.
    Silence,
    /// The connection was lost, or there was none for as long as the pull may take. What came before
    /// is good.
    Disconnected,
    /// The server does not let this user pull.
    Denied(ServerError),
    /// It was stopped.
    Stopped,
}

impl FetchEnd {
    /// Whether nothing is wrong: all messages came, or there were no more in time.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        match self {
            Self::Complete | Self::Stopped => true,
            Self::Status(status) => status.class() == StatusClass::Ended,
            Self::Silence | Self::Disconnected | Self::Denied(_) => false,
        }
    }
}

impl fmt::Display for FetchEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("all messages came"),
            Self::Status(status) => status.fmt(f),
            Self::Silence => f.write_str("nothing was heard of the consumer in time"),
            Self::Disconnected => f.write_str("the connection was lost, or there was none"),
            Self::Denied(error) => error.fmt(f),
            Self::Stopped => f.write_str("it was stopped"),
        }
    }
}

#[derive(Debug)]
enum State {
    Waiting { messages: usize, place: Place, give_up_at: Instant, quiet_until: Instant },
    Ended(FetchEnd),
}

/// Where the pull is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Here: it goes out with the next connection.
    Kept,
    /// At the server, for all that is known.
    Sent,
}

/// One pull from a consumer, up to its end and the reason for that.
///
/// The caller sends the pull ([`config`](Self::config)) with an inbox of its own as the reply
/// subject, when it makes the machine: what another pull leaves behind must not end this one.
#[derive(Debug)]
pub struct Fetch {
    config: BatchConfig,
    state: State,
}

impl Fetch {
    /// A pull that is sent now. Without `expires` and `no_wait` it waits for ever.
    ///
    /// # Errors
    ///
    /// When the heartbeat is more than half of the time of the pull, or group or priority are none.
    pub fn new(now: Instant, config: BatchConfig) -> Result<Self, InvalidConfig> {
        config.check()?;
        // A batch of 0 counts as 1 at the server.
        let messages = config.batch.max(1);
        let place = Place::Sent;
        let state = State::Waiting { messages, place, give_up_at: now, quiet_until: now };
        let mut fetch = Self { config, state };
        fetch.handle_started(now);
        Ok(fetch)
    }

    /// The time of the pull begins only now: for a caller whose clock stood still before.
    pub fn handle_started(&mut self, now: Instant) {
        if let State::Waiting { give_up_at, .. } = &mut self.state {
            *give_up_at = match self.config.expires {
                Some(expires) => now + expires.saturating_add(GRACE),
                None if self.config.no_wait => now + GRACE,
                None => Instant::MAX,
            };
        }
        self.hear(now);
    }

    /// There was no connection when it began: the pull is sent with the next one, and waits for that
    /// no longer than it may take.
    pub fn handle_kept(&mut self) {
        if let State::Waiting { place, quiet_until, .. } = &mut self.state {
            *place = Place::Kept;
            *quiet_until = Instant::MAX;
        }
    }

    /// There is a connection: if the pull was kept for it, its time begins now.
    pub fn handle_reconnected(&mut self, now: Instant) {
        if let State::Waiting { place: place @ Place::Kept, .. } = &mut self.state {
            *place = Place::Sent;
            self.handle_started(now);
        }
    }

    /// The body of the pull.
    #[must_use]
    pub const fn config(&self) -> &BatchConfig {
        &self.config
    }

    /// Something came to the inbox.
    pub fn handle_message(&mut self, now: Instant, message: &Message) -> Verdict {
        // Nothing comes without a connection, also if nobody has told of it yet.
        self.handle_reconnected(now);
        self.hear(now);
        let status = Status::of(message);
        let State::Waiting { messages, .. } = &mut self.state else {
            return if status.is_some() { Verdict::Consumed } else { Verdict::GiveBack };
        };
        match status {
            None => {
                *messages -= 1;
                if *messages == 0 {
                    self.state = State::Ended(FetchEnd::Complete);
                }
                Verdict::Deliver
            }
            Some(status) => {
                if status.class() != StatusClass::Alive {
                    self.state = State::Ended(FetchEnd::Status(status));
                }
                Verdict::Consumed
            }
        }
    }

    fn hear(&mut self, now: Instant) {
        let heartbeat = self.config.idle_heartbeat;
        if let State::Waiting { quiet_until, place: Place::Sent, .. } = &mut self.state {
            *quiet_until =
                if heartbeat.is_zero() { Instant::MAX } else { now + heartbeat.saturating_mul(2) };
        }
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named may have come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::Waiting { place, .. } = &self.state
            && self.poll_timeout().is_some_and(|at| at <= now)
        {
            self.end(match place {
                Place::Kept => FetchEnd::Disconnected,
                Place::Sent => FetchEnd::Silence,
            });
        }
    }

    /// The connection is gone, and the pull with it unless it waits for the next one.
    pub fn handle_disconnected(&mut self) {
        if !matches!(self.state, State::Waiting { place: Place::Kept, .. }) {
            self.end(FetchEnd::Disconnected);
        }
    }

    /// The server has refused the publish that the pull is.
    pub fn handle_denied(&mut self, error: ServerError) {
        self.end(FetchEnd::Denied(error));
    }

    /// Ends it: nobody wants the messages any more.
    pub fn stop(&mut self) {
        self.end(FetchEnd::Stopped);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { give_up_at, quiet_until, .. } => {
                Some((*give_up_at).min(*quiet_until)).filter(|at| *at < Instant::MAX)
            }
            State::Ended(_) => None,
        }
    }

    /// Why it has ended, if it has.
    #[must_use]
    pub const fn end_reason(&self) -> Option<&FetchEnd> {
        match &self.state {
            State::Ended(end) => Some(end),
            State::Waiting { .. } => None,
        }
    }

    fn end(&mut self, end: FetchEnd) {
        if matches!(self.state, State::Waiting { .. }) {
            self.state = State::Ended(end);
        }
    }
}
