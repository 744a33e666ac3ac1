//! Contexts and streams: what a program does to them and hears of them.

use crate::jetstream_support::{Stage, code, config, put, stage, stage_with, stream};
use crate::support::{assert_contains, connect, connect_to, event, server, within};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use futures_util::{StreamExt, TryStreamExt};
use midge_test_server::NatsServer;
use midge_tokio::jetstream::context::{
    AccountErrorKind, CreateStreamErrorKind, GetStreamByNameErrorKind, GetStreamErrorKind, Publish,
};
use midge_tokio::jetstream::stream::{
    Compression, Config, ConsumerLimits, DirectGetErrorKind, DiscardPolicy,
    LastRawMessageErrorKind, PersistenceMode, Placement, Republish, RetentionPolicy, Source,
    StorageType, SubjectTransform,
};
use midge_tokio::jetstream::{
    self, ApiLevel, ContextBuilder, CustomRequest, ErrorCode, Fault, TraceStep,
};
use midge_tokio::{ConnectOptions, Event, RequestError, StatusCode};
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn an_account_is_told_and_its_absence_is_an_error_of_its_own() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let account = within("account", jetstream.query_account()).await.unwrap();
    assert_eq!((account.streams, account.limits.max_streams), (0, None));
    assert!(account.requests.level >= 4, "{account:?}");

    let without = server();
    let client = connect(&without).await;
    let error = within("account", jetstream::new(client).query_account()).await.unwrap_err();
    assert_eq!(error.kind(), AccountErrorKind::JetStreamUnavailable);
    assert!(error.is_retryable() && error.as_jetstream().is_none());
    assert_eq!(error.subject().unwrap(), "$JS.API.INFO");
}

#[tokio::test]
async fn a_domain_is_reached_by_its_name_alone() {
    let server = NatsServer::builder().jetstream_config("domain: hub").start().unwrap();
    let client = connect(&server).await;
    let hub = jetstream::with_domain(client.clone(), "hub");
    assert_eq!(hub.api_prefix().unwrap().as_str(), "$JS.hub.API");
    let account = within("account", hub.query_account()).await.unwrap();
    assert_eq!(account.domain.as_deref(), Some("hub"));
    let same = jetstream::with_prefix(client.clone(), "$JS.hub.API");
    assert!(within("account", same.query_account()).await.is_ok());

    let other = jetstream::with_domain(client.clone(), "moon");
    let error = within("account", other.query_account()).await.unwrap_err();
    assert_eq!(error.kind(), AccountErrorKind::JetStreamUnavailable);
    let none = jetstream::with_domain(client, "a.b");
    let error = within("account", none.query_account()).await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Prefix(_)), "{error:?}");
    assert_contains(&error, "a.b");
}

#[tokio::test]
async fn a_call_without_an_answer_ends_with_its_time() {
    let Stage { server: _server, client, .. } = stage().await;
    let mut silent = client.subscription("silent.>").confirmed().await.unwrap();
    let time = Duration::from_millis(50);
    let jetstream = ContextBuilder::new().api_prefix("silent").timeout(time).build(client.clone());
    let error = within("account", jetstream.query_account()).await.unwrap_err();
    assert_eq!(error.kind(), AccountErrorKind::TimedOut);
    assert_eq!(error.fault(), &Fault::Request(RequestError::TimedOut(time)));
    assert_eq!(silent.next().await.unwrap().subject, "silent.INFO");

    let mut patient = jetstream::new(client);
    assert_eq!(patient.timeout(), Duration::from_secs(5));
    patient.set_timeout(time);
    assert_eq!(patient.timeout(), time);
}

