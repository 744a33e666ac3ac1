//! What is asked again, published again, and in which order; and that all of it is counted.

use crate::jetstream_support::{Stage, code, config, stage};
use crate::support::{connect_to, quick, within};
use core::time::Duration;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::Subscriber;
use midge_tokio::jetstream::context::AccountErrorKind;
use midge_tokio::jetstream::publish::{PublishOrder, Tally};
use midge_tokio::jetstream::stream::Stream;
use midge_tokio::jetstream::{Context, ContextBuilder, ErrorCode, RetryOn, RetryPolicy};

const BUSY: &str =
    r#"{"error":{"code":503,"err_code":10008,"description":"temporarily unavailable"}}"#;
const LASTING: &str = r#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#;
const ACCOUNT: &str = r#"{"memory":0,"storage":0,"streams":3,"consumers":0,"limits":{}}"#;

const QUICK: RetryPolicy =
    RetryPolicy { delay: Duration::from_millis(5), ..RetryPolicy::QUESTIONS };

/// An API that gives these answers, one after the other, and then none; returns how many questions
/// it was asked while `calls` went on.
async fn played<T>(
    answers: &[&'static str],
    context: impl FnOnce(ContextBuilder) -> ContextBuilder,
    calls: impl AsyncFnOnce(Context) -> T,
) -> (T, u64) {
    let Stage { server: _server, client, .. } = stage().await;
    let mut api: Subscriber = client.subscription("fake.>").confirmed().await.unwrap();
    let builder = ContextBuilder::new().api_prefix("fake").api_retry(QUICK);
    let jetstream = context(builder).build(client.clone());
    let mut asked = 0;
    let play = async {
        let mut answers = answers.iter();
        while let Some(question) = api.next().await {
            asked += 1;
            if let Some(answer) = answers.next() {
                client.publish(question.reply.unwrap(), (*answer).into()).await.unwrap();
            }
        }
    };
    let result = within("the calls", async {
        tokio::select! {
            result = calls(jetstream) => result,
            () = play => panic!("the subscription ended"),
        }
    });
    (result.await, asked)
}

#[tokio::test]
async fn a_question_is_asked_again_after_a_refusal_that_may_pass() {
    let account = async |jetstream: Context| jetstream.query_account().await;
    let (answer, asked) = played(&[BUSY, BUSY, ACCOUNT], |it| it, account).await;
    assert_eq!((answer.unwrap().streams, asked), (3, 3));
    let (answer, asked) = played(&[BUSY, BUSY, BUSY, ACCOUNT], |it| it, account).await;
    assert_eq!((code(answer), asked), (ErrorCode::CLUSTER_NOT_AVAILABLE, 3));
}

#[tokio::test]
async fn nothing_else_is_asked_again() {
    let delete = async |jetstream: Context| jetstream.delete_stream("S").await;
    let (answer, asked) = played(&[BUSY, ACCOUNT], |it| it, delete).await;
    assert_eq!(
        (code(answer), asked),
        (ErrorCode::CLUSTER_NOT_AVAILABLE, 1),
        "it changes something"
    );
    let info = async |jetstream: Context| jetstream.get_stream("S").await.map(drop);
    let (answer, asked) = played(&[LASTING, ACCOUNT], |it| it, info).await;
    assert_eq!((code(answer), asked), (ErrorCode::STREAM_NOT_FOUND, 1), "it does not pass");
    let never = |builder: ContextBuilder| builder.api_retry(RetryPolicy::NEVER);
    let (answer, asked) = played(&[BUSY, ACCOUNT], never, info).await;
    assert_eq!((code(answer), asked), (ErrorCode::CLUSTER_NOT_AVAILABLE, 1), "it is switched off");
}

#[tokio::test]
async fn all_attempts_together_have_an_end() {
    let patient = RetryPolicy { attempts: u32::MAX, ..QUICK };
    let impatient =
        |builder: ContextBuilder| builder.api_retry(patient).timeout(Duration::from_millis(100));
    let account = async |jetstream: Context| jetstream.query_account().await;
    let (answer, asked) = played(&[BUSY; 1000], impatient, account).await;
    assert_eq!(code(answer), ErrorCode::CLUSTER_NOT_AVAILABLE);
    assert!((3..1000).contains(&asked), "{asked}");
}

#[tokio::test]
async fn whether_absence_passes_is_a_matter_of_the_policy() {
    let Stage { server: _server, client, .. } = stage().await;
    let at_once = ContextBuilder::new().api_prefix("nowhere").build(client.clone());
    let error = within("an error", at_once.query_account()).await.unwrap_err();
    assert_eq!(error.kind(), AccountErrorKind::JetStreamUnavailable);

    let patient = RetryPolicy { on: RetryOn::Passing, attempts: u32::MAX, ..QUICK };
    let builder = ContextBuilder::new().api_prefix("late").api_retry(patient);
    let late = builder.build(client.clone());
    let answered = async {
        // The first attempts find nobody.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut api = client.subscription("late.>").confirmed().await.unwrap();
        let question = api.next().await.unwrap();
        client.publish(question.reply.unwrap(), ACCOUNT.into()).await.unwrap();
    };
    let (account, ()) =
        within("an answer", async { tokio::join!(late.query_account(), answered) }).await;
    assert_eq!(account.unwrap().streams, 3);
}

#[tokio::test]
async fn a_question_that_a_lost_connection_took_is_asked_on_the_next() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let jetstream = ContextBuilder::new().build(client.clone());
    proxy.stall(Direction::ToClient);
    let cut = async {
        client.flush().await.unwrap();
        proxy.cut();
        proxy.resume(Direction::ToClient);
    };
    let account =
        within("an answer", async { tokio::join!(jetstream.query_account(), cut).0 }).await;
    assert_eq!(account.unwrap().streams, 0);
}

