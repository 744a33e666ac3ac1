//! JetStream by calls that block; everything else is as in [`midge::jetstream`].
//!
//! ```no_run
//! use midge_blocking::jetstream;
//!
//! # fn main() -> Result<(), midge_blocking::Error> {
//! let client = midge_blocking::connect("nats://localhost:4222")?;
//! let jetstream = jetstream::new(&client);
//! let stream = jetstream.get_or_create_stream("ORDERS")?;
//! let ack = jetstream.publish("ORDERS", "apples".into())?.ack()?;
//! assert_eq!(ack.stream, stream.name().as_str());
//! # Ok(())
//! # }
//! ```
//!
//! What there is to set about a context is set by
//! `client.clone().map(|client| ContextBuilder::new().build(client))`.

pub use midge::jetstream::*;

use crate::blocking::{Blocking, Client, yields};
use crate::handler::Handler;
use crate::{FlushError, HeaderMap, OutboundMessage};
use bytes::Bytes;
use core::borrow::Borrow;
use core::future::poll_fn;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use futures_io::{AsyncRead, AsyncWrite};
use midge::jetstream::account::Account;
use midge::jetstream::advisory::{Advisories, Advisory, AdvisoryFilter};
use midge::jetstream::backup::{
    RestoreBuilder, RestoreError, Snapshot, SnapshotBuilder, SnapshotError, StreamRestore,
    StreamSnapshot,
};
use midge::jetstream::consumer::pull::{
    self, Batch, BatchBuilder, BatchConfig, BatchError, BatchRequestError, FetchBuilder,
    MessagesError, StreamBuilder,
};
use midge::jetstream::consumer::push::{self, MessagesBuilder};
use midge::jetstream::consumer::{
    AckPolicy, Config as ConsumerConfig, Consumer, ConsumerResetResponse, DeliverPolicy,
    FromConsumer, Info as ConsumerInfo, IntoConsumerConfig, Ordered, OrderedBuilder,
    OrderedPullConsumer, OrderedPushConsumer, PullConsumer, PushConsumer, ReplayPolicy,
    ResumeToken, StreamError,
};
use midge::jetstream::context::{
    AccountError, ConsumerInfoError, CreateStreamError, DeleteStreamError, GetStreamByNameError,
    GetStreamError, Publish, PublishError, RequestError, SetupError, StreamNames, Streams,
    UpdateStreamError,
};
use midge::jetstream::counter::{Counter, CounterError, CounterValue, Entries, Entry};
use midge::jetstream::message::StreamMessage;
use midge::jetstream::publish::{
    BatchPublish, BatchPublishBuilder, BatchPublishError, FastPublishBuilder, FastPublisher,
    GapMode, PublishAck, PublishAckFuture, PublishFailures, PublishOrder, Publisher,
};
use midge::jetstream::setup::{Plan, Setup};
use midge::jetstream::stream::{
    BatchMessages, Config, ConsumerCreateStrictError, ConsumerError, ConsumerNames,
    ConsumerResetError, ConsumerUpdateError, Consumers, DeleteMessageError, DeleteStatus,
    DirectGetError, GetBatch, GetLastMessages, GetMessageError, Info, InfoError, InfoWithSubjects,
    LastRawMessageError, No, PauseResponse, Placement, Purge, PurgeError, PurgeResponse,
    RawMessageError, ScheduledMessage, Schedules, Stream, StreamInfoBuilder, StreamValue,
};
use midge::jetstream::subscription::{PullSubscription, SubscriptionBuilder, SubscriptionError};
use midge::{Subject, SubscribeError, ToSubject};
use std::io;
use std::sync::Arc;

/// A context whose calls block.
pub type Context = Blocking<midge::jetstream::Context>;

/// JetStream of the account of a client.
#[must_use]
pub fn new(client: &Client) -> Context {
    client.with(midge::jetstream::new((**client).clone()))
}

/// JetStream of a domain. One that is none is told by the first call.
pub fn with_domain<T: AsRef<str>>(client: &Client, domain: T) -> Context {
    client.with(midge::jetstream::with_domain((**client).clone(), domain))
}

