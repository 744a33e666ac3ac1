//! Which advisories, as subjects.

use crate::jetstream::names::{ConsumerName, StreamName};
use crate::subject::Subject;
use alloc::format;
use alloc::vec::Vec;
use alloc::{string::ToString, vec};

const ADVISORY: &str = "$JS.EVENT.ADVISORY";
const METRIC: &str = "$JS.EVENT.METRIC";

/// A kind of advisory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AdvisoryKind {
    /// Requests to the API and their answers.
    ApiAudit,
    /// Requests to the API that were dropped.
    ApiLimitReached,
    /// Streams that were created.
    StreamCreated,
    /// Streams that were changed.
    StreamUpdated,
    /// Streams that were deleted.
    StreamDeleted,
    /// Backups that began.
    SnapshotCreate,
    /// Backups that ended.
    SnapshotComplete,
    /// Streams that begin to be restored.
    RestoreCreate,
    /// Streams that are restored.
    RestoreComplete,
    /// Streams with another leader.
    StreamLeaderElected,
    /// Streams that lost most of their servers.
    StreamQuorumLost,
    /// Batches that were not stored.
    BatchAbandoned,
    /// Consumers that were created.
    ConsumerCreated,
    /// Consumers that were deleted.
    ConsumerDeleted,
    /// Consumers that were paused or go on.
    ConsumerPause,
    /// Consumers with another leader.
    ConsumerLeaderElected,
    /// Consumers that lost most of their servers.
    ConsumerQuorumLost,
    /// Messages that were delivered as often as is allowed.
    MaxDeliveries,
    /// Messages that were refused.
    MessageNaked,
    /// Messages that were given up.
    MessageTerminated,
    /// Clients that were pinned.
    GroupPinned,
    /// Clients that are not pinned any more.
    GroupUnpinned,
    /// Times that acknowledgements took.
    AckSampled,
    /// Another leader of all of JetStream (system account).
    MetaLeaderElected,
    /// Servers without room (system account).
    ServerOutOfStorage,
    /// Servers that were taken out (system account).
    ServerRemoved,
    /// Rescues by an operator (system account).
    MetaRescue,
}

/// What the subjects of a kind end with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Servers,
    Stream,
    Consumer,
}

impl AdvisoryKind {
    const fn place(self) -> (&'static str, About) {
        match self {
            Self::ApiAudit => ("API", About::Servers),
            Self::ApiLimitReached => ("API.LIMIT_REACHED", About::Servers),
            Self::StreamCreated => ("STREAM.CREATED", About::Stream),
            Self::StreamUpdated => ("STREAM.UPDATED", About::Stream),
            Self::StreamDeleted => ("STREAM.DELETED", About::Stream),
            Self::SnapshotCreate => ("STREAM.SNAPSHOT_CREATE", About::Stream),
            Self::SnapshotComplete => ("STREAM.SNAPSHOT_COMPLETE", About::Stream),
            Self::RestoreCreate => ("STREAM.RESTORE_CREATE", About::Stream),
            Self::RestoreComplete => ("STREAM.RESTORE_COMPLETE", About::Stream),
            Self::StreamLeaderElected => ("STREAM.LEADER_ELECTED", About::Stream),
            Self::StreamQuorumLost => ("STREAM.QUORUM_LOST", About::Stream),
            Self::BatchAbandoned => ("STREAM.BATCH_ABANDONED", About::Stream),
            Self::ConsumerCreated => ("CONSUMER.CREATED", About::Consumer),
            Self::ConsumerDeleted => ("CONSUMER.DELETED", About::Consumer),
            Self::ConsumerPause => ("CONSUMER.PAUSE", About::Consumer),
            Self::ConsumerLeaderElected => ("CONSUMER.LEADER_ELECTED", About::Consumer),
            Self::ConsumerQuorumLost => ("CONSUMER.QUORUM_LOST", About::Consumer),
            Self::MaxDeliveries => ("CONSUMER.MAX_DELIVERIES", About::Consumer),
            Self::MessageNaked => ("CONSUMER.MSG_NAKED", About::Consumer),
            Self::MessageTerminated => ("CONSUMER.MSG_TERMINATED", About::Consumer),
            Self::GroupPinned => ("CONSUMER.PINNED", About::Consumer),
            Self::GroupUnpinned => ("CONSUMER.UNPINNED", About::Consumer),
            Self::AckSampled => ("CONSUMER.ACK", About::Consumer),
            Self::MetaLeaderElected => ("DOMAIN.LEADER_ELECTED", About::Servers),
            Self::ServerOutOfStorage => ("SERVER.OUT_OF_STORAGE", About::Servers),
            Self::ServerRemoved => ("SERVER.REMOVED", About::Servers),
            Self::MetaRescue => ("SERVER.META_RESCUE", About::Servers),
        }
    }

