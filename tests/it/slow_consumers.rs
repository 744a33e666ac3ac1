//! Subscriptions that are not read fast enough: each policy, with exact counts.

use crate::support::{
    connect, end_of, next, number_of, numbered, pick, rest_of, server, until, within,
};
use bytes::Bytes;
use core::sync::atomic::Ordering;
use midge_tokio::{
    Client, ConnectOptions, Event, Message, NextError, ReadingState, SlowConsumerPolicy,
    SubscribeBuilder, Subscriber, SubscriptionState,
};

pub(crate) async fn publish(
    client: &Client,
    subject: &'static str,
    numbers: core::ops::Range<u32>,
) {
    for number in numbers {
        client.publish(subject, numbered(number)).await.unwrap();
    }
}

pub(crate) fn all_that_waits(subscriber: &mut Subscriber) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Ok(Some(message)) = subscriber.try_next() {
        numbers.push(number_of(&message));
    }
    numbers
}

#[tokio::test]
async fn drop_newest_keeps_the_first_and_counts_the_rest_and_says_so_once() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let mut slow = client.subscription("s").capacity(10).open().unwrap();
    let sid = slow.sid().get();
    publish(&client, "s", 0..100).await;
    client.sync().await.unwrap();
    let pending = slow.pending();
    assert_eq!((pending.messages, pending.delivered, pending.dropped), (10, 10, 90));
    assert_eq!(pending.max_messages, 10);
    assert_eq!(all_that_waits(&mut slow), (0..10).collect::<Vec<_>>());
    assert_eq!((slow.take_dropped(), slow.take_dropped()), (90, 0));
    // Keeping up again ends the episode; the next one is told again.
    publish(&client, "s", 100..105).await;
    client.sync().await.unwrap();
    assert_eq!(all_that_waits(&mut slow), (100..105).collect::<Vec<_>>());
    assert_eq!(slow.take_dropped(), 0);
    publish(&client, "s", 0..15).await;
    client.sync().await.unwrap();
    assert_eq!(slow.take_dropped(), 5);
    assert_eq!(client.statistics().dropped_messages.load(Ordering::Relaxed), 95);
    client.close().await.unwrap();
    let told = rest_of(&mut events).await;
    let told = told.iter().filter(|event| **event == Event::SlowConsumer(sid)).count();
    assert_eq!(told, 2);
}

#[tokio::test]
async fn drop_oldest_keeps_the_last() {
    let server = server();
    let client = connect(&server).await;
    let mut slow = client
        .subscription("s")
        .capacity(10)
        .slow_consumer(SlowConsumerPolicy::DropOldest)
        .open()
        .unwrap();
    publish(&client, "s", 0..100).await;
    client.sync().await.unwrap();
    assert_eq!((slow.pending().messages, slow.pending().dropped), (10, 90));
    assert_eq!(all_that_waits(&mut slow), (90..100).collect::<Vec<_>>());
    publish(&client, "s", 0..15).await;
    client.sync().await.unwrap();
    assert_eq!(all_that_waits(&mut slow), (5..15).collect::<Vec<_>>());
    assert_eq!(slow.take_dropped(), 95);
    assert_eq!(client.statistics().dropped_messages.load(Ordering::Relaxed), 95);
}

#[tokio::test]
async fn drop_oldest_is_exact_while_the_reader_is_in_the_middle_of_a_run() {
    let server = server();
    let client = connect(&server).await;
    let mut slow = client
        .subscription("s")
        .capacity(10)
        .slow_consumer(SlowConsumerPolicy::DropOldest)
        .open()
        .unwrap();
    publish(&client, "s", 0..10).await;
    client.sync().await.unwrap();
    assert_eq!(number_of(&slow.try_next().unwrap().unwrap()), 0);
    publish(&client, "s", 10..40).await;
    client.sync().await.unwrap();
    let rest = all_that_waits(&mut slow);
    let dropped = slow.take_dropped();
    assert!(rest.windows(2).all(|pair| pair[0] < pair[1]), "{rest:?}");
    assert_eq!(rest.last(), Some(&39));
    assert_eq!(rest.len() as u64 + dropped + 1, 40, "{rest:?}");
    assert!(rest.len() <= 19, "a run being read and a full queue at most: {rest:?}");
    assert_eq!(slow.pending().messages, 0);
}

#[tokio::test]
async fn drop_oldest_holds_its_bytes_whatever_the_sizes_of_what_comes() {
    let server = server();
    let client = connect(&server).await;
    let policy = SlowConsumerPolicy::DropOldest;
    let builder = client.subscription("s").capacity_bytes(1_000).slow_consumer(policy);
    let mut slow = builder.open().unwrap();
    // A subject of one byte counts, too.
    for size in [99; 10].into_iter().chain([499; 3]) {
        client.publish("s", vec![0; size].into()).await.unwrap();
    }
    client.sync().await.unwrap();
    assert_eq!(slow.pending().max_bytes, 1_000);
    assert_eq!((slow.pending().messages, slow.pending().dropped), (2, 11));
    // What does not fit at all drives nothing out.
    client.publish("s", vec![0; 1_000].into()).await.unwrap();
    client.sync().await.unwrap();
    assert_eq!((slow.pending().messages, slow.pending().dropped), (2, 12));
    assert_eq!(slow.try_next().unwrap().unwrap().payload.len(), 499);
}

