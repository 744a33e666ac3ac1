//! Reading from consumers that push.

use crate::jetstream_support::{Stage, fill, put, read_in_order, sequence, stage, stream};
use crate::support::{event, quick, until, within};
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::Event;
use midge_tokio::jetstream::consumer::push::{self, MessagesErrorKind, PushEvent};
use midge_tokio::jetstream::consumer::{AckPolicy, PushConsumer};
use midge_tokio::jetstream::{self, Context};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

const BEAT: Duration = Duration::from_millis(200);

/// A durable consumer of a stream with so many messages, with flow control and signs of life.
async fn consumer(jetstream: &Context, count: u64, config: push::Config) -> PushConsumer {
    let handle = stream(jetstream, "S", &["s"]).await;
    fill(jetstream, 1, count).await;
    within("a consumer", handle.create_consumer(config)).await.unwrap()
}

fn plain() -> push::Config {
    push::Config {
        durable_name: Some("P".into()),
        deliver_subject: "deliver".into(),
        ..Default::default()
    }
}

fn controlled() -> push::Config {
    push::Config { flow_control: true, idle_heartbeat: BEAT, ..plain() }
}

async fn pushing(count: u64, config: push::Config) -> (Stage, PushConsumer) {
    let stage = stage().await;
    let consumer = consumer(&stage.jetstream, count, config).await;
    (stage, consumer)
}

#[tokio::test]
async fn pushed_messages_are_read_and_acknowledged() {
    let (stage, mut consumer) = pushing(100, plain()).await;
    let mut messages = consumer.messages().await.unwrap();
    for expected in 1..=100 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(sequence(&message), expected);
        message.double_ack().await.unwrap();
    }
    assert!(messages.next_now().is_none());
    put(&stage.jetstream, "s", "101").await;
    let message = within("a message", messages.next()).await.unwrap().unwrap();
    message.double_ack().await.unwrap();
    let info = consumer.info().await.unwrap();
    assert_eq!((info.num_pending, info.num_ack_pending), (0, 0));
    assert!(info.push_bound);
}

