//! The orderly end of a client: close and drain, each within a budget.
//!
//! ```text
//! drain: Unsubscribing --fence--> Reading --all read--> Flushing --fence--> closed
//! close: ------------------------------------------->  Flushing --fence--> closed
//! ```

use super::Driver;
use crate::event::Event;
use crate::mailbox::{End, Mailbox};
use crate::shared::{DrainReport, Fence, Target};
use crate::sync::Arc;
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::{Instant, Intake, Sid};

/// How long a close may take to get what was accepted to the server.
const CLOSE_BUDGET: Duration = Duration::from_secs(10);

/// Where an orderly end stands.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    step: Step,
    give_up_at: Option<Instant>,
    closers: Vec<oneshot::Sender<()>>,
    drainers: Vec<oneshot::Sender<DrainReport>>,
    report: DrainReport,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    Running,
    /// `UNSUB`s and a PING are on their way.
    Unsubscribing(Vec<Sid>),
    /// The application reads what was delivered.
    Reading(Vec<Arc<Mailbox>>),
    /// Everything accepted goes out; a fence proves its arrival.
    Flushing {
        fenced: Fenced,
    },
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fenced {
    No,
    Yes,
}

/// How a fence of the shutdown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FenceEnd {
    Passed,
}

impl Shutdown {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.give_up_at
    }

    pub(super) fn add_waiter(&mut self, done: Option<oneshot::Sender<()>>) {
        self.closers.extend(done);
    }

    pub(super) fn add_drain_waiter(&mut self, done: oneshot::Sender<DrainReport>) {
        self.drainers.push(done);
    }

    pub(super) fn add_uncertain(&mut self, count: u64) {
        if !matches!(self.step, Step::Running) {
            self.report.uncertain += count;
        }
    }

    /// The connection was lost under a fence.
    pub(super) fn fence_failed(&mut self) {
        match &mut self.step {
            // Nothing more can come over a lost connection.
            Step::Unsubscribing(_) => self.step = Step::Unsubscribing(Vec::new()),
            Step::Flushing { fenced } => *fenced = Fenced::No,
            Step::Running | Step::Reading(_) | Step::Over => {}
        }
    }

    /// All is over: tells those who wait.
    pub(super) fn finish(&mut self, unwritten: u64) {
        self.step = Step::Over;
        self.give_up_at = None;
        self.report.unwritten += unwritten;
        for done in self.closers.drain(..) {
            let _ = done.send(());
        }
        for done in self.drainers.drain(..) {
            let _ = done.send(self.report.clone());
        }
    }
}

impl Driver {
    pub(super) fn begin_close(&mut self, now: Instant, done: Option<oneshot::Sender<()>>) {
        self.shutdown.add_waiter(done);
        self.callbacks.handle_own_close();
        if let Step::Running = self.shutdown.step {
            self.shutdown.give_up_at = Some(now + CLOSE_BUDGET);
            self.begin_flushing();
        }
        self.advance_shutdown(now);
    }

    pub(super) fn begin_drain(
        &mut self,
        now: Instant,
        budget: Duration,
        done: oneshot::Sender<DrainReport>,
    ) {
        self.shutdown.add_drain_waiter(done);
        let Step::Running = self.shutdown.step else {
            return self.advance_shutdown(now);
        };
        self.shutdown.give_up_at = Some(now + budget);
        self.shared.event(Event::Draining);
        let sids: Vec<Sid> = {
            let targets = &self.targets;
            let is_mailbox = |slot: midge_proto::Slot| match targets.get(slot.index()) {
                Some(Some(Target::Mailbox(_) | Target::Shared(_))) => true,
                Some(Some(Target::Requests) | None) | None => false,
            };
            let subscriptions = self.connection.subscriptions().iter();
            subscriptions.filter(|(slot, _)| is_mailbox(*slot)).map(|(_, sub)| sub.sid).collect()
        };
        let shared = Arc::clone(&self.shared);
        let mut core = shared.core.lock();
        core.outbox.restrict(Intake::PublishOnly);
        core.view.state = crate::State::Draining;
        for &sid in &sids {
            core.outbox.unsubscribe(sid, None);
            self.connection.subscriptions().set_draining(sid);
        }
        let fence = core.next_fence();
        let fenced = core.outbox.fence(fence).is_ok();
        if fenced {
            core.fences.insert(fence, Fence::Drain);
        }
        drop(core);
        for target in self.targets.iter().flatten() {
            self.mailboxes(target).iter().for_each(|mailbox| mailbox.begin_drain());
        }
        if fenced {
            self.shutdown.step = Step::Unsubscribing(sids);
        } else {
            self.begin_reading(sids);
        }
        self.advance_shutdown(now);
    }

    pub(super) fn shutdown_fence(&mut self, now: Instant, end: FenceEnd) {
        let FenceEnd::Passed = end;
        match core::mem::take(&mut self.shutdown.step) {
            Step::Unsubscribing(sids) => self.begin_reading(sids),
            Step::Flushing { .. } => {
                self.shutdown.step = Step::Over;
                self.connection.close(now);
            }
            step @ (Step::Running | Step::Reading(_) | Step::Over) => self.shutdown.step = step,
        }
        self.advance_shutdown(now);
    }

    /// Everything that was in flight has been delivered: the subscriptions end behind it.
    fn begin_reading(&mut self, sids: Vec<Sid>) {
        let mut reading = Vec::new();
        for sid in sids {
            let Some(slot) = self.connection.subscriptions().slot(sid) else { continue };
            if let Some(Some(target)) = self.targets.get(slot.index()) {
                for mailbox in self.mailboxes(target) {
                    mailbox.tell_when_read();
                    reading.push(mailbox);
                }
            }
            self.remove(sid, End::Finished);
        }
        self.shutdown.step = Step::Reading(reading);
    }

    fn begin_flushing(&mut self) {
        self.shared.core.lock().outbox.restrict(Intake::Draining);
        self.shutdown.step = Step::Flushing { fenced: Fenced::No };
    }

    /// Takes the next step, if it is time.
    pub(super) fn advance_shutdown(&mut self, now: Instant) {
        let late = self.shutdown.give_up_at.is_some_and(|at| at <= now);
        if let Step::Unsubscribing(sids) = &self.shutdown.step
            && sids.is_empty()
            && !self.connection.is_ready()
        {
            self.begin_reading(Vec::new());
        }
        if let Step::Reading(mailboxes) = &mut self.shutdown.step {
            mailboxes.retain(|mailbox| !mailbox.is_read());
            if mailboxes.is_empty() {
                self.begin_flushing();
            }
        }
        if let Step::Flushing { fenced: Fenced::No } = self.shutdown.step {
            let shared = Arc::clone(&self.shared);
            let mut core = shared.core.lock();
            if core.outbox.is_online() {
                let fence = core.next_fence();
                if core.outbox.fence(fence).is_ok() {
                    core.fences.insert(fence, Fence::Drain);
                    self.shutdown.step = Step::Flushing { fenced: Fenced::Yes };
                }
            } else if core.outbox.is_empty() {
                drop(core);
                self.shutdown.step = Step::Over;
                self.connection.close(now);
            }
        }
        if late && !matches!(self.shutdown.step, Step::Running | Step::Over) {
            self.shutdown.report.timed_out = true;
            if let Step::Reading(mailboxes) = &self.shutdown.step {
                self.shutdown.report.unread_subscriptions = mailboxes.len();
                self.shutdown.report.unread_messages =
                    mailboxes.iter().map(|mailbox| mailbox.pending().messages).sum();
            }
            self.shutdown.step = Step::Over;
            self.connection.close(now);
        }
    }
}
