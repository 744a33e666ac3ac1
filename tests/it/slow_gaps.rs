//! Gaps in their place among the messages.

use crate::slow_consumers::publish;
use crate::slow_paused::pausing;
use crate::support::{connect, event, number_of, numbered, server, within};
use midge_tokio::{Event, Gap, Item, SlowConsumerPolicy, SubscriberWithGaps};

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
    event(&mut events, &Event::SubscriptionPaused(sid)).await;
    assert_eq!(items(&mut slow, 1).await, "0 1");
    // Reading on makes room.
    assert_eq!(within("a gap", slow.next()).await, Some(Item::Gap(gap(1))));
    event(&mut events, &Event::SubscriptionResumed(sid)).await;
    client.sync().await.unwrap();
    publish(&publisher, "s", 10..12).await;
    assert_eq!(items(&mut slow, 11).await, "10 11");
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
    client.sync().await.unwrap();
    publish(&publisher, "s", 20..22).await;
    assert_eq!(items(&mut slow, 21).await, "(0?) 20 21");
}

fn gap(dropped: u64) -> Gap {
    let mut gap = Gap::default();
    (gap.dropped, gap.unseen) = (dropped, true);
    gap
}
