//! Messages of streams: delivered, stored and to be published.

mod ack;
pub(super) mod get;
mod info;
mod stored;

pub use super::publish::PublishMessage;
pub use ack::AckKind;
pub use get::BatchEnd;
pub use info::{Info, InvalidAckSubject};
pub use stored::{StreamMessage, StreamMessageError, StreamMessageErrorKind, StreamValue};

#[cfg(test)]
mod tests;