    const fn root(self) -> &'static str {
        if matches!(self, Self::AckSampled) { METRIC } else { ADVISORY }
    }
}

/// Which advisories are wanted: all, unless something is said.
///
/// ```
/// use midge_proto::jetstream::advisory::{AdvisoryFilter, AdvisoryKind};
/// use midge_proto::jetstream::StreamName;
///
/// let filter = AdvisoryFilter::new()
///     .kinds([AdvisoryKind::MaxDeliveries])
///     .stream(StreamName::new("ORDERS")?);
/// assert_eq!(filter.subjects(), ["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.ORDERS.*"]);
/// # Ok::<(), midge_proto::jetstream::InvalidName>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AdvisoryFilter {
    kinds: Vec<AdvisoryKind>,
    stream: Option<StreamName>,
    consumer: Option<ConsumerName>,
}

impl AdvisoryFilter {
    /// All advisories and metrics, those that this version does not know among them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only of these kinds.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = AdvisoryKind>) -> Self {
        self.kinds.extend(kinds);
        self.kinds.sort_unstable();
        self.kinds.dedup();
        self
    }

    /// Only about this stream and its consumers; kinds that are about no stream are left out.
    #[must_use]
    pub fn stream(mut self, stream: StreamName) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Only about the consumer of this name, of any stream or of that which was set; kinds that are
    /// about no consumer are left out.
    #[must_use]
    pub fn consumer(mut self, consumer: ConsumerName) -> Self {
        self.consumer = Some(consumer);
        self
    }

    /// The subjects to subscribe to. No advisory has two of them.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        let stream = self.stream.as_ref().map_or_else(|| "*".into(), ToString::to_string);
        let consumer = self.consumer.as_ref().map_or_else(|| "*".into(), ToString::to_string);
        let texts = if self.kinds.is_empty() {
            let of_consumers = |root| format!("{root}.CONSUMER.*.{stream}.{consumer}");
            match (&self.stream, &self.consumer) {
                (None, None) => vec![format!("{ADVISORY}.>"), format!("{METRIC}.>")],
                (_, Some(_)) => vec![of_consumers(ADVISORY), of_consumers(METRIC)],
                (Some(_), None) => vec![
                    format!("{ADVISORY}.STREAM.*.{stream}"),
                    of_consumers(ADVISORY),
                    of_consumers(METRIC),
                ],
            }
        } else {
            let subject = |kind: &AdvisoryKind| {
                let root = kind.root();
                match (kind.place(), &self.stream, &self.consumer) {
                    ((path, About::Servers), None, None) => Some(format!("{root}.{path}")),
                    ((path, About::Stream), _, None) => Some(format!("{root}.{path}.{stream}")),
                    ((path, About::Consumer), _, _) => {
                        Some(format!("{root}.{path}.{stream}.{consumer}"))
                    }
                    ((_, About::Servers | About::Stream), _, _) => None,
                }
            };
            self.kinds.iter().filter_map(subject).collect()
        };
        texts.into_iter().map(Subject::from).collect()
    }
}
