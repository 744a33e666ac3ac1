//! What a stream is to be.

use super::source::{Republish, Source, SubjectTransform};
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::json::{self, is_default, nullable, wire_enum};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::names::StreamName;
use crate::jetstream::unknown::{Keeping, UnknownFields};
use crate::subject::Subject;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// When a stream lets go of messages.
    pub enum RetentionPolicy {
        /// When a limit is reached.
        #[default]
        Limits = "limits",
        /// When every consumer has acknowledged them, too.
        Interest = "interest",
        /// When one consumer has acknowledged them, too.
        WorkQueue = "workqueue",
    }
}

wire_enum! {
    /// What gives way when a stream is full.
    pub enum DiscardPolicy {
        /// The oldest messages.
        #[default]
        Old = "old",
        /// The new message: it is refused.
        New = "new",
    }
}

wire_enum! {
    /// Where a stream keeps its messages.
    pub enum StorageType {
        /// In files.
        #[default]
        File = "file",
        /// In memory.
        Memory = "memory",
    }
}

wire_enum! {
    /// How the files of a stream are compressed.
    pub enum Compression {
        /// Not at all.
        #[default]
        None = "none",
        /// By S2.
        S2 = "s2",
    }
}

wire_enum! {
    /// Whether a stream acknowledges a message before it is on disk.
    pub enum PersistenceMode {
        /// Afterwards.
        #[default]
        Default = "default",
        /// Before: faster, and a crash can lose acknowledged messages. One replica, in files only.
        Async = "async",
    }
}

