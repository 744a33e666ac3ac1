//! Timeouts of handles.

use futures_channel::oneshot;
use midge_proto::Instant;
use std::collections::{BTreeMap, HashMap};

/// Who sleeps until when, by deadline and by id.
#[derive(Debug, Default)]
pub(super) struct Sleeps {
    by_deadline: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    deadlines: HashMap<u64, Instant>,
}

impl Sleeps {
    pub(super) fn add(&mut self, id: u64, at: Instant, done: oneshot::Sender<()>) {
        self.by_deadline.insert((at, id), done);
        self.deadlines.insert(id, at);
    }

    pub(super) fn cancel(&mut self, id: u64) {
        if let Some(at) = self.deadlines.remove(&id) {
            self.by_deadline.remove(&(at, id));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_deadline.first_key_value().map(|(&(at, _), _)| at)
    }

    pub(super) fn wake_expired(&mut self, now: Instant) {
        while let Some(entry) = self.by_deadline.first_entry() {
            if entry.key().0 > now {
                break;
            }
            self.deadlines.remove(&entry.key().1);
            let _ = entry.remove().send(());
        }
    }

    /// Everybody hears that it is over: dropped senders tell their receivers.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
