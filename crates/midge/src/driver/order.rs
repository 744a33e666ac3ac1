//! What the driver and its adapter say to each other.

use crate::dialer::CustomDial;
use crate::runtime::SocketOptions;
use midge_proto::{DialId, Target};

/// What the adapter has to do about the stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Order {
    /// Look up the addresses of a host and answer with
    /// [`handle_resolved`](crate::DriverMachine::handle_resolved).
    Resolve {
        /// The host name.
        host: String,
        /// The port to put into the addresses.
        port: u16,
    },
    /// Open a stream and answer with [`handle_dialed`](crate::DriverMachine::handle_dialed) or
    /// [`handle_dial_failed`](crate::DriverMachine::handle_dial_failed).
    ///
    /// Several may be under way side by side, one for each address of a host. The first that opens
    /// is taken; the others are to be dropped then. An adapter that does one after the other loses
    /// nothing but time.
    Dial {
        /// Which dial it is; the answer names it.
        dial: DialId,
        /// Where to.
        target: Target,
        /// How to set up the socket.
        options: SocketOptions,
    },
    /// As [`Dial`](Self::Dial), by the application's own function: poll the future, carry the
    /// stream that it returns, and answer with [`handle_dialed_secured`](crate::DriverMachine::handle_dialed_secured) where the stream
    /// has a verified name.
    DialCustom {
        /// Which dial it is; the answer names it.
        dial: DialId,
        /// The function's future.
        future: CustomDial,
    },
    /// Close the stream, or drop whatever is going on to get one. Not answered.
    Hangup {
        /// To be written before, as far as the socket takes it at once: the farewell of TLS or of a
        /// WebSocket. Often empty.
        last_words: Vec<u8>,
    },
}

/// Whether there is work left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// None: the waker will be woken.
    Idle,
    /// Some: go on.
    Work,
}
