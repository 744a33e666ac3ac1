//! Publishing as fast as a stream stores.

use super::{PublishError, PublishFailure, PublishFailures};
use crate::event::StateChanges;
use crate::jetstream::context::{Context, Publish};
use crate::jetstream::error::{CallError, Fault};
use crate::publish::try_publish_unhurried;
use crate::request::not_subscribed;
use crate::shared::wake;
use crate::sleep::Sleep;
use crate::{RequestError, State, Subscriber};
use bytes::Bytes;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use core::time::Duration;
use futures_core::Stream;
use midge_proto::jetstream::{
    BatchId, GapMode, Ingest, IngestAnswer, IngestEvent, IngestFailure, IngestFault,
    IngestOperation, IngestOptions, IngestSend, PublishAck,
};
use midge_proto::{OutboundMessage, Refusal, Subject, ToSubject};

/// So many silences make a timeout: as many as the machine bears.
const SILENCES: u32 = 5;

/// Fast ingest that is about to begin.
#[derive(Clone, Debug)]
#[must_use = "nothing begins before `open`"]
pub struct FastPublishBuilder {
    context: Context,
    options: IngestOptions,
    timeout: Duration,
}

impl FastPublishBuilder {
    pub(in crate::jetstream) fn new(context: Context) -> Self {
        let timeout = context.ack_timeout();
        Self { context, options: IngestOptions::default(), timeout }
    }

    /// After how many messages the stream answers at the latest; 500 by default, as the server grants
    /// at most. It may answer more often.
    pub fn flow(mut self, messages: u16) -> Self {
        self.options.flow = messages;
        self
    }

    /// How many answers may be outstanding, 1 to 3; 2 by default. So many times
    /// [`flow`](Self::flow) messages are kept at most.
    pub fn max_outstanding_acks(mut self, acks: u64) -> Self {
        self.options.acks_outstanding = acks;
        self
    }

    /// What becomes of messages that are lost on the way, or refused: with [`GapMode::Fail`], the
    /// default, lost ones are sent again, in order, and a refused one is the end; with
    /// [`GapMode::Ok`] both are failures, and the others go on.
    pub fn gap_mode(mut self, gap: GapMode) -> Self {
        self.options.gap = gap;
        self
    }

    /// How long the stream may say nothing while messages wait; the
    /// [`ack_timeout`](crate::jetstream::ContextBuilder::ack_timeout) of the context by default. It is
    /// asked how far it is after each fifth of that.
    ///
    /// When the time is over, messages without an id are failures. Those with one go into another
    /// batch, which has the same time, up to three of them in a row: with a stream that says nothing
    /// at all, [`finish`](FastPublisher::finish) takes four times as long at most.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Begins. Nothing is published before the first message.
    ///
    /// # Errors
    ///
    /// The server does not know fast ingest, or the client is draining or closed.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn open(self) -> Result<FastPublisher, PublishError> {
        let Self { context, options, timeout } = self;
        context.check_level(Ingest::requirement()).await?;
        let client = context.client();
        let id = BatchId::new(client.shared().settings.ids.next())?;
        let ingest = Ingest::new(Subject::from(client.new_inbox()), &id, options);
        let answers = client
            .subscription(ingest.subscription())
            .open()
            .map_err(|error| Fault::Request(not_subscribed(error).into()))?;
        let quiet = timeout / SILENCES;
        Ok(FastPublisher {
            ingest,
            answers,
            connections: client.state_changes(&[State::Connected]),
            pause: client.handle.sleep(quiet),
            quiet,
            heard: false,
            sending: None,
            reply: String::new(),
            failures: Vec::new(),
            context,
        })
    }
}

/// Publishes many messages as fast as the stream stores them (2.14).
///
/// The stream has to allow it
/// ([`allow_batch_publish`](crate::jetstream::stream::Config::allow_batch_publish)), and all messages
/// go to one stream. It answers every few hundred messages and says how many may be
/// on the way. Each message is stored or a failure in the end, which [`finish`](Self::finish) tells.
/// What was lost with a connection is sent again; where the stream cannot say how far it came, only
/// messages with an id are, and others are failures, though they may be stored.
///
/// Servers end a batch to which nothing comes for ten seconds. Before a longer rest,
/// [`flush`](Self::flush) makes sure of what was sent.
///
/// ```no_run
/// # async fn example(jetstream: midge::jetstream::Context) -> Result<(), midge::Error> {
/// let mut publisher = jetstream.fast_publish().open().await?;
/// for number in 0..1_000_000 {
///     publisher.add("measurements.7", format!("{number}").into()).await?;
/// }
/// publisher.finish().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "what failed is told by `finish`"]
pub struct FastPublisher {
    context: Context,
    ingest: Ingest,
    answers: Subscriber,
    connections: StateChanges,
    /// The wait for a word of the stream, and whether there was one since it began.
    pause: Sleep,
    quiet: Duration,
    heard: bool,
    /// What waits in line to be published.
    sending: Option<Sending>,
    reply: String,
    failures: Vec<PublishFailure>,
}

