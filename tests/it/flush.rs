//! Flush, sync and rtt: what each proves, and that none says "done" for a connection that died.

use crate::support::{blocking, connect, connect_to, quick, server, state, within};
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy};
use midge_tokio::{ConnectOptions, FlushError, FlushErrorKind, State};
use std::time::Instant;

#[tokio::test]
async fn sync_proves_that_the_server_has_everything() {
    let server = server();
    let client = connect(&server).await;
    for _ in 0..1_000 {
        client.publish("s", "x".into()).await.unwrap();
    }
    within("sync", client.sync()).await.unwrap();
    assert_eq!(server.monitor("/varz").unwrap()["in_msgs"], 1_000);
    assert_eq!(client.buffered_bytes(), 0);
}

#[tokio::test]
async fn flush_hands_everything_to_the_socket() {
    let server = server();
    let client = connect(&server).await;
    within("flush", client.flush()).await.unwrap();
    client.publish("s", vec![0; 200_000].into()).await.unwrap();
    assert!(client.buffered_bytes() > 200_000);
    within("flush", client.flush()).await.unwrap();
    assert_eq!(client.buffered_bytes(), 0);
    server.monitor_until("/varz", |varz| varz["in_msgs"] == 1).unwrap();
}

#[tokio::test]
async fn a_round_trip_takes_some_time() {
    let server = server();
    let client = connect(&server).await;
    for _ in 0..50 {
        let time = within("rtt", client.rtt()).await.unwrap();
        assert!(time > Duration::ZERO && time < Duration::from_secs(5), "{time:?}");
    }
}

#[tokio::test]
async fn sync_and_rtt_fail_when_their_connection_dies() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    client.sync().await.unwrap();
    proxy.stall(Direction::ToClient);
    let sync = tokio::spawn({
        let client = client.clone();
        async move { client.sync().await }
    });
    let rtt = tokio::spawn({
        let client = client.clone();
        async move { client.rtt().await }
    });
    let limited = client.sync_timeout(Duration::from_millis(50));
    let error = within("a time-out", limited).await.unwrap_err();
    assert_eq!(error, FlushError::TimedOut(Duration::from_millis(50)));
    assert_eq!(error.kind(), FlushErrorKind::FlushError);
    assert!(!sync.is_finished() && !rtt.is_finished());
    proxy.cut();
    // The next connection answers, and that answer is not theirs.
    proxy.resume(Direction::ToClient);
    assert_eq!(within("sync", sync).await.unwrap(), Err(FlushError::Disconnected));
    assert_eq!(within("rtt", rtt).await.unwrap(), Err(FlushError::Disconnected));
    state(&client, State::Connected).await;
    within("sync", client.sync()).await.unwrap();
}

#[tokio::test]
async fn without_a_connection_sync_fails_at_once_and_flush_waits_for_the_next() {
    let mut server = server();
    let client = connect_to(quick(), &server.url()).await;
    server.kill();
    state(&client, State::Disconnected).await;
    client.publish("s", "x".into()).await.unwrap();
    assert_eq!(within("sync", client.sync()).await, Err(FlushError::Disconnected));
    assert_eq!(within("rtt", client.rtt()).await, Err(FlushError::Disconnected));
    let flush = tokio::spawn({
        let client = client.clone();
        async move { client.flush().await }
    });
    let server = blocking("restart", move || {
        server.restart().unwrap();
        server
    })
    .await;
    within("flush", flush).await.unwrap().unwrap();
    server.monitor_until("/varz", |varz| varz["in_msgs"] == 1).unwrap();
}

#[tokio::test]
async fn a_closed_client_neither_flushes_nor_syncs() {
    let server = server();
    let client = connect(&server).await;
    client.close().await.unwrap();
    for result in [client.flush().await, client.sync().await, client.rtt().await.map(|_| ())] {
        assert_eq!(result, Err(FlushError::Closed));
    }
    assert_eq!(FlushError::Closed.kind(), FlushErrorKind::SendError);
}

#[tokio::test]
async fn keep_alive_pings_end_a_connection_that_does_not_answer() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let options = ConnectOptions::new().ping_interval(Duration::from_millis(40)).max_pings_out(2);
    let client = connect_to(options, &proxy.url()).await;
    let mut events = client.events();
    proxy.stall(Direction::ToClient);
    crate::support::pick("stale connection", &mut events, |event| {
        (*event == midge_tokio::Event::Lost(midge_tokio::LostReason::Stale)).then_some(())
    })
    .await;
    proxy.resume(Direction::ToClient);
    state(&client, State::Connected).await;
    client.sync().await.unwrap();
    assert!(client.round_trips().count() > 0);
}

#[tokio::test]
async fn an_adaptive_keep_alive_gives_a_silent_server_up_long_before_the_next_interval() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let interval = Duration::from_secs(2);
    let options = ConnectOptions::new()
        .ping_interval(interval)
        .adaptive_keep_alive(Duration::from_millis(50));
    let client = connect_to(options, &proxy.url()).await;
    let mut events = client.events();
    client.sync().await.unwrap();
    let silent_since = Instant::now();
    proxy.stall(Direction::ToClient);
    crate::support::pick("stale connection", &mut events, |event| {
        (*event == midge_tokio::Event::Lost(midge_tokio::LostReason::Stale)).then_some(())
    })
    .await;
    // At a fixed rate it takes four of them.
    assert!(silent_since.elapsed() < interval * 3, "{:?}", silent_since.elapsed());
}
