//! Changes of leaders and of members in the middle of things, on three servers.

use crate::jetstream_operations::{cluster, context, eventually, info, replicated};
use crate::support::within;
use core::time::Duration;
use midge_test_server::Cluster;
use midge_tokio::jetstream::Context;
use midge_tokio::jetstream::context::Publish;
use midge_tokio::jetstream::stream::{Config, Info, Placement, Stream};
use std::collections::BTreeSet;

async fn three() -> (Cluster, Context) {
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let jetstream = context(&cluster).await;
    (cluster, jetstream)
}

fn leader(info: Option<&Info>) -> Option<String> {
    info?.cluster.as_ref()?.leader.clone()
}

fn members(info: Option<&Info>) -> BTreeSet<String> {
    let cluster = info.and_then(|info| info.cluster.as_ref());
    let replicas = cluster.into_iter().flat_map(|cluster| &cluster.replicas);
    replicas.filter(|peer| peer.current).map(|peer| peer.name.clone()).chain(leader(info)).collect()
}

/// A stream with so many replicas, all of which are there.
async fn complete(jetstream: &Context, config: Config) -> Stream {
    let replicas = config.num_replicas;
    let name = config.name.clone();
    let stream = within("a stream", jetstream.create_stream(config)).await.unwrap();
    let ask = || info(jetstream, &name);
    eventually("all replicas", ask, |info| members(info.as_ref()).len() == replicas).await;
    stream
}

/// Another server leads.
async fn change_leaders(jetstream: &Context, stream: &Stream, name: &str) {
    let before = leader(info(jetstream, name).await.as_ref());
    assert!(within("step down", stream.leader_step_down()).await.unwrap().success);
    let ask = || info(jetstream, name);
    let changed = |info: &Option<Info>| {
        let now = leader(info.as_ref());
        now.is_some() && now != before
    };
    eventually("another leader", ask, changed).await;
}

async fn stored(jetstream: &Context, name: &str) -> u64 {
    info(jetstream, name).await.unwrap().state.messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_over_a_change_of_leaders_is_stored_whole_or_not_at_all() {
    let (_cluster, jetstream) = three().await;
    let config = Config { allow_atomic_publish: true, ..replicated("B", 3) };
    let stream = complete(&jetstream, config).await;
    let mut expected = 0;
    for _ in 0..3 {
        let mut batch = jetstream.batch_publish().build();
        for _ in 0..5 {
            within("an add", batch.add("b", "x".into())).await.unwrap();
        }
        change_leaders(&jetstream, &stream, "B").await;
        match within("a commit", batch.commit("b", "last".into())).await {
            Ok(ack) => {
                assert_eq!(ack.batch_size, Some(6));
                expected += 6;
            }
            Err(error) => assert_eq!(error.call_error().subject().unwrap(), "b", "{error:?}"),
        }
        assert_eq!(stored(&jetstream, "B").await, expected);
    }
    // And the next one is as good as any.
    let messages = (0..6).map(|_| Publish::build().payload("x".into()).outbound_message("b"));
    let ack = within("a batch", jetstream.batch_publish().publish_all(messages)).await.unwrap();
    assert_eq!((ack.batch_size, stored(&jetstream, "B").await), (Some(6), expected + 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fast_ingest_over_a_change_of_leaders_stores_each_message_once() {
    let (_cluster, jetstream) = three().await;
    let config = Config { allow_batch_publish: true, ..replicated("F", 3) };
    let stream = complete(&jetstream, config).await;
    let builder = jetstream.fast_publish().flow(50).timeout(Duration::from_secs(2));
    let mut publisher = builder.open().await.unwrap();
    for number in 0..900 {
        if number == 300 || number == 600 {
            change_leaders(&jetstream, &stream, "F").await;
        }
        let message = Publish::build().message_id(number.to_string()).payload("x".into());
        within("an add", publisher.add_publish("f", message)).await.unwrap();
    }
    assert_eq!(within("the end", publisher.finish()).await.unwrap(), 900);
    assert_eq!(stored(&jetstream, "F").await, 900, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_gives_way_to_another_server() {
    let (_cluster, jetstream) = three().await;
    let stream = complete(&jetstream, replicated("R", 2)).await;
    let ack = within("a publish", jetstream.publish("r", "x".into())).await.unwrap();
    within("an ack", ack).await.unwrap();
    let before = info(&jetstream, "R").await;
    let before = members(before.as_ref());
    let removed = before.first().unwrap().clone();
    assert!(within("a removal", stream.remove_peer(&removed)).await.unwrap().success);
    let replaced = |info: &Option<Info>| {
        let now = members(info.as_ref());
        now.len() == 2 && !now.contains(&removed)
    };
    let now = eventually("another member", || info(&jetstream, "R"), replaced).await.unwrap();
    assert_eq!(now.state.messages, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_cancelled_leaves_the_stream_where_it_was() {
    let (mut cluster, jetstream) = three().await;
    let stream = complete(&jetstream, replicated("M", 1)).await;
    let home = leader(info(&jetstream, "M").await.as_ref()).unwrap();
    let meta = cluster.jetstream_leader();
    let target = (0..3)
        .find(|index| cluster.nodes()[*index].name() != home && Some(*index) != meta)
        .unwrap();
    let tags = vec![format!("node:{target}")];
    let there = Placement { tags, ..Placement::default() };
    let moved = Config { placement: Some(there), ..replicated("M", 1) };
    within("a move", jetstream.update_stream(moved)).await.unwrap();
    // It is complete when the server that it goes to has a copy, which this one never has.
    tokio::task::block_in_place(|| cluster.node(target).kill());
    let back = within("a cancel", stream.cancel_move()).await.unwrap();
    assert_eq!((&*back.config.name, back.config.placement), ("M", None));
    let at_home = |info: &Option<Info>| {
        leader(info.as_ref()).is_some_and(|leader| leader == home)
            && info.as_ref().is_some_and(|info| info.config.num_replicas == 1)
    };
    eventually("the stream at home", || info(&jetstream, "M"), at_home).await;
    let ack = within("a publish", jetstream.publish("m", "x".into())).await.unwrap();
    within("an ack", ack).await.unwrap();
}
