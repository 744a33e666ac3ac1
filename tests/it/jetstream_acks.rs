//! What is told about delivered messages, and what their reply subjects tell.

use crate::jetstream_support::{Stage, put, stage, stream};
use crate::support::{next, within};
use core::time::Duration;
use midge_tokio::jetstream::consumer::{PushConsumer, push};
use midge_tokio::jetstream::{AckError, AckKind, Acker, Context, Message};
use midge_tokio::{RequestError, Subscriber};

/// A stream with one message, which is delivered to the subscription.
async fn delivered() -> (Stage, PushConsumer, Subscriber) {
    let stage = stage().await;
    let handle = stream(&stage.jetstream, "S", &["s"]).await;
    put(&stage.jetstream, "s", "x").await;
    let deliveries = stage.client.subscription("d").confirmed().await.unwrap();
    let config = push::Config {
        deliver_subject: "d".into(),
        durable_name: Some("C".into()),
        ack_wait: Duration::from_secs(60),
        ..Default::default()
    };
    let consumer = within("a consumer", handle.create_consumer(config)).await.unwrap();
    (stage, consumer, deliveries)
}

async fn message(context: &Context, deliveries: &mut Subscriber) -> Message {
    Message::new(next(deliveries).await, context.clone())
}

#[tokio::test]
async fn the_reply_subject_tells_what_a_message_is() {
    let (stage, _consumer, mut deliveries) = delivered().await;
    let message = message(&stage.jetstream, &mut deliveries).await;
    let info = message.info().unwrap();
    assert_eq!((info.stream, info.consumer, info.domain), ("S", "C", None));
    assert_eq!((info.stream_sequence, info.consumer_sequence), (1, 1));
    assert_eq!((info.delivered, info.pending), (1, 0));
    assert!(info.published.as_nanos() > 0);
    assert_eq!(message.payload, "x");

    let plain = Message::new(midge_tokio::Message::empty(), stage.jetstream.clone());
    assert!(plain.info().is_err());
    assert_eq!(plain.ack().await, Err(AckError::NoReply));
}

#[tokio::test]
async fn an_acknowledged_message_is_done_and_a_second_ack_is_refused() {
    let (stage, mut consumer, mut deliveries) = delivered().await;
    let message = message(&stage.jetstream, &mut deliveries).await;
    assert_eq!(consumer.info().await.unwrap().num_ack_pending, 1);
    assert!(!message.is_acknowledged());
    message.ack_with(AckKind::Progress).await.unwrap();
    message.ack_with(AckKind::Progress).await.unwrap();
    message.double_ack().await.unwrap();
    assert!(message.is_acknowledged());
    let info = consumer.info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.ack_floor.stream_sequence), (0, 1));
    for kind in [AckKind::Ack, AckKind::Nak(None), AckKind::Progress, AckKind::Term] {
        let again = message.ack_with(kind).await;
        assert_eq!(again, Err(AckError::AlreadyAcknowledged));
    }
    assert_eq!(message.clone().double_ack().await, Err(AckError::AlreadyAcknowledged));
    assert_eq!(consumer.cached_info().num_redelivered, 0);
}

#[tokio::test]
async fn a_plain_ack_counts_once_the_server_has_it() {
    let (stage, mut consumer, mut deliveries) = delivered().await;
    message(&stage.jetstream, &mut deliveries).await.ack().await.unwrap();
    stage.client.sync().await.unwrap();
    within("the ack", async { while consumer.info().await.unwrap().num_ack_pending > 0 {} }).await;
}

#[tokio::test]
async fn a_refused_message_comes_again_at_once_or_later() {
    let (stage, _consumer, mut deliveries) = delivered().await;
    let first = message(&stage.jetstream, &mut deliveries).await;
    first.ack_with(AckKind::Nak(None)).await.unwrap();
    let second = message(&stage.jetstream, &mut deliveries).await;
    assert_eq!(second.info().unwrap().delivered, 2);
    let delay = Duration::from_millis(300);
    let begin = std::time::Instant::now();
    second.double_ack_with(AckKind::Nak(Some(delay))).await.unwrap();
    let third = message(&stage.jetstream, &mut deliveries).await;
    assert!(begin.elapsed() >= delay, "{:?}", begin.elapsed());
    assert_eq!(third.info().unwrap().delivered, 3);
}

