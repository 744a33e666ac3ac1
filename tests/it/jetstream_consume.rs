//! The machines that read from consumers, driven by hand against a real server.

use crate::jetstream_requests::{call, config, create, id, name, put, server};
use crate::support::{connect, within};
use core::time::Duration;
use midge_proto::Instant;
use midge_proto::jetstream::consume::{
    Fetch, FetchEnd, Ordered, OrderedAction, OrderedEvent, OrderedOptions, Pull, PullEnd,
    PullOptions, Push, PushAction, PushOptions, Verdict,
};
use midge_proto::jetstream::consumer::pull::{BatchConfig, next_subject};
use midge_proto::jetstream::message::{Info, PublishMessage};
use midge_proto::jetstream::{AckKind, ApiPrefix, Status, consumer, stream};
use midge_tokio::{Client, Message, Subscriber};

/// The clock of a test that reads.
struct Clock(std::time::Instant);

impl Clock {
    fn new() -> Self {
        Self(std::time::Instant::now())
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.0.elapsed()
    }

    /// The next message, unless the time comes first.
    async fn next(&self, subscriber: &mut Subscriber, until: Option<Instant>) -> Option<Message> {
        let wait = until.map_or(Duration::from_secs(5), |until| until - self.now());
        tokio::time::timeout(wait, subscriber.next()).await.ok().flatten()
    }
}

async fn fill(client: &Client, count: usize) {
    create(client, config("S", &["a"])).await;
    for _ in 1..count {
        let message = PublishMessage::build().payload("x".into()).outbound_message("a");
        client.publish(message.subject, message.payload).await.unwrap();
    }
    put(client, "a", "last").await;
}

async fn pull(client: &Client, consumer: &str, inbox: String, config: &BatchConfig) {
    let mut body = Vec::new();
    config.encode(&mut body);
    let subject = next_subject(&ApiPrefix::default(), &id("S", consumer));
    client.publish_with_reply(subject, inbox, body.into()).await.unwrap();
}

#[track_caller]
fn sequence(message: &Message) -> u64 {
    Info::parse(message.reply.as_ref().unwrap()).unwrap().stream_sequence
}

#[tokio::test]
async fn a_reading_pulls_until_it_has_had_enough() {
    let server = server();
    let client = connect(&server).await;
    fill(&client, 1000).await;
    let limited = consumer::Config { max_batch: 60, ..consumer::Config::from("C") };
    let request = consumer::CreateRequest::new(name("S"), limited).unwrap();
    call(&client, request).await.unwrap();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(format!("{inbox}.*")).await.unwrap();
    let clock = Clock::new();
    // The limit of the consumer is found out on the way.
    let options = PullOptions { stop_after: Some(700), ..PullOptions::default() };
    let mut reading = Pull::new(clock.now(), options).unwrap();
    let mut seen = Vec::new();
    let mut pulls = 0;
    within("the reading", async {
        while reading.end_reason().is_none() {
            while let Some(request) = reading.poll_action() {
                pulls += 1;
                pull(&client, "C", format!("{inbox}.{}", request.token), &request.config).await;
            }
            match clock.next(&mut answers, reading.poll_timeout()).await {
                None => reading.handle_timeout(clock.now()),
                Some(message) => {
                    if reading.handle_message(clock.now(), &message) == Verdict::Deliver {
                        seen.push(sequence(&message));
                        let ack = AckKind::Ack.into();
                        client.publish(message.reply.clone().unwrap(), ack).await.unwrap();
                        reading.handle_taken(clock.now(), 1, message.length as u64);
                    }
                }
            }
        }
    })
    .await;
    assert_eq!(reading.end_reason(), Some(&PullEnd::Complete));
    assert_eq!(seen, (1..=700).collect::<Vec<_>>());
    assert!((12..=30).contains(&pulls), "{pulls} pulls");
    // The server has read the acknowledgements by then, and works them off in its own time.
    client.sync().await.unwrap();
    let info = within("all acknowledged", async {
        loop {
            let info = call(&client, consumer::InfoRequest::new(id("S", "C"))).await.unwrap();
            if info.num_ack_pending == 0 {
                break info;
            }
        }
    });
    assert_eq!(info.await.num_pending, 300);
}

#[tokio::test]
async fn a_fetch_ends_and_says_why() {
    let server = server();
    let client = connect(&server).await;
    fill(&client, 3).await;
    call(&client, consumer::CreateRequest::new(name("S"), "C").unwrap()).await.unwrap();
    let wait = BatchConfig {
        expires: Some(Duration::from_millis(500)),
        idle_heartbeat: Duration::from_millis(200),
        ..10.into()
    };
    let no_wait = BatchConfig { no_wait: true, ..10.into() };
    type Test = fn(&FetchEnd) -> bool;
    let cases: [(&str, BatchConfig, usize, Test); 4] = [
        ("C", 2.into(), 2, |end| *end == FetchEnd::Complete),
        ("C", wait, 1, |end| matches!(end, FetchEnd::Status(Status::RequestTimeout(_)))),
        ("C", no_wait, 0, |end| *end == FetchEnd::Status(Status::NoMessages)),
        ("NOBODY", 1.into(), 0, |end| *end == FetchEnd::Status(Status::NoResponders)),
    ];
    for (consumer, config, count, test) in cases {
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.unwrap();
        let clock = Clock::new();
        let mut fetch = Fetch::new(clock.now(), config).unwrap();
        pull(&client, consumer, inbox, fetch.config()).await;
        let mut got = 0;
        while fetch.end_reason().is_none() {
            match clock.next(&mut answers, fetch.poll_timeout()).await {
                None => fetch.handle_timeout(clock.now()),
                Some(message) => {
                    let verdict = fetch.handle_message(clock.now(), &message);
                    got += usize::from(verdict == Verdict::Deliver);
                }
            }
        }
        let end = fetch.end_reason().unwrap();
        assert!(got == count && test(end), "{consumer}: {got} messages, {end:?}");
    }
}