#[tokio::test]
async fn members_of_a_deliver_group_share_the_messages() {
    let config = push::Config { deliver_group: Some("workers".into()), ..plain() };
    let (stage, consumer) = pushing(0, config).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut members = Vec::new();
    for member in 0..3 {
        let messages = consumer.messages().await.unwrap();
        let seen = Arc::clone(&seen);
        members.push(tokio::spawn(messages.handle(
            move |message| {
                seen.lock().unwrap().push((sequence(&message), member));
                async move { message.ack().await.unwrap() }
            },
            |error| panic!("{error}"),
        )));
    }
    stage.client.sync().await.unwrap();
    fill(&stage.jetstream, 1, 300).await;
    until("all messages", || seen.lock().unwrap().len() >= 300).await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(
        seen.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(),
        (1..=300).collect::<Vec<_>>()
    );
    for member in 0..3 {
        assert!(seen.iter().any(|(_, by)| *by == member), "member {member} got nothing");
    }
    members.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn flow_control_is_answered_and_nothing_is_dropped_for_a_slow_reader() {
    let (stage, consumer) = pushing(0, push::Config { max_ack_pending: -1, ..controlled() }).await;
    let mut messages = consumer.stream().capacity(10, usize::MAX).messages().await.unwrap();
    let mut publisher = stage.jetstream.publisher();
    let payload = "x".repeat(2_000);
    for _ in 0..3_000 {
        publisher.publish("s", payload.clone().into()).await.unwrap();
    }
    let read = async {
        for expected in 1..=3_000 {
            let message = within("a message", messages.next()).await.unwrap().unwrap();
            assert_eq!(message.info().unwrap().stream_sequence, expected);
            if expected % 100 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let (finished, ()) = tokio::join!(publisher.finish(), read);
    finished.unwrap();
    assert_eq!(messages.pending().dropped, 0);
    // Without answers the consumer stops at the first window.
    assert_eq!(consumer.get_info().await.unwrap().delivered.consumer_sequence, 3_000);
}

#[tokio::test]
async fn a_stalled_consumer_is_told_to_go_on() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let client = within("connect", quick().connect(server.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let consumer =
        consumer(&jetstream, 0, push::Config { max_ack_pending: -1, ..controlled() }).await;
    // One that listens and never answers: the consumer stalls.
    let mut deaf = client.subscribe("deliver").await.unwrap();
    let payload = "x".repeat(2_000);
    let mut publisher = jetstream.publisher();
    for _ in 0..3_000 {
        publisher.publish("s", payload.clone().into()).await.unwrap();
    }
    publisher.finish().await.unwrap();
    within("a stall", async {
        loop {
            let message = deaf.next().await.unwrap();
            let headers = message.headers.as_ref();
            if headers.is_some_and(|headers| headers.get("Nats-Consumer-Stalled").is_some()) {
                break;
            }
        }
    })
    .await;
    let stalled_at = consumer.get_info().await.unwrap().delivered.consumer_sequence;
    assert!(stalled_at < 3_000, "{stalled_at}");
    drop(deaf);
    let mut messages = consumer.messages().await.unwrap();
    let message = within("a message", messages.next()).await.unwrap().unwrap();
    assert_eq!(message.info().unwrap().consumer_sequence, stalled_at + 1);
}

#[tokio::test]
async fn missing_heartbeats_are_told_unless_that_is_not_wanted() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let consumer = consumer(&jetstream, 3, controlled()).await;
    let mut telling = consumer.messages().await.unwrap();
    let (sender, events) = mpsc::channel();
    let mut quiet = consumer
        .stream()
        .report_missed_heartbeats(false)
        .on_event(move |event| drop(sender.send(event.clone())))
        .messages()
        .await
        .unwrap();
    read_in_order(&mut telling, 1, 3).await;
    read_in_order(&mut quiet, 1, 3).await;
    // Signs of life are nothing to be read.
    assert!(telling.next_timeout(BEAT * 3).await.unwrap().is_none());
    proxy.stall(Direction::ToClient);
    let error = within("an error", telling.next()).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.is_final()), (MessagesErrorKind::MissingHeartbeat, false));
    let event = within("an event", async {
        loop {
            assert!(quiet.next_timeout(BEAT).await.unwrap().is_none());
            if let Ok(event) = events.try_recv() {
                break event;
            }
        }
    })
    .await;
    assert_eq!(event, PushEvent::MissedHeartbeat);
    proxy.resume(Direction::ToClient);
    fill(&jetstream, 4, 4).await;
    let message = within("a message", async {
        loop {
            match telling.next().await.unwrap() {
                Ok(message) => break message,
                Err(error) => assert!(!error.is_final(), "{error}"),
            }
        }
    })
    .await;
    assert_eq!(sequence(&message), 4);
}

#[tokio::test]
async fn gaps_are_told_to_a_listener() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let none = push::Config { ack_policy: AckPolicy::None, ..controlled() };
    let consumer = consumer(&jetstream, 3, none).await;
    let (sender, news) = mpsc::channel();
    let tell = move |event: &PushEvent| drop(sender.send(event.clone()));
    let mut messages = consumer.stream().on_event(tell).messages().await.unwrap();
    read_in_order(&mut messages, 1, 3).await;
    // What is sent into a dying connection is lost to a consumer without acknowledgements.
    let direct = jetstream::new(crate::support::connect(&server).await);
    proxy.stall(Direction::ToClient);
    fill(&direct, 4, 6).await;
    within("the deliveries", async { while consumer_sequence(&direct).await < 6 {} }).await;
    let mut events = client.events();
    proxy.cut();
    proxy.resume(Direction::ToClient);
    event(&mut events, &Event::Connected).await;
    fill(&direct, 7, 7).await;
    let message = within("a message", messages.next()).await.unwrap().unwrap();
    assert_eq!(sequence(&message), 7);
    // The listener is called when the next message is asked for.
    assert!(messages.next_now().is_none());
    let gap = PushEvent::Gap { expected: 4, found: 7 };
    assert!(news.try_iter().any(|event| event == gap));
}

async fn consumer_sequence(jetstream: &Context) -> u64 {
    let consumer: PushConsumer = jetstream.get_consumer_from_stream("P", "S").await.unwrap();
    consumer.cached_info().delivered.consumer_sequence
}

