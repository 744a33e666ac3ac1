mod fetch;
mod model;
mod ordered;
mod pull;
mod push;

use crate::jetstream::test_messages::{answer, status_with};
use crate::message::Message;
use crate::server_error::ServerError;
use crate::time::Instant;
use alloc::format;
use core::time::Duration;

/// So many seconds after the beginning.
fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// A message of the stream, 10 bytes long.
fn delivery(consumer: &str, stream_sequence: u64, consumer_sequence: u64) -> Message {
    let reply = format!("$JS.ACK.S.{consumer}.1.{stream_sequence}.{consumer_sequence}.0.0");
    Message {
        subject: "orders".into(),
        reply: Some(reply.as_str().into()),
        length: 10,
        ..answer("x")
    }
}

/// A status that answers the pull with this token.
fn status_to(token: u64, code: u16, text: &str, left: Option<(i64, i64)>) -> Message {
    let (messages, bytes) = left.unwrap_or_default();
    let (messages, bytes) = (format!("{messages}"), format!("{bytes}"));
    let headers = [("Nats-Pending-Messages", &*messages), ("Nats-Pending-Bytes", &*bytes)];
    let headers: &[(&str, &str)] = if left.is_some() { &headers } else { &[] };
    let subject = format!("_INBOX.x.{token}");
    Message { subject: subject.as_str().into(), ..status_with(code, Some(text), headers) }
}

/// The server does not let this user publish.
fn denial() -> ServerError {
    ServerError::parse(br#"'Permissions Violation for Publish to "$JS.API.CONSUMER.MSG.NEXT.S.C"'"#)
}
