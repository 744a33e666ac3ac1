//! Messages that a stream stores together or not at all.

use crate::jetstream::context::{Context, Publish};
use crate::jetstream::error::{BatchPublishErrorKind, CallError, Fault};
use crate::request::Request;
use bytes::Bytes;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::time::Duration;
use futures_core::Stream;
use midge_proto::jetstream::{
    AtomicBatch, BatchAnswer, BatchFault, BatchId, BatchMessage, BatchOptions, Error, ErrorCode,
    PublishAck, Requirement,
};
use midge_proto::{OnDisconnect, OutboundMessage, Subject, ToSubject};

/// A batch that is about to be begun.
#[derive(Clone, Debug)]
#[must_use = "a batch is begun by `build` or published by `publish_all`"]
pub struct BatchPublishBuilder {
    context: Context,
    options: BatchOptions,
    timeout: Duration,
}

impl BatchPublishBuilder {
    pub(in crate::jetstream) fn new(context: Context) -> Self {
        let timeout = context.ack_timeout();
        Self { context, options: BatchOptions::default(), timeout }
    }

    /// Whether the stream answers the first message before the second one is sent; `true` by
    /// default, so that a stream that takes no batches is found out at once.
    pub fn ack_first(mut self, ack_first: bool) -> Self {
        self.options.ack_first = ack_first;
        self
    }

    /// After how many messages to wait for an answer of the stream; 0, the default, for not before
    /// the end. An error is told no later than the next answer.
    pub fn ack_every(mut self, messages: u64) -> Self {
        self.options.ack_every = messages;
        self
    }

    /// Most messages of the batch; 1000 by default, as servers allow unless they are configured
    /// otherwise. One more is an error: a batch is never split.
    pub fn max_messages(mut self, messages: u64) -> Self {
        self.options.messages_max = messages;
        self
    }

    /// How long each answer may take, the last one included; the
    /// [`ack_timeout`](crate::jetstream::ContextBuilder::ack_timeout) of the context by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Begins the batch. Nothing is sent before the first message.
    pub fn build(self) -> BatchPublish {
        let Self { context, options, timeout } = self;
        let client = context.client();
        let shared = client.shared();
        let batch = BatchId::new(shared.settings.ids.next())
            .map(|id| AtomicBatch::new(id, options))
            .map_err(Fault::from);
        let losses = shared.core.lock().view.losses;
        BatchPublish { context, batch, timeout, losses, asked: None }
    }

    /// Publishes all messages as one batch, the last of which commits it.
    ///
    /// # Errors
    ///
    /// As [`BatchPublish::commit`]. If there are more messages than a batch may have, none is
    /// stored, and none is sent if that can be told before.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has stored nothing, unless it was waiting for the last answer.
    pub async fn publish_all<I>(self, messages: I) -> Result<PublishAck, BatchPublishError>
    where
        I: IntoIterator<Item = OutboundMessage>,
    {
        let mut messages = messages.into_iter();
        let least = messages.size_hint().0;
        self.publish_each(least, async move || messages.next()).await
    }

    /// As [`publish_all`](Self::publish_all), of a stream of messages: each is sent when it comes.
    /// Servers forget a batch that nothing comes to for ten seconds.
    ///
    /// # Errors
    ///
    /// As [`publish_all`](Self::publish_all).
    ///
    /// # Cancel safety
    ///
    /// As [`publish_all`](Self::publish_all).
    pub async fn publish_stream<S>(self, messages: S) -> Result<PublishAck, BatchPublishError>
    where
        S: Stream<Item = OutboundMessage>,
    {
        let mut messages = core::pin::pin!(messages);
        let least = messages.size_hint().0;
        let next = async move || poll_fn(|cx| Pin::as_mut(&mut messages).poll_next(cx)).await;
        self.publish_each(least, next).await
    }

    async fn publish_each(
        self,
        least: usize,
        mut next: impl AsyncFnMut() -> Option<OutboundMessage>,
    ) -> Result<PublishAck, BatchPublishError> {
        let limit = self.options.messages_max;
        if u64::try_from(least).is_ok_and(|least| least > limit) {
            return Err(BatchPublishError::new(
                limit + 1,
                None,
                BatchFault::TooManyMessages { limit },
            ));
        }
        let mut batch = self.build();
        let Some(mut last) = next().await else {
            return Err(BatchPublishError::new(0, None, BatchFault::Empty));
        };
        while let Some(further) = next().await {
            batch.add_message(core::mem::replace(&mut last, further)).await?;
        }
        batch.commit_message(last).await
    }
}

