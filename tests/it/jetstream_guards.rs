//! Messages that are kept alive, given back, acknowledged together and by value.

use crate::jetstream_support::{Stage, put, stage, stream};
use crate::support::{quick, until, within};
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy};
use midge_tokio::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use midge_tokio::jetstream::{self, AckError, AckKind, Acker, Message};
use midge_tokio::{Client, Subscriber};
use std::time::Instant;

/// More than any of these tests takes.
const LONG: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_secs(5);

/// A consumer of a stream with so many messages.
async fn consumer(count: u64, config: pull::Config) -> (Stage, PullConsumer) {
    let stage = stage().await;
    let handle = stream(&stage.jetstream, "S", &["s"]).await;
    for number in 1..=count {
        put(&stage.jetstream, "s", &number.to_string()).await;
    }
    let config = pull::Config { durable_name: Some("C".into()), ..config };
    let consumer = within("a consumer", handle.create_consumer(config)).await.unwrap();
    (stage, consumer)
}

fn waits(ack_wait: Duration) -> pull::Config {
    pull::Config { ack_wait, ..pull::Config::default() }
}

async fn message(consumer: &PullConsumer) -> Message {
    within("a message", consumer.next_message(SOON)).await.unwrap().unwrap()
}

fn delivered(message: &Message) -> (u64, i64) {
    let info = message.info().unwrap();
    (info.stream_sequence, info.delivered)
}

/// Everything that is told to the consumer.
async fn words(client: &Client) -> Subscriber {
    client.subscription("$JS.ACK.S.C.>").confirmed().await.unwrap()
}

fn all_of(words: &mut Subscriber) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(Some(word)) = words.try_next() {
        all.push(String::from_utf8(word.payload.to_vec()).unwrap());
    }
    all
}

