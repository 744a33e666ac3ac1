//! Streams: what they are, and the calls about them.

mod backup;
mod config;
mod info;
mod requests;
mod snapshot;
mod source;

pub use backup::{
    RESTORE_CHUNK_SIZE, RESTORE_WINDOW, RestoreStep, RestoreWriter, Restored, SNAPSHOT_PATIENCE,
    SnapshotFailure, SnapshotPart, SnapshotReader,
};
pub use config::{
    Compression, Config, ConsumerLimits, DiscardPolicy, PersistenceMode, Placement,
    RetentionPolicy, StorageType,
};
pub use info::{Alternate, ClusterInfo, Info, Lost, PeerInfo, SourceInfo, State};
pub use requests::{
    CancelMoveRequest, CreateRequest, DeleteMessageRequest, DeleteRequest, DeleteStatus,
    InfoRequest, LeaderStepDownRequest, ListRequest, NamesRequest, PagedInfo, PeerRemoveRequest,
    PurgeRequest, PurgeResponse, UpdateRequest,
};
pub use snapshot::{Restore, RestoreRequest, Snapshot, SnapshotRequest};
pub use source::{External, Republish, Source, StreamConsumerSource, SubjectTransform};

pub use super::message::get::{
    BatchGetRequest, BatchPart, DirectGetRequest, DirectValueRequest, RawMessageRequest,
};

#[cfg(test)]
mod tests;
