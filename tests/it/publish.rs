//! Publishing: what arrives, and what is refused with a reason.

use crate::support::{
    assert_contains, connect, connect_to, next, number_of, numbered, pattern, server, server_with,
};
use bytes::Bytes;
use midge_tokio::{
    ConnectOptions, HeaderMap, OutboundMessage, PublishError, PublishErrorKind, Refusal,
    ServerError,
};

const PERMISSIONS: &str = r#"
authorization { users: [
  { user: u, password: p, permissions: { publish: { deny: ["secret.>"] }, subscribe: ">" } }
] }
"#;

#[tokio::test]
async fn messages_arrive_in_the_order_of_the_calls() {
    let server = server();
    let client = connect(&server).await;
    let mut all = client.subscribe("order.*").await.unwrap();
    for number in 0..2_000 {
        let subject = format!("order.{}", number % 7);
        client.publish(subject, numbered(number)).await.unwrap();
    }
    for number in 0..2_000 {
        let message = next(&mut all).await;
        assert_eq!(number_of(&message), number);
        assert_eq!(message.subject, format!("order.{}", number % 7).as_str());
    }
}

#[tokio::test]
async fn every_byte_value_and_no_byte_at_all_arrive_unchanged() {
    let server = server();
    let client = connect(&server).await;
    let mut all = client.subscribe("bytes").await.unwrap();
    let every: Bytes = (0..=255).collect();
    let protocol = Bytes::from_static(b"\r\nPUB x 1\r\na\r\n\r\n+OK\r\nMSG a 1 0\r\n");
    for payload in [every, Bytes::new(), protocol] {
        client.publish("bytes", payload.clone()).await.unwrap();
        let message = next(&mut all).await;
        assert_eq!(message.payload, payload);
        assert_eq!((message.reply, message.headers), (None, None));
    }
}

#[tokio::test]
async fn a_payload_of_any_size_arrives_intact() {
    let server = server();
    let client = connect(&server).await;
    let mut all = client.subscribe("size").await.unwrap();
    let mut sizes = vec![0, 1, 2, 511, 512, 513, 4_096, 65_535, 65_536, 65_537, 262_144, 1 << 20];
    for edge in [16 << 10, 32 << 10, 48 << 10] {
        // The frame's head takes some bytes of a chunk: the edges are a little before, too.
        sizes.extend((edge - 40..edge + 40).step_by(3));
        sizes.extend([edge - 1, edge, edge + 1]);
    }
    for (turn, size) in sizes.into_iter().enumerate() {
        // A different rest in the chunk each time.
        let before = pattern(turn % 97);
        client.publish("size", before.clone()).await.unwrap();
        client.publish("size", pattern(size)).await.unwrap();
        client.publish("size", numbered(size as u32)).await.unwrap();
        assert_eq!(next(&mut all).await.payload, before);
        assert!(next(&mut all).await.payload == pattern(size), "{size} bytes");
        assert_eq!(number_of(&next(&mut all).await), size as u32);
    }
}

#[tokio::test]
async fn a_run_of_mixed_sizes_without_a_pause_arrives_intact() {
    let server = server();
    let client = connect(&server).await;
    let mut all = client.subscribe("mixed").await.unwrap();
    let sizes: Vec<usize> = (0..400).map(|turn| (turn * 7_919) % 40_000).collect();
    let publisher = client.clone();
    let published = sizes.clone();
    let task = tokio::spawn(async move {
        for size in published {
            publisher.publish("mixed", pattern(size)).await.unwrap();
        }
    });
    for size in sizes {
        assert!(next(&mut all).await.payload == pattern(size), "{size} bytes");
    }
    task.await.unwrap();
}

