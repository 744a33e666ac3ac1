//! Publishing faster than the network takes it, and publishing without one.

use crate::support::{
    connect, connect_to, next, number_of, numbered, quick, server, state, within,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use core::time::Duration;
use futures_util::SinkExt as _;
use midge_test_server::{Direction, FaultProxy};
use midge_tokio::{Client, OutboundMessage, PublishError, PublishErrorKind, Refusal, State};

fn large(number: u32) -> Bytes {
    let mut payload = BytesMut::zeroed(64 << 10);
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload.freeze()
}

fn number_in_front(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// Publishes until one call does not get through any more; returns how many did.
async fn fill(client: &Client) -> u32 {
    let mut accepted = 0;
    loop {
        let publish = client.publish("p", large(accepted));
        match tokio::time::timeout(Duration::from_millis(300), publish).await {
            Ok(result) => result.unwrap(),
            Err(_) => return accepted,
        }
        accepted += 1;
        assert!(accepted < 10_000, "the socket takes everything");
    }
}

#[tokio::test]
async fn publish_waits_in_line_above_the_high_water_mark_and_a_dropped_call_sent_nothing() {
    let server = server();
    let reader = connect(&server).await;
    let mut all = reader.subscription("p").confirmed().await.unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick().write_high_water(100_000), &proxy.url()).await;
    proxy.stall(Direction::ToServer);
    let accepted = fill(&client).await;
    assert!(accepted > 0);
    // The mark, one message over it, and what the socket is being offered.
    assert!(client.buffered_bytes() < 512 << 10, "{}", client.buffered_bytes());
    let error = client.try_publish("p", large(0)).unwrap_err();
    assert_eq!(error, PublishError::Refused(Refusal::Full));

    let mut line = Vec::new();
    for number in 0..8 {
        let client = client.clone();
        line.push(tokio::spawn(async move {
            client.publish("p", large(accepted + number)).await.unwrap();
        }));
        // Each has its place before the next one comes.
        tokio::task::yield_now().await;
    }
    assert!(line.iter().all(|task| !task.is_finished()));
    proxy.resume(Direction::ToServer);
    for task in line {
        within("a publisher in line", task).await.unwrap();
    }
    for number in 0..accepted + 8 {
        assert_eq!(number_in_front(&next(&mut all).await.payload), number);
    }
    client.sync().await.unwrap();
    reader.sync().await.unwrap();
    assert_eq!(all.try_next(), Ok(None), "a publish that was dropped was sent");
}

#[tokio::test]
async fn a_publisher_that_leaves_the_line_lets_the_next_one_through() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick().write_high_water(100_000), &proxy.url()).await;
    proxy.stall(Direction::ToServer);
    let accepted = fill(&client).await;
    let publisher = |number: u32| {
        let client = client.clone();
        tokio::spawn(async move { client.publish("p", large(accepted + number)).await })
    };
    let first = publisher(0);
    tokio::task::yield_now().await;
    let second = publisher(1);
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    proxy.resume(Direction::ToServer);
    within("the second in line", second).await.unwrap().unwrap();
    within("sync", client.sync()).await.unwrap();
}

#[tokio::test]
async fn a_publisher_that_waits_hears_that_the_client_is_closed() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick().write_high_water(100_000).no_reconnect(), &proxy.url()).await;
    proxy.stall(Direction::ToServer);
    fill(&client).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.publish("p", large(0)).await }
    });
    tokio::task::yield_now().await;
    proxy.cut();
    let error = within("an error", waiting).await.unwrap().unwrap_err();
    assert_eq!(error, PublishError::Refused(Refusal::Closed));
}

#[tokio::test]
async fn a_connection_whose_socket_takes_nothing_is_given_up() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let options = quick().write_high_water(100_000).write_timeout(Duration::from_millis(600));
    let client = connect_to(options, &proxy.url()).await;
    let mut events = client.events();
    proxy.stall(Direction::ToServer);
    fill(&client).await;
    crate::support::pick("a stalled write", &mut events, |event| {
        (*event == midge_tokio::Event::Lost(midge_tokio::LostReason::WriteStalled)).then_some(())
    })
    .await;
    proxy.resume(Direction::ToServer);
    state(&client, State::Connected).await;
    within("sync", client.sync()).await.unwrap();
}

