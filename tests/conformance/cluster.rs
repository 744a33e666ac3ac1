//! Clusters: servers that are announced, lost, and shut down.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, event, next, reconnected, sleep, within};
use core::time::Duration;
use midge::{Client, Event, Server};

conformance! {
    announced_servers_join_the_pool_and_one_takes_over,
    a_server_in_lame_duck_mode_is_left,
}

/// Waits until the other two servers of the cluster were announced.
async fn pool_of_three(client: &Client) -> Vec<Server> {
    within("a pool of three", async {
        loop {
            let pool = client.server_pool().await.unwrap();
            if pool.len() >= 3 {
                return pool;
            }
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

async fn announced_servers_join_the_pool_and_one_takes_over<A: Adapter>(stage: Stage<A>) {
    let mut cluster = stage.cluster("");
    let url = stage.url(&cluster.nodes()[0]);
    let client = stage.connect_to(stage.options(), &url).await;
    let pool = pool_of_three(&client).await;
    assert_eq!(pool.iter().filter(|server| server.is_discovered).count(), 2, "{pool:?}");
    let mut events = client.events();
    let mut subscriber = client.subscribe("c").await.unwrap();
    client.sync().await.unwrap();
    cluster.node(0).kill();
    reconnected(&mut events).await;
    let port = client.remote_addr().unwrap().port();
    assert!(cluster.nodes()[1..].iter().any(|node| stage.address(node).port() == port));
    stage.assert_transport(&client);
    client.publish("c", "x".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
}

async fn a_server_in_lame_duck_mode_is_left<A: Adapter>(stage: Stage<A>) {
    let mut cluster =
        stage.cluster("lame_duck_grace_period: \"50ms\"\nlame_duck_duration: \"30s\"");
    let first = stage.address(&cluster.nodes()[0]);
    let client = stage.connect_to(stage.options(), &stage.url(&cluster.nodes()[0])).await;
    pool_of_three(&client).await;
    let mut events = client.events();
    let mut subscriber = client.subscribe("l").await.unwrap();
    client.sync().await.unwrap();
    cluster.node(0).lame_duck().unwrap();
    event(&mut events, &Event::LameDuckMode).await;
    reconnected(&mut events).await;
    assert_ne!(client.remote_addr(), Some(first));
    client.publish("l", "x".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
}
