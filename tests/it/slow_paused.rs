//! Subscriptions that are stopped at the server while they are full.

use crate::slow_consumers::{all_that_waits, publish};
use crate::support::{connect, end_of, next, number_of, numbered, pick, server, within};
use core::sync::atomic::Ordering;
use midge_tokio::{Client, Event, SlowConsumerPolicy};

fn of(wanted: Event) -> impl Fn(&Event) -> Option<()> {
    move |event| (*event == wanted).then_some(())
}

pub(crate) fn pausing(client: &Client) -> midge_tokio::SubscribeBuilder {
    client.subscription("s").capacity(10).slow_consumer(SlowConsumerPolicy::Pause)
}

fn server_subscriptions(server: &midge_test_server::NatsServer) -> u64 {
    let connz = server.monitor("/connz").unwrap();
    let connections = connz["connections"].as_array().unwrap();
    connections.iter().map(|connection| connection["subscriptions"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn a_paused_subscription_is_stopped_at_the_server_and_goes_on_when_there_is_room() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut events = client.events();
    let mut other = client.subscription("other").confirmed().await.unwrap();
    let mut slow = pausing(&client).confirmed().await.unwrap();
    let sid = slow.sid().get();
    publish(&publisher, "s", 0..100).await;
    publisher.sync().await.unwrap();
    pick("a pause", &mut events, of(Event::SubscriptionPaused(sid))).await;
    client.sync().await.unwrap();
    assert_eq!(server_subscriptions(&server), 1, "the server was asked to stop");
    let dropped = slow.pending().dropped;
    assert!(dropped > 0);
    // Nobody sends these, and nobody can count them.
    publish(&publisher, "s", 100..200).await;
    publisher.sync().await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(slow.pending().dropped, dropped);
    // The rest of the connection does not notice.
    publisher.publish("other", "x".into()).await.unwrap();
    assert_eq!(next(&mut other).await.payload, "x");
    assert_eq!(all_that_waits(&mut slow), (0..10).collect::<Vec<_>>());
    pick("an end of the pause", &mut events, of(Event::SubscriptionResumed(sid))).await;
    client.sync().await.unwrap();
    publish(&publisher, "s", 200..205).await;
    for number in 200..205 {
        assert_eq!(number_of(&next(&mut slow).await), number);
    }
    assert_eq!(client.statistics().dropped_messages.load(Ordering::Relaxed), dropped);
}

#[tokio::test]
async fn a_paused_subscription_keeps_its_limit_and_leaves_nothing_at_the_server() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut events = client.events();
    let mut slow = pausing(&client).limit(30).confirmed().await.unwrap();
    let sid = slow.sid().get();
    publish(&publisher, "s", 0..15).await;
    publisher.sync().await.unwrap();
    pick("a pause", &mut events, of(Event::SubscriptionPaused(sid))).await;
    client.sync().await.unwrap();
    assert_eq!(all_that_waits(&mut slow).len(), 10);
    pick("an end of the pause", &mut events, of(Event::SubscriptionResumed(sid))).await;
    client.sync().await.unwrap();
    // 15 were delivered, those that found it full included: 15 are left.
    for number in 100..120 {
        publisher.publish("s", numbered(number)).await.unwrap();
        if number < 115 {
            assert_eq!(number_of(&next(&mut slow).await), number);
        }
    }
    end_of(&mut slow).await;
    publisher.sync().await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(server_subscriptions(&server), 0);
}

#[tokio::test]
async fn a_reconnect_does_not_wake_a_paused_subscription() {
    let server = server();
    let publisher = connect(&server).await;
    let client = crate::support::connect_to(crate::support::quick(), &server.url()).await;
    let mut events = client.events();
    let mut slow = pausing(&client).confirmed().await.unwrap();
    let sid = slow.sid().get();
    publish(&publisher, "s", 0..20).await;
    publisher.sync().await.unwrap();
    pick("a pause", &mut events, of(Event::SubscriptionPaused(sid))).await;
    client.force_reconnect().await.unwrap();
    pick("a reconnect", &mut events, of(Event::Connected)).await;
    client.sync().await.unwrap();
    assert_eq!(server_subscriptions(&server), 0);
    assert_eq!(all_that_waits(&mut slow).len(), 10);
    pick("an end of the pause", &mut events, of(Event::SubscriptionResumed(sid))).await;
    client.sync().await.unwrap();
    assert_eq!(server_subscriptions(&server), 1);
    // Dropping a paused one leaves nothing behind either.
    publish(&publisher, "s", 0..20).await;
    publisher.sync().await.unwrap();
    pick("a pause", &mut events, of(Event::SubscriptionPaused(sid))).await;
    drop(slow);
    client.sync().await.unwrap();
    assert_eq!((server_subscriptions(&server), client.subscription_count()), (0, 0));
}

#[tokio::test]
async fn draining_a_client_with_a_paused_subscription_completes() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut events = client.events();
    let mut slow = pausing(&client).confirmed().await.unwrap();
    let sid = slow.sid().get();
    publish(&publisher, "s", 0..20).await;
    publisher.sync().await.unwrap();
    pick("a pause", &mut events, of(Event::SubscriptionPaused(sid))).await;
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain_within(crate::support::DEADLINE).await }
    });
    let mut read = 0;
    while within("a message", slow.next()).await.is_some() {
        read += 1;
    }
    assert_eq!(read, 10);
    assert!(within("drain", draining).await.unwrap().unwrap().is_complete());
}
