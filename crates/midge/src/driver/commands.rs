//! What handles ask of the driver, in the order of their calls.

use super::Machine;
use crate::mailbox::{End, Mailbox};
use crate::shared::{Command, Core, Target};
use crate::sync::Arc;
use futures_channel::oneshot;
use midge_proto::{DrainReport, Instant, OnWire, Sid, Slot};

/// Room for commands that is kept between bursts.
const COMMANDS_KEPT: usize = 64;

impl Machine {
    /// Applies what concerns the registry; the rest waits until the lock is released.
    pub(super) fn take_commands(&mut self, core: &mut Core) {
        for command in core.commands.drain(..) {
            match command {
                Command::Subscribe { sid, interest, max, on_wire, target } => {
                    let subscriptions = self.connection.subscriptions();
                    let slot = subscriptions.insert(sid, interest, on_wire);
                    if slot.index() >= self.targets.len() {
                        self.targets.resize(slot.index() + 1, None);
                    }
                    self.targets[slot.index()] = Some(target);
                    if let Some(max) = max {
                        self.connection.subscriptions().set_max(sid, max);
                    }
                }
                Command::DrainSubscription { sid, fenced: OnWire::Yes } => {
                    self.connection.subscriptions().set_draining(sid);
                }
                command => self.deferred.push(command),
            }
        }
        // A burst of subscriptions must not leave its queue behind.
        if core.commands.capacity() > COMMANDS_KEPT {
            core.commands = Vec::new();
        }
        core.view.subscriptions = self.connection.subscriptions().len();
    }

    pub(super) fn run_deferred(&mut self, now: Instant) {
        for command in core::mem::take(&mut self.deferred) {
            match command {
                Command::Subscribe { .. } => {}
                Command::Unsubscribe { sid, end } => self.remove(sid, end),
                Command::UnsubscribeAfter { sid, max } => {
                    if let Some(slot) = self.connection.subscriptions().set_max(sid, max) {
                        self.end_slot(slot, End::LimitReached);
                    }
                }
                // Without a connection nothing is in flight.
                Command::DrainSubscription { sid, .. } => self.remove(sid, End::Finished),
                Command::Sleep { id, after, done } => {
                    self.sleeps.add(id, now + after, done);
                }
                Command::CancelSleep { id } => self.sleeps.cancel(id),
                Command::ForceReconnect => self.connection.force_reconnect(now),
                Command::SetServers(servers) => {
                    self.connection.set_servers(servers);
                    let shared = Arc::clone(&self.shared);
                    self.refresh_view(&mut shared.core.lock());
                }
                Command::SetPingInterval(interval) => {
                    self.connection.set_ping_interval(now, interval);
                }
                Command::SetMaxPings(max) => self.connection.set_max_pings_out(max),
                Command::SetMaxPayload(max) => self.connection.set_max_payload(max),
                Command::SetCredentials(credentials) => {
                    self.connection.set_secrets(credentials.secrets());
                    self.callbacks.set_credentials(credentials);
                }
                Command::SetEventCallback { callback, events } => {
                    self.callbacks.set_event_callback(callback, events);
                }
                Command::RoomMade => self.resume(),
                // Whatever was told, the end is looked at next.
                #[cfg(feature = "jetstream")]
                Command::DeletionLeft => {}
                Command::Close { done } => self.begin_close(now, done),
                Command::Drain { budget, done } => {
                    self.shutdown.add_waiter(Some(done));
                    self.shutdown.drain.drain(now, budget);
                }
                Command::LastHandleDropped => self.begin_close(now, None),
            }
        }
    }

    fn begin_close(&mut self, now: Instant, done: Option<oneshot::Sender<DrainReport>>) {
        self.shutdown.add_waiter(done);
        self.callbacks.handle_own_close();
        self.shutdown.drain.close(now);
    }

    /// Ends a subscription, be it one of its own or one that shares another's `SUB`.
    pub(super) fn remove(&mut self, sid: Sid, end: End) {
        if let Some((slot, _)) = self.connection.subscriptions().remove(sid) {
            return self.end_slot(slot, end);
        }
        let left = self.shared.core.lock().leave_shared(sid);
        if let Some(mailbox) = left {
            mailbox.end(end);
            self.resume();
        }
    }

    pub(super) fn end_slot(&mut self, slot: Slot, end: End) {
        if let Some(Some(target)) = self.targets.get_mut(slot.index()).map(Option::take) {
            for mailbox in self.mailboxes(&target) {
                mailbox.end(end.clone());
            }
            if let Target::Shared(wire) = target {
                self.shared.core.lock().sharing.close(wire);
            }
            self.resume();
        }
        self.shared.core.lock().view.subscriptions = self.connection.subscriptions().len();
    }

    /// Where the messages of a target go, but for replies.
    pub(super) fn mailboxes(&self, target: &Target) -> Vec<Arc<Mailbox>> {
        match target {
            Target::Mailbox(mailbox) => vec![Arc::clone(mailbox)],
            Target::Shared(wire) => {
                self.shared.core.lock().sharing.targets(*wire).cloned().collect()
            }
            Target::Requests => Vec::new(),
        }
    }
}