#[tokio::test]
async fn an_ordered_reading_survives_the_loss_of_its_consumer_and_of_messages() {
    let server = server();
    let client = connect(&server).await;
    fill(&client, 1000).await;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(format!("{inbox}.*")).await.unwrap();
    let clock = Clock::new();
    let options = OrderedOptions {
        config: consumer::pull::OrderedConfig::default().into(),
        pull: PullOptions { max_messages: 100, ..PullOptions::default() },
        name_prefix: "ordered".into(),
        deliver_prefix: "unused".into(),
        adopted: None,
        position: None,
        max_attempts: None,
    };
    let mut reading = Ordered::new(clock.now(), options).unwrap();
    let (mut seen, mut events, mut consumers) = (Vec::new(), Vec::new(), Vec::new());
    let mut lost = false;
    within("the reading", async {
        while seen.len() < 1000 {
            while let Some(action) = reading.poll_action() {
                match action {
                    OrderedAction::Create { name: consumer, config } => {
                        let request = consumer::CreateRequest::new(name("S"), *config).unwrap();
                        call(&client, request).await.unwrap();
                        reading.handle_created(clock.now(), &consumer);
                        consumers.push(consumer);
                    }
                    OrderedAction::Delete { name } => {
                        drop(call(&client, consumer::DeleteRequest::new(id("S", &name))).await);
                    }
                    OrderedAction::Pull { name, request } => {
                        let reply = format!("{inbox}.{}", request.token);
                        pull(&client, &name, reply, &request.config).await;
                    }
                    other => panic!("{other:?}"),
                }
            }
            let Some(message) = clock.next(&mut answers, reading.poll_timeout()).await else {
                reading.handle_timeout(clock.now());
                continue;
            };
            // One message never arrives.
            if seen.len() == 250 && !lost && message.reply.is_some() {
                lost = true;
                continue;
            }
            if reading.handle_message(clock.now(), &message) == Verdict::Deliver {
                seen.push(sequence(&message));
                reading.handle_taken(clock.now(), 1, message.length as u64);
                // And one consumer is deleted by somebody else.
                if seen.len() == 600 {
                    let consumer = id("S", consumers.last().unwrap());
                    call(&client, consumer::DeleteRequest::new(consumer)).await.unwrap();
                }
            }
            while let Some(event) = reading.poll_event() {
                events.push(event);
            }
        }
    })
    .await;
    assert_eq!(seen, (1..=1000).collect::<Vec<_>>());
    events.retain(|event| !matches!(event, OrderedEvent::Created { .. }));
    assert!(matches!(events[0], OrderedEvent::Gap { expected: 251, .. }), "{events:?}");
    assert!(matches!(events[1], OrderedEvent::Lost(_)), "{events:?}");
    assert!(consumers.len() >= 3, "{consumers:?}");
    assert_eq!(reading.position(), Some(1000));
}

#[tokio::test]
async fn a_push_consumer_with_flow_control_goes_on_as_it_is_read() {
    let server = server();
    let client = connect(&server).await;
    fill(&client, 1).await;
    let deliver = client.new_inbox();
    let mut messages = client.subscribe(deliver.clone()).await.unwrap();
    let config: consumer::Config = consumer::push::OrderedConfig {
        deliver_subject: deliver,
        ..consumer::push::OrderedConfig::default()
    }
    .into();
    let clock = Clock::new();
    let mut reading = Push::new(clock.now(), PushOptions::from(&config));
    call(&client, consumer::CreateRequest::new(name("S"), config).unwrap()).await.unwrap();
    // More than the window of flow control.
    let payload = "x".repeat(1000);
    for _ in 0..2000 {
        client.publish("a", payload.clone().into()).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut resumed = 0;
    within("the reading", async {
        while seen.len() < 2001 {
            match clock.next(&mut messages, reading.poll_timeout()).await {
                None => reading.handle_timeout(clock.now()),
                Some(message) => {
                    if reading.handle_message(clock.now(), &message) == Verdict::Deliver {
                        seen.push(sequence(&message));
                        reading.handle_taken(1);
                    }
                }
            }
            while let Some(action) = reading.poll_action() {
                let PushAction::Resume(subject) = action else { panic!("{action:?}") };
                client.publish(subject, Default::default()).await.unwrap();
                resumed += 1;
            }
        }
    })
    .await;
    assert_eq!(seen, (1..=2001).collect::<Vec<_>>());
    assert!(resumed > 0, "flow control was never asked for");
    assert_eq!(reading.poll_event(), None);
    let info = call(&client, stream::InfoRequest::new(name("S"))).await.unwrap().info;
    assert_eq!(info.state.messages, 2001);
}
