//! Subscriptions that are not read fast enough.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, end_of, event, next, number_of, numbered};
use midge::{Client, Event, NextError, ReadingState, SlowConsumerPolicy, Subscriber};

conformance! {
    drop_newest_keeps_the_first_and_counts_the_rest,
    drop_oldest_keeps_the_last,
    fail_ends_the_subscription_behind_what_it_could_keep,
    back_pressure_loses_nothing,
    a_paused_connection_still_answers_requests_of_its_own,
}

async fn publish(client: &Client, count: u32) {
    for number in 0..count {
        client.publish("s", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
}

fn subscribe(client: &Client, capacity: usize, policy: SlowConsumerPolicy) -> Subscriber {
    client.subscription("s").capacity(capacity).slow_consumer(policy).open().unwrap()
}

fn all_that_waits(subscriber: &mut Subscriber) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Ok(Some(message)) = subscriber.try_next() {
        numbers.push(number_of(&message));
    }
    numbers
}

async fn drop_newest_keeps_the_first_and_counts_the_rest<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut events = client.events();
    let mut slow = subscribe(&client, 10, SlowConsumerPolicy::DropNewest);
    publish(&client, 100).await;
    assert_eq!(all_that_waits(&mut slow), (0..10).collect::<Vec<_>>());
    assert_eq!(slow.take_dropped(), 90);
    event(&mut events, &Event::SlowConsumer(slow.sid().get())).await;
}

async fn drop_oldest_keeps_the_last<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut slow = subscribe(&client, 10, SlowConsumerPolicy::DropOldest);
    publish(&client, 100).await;
    assert_eq!(all_that_waits(&mut slow), (90..100).collect::<Vec<_>>());
    assert_eq!(slow.take_dropped(), 90);
}

async fn fail_ends_the_subscription_behind_what_it_could_keep<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut slow = subscribe(&client, 10, SlowConsumerPolicy::Fail);
    publish(&client, 100).await;
    assert_eq!(all_that_waits(&mut slow), (0..10).collect::<Vec<_>>());
    end_of(&mut slow).await;
    assert_eq!(slow.end_reason(), Some(NextError::SlowConsumer));
    client.sync().await.unwrap();
}

async fn back_pressure_loses_nothing<A: Adapter>(stage: Stage<A>) {
    const COUNT: u32 = 20_000;
    let server = stage.server();
    let (sender, client) = (stage.connect(&server).await, stage.connect(&server).await);
    let mut events = client.events();
    let mut slow = subscribe(&client, 100, SlowConsumerPolicy::BackPressure);
    client.sync().await.unwrap();
    publish(&sender, COUNT).await;
    event(&mut events, &Event::Reading(ReadingState::Paused)).await;
    for number in 0..COUNT {
        assert_eq!(number_of(&next(&mut slow).await), number);
    }
    assert_eq!(slow.take_dropped(), 0);
}

async fn a_paused_connection_still_answers_requests_of_its_own<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let (sender, client) = (stage.connect(&server).await, stage.connect(&server).await);
    let mut events = client.events();
    let mut slow = subscribe(&client, 10, SlowConsumerPolicy::BackPressure);
    client.sync().await.unwrap();
    publish(&sender, 1_000).await;
    event(&mut events, &Event::Reading(ReadingState::Paused)).await;
    crate::stage::within("sync", client.sync()).await.unwrap();
    assert_eq!(number_of(&next(&mut slow).await), 0);
}
