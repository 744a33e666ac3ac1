//! Streams and consumers brought to what they should be.

use crate::jetstream_support::{Stage, code, config, stage, stream};
use crate::support::{assert_contains, blocking, within};
use core::time::Duration;
use midge_tokio::jetstream::consumer::{
    self, AckPolicy, DeliverPolicy, PriorityPolicy, ReplayPolicy,
};
use midge_tokio::jetstream::context::SetupError;
use midge_tokio::jetstream::setup::{
    Action, Change, ConsumerSetup, Plan, Setup, Step, StreamSetup,
};
use midge_tokio::jetstream::stream::{
    Compression, Config, ConsumerLimits, DiscardPolicy, PersistenceMode, Placement, Republish,
    RetentionPolicy, Source, StorageType, SubjectTransform,
};
use midge_tokio::jetstream::{Context, ErrorCode};

fn second(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Streams that make the server fill in, imply and adjust all it can.
fn streams() -> Vec<Config> {
    let named = |name: &str, change: fn(&mut Config)| {
        let mut config = Config::from(name);
        change(&mut config);
        config
    };
    vec![
        named("BARE", |_| {}),
        named("AGED", |c| c.max_age = second(5)),
        named("LIMITED", |c| {
            (c.max_messages, c.max_bytes, c.max_messages_per_subject) = (7, 1 << 20, 2);
            (c.max_message_size, c.max_consumers, c.num_replicas) = (100, 5, 1);
            (c.discard, c.discard_new_per_subject) = (DiscardPolicy::New, true);
        }),
        named("MARKERS", |c| c.subject_delete_marker_ttl = Some(second(60))),
        named("SCHEDULES", |c| c.allow_message_schedules = true),
        named("COUNTERS", |c| c.allow_message_counter = true),
        named("FAST", |c| {
            (c.allow_atomic_publish, c.allow_batch_publish, c.allow_direct) = (true, true, true);
            c.compression = Some(Compression::S2);
        }),
        named("ASYNC", |c| c.persist_mode = Some(PersistenceMode::Async)),
        named("QUEUE", |c| {
            c.retention = RetentionPolicy::WorkQueue;
            c.storage = StorageType::Memory;
            c.description = Some("a queue".into());
            c.metadata.insert("team".into(), "red".into());
            c.placement = Some(Placement::default());
        }),
        named("CHANGED", |c| {
            c.subjects = vec!["z.>".into(), "y.*".into()];
            c.first_sequence = Some(50);
            c.subject_transform = Some(SubjectTransform::new("z.>", "x.>"));
            c.republish = Some(Republish { destination: "again.>".into(), ..Default::default() });
            c.consumer_limits = Some(ConsumerLimits {
                inactive_threshold: second(60),
                max_ack_pending: 9,
                ..Default::default()
            });
            (c.deny_delete, c.deny_purge) = (true, true);
        }),
        named("MIRROR", |c| c.mirror = Some(Source::new("BARE"))),
        named("SOURCED", |c| {
            let mut second = Source::new("AGED");
            second.filter_subject = Some("AGED".into());
            c.sources = Some(vec![second, Source::new("BARE")]);
        }),
    ]
}

/// The same for consumers, with the streams they read.
fn consumers() -> Vec<(&'static str, consumer::Config)> {
    let named = |name: &str, change: fn(&mut consumer::Config)| {
        let mut config = consumer::Config::from(name);
        change(&mut config);
        config
    };
    vec![
        ("BARE", named("BARE", |_| {})),
        ("BARE", named("NONE", |c| c.ack_policy = AckPolicy::None)),
        (
            "BARE",
            named("ALL", |c| {
                (c.ack_policy, c.replay_policy) = (AckPolicy::All, ReplayPolicy::Original);
                c.deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: 5 };
            }),
        ),
        (
            "BARE",
            named("BACKOFF", |c| {
                (c.backoff, c.max_deliver) = (vec![second(1), second(2)], 5);
            }),
        ),
        (
            "BARE",
            named("PUSH", |c| {
                c.deliver_subject = Some("d".into());
                (c.flow_control, c.idle_heartbeat) = (true, second(5));
                (c.sample_frequency, c.rate_limit) = (50, 10_000);
            }),
        ),
        ("BARE", named("EPHEMERAL", |c| c.name = c.durable_name.take())),
        (
            "BARE",
            named("PINNED", |c| {
                (c.priority_policy, c.priority_groups) =
                    (PriorityPolicy::PinnedClient, vec!["g".into()]);
            }),
        ),
        (
            "BARE",
            named("PULL", |c| {
                (c.max_batch, c.max_bytes, c.max_expires) = (5, 1000, second(9));
                (c.headers_only, c.memory_storage, c.num_replicas) = (true, true, 1);
            }),
        ),
        ("CHANGED", named("LIMITS", |_| {})),
        ("CHANGED", named("UNACKNOWLEDGED", |c| c.ack_policy = AckPolicy::None)),
        ("CHANGED", named("FILTER", |c| c.filter_subjects = vec!["y.a".into()])),
        ("CHANGED", named("FILTERS", |c| c.filter_subjects = vec!["y.b".into(), "y.a".into()])),
    ]
}

