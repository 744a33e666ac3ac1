use super::*;
use crate::jetstream::stream::{BatchGetRequest, BatchPart, DirectGetRequest, RawMessageRequest};
use crate::jetstream::test_messages::{answer, assert_wire, status, status_with, with_headers};
use crate::jetstream::{ApiError, ApiLevel, ApiRequest, StreamName, Timestamp};

fn name() -> StreamName {
    StreamName::new("S").unwrap()
}

#[test]
fn a_message_is_asked_for_by_sequence_subject_or_time() {
    let leader = "STREAM.MSG.GET.S";
    assert_wire(&RawMessageRequest::sequence(name(), 5), leader, r#"{"seq":5}"#);
    assert_wire(
        &RawMessageRequest::last_by_subject(name(), "a").without_headers(),
        leader,
        r#"{"last_by_subj":"a","no_hdr":true}"#,
    );
    assert_wire(
        &RawMessageRequest::next_by_subject(name(), "a.*", Some(3)),
        leader,
        r#"{"seq":3,"next_by_subj":"a.*"}"#,
    );
    let by_time = RawMessageRequest::start_time(name(), Timestamp::UNIX_EPOCH);
    assert_wire(&by_time, leader, r#"{"start_time":"1970-01-01T00:00:00Z"}"#);
    assert_eq!(by_time.requirement().unwrap().level(), ApiLevel::V2_11);
}

#[test]
fn a_direct_get_puts_the_subject_into_its_own_where_that_says_everything() {
    let direct = "DIRECT.GET.S";
    assert_wire(&DirectGetRequest::sequence(name(), 5), direct, r#"{"seq":5}"#);
    let last = || DirectGetRequest::last_by_subject(name(), "a.b");
    assert_wire(&last(), "DIRECT.GET.S.a.b", "");
    let value = last().without_headers();
    assert_wire(&value, direct, r#"{"last_by_subj":"a.b","no_hdr":true}"#);
    let wild = DirectGetRequest::last_by_subject(name(), "a.*");
    assert_wire(&wild, direct, r#"{"last_by_subj":"a.*"}"#);
    let injected = DirectGetRequest::last_by_subject(name(), "a b\r\n");
    assert_wire(&injected, direct, r#"{"last_by_subj":"a b\r\n"}"#);
}

#[test]
fn the_leader_sends_a_message_in_json() {
    let request = RawMessageRequest::sequence(name(), 7);
    let message = request
        .decode(&answer(
            r#"{"type":"x","message":{"subject":"a.b","seq":7,"hdrs":"TkFUUy8xLjANCkE6IGINCg0K",
            "data":"eA==","time":"2026-01-02T03:04:05.6Z","new":1}}"#,
        ))
        .unwrap();
    assert_eq!((&*message.subject, message.sequence, &message.payload[..]), ("a.b", 7, &b"x"[..]));
    assert_eq!(message.headers.get("A").unwrap().as_str(), "b");
    assert_eq!(message.time, "2026-01-02T03:04:05.6Z".parse().unwrap());
    let empty = r#"{"message":{"subject":"a","seq":1,"time":"2026-01-02T03:04:05Z"}}"#;
    let message = request.decode(&answer(empty)).unwrap();
    assert!(message.payload.is_empty() && message.headers.is_empty());
    for bad in [
        r#"{"message":{"subject":"a","seq":1,"time":"x"}}"#,
        r#"{"message":{"subject":"a","seq":1,"data":"%","time":"2026-01-02T03:04:05Z"}}"#,
        r#"{"message":{}}"#,
        "{}",
    ] {
        assert!(matches!(request.decode(&answer(bad)), Err(ApiError::Malformed(_))), "{bad}");
    }
}

const STORED: [(&str, &str); 5] = [
    // A message that was republished has such a header of its own.
    ("Nats-Sequence", "99"),
    ("Nats-Stream", "S"),
    ("Nats-Subject", "a.b"),
    ("Nats-Sequence", "7"),
    ("Nats-Time-Stamp", "2022-08-06T00:29:27.587861324Z"),
];

#[test]
fn a_direct_get_brings_the_message_itself() {
    let request = DirectGetRequest::sequence(name(), 7);
    let mut reply = with_headers("body", &STORED);
    let message = request.decode(&reply).unwrap();
    assert_eq!((&*message.subject, message.sequence), ("a.b", 7));
    assert_eq!(message.payload, "body");
    let time = message.time;

    // It may have been stored with a status line.
    reply.status = status(503, None).status;
    assert_eq!(request.decode(&reply).unwrap(), message);

    let old = with_headers(
        "",
        &[
            ("Nats-Subject", "a"),
            ("Nats-Sequence", "1"),
            ("Nats-Time-Stamp", "2022-08-06 00:29:27.587861324 +0000 UTC"),
        ],
    );
    assert_eq!(request.decode(&old).unwrap().time, time);

    let kind = |message| StreamMessage::try_from(&message).unwrap_err().kind();
    assert_eq!(kind(answer("x")), StreamMessageErrorKind::MissingHeader);
    let bad = with_headers(
        "",
        &[
            ("Nats-Subject", "a"),
            ("Nats-Sequence", "x"),
            ("Nats-Time-Stamp", "2022-08-06T00:29:27Z"),
        ],
    );
    assert_eq!(kind(bad), StreamMessageErrorKind::ParseError);
}

#[test]
fn a_miss_is_told_by_the_status_and_not_by_an_empty_body() {
    let request = DirectGetRequest::sequence(name(), 7);
    let miss = status(404, Some("Message Not Found"));
    let error = request.decode(&miss).unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    let value = request.clone().without_headers();
    assert_eq!(value.decode(&miss), Err(error));
    assert!(value.decode(&answer("")).unwrap().data.is_empty());
    let none = request.decode(&status(503, None)).unwrap_err();
    assert_eq!(none, ApiError::NoResponders);
    assert!(!none.is_not_found());
    let leader = RawMessageRequest::sequence(name(), 7);
    let miss =
        answer(r#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#);
    assert!(leader.decode(&miss).unwrap_err().is_not_found());
}

#[test]
fn a_batch_is_asked_for_page_by_page() {
    let request = BatchGetRequest::from_sequence(name(), 10, 0);
    assert_wire(&request, "DIRECT.GET.S", r#"{"batch":10,"seq":1}"#);
    assert_eq!(request.requirement().unwrap().field(), "batch");
    let by_time = BatchGetRequest::from_time(name(), 2, Timestamp::UNIX_EPOCH)
        .subject_filter("a.>")
        .max_bytes(99);
    assert_wire(
        &by_time,
        "DIRECT.GET.S",
        r#"{"batch":2,"start_time":"1970-01-01T00:00:00Z","next_by_subj":"a.>","max_bytes":99}"#,
    );
    let last = BatchGetRequest::last_by_subjects(name(), ["a", "b.*"]);
    assert_wire(&last, "DIRECT.GET.S", r#"{"multi_last":["a","b.*"]}"#);

    let end = BatchEnd { pending: 5, last_sequence: 20, up_to_sequence: Some(100) };
    let page = last.next(&end).unwrap();
    assert_wire(&page, "DIRECT.GET.S", r#"{"seq":21,"multi_last":["a","b.*"],"up_to_seq":100}"#);
    // A page without a message of its own does not get ahead.
    assert!(page.next(&end).is_none());
    assert!(last.next(&BatchEnd { pending: 0, ..end }).is_none());
    let far = BatchEnd { last_sequence: u64::MAX, ..end };
    assert!(last.next(&far).is_none());
    let page = by_time.next(&end).unwrap();
    assert_wire(
        &page,
        "DIRECT.GET.S",
        r#"{"batch":2,"seq":21,"next_by_subj":"a.>","up_to_seq":100,"max_bytes":99}"#,
    );
}

#[test]
fn the_answers_of_a_batch_are_messages_and_an_end() {
    let request = BatchGetRequest::from_sequence(name(), 10, 1);
    let mut headers = STORED.to_vec();
    headers.extend([("Nats-Num-Pending", "4"), ("Nats-Last-Sequence", "6")]);
    let part = request.decode(&with_headers("x", &headers)).unwrap();
    let BatchPart::Message { message, pending: 4, last_sequence: _ } = part else {
        panic!("{part:?}")
    };
    assert_eq!(message.sequence, 7);
    let end = [("Nats-Num-Pending", "0"), ("Nats-Last-Sequence", "7"), ("Nats-UpTo-Sequence", "9")];
    let part = request.decode(&status_with(204, Some("EOB"), &end)).unwrap();
    let expected = BatchEnd { pending: 0, last_sequence: 7, up_to_sequence: Some(9) };
    assert_eq!(part, BatchPart::End(expected));
    let old = request.decode(&with_headers("x", &STORED)).unwrap_err();
    assert!(matches!(old, ApiError::Malformed(_)), "{old:?}");
    let many = request.decode(&status(413, Some("Too Many Results"))).unwrap_err();
    assert!(matches!(many, ApiError::Status { .. }), "{many:?}");
}
