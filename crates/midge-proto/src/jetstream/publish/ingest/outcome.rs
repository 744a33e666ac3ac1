//! What becomes of messages on their way into a stream.

use crate::jetstream::api::ApiError;
use crate::message::OutboundMessage;
use core::fmt;

/// Why a message is not stored, or not known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IngestFault {
    /// The stream refused it, or the batch as a whole.
    Api(ApiError),
    /// It was lost on the way, and the batch went on.
    Lost,
    /// The batch ended without saying how far it came. The message may be stored; it has no message
    /// id, so it was not sent again.
    Uncertain,
    /// Nothing was heard in time, again and again.
    Silence,
    /// A message before it was refused, and the batch ended there.
    Ended,
    /// The client ended before the stream said how far it came. The message may be stored.
    Closed,
}

impl fmt::Display for IngestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api(error) => return error.fmt(f),
            Self::Lost => "the message was lost on the way",
            Self::Uncertain => "the batch was lost; the message may be stored and has no id",
            Self::Silence => "the stream said nothing in time",
            Self::Ended => "a message before was refused, which ended the batch",
            Self::Closed => "the client ended before an answer came; the message may be stored",
        })
    }
}

impl core::error::Error for IngestFault {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Api(error) => Some(error),
            Self::Lost | Self::Uncertain | Self::Silence | Self::Ended | Self::Closed => None,
        }
    }
}

/// A message that is not stored, or not known to be.
#[derive(Clone, Debug)]
pub struct IngestFailure {
    /// Which message it was, counted from 0.
    pub number: u64,
    /// The message.
    pub message: OutboundMessage,
    /// Why.
    pub fault: IngestFault,
}

/// News of fast ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IngestEvent {
    /// So many messages were lost on the way. They are sent again, if the batch ends at a gap, and
    /// failures otherwise.
    Gap {
        /// How many.
        messages: u64,
    },
    /// The stream refused a message.
    Refused {
        /// Which, counted from 0.
        number: u64,
    },
    /// The stream was asked how far it is, because nothing was heard or the connection was new.
    Asked,
    /// A new batch begins with what is not stored yet.
    Again {
        /// Messages that are sent again.
        messages: u64,
    },
}
