//! What becomes of consumers that were created for a subscription.

use crate::jetstream_subscribe::{filled, info_when, pushed};
use crate::jetstream_support::{consumers, no_consumers, read_in_order, sequence, stream};
use crate::support::{connect, connect_to, pick, quick, refusal, rest_of, state, until, within};
use core::time::Duration;
use futures_util::FutureExt;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::jetstream::consumer::pull;
use midge_tokio::jetstream::{self, subscription::SubscriptionBuilder};
use midge_tokio::{ClientError, ConnectOptions, Event, PublishError, Refusal, State};

#[tokio::test]
async fn a_consumer_that_was_created_goes_with_its_subscription() {
    let (stage, stream) = filled(3).await;
    for durable in [false, true] {
        let subscription = || {
            let builder = stage.jetstream.subscription("s");
            if durable { builder.durable("D") } else { builder }
        };
        let mut messages = pushed(subscription()).await;
        messages.unsubscribe().await.unwrap();
        assert_eq!(consumers(&stream).await, [""; 0], "unsubscribed");
        assert!(messages.next().await.is_none());
        messages.unsubscribe().await.unwrap();

        let mut messages = pushed(subscription()).await;
        read_in_order(&mut messages, 1, 3).await;
        messages.drain().await;
        assert!(within("the end", messages.next()).await.is_none());
        no_consumers(&stream).await;

        let mut messages = pushed(subscription()).await;
        messages.stop();
        no_consumers(&stream).await;

        drop(pushed(subscription()).await);
        no_consumers(&stream).await;

        let pull = within("a subscription", subscription().pull()).await.unwrap();
        assert_eq!(consumers(&stream).await.len(), 1);
        pull.unsubscribe().await.unwrap();
        assert_eq!(consumers(&stream).await, [""; 0], "unsubscribed");

        drop(within("a subscription", subscription().pull()).await.unwrap());
        no_consumers(&stream).await;
    }
    // One that is gone already is no error.
    let mut messages = pushed(stage.jetstream.subscription("s").durable("D")).await;
    stream.delete_consumer("D").await.unwrap();
    messages.unsubscribe().await.unwrap();
}

