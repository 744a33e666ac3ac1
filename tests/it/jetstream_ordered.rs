//! Reading a stream in order, by pulling and by pushing.

use crate::jetstream_support::{
    config, consumers, fill, no_consumers, put, read_in_order, sequence, stage, stream,
};
use crate::support::{event, quick, state, within};
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::jetstream::consumer::{
    DeliverPolicy, Info, MessagesErrorKind, Ordered, OrderedEvent, ResumeToken, pull, push,
};
use midge_tokio::jetstream::stream::{StorageType, Stream};
use midge_tokio::jetstream::{self, Context};
use midge_tokio::{Event, State};
use std::sync::mpsc;

#[derive(Clone, Copy, Debug)]
enum Way {
    Pull,
    Push,
}

const WAYS: [Way; 2] = [Way::Pull, Way::Push];

type News = mpsc::Receiver<OrderedEvent>;

/// Reads what `wanted` says, with signs of life 5 times a second.
async fn read(way: Way, stream: &Stream, wanted: pull::OrderedConfig) -> (Ordered, News) {
    read_with(way, stream, wanted, None).await
}

async fn read_with(
    way: Way,
    stream: &Stream,
    wanted: pull::OrderedConfig,
    attempts: Option<u32>,
) -> (Ordered, News) {
    let (sender, news) = mpsc::channel();
    let tell = move |event: &OrderedEvent| drop(sender.send(event.clone()));
    let beat = Duration::from_millis(200);
    let attempts = attempts.unwrap_or(u32::MAX);
    let ordered = match way {
        Way::Pull => {
            let consumer = within("a consumer", stream.create_consumer(wanted)).await.unwrap();
            let builder = consumer.stream().heartbeat(beat).max_messages_per_batch(100);
            builder.max_reset_attempts(attempts).on_event(tell).messages().await
        }
        Way::Push => {
            let config = push::OrderedConfig {
                deliver_subject: format!("deliver.{}", stream.cached_info().config.name),
                name: wanted.name,
                filter_subjects: wanted.filter_subjects,
                deliver_policy: wanted.deliver_policy,
                headers_only: wanted.headers_only,
                metadata: wanted.metadata,
                inactive_threshold: wanted.inactive_threshold,
                idle_heartbeat: beat,
                ..Default::default()
            };
            let consumer = within("a consumer", stream.create_consumer(config)).await.unwrap();
            consumer.stream().max_reset_attempts(attempts).on_event(tell).messages().await
        }
    };
    (ordered.unwrap(), news)
}

/// The only consumer of the stream, once there is one and no other.
async fn only_consumer(stream: &Stream) -> Info {
    within("the only consumer", async {
        loop {
            let names = consumers(stream).await;
            if let [name] = &*names
                && let Ok(info) = stream.consumer_info(name).await
            {
                break info;
            }
        }
    })
    .await
}

/// News up to one that is wanted.
fn heard(news: &News, wanted: impl Fn(&OrderedEvent) -> bool) -> bool {
    news.try_iter().any(|event| wanted(&event))
}

fn lost(event: &OrderedEvent) -> bool {
    matches!(event, OrderedEvent::Lost(_) | OrderedEvent::MissedHeartbeat)
}

async fn through_proxy() -> (NatsServer, FaultProxy, midge_tokio::Client, Context) {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    (server, proxy, client, jetstream)
}

#[tokio::test]
async fn a_stream_is_read_in_order_with_the_consumer_that_was_created() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s"]).await;
        fill(&stage.jetstream, 1, 2_000).await;
        let (mut messages, news) = read(way, &stream, pull::OrderedConfig::default()).await;
        let first = only_consumer(&stream).await;
        read_in_order(&mut messages, 1, 2_000).await;
        fill(&stage.jetstream, 2_001, 2_003).await;
        read_in_order(&mut messages, 2_001, 2_003).await;
        assert_eq!(messages.position(), Some(2_003));
        let info = only_consumer(&stream).await;
        assert_eq!((info.name, info.delivered.consumer_sequence), (first.name, 2_003), "{way:?}");
        assert_eq!(news.try_iter().collect::<Vec<_>>(), [], "{way:?}");
        drop(messages);
        no_consumers(&stream).await;
    }
}

