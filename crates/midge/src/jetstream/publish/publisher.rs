//! Publishing many messages, with their acknowledgements in order.

use super::{PublishAckFuture, PublishError};
use crate::HeaderMap;
use crate::jetstream::context::Context;
use crate::jetstream::error::Fault;
use crate::jetstream::window::WhenFull;
use crate::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use midge_proto::jetstream::PublishAck;
use midge_proto::jetstream::message::PublishMessage;
use midge_proto::{OutboundMessage, ToSubject};
use std::collections::VecDeque;

/// Publishes many messages and keeps their acknowledgements, which are taken in the order of the
/// messages.
///
/// How many messages may wait for their acknowledgements is a matter of the
/// [`Context`]. What failed is told by [`finish`](Self::finish), message by message.
///
/// ```no_run
/// # async fn example(jetstream: midge::jetstream::Context) -> Result<(), midge::Error> {
/// let mut publisher = jetstream.publisher();
/// for number in 0..10_000 {
///     publisher.publish("orders.new", format!("order {number}").into()).await?;
/// }
/// publisher.finish().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "what failed is told by `finish`"]
pub struct Publisher {
    context: Context,
    waiting: VecDeque<Waiting>,
    published: u64,
    acknowledged: u64,
    failures: Vec<PublishFailure>,
    last: Option<PublishAck>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    ack: PublishAckFuture,
    /// What it came to before its turn.
    result: Option<Result<PublishAck, PublishError>>,
}

/// A message that is not in a stream, or not known to be.
#[derive(Clone, Debug)]
pub struct PublishFailure {
    /// Which message it was, counted from 0.
    pub number: u64,
    /// The message.
    pub message: OutboundMessage,
    /// Why.
    pub error: PublishError,
}

impl Publisher {
    pub(in crate::jetstream) fn new(context: Context) -> Self {
        Self {
            context,
            waiting: VecDeque::new(),
            published: 0,
            acknowledged: 0,
            failures: Vec::new(),
            last: None,
        }
    }

    /// Publishes `payload` on a subject of a stream; returns the number of the message, counted
    /// from 0.
    ///
    /// # Errors
    ///
    /// As [`Context::publish`]. That the message was not sent is told here and not again by
    /// [`finish`](Self::finish).
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent nothing.
    pub async fn publish<S: ToSubject>(
        &mut self,
        subject: S,
        payload: Bytes,
    ) -> Result<u64, PublishError> {
        let context = self.context.clone();
        self.publish_by(context.publish(subject, payload)).await
    }

    /// As [`publish`](Self::publish), with headers.
    ///
    /// # Errors
    ///
    /// As [`Context::publish_with_headers`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent nothing.
    pub async fn publish_with_headers<S: ToSubject>(
        &mut self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<u64, PublishError> {
        let context = self.context.clone();
        self.publish_by(context.publish_with_headers(subject, headers, payload)).await
    }

    /// As [`publish`](Self::publish), with everything that a stream can be told about a message.
    ///
    /// # Errors
    ///
    /// As [`Context::send_publish`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent nothing.
    pub async fn send_publish<S: ToSubject>(
        &mut self,
        subject: S,
        publish: PublishMessage,
    ) -> Result<u64, PublishError> {
        let context = self.context.clone();
        self.publish_by(context.send_publish(subject, publish)).await
    }

    /// Publishes one message while it goes on with those before.
    async fn publish_by(
        &mut self,
        publish: impl Future<Output = Result<PublishAckFuture, PublishError>>,
    ) -> Result<u64, PublishError> {
        let mut publish = core::pin::pin!(publish);
        let window = Arc::clone(&self.context.inner.window);
        let ack = poll_fn(|cx| {
            // What waits for its turn to be published again must not wait for this one.
            let retrying = self.advance(cx);
            // A message without an answer on the way has no place in the window, but counts.
            if retrying && self.waiting.len() >= window.limits().messages {
                return match window.when_full() {
                    WhenFull::Wait => Poll::Pending,
                    WhenFull::Fail => {
                        Poll::Ready(Err(Fault::WindowFull(self.waiting.len()).into()))
                    }
                };
            }
            publish.as_mut().poll(cx)
        })
        .await?;
        let number = self.published;
        self.published += 1;
        self.waiting.push_back(Waiting { number, ack, result: None });
        Ok(number)
    }

    /// Waits for all acknowledgements; returns how many messages are in a stream.
    ///
    /// # Errors
    ///
    /// All messages that failed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops what is known; the messages are on their way.
    pub async fn finish(mut self) -> Result<u64, PublishFailures> {
        poll_fn(|cx| {
            self.advance(cx);
            if self.waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        if self.failures.is_empty() {
            return Ok(self.acknowledged);
        }
        Err(PublishFailures { acknowledged: self.acknowledged, failures: self.failures })
    }

    /// Messages that wait for their acknowledgements.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The last acknowledgement that was taken.
    #[must_use]
    pub const fn last_ack(&self) -> Option<&PublishAck> {
        self.last.as_ref()
    }

    /// Takes the failures so far.
    pub fn take_failures(&mut self) -> Vec<PublishFailure> {
        core::mem::take(&mut self.failures)
    }

    /// Takes the results that are there, in order; whether the first of the others is to be
    /// published again.
    fn advance(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut retrying = false;
        while let Some(first) = self.waiting.front_mut() {
            if !first.is_done(cx) {
                retrying = first.ack.is_retrying();
                break;
            }
            let Some(Waiting { number, ack, result: Some(result) }) = self.waiting.pop_front()
            else {
                break;
            };
            match result {
                Ok(ack) => {
                    self.acknowledged += 1;
                    self.last = Some(ack);
                }
                Err(error) => {
                    let message = ack.into_message();
                    self.failures.push(PublishFailure { number, message, error });
                }
            }
        }
        // Where one finds nobody there, others do, and all are published again at the same time.
        if retrying {
            for waiting in self.waiting.iter_mut().skip(1) {
                waiting.is_done(cx);
            }
        }
        retrying
    }
}

impl Waiting {
    fn is_done(&mut self, cx: &mut TaskContext<'_>) -> bool {
        if self.result.is_none()
            && let Poll::Ready(result) = Pin::new(&mut self.ack).poll(cx)
        {
            self.result = Some(result);
        }
        self.result.is_some()
    }
}

/// Messages that are not in a stream, or not known to be.
#[derive(Clone, Debug)]
pub struct PublishFailures {
    /// Messages that are in a stream.
    pub acknowledged: u64,
    /// The others, in the order of their numbers.
    pub failures: Vec<PublishFailure>,
}

impl fmt::Display for PublishFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} published messages failed", self.failures.len())?;
        let first = self.failures.first();
        first.map_or(Ok(()), |first| {
            write!(f, ", the first (number {}): {}", first.number, first.error)
        })
    }
}

impl core::error::Error for PublishFailures {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.failures.first().map(|first| &first.error as _)
    }
}
