//! Publishing into streams: acknowledgements, windows, retries, and what streams check.

use crate::jetstream_support::{Stage, code, config, put, stage, stream};
use crate::support::{assert_contains, connect, quick, state, within};
use core::time::Duration;
use futures_util::future::{join_all, poll_immediate};
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::header::NATS_MESSAGE_ID;
use midge_tokio::jetstream::context::{Publish, PublishErrorKind};
use midge_tokio::jetstream::stream::Config;
use midge_tokio::jetstream::{
    ContextBuilder, ErrorCode, Fault, RetryPolicy, Rollup, Schedule, Scheduling, WhenFull,
};
use midge_tokio::{HeaderMap, State};

#[tokio::test]
async fn an_ack_tells_stream_and_sequence() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    let ack = jetstream.publish("s", "x".into()).await.unwrap();
    let ack = within("an ack", ack).await.unwrap();
    assert_eq!((&*ack.stream, ack.sequence, ack.duplicate), ("S", 1, false));
    let mut headers = HeaderMap::new();
    headers.insert("Colour", "red");
    let ack = jetstream.publish_with_headers("s", headers, "y".into()).await.unwrap();
    assert_eq!(within("an ack", ack).await.unwrap().sequence, 2);
    let stored = jetstream.get_stream("S").await.unwrap().get_raw_message(2).await.unwrap();
    assert_eq!(stored.headers.get("Colour").unwrap().as_str(), "red");
}

#[tokio::test]
async fn a_message_that_no_stream_takes_is_tried_again_and_then_an_error() {
    let Stage { server: _server, client, .. } = stage().await;
    let mut seen = client.subscription("$JS.EVENT.>").confirmed().await.unwrap();
    let retry = RetryPolicy { delay: Duration::from_millis(5), ..RetryPolicy::default() };
    let jetstream = ContextBuilder::new().publish_retry(retry).build(client.clone());
    let before = client.statistics().out_messages.load(core::sync::atomic::Ordering::Relaxed);
    let ack = jetstream.publish("nowhere", "x".into()).await.unwrap();
    let error = within("an error", ack).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::StreamNotFound);
    assert_eq!(error.subject().unwrap(), "nowhere");
    assert!(error.is_retryable());
    let after = client.statistics().out_messages.load(core::sync::atomic::Ordering::Relaxed);
    assert_eq!(after - before, 3, "one attempt and two more");
    assert!(seen.try_next().unwrap().is_none());

    let never = ContextBuilder::new().publish_retry(RetryPolicy::NEVER).build(client);
    let ack = never.publish("nowhere", "x".into()).await.unwrap();
    assert!(within("an error", ack).await.is_err());
}

#[tokio::test]
async fn a_stream_that_comes_late_gets_the_message_all_the_same() {
    let Stage { server: _server, client, .. } = stage().await;
    let retry = RetryPolicy {
        delay: Duration::from_millis(5),
        delay_max: Duration::from_millis(20),
        attempts: u32::MAX,
        ..RetryPolicy::default()
    };
    let jetstream = ContextBuilder::new().publish_retry(retry).build(client);
    let mut ack = jetstream.publish("s", "x".into()).await.unwrap();
    // The first attempt finds nobody.
    let early = tokio::time::timeout(Duration::from_millis(30), &mut ack).await;
    assert!(early.is_err(), "{early:?}");
    stream(&jetstream, "S", &["s"]).await;
    assert_eq!(within("an ack", ack).await.unwrap().sequence, 1);
}

#[tokio::test]
async fn attempts_without_end_end_with_the_time_of_the_message() {
    let Stage { server: _server, client, .. } = stage().await;
    let retry = RetryPolicy {
        delay: Duration::from_millis(5),
        attempts: u32::MAX,
        ..RetryPolicy::default()
    };
    let jetstream = ContextBuilder::new()
        .publish_retry(retry)
        .ack_timeout(Duration::from_millis(60))
        .build(client);
    let ack = jetstream.publish("nowhere", "x".into()).await.unwrap();
    let error = within("an error", ack).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::StreamNotFound);
}

#[tokio::test]
async fn a_further_attempt_without_an_answer_is_a_timeout_since_the_message_may_be_stored() {
    let Stage { server: _server, client, .. } = stage().await;
    let retry = RetryPolicy { delay: Duration::from_millis(100), ..RetryPolicy::default() };
    let builder = ContextBuilder::new().publish_retry(retry);
    let jetstream = builder.ack_timeout(Duration::from_millis(400)).build(client.clone());
    let mut ack = jetstream.publish("s", "x".into()).await.unwrap();
    // The first attempt finds nobody, the second one somebody who says nothing.
    let early = tokio::time::timeout(Duration::from_millis(20), &mut ack).await;
    assert!(early.is_err(), "{early:?}");
    let mut silent = client.subscription("s").confirmed().await.unwrap();
    let error = within("an error", ack).await.unwrap_err();
    assert!(silent.try_next().unwrap().is_some());
    assert_eq!(error.kind(), PublishErrorKind::TimedOut, "{error}");
}

