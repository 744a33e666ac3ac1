//! Flush, sync and rtt: what each proves.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, event, within};
use core::time::Duration;
use midge::{Event, FlushError};
use midge_test_server::Direction;

conformance! {
    sync_proves_that_the_server_has_everything,
    flush_hands_everything_to_the_socket,
    a_round_trip_takes_some_time,
    a_sync_fails_when_its_connection_dies,
    a_sync_ends_with_its_time,
}

async fn sync_proves_that_the_server_has_everything<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    for _ in 0..1_000 {
        client.publish("s", "x".into()).await.unwrap();
    }
    within("sync", client.sync()).await.unwrap();
    assert_eq!(server.monitor("/varz").unwrap()["in_msgs"], 1_000);
    assert_eq!(client.buffered_bytes(), 0);
}

async fn flush_hands_everything_to_the_socket<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    client.publish("f", vec![0; 800_000].into()).await.unwrap();
    within("flush", client.flush()).await.unwrap();
    assert_eq!(client.buffered_bytes(), 0);
    server.monitor_until("/varz", |varz| varz["in_msgs"] == 1).unwrap();
}

async fn a_round_trip_takes_some_time<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let time = within("rtt", client.rtt()).await.unwrap();
    assert!(time > Duration::ZERO && time < Duration::from_secs(5), "{time:?}");
}

async fn a_sync_fails_when_its_connection_dies<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let proxy = stage.proxy(&server);
    let client = stage.connect_to(stage.options(), &stage.url_of(proxy.address())).await;
    let mut events = client.events();
    client.sync().await.unwrap();
    proxy.stall(Direction::ToClient);
    let cut = async {
        client.flush().await.unwrap();
        proxy.cut();
    };
    let both = futures_util::future::join(client.sync(), cut);
    let (result, ()) = within("an error", both).await;
    assert_eq!(result, Err(FlushError::Disconnected));
    event(&mut events, &Event::Disconnected).await;
    proxy.resume(Direction::ToClient);
    event(&mut events, &Event::Connected).await;
    within("sync", client.sync()).await.unwrap();
}

async fn a_sync_ends_with_its_time<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let proxy = stage.proxy(&server);
    let client = stage.connect_to(stage.options(), &stage.url_of(proxy.address())).await;
    client.sync().await.unwrap();
    proxy.stall(Direction::ToClient);
    let short = Duration::from_millis(20);
    let result = within("an error", client.sync_timeout(short)).await;
    assert_eq!(result, Err(FlushError::TimedOut(short)));
}
