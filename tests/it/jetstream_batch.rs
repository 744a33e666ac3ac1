//! Batches that a stream stores together or not at all.

use crate::jetstream_support::{Stage, config, stage};
use crate::support::{connect, connect_to, quick, state, within};
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::jetstream::context::Publish;
use midge_tokio::jetstream::publish::{BatchPublish, BatchPublishErrorKind};
use midge_tokio::jetstream::stream::{Config, Stream};
use midge_tokio::jetstream::{Context, ContextBuilder, ErrorCode};
use midge_tokio::{OutboundMessage, State};

async fn batches(jetstream: &Context) -> Stream {
    let config = Config { allow_atomic_publish: true, ..config("S", &["s.>"]) };
    within("a stream", jetstream.create_stream(config)).await.unwrap()
}

async fn stored(stream: &Stream) -> u64 {
    within("a look", stream.get_info()).await.unwrap().state.messages
}

async fn add(batch: &mut BatchPublish, subject: &'static str) {
    within("an add", batch.add(subject, "x".into())).await.unwrap();
}

fn messages(count: usize) -> Vec<OutboundMessage> {
    let message = |number: usize| OutboundMessage {
        subject: format!("s.{number}").into(),
        reply: None,
        payload: "x".into(),
        headers: None,
    };
    (0..count).map(message).collect()
}

#[tokio::test]
async fn a_batch_is_stored_when_it_is_committed_and_not_before() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batches(&jetstream).await;
    let mut batch = jetstream.batch_publish().build();
    add(&mut batch, "s.a").await;
    add(&mut batch, "s.b").await;
    batch.add_publish("s.c", Publish::build().header("Colour", "red")).await.unwrap();
    assert_eq!(batch.size(), 3);
    assert_eq!(stored(&stream).await, 0);
    let id = batch.id().unwrap().to_string();
    let ack = within("a commit", batch.commit("s.d", "last".into())).await.unwrap();
    assert_eq!((&*ack.stream, ack.sequence), ("S", 4));
    assert_eq!((ack.batch_id, ack.batch_size), (Some(id), Some(4)));
    assert_eq!(stored(&stream).await, 4);
    let message = stream.get_raw_message(3).await.unwrap();
    assert_eq!(message.headers.get("Colour").unwrap().as_str(), "red");
}

#[tokio::test]
async fn a_batch_that_is_discarded_leaves_nothing() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batches(&jetstream).await;
    let mut batch = jetstream.batch_publish().ack_every(1).build();
    add(&mut batch, "s.a").await;
    batch.discard();
    let alone = jetstream.batch_publish().build();
    let ack = within("a commit", alone.commit("s.b", "x".into())).await.unwrap();
    assert_eq!((ack.sequence, ack.batch_size), (1, Some(1)));
    assert_eq!(stored(&stream).await, 1);
}

#[tokio::test]
async fn a_batch_ends_without_a_further_message() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batches(&jetstream).await;
    let mut batch = jetstream.batch_publish().max_messages(2).build();
    add(&mut batch, "s.a").await;
    add(&mut batch, "s.b").await;
    let ack = within("a commit", batch.commit_eob()).await.unwrap();
    assert_eq!((ack.sequence, ack.batch_size), (2, Some(2)));
    assert_eq!(stored(&stream).await, 2);
    let empty = jetstream.batch_publish().build().commit_eob().await.unwrap_err();
    assert_eq!(empty.kind(), BatchPublishErrorKind::Empty);
}

#[tokio::test]
async fn all_messages_of_an_iterator_or_a_stream_are_one_batch() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batches(&jetstream).await;
    let batch = jetstream.batch_publish().ack_every(10);
    let ack = within("a batch", batch.clone().publish_all(messages(25))).await.unwrap();
    assert_eq!((ack.sequence, ack.batch_size), (25, Some(25)));
    let source = futures_util::stream::iter(messages(3));
    let ack = within("a batch", batch.clone().publish_stream(source)).await.unwrap();
    assert_eq!((ack.sequence, ack.batch_size), (28, Some(3)));
    let none = batch.publish_all([]).await.unwrap_err();
    assert_eq!((none.kind(), none.message()), (BatchPublishErrorKind::Empty, 0));
    assert_eq!(stored(&stream).await, 28);
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_refused_and_not_split() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batches(&jetstream).await;
    let batch = jetstream.batch_publish();
    let error = within("a batch", batch.clone().publish_all(messages(1001))).await.unwrap_err();
    assert_eq!(error.kind(), BatchPublishErrorKind::TooManyMessages);
    assert_eq!(error.message(), 1001);
    // The same if it comes out in the middle.
    let unsized_iterator = messages(1001).into_iter().filter(|_| true);
    let error = within("a batch", batch.clone().publish_all(unsized_iterator)).await.unwrap_err();
    assert_eq!(error.kind(), BatchPublishErrorKind::TooManyMessages);
    // A server that allows less than was thought says so.
    let bold = batch.clone().max_messages(2000).ack_every(500);
    let error = within("a batch", bold.publish_all(messages(1200))).await.unwrap_err();
    assert_eq!(error.error_code(), Some(ErrorCode::ATOMIC_PUBLISH_TOO_LARGE_BATCH));
    assert_eq!(stored(&stream).await, 0);
    let ack = within("a batch", batch.publish_all(messages(1000))).await.unwrap();
    assert_eq!(ack.batch_size, Some(1000));
}

