//! Subscriptions that share one `SUB`.

use crate::support::{
    connect, connect_to, end_of, next, number_of, numbered, pick, quick, server, server_with,
    until, within,
};
use core::sync::atomic::Ordering;
use midge_test_server::NatsServer;
use midge_tokio::{Client, Event, NextError, SlowConsumerPolicy, Subscriber};

fn open(client: &Client, subject: &'static str) -> Subscriber {
    client.subscription(subject).shared().open().unwrap()
}

async fn publish(client: &Client, numbers: core::ops::Range<u32>) {
    for number in numbers {
        client.publish("s", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
}

fn all_that_waits(subscriber: &mut Subscriber) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Ok(Some(message)) = subscriber.try_next() {
        numbers.push(number_of(&message));
    }
    numbers
}

/// The subjects that the server knows of, one for each `SUB`.
fn subjects_of(server: &NatsServer) -> Vec<String> {
    let connz = server.monitor("/connz?subs=1").unwrap();
    let connections = connz["connections"].as_array().unwrap().iter();
    let lists = connections.filter_map(|connection| connection["subscriptions_list"].as_array());
    lists.flatten().map(|subject| subject.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn many_subscriptions_to_one_subject_cost_one_sub_and_one_copy() {
    let server = server();
    let client = connect(&server).await;
    let mut members: Vec<Subscriber> = (0..100).map(|_| open(&client, "s")).collect();
    publish(&client, 0..10).await;
    for member in &mut members {
        assert_eq!(all_that_waits(member), (0..10).collect::<Vec<_>>());
    }
    assert_eq!(subjects_of(&server), ["s"]);
    assert_eq!(client.subscription_count(), 1);
    assert_eq!(client.statistics().in_messages.load(Ordering::Relaxed), 10);
    // One that is not to share, or has another subject or group, has its own.
    let _alone = client.subscribe("s").await.unwrap();
    let _group = client.subscription("s").queue_group("q").shared().open().unwrap();
    let _other = open(&client, "t");
    client.sync().await.unwrap();
    assert_eq!(client.subscription_count(), 4);
    let mut subjects = subjects_of(&server);
    subjects.sort();
    assert_eq!(subjects, ["s", "s", "s", "t"]);
}

#[tokio::test]
async fn a_member_gets_all_that_is_published_behind_its_subscription() {
    let server = server();
    let client = connect(&server).await;
    let mut first = open(&client, "s");
    for number in 0..50 {
        client.publish("s", numbered(number)).await.unwrap();
        let mut late = open(&client, "s");
        client.publish("s", numbered(1_000 + number)).await.unwrap();
        // What was published before may still reach it, since the others are subscribed.
        while number_of(&next(&mut late).await) != 1_000 + number {}
    }
    for number in 0..50 {
        assert_eq!(number_of(&next(&mut first).await), number);
        assert_eq!(number_of(&next(&mut first).await), 1_000 + number);
    }
}

#[tokio::test]
async fn the_sub_ends_with_the_last_member_and_begins_anew() {
    let server = server();
    let client = connect(&server).await;
    let mut one = open(&client, "s");
    let mut two = open(&client, "s");
    one.unsubscribe().await.unwrap();
    publish(&client, 0..1).await;
    end_of(&mut one).await;
    assert_eq!(number_of(&next(&mut two).await), 0);
    assert_eq!(subjects_of(&server), ["s"]);
    drop(two);
    client.sync().await.unwrap();
    assert!(subjects_of(&server).is_empty());
    until("no subscription", || client.subscription_count() == 0).await;
    let mut again = open(&client, "s");
    publish(&client, 1..2).await;
    assert_eq!(number_of(&next(&mut again).await), 1);
}

#[tokio::test]
async fn limits_are_counted_for_each_member_alone_and_over_reconnects() {
    let server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut events = client.events();
    let mut five = client.subscription("s").shared().limit(5).open().unwrap();
    let mut all = open(&client, "s");
    publish(&client, 0..3).await;
    let mut two = client.subscription("s").shared().limit(2).open().unwrap();
    client.force_reconnect().await.unwrap();
    pick("a reconnect", &mut events, |event| (*event == Event::Connected).then_some(())).await;
    publish(&client, 3..10).await;
    assert_eq!(subjects_of(&server), ["s"], "one SUB again");
    for number in 0..5 {
        assert_eq!(number_of(&next(&mut five).await), number);
    }
    end_of(&mut five).await;
    assert_eq!(five.end_reason(), Some(NextError::LimitReached));
    assert_eq!(all_that_waits(&mut two), [3, 4]);
    end_of(&mut two).await;
    assert_eq!(all_that_waits(&mut all), (0..10).collect::<Vec<_>>());
    // A limit that was reached already ends it at once; it was the last one.
    all.unsubscribe_after(10).await.unwrap();
    end_of(&mut all).await;
    client.sync().await.unwrap();
    assert!(subjects_of(&server).is_empty());
}

#[tokio::test]
async fn draining_one_member_ends_it_behind_what_was_sent_and_leaves_the_others() {
    let server = server();
    let client = connect(&server).await;
    let mut one = open(&client, "s");
    let mut two = open(&client, "s");
    for number in 0..500 {
        client.publish("s", numbered(number)).await.unwrap();
    }
    one.drain().await.unwrap();
    for number in 0..500 {
        assert_eq!(number_of(&next(&mut one).await), number);
    }
    end_of(&mut one).await;
    assert_eq!(subjects_of(&server), ["s"]);
    for number in 500..600 {
        client.publish("s", numbered(number)).await.unwrap();
    }
    two.drain().await.unwrap();
    // A new one does not join what drains.
    let mut three = open(&client, "s");
    client.publish("s", numbered(600)).await.unwrap();
    assert_eq!(number_of(&next(&mut three).await), 600);
    for number in 0..600 {
        assert_eq!(number_of(&next(&mut two).await), number);
    }
    end_of(&mut two).await;
    assert_eq!(subjects_of(&server), ["s"]);
    assert_eq!(client.subscription_count(), 1);
}

#[tokio::test]
async fn draining_the_client_ends_all_members_behind_what_was_sent() {
    let server = server();
    let client = connect(&server).await;
    let mut members = [open(&client, "s"), open(&client, "s")];
    for number in 0..100 {
        client.publish("s", numbered(number)).await.unwrap();
    }
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain_within(crate::support::DEADLINE).await }
    });
    for member in &mut members {
        for number in 0..100 {
            assert_eq!(number_of(&next(member).await), number);
        }
        end_of(member).await;
    }
    assert!(within("drain", draining).await.unwrap().unwrap().is_complete());
    assert!(client.subscription("s").shared().open().is_err());
}

