//! Messages that a stream stores as fast as it can.

use crate::jetstream_support::{Stage, config, stage};
use crate::support::{assert_contains, connect, connect_to, quick, within};
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::jetstream::context::{Publish, PublishErrorKind};
use midge_tokio::jetstream::publish::{FastPublisher, GapMode, IngestEvent};
use midge_tokio::jetstream::stream::{Config, Stream};
use midge_tokio::jetstream::{Context, ContextBuilder, ErrorCode};

async fn batched(jetstream: &Context) -> Stream {
    let config = Config { allow_batch_publish: true, ..config("S", &["s.>"]) };
    within("a stream", jetstream.create_stream(config)).await.unwrap()
}

async fn add(publisher: &mut FastPublisher, number: u64) {
    let added = publisher.add("s.a", number.to_string().into());
    assert_eq!(within("an add", added).await.unwrap(), number);
}

/// The numbers that are stored, in order.
async fn stored(stream: &Stream) -> Vec<u64> {
    let count = stream.get_info().await.unwrap().state.last_sequence;
    let mut numbers = Vec::new();
    for sequence in 1..=count {
        let message = stream.get_raw_message(sequence).await.unwrap();
        numbers.push(core::str::from_utf8(&message.payload).unwrap().parse().unwrap());
    }
    numbers
}

#[tokio::test]
async fn messages_are_stored_in_order_and_counted() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batched(&jetstream).await;
    let mut publisher = jetstream.fast_publish().flow(10).open().await.unwrap();
    for number in 0..250 {
        add(&mut publisher, number).await;
    }
    assert!(publisher.waiting() <= 20, "two answers of ten messages each");
    let ack = Publish::build().message_id("last").payload("250".into());
    assert_eq!(within("an add", publisher.add_publish("s.b", ack)).await.unwrap(), 250);
    assert_eq!(within("the end", publisher.finish()).await.unwrap(), 251);
    assert!(stored(&stream).await.into_iter().eq(0..=250));
    let last = stream.get_last_raw_message_by_subject("s.b").await.unwrap();
    assert_eq!(last.headers.get("Nats-Msg-Id").unwrap().as_str(), "last");
}

#[tokio::test]
async fn a_flush_makes_sure_of_what_was_sent_and_the_batch_goes_on() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batched(&jetstream).await;
    let mut publisher = jetstream.fast_publish().open().await.unwrap();
    assert_eq!(within("a flush", publisher.flush()).await, 0);
    for number in 0..7 {
        add(&mut publisher, number).await;
    }
    assert_eq!(within("a flush", publisher.flush()).await, 7);
    assert_eq!((publisher.waiting(), publisher.acknowledged()), (0, 7));
    assert_eq!(publisher.last_ack().unwrap().sequence, 7);
    add(&mut publisher, 7).await;
    assert_eq!(within("the end", publisher.finish()).await.unwrap(), 8);
    assert!(stored(&stream).await.into_iter().eq(0..8));
    let nothing = jetstream.fast_publish().open().await.unwrap();
    assert_eq!(within("the end", nothing.finish()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_refused_message_is_a_failure_and_the_others_go_on_where_gaps_are_allowed() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batched(&jetstream).await;
    let builder = jetstream.fast_publish().flow(10).gap_mode(GapMode::Ok);
    let mut publisher = builder.open().await.unwrap();
    add(&mut publisher, 0).await;
    let wrong = Publish::build().expected_last_sequence(99).payload("1".into());
    publisher.add_publish("s.a", wrong).await.unwrap();
    add(&mut publisher, 2).await;
    within("a flush", publisher.flush()).await;
    assert!(publisher.take_events().contains(&IngestEvent::Refused { number: 1 }));
    let failures = within("the end", publisher.finish()).await.unwrap_err();
    assert_eq!(failures.acknowledged, 2);
    let [failure] = &failures.failures[..] else { panic!("{failures:?}") };
    assert_eq!((failure.number, &*failure.message.payload), (1, &b"1"[..]));
    assert_eq!(failure.error.kind(), PublishErrorKind::WrongLastSequence);
    assert_eq!(stored(&stream).await, [0, 2]);
}

#[tokio::test]
async fn a_refused_message_ends_the_batch_by_default() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batched(&jetstream).await;
    let mut publisher = jetstream.fast_publish().flow(10).open().await.unwrap();
    add(&mut publisher, 0).await;
    let wrong = Publish::build().expected_last_sequence(99).payload("1".into());
    publisher.add_publish("s.a", wrong).await.unwrap();
    publisher.add("s.a", "2".into()).await.unwrap();
    within("a flush", publisher.flush()).await;
    let ended = within("an add", publisher.add("s.a", "3".into())).await.unwrap_err();
    assert_contains(&ended, "a message before was refused");
    let failures = within("the end", publisher.finish()).await.unwrap_err();
    let numbers: Vec<_> = failures.failures.iter().map(|failure| failure.number).collect();
    assert_eq!((failures.acknowledged, numbers), (1, vec![1, 2]));
    let code = failures.failures[0].error.error_code();
    assert_eq!(code, Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE));
    assert_eq!(stored(&stream).await, [0]);
}

