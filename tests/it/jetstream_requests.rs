//! Each call of the JetStream API, sent to a real server and decoded.

use crate::support::{DEADLINE, connect, next, within};
use bytes::Bytes;
use core::time::Duration;
use midge_proto::jetstream::message::{Info as MessageInfo, PublishMessage};
use midge_proto::jetstream::stream::{
    BatchGetRequest, BatchPart, DirectGetRequest, RawMessageRequest,
};
use midge_proto::jetstream::{
    AckKind, ApiError, ApiLevel, ApiPrefix, ApiRequest, CustomRequest, ErrorCode, PublishAck,
    Status, StreamName, Timestamp, account, consumer, stream,
};
use midge_test_server::{Cluster, NatsServer};
use midge_tokio::{Client, Message, OutboundMessage, Request, RequestError};
use std::time::SystemTime;

pub(crate) fn server() -> NatsServer {
    NatsServer::builder().jetstream().start().unwrap()
}

pub(crate) fn name(stream: &str) -> StreamName {
    StreamName::new(stream).unwrap()
}

pub(crate) fn id(stream: &str, consumer: &str) -> consumer::Id {
    consumer::Id::parse(stream, consumer).unwrap()
}

pub(crate) fn config(name: &str, subjects: &[&str]) -> stream::Config {
    stream::Config {
        subjects: subjects.iter().map(ToString::to_string).collect(),
        storage: stream::StorageType::Memory,
        ..stream::Config::from(name)
    }
}

/// Sends a request as it is and gives its answer.
async fn send<R: ApiRequest>(client: &Client, request: &R) -> Result<Message, RequestError> {
    let mut body = Vec::new();
    request.encode(&mut body);
    let mut message = Request::new().payload(body.into());
    if let Some(headers) = request.headers() {
        message = message.headers(headers);
    }
    within("an answer", client.send_request(request.subject(&ApiPrefix::default()), message)).await
}

