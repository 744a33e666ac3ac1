//! Publishing many messages, with their acknowledgements in order.

use super::tray::{Answers, Tray};
use super::{PublishAckFuture, PublishError};
use crate::HeaderMap;
use crate::jetstream::context::{Context, outbound, size_of};
use crate::jetstream::error::Fault;
use crate::jetstream::window::WhenFull;
use crate::shared::{Reply, ReplyTo};
use crate::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use midge_proto::jetstream::message::PublishMessage;
use midge_proto::jetstream::{PublishAck, WindowLimits};
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
    books: Books,
}

/// What became of the messages so far.
#[derive(Debug, Default)]
struct Books {
    /// Messages that are not settled yet, the first one with the number `settled`.
    waiting: VecDeque<Waiting>,
    settled: u64,
    tray: Arc<Tray>,
    /// Answers that are being looked at; empty in between.
    answers: Answers,
    /// How many messages are about to be published again.
    again: usize,
    order: PublishOrder,
    counts: PublishCounts,
    failures: Vec<PublishFailure>,
    /// The one of the last message that was acknowledged, if there is one.
    last: PublishAck,
}

#[derive(Debug)]
enum Waiting {
    /// For an answer.
    Asked(OutboundMessage),
    /// For its turn.
    Answered(OutboundMessage, Result<PublishAck, PublishError>),
    /// To be published again, or for the answer to that.
    Again(Box<PublishAckFuture>),
}

/// In which order messages come to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PublishOrder {
    /// That of the calls, but for those that are published again.
    #[default]
    Free,
    /// On each subject that of the calls: a message waits until the one before it on its subject is
    /// stored or failed.
    BySubject,
}

/// Messages, and the bytes of their subjects, headers and payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// Messages.
    pub messages: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What became of the messages of a publisher: all that were published are acknowledged, failed, or
/// wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PublishCounts {
    /// Put on their way.
    pub published: Tally,
    /// Known to be in a stream.
    pub acknowledged: Tally,
    /// Not in a stream, or not known to be.
    pub failed: Tally,
}

impl PublishCounts {
    /// On their way, or waiting to be published again.
    #[must_use]
    pub const fn waiting(&self) -> Tally {
        let Self { published, acknowledged, failed } = self;
        Tally {
            messages: published.messages - acknowledged.messages - failed.messages,
            bytes: published.bytes - acknowledged.bytes - failed.bytes,
        }
    }
}

impl Tally {
    fn add(&mut self, message: &OutboundMessage) {
        self.messages += 1;
        self.bytes += size_of(message) as u64;
    }
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
        Self { context, books: Books::default() }
    }

    /// In which order messages come to be stored; that of the calls by default, but for those that are
    /// published again.
    pub const fn order(mut self, order: PublishOrder) -> Self {
        self.books.order = order;
        self
    }

    /// What became of the messages so far, as far as it is known in the order of the messages.
    #[must_use]
    pub const fn counts(&self) -> PublishCounts {
        self.books.counts
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
        self.publish_message(outbound(subject, None, payload)).await
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
        self.publish_message(outbound(subject, Some(headers), payload)).await
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
        if let Some(requirement) = publish.requirement() {
            self.context.check_level(requirement).await?;
        }
        self.publish_message(publish.try_outbound_message(subject)?).await
    }

    /// Publishes one message while it goes on with those before.
    async fn publish_message(&mut self, message: OutboundMessage) -> Result<u64, PublishError> {
        let Self { context, books } = self;
        let number = books.settled + books.waiting.len() as u64;
        let tray = Arc::clone(&books.tray);
        let sent = context.send_to_stream(&message, |parts, core| {
            Ok((parts.begin_for(core, ReplyTo::Tray(tray.slot(number)))?, ()))
        });
        {
            let mut sent = core::pin::pin!(sent);
            poll_fn(|cx| {
                loop {
                    // What waits for its turn to be published again must not wait for this one.
                    books.advance(context, cx);
                    let sent = match books.refusal(context, &message) {
                        None => sent.as_mut().poll(cx),
                        Some(refusal) => refusal,
                    };
                    if sent.is_ready() || !books.tray.listen(cx) {
                        return sent;
                    }
                }
            })
            .await?;
        }
        books.counts.published.add(&message);
        books.waiting.push_back(Waiting::Asked(message));
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
        let Self { context, books } = &mut self;
        poll_fn(|cx| {
            loop {
                books.advance(context, cx);
                if books.waiting.is_empty() {
                    return Poll::Ready(());
                }
                if !books.tray.listen(cx) {
                    return Poll::Pending;
                }
            }
        })
        .await;
        let Books { counts, failures, .. } = self.books;
        let acknowledged = counts.acknowledged.messages;
        if failures.is_empty() {
            return Ok(acknowledged);
        }
        Err(PublishFailures { acknowledged, failures })
    }

    /// Messages that wait for their acknowledgements.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.books.waiting.len()
    }

    /// The last acknowledgement that was taken.
    #[must_use]
    pub const fn last_ack(&self) -> Option<&PublishAck> {
        if self.books.counts.acknowledged.messages > 0 { Some(&self.books.last) } else { None }
    }

    /// Takes the failures so far.
    pub fn take_failures(&mut self) -> Vec<PublishFailure> {
        core::mem::take(&mut self.books.failures)
    }
}

