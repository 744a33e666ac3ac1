//! Full queues: reading rests for one, or the server is asked to stop a subscription.

use super::Machine;
use crate::event::{Event, ReadingState};
use crate::mailbox::Mailbox;
use crate::sync::Arc;
use midge_proto::{OnWire, Sid};

impl Machine {
    /// Stops reading until this queue has room.
    pub(super) fn pause_reading(&mut self, mailbox: Arc<Mailbox>) {
        if self.paused.is_empty() {
            self.shared.event(Event::Reading(ReadingState::Paused));
        }
        self.paused.push(mailbox);
    }

    /// Asks the server to stop a subscription until its queue has room.
    pub(super) fn suspend(&mut self, sid: Sid, mailbox: Arc<Mailbox>) {
        if !self.connection.subscriptions().pause(sid) {
            return;
        }
        self.shared.core.lock().outbox.unsubscribe(sid, None);
        mailbox.note_unseen();
        self.suspended.push((sid, mailbox));
        self.shared.event(Event::SubscriptionPaused(sid.get()));
    }

    /// Goes on for all queues that have room by now, or have ended.
    pub(super) fn resume(&mut self) {
        if !self.paused.is_empty() {
            self.paused.retain(|mailbox| mailbox.is_pausing());
            if self.paused.is_empty() {
                self.shared.event(Event::Reading(ReadingState::Resumed));
            }
        }
        if !self.suspended.is_empty() {
            let suspended = core::mem::take(&mut self.suspended);
            let (full, free) = suspended.into_iter().partition(|(_, queue)| queue.is_pausing());
            self.suspended = full;
            free.into_iter().for_each(|(sid, _): (Sid, _)| self.unsuspend(sid));
        }
    }

    fn unsuspend(&mut self, sid: Sid) {
        // It may have ended, or begun to drain.
        let Some(subscription) = self.connection.subscriptions().paused(sid) else { return };
        let (subject, queue) =
            (subscription.interest.subject.as_bytes(), subscription.interest.queue_bytes());
        let on_wire = {
            let outbox = &mut self.shared.core.lock().outbox;
            // A client that drains takes no subscription on again.
            let Ok(on_wire) = outbox.subscribe(subject, queue, sid) else {
                return;
            };
            if on_wire == OnWire::Yes
                && let Some(remaining) = subscription.remaining()
            {
                outbox.unsubscribe(sid, Some(remaining));
            }
            on_wire
        };
        self.connection.subscriptions().resume(sid, on_wire);
        self.shared.event(Event::SubscriptionResumed(sid.get()));
    }
}
