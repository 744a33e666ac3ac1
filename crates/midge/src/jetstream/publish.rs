//! Acknowledgements of published messages, and publishing many of them.

mod ack;
mod batch;
mod fast;
mod publisher;
mod tray;

pub use super::error::BatchPublishErrorKind;
pub use ack::PublishAckFuture;
pub use batch::{BatchPublish, BatchPublishBuilder, BatchPublishError};
pub use fast::{FastPublishBuilder, FastPublisher};
pub use midge_proto::jetstream::{
    BatchFault, BatchId, GapMode, IngestEvent, IngestFault, PublishAck,
};
pub use publisher::{
    PublishCounts, PublishFailure, PublishFailures, PublishOrder, Publisher, Tally,
};
pub(crate) use tray::TraySlot;

use super::error::{CallError, PublishErrorKind};

/// A message is not in a stream, or not known to be.
pub type PublishError = CallError<PublishErrorKind>;
