//! Consumers: created, looked at, changed, paused, set back and deleted.

use crate::jetstream_support::{Stage, code, config, put, stage, stream};
use crate::support::within;
use core::time::Duration;
use futures_util::TryStreamExt;
use midge_tokio::jetstream::consumer::{
    self, AckPolicy, Consumer, ConsumerInfoErrorKind, DeliverPolicy, PriorityPolicy, PullConsumer,
    PushConsumer, ReplayPolicy, pull, push,
};
use midge_tokio::jetstream::stream::{
    self, ConsumerCreateStrictErrorKind, ConsumerErrorKind, ConsumerResetErrorKind,
    ConsumerUpdateErrorKind,
};
use midge_tokio::jetstream::{ErrorCode, Timestamp};
use std::time::SystemTime;

fn durable(name: &str) -> pull::Config {
    pull::Config { durable_name: Some(name.into()), ..Default::default() }
}

#[tokio::test]
async fn a_durable_consumer_is_created_looked_up_and_deleted() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    put(&jetstream, "s", "x").await;
    let mut created = within("a consumer", handle.create_consumer(durable("C"))).await.unwrap();
    assert_eq!(created.config().ack_policy, AckPolicy::Explicit, "said, not left to the server");
    assert_eq!(created.cached_info().name, "C");
    assert_eq!(created.info().await.unwrap().num_pending, 1);

    let found: PullConsumer = handle.get_consumer("C").await.unwrap();
    assert_eq!(found.cached_info().config.durable_name.as_deref(), Some("C"));
    assert_eq!(handle.consumer_info("C").await.unwrap().stream_name, "S");
    assert!(handle.delete_consumer("C").await.unwrap().success);
    let error = handle.consumer_info("C").await.unwrap_err();
    assert_eq!(error.kind(), ConsumerInfoErrorKind::NotFound);
    assert_eq!(code(created.info().await), ErrorCode::CONSUMER_NOT_FOUND);
    assert_eq!(code(handle.delete_consumer("C").await), ErrorCode::CONSUMER_NOT_FOUND);
    let error = handle.get_consumer::<pull::Config>("a.b").await.unwrap_err();
    assert_eq!(error.kind(), ConsumerErrorKind::InvalidName);
}

#[tokio::test]
async fn an_ephemeral_consumer_gets_a_name_from_the_server_or_has_its_own() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    let unnamed = handle.create_consumer(pull::Config::default()).await.unwrap();
    assert!(!unnamed.cached_info().name.is_empty());
    let named = pull::Config {
        name: Some("E".into()),
        inactive_threshold: Duration::from_secs(30),
        ..Default::default()
    };
    let named = handle.create_consumer(named).await.unwrap();
    assert_eq!(named.cached_info().name, "E");
    assert_eq!(named.config().inactive_threshold, Duration::from_secs(30));
}

#[tokio::test]
async fn creating_updating_and_either_are_told_apart() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    let changed = pull::Config { max_ack_pending: 7, ..durable("C") };
    let error = handle.update_consumer(durable("C")).await.unwrap_err();
    assert_eq!(error.kind(), ConsumerUpdateErrorKind::DoesNotExist);
    handle.create_consumer_strict(durable("C")).await.unwrap();
    handle.create_consumer_strict(durable("C")).await.unwrap();
    let error = handle.create_consumer_strict(changed.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ConsumerCreateStrictErrorKind::AlreadyExists);
    let updated = handle.update_consumer(changed).await.unwrap();
    assert_eq!(updated.config().max_ack_pending, 7);
    let kept = handle.get_or_create_consumer("C", durable("C")).await.unwrap();
    assert_eq!(kept.config().max_ack_pending, 7, "what is there stays as it is");
    let made = handle.get_or_create_consumer("D", pull::Config::default()).await.unwrap();
    assert_eq!(made.cached_info().name, "D");
}

#[tokio::test]
async fn consumers_are_reached_by_names_without_a_look_at_the_stream() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    jetstream.create_consumer_strict_on_stream(durable("C"), "S").await.unwrap();
    let config = pull::Config { max_deliver: 5, ..durable("C") };
    jetstream.update_consumer_on_stream(config.clone(), "S").await.unwrap();
    jetstream.create_consumer_on_stream(config, "S").await.unwrap();
    let found: PullConsumer = jetstream.get_consumer_from_stream("C", "S").await.unwrap();
    assert_eq!(found.config().max_deliver, 5);
    assert!(jetstream.delete_consumer_from_stream("C", "S").await.unwrap().success);
    let gone = jetstream.get_consumer_from_stream::<pull::Config, _, _>("C", "T").await;
    assert_eq!(code(gone), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn a_consumer_of_another_kind_is_refused() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    handle.create_consumer(durable("C")).await.unwrap();
    let error = handle.get_consumer::<push::Config>("C").await.unwrap_err();
    assert_eq!(error.kind(), ConsumerErrorKind::InvalidConsumerType);
    let push = push::Config {
        deliver_subject: "d".into(),
        deliver_group: Some("g".into()),
        name: Some("P".into()),
        ..Default::default()
    };
    let pushing: PushConsumer = handle.create_consumer(push).await.unwrap();
    assert_eq!(pushing.config().deliver_group.as_deref(), Some("g"));
    let any: Consumer<consumer::Config> = handle.get_consumer("P").await.unwrap();
    let error = any.into_kind::<pull::Config, ConsumerErrorKind>().unwrap_err();
    assert_eq!(error.kind(), ConsumerErrorKind::InvalidConsumerType);
}

