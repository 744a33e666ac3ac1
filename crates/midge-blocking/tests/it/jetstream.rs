//! JetStream by calls that block.

use crate::support::{DEADLINE, until, within};
use core::time::Duration;
use midge_blocking::jetstream::consumer::{pull, push};
use midge_blocking::jetstream::stream::Config;
use midge_blocking::jetstream::{self, AckError, AckKind, ErrorCode, Message};
use midge_test_server::NatsServer;

#[test]
fn streams_are_made_filled_listed_purged_and_deleted() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    within("JetStream by calls that block", move || {
        let client = midge_blocking::connect(server.url()).unwrap();
        let jetstream = jetstream::new(&client);
        assert_eq!(jetstream.query_account().unwrap().streams, 0);
        let config = Config { subjects: vec!["s.>".into()], ..Config::from("S") };
        let mut stream = jetstream.create_stream(config).unwrap();
        assert_eq!(jetstream.publish("s.a", "x".into()).unwrap().ack().unwrap().sequence, 1);
        let mut publisher = jetstream.publisher();
        for _ in 0..500 {
            publisher.publish("s.b", "x".into()).unwrap();
        }
        assert_eq!(publisher.finish().unwrap(), 500);
        assert_eq!(stream.info().unwrap().state.messages, 501);
        assert_eq!(stream.get_raw_message(1).unwrap().subject, "s.a");
        let names: Vec<_> = jetstream.stream_names().iter().map(Result::unwrap).collect();
        assert_eq!(names, ["S"]);
        let purge = stream.purge().map(|purge| purge.filter("s.b").keep(1));
        assert_eq!(purge.send().unwrap().purged, 499);
        assert!(jetstream.delete_stream("S").unwrap().success);
        let gone = jetstream.get_stream("S").unwrap_err();
        assert_eq!(gone.error_code(), Some(ErrorCode::STREAM_NOT_FOUND));
    });
}

#[test]
fn messages_are_pulled_and_acknowledged() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    within("pulls by calls that block", move || {
        let client = midge_blocking::connect(server.url()).unwrap();
        let jetstream = jetstream::new(&client);
        let stream = jetstream.get_or_create_stream("S").unwrap();
        for number in 1..=9 {
            jetstream.publish("S", number.to_string().into()).unwrap().ack().unwrap();
        }
        let consumer = stream.get_or_create_consumer("C", pull::Config::default()).unwrap();
        let mut batch = consumer.fetch_now(2).unwrap();
        for message in &mut batch {
            message.unwrap().double_ack().unwrap();
        }
        let builder = consumer.batch().map(|batch| batch.max_messages(2));
        let batch: Vec<_> = builder.messages().unwrap().iter().map(Result::unwrap).collect();
        assert_eq!(batch.iter().map(|message| &message.payload).collect::<Vec<_>>(), ["3", "4"]);
        for message in batch {
            message.ack().unwrap();
        }
        let next = consumer.next_message(Duration::from_secs(5)).unwrap().unwrap();
        assert_eq!(next.payload, "5");
        next.double_ack().unwrap();
        let mut messages = consumer.stream().map(|stream| stream.stop_after(4)).messages().unwrap();
        let rest: Vec<_> = messages.iter().map(Result::unwrap).collect();
        assert_eq!(rest.len(), 4);
        assert_eq!(rest[3].payload, "9");
        rest.iter().for_each(|message| message.double_ack().unwrap());
        let info = consumer.get_info().unwrap();
        assert_eq!((info.num_pending, info.num_ack_pending), (0, 0));
        let none = consumer.next_message(Duration::from_millis(20)).unwrap();
        assert!(none.is_none());
    });
}

#[test]
fn consumers_are_made_and_their_messages_acknowledged_once() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    within("consumers by calls that block", move || {
        let client = midge_blocking::connect(server.url()).unwrap();
        let jetstream = jetstream::new(&client);
        let stream = jetstream.get_or_create_stream("S").unwrap();
        jetstream.publish("S", "x".into()).unwrap().ack().unwrap();
        let mut deliveries = client.subscription("d").confirmed().unwrap();
        let config = push::Config {
            deliver_subject: "d".into(),
            durable_name: Some("P".into()),
            ..Default::default()
        };
        let mut pushing = stream.create_consumer(config).unwrap();
        let delivered = deliveries.next().unwrap();
        let message = Message::new(delivered, (*jetstream).clone());
        let message = midge_blocking::Blocking::<Message>::of(&client, message);
        message.double_ack().unwrap();
        assert_eq!(message.ack(), Err(AckError::AlreadyAcknowledged));
        assert_eq!(pushing.info().unwrap().num_ack_pending, 0);

        let pulled = stream.get_or_create_consumer("C", pull::Config::default()).unwrap();
        assert_eq!(pulled.get_info().unwrap().num_pending, 1);
        assert_eq!(stream.consumer_names().iter().count(), 2);
        assert!(stream.get_consumer::<pull::Config>("P").is_err());
    });
}