#[tokio::test]
async fn an_answer_that_is_no_ack_is_an_error() {
    let Stage { server: _server, client, jetstream, .. } = stage().await;
    let mut fake = client.subscription("fake").confirmed().await.unwrap();
    for answer in ["", "+OK", "{}", r#"{"seq":1}"#] {
        let ack = jetstream.publish("fake", "x".into()).await.unwrap();
        let request = fake.next().await.unwrap();
        client.publish(request.reply.unwrap(), answer.into()).await.unwrap();
        let error = within("an error", ack).await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::Other, "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn an_ack_that_does_not_come_is_a_timeout_of_this_message_alone() {
    let Stage { server: _server, client, .. } = stage().await;
    let jetstream = ContextBuilder::new().ack_timeout(Duration::from_millis(50)).build(client);
    let silent = Config { no_ack: true, ..config("S", &["s"]) };
    jetstream.create_stream(silent).await.unwrap();
    stream(&jetstream, "T", &["t"]).await;
    let unanswered = jetstream.publish("s", "x".into()).await.unwrap();
    assert_eq!(put(&jetstream, "t", "x").await, 1);
    let error = within("a timeout", unanswered).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::TimedOut);
    assert_eq!(jetstream.acks_in_flight(), 0);
}

#[tokio::test]
async fn a_second_message_with_the_same_id_is_a_duplicate() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    for duplicate in [false, true] {
        let message = Publish::build().payload("x".into()).message_id("one");
        let ack = within("an ack", jetstream.send_publish("s", message).await.unwrap()).await;
        let ack = ack.unwrap();
        assert_eq!((ack.sequence, ack.duplicate), (1, duplicate));
    }
}

#[tokio::test]
async fn expectations_hold_or_refuse_the_message() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "S", &["s.*"]).await;
    let publish = async |message: Publish| {
        within("an ack", jetstream.send_publish("s.a", message).await.unwrap()).await
    };
    let first = Publish::build().message_id("1").expected_stream("S").expected_last_sequence(0);
    assert_eq!(publish(first).await.unwrap().sequence, 1);
    let build = Publish::build;
    let kind = async |message| publish(message).await.unwrap_err().kind();
    let sequence = PublishErrorKind::WrongLastSequence;
    assert_eq!(kind(build().expected_last_sequence(7)).await, sequence);
    assert_eq!(kind(build().expected_last_subject_sequence(0)).await, sequence);
    assert_eq!(kind(build().expected_last_sequence_of_subject("s.b", 4)).await, sequence);
    let id = kind(build().expected_last_message_id("0")).await;
    assert_eq!(id, PublishErrorKind::WrongLastMessageId);
    let error = publish(build().expected_stream("T")).await;
    assert_eq!(code(error), ErrorCode::STREAM_NOT_MATCH);

    let good = build().expected_last_message_id("1").expected_last_sequence(1);
    assert_eq!(publish(good).await.unwrap().sequence, 2);
    let good = build().expected_last_subject_sequence(2);
    assert_eq!(publish(good).await.unwrap().sequence, 3);
    let good = build().expected_last_sequence_of_subject("s.b", 0);
    assert_eq!(publish(good).await.unwrap().sequence, 4);
}

#[tokio::test]
async fn lifetimes_rollups_and_counters_are_asked_for_by_name() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = jetstream
        .create_stream(Config {
            allow_message_ttl: true,
            allow_rollup: true,
            ..config("S", &["s.*"])
        })
        .await
        .unwrap();
    put(&jetstream, "s.a", "1").await;
    let send = async |subject: &'static str, message: Publish| {
        within("an ack", jetstream.send_publish(subject, message).await.unwrap()).await
    };
    let ttl = Publish::build().ttl(Duration::from_secs(3600)).rollup(Rollup::Subject);
    assert_eq!(send("s.a", ttl).await.unwrap().sequence, 2);
    assert_eq!(handle.get_info().await.unwrap().state.messages, 1, "the first was rolled up");
    let stored = handle.get_raw_message(2).await.unwrap();
    assert_eq!(stored.headers.get("Nats-TTL").unwrap().as_str(), "3600s");
    let short = Publish::build().ttl(Duration::from_millis(5));
    let error = jetstream.send_publish("s.a", short).await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Message(_)), "{error}");

    let counter = Config { allow_message_counter: true, ..config("C", &["c"]) };
    jetstream.create_stream(counter).await.unwrap();
    let ack = send("c", Publish::build().increment(5)).await.unwrap();
    assert_eq!(ack.value.as_deref(), Some("5"));
    let ack = send("c", Publish::build().increment(-7)).await.unwrap();
    assert_eq!(ack.value.as_deref(), Some("-2"));
    let error = send("s.b", Publish::build().increment(1)).await;
    assert_eq!(code(error), ErrorCode::MESSAGE_INCR_DISABLED);
}

