//! Replies to what is not asked by `request`, over the subscription that requests share.

use crate::client::Client;
use crate::error::RequestError;
use crate::shared::{Reply, wake};
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::{Message, OnDisconnect, RequestId, Subject};

/// A subject for one reply, made by [`Client::new_reply_inbox`], and the wait for it.
///
/// It needs no subscription of its own. Dropping it forgets it; a reply that comes then is ignored.
#[derive(Debug)]
#[must_use = "a reply is taken by `reply`"]
pub struct ReplyInbox {
    client: Client,
    id: RequestId,
    subject: Subject,
    timeout: Option<Duration>,
    reply: oneshot::Receiver<Reply>,
}

impl Client {
    /// A subject for one reply to whatever the caller publishes with it as the reply subject, such
    /// as one question on several subjects. The first message on it is the reply.
    ///
    /// The wait is over after `timeout`, `None` is for ever, which counts from here.
    ///
    /// # Errors
    ///
    /// When the client is draining or closed.
    ///
    /// ```no_run
    /// # async fn example(client: midge::Client) -> Result<(), midge::Error> {
    /// let mut inbox = client.new_reply_inbox(Some(core::time::Duration::from_secs(1)))?;
    /// for subject in ["eu.price", "us.price"] {
    ///     client.publish_with_reply(subject, inbox.subject().clone(), "apples".into()).await?;
    /// }
    /// let first = inbox.reply().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new_reply_inbox(&self, timeout: Option<Duration>) -> Result<ReplyInbox, RequestError> {
        let (sender, reply) = oneshot::channel();
        let (opened, driver) = {
            let mut core = self.shared().core.lock();
            let opened = core.await_reply(sender, timeout, OnDisconnect::Wait);
            (opened, core.unpark_at_once())
        };
        wake(driver);
        let (id, subject) = opened
            .map_err(|refusal| RequestError::Publish(crate::PublishError::Refused(refusal)))?;
        Ok(ReplyInbox { client: self.clone(), id, subject, timeout, reply })
    }
}

impl ReplyInbox {
    /// What to name as the reply subject.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Waits for the reply.
    ///
    /// # Errors
    ///
    /// No reply came in time, nobody listens on the subject that was published to, or the client was
    /// closed. [`RequestError::Closed`] also when the reply was taken already.
    ///
    /// # Cancel safety
    ///
    /// Safe: the inbox goes on, and a later call may get the reply.
    pub async fn reply(&mut self) -> Result<Message, RequestError> {
        match (&mut self.reply).await {
            Ok(Ok(message)) => crate::request::unless_nobody_listens(message),
            Ok(Err(failure)) => Err(failure.into_error(self.timeout)),
            Err(_) => Err(RequestError::Closed),
        }
    }
}

impl Drop for ReplyInbox {
    fn drop(&mut self) {
        // Dropped behind the lock: it may wake somebody.
        let _gone = self.client.shared().core.lock().requests.cancel(self.id);
    }
}
