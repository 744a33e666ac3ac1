//! Why attempts fail, connections end and clients close.

use crate::decoder::DecodeError;
use crate::proxy::ProxyError;
use crate::server_addr::ServerAddr;
use crate::server_error::ServerError;
use alloc::string::String;
use core::fmt;
use core::net::SocketAddr;

/// One failed attempt to connect: which server, which address, at which step, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptFailure {
    /// The server.
    pub server: ServerAddr,
    /// The address dialed, once one was.
    pub address: Option<SocketAddr>,
    /// How far the attempt came.
    pub step: Step,
    /// Why it went no further.
    pub cause: Cause,
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Looking up the host name.
    Resolve,
    /// Opening the stream.
    Dial,
    /// Asking the proxy to carry the stream on.
    Proxy,
    /// Waiting for INFO.
    Info,
    /// The TLS handshake.
    Tls,
    /// The WebSocket handshake.
    WebSocket,
    /// Obtaining credentials.
    Credentials,
    /// Waiting for the PONG that accepts CONNECT.
    Connect,
}

/// Why an attempt went no further.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// The host name has no address, or could not be looked up.
    Dns(String),
    /// The operating system or the dialer said no.
    Io(String),
    /// The deadline of the whole attempt passed.
    TimedOut,
    /// The stream ended.
    Closed,
    /// The proxy refused, or is none.
    Proxy(ProxyError),
    /// The server refused the WebSocket, or does not speak it.
    WebSocket(WebSocketError),
    /// TLS failed.
    Tls(String),
    /// TLS was asked for and the server offers none.
    TlsNotOffered,
    /// Bytes in clear came behind INFO, where only TLS may follow: an attacker could have sent them.
    PlaintextBehindInfo {
        /// The text of an `-ERR` among them, which nobody vouches for.
        unauthenticated_error: Option<String>,
    },
    /// The server said so.
    Server(ServerError),
    /// The server does not speak the protocol.
    Protocol(DecodeError),
    /// Something else than the expected frame came.
    Unexpected(String),
    /// The credentials could not be had.
    Credentials(String),
    /// `CONNECT` is longer than a server takes by default, and the server ended the connection.
    ConnectTooLong {
        /// Its length in bytes; the default `max_control_line` is 4096.
        len: usize,
    },
}

/// Why a WebSocket is not to be had, or broke.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum WebSocketError {
    /// The answer to the request is another than "101 Switching Protocols".
    Status {
        /// The HTTP status.
        code: u16,
    },
    /// The answer lacks what proves that the server speaks WebSocket, or it is wrong.
    NotAccepted(String),
    /// A header of the request, its path or its host is not valid in HTTP.
    InvalidRequest(String),
    /// A frame breaks the protocol or is too large.
    Protocol(String),
    /// The server closed the WebSocket.
    Closed {
        /// The code; 1000 is a normal end (RFC 6455 section 7.4). 1005 where it sent none.
        code: u16,
        /// The reason given, which may be empty.
        reason: String,
    },
    /// It is not compiled in.
    NotCompiledIn,
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { code } => {
                write!(f, "the server answered the WebSocket request with HTTP status {code}")
            }
            Self::NotAccepted(text) => write!(f, "the server did not accept the WebSocket: {text}"),
            Self::InvalidRequest(text) => write!(f, "the WebSocket request is not valid: {text}"),
            Self::Protocol(text) => write!(f, "WebSocket: {text}"),
            Self::Closed { code, reason } if reason.is_empty() => {
                write!(f, "the server closed the WebSocket with code {code}")
            }
            Self::Closed { code, reason } => {
                write!(f, "the server closed the WebSocket with code {code}: {reason}")
            }
            Self::NotCompiledIn => {
                f.write_str("WebSocket is not compiled in: switch on the feature `websocket`")
            }
        }
    }
}