fn everything(
    stream: fn(Config) -> StreamSetup,
    consumer: fn(consumer::Config) -> ConsumerSetup,
) -> Setup {
    let setup = streams().into_iter().map(stream).fold(Setup::new(), Setup::stream);
    consumers()
        .into_iter()
        .fold(setup, |setup, (stream, config)| setup.consumer(stream, consumer(config)))
}

async fn plan(jetstream: &Context, setup: &Setup) -> Plan {
    within("plan", jetstream.plan(setup)).await.unwrap()
}

#[tokio::test]
async fn what_was_set_up_is_as_it_should_be_whatever_the_server_fills_in() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let whole = everything(
        |config| StreamSetup::whole(config).unwrap(),
        |config| ConsumerSetup::whole(config).unwrap(),
    );
    let first = plan(&jetstream, &whole).await;
    let count = streams().len() + consumers().len();
    assert_eq!(first.to_string().matches(": create\n").count(), count, "{first}");
    assert_eq!(within("setup", jetstream.apply(&first)).await.unwrap(), count);

    let second = plan(&jetstream, &whole).await;
    assert!(second.is_empty(), "{second}");
    assert_eq!(within("setup", jetstream.apply(&second)).await.unwrap(), 0);
    let listed = everything(
        |config| StreamSetup::listed(config).unwrap(),
        |config| ConsumerSetup::listed(config).unwrap(),
    );
    let listed = plan(&jetstream, &listed).await;
    assert!(listed.is_empty(), "{listed}");
}

#[tokio::test]
async fn only_what_is_listed_changes_and_subjects_are_merged() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let mut by_hand =
        Config { description: Some("by hand".into()), max_bytes: 1 << 20, ..config("S", &["a"]) };
    by_hand.metadata.insert("team".into(), "red".into());
    let created = jetstream.create_stream(by_hand).await.unwrap();
    let durable = consumer::pull::Config {
        durable_name: Some("C".into()),
        max_ack_pending: 77,
        ..Default::default()
    };
    created.create_consumer(durable).await.unwrap();

    let mut wanted = Config { max_messages: 9, subjects: vec!["b".into()], ..Config::from("S") };
    wanted.metadata.insert("cost".into(), "1".into());
    let waits = consumer::Config { ack_wait: second(7), ..consumer::Config::from("C") };
    let setup = Setup::new()
        .stream(StreamSetup::listed(wanted).unwrap().merge_subjects())
        .consumer("S", ConsumerSetup::listed(waits).unwrap());
    let found = plan(&jetstream, &setup).await;
    assert_eq!(
        found.to_string(),
        "stream S: update\n  metadata.cost: unset -> \"1\"\n  max_msgs: -1 -> 9\n  \
         subjects: [\"a\"] -> [\"a\",\"b\"]\n\
         consumer C of stream S: update\n  ack_wait: 30s -> 7s\n"
    );
    assert_eq!(within("setup", jetstream.apply(&found)).await.unwrap(), 2);

    let after = created.get_info().await.unwrap().config;
    assert_eq!((after.max_messages, after.max_bytes), (9, 1 << 20));
    assert_eq!(after.subjects, ["a", "b"]);
    assert_eq!(after.description.as_deref(), Some("by hand"));
    assert_eq!((&*after.metadata["team"], &*after.metadata["cost"]), ("red", "1"));
    let after = created.consumer_info("C").await.unwrap().config;
    assert_eq!((after.ack_wait, after.max_ack_pending), (second(7), 77));
    assert!(plan(&jetstream, &setup).await.is_empty());
}

