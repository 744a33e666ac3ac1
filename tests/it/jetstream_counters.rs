//! Counters, and messages that a stream publishes later.

use crate::jetstream_support::{Stage, config, put, stage};
use crate::support::{assert_contains, within};
use core::time::Duration;
use futures_util::TryStreamExt;
use midge_tokio::jetstream::context::Publish;
use midge_tokio::jetstream::counter::{Counter, CounterErrorKind, Increment};
use midge_tokio::jetstream::stream::{Config, Source, Stream};
use midge_tokio::jetstream::{Context, MessageTtl, Schedule, Scheduling, Timestamp};
use std::time::SystemTime;

async fn counters(jetstream: &Context, name: &str, subjects: &[&str]) -> Counter {
    let config =
        Config { allow_message_counter: true, allow_direct: true, ..config(name, subjects) };
    within("a stream", jetstream.create_stream(config)).await.unwrap();
    within("counters", jetstream.get_counter(name)).await.unwrap()
}

#[tokio::test]
async fn numbers_are_added_up_and_read() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let counter = counters(&jetstream, "C", &["c.*"]).await;
    assert_eq!(counter.increment("c.a").await.unwrap().value(), Some(1));
    assert_eq!(counter.add("c.a", 41).await.unwrap().value(), Some(42));
    assert_eq!(counter.add("c.a", -50).await.unwrap().as_str(), "-8");
    assert_eq!(counter.decrement("c.a").await.unwrap().value(), Some(-9));
    assert_eq!(counter.load("c.a").await.unwrap().value(), Some(-9));
    let entry = counter.get("c.a").await.unwrap();
    assert_eq!((&*entry.subject, entry.sequence), ("c.a", 4));
    assert_eq!(entry.increment, Some(Increment::from(-1)));
    let none = counter.load("c.none").await.unwrap_err();
    assert_eq!(none.kind(), CounterErrorKind::NotFound);
}

#[tokio::test]
async fn counters_are_as_big_as_they_get() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let counter = counters(&jetstream, "C", &["c.*"]).await;
    let big = Increment::parse(&"9".repeat(50)).unwrap();
    counter.add("c.a", big.clone()).await.unwrap();
    let total = counter.increment("c.a").await.unwrap();
    assert_eq!(total.as_str(), format!("1{}", "0".repeat(50)));
    assert_eq!(total.value(), None);
    let rest = counter.add("c.a", big.negated()).await.unwrap();
    assert_eq!(rest.value(), Some(1));
}

#[tokio::test]
async fn many_counters_are_read_at_once() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let counter = counters(&jetstream, "C", &["c.*"]).await;
    for (subject, number) in [("c.a", 1), ("c.b", 2), ("c.a", 10), ("c.c", 3)] {
        counter.add(subject, number).await.unwrap();
    }
    let entries = counter.get_multiple(["c.a", "c.b"]).await.unwrap();
    let entries: Vec<_> = within("entries", entries.try_collect()).await.unwrap();
    let mut found: Vec<_> =
        entries.iter().map(|entry| (&*entry.subject, entry.value.value().unwrap())).collect();
    found.sort_unstable();
    assert_eq!(found, [("c.a", 11), ("c.b", 2)]);
}

