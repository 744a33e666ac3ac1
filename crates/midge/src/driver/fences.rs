//! PINGs that somebody waits on.

use super::{Driver, shutdown};
use crate::error::FlushError;
use crate::mailbox::End;
use crate::shared::Fence;
use core::time::Duration;
use midge_proto::{FenceId, Instant};

impl Driver {
    pub(super) fn pass_fence(&mut self, now: Instant, fence: FenceId, round_trip: Duration) {
        let waiter = {
            let mut core = self.shared.core.lock();
            core.fences.remove(&fence)
        };
        match waiter {
            Some(Fence::Caller(sender)) => {
                let _ = sender.send(Ok(round_trip));
            }
            Some(Fence::Subscription(sid)) => self.remove(sid, End::Finished),
            Some(Fence::Drain) => self.shutdown_fence(now, shutdown::FenceEnd::Passed),
            None => {}
        }
    }

    pub(super) fn fail_fences(&mut self, fences: Vec<FenceId>) {
        let mut shutdown = false;
        for fence in fences {
            let waiter = self.shared.core.lock().fences.remove(&fence);
            match waiter {
                Some(Fence::Caller(sender)) => {
                    let _ = sender.send(Err(FlushError::Disconnected));
                }
                Some(Fence::Subscription(sid)) => self.remove(sid, End::Finished),
                Some(Fence::Drain) => shutdown = true,
                None => {}
            }
        }
        if shutdown {
            self.shutdown.fence_failed();
        }
    }
}
