//! Ending a reading from elsewhere, and hearing that it has ended.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_channel::oneshot;
use futures_core::Stream;

/// Ends a reading that is in other hands: a task that reads, or one that calls back.
///
/// It does not keep the reading alive, and does nothing when that is over.
#[derive(Clone, Debug)]
pub struct Control(UnboundedSender<Order>);

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Stop,
    Drain,
}

impl Control {
    /// Ends the reading at once; messages that are there go back to the consumer.
    pub fn stop(&self) {
        self.order(Order::Stop);
    }

    /// Has the reading ask for nothing more, and end behind what was on its way.
    pub fn drain(&self) {
        self.order(Order::Drain);
    }

    fn order(&self, order: Order) {
        // A reading that is over needs no order.
        let _ = self.0.unbounded_send(order);
    }
}

/// The end where orders come out.
pub(super) struct Orders {
    sender: UnboundedSender<Order>,
    receiver: UnboundedReceiver<Order>,
}

impl Orders {
    pub(super) fn new() -> Self {
        let (sender, receiver) = unbounded();
        Self { sender, receiver }
    }

    pub(super) fn control(&self) -> Control {
        Control(self.sender.clone())
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Order> {
        match Pin::new(&mut self.receiver).poll_next(cx) {
            Poll::Ready(Some(order)) => Poll::Ready(order),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Those who wait for an end: dropping this tells them.
#[derive(Default)]
pub(super) struct Closing(Vec<oneshot::Sender<Never>>);

/// Nothing is sent to those who wait for an end.
enum Never {}

impl Closing {
    pub(super) fn wait(&mut self) -> Closed {
        let (sender, receiver) = oneshot::channel();
        self.0.push(sender);
        Closed(receiver)
    }
}

/// Completes when a reading is over: read to its end, stopped, or dropped.
#[must_use = "futures do nothing unless polled"]
pub struct Closed(oneshot::Receiver<Never>);

impl Future for Closed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
