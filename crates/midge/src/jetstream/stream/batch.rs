//! Reading many stored messages at once.

use super::{BatchGetRequest, DirectGetError, InfoRequest, Stream};
use crate::event::StateChanges;
use crate::jetstream::call::TraceStep;
use crate::jetstream::context::Context;
use crate::jetstream::error::{CallError, Fault};
use crate::request::not_subscribed;
use crate::sleep::Sleep;
use crate::{PublishError, RequestError, State, Subscriber};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use core::time::Duration;
use futures_core::Stream as FuturesStream;
use midge_proto::jetstream::message::{
    BatchRead, BatchReadAction, BatchReadEnd, BatchReadFault, StreamMessage,
};
use midge_proto::jetstream::{ApiPrefix, ApiRequest, ListWatch, StreamName, Timestamp};
use midge_proto::{OutboundMessage, Subject};

/// Many messages at once, from any server that has the stream or its mirror (2.11). The stream has to
/// allow it ([`allow_direct`](super::Config::allow_direct)).
impl<T> Stream<T> {
    /// Up to so many messages in the order of the stream, from the first on unless something else is
    /// said.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     orders: midge::jetstream::stream::Stream,
    /// # ) -> Result<(), midge::Error> {
    /// let mut messages = orders.get_batch(500).sequence(10_000).subject("orders.*").send().await?;
    /// while let Some(message) = messages.next().await {
    ///     println!("{}", message?.subject);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_batch(&self, messages: usize) -> GetBatch {
        GetBatch {
            context: self.context.clone(),
            stream: self.name.clone(),
            messages,
            from: From::Sequence(1),
            subject: None,
            max_bytes: None,
            timeout: self.context.timeout(),
        }
    }

    /// The last message on each subject that one of `subjects` matches, however many there are, as the
    /// stream was at one moment.
    ///
    /// Servers read 1024 subjects at a time. Of more subjects the messages come in the order of the
    /// stream for each 1024 of them, and the names of those that wildcards match are asked of the
    /// leader.
    pub fn get_last_messages_for<S: Into<String>>(
        &self,
        subjects: impl IntoIterator<Item = S>,
    ) -> GetLastMessages {
        GetLastMessages {
            context: self.context.clone(),
            request: BatchGetRequest::last_by_subjects(self.name.clone(), subjects),
            timeout: self.context.timeout(),
        }
    }
}

/// A read of messages that is about to be begun.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked before `send`"]
pub struct GetBatch {
    context: Context,
    stream: StreamName,
    messages: usize,
    from: From,
    subject: Option<String>,
    max_bytes: Option<usize>,
    timeout: Duration,
}

#[derive(Clone, Copy, Debug)]
enum From {
    Sequence(u64),
    Time(Timestamp),
}

impl GetBatch {
    /// From this sequence on, or the first behind it.
    pub fn sequence(mut self, sequence: u64) -> Self {
        self.from = From::Sequence(sequence);
        self
    }

    /// From this time on.
    pub fn start_time(mut self, time: impl Into<Timestamp>) -> Self {
        self.from = From::Time(time.into());
        self
    }

    /// Only messages on subjects that this one matches.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Most bytes of all messages together; the one that goes beyond still comes.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// How long each answer may take; the [`timeout`](Context::timeout) of the context by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Begins to read.
    ///
    /// # Errors
    ///
    /// The server knows no batches, or the client is draining or closed. Everything else is told by
    /// the messages.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn send(self) -> Result<BatchMessages, DirectGetError> {
        let Self { context, stream, messages, from, subject, max_bytes, timeout } = self;
        let mut request = match from {
            From::Sequence(sequence) => BatchGetRequest::from_sequence(stream, messages, sequence),
            From::Time(time) => BatchGetRequest::from_time(stream, messages, time),
        };
        if let Some(subject) = subject {
            request = request.subject_filter(subject);
        }
        if let Some(bytes) = max_bytes {
            request = request.max_bytes(bytes);
        }
        BatchMessages::begin(context, request, timeout).await
    }
}

/// A read of last messages that is about to be begun.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked before `send`"]
pub struct GetLastMessages {
    context: Context,
    request: BatchGetRequest,
    timeout: Duration,
}

impl GetLastMessages {
    /// As the stream was when this was its last sequence.
    pub fn up_to_sequence(mut self, sequence: u64) -> Self {
        self.request = self.request.up_to_sequence(sequence);
        self
    }

