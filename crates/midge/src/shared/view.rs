//! What handles see of the connection.

use crate::sync::Arc;
use core::net::SocketAddr;
use midge_proto::{CloseReason, RoundTrips, Server, ServerAddr, ServerError, ServerInfo};

/// Whether a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// On the way to the first connection.
    Pending,
    /// Connected.
    Connected,
    /// Not connected any more; attempts go on.
    Disconnected,
    /// Connected, and being drained.
    Draining,
    /// Closed for good.
    Closed,
}

impl core::fmt::Display for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Draining => "draining",
            Self::Closed => "closed",
        })
    }
}

/// What handles may see of the connection; the driver keeps it up to date.
///
/// Boxed is what most connections never have.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) state: State,
    /// How many connections were lost.
    pub(crate) losses: u64,
    pub(crate) info: Arc<ServerInfo>,
    pub(crate) raw_info: Arc<str>,
    pub(crate) server: Option<ServerAddr>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) servers: Vec<Server>,
    pub(crate) round_trips: RoundTrips,
    pub(crate) last_error: Option<Box<ServerError>>,
    pub(crate) close_reason: Option<Box<CloseReason>>,
    pub(crate) subscriptions: usize,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Box<crate::tls::TlsInfo>>,
}
