//! Reading many stored messages at once, and from wherever the stream allows it.

use crate::jetstream_support::{Stage, config, put, stage};
use crate::support::{connect, connect_to, quick, within};
use core::time::Duration;
use futures_util::TryStreamExt;
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::jetstream::context::Publish;
use midge_tokio::jetstream::stream::{
    BatchMessages, BatchReadEnd, Config, DirectGetErrorKind, RawMessageErrorKind, Stream,
};
use midge_tokio::jetstream::{Context, ContextBuilder, RetryPolicy, TraceStep};
use std::sync::{Arc, Mutex};

async fn direct(jetstream: &Context) -> Stream {
    let config = Config { allow_direct: true, ..config("S", &["s.>"]) };
    within("a stream", jetstream.create_stream(config)).await.unwrap()
}

/// Publishes one message on each of so many subjects.
async fn fill(jetstream: &Context, count: usize) {
    let mut publisher = jetstream.publisher();
    for number in 0..count {
        publisher.publish(format!("s.{number}"), number.to_string().into()).await.unwrap();
    }
    within("acks", publisher.finish()).await.unwrap();
}

async fn sequences(messages: &mut BatchMessages) -> Vec<u64> {
    let sequences = messages.map_ok(|message| message.sequence);
    within("messages", sequences.try_collect()).await.unwrap()
}

#[tokio::test]
async fn many_messages_are_read_from_a_sequence_on() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = direct(&jetstream).await;
    fill(&jetstream, 20).await;
    let mut messages = stream.get_batch(5).sequence(7).send().await.unwrap();
    let first = within("a message", messages.next()).await.unwrap().unwrap();
    assert_eq!((first.sequence, &*first.subject, &*first.payload), (7, "s.6", &b"6"[..]));
    assert_eq!(messages.end(), None);
    assert_eq!(sequences(&mut messages).await, [8, 9, 10, 11]);
    assert_eq!(messages.end(), Some(&BatchReadEnd::Complete));

    let mut rest = stream.get_batch(50).sequence(18).send().await.unwrap();
    assert_eq!(sequences(&mut rest).await, [18, 19, 20]);
    assert_eq!(rest.end(), Some(&BatchReadEnd::NoMore));
    let mut nothing = stream.get_batch(50).sequence(99).send().await.unwrap();
    assert!(sequences(&mut nothing).await.is_empty());
    assert_eq!(nothing.end(), Some(&BatchReadEnd::NoMore));
}

#[tokio::test]
async fn many_messages_are_read_by_subject_time_and_bytes() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = direct(&jetstream).await;
    for subject in ["s.a", "s.b", "s.a", "s.b", "s.a"] {
        put(&jetstream, subject, "x").await;
    }
    let mut by_subject = stream.get_batch(9).subject("s.a").sequence(2).send().await.unwrap();
    assert_eq!(sequences(&mut by_subject).await, [3, 5]);
    let time = stream.get_raw_message(4).await.unwrap().time;
    let mut by_time = stream.get_batch(9).start_time(time).send().await.unwrap();
    assert_eq!(sequences(&mut by_time).await, [4, 5]);
    let mut by_bytes = stream.get_batch(9).max_bytes(1).send().await.unwrap();
    assert_eq!(sequences(&mut by_bytes).await, [1], "one comes in any case");
    assert_eq!(by_bytes.end(), Some(&BatchReadEnd::MaxBytes { pending: 4 }));
}

#[tokio::test]
async fn pages_follow_each_other_unseen() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = direct(&jetstream).await;
    fill(&jetstream, 10_000).await;
    let mut messages = stream.get_batch(9_000).sequence(500).send().await.unwrap();
    assert!(sequences(&mut messages).await.into_iter().eq(500..9_500));
    assert_eq!(messages.end(), Some(&BatchReadEnd::Complete));
}

#[tokio::test]
async fn last_messages_are_read_for_many_subjects_as_of_one_moment() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = direct(&jetstream).await;
    for subject in ["s.a", "s.b", "s.a", "s.c"] {
        put(&jetstream, subject, "x").await;
    }
    let mut last = stream.get_last_messages_for(["s.a", "s.c", "s.none"]).send().await.unwrap();
    assert_eq!(sequences(&mut last).await, [3, 4]);
    assert_eq!(last.end(), Some(&BatchReadEnd::NoMore));
    let mut one = stream.get_last_messages_for(["s.*"]).batch(1).send().await.unwrap();
    assert_eq!(sequences(&mut one).await, [2]);
    assert_eq!(one.end(), Some(&BatchReadEnd::Complete));
    let earlier = stream.get_last_messages_for(["s.*"]).up_to_sequence(2);
    assert_eq!(sequences(&mut earlier.send().await.unwrap()).await, [1, 2]);
    let time = stream.get_raw_message(3).await.unwrap().time;
    let at_time = stream.get_last_messages_for(["s.*"]).up_to_time(time);
    assert_eq!(sequences(&mut at_time.send().await.unwrap()).await, [1, 2]);
}

