//! Subscriptions that keep the newest message of each subject.

use crate::support::{connect, pick, server};
use core::sync::atomic::Ordering;
use midge_tokio::{Event, SlowConsumerPolicy, Subscriber};

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
