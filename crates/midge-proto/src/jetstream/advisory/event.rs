//! What can happen.

use crate::jetstream::json::{self, nullable, wire_enum};
use crate::jetstream::stream::{PeerInfo, State};
use crate::jetstream::timestamp::Timestamp;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::Deserialize;
use serde::de::DeserializeOwned;

wire_enum! {
    /// What was done to a stream or consumer.
    pub enum AssetAction {
        /// It was created.
        #[default]
        Create = "create",
        /// It was changed.
        Modify = "modify",
        /// It was deleted.
        Delete = "delete",
    }
}

wire_enum! {
    /// Why a batch was not stored.
    pub enum Abandonment {
        /// No message came for too long.
        #[default]
        Timeout = "timeout",
        /// It has too many messages.
        Large = "large",
        /// A message of it is missing.
        Incomplete = "incomplete",
        /// It needs what the server does not have.
        Unsupported = "unsupported",
    }
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ApiClient {
    /// The address.
    #[serde(deserialize_with = "json::non_empty")]
    pub host: Option<String>,
    /// Its number at its server.
    pub id: u64,
    /// The account.
    #[serde(rename = "acc", deserialize_with = "json::non_empty")]
    pub account: Option<String>,
    /// The user.
    #[serde(deserialize_with = "json::non_empty")]
    pub user: Option<String>,
    /// The name that the client gave itself.
    #[serde(deserialize_with = "json::non_empty")]
    pub name: Option<String>,
    /// The language of the client.
    #[serde(rename = "lang", deserialize_with = "json::non_empty")]
    pub language: Option<String>,
    /// The version of the client.
    #[serde(rename = "ver", deserialize_with = "json::non_empty")]
    pub version: Option<String>,
    /// The server that the client is connected to.
    #[serde(deserialize_with = "json::non_empty")]
    pub server: Option<String>,
}

/// A request to the API was answered.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ApiAudit {
    /// The server that answered.
    pub server: String,
    /// Who asked for it.
    #[serde(deserialize_with = "nullable")]
    pub client: ApiClient,
    /// The subject of the request.
    pub subject: String,
    /// The body of the request.
    pub request: String,
    /// The body of the answer.
    pub response: String,
}

/// So many requests waited that a server dropped some.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ApiLimitReached {
    /// The server.
    pub server: String,
    /// Requests that were dropped.
    pub dropped: u64,
}

/// A stream was created, changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StreamAction {
    /// The stream.
    pub stream: String,
    /// What was done.
    pub action: AssetAction,
}

/// A consumer was created or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ConsumerAction {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// What was done.
    pub action: AssetAction,
}

/// A consumer was paused, or goes on.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ConsumerPause {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// Whether it is paused.
    pub paused: bool,
    /// Until when.
    #[serde(with = "json::date")]
    pub pause_until: Option<Timestamp>,
}

/// A message was delivered as often as its consumer allows, without an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct MaxDeliveries {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// The sequence of the message in the stream.
    #[serde(rename = "stream_seq")]
    pub stream_sequence: u64,
    /// How often the message was delivered.
    pub deliveries: u64,
}

/// A message was refused and will be delivered again.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct MessageNaked {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// The delivery of the consumer.
    #[serde(rename = "consumer_seq")]
    pub consumer_sequence: u64,
    /// The sequence of the message in the stream.
    #[serde(rename = "stream_seq")]
    pub stream_sequence: u64,
    /// How often the message was delivered.
    pub deliveries: u64,
}

/// A message was given up by who got it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct MessageTerminated {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// The delivery of the consumer.
    #[serde(rename = "consumer_seq")]
    pub consumer_sequence: u64,
    /// The sequence of the message in the stream.
    #[serde(rename = "stream_seq")]
    pub stream_sequence: u64,
    /// How often the message was delivered.
    pub deliveries: u64,
    /// Why, if that was said.
    #[serde(deserialize_with = "json::non_empty")]
    pub reason: Option<String>,
}

/// A client was pinned in a priority group.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct GroupPinned {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// The group.
    pub group: String,
    /// The id that the pinned client pulls with.
    pub pinned_id: String,
}

/// A client is not pinned in a priority group any more.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct GroupUnpinned {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// The group.
    pub group: String,
    /// Why: `admin` or `timeout`.
    pub reason: String,
}

/// How long an acknowledgement took: a metric, of consumers with a sampling frequency.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AckSample {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// The delivery of the consumer.
    #[serde(rename = "consumer_seq")]
    pub consumer_sequence: u64,
    /// The sequence of the message in the stream.
    #[serde(rename = "stream_seq")]
    pub stream_sequence: u64,
    /// How often the message was delivered.
    pub deliveries: u64,
    /// Time from the delivery to the acknowledgement.
    #[serde(with = "json::nanos")]
    pub ack_time: Duration,
}

