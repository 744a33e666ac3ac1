//! How much a reading asks for, and when.

use crate::jetstream::consumer::pull::{BatchConfig, UNLIMITED_BATCH};
use crate::jetstream::consumer::{self, PriorityPolicy};
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::publish::go_duration;
use crate::jetstream::status::{Left, PullLimit};
use crate::message::Message;
use alloc::string::String;
use core::time::Duration;

/// Time that an answer to a pull without heartbeats may come late.
const GRACE: Duration = Duration::from_secs(5);

/// How to read from a pull consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullOptions {
    /// Most messages that are asked for or wait for the reader; 500 unless set, 0 means no limit and
    /// needs one of bytes.
    pub max_messages: usize,
    /// Most bytes of the same; 0, which is the default, means no limit.
    pub max_bytes: usize,
    /// How long a pull waits at the server; 30 s unless set.
    pub expires: Duration,
    /// Time between two signs of life of a pull that waits, at most half of `expires`; 15 s unless
    /// set, zero means none.
    pub heartbeat: Duration,
    /// Asks for more when so few messages are left; half of `max_messages` unless set.
    pub threshold_messages: Option<usize>,
    /// Asks for more when so few bytes are left; half of `max_bytes` unless set.
    pub threshold_bytes: Option<usize>,
    /// Ends after so many messages.
    pub stop_after: Option<u64>,
    /// The priority group (2.11).
    pub group: Option<String>,
    /// Only when the consumer has at least so many messages to deliver (2.11).
    pub min_pending: Option<usize>,
    /// Only when at least so many messages wait for an acknowledgement (2.11).
    pub min_ack_pending: Option<usize>,
    /// The priority, 0 to 9; lower comes first (2.12).
    pub priority: Option<u8>,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self {
            max_messages: 500,
            max_bytes: 0,
            expires: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            threshold_messages: None,
            threshold_bytes: None,
            stop_after: None,
            group: None,
            min_pending: None,
            min_ack_pending: None,
            priority: None,
        }
    }
}

impl PullOptions {
    /// Checks what pulls from a consumer of this configuration may say.
    ///
    /// # Errors
    ///
    /// When the priority group is not one of the consumer's, or none is named where it has some.
    pub fn check_for(&self, consumer: &consumer::Config) -> Result<(), InvalidConfig> {
        consumer.check_group(self.group.as_deref())
    }

    /// The same within what the consumer allows for one pull; and where it is pinned to a client, with
    /// a pull at least twice in the time after which a client that does not pull loses the pin.
    #[must_use]
    pub fn limited_by(mut self, consumer: &consumer::Config) -> Self {
        if let Ok(batch @ 1..) = usize::try_from(consumer.max_batch) {
            self.limit_messages(batch);
        }
        if let Ok(bytes @ 1..) = usize::try_from(consumer.max_bytes) {
            self.limit_bytes(bytes);
        }
        if !consumer.max_expires.is_zero() {
            self.limit_expires(consumer.max_expires);
        }
        let is_pinned = consumer.priority_policy == PriorityPolicy::PinnedClient;
        if is_pinned && !consumer.priority_timeout.is_zero() {
            self.limit_expires(consumer.priority_timeout / 2);
        }
        self
    }

    fn limit_messages(&mut self, max: usize) -> bool {
        let limits = self.max_messages == 0 || max < self.max_messages;
        if limits {
            self.max_messages = max;
        }
        limits
    }

    fn limit_bytes(&mut self, max: usize) -> bool {
        let limits = self.max_bytes == 0 || max < self.max_bytes;
        if limits {
            self.max_bytes = max;
        }
        limits
    }

    fn limit_expires(&mut self, max: Duration) -> bool {
        let limits = max < self.expires;
        self.expires = self.expires.min(max);
        self.heartbeat = self.heartbeat.min(self.expires / 2);
        limits
    }

    /// Follows a limit that the server named; false if that changes nothing.
    pub(super) fn limit(&mut self, limit: PullLimit, value: &str) -> bool {
        let number = || value.parse().ok().filter(|number: &usize| *number > 0);
        match limit {
            PullLimit::Batch => number().is_some_and(|max| self.limit_messages(max)),
            PullLimit::MaxBytes => number().is_some_and(|max| self.limit_bytes(max)),
            PullLimit::Expires => go_duration::parse(value)
                .filter(|max| !max.is_zero())
                .is_some_and(|max| self.limit_expires(max)),
        }
    }

    /// How much may be asked for or wait for the reader; bytes do not count if they have no limit.
    pub(super) fn capacity(&self) -> Amount {
        let messages = match self.max_messages {
            0 => UNLIMITED_BATCH as u64,
            limit => limit as u64,
        };
        Amount { messages, bytes: self.max_bytes as u64 }
    }

    /// What can still come: nothing, when either of the two is used up.
    pub(super) fn outstanding(&self, requested: Amount) -> Amount {
        if requested.messages == 0 || self.max_bytes > 0 && requested.bytes == 0 {
            Amount::ZERO
        } else {
            requested
        }
    }

    pub(super) fn is_low(&self, left: Amount) -> bool {
        let messages = self.threshold_messages.unwrap_or(self.max_messages / 2) as u64;
        let bytes = self.threshold_bytes.unwrap_or(self.max_bytes / 2) as u64;
        left.messages <= messages.min(self.capacity().messages - 1)
            || self.max_bytes > 0 && left.bytes <= bytes.min(self.capacity().bytes - 1)
    }

    /// Time without a sign of life after which a pull counts as lost.
    pub(super) fn patience(&self) -> Duration {
        if self.heartbeat.is_zero() {
            self.expires.saturating_add(GRACE)
        } else {
            self.heartbeat.saturating_mul(2)
        }
    }

    pub(super) fn pull(&self, amount: Amount, pin: Option<&String>) -> BatchConfig {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        BatchConfig {
            batch: count(amount.messages),
            expires: Some(self.expires),
            no_wait: false,
            max_bytes: count(amount.bytes),
            idle_heartbeat: self.heartbeat,
            min_pending: self.min_pending,
            min_ack_pending: self.min_ack_pending,
            group: self.group.clone(),
            id: pin.cloned(),
            priority: self.priority,
        }
    }
}

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl Amount {
    pub(super) const ZERO: Self = Self { messages: 0, bytes: 0 };

    pub(super) const fn of(message: &Message) -> Self {
        Self { messages: 1, bytes: message.length as u64 }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            messages: self.messages.saturating_add(other.messages),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(other.messages),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    pub(super) fn at_least(self, other: Self) -> Self {
        Self { messages: self.messages.max(other.messages), bytes: self.bytes.max(other.bytes) }
    }
}

impl From<Left> for Amount {
    fn from(left: Left) -> Self {
        Self { messages: left.messages, bytes: left.bytes }
    }
}