#[tokio::test]
async fn the_consumer_is_deleted_when_a_reading_is_stopped_or_drained() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s"]).await;
        fill(&stage.jetstream, 1, 10).await;
        let (mut stopped, _) = read(way, &stream, pull::OrderedConfig::default()).await;
        read_in_order(&mut stopped, 1, 3).await;
        stopped.stop();
        assert!(stopped.next().await.is_none());
        no_consumers(&stream).await;
        let (mut drained, _) = read(way, &stream, pull::OrderedConfig::default()).await;
        read_in_order(&mut drained, 1, 3).await;
        within("the messages", async {
            while drained.pending().delivered < 10 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        drained.drain().await;
        read_in_order(&mut drained, 4, 10).await;
        assert!(drained.next().await.is_none());
        no_consumers(&stream).await;
    }
}

#[tokio::test]
async fn lost_connections_leave_no_gap_and_no_duplicate() {
    for way in WAYS {
        let (server, proxy, client, jetstream) = through_proxy().await;
        let stream = stream(&jetstream, "S", &["s"]).await;
        let direct = jetstream::new(crate::support::connect(&server).await);
        fill(&direct, 1, 2_000).await;
        let (mut messages, _news) = read(way, &stream, pull::OrderedConfig::default()).await;
        let mut next = 1;
        for round in 0..8_u64 {
            // In the middle of messages, also of one.
            proxy.cut_after(Direction::ToClient, 3_000 + round * 1_111);
            let mut events = client.events();
            read_in_order(&mut messages, next, next + 200).await;
            next += 201;
            if round % 2 == 0 {
                proxy.cut();
                read_in_order(&mut messages, next, next).await;
                next += 1;
                event(&mut events, &Event::Connected).await;
            }
        }
        let further = tokio::spawn(async move { fill(&direct, 2_001, 2_500).await });
        read_in_order(&mut messages, next, 2_500).await;
        further.await.unwrap();
        only_consumer(&stream).await;
    }
}

#[tokio::test]
async fn a_consumer_that_is_deleted_by_others_is_made_anew() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s"]).await;
        fill(&stage.jetstream, 1, 500).await;
        let (mut messages, news) = read(way, &stream, pull::OrderedConfig::default()).await;
        for last in [200, 300, 500] {
            let from = messages.position().map_or(1, |position| position + 1);
            read_in_order(&mut messages, from, last).await;
            // What was pushed before is read without a consumer.
            for name in consumers(&stream).await {
                stream.delete_consumer(&name).await.unwrap();
            }
        }
        let further = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            put(&stage.jetstream, "s", "501").await;
        };
        tokio::join!(read_in_order(&mut messages, 501, 501), further);
        // The listener is called when the next message is asked for.
        assert!(messages.next_now().is_none());
        let news: Vec<_> = news.try_iter().collect();
        assert!(news.iter().any(lost), "{way:?}: {news:?}");
        assert!(news.iter().any(|event| matches!(event, OrderedEvent::Created { .. })), "{way:?}");
    }
}

#[tokio::test]
async fn silence_makes_another_consumer() {
    for way in WAYS {
        let (server, proxy, _client, jetstream) = through_proxy().await;
        let stream = stream(&jetstream, "S", &["s"]).await;
        let direct = jetstream::new(crate::support::connect(&server).await);
        fill(&direct, 1, 3).await;
        let (mut messages, news) = read(way, &stream, pull::OrderedConfig::default()).await;
        read_in_order(&mut messages, 1, 3).await;
        proxy.stall(Direction::ToClient);
        fill(&direct, 4, 6).await;
        let silence = async {
            loop {
                let none = messages.next_timeout(Duration::from_millis(20)).await.unwrap();
                assert!(none.is_none());
                if heard(&news, |event| *event == OrderedEvent::MissedHeartbeat) {
                    break;
                }
            }
        };
        within("silence", silence).await;
        proxy.resume(Direction::ToClient);
        read_in_order(&mut messages, 4, 6).await;
    }
}

#[tokio::test]
async fn a_server_that_is_restarted_is_read_on_from() {
    for way in WAYS {
        let mut server = NatsServer::builder().jetstream().start().unwrap();
        let client = within("connect", quick().connect(server.url())).await.unwrap();
        let jetstream = jetstream::new(client.clone());
        let kept = jetstream::stream::Config { storage: StorageType::File, ..config("S", &["s"]) };
        let stream = within("a stream", jetstream.create_stream(kept)).await.unwrap();
        fill(&jetstream, 1, 300).await;
        let (mut messages, news) = read(way, &stream, pull::OrderedConfig::default()).await;
        read_in_order(&mut messages, 1, 150).await;
        let server = tokio::task::spawn_blocking(move || {
            server.restart().unwrap();
            server
        });
        read_in_order(&mut messages, 151, 300).await;
        let _server = server.await.unwrap();
        let further = async {
            state(&client, State::Connected).await;
            fill(&jetstream, 301, 303).await;
        };
        tokio::join!(read_in_order(&mut messages, 301, 303), further);
        drop(news);
    }
}

