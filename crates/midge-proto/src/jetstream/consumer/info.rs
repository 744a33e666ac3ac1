//! What a consumer is and has done.

use super::config::Config;
use crate::jetstream::json::{self, nullable};
use crate::jetstream::stream::ClusterInfo;
use crate::jetstream::timestamp::Timestamp;
use crate::jetstream::unknown;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::Deserialize;

/// A consumer: what it is to be, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    /// The stream.
    pub stream_name: String,
    /// The name, also if the server chose it.
    pub name: String,
    /// When it was created.
    #[serde(with = "json::date")]
    pub created: Option<Timestamp>,
    /// What it is to be.
    #[serde(deserialize_with = "unknown::deserialize")]
    pub config: Config,
    /// The last message that was delivered.
    pub delivered: SequenceInfo,
    /// The last message before which all are acknowledged.
    pub ack_floor: SequenceInfo,
    /// Messages that wait for an acknowledgement.
    pub num_ack_pending: usize,
    /// Of these, messages that were delivered more than once.
    pub num_redelivered: usize,
    /// Pulls that wait.
    pub num_waiting: usize,
    /// Messages that are not delivered yet.
    pub num_pending: u64,
    /// Who serves it.
    pub cluster: Option<ClusterInfo>,
    /// Whether somebody is subscribed to what it pushes to.
    pub push_bound: bool,
    /// Whether it is paused (2.11).
    pub paused: bool,
    /// For how long still.
    #[serde(with = "json::optional_nanos")]
    pub pause_remaining: Option<Duration>,
    /// Who is pinned in which group (2.11).
    #[serde(deserialize_with = "nullable")]
    pub priority_groups: Vec<PriorityGroupState>,
    /// When the server gathered all this.
    #[serde(rename = "ts", with = "json::date")]
    pub time_stamp: Option<Timestamp>,
}

impl Info {
    /// Until when it is paused, if it is.
    #[must_use]
    pub fn paused_until(&self) -> Option<Timestamp> {
        if !self.paused {
            return None;
        }
        self.config.pause_until.or_else(|| {
            let remaining = i64::try_from(self.pause_remaining?.as_nanos()).ok()?;
            Some(Timestamp::from_nanos(self.time_stamp?.as_nanos().saturating_add(remaining)))
        })
    }
}

/// A place in what a consumer delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SequenceInfo {
    /// Deliveries so far.
    #[serde(rename = "consumer_seq")]
    pub consumer_sequence: u64,
    /// The sequence in the stream.
    #[serde(rename = "stream_seq")]
    pub stream_sequence: u64,
    /// When it got there.
    #[serde(with = "json::date")]
    pub last_active: Option<Timestamp>,
}

/// Who is pinned in a priority group (2.11).
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PriorityGroupState {
    /// The group.
    pub group: String,
    /// The id that the pinned client pulls with.
    #[serde(deserialize_with = "json::non_empty")]
    pub pinned_client_id: Option<String>,
    /// Since when.
    #[serde(with = "json::date")]
    pub pinned_ts: Option<Timestamp>,
}