#[tokio::test]
async fn every_call_and_its_answer_can_be_seen() {
    let Stage { server: _server, client, .. } = stage().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let jetstream = ContextBuilder::new()
        .trace(move |trace| {
            let what = match trace.step {
                TraceStep::Request { body, .. } => format!("> {}", body.len()),
                TraceStep::Answer(_) => "<".to_owned(),
                _ => "x".to_owned(),
            };
            log.lock().unwrap().push(format!("{} {what}", trace.subject));
        })
        .build(client);
    jetstream.query_account().await.unwrap();
    let expected = ["$JS.API.INFO > 0", "$JS.API.INFO <"];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn any_call_can_be_made_with_bodies_and_answers_of_ones_own() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    let request = CustomRequest::<serde_json::Value>::new("STREAM.INFO.S", "{}").unwrap();
    let answer = within("info", jetstream.call(request)).await.unwrap();
    assert_eq!(answer["config"]["name"], "S");
    let request = CustomRequest::<serde_json::Value>::new("STREAM.INFO.T", "{}").unwrap();
    assert_eq!(code(jetstream.call(request).await), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn a_stream_is_created_once_and_again_if_it_is_the_same() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let created = stream(&jetstream, "S", &["s.>"]).await;
    assert_eq!(created.cached_info().config.subjects, ["s.>"]);
    stream(&jetstream, "S", &["s.>"]).await;

    let error = jetstream.create_stream(config("S", &["other"])).await.unwrap_err();
    let CreateStreamErrorKind::JetStream(refusal) = error.kind() else { panic!("{error:?}") };
    assert_eq!(refusal.error_code(), ErrorCode::STREAM_NAME_EXIST);
    assert_eq!(refusal.code(), 400);
    assert_contains(&error, "stream name already in use");
    assert_contains(&error, "$JS.API.STREAM.CREATE.S");
    assert!(!error.is_retryable() && !error.is_not_found());
}

#[tokio::test]
async fn names_and_sources_that_are_none_are_told_before_anything_is_sent() {
    let Stage { server: _server, jetstream, client, .. } = stage().await;
    let mut calls = client.subscription("$JS.API.>").confirmed().await.unwrap();
    for (name, kind) in [
        ("", CreateStreamErrorKind::EmptyStreamName),
        ("a.b", CreateStreamErrorKind::InvalidStreamName),
        ("a b", CreateStreamErrorKind::InvalidStreamName),
    ] {
        let error = jetstream.create_stream(config(name, &["x"])).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name:?}");
    }
    assert_eq!(jetstream.get_stream("").await.unwrap_err().kind(), GetStreamErrorKind::EmptyName);
    assert_eq!(
        jetstream.get_stream_no_info("a>").await.unwrap_err().kind(),
        GetStreamErrorKind::InvalidStreamName
    );
    let both = Source {
        name: "a".into(),
        domain: Some("hub".into()),
        external: Some(Default::default()),
        ..Default::default()
    };
    let error = jetstream
        .create_stream(Config { name: "S".into(), sources: Some(vec![both]), ..Default::default() })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), CreateStreamErrorKind::DomainAndExternalSet);
    client.sync().await.unwrap();
    assert!(calls.try_next().unwrap().is_none());
}

#[tokio::test]
async fn a_stream_is_updated_created_or_updated_and_got_or_created() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let wanted = config("S", &["s"]);
    let missing = jetstream.update_stream(&wanted).await.unwrap_err();
    assert_eq!(missing.kind(), CreateStreamErrorKind::NotFound);

    let created = jetstream.create_or_update_stream(wanted.clone()).await.unwrap();
    assert_eq!(created.config.max_messages, -1);
    let changed = Config { max_messages: 7, ..wanted.clone() };
    let updated = jetstream.create_or_update_stream(changed.clone()).await.unwrap();
    assert_eq!(updated.config.max_messages, 7);
    let updated = jetstream.update_stream(&wanted).await.unwrap();
    assert_eq!(updated.config.max_messages, -1, "an update replaces everything");

    let found = jetstream.get_or_create_stream(changed).await.unwrap();
    assert_eq!(found.cached_info().config.max_messages, -1, "what is there stays as it is");
    let made = jetstream.get_or_create_stream(config("T", &["t"])).await.unwrap();
    assert_eq!(made.name().as_str(), "T");
}

