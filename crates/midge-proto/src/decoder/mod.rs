//! Bytes in, frames out: a pull parser for each side of a connection.
//!
//! Both parsers look at one growing buffer and hand out offsets into it. They allocate nothing,
//! copy nothing, and look at no byte twice: where a line or a body is cut short they remember how
//! far they came.

mod error;
mod from_client;
mod from_server;
mod head;
mod line;

pub use error::DecodeError;
pub use from_client::{ClientDecoder, ClientFrame};
pub use from_server::{Decoder, Frame};

/// How long a piece of input may be before the connection is given up.
///
/// Limits are checked before anything of that size is reserved. They have nothing to do with
/// `max_payload`, which a server enforces on what it *receives*: limits differ between users, and
/// servers add headers, so a delivered message may lawfully be longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Longest control line in bytes, line end included; `INFO` and `CONNECT` have their own limit.
    ///
    /// Default 16 KiB: a server takes 4096 bytes (`max_control_line`) from a publisher by default,
    /// operators raise it, and a delivered line carries an id on top.
    pub control_line_max: usize,
    /// Longest `INFO` or `CONNECT` line in bytes.
    ///
    /// Default 1 MiB: a server sets no bound on `INFO`, which lists every node of a cluster.
    pub info_max: usize,
    /// Largest message in bytes, headers and payload together.
    ///
    /// Default 64 MiB, the `max_pending` of a server: more never fits through one connection.
    /// Values above 1 GiB count as 1 GiB.
    pub message_max: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { control_line_max: 16 << 10, info_max: 1 << 20, message_max: 64 << 20 }
    }
}

#[cfg(test)]
mod tests;