/// JetStream that another account exports under a prefix. One that is none is told by the first
/// call.
pub fn with_prefix<T: AsRef<str>>(client: &Client, prefix: T) -> Context {
    client.with(midge::jetstream::with_prefix((**client).clone(), prefix))
}

twins! {
    call midge::jetstream::Context, call[R: ApiRequest](request: R) -> Result<R::Response, CallError>;
    call midge::jetstream::Context, query_account() -> Result<Account, AccountError>;
    open midge::jetstream::Context, create_stream[S](stream_config: S) -> Result<Blocking<Stream<Info>>, CreateStreamError> where [Config: From<S>];
    call midge::jetstream::Context, update_stream[S: Borrow<Config>](config: S) -> Result<Info, UpdateStreamError>;
    call midge::jetstream::Context, create_or_update_stream(config: Config) -> Result<Info, CreateStreamError>;
    open midge::jetstream::Context, get_stream[T: AsRef<str>](stream: T) -> Result<Blocking<Stream>, GetStreamError>;
    open midge::jetstream::Context, get_stream_no_info[T: AsRef<str>](stream: T) -> Result<Blocking<Stream<()>>, GetStreamError>;
    open midge::jetstream::Context, get_or_create_stream[S: Into<Config>](stream_config: S) -> Result<Blocking<Stream>, CreateStreamError>;
    open midge::jetstream::Context, advisories(filter: AdvisoryFilter) -> Result<Blocking<Advisories>, SubscribeError>;
    call midge::jetstream::Context, plan(setup: &Setup) -> Result<Plan, CallError>;
    call midge::jetstream::Context, apply(plan: &Plan) -> Result<usize, SetupError>;
    call midge::jetstream::Context, delete_stream[T: AsRef<str>](stream: T) -> Result<DeleteStatus, DeleteStreamError>;
    call midge::jetstream::Context, stream_by_subject[T: Into<String>](subject: T) -> Result<String, GetStreamByNameError>;
    make midge::jetstream::Context, stream_names() -> Blocking<StreamNames>;
    make midge::jetstream::Context, streams() -> Blocking<Streams>;
    open midge::jetstream::Context, create_consumer_on_stream[C: IntoConsumerConfig + FromConsumer, S: AsRef<str>](config: C, stream: S) -> Result<Blocking<Consumer<C>>, ConsumerError>;
    open midge::jetstream::Context, update_consumer_on_stream[C: IntoConsumerConfig + FromConsumer, S: AsRef<str>](config: C, stream: S) -> Result<Blocking<Consumer<C>>, ConsumerUpdateError>;
    open midge::jetstream::Context, create_consumer_strict_on_stream[C: IntoConsumerConfig + FromConsumer, S: AsRef<str>](config: C, stream: S) -> Result<Blocking<Consumer<C>>, ConsumerCreateStrictError>;
    open midge::jetstream::Context, get_consumer_from_stream[T: FromConsumer + IntoConsumerConfig, C: AsRef<str>, S: AsRef<str>](consumer: C, stream: S) -> Result<Blocking<Consumer<T>>, ConsumerError>;
    call midge::jetstream::Context, delete_consumer_from_stream[C: AsRef<str>, S: AsRef<str>](consumer: C, stream: S) -> Result<DeleteStatus, ConsumerError>;
    open midge::jetstream::Context, publish[S: ToSubject](subject: S, payload: Bytes) -> Result<Blocking<PublishAckFuture>, PublishError>;
    open midge::jetstream::Context, publish_with_headers[S: ToSubject](subject: S, headers: HeaderMap, payload: Bytes) -> Result<Blocking<PublishAckFuture>, PublishError>;
    open midge::jetstream::Context, send_publish[S: ToSubject](subject: S, publish: Publish) -> Result<Blocking<PublishAckFuture>, PublishError>;
    call midge::jetstream::Context, wait_for_acks() -> ();
    call midge::jetstream::Context, flush_acks() -> Result<(), FlushError>;
    make midge::jetstream::Context, publisher() -> Blocking<Publisher>;
    make midge::jetstream::Context, batch_publish() -> Blocking<BatchPublishBuilder>;

    open midge::jetstream::Context, get_counter[T: AsRef<str>](stream: T) -> Result<Blocking<Counter>, CounterError>;

    call Counter, add[S: ToSubject](subject: S, number: impl Into<Increment>) -> Result<CounterValue, CounterError>;
    call Counter, increment[S: ToSubject](subject: S) -> Result<CounterValue, CounterError>;
    call Counter, decrement[S: ToSubject](subject: S) -> Result<CounterValue, CounterError>;
    call Counter, load[S: AsRef<str>](subject: S) -> Result<CounterValue, CounterError>;
    call Counter, get[S: AsRef<str>](subject: S) -> Result<Entry, CounterError>;
    open Counter, get_multiple[S: Into<String>](subjects: impl IntoIterator<Item = S>) -> Result<Blocking<Entries>, CounterError>;

    make midge::jetstream::Context, fast_publish() -> Blocking<FastPublishBuilder>;

    build FastPublishBuilder, flow(messages: u16) -> Self;
    build FastPublishBuilder, max_outstanding_acks(acks: u64) -> Self;
    build FastPublishBuilder, gap_mode(gap: GapMode) -> Self;
    build FastPublishBuilder, timeout(timeout: Duration) -> Self;
    end FastPublishBuilder, open() -> Result<Blocking<FastPublisher>, PublishError>;
    change FastPublisher, add[S: ToSubject](subject: S, payload: Bytes) -> Result<u64, PublishError>;
    change FastPublisher, add_message(message: OutboundMessage) -> Result<u64, PublishError>;
    change FastPublisher, add_publish[S: ToSubject](subject: S, publish: Publish) -> Result<u64, PublishError>;
    change FastPublisher, flush() -> u64;
    last FastPublisher, finish() -> Result<u64, PublishFailures>;

    build BatchPublishBuilder, ack_first(ack_first: bool) -> Self;
    build BatchPublishBuilder, ack_every(messages: u64) -> Self;
    build BatchPublishBuilder, max_messages(messages: u64) -> Self;
    build BatchPublishBuilder, timeout(timeout: Duration) -> Self;
    build BatchPublishBuilder, build() -> Blocking<BatchPublish>;
    last BatchPublishBuilder, publish_all[I: IntoIterator<Item = OutboundMessage>](messages: I) -> Result<PublishAck, BatchPublishError>;
    last BatchPublishBuilder, publish_stream[S: futures_core::Stream<Item = OutboundMessage>](messages: S) -> Result<PublishAck, BatchPublishError>;

    change BatchPublish, add[S: ToSubject](subject: S, payload: Bytes) -> Result<(), BatchPublishError>;
    change BatchPublish, add_message(message: OutboundMessage) -> Result<(), BatchPublishError>;
    change BatchPublish, add_publish[S: ToSubject](subject: S, publish: Publish) -> Result<(), BatchPublishError>;
    last BatchPublish, commit[S: ToSubject](subject: S, payload: Bytes) -> Result<PublishAck, BatchPublishError>;
    last BatchPublish, commit_message(message: OutboundMessage) -> Result<PublishAck, BatchPublishError>;
    last BatchPublish, commit_publish[S: ToSubject](subject: S, publish: Publish) -> Result<PublishAck, BatchPublishError>;
    last BatchPublish, commit_eob() -> Result<PublishAck, BatchPublishError>;

    build Publisher, order(order: PublishOrder) -> Self;
    change Publisher, publish[S: ToSubject](subject: S, payload: Bytes) -> Result<u64, PublishError>;
    change Publisher, publish_with_headers[S: ToSubject](subject: S, headers: HeaderMap, payload: Bytes) -> Result<u64, PublishError>;
    change Publisher, send_publish[S: ToSubject](subject: S, publish: Publish) -> Result<u64, PublishError>;
    last Publisher, finish() -> Result<u64, PublishFailures>;

    change Stream<Info>, info() -> Result<&Info, InfoError>;
    call Stream<Info>, get_info() -> Result<Info, InfoError>;
    call Stream<Info>, info_with_subjects[F: AsRef<str>](subjects_filter: F) -> Result<InfoWithSubjects, InfoError>;
    make Stream<Info>, info_builder() -> Blocking<StreamInfoBuilder>;
    last StreamInfoBuilder, fetch() -> Result<InfoWithSubjects, InfoError>;
    call Stream<Info>, leader_step_down() -> Result<DeleteStatus, RequestError>;
    call Stream<Info>, leader_step_down_to(placement: Placement) -> Result<DeleteStatus, RequestError>;
    call Stream<Info>, remove_peer(peer: impl Into<String>) -> Result<DeleteStatus, RequestError>;
    call Stream<Info>, evacuate_peer(peer: impl Into<String>) -> Result<DeleteStatus, RequestError>;
    call Stream<Info>, cancel_move() -> Result<Info, RequestError>;
    call Stream<Info>, consumer_leader_step_down(name: &str) -> Result<DeleteStatus, ConsumerError>;
    call Stream<Info>, remove_consumer_peer(name: &str, peer: impl Into<String>) -> Result<DeleteStatus, ConsumerError>;
    make Stream<Info>, purge() -> Blocking<Purge<No, No>>;
    call Stream<Info>, purge_subject[S: Into<String>](subject: S) -> Result<PurgeResponse, PurgeError>;
    call Stream<Info>, delete_message(sequence: u64) -> Result<bool, DeleteMessageError>;
    call Stream<Info>, mark_message_deleted(sequence: u64) -> Result<bool, DeleteMessageError>;
    call Stream<Info>, get_raw_message(sequence: u64) -> Result<StreamMessage, RawMessageError>;
    call Stream<Info>, get_first_raw_message_by_subject[S: AsRef<str>](subject: S, sequence: u64) -> Result<StreamMessage, RawMessageError>;
    call Stream<Info>, get_next_raw_message_by_subject[S: AsRef<str>](subject: S) -> Result<StreamMessage, RawMessageError>;
    call Stream<Info>, get_last_raw_message_by_subject(stream_subject: &str) -> Result<StreamMessage, LastRawMessageError>;
    call Stream<Info>, direct_get(sequence: u64) -> Result<StreamMessage, DirectGetError>;
    call Stream<Info>, direct_get_value(sequence: u64) -> Result<StreamValue, DirectGetError>;
    call Stream<Info>, direct_get_last_for_subject[S: Into<String>](subject: S) -> Result<StreamMessage, DirectGetError>;
    call Stream<Info>, direct_get_first_for_subject[S: Into<String>](subject: S) -> Result<StreamMessage, DirectGetError>;
    call Stream<Info>, direct_get_next_for_subject[S: Into<String>](subject: S, sequence: Option<u64>) -> Result<StreamMessage, DirectGetError>;
    call Stream<Info>, get_message(sequence: u64) -> Result<StreamMessage, GetMessageError>;
    call Stream<Info>, get_last_message_for_subject[S: AsRef<str>](subject: S) -> Result<StreamMessage, GetMessageError>;
    call Stream<Info>, get_next_message_for_subject[S: AsRef<str>](subject: S, sequence: Option<u64>) -> Result<StreamMessage, GetMessageError>;
    call Stream<Info>, get_schedule[S: AsRef<str>](subject: S) -> Result<Option<ScheduledMessage>, GetMessageError>;
    open Stream<Info>, schedules[S: Into<String>](filter: S) -> Result<Blocking<Schedules>, DirectGetError>;
    call Stream<Info>, cancel_schedules[S: Into<String>](filter: S) -> Result<u64, PurgeError>;
    make Stream<Info>, get_batch(messages: usize) -> Blocking<GetBatch>;
    make Stream<Info>, get_last_messages_for[S: Into<String>](subjects: impl IntoIterator<Item = S>) -> Blocking<GetLastMessages>;

    build GetBatch, sequence(sequence: u64) -> Self;
    build GetBatch, start_time(time: impl Into<Timestamp>) -> Self;
    build GetBatch, subject(subject: impl Into<String>) -> Self;
    build GetBatch, max_bytes(bytes: usize) -> Self;
    build GetBatch, timeout(timeout: Duration) -> Self;
    end GetBatch, send() -> Result<Blocking<BatchMessages>, DirectGetError>;
    build GetLastMessages, up_to_sequence(sequence: u64) -> Self;
    build GetLastMessages, up_to_time(time: impl Into<Timestamp>) -> Self;
    build GetLastMessages, batch(messages: usize) -> Self;
    build GetLastMessages, max_bytes(bytes: usize) -> Self;
    build GetLastMessages, timeout(timeout: Duration) -> Self;
    end GetLastMessages, send() -> Result<Blocking<BatchMessages>, DirectGetError>;

    open Stream<Info>, create_consumer[C: IntoConsumerConfig + FromConsumer](config: C) -> Result<Blocking<Consumer<C>>, ConsumerError>;
    open Stream<Info>, update_consumer[C: IntoConsumerConfig + FromConsumer](config: C) -> Result<Blocking<Consumer<C>>, ConsumerUpdateError>;
    open Stream<Info>, create_consumer_strict[C: IntoConsumerConfig + FromConsumer](config: C) -> Result<Blocking<Consumer<C>>, ConsumerCreateStrictError>;
    open Stream<Info>, get_consumer[C: FromConsumer + IntoConsumerConfig](name: &str) -> Result<Blocking<Consumer<C>>, ConsumerError>;
    open Stream<Info>, get_or_create_consumer[C: FromConsumer + IntoConsumerConfig](name: &str, config: C) -> Result<Blocking<Consumer<C>>, ConsumerError>;
    call Stream<Info>, consumer_info[C: AsRef<str>](name: C) -> Result<ConsumerInfo, ConsumerInfoError>;
    call Stream<Info>, delete_consumer(name: &str) -> Result<DeleteStatus, ConsumerError>;
    call Stream<Info>, pause_consumer(name: &str, pause_until: impl Into<Timestamp>) -> Result<PauseResponse, ConsumerError>;
    call Stream<Info>, resume_consumer(name: &str) -> Result<PauseResponse, ConsumerError>;
    call Stream<Info>, unpin_consumer(name: &str, group: &str) -> Result<(), ConsumerError>;
    call Stream<Info>, reset_consumer(name: &str, seq: Option<u64>) -> Result<ConsumerResetResponse, ConsumerResetError>;
    make Stream<Info>, snapshot() -> Blocking<SnapshotBuilder>;
    end SnapshotBuilder, open() -> Result<Blocking<StreamSnapshot>, SnapshotError>;
    change StreamSnapshot, next_chunk() -> Result<Option<Bytes>, SnapshotError>;
    make midge::jetstream::Context, restore_stream(snapshot: Snapshot) -> Blocking<RestoreBuilder>;
    end RestoreBuilder, open() -> Result<Blocking<StreamRestore>, RestoreError>;
    change StreamRestore, send(data: Bytes) -> Result<(), RestoreError>;
    end StreamRestore, finish() -> Result<Blocking<Stream<Info>>, RestoreError>;
    make Stream<Info>, consumer_names() -> Blocking<ConsumerNames>;
    make Stream<Info>, consumers() -> Blocking<Consumers>;

    change PullConsumer, info() -> Result<&ConsumerInfo, ConsumerInfoError>;
    open PullConsumer, messages() -> Result<Blocking<pull::Stream>, StreamError>;
    make PullConsumer, stream() -> Blocking<StreamBuilder<'_>>;
    end StreamBuilder<'_>, messages() -> Result<Blocking<pull::Stream>, StreamError>;
    change pull::Stream, drain() -> ();
    call pull::Stream, paused_until() -> Result<Option<Timestamp>, ConsumerInfoError>;
    open PushConsumer, messages() -> Result<Blocking<push::Messages>, StreamError>;
    make PushConsumer, stream() -> Blocking<MessagesBuilder<'_>>;
    end MessagesBuilder<'_>, messages() -> Result<Blocking<push::Messages>, StreamError>;
    change push::Messages, drain() -> ();
    change push::Messages, unsubscribe() -> Result<(), ConsumerError>;
    call push::Messages, consumer_info() -> Result<ConsumerInfo, ConsumerInfoError>;
    call pull::Stream, consumer_info() -> Result<ConsumerInfo, ConsumerInfoError>;
    call Ordered, consumer_info() -> Result<ConsumerInfo, ConsumerInfoError>;
    end OrderedPullConsumer, messages() -> Result<Blocking<Ordered>, StreamError>;
    build OrderedPullConsumer, stream() -> Blocking<OrderedBuilder<pull::OrderedConfig>>;
    end OrderedPushConsumer, messages() -> Result<Blocking<Ordered>, StreamError>;
    build OrderedPushConsumer, stream() -> Blocking<OrderedBuilder<push::OrderedConfig>>;
    make midge::jetstream::Context, resume_ordered(token: ResumeToken) -> Blocking<OrderedBuilder<pull::OrderedConfig>>;
    end OrderedBuilder<pull::OrderedConfig>, messages() -> Result<Blocking<Ordered>, StreamError>;
    end OrderedBuilder<push::OrderedConfig>, messages() -> Result<Blocking<Ordered>, StreamError>;
    change Ordered, drain() -> ();
    open PullConsumer, fetch_now(max_messages: usize) -> Result<Blocking<Batch>, BatchError>;
    make PullConsumer, fetch() -> Blocking<FetchBuilder<'_>>;
    end FetchBuilder<'_>, messages() -> Result<Blocking<Batch>, BatchError>;
    make PullConsumer, batch() -> Blocking<BatchBuilder<'_>>;
    end BatchBuilder<'_>, messages() -> Result<Blocking<Batch>, BatchError>;
    call PullConsumer, request_batch[I: Into<BatchConfig>](batch: I, inbox: Subject) -> Result<(), BatchRequestError>;
    call PullConsumer, get_info() -> Result<ConsumerInfo, ConsumerInfoError>;
    change PullConsumer, reset(seq: Option<u64>) -> Result<ConsumerResetResponse, ConsumerResetError>;
    change PushConsumer, info() -> Result<&ConsumerInfo, ConsumerInfoError>;
    call PushConsumer, get_info() -> Result<ConsumerInfo, ConsumerInfoError>;
    change PushConsumer, reset(seq: Option<u64>) -> Result<ConsumerResetResponse, ConsumerResetError>;

    make midge::jetstream::Context, subscription[S: Into<String>](subject: S) -> Blocking<SubscriptionBuilder>;
    build SubscriptionBuilder, stream(stream: impl Into<String>) -> Self;
    build SubscriptionBuilder, bind(stream: impl Into<String>, consumer: impl Into<String>) -> Self;
    build SubscriptionBuilder, queue_group(name: impl Into<String>) -> Self;
    build SubscriptionBuilder, configure(change: impl FnOnce(&mut ConsumerConfig)) -> Self;
    build SubscriptionBuilder, keep_consumer() -> Self;
    build SubscriptionBuilder, durable(durable: impl Into<String>) -> Self;
    build SubscriptionBuilder, name(name: impl Into<String>) -> Self;
    build SubscriptionBuilder, description(description: impl Into<String>) -> Self;
    build SubscriptionBuilder, deliver_policy(deliver_policy: DeliverPolicy) -> Self;
    build SubscriptionBuilder, ack_policy(ack_policy: AckPolicy) -> Self;
    build SubscriptionBuilder, ack_wait(ack_wait: Duration) -> Self;
    build SubscriptionBuilder, max_deliver(max_deliver: i64) -> Self;
    build SubscriptionBuilder, backoff(backoff: impl Into<Vec<Duration>>) -> Self;
    build SubscriptionBuilder, max_ack_pending(max_ack_pending: i64) -> Self;
    build SubscriptionBuilder, replay_policy(replay_policy: ReplayPolicy) -> Self;
    build SubscriptionBuilder, headers_only(headers_only: bool) -> Self;
    build SubscriptionBuilder, inactive_threshold(inactive_threshold: Duration) -> Self;
    build SubscriptionBuilder, memory_storage(memory_storage: bool) -> Self;
    build SubscriptionBuilder, deliver_subject(deliver_subject: impl Into<String>) -> Self;
    build SubscriptionBuilder, flow_control(flow_control: bool) -> Self;
    build SubscriptionBuilder, idle_heartbeat(idle_heartbeat: Duration) -> Self;
    build SubscriptionBuilder, rate_limit(rate_limit: u64) -> Self;
    build SubscriptionBuilder, max_waiting(max_waiting: i64) -> Self;
    end SubscriptionBuilder, messages() -> Result<Blocking<push::Messages>, SubscriptionError>;
    end SubscriptionBuilder, pull() -> Result<Blocking<PullSubscription>, SubscriptionError>;
    end SubscriptionBuilder, ordered() -> Result<Blocking<Ordered>, SubscriptionError>;
    open PullSubscription, fetch(max_messages: usize, within: Duration) -> Result<Blocking<Batch>, BatchError>;
    open PullSubscription, messages() -> Result<Blocking<pull::Stream>, StreamError>;
    call PullSubscription, consumer_info() -> Result<ConsumerInfo, ConsumerInfoError>;
    last PullSubscription, unsubscribe() -> Result<(), ConsumerError>;

    call Message, ack() -> Result<(), AckError>;
    call Message, ack_with(kind: AckKind) -> Result<(), AckError>;
    call Message, double_ack() -> Result<(), AckError>;
    call Message, ack_unless_said() -> Result<(), AckError>;
    call Message, double_ack_with(kind: AckKind) -> Result<(), AckError>;
    open Message, ack_and_fetch[B: Into<BatchConfig>](batch: B) -> Result<Blocking<Batch>, AckError>;
    call Acker, ack() -> Result<(), AckError>;
    call Acker, ack_with(kind: AckKind) -> Result<(), AckError>;
    call Acker, ack_unless_said() -> Result<(), AckError>;
    call Acker, double_ack() -> Result<(), AckError>;
    call Acker, double_ack_with(kind: AckKind) -> Result<(), AckError>;
    open Acker, ack_and_fetch[B: Into<BatchConfig>](batch: B) -> Result<Blocking<Batch>, AckError>;
    build Acker, once() -> Blocking<AckOnce>;
    call AckOnce, progress() -> Result<(), AckError>;
    last AckOnce, ack() -> Result<(), Box<NotAcknowledged>>;
    last AckOnce, ack_with(kind: AckKind) -> Result<(), Box<NotAcknowledged>>;
    last AckOnce, double_ack() -> Result<(), Box<NotAcknowledged>>;
    last AckOnce, double_ack_with(kind: AckKind) -> Result<(), Box<NotAcknowledged>>;
    change AckBatcher, ack(message: &Message) -> Result<(), AckError>;
    change AckBatcher, flush() -> Result<(), AckError>;
    change AckBatcher, sync() -> Result<(), AckError>;
}

