//! The orderly end of a client: carries out what the machine of it orders, and tells it the facts.

use super::Machine;
use crate::event::Event;
use crate::mailbox::{End, Mailbox};
use crate::shared::{Fence, State, Target};
use crate::sync::Arc;
use futures_channel::oneshot;
use midge_proto::{
    Backlog, Drain, DrainAction, DrainReport, FenceId, Instant, Intake, Sid, Slot, Unread,
};

/// Where an orderly end stands, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    pub(super) drain: Drain,
    /// Mailboxes of subscriptions that are to end: known from the beginning, for the registry forgets
    /// them with the connection.
    ending: Vec<Arc<Mailbox>>,
    /// Mailboxes of subscriptions that ended, while the application reads them.
    reading: Vec<Arc<Mailbox>>,
    waiters: Vec<oneshot::Sender<DrainReport>>,
}

impl Shutdown {
    pub(super) fn add_waiter(&mut self, done: Option<oneshot::Sender<DrainReport>>) {
        self.waiters.extend(done);
    }

    /// All is over: tells those who wait.
    pub(super) fn finish(&mut self, unwritten: u64) {
        // Those that were to end and did not get to it are as unread as those that did.
        self.reading.append(&mut self.ending);
        let unread = self.unread();
        self.drain.handle_closed(unwritten, unread);
        self.reading.clear();
        for done in self.waiters.drain(..) {
            let _ = done.send(self.drain.report().clone());
        }
    }

    fn report_unread(&mut self) {
        let unread = self.unread();
        self.drain.handle_unread(unread);
    }

    fn unread(&mut self) -> Unread {
        self.reading.retain(|mailbox| !mailbox.is_read());
        let messages = self.reading.iter().map(|mailbox| mailbox.pending().messages).sum();
        Unread { subscriptions: self.reading.len(), messages }
    }
}

impl Machine {
    /// Takes the next steps of an orderly end, if it is time.
    pub(super) fn advance_shutdown(&mut self, now: Instant) {
        if self.shutdown.drain.is_running() {
            return;
        }
        self.take_drain_actions(now);
        self.report_undeleted();
        if !self.shutdown.reading.is_empty() {
            self.shutdown.report_unread();
        }
        if !self.connection.is_ready() {
            self.report_offline();
        }
        self.take_drain_actions(now);
        self.shutdown.drain.handle_timeout(now);
        self.take_drain_actions(now);
    }

    fn take_drain_actions(&mut self, now: Instant) {
        while let Some(action) = self.shutdown.drain.poll_action() {
            match action {
                DrainAction::StopSubscribing => {
                    self.shared.event(Event::Draining);
                    let mut core = self.shared.core.lock();
                    core.outbox.restrict(Intake::PublishOnly);
                    core.view.state = State::Draining;
                }
                DrainAction::Unsubscribe => self.unsubscribe_all(),
                DrainAction::Fence => match self.fence_shutdown() {
                    Some(fence) => self.shutdown.drain.handle_fence_sent(fence),
                    None => self.report_offline(),
                },
                DrainAction::EndSubscriptions => self.end_subscriptions(),
                DrainAction::DeleteConsumers => self.delete_consumers(),
                DrainAction::StopPublishing => {
                    self.shared.core.lock().outbox.restrict(Intake::Draining);
                }
                DrainAction::Close => self.connection.close(now),
                _ => {}
            }
        }
    }

    fn unsubscribe_all(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut core = shared.core.lock();
        // Whoever subscribed just before that was stopped is among them.
        self.take_commands(&mut core);
        for sid in self.subscriptions_read() {
            core.outbox.unsubscribe(sid, None);
            self.connection.subscriptions().set_draining(sid);
        }
        drop(core);
        for target in self.targets.iter().flatten() {
            let mailboxes = self.mailboxes(target);
            mailboxes.iter().for_each(|mailbox| mailbox.begin_drain());
            self.shutdown.ending.extend(mailboxes);
        }
    }

    /// `None` without a connection.
    fn fence_shutdown(&mut self) -> Option<FenceId> {
        let mut core = self.shared.core.lock();
        let fence = core.next_fence();
        core.outbox.fence(fence).ok()?;
        core.fences.insert(fence, Fence::Shutdown);
        Some(fence)
    }

    fn end_subscriptions(&mut self) {
        self.shutdown.reading = core::mem::take(&mut self.shutdown.ending);
        self.shutdown.reading.iter().for_each(|mailbox| mailbox.tell_when_read());
        for sid in self.subscriptions_read() {
            self.remove(sid, End::Finished);
        }
        self.shutdown.report_unread();
    }

    fn delete_consumers(&mut self) {
        // Those that stay for want of a connection have to be known before that is told.
        self.report_undeleted();
        if self.connection.is_ready() {
            #[cfg(feature = "jetstream")]
            self.shared.deletions.begin_all();
        } else {
            self.report_offline();
        }
    }

    fn report_undeleted(&mut self) {
        #[cfg(feature = "jetstream")]
        let undeleted = self.shared.deletions.len();
        #[cfg(not(feature = "jetstream"))]
        let undeleted = 0;
        self.shutdown.drain.handle_undeleted(undeleted);
    }

    fn report_offline(&mut self) {
        let nothing_left = self.shared.core.lock().outbox.is_empty();
        let backlog = if nothing_left { Backlog::Empty } else { Backlog::Kept };
        self.shutdown.drain.handle_offline(backlog);
    }

    /// Subscriptions whose messages an application reads: all but the one for replies.
    fn subscriptions_read(&mut self) -> Vec<Sid> {
        let targets = &self.targets;
        let is_read = |slot: Slot| match targets.get(slot.index()) {
            Some(Some(Target::Mailbox(_) | Target::Shared(_))) => true,
            Some(Some(Target::Requests) | None) | None => false,
        };
        let subscriptions = self.connection.subscriptions().iter();
        subscriptions.filter(|(slot, _)| is_read(*slot)).map(|(_, sub)| sub.sid).collect()
    }
}