    /// As the stream was before this time.
    pub fn up_to_time(mut self, time: impl Into<Timestamp>) -> Self {
        self.request = self.request.up_to_time(time.into());
        self
    }

    /// Most messages; all of them by default.
    pub fn batch(mut self, messages: usize) -> Self {
        self.request = self.request.batch(messages);
        self
    }

    /// Most bytes of all messages together; the one that goes beyond still comes.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.request = self.request.max_bytes(bytes);
        self
    }

    /// How long each answer may take; the [`timeout`](Context::timeout) of the context by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Begins to read.
    ///
    /// # Errors
    ///
    /// As [`GetBatch::send`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn send(self) -> Result<BatchMessages, DirectGetError> {
        BatchMessages::begin(self.context, self.request, self.timeout).await
    }
}

/// Stored messages, one after the other, without gaps and duplicates.
///
/// Further pages are asked for when they are needed. What a lost connection took is asked for again;
/// if that happens four times without a message in between, or nothing is heard for as long, the last
/// item is an error. Why it ended is told by [`end`](Self::end).
pub struct BatchMessages {
    context: Context,
    prefix: ApiPrefix,
    read: BatchRead,
    inbox: String,
    answers: Subscriber,
    losses: StateChanges,
    timeout: Duration,
    /// The wait for answers, and whether there was one since it began.
    patience: Sleep,
    heard: bool,
    step: Step,
    /// Of the last request.
    asked: Subject,
    told: bool,
}

enum Step {
    Reading,
    /// Boxed once a page.
    Sending(Pin<Box<dyn Future<Output = Result<(), PublishError>> + Send>>),
    Listing(Listing),
    Failed(Box<DirectGetError>),
}

type Listing = Pin<Box<dyn Future<Output = Result<(u64, Vec<String>), DirectGetError>> + Send>>;

impl BatchMessages {
    async fn begin(
        context: Context,
        request: BatchGetRequest,
        timeout: Duration,
    ) -> Result<Self, DirectGetError> {
        if let Some(requirement) = request.requirement() {
            context.check_level(requirement).await?;
        }
        let prefix = context.inner.prefix.clone()?;
        let client = context.client();
        let inbox = client.new_inbox();
        // A page bounds what can wait.
        let answers = client
            .subscription(format!("{inbox}.*"))
            .capacity(usize::MAX)
            .capacity_bytes(usize::MAX)
            .open()
            .map_err(|error| Fault::Request(not_subscribed(error).into()))?;
        Ok(Self {
            read: BatchRead::new(request),
            losses: client.state_changes(&[State::Disconnected]),
            patience: client.handle.sleep(timeout),
            asked: Subject::from(""),
            context,
            prefix,
            inbox,
            answers,
            timeout,
            heard: false,
            step: Step::Reading,
            told: false,
        })
    }

    /// The next message; `None` when there will be no more.
    ///
    /// # Errors
    ///
    /// When the read cannot go on.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Result<StreamMessage, DirectGetError>> {
        core::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Why it ended; `None` as long as it goes on.
    #[must_use]
    pub const fn end(&self) -> Option<&BatchReadEnd> {
        self.read.end()
    }

    /// Does what the machine wants.
    fn act(&mut self) {
        match self.read.poll_action() {
            None => {}
            Some(BatchReadAction::Ask { token, request }) => {
                let mut body = Vec::new();
                request.encode(&mut body);
                let headers = request.headers();
                self.asked = request.subject(&self.prefix);
                let step = TraceStep::Request { headers: headers.as_ref(), body: &body };
                self.context.trace(&self.asked, step);
                let message = OutboundMessage {
                    subject: self.asked.clone(),
                    reply: Some(Subject::from(format!("{}.{token}", self.inbox))),
                    payload: body.into(),
                    headers,
                };
                let client = self.context.client();
                self.step =
                    Step::Sending(Box::pin(async move { client.publish_message(message).await }));
                self.listen();
            }
            Some(BatchReadAction::ListSubjects { filters }) => {
                let (context, stream) = (self.context.clone(), self.read.stream().clone());
                self.step = Step::Listing(Box::pin(list_subjects(context, stream, filters)));
            }
        }
    }