#[tokio::test]
async fn an_error_tells_its_number_and_the_message_it_came_out_at() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    within("a stream", jetstream.create_stream(config("T", &["t"]))).await.unwrap();
    let mut off = jetstream.batch_publish().build();
    let error = within("an add", off.add("t", "x".into())).await.unwrap_err();
    assert_eq!(error.kind(), BatchPublishErrorKind::BatchPublishNotEnabled);
    let code = error.as_jetstream().map(|error| (error.code(), error.error_code()));
    assert_eq!(code, Some((400, ErrorCode::ATOMIC_PUBLISH_DISABLED)));
    assert_eq!(error.message(), 1);
    assert_eq!(error.call_error().subject().unwrap(), "t");
    let over = off.add("t", "x".into()).await.unwrap_err();
    assert_eq!(over.kind(), BatchPublishErrorKind::Closed);
    assert_eq!(over.call_error().subject().unwrap(), "t");

    let stream = batches(&jetstream).await;
    let mut batch = jetstream.batch_publish().ack_first(false).build();
    add(&mut batch, "s.a").await;
    let last = Publish::build().expected_last_subject_sequence(7);
    let error = within("a commit", batch.commit_publish("s.b", last)).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (BatchPublishErrorKind::WrongLastSequence, 2));
    let text = error.to_string();
    assert!(text.contains("at message 2: ") && text.contains("10071"), "{text}");
    assert_eq!(stored(&stream).await, 0);

    let mut nowhere = jetstream.batch_publish().build();
    let error = within("an add", nowhere.add("nowhere", "x".into())).await.unwrap_err();
    assert_eq!(error.kind(), BatchPublishErrorKind::StreamNotFound);
}

#[tokio::test]
async fn no_answer_is_waited_for_without_end() {
    let Stage { server: _server, client, jetstream } = stage().await;
    let mut silent = client.subscription("silent").confirmed().await.unwrap();
    let builder = jetstream.batch_publish().timeout(Duration::from_millis(50));
    let mut batch = builder.build();
    let error = within("a timeout", batch.add("silent", "x".into())).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (BatchPublishErrorKind::TimedOut, 1));
    assert!(batch.is_closed());
    assert!(silent.next().await.is_some());
}

#[tokio::test]
async fn a_lost_connection_ends_the_batch() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let stream = batches(&ContextBuilder::new().build(connect(&server).await)).await;
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let jetstream = ContextBuilder::new().build(client.clone());
    let mut batch = jetstream.batch_publish().build();
    add(&mut batch, "s.a").await;
    let mut changes = client.state_changes(&[State::Disconnected]);
    proxy.cut();
    within("the loss", futures_util::StreamExt::next(&mut changes)).await.unwrap();
    state(&client, State::Connected).await;
    let error = within("an add", batch.add("s.b", "x".into())).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (BatchPublishErrorKind::Disconnected, 2));
    assert_eq!(error.call_error().subject().unwrap(), "s.b");

    // The same while an answer is waited for.
    let commit = async {
        let mut batch = jetstream.batch_publish().build();
        add(&mut batch, "s.a").await;
        proxy.stall(Direction::ToClient);
        let cut = async {
            within("the commit on its way", async { client.flush().await.unwrap() }).await;
            proxy.cut();
            proxy.resume(Direction::ToClient);
        };
        tokio::join!(batch.commit("s.b", "x".into()), cut).0
    };
    let error = within("a commit", commit).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (BatchPublishErrorKind::Disconnected, 2));
    assert!(stored(&stream).await != 1, "both or none");
}

#[tokio::test]
async fn more_open_batches_than_the_server_allows_are_an_error_that_passes() {
    let limits = "limits { batch { max_inflight_per_stream: 1 } }";
    let server = NatsServer::builder().jetstream_config(limits).start().unwrap();
    let jetstream = ContextBuilder::new().build(connect(&server).await);
    batches(&jetstream).await;
    let mut first = jetstream.batch_publish().build();
    add(&mut first, "s.a").await;
    let mut second = jetstream.batch_publish().build();
    let error = within("an add", second.add("s.b", "x".into())).await.unwrap_err();
    assert_eq!(error.error_code(), Some(ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT));
    assert!(error.call_error().is_retryable());
    within("a commit", first.commit("s.c", "x".into())).await.unwrap();
}
