//! Counters: streams whose messages are numbers that are added up (2.12).
//!
//! Each subject of the stream is a counter. Its numbers are whole and of any size, and streams that
//! are sources of another add up there, too.

pub use super::error::CounterErrorKind;
pub use midge_proto::jetstream::{Counter as CounterValue, Increment, InvalidNumber};

use super::context::{Context, Publish};
use super::error::{CallError, Fault};
use super::stream::{BatchMessages, Stream};
use core::fmt;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll, ready};
use futures_core::Stream as FuturesStream;
use midge_proto::header::NATS_INCREMENT;
use midge_proto::jetstream::message::StreamMessage;
use midge_proto::{Subject, ToSubject};

/// A counter was not changed or read.
pub type CounterError = CallError<CounterErrorKind>;

impl Context {
    /// The counters of a stream, which has to allow them
    /// ([`allow_message_counter`](super::stream::Config::allow_message_counter)).
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); and when the stream is not there, or has no counters.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    ///
    /// ```no_run
    /// # async fn example(jetstream: midge::jetstream::Context) -> Result<(), midge::Error> {
    /// let counter = jetstream.get_counter("VISITS").await?;
    /// counter.increment("visits.home").await?;
    /// let total = counter.add("visits.home", 5).await?;
    /// println!("{total}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_counter<T: AsRef<str>>(&self, stream: T) -> Result<Counter, CounterError> {
        let stream = self.get_stream(stream).await.map_err(CallError::of)?;
        if !stream.cached_info().config.allow_message_counter {
            return Err(Fault::NoCounters.into());
        }
        Ok(Counter { stream })
    }
}

/// The counters of a stream: one on each subject.
#[derive(Clone, Debug)]
pub struct Counter {
    stream: Stream,
}

/// A counter as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The subject.
    pub subject: Subject,
    /// The total, and the parts that came from other streams.
    pub value: CounterValue,
    /// What was added last; `None` if that was not told.
    pub increment: Option<Increment>,
    /// The sequence of the message with the total.
    pub sequence: u64,
}

impl Counter {
    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Adds a number, negative ones too; returns the total after that.
    ///
    /// Where no acknowledgement came, it may have been added.
    ///
    /// # Errors
    ///
    /// As [`Context::send_publish`], and as its acknowledgement.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have added the number.
    pub async fn add<S: ToSubject>(
        &self,
        subject: S,
        number: impl Into<Increment>,
    ) -> Result<CounterValue, CounterError> {
        let publish = Publish::build().increment(number);
        let ack = self.stream.context().send_publish(subject, publish).await;
        let ack = ack.map_err(CallError::of)?.await.map_err(CallError::of)?;
        Ok(CounterValue::acknowledged(&ack)?)
    }

    /// Adds one; returns the total after that.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// As [`add`](Self::add).
    pub async fn increment<S: ToSubject>(&self, subject: S) -> Result<CounterValue, CounterError> {
        self.add(subject, 1).await
    }

    /// Takes one away; returns the total after that.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// As [`add`](Self::add).
    pub async fn decrement<S: ToSubject>(&self, subject: S) -> Result<CounterValue, CounterError> {
        self.add(subject, -1).await
    }

    /// The total.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn load<S: AsRef<str>>(&self, subject: S) -> Result<CounterValue, CounterError> {
        self.get(subject).await.map(|entry| entry.value)
    }

    /// The total, with the parts that came from other streams.
    ///
    /// # Errors
    ///
    /// As [`Context::call`]; when nothing was added yet, or what is stored is no counter.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get<S: AsRef<str>>(&self, subject: S) -> Result<Entry, CounterError> {
        let message = self.stream.get_last_message_for_subject(subject).await;
        Entry::read(message.map_err(CallError::of)?)
    }

    /// All counters on subjects that one of these matches, as they were at one moment. The stream has
    /// to [allow](super::stream::Config::allow_direct) direct gets.
    ///
    /// # Errors
    ///
    /// As [`GetLastMessages::send`](super::stream::GetLastMessages::send).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get_multiple<S: Into<String>>(
        &self,
        subjects: impl IntoIterator<Item = S>,
    ) -> Result<Entries, CounterError> {
        let messages = self.stream.get_last_messages_for(subjects).send().await;
        Ok(Entries { messages: messages.map_err(CallError::of)? })
    }
}

impl Entry {
    fn read(message: StreamMessage) -> Result<Self, CounterError> {
        let value = CounterValue::read(&message)?;
        let increment = message.headers.get_last(NATS_INCREMENT);
        Ok(Self {
            increment: increment.and_then(|number| Increment::parse(number.as_str()).ok()),
            subject: message.subject,
            sequence: message.sequence,
            value,
        })
    }
}

/// Counters, one after the other.
pub struct Entries {
    messages: BatchMessages,
}

impl Entries {
    /// The next counter; `None` when there will be no more.
    ///
    /// # Errors
    ///
    /// When the read cannot go on, or a message is no counter.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Entry, CounterError>> {
        core::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl FuturesStream for Entries {
    type Item = Result<Entry, CounterError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let message = ready!(Pin::new(&mut self.get_mut().messages).poll_next(cx));
        Poll::Ready(message.map(|message| Entry::read(message.map_err(CallError::of)?)))
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("messages", &self.messages).finish()
    }
}
