//! PINGs that somebody waits on.

use super::Machine;
use crate::error::FlushError;
use crate::mailbox::End;
use crate::shared::Fence;
use core::time::Duration;
use midge_proto::FenceId;

impl Machine {
    pub(super) fn pass_fence(&mut self, fence: FenceId, round_trip: Duration) {
        let waiter = {
            let mut core = self.shared.core.lock();
            core.fences.remove(&fence)
        };
        match waiter {
            Some(Fence::Caller(sender)) => {
                let _ = sender.send(Ok(round_trip));
            }
            Some(Fence::Subscription(sid)) => self.remove(sid, End::Finished),
            Some(Fence::Shutdown) => self.shutdown.drain.handle_fence_passed(fence),
            None => {}
        }
    }

    pub(super) fn fail_fences(&mut self, fences: Vec<FenceId>) {
        for fence in fences {
            let waiter = self.shared.core.lock().fences.remove(&fence);
            match waiter {
                Some(Fence::Caller(sender)) => {
                    let _ = sender.send(Err(FlushError::Disconnected));
                }
                Some(Fence::Subscription(sid)) => self.remove(sid, End::Finished),
                // The loss of the connection says it all.
                Some(Fence::Shutdown) | None => {}
            }
        }
    }
}
