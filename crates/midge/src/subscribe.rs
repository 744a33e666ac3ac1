//! Describing a subscription before it is made.

use crate::client::Client;
use crate::complaints::Listening;
use crate::error::SubscribeError;
use crate::mailbox::{LimitOptions, SlowConsumerPolicy};
use crate::shared::Validation;
use crate::subscriber::{Handled, Sharing, Subscriber};
use crate::sync::Arc;
use core::future::Future;
use midge_proto::{Interest, Message, ServerError, Subject, check_queue_group};

/// A subscription that is about to be made.
#[derive(Debug)]
#[must_use = "a subscription is made by `open` or `confirmed`"]
pub struct SubscribeBuilder {
    client: Client,
    subject: Subject,
    queue: Option<String>,
    max: Option<u64>,
    limits: LimitOptions,
    sharing: Sharing,
}

impl SubscribeBuilder {
    pub(crate) fn new(client: Client, subject: Subject) -> Self {
        let limits = client.shared().settings.subscription;
        Self { client, subject, queue: None, max: None, limits, sharing: Sharing::Alone }
    }

    /// Joins a queue group: each message goes to one of its members.
    pub fn queue_group(mut self, name: impl Into<String>) -> Self {
        self.queue = Some(name.into());
        self
    }

    /// Ends the subscription after so many messages.
    pub fn limit(mut self, messages: u64) -> Self {
        self.max = Some(messages);
        self
    }

    /// How many messages may wait before the policy decides. Default 65,536; with
    /// [`BackPressure`](SlowConsumerPolicy::BackPressure) 16,384, for nothing is lost there. At least
    /// 1; `usize::MAX` for no limit.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.limits.messages = Some(messages.max(1));
        self
    }

    /// How many bytes may wait before the policy decides. Default 64 MiB; `usize::MAX` for no limit.
    pub fn capacity_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes.max(1);
        self
    }

    /// What happens to a message for which there is no room.
    pub fn slow_consumer(mut self, policy: SlowConsumerPolicy) -> Self {
        self.limits.policy = policy;
        self
    }

    /// Shares one `SUB` among all subscriptions of this client that are made so, with the same
    /// subject and queue group: each message crosses the network once.
    ///
    /// Each subscriber has its own queue, limits, policy and end. Without a group each gets every
    /// message. In a queue group each message goes to one of them in turn, and together they count
    /// as one member for the server: three that share get the share of one. A
    /// [`limit`](Self::limit) is counted for each alone, by this client. Unsubscribing, draining or
    /// dropping one leaves the others alone; the last one ends the `SUB`. A refusal of the server
    /// ends all. After a reconnect there is one `SUB` again, and each goes on with its count.
    pub fn shared(mut self) -> Self {
        self.sharing = Sharing::Shared;
        self
    }

    /// Makes the subscription: its `SUB` is in line behind everything this client did before.
    ///
    /// # Errors
    ///
    /// The subject is no valid filter, the queue group is invalid, or the client is draining or
    /// closed.
    pub fn open(self) -> Result<Subscriber, SubscribeError> {
        match self.client.shared().settings.validation {
            Validation::Full => self.subject.check_subscribe()?,
            Validation::Minimal => self.subject.check_framing()?,
        }
        if let Some(queue) = &self.queue {
            check_queue_group(queue)?;
        }
        let handle = Arc::clone(&self.client.handle);
        let interest = Interest::new(self.subject, self.queue.as_deref());
        Ok(Subscriber::open(handle, interest, self.limits.limits(), self.sharing, self.max)?)
    }

    /// Makes the subscription and returns a future that calls `callback` with each of its messages,
    /// one after the other: to be spawned or awaited. See [`Subscriber::handle`].
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn handle<F, H>(
        self,
        callback: F,
    ) -> Result<impl Future<Output = Handled> + use<F, H>, SubscribeError>
    where
        F: FnMut(Message) -> H,
        H: Future<Output = ()>,
    {
        Ok(self.open()?.handle(callback))
    }

    /// Makes the subscription and returns once the server has it: whatever anybody publishes from
    /// then on is received.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`SubscribeError::Server`] when the server refused it, for example
    /// for want of permission; [`SubscribeError::Unconfirmed`] when there is no connection, or it
    /// was lost before the answer.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription.
    pub async fn confirmed(self) -> Result<Subscriber, SubscribeError> {
        let client = self.client.clone();
        let listening = Listening::begin(client.shared());
        let subscriber = self.open()?;
        client.fence().await.map_err(|_| SubscribeError::Unconfirmed)?;
        let refusal = listening.heard().into_iter().find(|complaint| match complaint {
            ServerError::SubscribePermission { subject, queue, .. } => {
                **subject == *subscriber.subject().as_str()
                    && queue.as_deref() == subscriber.queue_group()
            }
            // These do not say which subscription they mean; this one is among those it can be.
            ServerError::InvalidSubject { .. } | ServerError::MaxSubscriptions { .. } => true,
            _ => false,
        });
        refusal.map_or(Ok(subscriber), |error| Err(SubscribeError::Server(error)))
    }
}
