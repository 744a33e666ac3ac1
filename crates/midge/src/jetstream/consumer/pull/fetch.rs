//! One pull and its messages.

use super::{BatchConfig, BatchError, Config, FetchEnd, MessagesError, MessagesFault};
use crate::PublishError;
use crate::jetstream::consumer::Consumer;
use crate::jetstream::consumer::Id;
use crate::jetstream::consumer::reading::{Desk, Leftovers, Machine, Reading, Terms};
use crate::jetstream::context::Context;
use crate::jetstream::error::{CallError, Fault};
use crate::jetstream::message::{AckWait, Message};
use core::fmt;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use core::time::Duration;
use futures_core::Stream;
use midge_proto::jetstream::consume::{Fetch, Verdict};
use midge_proto::{Instant, ServerError, Subject};

/// How long a [`BatchBuilder`] waits where nothing else is set, as in nats.go.
const EXPIRES: Duration = Duration::from_secs(30);

/// The only pull of an inbox.
const TOKEN: u64 = 0;

/// The messages of one pull, up to its end.
///
/// A short batch is valid: [`end_reason`](Self::end_reason) tells why it ended. An end that is not
/// in the nature of a pull (the consumer was deleted, nothing was heard, the connection was lost) is
/// an error behind the messages.
///
/// Dropping it gives the messages that are there or on their way back to the consumer.
pub struct Batch {
    reading: Reading<Fetching>,
}

/// What a [`Batch`] carries.
struct Fetching {
    fetch: Fetch,
    /// The subject that the pull is published to.
    asked_on: Subject,
}

impl Machine for Fetching {
    fn handle_message(&mut self, now: Instant, message: &crate::Message) -> Verdict {
        self.fetch.handle_message(now, message)
    }

    fn handle_taken(&mut self, _: Instant, _: &crate::Message) {}

    fn handle_started(&mut self, now: Instant) {
        self.fetch.handle_started(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.fetch.handle_timeout(now);
    }

    fn handle_disconnected(&mut self) {
        self.fetch.handle_disconnected();
    }

    fn handle_offline(&mut self) {
        self.fetch.handle_kept();
    }

    fn handle_denied(&mut self, _: Instant, _: &Desk, subject: &str, error: &ServerError) {
        if self.asked_on.as_str() == subject {
            self.fetch.handle_denied(error.clone());
        }
    }

    fn handle_reconnected(&mut self, now: Instant) {
        self.fetch.handle_reconnected(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.fetch.poll_timeout()
    }

    fn work(&mut self, _: Instant, _: &Desk, _: &mut TaskContext<'_>) -> Result<(), PublishError> {
        Ok(())
    }

    fn poll_trouble(&mut self) -> Option<MessagesFault> {
        None
    }

    fn end(&self) -> Option<Result<(), MessagesFault>> {
        self.fetch.end_reason().map(|end| MessagesFault::of_fetch(end).map_or(Ok(()), Err))
    }
}

impl Batch {
    fn begin(
        consumer: &Consumer<Config>,
        config: BatchConfig,
        nak_on_drop: Option<Duration>,
    ) -> Result<Self, BatchError> {
        let config = config.filled_for(&consumer.info.config);
        config.check_for(&consumer.info.config)?;
        let terms = Terms { nak_on_drop, ..Terms::from(&consumer.info.config) };
        let desk = Desk::new(consumer.context.clone(), consumer.id()?)?;
        let subject = desk.pull_subject(&desk.id);
        Self::over(desk, config, terms, subject, |desk, config| desk.pull(&desk.id, TOKEN, config))
    }

    /// A pull that goes out as the acknowledgement of a message. One that says nothing of its time
    /// has that of a [`BatchBuilder`]: the server would keep it for ever.
    pub(in crate::jetstream) fn instead_of_ack(
        context: Context,
        consumer: Id,
        ack: &Subject,
        config: BatchConfig,
        ack_wait: AckWait,
    ) -> Result<Self, BatchError> {
        let terms = Terms { leftovers: Leftovers::GivenBack, ack_wait, nak_on_drop: None };
        let desk = Desk::new(context, consumer)?;
        let mut config = config.filled();
        if !config.no_wait {
            config.expires.get_or_insert(EXPIRES);
        }
        Self::over(desk, config, terms, ack.clone(), |desk, config| {
            desk.pull_by_ack(ack, TOKEN, config)
        })
    }

    fn over(
        desk: Desk,
        config: BatchConfig,
        terms: Terms,
        asked_on: Subject,
        send: impl FnOnce(&Desk, &BatchConfig) -> Result<(), PublishError>,
    ) -> Result<Self, BatchError> {
        let fetch = Fetch::new(desk.context.inner.client.shared().clock.now(), config)?;
        let subscriber = desk.listen()?;
        let reading = Reading::new(Fetching { fetch, asked_on }, desk, subscriber, terms);
        send(reading.desk(), reading.machine().fetch.config())
            .map_err(|error| CallError::from(Fault::Request(error.into())))?;
        Ok(Self { reading: reading.begin() })
    }

    /// The next message; `None` when the pull has ended.
    ///
    /// # Errors
    ///
    /// The pull was refused, or ended before its time. That is the last item.
    ///
    /// # Cancel safety
    ///
    /// A message leaves the batch in the poll that returns it: nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Message, MessagesError>> {
        core::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// As [`next`](Self::next), with the time to wait: `Ok(None)` when nothing came.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next); and the end of the batch as
    /// [`NextError::Finished`](crate::NextError::Finished).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<Message>, MessagesError> {
        self.reading.next_timeout(timeout).await
    }

    /// The next message if one is there, without waiting; `None` also at the end.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn next_now(&mut self) -> Option<Result<Message, MessagesError>> {
        self.reading.try_message()
    }