#[tokio::test]
async fn a_stream_that_takes_no_fast_batches_says_so() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    within("a stream", jetstream.create_stream(config("S", &["s.>"]))).await.unwrap();
    let mut publisher = jetstream.fast_publish().open().await.unwrap();
    add(&mut publisher, 0).await;
    let error = within("an add", publisher.add("s.a", "1".into())).await.unwrap_err();
    assert_eq!(error.error_code(), Some(ErrorCode::BATCH_PUBLISH_DISABLED));
    assert_eq!(error.subject().unwrap(), "s.a");
    let failures = within("the end", publisher.finish()).await.unwrap_err();
    assert_eq!((failures.acknowledged, failures.failures.len()), (0, 1));

    let builder = jetstream.fast_publish().timeout(Duration::from_millis(100));
    let mut nowhere = builder.open().await.unwrap();
    nowhere.add("nowhere", "0".into()).await.unwrap();
    let failures = within("the end", nowhere.finish()).await.unwrap_err();
    assert_eq!(failures.failures[0].error.kind(), PublishErrorKind::StreamNotFound);
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_is_told_at_once_and_is_no_gap() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batched(&jetstream).await;
    let mut publisher = jetstream.fast_publish().open().await.unwrap();
    add(&mut publisher, 0).await;
    let large = publisher.add("s.a", vec![b'x'; 2 * 1024 * 1024].into());
    let error = within("an add", large).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    let wrong = within("an add", publisher.add("s.*", "x".into())).await.unwrap_err();
    assert_contains(&wrong, "s.*");
    assert_eq!(within("an add", publisher.add("s.a", "3".into())).await.unwrap(), 3);
    assert_eq!(within("the end", publisher.finish()).await.unwrap(), 2);
    assert_eq!(stored(&stream).await, [0, 3]);
}

/// A stream, and a client that reaches it through a proxy.
async fn behind_proxy() -> (NatsServer, FaultProxy, Stream, Context) {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let stream = batched(&ContextBuilder::new().build(connect(&server).await)).await;
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    (server, proxy, stream, ContextBuilder::new().build(client))
}

#[tokio::test]
async fn what_a_lost_connection_took_is_sent_again_in_order() {
    let (_server, proxy, stream, jetstream) = behind_proxy().await;
    let builder = jetstream.fast_publish().flow(50).timeout(Duration::from_secs(5));
    let mut publisher = builder.open().await.unwrap();
    for number in 0..2000 {
        if number == 700 || number == 1500 {
            proxy.cut_after(Direction::ToServer, 300);
        }
        add(&mut publisher, number).await;
    }
    assert_eq!(within("the end", publisher.finish()).await.unwrap(), 2000);
    assert!(stored(&stream).await.into_iter().eq(0..2000));
    assert!(proxy.accepted() >= 2, "it was cut");
}

