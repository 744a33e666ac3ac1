//! Orders to the driver, and news for people.

use super::failure::{AttemptFailure, CloseReason, LostReason};
use crate::discovery::Refused;
use crate::info::ServerInfo;
use crate::outbox::{Cut, FenceId, ServerLimits};
use crate::pool::{Login, Server};
use crate::proxy::Proxy;
use crate::server_addr::ServerAddr;
use crate::server_error::ServerError;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

/// An order to the driver. The docs of each say which call answers it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Look up the addresses of a host: answered by `handle_resolved`.
    Resolve {
        /// A host name.
        host: String,
        /// The port to put into the addresses.
        port: u16,
    },
    /// Open a byte stream: answered by `handle_dialed` or `handle_dial_failed`.
    ///
    /// Several may be under way side by side. The first stream that is open is taken; the others
    /// are to be given up.
    Dial {
        /// Which dial it is; the answer names it.
        dial: DialId,
        /// Where to.
        target: Target,
        /// The server as configured or announced.
        server: ServerAddr,
    },
    /// Ask the proxy at the other end of the stream to carry it on to the server, by
    /// [`ProxyDialog`](crate::proxy::ProxyDialog): answered by `handle_tunneled` or
    /// `handle_proxy_failed`.
    StartTunnel {
        /// The proxy.
        proxy: Proxy,
        /// The server's host.
        host: String,
        /// The server's port.
        port: u16,
    },
    /// Begin a WebSocket on the stream: answered by `handle_upgraded` or
    /// `handle_websocket_failed`.
    StartWebSocket {
        /// The server, with the path to ask for.
        server: ServerAddr,
    },
    /// Start TLS on the stream: answered by `handle_secured` or `handle_tls_failed`.
    ///
    /// Plaintext that was read behind INFO must be reported by `handle_plaintext` first.
    StartTls {
        /// The name that the certificate has to carry.
        name: String,
    },
    /// Provide credentials: answered by `handle_authenticated`.
    Authenticate {
        /// Who will get them.
        server: ServerAddr,
        /// What it said, with the nonce to sign.
        info: Arc<ServerInfo>,
        /// Whether it may have secrets.
        scope: Scope,
        /// What a URL says; it comes before other credentials.
        login: Option<Login>,
    },
    /// Pick the server of the next attempt: answered by `handle_server_chosen`.
    ChooseServer {
        /// All there are.
        servers: Vec<Server>,
        /// What the last server said.
        info: Arc<ServerInfo>,
    },
    /// Name the delay before the next attempt: answered by `handle_delay_chosen`.
    ChooseDelay {
        /// Attempts since the last success, this one included.
        attempt: usize,
    },
    /// Drop the stream, or whatever is going on to get one. Not answered.
    Hangup,
    /// The connection is ready: let the outbox go. Not answered.
    ///
    /// The driver registers what was subscribed meanwhile, calls `replay`, and then opens the
    /// outbox with these limits.
    Online(ServerLimits),
    /// The server's limits changed. Not answered.
    Limits(ServerLimits),
    /// The connection is lost: stop the outbox and report its fate. Not answered.
    Offline {
        /// Why.
        reason: LostReason,
        /// What it means for the frame that was cut.
        cut: Cut,
    },
    /// Tell whoever waits for this fence that its PONG has come. Not answered.
    FencePassed {
        /// Which.
        fence: FenceId,
        /// From the PING's way to the socket until its PONG.
        round_trip: Duration,
    },
    /// Tell whoever waits for these that their connection is gone. Not answered.
    FencesFailed(Vec<FenceId>),
    /// All is over. Not answered.
    Close(CloseReason),
}

/// Tells dials of one connection apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub struct DialId(pub(super) u64);

/// What to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address.
    Address(SocketAddr),
    /// A host name that the dialer resolves, and a port.
    Name(String, u16),
    /// A Unix-domain socket, by its path.
    Path(String),
}

impl core::fmt::Display for Target {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
            Self::Path(path) => f.write_str(path),
        }
    }
}

/// Whether a server may have passwords and tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It may.
    Everything,
    /// Signatures only.
    SignaturesOnly,
}

/// News for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// An attempt failed; more may follow.
    AttemptFailed(AttemptFailure),
    /// A server was announced that was not known before.
    Discovered(ServerAddr),
    /// An announced address was not taken.
    Refused {
        /// As announced.
        address: String,
        /// Why.
        reason: Refused,
    },
    /// A server was skipped because it may not have the password, token or bearer JWT.
    SecretsWithheld(ServerAddr),
    /// The server will shut down soon.
    LameDuck,
    /// The server complained and the connection lives on.
    ServerError(ServerError),
}