async fn acknowledged(consumer: &PullConsumer) {
    within("all acknowledgements", async {
        while consumer.get_info().await.unwrap().num_ack_pending > 0 {}
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_worked_on_for_long_does_not_come_again() {
    let (stage, consumer) = consumer(1, waits(Duration::from_millis(400))).await;
    let mut told = words(&stage.client).await;
    let first = message(&consumer).await;
    let work = tokio::time::sleep(Duration::from_millis(1_300));
    within("the work", first.in_progress_while(work)).await;
    first.double_ack().await.unwrap();
    let info = consumer.get_info().await.unwrap();
    assert_eq!((info.num_redelivered, info.delivered.consumer_sequence), (0, 1));
    stage.client.sync().await.unwrap();
    let told = all_of(&mut told);
    let signs = told.iter().filter(|word| *word == "+WPI").count();
    // One at once, and one each 200 ms; a slow machine makes it fewer.
    assert!((4..=8).contains(&signs), "{told:?}");
    assert_eq!(told.last().unwrap(), "+ACK");
}

#[tokio::test]
async fn without_a_sign_of_life_it_comes_again() {
    let (_stage, consumer) = consumer(1, waits(Duration::from_millis(200))).await;
    let first = message(&consumer).await;
    assert_eq!(delivered(&message(&consumer).await), (1, 2));
    drop(first);
}

#[tokio::test]
async fn signs_of_life_end_with_the_work_its_drop_and_the_acknowledgement() {
    let (stage, consumer) = consumer(3, waits(LONG)).await;
    let mut told = words(&stage.client).await;
    let every = Duration::from_millis(10);
    // Work that need not wait gives none.
    let at_once = message(&consumer).await;
    assert_eq!(at_once.in_progress_while(async { 7 }).await, 7);
    // Dropped work gives no more.
    let dropped = message(&consumer).await;
    let (payload, acker) = dropped.split();
    let never = acker.in_progress_every(every, core::future::pending::<()>());
    assert!(tokio::time::timeout(Duration::from_millis(100), never).await.is_err());
    stage.client.sync().await.unwrap();
    let signs = all_of(&mut told);
    assert!(signs.len() >= 2 && signs.iter().all(|word| word == "+WPI"), "{signs:?}");
    assert_eq!(payload.payload, "2");
    // What is acknowledged in the middle of the work is worked on in silence.
    let last = message(&consumer).await;
    let work = async {
        last.ack().await.unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
    };
    within("the work", last.in_progress_every(every, work)).await;
    stage.client.sync().await.unwrap();
    assert_eq!(all_of(&mut told), ["+ACK"]);
    // Nor does a closed client keep work from its end.
    stage.client.close().await.unwrap();
    let work = tokio::time::sleep(Duration::from_millis(30));
    within("the work", at_once.in_progress_every(every, work)).await;
}

#[tokio::test]
async fn a_message_that_is_dropped_without_a_word_comes_again_after_its_delay() {
    let (_stage, consumer) = consumer(1, waits(LONG)).await;
    drop(message(&consumer).await.nak_on_drop(Duration::ZERO));
    let second = message(&consumer).await;
    assert_eq!(delivered(&second), (1, 2));
    let delay = Duration::from_millis(300);
    let begin = Instant::now();
    // The acknowledging half says it, and a clone does not.
    let (_payload, acker) = second.nak_on_drop(delay).split();
    drop(acker);
    let third = message(&consumer).await;
    assert!(begin.elapsed() >= delay, "{:?}", begin.elapsed());
    assert_eq!(delivered(&third), (1, 3));
    let third = third.nak_on_drop(Duration::ZERO);
    drop(third.clone());
    // What was told stays told.
    third.double_ack().await.unwrap();
    drop(third);
    assert_eq!(consumer.get_info().await.unwrap().num_ack_pending, 0);
    let none = within("nothing", consumer.next_message(Duration::from_millis(50))).await;
    assert!(none.unwrap().is_none());
}

#[tokio::test]
async fn a_reading_may_give_back_whatever_is_dropped() {
    let (stage, consumer) = consumer(2, waits(LONG)).await;
    let builder = consumer.stream().max_messages_per_batch(1).nak_on_drop(Duration::ZERO);
    let mut messages = builder.messages().await.unwrap();
    drop(within("the first", messages.next()).await.unwrap().unwrap());
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        seen.push(delivered(&message));
        message.double_ack().await.unwrap();
    }
    seen.sort_unstable();
    assert_eq!(seen, [(1, 2), (2, 1)]);
    drop(messages);

    let handle = stage.jetstream.get_stream("S").await.unwrap();
    let other = handle.create_consumer(waits(LONG)).await.unwrap();
    let mut fetch = other.fetch().nak_on_drop(Duration::ZERO).messages().await.unwrap();
    drop(within("the first", fetch.next()).await.unwrap().unwrap());
    let mut seen = [delivered(&message(&other).await), delivered(&message(&other).await)];
    seen.sort_unstable();
    assert_eq!(seen, [(1, 2), (2, 1)]);
}

#[tokio::test]
async fn nothing_that_a_cancelled_handler_held_is_lost() {
    let (_stage, consumer) = consumer(1, waits(LONG)).await;
    let mut messages = consumer.stream().nak_on_drop(Duration::ZERO).messages().await.unwrap();
    let handler = tokio::spawn(async move {
        let message = messages.next().await.unwrap().unwrap();
        message.in_progress_while(core::future::pending::<()>()).await;
    });
    within("a delivery", async { while consumer.get_info().await.unwrap().num_ack_pending < 1 {} })
        .await;
    handler.abort();
    let again = message(&consumer).await;
    assert_eq!(delivered(&again), (1, 2));
}

#[tokio::test]
async fn acknowledgements_are_gathered_and_written_together() {
    let (stage, consumer) = consumer(5, waits(LONG)).await;
    let mut told = words(&stage.client).await;
    let mut acks = consumer.ack_batcher();
    let mut batch = consumer.batch().max_messages(5).messages().await.unwrap();
    let mut kept = Vec::new();
    while let Some(message) = within("the batch", batch.next()).await {
        let message = message.unwrap();
        acks.ack(&message).await.unwrap();
        kept.push(message);
    }
    assert_eq!((kept.len(), acks.gathered()), (5, 5));
    stage.client.sync().await.unwrap();
    assert!(all_of(&mut told).is_empty(), "nothing is told before it is written");
    // They are told for, all the same.
    assert_eq!(acks.ack(&kept[0]).await, Err(AckError::AlreadyAcknowledged));
    assert_eq!(kept[0].ack().await, Err(AckError::AlreadyAcknowledged));
    within("the flush", acks.flush()).await.unwrap();
    assert_eq!(acks.gathered(), 0);
    stage.client.sync().await.unwrap();
    assert_eq!(all_of(&mut told), ["+ACK"; 5]);
    acknowledged(&consumer).await;
    within("nothing to flush", acks.flush()).await.unwrap();

    // Written when there are enough, and by the drop.
    for number in 6..=8 {
        put(&stage.jetstream, "s", &number.to_string()).await;
    }
    let mut acks = consumer.ack_batcher().max(2);
    for gathered in [1, 0, 1] {
        acks.ack(&message(&consumer).await).await.unwrap();
        assert_eq!(acks.gathered(), gathered);
    }
    drop(acks);
    acknowledged(&consumer).await;
}

#[tokio::test]
async fn one_acknowledgement_stands_for_all_before_it() {
    let config = pull::Config { ack_policy: AckPolicy::All, ..waits(LONG) };
    let (stage, consumer) = consumer(50, config).await;
    let mut told = words(&stage.client).await;
    let mut acks = consumer.ack_batcher();
    let mut batch = consumer.batch().max_messages(50).messages().await.unwrap();
    while let Some(message) = within("the batch", batch.next()).await {
        acks.ack(&message.unwrap()).await.unwrap();
    }
    assert_eq!(acks.gathered(), 50);
    within("the sync", acks.sync()).await.unwrap();
    assert_eq!(acks.gathered(), 0);
    acknowledged(&consumer).await;
    assert_eq!(all_of(&mut told), ["+ACK"]);
    assert_eq!(consumer.get_info().await.unwrap().ack_floor.stream_sequence, 50);
}

#[tokio::test]
async fn gathered_acknowledgements_survive_what_keeps_them_from_being_written() {
    let (stage, consumer) = consumer(3, waits(LONG)).await;
    let proxy = FaultProxy::start(stage.server.address()).unwrap();
    let client = within("connect", quick().connect(proxy.url())).await.unwrap();
    let there: PullConsumer =
        jetstream::new(client.clone()).get_consumer_from_stream("C", "S").await.unwrap();
    let mut acks = there.ack_batcher();
    for _ in 0..3 {
        acks.ack(&message(&there).await).await.unwrap();
    }
    proxy.stall(Direction::ToClient);
    let short = jetstream::ContextBuilder::new()
        .ack_timeout(Duration::from_millis(50))
        .build(client.clone());
    assert!(short.flush_acks().await.is_err(), "nobody answers");
    proxy.resume(Direction::ToClient);
    within("an answer", short.flush_acks()).await.unwrap();
    client.close().await.unwrap();
    assert!(matches!(acks.flush().await, Err(AckError::Publish(_))));
    assert_eq!(acks.gathered(), 3, "they are kept");
    assert_eq!(consumer.get_info().await.unwrap().num_ack_pending, 3);
}

#[tokio::test]
async fn an_acker_by_value_says_one_thing_and_comes_back_when_it_could_not() {
    let (stage, consumer) = consumer(3, waits(LONG)).await;
    let (_payload, acker) = message(&consumer).await.split();
    let acker = acker.once();
    acker.progress().await.unwrap();
    acker.in_progress_while(async {}).await;
    acker.double_ack().await.unwrap();
    let (_payload, acker) = message(&consumer).await.split();
    acker.once().double_ack_with(AckKind::Term).await.unwrap();
    let info = consumer.get_info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.ack_floor.stream_sequence), (0, 2));

    let (_payload, acker) = message(&consumer).await.split();
    let failed = acker.once().double_ack_with(AckKind::Next).await.unwrap_err();
    assert_eq!(failed.error, AckError::NotConfirmable);
    stage.client.close().await.unwrap();
    let failed = failed.acker.ack().await.unwrap_err();
    assert!(matches!(failed.error, AckError::Publish(_)), "{failed}");
    let failed = failed.acker.ack_with(AckKind::Nak(None)).await.unwrap_err();
    assert!(failed.to_string().contains("closed"), "{failed}");
    let nothing = Acker::new(stage.jetstream.clone(), None).once();
    assert_eq!(nothing.ack().await.unwrap_err().error, AckError::NoReply);
}

