//! Reading from consumers that are pulled from.

use crate::jetstream_support::{Stage, fill, put, sequence, stage, stream};
use crate::support::{event, quick, within};
use core::time::Duration;
use midge_test_server::{Cluster, Direction, FaultProxy, NatsServer};
use midge_tokio::Event;
use midge_tokio::jetstream::consumer::pull::{self, FetchEnd, MessagesErrorKind, PullEnd};
use midge_tokio::jetstream::consumer::{AckPolicy, PullConsumer};
use midge_tokio::jetstream::{self, Context, Status};
use std::sync::mpsc;

async fn filled(count: u64) -> (Stage, PullConsumer) {
    let stage = stage().await;
    let consumer = consumer(&stage.jetstream, count, pull::Config::default()).await;
    (stage, consumer)
}

/// A stream with so many messages, each with its sequence as its payload, and a consumer of it.
async fn consumer(jetstream: &Context, count: u64, config: pull::Config) -> PullConsumer {
    let handle = stream(jetstream, "S", &["s"]).await;
    fill(jetstream, 1, count).await;
    let config = pull::Config { durable_name: Some("C".into()), ..config };
    within("a consumer", handle.create_consumer(config)).await.unwrap()
}

/// All messages of a batch, acknowledged, and why it ended.
async fn all(mut batch: pull::Batch) -> (Vec<u64>, FetchEnd) {
    let mut sequences = Vec::new();
    while let Some(message) = within("the batch", batch.next()).await {
        let message = message.unwrap();
        message.ack().await.unwrap();
        sequences.push(sequence(&message));
    }
    (sequences, batch.end_reason().unwrap().clone())
}

#[tokio::test]
async fn a_stream_reads_everything_and_goes_on_with_what_comes_later() {
    let (stage, mut consumer) = filled(2_000).await;
    let builder = consumer.stream().max_messages_per_batch(100);
    let mut messages = builder.messages().await.unwrap();
    for expected in 1..=2_000 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(sequence(&message), expected);
        message.ack().await.unwrap();
    }
    assert!(messages.next_now().is_none());
    fill(&stage.jetstream, 2_001, 2_003).await;
    for expected in 2_001..=2_003 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(sequence(&message), expected);
        message.double_ack().await.unwrap();
    }
    let info = consumer.info().await.unwrap();
    assert_eq!((info.num_pending, info.num_ack_pending), (0, 0));
}

