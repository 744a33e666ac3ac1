//! Waiting for what was sent, and for what was received to be handled.

use super::Client;
use crate::error::FlushError;
use crate::shared::{Fence, State, wake};
use crate::sync::Arc;
use core::time::Duration;
use futures_channel::oneshot;

impl Client {
    /// Waits until everything accepted so far was handed to the socket.
    ///
    /// While not connected, that is after the next connection is ready. See [`sync`](Self::sync) for
    /// a proof that the server has it.
    ///
    /// # Errors
    ///
    /// When the client is closed first.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn flush(&self) -> Result<(), FlushError> {
        let (receiver, driver) = {
            let mut core = self.shared().core.lock();
            if core.view.state == State::Closed {
                return Err(FlushError::Closed);
            }
            let end = core.outbox.end_position();
            if core.is_written() {
                return Ok(());
            }
            let (sender, receiver) = oneshot::channel();
            core.flushes.push((end, sender));
            (receiver, core.unpark_at_once())
        };
        wake(driver);
        receiver.await.unwrap_or(Err(FlushError::Closed))
    }

    /// Waits until the server has processed everything accepted so far: a PING and its PONG.
    ///
    /// # Errors
    ///
    /// At once without a connection, and when the connection is lost before the answer.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn sync(&self) -> Result<(), FlushError> {
        self.fence().await.map(|_| ())
    }

    /// [`sync`](Self::sync) within a time.
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync), and [`FlushError::TimedOut`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn sync_timeout(&self, timeout: Duration) -> Result<(), FlushError> {
        let fence = core::pin::pin!(self.fence());
        match self.handle.sleep(timeout).race(fence).await {
            Some(result) => result.map(|_| ()),
            None => Err(FlushError::TimedOut(timeout)),
        }
    }

    /// The time of one round trip to the server and back.
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn rtt(&self) -> Result<Duration, FlushError> {
        self.fence().await
    }

    pub(crate) async fn fence(&self) -> Result<Duration, FlushError> {
        let (receiver, waker) = {
            let mut core = self.shared().core.lock();
            let id = core.next_fence();
            match core.outbox.fence(id) {
                Ok(()) => {}
                Err(midge_proto::Refusal::Closed) => return Err(FlushError::Closed),
                Err(_) => return Err(FlushError::Disconnected),
            }
            let (sender, receiver) = oneshot::channel();
            core.fences.insert(id, Fence::Caller(sender));
            (receiver, core.unpark_at_once())
        };
        wake(waker);
        receiver.await.unwrap_or(Err(FlushError::Closed))
    }

    /// Waits until every subscription with a callback ([`Subscriber::handle`](crate::Subscriber::handle)) has handled all
    /// messages that were queued before the call, and every other that
    /// [joined](crate::Subscriber::join_barriers).
    ///
    /// A subscription that is dropped meanwhile is not waited for. What is still on its way from the
    /// server is not among it; call [`sync`](Self::sync) first to have it queued. Within a callback
    /// this waits for that very callback, for ever: spawn it there.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn barrier(&self) {
        let (sender, receiver) = oneshot::channel();
        {
            let barrier = Arc::new(sender);
            let mut callbacks = self.shared().callbacks.lock();
            callbacks.retain(|mailbox| match mailbox.upgrade() {
                Some(mailbox) => {
                    mailbox.add_barrier(&barrier);
                    true
                }
                None => false,
            });
        }
        // Nobody sends: the last queue to pass it drops the sender.
        let _: Result<(), oneshot::Canceled> = receiver.await;
    }
}