#[tokio::test]
async fn a_scheduled_message_comes_when_its_time_is_there() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = jetstream
        .create_stream(Config { allow_message_schedules: true, ..config("S", &["s.*", "t"]) })
        .await
        .unwrap();
    let soon = Schedule::Every(Duration::from_secs(1));
    let message = Publish::build().payload("tick".into()).schedule(Scheduling::new(soon, "t"));
    within("an ack", jetstream.send_publish("s.clock", message).await.unwrap()).await.unwrap();
    let found = within("a tick", async {
        loop {
            if let Ok(message) = handle.get_last_raw_message_by_subject("t").await {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(found.await.payload, "tick");
    let never = Schedule::Every(Duration::from_millis(5));
    let message = Publish::build().schedule(Scheduling::new(never, "t"));
    assert!(jetstream.send_publish("s.clock", message).await.is_err());
}

#[tokio::test]
async fn a_full_window_waits_or_fails() {
    let Stage { server: _server, client, .. } = stage().await;
    let mut held = client.subscription("held").confirmed().await.unwrap();
    let builder = ContextBuilder::new().max_ack_inflight(2);
    let failing = builder.clone().when_full(WhenFull::Fail).build(client.clone());
    let _acks = [
        failing.publish("held", "1".into()).await.unwrap(),
        failing.publish("held", "2".into()).await.unwrap(),
    ];
    let error = failing.publish("held", "3".into()).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxAckPending);
    assert_eq!(error.fault(), &Fault::WindowFull(2));

    let waiting = builder.build(client.clone());
    let first = waiting.publish("held", "1".into()).await.unwrap();
    // Nobody waits for this one any more; it has its place until its answer comes.
    drop(waiting.publish("held", "2".into()).await.unwrap());
    assert_eq!(waiting.acks_in_flight(), 2);
    let mut third = core::pin::pin!(waiting.publish("held", "3".into()));
    assert!(poll_immediate(&mut third).await.is_none());
    for _ in 0..2 {
        held.next().await.unwrap();
    }
    let answered = held.next().await.unwrap();
    assert_eq!(answered.payload, "1");
    let ack = r#"{"stream":"S","seq":1}"#;
    client.publish(answered.reply.unwrap(), ack.into()).await.unwrap();
    let third = within("room", third).await.unwrap();
    assert_eq!(within("an ack", first).await.unwrap().sequence, 1);
    drop(third);
    let mut idle = core::pin::pin!(waiting.wait_for_acks());
    assert!(poll_immediate(&mut idle).await.is_none());
    for _ in 0..2 {
        let reply = held.next().await.unwrap().reply.unwrap();
        client.publish(reply, ack.into()).await.unwrap();
    }
    within("the last ack", idle).await;
    assert_eq!(waiting.acks_in_flight(), 0);
}

#[tokio::test]
async fn bytes_fill_a_window_too_and_a_large_message_goes_alone() {
    let Stage { server: _server, client, .. } = stage().await;
    let _held = client.subscription("held").confirmed().await.unwrap();
    let jetstream = ContextBuilder::new()
        .max_ack_inflight_bytes(100)
        .backpressure_on_inflight(false)
        .build(client);
    let _large = jetstream.publish("held", vec![0; 500].into()).await.unwrap();
    let error = jetstream.publish("held", "x".into()).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxAckPending);
}

#[tokio::test]
async fn a_message_that_is_too_large_leaves_no_trace_in_the_window() {
    let Stage { server: _server, jetstream, client, .. } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    let large = vec![0; client.max_payload() + 1].into();
    let error = jetstream.publish("s", large).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    assert_eq!(jetstream.acks_in_flight(), 0);
    assert!(jetstream.publish("a b", "x".into()).await.is_err());
    assert_eq!(jetstream.acks_in_flight(), 0);
}

#[tokio::test]
async fn a_publisher_sends_many_and_tells_each_that_failed() {
    let Stage { server: _server, jetstream, client, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    let mut publisher = jetstream.publisher();
    for number in 0..1000 {
        let payload = number.to_string().into();
        assert_eq!(within("a publish", publisher.publish("s", payload)).await.unwrap(), number);
        assert!(jetstream.acks_in_flight() <= 256);
    }
    assert_eq!(within("all acks", publisher.finish()).await.unwrap(), 1000);
    assert_eq!(handle.get_info().await.unwrap().state.messages, 1000);
    assert_eq!(handle.get_raw_message(1000).await.unwrap().payload, "999");

    let retry = RetryPolicy { delay: Duration::from_millis(1), ..RetryPolicy::default() };
    let jetstream = ContextBuilder::new().publish_retry(retry).build(client);
    let mut publisher = jetstream.publisher();
    for subject in ["s", "nowhere", "s", "elsewhere"] {
        publisher.publish(subject, subject.into()).await.unwrap();
    }
    let failures = within("all results", publisher.finish()).await.unwrap_err();
    assert_eq!(failures.acknowledged, 2);
    let failed: Vec<_> = failures
        .failures
        .iter()
        .map(|failure| (failure.number, failure.message.subject.as_str()))
        .collect();
    assert_eq!(failed, [(1, "nowhere"), (3, "elsewhere")]);
    assert_contains(&failures, "number 1");
}

#[tokio::test]
async fn messages_with_an_id_are_sent_again_after_a_lost_connection_and_others_time_out() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = ContextBuilder::new().ack_timeout(Duration::from_secs(2)).build(client.clone());
    let handle = stream(&jetstream, "S", &["s"]).await;
    put(&jetstream, "s", "before").await;
    proxy.stall(Direction::ToServer);
    let with_id = Publish::build().payload("id".into()).message_id("one");
    let with_id = jetstream.send_publish("s", with_id).await.unwrap();
    let without = jetstream.publish("s", "none".into()).await.unwrap();
    // A stream would take that twice, too.
    let empty = Publish::build().payload("empty".into()).message_id("");
    let empty = jetstream.send_publish("s", empty).await.unwrap();
    client.flush().await.unwrap();
    proxy.cut();
    proxy.resume(Direction::ToServer);
    let results = within("all", join_all([with_id, without, empty])).await;
    state(&client, State::Connected).await;
    assert!(!results[0].as_ref().unwrap().duplicate);
    for result in &results[1..] {
        assert_eq!(result.as_ref().unwrap_err().kind(), PublishErrorKind::TimedOut);
    }
    assert_eq!(jetstream.acks_in_flight(), 0, "nothing is stuck");
    assert_eq!(handle.get_info().await.unwrap().state.messages, 2);
}

#[tokio::test]
async fn a_closed_client_ends_every_wait_for_an_ack() {
    let Stage { server: _server, client, jetstream, .. } = stage().await;
    let _held = client.subscription("held").confirmed().await.unwrap();
    let ack = jetstream.publish("held", "x".into()).await.unwrap();
    within("close", client.close()).await.unwrap();
    let error = within("the end", ack).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::BrokenPipe);
    assert!(jetstream.publish("held", "x".into()).await.is_err());
    assert_eq!(jetstream.acks_in_flight(), 0);
}

