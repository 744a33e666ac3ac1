//! What a consumer is to be.

use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::json::{self, Word, is_default, nullable, wire_enum};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::names::{ConsumerName, InvalidName, NameFault, Named, check_priority_group};
use crate::jetstream::timestamp::Timestamp;
use crate::jetstream::unknown::{Keeping, UnknownFields};
use crate::subject::{InvalidSubject, Subject};
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

wire_enum! {
    /// What has to be acknowledged.
    pub enum AckPolicy {
        /// Each message.
        #[default]
        Explicit = "explicit",
        /// Nothing: delivered is done.
        None = "none",
        /// The last message, for all before it.
        All = "all",
        /// What flow control answers for; for streams that take messages from each other (2.14). A
        /// reading answers for what was taken out of it, and acknowledging a message does nothing.
        FlowControl = "flow_control",
    }
}

wire_enum! {
    /// How fast stored messages are delivered.
    pub enum ReplayPolicy {
        /// As fast as possible.
        #[default]
        Instant = "instant",
        /// In the rhythm in which they were stored.
        Original = "original",
    }
}

wire_enum! {
    /// How the pulls of a group share the messages (2.11).
    pub enum PriorityPolicy {
        /// There are no groups.
        #[default]
        None = "none",
        /// A pull can wait until enough is pending.
        Overflow = "overflow",
        /// One client at a time gets everything.
        PinnedClient = "pinned_client",
        /// Pulls with the lowest number come first (2.12).
        Prioritized = "prioritized",
    }
}

/// Where in a stream a consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "DeliverPolicyFields", into = "DeliverPolicyFields")]
#[non_exhaustive]
pub enum DeliverPolicy {
    /// At the first message.
    #[default]
    All,
    /// At the last message.
    Last,
    /// Behind the last message.
    New,
    /// At a sequence.
    ByStartSequence {
        /// The sequence.
        start_sequence: u64,
    },
    /// At a time.
    ByStartTime {
        /// The time.
        start_time: Timestamp,
    },
    /// At the last message of each subject; needs a filter.
    LastPerSubject,
    /// Another value, kept as the server wrote it.
    Other(Word),
}

/// The three fields that are one value.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct DeliverPolicyFields {
    deliver_policy: Cow<'static, str>,
    #[serde(skip_serializing_if = "is_default")]
    opt_start_seq: Option<u64>,
    #[serde(skip_serializing_if = "is_default", with = "json::date")]
    opt_start_time: Option<Timestamp>,
}

impl Default for DeliverPolicyFields {
    fn default() -> Self {
        DeliverPolicy::All.into()
    }
}

impl From<DeliverPolicy> for DeliverPolicyFields {
    fn from(policy: DeliverPolicy) -> Self {
        let (word, opt_start_seq, opt_start_time) = match policy {
            DeliverPolicy::All => ("all", None, None),
            DeliverPolicy::Last => ("last", None, None),
            DeliverPolicy::New => ("new", None, None),
            DeliverPolicy::ByStartSequence { start_sequence } => {
                ("by_start_sequence", Some(start_sequence), None)
            }
            DeliverPolicy::ByStartTime { start_time } => ("by_start_time", None, Some(start_time)),
            DeliverPolicy::LastPerSubject => ("last_per_subject", None, None),
            DeliverPolicy::Other(word) => {
                let deliver_policy = word.as_str().to_string().into();
                return Self { deliver_policy, opt_start_seq: None, opt_start_time: None };
            }
        };
        Self { deliver_policy: word.into(), opt_start_seq, opt_start_time }
    }
}

impl From<DeliverPolicyFields> for DeliverPolicy {
    fn from(fields: DeliverPolicyFields) -> Self {
        match &*fields.deliver_policy {
            "all" | "" => Self::All,
            "last" => Self::Last,
            "new" => Self::New,
            "by_start_sequence" => {
                Self::ByStartSequence { start_sequence: fields.opt_start_seq.unwrap_or_default() }
            }
            "by_start_time" => {
                Self::ByStartTime { start_time: fields.opt_start_time.unwrap_or(Timestamp::MIN) }
            }
            "last_per_subject" => Self::LastPerSubject,
            other => Self::Other(Word::new(other)),
        }
    }
}