#[tokio::test]
async fn a_reset_before_the_first_message_keeps_where_reading_was_to_begin() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s"]).await;
        fill(&stage.jetstream, 1, 5).await;
        let wanted =
            pull::OrderedConfig { deliver_policy: DeliverPolicy::Last, ..Default::default() };
        let consumer = within("a consumer", stream.create_consumer(wanted.clone())).await.unwrap();
        stream.delete_consumer(&consumer.cached_info().name).await.unwrap();
        let mut messages = match way {
            Way::Pull => consumer.messages().await.unwrap(),
            Way::Push => {
                let (messages, _) = read(way, &stream, wanted).await;
                stream.delete_consumer(&only_consumer(&stream).await.name).await.unwrap();
                messages
            }
        };
        read_in_order(&mut messages, 5, 5).await;
    }
}

#[tokio::test]
async fn new_messages_are_not_skipped_though_the_first_consumer_is_lost_before_they_come() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s"]).await;
        fill(&stage.jetstream, 1, 3).await;
        let wanted =
            pull::OrderedConfig { deliver_policy: DeliverPolicy::New, ..Default::default() };
        let (mut messages, _news) = read(way, &stream, wanted).await;
        assert!(messages.next_now().is_none());
        let token = messages.token();
        stream.delete_consumer(&only_consumer(&stream).await.name).await.unwrap();
        fill(&stage.jetstream, 4, 5).await;
        read_in_order(&mut messages, 4, 5).await;
        // Nor by one who goes on with the reading elsewhere.
        let mut resumed = stage.jetstream.resume_ordered(token).messages().await.unwrap();
        read_in_order(&mut resumed, 4, 5).await;
    }
}

#[tokio::test]
async fn what_is_set_about_a_reading_holds_for_every_consumer_it_makes() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["a", "b", "c"]).await;
        for subject in ["a", "b", "c", "a", "b", "c"] {
            put(&stage.jetstream, subject, "payload").await;
        }
        let wanted = pull::OrderedConfig {
            name: Some("reader".into()),
            filter_subjects: vec!["a".into(), "c".into()],
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 2 },
            headers_only: true,
            inactive_threshold: Duration::from_secs(77),
            metadata: [("for".to_owned(), "tests".to_owned())].into(),
            ..Default::default()
        };
        let (mut messages, _news) = read(way, &stream, wanted).await;
        assert_eq!(only_consumer(&stream).await.name, "reader");
        for expected in [3, 4] {
            let message = within("a message", messages.next()).await.unwrap().unwrap();
            assert_eq!(message.info().unwrap().stream_sequence, expected);
            assert!(message.payload.is_empty());
            assert_eq!(
                message.headers.as_ref().unwrap().get("Nats-Msg-Size").unwrap().as_str(),
                "7"
            );
        }
        stream.delete_consumer("reader").await.unwrap();
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(message.info().unwrap().stream_sequence, 6);
        put(&stage.jetstream, "a", "payload").await;
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(message.info().unwrap().stream_sequence, 7);
        let info = only_consumer(&stream).await;
        assert!(info.name.starts_with("reader_") && info.name.ends_with("_1"), "{}", info.name);
        assert_eq!(info.config.filter_subjects, ["a", "c"]);
        assert!(info.config.headers_only);
        assert_eq!(info.config.inactive_threshold, Duration::from_secs(77));
        assert_eq!(info.config.metadata["for"], "tests");
    }
}

