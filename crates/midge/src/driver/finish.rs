//! The end of a client: whoever waits, hears.

use super::Machine;
use crate::error::FlushError;
use crate::event::{ClientError, Event};
use crate::mailbox::End;
use crate::shared::{Command, Fence, ReplyFailure, State};
use crate::statistics::add;
use crate::sync::Arc;
use core::task::Waker;
use midge_proto::{CloseReason, Instant, Sharing};

impl Machine {
    /// The machine is closed: everybody who waits hears it.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        let shared = Arc::clone(&self.shared);
        let (requests, flushes, fences, line, unwritten, drops) = {
            let mut core = shared.core.lock();
            self.take_commands(&mut core);
            core.outbox.restrict(midge_proto::Intake::Closed);
            let (unwritten, _) = core.outbox.clear();
            let drops = core.outbox.poll_drops();
            core.in_flight = 0;
            core.view.state = State::Closed;
            core.view.close_reason = Some(Box::new(reason.clone()));
            let requests = core.requests.clear();
            let flushes = core::mem::take(&mut core.flushes);
            let fences = core::mem::take(&mut core.fences);
            (requests, flushes, fences, core.whole_line(), unwritten, drops)
        };
        self.tell_drops(drops);
        for waiter in requests {
            waiter.answer(Err(ReplyFailure::Closed));
        }
        for (_, waiter) in flushes {
            let _ = waiter.send(Err(FlushError::Closed));
        }
        for (_, fence) in fences {
            if let Fence::Caller(sender) = fence {
                let _ = sender.send(Err(FlushError::Closed));
            }
        }
        line.into_iter().for_each(Waker::wake);
        for target in core::mem::take(&mut self.targets).into_iter().flatten() {
            for mailbox in self.mailboxes(&target) {
                mailbox.end(End::Closed);
            }
        }
        for command in core::mem::take(&mut self.deferred) {
            match command {
                Command::Unsubscribe { sid, end } => self.remove(sid, end),
                Command::Close { done } => self.shutdown.add_waiter(done),
                Command::Drain { done, .. } => self.shutdown.add_waiter(Some(done)),
                // Dropped senders tell their receivers.
                _ => {}
            }
        }
        self.sleeps.clear();
        self.paused.clear();
        self.suspended.clear();
        shared.core.lock().sharing = Sharing::default();
        if unwritten > 0 {
            add(&self.shared.statistics.dropped_publishes, unwritten);
            self.shared.event(Event::Abandoned(unwritten));
        }
        self.shutdown.finish(unwritten);
        if let Some(connected) = self.connected.take() {
            let _ = connected.send(Err(reason.clone()));
        }
        if reason == CloseReason::ByUser {
            self.callbacks.handle_own_close();
        }
        if matches!(reason, CloseReason::MaxReconnects(_)) {
            self.shared.event(Event::ClientError(ClientError::MaxReconnects));
        }
        self.shared.event(Event::Closed);
        self.shared.event(Event::CloseReason(reason));
        self.shared.events.end();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.shared.is_closed() {
            return;
        }
        self.connection.handle_dropped(Instant::MAX);
        self.take_actions(Instant::MAX);
        self.hand_over_record();
    }
}