    /// Why the pull ended, if it has.
    #[must_use]
    pub fn end_reason(&self) -> Option<&FetchEnd> {
        self.reading.machine().fetch.end_reason()
    }
}

impl Stream for Batch {
    type Item = Result<Message, MessagesError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().reading.poll_message(cx)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("consumer", &self.reading.desk().id)
            .field("end_reason", &self.end_reason())
            .finish_non_exhaustive()
    }
}

macro_rules! settings {
    ($builder:ident) => {
        impl<'a> $builder<'a> {
            /// Most messages. Default and least: 1.
            pub fn max_messages(mut self, batch: usize) -> Self {
                self.config.batch = batch;
                self
            }

            /// Most bytes, subjects and headers included; 0 (the default) is no limit. Without a
            /// number of messages, as many as fit and as the consumer allows (`max_batch`).
            ///
            /// A message that is larger ends the pull with
            /// [`MessageSizeExceedsMaxBytes`](crate::jetstream::Status::MessageSizeExceedsMaxBytes).
            pub fn max_bytes(mut self, max_bytes: usize) -> Self {
                self.config.max_bytes = max_bytes;
                self
            }

            /// Time after which the server says that the pull still waits, at most half of the time
            /// of the pull. Two that are missing end the pull with an error. Default: none.
            pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
                self.config.idle_heartbeat = heartbeat;
                self
            }

            /// Only if the consumer has at least so many messages to deliver (priority policy
            /// `overflow`, 2.11).
            pub fn min_pending(mut self, min_pending: usize) -> Self {
                self.config.min_pending = Some(min_pending);
                self
            }

            /// Only if at least so many messages wait for an acknowledgement (priority policy
            /// `overflow`, 2.11).
            pub fn min_ack_pending(mut self, min_ack_pending: usize) -> Self {
                self.config.min_ack_pending = Some(min_ack_pending);
                self
            }

            /// The priority, 0 (first) to 9 (priority policy `prioritized`, 2.12).
            pub fn priority(mut self, priority: usize) -> Self {
                self.config.priority = Some(u8::try_from(priority).unwrap_or(u8::MAX));
                self
            }

            /// The priority group, one of those of the consumer (2.11).
            pub fn group<T: Into<String>>(mut self, group: T) -> Self {
                self.config.group = Some(group.into());
                self
            }

            /// Has each message delivered anew, after `delay`, that is dropped before the consumer
            /// was told what became of it; see [`Message::nak_on_drop`]. Default: such a message
            /// comes again when `ack_wait` is over.
            pub fn nak_on_drop(mut self, delay: Duration) -> Self {
                self.nak_on_drop = Some(delay);
                self
            }

            /// Sends the pull.
            ///
            /// # Errors
            ///
            /// The pull is none, or not one for this consumer: its heartbeat is above half of its
            /// time, its group is not one of the consumer's, the consumer is pinned. Or the client
            /// is closed or draining.
            ///
            /// # Cancel safety
            ///
            /// A dropped future has asked for nothing.
            pub async fn messages(self) -> Result<Batch, BatchError> {
                Batch::begin(self.consumer, self.config, self.nak_on_drop)
            }
        }
    };
}