#[tokio::test]
async fn attempts_in_vain_are_told_and_may_have_an_end() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s"]).await;
        fill(&stage.jetstream, 1, 1).await;
        let (mut messages, news) =
            read_with(way, &stream, pull::OrderedConfig::default(), Some(5)).await;
        read_in_order(&mut messages, 1, 1).await;
        stage.jetstream.delete_stream("S").await.unwrap();
        for _ in 3..5 {
            let error = within("an error", messages.next()).await.unwrap().unwrap_err();
            assert_eq!((error.kind(), error.is_final()), (MessagesErrorKind::Recreate, false));
            assert!(error.to_string().contains("stream not found"), "{error}");
        }
        let error = within("the end", messages.next()).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.is_final()), (MessagesErrorKind::Recreate, true));
        assert!(error.to_string().contains("5 times"), "{error}");
        assert!(messages.next().await.is_none());
        // The first ones pass without the reader.
        let failures: Vec<u32> = news
            .try_iter()
            .filter_map(|event| match event {
                OrderedEvent::Retry { failures, .. } => Some(failures),
                _ => None,
            })
            .collect();
        assert_eq!(failures, [1, 2, 3, 4]);
    }
}

#[tokio::test]
async fn the_trouble_of_one_reading_is_not_that_of_another() {
    let stage = stage().await;
    let troubled = stream(&stage.jetstream, "T", &["t"]).await;
    let stream = stream(&stage.jetstream, "S", &["s"]).await;
    let (mut bad, _) = read(Way::Pull, &troubled, pull::OrderedConfig::default()).await;
    let (mut good, news) = read(Way::Push, &stream, pull::OrderedConfig::default()).await;
    stage.jetstream.delete_stream("T").await.unwrap();
    let error = within("an error", bad.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::Recreate);
    fill(&stage.jetstream, 1, 100).await;
    read_in_order(&mut good, 1, 100).await;
    assert_eq!(news.try_iter().collect::<Vec<_>>(), []);
    stage.client.sync().await.unwrap();
}

#[tokio::test]
async fn two_readings_of_one_consumer_each_read_everything() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s"]).await;
        fill(&stage.jetstream, 1, 300).await;
        let consumer =
            within("a consumer", stream.create_consumer(pull::OrderedConfig::default())).await;
        let consumer = consumer.unwrap();
        // A pull that comes while its consumer is deleted has no answer: silence tells.
        let beat = Duration::from_millis(200);
        let mut first = consumer.clone().stream().heartbeat(beat).messages().await.unwrap();
        let mut second = match way {
            Way::Pull => consumer.stream().heartbeat(beat).messages().await.unwrap(),
            Way::Push => read(way, &stream, pull::OrderedConfig::default()).await.0,
        };
        tokio::join!(read_in_order(&mut first, 1, 300), read_in_order(&mut second, 1, 300));
    }
}

#[tokio::test]
async fn a_reading_is_resumed_by_another_client_where_it_was() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s", "t"]).await;
        fill(&stage.jetstream, 1, 100).await;
        put(&stage.jetstream, "t", "filtered out").await;
        let wanted =
            pull::OrderedConfig { filter_subjects: vec!["s".into()], ..Default::default() };
        let (mut messages, _) = read(way, &stream, wanted).await;
        let before = messages.token();
        assert_eq!(before.position, None);
        read_in_order(&mut messages, 1, 40).await;
        let text = messages.token().to_string();
        drop(messages);

        let elsewhere = jetstream::new(crate::support::connect(&stage.server).await);
        let token: ResumeToken = text.parse().unwrap();
        assert_eq!((&*token.stream, token.position), ("S", Some(40)));
        let mut resumed = elsewhere.resume_ordered(token).messages().await.unwrap();
        assert_eq!(resumed.position(), Some(40));
        read_in_order(&mut resumed, 41, 100).await;
        put(&stage.jetstream, "s", "102").await;
        read_in_order(&mut resumed, 102, 102).await;
        let mut anew = elsewhere.resume_ordered(before).messages().await.unwrap();
        read_in_order(&mut anew, 1, 100).await;
    }
}

#[tokio::test]
async fn a_callback_is_called_in_order_until_the_reading_is_drained() {
    for way in WAYS {
        let stage = stage().await;
        let stream = stream(&stage.jetstream, "S", &["s"]).await;
        fill(&stage.jetstream, 1, 100).await;
        let (mut messages, _) = read(way, &stream, pull::OrderedConfig::default()).await;
        let control = messages.control();
        let mut seen = Vec::new();
        let handling = messages.handle(
            |message| {
                seen.push(sequence(&message));
                if seen.len() == 100 {
                    control.drain();
                }
                async {}
            },
            |error| panic!("{error}"),
        );
        let handled = within("the callbacks", handling).await;
        assert_eq!((handled.messages, handled.panicked, handled.error), (100, 0, None));
        assert_eq!(seen, (1..=100).collect::<Vec<_>>());
        no_consumers(&stream).await;
    }
}