#[tokio::test]
async fn a_consumer_is_deleted_also_if_nobody_waits_until_that_is_asked_for() {
    let (stage, stream) = filled(0).await;
    let proxy = FaultProxy::start(stage.server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let subscription = || jetstream::new(client.clone()).subscription("s");
    let pull = within("a subscription", subscription().durable("D").pull()).await.unwrap();
    let mut push = pushed(subscription().durable("E")).await;
    proxy.stall(Direction::ToServer);
    let refused = refusal(&client, "x", 100_000).await;
    assert_eq!(refused, PublishError::Refused(Refusal::Full));
    // There is no room for the request, so nothing is sent when they are dropped.
    assert!(pull.unsubscribe().now_or_never().is_none());
    assert!(push.unsubscribe().now_or_never().is_none());
    proxy.resume(Direction::ToServer);
    no_consumers(&stream).await;
}

#[tokio::test]
async fn a_consumer_that_is_kept_or_was_there_stays() {
    let (stage, stream) = filled(3).await;
    let subscription = || stage.jetstream.subscription("s").durable("K");
    drop(pushed(subscription().keep_consumer()).await);
    info_when(&stream, "K", |info| !info.push_bound).await;
    let mut messages = pushed(subscription()).await;
    messages.unsubscribe().await.unwrap();
    assert_eq!(consumers(&stream).await, ["K"]);
    let pulled = || stage.jetstream.subscription("s").durable("P");
    drop(within("a subscription", pulled().keep_consumer().pull()).await.unwrap());
    within("a subscription", pulled().pull()).await.unwrap().unsubscribe().await.unwrap();
    drop(within("a subscription", pulled().pull()).await.unwrap());
    stage.client.sync().await.unwrap();
    let mut names = consumers(&stream).await;
    names.sort();
    assert_eq!(names, ["K", "P"]);
}

#[tokio::test]
async fn a_consumer_that_cannot_be_deleted_is_told() {
    let server = NatsServer::builder()
        .jetstream()
        .config(
            "authorization { users: [{ user: u, password: p,
                permissions: { publish: { deny: \"$JS.API.CONSUMER.DELETE.>\" } } }] }",
        )
        .start()
        .unwrap();
    let options = ConnectOptions::with_user_and_password("u".into(), "p".into());
    let client = within("connect", options.connect(server.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    stream(&jetstream, "S", &["s"]).await;
    let mut events = client.events();
    let mut messages = pushed(jetstream.subscription("s").durable("D")).await;
    let error = within("a refusal", messages.unsubscribe()).await.unwrap_err();
    assert!(error.to_string().contains("CONSUMER.DELETE.S.D"), "{error}");
    drop(pushed(jetstream.subscription("s").durable("E")).await);
    let text = |event: &Event| match event {
        Event::ClientError(ClientError::Other(text)) => Some(text.clone()),
        _ => None,
    };
    let told = pick("an event", &mut events, text).await;
    assert!(told.starts_with("consumer \"E\" of stream \"S\" was not deleted: "), "{told}");
    let _pull = within("a subscription", jetstream.subscription("s").durable("F").pull()).await;
    within("a drain", client.drain()).await.unwrap();
    let told = pick("an event", &mut events, text).await;
    assert!(told.starts_with("consumer \"F\" of stream \"S\" was not deleted: "), "{told}");
}

#[tokio::test]
async fn the_drain_of_a_client_deletes_what_its_subscriptions_have_created() {
    let (stage, stream) = filled(0).await;
    let there_was = pull::Config { durable_name: Some("BOUND".into()), ..Default::default() };
    stream.create_consumer(there_was).await.unwrap();
    let client = connect(&stage.server).await;
    let mut events = client.events();
    let jetstream = jetstream::new(client.clone());
    let all = || jetstream.subscription("").stream("S");
    let pull = |builder: SubscriptionBuilder| within("a subscription", builder.pull());
    let _bound = pull(all().durable("BOUND")).await.unwrap();
    let _kept = pull(all().durable("KEPT").keep_consumer()).await.unwrap();
    let _pull = pull(all().durable("PULL")).await.unwrap();
    let _idle = pushed(all().durable("IDLE")).await;
    let mut waiting = pushed(all().durable("WAITING")).await;
    let waiting = tokio::spawn(async move { waiting.next().await.is_none() });
    let report = within("a drain", client.drain_within(Duration::from_secs(8))).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    // At once, not sooner or later.
    assert_eq!(consumers(&stream).await, ["BOUND", "KEPT"]);
    assert!(within("the reader", waiting).await.unwrap());
    let told = rest_of(&mut events).await;
    assert!(!told.iter().any(|event| matches!(event, Event::ClientError(_))), "{told:?}");
}

#[tokio::test]
async fn a_drain_deletes_no_consumer_before_its_messages_were_read() {
    let (stage, stream) = filled(3).await;
    let client = connect(&stage.server).await;
    let jetstream = jetstream::new(client.clone());
    let mut messages = pushed(jetstream.subscription("s").durable("D")).await;
    until("three messages", || messages.pending().messages == 3).await;
    let draining = tokio::spawn(async move { client.drain().await });
    for expected in 1..=3 {
        assert_eq!(consumers(&stream).await, ["D"]);
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(sequence(&message), expected);
    }
    within("a drain", draining).await.unwrap().unwrap();
    assert!(consumers(&stream).await.is_empty());
}

#[tokio::test]
async fn a_drain_without_a_connection_counts_the_consumers_that_stay() {
    let (stage, stream) = filled(0).await;
    let proxy = FaultProxy::start(stage.server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let builder = jetstream::new(client.clone()).subscription("s").durable("D");
    let _messages = pushed(builder).await;
    proxy.refuse();
    proxy.cut();
    state(&client, State::Disconnected).await;
    let report = within("a drain", client.drain_within(Duration::from_secs(60))).await.unwrap();
    assert_eq!((report.undeleted_consumers, report.timed_out), (1, false));
    assert_eq!(consumers(&stream).await, ["D"]);
}

#[tokio::test]
async fn a_close_leaves_consumers_and_tells_nothing_of_it() {
    let (stage, stream) = filled(0).await;
    let proxy = FaultProxy::start(stage.server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let mut events = client.events();
    let builder = || jetstream::new(client.clone()).subscription("s");
    let dropped = pushed(builder().durable("DROPPED")).await;
    let held = pushed(builder().durable("HELD")).await;
    proxy.stall(Direction::ToServer);
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close().await }
    });
    until("the end of publishing", || {
        client.try_publish("x", "".into()) == Err(PublishError::Refused(Refusal::Draining))
    })
    .await;
    drop(dropped);
    proxy.resume(Direction::ToServer);
    within("a close", closing).await.unwrap().unwrap();
    drop(held);
    assert_eq!(consumers(&stream).await, ["DROPPED", "HELD"]);
    let told = rest_of(&mut events).await;
    assert!(!told.iter().any(|event| matches!(event, Event::ClientError(_))), "{told:?}");
}