#[tokio::test]
async fn a_stream_asks_for_no_more_than_the_thresholds_say() {
    let (_stage, mut consumer) = filled(100).await;
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(10)
        .threshold_messages(3)
        .messages()
        .await
        .unwrap();
    // The first pull brings ten; the next one comes when three of them are left.
    for (take, delivered) in [(6, 10), (1, 17)] {
        for _ in 0..take {
            messages.next().await.unwrap().unwrap();
        }
        within("the messages", async {
            while messages.pending().delivered < delivered {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let info = consumer.info().await.unwrap();
        assert_eq!((info.delivered.consumer_sequence, info.num_waiting), (delivered, 0));
    }
}

#[tokio::test]
async fn a_stream_ends_after_as_many_messages_as_were_wanted() {
    let (_stage, mut consumer) = filled(20).await;
    let mut messages = consumer.stream().stop_after(7).messages().await.unwrap();
    let mut seen = Vec::new();
    while let Some(message) = within("the stream", messages.next()).await {
        seen.push(sequence(&message.unwrap()));
    }
    assert_eq!(seen, (1..=7).collect::<Vec<_>>());
    assert_eq!(messages.end_reason(), Some(&PullEnd::Complete));
    assert_eq!(consumer.info().await.unwrap().delivered.consumer_sequence, 7, "and no more");
}

#[tokio::test]
async fn what_a_dropped_stream_did_not_read_goes_to_another_at_once() {
    let (_stage, consumer) = filled(10).await;
    let mut first = consumer.messages().await.unwrap();
    assert_eq!(sequence(&first.next().await.unwrap().unwrap()), 1);
    while first.pending().delivered < 10 {
        tokio::task::yield_now().await;
    }
    drop(first);
    // The consumer waits 30 s for acknowledgements; this does not.
    let batch = consumer.batch().max_messages(9).expires(Duration::from_secs(8)).messages().await;
    let (mut seen, end) = all(batch.unwrap()).await;
    seen.sort_unstable();
    assert_eq!((seen, end), ((2..=10).collect(), FetchEnd::Complete));
}

#[tokio::test]
async fn what_was_on_its_way_to_a_dropped_stream_goes_to_another_at_once() {
    let (stage, consumer) = filled(10).await;
    let proxy = FaultProxy::start(stage.server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let there = jetstream::new(client.clone());
    let there: PullConsumer = there.get_consumer_from_stream("C", "S").await.unwrap();
    let before = client.subscription_count();
    proxy.stall(Direction::ToClient);
    let (dropped, stopped) = (there.messages().await.unwrap(), there.messages().await);
    within("all deliveries", async {
        while consumer.get_info().await.unwrap().delivered.consumer_sequence < 10 {}
    })
    .await;
    assert_eq!(dropped.pending().delivered, 0);
    drop(dropped);
    stopped.unwrap().stop();
    proxy.resume(Direction::ToClient);
    // The consumer waits 30 s for acknowledgements; this does not.
    let batch = consumer.batch().max_messages(10).expires(Duration::from_secs(8)).messages().await;
    let (mut seen, end) = all(batch.unwrap()).await;
    seen.sort_unstable();
    assert_eq!((seen, end), ((1..=10).collect(), FetchEnd::Complete));
    // Nothing of it is left behind, so that the last handle can go.
    crate::support::until("the end of both", || client.subscription_count() == before).await;
}

#[tokio::test]
async fn a_drained_stream_brings_what_was_on_its_way_and_ends() {
    let (_stage, mut consumer) = filled(10).await;
    let mut messages = consumer.messages().await.unwrap();
    assert_eq!(sequence(&messages.next().await.unwrap().unwrap()), 1);
    within("the first pull", async {
        while messages.pending().delivered < 10 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    messages.drain().await;
    let mut seen = Vec::new();
    while let Some(message) = within("the rest", messages.next()).await {
        let message = message.unwrap();
        message.double_ack().await.unwrap();
        seen.push(sequence(&message));
    }
    assert_eq!(seen, (2..=10).collect::<Vec<_>>());
    assert_eq!(consumer.info().await.unwrap().num_ack_pending, 1);
}

#[tokio::test]
async fn a_stopped_stream_ends_at_once() {
    let (_stage, consumer) = filled(10).await;
    let mut messages = consumer.messages().await.unwrap();
    assert_eq!(sequence(&messages.next().await.unwrap().unwrap()), 1);
    messages.stop();
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn a_fetch_brings_what_is_there_and_says_why_it_ended() {
    let (_stage, consumer) = filled(5).await;
    let batch = consumer.fetch().max_messages(3).messages().await.unwrap();
    assert_eq!(all(batch).await, (vec![1, 2, 3], FetchEnd::Complete));
    let batch = consumer.fetch().max_messages(3).messages().await.unwrap();
    let (seen, end) = all(batch).await;
    assert_eq!(seen, [4, 5]);
    assert!(end.is_ordinary(), "{end}");
    let (seen, end) = all(consumer.fetch_now(3).await.unwrap()).await;
    assert_eq!((seen, end), (vec![], FetchEnd::Status(Status::NoMessages)));
}

#[tokio::test]
async fn a_batch_waits_for_its_messages_until_its_time_is_over() {
    let (stage, consumer) = filled(1).await;
    let batch = consumer.batch().max_messages(2).expires(Duration::from_secs(8)).messages();
    let mut batch = batch.await.unwrap();
    assert_eq!(sequence(&within("the first", batch.next()).await.unwrap().unwrap()), 1);
    fill(&stage.jetstream, 2, 2).await;
    assert_eq!(all(batch).await, (vec![2], FetchEnd::Complete));

    let batch = consumer.batch().max_messages(2).expires(Duration::from_millis(100)).messages();
    let (seen, end) = all(batch.await.unwrap()).await;
    assert!(seen.is_empty(), "{seen:?}");
    assert!(matches!(end, FetchEnd::Status(Status::RequestTimeout(_))), "{end}");
}

#[tokio::test]
async fn the_next_message_is_waited_for_and_none_is_no_error() {
    let (stage, consumer) = filled(1).await;
    let message = within("a message", consumer.next_message(Duration::from_secs(5))).await.unwrap();
    assert_eq!(sequence(&message.unwrap()), 1);
    let none = within("none", consumer.next_message(Duration::from_millis(50))).await.unwrap();
    assert!(none.is_none());
    let (message, ()) = tokio::join!(consumer.next_message(Duration::from_secs(8)), async {
        put(&stage.jetstream, "s", "2").await;
    });
    assert_eq!(sequence(&message.unwrap().unwrap()), 2);
}

#[tokio::test]
async fn no_time_to_wait_brings_what_is_there_now() {
    let (_stage, consumer) = filled(1).await;
    let message = within("a message", consumer.next_message(Duration::ZERO)).await.unwrap();
    assert_eq!(sequence(&message.unwrap()), 1);
    let none = tokio::time::timeout(Duration::from_secs(4), consumer.next_message(Duration::ZERO));
    assert!(none.await.unwrap().unwrap().is_none());
    let batch = consumer.batch().max_messages(2).expires(Duration::ZERO).messages().await.unwrap();
    let (seen, end) = all(batch).await;
    assert_eq!((seen, end), (vec![], FetchEnd::Status(Status::NoMessages)));
}

#[tokio::test]
async fn a_reader_that_was_away_for_longer_than_heartbeats_take_misses_none() {
    let (_stage, consumer) = filled(2).await;
    let builder = consumer.stream().max_messages_per_batch(1).heartbeat(Duration::from_millis(150));
    let mut messages = builder.messages().await.unwrap();
    within("a message", messages.next()).await.unwrap().unwrap().double_ack().await.unwrap();
    // The connection is idle meanwhile: the only message that was asked for is here.
    tokio::time::sleep(Duration::from_millis(600)).await;
    within("a message", messages.next()).await.unwrap().unwrap().double_ack().await.unwrap();
    let none = messages.next_timeout(Duration::from_millis(100)).await.unwrap();
    assert!(none.is_none());
}

#[tokio::test]
async fn a_fetch_may_be_limited_by_bytes() {
    let (_stage, consumer) = filled(500).await;
    let batch = consumer.fetch().max_bytes(1_000).messages().await.unwrap();
    let (seen, end) = all(batch).await;
    assert!((5..100).contains(&seen.len()), "{} messages in 1,000 bytes", seen.len());
    assert!(end.is_ordinary(), "{end}");
    let batch = consumer.fetch().max_bytes(3).max_messages(10).messages().await.unwrap();
    let (seen, end) = all(batch).await;
    assert!(seen.is_empty(), "{seen:?}");
    assert!(matches!(end, FetchEnd::Status(Status::MessageSizeExceedsMaxBytes(_))), "{end}");
}

#[tokio::test]
async fn a_sequence_brings_one_batch_after_the_other() {
    let (_stage, consumer) = filled(30).await;
    let mut sequence = consumer.sequence(10).unwrap();
    for first in [1, 11, 21] {
        let batch = sequence.next().await.unwrap().unwrap();
        let (seen, end) = all(batch).await;
        assert_eq!((seen, end), ((first..first + 10).collect(), FetchEnd::Complete));
    }
}

#[tokio::test]
async fn a_pull_may_be_answered_to_an_inbox_of_the_callers_own() {
    let (stage, consumer) = filled(2).await;
    let inbox = stage.client.new_inbox();
    let mut answers = stage.client.subscribe(inbox.clone()).await.unwrap();
    consumer.request_batch(2, inbox.into()).await.unwrap();
    for expected in ["1", "2"] {
        assert_eq!(crate::support::next(&mut answers).await.payload, expected);
    }
}

#[tokio::test]
async fn a_deleted_consumer_ends_every_way_to_read_with_its_reason() {
    let (stage, consumer) = filled(0).await;
    let mut messages = consumer.messages().await.unwrap();
    let mut batch = consumer.batch().expires(Duration::from_secs(20)).messages().await.unwrap();
    // The pulls are there once the consumer counts them.
    within("two pulls", async { while consumer.get_info().await.unwrap().num_waiting < 2 {} })
        .await;
    stage.jetstream.delete_consumer_from_stream("C", "S").await.unwrap();
    let error = within("the stream", messages.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::ConsumerDeleted);
    assert!(error.is_final());
    assert_eq!((error.stream(), error.consumer()), ("S", "C"));
    assert!(messages.next().await.is_none());
    let error = within("the batch", batch.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::ConsumerDeleted);
    assert!(batch.next().await.is_none());

    let mut nobody = consumer.fetch().messages().await.unwrap();
    let error = within("the fetch", nobody.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::NoResponders);
    let mut nobody = consumer.messages().await.unwrap();
    let error = within("the stream", nobody.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::NoResponders);
    assert!(!error.is_final(), "it goes on trying");
    let error = within("the stream", nobody.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::NoResponders);
}

#[tokio::test]
async fn a_deleted_stream_ends_a_reading() {
    let (stage, consumer) = filled(0).await;
    let mut messages = consumer.messages().await.unwrap();
    within("a pull", async { while consumer.get_info().await.unwrap().num_waiting < 1 {} }).await;
    stage.jetstream.delete_stream("S").await.unwrap();
    let error = within("the stream", messages.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::ConsumerDeleted);
}

#[tokio::test]
async fn a_stream_goes_on_at_once_after_a_reconnect() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let consumer = consumer(&jetstream, 3, pull::Config::default()).await;
    let mut messages = consumer.messages().await.unwrap();
    for expected in 1..=3 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        message.double_ack().await.unwrap();
        assert_eq!(sequence(&message), expected);
    }
    for round in 0..3 {
        let mut events = client.events();
        proxy.cut();
        let read = tokio::spawn(async move {
            let message = within("a message", messages.next()).await.unwrap().unwrap();
            message.double_ack().await.unwrap();
            (message, messages)
        });
        event(&mut events, &Event::Connected).await;
        // Well before a heartbeat could be missed.
        let number = 4 + round;
        within("a publish", put(&jetstream, "s", &number.to_string())).await;
        let (message, back) = read.await.unwrap();
        messages = back;
        assert_eq!(sequence(&message), number);
    }
}

#[tokio::test]
async fn a_fetch_that_loses_its_connection_says_so() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let consumer = consumer(&jetstream, 0, pull::Config::default()).await;
    let mut batch = consumer.batch().expires(Duration::from_secs(20)).messages().await.unwrap();
    client.sync().await.unwrap();
    proxy.cut();
    let error = within("the batch", batch.next()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("the connection was lost"), "{error}");
    assert_eq!(batch.end_reason(), Some(&FetchEnd::Disconnected));
}

#[tokio::test]
async fn limits_of_the_consumer_are_kept_and_those_found_on_the_way_too() {
    let stage = stage().await;
    let config = pull::Config {
        max_batch: 10,
        max_expires: Duration::from_secs(5),
        ..pull::Config::default()
    };
    let consumer = consumer(&stage.jetstream, 50, config.clone()).await;
    let (sender, events) = mpsc::channel();
    let tell = move |event: &pull::PullEvent| drop(sender.send(event.clone()));
    let mut messages = consumer.stream().on_event(tell).messages().await.unwrap();
    // Smaller than what the reading knows of.
    let handle = stage.jetstream.get_stream("S").await.unwrap();
    let smaller = pull::Config { durable_name: Some("C".into()), max_batch: 4, ..config };
    handle.update_consumer(smaller).await.unwrap();
    for expected in 1..=50 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(sequence(&message), expected);
    }
    assert!(events.try_iter().any(|event| matches!(event, pull::PullEvent::Limited(_))));

    let error = {
        let mut fetch = consumer.fetch().max_messages(20).messages().await.unwrap();
        within("the fetch", fetch.next()).await.unwrap().unwrap_err()
    };
    assert_eq!(error.kind(), MessagesErrorKind::RequestLimitExceeded);
}

#[tokio::test]
async fn missing_heartbeats_are_told_unless_that_is_not_wanted() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let consumer = consumer(&jetstream, 0, pull::Config::default()).await;
    let beat = Duration::from_millis(100);
    let mut telling = consumer.stream().heartbeat(beat).messages().await.unwrap();
    let (sender, events) = mpsc::channel();
    let mut quiet = consumer
        .stream()
        .heartbeat(beat)
        .report_missed_heartbeats(false)
        .on_event(move |event| drop(sender.send(event.clone())))
        .messages()
        .await
        .unwrap();
    let mut fetch = consumer.batch().heartbeat(beat).messages().await.unwrap();
    client.sync().await.unwrap();
    proxy.stall(Direction::ToClient);
    let error = within("the stream", telling.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::MissingHeartbeat);
    assert!(!error.is_final());
    let error = within("the fetch", fetch.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::MissingHeartbeat);
    let event = within("an event", async {
        loop {
            let nothing = quiet.next_timeout(beat).await.unwrap();
            assert!(nothing.is_none());
            if let Ok(event) = events.try_recv() {
                break event;
            }
        }
    })
    .await;
    assert_eq!(event, pull::PullEvent::MissedHeartbeat);
}

#[tokio::test]
async fn pulls_that_make_no_sense_are_refused_before_anything_is_sent() {
    let (_stage, consumer) = filled(1).await;
    let error = consumer.fetch().expires(Duration::from_secs(1)).heartbeat(Duration::from_secs(1));
    let error = error.messages().await.unwrap_err();
    assert_eq!(error.kind(), pull::BatchErrorKind::Invalid);
    assert!(error.to_string().contains("heartbeat"), "{error}");
    for error in [
        consumer.fetch().priority(10).messages().await.unwrap_err(),
        consumer.fetch().group("g").messages().await.unwrap_err(),
        consumer.batch().group("").messages().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), pull::BatchErrorKind::Invalid, "{error}");
    }
    let error = consumer.stream().expires(Duration::ZERO).messages().await.unwrap_err();
    assert!(error.to_string().contains("expire"), "{error}");
    let error = consumer.stream().group("g").messages().await.unwrap_err();
    assert!(error.to_string().contains("\"g\""), "{error}");
    assert_eq!(consumer.get_info().await.unwrap().delivered.consumer_sequence, 0);
}

