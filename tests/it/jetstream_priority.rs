//! Pulls of priority groups, and consumers that rest.

use crate::jetstream_support::{Stage, put, stage, stream};
use crate::support::{connect, within};
use core::time::Duration;
use midge_tokio::jetstream::consumer::pull::{self, PullEvent};
use midge_tokio::jetstream::consumer::{PriorityPolicy, PullConsumer};
use midge_tokio::jetstream::{self, Message, Timestamp};
use std::sync::mpsc::{self, Receiver};
use std::time::SystemTime;

const SOON: Duration = Duration::from_secs(8);
const SHORT: Duration = Duration::from_millis(100);

async fn group(policy: PriorityPolicy, config: pull::Config) -> (Stage, PullConsumer) {
    let stage = stage().await;
    let handle = stream(&stage.jetstream, "S", &["s"]).await;
    let config = pull::Config {
        durable_name: Some("C".into()),
        priority_policy: policy,
        priority_groups: vec!["jobs".into()],
        ..config
    };
    let consumer = within("a consumer", handle.create_consumer(config)).await.unwrap();
    (stage, consumer)
}

async fn fill(stage: &Stage, messages: u64) {
    for _ in 0..messages {
        put(&stage.jetstream, "s", "x").await;
    }
}

async fn next(messages: &mut pull::Stream) -> Message {
    within("a message", messages.next()).await.unwrap().unwrap()
}

fn sequence(message: &Message) -> u64 {
    message.info().unwrap().stream_sequence
}

async fn nothing(messages: &mut pull::Stream) {
    let none = within("nothing", messages.next_timeout(SHORT)).await.unwrap();
    assert!(none.is_none(), "{none:?}");
}

/// Pulls that wait at the consumer.
async fn waiting(consumer: &PullConsumer, pulls: usize) {
    within("pulls that wait", async {
        while consumer.get_info().await.unwrap().num_waiting < pulls {}
    })
    .await;
}

fn told(builder: pull::StreamBuilder<'_>) -> (pull::StreamBuilder<'_>, Receiver<PullEvent>) {
    let (sender, events) = mpsc::channel();
    (builder.on_event(move |event| drop(sender.send(event.clone()))), events)
}

/// The same consumer over another connection.
async fn elsewhere(stage: &Stage) -> PullConsumer {
    let client = connect(&stage.server).await;
    jetstream::new(client).get_consumer_from_stream("C", "S").await.unwrap()
}

#[tokio::test]
async fn a_group_is_checked_before_anything_is_asked_for() {
    let (_stage, consumer) = group(PriorityPolicy::Overflow, pull::Config::default()).await;
    for group in [None, Some("other"), Some("a b")] {
        let mut stream = consumer.stream();
        let mut batch = consumer.batch();
        if let Some(group) = group {
            stream = stream.group(group);
            batch = batch.group(group);
        }
        let error = stream.messages().await.unwrap_err();
        assert!(error.to_string().contains("jobs"), "the groups there are: {error}");
        let error = batch.messages().await.unwrap_err();
        assert_eq!(error.kind(), pull::BatchErrorKind::Invalid, "{error}");
    }
    assert!(consumer.messages().await.is_err(), "a group has to be named");
    let error = consumer.next_message(SHORT).await.unwrap_err();
    assert!(error.to_string().contains("jobs"), "{error}");
    assert_eq!(consumer.get_info().await.unwrap().num_waiting, 0);
    consumer.stream().group("jobs").messages().await.unwrap();
}

#[tokio::test]
async fn an_overflow_pull_is_served_only_when_enough_waits_or_is_worked_on() {
    let (stage, consumer) = group(PriorityPolicy::Overflow, pull::Config::default()).await;
    let builder = consumer.stream().group("jobs").max_messages_per_batch(1);
    let mut overflow = builder.min_pending(3).messages().await.unwrap();
    waiting(&consumer, 1).await;
    fill(&stage, 2).await;
    nothing(&mut overflow).await;
    fill(&stage, 1).await;
    assert_eq!(sequence(&next(&mut overflow).await), 1);
    nothing(&mut overflow).await;
    drop(overflow);

    let pull = consumer.batch().group("jobs").min_ack_pending(2).expires(SHORT);
    let mut batch = pull.messages().await.unwrap();
    assert!(within("the batch", batch.next()).await.is_none(), "only one is worked on");
    let mut batch = consumer.fetch().group("jobs").messages().await.unwrap();
    let second = within("a message", batch.next()).await.unwrap().unwrap();
    assert_eq!(sequence(&second), 2);
    let pull = consumer.batch().group("jobs").min_ack_pending(2).expires(SOON);
    let mut batch = pull.messages().await.unwrap();
    let third = within("a message", batch.next()).await.unwrap().unwrap();
    assert_eq!(sequence(&third), 3);
}

