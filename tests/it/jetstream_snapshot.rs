//! Backups of streams: out, and back.

use crate::jetstream_support::{Stage, code, config, stage};
use crate::support::{blocking, connect, connect_to, pattern, quick, within};
use bytes::Bytes;
use core::time::Duration;
use futures_util::{StreamExt, TryStreamExt};
use midge_test_server::{Direction, FaultProxy, NatsServer};
use midge_tokio::jetstream::backup::{Snapshot, SnapshotError, SnapshotFailure, StreamSnapshot};
use midge_tokio::jetstream::stream::{Config, StorageType, Stream};
use midge_tokio::jetstream::{self, Context, ErrorCode, Fault, consumer};
use midge_tokio::{HeaderMap, RequestError};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use std::io::{Read, Write};

const MESSAGES: u64 = 10_000;

fn on_disk(name: &str) -> Config {
    let subject = format!("{}.>", name.to_lowercase());
    Config { storage: StorageType::File, allow_direct: true, ..config(name, &[&subject]) }
}

fn payload(number: u64) -> Bytes {
    let mut payload = number.to_be_bytes().to_vec();
    payload.extend_from_slice(&pattern(200 + number as usize % 300));
    payload.into()
}

/// A stream with so many messages, some deleted, and a consumer that has acknowledged some.
async fn filled(jetstream: &Context, name: &str, messages: u64) -> Stream {
    let stream = within("stream", jetstream.create_stream(on_disk(name))).await.unwrap();
    let mut publisher = jetstream.publisher();
    for number in 1..=messages {
        let subject = format!("{}.{}", name.to_lowercase(), number % 10);
        let mut headers = HeaderMap::new();
        headers.insert("number", number);
        publisher.publish_with_headers(subject, headers, payload(number)).await.unwrap();
    }
    assert_eq!(within("acks", publisher.finish()).await.unwrap(), messages);
    assert!(stream.delete_message(messages / 2).await.unwrap());
    let config = consumer::push::Config {
        deliver_subject: format!("deliver.{name}"),
        durable_name: Some("C".into()),
        max_ack_pending: 5,
        ..Default::default()
    };
    let client = jetstream.client();
    let mut deliveries = client.subscription(format!("deliver.{name}")).confirmed().await.unwrap();
    stream.create_consumer(config).await.unwrap();
    for _ in 0..3 {
        let delivered = within("delivery", deliveries.next()).await.unwrap();
        let message = jetstream::Message::new(delivered, jetstream.clone());
        within("ack", message.double_ack()).await.unwrap();
    }
    stream
}

/// Every message, as it is stored.
async fn contents<T>(stream: &Stream<T>, messages: u64) -> Vec<Option<(String, Bytes, String)>> {
    futures_util::stream::iter(1..=messages)
        .map(|sequence| async move {
            let message = stream.direct_get(sequence).await.ok()?;
            let number = message.headers.get("number").unwrap().as_str().to_owned();
            Some((message.subject.to_string(), message.payload, number))
        })
        .buffered(100)
        .collect()
        .await
}

async fn all(mut backup: StreamSnapshot) -> (Snapshot, Vec<u8>) {
    let mut bytes = Vec::new();
    while let Some(chunk) = within("chunk", backup.next_chunk()).await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    assert!(backup.is_complete());
    assert_eq!(backup.received_bytes(), bytes.len() as u64);
    (backup.snapshot().clone(), bytes)
}