impl Books {
    /// Takes the results that are there, in order.
    fn advance(&mut self, context: &Context, cx: &mut TaskContext<'_>) {
        let mut answers = core::mem::take(&mut self.answers);
        self.tray.take(&mut answers);
        for (number, reply) in answers.drain(..) {
            self.handle_answer(context, number, reply);
        }
        self.answers = answers;
        if self.again > 0 {
            self.poll_again(cx);
        }
        while let Some(Waiting::Answered(..)) = self.waiting.front() {
            let Some(Waiting::Answered(message, result)) = self.waiting.pop_front() else { break };
            self.settle(message, result);
        }
    }

    /// What keeps another message from being sent: one before it on its subject, if their order is to
    /// be kept; and as many as the window has, of which some need no place there: those that wait to be
    /// published again, and those that are answered, but stand behind one that is not.
    fn refusal(
        &self,
        context: &Context,
        message: &OutboundMessage,
    ) -> Option<Poll<Result<(), PublishError>>> {
        match self.order {
            PublishOrder::Free => {}
            PublishOrder::BySubject => {
                let open = self.waiting.iter().filter_map(Waiting::unanswered);
                if open.into_iter().any(|before| before.subject == message.subject) {
                    return Some(Poll::Pending);
                }
            }
        }
        let window = &context.inner.window;
        let WindowLimits { messages, bytes } = window.limits();
        let waits = self.counts.waiting();
        let full = !self.waiting.is_empty()
            && (self.waiting.len() >= messages || waits.bytes >= bytes as u64);
        full.then(|| match window.when_full() {
            WhenFull::Wait => Poll::Pending,
            WhenFull::Fail => Poll::Ready(Err(Fault::WindowFull(self.waiting.len()).into())),
        })
    }

    fn handle_answer(&mut self, context: &Context, number: u64, reply: Reply) {
        let index = number.checked_sub(self.settled).and_then(|index| index.try_into().ok());
        let Some(index) = index else { return };
        // Answers come in the order of the messages, unless something is wrong.
        if index == 0
            && let Ok(answer) = &reply
            && self.last.decode_over(answer).is_ok()
        {
            if let Some(waiting) = self.waiting.pop_front() {
                self.counts.acknowledged.add(waiting.message());
            }
            self.settled += 1;
            return;
        }
        let Some(waiting) = self.waiting.get_mut(index) else { return };
        let Waiting::Asked(message) = waiting else { return };
        let message = message.clone();
        *waiting = match reply.as_ref().ok().and_then(|answer| PublishAck::decode(answer).ok()) {
            Some(ack) => Waiting::Answered(message, Ok(ack)),
            None => {
                self.again += 1;
                let context = Arc::clone(&context.inner);
                Waiting::Again(Box::new(PublishAckFuture::told(context, message, reply)))
            }
        };
    }

    /// Where one message finds nobody there, others do, and all are published again at the same
    /// time.
    fn poll_again(&mut self, cx: &mut TaskContext<'_>) {
        for waiting in &mut self.waiting {
            if let Waiting::Again(ack) = waiting
                && let Poll::Ready(result) = Pin::new(&mut **ack).poll(cx)
            {
                self.again -= 1;
                *waiting = Waiting::Answered(ack.message().clone(), result);
            }
        }
    }

    fn settle(&mut self, message: OutboundMessage, result: Result<PublishAck, PublishError>) {
        let number = self.settled;
        self.settled += 1;
        match result {
            Ok(ack) => {
                self.counts.acknowledged.add(&message);
                self.last = ack;
            }
            Err(error) => {
                self.counts.failed.add(&message);
                self.failures.push(PublishFailure { number, message, error });
            }
        }
    }
}

impl Waiting {
    const fn message(&self) -> &OutboundMessage {
        match self {
            Self::Asked(message) | Self::Answered(message, _) => message,
            Self::Again(ack) => ack.message(),
        }
    }

    /// The message, if nothing is known of it.
    const fn unanswered(&self) -> Option<&OutboundMessage> {
        match self {
            Self::Asked(_) | Self::Again(_) => Some(self.message()),
            Self::Answered(..) => None,
        }
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
