//! Clusters: servers that are announced, lost, and shut down.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, event, next, reconnected, until};
use midge::Event;

conformance! {
    announced_servers_join_the_pool_and_one_takes_over,
    a_server_in_lame_duck_mode_is_left,
}

async fn announced_servers_join_the_pool_and_one_takes_over<A: Adapter>(stage: Stage<A>) {
    let mut cluster = stage.cluster("");
    let url = stage.url(&cluster.nodes()[0]);
    let client = stage.connect_to(stage.options(), &url).await;
    let mut pool = client.server_pool().await.unwrap();
    let deadline = std::time::Instant::now() + crate::stage::DEADLINE;
    while pool.len() < 3 && std::time::Instant::now() < deadline {
        crate::stage::sleep(core::time::Duration::from_millis(5)).await;
        pool = client.server_pool().await.unwrap();
    }
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
    until("three servers", || {
        client.try_server_info().is_some_and(|info| info.connect_urls.len() == 3)
    })
    .await;
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