impl core::error::Error for WebSocketError {}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up the host name",
            Self::Dial => "dialing",
            Self::Proxy => "asking the proxy",
            Self::Info => "waiting for INFO",
            Self::Tls => "the TLS handshake",
            Self::WebSocket => "the WebSocket handshake",
            Self::Credentials => "obtaining credentials",
            Self::Connect => "waiting for the answer to CONNECT",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Io(text) | Self::Tls(text) => f.write_str(text),
            Self::Proxy(error) => error.fmt(f),
            Self::WebSocket(error) => error.fmt(f),
            Self::TimedOut => f.write_str("timed out"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::TlsNotOffered => f.write_str("TLS is required and the server offers none"),
            Self::PlaintextBehindInfo { unauthenticated_error: None } => {
                f.write_str("unprotected bytes followed INFO where TLS had to start")
            }
            Self::PlaintextBehindInfo { unauthenticated_error: Some(text) } => {
                write!(f, "unprotected error followed INFO where TLS had to start: {text}")
            }
            Self::Server(error) => error.fmt(f),
            Self::Protocol(error) => write!(f, "protocol error: {error}"),
            Self::Unexpected(text) => write!(f, "unexpected {text}"),
            Self::Credentials(text) => write!(f, "no credentials: {text}"),
            Self::ConnectTooLong { len } => write!(
                f,
                "the server closed the connection after a CONNECT of {len} bytes; \
                 its max_control_line is 4096 bytes by default"
            ),
        }
    }
}

impl fmt::Display for AttemptFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.server)?;
        if let Some(address) = self.address {
            write!(f, " ({address})")?;
        }
        write!(f, " failed at {}: {}", self.step, self.cause)
    }
}

impl core::error::Error for AttemptFailure {}

/// Why a connection ended that had been ready.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LostReason {
    /// The server closed it without a word.
    Closed,
    /// Reading or writing failed.
    Io(String),
    /// The WebSocket broke, or the server closed it.
    WebSocket(WebSocketError),
    /// The server said why before it closed it.
    Server(ServerError),
    /// The server stopped answering PINGs.
    Stale,
    /// The socket took no bytes for too long.
    WriteStalled,
    /// What came in was not the protocol.
    Protocol(DecodeError),
    /// The application asked for another connection.
    Forced,
    /// It was in clear, and servers were set that ask for TLS.
    TlsDemanded,
    /// The application closed the client.
    ByUser,
}

impl fmt::Display for LostReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Io(text) => f.write_str(text),
            Self::WebSocket(error) => error.fmt(f),
            Self::Server(error) => error.fmt(f),
            Self::Stale => f.write_str("the server does not answer PINGs"),
            Self::WriteStalled => f.write_str("the socket takes no more bytes"),
            Self::Protocol(error) => write!(f, "protocol error: {error}"),
            Self::Forced => f.write_str("a reconnect was asked for"),
            Self::TlsDemanded => f.write_str("the pool asks for TLS and the connection had none"),
            Self::ByUser => f.write_str("closed by the application"),
        }
    }
}

/// Why a client is closed for good.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed or drained it, or dropped the last handle.
    ByUser,
    /// The first round over the servers failed; this is the last failure.
    ConnectFailed(AttemptFailure),
    /// The limit of attempts was reached; this was the last failure, if there was an attempt.
    MaxReconnects(Option<AttemptFailure>),
    /// Every server refused the credentials twice.
    Refused(AttemptFailure),
    /// No server can be used: this one said that no connection with these settings will do, or it
    /// was the last and serves no clients.
    Unusable(AttemptFailure),
    /// The connection was lost and reconnecting is switched off.
    Lost(LostReason),
    /// There is no server that may be asked.
    NoServers,
    /// The driver was dropped, mostly because its runtime ended.
    DriverDropped,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByUser => f.write_str("closed by the application"),
            Self::ConnectFailed(failure) => write!(f, "no server could be connected: {failure}"),
            Self::MaxReconnects(Some(failure)) => {
                write!(f, "the limit of reconnect attempts is reached: {failure}")
            }
            Self::MaxReconnects(None) => f.write_str("the limit of reconnect attempts is reached"),
            Self::Refused(failure) => write!(f, "the credentials were refused: {failure}"),
            Self::Unusable(failure) => write!(f, "no server can be used: {failure}"),
            Self::Lost(reason) => write!(f, "connection lost: {reason}"),
            Self::NoServers => f.write_str("there is no server left to connect to"),
            Self::DriverDropped => f.write_str("the runtime ended, or the driver was dropped"),
        }
    }
}

impl core::error::Error for CloseReason {}