#[tokio::test]
async fn fail_ends_the_subscription_behind_what_it_could_keep() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let mut slow = client
        .subscription("s")
        .capacity(10)
        .slow_consumer(SlowConsumerPolicy::Fail)
        .open()
        .unwrap();
    let sid = slow.sid().get();
    publish(&client, "s", 0..100).await;
    client.sync().await.unwrap();
    assert_eq!(all_that_waits(&mut slow), (0..10).collect::<Vec<_>>());
    end_of(&mut slow).await;
    assert_eq!(slow.end_reason(), Some(NextError::SlowConsumer));
    assert_eq!(slow.try_next(), Err(NextError::SlowConsumer));
    pick("slow consumer", &mut events, |event| (*event == Event::SlowConsumer(sid)).then_some(()))
        .await;
    until("no subscription", || client.subscription_count() == 0).await;
    client.sync().await.unwrap();
    let connz = server.monitor("/connz").unwrap();
    assert_eq!(connz["connections"][0]["subscriptions"], 0);
}

#[tokio::test]
async fn a_limit_in_bytes_counts_subjects_and_payloads() {
    let server = server();
    let client = connect(&server).await;
    // A message here is one byte of subject and four of payload.
    let mut slow = client.subscription("s").capacity_bytes(50).open().unwrap();
    publish(&client, "s", 0..20).await;
    client.sync().await.unwrap();
    assert_eq!((slow.pending().bytes, slow.pending().dropped), (50, 10));
    assert_eq!(all_that_waits(&mut slow).len(), 10);
    slow.set_pending_limits(usize::MAX, usize::MAX);
    publish(&client, "s", 0..1_000).await;
    client.sync().await.unwrap();
    assert_eq!(all_that_waits(&mut slow).len(), 1_000);
}

#[tokio::test]
async fn a_limit_of_none_counts_as_one() {
    let server = server();
    let client = connect(&server).await;
    let mut messages = client.subscription("s").capacity(0).open().unwrap();
    let mut bytes = client.subscription("s").capacity_bytes(0).open().unwrap();
    for round in 0..2 {
        // The subject is a byte, so that one message is all there is room for.
        for _ in 0..3 {
            client.publish("s", Bytes::new()).await.unwrap();
        }
        client.sync().await.unwrap();
        for slow in [&mut messages, &mut bytes] {
            assert_eq!(slow.pending().messages, 1, "round {round}: {slow:?}");
            assert!(slow.try_next().unwrap().is_some());
            assert_eq!(slow.take_dropped(), 2);
        }
        messages.set_pending_limits(0, usize::MAX);
        bytes.set_pending_limits(usize::MAX, 0);
    }
}

#[tokio::test]
async fn a_stalled_subscription_takes_nothing_from_a_live_one_on_the_same_connection() {
    let server = server();
    let client = connect(&server).await;
    for policy in
        [SlowConsumerPolicy::DropNewest, SlowConsumerPolicy::DropOldest, SlowConsumerPolicy::Fail]
    {
        let stalled = client.subscription("s").capacity(5).slow_consumer(policy).open().unwrap();
        let mut live = client.subscription("s").open().unwrap();
        let reading = tokio::spawn(async move {
            for number in 0..5_000 {
                assert_eq!(number_of(&next(&mut live).await), number);
            }
        });
        publish(&client, "s", 0..5_000).await;
        within("the live subscription", reading).await.unwrap();
        assert_eq!(stalled.pending().messages, 5);
    }
}

#[tokio::test]
async fn back_pressure_loses_nothing_and_tells_when_reading_rests() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut events = client.events();
    let mut slow = client
        .subscription("s")
        .capacity(16)
        .slow_consumer(SlowConsumerPolicy::BackPressure)
        .confirmed()
        .await
        .unwrap();
    publish(&publisher, "s", 0..20_000).await;
    publisher.sync().await.unwrap();
    let reading = |wanted| move |event: &Event| (*event == Event::Reading(wanted)).then_some(());
    pick("a pause", &mut events, reading(ReadingState::Paused)).await;
    for number in 0..20_000 {
        assert_eq!(number_of(&next(&mut slow).await), number);
        if number % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    pick("an end of the pause", &mut events, reading(ReadingState::Resumed)).await;
    assert_eq!(slow.pending().dropped, 0);
    assert_eq!(client.statistics().dropped_messages.load(Ordering::Relaxed), 0);
    client.sync().await.unwrap();
}

#[tokio::test]
async fn dropping_a_full_subscription_with_back_pressure_lets_the_others_go_on() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut events = client.events();
    let full = client
        .subscription("s")
        .capacity(4)
        .slow_consumer(SlowConsumerPolicy::BackPressure)
        .confirmed()
        .await
        .unwrap();
    let mut other = client.subscription("o").confirmed().await.unwrap();
    publish(&publisher, "s", 0..1_000).await;
    publisher.sync().await.unwrap();
    pick("a pause", &mut events, |event| {
        (*event == Event::Reading(ReadingState::Paused)).then_some(())
    })
    .await;
    publisher.publish("o", "x".into()).await.unwrap();
    drop(full);
    let message: Message = next(&mut other).await;
    assert_eq!(message.payload, "x");
    client.sync().await.unwrap();
}