#[tokio::test]
async fn members_of_a_group_take_turns_and_count_as_one_for_the_server() {
    let server = server();
    let client = connect(&server).await;
    let member = || client.subscription("s").queue_group("q").shared().open().unwrap();
    let mut members = [member(), member(), member()];
    publish(&client, 0..300).await;
    let mut numbers = Vec::new();
    for member in &mut members {
        let share = all_that_waits(member);
        assert!((95..=105).contains(&share.len()), "{}", share.len());
        assert!(share.is_sorted());
        numbers.extend(share);
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..300));
    // A limit ends one; none of the messages is lost for the others.
    members[0].unsubscribe_after(members[0].pending().delivered + 7).await.unwrap();
    publish(&client, 300..400).await;
    let mut numbers: Vec<u32> = members.iter_mut().flat_map(all_that_waits).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(300..400));
    end_of(&mut members[0]).await;
}

#[tokio::test]
async fn each_member_has_its_own_limits_policy_and_counters() {
    let server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    let builder = || client.subscription("s").shared();
    let mut newest = builder().capacity(5).open().unwrap();
    let mut failing = builder().capacity(5).slow_consumer(SlowConsumerPolicy::Fail).open().unwrap();
    // The others still want the messages: it only drops.
    let mut pausing =
        builder().capacity(5).slow_consumer(SlowConsumerPolicy::Pause).open().unwrap();
    let mut all = builder().open().unwrap();
    publish(&client, 0..20).await;
    assert_eq!(all_that_waits(&mut newest), (0..5).collect::<Vec<_>>());
    assert_eq!(newest.take_dropped(), 15);
    assert_eq!(all_that_waits(&mut failing), (0..5).collect::<Vec<_>>());
    end_of(&mut failing).await;
    assert_eq!(failing.end_reason(), Some(NextError::SlowConsumer));
    assert_eq!(all_that_waits(&mut pausing), (0..5).collect::<Vec<_>>());
    assert_eq!(all_that_waits(&mut all), (0..20).collect::<Vec<_>>());
    publish(&client, 20..22).await;
    for member in [&mut newest, &mut pausing, &mut all] {
        assert_eq!(all_that_waits(member), [20, 21]);
    }
    let mut slow = vec![newest.sid().get(), failing.sid().get(), pausing.sid().get()];
    while !slow.is_empty() {
        let sid = pick("slow consumer", &mut events, |event| match event {
            Event::SlowConsumer(sid) => Some(*sid),
            _ => None,
        });
        let sid = sid.await;
        assert!(slow.contains(&sid));
        slow.retain(|other| *other != sid);
    }
}

#[tokio::test]
async fn back_pressure_of_one_member_rests_reading_until_it_leaves() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut events = client.events();
    let builder = || client.subscription("s").shared();
    let full = builder().capacity(4).slow_consumer(SlowConsumerPolicy::BackPressure);
    let full = full.confirmed().await.unwrap();
    let mut all = builder().confirmed().await.unwrap();
    publish(&publisher, 0..20_000).await;
    pick("a pause", &mut events, |event| {
        matches!(event, Event::Reading(midge_tokio::ReadingState::Paused)).then_some(())
    })
    .await;
    drop(full);
    for number in 0..20_000 {
        assert_eq!(number_of(&next(&mut all).await), number);
    }
}

#[tokio::test]
async fn a_refusal_ends_all_members_and_a_new_one_asks_again() {
    let server = server_with(
        "authorization { users: [{user: u, password: p, permissions: {subscribe: {deny: secret}}}] }",
    );
    let options = quick().user_and_password("u".into(), "p".into());
    let client = connect_to(options, &server.url()).await;
    for _ in 0..2 {
        let mut members = [open(&client, "secret"), open(&client, "secret")];
        for member in &mut members {
            end_of(member).await;
            assert!(matches!(member.end_reason(), Some(NextError::Refused(_))));
        }
    }
    let confirmed = within("a refusal", client.subscription("secret").shared().confirmed()).await;
    confirmed.unwrap_err();
    assert_eq!(client.subscription_count(), 0);
}

#[tokio::test]
async fn members_made_and_dropped_without_a_connection_leave_nothing() {
    let server = server();
    let client = connect_to(quick(), &server.url()).await;
    let mut events = client.events();
    let dropped = open(&client, "d");
    let mut drained = open(&client, "e");
    client.force_reconnect().await.unwrap();
    drop(dropped);
    drained.drain().await.unwrap();
    let mut kept = open(&client, "s");
    pick("a reconnect", &mut events, |event| (*event == Event::Connected).then_some(())).await;
    publish(&client, 0..1).await;
    assert_eq!(number_of(&next(&mut kept).await), 0);
    end_of(&mut drained).await;
    assert_eq!(subjects_of(&server), ["s"]);
}
