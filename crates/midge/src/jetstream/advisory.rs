//! What servers tell of JetStream unasked: advisories and metrics.
//!
//! ```no_run
//! use midge::jetstream::advisory::{AdvisoryEvent, AdvisoryFilter, AdvisoryKind};
//!
//! # async fn example(jetstream: midge::jetstream::Context) -> Result<(), midge::Error> {
//! let filter = AdvisoryFilter::new().kinds([AdvisoryKind::MaxDeliveries]);
//! let mut advisories = jetstream.advisories(filter).await?;
//! while let Some(advisory) = advisories.next().await {
//!     if let AdvisoryEvent::MaxDeliveries(given_up) = advisory.event {
//!         // The message is still in its stream: this is the base of a dead-letter queue.
//!         let stream = jetstream.get_stream(&given_up.stream).await?;
//!         let message = stream.get_raw_message(given_up.stream_sequence).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```

pub use midge_proto::jetstream::advisory::*;

use super::context::Context;
use crate::error::SubscribeError;
use crate::subscriber::Subscriber;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use futures_core::Stream;

impl Context {
    /// Advisories and metrics as they happen, from here on.
    ///
    /// They are told in the account of the stream, whatever prefix or domain the context has, and
    /// are ordinary messages: what happens while the connection is lost is not told later.
    ///
    /// # Errors
    ///
    /// When the server does not confirm a subscription or refuses it.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has no subscription.
    pub async fn advisories(&self, filter: AdvisoryFilter) -> Result<Advisories, SubscribeError> {
        let mut subscribers = Vec::new();
        for subject in filter.subjects() {
            subscribers.push(self.inner.client.subscription(subject).confirmed().await?);
        }
        Ok(Advisories { subscribers, turn: 0 })
    }
}

/// Advisories, one after the other.
///
/// Those of one kind about one stream come in the order in which its server told them; between
/// kinds the order is not certain. It ends when the client is closed, and at once if the filter can
/// match nothing.
///
/// # Cancel safety
///
/// Nothing is lost.
#[derive(Debug)]
#[must_use = "advisories are taken by `next`"]
pub struct Advisories {
    subscribers: Vec<Subscriber>,
    /// Which subscription is looked at first, so that none waits for another for ever.
    turn: usize,
}

impl Advisories {
    /// The next one.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Advisory> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// How many came while too many waited to be read, since this was last asked.
    pub fn take_dropped(&mut self) -> u64 {
        self.subscribers.iter_mut().map(Subscriber::take_dropped).sum()
    }
}

impl Stream for Advisories {
    type Item = Advisory;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Advisory>> {
        let this = self.get_mut();
        let count = this.subscribers.len();
        let mut ended = 0;
        for step in 0..count {
            let at = (this.turn + step) % count;
            match Pin::new(&mut this.subscribers[at]).poll_next(cx) {
                Poll::Ready(Some(message)) => {
                    this.turn = (at + 1) % count;
                    return Poll::Ready(Some(Advisory::read(&message)));
                }
                Poll::Ready(None) => ended += 1,
                Poll::Pending => {}
            }
        }
        if ended == count { Poll::Ready(None) } else { Poll::Pending }
    }
}