struct Sending {
    /// Whether it is one of the messages.
    is_message: bool,
    published: Pin<Box<dyn Future<Output = Result<(), crate::PublishError>> + Send>>,
}

impl FastPublisher {
    /// Publishes `payload` on a subject of the stream; returns the number of the message, counted
    /// from 0. Waits while as many messages are on the way as the stream grants.
    ///
    /// # Errors
    ///
    /// As [`Client::publish`](crate::Client::publish); and when the stream said that it takes no
    /// (more) messages. That this message was not sent is told here and not again by
    /// [`finish`](Self::finish).
    ///
    /// # Cancel safety
    ///
    /// A dropped future has not taken the message, unless it waited for room to write.
    pub async fn add<S: ToSubject>(
        &mut self,
        subject: S,
        payload: Bytes,
    ) -> Result<u64, PublishError> {
        let subject = subject.into_subject();
        self.add_message(OutboundMessage { subject, reply: None, payload, headers: None }).await
    }

    /// As [`add`](Self::add), of a message with headers. A reply subject in it is not used.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// As [`add`](Self::add).
    pub async fn add_message(&mut self, message: OutboundMessage) -> Result<u64, PublishError> {
        poll_fn(|cx| self.poll_ready(cx, |this| this.ingest.has_room() || this.ingest.is_ended()))
            .await;
        let subject = message.subject.clone();
        let refused = |fault: IngestFault| CallError::new(Some(subject), fault.into());
        let number = self.ingest.add(message).map_err(refused)?;
        poll_fn(|cx| self.poll_ready(cx, |this| this.sending.is_none())).await;
        match self.failures.pop_if(|failure| failure.number == number) {
            Some(failure) => Err(failure.error),
            None => Ok(number),
        }
    }

    /// As [`add`](Self::add), with everything that a stream can be told about a message.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); and what no stream would take or the server does not know.
    ///
    /// # Cancel safety
    ///
    /// As [`add`](Self::add).
    pub async fn add_publish<S: ToSubject>(
        &mut self,
        subject: S,
        publish: Publish,
    ) -> Result<u64, PublishError> {
        if let Some(requirement) = publish.requirement() {
            self.context.check_level(requirement).await?;
        }
        self.add_message(publish.try_outbound_message(subject)?).await
    }

