//! What handles may look at, and what is let go of when nothing happens.

use super::Machine;
use crate::shared::Core;
use crate::sync::{Arc, Ordering};

impl Machine {
    pub(super) fn refresh_view(&self, core: &mut Core) {
        let view = &mut core.view;
        view.info = Arc::clone(self.connection.server_info());
        view.raw_info = Arc::clone(self.connection.raw_info());
        view.servers = self.connection.servers();
        match self.connection.connected_server() {
            Some((addr, remote)) => {
                view.server = Some(addr.clone());
                view.remote = remote;
            }
            None => (view.server, view.remote) = (None, None),
        }
        view.round_trips = self.connection.round_trips().clone();
    }

    /// Lets go of the queues of a handshake.
    pub(super) fn shrink_queues(&mut self) {
        self.connection.shrink();
        self.orders.shrink_to_fit();
    }

    /// Lets go of buffers when nothing came in since the last keep-alive.
    pub(super) fn shrink_if_idle(&mut self) {
        let bytes = self.shared.statistics.in_bytes.load(Ordering::Relaxed)
            + self.shared.statistics.out_bytes.load(Ordering::Relaxed);
        // A PING and its PONG are twelve bytes.
        if bytes - self.idle.bytes <= 12 {
            self.inbound.shrink();
            self.sorter.shrink();
            self.answered.shrink_to_fit();
            self.layers.shrink();
            self.shrink_queues();
            let mut core = self.shared.core.lock();
            core.outbox.shrink();
            core.commands.shrink_to_fit();
        }
        self.idle.bytes = bytes;
    }
}