#[tokio::test]
async fn lists_of_consumers_hide_their_pages() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    for number in 0..260 {
        let config = pull::Config { memory_storage: true, ..durable(&format!("C{number}")) };
        handle.create_consumer(config).await.unwrap();
    }
    let all: Vec<_> = within("a list", handle.consumers().try_collect()).await.unwrap();
    assert_eq!(all.len(), 260);
    let names: Vec<_> = within("names", handle.consumer_names().try_collect()).await.unwrap();
    assert_eq!(names.len(), 260);
    let gone = jetstream.get_stream_no_info("T").await.unwrap();
    let none: Result<Vec<_>, _> = gone.consumers().try_collect().await;
    assert_eq!(code(none), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn filters_and_start_policies_say_what_a_consumer_has_to_deliver() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s.*"]).await;
    for subject in ["s.a", "s.b", "s.c", "s.a"] {
        put(&jetstream, subject, "x").await;
    }
    let pending = async |config: pull::Config| {
        let consumer = handle.create_consumer(config).await.unwrap();
        consumer.get_info().await.unwrap().num_pending
    };
    let config = pull::Config::default;
    assert_eq!(pending(pull::Config { filter_subject: "s.a".into(), ..config() }).await, 2);
    let filters = vec!["s.b".into(), "s.c".into()];
    assert_eq!(pending(pull::Config { filter_subjects: filters, ..config() }).await, 2);
    for (deliver_policy, expected) in [
        (DeliverPolicy::All, 4),
        (DeliverPolicy::Last, 1),
        (DeliverPolicy::New, 0),
        (DeliverPolicy::ByStartSequence { start_sequence: 3 }, 2),
        (DeliverPolicy::ByStartTime { start_time: Timestamp::MIN }, 4),
    ] {
        let config = pull::Config { deliver_policy, ..config() };
        assert_eq!(pending(config).await, expected, "{deliver_policy:?}");
    }
    let last = pull::Config {
        deliver_policy: DeliverPolicy::LastPerSubject,
        filter_subject: "s.>".into(),
        ..config()
    };
    assert_eq!(pending(last).await, 3);
    let both = pull::Config {
        filter_subject: "s.a".into(),
        filter_subjects: vec!["s.b".into()],
        ..config()
    };
    assert!(handle.create_consumer(both).await.unwrap_err().as_jetstream().is_none());
}

#[tokio::test]
async fn a_consumer_rests_and_goes_on() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    handle.create_consumer(durable("C")).await.unwrap();
    let later = SystemTime::now() + Duration::from_secs(60);
    let until = Timestamp::try_from(later).unwrap();
    let paused = handle.pause_consumer("C", until).await.unwrap();
    assert!(paused.paused && paused.pause_remaining.unwrap() <= Duration::from_secs(60));
    assert!(handle.consumer_info("C").await.unwrap().paused);
    assert!(!handle.resume_consumer("C").await.unwrap().paused);
    assert!(!handle.consumer_info("C").await.unwrap().paused);
    assert_eq!(code(handle.resume_consumer("D").await), ErrorCode::CONSUMER_NOT_FOUND);
}

#[tokio::test]
async fn a_consumer_is_set_back_to_a_sequence() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    for _ in 0..3 {
        put(&jetstream, "s", "x").await;
    }
    let mut consumer = handle.create_consumer(durable("C")).await.unwrap();
    let reset = consumer.reset(Some(2)).await.unwrap();
    assert_eq!(reset.reset_seq, 2);
    assert_eq!(consumer.cached_info().num_pending, 2);
    for beginning in [0, 1] {
        let reset = consumer.reset(Some(beginning)).await.unwrap();
        assert_eq!((reset.reset_seq, consumer.cached_info().num_pending), (1, 3));
    }
    assert_eq!(handle.reset_consumer("C", None).await.unwrap().info.name, "C");

    let new = pull::Config { deliver_policy: DeliverPolicy::New, ..durable("N") };
    handle.create_consumer(new).await.unwrap();
    let error = handle.reset_consumer("N", Some(1)).await.unwrap_err();
    assert_eq!(error.kind(), ConsumerResetErrorKind::InvalidReset);
}

