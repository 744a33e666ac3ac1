//! One number that bounds what a client holds.

use crate::support::{
    assert_contains, connect, connect_to, event, next, pick, quick, refusal, server, until, within,
};
use bytes::Bytes;
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy};
use midge_tokio::{
    BufferPolicy, ConnectErrorKind, ConnectOptions, Event, LostReason, PublishError, Refusal,
};

const BUDGET: usize = 1 << 20;
const EIGHTH: usize = BUDGET / 8;

#[tokio::test]
async fn all_subscriptions_together_hold_no_more_than_their_part() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect_to(ConnectOptions::new().memory_budget(BUDGET), &server.url()).await;
    let mut subscribers = Vec::new();
    for _ in 0..4 {
        subscribers.push(client.subscription("m").confirmed().await.unwrap());
    }
    let payload = crate::support::pattern(10_000);
    let flood = async || {
        for _ in 0..50 {
            publisher.publish("m", payload.clone()).await.unwrap();
        }
        publisher.sync().await.unwrap();
        client.sync().await.unwrap();
    };
    flood().await;
    let pending: u64 = subscribers.iter().map(|subscriber| subscriber.pending().bytes).sum();
    assert!(pending <= 3 * EIGHTH as u64, "{pending}");
    assert!(pending > 2 * EIGHTH as u64, "{pending}");
    let counts = |subscriber: &midge_tokio::Subscriber| {
        (subscriber.pending().messages, subscriber.pending().dropped)
    };
    for subscriber in &subscribers {
        let (messages, dropped) = counts(subscriber);
        assert_eq!(messages + dropped, 50);
    }
    // What was read makes room again.
    for subscriber in &mut subscribers {
        while subscriber.pending().messages > 0 {
            next(subscriber).await;
        }
        assert!(matches!(subscriber.try_next(), Ok(None)));
    }
    flood().await;
    let pending: u64 = subscribers.iter().map(|subscriber| subscriber.pending().bytes).sum();
    assert!((2 * EIGHTH as u64..=3 * EIGHTH as u64).contains(&pending), "{pending}");
}

#[tokio::test]
async fn the_queue_to_the_server_is_bounded_with_a_connection_and_without() {
    let server = server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick().memory_budget(BUDGET), &proxy.url()).await;
    let mut events = client.events();
    proxy.stall(Direction::ToServer);
    let refused = refusal(&client, "m", 10_000).await;
    let payload = crate::support::pattern(10_000);
    assert_eq!(refused, PublishError::Refused(Refusal::Full));
    let buffered = client.buffered_bytes();
    // A sixteenth waits, a message is over the mark, and one write is under way.
    assert!(buffered <= (EIGHTH / 2 + 11_000 + 33_000) as u64, "{buffered}");

    proxy.stall(Direction::ToClient);
    proxy.cut();
    event(&mut events, &Event::Disconnected).await;
    let refused = loop {
        if let Err(error) = client.publish("m", payload.clone()).await {
            break error;
        }
    };
    let limit = 2 * EIGHTH;
    assert_eq!(refused, PublishError::Refused(Refusal::BufferFull { limit }));
    assert!(client.buffered_bytes() <= (limit + 1_000) as u64, "{}", client.buffered_bytes());
}

#[tokio::test]
async fn one_message_takes_an_eighth_at_most_whichever_way_it_goes() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect_to(quick().memory_budget(BUDGET), &server.url()).await;
    let mut events = client.events();
    let mut messages = client.subscription("m").confirmed().await.unwrap();
    let fits = Bytes::from(vec![b'x'; EIGHTH]);
    let too_large = Bytes::from(vec![b'x'; EIGHTH + 1]);
    client.publish("m", fits.clone()).await.unwrap();
    assert_eq!(next(&mut messages).await.payload.len(), EIGHTH);
    let error = client.publish("m", too_large.clone()).await.unwrap_err();
    let (size, limit) = (EIGHTH + 1, EIGHTH);
    assert_eq!(error, PublishError::Refused(Refusal::MaxPayloadExceeded { size, limit }));
    publisher.publish("m", too_large).await.unwrap();
    pick("a protocol error", &mut events, |event| match event {
        Event::Lost(LostReason::Protocol(_)) => Some(()),
        _ => None,
    })
    .await;
    event(&mut events, &Event::Connected).await;
    client.sync().await.unwrap();
    publisher.publish("m", fits).await.unwrap();
    assert_eq!(next(&mut messages).await.payload.len(), EIGHTH);
}

#[tokio::test]
async fn back_pressure_holds_the_server_back_within_the_budget() {
    let server = server();
    let publisher = connect(&server).await;
    let options = ConnectOptions::new()
        .memory_budget(BUDGET)
        .slow_consumer(midge_tokio::SlowConsumerPolicy::BackPressure);
    let client = connect_to(options, &server.url()).await;
    let mut all = client.subscription("m").confirmed().await.unwrap();
    let payload = crate::support::pattern(10_000);
    for _ in 0..500 {
        publisher.publish("m", payload.clone()).await.unwrap();
    }
    publisher.sync().await.unwrap();
    until("back-pressure", || all.pending().bytes > EIGHTH as u64).await;
    for _ in 0..500 {
        assert!(all.pending().bytes <= 3 * EIGHTH as u64, "{}", all.pending().bytes);
        assert_eq!(next(&mut all).await.payload.len(), payload.len());
    }
    assert_eq!(all.pending().dropped, 0);
}

#[tokio::test]
async fn a_budget_that_cannot_be_kept_is_told_before_anything_is_dialed() {
    let policy = BufferPolicy::new().bytes(3 * EIGHTH);
    for (options, part) in [
        (ConnectOptions::new().memory_budget(1_000), "1000 bytes"),
        (
            ConnectOptions::new().memory_budget(BUDGET).reconnect_buffer_policy_for("a.>", policy),
            "policies of the reconnect buffer",
        ),
    ] {
        let connecting = options.connection_timeout(Duration::from_secs(1)).connect("127.0.0.1:1");
        let error = within("connect", connecting).await.unwrap_err();
        assert_eq!(error.kind(), ConnectErrorKind::Options);
        assert_contains(error, part);
    }
}
