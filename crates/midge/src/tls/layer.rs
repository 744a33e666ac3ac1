//! One TLS session between buffers: ciphertext below, plaintext above.

use super::config::{TlsInfo, Verification};
use crate::layer::{Layer, LayerError, Opened, Outgoing, Received};
use midge_proto::Peer;
use rustls::pki_types::ServerName;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, InvalidMessage,
};
use std::io::{Read, Write};
use std::sync::Arc;

/// A client's TLS session.
pub(crate) struct TlsLayer {
    session: ClientConnection,
    /// Who is at the other end once the handshake is done.
    peer: Peer,
    outgoing: Outgoing,
    handshake: Handshake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handshake {
    Running,
    Done,
}

impl TlsLayer {
    pub(crate) fn new(
        config: Arc<ClientConfig>,
        name: String,
        verification: Verification,
    ) -> Result<Self, String> {
        let server_name = ServerName::try_from(name.clone()).map_err(|_| {
            format!("\"{name}\" is no name or address that a certificate can carry")
        })?;
        let session =
            ClientConnection::new(config, server_name).map_err(|error| error.to_string())?;
        let peer = match verification {
            Verification::Full => Peer::Verified(name),
            Verification::None => Peer::Unverified,
        };
        let mut layer =
            Self { session, peer, outgoing: Outgoing::default(), handshake: Handshake::Running };
        layer.collect();
        Ok(layer)
    }

    fn info(&self) -> TlsInfo {
        TlsInfo {
            protocol: self
                .session
                .protocol_version()
                .map_or_else(String::new, |version| format!("{version:?}")),
            cipher_suite: self
                .session
                .negotiated_cipher_suite()
                .map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            peer_certificates: self
                .session
                .peer_certificates()
                .unwrap_or_default()
                .iter()
                .map(|certificate| certificate.to_vec())
                .collect(),
        }
    }

    /// Moves finished ciphertext to where it is taken from.
    fn collect(&mut self) {
        while self.session.wants_write() {
            // Writing to a `Vec` cannot fail.
            if self.session.write_tls(self.outgoing.bytes_mut()).is_err() {
                return;
            }
        }
    }
}

impl Layer for TlsLayer {
    fn receive(&mut self, bytes: &[u8], up: &mut dyn FnMut(&[u8])) -> Result<Received, LayerError> {
        let mut received = Received::Data;
        let mut rest = bytes;
        while !rest.is_empty() {
            let read = self
                .session
                .read_tls(&mut rest)
                .map_err(|error| LayerError::Tls(error.to_string()))?;
            if read == 0 {
                break;
            }
            let processed = self.session.process_new_packets();
            // An alert for the peer may have to go out, even after an error.
            self.collect();
            let state = processed.map_err(|error| LayerError::Tls(explained(&error)))?;
            if self.handshake == Handshake::Running && !self.session.is_handshaking() {
                self.handshake = Handshake::Done;
                let info = Box::new(self.info());
                received = Received::Open(Opened::Tls(info, self.peer.clone()));
            }
            let mut left = state.plaintext_bytes_to_read();
            let mut piece = [0; 4096];
            while left > 0 {
                match self.session.reader().read(&mut piece) {
                    Ok(count) if count > 0 => {
                        up(&piece[..count]);
                        left -= count.min(left);
                    }
                    Ok(_) | Err(_) => break,
                }
            }
        }
        Ok(received)
    }

    fn send(&mut self, piece: &[u8]) -> Result<(), LayerError> {
        self.session
            .writer()
            .write_all(piece)
            .map_err(|error| LayerError::Tls(error.to_string()))?;
        self.collect();
        Ok(())
    }

    fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    fn outgoing_mut(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    fn is_open(&self) -> bool {
        self.handshake == Handshake::Done
    }

    fn close(&mut self) {
        self.session.send_close_notify();
        self.collect();
    }
}

/// The error, and what can be done about it where its words do not tell.
fn explained(error: &Error) -> String {
    let advice = match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "no trusted root has signed it; trust its authority by `add_root_certificates`"
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server wants to be shown one; set it by `add_client_certificate`"
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what the server sent is no TLS; its port may be one in clear"
        }
        _ => return error.to_string(),
    };
    format!("{error}: {advice}")
}
