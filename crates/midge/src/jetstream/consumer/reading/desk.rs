//! Where the orders of a machine go out, and what it reads from is opened.

use crate::client::Client;
use crate::error::PublishError;
use crate::jetstream::context::Context;
use crate::jetstream::error::{CallError, Fault};
use crate::publish::publish_over;
use crate::subscriber::Subscriber;
use crate::{SlowConsumerPolicy, SubscribeBuilder};
use bytes::Bytes;
use midge_proto::jetstream::consumer::pull::{BatchConfig, next_subject};
use midge_proto::jetstream::consumer::{DeleteRequest, Id};
use midge_proto::jetstream::message::ack_and_pull;
use midge_proto::jetstream::{ApiPrefix, ApiRequest};
use midge_proto::{Instant, Subject};

/// Where the orders of a machine go out.
pub(in crate::jetstream::consumer) struct Desk {
    pub(in crate::jetstream::consumer) context: Context,
    pub(in crate::jetstream::consumer) id: Id,
    prefix: ApiPrefix,
    /// What the answers come to, without the token behind it.
    inbox: String,
}

impl Desk {
    pub(in crate::jetstream::consumer) fn new<K>(
        context: Context,
        id: Id,
    ) -> Result<Self, CallError<K>> {
        let prefix = context.inner.prefix.as_ref().map_err(Fault::clone)?.clone();
        let inbox = context.inner.client.new_inbox();
        Ok(Self { context, id, prefix, inbox })
    }

    fn reply(&self, token: u64) -> Subject {
        Subject::from(format!("{}.{token}", self.inbox))
    }

    /// The time, as far as it is known.
    pub(in crate::jetstream::consumer) fn now(&self) -> Instant {
        self.client().shared().clock.now()
    }

    pub(in crate::jetstream::consumer) fn client(&self) -> &Client {
        &self.context.inner.client
    }

    /// Subscribes to the inbox and everything below it; nothing is ever dropped for want of room,
    /// since no more comes than was asked for.
    pub(in crate::jetstream::consumer) fn listen<K>(&self) -> Result<Subscriber, CallError<K>> {
        let subscription = self.client().subscription(format!("{}.*", self.inbox));
        open(subscription.capacity(usize::MAX).capacity_bytes(usize::MAX))
    }

    pub(in crate::jetstream::consumer) fn pull(
        &self,
        id: &Id,
        token: u64,
        config: &BatchConfig,
    ) -> Result<(), PublishError> {
        let mut body = Vec::new();
        config.encode(&mut body);
        let reply = self.reply(token);
        self.publish(&self.pull_subject(id), Some(&reply), &body.into())
    }

    /// A pull that is at once the acknowledgement of a message with this reply subject.
    pub(in crate::jetstream::consumer) fn pull_by_ack(
        &self,
        ack: &Subject,
        token: u64,
        config: &BatchConfig,
    ) -> Result<(), PublishError> {
        self.publish(ack, Some(&self.reply(token)), &ack_and_pull(config))
    }

    /// Whether pulls from this consumer are published to `subject`.
    pub(in crate::jetstream::consumer) fn pulls_on(&self, id: &Id, subject: &str) -> bool {
        self.pull_subject(id).as_str() == subject
    }

    pub(in crate::jetstream::consumer) fn pull_subject(&self, id: &Id) -> Subject {
        next_subject(&self.prefix, id)
    }

    /// Sends even where there is no room for more: what a machine orders is small, and as much as
    /// it has to be.
    pub(in crate::jetstream::consumer) fn publish(
        &self,
        subject: &Subject,
        reply: Option<&Subject>,
        payload: &Bytes,
    ) -> Result<(), PublishError> {
        publish_over(self.client().shared(), subject, reply, None, payload)
    }

    /// Has a consumer deleted, whatever becomes of that.
    pub(in crate::jetstream::consumer) fn delete(&self, id: &Id) -> Result<(), PublishError> {
        let subject = DeleteRequest::new(id.clone()).subject(&self.prefix);
        // The server answers, and nobody listens.
        let reply = Subject::from(self.client().new_inbox());
        self.publish(&subject, Some(&reply), &Bytes::new())
    }
}

/// Subscribes for a reading that is to miss nothing, unless another policy is set afterwards.
pub(in crate::jetstream::consumer) fn open<K>(
    subscription: SubscribeBuilder,
) -> Result<Subscriber, CallError<K>> {
    let subscription = subscription.slow_consumer(SlowConsumerPolicy::BackPressure);
    let subscriber = subscription.open().map_err(Fault::Subscribe)?;
    subscriber.tell_gaps();
    Ok(subscriber)
}
