//! Typical code for async-nats with the crate name swapped: that it compiles is most of the test.

use bytes::Bytes;
use core::time::Duration;
use futures_util::{SinkExt, StreamExt};
use midge_test_server::NatsServer;
use midge_tokio as async_nats;

use async_nats::client::traits::{Publisher, Requester, TimeoutProvider};
use async_nats::client::{PublishErrorKind, RequestErrorKind, SubscribeErrorKind};
use async_nats::connection::State;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::traits as context_traits;
use async_nats::message::OutboundMessage;
use async_nats::{
    Client, ConnectOptions, Event, HeaderMap, HeaderValue, Request, StatusCode, Subject,
    Subscriber, ToServerAddrs,
};

#[derive(Clone)]
struct Orders {
    client: Client,
    prefix: String,
}

impl Orders {
    async fn connect<A: ToServerAddrs>(addrs: A) -> Result<Self, async_nats::Error> {
        let client = ConnectOptions::new()
            .name("orders")
            .ping_interval(Duration::from_secs(10))
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(Duration::from_secs(5)))
            .subscription_capacity(1024)
            .client_capacity(256)
            .custom_inbox_prefix("_INBOX_orders")
            .max_reconnects(None)
            .retain_servers_order()
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis(core::cmp::min((attempts * 100) as u64, 8000))
            })
            .event_callback(|event| async move {
                match event {
                    Event::Disconnected => println!("disconnected"),
                    Event::Connected => println!("connected"),
                    Event::ClientError(error) => println!("client error: {error}"),
                    other => println!("{other}"),
                }
            })
            .connect(addrs)
            .await?;
        Ok(Self { client, prefix: "orders".to_string() })
    }

    async fn place(&self, id: u32, body: Bytes) -> Result<(), async_nats::client::PublishError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.to_string());
        headers.append("X-Kind", HeaderValue::from("order"));
        self.client.publish_with_headers(format!("{}.{id}", self.prefix), headers, body).await
    }

    async fn watch(&self) -> Result<Subscriber, async_nats::SubscribeError> {
        self.client.subscribe(format!("{}.*", self.prefix)).await
    }
}

#[tokio::test]
async fn a_program_moves_over_by_its_crate_name() -> Result<(), async_nats::Error> {
    let server = NatsServer::start()?;
    let orders = Orders::connect(server.url()).await?;
    assert_eq!(orders.client.connection_state(), State::Connected);
    assert!(orders.client.server_info().max_payload > 0);
    assert!(orders.client.is_server_compatible(2, 10, 0));

    let mut watch = orders.watch().await?;
    orders.place(7, "seven".into()).await?;
    let message = watch.next().await.ok_or("no message")?;
    assert_eq!(message.subject.as_str(), "orders.7");
    assert_eq!(message.payload, "seven");
    let headers = message.headers.as_ref().ok_or("no headers")?;
    assert_eq!(headers.get(NATS_MESSAGE_ID).map(|value| value.as_str()), Some("7"));
    assert_eq!(headers.get("X-Kind").map(|value| value.as_str()), Some("order"));
    watch.unsubscribe().await?;

    let mut service = orders.client.queue_subscribe("svc", "workers".to_string()).await?;
    let responder = orders.client.clone();
    tokio::spawn(async move {
        while let Some(request) = service.next().await {
            if let Some(reply) = request.reply {
                responder.publish(reply, request.payload).await.unwrap();
            }
        }
    });
    let reply = orders.client.request("svc", "ping".into()).await?;
    assert_eq!(reply.payload, "ping");
    let request = Request::new().payload("pong".into()).timeout(Some(Duration::from_secs(2)));
    assert_eq!(orders.client.send_request("svc", request).await?.payload, "pong");

    let error = orders.client.request("nobody", "".into()).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
    let error = orders.client.publish("not valid", "".into()).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::InvalidSubject);
    let error = orders.client.subscribe("a..b").await.unwrap_err();
    assert_eq!(error.kind(), SubscribeErrorKind::InvalidSubject);
    assert_eq!(StatusCode::NO_RESPONDERS.as_u16(), 503);

    let inbox = orders.client.new_inbox();
    assert!(inbox.starts_with("_INBOX_orders."));
    orders.client.flush().await?;
    orders.client.drain().await?;
    Ok(())
}

