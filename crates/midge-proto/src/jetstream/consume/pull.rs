//! Continuous reading from a pull consumer (ADR-37).
//!
//! ```text
//!             denied; status: busy, absent, interrupted
//!   Pulling ------------------------------------> Waiting --time--> Pulling
//!    |  ^ '--missed heartbeat: void, pull again
//!    |  '--------- reconnected ---------- Disconnected <-- from each of them
//!    '--gone, refused--> Ended            drain: Draining --buffer empty--> Ended
//! ```

mod options;

use options::Amount;
pub use options::PullOptions;

use super::retry::Retry;
use super::{Verdict, push_event, token_of};
use crate::header::NATS_PIN_ID;
use crate::jetstream::consumer::pull::BatchConfig;
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::status::{Left, Status, StatusClass};
use crate::message::Message;
use crate::server_error::ServerError;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

/// A pull to be sent to [`next_subject`](crate::jetstream::consumer::pull::next_subject).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// The last token of its reply subject: `<inbox>.<token>`. Subscribe to `<inbox>.*`.
    pub token: u64,
    /// Its body.
    pub config: BatchConfig,
}

/// What people may want to know of a reading that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullEvent {
    /// Nothing was heard of a pull for twice the heartbeat; another one was sent.
    MissedHeartbeat,
    /// A pull ended in a way that does not end the reading; another is sent after the delay.
    Trouble {
        /// What the server says.
        status: Status,
        /// When the next pull is sent.
        delay: Duration,
    },
    /// The server does not let this user pull; the next pull is sent after the delay.
    Denied {
        /// What the server says.
        error: ServerError,
        /// When the next pull is sent.
        delay: Duration,
    },
    /// The server named a limit of the consumer, and pulls are within it from now on.
    Limited(Status),
    /// This client is the one that gets the messages of its group.
    Pinned(String),
    /// It is not any more.
    Unpinned,
}

/// Why a reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullEnd {
    /// It was stopped or drained.
    Stopped,
    /// It had as many messages as it was to have.
    Complete,
    /// The consumer is gone, or will never serve such pulls.
    Refused(Status),
}

impl fmt::Display for PullEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("reading was stopped"),
            Self::Complete => f.write_str("reading is complete"),
            Self::Refused(status) => status.fmt(f),
        }
    }
}

#[derive(Debug)]
enum State {
    /// Pulls are at the server, or the buffer has enough.
    Pulling {
        requested: Amount,
        quiet_until: Instant,
    },
    /// The next pull is sent then.
    Waiting {
        until: Instant,
    },
    /// There is no connection to pull on.
    Disconnected,
    /// What is buffered is still read.
    Draining,
    Ended(PullEnd),
}

/// Reads from a pull consumer until it is stopped: asks for more in time, counts what is under way,
/// and asks again after every way in which a pull can end.
///
/// Call [`handle_message`](Self::handle_message) for all that comes to the inbox, and
/// [`handle_taken`](Self::handle_taken) when the reader has taken messages out of the buffer.
///
/// # Examples
///
/// ```
/// use midge_proto::Instant;
/// use midge_proto::jetstream::consume::{Pull, PullOptions};
///
/// let now = Instant::ZERO;
/// let mut reading = Pull::new(now, PullOptions::default())?;
/// let pull = reading.poll_action().expect("the first pull is due at once");
/// assert_eq!(pull.config.batch, 500);
/// assert_eq!(reading.poll_action(), None);
/// assert!(reading.poll_timeout().is_some(), "somebody watches over it");
/// # Ok::<(), midge_proto::jetstream::InvalidConfig>(())
/// ```
#[derive(Debug)]
pub struct Pull {
    options: PullOptions,
    state: State,
    buffered: Amount,
    /// Messages still to come, if there is an end to them.
    remaining: Option<u64>,
    due: Option<PullRequest>,
    events: VecDeque<PullEvent>,
    /// The token of the pulls that count; answers to older ones do not.
    token: u64,
    pin: Option<String>,
    retry: Retry,
    /// Whether a message has come since the last pull.
    came: bool,
    /// Whether the next message has no room beside what is buffered or under way.
    full: bool,
}

