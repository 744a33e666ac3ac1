//! The states of a connection: each holds what it needs and nothing else.

use super::{DialId, Step};
use crate::pool::ServerId;
use crate::server_addr::ServerAddr;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

/// One attempt to connect.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) server: ServerId,
    /// Addresses still to be dialed.
    pub(super) addresses: VecDeque<SocketAddr>,
    /// Dials under way, side by side.
    pub(super) dials: Vec<Dial>,
    /// When the next address is dialed beside those under way.
    pub(super) dial_next_at: Option<Instant>,
    /// The one that was dialed or failed last, or is connected.
    pub(super) address: Option<SocketAddr>,
    pub(super) give_up_at: Instant,
    pub(super) protection: Protection,
    /// Bytes of the CONNECT sent.
    pub(super) connect_len: usize,
}

/// One dial under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dial {
    pub(super) id: DialId,
    /// Unknown where the dialer looks the name up.
    pub(super) address: Option<SocketAddr>,
}

/// What protects the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Protection {
    Clear,
    /// By TLS with this peer.
    Secured(Peer),
}

/// Who is at the other end of a TLS session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Peer {
    /// The owner of a certificate that was verified to carry this name.
    Verified(String),
    /// Anybody: no certificate was verified, or by rules that are not known here.
    Unverified,
}

#[derive(Debug)]
pub(super) enum State {
    /// Waits for the application to pick a server or a delay.
    Choosing {
        picked: Option<ServerId>,
        give_up_at: Instant,
    },
    Backoff {
        server: ServerId,
        until: Instant,
    },
    Resolving(Attempt),
    Dialing(Attempt),
    Layering {
        attempt: Attempt,
        layer: Layer,
    },
    AwaitInfo(Attempt),
    Securing {
        attempt: Attempt,
        info: Info,
    },
    Authenticating(Attempt),
    AwaitPong(Attempt),
    Settling {
        attempt: Attempt,
        probe: Probe,
    },
    Ready(Ready),
    Closed,
}

impl State {
    /// There is no stream, and what comes next is decided within the same call.
    pub(super) fn undecided(now: Instant) -> Self {
        Self::Choosing { picked: None, give_up_at: now }
    }

    /// The attempt under way, and how far it came.
    pub(super) fn attempt(&self) -> Option<(&Attempt, Step)> {
        match self {
            Self::Resolving(attempt) => Some((attempt, Step::Resolve)),
            Self::Dialing(attempt) => Some((attempt, Step::Dial)),
            Self::Layering { attempt, layer: Layer::Proxy } => Some((attempt, Step::Proxy)),
            Self::Layering { attempt, layer: Layer::WebSocket } => Some((attempt, Step::WebSocket)),
            Self::AwaitInfo(attempt) => Some((attempt, Step::Info)),
            Self::Securing { attempt, .. } => Some((attempt, Step::Tls)),
            Self::Authenticating(attempt) => Some((attempt, Step::Credentials)),
            Self::AwaitPong(attempt) | Self::Settling { attempt, .. } => {
                Some((attempt, Step::Connect))
            }
            Self::Choosing { .. } | Self::Backoff { .. } | Self::Ready(_) | Self::Closed => None,
        }
    }
}

/// What is being put over the stream before INFO comes, beside TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// A proxy is asked to carry the stream on.
    Proxy,
    WebSocket,
}

/// Whether INFO came before TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Info {
    Read,
    Awaited,
}

/// The PING that stands in for a second INFO where a server sends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    Unsent,
    Sent,
}

#[derive(Debug)]
pub(super) struct Ready {
    pub(super) server: ServerId,
    /// Kept here because the pool may lose the server while it is connected.
    pub(super) addr: ServerAddr,
    pub(super) address: Option<SocketAddr>,
    pub(super) protection: Protection,
    pub(super) since: Instant,
    /// When the next keep-alive PING goes out.
    pub(super) ping_at: Instant,
    /// When a socket that takes nothing is given up.
    pub(super) write_stalled_at: Option<Instant>,
    pub(super) reading: Reading,
}

/// Whether the driver reads; while it does not, silence proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Running,
    Paused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectedBefore {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsLock {
    Open,
    Locked,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Not connected, and on the way to be for the first time.
    Connecting,
    /// Connected.
    Connected,
    /// Not connected any more, and on the way to be again.
    Reconnecting,
    /// Over.
    Closed,
}
