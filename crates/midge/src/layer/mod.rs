//! Layers of bytes between the socket and the frames: a proxy, TLS, a WebSocket.
//!
//! ```text
//! frames --plaintext--> [WebSocket] --> [TLS] --> socket
//! frames <------------- [WebSocket] <-- [TLS] <-- socket
//! ```
//!
//! Each is bytes in, bytes out, and knows nothing of the one above or below.

mod outgoing;
mod proxy;
mod stack;

pub(crate) use outgoing::{Outgoing, PIECE_BYTES_MAX};
pub(crate) use proxy::ProxyLayer;
pub(crate) use stack::Stack;

use midge_proto::{ProxyError, WebSocketError};

/// One layer. "Above" is where the frames are, "below" is where the socket is.
pub(crate) trait Layer: Send {
    /// Takes bytes from below and gives what they hold for above to `up`.
    ///
    /// # Errors
    ///
    /// The layer is broken; what it still has to say is in [`outgoing`](Self::outgoing).
    fn receive(&mut self, bytes: &[u8], up: &mut dyn FnMut(&[u8])) -> Result<Received, LayerError>;

    /// Takes a piece from above, of at most [`PIECE_BYTES_MAX`] bytes, as a whole; to be called
    /// once the layer is open.
    fn send(&mut self, piece: &[u8]) -> Result<(), LayerError>;

    /// What waits to be taken from below.
    fn outgoing(&self) -> &Outgoing;

    /// As above.
    fn outgoing_mut(&mut self) -> &mut Outgoing;

    /// Whether its handshake is done.
    fn is_open(&self) -> bool;

    /// Says farewell to the peer, on an orderly end.
    fn close(&mut self);

    /// Lets go of buffers: for an idle connection.
    fn shrink(&mut self) {
        self.outgoing_mut().shrink();
    }
}

/// What bytes from below led to.
#[derive(Debug)]
pub(crate) enum Received {
    /// Nothing yet, or bytes for above.
    Data,
    /// The handshake is done; there may be bytes for above, too.
    Open(Opened),
}

/// Which layer's handshake is done.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The proxy's, whose layer has nothing more to do.
    Tunnel,
    #[cfg(feature = "tls")]
    Tls(Box<crate::tls::TlsInfo>, midge_proto::Peer),
    #[cfg(feature = "websocket")]
    WebSocket,
}

/// Why a layer is broken.
#[derive(Debug)]
pub(crate) enum LayerError {
    Proxy(ProxyError),
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nothing else breaks TLS"))]
    Tls(String),
    #[cfg_attr(not(feature = "websocket"), expect(dead_code, reason = "nothing breaks without it"))]
    WebSocket(WebSocketError),
}
