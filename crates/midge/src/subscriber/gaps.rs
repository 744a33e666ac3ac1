//! Reading with gaps in their place.

use super::Subscriber;
use crate::mailbox::{Gap, Refill};
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_core::Stream;
use midge_proto::Message;

/// What a subscription brings: a message, or the place where some are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The next message.
    Message(Message),
    /// Messages are missing between the last one and the next.
    Gap(Gap),
}

/// A [`Subscriber`] that also tells where messages are missing.
///
/// Two messages without a [`Gap`] between them are successors: all that this client was sent in
/// between is there. Dropping it unsubscribes.
#[derive(Debug)]
pub struct SubscriberWithGaps(Subscriber);

impl Subscriber {
    /// From now on, tells where messages are missing as an item of the stream: those that were
    /// dropped for lack of room, and those that never reached this client while the subscription
    /// was paused or the connection lost.
    ///
    /// Messages that a newer one of their subject replaced
    /// ([`SlowConsumerPolicy::LatestOnly`](crate::SlowConsumerPolicy::LatestOnly)) are not missing.
    #[must_use]
    pub fn with_gaps(self) -> SubscriberWithGaps {
        self.tell_gaps();
        SubscriberWithGaps(self)
    }

    pub(crate) fn tell_gaps(&self) {
        self.reader.mailbox().tell_gaps();
    }

    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if !self.reader.has_message() {
            match self.refill(Some(cx.waker())) {
                Refill::Run => {}
                Refill::Gap(gap) => return Poll::Ready(Some(Item::Gap(gap))),
                refill @ (Refill::Empty | Refill::End(_)) => {
                    return self.nothing(refill).map(|message| message.map(Item::Message));
                }
            }
        }
        self.poll_message(cx).map(|message| message.map(Item::Message))
    }
}

impl SubscriberWithGaps {
    /// The next message or gap; `None` when the subscription has ended and everything was read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Item> {
        core::future::poll_fn(|cx| self.0.poll_item(cx)).await
    }

    /// The subscriber, to be asked, changed or ended.
    pub fn subscriber(&mut self) -> &mut Subscriber {
        &mut self.0
    }
}

impl Stream for SubscriberWithGaps {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        self.get_mut().0.poll_item(cx)
    }
}