#[tokio::test]
async fn counters_of_sources_are_told_apart() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let berlin = counters(&jetstream, "BERLIN", &["berlin.*"]).await;
    berlin.add("berlin.hits", 5).await.unwrap();
    let source = Source { name: "BERLIN".into(), ..Default::default() };
    let config = Config {
        allow_message_counter: true,
        allow_direct: true,
        sources: Some(vec![source]),
        ..config("ALL", &[])
    };
    within("a stream", jetstream.create_stream(config)).await.unwrap();
    let all = jetstream.get_counter("ALL").await.unwrap();
    let entry = within("the source", async {
        loop {
            match all.get("berlin.hits").await {
                Ok(entry) => return entry,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    let entry = entry.await;
    assert_eq!(entry.value.value(), Some(5));
    assert_eq!(entry.value.sources()["BERLIN"]["berlin.hits"], "5");
}

#[tokio::test]
async fn a_stream_without_counters_has_none() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    within("a stream", jetstream.create_stream(config("S", &["s"]))).await.unwrap();
    let none = jetstream.get_counter("S").await.unwrap_err();
    assert_eq!(none.kind(), CounterErrorKind::NotEnabled);
    let missing = jetstream.get_counter("T").await.unwrap_err();
    assert_eq!(missing.kind(), CounterErrorKind::StreamNotFound);
}

async fn clock(jetstream: &Context) -> Stream {
    let config = Config {
        allow_message_schedules: true,
        allow_message_ttl: true,
        allow_direct: true,
        ..config("S", &["at.*", "t.*", "from.*"])
    };
    within("a stream", jetstream.create_stream(config)).await.unwrap()
}

async fn publish(jetstream: &Context, subject: &'static str, message: Publish) {
    let ack = within("a publish", jetstream.send_publish(subject, message)).await.unwrap();
    within("an ack", ack).await.unwrap();
}

async fn count(stream: &Stream, filter: &str) -> usize {
    let info = stream.info_with_subjects(filter).await.unwrap().info;
    info.state.subjects.values().map(|count| usize::try_from(*count).unwrap()).sum()
}

/// What the schedule published, once it did.
async fn published(stream: &Stream, subject: &str) -> midge_tokio::jetstream::stream::RawMessage {
    within("a scheduled message", async {
        loop {
            if let Ok(message) = stream.get_last_raw_message_by_subject(subject).await {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap()
}

#[tokio::test]
async fn a_schedule_publishes_to_its_target_with_a_lifetime() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = clock(&jetstream).await;
    for (subject, target, ttl, shown) in [
        ("at.a", "t.a", MessageTtl::from(Duration::from_secs(60)), "60s"),
        ("at.b", "t.b", MessageTtl::Never, "never"),
    ] {
        let scheduling = Scheduling::new(Schedule::At(now()), target).ttl(ttl);
        let message =
            Publish::build().payload("tick".into()).header("Colour", "red").schedule(scheduling);
        publish(&jetstream, subject, message).await;
        let message = published(&stream, target).await;
        assert_eq!(message.payload, "tick");
        let header = |name: &str| message.headers.get(name).unwrap().as_str().to_owned();
        assert!(header("Nats-TTL").starts_with(shown), "{}", header("Nats-TTL"));
        assert_eq!((&*header("Colour"), &*header("Nats-Scheduler")), ("red", subject));
    }
}

#[tokio::test]
async fn a_schedule_publishes_the_newest_message_of_its_source() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = clock(&jetstream).await;
    put(&jetstream, "from.a", "newest").await;
    let scheduling = Scheduling::new(Schedule::At(now()), "t.a").source("from.a");
    let message = Publish::build().payload("own".into()).schedule(scheduling);
    publish(&jetstream, "at.a", message).await;
    assert_eq!(published(&stream, "t.a").await.payload, "newest");
}

#[tokio::test]
async fn a_schedule_goes_by_the_clock_of_a_time_zone() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = clock(&jetstream).await;
    let daily = Scheduling::new(Schedule::Daily, "t.a");
    let message = Publish::build().schedule(daily.clone().time_zone("Europe/Berlin"));
    publish(&jetstream, "at.a", message).await;
    let schedule = within("a look", stream.get_schedule("at.a")).await.unwrap().unwrap();
    let scheduling = schedule.scheduling.unwrap();
    assert_eq!(scheduling.time_zone_name(), Some("Europe/Berlin"));

    let offset = Publish::build().schedule(daily.time_zone("+02:00"));
    let error = jetstream.send_publish("at.a", offset).await.unwrap_err();
    assert_contains(&error, "+02:00");
}

#[tokio::test]
async fn a_schedule_deletes_what_it_published_before() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = clock(&jetstream).await;
    put(&jetstream, "t.a", "old").await;
    put(&jetstream, "t.a", "older").await;
    let scheduling = Scheduling::new(Schedule::At(now()), "t.a").rollup();
    let message = Publish::build().payload("new".into()).schedule(scheduling);
    publish(&jetstream, "at.a", message).await;
    within("the rollup", async {
        while count(&stream, "t.a").await != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(published(&stream, "t.a").await.payload, "new");
}

#[tokio::test]
async fn a_schedule_is_cancelled_together_with_a_publish_or_by_itself() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = clock(&jetstream).await;
    let yearly = || Publish::build().schedule(Scheduling::new(Schedule::Yearly, "t.a"));
    publish(&jetstream, "at.a", yearly()).await;
    publish(&jetstream, "at.b", yearly()).await;
    publish(&jetstream, "t.b", Publish::build().cancel_schedule("at.a")).await;
    assert_eq!((count(&stream, "at.a").await, count(&stream, "at.b").await), (0, 1));
    // Only if it is still there.
    let late =
        Publish::build().cancel_schedule("at.a").expected_last_sequence_of_subject("at.a", 1);
    let ack = jetstream.send_publish("t.b", late).await.unwrap();
    assert!(within("a refusal", ack).await.is_err());
    assert_eq!(within("a cancel", stream.cancel_schedules("at.*")).await.unwrap(), 1);
    assert_eq!(count(&stream, "at.*").await, 0);
}

#[tokio::test]
async fn schedules_are_listed_and_read() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = clock(&jetstream).await;
    put(&jetstream, "at.none", "no schedule").await;
    let hourly = Scheduling::new(Schedule::Hourly, "t.a").ttl(Duration::from_secs(60));
    let message = Publish::build().payload("a".into()).schedule(hourly.clone());
    publish(&jetstream, "at.a", message).await;
    let cron = Schedule::cron("0 30 12 * * MON").unwrap();
    let sampled = Scheduling::new(cron, "t.b").source("from.a").rollup();
    publish(&jetstream, "at.b", Publish::build().schedule(sampled.clone())).await;

    let schedules = within("a list", stream.schedules("at.>")).await.unwrap();
    let listed: Vec<_> = within("a list", schedules.try_collect()).await.unwrap();
    let subjects: Vec<_> = listed.iter().map(|schedule| &*schedule.message.subject).collect();
    assert_eq!(subjects, ["at.a", "at.b"]);
    assert_eq!(listed[0].scheduling, Ok(hourly));
    assert_eq!(listed[0].message.payload, "a");
    let read = listed[1].scheduling.as_ref().unwrap();
    assert_eq!(read, &sampled);
    assert!(read.schedule().next_after(now()).is_some());
    assert!(within("a look", stream.get_schedule("at.none")).await.unwrap().is_none());
}
