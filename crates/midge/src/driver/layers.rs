//! Layers between the socket and the frames: bytes in, bytes out.

use super::Driver;
use midge_proto::{Decoder, Instant};

impl Driver {
    /// Takes bytes of the socket through the layers to where frames are decoded.
    pub(super) fn receive(&mut self, now: Instant, count: usize) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let inbound = &mut self.inbound;
            match tls.receive(count, |plaintext| inbound.extend(plaintext)) {
                Ok(crate::tls::Received::Data) => {}
                Ok(crate::tls::Received::Secured) => {
                    let info = tls.info();
                    self.shared.core.lock().view.tls = Some(info);
                    let peer = tls.peer();
                    self.connection.handle_secured(now, peer);
                    self.take_actions(now);
                }
                Err(text) => self.connection.handle_tls_failed(now, text),
            }
            return;
        }
        let _ = now;
        self.inbound.read(count);
    }

    /// Starts TLS on the stream; nothing that was read in clear may be left.
    pub(super) fn start_tls(&mut self, now: Instant, name: String) {
        let residue = self.inbound.filled().get(self.decoder.consumed()..).unwrap_or_default();
        if !residue.is_empty() {
            let residue = residue.to_vec();
            return self.connection.handle_plaintext(now, &residue);
        }
        self.inbound.clear();
        self.decoder = Decoder::new(self.limits);
        #[cfg(feature = "tls")]
        {
            let name = self.tls_options.server_name.clone().unwrap_or(name);
            let layer =
                self.tls_options.config().map_err(|error| error.to_string()).and_then(|config| {
                    let verification = self.tls_options.verification();
                    crate::tls::TlsLayer::new(config, name, verification)
                });
            match layer {
                Ok(layer) => self.tls = Some(Box::new(layer)),
                Err(text) => self.connection.handle_tls_failed(now, text),
            }
        }
        #[cfg(not(feature = "tls"))]
        {
            let text = format!("TLS for {name} is not compiled in: switch on the feature `ring`");
            self.connection.handle_tls_failed(now, text);
        }
    }
}