/// A backup of a stream began.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SnapshotCreate {
    /// The stream.
    pub stream: String,
    /// What is in the stream.
    #[serde(deserialize_with = "nullable")]
    pub state: State,
    /// Who asked for it.
    #[serde(deserialize_with = "nullable")]
    pub client: ApiClient,
}

/// A backup of a stream ended, well or not.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SnapshotComplete {
    /// The stream.
    pub stream: String,
    /// When it began.
    #[serde(with = "json::date")]
    pub start: Option<Timestamp>,
    /// When it ended.
    #[serde(with = "json::date")]
    pub end: Option<Timestamp>,
    /// Who asked for it.
    #[serde(deserialize_with = "nullable")]
    pub client: ApiClient,
}

/// A stream began to be restored.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RestoreCreate {
    /// The stream.
    pub stream: String,
    /// Who asked for it.
    #[serde(deserialize_with = "nullable")]
    pub client: ApiClient,
}

/// A stream is restored, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RestoreComplete {
    /// The stream.
    pub stream: String,
    /// When it began.
    #[serde(with = "json::date")]
    pub start: Option<Timestamp>,
    /// When it ended.
    #[serde(with = "json::date")]
    pub end: Option<Timestamp>,
    /// Bytes of the backup.
    pub bytes: u64,
    /// Who asked for it.
    #[serde(deserialize_with = "nullable")]
    pub client: ApiClient,
}

/// A batch was not stored.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct BatchAbandoned {
    /// The stream.
    pub stream: String,
    /// The id of the batch.
    pub batch: String,
    /// Why.
    pub reason: Abandonment,
}

/// A stream has another leader.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StreamLeader {
    /// The stream.
    pub stream: String,
    /// The server that leads from now on.
    #[serde(deserialize_with = "json::non_empty")]
    pub leader: Option<String>,
    /// The servers that have it.
    #[serde(deserialize_with = "nullable")]
    pub replicas: Vec<PeerInfo>,
}

/// Most servers of a stream are gone: it stores nothing until they are back.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StreamPeers {
    /// The stream.
    pub stream: String,
    /// The servers that have it.
    #[serde(deserialize_with = "nullable")]
    pub replicas: Vec<PeerInfo>,
}

/// A consumer has another leader.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ConsumerLeader {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// The server that leads from now on.
    #[serde(deserialize_with = "json::non_empty")]
    pub leader: Option<String>,
    /// The servers that have it.
    #[serde(deserialize_with = "nullable")]
    pub replicas: Vec<PeerInfo>,
}

/// Most servers of a consumer are gone: it delivers nothing until they are back.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ConsumerPeers {
    /// The stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// The servers that have it.
    #[serde(deserialize_with = "nullable")]
    pub replicas: Vec<PeerInfo>,
}

/// All of JetStream has another leader; told in the system account.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct MetaLeader {
    /// The server that leads from now on.
    #[serde(deserialize_with = "json::non_empty")]
    pub leader: Option<String>,
    /// The servers that have it.
    #[serde(deserialize_with = "nullable")]
    pub replicas: Vec<PeerInfo>,
    /// The cluster.
    pub cluster: String,
}

/// A server has no room left; told in the system account.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ServerOutOfStorage {
    /// The server.
    pub server: String,
    /// Its id.
    pub server_id: String,
    /// The stream that has found it out.
    #[serde(deserialize_with = "json::non_empty")]
    pub stream: Option<String>,
    /// Its cluster.
    pub cluster: String,
}

/// A server was taken out of the cluster; told in the system account.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ServerRemoved {
    /// The server.
    pub server: String,
    /// Its id.
    pub server_id: String,
    /// Its cluster.
    pub cluster: String,
}

