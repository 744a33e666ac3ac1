//! What operators look at and do: accounts, clusters, mirrors over borders, lists with gaps.

use crate::jetstream_support::{Stage, code, config, put, stage, stream};
use crate::support::{connect_to, within};
use core::future::Future;
use core::time::Duration;
use futures_util::{StreamExt, TryStreamExt};
use midge_test_server::{AccountOptions, Cluster, NatsServer, Operator, UserOptions};
use midge_tokio::jetstream::stream::{
    External, Info, Placement, Source, StorageType, StreamConsumerSource,
};
use midge_tokio::jetstream::{self, Context, ContextBuilder, ErrorCode, WhenFull, consumer};
use midge_tokio::{ConnectOptions, Message};
use std::collections::BTreeMap;
use std::time::Instant;

/// Bound of what takes an election.
const ELECTION: Duration = Duration::from_secs(30);

/// Asks until the answer is as wanted.
pub(crate) async fn eventually<T: core::fmt::Debug, F: Future<Output = T>>(
    what: &str,
    ask: impl Fn() -> F,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let start = Instant::now();
    loop {
        let found = ask().await;
        if wanted(&found) {
            return found;
        }
        assert!(start.elapsed() < ELECTION, "no {what} within {ELECTION:?}: {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn info(jetstream: &Context, stream: &str) -> Option<Info> {
    let stream = jetstream.get_stream_no_info(stream).await.unwrap();
    stream.get_info().await.ok()
}

/// Answers the calls of one kind under the prefix `fake` with this body.
async fn fake_answers(client: &midge_tokio::Client, call: &str, body: &'static str) -> Context {
    let mut calls = client.subscription(format!("fake.{call}")).confirmed().await.unwrap();
    let answering = client.clone();
    tokio::spawn(async move {
        while let Some(Message { reply: Some(reply), .. }) = calls.next().await {
            answering.publish(reply, body.into()).await.unwrap();
        }
    });
    jetstream::with_prefix(client.clone(), "fake")
}

#[tokio::test]
async fn an_account_with_tiers_tells_use_and_limits_of_each() {
    let mut operator = Operator::new().unwrap();
    let tier = |streams: i64| {
        serde_json::json!({"disk_storage": 1 << 20, "mem_storage": 1 << 20,
        "streams": streams, "consumer": 7})
    };
    let limits = serde_json::json!({"subs": -1, "data": -1, "payload": -1, "imports": -1,
        "exports": -1, "conn": -1, "leaf": -1, "wildcards": true,
        "tiered_limits": {"R1": tier(2), "R3": tier(5)}});
    let options = AccountOptions::new().claim("limits", limits);
    let account = operator.add_account("tiers", options).unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    let server = NatsServer::builder().jetstream().operator(&operator).start().unwrap();
    let options = ConnectOptions::with_credentials(&user.credentials()).unwrap();
    let jetstream = jetstream::new(connect_to(options, &server.url()).await);

    for name in ["A", "B"] {
        stream(&jetstream, name, &[&name.to_lowercase()]).await;
    }
    put(&jetstream, "a", "hello").await;
    let account = within("account", jetstream.query_account()).await.unwrap();
    let tiers: Vec<_> = account.tiers.keys().map(String::as_str).collect();
    assert_eq!(tiers, ["R1", "R3"]);
    let (one, three) = (&account.tiers["R1"], &account.tiers["R3"]);
    assert_eq!((one.streams, three.streams), (2, 0));
    assert!(one.memory > 0 && three.memory == 0, "{account:?}");
    assert_eq!((one.limits.max_streams, three.limits.max_streams), (Some(2), Some(5)));
    assert_eq!(one.limits.max_storage, Some(1 << 20));
    assert_eq!(account.limits.max_streams.unwrap_or_default(), 0, "the limits are in the tiers");

    let third = jetstream.create_stream(config("C", &["c"])).await;
    assert_eq!(code(third), ErrorCode::MAXIMUM_STREAMS_LIMIT);
}

#[tokio::test]
async fn a_context_gives_back_its_connection_and_all_that_was_set() {
    let Stage { server: _server, client, .. } = stage().await;
    let first = ContextBuilder::new()
        .api_prefix("$JS.API")
        .timeout(Duration::from_millis(900))
        .ack_timeout(Duration::from_millis(800))
        .max_ack_inflight(1)
        .when_full(WhenFull::Fail)
        .build(client.clone());
    assert_eq!(first.client().server_info().client_id, client.server_info().client_id);

    let second = first.options().timeout(Duration::from_millis(700)).build(first.client());
    assert_eq!(second.timeout(), Duration::from_millis(700));
    assert_eq!(
        (first.timeout(), second.ack_timeout()),
        (Duration::from_millis(900), Duration::from_millis(800))
    );
    assert_eq!(second.api_prefix(), first.api_prefix());
    stream(&second, "S", &["s"]).await;
    // Nobody reads the first answer yet, so the one place of each context is taken by one message.
    let waiting = second.publish("s", "1".into()).await.unwrap();
    assert!(second.publish("s", "2".into()).await.is_err(), "the limit is taken over");
    let other = first.publish("s", "3".into()).await.unwrap();
    assert_eq!(waiting.await.unwrap().sequence, 1);
    assert_eq!(other.await.unwrap().sequence, 2);

    let none = jetstream::with_prefix(client, "a b").options().build(first.client());
    assert!(none.api_prefix().is_none(), "what was wrong stays wrong");
}

#[tokio::test]
async fn the_subjects_of_a_stream_are_counted_over_all_pages() {
    /// More than the 100,000 of one page.
    const SUBJECTS: u64 = 100_500;
    let Stage { server: _server, client, jetstream, .. } = stage().await;
    let many = stream(&jetstream, "MANY", &["many.>"]).await;
    for number in 0..SUBJECTS {
        client.publish(format!("many.{number}"), "".into()).await.unwrap();
    }
    put(&jetstream, "many.7", "again").await;

    let found = within("info", many.info_with_subjects("many.>")).await.unwrap();
    assert_eq!(found.info.state.subjects_count, SUBJECTS);
    assert_eq!(found.info.state.subjects.len(), 100_000, "one page is part of the info");
    let subjects: BTreeMap<String, u64> =
        within("subjects", found.subjects.try_collect()).await.unwrap();
    assert_eq!(subjects.len() as u64, SUBJECTS, "all pages, and no subject twice");
    assert_eq!(subjects.values().sum::<u64>(), SUBJECTS + 1);
    assert_eq!((subjects["many.7"], subjects["many.100499"]), (2, 1));

    let some = within("info", many.info_with_subjects("many.7")).await.unwrap();
    let subjects: Vec<_> = within("subjects", some.subjects.try_collect()).await.unwrap();
    assert_eq!(subjects, [("many.7".to_owned(), 2)]);
    let mut none = within("info", many.info_with_subjects("few.*")).await.unwrap();
    assert!(within("subjects", none.subjects.next()).await.is_none());
}

/// A cluster of three, each node with a tag of its own: `node:0` to `node:2`.
pub(crate) fn cluster() -> Cluster {
    Cluster::builder(3)
        .jetstream()
        .configure(|index, server| server.config(format!("server_tags: [\"node:{index}\"]")))
        .start()
        .unwrap()
}

pub(crate) async fn context(cluster: &Cluster) -> Context {
    jetstream::new(connect_to(ConnectOptions::new(), &cluster.url_list()).await)
}

pub(crate) fn replicated(name: &str, replicas: usize) -> jetstream::stream::Config {
    jetstream::stream::Config { num_replicas: replicas, ..config(name, &[&name.to_lowercase()]) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_has_replicas_where_they_are_placed_and_tells_how_far_they_are() {
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let jetstream = context(&cluster).await;

    // Replicas: as many as there are servers, and no more; 0 means 1.
    for (name, replicas, given) in [("ONE", 0, 1), ("THREE", 3, 3)] {
        let created = jetstream.create_stream(replicated(name, replicas)).await.unwrap();
        assert_eq!(created.cached_info().config.num_replicas, given, "{name}");
    }
    let five = jetstream.create_stream(replicated("FIVE", 5)).await;
    assert_eq!(code(five), ErrorCode::CLUSTER_NO_PEERS);
    let six = jetstream.create_stream(replicated("SIX", 6)).await.unwrap_err();
    assert!(six.as_jetstream().unwrap().description().contains("replicas"), "{six}");

    // Who serves: one leads, and two follow with everything.
    put(&jetstream, "three", "x").await;
    let three = eventually(
        "stream that is everywhere",
        || info(&jetstream, "THREE"),
        |info| {
            let Some(cluster) = info.as_ref().and_then(|info| info.cluster.as_ref()) else {
                return false;
            };
            cluster.replicas.len() == 2 && cluster.replicas.iter().all(|peer| peer.current)
        },
    );
    let three = three.await.unwrap();
    let served = three.cluster.unwrap();
    assert_eq!(served.name.as_deref(), Some("test-cluster"));
    assert!(served.raft_group.as_deref().unwrap().contains("S-R3"), "{served:?}");
    assert!(served.leader_since.unwrap() <= three.time_stamp.unwrap());
    let mut names: Vec<_> = served.replicas.iter().map(|peer| peer.name.clone()).collect();
    names.extend(served.leader);
    names.sort();
    assert_eq!(names, ["test-cluster-0", "test-cluster-1", "test-cluster-2"]);
    for peer in &served.replicas {
        assert!(!peer.offline && peer.lag.unwrap_or_default() == 0, "{peer:?}");
        assert!(peer.peer.is_some() && peer.active < ELECTION, "{peer:?}");
    }

    // Placement by tags and by cluster.
    let place = |placement| jetstream::stream::Config {
        placement: Some(placement),
        ..replicated("PLACED", 1)
    };
    for index in [2, 0] {
        let placement = Placement { tags: vec![format!("node:{index}")], ..Placement::default() };
        let placed = jetstream.create_stream(place(placement.clone())).await.unwrap();
        assert_eq!(placed.cached_info().config.placement.as_ref(), Some(&placement));
        let found = eventually(
            "leader",
            || info(&jetstream, "PLACED"),
            |info| info.as_ref().and_then(|info| info.cluster.as_ref()?.leader.as_ref()).is_some(),
        );
        let leader = found.await.unwrap().cluster.unwrap().leader.unwrap();
        assert_eq!(leader, format!("test-cluster-{index}"));
        jetstream.delete_stream("PLACED").await.unwrap();
    }
    for placement in [
        Placement { tags: vec!["node:9".into()], ..Placement::default() },
        Placement { cluster: Some("elsewhere".into()), ..Placement::default() },
    ] {
        let nowhere = jetstream.create_stream(place(placement)).await;
        assert_eq!(code(nowhere), ErrorCode::CLUSTER_NO_PEERS);
    }

    // A stream tells its mirrors as alternates.
    let mirror = jetstream::stream::Config {
        subjects: Vec::new(),
        mirror: Some(Source::new("THREE")),
        ..replicated("MIRROR", 1)
    };
    jetstream.create_stream(mirror).await.unwrap();
    eventually(
        "mirror that has all",
        || info(&jetstream, "MIRROR"),
        |info| info.as_ref().is_some_and(|info| info.state.messages == 1),
    )
    .await;
    let found = info(&jetstream, "THREE").await.unwrap();
    let mut names: Vec<_> = found.alternates.iter().map(|it| &*it.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["MIRROR", "THREE"]);
    assert!(found.alternates.iter().all(|it| it.cluster == "test-cluster"));
    assert!(found.time_stamp.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_step_down_to_whom_is_preferred_and_peers_are_removed() {
    let mut cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let jetstream = context(&cluster).await;
    let stream = jetstream.create_stream(replicated("S", 3)).await.unwrap();
    let durable = consumer::pull::Config { durable_name: Some("C".into()), ..Default::default() };
    stream.create_consumer(durable).await.unwrap();
    put(&jetstream, "s", "x").await;
    let all_there = |info: &Option<Info>| {
        let cluster = info.as_ref().and_then(|info| info.cluster.as_ref());
        cluster.is_some_and(|cluster| {
            cluster.leader.is_some()
                && cluster.replicas.len() == 2
                && cluster.replicas.iter().all(|peer| peer.current)
        })
    };
    let led = eventually("leader with followers", || info(&jetstream, "S"), all_there).await;
    let led = led.unwrap().cluster.unwrap();

    let preferred = led.replicas[0].name.clone();
    let to = Placement { preferred: Some(preferred.clone()), ..Placement::default() };
    assert!(within("step down", stream.leader_step_down_to(to)).await.unwrap().success);
    let leads = |name: &str| {
        let name = name.to_owned();
        move |info: &Option<Info>| {
            let cluster = info.as_ref().and_then(|info| info.cluster.as_ref());
            cluster.is_some_and(|cluster| cluster.leader.as_deref() == Some(&name))
        }
    };
    eventually("change of leaders", || info(&jetstream, "S"), leads(&preferred)).await;

    let stranger = Placement { preferred: Some("nobody".into()), ..Placement::default() };
    let refused = within("step down", stream.leader_step_down_to(stranger)).await;
    assert!(refused.unwrap_err().as_jetstream().is_some());
    assert!(within("step down", stream.leader_step_down()).await.unwrap().success);
    eventually(
        "other leader",
        || info(&jetstream, "S"),
        |info| !leads(&preferred)(info) && all_there(info),
    )
    .await;
    let consumer = within("step down", stream.consumer_leader_step_down("C")).await.unwrap();
    assert!(consumer.success);
    let none = within("step down", stream.consumer_leader_step_down("D")).await;
    assert_eq!(code(none), ErrorCode::CONSUMER_NOT_FOUND);

    let unknown = within("removal", stream.remove_peer("nobody")).await;
    assert_eq!(code(unknown), ErrorCode::CLUSTER_PEER_NOT_MEMBER);
    assert!(within("cancel", stream.cancel_move()).await.unwrap_err().as_jetstream().is_some());

    // With one replica, a removed peer gives way to another server.
    jetstream.update_stream(replicated("S", 1)).await.unwrap();
    let alone = eventually(
        "single replica",
        || info(&jetstream, "S"),
        |info| {
            let cluster = info.as_ref().and_then(|info| info.cluster.as_ref());
            cluster.is_some_and(|cluster| cluster.leader.is_some() && cluster.replicas.is_empty())
        },
    );
    let leader = alone.await.unwrap().cluster.unwrap().leader.unwrap();
    assert!(within("evacuation", stream.evacuate_peer(&leader)).await.unwrap().success);
    let moved = eventually(
        "copy elsewhere",
        || info(&jetstream, "S"),
        |info| {
            let cluster = info.as_ref().and_then(|info| info.cluster.as_ref());
            let found = cluster.and_then(|cluster| cluster.leader.as_ref());
            found.is_some_and(|found| *found != leader)
        },
    );
    let moved = moved.await.unwrap();
    assert_eq!(moved.state.messages, 1, "the message moved along");

    // What a dead server has is missing from the list, and the rest is there.
    let home = moved.cluster.unwrap().leader.unwrap();
    let victim = (0..3).find(|index| !home.ends_with(&index.to_string())).unwrap();
    let tags = vec![format!("node:{victim}")];
    let placement = Placement { tags, ..Placement::default() };
    let lonely = jetstream::stream::Config { placement: Some(placement), ..replicated("L", 1) };
    jetstream.create_stream(lonely).await.unwrap();
    let name = cluster.node(victim).name().to_owned();
    eventually("lonely stream", || info(&jetstream, "L"), leads(&name)).await;
    cluster.node(victim).kill();
    let list = || async {
        let mut list = jetstream.streams();
        let mut names = Vec::new();
        while let Some(item) = list.next().await {
            match item {
                Ok(info) => names.push(info.config.name),
                Err(_) => break,
            }
        }
        (names, list.missing().to_vec())
    };
    let expected = (vec!["S".to_owned()], vec!["L".to_owned()]);
    eventually("list with a gap", list, |found| *found == expected).await;
}

/// No server of one version alone has such a stream, so the answer is one of a server's making.
#[tokio::test]
async fn what_a_server_cannot_run_is_listed_with_the_reason() {
    let Stage { server: _server, client, .. } = stage().await;
    let body = r#"{"type":"io.nats.jetstream.api.v1.stream_list_response","total":3,"offset":0,
        "limit":256,"streams":[{"config":{"name":"S"}}],"missing":["GONE"],
        "offline":{"NEW":"unsupported - required API level: 9, current API level: 5"}}"#;
    let jetstream = fake_answers(&client, "STREAM.LIST", body).await;
    let mut list = jetstream.streams();
    assert!(list.missing().is_empty() && list.offline().is_empty(), "nothing was read yet");
    assert_eq!(within("item", list.next()).await.unwrap().unwrap().config.name, "S");
    assert_eq!(list.missing(), ["GONE"]);
    assert_eq!(list.offline()["NEW"], "unsupported - required API level: 9, current API level: 5");
}

/// Account `A` exports what `B` needs to mirror its streams.
const TWO_ACCOUNTS: &str = r#"
accounts {
  A {
    jetstream: enabled
    users: [{user: a, password: a}]
    exports: [
      {service: "$JS.API.>"}, {service: "$JS.FC.>"}, {stream: "to.b.>"}
    ]
  }
  B {
    jetstream: enabled
    users: [{user: b, password: b}]
    imports: [
      {service: {account: A, subject: "$JS.API.>"}, to: "from.a.>"}
      {service: {account: A, subject: "$JS.FC.>"}}
      {stream: {account: A, subject: "to.b.>"}}
    ]
  }
}
"#;

#[tokio::test]
async fn a_stream_of_another_account_is_mirrored_by_its_prefixes() {
    let server = NatsServer::builder().jetstream().config(TWO_ACCOUNTS).start().unwrap();
    let user = |name: &str| ConnectOptions::with_user_and_password(name.into(), name.into());
    let a = jetstream::new(connect_to(user("a"), &server.url()).await);
    let b = jetstream::new(connect_to(user("b"), &server.url()).await);
    stream(&a, "ORIGIN", &["o"]).await;
    put(&a, "o", "hello").await;

    let external = External {
        api_prefix: "from.a".into(),
        delivery_prefix: Some("to.b".into()),
        ..External::default()
    };
    let mirror = |name: &str, origin: &str| jetstream::stream::Config {
        mirror: Some(Source { external: Some(external.clone()), ..Source::new(origin) }),
        ..config(name, &[])
    };
    within("mirror", b.create_stream(mirror("MIRROR", "ORIGIN"))).await.unwrap();
    let found = eventually(
        "mirrored message",
        || info(&b, "MIRROR"),
        |info| info.as_ref().is_some_and(|info| info.state.messages == 1),
    );
    let found = found.await.unwrap();
    assert_eq!(found.config.mirror.unwrap().external.as_ref(), Some(&external));
    let status = found.mirror.unwrap();
    assert_eq!((&*status.name, status.external.as_ref()), ("ORIGIN", Some(&external)));
    assert!(status.error.is_none() && status.lag == 0, "{status:?}");

    // The same from the other side: a stream that is not there is an error of the mirror.
    within("mirror", b.create_stream(mirror("LOST", "NOWHERE"))).await.unwrap();
    let lost = eventually(
        "error of the mirror",
        || info(&b, "LOST"),
        |info| {
            let mirror = info.as_ref().and_then(|info| info.mirror.as_ref());
            mirror.is_some_and(|mirror| mirror.error.is_some())
        },
    );
    let status = lost.await.unwrap().mirror.unwrap();
    assert_eq!(status.error.unwrap().error_code(), ErrorCode::STREAM_NOT_FOUND);
    assert_eq!((&*status.name, status.external.as_ref()), ("NOWHERE", Some(&external)));
}

#[tokio::test]
async fn messages_are_taken_through_a_durable_consumer_of_the_source() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let origin = stream(&jetstream, "ORIGIN", &["o"]).await;
    put(&jetstream, "o", "1").await;
    let durable = consumer::push::Config {
        durable_name: Some("TAKER".into()),
        deliver_subject: "taken.origin".into(),
        ack_policy: consumer::AckPolicy::FlowControl,
        flow_control: true,
        idle_heartbeat: Duration::from_secs(1),
        ..Default::default()
    };
    within("consumer", origin.create_consumer(durable)).await.unwrap();
    let through = StreamConsumerSource::new("TAKER", "taken.origin");
    let config = jetstream::stream::Config {
        storage: StorageType::Memory,
        sources: Some(vec![Source { consumer: Some(through.clone()), ..Source::new("ORIGIN") }]),
        ..jetstream::stream::Config::from("ALL")
    };
    let all = within("stream", jetstream.create_stream(config)).await.unwrap();
    let sources = all.cached_info().config.sources.as_ref().unwrap();
    assert_eq!(sources[0].consumer.as_ref(), Some(&through));
    put(&jetstream, "o", "2").await;
    eventually(
        "messages of the source",
        || info(&jetstream, "ALL"),
        |info| info.as_ref().is_some_and(|info| info.state.messages == 2),
    )
    .await;
    let info = within("consumer info", origin.consumer_info("TAKER")).await.unwrap();
    assert_eq!(info.delivered.stream_sequence, 2, "they came through this consumer");
}
