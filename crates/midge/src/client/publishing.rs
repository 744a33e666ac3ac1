//! Publishing and answering.

use super::Client;
use crate::complaints::Listening;
use crate::error::{FlushError, PublishError};
use crate::publish::{self, Extra, Plain, PublishFuture};
use bytes::Bytes;
use midge_proto::{HeaderMap, Message, OutboundMessage, ServerError, ToSubject};

impl Client {
    /// Publishes `payload` on `subject`.
    ///
    /// Returns once the message is accepted: it is in line to be written, behind everything that was
    /// accepted before, and it will be written unless the connection is lost first, in which case it
    /// goes out on the next one. [`sync`](Self::sync) proves that the server has it. While
    /// connected, waits for room when more than the high-water mark (1 MiB by default) waits to be
    /// written; while not connected, up to 8 MiB are kept, or what a
    /// [`BufferPolicy`](crate::BufferPolicy) says.
    ///
    /// What is accepted is written at once, but for one case: after 256 KiB without a rest, messages
    /// that are less than a decent write wait for more, for 1 ms at most: 32 KiB, or a whole write of
    /// 384 KiB where publishers are ahead of the socket. They do not wait where
    /// anybody does: behind them a message with a reply subject, a [`flush`](Self::flush), a
    /// [`sync`](Self::sync) or a subscription sends them off.
    ///
    /// # Errors
    ///
    /// The subject is invalid, the message is larger than the server takes, the buffer for times
    /// without a connection is full, or the client is draining or closed. Nothing was sent then.
    ///
    /// # Cancel safety
    ///
    /// The message is accepted in the poll that returns `Ok`: a dropped future has sent nothing. One
    /// that waits for room has its place in line: kept and not polled, it holds up all behind it.
    pub fn publish<S: ToSubject>(&self, subject: S, payload: Bytes) -> PublishFuture<'_, Plain> {
        let subject = subject.into_subject();
        PublishFuture::new(self.shared(), subject, payload, Plain)
    }

    /// Publishes with headers; an empty map is sent as none.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); and when a header is invalid or the server takes none.
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> PublishFuture<'_> {
        let subject = subject.into_subject();
        let extra = Extra { reply: None, headers: Some(headers) };
        PublishFuture::new(self.shared(), subject, payload, extra)
    }

    /// Publishes with a reply subject, to which the caller listens by itself.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> PublishFuture<'_> {
        let (subject, reply) = (subject.into_subject(), Some(reply.into_subject()));
        let extra = Extra { reply, headers: None };
        PublishFuture::new(self.shared(), subject, payload, extra)
    }

    /// Publishes with a reply subject and headers.
    ///
    /// # Errors
    ///
    /// As [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_with_reply_and_headers<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: HeaderMap,
        payload: Bytes,
    ) -> PublishFuture<'_> {
        let (subject, reply) = (subject.into_subject(), Some(reply.into_subject()));
        let extra = Extra { reply, headers: Some(headers) };
        PublishFuture::new(self.shared(), subject, payload, extra)
    }

    /// Publishes a message as one value; a received one can be sent on by `.into()`.
    ///
    /// # Errors
    ///
    /// As [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_message(&self, message: OutboundMessage) -> PublishFuture<'_> {
        let OutboundMessage { subject, reply, payload, headers } = message;
        PublishFuture::new(self.shared(), subject, payload, Extra { reply, headers })
    }

    /// Publishes now or not at all.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and [`Refusal::Full`](midge_proto::Refusal::Full) where that
    /// would wait.
    pub fn try_publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        publish::try_publish(self.shared(), &subject.into_subject(), None, None, &payload)
    }

    /// Publishes, and returns once the server has processed the message.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); [`PublishError::Server`] when the server refused it, for
    /// example for want of permission; and a refusal as
    /// [`Disconnected`](midge_proto::Refusal::Disconnected) when the connection was lost before the
    /// answer, in which case the message may or may not have arrived.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have published.
    pub async fn publish_confirmed<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let subject = subject.to_subject();
        let listening = Listening::begin(self.shared());
        self.publish(subject.clone(), payload).await?;
        self.fence().await.map_err(|error| match error {
            FlushError::Closed => midge_proto::Refusal::Closed,
            FlushError::Disconnected | FlushError::TimedOut(_) => {
                midge_proto::Refusal::Disconnected
            }
        })?;
        let denial = listening.heard().into_iter().find(|complaint| match complaint {
            ServerError::PublishPermission { subject: denied, .. } => **denied == *subject.as_str(),
            _ => false,
        });
        denial.map_or(Ok(()), |error| Err(PublishError::Server(error)))
    }

    /// Publishes `payload` on the reply subject of a message.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); [`PublishError::NoReply`] when the message has no reply subject.
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub async fn respond(&self, to: &Message, payload: Bytes) -> Result<(), PublishError> {
        let reply = to.reply.clone().ok_or(PublishError::NoReply)?;
        PublishFuture::new(self.shared(), reply, payload, Plain).await
    }

    /// As [`respond`](Self::respond), with headers.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond) and [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub async fn respond_with_headers(
        &self,
        to: &Message,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let reply = to.reply.clone().ok_or(PublishError::NoReply)?;
        let extra = Extra { reply: None, headers: Some(headers) };
        PublishFuture::new(self.shared(), reply, payload, extra).await
    }
}
