//! Subscriptions: which messages they get, and how they end.

use crate::support::{
    DEADLINE, assert_contains, blocking, connect, connect_to, end_of, event, next, number_of,
    numbered, server, server_with, state, until, within,
};
use core::time::Duration;
use futures_util::StreamExt as _;
use midge_test_server::NatsServer;
use midge_tokio::{
    ClosedError, ConnectOptions, Event, NextError, SlowConsumerPolicy, State, SubscribeError,
    SubscribeErrorKind, Subscriber,
};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

#[tokio::test]
async fn wildcards_match_tokens() {
    let server = server();
    let client = connect(&server).await;
    let mut star = client.subscribe("a.*.c").await.unwrap();
    let mut tail = client.subscribe("a.>").await.unwrap();
    let mut exact = client.subscribe("a.b").await.unwrap();
    for subject in ["a.b.c", "a.b", "a.x.c", "a.b.c.d", "b.b.c", "a"] {
        client.publish(subject, "x".into()).await.unwrap();
    }
    client.sync().await.unwrap();
    let mut all = Vec::new();
    for subscriber in [&mut star, &mut tail, &mut exact] {
        let mut subjects = Vec::new();
        while let Some(message) = subscriber.try_next().unwrap() {
            subjects.push(message.subject.to_string());
        }
        all.push(subjects.join(" "));
    }
    assert_eq!(all, ["a.b.c a.x.c", "a.b.c a.b a.x.c a.b.c.d", "a.b"]);
}

#[tokio::test]
async fn a_message_goes_to_one_member_of_each_queue_group() {
    let server = server();
    let client = connect(&server).await;
    let mut red = Vec::new();
    for _ in 0..3 {
        red.push(client.queue_subscribe("q", "red".into()).await.unwrap());
    }
    let mut blue = client.subscription("q").queue_group("blue").open().unwrap();
    assert_eq!(blue.queue_group(), Some("blue"));
    for number in 0..300 {
        client.publish("q", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    let mut shares = Vec::new();
    let mut numbers = Vec::new();
    for member in &mut red {
        let before = numbers.len();
        while let Some(message) = member.try_next().unwrap() {
            numbers.push(number_of(&message));
        }
        shares.push(numbers.len() - before);
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..300));
    assert!(shares.iter().all(|&share| share > 0), "{shares:?}");
    for number in 0..300 {
        assert_eq!(number_of(&next(&mut blue).await), number);
    }
}

#[tokio::test]
async fn invalid_filters_and_queue_groups_are_typed_errors() {
    let server = server();
    let client = connect(&server).await;
    for subject in ["", "a b", "a..b", "a.>.b", "a\r\n"] {
        let error = client.subscribe(subject).await.unwrap_err();
        assert_eq!(error.kind(), SubscribeErrorKind::InvalidSubject, "{subject:?}");
    }
    for group in ["", "a b", "a\r\nb", "a\tb"] {
        let error = client.queue_subscribe("a", group.into()).await.unwrap_err();
        assert_eq!(error.kind(), SubscribeErrorKind::InvalidQueueName, "{group:?}");
    }
    assert_eq!(client.subscription_count(), 0);
    client.sync().await.unwrap();
    assert_eq!(client.last_error(), None);
}

#[tokio::test]
async fn after_unsubscribe_what_waits_can_be_read_and_nothing_more_comes() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscribe("u").await.unwrap();
    client.publish("u", "before".into()).await.unwrap();
    client.sync().await.unwrap();
    subscriber.unsubscribe().await.unwrap();
    client.publish("u", "after".into()).await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "before");
    end_of(&mut subscriber).await;
    assert_eq!(subscriber.end_reason(), Some(NextError::Finished));
    assert_eq!(client.subscription_count(), 0);
    assert_eq!(subscriptions_of(&server), 0);
}

