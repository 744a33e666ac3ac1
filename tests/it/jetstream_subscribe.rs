//! Subscriptions to streams by a subject: stream and consumer are found or made.

use crate::jetstream_support::{
    Stage, consumers, fill, no_consumers, put, read_in_order, sequence, stage, stream,
};
use crate::support::{connect, pick, until, within};
use core::time::Duration;
use futures_util::{FutureExt, StreamExt, TryStreamExt, sink};
use midge_tokio::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, Info, pull, push};
use midge_tokio::jetstream::stream::Stream;
use midge_tokio::jetstream::subscription::{
    SubscriptionBuilder, SubscriptionError, SubscriptionErrorKind,
};
use midge_tokio::jetstream::{self, AckError, AckKind};
use midge_tokio::{Event, ReadingState, SlowConsumerPolicy};
use std::sync::{Arc, Mutex};

/// A stream `S` with messages 1 to `count` of subject `s`.
pub(crate) async fn filled(count: u64) -> (Stage, Stream) {
    let stage = stage().await;
    let stream = stream(&stage.jetstream, "S", &["s", "t.>"]).await;
    fill(&stage.jetstream, 1, count).await;
    (stage, stream)
}

async fn only(stream: &Stream) -> Info {
    let names = consumers(stream).await;
    let [name] = &*names else { panic!("one consumer expected: {names:?}") };
    stream.consumer_info(name).await.unwrap()
}

pub(crate) async fn pushed(builder: SubscriptionBuilder) -> push::Messages {
    within("a subscription", builder.messages()).await.unwrap()
}

async fn refused(builder: SubscriptionBuilder) -> SubscriptionError {
    match within("a refusal", builder.clone().messages()).await {
        Err(error) => error,
        Ok(messages) => panic!("{builder:?} made {messages:?}"),
    }
}