#[tokio::test]
async fn the_id_of_a_message_is_a_header_that_any_publish_may_have() {
    let Stage { server, jetstream, .. } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    let other = midge_tokio::jetstream::new(connect(&server).await);
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, "one");
    let first = jetstream.publish_with_headers("s", headers.clone(), "x".into()).await.unwrap();
    assert!(!within("an ack", first).await.unwrap().duplicate);
    let second = other.publish_with_headers("s", headers, "x".into()).await.unwrap();
    assert!(within("an ack", second).await.unwrap().duplicate);
}

#[tokio::test]
async fn answered_messages_behind_one_that_is_not_count_into_the_window_of_a_publisher() {
    let Stage { server: _server, client, jetstream } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    let mut held = client.subscription("held").confirmed().await.unwrap();
    let builder = ContextBuilder::new().max_ack_inflight(4).backpressure_on_inflight(false);
    let context = builder.build(client.clone());
    let mut publisher = context.publisher();
    publisher.publish("held", "1".into()).await.unwrap();
    for _ in 0..3 {
        publisher.publish("s", "x".into()).await.unwrap();
    }
    crate::support::until("the acks", || context.acks_in_flight() == 1).await;
    let error = publisher.publish("s", "x".into()).await.unwrap_err();
    assert_eq!(error.fault(), &Fault::WindowFull(4));
    let reply = held.next().await.unwrap().reply.unwrap();
    client.publish(reply, r#"{"stream":"S","seq":1}"#.into()).await.unwrap();
    crate::support::until("the last ack", || context.acks_in_flight() == 0).await;
    publisher.publish("s", "x".into()).await.unwrap();
    assert_eq!(within("the acks", publisher.finish()).await.unwrap(), 5);
}