#[tokio::test]
async fn only_the_pinned_client_is_served_until_the_pin_is_taken_away() {
    let config = pull::Config { priority_timeout: Duration::from_secs(60), ..Default::default() };
    let (stage, consumer) = group(PriorityPolicy::PinnedClient, config).await;
    let short = Duration::from_secs(1);
    let of = |consumer| pull::StreamBuilder::new(consumer).group("jobs").expires(short);
    let (builder, first_events) = told(of(&consumer).max_messages_per_batch(2));
    let mut first = builder.messages().await.unwrap();
    waiting(&consumer, 1).await;
    let other = elsewhere(&stage).await;
    let (builder, second_events) = told(of(&other).max_messages_per_batch(2));
    let mut second = builder.messages().await.unwrap();
    waiting(&consumer, 2).await;

    // The first to come is pinned, and pulls with its id from then on.
    fill(&stage, 10).await;
    for expected in 1..=10 {
        let message = next(&mut first).await;
        assert_eq!(sequence(&message), expected);
        message.ack().await.unwrap();
    }
    nothing(&mut second).await;
    let pin = first.pin_id().unwrap().to_owned();
    assert_eq!(second.pin_id(), None);
    assert_eq!(first_events.try_iter().collect::<Vec<_>>(), [PullEvent::Pinned(pin.clone())]);
    let info = consumer.get_info().await.unwrap();
    assert_eq!(info.priority_groups[0].pinned_client_id.as_deref(), Some(&*pin));
    // A single pull would take the pin away.
    let error = other.fetch().group("jobs").messages().await.unwrap_err();
    assert_eq!(error.kind(), pull::BatchErrorKind::Invalid, "{error}");

    // Whoever pulls first after that gets the next pin; the old one is refused and stands by.
    let handle = stage.jetstream.get_stream("S").await.unwrap();
    handle.unpin_consumer("C", "jobs").await.unwrap();
    fill(&stage, 1).await;
    let mut brought = Vec::new();
    within("a new pin", async {
        while brought.is_empty() || first.pin_id() == Some(&pin) {
            for messages in [&mut first, &mut second] {
                brought.extend(messages.next_timeout(SHORT / 5).await.unwrap());
            }
        }
    })
    .await;
    assert_eq!(brought.iter().map(sequence).collect::<Vec<_>>(), [11], "and only one gets it");
    let pins: Vec<_> = [&first, &second].iter().filter_map(|messages| messages.pin_id()).collect();
    let info = consumer.get_info().await.unwrap();
    assert_eq!(pins, [info.priority_groups[0].pinned_client_id.as_deref().unwrap()]);
    assert_ne!(pins, [&*pin]);
    // Either it lost the pin to the other, or it is the one that was pinned anew.
    let told: Vec<_> = first_events.try_iter().collect();
    let pinned = |event: &PullEvent| matches!(event, PullEvent::Pinned(_));
    match first.pin_id() {
        None => {
            assert!(told.contains(&PullEvent::Unpinned), "{told:?}");
            assert!(second_events.try_iter().any(|event| pinned(&event)));
        }
        Some(_) => assert!(told.iter().any(pinned), "{told:?}"),
    }
}

#[tokio::test]
async fn a_pin_goes_to_another_when_its_client_is_gone() {
    let config = pull::Config { priority_timeout: Duration::from_secs(1), ..Default::default() };
    let (stage, consumer) = group(PriorityPolicy::PinnedClient, config).await;
    fill(&stage, 2).await;
    let builder = consumer.stream().group("jobs").max_messages_per_batch(1);
    let mut first = builder.messages().await.unwrap();
    next(&mut first).await.double_ack().await.unwrap();
    assert!(first.pin_id().is_some());
    let other = elsewhere(&stage).await;
    let mut second = other.stream().group("jobs").messages().await.unwrap();
    waiting(&consumer, 1).await;
    drop(first);
    fill(&stage, 1).await;
    // Whatever was on its way to the first comes, too.
    let message = next(&mut second).await;
    assert!(sequence(&message) >= 2);
    assert!(second.pin_id().is_some());
}