#[tokio::test]
async fn reading_goes_on_after_lost_connections_and_a_restart() {
    let mut server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let kept = jetstream::stream::Config {
        storage: jetstream::stream::StorageType::File,
        ..crate::jetstream_support::config("S", &["s"])
    };
    let stream = jetstream.create_stream(kept).await.unwrap();
    let quick_acks = push::Config { ack_wait: Duration::from_millis(500), ..controlled() };
    let consumer = stream.create_consumer(quick_acks).await.unwrap();
    let messages = consumer.stream().report_missed_heartbeats(false).messages().await.unwrap();
    let seen = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let reader = tokio::spawn(messages.handle(
        {
            let seen = Arc::clone(&seen);
            move |message| {
                seen.lock().unwrap().insert(sequence(&message));
                async move { drop(message.ack().await) }
            }
        },
        |error| assert!(!error.is_final(), "{error}"),
    ));
    let seen_all = async |count: usize| {
        until("all messages", || seen.lock().unwrap().len() >= count).await;
    };
    fill(&jetstream, 1, 50).await;
    seen_all(50).await;
    for round in 1..=3 {
        let mut events = client.events();
        proxy.cut();
        event(&mut events, &Event::Connected).await;
        fill(&jetstream, round * 50 + 1, round * 50 + 50).await;
        seen_all(round as usize * 50 + 50).await;
    }
    let mut events = client.events();
    let _server = tokio::task::spawn_blocking(move || {
        server.restart().unwrap();
        server
    })
    .await
    .unwrap();
    event(&mut events, &Event::Connected).await;
    within("the stream", async {
        while jetstream.get_stream("S").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    fill(&jetstream, 201, 250).await;
    seen_all(250).await;
    reader.abort();
}

#[tokio::test]
async fn a_deleted_consumer_is_told() {
    let (stage, consumer) = pushing(3, controlled()).await;
    let mut messages = consumer.messages().await.unwrap();
    read_in_order(&mut messages, 1, 3).await;
    stage.jetstream.delete_consumer_from_stream("P", "S").await.unwrap();
    // The server says so where somebody listens; else nothing is heard any more.
    let error = within("an error", messages.next()).await.unwrap().unwrap_err();
    let kinds = [MessagesErrorKind::ConsumerDeleted, MessagesErrorKind::MissingHeartbeat];
    assert!(kinds.contains(&error.kind()), "{error}");
    assert_eq!(error.is_final(), error.kind() == MessagesErrorKind::ConsumerDeleted);
    println!("{error}");
}

#[tokio::test]
async fn a_callback_is_stopped_and_drained_from_elsewhere() {
    let (stage, consumer) = pushing(10, plain()).await;
    let mut messages = consumer.messages().await.unwrap();
    let closed = messages.closed();
    let control = messages.control();
    let mut calls = 0;
    let handling = messages.handle(
        |message| {
            calls += 1;
            if calls == 3 {
                control.stop();
            }
            let panics = calls == 2;
            async move {
                message.double_ack().await.unwrap();
                assert!(!panics, "as the test wants it");
            }
        },
        |error| panic!("{error}"),
    );
    let handled = within("the stop", handling).await;
    assert_eq!((handled.messages, handled.panicked, handled.error), (3, 1, None));
    within("the end", closed).await;

    // What was there and not read went back to the consumer, and comes at once.
    let mut messages = consumer.messages().await.unwrap();
    let control = messages.control();
    let mut rest = Vec::new();
    let handling = messages.handle(
        |message| {
            rest.push(sequence(&message));
            if rest.len() == 7 {
                control.drain();
            }
            async move { message.ack().await.unwrap() }
        },
        |error| panic!("{error}"),
    );
    within("the drain", handling).await;
    rest.sort_unstable();
    assert_eq!(rest, (4..=10).collect::<Vec<_>>());
    drop(stage);
}

#[tokio::test]
async fn answers_to_flow_control_acknowledge_where_that_is_the_policy() {
    let stage = stage().await;
    let handle = stream(&stage.jetstream, "S", &["s"]).await;
    let config = push::Config {
        deliver_subject: stage.client.new_inbox(),
        durable_name: Some("C".into()),
        ack_policy: AckPolicy::FlowControl,
        flow_control: true,
        idle_heartbeat: Duration::from_secs(1),
        max_ack_pending: 50,
        ..Default::default()
    };
    let consumer = within("a consumer", handle.create_consumer(config)).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    fill(&stage.jetstream, 1, 400).await;
    read_in_order(&mut messages, 1, 400).await;
    within("the acknowledgements", async {
        while consumer.get_info().await.unwrap().ack_floor.stream_sequence < 350 {}
    })
    .await;
}