#[tokio::test]
async fn a_stream_comes_back_as_it_was_with_its_consumers() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let original = filled(&jetstream, "ORDERS", MESSAGES).await;
    let before = original.get_info().await.unwrap();
    let consumer_before = original.consumer_info("C").await.unwrap();
    let messages = contents(&original, MESSAGES).await;
    assert_eq!(messages.iter().filter(|message| message.is_none()).count(), 1);

    // Small chunks and a small window, so that flow control has to work.
    let backup = original.snapshot().chunk_size(4096).window_size(64 * 1024).open();
    let backup = within("backup", backup).await.unwrap();
    assert_eq!(backup.snapshot().state().unwrap().messages, MESSAGES - 1);
    let (snapshot, bytes) = all(backup).await;
    assert!(bytes.len() > 64 * 1024, "{} bytes are more than a window", bytes.len());
    jetstream.delete_stream("ORDERS").await.unwrap();

    let snapshot = Snapshot::from_json(&snapshot.to_json()).unwrap();
    let mut restore = within("restore", jetstream.restore_stream(snapshot).open()).await.unwrap();
    for piece in bytes.chunks(100_001) {
        within("piece", restore.send(Bytes::copy_from_slice(piece))).await.unwrap();
    }
    let mut restored = within("stream", restore.finish()).await.unwrap();
    let after = restored.info().await.unwrap();
    assert_eq!(after.state.messages, before.state.messages);
    assert_eq!(after.state.bytes, before.state.bytes);
    assert_eq!(after.state.last_sequence, MESSAGES);
    assert_eq!(after.state.last_timestamp, before.state.last_timestamp);
    assert_eq!(after.config.subjects, before.config.subjects);
    assert!(contents(&restored, MESSAGES).await == messages, "every message is what it was");

    let consumer = restored.consumer_info("C").await.unwrap();
    assert_eq!(consumer.ack_floor.stream_sequence, consumer_before.ack_floor.stream_sequence);
    assert_eq!(consumer.config.max_ack_pending, 5);
}

#[tokio::test]
async fn a_backup_is_read_and_written_as_bytes_too_and_may_get_another_name() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let original = filled(&jetstream, "A", 500).await;
    let mut backup = original.snapshot().without_consumers().open().await.unwrap();
    let mut bytes = Vec::new();
    within("bytes", backup.read_to_end(&mut bytes)).await.unwrap();
    let stream: Vec<Bytes> =
        original.snapshot().chunk_size(1024).open().await.unwrap().try_collect().await.unwrap();
    assert!(stream.len() > 1 && stream.iter().all(|chunk| chunk.len() <= 1024));
    jetstream.delete_stream("A").await.unwrap();

    let mut restore =
        jetstream.restore_stream(backup.snapshot().clone()).name("B").open().await.unwrap();
    within("bytes", restore.write_all(&bytes)).await.unwrap();
    within("flush", restore.flush()).await.unwrap();
    let restored = within("stream", restore.finish()).await.unwrap();
    assert_eq!(restored.name().as_str(), "B");
    assert_eq!(restored.cached_info().state.messages, 499);
    let names: Vec<String> = restored.consumer_names().try_collect().await.unwrap();
    assert!(names.is_empty(), "consumers were left out: {names:?}");
}

#[tokio::test]
async fn a_backup_that_is_not_whole_is_refused_and_leaves_no_stream() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let original = filled(&jetstream, "A", 1000).await;
    let (snapshot, bytes) = all(original.snapshot().open().await.unwrap()).await;

    let taken = jetstream.restore_stream(snapshot.clone()).open().await;
    assert_eq!(code(taken), ErrorCode::STREAM_NAME_EXIST_RESTORE_FAILED);
    let none = jetstream.restore_stream(snapshot.clone()).name("a.b").open().await.unwrap_err();
    assert!(matches!(none.fault(), Fault::Config(_)), "{none:?}");
    jetstream.delete_stream("A").await.unwrap();

    let mut garbled = bytes.clone();
    garbled[bytes.len() / 2] ^= 0xFF;
    for (what, bytes) in [
        ("nothing", &bytes[..0]),
        ("the first half", &bytes[..bytes.len() / 2]),
        ("all but the last byte", &bytes[..bytes.len() - 1]),
        ("a changed byte", &garbled[..]),
    ] {
        let restore = jetstream.restore_stream(snapshot.clone()).chunk_size(1000);
        let mut restore = restore.open().await.unwrap();
        let sent = within(what, restore.send(Bytes::copy_from_slice(bytes))).await;
        let finished = match sent {
            Ok(()) => within(what, restore.finish()).await,
            Err(error) => Err(error),
        };
        let error = finished.expect_err(what);
        assert_eq!(error.error_code(), Some(ErrorCode::STREAM_RESTORE), "{what}: {error}");
        assert_eq!(code(jetstream.get_stream("A").await), ErrorCode::STREAM_NOT_FOUND, "{what}");
    }
    assert!(Snapshot::from_json(b"{\"config\":").is_err());
}

