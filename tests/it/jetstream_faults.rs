//! How a reading ends, and how it says what keeps the next message away.

use crate::jetstream_support::{Stage, config, fill, sequence, stage, stage_with, stream};
use crate::support::{assert_contains, connect_to, event, quick, state, within};
use core::time::Duration;
use futures_util::StreamExt;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::jetstream::consumer::pull::{FetchEnd, MessagesErrorKind, MessagesFault};
use midge_tokio::jetstream::consumer::{
    MessagesError, OrderedEvent, PullConsumer, PushConsumer, pull, push,
};
use midge_tokio::jetstream::{self, Context, Message};
use midge_tokio::{ConnectOptions, Event, ServerError, State};
use std::sync::mpsc;

type Messages = futures_util::stream::BoxStream<'static, Result<Message, MessagesError>>;

const DENIED: &str = r#"Permissions Violation for Publish to "$JS.API.CONSUMER.MSG.NEXT.S."#;

/// A server on which one user may do everything and another one may not pull; that one's client.
async fn restricted() -> (Stage, Context) {
    let stage = stage_with(
        r#"authorization { users: [
            { user: admin, password: p },
            { user: u, password: p, permissions: { publish: {
                deny: ["$JS.API.CONSUMER.MSG.NEXT.>", "$JS.FC.>"] } } }
        ] }
        no_auth_user: admin"#,
    )
    .await;
    let options = ConnectOptions::new().user_and_password("u".into(), "p".into());
    let client = connect_to(options, &stage.server.url()).await;
    (stage, jetstream::new(client))
}

async fn durable(jetstream: &Context) -> PullConsumer {
    let config = pull::Config { durable_name: Some("C".into()), ..pull::Config::default() };
    let created = jetstream.create_consumer_on_stream(config, "S");
    within("a consumer", created).await.unwrap()
}

#[track_caller]
fn assert_denied(error: &MessagesError) {
    assert_eq!(error.kind(), MessagesErrorKind::Denied, "{error}");
    assert_contains(error, DENIED);
    let MessagesFault::Denied(ServerError::PublishPermission { subject, .. }) = error.fault()
    else {
        panic!("{error:?}")
    };
    assert!(subject.starts_with("$JS.API.CONSUMER.MSG.NEXT.S."), "{subject}");
    assert!(!error.is_final(), "permissions can be changed");
}

