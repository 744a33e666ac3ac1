//! Consumers that push their messages to a subject.

use super::config::{AckPolicy, DeliverPolicy, ReplayPolicy};
use super::kinds::{FromConsumer, IntoConsumerConfig, WrongKind, kind_of_config, or_default};
use crate::jetstream::timestamp::Timestamp;
use crate::jetstream::unknown::UnknownFields;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// Time between two signs of life of an ordered push consumer (ADR-17).
const ORDERED_HEARTBEAT: Duration = Duration::from_secs(5);

/// Time for acknowledgements that never come, as ADR-17 has it: longer than anything waits.
const ORDERED_ACK_WAIT: Duration = Duration::from_secs(22 * 3600);

kind_of_config! {
    /// A consumer that pushes its messages to a subject.
    pub struct Config {
        => deliver_subject,
        durable_name: Option<String>,
        name: Option<String>,
        description: Option<String>,
        deliver_group: Option<String>,
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
        flow_control: bool,
        idle_heartbeat: Duration,
        num_replicas: usize,
        memory_storage: bool,
        metadata: BTreeMap<String, String>,
        backoff: Vec<Duration>,
        inactive_threshold: Duration,
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
        if config.deliver_subject.is_none() {
            return Err(WrongKind::Pull);
        }
        Ok(Self::fields_of(config))
    }
}

kind_of_config! {
    /// A consumer that delivers every message once and in order, and is made anew by the client
    /// whenever that cannot be kept up. It needs no acknowledgements.
    ///
    /// An `idle_heartbeat` of zero means 5 s.
    pub struct OrderedConfig {
        => deliver_subject,
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
        idle_heartbeat: Duration,
        inactive_threshold: Duration,
    }
}

impl IntoConsumerConfig for OrderedConfig {
    fn into_consumer_config(self) -> super::Config {
        super::Config {
            ack_policy: AckPolicy::None,
            ack_wait: ORDERED_ACK_WAIT,
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: or_default(self.idle_heartbeat, ORDERED_HEARTBEAT),
            memory_storage: true,
            num_replicas: 1,
            ..self.into_fields()
        }
    }
}

impl FromConsumer for OrderedConfig {
    fn try_from_consumer_config(config: super::Config) -> Result<Self, WrongKind> {
        if config.deliver_subject.is_none() {
            return Err(WrongKind::Pull);
        }
        Ok(Self::fields_of(config))
    }
}
