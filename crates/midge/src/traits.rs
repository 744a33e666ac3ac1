use crate::client::Client;
use crate::error::{PublishError, RequestError, SubscribeError};
use crate::request::Request;
use crate::shared::wake;
use bytes::Bytes;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures_sink::Sink;
use midge_proto::{Message, OutboundMessage, ToSubject};

/// What can publish.
pub trait Publisher {
    /// Publishes with a reply subject.
    fn publish_with_reply<S, R>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>>
    where
        S: ToSubject,
        R: ToSubject;

    /// Publishes a message as one value.
    fn publish_message(
        &self,
        msg: OutboundMessage,
    ) -> impl Future<Output = Result<(), PublishError>>;
}

/// What can subscribe.
pub trait Subscriber {
    /// Subscribes to a subject.
    fn subscribe<S>(
        &self,
        subject: S,
    ) -> impl Future<Output = Result<crate::Subscriber, SubscribeError>>
    where
        S: ToSubject;
}

/// What can send requests.
pub trait Requester {
    /// Sends a request and waits for the reply.
    fn send_request<S>(
        &self,
        subject: S,
        request: Request,
    ) -> impl Future<Output = Result<Message, RequestError>>
    where
        S: ToSubject;
}

/// What has a default for how long a request waits.
pub trait TimeoutProvider {
    /// The default; `None` for ever.
    fn timeout(&self) -> Option<Duration>;
}

impl Publisher for Client {
    fn publish_with_reply<S, R>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>>
    where
        S: ToSubject,
        R: ToSubject,
    {
        Self::publish_with_reply(self, subject, reply, payload)
    }

    async fn publish_message(&self, msg: OutboundMessage) -> Result<(), PublishError> {
        Self::publish_message(self, msg).await
    }
}

impl Subscriber for Client {
    fn subscribe<S>(
        &self,
        subject: S,
    ) -> impl Future<Output = Result<crate::Subscriber, SubscribeError>>
    where
        S: ToSubject,
    {
        Self::subscribe(self, subject)
    }
}

impl Requester for Client {
    fn send_request<S: ToSubject>(
        &self,
        subject: S,
        request: Request,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        Self::send_request(self, subject, request)
    }
}

impl TimeoutProvider for Client {
    fn timeout(&self) -> Option<Duration> {
        Self::timeout(self)
    }
}

/// Messages sent into a client are published; `flush` waits until the socket has them.
///
/// Between `poll_ready` and `start_send` another handle may use the room up; the message then goes
/// over the mark instead of being refused.
impl Sink<OutboundMessage> for Client {
    type Error = PublishError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let mut core = self.shared().core.lock();
        if core.outbox.has_room() {
            return Poll::Ready(Ok(()));
        }
        core.wait_for_room(cx.waker());
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, msg: OutboundMessage) -> Result<(), Self::Error> {
        let OutboundMessage { subject, reply, payload, headers } = msg;
        crate::publish::publish_over(
            self.shared(),
            &subject,
            reply.as_ref(),
            headers.as_ref(),
            &payload,
        )
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let mut core = self.shared().core.lock();
        // First: what a closed client has not written is not in its queue any more.
        if core.outbox.intake() == midge_proto::Intake::Closed {
            return Poll::Ready(Err(midge_proto::Refusal::Closed.into()));
        }
        if core.is_written() {
            return Poll::Ready(Ok(()));
        }
        core.wait_for_room(cx.waker());
        let driver = core.unpark_at_once();
        drop(core);
        wake(driver);
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_flush(cx)
    }
}