    /// Waits until every message so far is stored or a failure; returns how many are stored. The
    /// next message begins a new batch.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn flush(&mut self) -> u64 {
        self.ingest.flush();
        poll_fn(|cx| self.poll_ready(cx, |this| this.ingest.is_flushed())).await;
        self.ingest.acknowledged()
    }

    /// Ends the batch, and waits until every message is stored or a failure; returns how many are
    /// stored.
    ///
    /// # Errors
    ///
    /// All messages that failed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops what is known; the messages are on their way.
    pub async fn finish(mut self) -> Result<u64, PublishFailures> {
        self.ingest.finish();
        poll_fn(|cx| self.poll_ready(cx, |this| this.ingest.is_ended())).await;
        let acknowledged = self.ingest.acknowledged();
        let mut failures = self.take_failures();
        if failures.is_empty() {
            return Ok(acknowledged);
        }
        failures.sort_by_key(|failure| failure.number);
        Err(PublishFailures { acknowledged, failures })
    }

    /// Messages that are neither stored nor failed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.ingest.waiting()
    }

    /// Messages that are stored.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.ingest.acknowledged()
    }

    /// What the stream said at the end of the last batch; there are several where messages had to be
    /// sent again.
    #[must_use]
    pub const fn last_ack(&self) -> Option<&PublishAck> {
        self.ingest.last_ack()
    }

    /// Takes the failures so far.
    pub fn take_failures(&mut self) -> Vec<PublishFailure> {
        self.collect_failures();
        core::mem::take(&mut self.failures)
    }

    /// What happened since the last call, up to 64 of the newest.
    pub fn take_events(&mut self) -> Vec<IngestEvent> {
        core::iter::from_fn(|| self.ingest.poll_event()).collect()
    }

    fn collect_failures(&mut self) {
        let new = self.ingest.take_failures();
        self.failures.extend(new.into_iter().map(|failure| {
            let IngestFailure { number, message, fault } = failure;
            let error = CallError::new(Some(message.subject.clone()), fault.into());
            PublishFailure { number, message, error }
        }));
    }

    /// Goes on until nothing more can be done now, or the condition holds.
    fn poll_ready(
        &mut self,
        cx: &mut TaskContext<'_>,
        mut is_ready: impl FnMut(&Self) -> bool,
    ) -> Poll<()> {
        loop {
            let has_sent = self.send(cx);
            if has_sent && is_ready(self) {
                return Poll::Ready(());
            }
            if !self.listen(cx) {
                break;
            }
        }
        // Nothing more comes before what was sent is on its way.
        let client = &self.context.inner.client;
        let driver = client.shared().core.lock().unpark_at_once();
        wake(driver);
        if is_ready(self) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Sends what is to be sent; false if something waits in line for that.
    fn send(&mut self, cx: &mut TaskContext<'_>) -> bool {
        loop {
            if let Some(Sending { is_message, published }) = &mut self.sending {
                let is_message = *is_message;
                let Poll::Ready(result) = published.as_mut().poll(cx) else { return false };
                self.sending = None;
                if let Err(error) = result {
                    self.unsent(is_message, error);
                }
            }
            let Some(send) = self.ingest.poll_send(&mut self.reply) else { return true };
            let IngestSend { message, operation } = send;
            let is_message = match operation {
                IngestOperation::Start | IngestOperation::Append | IngestOperation::Commit => true,
                IngestOperation::CommitWithoutMessage | IngestOperation::Ping => false,
            };
            let client = &self.context.inner.client;
            match try_publish_unhurried(client.shared(), &message, &self.reply) {
                Ok(()) => {}
                Err(crate::PublishError::Refused(Refusal::Full)) => {
                    let (client, reply) = (client.clone(), Some(Subject::from(&*self.reply)));
                    let message = OutboundMessage { reply, ..message };
                    let published = Box::pin(async move { client.publish_message(message).await });
                    self.sending = Some(Sending { is_message, published });
                }
                Err(error) => self.unsent(is_message, error),
            }
        }
    }

    /// What was to be sent was not.
    fn unsent(&mut self, is_message: bool, error: crate::PublishError) {
        let is_over =
            matches!(error, crate::PublishError::Refused(Refusal::Closed | Refusal::Draining));
        let unsent = if is_message { self.ingest.handle_unsent() } else { None };
        if let Some((number, message)) = unsent {
            let fault = Fault::Request(RequestError::Publish(error));
            let error = CallError::new(Some(message.subject.clone()), fault);
            self.collect_failures();
            self.failures.push(PublishFailure { number, message, error });
        }
        if is_over {
            self.ingest.handle_failure(&IngestFault::Closed);
        }
    }

    /// Takes what the stream says; false if that is nothing.
    fn listen(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut is_news = false;
        while let Poll::Ready(answer) = Pin::new(&mut self.answers).poll_next(cx) {
            let Some(answer) = answer else {
                let had_ended = self.ingest.is_ended();
                self.ingest.handle_failure(&IngestFault::Closed);
                return !had_ended;
            };
            self.heard |= IngestAnswer::is_of_stream(&answer);
            is_news = true;
            self.ingest.handle_message(&answer);
        }
        if let Poll::Ready(Some(_)) = Pin::new(&mut self.connections).poll_next(cx) {
            self.ingest.handle_reconnected();
            is_news = true;
        }
        if Pin::new(&mut self.pause).poll(cx).is_ready() {
            // Rather than a timer for each answer there is one for a time in which none came.
            if !core::mem::replace(&mut self.heard, false) {
                self.ingest.handle_silence();
            }
            self.pause = self.context.inner.client.handle.sleep(self.quiet);
            is_news = true;
        }
        is_news
    }
}

impl fmt::Debug for FastPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastPublisher")
            .field("acknowledged", &self.acknowledged())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