#[test]
fn messages_are_kept_alive_given_back_and_acknowledged_together() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    within("guards by calls that block", move || {
        let client = midge_blocking::connect(server.url()).unwrap();
        let jetstream = jetstream::new(&client);
        let stream = jetstream.get_or_create_stream("S").unwrap();
        for number in 1..=6 {
            jetstream.publish("S", number.to_string().into()).unwrap().ack().unwrap();
        }
        let config = pull::Config {
            durable_name: Some("C".into()),
            ack_wait: Duration::from_millis(300),
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).unwrap();
        let soon = Duration::from_secs(5);
        let first = consumer.next_message(soon).unwrap().unwrap();
        let slept = first.in_progress_while(|| {
            std::thread::sleep(Duration::from_millis(800));
            "done"
        });
        assert_eq!(slept, "done");
        assert_eq!(consumer.get_info().unwrap().num_redelivered, 0);
        let second = first.ack_and_next(soon).unwrap().unwrap();
        assert_eq!(second.payload, "2");
        let mut batch = second.ack_and_fetch(1).unwrap();
        let third = batch.next().unwrap().unwrap();
        let acker = third.map(|third| third.split().1).once();
        acker.progress().unwrap();
        acker.double_ack().unwrap();
        let mut acks = consumer.ack_batcher();
        for message in &mut consumer.fetch_now(2).unwrap() {
            acks.ack(&message.unwrap()).unwrap();
        }
        assert_eq!(acks.gathered(), 2);
        acks.flush().unwrap();
        acks.sync().unwrap();
        jetstream.flush_acks().unwrap();
        let last = consumer.next_message(soon).unwrap().unwrap();
        drop(last.map(|last| last.nak_on_drop(Duration::ZERO)));
        let again = consumer.next_message(soon).unwrap().unwrap();
        assert_eq!(again.info().unwrap().delivered, 2);
        again.double_ack().unwrap();
        let info = consumer.get_info().unwrap();
        assert_eq!((info.num_pending, info.num_ack_pending), (0, 0));
    });
}

#[test]
fn streams_are_read_in_order_and_pushed_messages_too() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    within("reading in order by calls that block", move || {
        let client = midge_blocking::connect(server.url()).unwrap();
        let jetstream = jetstream::new(&client);
        let stream = jetstream.get_or_create_stream("S").unwrap();
        for number in 1..=9 {
            jetstream.publish("S", number.to_string().into()).unwrap().ack().unwrap();
        }
        let all: Vec<_> = (1..=9).map(|number| number.to_string()).collect();
        let payloads = |messages: Vec<midge_blocking::Blocking<Message>>| {
            let text = |message: &midge_blocking::Blocking<Message>| {
                String::from_utf8(message.payload.to_vec()).unwrap()
            };
            messages.iter().map(text).collect::<Vec<_>>()
        };
        let pulled = stream.create_consumer(pull::OrderedConfig::default()).unwrap();
        let mut pulled = pulled.messages().unwrap();
        let first: Vec<_> = pulled.iter().take(4).map(Result::unwrap).collect();
        assert_eq!(payloads(first), all[..4]);
        let mut resumed = jetstream.resume_ordered(pulled.token()).messages().unwrap();
        let rest: Vec<_> = resumed.iter().take(5).map(Result::unwrap).collect();
        assert_eq!(payloads(rest), all[4..]);

        let config = push::OrderedConfig { deliver_subject: "d".into(), ..Default::default() };
        let mut pushed = stream.create_consumer(config).unwrap().messages().unwrap();
        let read: Vec<_> = pushed.iter().take(9).map(Result::unwrap).collect();
        assert_eq!(payloads(read), all);

        let config = push::Config {
            deliver_subject: "p".into(),
            durable_name: Some("P".into()),
            ..Default::default()
        };
        let mut pushing = stream.create_consumer(config).unwrap();
        let mut messages = pushing.messages().unwrap();
        for message in messages.iter().take(9) {
            message.unwrap().double_ack().unwrap();
        }
        assert_eq!(pushing.info().unwrap().num_ack_pending, 0);
        messages.drain();
        assert!(messages.next().is_none());
    });
}