#[tokio::test]
async fn a_stream_that_is_not_there_has_no_backup() {
    let Stage { server: _server, jetstream, .. } = stage().await;
    let stream = jetstream.get_stream_no_info("NONE").await.unwrap();
    let error = within("backup", stream.snapshot().open()).await.unwrap_err();
    let SnapshotError::Call(error) = error else { panic!("{error:?}") };
    assert_eq!(error.error_code(), Some(ErrorCode::STREAM_NOT_FOUND));
}

/// A connection through a proxy that can hold up what the server sends.
async fn behind_a_proxy(server: &NatsServer) -> (FaultProxy, Context) {
    let proxy = FaultProxy::start(server.address()).unwrap();
    let client = connect_to(quick(), &proxy.url()).await;
    (proxy, jetstream::new(client))
}

#[tokio::test]
async fn a_server_that_falls_silent_ends_a_backup_and_a_restore_with_an_error() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let direct = jetstream::new(connect(&server).await);
    filled(&direct, "A", 1000).await;
    let (proxy, jetstream) = behind_a_proxy(&server).await;
    let original = jetstream.get_stream("A").await.unwrap();
    let patience = Duration::from_millis(200);

    let small = || original.snapshot().chunk_size(1024).window_size(1024).patience(patience);
    let mut backup = within("backup", small().open()).await.unwrap();
    assert!(within("chunk", backup.next_chunk()).await.unwrap().is_some());
    proxy.stall(Direction::ToClient);
    let error = within("error", async {
        loop {
            if let Err(error) = backup.next_chunk().await {
                break error;
            }
        }
    })
    .await;
    assert_eq!(error, SnapshotError::Failed(SnapshotFailure::Silent(patience)));
    assert_eq!(backup.next_chunk().await, Err(error), "it stays so");
    assert!(!backup.is_complete() && backup.next().await.is_none());
    proxy.resume(Direction::ToClient);

    let (snapshot, bytes) = all(original.snapshot().open().await.unwrap()).await;
    direct.delete_stream("A").await.unwrap();
    let restore = jetstream.restore_stream(snapshot).chunk_size(1024).timeout(patience);
    let mut restore = within("restore", restore.open()).await.unwrap();
    proxy.stall(Direction::ToClient);
    let bytes = Bytes::from(bytes);
    let error = within("error", async {
        match restore.send(bytes).await {
            Ok(()) => restore.finish().await.unwrap_err(),
            Err(error) => error,
        }
    })
    .await;
    assert_eq!(error.fault(), &Fault::Request(RequestError::TimedOut(patience)));
}