#[tokio::test]
async fn what_a_lost_connection_took_is_a_failure_where_gaps_are_allowed() {
    let (_server, proxy, stream, jetstream) = behind_proxy().await;
    let builder = jetstream.fast_publish().flow(50).gap_mode(GapMode::Ok);
    let mut publisher = builder.open().await.unwrap();
    for number in 0..500 {
        if number == 200 {
            proxy.cut_after(Direction::ToServer, 300);
        }
        add(&mut publisher, number).await;
    }
    let (acknowledged, failed) = match within("the end", publisher.finish()).await {
        Ok(acknowledged) => (acknowledged, Vec::new()),
        Err(failures) => (
            failures.acknowledged,
            failures.failures.iter().map(|failure| failure.number).collect::<Vec<_>>(),
        ),
    };
    assert_eq!(acknowledged + failed.len() as u64, 500);
    let stored = stored(&stream).await;
    assert_eq!(stored.len() as u64, acknowledged);
    assert!(stored.iter().all(|number| !failed.contains(number)));
    assert!(stored.is_sorted());
}

#[tokio::test]
async fn a_silent_stream_is_asked_and_given_up() {
    let (_server, proxy, _stream, jetstream) = behind_proxy().await;
    let builder = jetstream.fast_publish().timeout(Duration::from_millis(100));
    let mut publisher = builder.open().await.unwrap();
    add(&mut publisher, 0).await;
    within("a flush", publisher.flush()).await;
    proxy.stall(Direction::ToClient);
    add(&mut publisher, 1).await;
    let failures = within("the end", publisher.finish()).await.unwrap_err();
    assert_eq!(failures.acknowledged, 1);
    let [failure] = &failures.failures[..] else { panic!("{failures:?}") };
    assert_eq!(failure.number, 1);
    assert_contains(&failure.error, "may be stored");
    assert_eq!(failure.error.kind(), PublishErrorKind::TimedOut);
}

#[tokio::test]
async fn a_stream_that_is_deleted_ends_the_publisher_in_its_time() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = batched(&jetstream).await;
    let builder = jetstream.fast_publish().timeout(Duration::from_millis(300));
    let mut publisher = builder.open().await.unwrap();
    for number in 0..3 {
        add(&mut publisher, number).await;
    }
    within("a flush", publisher.flush()).await;
    for number in 3..6 {
        add(&mut publisher, number).await;
    }
    within("a deletion", jetstream.delete_stream(stream.name())).await.unwrap();
    let with_id = Publish::build().message_id("6").payload("6".into());
    within("a message", publisher.add_publish("s.a", with_id)).await.unwrap();
    let failures = within("the end", publisher.finish()).await.unwrap_err();
    assert_eq!(failures.acknowledged, 3);
    let numbers: Vec<_> = failures.failures.iter().map(|failure| failure.number).collect();
    assert_eq!(numbers, [3, 4, 5, 6]);
}

#[tokio::test]
async fn the_end_of_the_client_is_no_silence_of_the_stream() {
    let (_server, proxy, _stream, jetstream) = behind_proxy().await;
    let mut publisher = jetstream.fast_publish().open().await.unwrap();
    proxy.stall(Direction::ToClient);
    add(&mut publisher, 0).await;
    let client = jetstream.client();
    let (finished, _) = tokio::join!(
        within("the end", publisher.finish()),
        client.drain_within(Duration::from_millis(50)),
    );
    let failures = finished.unwrap_err();
    let error = &failures.failures[0].error;
    assert_eq!(error.kind(), PublishErrorKind::BrokenPipe, "{error}");
    assert_eq!(error.subject().unwrap(), "s.a");
    assert_contains(error, "may be stored");
}