/// What a consumer is to be, or is.
///
/// Zero, empty and `None` leave a field to the server. [`pull::Config`](super::pull::Config) and
/// [`push::Config`](super::push::Config) have the fields of one kind each.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where messages are pushed to. A consumer without is pulled from.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub deliver_subject: Option<String>,
    /// The name, if the consumer is to stay when nobody uses it.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub durable_name: Option<String>,
    /// The name, if the consumer may go when nobody uses it.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub name: Option<String>,
    /// A text for people, up to 4 KiB.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub description: Option<String>,
    /// The queue group of those who share pushed messages.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub deliver_group: Option<String>,
    /// Where in the stream it begins; cannot be changed.
    #[serde(flatten)]
    pub deliver_policy: DeliverPolicy,
    /// What has to be acknowledged; cannot be changed.
    pub ack_policy: AckPolicy,
    /// Time for an acknowledgement; zero means 30 s.
    #[serde(skip_serializing_if = "is_default", with = "json::nanos")]
    pub ack_wait: Duration,
    /// Most deliveries of a message; 0 and -1 mean no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_deliver: i64,
    /// Which subjects are delivered; empty means all.
    #[serde(skip_serializing_if = "is_default")]
    pub filter_subject: String,
    /// Which subjects are delivered, if there are several filters (2.10).
    #[serde(skip_serializing_if = "is_default", deserialize_with = "nullable")]
    pub filter_subjects: Vec<String>,
    /// How fast stored messages are delivered.
    pub replay_policy: ReplayPolicy,
    /// Most bits a second that are pushed; 0 means no limit.
    #[serde(rename = "rate_limit_bps", skip_serializing_if = "is_default")]
    pub rate_limit: u64,
    /// Percentage of acknowledgements that the server tells the latency of.
    #[serde(rename = "sample_freq", skip_serializing_if = "is_default", with = "percentage")]
    pub sample_frequency: u8,
    /// Most pulls that may wait; 0 means 512.
    #[serde(skip_serializing_if = "is_default")]
    pub max_waiting: i64,
    /// Most messages that may wait for an acknowledgement; 0 means 1000, -1 no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
    /// Whether payloads are left out; `Nats-Msg-Size` then tells their size.
    #[serde(skip_serializing_if = "is_default")]
    pub headers_only: bool,
    /// Whether pushing waits for those who cannot keep up; needs `idle_heartbeat`.
    #[serde(skip_serializing_if = "is_default")]
    pub flow_control: bool,
    /// Time after which a push consumer without messages says that it is there, at least 100 ms.
    #[serde(skip_serializing_if = "is_default", with = "json::nanos")]
    pub idle_heartbeat: Duration,
    /// Most messages of one pull; 0 means no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_batch: i64,
    /// Most bytes of one pull; 0 means no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_bytes: i64,
    /// Longest time of one pull; zero means no limit.
    #[serde(skip_serializing_if = "is_default", with = "json::nanos")]
    pub max_expires: Duration,
    /// Time without users after which the consumer is deleted; zero means 5 s if it is not durable,
    /// and never if it is.
    #[serde(skip_serializing_if = "is_default", with = "json::nanos")]
    pub inactive_threshold: Duration,
    /// Copies; 0 means as many as the stream has.
    #[serde(skip_serializing_if = "is_default")]
    pub num_replicas: usize,
    /// Whether its state is kept in memory, whatever the stream does.
    #[serde(rename = "mem_storage", skip_serializing_if = "is_default")]
    pub memory_storage: bool,
    /// Texts by name, up to 128 KiB. Names that begin with `_nats` are the server's.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "nullable")]
    pub metadata: BTreeMap<String, String>,
    /// Delay before each further delivery, in place of `ack_wait`; the last one repeats.
    #[serde(skip_serializing_if = "is_default", with = "json::nanos_list")]
    pub backoff: Vec<Duration>,
    /// How the pulls of a group share the messages (2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub priority_policy: PriorityPolicy,
    /// The groups, of 1 to 16 characters out of `A-Z a-z 0-9 - _ / =` (2.11).
    #[serde(skip_serializing_if = "is_default", deserialize_with = "nullable")]
    pub priority_groups: Vec<String>,
    /// Time without a pull after which another client is pinned; zero means 2 minutes (2.11).
    #[serde(skip_serializing_if = "is_default", with = "json::nanos")]
    pub priority_timeout: Duration,
    /// Until when nothing is delivered; only at creation (2.11).
    #[serde(skip_serializing_if = "is_default", with = "json::date")]
    pub pause_until: Option<Timestamp>,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

