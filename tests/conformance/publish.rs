//! What is published arrives, as it was, in order.

use crate::adapters::Adapter;
use crate::stage::{Stage, conformance, next, number_of, numbered, pattern, within};
use midge::{HeaderMap, PublishErrorKind};
use midge_test_server::{AccountOptions, Direction, NatsServer, Operator, UserOptions};

conformance! {
    payloads_of_all_sizes_arrive_unchanged,
    headers_arrive_as_they_were,
    messages_arrive_in_the_order_of_their_calls,
    bytes_may_come_one_by_one,
    a_message_larger_than_the_server_takes_is_refused_here,
    the_limit_in_the_second_info_holds,
    a_publisher_above_the_high_water_mark_waits_for_room,
    a_refused_publish_is_the_result_of_its_call,
}

async fn payloads_of_all_sizes_arrive_unchanged<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut all = client.subscribe("size.*").await.unwrap();
    for size in [0, 1, 100, 16_384, 16_385, 70_000, 1_000_000] {
        client.publish(format!("size.{size}"), pattern(size)).await.unwrap();
        let message = next(&mut all).await;
        assert_eq!(message.subject, format!("size.{size}").as_str());
        assert_eq!(message.payload, pattern(size), "{size} bytes");
    }
}

async fn headers_arrive_as_they_were<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect(&server).await;
    let mut all = client.subscribe("h").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("One", "1");
    headers.append("Two", "2 a");
    headers.append("Two", "2 b");
    client.publish_with_headers("h", headers.clone(), "body".into()).await.unwrap();
    let message = next(&mut all).await;
    assert_eq!(message.headers, Some(headers));
    assert_eq!(message.payload, "body");
}

async fn messages_arrive_in_the_order_of_their_calls<A: Adapter>(stage: Stage<A>) {
    const COUNT: u32 = 20_000;
    let server = stage.server();
    let (sender, receiver) = (stage.connect(&server).await, stage.connect(&server).await);
    let mut all = receiver.subscription("n").confirmed().await.unwrap();
    let publish = async {
        for number in 0..COUNT {
            sender.publish("n", numbered(number)).await.unwrap();
        }
        sender.sync().await.unwrap();
    };
    let read = async {
        for number in 0..COUNT {
            assert_eq!(number_of(&next(&mut all).await), number);
        }
    };
    within("all messages", futures_util::future::join(publish, read)).await;
}

async fn bytes_may_come_one_by_one<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let proxy = stage.proxy(&server);
    let client = stage.connect_to(stage.options(), &stage.url_of(proxy.address())).await;
    let mut all = client.subscribe("slow").await.unwrap();
    client.sync().await.unwrap();
    proxy.split(Direction::ToClient, 1);
    proxy.split(Direction::ToServer, 1);
    for number in 0..20 {
        client.publish("slow", numbered(number)).await.unwrap();
    }
    for number in 0..20 {
        assert_eq!(number_of(&next(&mut all).await), number);
    }
}

async fn a_message_larger_than_the_server_takes_is_refused_here<A: Adapter>(stage: Stage<A>) {
    let server = stage.server_with("max_payload: 1000");
    let client = stage.connect(&server).await;
    let error = client.publish("big", pattern(1_001)).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    client.publish_confirmed("big", pattern(1_000)).await.unwrap();
}

async fn the_limit_in_the_second_info_holds<A: Adapter>(stage: Stage<A>) {
    let mut operator = Operator::new().unwrap();
    let limited = AccountOptions::new().limit("payload", 512);
    let account = operator.add_account("a", limited).unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    let server = stage.start(NatsServer::builder().operator(&operator));
    let options = midge::ConnectOptions::with_credentials(&user.credentials()).unwrap();
    let client = stage.connect_to(stage.on(options), &stage.url(&server)).await;
    assert_eq!(client.max_payload(), 512);
    let error = client.publish("p", pattern(513)).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    client.publish_confirmed("p", pattern(512)).await.unwrap();
}

async fn a_publisher_above_the_high_water_mark_waits_for_room<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let options = stage.options().write_high_water(10_000);
    let client = stage.connect_to(options, &stage.url(&server)).await;
    let mut all = client.subscription("w").capacity(usize::MAX).confirmed().await.unwrap();
    let publish = async {
        for _ in 0..500 {
            client.publish("w", pattern(5_000)).await.unwrap();
            assert!(client.buffered_bytes() < 100_000);
        }
    };
    within("all publishes", publish).await;
    for _ in 0..500 {
        assert_eq!(next(&mut all).await.payload.len(), 5_000);
    }
}

async fn a_refused_publish_is_the_result_of_its_call<A: Adapter>(stage: Stage<A>) {
    let server = stage.server_with(
        "authorization: { users: [{ user: u, password: p, \
         permissions: { publish: { deny: \"no\" } } }] }",
    );
    let options = stage.options().user_and_password("u".into(), "p".into());
    let client = stage.connect_to(options, &stage.url(&server)).await;
    // Now and then the refusal comes before the call has got to its fence.
    for _ in 0..50 {
        within("an error", client.publish_confirmed("no", "x".into())).await.unwrap_err();
        within("a proof", client.publish_confirmed("yes", "x".into())).await.unwrap();
    }
}