async fn through_context<C>(context: &C)
where
    C: context_traits::Publisher + context_traits::ClientProvider + context_traits::TimeoutProvider,
{
    let message = OutboundMessage {
        subject: "events.traits".into(),
        reply: None,
        payload: "x".into(),
        headers: None,
    };
    let ack = context.publish_message(message).await.unwrap().await.unwrap();
    let next = context.publish("events.traits", "y".into()).await.unwrap().await.unwrap();
    assert_eq!(next.sequence, ack.sequence + 1);
    assert!(context.timeout() > Duration::ZERO);
    context.client().flush().await.unwrap();
}

async fn through_traits<C: Publisher + Requester + TimeoutProvider>(client: &C) {
    assert_eq!(client.timeout(), Some(Duration::from_secs(10)));
    client.publish_with_reply("traits.a", "traits.reply", "x".into()).await.unwrap();
    let reply = client.send_request("echo", Request::new().payload("y".into())).await.unwrap();
    assert_eq!(reply.payload, "y");
}

#[tokio::test]
async fn traits_sinks_and_responses_do_what_the_client_does() -> Result<(), async_nats::Error> {
    let server = NatsServer::start()?;
    let mut client = async_nats::connect(server.url()).await?;
    let mut all = client.subscribe("traits.>").await?;
    let mut echo = client.subscribe("echo").await?;
    let responder = client.clone();
    tokio::spawn(async move {
        while let Some(request) = echo.next().await {
            responder.respond(&request, request.payload.clone()).await.unwrap();
        }
    });
    through_traits(&client).await;
    let first = all.next().await.ok_or("no message")?;
    assert_eq!(first.reply, Some(Subject::from("traits.reply")));

    let outbound = |number: u32| OutboundMessage {
        subject: "traits.sink".into(),
        reply: None,
        payload: number.to_string().into(),
        headers: None,
    };
    let messages = futures_util::stream::iter((0..20_000).map(outbound).map(Ok));
    let mut sink = client.clone();
    sink.send_all(&mut messages.boxed()).await?;
    for number in 0..20_000u32 {
        let message = all.next().await.ok_or("no message")?;
        assert_eq!(message.payload, number.to_string());
    }
    let mut silent = first;
    silent.reply = None;
    let error = client.respond(&silent, "z".into()).await.unwrap_err();
    assert_eq!(error, async_nats::PublishError::NoReply);
    SinkExt::<OutboundMessage>::close(&mut client).await?;
    Ok(())
}

/// The usual things of JetStream, by the names of async-nats.
async fn through_jetstream(client: Client) -> Result<(), async_nats::Error> {
    use async_nats::jetstream::context::{CreateStreamErrorKind, PublishErrorKind};
    use async_nats::jetstream::{self, AckKind, consumer, message::PublishMessage, stream};
    use futures_util::TryStreamExt;

    let jetstream = jetstream::new(client.clone());
    let stream = jetstream
        .get_or_create_stream(stream::Config {
            name: "events".to_string(),
            subjects: vec!["events.>".to_string()],
            max_messages: 10_000,
            storage: stream::StorageType::Memory,
            ..Default::default()
        })
        .await?;
    let ack = jetstream.publish("events.data", "1".into()).await?.await?;
    assert_eq!((&*ack.stream, ack.sequence), ("events", 1));
    let publish = PublishMessage::build().payload("2".into()).expected_last_sequence(7);
    let error = jetstream.send_publish("events.data", publish).await?.await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::WrongLastSequence);
    let wrong = stream::Config { name: "a.b".to_string(), ..Default::default() };
    let error = jetstream.create_stream(wrong).await.unwrap_err();
    assert_eq!(error.kind(), CreateStreamErrorKind::InvalidStreamName);

    let consumer: consumer::PullConsumer = stream
        .get_or_create_consumer(
            "worker",
            consumer::pull::Config {
                durable_name: Some("worker".to_string()),
                ..Default::default()
            },
        )
        .await?;
    assert_eq!(consumer.cached_info().num_pending, 1);
    let names: Vec<String> = jetstream.stream_names().try_collect().await?;
    assert_eq!(names, ["events"]);

    let mut deliveries = client.subscribe("deliveries").await?;
    stream
        .create_consumer(consumer::push::Config {
            deliver_subject: "deliveries".to_string(),
            ..Default::default()
        })
        .await?;
    let delivered = deliveries.next().await.ok_or("no message")?;
    let message = jetstream::Message::new(delivered, jetstream.clone());
    assert_eq!(message.info()?.stream_sequence, 1);
    message.ack_with(AckKind::Progress).await?;
    message.double_ack().await?;
    assert_eq!(stream.purge().filter("events.data").await?.purged, 1);
    assert_eq!(stream.purge_subject("events.data").await?.purged, 0);
    through_context(&jetstream).await;
    jetstream.delete_stream("events").await?;
    Ok(())
}