    /// Begins to wait for answers anew.
    fn listen(&mut self) {
        self.patience = self.context.client().handle.sleep(self.timeout);
        self.heard = false;
    }

    /// Goes one step; ready when there is something to look at again.
    fn poll_step(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        match &mut self.step {
            Step::Reading | Step::Failed(_) => return Poll::Pending,
            Step::Sending(sending) => {
                let Poll::Ready(sent) = sending.as_mut().poll(cx) else { return Poll::Pending };
                self.step = match sent {
                    Ok(()) => Step::Reading,
                    Err(error) => self.fail(Fault::Request(error.into())),
                };
            }
            Step::Listing(listing) => {
                let Poll::Ready(listed) = listing.as_mut().poll(cx) else { return Poll::Pending };
                self.step = match listed {
                    Ok((last_sequence, subjects)) => {
                        self.read.handle_subjects(last_sequence, subjects);
                        Step::Reading
                    }
                    Err(error) => {
                        self.read.handle_failure();
                        Step::Failed(Box::new(error))
                    }
                };
            }
        }
        Poll::Ready(())
    }

    fn fail(&mut self, fault: Fault) -> Step {
        self.read.handle_failure();
        Step::Failed(Box::new(CallError::new(Some(self.asked.clone()), fault)))
    }

    /// The error that ended the read, once.
    fn last_word(&mut self, end: &BatchReadEnd) -> Option<DirectGetError> {
        if core::mem::replace(&mut self.told, true) {
            return None;
        }
        if let Step::Failed(error) = core::mem::replace(&mut self.step, Step::Reading) {
            return Some(*error);
        }
        let BatchReadEnd::Failed(fault) = end else { return None };
        let fault = match fault {
            BatchReadFault::Api(error) => Fault::Api(error.clone()),
            BatchReadFault::Disconnected => Fault::Request(RequestError::Disconnected),
            _ => Fault::Request(RequestError::TimedOut(self.timeout)),
        };
        Some(CallError::new(Some(self.asked.clone()), fault))
    }
}

/// The last sequence of a stream, and then its subjects that the filters match.
async fn list_subjects(
    context: Context,
    stream: StreamName,
    filters: Vec<String>,
) -> Result<(u64, Vec<String>), DirectGetError> {
    let info = context.ask::<_, _>(&InfoRequest::new(stream.clone())).await?;
    let last_sequence = info.info.state.last_sequence;
    let mut subjects = std::collections::BTreeSet::new();
    for filter in filters {
        let mut next = Some(InfoRequest::new(stream.clone()).subjects(filter));
        let mut watch = ListWatch::default();
        while let Some(request) = next {
            let page = context.ask::<_, _>(&request).await?;
            watch.check(page.paging, 0)?;
            next = request.next(&page);
            subjects.extend(page.info.state.subjects.into_keys());
        }
    }
    Ok((last_sequence, subjects.into_iter().collect()))
}

impl FuturesStream for BatchMessages {
    type Item = Result<StreamMessage, DirectGetError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(end) = this.read.end().cloned() {
                return Poll::Ready(this.last_word(&end).map(Err));
            }
            this.act();
            let stepped = this.poll_step(cx).is_ready();
            if stepped {
                continue;
            }
            if matches!(this.step, Step::Listing(_)) {
                return Poll::Pending;
            }
            if Pin::new(&mut this.losses).poll_next(cx).is_ready() {
                this.read.handle_disconnected();
                continue;
            }
            match Pin::new(&mut this.answers).poll_next(cx) {
                Poll::Ready(Some(answer)) => {
                    this.heard = true;
                    this.context.trace(&this.asked, TraceStep::Answer(&answer));
                    if let Some(message) = this.read.handle_message(&answer) {
                        return Poll::Ready(Some(Ok(message)));
                    }
                    continue;
                }
                Poll::Ready(None) => {
                    this.step = this.fail(Fault::Request(RequestError::Closed));
                    continue;
                }
                Poll::Pending => {}
            }
            if Pin::new(&mut this.patience).poll(cx).is_pending() {
                return Poll::Pending;
            }
            // Rather than a timer for each answer there is one for a time in which none came.
            if !core::mem::replace(&mut this.heard, false) {
                this.read.handle_silence();
            }
            this.listen();
        }
    }
}

impl fmt::Debug for BatchMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchMessages").field("end", &self.end()).finish_non_exhaustive()
    }
}