#[tokio::test]
async fn a_stream_is_deleted_and_not_found_from_then_on() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    assert!(jetstream.delete_stream("S").await.unwrap().success);
    let error = jetstream.delete_stream("S").await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(code(jetstream.get_stream("S").await), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn infos_are_cached_asked_for_and_come_with_deleted_messages_and_subjects() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let mut handle = stream(&jetstream, "S", &["s.*"]).await;
    for subject in ["s.a", "s.b", "s.a"] {
        put(&jetstream, subject, "x").await;
    }
    assert_eq!(handle.cached_info().state.messages, 0);
    assert_eq!(handle.info().await.unwrap().state.messages, 3);
    assert_eq!(handle.cached_info().state.messages, 3);
    assert!(handle.delete_message(2).await.unwrap());

    let bare = jetstream.get_stream_no_info("S").await.unwrap();
    let found = bare.info_builder().with_deleted(true).fetch().await.unwrap();
    assert_eq!(found.info.state.deleted.as_deref(), Some(&[2][..]));
    let found = bare.info_with_subjects("s.>").await.unwrap();
    let subjects: Vec<_> = found.subjects.try_collect().await.unwrap();
    assert_eq!(subjects, [("s.a".to_owned(), 2)]);
    let gone = jetstream.get_stream_no_info("T").await.unwrap();
    assert_eq!(code(gone.get_info().await), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn lists_hide_their_pages_and_can_be_filtered_by_subject() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    // A page of the list has 256 entries.
    for number in 0..260 {
        let subject = format!("s.{number}");
        jetstream.create_stream(config(&format!("S{number}"), &[&subject])).await.unwrap();
    }
    let streams: Vec<_> = within("a list", jetstream.streams().try_collect()).await.unwrap();
    assert_eq!(streams.len(), 260);
    let names: Vec<_> = within("names", jetstream.stream_names().try_collect()).await.unwrap();
    assert_eq!(names.len(), 260);
    let one: Vec<_> = jetstream.streams().subject_filter("s.7").try_collect().await.unwrap();
    assert_eq!((one.len(), &*one[0].config.name), (1, "S7"));
    let mut none = jetstream.stream_names().subject_filter("other");
    assert!(none.next().await.is_none());
    assert!(none.missing().is_empty() && none.offline().is_empty());

    assert_eq!(jetstream.stream_by_subject("s.9").await.unwrap(), "S9");
    let error = jetstream.stream_by_subject("other").await.unwrap_err();
    assert_eq!(error.kind(), GetStreamByNameErrorKind::NotFound);
    let error = jetstream.stream_by_subject("a b").await.unwrap_err();
    assert_eq!(error.kind(), GetStreamByNameErrorKind::InvalidSubject);
}

#[tokio::test]
async fn a_list_without_an_answer_yields_its_error_and_ends() {
    let without = server();
    let jetstream = jetstream::new(connect(&without).await);
    let mut streams = jetstream.streams();
    assert!(within("an error", streams.next()).await.unwrap().is_err());
    assert!(streams.next().await.is_none());
}

#[tokio::test]
async fn messages_are_purged_by_filter_by_sequence_and_but_for_the_newest() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s.*"]).await;
    for subject in ["s.a", "s.b", "s.a", "s.b", "s.a", "s.b"] {
        put(&jetstream, subject, "x").await;
    }
    assert_eq!(handle.purge().filter("s.a").keep(1).await.unwrap().purged, 2);
    assert_eq!(handle.purge().sequence(3).await.unwrap().purged, 1, "the second message");
    for nothing in [0, 1] {
        assert_eq!(handle.purge().sequence(nothing).await.unwrap().purged, 0);
        assert_eq!(handle.purge().filter("s.*").sequence(nothing).await.unwrap().purged, 0);
    }
    for none in ["", "s..a", "s a"] {
        let error = handle.purge().filter(none).keep(1).await.unwrap_err();
        assert!(matches!(error.fault(), Fault::Config(_)), "{error}");
        assert!(handle.purge_subject(none).await.is_err());
    }
    assert_eq!(handle.purge().await.unwrap().purged, 3);
    let gone = jetstream.get_stream_no_info("T").await.unwrap();
    assert_eq!(code(gone.purge().await), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn a_message_is_deleted_with_its_bytes_or_only_marked() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s"]).await;
    for _ in 0..3 {
        put(&jetstream, "s", "x").await;
    }
    assert!(handle.delete_message(1).await.unwrap());
    assert!(handle.mark_message_deleted(2).await.unwrap());
    assert!(handle.delete_message(1).await.is_err());
    assert_eq!(handle.get_info().await.unwrap().state.messages, 1);
}

#[tokio::test]
async fn a_sealed_stream_takes_nothing_more() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    let sealed = Config { sealed: true, ..config("S", &["s"]) };
    assert!(jetstream.update_stream(&sealed).await.unwrap().config.sealed);
    let ack = jetstream.publish("s", "x".into()).await.unwrap();
    assert_eq!(code(within("a refusal", ack).await), ErrorCode::STREAM_SEALED);
}

