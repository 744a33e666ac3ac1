//! What a [`Context`] can do, for code that is generic over it.

use super::{Context, PublishAckFuture, PublishError};
use crate::Client;
use bytes::Bytes;
use core::future::Future;
use core::time::Duration;
use midge_proto::{OutboundMessage, ToSubject};

/// What can publish into streams.
pub trait Publisher {
    /// Publishes; see [`Context::publish`].
    fn publish<S>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>>
    where
        S: ToSubject;

    /// Publishes a message as one value. A reply subject in it is not used.
    fn publish_message(
        &self,
        message: OutboundMessage,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>>;
}

/// What has a client.
pub trait ClientProvider {
    /// The client.
    fn client(&self) -> Client;
}

/// What has a time for each call.
pub trait TimeoutProvider {
    /// The time.
    fn timeout(&self) -> Duration;
}

impl Publisher for Context {
    fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        Self::publish(self, subject, payload)
    }

    fn publish_message(
        &self,
        message: OutboundMessage,
    ) -> impl Future<Output = Result<PublishAckFuture, PublishError>> {
        self.publish_to_stream(OutboundMessage { reply: None, ..message })
    }
}

impl ClientProvider for Context {
    fn client(&self) -> Client {
        Self::client(self)
    }
}

impl TimeoutProvider for Context {
    fn timeout(&self) -> Duration {
        Self::timeout(self)
    }
}