#[tokio::test]
async fn a_lost_connection_never_makes_a_backup_that_lacks_something() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let direct = jetstream::new(connect(&server).await);
    filled(&direct, "A", 1000).await;
    let (proxy, jetstream) = behind_a_proxy(&server).await;
    let original = jetstream.get_stream("A").await.unwrap();
    let patience = Duration::from_millis(300);
    let backup = original.snapshot().chunk_size(1024).window_size(1024).patience(patience);
    let mut backup = within("backup", backup.open()).await.unwrap();
    assert!(within("chunk", backup.next_chunk()).await.unwrap().is_some());
    proxy.cut();
    let error = within("error", async {
        loop {
            match backup.next_chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it cannot be complete"),
                Err(error) => break error,
            }
        }
    })
    .await;
    assert!(
        matches!(
            error,
            SnapshotError::Failed(SnapshotFailure::Silent(_) | SnapshotFailure::Interrupted)
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_lost_connection_ends_a_restore_at_once() {
    let server = NatsServer::builder().jetstream().start().unwrap();
    let direct = jetstream::new(connect(&server).await);
    let original = filled(&direct, "A", 1000).await;
    let (snapshot, bytes) = all(original.snapshot().open().await.unwrap()).await;
    direct.delete_stream("A").await.unwrap();
    let (proxy, jetstream) = behind_a_proxy(&server).await;
    let restore = jetstream.restore_stream(snapshot).chunk_size(1024);
    let mut restore = within("restore", restore.open()).await.unwrap();
    proxy.stall(Direction::ToClient);
    let sent = restore.send(Bytes::from(bytes).slice(..4096)).await;
    proxy.cut();
    // A chunk may take thirty seconds, the end ten minutes; this takes none of them.
    let error = within("error", async {
        match sent {
            Ok(()) => restore.finish().await.unwrap_err(),
            Err(error) => error,
        }
    })
    .await;
    assert_eq!(error.fault(), &Fault::Request(RequestError::Disconnected));
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_told_that_the_server_gave_up() {
    let Stage { server: _server, jetstream, client, .. } = stage().await;
    let original = filled(&jetstream, "A", 1000).await;
    let given_up = "$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_COMPLETE.A";
    let mut given_up = client.subscription(given_up).confirmed().await.unwrap();
    let mut backup = original.snapshot().chunk_size(1024).window_size(1024).open().await.unwrap();
    // The server waits for five seconds.
    within("the end of its patience", given_up.next()).await.unwrap();
    let error = within("error", async {
        loop {
            if let Err(error) = backup.next_chunk().await {
                break error;
            }
        }
    })
    .await;
    assert_eq!(error, SnapshotError::Failed(SnapshotFailure::NoFlowResponse));
}

#[tokio::test]
async fn a_chunk_that_is_left_out_is_an_error() {
    let Stage { server: _server, client, .. } = stage().await;
    let mut asked = client.subscription("fake.STREAM.SNAPSHOT.A").confirmed().await.unwrap();
    let fake = jetstream::with_prefix(client.clone(), "fake");
    let original = fake.get_stream_no_info("A").await.unwrap();
    let answering = tokio::spawn(async move {
        let request = asked.next().await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&request.payload).unwrap();
        let to = body["deliver_subject"].as_str().unwrap().to_owned();
        // The first chunk comes before the answer.
        client.publish_with_reply(to.clone(), "acks.1024.1", "first".into()).await.unwrap();
        client.publish(request.reply.unwrap(), r#"{"config":{},"state":{}}"#.into()).await.unwrap();
        client.publish_with_reply(to, "acks.1024.3", "third".into()).await.unwrap();
    });
    let mut backup = within("backup", original.snapshot().open()).await.unwrap();
    assert_eq!(within("chunk", backup.next_chunk()).await.unwrap().unwrap(), "first");
    let gap = within("chunk", backup.next_chunk()).await;
    let failure = SnapshotFailure::Gap { expected: 2, found: 3 };
    assert_eq!(gap, Err(SnapshotError::Failed(failure)));
    answering.await.unwrap();
}

#[tokio::test]
async fn a_backup_is_made_and_restored_by_calls_that_block() {
    let Stage { server, jetstream, .. } = stage().await;
    filled(&jetstream, "A", 1000).await;
    let url = server.url();
    blocking("backup", move || {
        let client = midge_blocking::connect(url).unwrap();
        let jetstream = midge_blocking::jetstream::new(&client);
        let stream = jetstream.get_stream("A").unwrap();
        let mut backup = stream.snapshot().open().unwrap();
        let mut bytes = Vec::new();
        backup.read_to_end(&mut bytes).unwrap();
        jetstream.delete_stream("A").unwrap();
        let mut restore = jetstream.restore_stream(backup.snapshot().clone()).open().unwrap();
        restore.write_all(&bytes).unwrap();
        restore.flush().unwrap();
        assert_eq!(restore.finish().unwrap().cached_info().state.messages, 999);
        assert_eq!(jetstream.get_stream("A").unwrap().get_raw_message(7).unwrap().sequence, 7);
    })
    .await;
}
