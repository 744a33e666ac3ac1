//! What servers tell of JetStream unasked.

use crate::jetstream_support::{Stage, config, put, stage, stream};
use crate::support::{blocking, connect_to, within};
use core::time::Duration;
use futures_util::StreamExt;
use midge_test_server::Cluster;
use midge_tokio::jetstream::advisory::{
    Abandonment, Advisories, Advisory, AdvisoryEvent, AdvisoryFilter, AdvisoryKind, AssetAction,
};
use midge_tokio::jetstream::consumer::{self, PriorityPolicy};
use midge_tokio::jetstream::{self, AckKind, Message};
use midge_tokio::{ConnectOptions, HeaderMap};

async fn next(advisories: &mut Advisories) -> Advisory {
    within("an advisory", advisories.next()).await.unwrap()
}

fn of(kinds: impl IntoIterator<Item = AdvisoryKind>) -> AdvisoryFilter {
    AdvisoryFilter::new().kinds(kinds)
}

#[tokio::test]
async fn calls_and_what_they_did_are_told() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let mut audits = jetstream.advisories(of([AdvisoryKind::ApiAudit])).await.unwrap();
    let actions =
        [AdvisoryKind::StreamCreated, AdvisoryKind::StreamUpdated, AdvisoryKind::StreamDeleted];
    let only_s = of(actions).stream("S".parse().unwrap());
    let mut actions = jetstream.advisories(only_s).await.unwrap();
    let about_consumers = of([AdvisoryKind::ConsumerCreated, AdvisoryKind::ConsumerDeleted]);
    let mut consumers = jetstream.advisories(about_consumers).await.unwrap();

    stream(&jetstream, "OTHER", &["other"]).await;
    let created = stream(&jetstream, "S", &["s"]).await;
    let audit = next(&mut audits).await;
    let AdvisoryEvent::ApiAudit(call) = &audit.event else { panic!("{audit:?}") };
    assert_eq!(call.subject, "$JS.API.STREAM.CREATE.OTHER");
    assert!(call.request.contains("other") && call.response.contains("did_create"), "{call:?}");
    assert_eq!(call.client.account.as_deref(), Some("$G"));
    assert!(audit.time.is_some() && !audit.id.is_empty());
    assert_eq!(audit.kind, "io.nats.jetstream.advisory.v1.api_audit");

    let mut changed = config("S", &["s"]);
    changed.max_messages = 5;
    jetstream.update_stream(&changed).await.unwrap();
    let durable = consumer::pull::Config { durable_name: Some("C".into()), ..Default::default() };
    created.create_consumer(durable).await.unwrap();
    created.delete_consumer("C").await.unwrap();
    jetstream.delete_stream("S").await.unwrap();
    let mut done = Vec::new();
    for _ in 0..3 {
        let advisory = next(&mut actions).await;
        assert_eq!(advisory.stream(), Some("S"), "the filter leaves others out");
        let AdvisoryEvent::StreamAction(action) = advisory.event else { panic!("{advisory:?}") };
        done.push(action.action);
    }
    done.sort_by_key(|action| action.as_str().to_owned());
    assert_eq!(done, [AssetAction::Create, AssetAction::Delete, AssetAction::Modify]);
    let mut done = Vec::new();
    for _ in 0..2 {
        let advisory = next(&mut consumers).await;
        assert_eq!((advisory.stream(), advisory.consumer()), (Some("S"), Some("C")));
        let AdvisoryEvent::ConsumerAction(action) = advisory.event else { panic!("{advisory:?}") };
        done.push(action.action.as_str().to_owned());
    }
    done.sort();
    assert_eq!(done, ["create", "delete"]);
    assert_eq!(actions.take_dropped(), 0);
}

