//! Acknowledgements of published messages, and publishing many of them.

mod ack;
mod publisher;

pub use ack::PublishAckFuture;
pub use midge_proto::jetstream::PublishAck;
pub use publisher::{PublishFailure, PublishFailures, Publisher};

use super::error::{CallError, PublishErrorKind};

/// A message is not in a stream, or not known to be.
pub type PublishError = CallError<PublishErrorKind>;