#[test]
fn a_subject_is_enough_for_calls_and_handlers() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    within("subscriptions by calls that block", move || {
        let client = midge_blocking::connect(server.url()).unwrap();
        let jetstream = jetstream::new(&client);
        let stream = jetstream.get_or_create_stream("S").unwrap();
        for number in 1..=9 {
            jetstream.publish("S", number.to_string().into()).unwrap().ack().unwrap();
        }
        let names = || stream.consumer_names().iter().map(Result::unwrap).collect::<Vec<_>>();

        let mut messages = jetstream.subscription("S").durable("D").messages().unwrap();
        for message in messages.iter().take(3) {
            message.unwrap().ack().unwrap();
        }
        assert_eq!(messages.consumer_info().unwrap().name, "D");
        messages.unsubscribe().unwrap();
        assert!(names().is_empty());

        let subscription = jetstream.subscription("S").durable("P").pull().unwrap();
        let mut batch = subscription.fetch(9, Duration::from_secs(30)).unwrap();
        for message in batch.iter() {
            message.unwrap().ack().unwrap();
        }
        assert!(subscription.next_message(Duration::from_millis(50)).unwrap().is_none());
        subscription.unsubscribe().unwrap();

        let mut ordered = jetstream.subscription("S").ordered().unwrap();
        assert_eq!(ordered.iter().take(9).map(Result::unwrap).count(), 9);
        drop(ordered);

        let messages = jetstream.subscription("S").durable("H").messages().unwrap();
        let (sender, seen) = std::sync::mpsc::channel();
        let handler = messages.handle_and_ack_with(move |message| {
            let message = message.unwrap();
            sender.send(message.payload.clone()).unwrap();
            assert!(message.payload != "4", "this one is never done");
        });
        let handler = handler.unwrap();
        for number in 1..=9 {
            assert_eq!(seen.recv_timeout(DEADLINE).unwrap(), number.to_string());
        }
        until("acknowledgements of all but one", || {
            let info = stream.consumer_info("H").unwrap();
            (info.ack_floor.stream_sequence, info.num_ack_pending) == (3, 1)
        });
        handler.stop();
        until("the end of the consumer", || names().is_empty());
    });
}

#[test]
fn what_a_handler_could_not_say_is_counted_and_not_contradicted() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    within("a handler that refuses", move || {
        let client = midge_blocking::connect(server.url()).unwrap();
        let jetstream = jetstream::new(&client);
        let stream = jetstream.get_or_create_stream("S").unwrap();
        for number in 1..=5 {
            jetstream.publish("S", number.to_string().into()).unwrap().ack().unwrap();
        }
        let subscription = jetstream.subscription("S").map(|it| it.durable("H").keep_consumer());
        let (sender, seen) = std::sync::mpsc::channel();
        let handler = subscription.messages().unwrap().handle_and_ack_with(move |message| {
            let message = midge_blocking::Blocking::<Message>::of(&client, message.unwrap());
            let too_long = || AckKind::TermWithReason("x".repeat(client.server_info().max_payload));
            match &*message.payload {
                b"1" => panic!("nothing is said of this one"),
                b"2" => {
                    let refused = message.ack_with(too_long());
                    assert!(matches!(refused, Err(AckError::Publish(_))), "{refused:?}");
                }
                // Said in the end.
                b"3" => {
                    message.ack_with(too_long()).unwrap_err();
                    message.ack_with(AckKind::Term).unwrap();
                }
                _ => sender.send(message.payload.clone()).unwrap(),
            }
        });
        let handler = handler.unwrap();
        assert_eq!(seen.recv_timeout(DEADLINE).unwrap(), "4");
        assert_eq!(seen.recv_timeout(DEADLINE).unwrap(), "5");
        // Whatever would have been said of the first two is there before what is said of the others.
        until("acknowledgements of all but two", || {
            stream.consumer_info("H").unwrap().num_ack_pending <= 2
        });
        let info = stream.consumer_info("H").unwrap();
        assert_eq!((info.ack_floor.stream_sequence, info.num_ack_pending), (0, 2));
        assert_eq!((handler.unacknowledged(), handler.panics()), (1, 1));
        handler.stop();
    });
}
