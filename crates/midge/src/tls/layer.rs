//! One TLS session between buffers: ciphertext of the socket on one side, plaintext on the other.

use super::config::{TlsInfo, Verification};
use midge_proto::Peer;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Arc;

/// Plaintext of one record in bytes: what TLS allows, so that a record is exactly one piece.
const RECORD_BYTES_MAX: usize = 16 << 10;

/// Ciphertext made ahead of the socket in bytes.
const AHEAD_BYTES_MAX: usize = 64 << 10;

/// Room for ciphertext from the socket in bytes: one record with its overhead.
const INCOMING_BYTES: usize = (16 << 10) + 512;

/// A client's TLS session.
pub(crate) struct TlsLayer {
    session: ClientConnection,
    /// Who is at the other end once the handshake is done.
    peer: Peer,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    /// Bytes of `outgoing` that the socket took.
    sent: usize,
    /// Ciphertext ever made, and taken by the socket, in bytes.
    made: u64,
    taken: u64,
    /// Where the ciphertext of each piece of plaintext ends, and how long the plaintext is.
    marks: VecDeque<(u64, usize)>,
    /// Plaintext of the item being written that was encrypted already.
    encrypted: usize,
    handshake: Handshake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handshake {
    Running,
    Done,
}

/// What a piece of ciphertext led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// Nothing yet, or plaintext.
    Data,
    /// The handshake is complete; there may be plaintext, too.
    Secured,
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
        let mut layer = Self {
            session,
            peer,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            made: 0,
            taken: 0,
            marks: VecDeque::new(),
            encrypted: 0,
            handshake: Handshake::Running,
        };
        layer.collect();
        Ok(layer)
    }

    /// Where ciphertext is to be read to.
    pub(crate) fn read_buf(&mut self) -> &mut [u8] {
        if self.incoming.is_empty() {
            self.incoming = vec![0; INCOMING_BYTES];
        }
        &mut self.incoming
    }

    /// Takes `count` bytes of ciphertext and gives the plaintext in them to `plaintext`.
    pub(crate) fn receive(
        &mut self,
        count: usize,
        mut plaintext: impl FnMut(&[u8]),
    ) -> Result<Received, String> {
        let mut received = Received::Data;
        let mut rest = &self.incoming[..count];
        while !rest.is_empty() {
            let read = self.session.read_tls(&mut rest).map_err(|error| error.to_string())?;
            if read == 0 {
                break;
            }
            let processed = self.session.process_new_packets();
            // An alert for the peer may have to go out, even after an error.
            while self.session.wants_write() {
                let before = self.outgoing.len();
                self.session.write_tls(&mut self.outgoing).map_err(|error| error.to_string())?;
                self.made += (self.outgoing.len() - before) as u64;
            }
            let state = processed.map_err(|error| error.to_string())?;
            if self.handshake == Handshake::Running && !self.session.is_handshaking() {
                self.handshake = Handshake::Done;
                received = Received::Secured;
            }
            let mut left = state.plaintext_bytes_to_read();
            let mut piece = [0; 4096];
            while left > 0 {
                match self.session.reader().read(&mut piece) {
                    Ok(count) if count > 0 => {
                        plaintext(&piece[..count]);
                        left -= count.min(left);
                    }
                    Ok(_) | Err(_) => break,
                }
            }
        }
        Ok(received)
    }

    /// Whether ciphertext waits for the socket.
    pub(crate) fn has_output(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// Whether plaintext may be encrypted: the handshake is done and the socket keeps up.
    pub(crate) fn wants_plaintext(&self) -> bool {
        self.handshake == Handshake::Done && self.outgoing.len() - self.sent < AHEAD_BYTES_MAX
    }

    /// Bytes of the item being written that were encrypted already.
    pub(crate) fn encrypted(&self) -> usize {
        self.encrypted
    }

    /// Encrypts the next pieces of the item being written, as far as the socket keeps up.
    pub(crate) fn encrypt<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), String> {
        for piece in pieces {
            for record in piece.chunks(RECORD_BYTES_MAX) {
                if !self.wants_plaintext() {
                    return Ok(());
                }
                self.session.writer().write_all(record).map_err(|error| error.to_string())?;
                self.encrypted += record.len();
                self.collect();
                self.marks.push_back((self.made, record.len()));
            }
        }
        Ok(())
    }

    /// What the socket has to take next.
    pub(crate) fn output(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }

    /// The socket took so many bytes of ciphertext; returns the plaintext whose last byte was among
    /// them, in bytes.
    pub(crate) fn written(&mut self, count: usize) -> usize {
        self.sent += count;
        self.taken += count as u64;
        if self.sent >= self.outgoing.len() {
            self.outgoing.clear();
            self.sent = 0;
        }
        let mut plaintext = 0;
        while let Some(&(end, len)) = self.marks.front() {
            if end > self.taken {
                break;
            }
            plaintext += len;
            self.marks.pop_front();
        }
        self.encrypted -= plaintext.min(self.encrypted);
        plaintext
    }

    /// Who is at the other end of a finished handshake.
    pub(crate) fn peer(&self) -> Peer {
        self.peer.clone()
    }

    pub(crate) fn info(&self) -> TlsInfo {
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

    /// Lets go of buffers: for an idle connection.
    pub(crate) fn shrink(&mut self) {
        self.incoming = Vec::new();
        if !self.has_output() {
            self.outgoing = Vec::new();
        }
    }

    /// Moves finished ciphertext to where the socket takes it from.
    fn collect(&mut self) {
        while self.session.wants_write() {
            let before = self.outgoing.len();
            // Writing to a `Vec` cannot fail.
            if self.session.write_tls(&mut self.outgoing).is_err() {
                return;
            }
            self.made += (self.outgoing.len() - before) as u64;
        }
    }
}