#[tokio::test]
async fn jetstream_does_what_the_same_code_did_before() -> Result<(), async_nats::Error> {
    let server = NatsServer::builder().jetstream().start()?;
    through_jetstream(async_nats::connect(server.url()).await?).await
}

/// The usual ways to read from a consumer that is pulled from.
async fn through_pulls(client: Client) -> Result<(), async_nats::Error> {
    use async_nats::jetstream::consumer::pull::{self, MessagesErrorKind};
    use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, PullConsumer};
    use async_nats::jetstream::{self, AckKind, stream};
    use futures_util::TryStreamExt;

    let jetstream = jetstream::new(client);
    let stream = jetstream
        .create_stream(stream::Config {
            name: "events".to_string(),
            subjects: vec!["events.>".to_string()],
            ..Default::default()
        })
        .await?;
    for number in 1..=40 {
        jetstream.publish(format!("events.{number}"), "data".into()).await?.await?;
    }
    let consumer: Consumer<pull::Config> = stream
        .create_consumer(pull::Config {
            durable_name: Some("worker".to_string()),
            ack_policy: AckPolicy::Explicit,
            deliver_policy: DeliverPolicy::All,
            filter_subject: "events.>".to_string(),
            ..Default::default()
        })
        .await?;

    // A stream with combinators, and one read by `try_next`.
    let mut messages = consumer.messages().await?.take(10);
    while let Some(message) = messages.next().await {
        let message = message?;
        assert_eq!(message.payload, "data");
        message.ack().await?;
    }
    drop(messages);
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(5)
        .max_bytes_per_batch(1 << 20)
        .expires(Duration::from_secs(10))
        .heartbeat(Duration::from_secs(1))
        .messages()
        .await?;
    let mut count = 0;
    while let Some(message) = messages.try_next().await? {
        let info = message.info()?;
        assert_eq!(message.subject.as_str(), format!("events.{}", info.stream_sequence));
        message.ack_with(AckKind::Ack).await?;
        count += 1;
        if count == 10 {
            break;
        }
    }
    drop(messages);

    let mut batch = consumer.fetch().max_messages(5).messages().await?;
    while let Some(Ok(message)) = batch.next().await {
        message.double_ack().await?;
    }
    let messages: Vec<jetstream::Message> = consumer
        .batch()
        .max_messages(5)
        .expires(Duration::from_secs(5))
        .messages()
        .await?
        .try_collect()
        .await?;
    assert_eq!(messages.len(), 5);
    for message in messages {
        message.ack().await?;
    }
    let mut batches = consumer.sequence(5)?.take(2);
    while let Ok(Some(mut batch)) = batches.try_next().await {
        while let Ok(Some(message)) = batch.try_next().await {
            message.double_ack().await?;
        }
    }
    let mut consumer: PullConsumer = stream.get_consumer("worker").await?;
    let info = consumer.info().await?;
    assert_eq!((info.num_pending, info.num_ack_pending), (0, 0));

    let mut messages = consumer.messages().await?;
    while consumer.info().await?.num_waiting == 0 {}
    stream.delete_consumer("worker").await?;
    let error = messages.next().await.ok_or("no error")?.unwrap_err();
    let kinds = [MessagesErrorKind::ConsumerDeleted, MessagesErrorKind::NoResponders];
    assert!(kinds.contains(&error.kind()), "{error}");
    Ok(())
}

