//! Consumers that are pulled from, and the pulls.

use super::config::{AckPolicy, DeliverPolicy, PriorityPolicy, ReplayPolicy};
use super::kinds::{FromConsumer, IntoConsumerConfig, WrongKind, kind_of_config, or_default};
use super::requests::Id;
use crate::jetstream::api::ApiPrefix;
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::json::{self, is_default};
use crate::jetstream::names::check_priority_group;
use crate::jetstream::timestamp::Timestamp;
use crate::jetstream::unknown::UnknownFields;
use crate::subject::Subject;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::Serialize;

/// Time without a pull after which the server deletes an ordered consumer: long enough for a
/// reader that is held up, short enough that none is left behind for long.
const ORDERED_INACTIVE_THRESHOLD: Duration = Duration::from_secs(300);

/// Messages to ask for where only bytes are to be a limit; as in nats.go.
pub const UNLIMITED_BATCH: usize = 1_000_000;

kind_of_config! {
    /// A consumer that is pulled from.
    pub struct Config {
        durable_name: Option<String>,
        name: Option<String>,
        description: Option<String>,
        deliver_policy: DeliverPolicy,
        ack_policy: AckPolicy,
        ack_wait: Duration,
        max_deliver: i64,
        filter_subject: String,
        filter_subjects: Vec<String>,
        replay_policy: ReplayPolicy,
        rate_limit: u64,
        sample_frequency: u8,
        max_waiting: i64,
        max_ack_pending: i64,
        headers_only: bool,
        max_batch: i64,
        max_bytes: i64,
        max_expires: Duration,
        inactive_threshold: Duration,
        num_replicas: usize,
        memory_storage: bool,
        metadata: BTreeMap<String, String>,
        backoff: Vec<Duration>,
        priority_policy: PriorityPolicy,
        priority_groups: Vec<String>,
        priority_timeout: Duration,
        pause_until: Option<Timestamp>,
        unknown: UnknownFields,
    }
}

impl IntoConsumerConfig for Config {
    fn into_consumer_config(self) -> super::Config {
        self.into_fields()
    }
}

impl FromConsumer for Config {
    fn try_from_consumer_config(config: super::Config) -> Result<Self, WrongKind> {
        if config.deliver_subject.is_some() {
            return Err(WrongKind::Push);
        }
        Ok(Self::fields_of(config))
    }
}

kind_of_config! {
    /// A consumer that delivers every message once and in order, and is made anew by the client
    /// whenever that cannot be kept up. It needs no acknowledgements.
    ///
    /// An `inactive_threshold` of zero means 5 minutes.
    pub struct OrderedConfig {
        name: Option<String>,
        description: Option<String>,
        filter_subject: String,
        filter_subjects: Vec<String>,
        replay_policy: ReplayPolicy,
        rate_limit: u64,
        sample_frequency: u8,
        headers_only: bool,
        deliver_policy: DeliverPolicy,
        max_waiting: i64,
        metadata: BTreeMap<String, String>,
        max_batch: i64,
        max_bytes: i64,
        max_expires: Duration,
        inactive_threshold: Duration,
    }
}

impl IntoConsumerConfig for OrderedConfig {
    fn into_consumer_config(self) -> super::Config {
        super::Config {
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: or_default(self.inactive_threshold, ORDERED_INACTIVE_THRESHOLD),
            ..self.into_fields()
        }
    }
}

impl FromConsumer for OrderedConfig {
    fn try_from_consumer_config(config: super::Config) -> Result<Self, WrongKind> {
        if config.deliver_subject.is_some() {
            return Err(WrongKind::Push);
        }
        Ok(Self::fields_of(config))
    }
}

/// One pull: how many messages, how long, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct BatchConfig {
    /// Most messages; 0 counts as 1.
    pub batch: usize,
    /// How long the pull may wait; `None` means for ever.
    #[serde(skip_serializing_if = "is_default", with = "json::optional_nanos")]
    pub expires: Option<Duration>,
    /// Whether to end as soon as nothing more is there: at once without `expires`, else when the
    /// first messages have come.
    #[serde(skip_serializing_if = "is_default")]
    pub no_wait: bool,
    /// Most bytes; 0 means no limit. `batch` still counts, so it has to be large.
    #[serde(skip_serializing_if = "is_default")]
    pub max_bytes: usize,
    /// Time after which the server says that the pull still waits, at most half of `expires`; zero
    /// means never.
    #[serde(skip_serializing_if = "is_default", with = "json::nanos")]
    pub idle_heartbeat: Duration,
    /// Only when the consumer has at least so many messages to deliver (2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub min_pending: Option<usize>,
    /// Only when at least so many messages wait for an acknowledgement (2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub min_ack_pending: Option<usize>,
    /// The priority group (2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub group: Option<String>,
    /// The id that the pinned client got (2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub id: Option<String>,
    /// The priority, 0 to 9; lower comes first (2.12).
    #[serde(skip_serializing_if = "is_default")]
    pub priority: Option<u8>,
}

impl BatchConfig {
    /// Checks what the server would refuse, or what would silently mean something else.
    ///
    /// # Errors
    ///
    /// When the heartbeat is more than half of the time, the priority is above 9, or the group is
    /// none.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        if let Some(expires) = self.expires
            && self.idle_heartbeat.saturating_mul(2) > expires
        {
            return Err(InvalidConfig::Heartbeat { heartbeat: self.idle_heartbeat, expires });
        }
        if let Some(priority) = self.priority
            && priority > 9
        {
            return Err(InvalidConfig::Priority(priority));
        }
        self.group.as_deref().map_or(Ok(()), check_priority_group)?;
        Ok(())
    }

    /// Checks what a consumer of this configuration would refuse for a single pull.
    ///
    /// # Errors
    ///
    /// When the priority group is not one of the consumer's, and when the consumer is pinned: a
    /// single pull would take the pin away from a client that goes on reading.
    pub fn check_for(&self, consumer: &super::Config) -> Result<(), InvalidConfig> {
        consumer.check_group(self.group.as_deref())?;
        if consumer.priority_policy == PriorityPolicy::PinnedClient {
            return Err(InvalidConfig::PinnedConsumer);
        }
        Ok(())
    }

    /// The same with the most messages there can be, where only bytes are limited; and without
    /// waiting, where that is to take no time, which servers would take for no limit.
    #[must_use]
    pub fn filled(mut self) -> Self {
        if self.expires == Some(Duration::ZERO) {
            (self.expires, self.no_wait) = (None, true);
        }
        if self.batch == 0 && self.max_bytes > 0 {
            self.batch = UNLIMITED_BATCH;
        }
        self
    }

    /// As [`filled`](Self::filled), with no more messages than the consumer allows, where their
    /// number was left open.
    #[must_use]
    pub fn filled_for(self, consumer: &super::Config) -> Self {
        let is_open = self.batch == 0;
        let mut filled = self.filled();
        if is_open && let Ok(most @ 1..) = usize::try_from(consumer.max_batch) {
            filled.batch = filled.batch.min(most);
        }
        filled
    }

    /// Appends the body of the pull. It is always JSON: a shorter form would slip past the checks of
    /// priority groups.
    pub fn encode(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }
}

/// So many messages, however long it takes.
impl From<usize> for BatchConfig {
    fn from(batch: usize) -> Self {
        Self { batch, ..Self::default() }
    }
}

/// The subject that a pull goes to; the messages come to its reply subject.
#[must_use]
pub fn next_subject(prefix: &ApiPrefix, consumer: &Id) -> Subject {
    prefix.consumer("MSG.NEXT", consumer)
}
