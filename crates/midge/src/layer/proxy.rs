//! The words with a proxy, ahead of everything else on the stream.

use super::{Layer, LayerError, Opened, Outgoing, Received};
use midge_proto::proxy::{Progress, Proxy, ProxyDialog};

/// A proxy that is being asked to carry the stream on. Its layer goes when it has agreed.
pub(crate) struct ProxyLayer {
    dialog: ProxyDialog,
    outgoing: Outgoing,
}

impl ProxyLayer {
    pub(crate) fn new(proxy: &Proxy, host: &str, port: u16) -> Self {
        let mut outgoing = Outgoing::default();
        let mut dialog = ProxyDialog::new(proxy, host, port);
        dialog.take_output(outgoing.bytes_mut());
        Self { dialog, outgoing }
    }
}

impl Layer for ProxyLayer {
    fn receive(&mut self, bytes: &[u8], up: &mut dyn FnMut(&[u8])) -> Result<Received, LayerError> {
        let progress = self.dialog.handle_read(bytes).map_err(LayerError::Proxy)?;
        self.dialog.take_output(self.outgoing.bytes_mut());
        match progress {
            Progress::Running => Ok(Received::Data),
            Progress::Tunneled => {
                let rest = self.dialog.take_rest();
                if !rest.is_empty() {
                    up(&rest);
                }
                Ok(Received::Open(Opened::Tunnel))
            }
        }
    }

    /// Nothing comes from above while the words last.
    fn send(&mut self, _piece: &[u8]) -> Result<(), LayerError> {
        Ok(())
    }

    fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    fn outgoing_mut(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    fn is_open(&self) -> bool {
        false
    }

    fn close(&mut self) {}
}
