//! Proxies that carry a connection to a server: HTTP `CONNECT` and SOCKS5, as machines without I/O.
//!
//! ```
//! use midge_proto::proxy::{Progress, Proxy, ProxyDialog};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let proxy: Proxy = "http://proxy.example:3128".parse()?;
//! let mut dialog = ProxyDialog::new(&proxy, "demo.nats.io", 4222);
//! let mut out = Vec::new();
//! dialog.take_output(&mut out);
//! assert!(out.starts_with(b"CONNECT demo.nats.io:4222 HTTP/1.1\r\n"));
//!
//! assert_eq!(dialog.handle_read(b"HTTP/1.1 200 ")?, Progress::Running);
//! // What follows the answer comes from the server already.
//! let answer = b"Connection established\r\n\r\nINFO {}\r\n";
//! assert_eq!(dialog.handle_read(answer)?, Progress::Tunneled);
//! assert_eq!(dialog.take_rest(), b"INFO {}\r\n");
//! # Ok(())
//! # }
//! ```

mod addr;
mod error;
mod http;
mod socks5;
#[cfg(test)]
mod tests;

pub use addr::{InvalidProxy, Proxy, ProxyKind};
pub use error::{ProxyError, SocksReply};

use alloc::vec::Vec;
use http::Http;
use socks5::Socks5;

/// The conversation with a proxy, up to where it carries bytes to the server and back.
#[derive(Debug)]
pub struct ProxyDialog {
    output: Vec<u8>,
    input: Vec<u8>,
    machine: Machine,
}

#[derive(Debug)]
enum Machine {
    Http(Http),
    Socks5(Socks5),
}

/// How far the conversation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The proxy has more to say; there may be something to write.
    Running,
    /// From here on the stream leads to the server.
    Tunneled,
}

impl ProxyDialog {
    /// Asks `proxy` for a stream to a server; the first words are there to be written.
    #[must_use]
    pub fn new(proxy: &Proxy, host: &str, port: u16) -> Self {
        let mut output = Vec::new();
        let machine = match proxy.kind() {
            ProxyKind::Http => Machine::Http(Http::new(proxy, host, port, &mut output)),
            ProxyKind::Socks5 => Machine::Socks5(Socks5::new(proxy, host, port, &mut output)),
        };
        Self { output, input: Vec::new(), machine }
    }

    /// Moves what is to be written to the end of `out`.
    pub fn take_output(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.output);
    }

    /// Takes bytes that were read.
    ///
    /// # Errors
    ///
    /// [`ProxyError`] when the proxy refuses or what it says cannot be understood; it is final.
    pub fn handle_read(&mut self, bytes: &[u8]) -> Result<Progress, ProxyError> {
        self.input.extend_from_slice(bytes);
        match &mut self.machine {
            Machine::Http(http) => http.advance(&mut self.input),
            Machine::Socks5(socks) => socks.advance(&mut self.input, &mut self.output),
        }
    }

    /// What was read behind the proxy's last word: it comes from the server.
    #[must_use]
    pub fn take_rest(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.input)
    }
}
