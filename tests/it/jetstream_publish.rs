//! What goes into streams, by the headers and subjects that say how, against a real server.

use crate::jetstream_requests::{call, code, config, create, name, publish, server};
use crate::support::{connect, next, within};
use bytes::Bytes;
use core::time::Duration;
use midge_proto::jetstream::message::PublishMessage;
use midge_proto::jetstream::stream::{DirectGetRequest, RawMessageRequest};
use midge_proto::jetstream::{
    ApiError, BatchCommit, BatchId, BatchPlace, Counter, ErrorCode, GapMode, IngestAnswer,
    IngestInbox, IngestOperation, MessageTtl, Rollup, Schedule, Scheduling, Timestamp, stream,
};
use midge_tokio::{OutboundMessage, Request};
use std::time::SystemTime;

#[tokio::test]
async fn expectations_rollups_and_lifetimes_are_kept() {
    let server = server();
    let client = connect(&server).await;
    let config =
        stream::Config { allow_rollup: true, allow_message_ttl: true, ..config("S", &["a.>"]) };
    create(&client, config).await;
    let build = PublishMessage::build;
    let send =
        |message: PublishMessage| publish(&client, message.try_outbound_message("a.b").unwrap());
    let first = send(build().message_id("one").expected_stream("S").expected_last_sequence(0));
    assert_eq!(first.await.unwrap().sequence, 1);
    let again = send(build().message_id("one")).await.unwrap();
    assert!(again.duplicate && again.sequence == 1);
    for (message, expected) in [
        (build().expected_stream("T"), ErrorCode::STREAM_NOT_MATCH),
        (build().expected_last_sequence(9), ErrorCode::STREAM_WRONG_LAST_SEQUENCE),
        (build().expected_last_message_id("x"), ErrorCode::STREAM_WRONG_LAST_MESSAGE_ID),
        (build().expected_last_subject_sequence(9), ErrorCode::STREAM_WRONG_LAST_SEQUENCE),
        (
            build().expected_last_sequence_of_subject("a.>", 9),
            ErrorCode::STREAM_WRONG_LAST_SEQUENCE,
        ),
        (build().header("Nats-TTL", "10ms"), ErrorCode::MESSAGE_TTL_INVALID),
    ] {
        let headers = format!("{message:?}");
        assert_eq!(code(send(message).await), expected, "{headers}");
    }
    let met =
        build().expected_last_sequence_of_subject("a.none", 0).expected_last_message_id("one");
    assert_eq!(send(met).await.unwrap().sequence, 2);
    for ttl in
        [MessageTtl::Never, Duration::from_secs(5).into(), Duration::from_millis(1500).into()]
    {
        send(build().ttl(ttl)).await.unwrap();
    }
    let info = call(&client, stream::InfoRequest::new(name("S"))).await.unwrap().info;
    assert_eq!(info.state.messages, 5);
    send(build().rollup(Rollup::Subject)).await.unwrap();
    let info = call(&client, stream::InfoRequest::new(name("S"))).await.unwrap().info;
    assert_eq!(info.state.messages, 1);
    let nowhere = publish(&client, build().outbound_message("nowhere")).await;
    assert_eq!(nowhere.unwrap_err(), ApiError::NoResponders);
}

#[tokio::test]
async fn a_counter_counts_with_numbers_of_any_size() {
    let server = server();
    let client = connect(&server).await;
    let config =
        stream::Config { allow_message_counter: true, allow_direct: true, ..config("S", &["c"]) };
    create(&client, config).await;
    let add = async |by: midge_proto::jetstream::Increment| {
        let message = PublishMessage::build().increment(by);
        publish(&client, message.outbound_message("c")).await.unwrap().value.unwrap()
    };
    assert_eq!(add(5.into()).await, "5");
    assert_eq!(add((-7).into()).await, "-2");
    assert_eq!(add(i128::MAX.into()).await, (i128::MAX - 2).to_string());
    let stored = call(&client, DirectGetRequest::last_by_subject(name("S"), "c")).await.unwrap();
    assert_eq!(Counter::read(&stored).unwrap().value(), Some(i128::MAX - 2));
    let plain = publish(&client, PublishMessage::build().outbound_message("c")).await;
    assert_eq!(code(plain), ErrorCode::MESSAGE_INCR_MISSING);
}

#[tokio::test]
async fn an_atomic_batch_is_stored_as_a_whole() {
    let server = server();
    let client = connect(&server).await;
    create(&client, stream::Config { allow_atomic_publish: true, ..config("S", &["a"]) }).await;
    for (batch, commit, stored) in
        [("b1", BatchCommit::Final, 3), ("b2", BatchCommit::EndOfBatch, 2)]
    {
        let id = BatchId::new(batch).unwrap();
        let message = |sequence, commit| {
            let place = BatchPlace { id: id.clone(), sequence, commit };
            PublishMessage::build().batch(&place).outbound_message("a")
        };
        for sequence in 1..=2 {
            let OutboundMessage { subject, headers, .. } = message(sequence, None);
            let request = Request::new().headers(headers.unwrap());
            let staged = within("staging", client.send_request(subject, request)).await.unwrap();
            assert!(staged.payload.is_empty(), "{staged:?}");
        }
        let ack = publish(&client, message(3, Some(commit))).await.unwrap();
        assert_eq!((ack.batch_id.as_deref(), ack.batch_size), (Some(batch), Some(stored)));
    }
    let gap = BatchPlace { id: BatchId::new("b3").unwrap(), sequence: 2, commit: None };
    let gap = publish(&client, PublishMessage::build().batch(&gap).outbound_message("a")).await;
    assert_eq!(code(gap), ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH);
    let info = call(&client, stream::InfoRequest::new(name("S"))).await.unwrap().info;
    assert_eq!(info.state.messages, 5);
}