#[tokio::test]
async fn a_paused_connection_still_answers_requests_of_its_own() {
    let server = server();
    let publisher = connect(&server).await;
    crate::support::serve_echo(&publisher, "echo").await;
    let client = connect(&server).await;
    let mut events = client.events();
    let mut full = client
        .subscription("s")
        .capacity(4)
        .slow_consumer(SlowConsumerPolicy::BackPressure)
        .confirmed()
        .await
        .unwrap();
    publish(&publisher, "s", 0..100).await;
    publisher.sync().await.unwrap();
    pick("a pause", &mut events, |event| {
        (*event == Event::Reading(ReadingState::Paused)).then_some(())
    })
    .await;
    // The one who would make room waits for this very reply.
    let reply = within("a reply", client.request("echo", "x".into())).await.unwrap();
    assert_eq!(reply.payload, "x");
    within("sync", client.sync()).await.unwrap();
    for number in 0..100 {
        assert_eq!(number_of(&next(&mut full).await), number);
    }
}

#[tokio::test]
async fn reading_rests_until_every_full_subscription_has_room() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut events = client.events();
    let policy = SlowConsumerPolicy::BackPressure;
    let builder = |name| client.subscription(name).capacity(4).slow_consumer(policy);
    let mut one = builder("s").confirmed().await.unwrap();
    let mut two = builder("s").confirmed().await.unwrap();
    publish(&publisher, "s", 0..5_000).await;
    publisher.sync().await.unwrap();
    let reading = |wanted| move |event: &Event| (*event == Event::Reading(wanted)).then_some(());
    pick("a pause", &mut events, reading(ReadingState::Paused)).await;
    // However fast one is read, the other is not overrun.
    let waits = two.pending().messages;
    for number in 0..waits as u32 {
        assert_eq!(number_of(&next(&mut one).await), number);
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(two.pending().messages, waits);
    let reading = tokio::spawn(async move {
        for number in 0..5_000 {
            assert_eq!(number_of(&next(&mut two).await), number);
        }
    });
    for number in waits as u32..5_000 {
        assert_eq!(number_of(&next(&mut one).await), number);
    }
    within("the other one", reading).await.unwrap();
    assert_eq!(client.statistics().dropped_messages.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_default_limit_is_smaller_where_nothing_is_lost_at_it() {
    let server = server();
    let limits = async |options: ConnectOptions,
                        subscribe: fn(SubscribeBuilder) -> SubscribeBuilder| {
        let client = options.connect(server.url()).await.unwrap();
        subscribe(client.subscription("s")).open().unwrap().pending_limits()
    };
    let back_pressure = |subscription: SubscribeBuilder| {
        subscription.slow_consumer(SlowConsumerPolicy::BackPressure)
    };
    let plain = |subscription: SubscribeBuilder| subscription;
    let options = ConnectOptions::new;
    let bytes = midge_tokio::DEFAULT_CAPACITY_BYTES;
    assert_eq!(limits(options(), plain).await, (midge_tokio::DEFAULT_CAPACITY, bytes));
    let ahead = (midge_tokio::DEFAULT_CAPACITY_READ_AHEAD, bytes);
    assert_eq!(limits(options(), back_pressure).await, ahead);
    let for_all = options().slow_consumer(SlowConsumerPolicy::BackPressure);
    assert_eq!(limits(for_all, plain).await, ahead);
    // What was set is what counts.
    let set = options().subscription_capacity(100_000);
    assert_eq!(limits(set, back_pressure).await, (100_000, bytes));
}

#[tokio::test]
async fn limits_or_a_policy_that_make_room_let_reading_go_on() {
    let server = server();
    let publisher = connect(&server).await;
    let raise: fn(&Subscriber) = |slow| slow.set_pending_limits(1_000_000, usize::MAX);
    let drop: fn(&Subscriber) =
        |slow| slow.set_slow_consumer_policy(SlowConsumerPolicy::DropNewest);
    for change in [raise, drop] {
        let client = connect(&server).await;
        let mut events = client.events();
        let policy = SlowConsumerPolicy::BackPressure;
        let slow = client.subscription("s").capacity(10).slow_consumer(policy).open().unwrap();
        let mut other = client.subscription("other").confirmed().await.unwrap();
        publish(&publisher, "s", 0..100).await;
        crate::support::event(&mut events, &Event::Reading(ReadingState::Paused)).await;
        assert_eq!(slow.state(), SubscriptionState::Slow);
        // Not enough: half of a limit has to be free.
        slow.set_pending_limits(11, usize::MAX);
        assert_eq!(slow.state(), SubscriptionState::Slow);
        change(&slow);
        crate::support::event(&mut events, &Event::Reading(ReadingState::Resumed)).await;
        publish(&publisher, "other", 0..1).await;
        assert_eq!(number_of(&next(&mut other).await), 0);
    }
}
