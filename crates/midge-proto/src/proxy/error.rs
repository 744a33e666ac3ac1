//! Why a proxy does not carry a stream on.

use crate::snippet::Snippet;
use alloc::string::String;
use core::fmt;

/// Why a proxy does not carry a stream on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ProxyError {
    /// What it said is neither HTTP nor SOCKS5, whichever was spoken to it.
    NotAProxy(Snippet),
    /// The head of its HTTP answer is too long.
    AnswerTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// It wants a user name and a password, and none are set.
    CredentialsRequired,
    /// It refused user name and password.
    CredentialsRefused,
    /// It answered with another HTTP status than success.
    Status {
        /// The status.
        code: u16,
        /// The words beside it.
        reason: String,
    },
    /// It refused by SOCKS5.
    Socks(SocksReply),
}

/// The answer of a SOCKS5 proxy that refuses (RFC 1928 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub struct SocksReply(pub u8);

impl fmt::Display for SocksReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            1 => "general failure",
            2 => "not allowed by its rules",
            3 => "network unreachable",
            4 => "host unreachable",
            5 => "connection refused",
            6 => "time to live expired",
            7 => "command not supported",
            8 => "address type not supported",
            _ => "unknown failure",
        };
        write!(f, "{text} (code {})", self.0)
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAProxy(snippet) => {
                write!(f, "{snippet} is no answer of a proxy of this kind")
            }
            Self::AnswerTooLong { limit } => {
                write!(f, "the answer of the proxy is longer than {limit} bytes")
            }
            Self::CredentialsRequired => {
                f.write_str("the proxy wants a user name and a password; put them into its URL")
            }
            Self::CredentialsRefused => f.write_str("the proxy refused user name and password"),
            Self::Status { code, reason } if reason.is_empty() => {
                write!(f, "the proxy answered with status {code}")
            }
            Self::Status { code, reason } => {
                write!(f, "the proxy answered with status {code} {reason}")
            }
            Self::Socks(reply) => write!(f, "the proxy could not connect: {reply}"),
        }
    }
}

impl core::error::Error for ProxyError {}