#[tokio::test]
async fn a_pinned_client_with_nothing_to_do_stays_pinned() {
    let config = pull::Config { priority_timeout: Duration::from_secs(2), ..Default::default() };
    let (stage, consumer) = group(PriorityPolicy::PinnedClient, config).await;
    fill(&stage, 1).await;
    let (builder, events) = told(consumer.stream().group("jobs"));
    let mut first = builder.messages().await.unwrap();
    next(&mut first).await.double_ack().await.unwrap();
    let pin = first.pin_id().unwrap().to_owned();
    let other = elsewhere(&stage).await;
    let mut second = other.stream().group("jobs").messages().await.unwrap();
    waiting(&consumer, 2).await;
    // Longer than a client stays pinned that does not pull.
    for _ in 0..30 {
        nothing(&mut first).await;
    }
    fill(&stage, 1).await;
    assert_eq!(sequence(&next(&mut first).await), 2);
    assert_eq!(first.pin_id(), Some(&*pin));
    assert_eq!(events.try_iter().collect::<Vec<_>>(), [PullEvent::Pinned(pin)]);
    nothing(&mut second).await;
}

#[tokio::test]
async fn the_lower_priority_is_served_first() {
    let (stage, consumer) = group(PriorityPolicy::Prioritized, pull::Config::default()).await;
    let stream =
        |priority| consumer.stream().group("jobs").priority(priority).max_messages_per_batch(1);
    let mut late = stream(5).messages().await.unwrap();
    waiting(&consumer, 1).await;
    let mut early = stream(1).messages().await.unwrap();
    waiting(&consumer, 2).await;
    fill(&stage, 1).await;
    assert_eq!(sequence(&next(&mut early).await), 1);
    nothing(&mut late).await;
    waiting(&consumer, 2).await;
    // Nobody with a lower one waits any more.
    drop(early);
    within("one pull", async { while consumer.get_info().await.unwrap().num_waiting > 1 {} }).await;
    fill(&stage, 1).await;
    assert_eq!(sequence(&next(&mut late).await), 2);
    assert!(consumer.stream().group("jobs").priority(10).messages().await.is_err());
}

#[tokio::test]
async fn a_stream_of_a_paused_consumer_waits_and_tells_until_when() {
    let stage = stage().await;
    let handle = stream(&stage.jetstream, "S", &["s"]).await;
    let config = pull::Config { durable_name: Some("C".into()), ..Default::default() };
    let consumer = handle.create_consumer(config).await.unwrap();
    let (builder, events) = told(consumer.stream().heartbeat(SHORT));
    let mut messages = builder.messages().await.unwrap();
    assert_eq!(within("an answer", messages.paused_until()).await.unwrap(), None);
    let until = Timestamp::try_from(SystemTime::now() + Duration::from_secs(60)).unwrap();
    handle.pause_consumer("C", until).await.unwrap();
    fill(&stage, 1).await;
    // Well over twice the heartbeat.
    let none = within("nothing", messages.next_timeout(6 * SHORT)).await.unwrap();
    assert!(none.is_none());
    assert_eq!(messages.paused_until().await.unwrap(), Some(until));
    assert!(events.try_recv().is_err(), "no heartbeat is missing");
    handle.resume_consumer("C").await.unwrap();
    assert_eq!(sequence(&next(&mut messages).await), 1);
    assert_eq!(messages.paused_until().await.unwrap(), None);
}

#[tokio::test]
async fn how_far_behind_a_consumer_is_costs_no_question() {
    let stage = stage().await;
    let handle = stream(&stage.jetstream, "S", &["s"]).await;
    fill(&stage, 5).await;
    let config = pull::Config { durable_name: Some("C".into()), ..Default::default() };
    let consumer = handle.create_consumer(config).await.unwrap();
    let mut questions =
        stage.client.subscription("$JS.API.CONSUMER.INFO.>").confirmed().await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    assert_eq!(messages.lag(), None);
    let first = next(&mut messages).await;
    let lag = messages.lag().unwrap();
    assert_eq!((lag.stream_sequence, lag.delivered, lag.deliveries), (1, 1, 1));
    assert_eq!(lag.pending, 4);
    let now = Timestamp::try_from(SystemTime::now()).unwrap();
    assert!(lag.age(now) < Duration::from_secs(60), "{lag:?}");
    assert_eq!(lag.published, first.info().unwrap().published);
    for _ in 2..=5 {
        next(&mut messages).await.ack().await.unwrap();
    }
    assert_eq!(messages.lag().unwrap().pending, 0);
    first.ack_with(jetstream::AckKind::Nak(None)).await.unwrap();
    next(&mut messages).await;
    let lag = messages.lag().unwrap();
    assert_eq!((lag.stream_sequence, lag.delivered, lag.deliveries), (1, 6, 2));
    stage.client.sync().await.unwrap();
    assert!(questions.try_next().unwrap().is_none());
}