#[tokio::test]
async fn a_terminated_message_never_comes_again_and_the_reason_is_told() {
    let (stage, mut consumer, mut deliveries) = delivered().await;
    let filter = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.C";
    let mut advisories = stage.client.subscription(filter).confirmed().await.unwrap();
    let message = message(&stage.jetstream, &mut deliveries).await;
    let kind = AckKind::TermWithReason("no such user".into());
    message.double_ack_with(kind).await.unwrap();
    let advisory = next(&mut advisories).await;
    let advisory: serde_json::Value = serde_json::from_slice(&advisory.payload).unwrap();
    assert_eq!(advisory["reason"], "no such user");
    assert_eq!(consumer.info().await.unwrap().num_ack_pending, 0);
    assert!(deliveries.try_next().unwrap().is_none());
}

#[tokio::test]
async fn the_acknowledgement_can_be_split_from_the_message() {
    let (stage, mut consumer, mut deliveries) = delivered().await;
    let message = message(&stage.jetstream, &mut deliveries).await;
    let other = Acker::new(stage.jetstream.clone(), message.reply.clone());
    let (message, acker) = message.split();
    assert_eq!(message.reply, None, "an answer would acknowledge");
    acker.double_ack().await.unwrap();
    assert_eq!(acker.ack().await, Err(AckError::AlreadyAcknowledged));
    // It does not know of the other one, and the server does not mind.
    other.ack().await.unwrap();
    assert_eq!(consumer.info().await.unwrap().num_ack_pending, 0);
}

#[tokio::test]
async fn a_clone_knows_what_is_told_later_only_if_an_acker_was_made_before_it() {
    let (stage, mut consumer, mut deliveries) = delivered().await;
    let mut message = message(&stage.jetstream, &mut deliveries).await;
    let early = message.clone();
    let acker = message.acker();
    let late = message.clone();
    late.double_ack().await.unwrap();
    assert_eq!(acker.ack().await, Err(AckError::AlreadyAcknowledged));
    let known = [&message, &late, &early, &early.clone()].map(Message::is_acknowledged);
    assert_eq!(known, [true, true, false, false]);
    assert_eq!(consumer.info().await.unwrap().num_ack_pending, 0);
}

#[tokio::test]
async fn an_ack_that_is_not_confirmed_can_be_said_again() {
    let (stage, consumer, mut deliveries) = delivered().await;
    let jetstream = midge_tokio::jetstream::ContextBuilder::new()
        .ack_timeout(Duration::from_millis(100))
        .build(stage.client.clone());
    let message = message(&jetstream, &mut deliveries).await;
    assert_eq!(message.double_ack_with(AckKind::Next).await, Err(AckError::NotConfirmable));
    let name = consumer.cached_info().name.clone();
    let stream = stage.jetstream.get_stream("S").await.unwrap();
    stream.delete_consumer(&name).await.unwrap();
    let error = within("an error", message.double_ack()).await.unwrap_err();
    assert!(
        matches!(
            error,
            AckError::Unconfirmed(RequestError::TimedOut(_) | RequestError::NoResponders)
        ),
        "{error:?}"
    );
    assert!(!message.is_acknowledged());
    let mut again = message.clone();
    let unheard = Acker::new(jetstream.clone(), message.reply.clone());
    assert_eq!(message.ack_unless_said().await, Err(AckError::SaidInVain));
    assert_eq!(again.acker().ack_unless_said().await, Err(AckError::SaidInVain));
    unheard.ack_unless_said().await.unwrap();
    assert_eq!(unheard.ack().await, Err(AckError::AlreadyAcknowledged));
    assert!(matches!(message.double_ack().await, Err(AckError::Unconfirmed(_))));
    again.ack().await.unwrap();
    again.ack_unless_said().await.unwrap();
}

#[tokio::test]
async fn an_ack_of_a_closed_client_is_not_sent() {
    let (stage, _consumer, mut deliveries) = delivered().await;
    let message = message(&stage.jetstream, &mut deliveries).await;
    stage.client.close().await.unwrap();
    assert!(matches!(message.ack().await, Err(AckError::Publish(_))));
    assert!(!message.is_acknowledged());
}
