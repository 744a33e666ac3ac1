//! A driver and the stream it is carried over, and what is still done when both are dropped.

use super::Driver;
use super::outbound::SLICES_MAX;
use crate::runtime::Stream;
use core::task::{Context, Poll, Waker};
use midge_proto::{Instant, Intake};
use std::io::IoSlice;

/// What the loop holds; a runtime that ends drops it in the middle of things.
pub(super) struct Carried<S: Stream> {
    pub(super) driver: Driver,
    pub(super) stream: Option<S>,
}

impl<S: Stream> Drop for Carried<S> {
    /// Writes what was accepted as far as the socket takes it at once. The drop of the driver counts
    /// the rest and tells it.
    fn drop(&mut self) {
        let (driver, Some(stream)) = (&mut *self.driver, &mut self.stream) else { return };
        if driver.is_closed() {
            return;
        }
        {
            // Nothing joins the queue any more, so the loop ends with it, and nothing is held back.
            let outbox = &mut driver.shared.core.lock().outbox;
            outbox.restrict(Intake::Closed);
            outbox.release();
        }
        let mut cx = Context::from_waker(Waker::noop());
        // The clock of a runtime that is gone need not be there either.
        let now = Instant::MAX;
        while driver.prepare_write(now) {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let count = driver.write_slices(&mut slices);
            match stream.poll_write_vectored(&mut cx, &slices[..count]) {
                Poll::Ready(Ok(count)) if count > 0 => {
                    // What a stream keeps goes with it; nothing can be done about that any more.
                    let _ = stream.poll_flush(&mut cx);
                    driver.handle_written(now, count);
                }
                Poll::Ready(_) | Poll::Pending => return,
            }
        }
    }
}
