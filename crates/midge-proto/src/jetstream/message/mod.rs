//! Messages of streams: delivered, stored and to be published.

mod ack;
mod batch_read;
mod gather;
pub(super) mod get;
mod info;
mod lag;
mod stored;

pub use super::publish::PublishMessage;
pub use ack::{AckKind, ack_and_pull};
pub use batch_read::{BatchRead, BatchReadAction, BatchReadEnd, BatchReadFault};
pub use gather::AckGather;
pub use get::BatchEnd;
pub use info::{Info, InvalidAckSubject};
pub use lag::Lag;
pub use stored::{StreamMessage, StreamMessageError, StreamMessageErrorKind, StreamValue};

#[cfg(test)]
mod tests;
