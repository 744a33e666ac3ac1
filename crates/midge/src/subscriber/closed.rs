//! Telling once that a subscription is over.

use super::{NextError, Progress, Subscriber};
use crate::event::{ClientError, Event};
use crate::mailbox::End;
use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_channel::oneshot;
use midge_proto::{Sid, Subject};
use std::panic::catch_unwind;

/// A subscription that is over: its last message was handled, or its subscriber was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionClosed {
    /// Its id.
    pub sid: Sid,
    /// Its subject filter.
    pub subject: Subject,
    /// Its queue group.
    pub queue: Option<String>,
    /// Why it ended; [`NextError::Finished`] if the subscriber was dropped.
    pub reason: NextError,
}

type Callback = Box<dyn FnOnce(SubscriptionClosed) + Send>;

/// Those who want to hear it.
#[derive(Default)]
pub(crate) struct Closing(Vec<Callback>);

impl Subscriber {
    /// Calls `callback` once, when the subscription is over: when reading meets the end, and so
    /// behind the last message and whatever a [`handle`](Self::handle) makes of it, or when the
    /// subscriber is dropped.
    ///
    /// It runs where the subscription is read or dropped and must not block; a panic in it is
    /// contained and told as [`ClientError::CallbackPanicked`]. When the end was met already, it is
    /// called at once.
    pub fn on_closed(&self, callback: impl FnOnce(SubscriptionClosed) + Send + 'static) {
        match self.progress {
            Progress::Reading => {
                self.reader.mailbox().with_closing(|closing| closing.0.push(Box::new(callback)));
            }
            Progress::Over => self.call(Box::new(callback), self.next_error()),
        }
    }

    /// Completes when the subscription is over, as [`on_closed`](Self::on_closed) tells it.
    pub fn closed(&self) -> Closed {
        let (sender, receiver) = oneshot::channel();
        self.on_closed(move |closed| {
            // One who no longer waits does not miss it.
            let _ = sender.send(closed);
        });
        Closed(receiver)
    }

    pub(super) fn tell_closed(&self, end: &End) {
        for callback in self.reader.mailbox().take_closing().0 {
            self.call(callback, end.into());
        }
    }

    fn call(&self, callback: Callback, reason: NextError) {
        let closed = SubscriptionClosed {
            sid: self.sid,
            subject: self.subject().clone(),
            queue: self.queue_group().map(str::to_owned),
            reason,
        };
        if catch_unwind(AssertUnwindSafe(|| callback(closed))).is_err() {
            self.tell_panic();
        }
    }

    pub(crate) fn tell_panic(&self) {
        let error = ClientError::CallbackPanicked(self.sid.get());
        self.handle.shared.event(Event::ClientError(error));
    }
}

/// The end of a subscription, to be waited for; see [`Subscriber::closed`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Closed(oneshot::Receiver<SubscriptionClosed>);

impl Future for Closed {
    type Output = SubscriptionClosed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<SubscriptionClosed> {
        match Pin::new(&mut self.0).poll(cx) {
            Poll::Ready(Ok(closed)) => Poll::Ready(closed),
            // A subscriber that is not even dropped, but leaked, never ends.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closing").field(&self.0.len()).finish()
    }
}
