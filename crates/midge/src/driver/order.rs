//! What the driver and its adapter say to each other.

use crate::runtime::SocketOptions;

/// What the adapter has to do about the stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Order {
    /// Look up the addresses of a host and answer with
    /// [`handle_resolved`](crate::Driver::handle_resolved).
    Resolve {
        /// The host name.
        host: String,
        /// The port to put into the addresses.
        port: u16,
    },
    /// Open a stream and answer with [`handle_dialed`](crate::Driver::handle_dialed) or
    /// [`handle_dial_failed`](crate::Driver::handle_dial_failed).
    Dial {
        /// Where to.
        target: midge_proto::Target,
        /// How to set up the socket.
        options: SocketOptions,
    },
    /// Close the stream, or drop whatever is going on to get one. Not answered.
    Hangup,
}

/// Whether there is work left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// None: the waker will be woken.
    Idle,
    /// Some: go on.
    Work,
}
