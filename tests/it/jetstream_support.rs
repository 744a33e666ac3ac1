//! What tests of JetStream need: a server with it, streams, and errors by their numbers.

use crate::support::{connect, within};
use midge_test_server::NatsServer;
use midge_tokio::Client;
use midge_tokio::jetstream::{self, CallError, Context, ErrorCode, stream};

pub(crate) struct Stage {
    pub(crate) server: NatsServer,
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
}

pub(crate) async fn stage() -> Stage {
    stage_with("").await
}

pub(crate) async fn stage_with(config: &str) -> Stage {
    let server = NatsServer::builder().jetstream().config(config).start().unwrap();
    let client = connect(&server).await;
    let jetstream = jetstream::new(client.clone());
    Stage { server, client, jetstream }
}

pub(crate) fn config(name: &str, subjects: &[&str]) -> stream::Config {
    stream::Config {
        name: name.into(),
        subjects: subjects.iter().map(ToString::to_string).collect(),
        storage: stream::StorageType::Memory,
        ..Default::default()
    }
}

pub(crate) async fn stream(jetstream: &Context, name: &str, subjects: &[&str]) -> stream::Stream {
    within("a stream", jetstream.create_stream(config(name, subjects))).await.unwrap()
}

/// Publishes and waits for the acknowledgement; returns the sequence.
pub(crate) async fn put(jetstream: &Context, subject: &str, payload: &str) -> u64 {
    let payload = payload.to_owned().into();
    let ack = within("a publish", jetstream.publish(subject.to_owned(), payload)).await.unwrap();
    within("an ack", ack).await.unwrap().sequence
}

#[track_caller]
pub(crate) fn code<T: core::fmt::Debug, K>(result: Result<T, CallError<K>>) -> ErrorCode {
    match result {
        Err(error) => match error.error_code() {
            Some(code) => code,
            None => panic!("not an error of JetStream: {error}"),
        },
        Ok(value) => panic!("an error expected: {value:?}"),
    }
}