impl Pull {
    /// Begins to read on a connection that is up.
    ///
    /// # Errors
    ///
    /// When pulls have no time, or the heartbeat is more than half of it, or neither messages nor
    /// bytes have a limit, or group or priority are none.
    pub fn new(now: Instant, options: PullOptions) -> Result<Self, InvalidConfig> {
        if options.expires.is_zero() {
            return Err(InvalidConfig::NoExpiry);
        }
        if options.max_messages == 0 && options.max_bytes == 0 {
            return Err(InvalidConfig::NoLimit);
        }
        options.pull(options.capacity(), None).check()?;
        let mut pull = Self {
            state: State::Disconnected,
            buffered: Amount::ZERO,
            remaining: options.stop_after,
            due: None,
            events: VecDeque::new(),
            token: 0,
            pin: None,
            retry: Retry::default(),
            came: false,
            full: false,
            options,
        };
        pull.handle_reconnected(now);
        Ok(pull)
    }

    /// Something came to the inbox.
    pub fn handle_message(&mut self, now: Instant, message: &Message) -> Verdict {
        match Status::of(message) {
            None => self.handle_delivery(now, message),
            Some(status) => {
                // Answers to pulls that were given up must not count against those under way.
                if token_of(message).is_none_or(|token| token == self.token) {
                    self.handle_status(now, status);
                }
                Verdict::Consumed
            }
        }
    }

    fn handle_delivery(&mut self, now: Instant, message: &Message) -> Verdict {
        if matches!(self.state, State::Ended(_)) || self.remaining == Some(0) {
            return Verdict::GiveBack;
        }
        self.retry.reset();
        self.came = true;
        let amount = Amount::of(message);
        self.buffered = self.buffered.plus(amount);
        if let Some(remaining) = &mut self.remaining {
            *remaining -= 1;
        }
        if self.options.group.is_some() {
            self.note_pin(message);
        }
        self.count_off(amount);
        let patience = self.options.patience();
        if let State::Pulling { quiet_until, .. } = &mut self.state {
            *quiet_until = now + patience;
        }
        self.refill(now);
        Verdict::Deliver
    }

    /// So much less can come; but what is due has not been asked for yet, and will come as a whole.
    fn count_off(&mut self, gone: Amount) {
        let due = self.due.as_ref().map_or(Amount::ZERO, |due| Amount {
            messages: due.config.batch as u64,
            bytes: due.config.max_bytes as u64,
        });
        if let State::Pulling { requested, .. } = &mut self.state {
            *requested = self.options.outstanding(requested.minus(gone)).at_least(due);
        }
    }

    fn note_pin(&mut self, message: &Message) {
        let pin = message.headers.as_ref().and_then(|headers| headers.get(NATS_PIN_ID));
        if let Some(pin) = pin.map(|pin| pin.as_str()).filter(|pin| !pin.is_empty())
            && self.pin.as_deref() != Some(pin)
        {
            self.pin = Some(pin.into());
            push_event(&mut self.events, PullEvent::Pinned(pin.into()));
        }
    }

    fn handle_status(&mut self, now: Instant, status: Status) {
        let patience = self.options.patience();
        let State::Pulling { quiet_until, .. } = &mut self.state else { return };
        *quiet_until = now + patience;
        match status.class() {
            StatusClass::Alive => self.retry.reset(),
            StatusClass::Ended => {
                match status.left() {
                    Some(left) => self.count_off(left.into()),
                    // Nobody knows which of the pulls it was: none of them counts any more.
                    None => self.void(),
                }
                let is_too_large = matches!(status, Status::MessageSizeExceedsMaxBytes(_));
                let passes_later =
                    matches!(status, Status::InterestExpired(_) | Status::RequestsPending);
                if passes_later || is_too_large && self.is_whole(status.left()) {
                    self.wait(now, status);
                } else {
                    // It fits when there is room; asking again for a part of it is in vain.
                    self.full |= is_too_large && !self.came;
                    self.refill(now);
                }
            }
            StatusClass::Busy
            | StatusClass::Interrupted
            | StatusClass::Absent
            | StatusClass::Unknown => self.wait(now, status),
            StatusClass::Unpinned => {
                self.pin = None;
                push_event(&mut self.events, PullEvent::Unpinned);
                self.wait(now, status);
            }
            StatusClass::Refused => {
                if let Status::ExceededLimit { limit, value } = &status
                    && self.options.limit(*limit, value)
                {
                    push_event(&mut self.events, PullEvent::Limited(status));
                    self.void();
                    self.refill(now);
                } else {
                    self.end(PullEnd::Refused(status));
                }
            }
            StatusClass::Gone => self.end(PullEnd::Refused(status)),
        }
    }

