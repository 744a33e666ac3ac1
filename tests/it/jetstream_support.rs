//! What tests of JetStream need: a server with it, streams, and errors by their numbers.

use crate::support::{connect, within};
use futures_util::{StreamExt, TryStreamExt};
use midge_test_server::NatsServer;
use midge_tokio::Client;
use midge_tokio::jetstream::consumer::MessagesError;
use midge_tokio::jetstream::{self, CallError, Context, ErrorCode, Message, stream};

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

/// Publishes messages to `s`, each with its sequence as its payload.
pub(crate) async fn fill(jetstream: &Context, from: u64, to: u64) {
    let mut publisher = jetstream.publisher();
    for number in from..=to {
        publisher.publish("s", number.to_string().into()).await.unwrap();
    }
    within("the acknowledgements", publisher.finish()).await.unwrap();
}

/// The sequence of a message of [`fill`].
#[track_caller]
pub(crate) fn sequence(message: &Message) -> u64 {
    let sequence = message.info().unwrap().stream_sequence;
    assert_eq!(message.payload, sequence.to_string());
    sequence
}

/// Reads messages up to this sequence, each of which has to be the successor of the one before.
pub(crate) async fn read_in_order<S>(messages: &mut S, from: u64, to: u64)
where
    S: futures_util::Stream<Item = Result<Message, MessagesError>> + Unpin,
{
    for expected in from..=to {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(sequence(&message), expected);
    }
}

/// The names of all consumers of a stream.
pub(crate) async fn consumers<T>(stream: &stream::Stream<T>) -> Vec<String> {
    within("the consumers", stream.consumer_names().try_collect()).await.unwrap()
}

/// Waits until the stream has no consumers.
pub(crate) async fn no_consumers<T>(stream: &stream::Stream<T>) {
    within("the end of all consumers", async { while !consumers(stream).await.is_empty() {} })
        .await;
}