#[tokio::test]
async fn a_pin_is_taken_away_by_name() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    let pinned = pull::Config {
        priority_policy: PriorityPolicy::PinnedClient,
        priority_groups: vec!["jobs".into()],
        ..durable("C")
    };
    let created = handle.create_consumer(pinned).await.unwrap();
    assert_eq!(created.config().priority_groups, ["jobs"]);
    handle.unpin_consumer("C", "jobs").await.unwrap();
    assert!(handle.unpin_consumer("C", "other").await.is_err());
    assert!(handle.unpin_consumer("C", "a b").await.unwrap_err().as_jetstream().is_none());
}

#[tokio::test]
async fn every_setting_of_a_consumer_reaches_the_server_and_comes_back() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s.*"]).await;
    let pulling = pull::Config {
        name: Some("PULL".into()),
        description: Some("for a test".into()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 3 },
        ack_policy: AckPolicy::All,
        ack_wait: Duration::from_secs(1),
        max_deliver: 5,
        backoff: vec![Duration::from_secs(1), Duration::from_secs(2)],
        filter_subjects: vec!["s.a".into(), "s.b".into()],
        replay_policy: ReplayPolicy::Original,
        sample_frequency: 50,
        max_waiting: 20,
        max_ack_pending: 30,
        headers_only: true,
        max_batch: 40,
        max_bytes: 5000,
        max_expires: Duration::from_secs(60),
        inactive_threshold: Duration::from_secs(70),
        num_replicas: 1,
        memory_storage: true,
        metadata: [("team".to_owned(), "blue".to_owned())].into(),
        ..durable("PULL")
    };
    let created = handle.create_consumer(pulling.clone()).await.unwrap();
    let mut found = created.config().clone();
    found.metadata.retain(|name, _| !name.starts_with("_nats"));
    assert_eq!(found, pulling);

    let pushing = push::Config {
        deliver_subject: "d".into(),
        deliver_group: Some("g".into()),
        name: Some("PUSH".into()),
        ack_policy: AckPolicy::None,
        rate_limit: 1_000_000,
        flow_control: true,
        idle_heartbeat: Duration::from_secs(1),
        filter_subject: "s.a".into(),
        ..Default::default()
    };
    let created = handle.create_consumer(pushing.clone()).await.unwrap();
    let found = created.config();
    assert_eq!((found.rate_limit, found.flow_control), (pushing.rate_limit, true));
    assert_eq!(found.idle_heartbeat, pushing.idle_heartbeat);
    assert_eq!((found.ack_policy, &*found.filter_subject), (AckPolicy::None, "s.a"));

    let later = Timestamp::try_from(SystemTime::now() + Duration::from_secs(60)).unwrap();
    let paused = pull::Config { pause_until: Some(later), ..durable("PAUSED") };
    assert!(handle.create_consumer(paused).await.unwrap().cached_info().paused);
    let shared = pull::Config {
        priority_policy: PriorityPolicy::PinnedClient,
        priority_groups: vec!["jobs".into()],
        priority_timeout: Duration::from_secs(9),
        ..durable("SHARED")
    };
    let created = handle.create_consumer(shared.clone()).await.unwrap();
    let found = created.config();
    assert_eq!(found.priority_policy, shared.priority_policy);
    assert_eq!(found.priority_groups, shared.priority_groups);
    assert_eq!(found.priority_timeout, shared.priority_timeout);

    let flowing = push::Config {
        deliver_subject: "f".into(),
        name: Some("FLOW".into()),
        ack_policy: AckPolicy::FlowControl,
        flow_control: true,
        idle_heartbeat: Duration::from_secs(1),
        max_ack_pending: 10,
        ..Default::default()
    };
    let created = handle.create_consumer(flowing).await.unwrap();
    assert_eq!(created.config().ack_policy, AckPolicy::FlowControl);
}

#[tokio::test]
async fn a_pedantic_request_is_refused_where_another_is_adjusted() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let limited = stream::Config {
        consumer_limits: Some(stream::ConsumerLimits { max_ack_pending: 10, ..Default::default() }),
        ..config("S", &["s"])
    };
    let name = within("a stream", jetstream.create_stream(limited)).await.unwrap().name().clone();
    let request = |config| consumer::CreateRequest::new(name.clone(), config).unwrap();
    let plain = consumer::Config { durable_name: Some("C".into()), ..Default::default() };
    let adjusted = jetstream.call(request(plain.clone())).await.unwrap();
    assert_eq!(adjusted.config.max_ack_pending, 10);
    let other = consumer::Config { durable_name: Some("D".into()), ..plain };
    assert!(jetstream.call(request(other).pedantic()).await.unwrap_err().as_jetstream().is_some());

    let window = stream::Config {
        max_age: Duration::from_secs(1),
        duplicate_window: Duration::from_secs(60),
        ..config("T", &["t"])
    };
    let pedantic = stream::CreateRequest::new(&window).unwrap().pedantic();
    assert!(jetstream.call(pedantic).await.unwrap_err().as_jetstream().is_some());
}