#[tokio::test]
async fn stored_messages_are_read_through_the_leader() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let handle = stream(&jetstream, "S", &["s.*"]).await;
    for (subject, payload) in [("s.a", "1"), ("s.b", ""), ("s.a", "3")] {
        put(&jetstream, subject, payload).await;
    }
    let second = handle.get_raw_message(2).await.unwrap();
    assert_eq!((&*second.subject, &*second.payload, second.sequence), ("s.b", &b""[..], 2));
    let last = handle.get_last_raw_message_by_subject("s.a").await.unwrap();
    assert_eq!((last.sequence, &*last.payload), (3, &b"3"[..]));
    let next = handle.get_first_raw_message_by_subject("s.a", 2).await.unwrap();
    assert_eq!(next.sequence, 3);
    assert_eq!(handle.get_next_raw_message_by_subject("s.*").await.unwrap().sequence, 1);
    for missing in
        [handle.get_raw_message(9).await, handle.get_last_raw_message_by_subject("s.c").await]
    {
        let error = missing.unwrap_err();
        assert_eq!(error.kind(), LastRawMessageErrorKind::NoMessageFound);
        assert!(error.is_not_found());
    }
}

#[tokio::test]
async fn stored_messages_are_read_directly_where_the_stream_allows_it() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let direct = Config { allow_direct: true, ..config("S", &["s.*"]) };
    let handle = jetstream.create_stream(direct).await.unwrap();
    for (subject, payload) in [("s.a", "1"), ("s.b", "2"), ("s.a", "3")] {
        put(&jetstream, subject, payload).await;
    }
    assert_eq!(handle.direct_get(2).await.unwrap().payload, "2");
    assert_eq!(handle.direct_get_value(2).await.unwrap().data, "2");
    assert_eq!(handle.direct_get_last_for_subject("s.a").await.unwrap().sequence, 3);
    assert_eq!(handle.direct_get_first_for_subject("s.b").await.unwrap().sequence, 2);
    assert_eq!(handle.direct_get_next_for_subject("s.a", Some(2)).await.unwrap().sequence, 3);
    let error = handle.direct_get(9).await.unwrap_err();
    assert_eq!(error.kind(), DirectGetErrorKind::NotFound);
    let error = handle.direct_get_value(9).await.unwrap_err();
    assert_eq!(error.kind(), DirectGetErrorKind::NotFound);
    assert!(
        error.is_not_found()
            && matches!(
                error.fault(),
                Fault::Api(jetstream::ApiError::Status { code: StatusCode::NOT_FOUND, .. })
            )
    );

    let forbidden = stream(&jetstream, "T", &["t"]).await;
    put(&jetstream, "t", "x").await;
    let error = forbidden.direct_get(1).await.unwrap_err();
    assert_eq!(error.kind(), DirectGetErrorKind::Request);
}

#[tokio::test]
async fn an_account_without_jetstream_is_refused_by_number() {
    let Stage { server: _server, client, .. } = stage_with(
        "accounts { A { jetstream: enabled, users: [{user: a, password: a}] }, \
         B { users: [{user: b, password: b}] } }, no_auth_user: b",
    )
    .await;
    let error = within("account", jetstream::new(client).query_account()).await.unwrap_err();
    assert_eq!(error.error_code(), Some(ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT));
    assert_contains(&error, "not enabled for account");
}