#[tokio::test]
async fn unsubscribe_after_counts_from_the_beginning() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscribe("u").await.unwrap();
    for number in 0..3 {
        client.publish("u", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    subscriber.unsubscribe_after(5).await.unwrap();
    for number in 3..10 {
        client.publish("u", numbered(number)).await.unwrap();
    }
    for number in 0..5 {
        assert_eq!(number_of(&next(&mut subscriber).await), number);
    }
    end_of(&mut subscriber).await;
    assert_eq!(client.subscription_count(), 0);

    let mut late = client.subscribe("u").await.unwrap();
    for number in 0..3 {
        client.publish("u", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    late.unsubscribe_after(2).await.unwrap();
    client.publish("u", "too late".into()).await.unwrap();
    for number in 0..3 {
        assert_eq!(number_of(&next(&mut late).await), number);
    }
    end_of(&mut late).await;
}

#[tokio::test]
async fn the_count_of_a_limited_subscription_goes_on_after_a_reconnect() {
    let mut server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscription("u").limit(5).open().unwrap();
    for number in 0..3 {
        client.publish("u", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    server.kill();
    state(&client, State::Disconnected).await;
    server.restart().unwrap();
    state(&client, State::Connected).await;
    for number in 3..10 {
        client.publish("u", numbered(number)).await.unwrap();
    }
    for number in 0..5 {
        assert_eq!(number_of(&next(&mut subscriber).await), number);
    }
    end_of(&mut subscriber).await;
    client.sync().await.unwrap();
    assert_eq!(subscriptions_of(&server), 0);
}

#[tokio::test]
async fn a_limit_of_the_builder_ends_the_subscription() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscription("l").limit(2).open().unwrap();
    for number in 0..4 {
        client.publish("l", numbered(number)).await.unwrap();
    }
    for number in 0..2 {
        assert_eq!(number_of(&next(&mut subscriber).await), number);
    }
    end_of(&mut subscriber).await;
}

#[tokio::test]
async fn draining_a_subscription_delivers_all_that_was_in_flight() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    let mut subscriber = client.subscription("d").confirmed().await.unwrap();
    for number in 0..5_000 {
        publisher.publish("d", numbered(number)).await.unwrap();
    }
    publisher.sync().await.unwrap();
    subscriber.drain().await.unwrap();
    for number in 0..5_000 {
        assert_eq!(number_of(&next(&mut subscriber).await), number);
    }
    end_of(&mut subscriber).await;
    assert_eq!(subscriber.end_reason(), Some(NextError::Finished));
    assert_eq!(client.connection_state(), State::Connected);
    assert_eq!(subscriptions_of(&server), 0);
}

#[tokio::test]
async fn draining_without_a_connection_ends_the_subscription() {
    let mut server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscribe("d").await.unwrap();
    client.publish("d", "x".into()).await.unwrap();
    client.sync().await.unwrap();
    server.kill();
    state(&client, State::Disconnected).await;
    subscriber.drain().await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
    end_of(&mut subscriber).await;
}

#[tokio::test]
async fn dropping_a_subscriber_unsubscribes() {
    let server = server();
    let client = connect(&server).await;
    let subscriber = client.subscription("d").confirmed().await.unwrap();
    assert_eq!(subscriptions_of(&server), 1);
    drop(subscriber);
    client.sync().await.unwrap();
    assert_eq!(client.subscription_count(), 0);
    assert_eq!(subscriptions_of(&server), 0);
}

#[tokio::test]
async fn waiting_with_a_time_and_without_waiting_loses_nothing() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscribe("t").await.unwrap();
    assert_eq!(subscriber.try_next(), Ok(None));
    let time = Duration::from_millis(30);
    assert_eq!(subscriber.next_timeout(time).await, Err(NextError::TimedOut(time)));
    client.publish("t", "one".into()).await.unwrap();
    client.publish("t", "two".into()).await.unwrap();
    client.sync().await.unwrap();
    assert_eq!(subscriber.try_next().unwrap().unwrap().payload, "one");
    // A wait that is over does not wait.
    assert_eq!(subscriber.next_timeout(Duration::ZERO).await.unwrap().payload, "two");
    subscriber.unsubscribe().await.unwrap();
    let end = within("the end", subscriber.next_timeout(Duration::from_secs(60))).await;
    assert_eq!(end, Err(NextError::Finished));
    assert_eq!(subscriber.try_next(), Err(NextError::Finished));
}

#[tokio::test]
async fn a_wait_for_the_next_message_says_why_there_is_none() {
    async fn ends(mut subscriber: Subscriber, messages: usize, reason: NextError) {
        let long = Duration::from_secs(60);
        for _ in 0..messages {
            within("a message", subscriber.next_timeout(long)).await.unwrap();
        }
        let end = within("the end", subscriber.next_timeout(long)).await;
        assert_eq!(end, Err(reason.clone()));
        assert_eq!(subscriber.try_next(), Err(reason.clone()));
        assert_eq!(subscriber.end_reason(), Some(reason));
    }
    let server = restricted();
    let client = connect_to(user(), &server.url()).await;
    let open = |subject: &'static str| client.subscription(subject);
    let limited = open("w").limit(2).open().unwrap();
    let shared = open("w").shared().limit(2).open().unwrap();
    let mut later = open("w").open().unwrap();
    let mut too_late = open("w").open().unwrap();
    let mut unsubscribed = open("w").open().unwrap();
    let mut drained = open("w").open().unwrap();
    let policy = SlowConsumerPolicy::Fail;
    let overflown = open("w").capacity(1).slow_consumer(policy).open().unwrap();
    let closed = open("w").open().unwrap();
    later.unsubscribe_after(2).await.unwrap();
    for number in 0..3 {
        client.publish("w", numbered(number)).await.unwrap();
    }
    client.sync().await.unwrap();
    too_late.unsubscribe_after(2).await.unwrap();
    unsubscribed.unsubscribe().await.unwrap();
    drained.drain().await.unwrap();
    let time = Duration::from_millis(1);
    let mut silent = client.subscribe("silent").await.unwrap();
    assert_eq!(silent.next_timeout(time).await, Err(NextError::TimedOut(time)));
    assert_eq!(silent.end_reason(), None);

    ends(limited, 2, NextError::LimitReached).await;
    ends(shared, 2, NextError::LimitReached).await;
    ends(later, 2, NextError::LimitReached).await;
    ends(too_late, 3, NextError::LimitReached).await;
    ends(unsubscribed, 3, NextError::Finished).await;
    ends(drained, 3, NextError::Finished).await;
    ends(overflown, 1, NextError::SlowConsumer).await;
    let mut refused = client.subscribe("secret.s").await.unwrap();
    let end = within("the refusal", refused.next_timeout(DEADLINE)).await.unwrap_err();
    let NextError::Refused(text) = end else { panic!("{end:?}") };
    assert_contains(text, "Permissions Violation");
    client.close().await.unwrap();
    ends(closed, 3, NextError::Closed).await;
    ends(silent, 0, NextError::Closed).await;
}

#[tokio::test]
async fn a_subscriber_is_a_stream() {
    let server = server();
    let client = connect(&server).await;
    let subscriber = client.subscription("s").limit(3).open().unwrap();
    for number in 0..3 {
        client.publish("s", numbered(number)).await.unwrap();
    }
    let numbers: Vec<u32> =
        within("three messages", subscriber.map(|message| number_of(&message)).collect()).await;
    assert_eq!(numbers, [0, 1, 2]);
}

#[tokio::test]
async fn a_confirmed_subscription_misses_nothing_that_others_publish() {
    let server = server();
    let publisher = connect(&server).await;
    let client = connect(&server).await;
    for turn in 0..100 {
        let subject = format!("c.{turn}");
        let mut subscriber = client.subscription(subject.clone()).confirmed().await.unwrap();
        publisher.publish(subject, numbered(turn)).await.unwrap();
        assert_eq!(number_of(&next(&mut subscriber).await), turn);
    }
}

#[tokio::test]
async fn a_client_hears_all_it_publishes_after_subscribing() {
    let server = server();
    let client = connect(&server).await;
    for turn in 0..200 {
        let subject = format!("c.{turn}");
        let mut subscriber = client.subscribe(subject.clone()).await.unwrap();
        client.publish(subject, numbered(turn)).await.unwrap();
        assert_eq!(number_of(&next(&mut subscriber).await), turn);
    }
}

#[tokio::test]
async fn a_confirmed_subscription_that_is_not_allowed_is_an_error_with_the_servers_words() {
    let server = restricted();
    let client = connect_to(user(), &server.url()).await;
    let error = client.subscription("secret.a").confirmed().await.unwrap_err();
    assert!(matches!(error, SubscribeError::Server(_)), "{error:?}");
    assert_contains(&error, "Permissions Violation for Subscription to \"secret.a\"");
    let mut open = client.subscription("open").confirmed().await.unwrap();
    client.publish("open", "x".into()).await.unwrap();
    assert_eq!(next(&mut open).await.payload, "x");
    until("one subscription", || client.subscription_count() == 1).await;
}

#[tokio::test]
async fn a_subscription_that_is_not_allowed_ends_with_the_servers_words() {
    let server = restricted();
    let client = connect_to(user(), &server.url()).await;
    let mut events = client.events();
    let mut secret = client.subscribe("secret.>").await.unwrap();
    let mut open = client.subscribe("open").await.unwrap();
    end_of(&mut secret).await;
    let Some(NextError::Refused(text)) = secret.end_reason() else {
        panic!("{:?}", secret.end_reason());
    };
    assert_contains(&text, "Permissions Violation for Subscription to \"secret.>\"");
    let sid = secret.sid();
    crate::support::pick("refusal", &mut events, |event| match event {
        Event::SubscriptionRefused { sid: refused, .. } => (*refused == sid).then_some(()),
        _ => None,
    })
    .await;
    client.publish("open", "x".into()).await.unwrap();
    assert_eq!(next(&mut open).await.payload, "x");
    assert_eq!(client.subscription_count(), 1);
}

#[tokio::test]
async fn a_confirmed_subscription_without_a_connection_says_so() {
    let mut server = server();
    let client = connect(&server).await;
    server.kill();
    state(&client, State::Disconnected).await;
    let error = within("an error", client.subscription("a").confirmed()).await.unwrap_err();
    assert_eq!(error, SubscribeError::Unconfirmed);
}

#[tokio::test]
async fn a_closed_client_ends_its_subscriptions_and_takes_no_more() {
    let server = server();
    let client = connect(&server).await;
    let mut subscriber = client.subscribe("a").await.unwrap();
    client.publish("a", "x".into()).await.unwrap();
    client.sync().await.unwrap();
    client.close().await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "x");
    end_of(&mut subscriber).await;
    assert_eq!(subscriber.end_reason(), Some(NextError::Closed));
    assert_eq!(subscriber.unsubscribe().await, Err(ClosedError));
    let error = client.subscribe("a").await.unwrap_err();
    assert_contains(&error, "closed");
}

#[tokio::test]
async fn strange_subjects_and_headers_of_other_clients_hurt_nothing() {
    let server = server();
    let client = connect(&server).await;
    let mut all = client.subscription("odd.>").confirmed().await.unwrap();
    let address = server.address();
    blocking("a raw client", move || {
        let mut raw = TcpStream::connect(address).unwrap();
        raw.write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\n").unwrap();
        raw.write_all(b"PUB odd.\xff\xfe.x 2\r\nhi\r\n").unwrap();
        // No version line, no colon, no line end: not a header block at all.
        raw.write_all(b"HPUB odd.junk 9 11\r\njunk\xff\x00ju\nhi\r\n").unwrap();
        raw.write_all(b"HPUB odd.half 20 20\r\nNATS/1.0\r\nnocolon\r\n\r\r\n").unwrap();
        raw.write_all(b"PUB odd.end 3\r\nend\r\nPING\r\n").unwrap();
        let mut heard = Vec::new();
        let mut buf = [0; 4096];
        while !heard.ends_with(b"PONG\r\n") {
            let count = raw.read(&mut buf).unwrap();
            assert_ne!(count, 0, "{}", heard.escape_ascii());
            heard.extend_from_slice(&buf[..count]);
        }
        assert!(!heard.windows(4).any(|part| part == b"-ERR"), "{}", heard.escape_ascii());
    })
    .await;
    let message = next(&mut all).await;
    assert_eq!(message.subject.as_bytes(), b"odd.\xff\xfe.x");
    assert_eq!(message.payload, "hi");
    let message = next(&mut all).await;
    assert_eq!((message.subject.as_str(), &message.payload[..]), ("odd.junk", &b"hi"[..]));
    let headers = message.headers.unwrap();
    assert!(headers.is_empty());
    assert!(headers.headers_error().is_some());
    let message = next(&mut all).await;
    assert!(message.headers.unwrap().headers_error().is_some());
    assert_eq!(next(&mut all).await.payload, "end");
    client.sync().await.unwrap();
    assert_eq!(client.statistics().connects.load(core::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_subscription_made_while_disconnected_is_there_afterwards() {
    let mut server = server();
    let client = connect(&server).await;
    let mut events = client.events();
    server.kill();
    event(&mut events, &Event::Disconnected).await;
    let mut early = client.subscribe("later").await.unwrap();
    let dropped = client.subscribe("never").await.unwrap();
    drop(dropped);
    server.restart().unwrap();
    event(&mut events, &Event::Connected).await;
    let other = connect(&server).await;
    client.sync().await.unwrap();
    other.publish("later", "x".into()).await.unwrap();
    assert_eq!(next(&mut early).await.payload, "x");
    assert_eq!(subscriptions_of(&server), 1);
}

/// Subscriptions that clients have with the server at present.
fn subscriptions_of(server: &NatsServer) -> u64 {
    let connz = server.monitor("/connz").unwrap();
    let connections = connz["connections"].as_array().unwrap();
    connections.iter().map(|connection| connection["subscriptions"].as_u64().unwrap()).sum()
}

fn restricted() -> NatsServer {
    server_with(
        r#"authorization { users: [
            { user: u, password: p, permissions: { subscribe: { deny: "secret.>" } } }
        ] }"#,
    )
}

fn user() -> ConnectOptions {
    ConnectOptions::with_user_and_password("u".into(), "p".into())
}
