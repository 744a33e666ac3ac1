//! One callback a message.

use super::{NextError, Subscriber};
use crate::sync::Arc;
use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::pin;
use core::task::Poll;
use midge_proto::Message;
use std::panic::catch_unwind;

/// What a subscription with a callback came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handled {
    /// Messages that the callback was called with.
    pub messages: u64,
    /// Calls that panicked among them.
    pub panicked: u64,
    /// Why no more will come.
    pub reason: NextError,
}

/// Messages handled in a row before others get their turn.
const IN_A_ROW: u32 = 64;

impl Subscriber {
    /// Calls `callback` with each message, one after the other: the next call begins when the future
    /// of the one before is done.
    ///
    /// The future returned does it, wherever it is spawned or awaited, and completes when the
    /// subscription has ended and its last message was handled. Dropping it unsubscribes; a call
    /// that is under way is dropped, too. A callback that panics is told by
    /// [`ClientError::CallbackPanicked`](crate::ClientError::CallbackPanicked) and called again for
    /// the next message. [`Client::barrier`](crate::Client::barrier) waits for callbacks.
    pub fn handle<F, H>(mut self, mut callback: F) -> impl Future<Output = Handled> + use<F, H>
    where
        F: FnMut(Message) -> H,
        H: Future<Output = ()>,
    {
        self.join_barriers();
        async move {
            let (mut messages, mut panicked) = (0, 0);
            let mut turns = Turns::default();
            while let Some(message) = self.next().await {
                messages += 1;
                if contained(|| callback(message)).await.is_err() {
                    panicked += 1;
                    self.tell_panic();
                }
                turns.take().await;
            }
            Handled { messages, panicked, reason: self.next_error() }
        }
    }

    /// Has [`Client::barrier`](crate::Client::barrier) wait for this subscription, as for one with a
    /// callback: a message counts as handled when the next one is asked for.
    pub fn join_barriers(&self) {
        let mut callbacks = self.handle.shared.callbacks.lock();
        if callbacks.len() == callbacks.capacity() {
            callbacks.retain(|mailbox| mailbox.strong_count() > 0);
        }
        callbacks.push(Arc::downgrade(self.reader.mailbox()));
    }
}

/// Lets others have their turn between the messages.
#[derive(Default)]
pub(crate) struct Turns(u32);

impl Turns {
    pub(crate) async fn take(&mut self) {
        self.0 += 1;
        if self.0 == IN_A_ROW {
            self.0 = 0;
            yield_now().await;
        }
    }
}

/// A panic, be it in the call or in a poll of its future.
pub(crate) struct Panicked;

pub(crate) async fn contained<H: Future<Output = ()>>(
    call: impl FnOnce() -> H,
) -> Result<(), Panicked> {
    let future = catch_unwind(AssertUnwindSafe(call)).map_err(|_| Panicked)?;
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
