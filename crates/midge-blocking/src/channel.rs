//! Messages of subscriptions beside other sources of news.

use crate::Message;
use crate::blocking::{Blocking, Subscriber};
use crate::handler::Handler;
use core::future::poll_fn;
use core::ops::Deref;
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use crossbeam_channel::Receiver;
use futures_core::Stream;
use std::io;
use std::time::Instant;

/// The receiving end of a channel that a stream is moved into, by a thread of its own.
///
/// It derefs to a [`crossbeam_channel::Receiver`], so `crossbeam_channel::select!` waits for it and
/// for other channels at once. While the channel is full, what comes stays in the subscription,
/// whose own limits and policy hold. Dropping this ends the stream.
#[derive(Debug)]
pub struct Channel<T> {
    receiver: Receiver<T>,
    _handler: Handler,
}

impl<T> Deref for Channel<T> {
    type Target = Receiver<T>;

    fn deref(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<S> Blocking<S>
where
    S: Stream + Unpin + Send + 'static,
    S::Item: Send + 'static,
{
    /// Moves what comes into a channel that holds up to `capacity` items, at least one.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn into_channel(self, capacity: usize) -> io::Result<Channel<S::Item>> {
        let (sender, receiver) = crossbeam_channel::bounded(capacity.max(1));
        let handler = self.handle_with(move |item| {
            // Nobody listens any more: the handler is being stopped.
            let _ = sender.send(item);
        })?;
        Ok(Channel { receiver, _handler: handler })
    }
}

/// Waits for the first of several subscriptions that has news, without a thread for any of them.
///
/// Returns which one it was, and its message, or `None` in its place when that subscription has
/// ended: take it off the list then. When several have news, the first in the list goes first.
/// `None` when `timeout` passed.
pub fn select(
    subscribers: &mut [&mut Subscriber],
    timeout: Option<Duration>,
) -> Option<(usize, Option<Message>)> {
    let limit = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let carrier = subscribers.first()?.carrier().clone();
    let first = poll_fn(|cx| {
        for (index, subscriber) in subscribers.iter_mut().enumerate() {
            let inner: &mut midge::Subscriber = subscriber;
            if let Poll::Ready(message) = Pin::new(inner).poll_next(cx) {
                return Poll::Ready((index, message));
            }
        }
        Poll::Pending
    });
    carrier.wait(first, limit)
}
