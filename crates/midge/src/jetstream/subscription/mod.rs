//! Subscriptions to what streams keep: a subject is enough, stream and consumer are found or made.
//!
//! ```no_run
//! # async fn example(jetstream: midge::jetstream::Context) -> Result<(), midge::Error> {
//! let mut orders = jetstream.subscription("orders.*").durable("billing").messages().await?;
//! while let Some(order) = orders.next().await {
//!     let order = order?;
//!     println!("{}", order.subject);
//!     order.ack().await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | last call | messages | consumer |
//! | --- | --- | --- |
//! | [`messages`](SubscriptionBuilder::messages) | are pushed | is bound, or created |
//! | [`pull`](SubscriptionBuilder::pull) | are fetched in batches | is bound, or created |
//! | [`ordered`](SubscriptionBuilder::ordered) | are pushed, in order and each once | is created, again and again |
//!
//! What is pushed is read one by one, as a stream, by a callback
//! ([`handle_and_ack`](push::Messages::handle_and_ack), or [`handle`](push::Messages::handle) to
//! acknowledge by hand), or through a channel ([`forward_to`](push::Messages::forward_to)).
//!
//! # Whose consumer it is
//!
//! A consumer that was created by a subscription is deleted with it: when it is unsubscribed, drained
//! to its end, or dropped, and when the client is [drained](crate::Client::drain), behind what was
//! read. A [close](crate::Client::close) of the client leaves it: the server deletes one that is not
//! durable when nobody has used it for a while, and a durable one stays. One that was there before
//! stays in any case. Where several processes share a durable
//! consumer or a queue group, the one that created it deletes it for all when it ends: create it
//! beforehand, or [keep](SubscriptionBuilder::keep_consumer) it. Those who only share a consumer that
//! pushes hear nothing of that: the server does not tell, and members of a queue group, which have no
//! heartbeats, wait on.
//!
//! [`unsubscribe`](push::Messages::unsubscribe) is how to end a subscription before the next one of
//! the same name: it returns when the consumer is gone. A drop does not wait, and the next
//! subscription, above all in a cluster, may find the consumer that is being deleted, bind it, and
//! lose it.

mod pull;

pub use crate::jetstream::error::SubscriptionErrorKind;
pub use midge_proto::jetstream::subscription::{InvalidSubscription, Way};
pub use pull::PullSubscription;

use crate::jetstream::consumer::owned::Owned;
use crate::jetstream::consumer::push::{self, MessagesBuilder};
use crate::jetstream::consumer::{Consumer, Ordered};
use crate::jetstream::context::Context;
use crate::jetstream::error::CallError;
use core::time::Duration;
use midge_proto::jetstream::consumer::{
    AckPolicy, Action, Config, DeliverPolicy, FromConsumer, Id, InfoRequest, IntoConsumerConfig,
    ReplayPolicy,
};
use midge_proto::jetstream::stream::{self, NamesRequest};
use midge_proto::jetstream::subscription::SubscriptionOptions;
use midge_proto::jetstream::{ErrorCode, StreamName};

/// A subscription to a stream was not made.
pub type SubscriptionError = CallError<SubscriptionErrorKind>;

/// A subscription to a stream that is about to be made.
///
/// What is set holds for a consumer that is created. One that is there has to be so already; what is
/// not set may be as it is.
#[derive(Clone, Debug)]
#[must_use = "a subscription is made by `messages`, `pull` or `ordered`"]
pub struct SubscriptionBuilder {
    context: Context,
    options: SubscriptionOptions,
}

