//! Subscriptions get what is theirs, until they end.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, end_of, next, number_of, numbered, timeout, within};
use core::time::Duration;
use midge::NextError;

conformance! {
    wildcards_match_what_they_should,
    an_unsubscribed_subscription_ends,
    a_dropped_subscription_leaves_the_server,
    a_limit_ends_a_subscription_after_exactly_so_many,
    each_message_goes_to_one_member_of_a_queue_group,
    a_timeout_takes_nothing_from_the_subscription,
    a_drained_subscription_ends_behind_what_was_in_flight,
    a_thousand_subscriptions_get_their_own,
}

async fn wildcards_match_what_they_should<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut one = client.subscribe("a.*.c").await.unwrap();
    let mut rest = client.subscribe("a.>").await.unwrap();
    for subject in ["a.b.c", "a.b.d", "b.b.c", "a.x.c"] {
        client.publish(subject, "".into()).await.unwrap();
    }
    client.sync().await.unwrap();
    for subject in ["a.b.c", "a.x.c"] {
        assert_eq!(next(&mut one).await.subject, subject);
    }
    for subject in ["a.b.c", "a.b.d", "a.x.c"] {
        assert_eq!(next(&mut rest).await.subject, subject);
    }
    assert_eq!((one.try_next(), rest.try_next()), (Ok(None), Ok(None)));
}

async fn an_unsubscribed_subscription_ends<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut subscriber = client.subscribe("u").await.unwrap();
    client.publish("u", "1".into()).await.unwrap();
    client.sync().await.unwrap();
    subscriber.unsubscribe().await.unwrap();
    client.publish("u", "2".into()).await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "1");
    end_of(&mut subscriber).await;
}

async fn a_dropped_subscription_leaves_the_server<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let subscriber = client.subscribe("d").await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(server.monitor("/connz").unwrap()["connections"][0]["subscriptions"], 1);
    drop(subscriber);
    client.sync().await.unwrap();
    assert_eq!(server.monitor("/connz").unwrap()["connections"][0]["subscriptions"], 0);
}

async fn a_limit_ends_a_subscription_after_exactly_so_many<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut subscriber = client.subscribe("l").await.unwrap();
    subscriber.unsubscribe_after(3).await.unwrap();
    for number in 0..10 {
        client.publish("l", numbered(number)).await.unwrap();
    }
    for number in 0..3 {
        assert_eq!(number_of(&next(&mut subscriber).await), number);
    }
    end_of(&mut subscriber).await;
}

async fn each_message_goes_to_one_member_of_a_queue_group<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let (left, right) = (stage.connect(&server).await, stage.connect(&server).await);
    let mut members = [
        left.queue_subscribe("q", "group".into()).await.unwrap(),
        left.queue_subscribe("q", "group".into()).await.unwrap(),
        right.queue_subscribe("q", "group".into()).await.unwrap(),
    ];
    let mut everybody = right.subscribe("q").await.unwrap();
    left.sync().await.unwrap();
    right.sync().await.unwrap();
    for number in 0..300 {
        left.publish("q", numbered(number)).await.unwrap();
    }
    left.sync().await.unwrap();
    right.sync().await.unwrap();
    let mut got = Vec::new();
    for member in &mut members {
        while let Ok(Some(message)) = member.try_next() {
            got.push(number_of(&message));
        }
    }
    got.sort_unstable();
    assert_eq!(got, (0..300).collect::<Vec<_>>());
    for number in 0..300 {
        assert_eq!(number_of(&next(&mut everybody).await), number);
    }
}

async fn a_timeout_takes_nothing_from_the_subscription<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut subscriber = client.subscribe("t").await.unwrap();
    let short = Duration::from_millis(10);
    let result = within("a timeout", subscriber.next_timeout(short)).await;
    assert_eq!(result, Err(NextError::TimedOut(short)));
    assert!(timeout(short, subscriber.next()).await.is_none());
    client.publish("t", "1".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "1");
}

async fn a_drained_subscription_ends_behind_what_was_in_flight<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut subscriber = client.subscribe("d").await.unwrap();
    for number in 0..1_000 {
        client.publish("d", numbered(number)).await.unwrap();
    }
    subscriber.drain().await.unwrap();
    for number in 0..1_000 {
        assert_eq!(number_of(&next(&mut subscriber).await), number);
    }
    end_of(&mut subscriber).await;
    client.sync().await.unwrap();
}

async fn a_thousand_subscriptions_get_their_own<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut subscribers = Vec::new();
    for number in 0..1_000 {
        subscribers.push(client.subscribe(format!("s.{number}")).await.unwrap());
    }
    for number in 0..1_000 {
        client.publish(format!("s.{number}"), numbered(number)).await.unwrap();
    }
    for (number, subscriber) in (0..).zip(&mut subscribers) {
        assert_eq!(number_of(&next(subscriber).await), number);
    }
}