#[tokio::test]
async fn a_reading_of_a_closed_client_ends_with_an_error() {
    let (stage, consumer) = filled(0).await;
    let mut messages = consumer.messages().await.unwrap();
    stage.client.close().await.unwrap();
    let error = within("the stream", messages.next()).await.unwrap().unwrap_err();
    assert!(error.is_final());
    assert!(error.to_string().contains("closed"), "{error}");
    assert!(messages.next().await.is_none());
    assert!(consumer.messages().await.is_err());
    assert!(consumer.fetch().messages().await.is_err());
}

#[tokio::test]
async fn nothing_is_given_back_where_nothing_is_acknowledged() {
    let stage = stage().await;
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = consumer(&stage.jetstream, 5, config).await;
    let mut watched = stage.client.subscribe("$JS.ACK.>").await.unwrap();
    let messages = consumer.messages().await.unwrap();
    while messages.pending().delivered < 5 {
        tokio::task::yield_now().await;
    }
    drop(messages);
    stage.client.sync().await.unwrap();
    assert!(watched.try_next().unwrap().is_none());
}

#[tokio::test]
async fn each_call_for_the_next_message_may_have_its_own_time() {
    let (stage, consumer) = filled(1).await;
    let short = Duration::from_millis(30);
    let mut messages = consumer.messages().await.unwrap();
    let first = within("a message", messages.next_timeout(Duration::from_secs(8))).await.unwrap();
    assert_eq!(sequence(&first.unwrap()), 1);
    assert!(within("nothing", messages.next_timeout(short)).await.unwrap().is_none());
    assert!(messages.next_now().is_none());
    fill(&stage.jetstream, 2, 3).await;
    let second = within("a message", messages.next_timeout(Duration::from_secs(8))).await.unwrap();
    assert_eq!(sequence(&second.unwrap()), 2);
    let third = within("a message", async {
        loop {
            if let Some(message) = messages.next_now() {
                break message;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(sequence(&third.unwrap()), 3);
    // Neither of them ends the reading; that is told once it is so.
    messages.stop();
    let error = within("the end", messages.next_timeout(short)).await.unwrap_err();
    assert!(error.is_final() && error.kind() == MessagesErrorKind::Other, "{error}");
    assert!(messages.next_now().is_none());

    let mut batch = consumer.batch().max_messages(2).messages().await.unwrap();
    assert!(within("nothing", batch.next_timeout(short)).await.unwrap().is_none());
    assert!(batch.next_now().is_none());
    fill(&stage.jetstream, 4, 5).await;
    let fourth = within("a message", batch.next_timeout(Duration::from_secs(8))).await.unwrap();
    assert_eq!(sequence(&fourth.unwrap()), 4);
    assert_eq!(sequence(&within("a message", batch.next()).await.unwrap().unwrap()), 5);
    assert!(batch.next_timeout(short).await.is_err(), "it is complete");
}

#[tokio::test]
async fn the_end_of_a_stream_can_be_waited_for() {
    let (_stage, consumer) = filled(2).await;
    let read_to_its_end = async {
        let mut messages = consumer.stream().stop_after(1).messages().await.unwrap();
        let closed = messages.closed();
        messages.next().await.unwrap().unwrap().ack().await.unwrap();
        assert!(messages.next().await.is_none());
        within("the end of what was read", closed).await;
        within("an end that was there before", messages.closed()).await;
    };
    read_to_its_end.await;
    let mut messages = consumer.messages().await.unwrap();
    let mut closed = messages.closed();
    assert!(futures_util::poll!(&mut closed).is_pending());
    messages.stop();
    within("the end of what was stopped", closed).await;
    let mut messages = consumer.messages().await.unwrap();
    let closed = messages.closed();
    let reader = tokio::spawn(async move { messages.next().await });
    reader.abort();
    within("the end of what was dropped", closed).await;
}

#[tokio::test]
async fn messages_and_bytes_may_be_limited_together() {
    let (stage, consumer) = filled(60).await;
    // What one message counts for: subject, reply subject and payload.
    let one = {
        let mut batch = consumer.fetch().messages().await.unwrap();
        let message = within("a message", batch.next()).await.unwrap().unwrap();
        message.double_ack().await.unwrap();
        message.length
    };
    let builder = consumer.stream().max_messages_per_batch(20).max_bytes_per_batch(6 * one);
    let mut messages = builder.messages().await.unwrap();
    within("the first pull", async {
        while consumer.get_info().await.unwrap().num_ack_pending < 4 {}
    })
    .await;
    for expected in 2..=60 {
        let held = messages.pending().messages;
        assert!(held <= 6, "{held} messages are held, and 6 have room");
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(sequence(&message), expected);
        message.ack().await.unwrap();
    }
    drop(messages);
    fill(&stage.jetstream, 61, 70).await;
    let builder = consumer.stream().max_messages_per_batch(3).max_bytes_per_batch(1_000_000);
    let messages = builder.messages().await.unwrap();
    within("the first pull", async {
        while messages.pending().delivered < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let info = consumer.get_info().await.unwrap();
    assert_eq!((info.delivered.stream_sequence, info.num_pending), (63, 7));
}

#[tokio::test]
async fn a_message_that_never_fits_is_told_and_read_over_when_it_is_gone() {
    let stage = stage().await;
    let handle = stream(&stage.jetstream, "S", &["s"]).await;
    put(&stage.jetstream, "s", &"x".repeat(5_000)).await;
    let config = pull::Config { durable_name: Some("C".into()), ..Default::default() };
    let consumer = within("a consumer", handle.create_consumer(config)).await.unwrap();
    let builder = consumer.stream().max_bytes_per_batch(1_000);
    let mut messages = builder.messages().await.unwrap();
    for _ in 0..2 {
        let error = within("an error", messages.next()).await.unwrap().unwrap_err();
        assert!(matches!(error.status(), Some(Status::MessageSizeExceedsMaxBytes(_))), "{error}");
        assert!(!error.is_final());
    }
    within("a deletion", handle.delete_message(1)).await.unwrap();
    put(&stage.jetstream, "s", "2").await;
    let message = within("a message", async {
        loop {
            if let Ok(message) = messages.next().await.unwrap() {
                break message;
            }
        }
    })
    .await;
    assert_eq!(sequence(&message), 2);
}

#[tokio::test]
async fn messages_that_do_not_fit_the_rest_of_a_pull_are_read_without_a_pause() {
    let stage = stage().await;
    let handle = stream(&stage.jetstream, "S", &["s"]).await;
    for size in [1_000, 6_000, 300, 9_000, 2_000, 7_000, 500, 5_500, 3_100, 4_200].repeat(10) {
        put(&stage.jetstream, "s", &"x".repeat(size)).await;
    }
    let config = pull::Config { durable_name: Some("C".into()), ..Default::default() };
    let consumer = within("a consumer", handle.create_consumer(config)).await.unwrap();
    let (sender, events) = mpsc::channel();
    let builder = consumer.stream().max_bytes_per_batch(10_000);
    let builder = builder.on_event(move |event| drop(sender.send(event.clone())));
    let mut messages = builder.messages().await.unwrap();
    for expected in 1..=100 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(message.info().unwrap().stream_sequence, expected);
        message.ack().await.unwrap();
    }
    assert_eq!(events.try_iter().collect::<Vec<_>>(), []);
}

#[tokio::test]
async fn what_nobody_set_of_a_pull_is_within_what_the_consumer_allows() {
    let stage = stage().await;
    let limits =
        pull::Config { max_batch: 4, max_expires: Duration::from_secs(3), ..Default::default() };
    let consumer = consumer(&stage.jetstream, 9, limits).await;
    let by_bytes = consumer.fetch().max_bytes(10_000).messages().await.unwrap();
    assert_eq!(all(by_bytes).await, (vec![1, 2, 3, 4], FetchEnd::Complete));
    let in_time = consumer.batch().max_messages(2).messages().await.unwrap();
    assert_eq!(all(in_time).await, (vec![5, 6], FetchEnd::Complete));
    let next = within("a batch", consumer.sequence(2).unwrap().next()).await.unwrap().unwrap();
    assert_eq!(all(next).await, (vec![7, 8], FetchEnd::Complete));
    // What was set is as it was set.
    for too_much in [
        consumer.fetch().max_messages(5).messages(),
        consumer.fetch().expires(Duration::from_secs(4)).messages(),
    ] {
        let mut batch = too_much.await.unwrap();
        let error = within("an error", batch.next()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), MessagesErrorKind::RequestLimitExceeded);
    }
}

#[tokio::test]
async fn a_failed_pull_tells_the_status_and_what_the_server_says_of_it() {
    let (_stage, consumer) = filled(1).await;
    let mut fetch = consumer.fetch().min_pending(1).messages().await.unwrap();
    let error = within("the fetch", fetch.next()).await.unwrap().unwrap_err();
    assert_eq!(error.status().unwrap().code(), midge_tokio::StatusCode::BAD_REQUEST);
    let text = error.to_string();
    for part in ["status 400", "Overflow", "\"C\"", "\"S\""] {
        assert!(text.contains(part), "{part} is not in {text:?}");
    }
    assert!(error.is_final());
}

#[tokio::test]
async fn a_server_that_shuts_down_is_told_and_read_from_again() {
    let mut server = NatsServer::builder().jetstream().start().unwrap();
    let client = within("connect", quick().connect(server.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let config = jetstream::stream::Config {
        storage: jetstream::stream::StorageType::File,
        ..crate::jetstream_support::config("S", &["s"])
    };
    let handle = jetstream.create_stream(config).await.unwrap();
    let config = pull::Config { durable_name: Some("C".into()), ..pull::Config::default() };
    let consumer = handle.create_consumer(config).await.unwrap();
    let (sender, events) = mpsc::channel();
    let tell = move |event: &pull::PullEvent| drop(sender.send(event.clone()));
    let mut messages = consumer.stream().on_event(tell).messages().await.unwrap();
    assert!(messages.next_timeout(Duration::from_millis(10)).await.unwrap().is_none());
    within("a pull", async { while consumer.get_info().await.unwrap().num_waiting < 1 {} }).await;
    let mut changes = client.events();
    let read = tokio::spawn(async move { within("a message", messages.next()).await });
    server.stop().unwrap();
    event(&mut changes, &Event::Disconnected).await;
    server.restart().unwrap();
    event(&mut changes, &Event::Connected).await;
    within("a publish", put(&jetstream, "s", "1")).await;
    assert_eq!(sequence(&read.await.unwrap().unwrap().unwrap()), 1);
    let told: Vec<_> = events.try_iter().collect();
    assert!(
        told.iter().any(|event| matches!(
            event,
            pull::PullEvent::Trouble { status: Status::ServerShutdown(_), .. }
        )),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_leaders_is_told_and_read_over() {
    let cluster = || Cluster::builder(3).jetstream().start().unwrap();
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let client = within("connect", quick().connect(cluster.url_list())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let config = jetstream::stream::Config {
        num_replicas: 3,
        ..crate::jetstream_support::config("S", &["s"])
    };
    let handle = within("a stream", jetstream.create_stream(config)).await.unwrap();
    let config = pull::Config { durable_name: Some("C".into()), ..pull::Config::default() };
    let consumer = within("a consumer", handle.create_consumer(config)).await.unwrap();
    let (sender, events) = mpsc::channel();
    let tell = move |event: &pull::PullEvent| drop(sender.send(event.clone()));
    let builder = consumer.stream().on_event(tell).report_missed_heartbeats(false);
    let mut messages = builder.messages().await.unwrap();
    fill(&jetstream, 1, 1).await;
    let message = within("a message", messages.next()).await.unwrap().unwrap();
    message.double_ack().await.unwrap();
    within("a pull", async { while consumer.get_info().await.unwrap().num_waiting < 1 {} }).await;
    within("step down", handle.consumer_leader_step_down("C")).await.unwrap();
    let told = within("the change", async {
        loop {
            assert!(messages.next_timeout(Duration::from_millis(10)).await.unwrap().is_none());
            if let Ok(event) = events.try_recv() {
                break event;
            }
        }
    })
    .await;
    let pull::PullEvent::Trouble { status: Status::LeadershipChange, .. } = told else {
        panic!("{told:?}");
    };
    fill(&jetstream, 2, 2).await;
    let message = within("a message", messages.next()).await.unwrap().unwrap();
    assert_eq!(sequence(&message), 2);
}