impl Config {
    /// Checks names and filters; the name is that of a durable consumer, if it is one.
    pub(in crate::jetstream) fn prepare(&mut self) -> Result<Option<ConsumerName>, InvalidConfig> {
        let name = match (&self.name, &self.durable_name) {
            (Some(name), Some(durable)) if name != durable => {
                return Err(
                    InvalidName::new(Named::Consumer, NameFault::NotTheDurableName, name).into()
                );
            }
            (Some(name), _) | (None, Some(name)) => Some(ConsumerName::new(name)?),
            (None, None) => None,
        };
        self.name = name.as_ref().map(ToString::to_string);
        if !self.filter_subject.is_empty() {
            if !self.filter_subjects.is_empty() {
                return Err(InvalidConfig::TwoKindsOfFilters);
            }
            check_filter(&self.filter_subject)?;
        }
        for filter in &self.filter_subjects {
            check_filter(filter)?;
        }
        for group in &self.priority_groups {
            check_priority_group(group)?;
        }
        Ok(name)
    }

    /// Checks that pulls may name this priority group, or none.
    ///
    /// # Errors
    ///
    /// When the consumer has groups and this is not one of them.
    pub fn check_group(&self, group: Option<&str>) -> Result<(), InvalidConfig> {
        let known = match group {
            Some(group) => self.priority_groups.iter().any(|known| known == group),
            None => self.priority_groups.is_empty(),
        };
        if known {
            return Ok(());
        }
        Err(InvalidConfig::PriorityGroup {
            group: group.map(ToString::to_string),
            groups: self.priority_groups.clone(),
        })
    }

    pub(super) fn requirement(&self) -> Option<Requirement> {
        Requirement::newest([
            (self.pause_until.is_some(), "pause_until", ApiLevel::V2_11),
            (!self.priority_groups.is_empty(), "priority_groups", ApiLevel::V2_11),
            (!self.priority_timeout.is_zero(), "priority_timeout", ApiLevel::V2_11),
            (self.priority_policy != PriorityPolicy::None, "priority_policy", ApiLevel::V2_11),
            (
                self.priority_policy == PriorityPolicy::Prioritized,
                "priority_policy: prioritized",
                ApiLevel::V2_12,
            ),
            (
                self.ack_policy == AckPolicy::FlowControl,
                "ack_policy: flow_control",
                ApiLevel::V2_14,
            ),
        ])
    }
}

fn check_filter(filter: &str) -> Result<(), InvalidSubject> {
    Subject::from(filter).check_subscribe()
}

impl From<&Self> for Config {
    fn from(config: &Self) -> Self {
        config.clone()
    }
}

/// A durable consumer of this name, for all the rest as by default.
impl From<&str> for Config {
    fn from(name: &str) -> Self {
        Self { durable_name: Some(name.to_string()), ..Self::default() }
    }
}

impl Keeping for Config {
    const READ_ONLY: &'static [&'static str] = &[];

    fn unknown(&self) -> &UnknownFields {
        &self.unknown
    }

    fn unknown_mut(&mut self) -> &mut UnknownFields {
        &mut self.unknown
    }
}

/// A percentage as servers write it: `50%`, or without the sign.
mod percentage {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        percentage: &u8,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{percentage}%"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        let text = json::non_empty(deserializer)?.unwrap_or_default();
        let percentage = json::percentage(&text);
        Ok(percentage.and_then(|number| u8::try_from(number).ok()).unwrap_or_default())
    }
}