pub(crate) async fn call<R: ApiRequest>(
    client: &Client,
    request: R,
) -> Result<R::Response, ApiError> {
    match send(client, &request).await {
        Ok(answer) => request.decode(&answer),
        Err(RequestError::NoResponders) => Err(ApiError::NoResponders),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
pub(crate) fn code<T: core::fmt::Debug>(result: Result<T, ApiError>) -> ErrorCode {
    match result {
        Err(ApiError::JetStream(error)) => error.error_code(),
        other => panic!("an error of JetStream expected: {other:?}"),
    }
}

pub(crate) async fn create(client: &Client, config: stream::Config) -> stream::Info {
    call(client, stream::CreateRequest::new(config).unwrap()).await.unwrap()
}

pub(crate) async fn publish(
    client: &Client,
    message: OutboundMessage,
) -> Result<PublishAck, ApiError> {
    let mut request = Request::new().payload(message.payload);
    if let Some(headers) = message.headers {
        request = request.headers(headers);
    }
    match within("an ack", client.send_request(message.subject, request)).await {
        Ok(answer) => PublishAck::decode(&answer),
        Err(RequestError::NoResponders) => Err(ApiError::NoResponders),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn put(client: &Client, subject: &str, payload: &'static str) -> PublishAck {
    let message = PublishMessage::build().payload(payload.into());
    publish(client, message.try_outbound_message(subject.to_string()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn an_account_tells_what_it_may_use_and_uses() {
    let server = server();
    let client = connect(&server).await;
    let before = call(&client, account::InfoRequest).await.unwrap();
    assert_eq!(before.api_level(), ApiLevel::V2_15);
    assert_eq!(ApiLevel::from(&client.server_info()), ApiLevel::V2_15);
    assert_eq!((before.streams, before.limits.max_streams), (0, None));
    create(&client, config("S", &["s"])).await;
    let after = call(&client, account::InfoRequest).await.unwrap();
    assert_eq!(after.streams, 1);
    assert!(after.requests.total > before.requests.total);
    let custom = CustomRequest::<serde_json::Value>::new("INFO", "").unwrap();
    assert_eq!(call(&client, custom).await.unwrap()["streams"], 1);
}

#[tokio::test]
async fn a_stream_is_created_changed_looked_at_and_deleted() {
    let server = server();
    let client = connect(&server).await;
    let rich = stream::Config {
        description: Some("for a test".into()),
        max_messages: 100,
        max_age: Duration::from_secs(3600),
        num_replicas: 1,
        metadata: [("team".to_string(), "blue".to_string())].into(),
        subject_transform: Some(stream::SubjectTransform::new("in.>", "stored.>")),
        republish: Some(stream::Republish { destination: "again.>".into(), ..Default::default() }),
        consumer_limits: Some(stream::ConsumerLimits { max_ack_pending: 7, ..Default::default() }),
        allow_direct: true,
        allow_message_ttl: true,
        allow_atomic_publish: true,
        allow_batch_publish: true,
        allow_message_schedules: true,
        allow_rollup: true,
        subject_delete_marker_ttl: Some(Duration::from_secs(2)),
        ..config("S", &["in.>", "stored.>"])
    };
    let info = create(&client, rich.clone()).await;
    assert_eq!(info.config.metadata["team"], "blue");
    assert!(info.config.unknown.is_empty(), "{:?}", info.config.unknown);
    assert_eq!(info.config.max_age, rich.max_age);
    assert_eq!(info.config.subject_transform, rich.subject_transform);
    let created = info.created.unwrap();
    let now = Timestamp::try_from(SystemTime::now()).unwrap();
    assert!(now.saturating_since(created) < Duration::from_secs(60), "{created} {now}");
    assert_eq!(info.state.first_timestamp, None);

    // The same again is fine, another one is not.
    create(&client, rich.clone()).await;
    let other = stream::Config { max_messages: 5, ..rich.clone() };
    let refused = call(&client, stream::CreateRequest::new(&other).unwrap()).await;
    assert_eq!(code(refused), ErrorCode::STREAM_NAME_EXIST);

    // What the server says can be sent back.
    let mut changed = info.config;
    changed.max_messages = 50;
    let info = call(&client, stream::UpdateRequest::new(changed).unwrap()).await.unwrap();
    assert_eq!(info.config.max_messages, 50);
    let nobody = stream::UpdateRequest::new("NOBODY").unwrap();
    assert_eq!(code(call(&client, nobody).await), ErrorCode::STREAM_NOT_FOUND);
    let pedantic = stream::Config {
        max_age: Duration::from_secs(1),
        duplicate_window: Duration::from_secs(5),
        ..config("P", &["p"])
    };
    let refused = call(&client, stream::CreateRequest::new(pedantic).unwrap().pedantic()).await;
    assert!(refused.is_err());

    put(&client, "in.a", "1").await;
    put(&client, "in.b", "2").await;
    put(&client, "in.b", "3").await;
    let deleted = stream::DeleteMessageRequest::new(name("S"), 2);
    assert!(call(&client, deleted.clone()).await.unwrap().success);
    assert_eq!(code(call(&client, deleted).await), ErrorCode::SEQUENCE_NOT_FOUND);
    let request = stream::InfoRequest::new(name("S")).with_deleted(true).subjects("stored.>");
    let page = call(&client, request.clone()).await.unwrap();
    assert_eq!((page.paging.total, page.next_offset()), (2, None));
    assert!(request.next(&page).is_none());
    let state = page.info.state;
    assert_eq!((state.messages, state.last_sequence, state.subjects_count), (2, 3, 2));
    assert_eq!(state.subjects["stored.b"], 1);
    assert_eq!((state.deleted_count, state.deleted), (Some(1), Some(vec![2])));
    assert!(state.last_timestamp >= state.first_timestamp && page.info.time_stamp.is_some());

    assert!(call(&client, stream::DeleteRequest::new(name("S"))).await.unwrap().success);
    let gone = call(&client, stream::InfoRequest::new(name("S"))).await;
    assert!(gone.as_ref().unwrap_err().is_not_found());
    assert_eq!(code(gone), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn what_servers_would_refuse_in_a_config_is_what_they_refuse() {
    let server = server();
    let client = connect(&server).await;
    create(&client, config("S", &["a.>"])).await;
    for (config, expected) in [
        (config("T", &["a.b"]), ErrorCode::STREAM_SUBJECT_OVERLAP),
        (
            stream::Config { num_replicas: 3, ..config("T", &["t"]) },
            ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED,
        ),
        (
            stream::Config { mirror: Some(stream::Source::new("S")), ..config("T", &["t"]) },
            ErrorCode::MIRROR_WITH_SUBJECTS,
        ),
    ] {
        let refused = call(&client, stream::CreateRequest::new(&config).unwrap()).await;
        assert_eq!(code(refused), expected, "{config:?}");
    }
    let unknown =
        CustomRequest::<serde_json::Value>::new("STREAM.CREATE.T", r#"{"name":"T","x":1}"#);
    assert_eq!(code(call(&client, unknown.unwrap()).await), ErrorCode::INVALID_JSON);
}

#[tokio::test]
async fn an_empty_stream_has_no_deleted_messages() {
    let server = server();
    let client = connect(&server).await;
    create(&client, config("S", &["s"])).await;
    let request = stream::InfoRequest::new(name("S")).with_deleted(true);
    let state = call(&client, request).await.unwrap().info.state;
    assert!(state.deleted.unwrap_or_default().is_empty());
    assert_eq!(state.deleted_count.unwrap_or_default(), 0);
}

#[tokio::test]
async fn streams_are_listed_by_name_and_with_their_infos() {
    let server = server();
    let client = connect(&server).await;
    for at in 0..3 {
        create(&client, config(&format!("S{at}"), &[&format!("s{at}.>")])).await;
    }
    let names = call(&client, stream::NamesRequest::new()).await.unwrap();
    assert_eq!(names.items, ["S0", "S1", "S2"]);
    assert_eq!((names.paging.total, names.paging.limit, names.next_offset()), (3, 1024, None));
    let tail = call(&client, stream::NamesRequest::new().offset(2)).await.unwrap();
    assert_eq!(tail.items, ["S2"]);
    let found = call(&client, stream::NamesRequest::new().subject_filter("s1.x")).await.unwrap();
    assert_eq!(found.items, ["S1"]);
    let list = call(&client, stream::ListRequest::new().subject_filter("s2.>")).await.unwrap();
    assert_eq!(list.items.len(), 1);
    assert_eq!((&*list.items[0].config.name, list.paging.limit), ("S2", 256));
    assert!(list.missing.is_empty() && list.offline.is_empty());
    let none = call(&client, stream::ListRequest::new().subject_filter("none")).await.unwrap();
    assert!(none.items.is_empty() && none.next_offset().is_none());
}

#[tokio::test]
async fn a_stream_is_purged_by_subject_sequence_or_number() {
    let server = server();
    let client = connect(&server).await;
    create(&client, config("S", &["a", "b"])).await;
    for _ in 0..5 {
        put(&client, "a", "x").await;
        put(&client, "b", "x").await;
    }
    let purge = || stream::PurgeRequest::new(name("S"));
    let by_subject = call(&client, purge().filter("a").keep(1)).await.unwrap();
    assert_eq!((by_subject.success, by_subject.purged), (true, 4));
    assert_eq!(call(&client, purge().sequence(5)).await.unwrap().purged, 2);
    assert_eq!(call(&client, purge().keep(2)).await.unwrap().purged, 2);
    assert_eq!(call(&client, purge()).await.unwrap().purged, 2);
    let denied = stream::Config { deny_purge: true, ..config("D", &["d"]) };
    create(&client, denied).await;
    let refused = call(&client, stream::PurgeRequest::new(name("D"))).await;
    assert_eq!(code(refused), ErrorCode::STREAM_PURGE_FAILED);
}

#[tokio::test]
async fn stored_messages_are_read_through_the_leader_and_directly() {
    let server = server();
    let client = connect(&server).await;
    create(&client, stream::Config { allow_direct: true, ..config("S", &["a.>"]) }).await;
    let message = PublishMessage::build().header("Colour", "red").payload("one".into());
    publish(&client, message.outbound_message("a.1")).await.unwrap();
    let second = put(&client, "a.2", "").await;
    assert_eq!((&*second.stream, second.sequence, second.duplicate), ("S", 2, false));

    let stored = call(&client, RawMessageRequest::sequence(name("S"), 1)).await.unwrap();
    assert_eq!((&*stored.subject, stored.sequence, &stored.payload[..]), ("a.1", 1, &b"one"[..]));
    assert_eq!(stored.headers.get("Colour").unwrap().as_str(), "red");
    let bare = RawMessageRequest::sequence(name("S"), 1).without_headers();
    assert!(call(&client, bare).await.unwrap().headers.is_empty());
    let last = call(&client, RawMessageRequest::last_by_subject(name("S"), "a.*")).await.unwrap();
    assert!(last.sequence == 2 && last.payload.is_empty());
    let next = RawMessageRequest::next_by_subject(name("S"), "a.*", Some(2));
    assert_eq!(call(&client, next).await.unwrap().sequence, 2);
    let by_time = RawMessageRequest::start_time(name("S"), stored.time);
    assert_eq!(call(&client, by_time).await.unwrap().sequence, 1);
    let missing = call(&client, RawMessageRequest::sequence(name("S"), 9)).await;
    assert_eq!(code(missing), ErrorCode::NO_MESSAGE_FOUND);

    let direct = call(&client, DirectGetRequest::sequence(name("S"), 1)).await.unwrap();
    assert_eq!(
        (&direct.subject, direct.time, &direct.payload),
        (&stored.subject, stored.time, &stored.payload)
    );
    assert_eq!(direct.headers.get("Colour").unwrap().as_str(), "red");
    let last = call(&client, DirectGetRequest::last_by_subject(name("S"), "a.2")).await.unwrap();
    assert!(last.sequence == 2 && last.payload.is_empty());
    let next = DirectGetRequest::next_by_subject(name("S"), "a.>", Some(2));
    assert_eq!(call(&client, next).await.unwrap().sequence, 2);
    let by_time = DirectGetRequest::start_time(name("S"), stored.time);
    assert_eq!(call(&client, by_time).await.unwrap().sequence, 1);
    let value = DirectGetRequest::sequence(name("S"), 2).without_headers();
    assert!(call(&client, value).await.unwrap().data.is_empty());
    for missing in [
        DirectGetRequest::sequence(name("S"), 9),
        DirectGetRequest::last_by_subject(name("S"), "a.none"),
    ] {
        let missing = call(&client, missing).await.unwrap_err();
        assert!(missing.is_not_found(), "{missing:?}");
    }
    create(&client, config("CLOSED", &["c"])).await;
    let closed = call(&client, DirectGetRequest::sequence(name("CLOSED"), 1)).await;
    assert_eq!(closed.unwrap_err(), ApiError::NoResponders);
}

/// All answers to a batch, up to and with its end.
async fn batch(client: &Client, request: &BatchGetRequest) -> (Vec<u64>, Option<BatchGetRequest>) {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.unwrap();
    let mut body = Vec::new();
    request.encode(&mut body);
    let subject = request.subject(&ApiPrefix::default());
    client.publish_with_reply(subject, inbox, body.into()).await.unwrap();
    let mut sequences = Vec::new();
    loop {
        match request.decode(&next(&mut answers).await).unwrap() {
            BatchPart::Message { message, .. } => sequences.push(message.sequence),
            BatchPart::End(end) => return (sequences, request.next(&end)),
        }
    }
}

#[tokio::test]
async fn many_messages_are_read_at_once_and_page_by_page() {
    let server = server();
    let client = connect(&server).await;
    create(&client, stream::Config { allow_direct: true, ..config("S", &["a.>"]) }).await;
    for round in 0..3 {
        for subject in ["a.1", "a.2", "a.3"] {
            assert_eq!(put(&client, subject, "x").await.stream, "S", "{round}");
        }
    }
    let (sequences, rest) = batch(&client, &BatchGetRequest::from_sequence(name("S"), 4, 2)).await;
    assert_eq!(sequences, [2, 3, 4, 5]);
    let (sequences, rest) = batch(&client, &rest.unwrap()).await;
    assert_eq!(sequences, [6, 7, 8, 9]);
    assert!(rest.is_none());
    let filtered = BatchGetRequest::from_sequence(name("S"), 10, 1).subject_filter("a.2");
    assert_eq!(batch(&client, &filtered).await.0, [2, 5, 8]);
    let start = call(&client, RawMessageRequest::sequence(name("S"), 8)).await.unwrap().time;
    assert_eq!(batch(&client, &BatchGetRequest::from_time(name("S"), 9, start)).await.0, [8, 9]);

    let last = BatchGetRequest::last_by_subjects(name("S"), ["a.>"]);
    assert_eq!(batch(&client, &last).await.0, [7, 8, 9]);
    assert_eq!(batch(&client, &last.clone().up_to_sequence(5)).await.0, [3, 4, 5]);
    // The second page is of the stream as it was when the first was read.
    let (sequences, rest) = batch(&client, &last.batch(2)).await;
    assert_eq!(sequences, [7, 8]);
    put(&client, "a.3", "new").await;
    let (sequences, rest) = batch(&client, &rest.unwrap()).await;
    assert_eq!((sequences, rest.is_none()), (vec![9], true));
}

#[tokio::test]
async fn a_consumer_is_created_changed_listed_paused_reset_and_deleted() {
    let server = server();
    let client = connect(&server).await;
    create(&client, config("S", &["a.>"])).await;
    for _ in 0..5 {
        put(&client, "a.b", "x").await;
    }
    let create =
        |config: consumer::Config| consumer::CreateRequest::new(name("S"), config).unwrap();
    let durable = consumer::Config {
        filter_subject: "a.>".into(),
        ack_wait: Duration::from_secs(5),
        max_deliver: 4,
        backoff: vec![Duration::from_millis(100), Duration::from_secs(1)],
        sample_frequency: 50,
        metadata: [("k".to_string(), "v".to_string())].into(),
        max_batch: 10,
        ..consumer::Config::from("C")
    };
    let info = call(&client, create(durable.clone())).await.unwrap();
    assert_eq!((&*info.name, info.num_pending), ("C", 5));
    assert_eq!(info.config.ack_policy, consumer::AckPolicy::Explicit);
    assert_eq!((&info.config.backoff, info.config.sample_frequency), (&durable.backoff, 50));
    assert!(info.config.unknown.is_empty(), "{:?}", info.config.unknown);
    assert!(info.created.is_some());

    let strict = create(consumer::Config { max_deliver: 5, ..durable.clone() })
        .action(consumer::Action::Create);
    assert_eq!(code(call(&client, strict).await), ErrorCode::CONSUMER_ALREADY_EXISTS);
    let missing = create(consumer::Config::from("D")).action(consumer::Action::Update);
    assert_eq!(code(call(&client, missing).await), ErrorCode::CONSUMER_DOES_NOT_EXIST);
    let changed = consumer::Config { max_deliver: 7, ..info.config };
    let info = call(&client, create(changed).action(consumer::Action::Update)).await.unwrap();
    assert_eq!(info.config.max_deliver, 7);

    let filters = consumer::Config {
        name: Some("E".into()),
        filter_subjects: vec!["a.b".into(), "a.c".into()],
        deliver_policy: consumer::DeliverPolicy::ByStartSequence { start_sequence: 4 },
        ..consumer::Config::default()
    };
    let info = call(&client, create(filters)).await.unwrap();
    assert_eq!((info.num_pending, info.config.filter_subjects.len()), (2, 2));
    let nameless = call(&client, create(consumer::Config::default())).await.unwrap();
    assert!(!nameless.name.is_empty() && nameless.config.durable_name.is_none());

    let names = call(&client, consumer::NamesRequest::new(name("S"))).await.unwrap();
    assert!(names.items.len() == 3 && names.items.contains(&"E".to_string()), "{names:?}");
    let list = call(&client, consumer::ListRequest::new(name("S")).offset(1)).await.unwrap();
    assert_eq!((list.items.len(), list.paging.total), (2, 3));

    let until = Timestamp::try_from(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    let paused = call(&client, consumer::PauseRequest::until(id("S", "C"), until)).await.unwrap();
    assert!(paused.paused && paused.pause_remaining.unwrap() > Duration::from_secs(3000));
    assert_eq!(paused.pause_until, Some(until));
    let info = call(&client, consumer::InfoRequest::new(id("S", "C"))).await.unwrap();
    assert!(info.paused && info.pause_remaining.is_some());
    let resumed = call(&client, consumer::PauseRequest::resume(id("S", "C"))).await.unwrap();
    assert!(!resumed.paused);

    let reset = consumer::ResetRequest::new(id("S", "C")).sequence(3);
    let reset = call(&client, reset).await.unwrap();
    assert_eq!((reset.reset_seq, reset.info.num_pending), (3, 3));
    let reset = call(&client, consumer::ResetRequest::new(id("S", "C"))).await.unwrap();
    assert_eq!(&*reset.info.name, "C");
    let early = consumer::ResetRequest::new(id("S", "E")).sequence(1);
    assert_eq!(code(call(&client, early).await), ErrorCode::CONSUMER_INVALID_RESET);

    assert!(call(&client, consumer::DeleteRequest::new(id("S", "C"))).await.unwrap().success);
    for gone in [
        code(call(&client, consumer::InfoRequest::new(id("S", "C"))).await),
        code(call(&client, consumer::DeleteRequest::new(id("S", "C"))).await),
    ] {
        assert_eq!(gone, ErrorCode::CONSUMER_NOT_FOUND);
    }
}

#[tokio::test]
async fn a_pinned_client_is_shown_and_unpinned() {
    let server = server();
    let client = connect(&server).await;
    create(&client, config("S", &["a"])).await;
    put(&client, "a", "x").await;
    let pinning = consumer::Config {
        priority_policy: consumer::PriorityPolicy::PinnedClient,
        priority_groups: vec!["A".into()],
        priority_timeout: Duration::from_secs(60),
        ..consumer::Config::from("C")
    };
    call(&client, consumer::CreateRequest::new(name("S"), pinning).unwrap()).await.unwrap();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.unwrap();
    let subject = consumer::pull::next_subject(&ApiPrefix::default(), &id("S", "C"));
    let pull = |group: Option<&str>, pin: Option<&str>| {
        let mut body = Vec::new();
        let config = consumer::pull::BatchConfig {
            group: group.map(Into::into),
            id: pin.map(Into::into),
            expires: Some(Duration::from_secs(5)),
            ..1.into()
        };
        config.encode(&mut body);
        client.publish_with_reply(subject.clone(), inbox.clone(), body.into())
    };
    pull(Some("A"), None).await.unwrap();
    let pinned = next(&mut answers).await;
    assert_eq!(Status::of(&pinned), None);
    let pin = pinned.headers.as_ref().unwrap().get("Nats-Pin-Id").unwrap().to_string();
    let info = call(&client, consumer::InfoRequest::new(id("S", "C"))).await.unwrap();
    assert_eq!(info.priority_groups[0].pinned_client_id.as_deref(), Some(&*pin));

    pull(Some("A"), Some("wrong")).await.unwrap();
    let status = Status::of(&next(&mut answers).await).unwrap();
    assert!(matches!(status, Status::PinIdMismatch(_)), "{status:?}");
    pull(None, None).await.unwrap();
    let status = Status::of(&next(&mut answers).await).unwrap();
    assert!(matches!(status, Status::BadRequest(_)), "{status:?}");

    let unpin = |group: &str| consumer::UnpinRequest::new(id("S", "C"), group).unwrap();
    call(&client, unpin("A")).await.unwrap();
    let info = call(&client, consumer::InfoRequest::new(id("S", "C"))).await.unwrap();
    assert_eq!(info.priority_groups[0].pinned_client_id, None);
    assert_eq!(code(call(&client, unpin("B")).await), ErrorCode::CONSUMER_INVALID_PRIORITY_GROUP);
}

#[tokio::test]
async fn pulls_end_with_the_statuses_that_are_known() {
    let server = server();
    let client = connect(&server).await;
    create(&client, config("S", &["a"])).await;
    let limited = consumer::Config {
        max_batch: 5,
        max_expires: Duration::from_secs(9),
        max_bytes: 1000,
        max_waiting: 1,
        ..consumer::Config::from("C")
    };
    call(&client, consumer::CreateRequest::new(name("S"), limited).unwrap()).await.unwrap();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.unwrap();
    let prefix = ApiPrefix::default();
    let pull = |consumer: &str, config: consumer::pull::BatchConfig| {
        let mut body = Vec::new();
        config.encode(&mut body);
        let subject = consumer::pull::next_subject(&prefix, &id("S", consumer));
        client.publish_with_reply(subject, inbox.clone(), body.into())
    };
    let base = |batch: usize| consumer::pull::BatchConfig {
        expires: Some(Duration::from_millis(300)),
        ..batch.into()
    };
    let heartbeat = Duration::from_secs(1);
    let long = Some(Duration::from_secs(10));
    let refused = |status: &Status| matches!(status, Status::ExceededLimit { .. });
    type Test = fn(&Status) -> bool;
    for (config, test) in [
        (
            consumer::pull::BatchConfig { no_wait: true, expires: None, ..base(1) },
            (|it| *it == Status::NoMessages) as Test,
        ),
        (base(1), |it| matches!(it, Status::RequestTimeout(Some(left)) if left.messages == 1)),
        (base(6), refused),
        (consumer::pull::BatchConfig { expires: long, ..base(1) }, refused),
        (consumer::pull::BatchConfig { max_bytes: 2000, ..base(1) }, refused),
        (consumer::pull::BatchConfig { idle_heartbeat: heartbeat, ..base(1) }, |it| {
            matches!(it, Status::BadRequest(_))
        }),
    ] {
        pull("C", config.clone()).await.unwrap();
        let status = Status::of(&next(&mut answers).await).unwrap();
        assert!(test(&status), "{config:?}: {status:?}");
    }
    pull("NOBODY", base(1)).await.unwrap();
    assert_eq!(Status::of(&next(&mut answers).await), Some(Status::NoResponders));

    // Two wait where one may.
    let waiting = consumer::pull::BatchConfig { expires: Some(Duration::from_secs(9)), ..base(1) };
    pull("C", waiting.clone()).await.unwrap();
    pull("C", waiting).await.unwrap();
    assert_eq!(Status::of(&next(&mut answers).await), Some(Status::ExceededMaxWaiting));
    call(&client, consumer::DeleteRequest::new(id("S", "C"))).await.unwrap();
    assert_eq!(Status::of(&next(&mut answers).await), Some(Status::ConsumerDeleted));
}

#[tokio::test]
async fn delivered_messages_tell_where_they_are_from_and_take_every_acknowledgement() {
    let server = server();
    let client = connect(&server).await;
    create(&client, config("S", &["a"])).await;
    for _ in 0..6 {
        put(&client, "a", "x").await;
    }
    let config =
        consumer::Config { ack_wait: Duration::from_secs(30), ..consumer::Config::from("C") };
    call(&client, consumer::CreateRequest::new(name("S"), config).unwrap()).await.unwrap();
    let inbox = client.new_inbox();
    let mut messages = client.subscribe(inbox.clone()).await.unwrap();
    let mut body = Vec::new();
    consumer::pull::BatchConfig::from(6).encode(&mut body);
    let subject = consumer::pull::next_subject(&ApiPrefix::default(), &id("S", "C"));
    client.publish_with_reply(subject, inbox, body.into()).await.unwrap();
    let kinds = [
        AckKind::Ack,
        AckKind::Nak(Some(Duration::from_secs(60))),
        AckKind::Progress,
        AckKind::Term,
        AckKind::TermWithReason("a test".into()),
        AckKind::Nak(Some(Duration::from_secs(3600))),
    ];
    for (at, kind) in (1..).zip(kinds) {
        let message = next(&mut messages).await;
        let reply = message.reply.unwrap();
        let info = MessageInfo::parse(&reply).unwrap();
        assert_eq!((info.stream, info.consumer), ("S", "C"));
        assert_eq!((info.stream_sequence, info.consumer_sequence, info.delivered), (at, at, 1));
        assert_eq!(info.pending, 6 - at);
        let stored = call(&client, RawMessageRequest::sequence(name("S"), at)).await.unwrap();
        assert_eq!(info.published, stored.time);
        let answer = within("a confirmation", client.request(reply.clone(), kind.clone().into()));
        assert!(answer.await.unwrap().payload.is_empty(), "{kind:?}");
    }
    let info = call(&client, consumer::InfoRequest::new(id("S", "C"))).await.unwrap();
    assert_eq!((info.num_ack_pending, info.ack_floor.stream_sequence), (3, 1));
}

#[tokio::test]
async fn a_stream_is_backed_up_and_restored() {
    let server = server();
    let client = connect(&server).await;
    let config = stream::Config { storage: stream::StorageType::File, ..config("S", &["a"]) };
    create(&client, config).await;
    for _ in 0..10 {
        put(&client, "a", "some text").await;
    }
    let inbox = client.new_inbox();
    let mut chunks = client.subscribe(inbox.clone()).await.unwrap();
    let request = stream::SnapshotRequest::new(name("S"), inbox.into())
        .chunk_size(1024)
        .window_size(64 * 1024)
        .check_messages();
    let snapshot = call(&client, request).await.unwrap();
    assert_eq!(snapshot.state().unwrap().messages, 10);
    let mut backup = Vec::new();
    loop {
        let chunk = next(&mut chunks).await;
        if let Some(reply) = chunk.reply {
            client.publish(reply, Bytes::new()).await.unwrap();
        }
        if chunk.payload.is_empty() {
            break;
        }
        backup.push(chunk.payload);
    }
    let exists = call(&client, stream::RestoreRequest::new(name("S"), snapshot.clone())).await;
    assert_eq!(code(exists), ErrorCode::STREAM_NAME_EXIST_RESTORE_FAILED);
    call(&client, stream::DeleteRequest::new(name("S"))).await.unwrap();
    let restore = stream::RestoreRequest::new(name("S"), snapshot);
    let restore = call(&client, restore).await.unwrap();
    for chunk in backup {
        let answer = client.request(restore.deliver_subject.clone(), chunk);
        assert!(within("a chunk", answer).await.unwrap().payload.is_empty());
    }
    let done = client.request(restore.deliver_subject.clone(), Bytes::new());
    let done = within("the end of the restore", done).await.unwrap();
    let info = stream::CreateRequest::new("S").unwrap().decode(&done).unwrap();
    assert_eq!((info.state.messages, info.state.last_sequence), (10, 10));
}

#[tokio::test]
async fn calls_about_the_cluster_need_one() {
    let server = server();
    let client = connect(&server).await;
    create(&client, config("S", &["a"])).await;
    let durable = consumer::CreateRequest::new(name("S"), "C").unwrap();
    call(&client, durable).await.unwrap();
    for refused in [
        code(call(&client, stream::LeaderStepDownRequest::new(name("S"))).await),
        code(call(&client, stream::PeerRemoveRequest::new(name("S"), "x")).await),
        code(call(&client, stream::PeerRemoveRequest::evacuate(name("S"), "x")).await),
        code(call(&client, consumer::LeaderStepDownRequest::new(id("S", "C"))).await),
        code(call(&client, consumer::PeerRemoveRequest::new(id("S", "C"), "x")).await),
    ] {
        assert_eq!(refused, ErrorCode::CLUSTER_REQUIRED);
    }
    let cancel = call(&client, stream::CancelMoveRequest::new(name("S"))).await;
    assert!(matches!(cancel, Err(ApiError::JetStream(_))), "{cancel:?}");
}

#[tokio::test]
async fn in_a_cluster_leaders_step_down_and_peers_are_told() {
    let cluster = Cluster::builder(3).jetstream().start().unwrap();
    let client = connect(&cluster.nodes()[0]).await;
    let replicated = stream::Config { num_replicas: 3, ..config("S", &["a"]) };
    create(&client, replicated).await;
    let durable = consumer::CreateRequest::new(name("S"), "C").unwrap();
    call(&client, durable).await.unwrap();
    let info = async || call(&client, stream::InfoRequest::new(name("S"))).await.unwrap().info;
    let cluster_info = info().await.cluster.unwrap();
    let leader = cluster_info.leader.unwrap();
    assert_eq!(cluster_info.replicas.len(), 2);
    assert!(cluster_info.raft_group.is_some());
    let down = stream::LeaderStepDownRequest::new(name("S"));
    assert!(call(&client, down).await.unwrap().success);
    let down = consumer::LeaderStepDownRequest::new(id("S", "C"));
    assert!(call(&client, down).await.unwrap().success);
    let began = std::time::Instant::now();
    loop {
        let now = info().await.cluster.and_then(|cluster| cluster.leader);
        if now.as_ref().is_some_and(|now| *now != leader) {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "{leader} still leads: {now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stranger = stream::PeerRemoveRequest::new(name("S"), "nobody");
    assert_eq!(code(call(&client, stranger).await), ErrorCode::CLUSTER_PEER_NOT_MEMBER);
}

#[tokio::test]
async fn without_jetstream_nobody_answers() {
    let server = NatsServer::start().unwrap();
    let client = connect(&server).await;
    let info = call(&client, account::InfoRequest).await;
    assert_eq!(info.unwrap_err(), ApiError::NoResponders);
}