macro_rules! settings {
    ($($(#[$meta:meta])* $name:ident: $type:ty => $field:ident as $wire:literal, $value:expr;)*) => {
        impl SubscriptionBuilder {
            $(
                $(#[$meta])*
                pub fn $name(mut self, $name: $type) -> Self {
                    self.options = self.options.set($wire, |config| config.$field = $value);
                    self
                }
            )*
        }
    };
}

settings! {
    /// A durable consumer of this name: bound if it is there, and created if not.
    durable: impl Into<String> => durable_name as "durable_name", Some(durable.into());
    /// A consumer of this name that may go when nobody uses it: bound if it is there, and created if
    /// not. Default: the server chooses a name.
    name: impl Into<String> => name as "name", Some(name.into());
    /// A text for people, up to 4 KiB.
    description: impl Into<String> => description as "description", Some(description.into());
    /// Where in the stream to begin. Default: at its first message.
    deliver_policy: DeliverPolicy => deliver_policy as "deliver_policy", deliver_policy;
    /// What has to be acknowledged. Default: each message.
    ack_policy: AckPolicy => ack_policy as "ack_policy", ack_policy;
    /// Time for an acknowledgement, after which a message comes again. Default 30 s.
    ack_wait: Duration => ack_wait as "ack_wait", ack_wait;
    /// Most deliveries of a message; -1 (the default) is no limit.
    max_deliver: i64 => max_deliver as "max_deliver", max_deliver;
    /// Delay before each further delivery, in place of `ack_wait`; the last one repeats.
    backoff: impl Into<Vec<Duration>> => backoff as "backoff", backoff.into();
    /// Most messages that may wait for an acknowledgement; -1 is no limit. Default 1000.
    max_ack_pending: i64 => max_ack_pending as "max_ack_pending", max_ack_pending;
    /// How fast stored messages are delivered. Default: as fast as possible.
    replay_policy: ReplayPolicy => replay_policy as "replay_policy", replay_policy;
    /// Whether payloads are left out.
    headers_only: bool => headers_only as "headers_only", headers_only;
    /// Time without users after which a consumer is deleted. Default: 5 s, and never if it is durable.
    inactive_threshold: Duration => inactive_threshold as "inactive_threshold", inactive_threshold;
    /// Whether the state of the consumer is kept in memory, whatever the stream does.
    memory_storage: bool => memory_storage as "mem_storage", memory_storage;
    /// Where messages are pushed to. Default: an inbox.
    deliver_subject: impl Into<String> => deliver_subject as "deliver_subject", Some(deliver_subject.into());
    /// Whether pushing waits for readers that cannot keep up. It needs heartbeats: every 5 s, unless
    /// something else is set.
    flow_control: bool => flow_control as "flow_control", flow_control;
    /// Time after which a consumer that pushes says that it is there, at least 100 ms. Default: none.
    idle_heartbeat: Duration => idle_heartbeat as "idle_heartbeat", idle_heartbeat;
    /// Most bits a second that are pushed. Default: no limit.
    rate_limit: u64 => rate_limit as "rate_limit_bps", rate_limit;
    /// Most pulls that may wait. Default 512.
    max_waiting: i64 => max_waiting as "max_waiting", max_waiting;
}

impl SubscriptionBuilder {
    /// The stream. Default: the only one that has the subject, which is asked for.
    pub fn stream(mut self, stream: impl Into<String>) -> Self {
        self.options = self.options.stream(stream);
        self
    }

    /// A consumer that is there, and stays. That it is not there is an error.
    pub fn bind(mut self, stream: impl Into<String>, consumer: impl Into<String>) -> Self {
        self.options = self.options.bind(stream, consumer);
        self
    }

    /// Joins a queue group, whose members share the messages. Its name is that of the durable
    /// consumer, unless one is named or bound.
    pub fn queue_group(mut self, name: impl Into<String>) -> Self {
        self.options = self.options.queue_group(name);
        self
    }

    /// Sets anything else about the consumer. Filters are for a subscription with an empty subject:
    /// with a subject, another filter is an error.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        self.options = self.options.configure(change);
        self
    }

    /// Leaves the consumer where it is when the subscription ends, also if it was created for it.
    /// [`ordered`](Self::ordered) refuses that: it needs its consumers for itself.
    pub fn keep_consumer(mut self) -> Self {
        self.options = self.options.keep_consumer();
        self
    }

    /// Subscribes to what a consumer pushes; see [`push::Messages`].
    ///
    /// Nothing is dropped when the reader is slow, unless
    /// [something else is set](push::Messages::set_slow_consumer_policy).
    ///
    /// # Errors
    ///
    /// The options contradict each other, there is not exactly one stream, the consumer that is there
    /// is not the one that is wanted ([`InvalidSubscription`]), or a call of the API failed. Nothing
    /// is left behind then.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have created a consumer, and does not delete it if the answer had not
    /// come.
    pub async fn messages(self) -> Result<push::Messages, SubscriptionError> {
        let (consumer, owned) = self.consumer(Way::Push).await?;
        MessagesBuilder::new(&consumer).owned(owned).messages().await.map_err(CallError::of)
    }

    /// Subscribes by pulling: messages come when they are fetched.
    ///
    /// # Errors
    ///
    /// As [`messages`](Self::messages).
    ///
    /// # Cancel safety
    ///
    /// As [`messages`](Self::messages).
    pub async fn pull(self) -> Result<PullSubscription, SubscriptionError> {
        let (consumer, owned) = self.consumer(Way::Pull).await?;
        Ok(PullSubscription::new(consumer, owned))
    }

    /// Subscribes to the messages in order and each once; see [`Ordered`]. They need no
    /// acknowledgements.
    ///
    /// # Errors
    ///
    /// As [`messages`](Self::messages).
    ///
    /// # Cancel safety
    ///
    /// As [`messages`](Self::messages).
    pub async fn ordered(self) -> Result<Ordered, SubscriptionError> {
        self.options.check(Way::Ordered)?;
        let stream = self.find_stream().await?;
        let consumer = self.create::<push::OrderedConfig>(Way::Ordered, &stream).await?;
        let owned = Owned::new(self.context.clone(), consumer.id()?);
        let ordered = consumer.messages().await.map_err(CallError::of)?;
        // It looks after its consumers itself.
        owned.disown();
        Ok(ordered)
    }

    /// The consumer, and whether it goes with the subscription.
    async fn consumer<C: FromConsumer + IntoConsumerConfig>(
        &self,
        way: Way,
    ) -> Result<(Consumer<C>, Option<Owned>), SubscriptionError> {
        self.options.check(way)?;
        let stream = self.find_stream().await?;
        if let Some(consumer) = self.look_up(way, &stream).await? {
            return Ok((consumer, None));
        }
        let consumer = match self.create(way, &stream).await {
            Err(error) if is_taken(&error) => {
                // Another one was faster.
                let there_is = self.look_up(way, &stream).await?;
                return there_is.map(|consumer| (consumer, None)).ok_or(error);
            }
            created => created?,
        };
        if self.options.keeps_consumer() {
            return Ok((consumer, None));
        }
        let owned = Owned::new(self.context.clone(), consumer.id()?);
        Ok((consumer, Some(owned)))
    }

    async fn find_stream(&self) -> Result<StreamName, SubscriptionError> {
        if let Some(name) = self.options.stream_name() {
            return Ok(StreamName::new(name)?);
        }
        let request = NamesRequest::new().subject_filter(self.options.subject());
        let page = self.context.ask::<_, SubscriptionErrorKind>(&request).await?;
        Ok(StreamName::new(self.options.stream_of(page.items)?)?)
    }

    /// The consumer that is there; `None` if there is none, and it may be created.
    async fn look_up<C: FromConsumer + IntoConsumerConfig>(
        &self,
        way: Way,
        stream: &StreamName,
    ) -> Result<Option<Consumer<C>>, SubscriptionError> {
        let Some(name) = self.options.consumer() else { return Ok(None) };
        let request = InfoRequest::new(Id::new(stream.clone(), name.parse()?));
        let info = match self.context.ask::<_, SubscriptionErrorKind>(&request).await {
            Err(error)
                if error.error_code() == Some(ErrorCode::CONSUMER_NOT_FOUND)
                    && !self.options.is_bound() =>
            {
                return Ok(None);
            }
            info => info?,
        };
        let stream = if self.options.wants_stream(&info) {
            let request = stream::InfoRequest::new(stream.clone());
            Some(self.context.ask::<_, SubscriptionErrorKind>(&request).await?.info.config)
        } else {
            None
        };
        self.options.check_consumer(way, &info, stream.as_ref())?;
        let config = C::try_from_consumer_config(info.config.clone())?;
        Ok(Some(Consumer::new(config, info, self.context.clone())))
    }

    async fn create<C: FromConsumer + IntoConsumerConfig>(
        &self,
        way: Way,
        stream: &StreamName,
    ) -> Result<Consumer<C>, SubscriptionError> {
        let inbox = self.context.inner.client.new_inbox();
        let config = C::try_from_consumer_config(self.options.to_create(way, &inbox))?;
        self.context.put_consumer(config, stream, Action::Create).await
    }
}

fn is_taken(error: &SubscriptionError) -> bool {
    [
        ErrorCode::CONSUMER_ALREADY_EXISTS,
        ErrorCode::CONSUMER_NAME_EXIST,
        ErrorCode::CONSUMER_EXISTING_ACTIVE,
    ]
    .map(Some)
    .contains(&error.error_code())
}

impl Context {
    /// Describes a subscription to the messages of a subject, which may have wildcards, in whichever
    /// stream keeps them. With a [`stream`](SubscriptionBuilder::stream) or a
    /// [`bound consumer`](SubscriptionBuilder::bind) the subject may be empty: all messages.
    pub fn subscription(&self, subject: impl Into<String>) -> SubscriptionBuilder {
        let options = SubscriptionOptions::new(subject);
        SubscriptionBuilder { context: self.clone(), options }
    }
}
