//! Publishing into streams.

use super::Context;
use crate::HeaderMap;
use crate::jetstream::error::{CallError, Fault};
use crate::jetstream::publish::{
    BatchPublishBuilder, FastPublishBuilder, PublishAckFuture, PublishError, Publisher,
};
use crate::shared::{Core, RequestParts};
use crate::sync::Arc;
use bytes::Bytes;
use midge_proto::jetstream::message::PublishMessage;
use midge_proto::{OnDisconnect, OutboundMessage, Refusal, RequestId, ToSubject};

impl Context {
    /// Publishes `payload` on a subject of a stream.
    ///
    /// Returns when the message is on its way, as [`Client::publish`](crate::Client::publish) does;
    /// the future in the result is the acknowledgement of the stream. If as many messages as allowed
    /// ([`ContextBuilder::max_ack_inflight`](super::ContextBuilder::max_ack_inflight)) wait for
    /// theirs, waits for room.
    ///
    /// # Errors
    ///
    /// As [`Client::publish`](crate::Client::publish); and
    /// [`PublishErrorKind::MaxAckPending`](super::PublishErrorKind::MaxAckPending) if waiting for
    /// room was switched off.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent nothing.
    pub async fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<PublishAckFuture, PublishError> {
        self.publish_to_stream(outbound(subject, None, payload)).await
    }

    /// As [`publish`](Self::publish), with headers.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); and when a header is none.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent nothing.
    pub async fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<PublishAckFuture, PublishError> {
        self.publish_to_stream(outbound(subject, Some(headers), payload)).await
    }

    /// As [`publish`](Self::publish), with everything that a stream can be told about a message.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); and what no stream would take (a lifetime below a second, a
    /// schedule that is none, a wrong header) or the server does not know, before anything is sent.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent nothing.
    pub async fn send_publish<S: ToSubject>(
        &self,
        subject: S,
        publish: PublishMessage,
    ) -> Result<PublishAckFuture, PublishError> {
        if let Some(requirement) = publish.requirement() {
            self.check_level(requirement).await?;
        }
        self.publish_to_stream(publish.try_outbound_message(subject)?).await
    }

    /// Waits until every message published so far has its acknowledgement, or none will come.
    ///
    /// A message that nobody takes in (no responders) has its answer with that. It is published again
    /// only where somebody polls its [`PublishAckFuture`], and so is not waited for here meanwhile: to
    /// wait for all that is published again, await those futures, or
    /// [`Publisher::finish`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn wait_for_acks(&self) {
        self.inner.window.idle().await;
    }

    /// Messages that wait for their acknowledgements.
    #[must_use]
    pub fn acks_in_flight(&self) -> usize {
        self.inner.window.messages()
    }

    /// Publishes many messages through a window, and collects what failed.
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.clone())
    }

    /// Publishes messages that a stream stores together or not at all (2.12); see
    /// [`BatchPublish`](crate::jetstream::publish::BatchPublish).
    pub fn batch_publish(&self) -> BatchPublishBuilder {
        BatchPublishBuilder::new(self.clone())
    }

    /// Publishes messages as fast as the stream stores them, with flow control in place of an answer
    /// to each (2.14); see [`FastPublisher`](crate::jetstream::publish::FastPublisher).
    pub fn fast_publish(&self) -> FastPublishBuilder {
        FastPublishBuilder::new(self.clone())
    }

    pub(in crate::jetstream) async fn publish_to_stream(
        &self,
        message: OutboundMessage,
    ) -> Result<PublishAckFuture, PublishError> {
        let begun = self.send_to_stream(&message, |parts, core| {
            let begun = parts.begin(core)?;
            Ok((begun.id, begun.reply))
        });
        let reply = begun.await?;
        Ok(PublishAckFuture::new(Arc::clone(&self.inner), message, reply))
    }

    /// Publishes by `begin` when there is a place in the window, which is given up with the reply.
    pub(in crate::jetstream) async fn send_to_stream<T>(
        &self,
        message: &OutboundMessage,
        mut begin: impl FnMut(RequestParts<'_>, &mut Core) -> Result<(RequestId, T), Refusal>,
    ) -> Result<T, PublishError> {
        let failed = |fault: Fault| CallError::new(Some(message.subject.clone()), fault);
        let entered = self.inner.window.enter(size_of(message)).await;
        let mut place = Some(entered.map_err(|waiting| failed(Fault::WindowFull(waiting)))?);
        let begun = self.inner.publish_parts(message).begin_in_line(
            self.inner.client.shared(),
            |parts, core| {
                let (id, begun) = begin(parts, core)?;
                if let Some(waiter) = core.requests.waiter_mut(id) {
                    waiter.place = place.take();
                }
                Ok(begun)
            },
        );
        begun.await.map_err(|error| failed(Fault::Request(error.into())))
    }
}

impl super::Inner {
    /// How a message is published, the first time and again.
    ///
    /// A stream takes a message with an id once, however often it comes: so it may be sent again
    /// when the connection is lost before the acknowledgement.
    pub(in crate::jetstream) fn publish_parts<'a>(
        &self,
        message: &'a OutboundMessage,
    ) -> RequestParts<'a> {
        let has_id = message.message_id().is_some();
        RequestParts {
            subject: &message.subject,
            headers: message.headers.as_ref(),
            payload: &message.payload,
            timeout: Some(self.ack_timeout),
            on_disconnect: if has_id { OnDisconnect::Resend } else { OnDisconnect::Wait },
        }
    }
}

pub(in crate::jetstream) fn outbound<S: ToSubject>(
    subject: S,
    headers: Option<HeaderMap>,
    payload: Bytes,
) -> OutboundMessage {
    let headers = headers.filter(|headers| !headers.is_empty());
    OutboundMessage { subject: subject.into_subject(), reply: None, payload, headers }
}

/// Bytes that a message is counted with.
pub(in crate::jetstream) fn size_of(message: &OutboundMessage) -> usize {
    let headers = message.headers.as_ref().map_or(0, HeaderMap::encoded_len);
    message.subject.len() + headers + message.payload.len()
}