/// A pull for what is there, up to a number of messages.
///
/// It ends at once when nothing (more) is there; with [`expires`](Self::expires) it waits so long
/// for the first message.
#[derive(Debug)]
#[must_use = "a pull is sent by `messages`"]
pub struct FetchBuilder<'a> {
    consumer: &'a Consumer<Config>,
    config: BatchConfig,
    nak_on_drop: Option<Duration>,
}

impl<'a> FetchBuilder<'a> {
    /// A pull for one message that is there.
    pub fn new(consumer: &'a Consumer<Config>) -> Self {
        let config = BatchConfig { no_wait: true, ..BatchConfig::default() };
        Self { consumer, config, nak_on_drop: None }
    }

    /// How long to wait for the first message if none is there. Default: not at all.
    pub fn expires(mut self, expires: Duration) -> Self {
        self.config.expires = Some(expires);
        self
    }
}

settings!(FetchBuilder);

/// A pull for a number of messages, which ends when all are there or the time is up.
#[derive(Debug)]
#[must_use = "a pull is sent by `messages`"]
pub struct BatchBuilder<'a> {
    consumer: &'a Consumer<Config>,
    config: BatchConfig,
    nak_on_drop: Option<Duration>,
}

impl<'a> BatchBuilder<'a> {
    /// A pull for one message that waits for 30 s, or as long as the consumer allows.
    pub fn new(consumer: &'a Consumer<Config>) -> Self {
        let longest = Some(consumer.info.config.max_expires).filter(|longest| !longest.is_zero());
        let expires = longest.map_or(EXPIRES, |longest| longest.min(EXPIRES));
        let config = BatchConfig { expires: Some(expires), ..BatchConfig::default() };
        Self { consumer, config, nak_on_drop: None }
    }

    /// How long to wait for all messages. Default 30 s, or as long as the consumer allows
    /// (`max_expires`) where that is less.
    pub fn expires(mut self, expires: Duration) -> Self {
        self.config.expires = Some(expires);
        self
    }
}

settings!(BatchBuilder);

/// One [`Batch`] after the other.
#[derive(Debug)]
pub struct Sequence {
    consumer: Consumer<Config>,
    batch: usize,
    over: bool,
}

impl Sequence {
    pub(super) const fn new(consumer: Consumer<Config>, batch: usize) -> Self {
        Self { consumer, batch, over: false }
    }

    /// The next batch, which is asked for now.
    ///
    /// # Errors
    ///
    /// It could not be asked for; the sequence is over then.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Batch, MessagesError>> {
        core::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Sequence {
    type Item = Result<Batch, MessagesError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        let config = this.consumer.batch().max_messages(this.batch).config;
        let batch = Batch::begin(&this.consumer, config, None).map_err(|error| {
            this.over = true;
            this.consumer.messages_error(MessagesFault::Call(error.of()))
        });
        Poll::Ready(Some(batch))
    }
}
