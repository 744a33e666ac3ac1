//! What ends a stream of frames.

use crate::snippet::Snippet;
use core::fmt;

/// The stream of bytes cannot go on: the peer is out of step, or hostile.
///
/// Nothing behind the place of the error can be trusted; the connection has to be given up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DecodeError {
    /// A line began with none of the protocol's verbs.
    UnknownOperation {
        /// How the line began.
        line: Snippet,
    },
    /// A verb had too few, too many or unreadable arguments.
    InvalidArguments {
        /// How the line began.
        line: Snippet,
    },
    /// No line end came within the limit.
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A message announced more bytes than the limit allows.
    MessageTooLarge {
        /// The announced size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A message announced a header block longer than the whole message.
    HeadersLongerThanMessage {
        /// The announced length of the header block in bytes.
        headers: usize,
        /// The announced length of the message in bytes.
        total: usize,
    },
    /// The counted bytes of a message were not followed by a line end.
    MissingTerminator {
        /// What stood there.
        found: Snippet,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOperation { line } => write!(f, "unknown protocol operation {line}"),
            Self::InvalidArguments { line } => write!(f, "invalid arguments in {line}"),
            Self::LineTooLong { limit } => write!(f, "no line end within {limit} bytes"),
            Self::MessageTooLarge { size, limit } => {
                write!(f, "message of {size} bytes is over the limit of {limit}")
            }
            Self::HeadersLongerThanMessage { headers, total } => {
                write!(f, "header block of {headers} bytes in a message of {total}")
            }
            Self::MissingTerminator { found } => {
                write!(f, "message is followed by {found} where a line end must be")
            }
        }
    }
}

impl core::error::Error for DecodeError {}