    /// Whether nothing has come of a pull that was for all there is room for, and has so much left.
    fn is_whole(&self, left: Option<Left>) -> bool {
        let nothing_came = !self.came && self.buffered.messages == 0;
        left.map_or(nothing_came, |left| left.bytes >= self.options.capacity().bytes)
    }

    /// The server has refused the publish that a pull is.
    pub fn handle_denied(&mut self, now: Instant, error: ServerError) {
        // Where several pulls were under way, each is refused, and one wait is enough.
        if matches!(self.state, State::Pulling { .. }) {
            let delay = self.pause(now);
            push_event(&mut self.events, PullEvent::Denied { error, delay });
        }
    }

    /// The reader has taken so many messages, with so many bytes ([`Message::length`]), out of the
    /// buffer.
    pub fn handle_taken(&mut self, now: Instant, messages: u64, bytes: u64) {
        self.buffered = self.buffered.minus(Amount { messages, bytes });
        if self.buffered.messages == 0 {
            self.buffered.bytes = 0;
        }
        self.full = false;
        self.refill(now);
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named may have come.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &self.state {
            State::Waiting { until } if *until <= now => self.resume(now),
            State::Pulling { requested, quiet_until }
                if requested.messages > 0 && *quiet_until <= now =>
            {
                push_event(&mut self.events, PullEvent::MissedHeartbeat);
                self.resume(now);
            }
            State::Waiting { .. }
            | State::Pulling { .. }
            | State::Disconnected
            | State::Draining
            | State::Ended(_) => {}
        }
    }

    /// Nobody looked for a while: a pull counts as silent from now on at the earliest. For a caller
    /// whose clock may have stood still when that pull was sent.
    pub fn handle_resumed(&mut self, now: Instant) {
        let patience = self.options.patience();
        if let State::Pulling { quiet_until, .. } = &mut self.state {
            *quiet_until = (*quiet_until).max(now + patience);
        }
    }

    /// The connection is gone, and all pulls with it.
    pub fn handle_disconnected(&mut self) {
        match self.state {
            State::Pulling { .. } | State::Waiting { .. } => {
                self.due = None;
                self.state = State::Disconnected;
            }
            State::Disconnected | State::Draining | State::Ended(_) => {}
        }
    }

    /// There is a connection again, on which the inbox is subscribed to: pulls at once.
    pub fn handle_reconnected(&mut self, now: Instant) {
        match self.state {
            State::Pulling { .. } | State::Waiting { .. } | State::Disconnected => {
                self.retry.reset();
                self.resume(now);
            }
            State::Draining | State::Ended(_) => {}
        }
    }

    /// Ends at once: what is buffered is not to be read any more.
    pub fn stop(&mut self) {
        self.end(PullEnd::Stopped);
    }

    /// Asks for nothing more, and ends when what is buffered has been taken.
    pub fn drain(&mut self) {
        if !matches!(self.state, State::Ended(_)) {
            self.due = None;
            self.state = State::Draining;
            self.end_if_done();
        }
    }

    /// The number of the pulls that count.
    pub(super) const fn token(&self) -> u64 {
        self.token
    }

    /// Forgets that the consumer was gone: there is another one.
    pub(super) fn revive(&mut self) {
        if matches!(self.state, State::Ended(PullEnd::Refused(_))) {
            self.state = State::Disconnected;
        }
    }