impl Blocking<PublishAckFuture> {
    /// Blocks until the acknowledgement is there.
    ///
    /// # Errors
    ///
    /// As the future inside.
    pub fn ack(self) -> Result<PublishAck, PublishError> {
        let (ack, carrier) = self.into_parts();
        carrier.finish(ack)
    }
}

yields! {
    as it is: (String, u64), Info, ConsumerInfo, Advisory, Bytes;
    blocking: Message, Batch;
}

macro_rules! one_by_one {
    ($handle:ty) => {
        impl Blocking<$handle> {
            /// Blocks until the next message is there; `None` if none came within `expires`.
            ///
            /// # Errors
            ///
            /// As `next_message` of the handle inside.
            pub fn next_message(
                &self,
                expires: Duration,
            ) -> Result<Option<Blocking<Message>>, MessagesError> {
                let message = self.carrier().finish((**self).next_message(expires))?;
                Ok(message.map(|message| self.with(message)))
            }
        }
    };
}

one_by_one!(PullConsumer);
one_by_one!(PullSubscription);

macro_rules! acknowledged_by_handler {
    ($handle:ty) => {
        impl Blocking<$handle> {
            /// Starts a thread that calls `handler` with each item to come, and acknowledges each
            /// message when its call has returned, unless that has said itself what became of it,
            /// or wanted to. What could not be said is counted by
            /// [`unacknowledged`](Handler::unacknowledged). A call that panics acknowledges
            /// nothing. [`handle_with`](Self::handle_with) leaves acknowledging to the handler.
            ///
            /// # Errors
            ///
            /// When the operating system gives no thread.
            pub fn handle_and_ack_with<F>(self, mut handler: F) -> io::Result<Handler>
            where
                F: FnMut(Result<Message, MessagesError>) + Send + 'static,
            {
                let (needs_acks, carrier) = (self.needs_acks(), self.carrier().clone());
                let unacknowledged = Arc::new(AtomicU64::new(0));
                let counter = Arc::clone(&unacknowledged);
                let handling = self.handle_with(move |mut item| {
                    let message = item.as_mut().ok().filter(|_| needs_acks);
                    let acker = message.map(Message::acker);
                    handler(item);
                    if let Some(acker) = acker
                        && carrier.finish(acker.ack_unless_said()).is_err()
                    {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
                handling.map(|handler| handler.with_unacknowledged(unacknowledged))
            }
        }
    };
}

acknowledged_by_handler!(push::Messages);
acknowledged_by_handler!(pull::Stream);

impl<T: IntoConsumerConfig> Blocking<Consumer<T>> {
    /// Gathers acknowledgements, as [`ack_batcher`](Consumer::ack_batcher) of the consumer inside.
    pub fn ack_batcher(&self) -> Blocking<AckBatcher> {
        self.with((**self).ack_batcher())
    }
}

macro_rules! acknowledging {
    ($handle:ty) => {
        impl Blocking<$handle> {
            /// Says that the message is done, and blocks until the next one is there; `None` if none
            /// came within `expires`.
            ///
            /// # Errors
            ///
            /// As `ack_and_next` of the handle inside.
            pub fn ack_and_next(
                &self,
                expires: Duration,
            ) -> Result<Option<Blocking<Message>>, AckError> {
                let message = self.carrier().finish((**self).ack_and_next(expires))?;
                Ok(message.map(|message| self.with(message)))
            }

            /// Runs `work` on this thread, while another one, which ends with it, tells the consumer
            /// every half of its `ack_wait` that the message is being worked on.
            pub fn in_progress_while<R>(&self, work: impl FnOnce() -> R) -> R {
                let (done, until) = futures_channel::oneshot::channel::<()>();
                std::thread::scope(|scope| {
                    scope.spawn(|| self.carrier().finish((**self).in_progress_while(until)));
                    let _done = done;
                    work()
                })
            }
        }
    };
}

acknowledging!(Message);
acknowledging!(Acker);

impl<Sequence, Keep> Blocking<Purge<Sequence, Keep>> {
    /// Deletes the messages. Filters and limits are set by [`map`](Self::map).
    ///
    /// # Errors
    ///
    /// As the purge inside.
    pub fn send(self) -> Result<PurgeResponse, PurgeError> {
        let (purge, carrier) = self.into_parts();
        carrier.finish(purge.into_future())
    }
}

impl Blocking<Message> {
    /// A message of an asynchronous handle of this client, to be acknowledged by calls that block.
    #[must_use]
    pub fn of(client: &Client, message: Message) -> Self {
        client.with(message)
    }
}

/// The bytes of the backup.
impl io::Read for Blocking<StreamSnapshot> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let carrier = self.carrier().clone();
        let backup = &mut **self;
        carrier.finish(poll_fn(|cx| Pin::new(&mut *backup).poll_read(cx, buf)))
    }
}

/// The bytes of the backup; there is a stream once `finish` says so.
impl io::Write for Blocking<StreamRestore> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let carrier = self.carrier().clone();
        let restore = &mut **self;
        carrier.finish(poll_fn(|cx| Pin::new(&mut *restore).poll_write(cx, buf)))
    }

    /// Blocks until the server has every whole chunk that was written.
    fn flush(&mut self) -> io::Result<()> {
        let carrier = self.carrier().clone();
        let restore = &mut **self;
        carrier.finish(poll_fn(|cx| Pin::new(&mut *restore).poll_flush(cx)))
    }
}