#[tokio::test]
async fn every_setting_of_a_stream_reaches_the_server_and_comes_back() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let rich = Config {
        description: Some("orders of today".into()),
        retention: RetentionPolicy::Interest,
        max_messages: 1000,
        max_bytes: 1 << 20,
        max_messages_per_subject: 10,
        max_age: Duration::from_secs(3600),
        max_message_size: 4096,
        max_consumers: 7,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        storage: StorageType::File,
        num_replicas: 1,
        no_ack: true,
        duplicate_window: Duration::from_secs(30),
        compression: Some(Compression::S2),
        first_sequence: Some(100),
        allow_direct: true,
        deny_delete: true,
        allow_rollup: true,
        consumer_limits: Some(ConsumerLimits { max_ack_pending: 9, ..Default::default() }),
        metadata: [("team".to_owned(), "blue".to_owned())].into(),
        subject_transform: Some(SubjectTransform::new("in.>", "stored.>")),
        republish: Some(Republish {
            source: "stored.>".into(),
            destination: "again.>".into(),
            headers_only: true,
            ..Default::default()
        }),
        placement: Some(Placement { tags: Vec::new(), ..Default::default() }),
        allow_message_ttl: true,
        subject_delete_marker_ttl: Some(Duration::from_secs(60)),
        allow_atomic_publish: true,
        allow_batch_publish: true,
        ..config("RICH", &["in.>", "stored.>"])
    };
    let mut found = jetstream.create_stream(&rich).await.unwrap().cached_info().config.clone();
    assert_eq!(found.metadata.remove("team").as_deref(), Some("blue"));
    found.metadata.clone_from(&rich.metadata);
    found.placement.clone_from(&rich.placement);
    assert_eq!(found, rich);
    for special in [
        Config { allow_message_schedules: true, ..config("SCHEDULES", &["a.>"]) },
        Config { allow_message_counter: true, ..config("COUNTERS", &["b.>"]) },
        Config {
            persist_mode: Some(PersistenceMode::Async),
            storage: StorageType::File,
            ..config("FAST", &["c.>"])
        },
        Config {
            retention: RetentionPolicy::WorkQueue,
            deny_purge: true,
            ..config("JOBS", &["d"])
        },
    ] {
        let stream = jetstream.create_stream(&special).await.unwrap();
        let found = &stream.cached_info().config;
        assert_eq!(found.allow_message_schedules, special.allow_message_schedules);
        assert_eq!(found.allow_message_counter, special.allow_message_counter);
        assert_eq!(found.persist_mode, special.persist_mode);
        assert_eq!((found.retention, found.deny_purge), (special.retention, special.deny_purge));
    }
    let contrary = Config { discard_new_per_subject: true, ..config("BAD", &["e"]) };
    assert!(jetstream.create_stream(contrary).await.unwrap_err().as_jetstream().is_some());
}

