//! Reading from consumers that push.

pub use super::ordered::{Ordered, OrderedBuilder};
pub use crate::jetstream::consumer::error::{
    MessagesError, MessagesErrorKind, MessagesFault, OrderedError, OrderedErrorKind,
};
pub use midge_proto::jetstream::consume::{OrderedEvent, PushEnd, PushEvent, ResumeToken};
pub use midge_proto::jetstream::consumer::push::{Config, OrderedConfig};

use crate::jetstream::consumer::handled::reads_on;
use crate::jetstream::consumer::owned::Owned;
use crate::jetstream::consumer::reading::{Desk, Machine, Reading, Report, Terms, open};
use crate::jetstream::consumer::{Consumer, Info, StreamError};
use crate::jetstream::context::ConsumerInfoError;
use crate::jetstream::stream::ConsumerError;
use crate::publish::publish_over;
use crate::{HeaderMap, SlowConsumerPolicy};
use bytes::Bytes;
use core::fmt;
use core::task::Context as TaskContext;
use midge_proto::header::{NATS_LAST_CONSUMER, NATS_LAST_STREAM};
use midge_proto::jetstream::consume::{Push, PushAction, PushOptions, Verdict};
use midge_proto::{Instant, ServerError};

/// Messages of a consumer that pushes, for as long as they are asked for.
///
/// Flow control is answered as the messages are read, and a stalled consumer is told to go on. When
/// there is no room for more messages, the connection is read no further
/// ([`SlowConsumerPolicy::BackPressure`]), unless something else was set: nothing is dropped.
///
/// An error is an item, and reading goes on behind it unless it
/// [is final](MessagesError::is_final). Dropping it gives the messages that are there back to the
/// consumer.
pub struct Messages {
    reading: Reading<Pushing>,
}

/// What [`Messages`] carry.
struct Pushing {
    push: Push,
    missed_heartbeats: Report,
    listener: Option<Listener>,
    /// The consumer, if it goes with the reading.
    owned: Option<Owned>,
}

type Listener = Box<dyn FnMut(&PushEvent) + Send>;

impl Machine for Pushing {
    #[inline]
    fn handle_message(&mut self, now: Instant, message: &crate::Message) -> Verdict {
        self.push.handle_message(now, message)
    }

    #[inline]
    fn handle_taken(&mut self, _: Instant, _: &crate::Message) {
        self.push.handle_taken(1);
    }

    fn handle_started(&mut self, now: Instant) {
        self.push.handle_resumed(now);
    }

    fn handle_resumed(&mut self, now: Instant) {
        self.push.handle_resumed(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.push.handle_timeout(now);
    }

    fn handle_disconnected(&mut self) {
        self.push.handle_disconnected();
    }

    fn handle_denied(&mut self, _: Instant, _: &Desk, subject: &str, error: &ServerError) {
        self.push.handle_denied(subject, error.clone());
    }

    fn handle_reconnected(&mut self, now: Instant) {
        self.push.handle_reconnected(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.push.poll_timeout()
    }

    #[inline]
    fn work(
        &mut self,
        _: Instant,
        desk: &Desk,
        _: &mut TaskContext<'_>,
    ) -> Result<(), crate::PublishError> {
        while let Some(action) = self.push.poll_action() {
            match action {
                PushAction::Resume(subject) => desk.publish(&subject, None, &Bytes::new())?,
                PushAction::Acknowledge { subject, consumer_sequence, stream_sequence } => {
                    let mut headers = HeaderMap::new();
                    headers.insert(NATS_LAST_CONSUMER, consumer_sequence);
                    headers.insert(NATS_LAST_STREAM, stream_sequence);
                    let shared = desk.client().shared();
                    publish_over(shared, &subject, None, Some(&headers), &Bytes::new())?;
                }
                // A later core may order what this one cannot do; none does.
                _ => {}
            }
        }
        Ok(())
    }

    #[inline]
    fn poll_trouble(&mut self) -> Option<MessagesFault> {
        while let Some(event) = self.push.poll_event() {
            if let Some(listener) = &mut self.listener {
                listener(&event);
            }
            match event {
                PushEvent::Denied(error) => return Some(MessagesFault::Denied(error)),
                PushEvent::MissedHeartbeat if self.missed_heartbeats == Report::Yes => {
                    return Some(MessagesFault::MissingHeartbeat);
                }
                _ => {}
            }
        }
        None
    }

    #[inline]
    fn end(&self) -> Option<Result<(), MessagesFault>> {
        self.push.end_reason().map(|end| match end {
            PushEnd::Gone(status) => Err(MessagesFault::Status(status.clone())),
            _ => Ok(()),
        })
    }

    fn handle_over(&mut self, _: &Desk) {
        self.owned = None;
    }
}

reads_on!(Messages);

impl Messages {
    /// Why reading ended, if the consumer ended it.
    #[must_use]
    pub fn end_reason(&self) -> Option<&PushEnd> {
        self.reading.machine().push.end_reason()
    }

    /// Changes how many messages and bytes may wait here to be read; `usize::MAX` is no limit, and 0
    /// counts as 1.
    pub fn set_pending_limits(&self, messages: usize, bytes: usize) {
        if let Some(subscriber) = self.reading.subscriber() {
            subscriber.set_pending_limits(messages, bytes);
        }
    }

    /// Changes what happens to a message for which there is no room.
    pub fn set_slow_consumer_policy(&self, policy: SlowConsumerPolicy) {
        if let Some(subscriber) = self.reading.subscriber() {
            subscriber.set_slow_consumer_policy(policy);
        }
    }

    /// Begins the measurement of what waits at most anew.
    pub fn reset_max_pending(&self) {
        if let Some(subscriber) = self.reading.subscriber() {
            subscriber.reset_max_pending();
        }
    }

    /// Asks what the consumer is and how far it is.
    ///
    /// # Errors
    ///
    /// As [`Consumer::info`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn consumer_info(&self) -> Result<Info, ConsumerInfoError> {
        self.reading.consumer_info().await
    }

    /// Ends the reading at once, and waits until the consumer is deleted, if it was created by a
    /// [subscription](crate::jetstream::Context::subscription): [`stop`](Self::stop), a drop and a
    /// finished [`drain`](Self::drain) do so without waiting.
    ///
    /// # Errors
    ///
    /// The consumer was not deleted, or not known to be. That it was gone before is no error.
    ///
    /// # Cancel safety
    ///
    /// A future that was polled has ended the reading; dropped, it has the consumer deleted without
    /// waiting for that.
    pub async fn unsubscribe(&mut self) -> Result<(), ConsumerError> {
        let owned = self.reading.machine_mut().owned.take();
        self.reading.finish();
        match owned {
            Some(owned) => owned.delete().await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("consumer", &self.reading.desk().id)
            .field("end_reason", &self.end_reason())
            .finish_non_exhaustive()
    }
}

/// How messages that are pushed are read.
#[must_use = "reading begins with `messages`"]
pub struct MessagesBuilder<'a> {
    consumer: &'a Consumer<Config>,
    missed_heartbeats: Report,
    capacity: Option<(usize, usize)>,
    policy: SlowConsumerPolicy,
    listener: Option<Listener>,
    owned: Option<Owned>,
}

impl<'a> MessagesBuilder<'a> {
    /// The defaults.
    pub fn new(consumer: &'a Consumer<Config>) -> Self {
        Self {
            consumer,
            missed_heartbeats: Report::Yes,
            capacity: None,
            policy: SlowConsumerPolicy::BackPressure,
            listener: None,
            owned: None,
        }
    }

