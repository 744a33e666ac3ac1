//! Clusters: servers that are announced, lost, and shut down.

use crate::support::{connect_to, event, next, quick, until, within};
use core::time::Duration;
use midge_test_server::Cluster;
use midge_tokio::{ConnectOptions, Discovery, Event};
use std::sync::{Arc, Mutex};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announced_servers_join_the_pool_and_one_takes_over_when_the_connected_one_dies() {
    let mut cluster = start(Cluster::builder(3));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let options = quick().event_callback({
        let seen = Arc::clone(&seen);
        move |event| {
            if let Event::ServerDiscovered(addr) = event {
                seen.lock().unwrap().push(addr);
            }
            core::future::ready(())
        }
    });
    let client = connect_to(options, &cluster.urls()[0]).await;
    until("two discovered servers", || seen.lock().unwrap().len() >= 2).await;
    let mut ports: Vec<u16> = seen.lock().unwrap().iter().map(|addr| addr.port()).collect();
    ports.sort_unstable();
    let mut others: Vec<u16> = cluster.nodes()[1..].iter().map(|node| node.port()).collect();
    others.sort_unstable();
    assert_eq!(ports, others);
    let pool = client.server_pool().await.unwrap();
    assert_eq!(pool.iter().filter(|server| server.is_discovered).count(), 2);

    let mut events = client.events();
    let mut subscriber = client.subscribe("c").await.unwrap();
    client.sync().await.unwrap();
    cluster.node(0).kill();
    event(&mut events, &Event::Connected).await;
    let port = client.remote_addr().unwrap().port();
    assert!(others.contains(&port), "{port}");
    client.publish("c", "x".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");

    // From one to the other, and back to the first.
    let at = cluster.nodes().iter().position(|node| node.port() == port).unwrap();
    cluster.restart_node(0).unwrap();
    cluster.node(at).kill();
    event(&mut events, &Event::Connected).await;
    client.publish("c", "y".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "y");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announced_servers_are_left_alone_if_they_are_to() {
    let cluster = start(Cluster::builder(2));
    for options in [
        ConnectOptions::new().ignore_discovered_servers(),
        ConnectOptions::new().discovery(Discovery::ignore()),
    ] {
        let client = connect_to(options, &cluster.urls()[0]).await;
        client.sync().await.unwrap();
        assert_eq!(client.server_info().connect_urls.len(), 2);
        assert_eq!(client.server_pool().await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_in_lame_duck_mode_is_left_without_losing_a_subscription() {
    let mut cluster = start(Cluster::builder(2).configure(|_, node| {
        node.config("lame_duck_grace_period: \"50ms\"\nlame_duck_duration: \"30s\"")
    }));
    let client = connect_to(quick(), &cluster.urls()[0]).await;
    until("two servers", || {
        client.try_server_info().is_some_and(|info| info.connect_urls.len() == 2)
    })
    .await;
    let mut events = client.events();
    let mut subscriber = client.subscribe("l").await.unwrap();
    client.sync().await.unwrap();
    cluster.node(0).lame_duck().unwrap();
    event(&mut events, &Event::LameDuckMode).await;
    event(&mut events, &Event::Disconnected).await;
    event(&mut events, &Event::Connected).await;
    assert_eq!(client.remote_addr(), Some(cluster.nodes()[1].address()));
    client.publish("l", "x".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_cross_the_cluster_while_a_client_moves() {
    let cluster = start(Cluster::builder(2));
    let urls = cluster.urls();
    let publisher = connect_to(quick().ignore_discovered_servers(), &urls[0]).await;
    let reader = connect_to(quick().ignore_discovered_servers(), &urls[1]).await;
    let mut all = reader.subscription("x").confirmed().await.unwrap();
    // Interest travels between servers on its own time.
    let first = async {
        loop {
            publisher.publish("x", "knock".into()).await.unwrap();
            if all.next_timeout(Duration::from_millis(50)).await.is_ok() {
                return;
            }
        }
    };
    within("interest at the other server", first).await;
    publisher.publish("x", "end".into()).await.unwrap();
    loop {
        if next(&mut all).await.payload == "end" {
            break;
        }
    }
    let mut events = publisher.events();
    publisher.set_server_pool(urls[1].clone()).await.unwrap();
    publisher.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
    assert_eq!(publisher.remote_addr(), Some(cluster.nodes()[1].address()));
    publisher.publish("x", "moved".into()).await.unwrap();
    assert_eq!(next(&mut all).await.payload, "moved");
}

fn start(builder: midge_test_server::ClusterBuilder) -> Cluster {
    builder.start().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_server_gets_the_credentials_of_the_url_that_led_to_it() {
    let password = "authorization { user: joe, password: s3cret }";
    let cluster = Cluster::builder(2).configure(move |_, server| server.config(password));
    let mut cluster = start(cluster);
    let ports: Vec<u16> = cluster.nodes().iter().map(|node| node.port()).collect();
    let url = format!("nats://joe:s3cret@127.0.0.1:{}", ports[0]);
    let client = connect_to(quick(), &url).await;
    let mut events = client.events();
    until("the other server", || {
        client.server_info().connect_urls.iter().any(|url| url.ends_with(&ports[1].to_string()))
    })
    .await;
    cluster.node(0).kill();
    event(&mut events, &Event::Connected).await;
    assert_eq!(client.remote_addr().unwrap().port(), ports[1]);
    within("sync", client.sync()).await.unwrap();
    let pool = client.server_pool().await.unwrap();
    assert!(!format!("{pool:?}").contains("s3cret"), "{pool:?}");
}