#[tokio::test]
async fn what_was_set_up_in_another_time_zone_is_changed_around_its_dates() {
    let Stage { server: _server, jetstream, client, .. } = stage().await;
    stream(&jetstream, "ORIGIN", &["o"]).await;
    let start = "2024-01-01T02:00:00+02:00";
    let ask = async |subject: &str, body: String| {
        let answer = within("an answer", client.request(subject.to_owned(), body.into())).await;
        String::from_utf8(answer.unwrap().payload.to_vec()).unwrap()
    };
    // A server keeps a date in the words in which it came.
    let mirror =
        format!(r#"{{"name":"MIRROR","mirror":{{"name":"ORIGIN","opt_start_time":"{start}"}}}}"#);
    assert_contains(&ask("$JS.API.STREAM.CREATE.MIRROR", mirror).await, start);
    let reader = format!(
        r#"{{"stream_name":"ORIGIN","config":{{"durable_name":"C","ack_policy":"explicit",
            "deliver_policy":"by_start_time","opt_start_time":"{start}","sample_freq":"50"}}}}"#
    );
    assert_contains(&ask("$JS.API.CONSUMER.CREATE.ORIGIN.C", reader).await, start);

    let start_time = start.parse().unwrap();
    let setup = |max_messages, max_deliver| {
        let origin = Source { start_time: Some(start_time), ..Source::new("ORIGIN") };
        let mirror = Config { mirror: Some(origin), max_messages, ..Config::from("MIRROR") };
        let reader = consumer::Config {
            deliver_policy: DeliverPolicy::ByStartTime { start_time },
            sample_frequency: 50,
            max_deliver,
            ..consumer::Config::from("C")
        };
        Setup::new()
            .stream(StreamSetup::whole(mirror).unwrap())
            .consumer("ORIGIN", ConsumerSetup::whole(reader).unwrap())
    };
    let unchanged = plan(&jetstream, &setup(-1, -1)).await;
    assert!(unchanged.is_empty(), "{unchanged}");
    let change = plan(&jetstream, &setup(5, 5)).await;
    let changes = change.steps().iter().flat_map(Step::changes);
    assert_eq!(changes.map(Change::field).collect::<Vec<_>>(), ["max_msgs", "max_deliver"]);
    assert_eq!(within("apply", jetstream.apply(&change)).await, Ok(2));
    let left = plan(&jetstream, &setup(5, 5)).await;
    assert!(left.is_empty(), "{left}");
}

type Touch<C> = fn(&mut C);

