//! A list of servers, checked before it is used.

use core::fmt;
use midge_proto::{InvalidServerAddr, InvalidServerAddrKind, ServerAddr};

/// A list of servers that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPool {
    /// An address does not parse.
    InvalidAddress(InvalidServerAddr),
    /// There is no address.
    Empty,
    /// WebSocket addresses are mixed with others.
    MixedSchemes,
    /// The client is closed.
    Closed,
}

impl fmt::Display for InvalidPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidAddress(error) => error.fmt(f),
            Self::Empty => f.write_str("the list of servers is empty"),
            Self::MixedSchemes => f.write_str("WebSocket servers and others cannot be in one list"),
            Self::Closed => f.write_str("the client is closed"),
        }
    }
}

impl core::error::Error for InvalidPool {}

impl From<InvalidServerAddr> for InvalidPool {
    fn from(error: InvalidServerAddr) -> Self {
        match error.kind() {
            InvalidServerAddrKind::Empty => Self::Empty,
            _ => Self::InvalidAddress(error),
        }
    }
}

pub(crate) fn check_pool(servers: &[ServerAddr]) -> Result<(), InvalidPool> {
    let Some(first) = servers.first() else { return Err(InvalidPool::Empty) };
    if servers.iter().any(|server| server.is_websocket() != first.is_websocket()) {
        return Err(InvalidPool::MixedSchemes);
    }
    Ok(())
}