/// A batch of messages, which a stream stores together, when it is committed, or not at all (2.12).
///
/// The stream has to allow it
/// ([`allow_atomic_publish`](crate::jetstream::stream::Config::allow_atomic_publish)). What the
/// messages expect of the stream is checked at the commit, against what was there before the batch.
/// After any error the batch is over and nothing of it is stored; only where no answer to the commit
/// came ([`TimedOut`](BatchPublishErrorKind::TimedOut) or
/// [`Disconnected`](BatchPublishErrorKind::Disconnected)) it may be. A dropped batch is given up.
///
/// ```no_run
/// # async fn example(jetstream: midge::jetstream::Context) -> Result<(), midge::Error> {
/// let mut batch = jetstream.batch_publish().build();
/// batch.add("orders.17.line", "3 apples".into()).await?;
/// batch.add("orders.17.line", "2 pears".into()).await?;
/// let ack = batch.commit("orders.17.total", "5 pieces".into()).await?;
/// assert_eq!(ack.batch_size, Some(3));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is stored before `commit`"]
pub struct BatchPublish {
    context: Context,
    batch: Result<AtomicBatch, Fault>,
    timeout: Duration,
    /// How many connections had been lost when the batch began.
    losses: u64,
    /// The subject of the last message.
    asked: Option<Subject>,
}

impl BatchPublish {
    /// Adds a message; waits for an answer where that was agreed.
    ///
    /// # Errors
    ///
    /// As [`Context::publish`]; when the server or the stream takes no batches, the stream refused
    /// this message or one before, there are too many, or the connection was lost since the first.
    /// All but a header that is none end the batch.
    ///
    /// # Cancel safety
    ///
    /// A dropped future ends the batch: the next call says so.
    pub async fn add<S: ToSubject>(
        &mut self,
        subject: S,
        payload: Bytes,
    ) -> Result<(), BatchPublishError> {
        self.add_message(plain(subject, payload)).await
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
    pub async fn add_message(&mut self, message: OutboundMessage) -> Result<(), BatchPublishError> {
        self.asked = Some(message.subject.clone());
        let added = self.machine()?.add(message);
        self.send(added, AtomicBatch::requirement()).await.map(drop)
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
    ) -> Result<(), BatchPublishError> {
        let message = self.checked(subject, publish).await?;
        self.add_message(message).await
    }

    /// Adds the last message and has the batch stored.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); and what the stream found at the end: an expectation that does not
    /// hold, or messages that it did not get.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have stored the batch.
    pub async fn commit<S: ToSubject>(
        self,
        subject: S,
        payload: Bytes,
    ) -> Result<PublishAck, BatchPublishError> {
        self.commit_message(plain(subject, payload)).await
    }

    /// As [`commit`](Self::commit), of a message with headers. A reply subject in it is not used.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    ///
    /// # Cancel safety
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_message(
        mut self,
        message: OutboundMessage,
    ) -> Result<PublishAck, BatchPublishError> {
        self.asked = Some(message.subject.clone());
        let last = self.machine()?.commit(message);
        self.finish(last, AtomicBatch::requirement()).await
    }

    /// As [`commit`](Self::commit), with everything that a stream can be told about a message.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit); and what no stream would take or the server does not know.
    ///
    /// # Cancel safety
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_publish<S: ToSubject>(
        self,
        subject: S,
        publish: Publish,
    ) -> Result<PublishAck, BatchPublishError> {
        let message = self.checked(subject, publish).await?;
        self.commit_message(message).await
    }

    /// Has the messages stored that were added, without a further one (2.14).
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit); and when there are none.
    ///
    /// # Cancel safety
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_eob(mut self) -> Result<PublishAck, BatchPublishError> {
        let end = self.machine()?.commit_added();
        self.finish(end, AtomicBatch::end_requirement()).await
    }

    /// Gives the batch up: nothing of it is stored. Dropping it does the same.
    ///
    /// The stream forgets it ten seconds after its last message, unless the server is configured
    /// otherwise, and counts it as open until then.
    pub fn discard(self) {}

    /// The id of the batch; `None` where the generator of ids that was set makes none that a batch
    /// could have.
    #[must_use]
    pub fn id(&self) -> Option<&BatchId> {
        self.batch.as_ref().ok().map(AtomicBatch::id)
    }