/// Publishes on `s.a` twice, while there is a stream only for the second attempt at the first.
async fn stored_order(order: PublishOrder) -> Vec<String> {
    let Stage { server: _server, client, .. } = stage().await;
    let late = RetryPolicy { delay: Duration::from_millis(300), ..RetryPolicy::default() };
    let jetstream = ContextBuilder::new().publish_retry(late).build(client);
    let mut publisher = jetstream.publisher().order(order);
    publisher.publish("s.a", "first".into()).await.unwrap();
    let stream: Stream =
        within("a stream", jetstream.create_stream(config("S", &["s.*"]))).await.unwrap();
    within("a publish", publisher.publish("s.b", "other".into())).await.unwrap();
    within("a publish", publisher.publish("s.a", "second".into())).await.unwrap();
    assert_eq!(within("the end", publisher.finish()).await.unwrap(), 3);
    let mut stored = Vec::new();
    for sequence in 1..=3 {
        let message = stream.get_raw_message(sequence).await.unwrap();
        stored.push(String::from_utf8(message.payload.to_vec()).unwrap());
    }
    stored
}

#[tokio::test]
async fn messages_of_one_subject_keep_their_order_where_that_is_asked_for() {
    assert_eq!(stored_order(PublishOrder::Free).await, ["other", "second", "first"]);
    assert_eq!(stored_order(PublishOrder::BySubject).await, ["other", "first", "second"]);
}

#[tokio::test]
async fn every_message_is_counted_once() {
    let Stage { server: _server, client, .. } = stage().await;
    let jetstream = ContextBuilder::new().publish_retry(RetryPolicy::NEVER).build(client);
    within("a stream", jetstream.create_stream(config("S", &["s"]))).await.unwrap();
    let mut publisher = jetstream.publisher();
    for payload in ["a", "bb", "ccc"] {
        publisher.publish("s", payload.into()).await.unwrap();
    }
    publisher.publish("nowhere", "x".into()).await.unwrap();
    let counts = publisher.counts();
    assert_eq!(counts.published, Tally { messages: 4, bytes: 3 + 6 + 8 });
    let known = counts.acknowledged.messages + counts.failed.messages;
    assert_eq!(counts.waiting().messages, 4 - known);
    within("all acks", jetstream.wait_for_acks()).await;
    // The next call takes what is known in; what it publishes waits.
    publisher.publish("s", "dddd".into()).await.unwrap();
    let counts = publisher.counts();
    assert_eq!(counts.acknowledged, Tally { messages: 3, bytes: 9 });
    assert_eq!(counts.failed, Tally { messages: 1, bytes: 8 });
    assert_eq!(counts.waiting(), Tally { messages: 1, bytes: 5 });
    let failures = within("the end", publisher.finish()).await.unwrap_err();
    assert_eq!((failures.acknowledged, failures.failures.len()), (4, 1));
}