#[tokio::test]
async fn the_fate_of_messages_is_told() {
    let Stage { server: _server, jetstream, client } = stage().await;
    let stream = stream(&jetstream, "S", &["s"]).await;
    let only = AdvisoryFilter::new().stream("S".parse().unwrap()).consumer("C".parse().unwrap());
    let mut advisories = jetstream.advisories(only).await.unwrap();
    let mut deliveries = client.subscription("d").confirmed().await.unwrap();
    let config = consumer::push::Config {
        deliver_subject: "d".into(),
        durable_name: Some("C".into()),
        max_deliver: 2,
        ack_wait: Duration::from_millis(100),
        sample_frequency: 100,
        ..Default::default()
    };
    stream.create_consumer(config.clone()).await.unwrap();
    let other = consumer::push::Config {
        deliver_subject: "e".into(),
        durable_name: Some("D".into()),
        ..config
    };
    stream.create_consumer(other).await.unwrap();
    let mut seen = vec![next(&mut advisories).await];

    let mut delivered = async || {
        let message = within("delivery", deliveries.next()).await.unwrap();
        Message::new(message, jetstream.clone())
    };
    put(&jetstream, "s", "refused, then given up").await;
    delivered().await.ack_with(AckKind::Nak(None)).await.unwrap();
    let reason = AckKind::TermWithReason("broken".into());
    delivered().await.double_ack_with(reason).await.unwrap();
    put(&jetstream, "s", "acknowledged").await;
    delivered().await.double_ack().await.unwrap();
    let forgotten = put(&jetstream, "s", "never acknowledged").await;
    delivered().await;
    delivered().await;
    while seen.len() < 5 {
        seen.push(next(&mut advisories).await);
    }
    assert!(seen.iter().all(|advisory| advisory.consumer() == Some("C")), "{seen:?}");
    let find = |pick: &dyn Fn(&AdvisoryEvent) -> bool| {
        assert_eq!(seen.iter().filter(|it| pick(&it.event)).count(), 1, "{seen:?}");
    };
    find(&|event| matches!(event, AdvisoryEvent::ConsumerAction(_)));
    find(&|event| {
        matches!(event, AdvisoryEvent::MessageNaked(naked)
            if (naked.stream_sequence, naked.consumer_sequence, naked.deliveries) == (1, 1, 1))
    });
    find(&|event| {
        matches!(event, AdvisoryEvent::MessageTerminated(given_up)
            if (given_up.stream_sequence, given_up.deliveries) == (1, 2)
                && given_up.reason.as_deref() == Some("broken"))
    });
    find(&|event| {
        matches!(event, AdvisoryEvent::AckSampled(sample)
            if sample.stream_sequence == 2 && !sample.ack_time.is_zero())
    });
    find(&|event| {
        matches!(event, AdvisoryEvent::MaxDeliveries(most)
            if (most.stream_sequence, most.deliveries) == (forgotten, 2))
    });
    // The base of a dead-letter queue: the message is still there.
    let message = stream.get_raw_message(forgotten).await.unwrap();
    assert_eq!(message.payload, "never acknowledged");
}

