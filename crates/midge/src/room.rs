//! Waiting in the publishers' line for room, without a message to publish in the same step.

use crate::shared::{Shared, wake};
use crate::sync::Arc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// Completes when the outbox has room and it is this waiter's turn.
pub(crate) fn wait(shared: &Arc<Shared>) -> Room<'_> {
    Room { shared, ticket: None }
}

pub(crate) struct Room<'a> {
    shared: &'a Arc<Shared>,
    ticket: Option<u64>,
}

impl Future for Room<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut core = this.shared.core.lock();
        if !core.has_turn(&mut this.ticket, cx.waker()) {
            return Poll::Pending;
        }
        // Leaving wakes whoever is next, who finds less room if this one uses it first.
        let next = this.ticket.take().and_then(|ticket| core.leave_line(ticket));
        drop(core);
        wake(next);
        Poll::Ready(())
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let next = self.shared.core.lock().leave_line(ticket);
            wake(next);
        }
    }
}
