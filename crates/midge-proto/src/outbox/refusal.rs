//! Why something cannot be sent.

use core::fmt;
use core::time::Duration;

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Too much waits to be written: wait for [`Outbox::has_room`](super::Outbox::has_room), or,
    /// where there is no connection and the policy is to wait, for
    /// [`Outbox::offline_wait`](super::Outbox::offline_wait).
    Full,
    /// Not connected, and the buffer for that is full.
    BufferFull {
        /// The limit in bytes.
        limit: usize,
    },
    /// Not connected, and as many messages are kept as may be.
    TooManyBuffered {
        /// The limit in messages.
        limit: usize,
    },
    /// Neither room nor a connection came in the time that the policy allows.
    WaitedInVain {
        /// That time.
        after: Duration,
    },
    /// Not connected, the buffer for that is full, and the policy is to drop the message, which is
    /// counted.
    Discarded,
    /// The message is larger than the server takes.
    MaxPayloadExceeded {
        /// Headers and payload in bytes.
        size: usize,
        /// What the server takes in bytes.
        limit: usize,
    },
    /// The server takes no headers.
    HeadersNotSupported,
    /// There is no connection on which it could be answered.
    Disconnected,
    /// The client is being drained.
    Draining,
    /// The client was closed.
    Closed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("too many bytes wait to be written"),
            Self::BufferFull { limit } => {
                write!(f, "not connected, and the reconnect buffer of {limit} bytes is full")
            }
            Self::TooManyBuffered { limit } => {
                write!(f, "not connected, and {limit} messages are kept already")
            }
            Self::WaitedInVain { after } => {
                write!(f, "neither a connection nor room in the reconnect buffer within {after:?}")
            }
            Self::Discarded => {
                f.write_str("not connected, and the reconnect buffer is full: dropped")
            }
            Self::MaxPayloadExceeded { size, limit } => {
                write!(f, "message of {size} bytes is over the server's max_payload of {limit}")
            }
            Self::HeadersNotSupported => f.write_str("the server does not support headers"),
            Self::Disconnected => f.write_str("not connected"),
            Self::Draining => f.write_str("the client is draining"),
            Self::Closed => f.write_str("the client is closed"),
        }
    }
}

impl core::error::Error for Refusal {}
