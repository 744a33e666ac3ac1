//! Why a consumer does not know what became of a message.

use crate::jetstream::consumer::pull::{BatchError, MessagesError};
use core::fmt;

/// A consumer was not told what became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckError {
    /// It was told before.
    AlreadyAcknowledged,
    /// What was to be said before was not sent or not confirmed, and an acknowledgement behind it
    /// might contradict it: [`ack_unless_said`](super::Message::ack_unless_said) has sent nothing.
    SaidInVain,
    /// The message did not come from a consumer: it has no reply subject.
    NoReply,
    /// The acknowledgement was not sent.
    Publish(crate::PublishError),
    /// The acknowledgement was not confirmed; the consumer may have got it.
    Unconfirmed(crate::RequestError),
    /// A request for the next message cannot be confirmed.
    NotConfirmable,
    /// The next messages could not be asked for, and nothing was acknowledged.
    Fetch(BatchError),
    /// It is acknowledged, and the next message did not come.
    Next(MessagesError),
    /// It is on its way, and whether the server has it is not known.
    Flush(crate::FlushError),
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyAcknowledged => f.write_str("the message was acknowledged before"),
            Self::SaidInVain => f.write_str(
                "what was said of the message before did not get through: it comes again when its \
                 ack_wait is over, or say it anew",
            ),
            Self::NoReply => {
                f.write_str("the message has no reply subject: it does not come from a consumer")
            }
            Self::Publish(error) => write!(f, "the acknowledgement was not sent: {error}"),
            Self::Unconfirmed(error) => write!(f, "the acknowledgement was not confirmed: {error}"),
            Self::NotConfirmable => {
                f.write_str("a request for the next message is answered by that message")
            }
            Self::Fetch(error) => write!(f, "the next messages were not asked for: {error}"),
            Self::Next(error) => write!(f, "the next message did not come: {error}"),
            Self::Flush(error) => {
                write!(f, "whether the server has the acknowledgement is not known: {error}")
            }
        }
    }
}

impl core::error::Error for AckError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Publish(error) => Some(error),
            Self::Unconfirmed(error) => Some(error),
            Self::Fetch(error) => Some(error),
            Self::Next(error) => Some(error),
            Self::Flush(error) => Some(error),
            Self::AlreadyAcknowledged | Self::SaidInVain | Self::NoReply | Self::NotConfirmable => {
                None
            }
        }
    }
}

impl From<crate::PublishError> for AckError {
    fn from(error: crate::PublishError) -> Self {
        Self::Publish(error)
    }
}