#[tokio::test]
async fn mirrors_and_sources_take_messages_from_where_they_were_told() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "ORIGIN", &["o.*"]).await;
    for subject in ["o.a", "o.b", "o.a"] {
        put(&jetstream, subject, "x").await;
    }
    let mirror = Source { name: "ORIGIN".into(), ..Default::default() };
    let mirror = Config { mirror: Some(mirror), mirror_direct: true, ..config("MIRROR", &[]) };
    let filtered = Source {
        name: "ORIGIN".into(),
        filter_subject: Some("o.a".into()),
        start_sequence: Some(2),
        ..Default::default()
    };
    let filtered = Config { sources: Some(vec![filtered]), ..config("FILTERED", &[]) };
    let mapped = Source {
        name: "ORIGIN".into(),
        subject_transforms: vec![SubjectTransform::new("o.b", "mapped.b")],
        ..Default::default()
    };
    let mapped = Config { sources: Some(vec![mapped]), ..config("MAPPED", &[]) };
    for (config, count) in [(mirror, 3), (filtered, 1), (mapped, 1)] {
        let mut taking = jetstream.create_stream(config).await.unwrap();
        within("messages of the origin", async {
            while taking.info().await.unwrap().state.messages < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        let info = taking.cached_info();
        let from = info.mirror.as_ref().or_else(|| info.sources.first()).unwrap();
        assert_eq!((&*from.name, from.lag, &from.error), ("ORIGIN", 0, &None));
    }
    let mapped = jetstream.get_stream("MAPPED").await.unwrap();
    assert_eq!(mapped.get_raw_message(1).await.unwrap().subject, "mapped.b");
    assert!(mapped.cached_info().time_stamp.is_some());
    let nowhere =
        Source { name: "ORIGIN".into(), domain: Some("hub".into()), ..Default::default() };
    let nowhere = Config { sources: Some(vec![nowhere]), ..config("NOWHERE", &[]) };
    let created = jetstream.create_stream(nowhere).await.unwrap();
    let sources = created.cached_info().config.sources.as_ref().unwrap();
    assert_eq!(sources[0].external.as_ref().unwrap().api_prefix, "$JS.hub.API");
}

#[tokio::test]
async fn who_may_not_ask_what_the_server_knows_asks_once_a_connection() {
    let stage = stage_with(
        r#"authorization { users: [
            { user: admin, password: p },
            { user: u, password: p, permissions: { publish: { deny: ["$JS.API.INFO"] } } }
        ] }
        no_auth_user: admin"#,
    )
    .await;
    let ttl = Config { allow_message_ttl: true, ..config("S", &["s"]) };
    stage.jetstream.create_stream(ttl).await.unwrap();
    let options = ConnectOptions::new().user_and_password("u".into(), "p".into());
    let client = connect_to(options, &stage.server.url()).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = ContextBuilder::new().trace(move |trace| {
        if matches!(trace.step, TraceStep::Request { .. }) && *trace.subject == "$JS.API.INFO" {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let jetstream = builder.build(client.clone());
    let publish = async || {
        let message = Publish::build().ttl(Duration::from_secs(60));
        let ack = within("a publish", jetstream.send_publish("s", message)).await.unwrap();
        within("an ack", ack).await.unwrap();
        asked.load(Ordering::SeqCst)
    };
    for _ in 0..3 {
        assert_eq!(publish().await, 1);
    }
    let mut events = client.events();
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
    for _ in 0..3 {
        assert_eq!(publish().await, 2, "it may be allowed by now");
    }
}

#[tokio::test]
async fn what_the_server_does_not_know_is_not_sent() {
    let Stage { server: _server, client, .. } = stage().await;
    let mut old = client.subscription("old.>").confirmed().await.unwrap();
    let jetstream = jetstream::with_prefix(client.clone(), "old");
    let new = Config { allow_atomic_publish: true, ..config("S", &["s"]) };
    let answers = async {
        let request = old.next().await.unwrap();
        assert_eq!(request.subject, "old.INFO");
        client.publish(request.reply.unwrap(), r#"{"api":{"level":1}}"#.into()).await.unwrap();
    };
    let (result, ()) = futures_util::join!(jetstream.create_stream(new), answers);
    let error = result.unwrap_err();
    let Fault::Unsupported(unsupported) = error.fault() else { panic!("{error:?}") };
    assert_eq!(unsupported.field(), "allow_atomic");
    assert_eq!((unsupported.needed(), unsupported.found()), (ApiLevel(2), ApiLevel(1)));
    assert_contains(&error, "nats-server 2.12");
    client.sync().await.unwrap();
    assert!(old.try_next().unwrap().is_none(), "nothing more was asked");

    // What it knows by then is sent.
    let ttl = Config { allow_message_ttl: true, ..config("S", &["s"]) };
    let answers = async {
        let request = old.next().await.unwrap();
        assert_eq!(request.subject, "old.STREAM.CREATE.S");
        let answer = r#"{"config":{"name":"S"}}"#;
        client.publish(request.reply.unwrap(), answer.into()).await.unwrap();
    };
    let (result, ()) = futures_util::join!(jetstream.create_stream(ttl), answers);
    assert_eq!(result.unwrap().name().as_str(), "S");
}