/// JetStream was rescued by an operator; told in the system account (2.15).
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct MetaRescue {
    /// The server.
    pub server: String,
    /// Its cluster.
    pub cluster: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdvisoryEvent {
    /// A request to the API was answered.
    ApiAudit(Box<ApiAudit>),
    /// So many requests waited that a server dropped some.
    ApiLimitReached(ApiLimitReached),
    /// A stream was created, changed or deleted.
    StreamAction(StreamAction),
    /// A consumer was created or deleted.
    ConsumerAction(ConsumerAction),
    /// A consumer was paused, or goes on.
    ConsumerPause(ConsumerPause),
    /// A message was delivered as often as its consumer allows, without an acknowledgement.
    MaxDeliveries(MaxDeliveries),
    /// A message was refused and will be delivered again.
    MessageNaked(MessageNaked),
    /// A message was given up by who got it.
    MessageTerminated(MessageTerminated),
    /// A client was pinned in a priority group.
    GroupPinned(GroupPinned),
    /// A client is not pinned in a priority group any more.
    GroupUnpinned(GroupUnpinned),
    /// How long an acknowledgement took: a metric, of consumers with a sampling frequency.
    AckSampled(AckSample),
    /// A backup of a stream began.
    SnapshotCreate(Box<SnapshotCreate>),
    /// A backup of a stream ended, well or not.
    SnapshotComplete(Box<SnapshotComplete>),
    /// A stream began to be restored.
    RestoreCreate(Box<RestoreCreate>),
    /// A stream is restored, or could not be.
    RestoreComplete(Box<RestoreComplete>),
    /// A batch was not stored.
    BatchAbandoned(BatchAbandoned),
    /// A stream has another leader.
    StreamLeaderElected(StreamLeader),
    /// Most servers of a stream are gone: it stores nothing until they are back.
    StreamQuorumLost(StreamPeers),
    /// A consumer has another leader.
    ConsumerLeaderElected(ConsumerLeader),
    /// Most servers of a consumer are gone: it delivers nothing until they are back.
    ConsumerQuorumLost(ConsumerPeers),
    /// All of JetStream has another leader; told in the system account.
    MetaLeaderElected(MetaLeader),
    /// A server has no room left; told in the system account.
    ServerOutOfStorage(ServerOutOfStorage),
    /// A server was taken out of the cluster; told in the system account.
    ServerRemoved(ServerRemoved),
    /// JetStream was rescued by an operator; told in the system account (2.15).
    MetaRescue(MetaRescue),
    /// What this version does not know; [`Advisory::body`](super::Advisory::body) has it.
    Unknown,
}

/// The prefixes of the kinds; what is behind them names one.
const KINDS: [&str; 2] = ["io.nats.jetstream.advisory.v1.", "io.nats.jetstream.metric.v1."];

impl AdvisoryEvent {
    pub(super) fn read(kind: &str, body: &[u8]) -> Self {
        fn event<T: DeserializeOwned>(
            body: &[u8],
            event: impl FnOnce(T) -> AdvisoryEvent,
        ) -> AdvisoryEvent {
            json::read(body).map_or(AdvisoryEvent::Unknown, event)
        }

        match KINDS.iter().find_map(|prefix| kind.strip_prefix(prefix)).unwrap_or_default() {
            "api_audit" => event(body, Self::ApiAudit),
            "api_limit_reached" => event(body, Self::ApiLimitReached),
            "stream_action" => event(body, Self::StreamAction),
            "consumer_action" => event(body, Self::ConsumerAction),
            "consumer_pause" => event(body, Self::ConsumerPause),
            "max_deliver" => event(body, Self::MaxDeliveries),
            "nak" => event(body, Self::MessageNaked),
            "terminated" => event(body, Self::MessageTerminated),
            "consumer_group_pinned" => event(body, Self::GroupPinned),
            "consumer_group_unpinned" => event(body, Self::GroupUnpinned),
            "consumer_ack" => event(body, Self::AckSampled),
            "snapshot_create" => event(body, Self::SnapshotCreate),
            "snapshot_complete" => event(body, Self::SnapshotComplete),
            "restore_create" => event(body, Self::RestoreCreate),
            "restore_complete" => event(body, Self::RestoreComplete),
            "stream_batch_abandoned" => event(body, Self::BatchAbandoned),
            "stream_leader_elected" => event(body, Self::StreamLeaderElected),
            "stream_quorum_lost" => event(body, Self::StreamQuorumLost),
            "consumer_leader_elected" => event(body, Self::ConsumerLeaderElected),
            "consumer_quorum_lost" => event(body, Self::ConsumerQuorumLost),
            "domain_leader_elected" => event(body, Self::MetaLeaderElected),
            "server_out_of_space" => event(body, Self::ServerOutOfStorage),
            "server_removed" => event(body, Self::ServerRemoved),
            "meta_rescue" => event(body, Self::MetaRescue),
            _ => Self::Unknown,
        }
    }

    /// The stream and the consumer it is about.
    pub(super) fn asset(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::StreamAction(it) => (Some(&it.stream), None),
            Self::ConsumerAction(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::ConsumerPause(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::MaxDeliveries(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::MessageNaked(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::MessageTerminated(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::GroupPinned(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::GroupUnpinned(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::AckSampled(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::SnapshotCreate(it) => (Some(&it.stream), None),
            Self::SnapshotComplete(it) => (Some(&it.stream), None),
            Self::RestoreCreate(it) => (Some(&it.stream), None),
            Self::RestoreComplete(it) => (Some(&it.stream), None),
            Self::BatchAbandoned(it) => (Some(&it.stream), None),
            Self::StreamLeaderElected(it) => (Some(&it.stream), None),
            Self::StreamQuorumLost(it) => (Some(&it.stream), None),
            Self::ConsumerLeaderElected(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::ConsumerQuorumLost(it) => (Some(&it.stream), Some(&it.consumer)),
            Self::ServerOutOfStorage(it) => (it.stream.as_deref(), None),
            Self::ApiAudit(_)
            | Self::ApiLimitReached(_)
            | Self::MetaLeaderElected(_)
            | Self::ServerRemoved(_)
            | Self::MetaRescue(_)
            | Self::Unknown => (None, None),
        }
    }
}