/// Whether the plan says what the server does.
#[tokio::test]
async fn changes_are_called_impossible_just_where_the_server_refuses_them() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let cases: &[(Touch<Config>, Touch<Config>)] = &[
        (|_| {}, |c| c.storage = StorageType::File),
        (|_| {}, |c| c.retention = RetentionPolicy::Interest),
        (|_| {}, |c| c.retention = RetentionPolicy::WorkQueue),
        (|c| c.retention = RetentionPolicy::WorkQueue, |_| {}),
        (|_| {}, |c| c.deny_delete = true),
        (|c| c.deny_delete = true, |_| {}),
        (|c| c.deny_purge = true, |_| {}),
        (|_| {}, |c| c.allow_message_ttl = true),
        (|c| c.allow_message_ttl = true, |_| {}),
        (|_| {}, |c| c.allow_message_schedules = true),
        (|c| c.allow_message_schedules = true, |_| {}),
        (|_| {}, |c| c.allow_message_counter = true),
        (|c| c.allow_message_counter = true, |_| {}),
        (|_| {}, |c| c.allow_atomic_publish = true),
        (|c| c.allow_atomic_publish = true, |_| {}),
        (|_| {}, |c| c.allow_batch_publish = true),
        (|_| {}, |c| c.max_consumers = 3),
        (|c| c.max_consumers = 3, |_| {}),
        (|_| {}, |c| c.discard = DiscardPolicy::New),
        (|_| {}, |c| c.no_ack = true),
        (|_| {}, |c| c.max_age = second(5)),
        (|_| {}, |c| c.first_sequence = Some(9)),
        (|_| {}, |c| c.compression = Some(Compression::S2)),
        (|_| {}, |c| c.sources = Some(vec![Source::new("OTHER")])),
        (|_| {}, |c| c.subject_transform = Some(SubjectTransform::new("s", "t"))),
        (|_| {}, |c| c.sealed = true),
        (|c| (c.subjects, c.mirror) = (Vec::new(), Some(Source::new("OTHER"))), |_| {}),
        (|_| {}, |c| (c.subjects, c.mirror) = (Vec::new(), Some(Source::new("OTHER")))),
        (
            |c| c.storage = StorageType::File,
            |c| (c.storage, c.persist_mode) = (StorageType::File, Some(PersistenceMode::Async)),
        ),
    ];
    stream(&jetstream, "OTHER", &["other"]).await;
    for (number, (before, after)) in cases.iter().enumerate() {
        let name = format!("S{number}");
        let (mut actual, mut wanted) = (config(&name, &["s"]), config(&name, &["s"]));
        before(&mut actual);
        after(&mut wanted);
        jetstream.create_stream(actual).await.unwrap();
        let setup = Setup::new().stream(StreamSetup::whole(wanted).unwrap());
        let found = plan(&jetstream, &setup).await;
        let Action::UpdateStream(update) = found.steps()[0].action() else { panic!("{found}") };
        let server = jetstream.update_stream(&**update).await;
        let obstacles = found.obstacles().count();
        assert_eq!(obstacles > 0, server.is_err(), "{found}{server:?}");
        let again = plan(&jetstream, &setup).await;
        assert_eq!(again.is_empty(), server.is_ok(), "it has become what it should be: {again}");
        jetstream.delete_stream(&name).await.unwrap();
    }

    let other = jetstream.get_stream("OTHER").await.unwrap();
    let cases: &[(Touch<consumer::Config>, Touch<consumer::Config>)] = &[
        (|_| {}, |c| c.deliver_policy = DeliverPolicy::New),
        (|_| {}, |c| c.ack_policy = AckPolicy::All),
        (|_| {}, |c| c.replay_policy = ReplayPolicy::Original),
        (|_| {}, |c| c.max_waiting = 5),
        (|_| {}, |c| c.deliver_subject = Some("d".into())),
        (|c| c.deliver_subject = Some("d".into()), |_| {}),
        (|c| c.deliver_subject = Some("d".into()), |c| c.deliver_subject = Some("e".into())),
        (
            |c| c.deliver_subject = Some("d".into()),
            |c| (c.deliver_subject, c.idle_heartbeat) = (Some("d".into()), second(5)),
        ),
        (
            |c| (c.deliver_subject, c.idle_heartbeat) = (Some("d".into()), second(5)),
            |c| {
                (c.deliver_subject, c.idle_heartbeat) = (Some("d".into()), second(5));
                c.flow_control = true;
            },
        ),
        (|_| {}, |c| c.ack_wait = second(9)),
        (|_| {}, |c| c.max_deliver = 9),
        (|_| {}, |c| c.max_ack_pending = 9),
        (|_| {}, |c| c.filter_subject = "other".into()),
        (|_| {}, |c| c.headers_only = true),
        (|_| {}, |c| c.max_batch = 9),
        (|_| {}, |c| c.inactive_threshold = second(9)),
        (|_| {}, |c| c.backoff = vec![second(1)]),
        (|_| {}, |c| c.description = Some("x".into())),
        (|_| {}, |c| c.memory_storage = true),
        (|_| {}, |c| c.sample_frequency = 9),
        (|_| {}, |c| (c.durable_name, c.name) = (None, c.durable_name.take())),
        (|c| c.inactive_threshold = second(9), |_| {}),
    ];
    for (number, (before, after)) in cases.iter().enumerate() {
        let name = format!("C{number}");
        let (mut actual, mut wanted) =
            (consumer::Config::from(&*name), consumer::Config::from(&*name));
        before(&mut actual);
        after(&mut wanted);
        let make = Setup::new().consumer("OTHER", ConsumerSetup::whole(actual).unwrap());
        within("consumer", jetstream.apply(&plan(&jetstream, &make).await)).await.unwrap();
        let setup = Setup::new().consumer("OTHER", ConsumerSetup::whole(wanted).unwrap());
        let found = plan(&jetstream, &setup).await;
        let Action::UpdateConsumer(update) = found.steps()[0].action() else { panic!("{found}") };
        let request =
            midge_proto::jetstream::consumer::CreateRequest::new(other.name().clone(), &**update);
        let request = request.unwrap().action(midge_proto::jetstream::consumer::Action::Update);
        let server = jetstream.call(request).await;
        let obstacles = found.obstacles().count();
        assert_eq!(obstacles > 0, server.is_err(), "{found}{server:?}");
        let again = plan(&jetstream, &setup).await;
        assert_eq!(again.is_empty(), server.is_ok(), "it has become what it should be: {again}");
        other.delete_consumer(&name).await.unwrap();
    }
}