#[tokio::test]
async fn reply_and_headers_arrive_with_the_message() {
    let server = server();
    let client = connect(&server).await;
    let mut all = client.subscribe("full").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("One", "1");
    headers.append("Many", "a");
    headers.append("Many", "b: c");
    client.publish_with_reply("full", "answers", "x".into()).await.unwrap();
    client.publish_with_headers("full", headers.clone(), "y".into()).await.unwrap();
    client
        .publish_with_reply_and_headers("full", "answers", headers.clone(), Bytes::new())
        .await
        .unwrap();
    client.publish_with_headers("full", HeaderMap::new(), "z".into()).await.unwrap();

    let message = next(&mut all).await;
    assert_eq!((message.reply, message.headers), (Some("answers".into()), None));
    let message = next(&mut all).await;
    assert_eq!((message.reply, message.headers.as_ref()), (None, Some(&headers)));
    let message = next(&mut all).await;
    assert_eq!(message.reply, Some("answers".into()));
    assert_eq!(message.headers.as_ref(), Some(&headers));
    assert!(message.payload.is_empty());
    assert_eq!(next(&mut all).await.headers, None, "an empty map is sent as none");
}

#[tokio::test]
async fn a_received_message_can_be_sent_on_as_it_is() {
    let server = server();
    let client = connect(&server).await;
    let mut first = client.subscribe("first").await.unwrap();
    let mut second = client.subscribe("second").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Trace", "7");
    client
        .publish_with_reply_and_headers("first", "answers", headers, "body".into())
        .await
        .unwrap();
    let received = next(&mut first).await;
    let mut onward: OutboundMessage = received.clone().into();
    onward.subject = "second".into();
    client.publish_message(onward).await.unwrap();
    let again = next(&mut second).await;
    assert_eq!(again.subject, "second");
    assert_eq!(again.reply, received.reply);
    assert_eq!(again.headers, received.headers);
    assert_eq!(again.payload, received.payload);
}

#[tokio::test]
async fn try_publish_publishes_where_there_is_room() {
    let server = server();
    let client = connect(&server).await;
    let mut all = client.subscribe("now").await.unwrap();
    client.try_publish("now", "x".into()).unwrap();
    assert_eq!(next(&mut all).await.payload, "x");
    let error = client.try_publish("no no", "x".into()).unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::InvalidSubject);
}

#[tokio::test]
async fn a_confirmed_publish_is_with_the_server_when_it_returns() {
    let server = server();
    let publisher = connect(&server).await;
    let reader = connect(&server).await;
    let mut all = reader.subscription("sure").confirmed().await.unwrap();
    publisher.publish_confirmed("sure", "x".into()).await.unwrap();
    let received = server.monitor("/varz").unwrap()["in_msgs"].as_u64();
    assert_eq!(received, Some(1));
    assert_eq!(next(&mut all).await.payload, "x");
}

#[tokio::test]
async fn a_confirmed_publish_fails_with_the_servers_words_when_it_is_denied() {
    let server = server_with(PERMISSIONS);
    let options = ConnectOptions::with_user_and_password("u".into(), "p".into());
    let client = connect_to(options, &server.url()).await;
    client.publish_confirmed("open", "x".into()).await.unwrap();
    let error = client.publish_confirmed("secret.a", "x".into()).await.unwrap_err();
    let PublishError::Server(ServerError::PublishPermission { subject, .. }) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(&**subject, "secret.a");
    assert_contains(&error, "Permissions Violation for Publish to \"secret.a\"");
    // Another's denial is not mine.
    client.publish("secret.b", "x".into()).await.unwrap();
    client.publish_confirmed("open", "x".into()).await.unwrap();
}

#[tokio::test]
async fn an_invalid_subject_is_a_typed_error_and_hurts_nothing() {
    let server = server();
    let client = connect(&server).await;
    for subject in ["", " ", "a b", "a..b", ".a", "a.", "a\r\nPUB b 0\r\n", "a\tb", "a.*", "a.>"] {
        let error = client.publish(subject, "x".into()).await.unwrap_err();
        assert!(matches!(error, PublishError::InvalidSubject(_)), "{subject:?}: {error:?}");
        assert_eq!(error.kind(), PublishErrorKind::InvalidSubject);
    }
    for reply in ["", "a b", "a\r\nb", "a..b"] {
        let error = client.publish_with_reply("a", reply, "x".into()).await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::InvalidSubject, "{reply:?}");
    }
    client.sync().await.unwrap();
    assert_eq!(client.last_error(), None);
    assert_eq!(server.monitor("/varz").unwrap()["in_msgs"], 0);
}