#[tokio::test]
async fn last_messages_of_more_subjects_than_a_server_gives_are_read_as_of_one_moment() {
    let Stage { server: _server, client, jetstream } = stage().await;
    let stream = direct(&jetstream).await;
    fill(&jetstream, 3000).await;
    let mut last = stream.get_last_messages_for(["s.>"]).send().await.unwrap();
    let first = within("a message", last.next()).await.unwrap().unwrap();
    // What comes now is not of that moment.
    for number in [0, 1500, 2999] {
        put(&jetstream, &format!("s.{number}"), "new").await;
    }
    put(&jetstream, "s.new", "new").await;
    let mut read = sequences(&mut last).await;
    read.push(first.sequence);
    read.sort_unstable();
    assert!(read.into_iter().eq(1..=3000));

    let names: Vec<_> = (0..3000).map(|number| format!("s.{number}")).collect();
    let mut named = stream.get_last_messages_for(names).send().await.unwrap();
    assert_eq!(sequences(&mut named).await.len(), 3000);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_gives_nothing_directly_ends_the_read_with_an_error() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = within("a stream", jetstream.create_stream(config("S", &["s"]))).await.unwrap();
    let mut messages = stream.get_batch(5).send().await.unwrap();
    let error = within("an error", messages.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), DirectGetErrorKind::Request);
    assert_eq!(error.subject().unwrap(), "$JS.API.DIRECT.GET.S");
    assert!(matches!(messages.end(), Some(BatchReadEnd::Failed(_))));
    assert!(within("the end", messages.next()).await.is_none());
}

#[tokio::test]
async fn a_lost_connection_leaves_no_gap_and_no_duplicate() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let jetstream = ContextBuilder::new().build(connect(&server).await);
    direct(&jetstream).await;
    fill(&jetstream, 8000).await;
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let stream = ContextBuilder::new().build(client).get_stream("S").await.unwrap();
    proxy.cut_after(Direction::ToClient, 100_000);
    let mut messages = stream.get_batch(8000).send().await.unwrap();
    assert!(sequences(&mut messages).await.into_iter().eq(1..=8000));
    assert_eq!(proxy.accepted(), 2, "it was cut");
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_without_end() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let jetstream = ContextBuilder::new().build(connect(&server).await);
    direct(&jetstream).await;
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    let stream = ContextBuilder::new().build(client).get_stream("S").await.unwrap();
    let mut empty = stream.get_batch(5).send().await.unwrap();
    assert!(sequences(&mut empty).await.is_empty());
    proxy.stall(Direction::ToClient);
    let builder = stream.get_batch(5).timeout(Duration::from_millis(30));
    let mut messages = builder.send().await.unwrap();
    let error = within("an error", messages.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), DirectGetErrorKind::TimedOut);
}

#[tokio::test]
async fn messages_are_read_directly_where_the_stream_allows_it_and_through_the_leader_elsewhere() {
    let Stage { server: _server, client, .. } = stage().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let jetstream = ContextBuilder::new()
        .publish_retry(RetryPolicy::NEVER)
        .trace(move |trace| {
            if let TraceStep::Request { .. } = trace.step {
                seen.lock().unwrap().push(trace.subject.to_string());
            }
        })
        .build(client);
    let stream = direct(&jetstream).await;
    put(&jetstream, "s.a", "x").await;
    put(&jetstream, "s.b", "y").await;
    let take = || core::mem::take(&mut *asked.lock().unwrap());
    take();
    assert_eq!(stream.get_message(1).await.unwrap().subject, "s.a");
    assert_eq!(stream.get_last_message_for_subject("s.b").await.unwrap().sequence, 2);
    assert_eq!(stream.get_next_message_for_subject("s.*", Some(2)).await.unwrap().sequence, 2);
    let missing = stream.get_message(9).await.unwrap_err();
    assert_eq!(missing.kind(), RawMessageErrorKind::NoMessageFound);
    let subjects = take();
    assert!(subjects.iter().all(|it| it.starts_with("$JS.API.DIRECT.GET.S")), "{subjects:?}");

    // Switched off since: the leader answers all the same.
    let off = Config { allow_direct: false, ..config("S", &["s.>"]) };
    jetstream.update_stream(off).await.unwrap();
    assert_eq!(stream.get_message(1).await.unwrap().subject, "s.a");
    let newer = jetstream.get_stream("S").await.unwrap();
    take();
    assert_eq!(newer.get_message(1).await.unwrap().subject, "s.a");
    let missing = newer.get_last_message_for_subject("s.c").await.unwrap_err();
    assert_eq!(missing.kind(), RawMessageErrorKind::NoMessageFound);
    assert_eq!(take(), ["$JS.API.STREAM.MSG.GET.S", "$JS.API.STREAM.MSG.GET.S"]);
    // For those who publish it is the same stream.
    let ack = jetstream.send_publish("s.a", Publish::build()).await.unwrap();
    within("an ack", ack).await.unwrap();
}