#[tokio::test]
async fn a_plan_with_an_obstacle_does_nothing_and_one_that_fails_says_where() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    stream(&jetstream, "OLD", &["old"]).await;
    let moved = Config { storage: StorageType::File, ..config("OLD", &["old"]) };
    let setup = Setup::new()
        .stream(StreamSetup::whole(config("NEW", &["new"])).unwrap())
        .stream(StreamSetup::whole(moved).unwrap());
    let error =
        within("setup", jetstream.apply(&plan(&jetstream, &setup).await)).await.unwrap_err();
    assert!(matches!(&error, SetupError::Impossible { .. }), "{error:?}");
    assert_contains(
        &error,
        "stream OLD would have to be made anew: storage: \"memory\" -> \"file\"",
    );
    assert_eq!(code(jetstream.get_stream("NEW").await), ErrorCode::STREAM_NOT_FOUND);

    let setup = Setup::new()
        .stream(StreamSetup::whole(config("NEW", &["new"])).unwrap())
        .stream(StreamSetup::whole(config("CLASH", &["old"])).unwrap())
        .stream(StreamSetup::whole(config("LATER", &["later"])).unwrap());
    let error =
        within("setup", jetstream.apply(&plan(&jetstream, &setup).await)).await.unwrap_err();
    let SetupError::Failed { asset, done, error } = error else { panic!("{error:?}") };
    assert_eq!((asset.to_string().as_str(), done), ("stream CLASH", 1));
    assert_eq!(error.error_code(), Some(ErrorCode::STREAM_SUBJECT_OVERLAP));
    assert!(jetstream.get_stream("NEW").await.is_ok());
    assert_eq!(code(jetstream.get_stream("LATER").await), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn a_setup_is_planned_and_carried_out_by_calls_that_block() {
    let Stage { server, .. } = stage().await;
    let url = server.url();
    blocking("setup", move || {
        let client = midge_blocking::connect(url).unwrap();
        let jetstream = midge_blocking::jetstream::new(&client);
        let setup = Setup::new()
            .stream(StreamSetup::whole("S").unwrap())
            .consumer("S", ConsumerSetup::whole("C").unwrap());
        let plan = jetstream.plan(&setup).unwrap();
        assert_eq!(jetstream.apply(&plan).unwrap(), 2);
        assert!(jetstream.plan(&setup).unwrap().is_empty());
    })
    .await;
}
