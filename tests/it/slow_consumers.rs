//! Subscriptions that are not read fast enough: each policy, with exact counts.

use crate::support::{
    connect, end_of, next, number_of, numbered, pick, rest_of, server, until, within,
};
use bytes::Bytes;
use core::sync::atomic::Ordering;
use midge_tokio::{
    Client, Event, Gap, Item, Message, NextError, ReadingState, SlowConsumerPolicy, Subscriber,
    SubscriberWithGaps, SubscriptionState,
};

async fn publish(client: &Client, subject: &'static str, numbers: core::ops::Range<u32>) {
    for number in numbers {
        client.publish(subject, numbered(number)).await.unwrap();
    }
}

fn all_that_waits(subscriber: &mut Subscriber) -> Vec<u32> {
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

// ---- the newest of each subject ----

fn texts(subscriber: &mut Subscriber) -> Vec<String> {
    let mut texts = Vec::new();
    while let Ok(Some(message)) = subscriber.try_next() {
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        let header = message.headers.as_ref().and_then(|headers| headers.get("h"));
        let header = header.map(|value| value.to_string()).unwrap_or_default();
        let reply = message.reply.map(|reply| reply.to_string()).unwrap_or_default();
        texts.push(format!("{}={payload}{header}{reply}", message.subject));
    }
    texts
}

#[tokio::test]
async fn latest_only_keeps_the_newest_message_of_each_subject_whole() {
    let server = server();
    let client = connect(&server).await;
    let mut latest = client
        .subscription("v.*")
        .slow_consumer(SlowConsumerPolicy::LatestOnly)
        .confirmed()
        .await
        .unwrap();
    for round in 0..100 {
        for subject in ["v.a", "v.b"] {
            client.publish(subject, format!("{round}").into()).await.unwrap();
        }
    }
    let mut headers = midge_tokio::HeaderMap::new();
    headers.insert("h", "!");
    client.publish_with_headers("v.c", headers, "x".into()).await.unwrap();
    client.publish_with_reply("v.a", "r", "last".into()).await.unwrap();
    client.sync().await.unwrap();
    let pending = latest.pending();
    assert_eq!((pending.messages, pending.delivered, pending.dropped), (3, 202, 0));
    assert_eq!(pending.replaced, 199);
    assert_eq!(texts(&mut latest), ["v.a=lastr", "v.b=99", "v.c=x!"]);
    // What was read is no longer replaced.
    client.publish("v.b", "100".into()).await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(texts(&mut latest), ["v.b=100"]);
    assert_eq!((latest.pending().messages, latest.pending().bytes), (0, 0));
    assert_eq!(client.statistics().dropped_messages.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn latest_only_bounds_the_subjects_that_wait_and_tells_of_those_it_drops() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let mut latest = client
        .subscription("v.*")
        .capacity(3)
        .slow_consumer(SlowConsumerPolicy::LatestOnly)
        .confirmed()
        .await
        .unwrap();
    let sid = latest.sid().get();
    for subject in ["v.a", "v.b", "v.a", "v.c", "v.d", "v.e", "v.c"] {
        client.publish(subject, "x".into()).await.unwrap();
    }
    client.sync().await.unwrap();
    let pending = latest.pending();
    assert_eq!((pending.messages, pending.dropped, pending.replaced), (3, 2, 2));
    assert_eq!(texts(&mut latest), ["v.c=x", "v.d=x", "v.e=x"]);
    assert_eq!(latest.take_dropped(), 2);
    pick("slow consumer", &mut events, |event| (*event == Event::SlowConsumer(sid)).then_some(()))
        .await;
    // A limit in bytes holds as well: a message here is three bytes of subject and one of payload.
    latest.set_pending_limits(100, 9);
    for subject in ["v.a", "v.b", "v.c"] {
        client.publish(subject, "x".into()).await.unwrap();
    }
    client.sync().await.unwrap();
    assert_eq!(texts(&mut latest), ["v.b=x", "v.c=x"]);
}

#[tokio::test]
async fn changing_from_and_to_latest_only_keeps_what_waits_in_order() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscription("v.*").confirmed().await.unwrap();
    let publish = async |texts: &[(&'static str, &'static str)]| {
        for (subject, text) in texts {
            client.publish(*subject, (*text).into()).await.unwrap();
        }
        client.sync().await.unwrap();
    };
    publish(&[("v.a", "1"), ("v.a", "2")]).await;
    subscriber.set_slow_consumer_policy(SlowConsumerPolicy::LatestOnly);
    publish(&[("v.a", "3"), ("v.a", "4"), ("v.b", "5")]).await;
    subscriber.set_slow_consumer_policy(SlowConsumerPolicy::DropOldest);
    publish(&[("v.a", "6"), ("v.a", "7")]).await;
    assert_eq!(subscriber.pending().messages, 6);
    let rest = texts(&mut subscriber);
    assert_eq!(rest, ["v.a=1", "v.a=2", "v.a=4", "v.b=5", "v.a=6", "v.a=7"]);
}

// ---- a paused subscription ----

fn of(wanted: Event) -> impl Fn(&Event) -> Option<()> {
    move |event| (*event == wanted).then_some(())
}

fn pausing(client: &Client) -> midge_tokio::SubscribeBuilder {
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

// ---- gaps in their place ----

/// Numbers of messages, and in parentheses of how many are missing; `?` if perhaps more.
async fn items(subscriber: &mut SubscriberWithGaps, until: u32) -> String {
    let mut out = Vec::new();
    loop {
        match within("an item", subscriber.next()).await.unwrap() {
            Item::Message(message) => {
                let number = number_of(&message);
                out.push(number.to_string());
                if number == until {
                    return out.join(" ");
                }
            }
            Item::Gap(Gap { dropped, unseen, .. }) => {
                out.push(format!("({dropped}{})", if unseen { "?" } else { "" }));
            }
        }
    }
}

#[tokio::test]
async fn drop_newest_tells_of_a_gap_behind_what_it_kept() {
    let server = server();
    let client = connect(&server).await;
    let mut slow = client.subscription("s").capacity(3).open().unwrap().with_gaps();
    for begin in [0, 10] {
        publish(&client, "s", begin..begin + 8).await;
        client.sync().await.unwrap();
        assert_eq!(
            items(&mut slow, begin + 2).await,
            match begin {
                0 => "0 1 2",
                _ => "(5) 10 11 12",
            }
        );
    }
    assert_eq!(slow.subscriber().take_dropped(), 10);
}

#[tokio::test]
async fn drop_oldest_tells_of_a_gap_before_what_it_kept() {
    let server = server();
    let client = connect(&server).await;
    let mut slow = client
        .subscription("s")
        .capacity(3)
        .slow_consumer(SlowConsumerPolicy::DropOldest)
        .open()
        .unwrap()
        .with_gaps();
    publish(&client, "s", 0..8).await;
    client.sync().await.unwrap();
    publish(&client, "s", 8..10).await;
    client.sync().await.unwrap();
    assert_eq!(items(&mut slow, 9).await, "(7) 7 8 9");
    publish(&client, "s", 10..12).await;
    client.sync().await.unwrap();
    assert_eq!(items(&mut slow, 11).await, "10 11");
}

#[tokio::test]
async fn a_gap_inside_of_one_read_is_told_where_it_is() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    // Room for the small ones alone: the large one in between is missing.
    let subscription = client.subscription("s").capacity_bytes(1_000).confirmed();
    let mut slow = subscription.await.unwrap().with_gaps();
    publisher.publish("s", numbered(0)).await.unwrap();
    publisher.publish("s", vec![0; 2_000].into()).await.unwrap();
    publisher.publish("s", numbered(1)).await.unwrap();
    assert_eq!(items(&mut slow, 1).await, "0 (1) 1");
}

#[tokio::test]
async fn what_was_replaced_is_no_gap_but_a_subject_too_many_is() {
    let server = server();
    let client = connect(&server).await;
    let mut latest = client
        .subscription("v.*")
        .capacity(2)
        .slow_consumer(SlowConsumerPolicy::LatestOnly)
        .confirmed()
        .await
        .unwrap()
        .with_gaps();
    for (number, subject) in ["v.a", "v.a", "v.b", "v.b"].into_iter().enumerate() {
        client.publish(subject, numbered(number as u32)).await.unwrap();
    }
    client.sync().await.unwrap();
    assert_eq!(items(&mut latest, 3).await, "1 3");
    for (number, subject) in ["v.a", "v.b", "v.c"].into_iter().enumerate() {
        client.publish(subject, numbered(number as u32)).await.unwrap();
    }
    client.sync().await.unwrap();
    assert_eq!(items(&mut latest, 2).await, "(1) 1 2");
}

#[tokio::test]
async fn a_pause_and_a_lost_connection_are_gaps_of_unknown_size() {
    let server = server();
    let publisher = connect(&server).await;
    let client = crate::support::connect_to(crate::support::quick(), &server.url()).await;
    let mut events = client.events();
    let mut slow = pausing(&client).capacity(2).confirmed().await.unwrap().with_gaps();
    let sid = slow.subscriber().sid().get();
    for number in 0..3 {
        publisher.publish("s", numbered(number)).await.unwrap();
    }
    publisher.sync().await.unwrap();
    pick("a pause", &mut events, of(Event::SubscriptionPaused(sid))).await;
    assert_eq!(items(&mut slow, 1).await, "0 1");
    // Reading on makes room.
    assert_eq!(within("a gap", slow.next()).await, Some(Item::Gap(gap(1))));
    pick("an end of the pause", &mut events, of(Event::SubscriptionResumed(sid))).await;
    client.sync().await.unwrap();
    publish(&publisher, "s", 10..12).await;
    assert_eq!(items(&mut slow, 11).await, "10 11");
    client.force_reconnect().await.unwrap();
    pick("a reconnect", &mut events, of(Event::Connected)).await;
    client.sync().await.unwrap();
    publish(&publisher, "s", 20..22).await;
    assert_eq!(items(&mut slow, 21).await, "(0?) 20 21");
}

fn gap(dropped: u64) -> Gap {
    let mut gap = Gap::default();
    (gap.dropped, gap.unseen) = (dropped, true);
    gap
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