#[tokio::test]
async fn pauses_pins_backups_and_broken_batches_are_told() {
    let Stage { server: _server, jetstream, client } = stage().await;
    let batches = jetstream::stream::Config { allow_atomic_publish: true, ..config("S", &["s"]) };
    let stream = jetstream.create_stream(batches).await.unwrap();
    let pinned = consumer::pull::Config {
        durable_name: Some("C".into()),
        priority_policy: PriorityPolicy::PinnedClient,
        priority_groups: vec!["g".into()],
        ..Default::default()
    };
    stream.create_consumer(pinned).await.unwrap();
    put(&jetstream, "s", "x").await;
    let all = AdvisoryFilter::new().stream("S".parse().unwrap());
    let mut advisories = jetstream.advisories(all).await.unwrap();

    let until: jetstream::Timestamp = "2040-01-01T00:00:00Z".parse().unwrap();
    stream.pause_consumer("C", until).await.unwrap();
    let AdvisoryEvent::ConsumerPause(pause) = next(&mut advisories).await.event else { panic!() };
    assert_eq!((pause.paused, pause.pause_until), (true, Some(until)));
    stream.resume_consumer("C").await.unwrap();
    let AdvisoryEvent::ConsumerPause(pause) = next(&mut advisories).await.event else { panic!() };
    assert!(!pause.paused);

    let pull = r#"{"batch":1,"expires":1000000000,"group":"g"}"#;
    let mut inbox = client.subscription("pulled").confirmed().await.unwrap();
    let next_subject = "$JS.API.CONSUMER.MSG.NEXT.S.C";
    client.publish_with_reply(next_subject, "pulled", pull.into()).await.unwrap();
    let AdvisoryEvent::GroupPinned(pin) = next(&mut advisories).await.event else { panic!() };
    let message = within("delivery", inbox.next()).await.unwrap();
    let id = message.headers.as_ref().unwrap().get("Nats-Pin-Id").unwrap().as_str().to_owned();
    assert_eq!((&*pin.group, pin.pinned_id), ("g", id));
    stream.unpin_consumer("C", "g").await.unwrap();
    let AdvisoryEvent::GroupUnpinned(pin) = next(&mut advisories).await.event else { panic!() };
    assert_eq!((&*pin.group, &*pin.reason), ("g", "admin"));

    for sequence in [1, 5] {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Batch-Id", "b1");
        headers.insert("Nats-Batch-Sequence", sequence);
        client.request_with_headers("s", headers, "x".into()).await.unwrap();
    }
    let AdvisoryEvent::BatchAbandoned(batch) = next(&mut advisories).await.event else { panic!() };
    assert_eq!((&*batch.batch, batch.reason), ("b1", Abandonment::Incomplete));

    let mut backup = stream.snapshot().open().await.unwrap();
    while backup.next_chunk().await.unwrap().is_some() {}
    let AdvisoryEvent::SnapshotCreate(begun) = next(&mut advisories).await.event else { panic!() };
    assert_eq!((begun.state.messages, begun.client.account.as_deref()), (1, Some("$G")));
    let AdvisoryEvent::SnapshotComplete(done) = next(&mut advisories).await.event else { panic!() };
    assert!(done.end >= done.start && done.start.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_election_of_a_leader_and_the_loss_of_most_servers_are_told() {
    let start = || Cluster::builder(3).jetstream().start().unwrap();
    let mut cluster = tokio::task::spawn_blocking(start).await.unwrap();
    let client = connect_to(ConnectOptions::new(), &cluster.urls()[0]).await;
    let jetstream = jetstream::new(client);
    let elections = of([AdvisoryKind::StreamLeaderElected, AdvisoryKind::ConsumerLeaderElected]);
    let mut elections = jetstream.advisories(elections).await.unwrap();
    let lost = of([AdvisoryKind::StreamQuorumLost]);
    let mut lost = jetstream.advisories(lost).await.unwrap();
    let config = jetstream::stream::Config { num_replicas: 3, ..config("S", &["s"]) };
    jetstream.create_stream(config).await.unwrap();
    let advisory = next(&mut elections).await;
    let AdvisoryEvent::StreamLeaderElected(elected) = advisory.event else {
        panic!("{advisory:?}")
    };
    assert_eq!((&*elected.stream, elected.replicas.len()), ("S", 3));
    assert!(elected.leader.unwrap().starts_with("test-cluster-"));
    drop(elections);

    // Whoever leads then finds out that it is alone.
    cluster.node(1).kill();
    cluster.node(2).kill();
    let told = tokio::time::timeout(Duration::from_secs(60), lost.next()).await;
    let advisory = told.expect("servers notice within a minute").unwrap();
    let AdvisoryEvent::StreamQuorumLost(lost) = advisory.event else { panic!("{advisory:?}") };
    assert_eq!(lost.stream, "S");
}

#[tokio::test]
async fn a_filter_that_matches_nothing_ends_and_calls_that_block_see_the_same() {
    let Stage { server, jetstream, .. } = stage().await;
    let nothing = of([AdvisoryKind::ApiAudit]).stream("S".parse().unwrap());
    let mut advisories = jetstream.advisories(nothing).await.unwrap();
    assert!(within("the end", StreamExt::next(&mut advisories)).await.is_none());

    let url = server.url();
    blocking("advisories", move || {
        let client = midge_blocking::connect(url).unwrap();
        let jetstream = midge_blocking::jetstream::new(&client);
        let mut advisories = jetstream.advisories(of([AdvisoryKind::StreamCreated])).unwrap();
        jetstream.create_stream("S").unwrap();
        assert_eq!(advisories.next().unwrap().stream(), Some("S"));
    })
    .await;
}
