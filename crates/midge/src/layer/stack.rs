//! The layers of one stream, one upon the other.

use super::{Layer, LayerError, Opened, PIECE_BYTES_MAX, Received};
use std::borrow::Cow;

/// Room for bytes from the socket: one TLS record with its overhead.
const INCOMING_BYTES: usize = (16 << 10) + 512;

/// The layers of one stream; none, most often, for TCP in clear.
#[derive(Default)]
pub(crate) struct Stack {
    /// The one next to the socket first.
    layers: Vec<Box<dyn Layer>>,
    incoming: Vec<u8>,
}

impl Stack {
    /// Whether bytes pass unchanged.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Puts a layer above the others.
    pub(crate) fn push(&mut self, layer: Box<dyn Layer>) {
        self.layers.push(layer);
    }

    /// Takes all layers away.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Where bytes of the socket are to be read to.
    pub(crate) fn read_buf(&mut self) -> &mut [u8] {
        if self.incoming.is_empty() {
            self.incoming = vec![0; INCOMING_BYTES];
        }
        &mut self.incoming
    }

    /// Takes `count` bytes of the socket up through the layers.
    ///
    /// Bytes that precede an error are given to `up` all the same.
    pub(crate) fn receive(
        &mut self,
        count: usize,
        mut up: impl FnMut(&[u8]),
    ) -> Result<Option<Opened>, LayerError> {
        let Some((top, below)) = self.layers.split_last_mut() else {
            up(&self.incoming[..count]);
            return Ok(None);
        };
        let mut bytes = Cow::Borrowed(&self.incoming[..count]);
        for layer in below {
            let mut above = Vec::new();
            layer.receive(&bytes, &mut |piece| above.extend_from_slice(piece))?;
            bytes = Cow::Owned(above);
        }
        match top.receive(&bytes, &mut up)? {
            Received::Data => Ok(None),
            Received::Open(opened) => {
                if matches!(opened, Opened::Tunnel) {
                    self.layers.pop();
                }
                Ok(Some(opened))
            }
        }
    }

    /// Bytes of the item being written that went into the layers already.
    pub(crate) fn encoded(&self) -> usize {
        self.layers.last().map_or(0, |top| top.outgoing().encoded())
    }

    /// Takes the next pieces of the item being written, as far as the socket keeps up.
    pub(crate) fn send<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), LayerError> {
        if let Some(top) = self.layers.last_mut() {
            send_to(top.as_mut(), pieces)?;
        }
        self.pass_down()
    }

    /// Moves what upper layers made into those below.
    pub(crate) fn pass_down(&mut self) -> Result<(), LayerError> {
        for at in (1..self.layers.len()).rev() {
            let (below, above) = self.layers.split_at_mut(at);
            if let (Some(below), Some(above)) = (below.last_mut(), above.first()) {
                let made = above.outgoing().pending();
                let rest = made.get(below.outgoing().encoded()..).unwrap_or_default();
                send_to(below.as_mut(), core::iter::once(rest))?;
            }
        }
        Ok(())
    }

    /// What the socket has to take next.
    pub(crate) fn output(&self) -> &[u8] {
        self.layers.first().map_or(&[], |layer| layer.outgoing().pending())
    }

    /// The socket took so many bytes of [`output`](Self::output); returns how many bytes of the
    /// item being written that completes.
    pub(crate) fn written(&mut self, count: usize) -> usize {
        self.layers.iter_mut().fold(count, |count, layer| layer.outgoing_mut().take(count))
    }

    /// The last words of an orderly end. There are none where a piece of the item being written is
    /// half-way: it is going to be told as unwritten.
    pub(crate) fn farewell(&mut self) -> Vec<u8> {
        if self.encoded() > 0 {
            return Vec::new();
        }
        for at in (0..self.layers.len()).rev() {
            if self.layers[at].is_open() {
                self.layers[at].close();
            }
            if self.pass_down().is_err() {
                return Vec::new();
            }
        }
        self.output().to_vec()
    }

    /// Lets go of buffers: for an idle connection.
    pub(crate) fn shrink(&mut self) {
        self.incoming = Vec::new();
        self.layers.iter_mut().for_each(|layer| layer.shrink());
    }
}

fn send_to<'a>(
    layer: &mut dyn Layer,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<(), LayerError> {
    for piece in pieces.flat_map(|piece| piece.chunks(PIECE_BYTES_MAX)) {
        if !layer.is_open() || layer.outgoing().is_full() {
            return Ok(());
        }
        layer.send(piece)?;
        layer.outgoing_mut().mark(piece.len());
    }
    Ok(())
}