#[tokio::test]
async fn without_a_connection_messages_are_kept_up_to_the_limit_and_arrive_in_order() {
    let mut server = server();
    let client = connect_to(quick().reconnect_buffer(1_000), &server.url()).await;
    let mut all = client.subscribe("p").await.unwrap();
    server.kill();
    state(&client, State::Disconnected).await;
    let mut accepted = 0;
    let error = loop {
        match client.publish("p", numbered(accepted)).await {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 1_000, "the buffer has no end");
    };
    assert_eq!(error, PublishError::Refused(Refusal::BufferFull { limit: 1_000 }));
    assert_eq!(error.kind(), PublishErrorKind::BufferFull);
    assert!(accepted >= 40, "{accepted}");
    let error = client.try_publish("p", numbered(0)).unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::BufferFull);
    server.restart().unwrap();
    for number in 0..accepted {
        assert_eq!(number_of(&next(&mut all).await), number);
    }
    client.publish("p", "end".into()).await.unwrap();
    assert_eq!(next(&mut all).await.payload, "end");
}

#[tokio::test]
async fn without_a_buffer_publishing_without_a_connection_fails() {
    let mut server = server();
    let client = connect_to(quick().reconnect_buffer(0), &server.url()).await;
    server.kill();
    state(&client, State::Disconnected).await;
    let error = within("an error", client.publish("p", "x".into())).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::BufferFull);
}

#[tokio::test]
async fn what_waits_can_be_dropped() {
    let mut server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut all = client.subscribe("p").await.unwrap();
    server.kill();
    state(&client, State::Disconnected).await;
    for number in 0..7 {
        client.publish("p", numbered(number)).await.unwrap();
    }
    let flush = tokio::spawn({
        let client = client.clone();
        async move { client.flush().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(client.clear_buffered(), 7);
    within("flush", flush).await.unwrap().unwrap();
    assert_eq!(client.buffered_bytes(), 0);
    let mut end = BytesMut::new();
    end.put_slice(b"end");
    client.publish("p", end.freeze()).await.unwrap();
    server.restart().unwrap();
    assert_eq!(next(&mut all).await.payload, "end");
}

#[tokio::test]
async fn dropping_what_waits_keeps_subscriptions_and_round_trips() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick().write_high_water(100_000), &proxy.url()).await;
    proxy.stall(Direction::ToServer);
    fill(&client).await;
    let mut all = client.subscribe("other").await.unwrap();
    let sync = tokio::spawn({
        let client = client.clone();
        async move { client.sync().await }
    });
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.publish("p", large(0)).await }
    });
    tokio::task::yield_now().await;
    assert!(client.clear_buffered() > 0);
    within("a publisher that has room", waiting).await.unwrap().unwrap();
    proxy.resume(Direction::ToServer);
    within("sync", sync).await.unwrap().unwrap();
    client.publish("other", "x".into()).await.unwrap();
    assert_eq!(next(&mut all).await.payload, "x");
}

#[tokio::test]
async fn dropping_what_waits_makes_room_for_a_sink() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick().write_high_water(100_000), &proxy.url()).await;
    proxy.stall(Direction::ToServer);
    fill(&client).await;
    let mut sink = tokio::spawn({
        let mut client = client.clone();
        async move {
            let (subject, payload) = ("p".into(), large(0));
            client.feed(OutboundMessage { subject, reply: None, payload, headers: None }).await
        }
    });
    let early = tokio::time::timeout(Duration::from_millis(50), &mut sink).await;
    assert!(early.is_err(), "there was room");
    assert!(client.clear_buffered() > 0);
    within("a sink that has room", sink).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_sink_whose_messages_were_given_up_at_the_end_says_so() {
    let url = format!("nats://127.0.0.1:{}", midge_test_server::free_port().unwrap());
    let mut client = connect_to(quick().retry_on_initial_connect(), &url).await;
    let (subject, payload) = ("p".into(), "x".into());
    client.feed(OutboundMessage { subject, reply: None, payload, headers: None }).await.unwrap();
    let report = within("the end", client.drain_within(Duration::from_millis(1))).await.unwrap();
    assert_eq!(report.unwritten, 1);
    let flushed = futures_util::SinkExt::<OutboundMessage>::flush(&mut client).await;
    assert_eq!(flushed, Err(PublishError::Refused(Refusal::Closed)));
}