#[tokio::test]
async fn a_fast_batch_is_acknowledged_on_the_way() {
    let server = server();
    let client = connect(&server).await;
    create(&client, stream::Config { allow_batch_publish: true, ..config("S", &["a"]) }).await;
    let id = BatchId::new("fast").unwrap();
    let inbox = IngestInbox::new(client.new_inbox().into(), id, 10, GapMode::Ok);
    let mut answers = client.subscribe(inbox.subscription()).await.unwrap();
    let send = |sequence, operation| {
        client.publish_with_reply("a", inbox.reply(sequence, operation), Bytes::new())
    };
    send(1, IngestOperation::Start).await.unwrap();
    let first = IngestAnswer::decode(&next(&mut answers).await).unwrap();
    assert!(matches!(first, IngestAnswer::Ack { sequence: 0, .. }), "{first:?}");
    for sequence in 2..=5 {
        send(sequence, IngestOperation::Append).await.unwrap();
    }
    // 6 is lost.
    send(7, IngestOperation::Append).await.unwrap();
    send(7, IngestOperation::Ping).await.unwrap();
    send(8, IngestOperation::Commit).await.unwrap();
    let mut seen = Vec::new();
    let ack = loop {
        match IngestAnswer::decode(&next(&mut answers).await).unwrap() {
            IngestAnswer::Done(ack) => break ack,
            answer => seen.push(answer),
        }
    };
    assert!(seen.contains(&IngestAnswer::Gap { first_lost: 6, sequence: 7 }), "{seen:?}");
    assert_eq!((ack.batch_id.as_deref(), ack.batch_size), (Some("fast"), Some(8)));
    let info = call(&client, stream::InfoRequest::new(name("S"))).await.unwrap().info;
    assert_eq!(info.state.messages, 7);
}

#[tokio::test]
async fn the_client_and_the_server_agree_on_what_a_schedule_is() {
    let server = server();
    let client = connect(&server).await;
    let config = stream::Config {
        allow_message_schedules: true,
        allow_message_ttl: true,
        allow_rollup: true,
        ..config("S", &["a.>"])
    };
    create(&client, config).await;
    let send = async |schedule: &str| {
        let message = PublishMessage::build()
            .header("Nats-Schedule", schedule)
            .header("Nats-Schedule-Target", "a.target");
        publish(&client, message.outbound_message("a.schedule")).await
    };
    for schedule in [
        "@at 2099-01-02T03:04:05Z",
        "@at 2099-01-02T03:04:05.5+02:00",
        "@every 1s",
        "@every 1h30m",
        "@every 1.5s",
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
        "* * * * * *",
        "0 0 0 1 1 ?",
        "0 */5 * * * *",
        "1,2,3-5 * * * * *",
        "0 5/20 * * * *",
        "0 0 0 * JAN-mar sun,MON",
        "0 0 12 29 2 *",
        "0 10-50/10 * * * *",
        "59 59 23 31 12 6",
        // None of these is one.
        "@at tomorrow",
        "@at",
        "@every 999ms",
        "@every x",
        "@every 5",
        "@every -5s",
        "@reboot",
        "* * * * *",
        "* * * * * * *",
        "60 * * * * *",
        "* 60 * * * *",
        "* * 24 * * *",
        "* * * 0 * *",
        "* * * 32 * *",
        "* * * * 0 *",
        "* * * * 13 *",
        "* * * * * 7",
        "5-4 * * * * *",
        "*/0 * * * * *",
        "a * * * * *",
        "* * * * foo *",
        "1-2-3 * * * * *",
        "1/2/3 * * * * *",
        "@Daily",
        "@every",
    ] {
        let here = schedule.parse::<Schedule>();
        let there = send(schedule).await;
        assert_eq!(here.is_ok(), there.is_ok(), "{schedule:?}: {here:?} {there:?}");
        if let Ok(here) = here {
            let written = send(&here.to_string()).await;
            assert!(written.is_ok(), "{schedule:?} is written as {here}: {written:?}");
        } else {
            assert_eq!(code(there), ErrorCode::MESSAGE_SCHEDULES_PATTERN_INVALID);
        }
    }
    let full = Scheduling::new(Schedule::cron("0 0 9 * * mon-fri").unwrap(), "a.target")
        .source("a.source")
        .ttl(Duration::from_secs(5))
        .time_zone("Europe/Berlin")
        .rollup();
    let message = PublishMessage::build().schedule(full).try_outbound_message("a.full");
    publish(&client, message.unwrap()).await.unwrap();
    let cancel = PublishMessage::build().cancel_schedule("a.full").outbound_message("a.other");
    publish(&client, cancel).await.unwrap();
    let gone = call(&client, RawMessageRequest::last_by_subject(name("S"), "a.full")).await;
    assert!(gone.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_scheduled_message_is_published() {
    let server = server();
    let client = connect(&server).await;
    let config = stream::Config { allow_message_schedules: true, ..config("S", &["a.>"]) };
    create(&client, config).await;
    let soon = Timestamp::try_from(SystemTime::now()).unwrap();
    let message = PublishMessage::build()
        .header("Colour", "red")
        .payload("later".into())
        .schedule(Scheduling::new(Schedule::At(soon), "a.target"));
    publish(&client, message.try_outbound_message("a.1").unwrap()).await.unwrap();
    let stored = within("the scheduled message", async {
        loop {
            let request = RawMessageRequest::last_by_subject(name("S"), "a.target");
            if let Ok(stored) = call(&client, request).await {
                return stored;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(stored.payload, "later");
    assert_eq!(stored.headers.get("Colour").unwrap().as_str(), "red");
    assert_eq!(stored.headers.get("Nats-Scheduler").unwrap().as_str(), "a.1");
}