/// What a stream is to be, or is.
///
/// Zero, empty and `None` leave a field to the server; the limits then are "none". Servers older
/// than a field's version never get to see it:
/// [`CreateRequest`](super::CreateRequest) tells before it is sent.
///
/// ```
/// use midge_proto::jetstream::stream::Config;
///
/// let config = Config {
///     name: "ORDERS".into(),
///     subjects: vec!["orders.>".into()],
///     max_messages: 10_000,
///     ..Config::default()
/// };
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The name, up to 255 bytes without blanks and `. * > / \`.
    pub name: String,
    /// A text for people, up to 4 KiB.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub description: Option<String>,
    /// What the stream stores, with wildcards. Empty means the name of the stream, unless it has a
    /// mirror or sources.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "nullable")]
    pub subjects: Vec<String>,
    /// When the stream lets go of messages.
    pub retention: RetentionPolicy,
    /// Most consumers; 0 and -1 mean no limit.
    #[serde(deserialize_with = "json::saturating_i32")]
    pub max_consumers: i32,
    /// Most messages; 0 and -1 mean no limit.
    #[serde(rename = "max_msgs")]
    pub max_messages: i64,
    /// Most bytes; 0 and -1 mean no limit.
    pub max_bytes: i64,
    /// Greatest age of a message, at least 100 ms; zero means no limit.
    #[serde(with = "json::nanos")]
    pub max_age: Duration,
    /// Most messages on each subject; 0 and -1 mean no limit.
    #[serde(rename = "max_msgs_per_subject")]
    pub max_messages_per_subject: i64,
    /// Most bytes of one message with its headers; 0 and -1 mean no limit.
    #[serde(rename = "max_msg_size", deserialize_with = "json::saturating_i32")]
    pub max_message_size: i32,
    /// What gives way when the stream is full.
    pub discard: DiscardPolicy,
    /// With [`DiscardPolicy::New`] and `max_messages_per_subject`: a message on a full subject is
    /// refused, too.
    #[serde(skip_serializing_if = "is_default")]
    pub discard_new_per_subject: bool,
    /// Where messages are kept; cannot be changed.
    pub storage: StorageType,
    /// Copies, 1 to 5; 0 means 1.
    pub num_replicas: usize,
    /// Whether publishers get no acknowledgement.
    #[serde(skip_serializing_if = "is_default")]
    pub no_ack: bool,
    /// How long message ids are remembered, at least 100 ms; zero means 2 minutes, or `max_age`
    /// when that is shorter.
    #[serde(skip_serializing_if = "is_default", with = "json::nanos")]
    pub duplicate_window: Duration,
    /// A field of old servers without a meaning; it is read and never sent.
    #[serde(skip_serializing)]
    pub template_owner: String,
    /// Whether nothing can be stored or deleted any more; only by an update, and for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub sealed: bool,
    /// Whether a message can delete older ones (`Nats-Rollup`).
    #[serde(rename = "allow_rollup_hdrs", skip_serializing_if = "is_default")]
    pub allow_rollup: bool,
    /// Whether single messages cannot be deleted; for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub deny_delete: bool,
    /// Whether the stream cannot be purged; for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub deny_purge: bool,
    /// Where stored messages are published again.
    #[serde(skip_serializing_if = "is_default")]
    pub republish: Option<Republish>,
    /// Whether any replica may answer direct gets.
    #[serde(skip_serializing_if = "is_default")]
    pub allow_direct: bool,
    /// Whether a mirror answers direct gets for its origin.
    #[serde(skip_serializing_if = "is_default")]
    pub mirror_direct: bool,
    /// The stream that this one is a copy of.
    #[serde(skip_serializing_if = "is_default")]
    pub mirror: Option<Source>,
    /// The streams whose messages this one takes in, too.
    #[serde(skip_serializing_if = "is_default")]
    pub sources: Option<Vec<Source>>,
    /// Texts by name, up to 128 KiB. Names that begin with `_nats` are the server's.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "nullable")]
    pub metadata: BTreeMap<String, String>,
    /// How subjects are changed before messages are stored.
    #[serde(skip_serializing_if = "is_default")]
    pub subject_transform: Option<SubjectTransform>,
    /// How files are compressed.
    #[serde(skip_serializing_if = "is_default")]
    pub compression: Option<Compression>,
    /// Limits of consumers, and their defaults.
    #[serde(skip_serializing_if = "is_default")]
    pub consumer_limits: Option<ConsumerLimits>,
    /// The sequence of the first message.
    #[serde(rename = "first_seq", skip_serializing_if = "is_default")]
    pub first_sequence: Option<u64>,
    /// Which servers may have the stream.
    #[serde(skip_serializing_if = "is_default")]
    pub placement: Option<Placement>,
    /// Whether acknowledgements come before the message is on disk (2.12).
    #[serde(skip_serializing_if = "is_default")]
    pub persist_mode: Option<PersistenceMode>,
    /// Whether messages may have a lifetime of their own (2.11); for ever.
    #[serde(rename = "allow_msg_ttl", skip_serializing_if = "is_default")]
    pub allow_message_ttl: bool,
    /// How long a marker tells that the last message of a subject aged out, at least 1 s (2.11).
    #[serde(skip_serializing_if = "is_default", with = "json::optional_nanos")]
    pub subject_delete_marker_ttl: Option<Duration>,
    /// Whether batches can be stored all or nothing (2.12).
    #[serde(rename = "allow_atomic", skip_serializing_if = "is_default")]
    pub allow_atomic_publish: bool,
    /// Whether messages can be schedules (2.12); for ever.
    #[serde(rename = "allow_msg_schedules", skip_serializing_if = "is_default")]
    pub allow_message_schedules: bool,
    /// Whether messages are counters (2.12); only at creation.
    #[serde(rename = "allow_msg_counter", skip_serializing_if = "is_default")]
    pub allow_message_counter: bool,
    /// Whether messages can be ingested fast (2.14).
    #[serde(rename = "allow_batched", skip_serializing_if = "is_default")]
    pub allow_batch_publish: bool,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

impl Config {
    /// Checks the name and the subjects, and turns domains of sources into what is sent for them.
    pub(in crate::jetstream) fn prepare(&mut self) -> Result<StreamName, InvalidConfig> {
        let name = StreamName::new(&self.name)?;
        for subject in &self.subjects {
            Subject::from(subject.as_str()).check_subscribe()?;
        }
        self.mirror.iter_mut().try_for_each(Source::resolve_domain)?;
        self.sources.iter_mut().flatten().try_for_each(Source::resolve_domain)?;
        Ok(name)
    }

    pub(super) fn requirement(&self) -> Option<Requirement> {
        let own = Requirement::newest([
            (self.allow_message_ttl, "allow_msg_ttl", ApiLevel::V2_11),
            (
                self.subject_delete_marker_ttl.is_some(),
                "subject_delete_marker_ttl",
                ApiLevel::V2_11,
            ),
            (self.persist_mode.is_some(), "persist_mode", ApiLevel::V2_12),
            (self.allow_atomic_publish, "allow_atomic", ApiLevel::V2_12),
            (self.allow_message_schedules, "allow_msg_schedules", ApiLevel::V2_12),
            (self.allow_message_counter, "allow_msg_counter", ApiLevel::V2_12),
            (self.allow_batch_publish, "allow_batched", ApiLevel::V2_14),
        ]);
        self.mirror
            .iter()
            .chain(self.sources.iter().flatten())
            .fold(own, |newest, source| Requirement::newer(newest, source.requirement()))
    }
}

impl Keeping for Config {
    const READ_ONLY: &'static [&'static str] = &["template_owner"];

    fn unknown(&self) -> &UnknownFields {
        &self.unknown
    }

    fn unknown_mut(&mut self) -> &mut UnknownFields {
        &mut self.unknown
    }
}

impl From<&Self> for Config {
    fn from(config: &Self) -> Self {
        config.clone()
    }
}

impl From<&str> for Config {
    fn from(name: &str) -> Self {
        Self { name: name.to_string(), ..Self::default() }
    }
}

/// Limits of the consumers of a stream, which are also their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsumerLimits {
    /// Longest time without a subscriber after which a consumer is deleted; zero means no limit.
    #[serde(skip_serializing_if = "is_default", with = "json::nanos")]
    pub inactive_threshold: Duration,
    /// Most messages that wait for an acknowledgement; 0 means no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

/// Which servers may have a stream, or should lead it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// The cluster.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub cluster: Option<String>,
    /// Tags that servers must have.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// The server that should lead; only when a leader steps down.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub preferred: Option<String>,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}
