//! Messages that waited for a connection: who decides on them, and what is told of those dropped.

use super::Machine;
use crate::event::Event;
use crate::shared::State;
use crate::statistics::add;
use crate::sync::Arc;
use midge_proto::BufferDrops;

impl Machine {
    /// Asks about the messages that wait, where the options say so, before any of them goes out.
    pub(super) fn decide_held(&mut self) {
        let shared = Arc::clone(&self.shared);
        let held = {
            let mut core = shared.core.lock();
            // What was published before the first connection was never in doubt.
            if self.republishing.is_default() || core.view.state == State::Pending {
                return;
            }
            core.outbox.take_held()
        };
        // The application's code runs without the lock.
        let decided = held.decide(|publish| self.republishing.verdict(publish));
        shared.core.lock().outbox.put_back(decided);
    }

    /// Tells of messages dropped from the reconnect buffer; no lock may be held.
    pub(super) fn tell_drops(&self, drops: Option<BufferDrops>) {
        if let Some(drops) = drops {
            add(&self.shared.statistics.dropped_publishes, drops.total());
            self.shared.event(Event::BufferDropped(drops));
        }
    }
}
