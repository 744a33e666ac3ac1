//! What a stream is and has.

use super::config::Config;
use super::source::{External, SubjectTransform};
use crate::jetstream::error::Error;
use crate::jetstream::json::{self, nullable};
use crate::jetstream::timestamp::Timestamp;
use crate::jetstream::unknown;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::Deserialize;

/// A stream: what it is to be, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    /// What it is to be.
    #[serde(deserialize_with = "unknown::deserialize")]
    pub config: Config,
    /// When it was created.
    #[serde(with = "json::date")]
    pub created: Option<Timestamp>,
    /// What is in it.
    pub state: State,
    /// Who serves it. Absent in the answer to its creation, and without a cluster.
    pub cluster: Option<ClusterInfo>,
    /// How far it is as a mirror.
    pub mirror: Option<SourceInfo>,
    /// How far it is with its sources.
    #[serde(deserialize_with = "nullable")]
    pub sources: Vec<SourceInfo>,
    /// The JetStream domain it is in.
    #[serde(deserialize_with = "json::non_empty")]
    pub domain: Option<String>,
    /// The stream and its mirrors, the nearest first.
    #[serde(deserialize_with = "nullable")]
    pub alternates: Vec<Alternate>,
    /// When the server gathered all this.
    #[serde(rename = "ts", with = "json::date")]
    pub time_stamp: Option<Timestamp>,
}

impl Info {
    /// Drops what servers say of deleted messages in a stream that never had one: sequence 0.
    pub(super) fn tidy(mut self) -> Self {
        if let Some(deleted) = &mut self.state.deleted {
            let reported = deleted.len() as u64;
            deleted.retain(|sequence| *sequence != 0);
            let kept = deleted.len() as u64;
            if let Some(count) = &mut self.state.deleted_count {
                *count = count.saturating_sub(reported - kept);
            }
        }
        self
    }
}

/// What is in a stream.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct State {
    /// Messages.
    pub messages: u64,
    /// Bytes of the messages as they are stored.
    pub bytes: u64,
    /// The sequence of the first message.
    #[serde(rename = "first_seq")]
    pub first_sequence: u64,
    /// When the first message was stored; `None` when there is none.
    #[serde(rename = "first_ts", with = "json::date")]
    pub first_timestamp: Option<Timestamp>,
    /// The sequence of the last message that was ever stored.
    #[serde(rename = "last_seq")]
    pub last_sequence: u64,
    /// When it was stored; `None` when there never was one.
    #[serde(rename = "last_ts", with = "json::date")]
    pub last_timestamp: Option<Timestamp>,
    /// Consumers.
    pub consumer_count: usize,
    /// Subjects that have messages.
    #[serde(rename = "num_subjects")]
    pub subjects_count: u64,
    /// Messages per subject, if asked for: see
    /// [`InfoRequest::subjects`](super::InfoRequest::subjects).
    #[serde(deserialize_with = "nullable")]
    pub subjects: BTreeMap<String, u64>,
    /// Messages deleted between the first and the last.
    #[serde(rename = "num_deleted")]
    pub deleted_count: Option<u64>,
    /// Their sequences, if asked for.
    pub deleted: Option<Vec<u64>>,
    /// Messages that a broken disk lost.
    pub lost: Option<Lost>,
}

/// Messages that a broken disk lost.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Lost {
    /// Their sequences.
    #[serde(rename = "msgs", deserialize_with = "nullable")]
    pub messages: Vec<u64>,
    /// Their bytes.
    pub bytes: u64,
}

/// Who serves a stream or consumer.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ClusterInfo {
    /// The name of the cluster.
    pub name: Option<String>,
    /// The name of the Raft group.
    pub raft_group: Option<String>,
    /// The server that leads; `None` while there is no leader.
    #[serde(deserialize_with = "json::non_empty")]
    pub leader: Option<String>,
    /// Since when it leads.
    #[serde(with = "json::date")]
    pub leader_since: Option<Timestamp>,
    /// Whether replication runs in the system account.
    pub system_account: bool,
    /// The account in which replication runs.
    pub traffic_account: Option<String>,
    /// The other servers.
    #[serde(deserialize_with = "nullable")]
    pub replicas: Vec<PeerInfo>,
}

/// A server that has a copy of a stream or consumer.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PeerInfo {
    /// The name of the server.
    pub name: String,
    /// Whether it has everything.
    pub current: bool,
    /// How long ago it was heard of.
    #[serde(with = "json::nanos")]
    pub active: Duration,
    /// Whether it is gone.
    pub offline: bool,
    /// Operations it is behind.
    pub lag: Option<u64>,
    /// Its id among the peers.
    #[serde(deserialize_with = "json::non_empty")]
    pub peer: Option<String>,
}

/// How far a stream is with a source or as a mirror.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SourceInfo {
    /// The stream that is the source.
    pub name: String,
    /// Messages it is behind.
    pub lag: u64,
    /// How long ago the source was heard of; `None`: never.
    #[serde(with = "json::optional_nanos")]
    pub active: Option<Duration>,
    /// Why it does not work.
    pub error: Option<Error>,
    /// How the source is reached.
    pub external: Option<External>,
    /// Which subjects are taken.
    #[serde(deserialize_with = "json::non_empty")]
    pub filter_subject: Option<String>,
    /// What they become, in answers of old servers.
    #[serde(deserialize_with = "json::non_empty")]
    pub subject_transform_dest: Option<String>,
    /// Which subjects are taken, and what they become.
    #[serde(deserialize_with = "nullable")]
    pub subject_transforms: Vec<SubjectTransform>,
    /// The sequence in the source that was taken last (2.15).
    #[serde(rename = "seq")]
    pub sequence: Option<u64>,
}

/// A stream that has the same messages.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Alternate {
    /// The name of the stream.
    pub name: String,
    /// Its JetStream domain.
    #[serde(deserialize_with = "json::non_empty")]
    pub domain: Option<String>,
    /// Its cluster.
    pub cluster: String,
}