#[tokio::test]
async fn a_drain_of_the_client_is_an_ordinary_end_of_every_reading() {
    let Stage { server: _server, client, jetstream } = stage().await;
    let stream = stream(&jetstream, "S", &["s"]).await;
    fill(&jetstream, 1, 3).await;
    let pulled = durable(&jetstream).await;
    let pushed = push::Config { deliver_subject: "d".into(), ..push::Config::default() };
    let pushed = stream.create_consumer(pushed).await.unwrap();
    let ordered = stream.create_consumer(pull::OrderedConfig::default()).await.unwrap();
    let deliver_subject = client.new_inbox();
    let pushed_in_order = push::OrderedConfig { deliver_subject, ..Default::default() };
    let pushed_in_order = stream.create_consumer(pushed_in_order).await.unwrap();
    let readings: [(&str, Messages); 5] = [
        ("pull", pulled.messages().await.unwrap().boxed()),
        ("fetch", pulled.batch().max_messages(9).messages().await.unwrap().boxed()),
        ("push", pushed.messages().await.unwrap().boxed()),
        ("ordered", ordered.messages().await.unwrap().boxed()),
        ("ordered, pushed", pushed_in_order.messages().await.unwrap().boxed()),
    ];
    let readers: Vec<_> = readings
        .into_iter()
        .map(|(kind, mut messages)| {
            tokio::spawn(async move {
                while let Some(next) = within(kind, messages.next()).await {
                    drop(next.unwrap_or_else(|error| panic!("{kind}: {error:?}")));
                }
            })
        })
        .collect();
    within("the drain", client.drain()).await.unwrap();
    for reader in readers {
        within("the end", reader).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_is_closed_ends_a_reading_with_an_error() {
    let Stage { server: _server, client, jetstream } = stage().await;
    stream(&jetstream, "S", &["s"]).await;
    let mut messages = durable(&jetstream).await.messages().await.unwrap();
    within("the close", client.close()).await.unwrap();
    let error = within("the end", messages.next()).await.unwrap().unwrap_err();
    assert_eq!(error.fault(), &MessagesFault::Subscription(midge_tokio::NextError::Closed));
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn a_pull_that_the_user_may_not_send_is_told_with_its_subject() {
    let (stage, jetstream) = restricted().await;
    let stream = stream(&stage.jetstream, "S", &["s"]).await;
    fill(&stage.jetstream, 1, 1).await;
    let consumer = durable(&jetstream).await;

    let mut messages = consumer.messages().await.unwrap();
    for _ in 0..2 {
        let error = within("the error", messages.next()).await.unwrap().unwrap_err();
        assert_denied(&error);
        assert_contains(&error, "MSG.NEXT.S.C");
    }

    let mut batch = consumer.fetch().messages().await.unwrap();
    let error = within("the error", batch.next()).await.unwrap().unwrap_err();
    assert_denied(&error);
    assert!(matches!(batch.end_reason(), Some(FetchEnd::Denied(_))));
    assert!(batch.next().await.is_none());

    let consumer = jetstream.get_stream("S").await.unwrap();
    let consumer = consumer.create_consumer(pull::OrderedConfig::default()).await.unwrap();
    let mut ordered = consumer.messages().await.unwrap();
    let first = within("the error", ordered.next()).await.unwrap().unwrap_err();
    let second = within("the error", ordered.next()).await.unwrap().unwrap_err();
    for error in [&first, &second] {
        assert_denied(error);
        assert_contains(error, &format!("NEXT.S.{}", error.consumer()));
    }
    assert_ne!(first.consumer(), second.consumer(), "another consumer was made");
    assert_eq!(stream.cached_info().config.name, "S");
}

#[tokio::test]
async fn the_pulls_of_others_are_not_mistaken_for_ones_own() {
    let (stage, jetstream) = restricted().await;
    stream(&stage.jetstream, "S", &["s"]).await;
    let consumer = durable(&stage.jetstream).await;
    let mut messages = consumer.messages().await.unwrap();
    let denied = jetstream.get_consumer_from_stream::<pull::Config, _, _>("C", "S").await.unwrap();
    let mut denied = denied.messages().await.unwrap();
    assert_denied(&within("the error", denied.next()).await.unwrap().unwrap_err());
    fill(&stage.jetstream, 1, 1).await;
    assert_eq!(sequence(&within("a message", messages.next()).await.unwrap().unwrap()), 1);
}

#[tokio::test]
async fn flow_control_that_the_user_may_not_answer_is_told() {
    let (stage, jetstream) = restricted().await;
    let stream = stream(&stage.jetstream, "S", &["s"]).await;
    let config = push::Config {
        durable_name: Some("P".into()),
        deliver_subject: "d".into(),
        flow_control: true,
        idle_heartbeat: Duration::from_millis(200),
        max_ack_pending: -1,
        ..push::Config::default()
    };
    within("a consumer", stream.create_consumer(config)).await.unwrap();
    let consumer: PushConsumer = jetstream.get_consumer_from_stream("P", "S").await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let mut publisher = stage.jetstream.publisher();
    let payload = "x".repeat(2_000);
    for _ in 0..3_000 {
        publisher.publish("s", payload.clone().into()).await.unwrap();
    }
    within("the acknowledgements", publisher.finish()).await.unwrap();
    let error = within("the error", async {
        loop {
            if let Err(error) = messages.next().await.unwrap() {
                break error;
            }
        }
    })
    .await;
    assert_eq!(error.kind(), MessagesErrorKind::Denied, "{error}");
    assert_contains(&error, "$JS.FC.S.P.");
}

async fn through_proxy() -> (NatsServer, FaultProxy, midge_tokio::Client, PullConsumer) {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    jetstream.create_stream(config("S", &["s"])).await.unwrap();
    let consumer = durable(&jetstream).await;
    (server, proxy, client, consumer)
}

#[tokio::test]
async fn a_fetch_that_has_no_connection_says_so() {
    let (_server, proxy, client, consumer) = through_proxy().await;
    let beat = Duration::from_millis(50);
    let mut running = consumer.batch().heartbeat(beat).messages().await.unwrap();
    proxy.refuse();
    proxy.cut();
    state(&client, State::Disconnected).await;
    let error = within("the end", running.next()).await.unwrap().unwrap_err();
    assert_eq!(error.fault(), &MessagesFault::Disconnected, "a running one");

    let expires = Duration::from_millis(200);
    let builder = consumer.batch().expires(expires).heartbeat(beat);
    let mut begun = builder.messages().await.unwrap();
    let error = within("the end", begun.next()).await.unwrap().unwrap_err();
    assert_eq!(error.fault(), &MessagesFault::Disconnected, "one begun without");
    assert_eq!(begun.end_reason(), Some(&FetchEnd::Disconnected));
    assert!(begun.next().await.is_none());
}

#[tokio::test]
async fn a_fetch_begun_without_a_connection_goes_out_with_the_next_one() {
    let (_server, proxy, client, consumer) = through_proxy().await;
    fill(&jetstream::new(client.clone()), 1, 2).await;
    let mut events = client.events();
    proxy.refuse();
    proxy.cut();
    event(&mut events, &Event::Disconnected).await;
    let beat = Duration::from_millis(50);
    let mut batch = consumer.batch().max_messages(2).heartbeat(beat).messages().await.unwrap();
    // Several heartbeats long, nobody is there to give one.
    let waited = batch.next_timeout(Duration::from_millis(300)).await;
    assert!(waited.unwrap().is_none());
    proxy.accept().unwrap();
    for expected in 1..=2 {
        let message = within("a message", batch.next()).await.unwrap().unwrap();
        assert_eq!(sequence(&message), expected);
    }
    assert!(batch.next().await.is_none());
    assert_eq!(batch.end_reason(), Some(&FetchEnd::Complete));
}

#[tokio::test]
async fn what_comes_with_a_message_is_told_with_it_and_not_with_the_next_one() {
    let stage = stage().await;
    let stream = stream(&stage.jetstream, "S", &["s"]).await;
    fill(&stage.jetstream, 1, 2).await;
    let config = pull::Config {
        durable_name: Some("C".into()),
        priority_groups: vec!["g".into()],
        priority_policy: jetstream::consumer::PriorityPolicy::PinnedClient,
        priority_timeout: Duration::from_secs(5),
        ..pull::Config::default()
    };
    let consumer = within("a consumer", stream.create_consumer(config)).await.unwrap();
    let (sender, events) = mpsc::channel();
    let tell = move |event: &pull::PullEvent| drop(sender.send(event.clone()));
    let mut messages = consumer.stream().group("g").on_event(tell).messages().await.unwrap();
    within("a message", messages.next()).await.unwrap().unwrap();
    let told: Vec<_> = events.try_iter().collect();
    assert!(matches!(&*told, [pull::PullEvent::Pinned(_)]), "{told:?}");
}

#[tokio::test]
async fn errors_of_an_ordered_reading_name_the_consumer_of_now() {
    let stage = stage().await;
    let stream = stream(&stage.jetstream, "S", &["s"]).await;
    fill(&stage.jetstream, 1, 1).await;
    let consumer = stream.create_consumer(pull::OrderedConfig::default()).await.unwrap();
    let first = consumer.cached_info().name.clone();
    let (sender, events) = mpsc::channel();
    let tell = move |event: &OrderedEvent| drop(sender.send(event.clone()));
    let builder = consumer.stream().max_reset_attempts(2).on_event(tell);
    let mut messages = builder.messages().await.unwrap();
    within("a message", messages.next()).await.unwrap().unwrap();
    within("the end of the stream", stage.jetstream.delete_stream("S")).await.unwrap();
    let error = within("the error", messages.next()).await.unwrap().unwrap_err();
    assert!(matches!(error.fault(), MessagesFault::GaveUp { .. }), "{error}");
    assert_ne!(error.consumer(), first);
    assert!(error.consumer().ends_with("_2"), "{error}");
    assert!(events.try_iter().any(|event| matches!(event, OrderedEvent::Retry { .. })));
}

#[tokio::test]
async fn silence_is_told_in_time_by_a_client_that_has_nothing_else_to_do() {
    let (_server, proxy, client, consumer) = through_proxy().await;
    let beat = Duration::from_secs(1);
    let mut messages = consumer.stream().heartbeat(beat).messages().await.unwrap();
    client.sync().await.unwrap();
    // The driver sleeps, and its clock with it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    proxy.stall(Direction::ToClient);
    let begun = std::time::Instant::now();
    let error = within("the error", messages.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::MissingHeartbeat);
    let waited = begun.elapsed();
    assert!(waited > 2 * beat - Duration::from_millis(100), "{waited:?}");
    assert!(waited < 3 * beat, "{waited:?}");
}