/// The state of the consumer once it is as wanted.
pub(crate) async fn info_when(stream: &Stream, name: &str, wanted: impl Fn(&Info) -> bool) -> Info {
    within("a state of the consumer", async {
        loop {
            let info = stream.consumer_info(name).await.unwrap();
            if wanted(&info) {
                break info;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_subject_is_enough_to_read_a_stream() {
    let (stage, stream) = filled(10).await;
    put(&stage.jetstream, "t.other", "11").await;
    let mut messages = pushed(stage.jetstream.subscription("s")).await;
    read_in_order(&mut messages, 1, 10).await;
    let info = only(&stream).await;
    assert_eq!((info.config.filter_subject.as_str(), info.config.durable_name), ("s", None));
    put(&stage.jetstream, "s", "12").await;
    assert_eq!(sequence(&within("a message", messages.next()).await.unwrap().unwrap()), 12);
}

#[tokio::test]
async fn a_subject_of_no_stream_or_of_several_is_an_error_that_names_them() {
    let (stage, _) = filled(0).await;
    let other = stream(&stage.jetstream, "U", &["u"]).await;
    let error = refused(stage.jetstream.subscription("x")).await;
    assert_eq!(error.kind(), SubscriptionErrorKind::NoStream);
    assert!(error.is_not_found());
    assert_eq!(error.to_string(), "no stream has subject \"x\"");
    let error = refused(stage.jetstream.subscription(">")).await;
    assert_eq!(error.kind(), SubscriptionErrorKind::SeveralStreams);
    let text = error.to_string();
    assert!(text.contains("\"S\"") && text.contains("\"U\""), "{text}");
    assert_eq!(consumers(&other).await, [""; 0]);
    // Named, there is only one.
    let messages = pushed(stage.jetstream.subscription(">").stream("U")).await;
    assert_eq!(messages.consumer_info().await.unwrap().stream_name, "U");
    drop(messages);
    let messages = pushed(stage.jetstream.subscription("").stream("U")).await;
    assert_eq!(messages.consumer_info().await.unwrap().config.filter_subject, "");
    let error = refused(stage.jetstream.subscription("")).await;
    assert_eq!(error.kind(), SubscriptionErrorKind::Invalid);
    let error = refused(stage.jetstream.subscription("a..b")).await;
    assert_eq!(error.kind(), SubscriptionErrorKind::Invalid);
}

#[tokio::test]
async fn a_durable_consumer_is_created_once_and_bound_from_then_on() {
    let (stage, stream) = filled(4).await;
    let durable = || stage.jetstream.subscription("s").durable("D");
    let mut messages = pushed(durable().keep_consumer()).await;
    for _ in 0..2 {
        within("a message", messages.next()).await.unwrap().unwrap().double_ack().await.unwrap();
    }
    messages.unsubscribe().await.unwrap();
    assert_eq!(only(&stream).await.config.durable_name.as_deref(), Some("D"));
    info_when(&stream, "D", |info| !info.push_bound).await;
    let mut messages = pushed(durable()).await;
    let next = within("a message", messages.next()).await.unwrap().unwrap();
    assert_eq!(sequence(&next), 3);
    messages.unsubscribe().await.unwrap();
    assert_eq!(consumers(&stream).await, ["D"], "it was there before");
}

#[tokio::test]
async fn a_consumer_that_is_bound_has_to_be_there() {
    let (stage, stream) = filled(3).await;
    let error = refused(stage.jetstream.subscription("s").bind("S", "B")).await;
    assert_eq!(error.kind(), SubscriptionErrorKind::ConsumerNotFound);
    assert!(error.is_not_found());
    assert_eq!(consumers(&stream).await, [""; 0]);
    let config = push::Config {
        durable_name: Some("B".into()),
        deliver_subject: "deliver.b".into(),
        ..Default::default()
    };
    stream.create_consumer(config).await.unwrap();
    let mut messages = pushed(stage.jetstream.subscription("").bind("S", "B")).await;
    read_in_order(&mut messages, 1, 3).await;
    drop(messages);
    stage.client.sync().await.unwrap();
    assert_eq!(consumers(&stream).await, ["B"]);
}

#[tokio::test]
async fn options_are_those_of_the_consumer_that_is_created() {
    let (stage, stream) = filled(5).await;
    let second = Duration::from_secs(1);
    let builder = stage.jetstream.subscription("s");
    let builder = builder.description("text").ack_policy(AckPolicy::All).ack_wait(second);
    let builder = builder.max_deliver(3).max_ack_pending(2).headers_only(true);
    let builder = builder.deliver_policy(DeliverPolicy::ByStartSequence { start_sequence: 4 });
    let builder = builder.flow_control(true).deliver_subject("here").rate_limit(8_000_000);
    let builder = builder.inactive_threshold(second).memory_storage(true).name("N");
    let mut messages = pushed(builder.configure(|config| config.sample_frequency = 7)).await;
    let message = within("a message", messages.next()).await.unwrap().unwrap();
    assert_eq!((message.info().unwrap().stream_sequence, message.payload.len()), (4, 0));
    let config = only(&stream).await.config;
    let expected = Config {
        name: Some("N".into()),
        description: Some("text".into()),
        deliver_subject: Some("here".into()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 4 },
        ack_policy: AckPolicy::All,
        ack_wait: second,
        max_deliver: 3,
        max_ack_pending: 2,
        filter_subject: "s".into(),
        headers_only: true,
        flow_control: true,
        idle_heartbeat: Duration::from_secs(5),
        rate_limit: 8_000_000,
        sample_frequency: 7,
        inactive_threshold: second,
        memory_storage: true,
        ..Config::default()
    };
    assert_eq!(Config { metadata: Default::default(), ..config }, expected);
}

#[tokio::test]
async fn what_is_pushed_is_acknowledged_behind_the_callback_unless_it_has_said_something_else() {
    let (stage, stream) = filled(5).await;
    let messages = pushed(stage.jetstream.subscription("s")).await;
    let name = messages.consumer_info().await.unwrap().name;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&seen);
    let task = tokio::spawn(messages.handle_and_ack(
        move |message| {
            let (sequence, seen) = (sequence(&message), Arc::clone(&own));
            async move {
                let first = !seen.lock().unwrap().contains(&sequence);
                seen.lock().unwrap().push(sequence);
                match sequence {
                    // Comes again although the callback is done with it.
                    2 if first => message.ack_with(AckKind::Nak(None)).await.unwrap(),
                    3 => message.clone().ack_with(AckKind::Term).await.unwrap(),
                    5 => panic!("this one is never done"),
                    _ => {}
                }
            }
        },
        |error| panic!("{error}"),
    ));
    until("the second delivery", || seen.lock().unwrap().iter().filter(|n| **n == 2).count() == 2)
        .await;
    let info = info_when(&stream, &name, |info| info.ack_floor.stream_sequence == 4).await;
    assert_eq!((info.num_ack_pending, info.num_pending), (1, 0), "5 waits");
    task.abort();
}

#[tokio::test]
async fn a_refusal_that_did_not_get_through_is_counted_and_not_contradicted_by_an_acknowledgement()
{
    let (stage, stream) = filled(5).await;
    let too_long = || {
        let max_payload = stage.client.server_info().max_payload;
        AckKind::TermWithReason("x".repeat(max_payload))
    };
    let too_long = &too_long;
    let mut messages = pushed(stage.jetstream.subscription("s").durable("D").keep_consumer()).await;
    let control = messages.control();
    let control = &control;
    let handled = messages.handle_and_ack(
        |message| async move {
            match sequence(&message) {
                // Dropped before the answer can be there.
                1 => {
                    let later = AckKind::Nak(Some(Duration::from_secs(3_600)));
                    assert!(message.double_ack_with(later).now_or_never().is_none());
                }
                2 => {
                    let refused = message.ack_with(too_long()).await;
                    assert!(matches!(refused, Err(AckError::Publish(_))), "{refused:?}");
                }
                // Said in the end.
                3 => {
                    message.ack_with(too_long()).await.unwrap_err();
                    message.ack_with(AckKind::Term).await.unwrap();
                }
                4 => {}
                _ => control.drain(),
            }
        },
        |error| panic!("{error}"),
    );
    let handled = within("the end", handled).await;
    let counts = (handled.messages, handled.panicked, handled.unacknowledged);
    assert_eq!((counts, handled.error), ((5, 0, 2), None));
    // Whatever would have been said of the first two is there before what is said of the others.
    let info = info_when(&stream, "D", |info| info.num_ack_pending <= 2).await;
    assert_eq!((info.ack_floor.stream_sequence, info.num_ack_pending), (0, 2));
}

#[tokio::test]
async fn nothing_is_acknowledged_where_that_is_left_to_the_callback() {
    let (stage, stream) = filled(5).await;
    let mut messages = pushed(stage.jetstream.subscription("s").durable("D")).await;
    assert!(messages.needs_acks());
    let control = messages.control();
    let seen = Arc::new(Mutex::new(0));
    let own = Arc::clone(&seen);
    let task = tokio::spawn(messages.handle(
        move |message| {
            let seen = Arc::clone(&own);
            async move {
                if sequence(&message) == 1 {
                    message.double_ack().await.unwrap();
                }
                *seen.lock().unwrap() += 1;
            }
        },
        |error| panic!("{error}"),
    ));
    until("all calls", || *seen.lock().unwrap() == 5).await;
    let info = stream.consumer_info("D").await.unwrap();
    assert_eq!((info.ack_floor.stream_sequence, info.num_ack_pending), (1, 4));
    control.drain();
    let handled = within("the end", task).await.unwrap();
    assert_eq!((handled.messages, handled.unacknowledged, handled.error), (5, 0, None));
    no_consumers(&stream).await;
}

#[tokio::test]
async fn messages_without_acknowledgements_get_none() {
    let (stage, _) = filled(3).await;
    let builder = stage.jetstream.subscription("s").ack_policy(AckPolicy::None);
    let mut messages = pushed(builder).await;
    assert!(!messages.needs_acks());
    let mut acks = stage.client.subscribe("$JS.ACK.>").await.unwrap();
    let control = messages.control();
    let handled = messages.handle_and_ack(
        |message| {
            if sequence(&message) == 3 {
                control.drain();
            }
            async {}
        },
        |error| panic!("{error}"),
    );
    assert_eq!(within("the end", handled).await.messages, 3);
    stage.client.sync().await.unwrap();
    assert!(acks.try_next().unwrap().is_none());
}

#[tokio::test]
async fn what_is_pushed_goes_through_a_channel() {
    let (stage, stream) = filled(20).await;
    let mut messages = pushed(stage.jetstream.subscription("s")).await;
    let control = messages.control();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(3);
    let sink = sink::unfold(sender, |sender, message: jetstream::Message| async move {
        sender.send(message).await.map_err(|_| "nobody receives")?;
        Ok::<_, &str>(sender)
    });
    let task = tokio::spawn(messages.forward_to(sink, |error| panic!("{error}")));
    for expected in 1..=20 {
        let message = within("a message", receiver.recv()).await.unwrap();
        assert_eq!(sequence(&message), expected);
        message.ack().await.unwrap();
    }
    control.drain();
    assert_eq!(within("the end", task).await.unwrap().unwrap(), None);
    assert!(receiver.recv().await.is_none());
    no_consumers(&stream).await;
}

#[tokio::test]
async fn members_of_a_queue_group_share_a_durable_consumer_of_its_name() {
    let (stage, stream) = filled(0).await;
    let subscription = || stage.jetstream.subscription("s").queue_group("workers");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut members = Vec::new();
    for member in 0..3 {
        let messages = pushed(subscription()).await;
        let seen = Arc::clone(&seen);
        members.push(tokio::spawn(messages.handle_and_ack(
            move |message| {
                seen.lock().unwrap().push((sequence(&message), member));
                async {}
            },
            |error| panic!("{error}"),
        )));
    }
    let info = only(&stream).await;
    assert_eq!(info.config.durable_name.as_deref(), Some("workers"));
    assert_eq!(info.config.deliver_group.as_deref(), Some("workers"));
    stage.client.sync().await.unwrap();
    fill(&stage.jetstream, 1, 300).await;
    until("all messages", || seen.lock().unwrap().len() == 300).await;
    info_when(&stream, "workers", |info| info.ack_floor.stream_sequence == 300).await;
    for member in 0..3 {
        assert!(seen.lock().unwrap().iter().any(|(_, by)| *by == member), "{member} got nothing");
    }
    // One that did not create it leaves it to the others.
    members.remove(2).abort();
    put(&stage.jetstream, "s", "301").await;
    until("one more", || seen.lock().unwrap().len() == 301).await;
    assert_eq!(consumers(&stream).await, ["workers"]);
    // A name of its own.
    let named = pushed(subscription().durable("shared")).await;
    assert_eq!(named.consumer_info().await.unwrap().name, "shared");
    members.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn members_that_begin_at_once_end_up_at_one_consumer() {
    let (stage, stream) = filled(30).await;
    let subscription = || stage.jetstream.subscription("s").queue_group("q").messages();
    let all = [subscription(), subscription(), subscription(), subscription()];
    let members = within("all", futures_util::future::try_join_all(all)).await.unwrap();
    assert_eq!(consumers(&stream).await, ["q"]);
    let mut all = futures_util::stream::select_all(members);
    let mut seen = Vec::new();
    while seen.len() < 30 {
        let message = within("a message", all.next()).await.unwrap().unwrap();
        message.ack().await.unwrap();
        seen.push(sequence(&message));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=30).collect::<Vec<_>>());
}

/// Consumers `PUSH`, `PULL`, `QUEUE` (group `q`) and `OTHER` (another subject).
async fn four_consumers(stream: &Stream) {
    let push = |name: &str| push::Config {
        durable_name: Some(name.into()),
        deliver_subject: format!("deliver.{name}"),
        filter_subject: "s".into(),
        ..Default::default()
    };
    let queue = push::Config { deliver_group: Some("q".into()), ..push("QUEUE") };
    let other = push::Config { filter_subject: "t.x".into(), ..push("OTHER") };
    for config in [push("PUSH"), queue, other] {
        stream.create_consumer(config).await.unwrap();
    }
    let pull = pull::Config { durable_name: Some("PULL".into()), ..Default::default() };
    stream.create_consumer(pull).await.unwrap();
}

#[tokio::test]
async fn a_consumer_that_is_not_the_one_that_is_wanted_is_refused_and_stays() {
    let (stage, stream) = filled(3).await;
    four_consumers(&stream).await;
    let bind = |name: &str| stage.jetstream.subscription("s").bind("S", name);
    let durable = |name: &str| stage.jetstream.subscription("s").durable(name);
    let bound = pushed(bind("PUSH")).await;
    stage.client.sync().await.unwrap();
    info_when(&stream, "PUSH", |info| info.push_bound).await;
    let cases = [
        (bind("PULL"), SubscriptionErrorKind::WrongKind),
        (durable("PULL"), SubscriptionErrorKind::WrongKind),
        (bind("QUEUE"), SubscriptionErrorKind::QueueGroup),
        (bind("QUEUE").queue_group("other"), SubscriptionErrorKind::QueueGroup),
        (bind("PUSH").queue_group("q"), SubscriptionErrorKind::QueueGroup),
        (bind("PUSH"), SubscriptionErrorKind::AlreadyBound),
        (durable("PUSH"), SubscriptionErrorKind::AlreadyBound),
        (bind("OTHER"), SubscriptionErrorKind::Filter),
        (bind("QUEUE").queue_group("q").max_ack_pending(5), SubscriptionErrorKind::Config),
        (durable("QUEUE").queue_group("q").deliver_subject("x"), SubscriptionErrorKind::Config),
    ];
    for (builder, kind) in cases {
        assert_eq!(refused(builder.clone()).await.kind(), kind, "{builder:?}");
    }
    for name in ["PUSH", "QUEUE"] {
        let error = within("a refusal", bind(name).pull()).await.unwrap_err();
        assert_eq!(error.kind(), SubscriptionErrorKind::WrongKind);
    }
    let error = refused(bind("QUEUE").queue_group("q").ack_wait(Duration::from_secs(3))).await;
    let text = error.to_string();
    assert!(text.contains("\"QUEUE\"") && text.contains("ack_wait: 30s -> 3s"), "{text}");
    assert_eq!(consumers(&stream).await.len(), 4);
    // The same ones, as they are.
    drop(bound);
    info_when(&stream, "PUSH", |info| !info.push_bound).await;
    read_in_order(&mut pushed(durable("PUSH").max_ack_pending(1000)).await, 1, 3).await;
    drop(pushed(bind("QUEUE").queue_group("q")).await);
}

#[tokio::test]
async fn a_consumer_without_a_filter_is_refused_where_its_stream_has_other_subjects() {
    let (stage, stream) = filled(3).await;
    let other = crate::jetstream_support::stream(&stage.jetstream, "U", &["u.*"]).await;
    for stream in [&stream, &other] {
        let config = pull::Config { durable_name: Some("ALL".into()), ..Default::default() };
        stream.create_consumer(config).await.unwrap();
    }
    let bind =
        |subject: &str, stream: &str| stage.jetstream.subscription(subject).bind(stream, "ALL");
    for (subject, stream) in [("s", "S"), ("t.>", "S"), ("u.a", "U")] {
        let error = within("a refusal", bind(subject, stream).pull()).await.unwrap_err();
        assert_eq!(error.kind(), SubscriptionErrorKind::Filter, "{subject} of {stream}");
        assert!(error.to_string().contains(&format!("not only {subject:?}")), "{error}");
    }
    let error = stage.jetstream.subscription("u.a").durable("ALL").pull();
    let error = within("a refusal", error).await.unwrap_err();
    assert_eq!(error.kind(), SubscriptionErrorKind::Filter);
    for (subject, stream) in [("", "S"), (">", "S"), ("u.*", "U"), ("u.>", "U")] {
        drop(within("a subscription", bind(subject, stream).pull()).await.unwrap());
    }
}

#[tokio::test]
async fn a_filter_that_was_configured_is_that_of_the_consumer() {
    let (stage, stream) = filled(2).await;
    put(&stage.jetstream, "t.x", "3").await;
    let builder = stage.jetstream.subscription("").stream("S");
    let builder = builder.configure(|config| config.filter_subject = "t.*".into());
    let mut messages = pushed(builder).await;
    assert_eq!(only(&stream).await.config.filter_subject, "t.*");
    read_in_order(&mut messages, 3, 3).await;
}

#[tokio::test]
async fn options_that_contradict_each_other_are_refused_before_anything_is_sent() {
    let (stage, stream) = filled(0).await;
    let mut calls = stage.client.subscribe("$JS.API.>").await.unwrap();
    let builder = || stage.jetstream.subscription("s");
    let second = Duration::from_secs(1);
    for builder in [
        builder().max_waiting(5),
        builder().ack_policy(AckPolicy::None).ack_wait(second),
        builder().queue_group("q").idle_heartbeat(second),
        builder().durable("A").bind("S", "B"),
        builder().configure(|config| config.filter_subject = "t.x".into()),
    ] {
        let error = refused(builder.clone()).await;
        assert_eq!(error.kind(), SubscriptionErrorKind::Invalid, "{builder:?}");
    }
    for builder in [builder().queue_group("q"), builder().flow_control(true)] {
        let error = within("a refusal", builder.clone().pull()).await.unwrap_err();
        assert_eq!(error.kind(), SubscriptionErrorKind::Invalid, "{builder:?}");
    }
    for builder in [builder().durable("D"), builder().max_deliver(1), builder().keep_consumer()] {
        let error = within("a refusal", builder.clone().ordered()).await.unwrap_err();
        assert_eq!(error.kind(), SubscriptionErrorKind::Invalid, "{builder:?}");
    }
    stage.client.sync().await.unwrap();
    assert!(calls.try_next().unwrap().is_none());
    assert_eq!(consumers(&stream).await, [""; 0]);
}

#[tokio::test]
async fn a_subscription_in_order_needs_no_acknowledgements_and_leaves_nothing_behind() {
    let (stage, stream) = filled(50).await;
    let builder = stage.jetstream.subscription("s");
    let builder = builder.deliver_policy(DeliverPolicy::ByStartSequence { start_sequence: 11 });
    let mut messages = within("a subscription", builder.ordered()).await.unwrap();
    read_in_order(&mut messages, 11, 50).await;
    let info = messages.consumer_info().await.unwrap();
    assert_eq!(info.name, messages.consumer());
    assert_eq!((info.config.ack_policy, info.config.flow_control), (AckPolicy::None, true));
    drop(messages);
    no_consumers(&stream).await;
}

#[tokio::test]
async fn each_fetch_has_its_number_and_its_deadline() {
    let (stage, stream) = filled(5).await;
    let builder = stage.jetstream.subscription("s").durable("P").max_waiting(128);
    let subscription = within("a subscription", builder.pull()).await.unwrap();
    let (long, short) = (Duration::from_secs(30), Duration::from_millis(100));
    for (number, time, expected) in
        [(2, long, vec![1, 2]), (2, long, vec![3, 4]), (9, short, vec![5]), (9, short, vec![])]
    {
        let batch = within("a pull", subscription.fetch(number, time)).await.unwrap();
        let messages: Vec<_> = within("a batch", batch.try_collect()).await.unwrap();
        for message in &messages {
            message.ack().await.unwrap();
        }
        assert_eq!(messages.iter().map(sequence).collect::<Vec<_>>(), expected);
    }
    assert!(subscription.next_message(short).await.unwrap().is_none());
    put(&stage.jetstream, "s", "6").await;
    let message = subscription.next_message(long).await.unwrap().unwrap();
    assert_eq!(sequence(&message), 6);
    message.double_ack().await.unwrap();
    // A batch that is dropped gives back what was not read.
    fill(&stage.jetstream, 7, 9).await;
    let mut batch = subscription.fetch(3, long).await.unwrap();
    assert_eq!(sequence(&within("a message", batch.next()).await.unwrap().unwrap()), 7);
    drop(batch);
    let mut rest = subscription.messages().await.unwrap();
    assert!([8, 9].contains(&sequence(&within("a message", rest.next()).await.unwrap().unwrap())));
    let info = subscription.consumer_info().await.unwrap();
    assert_eq!((info.config.max_waiting, info.ack_floor.stream_sequence), (128, 6));
    assert_eq!(subscription.consumer().cached_info().name, "P");
    subscription.unsubscribe().await.unwrap();
    no_consumers(&stream).await;
}

#[tokio::test]
async fn a_subscription_tells_its_consumer_what_waits_and_what_was_dropped() {
    let (stage, _) = filled(0).await;
    let mut events = stage.client.events();
    let builder = stage.jetstream.subscription("s").ack_policy(AckPolicy::None).durable("D");
    let mut messages = pushed(builder).await;
    assert_eq!(messages.pending_limits(), Some((16_384, 64 * 1024 * 1024)));
    messages.set_pending_limits(5, usize::MAX);
    messages.set_slow_consumer_policy(SlowConsumerPolicy::DropNewest);
    assert_eq!(messages.pending_limits(), Some((5, usize::MAX)));
    stage.client.sync().await.unwrap();
    fill(&stage.jetstream, 1, 100).await;
    until("all deliveries", || {
        let pending = messages.pending();
        pending.messages + pending.dropped == 100
    })
    .await;
    let pending = messages.pending();
    assert_eq!((pending.messages, pending.dropped, pending.max_messages), (5, 95, 5));
    pick("a slow consumer", &mut events, |event| {
        matches!(event, Event::SlowConsumer(_)).then_some(())
    })
    .await;
    let info = messages.consumer_info().await.unwrap();
    assert_eq!((info.name.as_str(), info.delivered.consumer_sequence), ("D", 100));
    read_in_order(&mut messages, 1, 5).await;
    messages.reset_max_pending();
    let pending = messages.pending();
    assert_eq!((pending.messages, pending.max_messages, pending.delivered), (0, 0, 5));
    messages.unsubscribe().await.unwrap();
    assert_eq!(messages.pending_limits(), None);
    assert!(messages.consumer_info().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn nothing_is_dropped_for_a_slow_reader_unless_that_is_chosen() {
    let (stage, _) = filled(0).await;
    let mut events = stage.client.events();
    let builder = stage.jetstream.subscription("s").max_ack_pending(-1);
    let mut messages = pushed(builder).await;
    messages.set_pending_limits(5, usize::MAX);
    stage.client.sync().await.unwrap();
    // By another connection: whoever waits for an answer does not stop reading.
    fill(&jetstream::new(connect(&stage.server).await), 1, 500).await;
    pick("a pause", &mut events, |event| {
        matches!(event, Event::Reading(ReadingState::Paused)).then_some(())
    })
    .await;
    assert!(messages.pending().messages >= 5, "{:?}", messages.pending());
    read_in_order(&mut messages, 1, 500).await;
    let pending = messages.pending();
    assert!(pending.max_messages >= 5, "{pending:?}");
    assert_eq!((pending.delivered, pending.dropped), (500, 0));
}