#[tokio::test]
async fn pulls_do_what_the_same_code_did_before() -> Result<(), async_nats::Error> {
    let server = NatsServer::builder().jetstream().start()?;
    through_pulls(async_nats::connect(server.url()).await?).await
}

/// An error of an application, with a conversion for each thing that it does to a stream.
#[derive(Debug)]
enum AdminError {
    Purge,
    Delete,
}

impl From<async_nats::jetstream::stream::PurgeError> for AdminError {
    fn from(_: async_nats::jetstream::stream::PurgeError) -> Self {
        Self::Purge
    }
}

impl From<async_nats::jetstream::stream::DeleteMessageError> for AdminError {
    fn from(_: async_nats::jetstream::stream::DeleteMessageError) -> Self {
        Self::Delete
    }
}

/// What those who look after streams do.
async fn through_administration(client: Client) -> Result<(), async_nats::Error> {
    use async_nats::jetstream::consumer::pull;
    use async_nats::jetstream::stream::{DeleteMessageErrorKind, PurgeErrorKind};
    use async_nats::jetstream::{self, stream};
    use futures_util::TryStreamExt;

    let jetstream = jetstream::new(client);
    let stream = jetstream
        .create_stream(stream::Config {
            name: "events".to_string(),
            subjects: vec!["events.>".to_string()],
            deny_purge: true,
            ..Default::default()
        })
        .await?;
    for number in 0..3 {
        let subject = format!("events.{number}").into();
        let message = OutboundMessage::new(subject, "data".into(), None);
        jetstream.publish(message.subject, message.payload).await?.await?;
    }
    let mut listing = stream.info_with_subjects("events.>").await?;
    assert_eq!(listing.info.state.messages, 3);
    let mut subjects = Vec::new();
    while let Some((subject, count)) = listing.try_next().await? {
        subjects.push((subject, count));
    }
    subjects.sort();
    assert_eq!(subjects, [0, 1, 2].map(|number| (format!("events.{number}"), 1)));

    let stored = stream.get_raw_message(2).await?.time;
    assert!(stored.unix_timestamp() > 1_700_000_000);
    let consumer = stream.create_consumer(pull::Config::default()).await?;
    let name = &consumer.cached_info().name;
    let until = stored + Duration::from_secs(3600);
    assert_eq!(stream.pause_consumer(name, until).await?.pause_until, Some(until));
    let earlier = stored - Duration::from_secs(3600);
    assert!(!stream.pause_consumer(name, earlier).await?.paused);

    let purged = async { Ok::<_, AdminError>(stream.purge().await?) }.await;
    assert!(matches!(purged, Err(AdminError::Purge)), "{purged:?}");
    let deleted = async { Ok::<_, AdminError>(stream.delete_message(9).await?) }.await;
    assert!(matches!(deleted, Err(AdminError::Delete)), "{deleted:?}");
    let error = stream.purge().await.unwrap_err();
    assert!(matches!(error.kind(), PurgeErrorKind::JetStream(_)), "{error}");
    let error = stream.delete_message(9).await.unwrap_err();
    assert!(matches!(error.kind(), DeleteMessageErrorKind::JetStream(_)), "{error}");
    Ok(())
}

#[tokio::test]
async fn streams_are_looked_after_as_by_the_same_code_before() -> Result<(), async_nats::Error> {
    let server = NatsServer::builder().jetstream().start()?;
    through_administration(async_nats::connect(server.url()).await?).await
}