#[tokio::test]
async fn a_subject_is_checked_for_framing_even_when_validation_is_off() {
    let server = server();
    let options = ConnectOptions::new().skip_subject_validation(true);
    let client = connect_to(options, &server.url()).await;
    for subject in ["", "a b", "a\r\nPUB b 0\r\n"] {
        let error = client.publish(subject, "x".into()).await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::InvalidSubject, "{subject:?}");
    }
    client.publish("a..b", "x".into()).await.unwrap();
    client.sync().await.unwrap();
}

#[tokio::test]
async fn a_message_over_max_payload_is_refused_before_it_is_sent() {
    let server = server_with("max_payload: 1000");
    let client = connect(&server).await;
    assert_eq!(client.max_payload(), 1000);
    let mut all = client.subscribe("p").await.unwrap();
    client.publish("p", pattern(1000)).await.unwrap();
    let error = client.publish("p", pattern(1001)).await.unwrap_err();
    assert_eq!(
        error,
        PublishError::Refused(Refusal::MaxPayloadExceeded { size: 1001, limit: 1000 })
    );
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    let mut headers = HeaderMap::new();
    headers.insert("A", "b");
    // "NATS/1.0", "A: b", and an empty line: headers count.
    let block = "NATS/1.0\r\nA: b\r\n\r\n".len();
    let fits = pattern(1000 - block);
    client.publish_with_headers("p", headers.clone(), fits.clone()).await.unwrap();
    let error = client.publish_with_headers("p", headers, pattern(1001 - block)).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    assert_eq!(next(&mut all).await.payload.len(), 1000);
    assert_eq!(next(&mut all).await.payload, fits);
    client.sync().await.unwrap();
    assert_eq!(client.statistics().connects.load(core::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn own_messages_do_not_come_back_with_no_echo() {
    let server = server();
    let quiet = connect_to(ConnectOptions::new().no_echo(), &server.url()).await;
    let other = connect(&server).await;
    let mut all = quiet.subscription("e").confirmed().await.unwrap();
    quiet.publish_confirmed("e", "mine".into()).await.unwrap();
    other.publish("e", "yours".into()).await.unwrap();
    assert_eq!(next(&mut all).await.payload, "yours");
}

#[tokio::test]
async fn verbose_and_pedantic_connections_work_as_others_do() {
    let server = server();
    let options = ConnectOptions::new().verbose().pedantic();
    let client = connect_to(options, &server.url()).await;
    let mut all = client.subscribe("v.*").await.unwrap();
    for number in 0..500 {
        client.publish("v.x", numbered(number)).await.unwrap();
    }
    for number in 0..500 {
        assert_eq!(number_of(&next(&mut all).await), number);
    }
    client.sync().await.unwrap();
}

#[tokio::test]
async fn a_closed_client_takes_no_message() {
    let server = server();
    let client = connect(&server).await;
    client.close().await.unwrap();
    let error = client.publish("a", "x".into()).await.unwrap_err();
    assert_eq!(error, PublishError::Refused(Refusal::Closed));
    assert_eq!(error.kind(), PublishErrorKind::Send);
    let error = client.try_publish("a", "x".into()).unwrap_err();
    assert_eq!(error, PublishError::Refused(Refusal::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_flood_arrives_though_nobody_flushes_or_publishes_any_more() {
    let server = server();
    let receiver = connect(&server).await;
    let mut all = receiver.subscribe("flood").await.unwrap();
    receiver.sync().await.unwrap();
    let sender = connect(&server).await;
    // The number of messages decides where in a chunk the flood ends.
    for count in [20_000, 20_001, 20_077, 20_123] {
        for number in 0..count {
            sender.publish("flood", numbered(number)).await.unwrap();
        }
        for number in 0..count {
            assert_eq!(number_of(&next(&mut all).await), number, "of {count}");
        }
    }
}
