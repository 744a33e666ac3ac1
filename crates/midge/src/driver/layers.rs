//! Bytes up from the socket through the layers, and which layers there are.

use super::Machine;
use crate::layer::{LayerError, Opened};
use midge_proto::{Decoder, Instant, ServerAddr, WebSocketError};

impl Machine {
    /// Takes bytes of the socket through the layers to where frames are decoded.
    ///
    /// # Errors
    ///
    /// A layer is broken; what came before is there to be decoded all the same.
    pub(super) fn receive(&mut self, now: Instant, count: usize) -> Result<(), LayerError> {
        if self.layers.is_empty() {
            self.inbound.read(count);
            return Ok(());
        }
        let inbound = &mut self.inbound;
        let opened = self.layers.receive(count, |plaintext| inbound.extend(plaintext))?;
        match opened {
            None => return Ok(()),
            Some(Opened::Tunnel) => self.connection.handle_tunneled(now),
            #[cfg(feature = "tls")]
            Some(Opened::Tls(info, peer)) => {
                self.shared.core.lock().view.tls = Some(info);
                self.connection.handle_secured(now, peer);
            }
            #[cfg(feature = "websocket")]
            Some(Opened::WebSocket) => self.connection.handle_upgraded(now),
        }
        self.take_actions(now);
        Ok(())
    }

    /// A layer is broken.
    pub(super) fn fail_layer(&mut self, now: Instant, error: LayerError) {
        match error {
            LayerError::Proxy(error) => self.connection.handle_proxy_failed(now, error),
            LayerError::Tls(text) => self.connection.handle_tls_failed(now, text),
            LayerError::WebSocket(error) => self.connection.handle_websocket_failed(now, error),
        }
    }

    /// Starts TLS on the stream; nothing that was read in clear may be left.
    pub(super) fn start_tls(&mut self, now: Instant, name: String) {
        if let Some(residue) = self.take_residue() {
            return self.connection.handle_plaintext(now, &residue);
        }
        #[cfg(feature = "tls")]
        {
            let name = self.tls.server_name.clone().unwrap_or(name);
            let layer = self.tls.config().map_err(|error| error.to_string()).and_then(|config| {
                crate::tls::TlsLayer::new(config, name, self.tls.verification())
            });
            match layer {
                Ok(layer) => self.layers.push(Box::new(layer)),
                Err(text) => self.connection.handle_tls_failed(now, text),
            }
        }
        #[cfg(not(feature = "tls"))]
        {
            let text = format!("TLS for {name} is not compiled in: switch on the feature `ring`");
            self.connection.handle_tls_failed(now, text);
        }
    }

    /// Starts a WebSocket on the stream; a server says nothing before it is asked.
    pub(super) fn start_websocket(&mut self, now: Instant, server: &ServerAddr) {
        if let Some(residue) = self.take_residue() {
            let text = format!("{} came ahead of the answer", midge_proto::Snippet::new(&residue));
            let error = WebSocketError::NotAccepted(text);
            return self.connection.handle_websocket_failed(now, error);
        }
        #[cfg(feature = "websocket")]
        {
            let request = self.websocket.request(server);
            match request.and_then(crate::websocket::WebSocketLayer::new) {
                Ok(layer) => self.layers.push(Box::new(layer)),
                Err(error) => self.connection.handle_websocket_failed(now, error),
            }
        }
        #[cfg(not(feature = "websocket"))]
        {
            let _ = server;
            self.connection.handle_websocket_failed(now, WebSocketError::NotCompiledIn);
        }
    }

    /// What was read and not decoded where a new layer begins, if there is any.
    fn take_residue(&mut self) -> Option<Vec<u8>> {
        let residue = self.inbound.filled().get(self.decoder.consumed()..).unwrap_or_default();
        let residue = (!residue.is_empty()).then(|| residue.to_vec());
        self.inbound.clear();
        self.decoder = Decoder::new(self.limits);
        residue
    }
}