    /// The next pull to be sent.
    pub fn poll_action(&mut self) -> Option<PullRequest> {
        self.due.take()
    }

    /// The next news.
    pub fn poll_event(&mut self) -> Option<PullEvent> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Pulling { requested, quiet_until } if requested.messages > 0 => {
                Some(*quiet_until)
            }
            State::Waiting { until } => Some(*until),
            State::Pulling { .. } | State::Disconnected | State::Draining | State::Ended(_) => None,
        }
    }

    /// Why the reading has ended, if it has.
    #[must_use]
    pub const fn end_reason(&self) -> Option<&PullEnd> {
        match &self.state {
            State::Ended(end) => Some(end),
            State::Pulling { .. }
            | State::Waiting { .. }
            | State::Disconnected
            | State::Draining => None,
        }
    }

    /// Messages that are asked for and have not come.
    #[must_use]
    pub const fn requested_messages(&self) -> u64 {
        match &self.state {
            State::Pulling { requested, .. } => requested.messages,
            State::Waiting { .. } | State::Disconnected | State::Draining | State::Ended(_) => 0,
        }
    }

    /// Messages that the reader has not taken.
    #[must_use]
    pub const fn buffered_messages(&self) -> u64 {
        self.buffered.messages
    }

    /// The id under which this client is pinned.
    #[must_use]
    pub fn pin(&self) -> Option<&str> {
        self.pin.as_deref()
    }

    /// Pulls anew: nothing that was asked for before counts.
    fn resume(&mut self, now: Instant) {
        self.due = None;
        self.full = false;
        self.token += 1;
        self.state = State::Pulling { requested: Amount::ZERO, quiet_until: now };
        self.refill(now);
    }

    /// Nothing that was asked for counts any more.
    fn void(&mut self) {
        self.due = None;
        self.token += 1;
        if let State::Pulling { requested, .. } = &mut self.state {
            *requested = Amount::ZERO;
        }
    }

    /// Asks again later; says how much later.
    fn pause(&mut self, now: Instant) -> Duration {
        let delay = self.retry.next();
        self.void();
        self.state = State::Waiting { until: now + delay };
        delay
    }

    fn wait(&mut self, now: Instant, status: Status) {
        let delay = self.pause(now);
        push_event(&mut self.events, PullEvent::Trouble { status, delay });
    }

    /// What is asked for and has not come, and what has come and waits for the reader.
    const fn left(&self) -> Amount {
        match &self.state {
            State::Pulling { requested, .. } => requested.plus(self.buffered),
            State::Waiting { .. } | State::Disconnected | State::Draining | State::Ended(_) => {
                self.buffered
            }
        }
    }

    /// Asks for what is missing, if little is left.
    fn refill(&mut self, now: Instant) {
        self.end_if_done();
        let left = self.left();
        let State::Pulling { requested, quiet_until } = &mut self.state else { return };
        self.full &= left.messages > 0;
        if self.full || self.due.is_some() || !self.options.is_low(left) {
            return;
        }
        let mut missing = self.options.capacity().minus(left);
        if let Some(remaining) = self.remaining {
            missing.messages = missing.messages.min(remaining.saturating_sub(requested.messages));
        }
        if missing.messages == 0 || self.options.max_bytes > 0 && missing.bytes == 0 {
            return;
        }
        if requested.messages == 0 {
            *quiet_until = now + self.options.patience();
        }
        *requested = requested.plus(missing);
        self.came = false;
        let config = self.options.pull(missing, self.pin.as_ref());
        self.due = Some(PullRequest { token: self.token, config });
    }

    fn end_if_done(&mut self) {
        if self.buffered.messages > 0 {
            return;
        }
        if matches!(self.state, State::Draining) {
            self.end(PullEnd::Stopped);
        } else if self.remaining == Some(0) {
            self.end(PullEnd::Complete);
        }
    }

    fn end(&mut self, end: PullEnd) {
        if !matches!(self.state, State::Ended(_)) {
            self.due = None;
            self.state = State::Ended(end);
        }
    }
}