    /// Messages so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.batch.as_ref().map_or(0, AtomicBatch::sent)
    }

    /// Whether it is over after an error.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.batch.as_ref().map_or(true, AtomicBatch::is_over)
    }

    /// The machine, if the connection is still the one on which the batch began.
    fn machine(&mut self) -> Result<&mut AtomicBatch, BatchPublishError> {
        let losses = self.context.client().shared().core.lock().view.losses;
        let batch = match &mut self.batch {
            Ok(batch) => batch,
            Err(fault) => return Err(BatchPublishError::new(0, self.asked.clone(), fault.clone())),
        };
        if losses != self.losses {
            let next = batch.sent() + 1;
            let failed = |fault| BatchPublishError::new(next, self.asked.clone(), fault);
            batch.handle_disconnected().map_err(failed)?;
            self.losses = losses;
        }
        Ok(batch)
    }

    /// The message, if the server knows all of it.
    async fn checked<S: ToSubject>(
        &self,
        subject: S,
        publish: Publish,
    ) -> Result<OutboundMessage, BatchPublishError> {
        let number = self.size() + 1;
        let subject = subject.into_subject();
        let asked = subject.clone();
        let failed = |fault: Fault| BatchPublishError::new(number, Some(asked.clone()), fault);
        if let Some(requirement) = publish.requirement() {
            self.context.check_level(requirement).await.map_err(|error| failed(error.into()))?;
        }
        publish.try_outbound_message(subject).map_err(|error| failed(error.into()))
    }

    async fn finish(
        mut self,
        last: Result<BatchMessage, BatchFault>,
        requirement: Requirement,
    ) -> Result<PublishAck, BatchPublishError> {
        match self.send(last, requirement).await? {
            Some(ack) => Ok(ack),
            // The machine has one for each commit.
            None => Err(BatchPublishError::new(self.size(), self.asked, BatchFault::Over)),
        }
    }

    /// Sends what the machine made of a message, and hands it the answer.
    async fn send(
        &mut self,
        message: Result<BatchMessage, BatchFault>,
        requirement: Requirement,
    ) -> Result<Option<PublishAck>, BatchPublishError> {
        let Self { context, batch, timeout, asked, .. } = self;
        let batch = match batch {
            Ok(batch) => batch,
            Err(fault) => return Err(BatchPublishError::new(0, asked.clone(), fault.clone())),
        };
        let BatchMessage { message, number, answer } = message
            .map_err(|fault| BatchPublishError::new(batch.sent() + 1, asked.clone(), fault))?;
        let failed = |fault: Fault| BatchPublishError::new(number, asked.clone(), fault);
        let client = context.client();
        if (number == 1 || answer == BatchAnswer::Committed)
            && let Err(error) = context.check_level(requirement).await
        {
            batch.handle_failure();
            return Err(failed(error.into()));
        }
        if answer == BatchAnswer::Nothing {
            let message = OutboundMessage { reply: None, ..message };
            return match client.publish_message(message).await {
                Ok(()) => {
                    batch.handle_sent();
                    Ok(None)
                }
                Err(error) => {
                    batch.handle_failure();
                    Err(failed(Fault::Request(error.into())))
                }
            };
        }
        let OutboundMessage { subject, payload, headers, .. } = message;
        let request = Request {
            payload: Some(payload),
            headers,
            timeout: Some(Some(*timeout)),
            // The stream may have the message; nothing of the batch is sent twice.
            on_disconnect: OnDisconnect::Fail,
            ..Request::new()
        };
        match client.send_request(subject, request).await {
            Ok(answer) => batch.handle_answer(&answer).map_err(|error| failed(error.into())),
            Err(error) => {
                batch.handle_failure();
                Err(failed(error.into()))
            }
        }
    }
}

fn plain<S: ToSubject>(subject: S, payload: Bytes) -> OutboundMessage {
    OutboundMessage { subject: subject.into_subject(), reply: None, payload, headers: None }
}

/// A batch is not stored, or not known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchPublishError {
    message: u64,
    error: CallError<BatchPublishErrorKind>,
}

impl BatchPublishError {
    fn new(message: u64, asked: Option<Subject>, fault: impl Into<Fault>) -> Self {
        Self { message, error: CallError::new(asked, fault.into()) }
    }

    /// The number, from 1, of the message at which it came out; 0 if there was none. Messages
    /// without an answer may have been refused before; the stream says so at the next answer.
    #[must_use]
    pub const fn message(&self) -> u64 {
        self.message
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> BatchPublishErrorKind {
        self.error.kind()
    }

    /// The error with its subject and fault.
    #[must_use]
    pub const fn call_error(&self) -> &CallError<BatchPublishErrorKind> {
        &self.error
    }

    /// What the server says, if it refused the batch.
    #[must_use]
    pub fn as_jetstream(&self) -> Option<&Error> {
        self.error.as_jetstream()
    }

    /// The number of the server's error, if it refused the batch.
    #[must_use]
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.error.error_code()
    }
}

impl fmt::Display for BatchPublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message {
            0 => f.write_str("the batch failed")?,
            number => write!(f, "the batch failed at message {number}")?,
        }
        write!(f, ": {}", self.error)
    }
}

impl core::error::Error for BatchPublishError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error.source()
    }
}