    /// The consumer goes with the reading, also if that does not begin.
    pub(in crate::jetstream) fn owned(mut self, owned: Option<Owned>) -> Self {
        self.owned = owned;
        self
    }

    /// Whether missing signs of life are errors of the messages. Default: they are; reading goes on
    /// either way.
    pub fn report_missed_heartbeats(mut self, report: bool) -> Self {
        self.missed_heartbeats = report.into();
        self
    }

    /// Messages and bytes that may wait here to be read. Default: as for every subscription of the
    /// client.
    pub fn capacity(mut self, messages: usize, bytes: usize) -> Self {
        self.capacity = Some((messages, bytes));
        self
    }

    /// What happens to a message for which there is no room. Default:
    /// [`SlowConsumerPolicy::BackPressure`], which drops nothing.
    pub fn slow_consumer(mut self, policy: SlowConsumerPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Calls `listener` with everything that happens: missing signs of life, deliveries that did
    /// not arrive, other leaders. It is called while the messages are polled, and should return
    /// soon.
    pub fn on_event(mut self, listener: impl FnMut(&PushEvent) + Send + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Begins to read: the subject that the consumer pushes to is subscribed to, in its deliver
    /// group if it has one. Members of a group share the messages.
    ///
    /// # Errors
    ///
    /// The client is closed or draining.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription.
    pub async fn messages(self) -> Result<Messages, StreamError> {
        let config = &self.consumer.info.config;
        let context = self.consumer.context.clone();
        let mut subscription =
            context.inner.client.subscription(self.consumer.config.deliver_subject.clone());
        if let Some(group) = &config.deliver_group {
            subscription = subscription.queue_group(group);
        }
        if let Some((messages, bytes)) = self.capacity {
            subscription = subscription.capacity(messages).capacity_bytes(bytes);
        }
        let subscriber = open(subscription)?;
        subscriber.set_slow_consumer_policy(self.policy);
        let desk = Desk::new(context, self.consumer.id()?)?;
        let push = Push::new(desk.now(), PushOptions::from(config));
        let machine = Pushing {
            push,
            missed_heartbeats: self.missed_heartbeats,
            listener: self.listener,
            owned: self.owned,
        };
        let terms = Terms::from(config);
        Ok(Messages { reading: Reading::new(machine, desk, subscriber, terms).begin() })
    }
}

impl fmt::Debug for MessagesBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagesBuilder").field("consumer", self.consumer).finish_non_exhaustive()
    }
}

impl Consumer<Config> {
    /// Messages, one after the other, for as long as they are asked for; see [`Messages`].
    ///
    /// # Errors
    ///
    /// As [`MessagesBuilder::messages`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription.
    pub async fn messages(&self) -> Result<Messages, StreamError> {
        self.stream().messages().await
    }

    /// Messages for as long as they are asked for, with everything that can be set.
    pub fn stream(&self) -> MessagesBuilder<'_> {
        MessagesBuilder::new(self)
    }
}