#[tokio::test]
async fn a_pull_by_acknowledgement_has_an_end_though_none_was_set() {
    let (stage, consumer) = consumer(1, waits(LONG)).await;
    let mut pulls = stage.client.subscription("$JS.ACK.>").confirmed().await.unwrap();
    let _batch = message(&consumer).await.ack_and_fetch(2).await.unwrap();
    let pull = within("the pull", pulls.next()).await.unwrap();
    assert_eq!(pull.payload, r#"+NXT {"batch":2,"expires":30000000000}"#);
}

#[tokio::test]
async fn an_acknowledgement_may_bring_the_next_message() {
    let (stage, consumer) = consumer(6, waits(LONG)).await;
    let first = message(&consumer).await;
    let second = within("the next", first.ack_and_next(SOON)).await.unwrap().unwrap();
    assert_eq!((delivered(&second), &*second.payload), ((2, 1), &b"2"[..]));
    assert_eq!(first.ack().await, Err(AckError::AlreadyAcknowledged));
    assert!(matches!(first.ack_and_next(SOON).await, Err(AckError::AlreadyAcknowledged)));
    let mut batch = second.ack_and_fetch(3).await.unwrap();
    let mut last = None;
    for expected in 3..=5 {
        let message = within("a message", batch.next()).await.unwrap().unwrap();
        assert_eq!(delivered(&message), (expected, 1));
        message.ack().await.unwrap();
        last = Some(message);
    }
    assert!(within("the end", batch.next()).await.is_none());
    assert!(last.unwrap().is_acknowledged());
    let (_payload, acker) = message(&consumer).await.split();
    let none = within("none", acker.ack_and_next(Duration::from_millis(50))).await.unwrap();
    assert!(none.is_none());
    acknowledged(&consumer).await;
    let plain = Message::new(midge_tokio::Message::empty(), stage.jetstream.clone());
    assert_eq!(plain.ack_and_next(SOON).await.unwrap_err(), AckError::NoReply);
}

#[tokio::test]
async fn a_cancelled_wait_for_the_next_message_gives_it_back() {
    let (stage, consumer) = consumer(1, waits(LONG)).await;
    let first = message(&consumer).await;
    let waiting = tokio::time::timeout(Duration::from_millis(50), first.ack_and_next(LONG));
    assert!(waiting.await.is_err());
    assert!(first.is_acknowledged());
    let before = stage.client.subscription_count();
    put(&stage.jetstream, "s", "2").await;
    let second = message(&consumer).await;
    assert_eq!(delivered(&second).0, 2);
    until("the end of the pull", || stage.client.subscription_count() <= before).await;
}
