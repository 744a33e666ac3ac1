//! What the targets about JetStream do.

use bytes::Bytes;
use core::fmt::Debug;
use midge_proto::jetstream::advisory::Advisory;
use midge_proto::jetstream::consume::{Fetch, Pull, PullOptions};
use midge_proto::jetstream::{
    ApiError, ApiRequest, Cron, CustomRequest, Increment, IngestAnswer, MessageTtl, Paging,
    PublishAck, Schedule, Status, StreamName, Timestamp, account, consumer, message, stream,
};
use midge_proto::{DecodeLimits, Decoder, Frame, Instant, Message};

/// The reply subject of a delivered message: no panic, and what is read is what is there.
pub(crate) fn ack_subject(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let info = match message::Info::parse(text) {
        Ok(info) => info,
        Err(error) => return assert!(error.to_string().len() < 1000),
    };
    let mut tokens: Vec<&str> = text.split('.').collect();
    assert!(tokens.len() == 9 || tokens.len() >= 11, "{text:?}");
    if tokens.len() >= 11 {
        assert_eq!(info.acc_hash, Some(tokens[3]));
        assert_eq!(info.domain, Some(tokens[2]).filter(|domain| *domain != "_"));
        assert_eq!(info.token, tokens.get(11).copied());
        tokens.drain(2..4);
    }
    assert_eq!((info.stream, info.consumer), (tokens[2], tokens[3]));
    let number = |token: &str| token.parse::<u64>().expect("it was read as a number");
    assert_eq!(info.delivered, i64::try_from(number(tokens[4])).expect("it fits"));
    assert_eq!(info.stream_sequence, number(tokens[5]));
    assert_eq!(info.consumer_sequence, number(tokens[6]));
    assert_eq!(info.pending, number(tokens[8]));
}

/// What the server would send: one byte chooses, one counts the headers, then headers and body.
fn received(data: &[u8]) -> Option<(u8, Message)> {
    let [choice, header_len, rest @ ..] = data else { return None };
    let header_len = usize::from(*header_len).min(rest.len());
    let mut frame = match header_len {
        0 => format!("MSG a 1 {}\r\n", rest.len()),
        _ => format!("HMSG a 1 {header_len} {}\r\n", rest.len()),
    }
    .into_bytes();
    frame.extend_from_slice(rest);
    frame.extend_from_slice(b"\r\n");
    let mut decoder = Decoder::new(DecodeLimits::default());
    match decoder.next(&frame) {
        Ok(Some(Frame::Message { frame: found, .. })) => {
            Some((*choice, Message::from_frame(&Bytes::from(frame), &found)))
        }
        _ => None,
    }
}

/// A status line of a consumer: no panic, not in what it means nor in the machines that read it.
pub(crate) fn status(data: &[u8]) {
    let Some((choice, mut message)) = received(data) else { return };
    match choice % 3 {
        0 => {}
        1 => message.reply = Some("$JS.ACK.S.C.1.2.3.4.5".into()),
        _ => message.reply = Some("$JS.FC.S.C.x".into()),
    }
    if let Some(status) = Status::of(&message) {
        assert_ne!(choice % 3, 1, "a message of the stream is none");
        let _ = (status.class(), status.left());
        assert!(format!("{status:?}").len() < 10 * data.len() + 1000);
    }
    let start = Instant::from_nanos(1);
    let mut pull = Pull::new(start, PullOptions::default()).expect("the defaults are sound");
    let request = pull.poll_action().expect("a pull is asked for at once");
    let _ = pull.handle_message(start, &message);
    message.subject = format!("inbox.{}", request.token).into();
    let _ = pull.handle_message(start, &message);
    while pull.poll_event().is_some() {}
    while pull.poll_action().is_some() {}
    assert!(pull.poll_timeout().is_some() || pull.end_reason().is_some());
    let mut fetch = Fetch::new(start, Default::default()).expect("the defaults are sound");
    let _ = fetch.handle_message(start, &message);
    let _ = fetch.end_reason();
}

fn stream_name() -> StreamName {
    StreamName::new("S").expect("a name")
}

/// An answer is decoded or refused; a refusal is short, and what was decoded can be shown.
fn decode<R: ApiRequest<Response: Debug>>(request: &R, answer: &Message) -> Option<R::Response> {
    told(request.decode(answer), answer)
}

fn told<T: Debug>(result: Result<T, ApiError>, answer: &Message) -> Option<T> {
    match result {
        Ok(response) => {
            let _ = format!("{response:?}");
            Some(response)
        }
        Err(error) => {
            let _ = (error.is_not_found(), error.is_retryable());
            assert!(error.to_string().len() < answer.length * 6 + 1000);
            None
        }
    }
}

fn body<R: ApiRequest>(request: &R) -> Vec<u8> {
    let mut body = Vec::new();
    request.encode(&mut body);
    body
}

/// Whoever turns pages comes to an end.
fn leads_on(page: Paging, next: Option<u64>) {
    assert!(next.is_none_or(|next| next > page.offset), "{next:?} behind {page:?}");
}

/// What is sent of a stream is read and sent again as it was.
fn stream_survives(config: stream::Config) {
    let Ok(request) = stream::UpdateRequest::new(&config) else { return };
    let sent = body(&request);
    let answer = [br#"{"config":"#, &*sent, b"}"].concat();
    let info: stream::Info = serde_json::from_slice(&answer).expect("our own JSON");
    let again = stream::UpdateRequest::new(&info.config).expect("as sound as it was");
    same_json(&body(&again), &sent);
    let _ = request.requirement();
}

/// As [`stream_survives`], of consumers.
fn consumer_survives(config: consumer::Config) {
    let Ok(request) = consumer::CreateRequest::new(stream_name(), &config) else { return };
    let sent = body(&request);
    // The request has the configuration where the answer has it, too.
    let info: consumer::Info = serde_json::from_slice(&sent).expect("our own JSON");
    let again = consumer::CreateRequest::new(stream_name(), &info.config);
    same_json(&body(&again.expect("as sound as it was")), &sent);
    let _ = request.requirement();
}

fn same_json(one: &[u8], other: &[u8]) {
    let read = |text| serde_json::from_slice::<serde_json::Value>(text).expect("our own JSON");
    assert_eq!(read(one), read(other));
}

/// An answer of the API, of each type.
pub(crate) fn api_answer(data: &[u8]) {
    let Some((choice, answer)) = received(data) else { return };
    let stream = stream_name;
    let id = || consumer::Id::parse("S", "C").expect("names");
    match choice % 20 {
        0 => {
            if let Some(account) = decode(&account::InfoRequest, &answer) {
                let _ = account.api_level();
            }
        }
        1 => {
            let request = stream::CreateRequest::new("S").expect("a name");
            if let Some(info) = decode(&request, &answer) {
                stream_survives(info.config);
            }
        }
        2 => {
            let request = stream::InfoRequest::new(stream());
            if let Some(page) = decode(&request, &answer) {
                leads_on(page.paging, page.next_offset());
            }
        }
        3 => {
            if let Some(page) = decode(&stream::ListRequest::new(), &answer) {
                leads_on(page.paging, page.next_offset());
            }
        }
        4 => drop(decode(&stream::NamesRequest::new(), &answer)),
        5 => drop(decode(&stream::DeleteRequest::new(stream()), &answer)),
        6 => drop(decode(&stream::PurgeRequest::new(stream()), &answer)),
        7 => {
            let request = stream::SnapshotRequest::new(stream(), "inbox".into());
            if let Some(snapshot) = decode(&request, &answer) {
                let _ = (snapshot.state(), body(&stream::RestoreRequest::new(stream(), snapshot)));
            }
        }
        8 => drop(decode(&stream::RestoreRequest::new(stream(), Default::default()), &answer)),
        9 => drop(decode(&stream::RawMessageRequest::sequence(stream(), 1), &answer)),
        10 => drop(decode(&stream::DirectGetRequest::sequence(stream(), 1), &answer)),
        11 => drop(decode(&stream::BatchGetRequest::from_sequence(stream(), 1, 1), &answer)),
        12 => {
            let config = consumer::Config::from("C");
            let request = consumer::CreateRequest::new(stream(), config).expect("a name");
            if let Some(info) = decode(&request, &answer) {
                consumer_survives(info.config);
            }
        }
        13 => drop(decode(&consumer::ListRequest::new(stream()), &answer)),
        14 => drop(decode(&consumer::NamesRequest::new(stream()), &answer)),
        15 => drop(decode(&consumer::PauseRequest::resume(id()), &answer)),
        16 => drop(decode(&consumer::ResetRequest::new(id()), &answer)),
        17 => drop(told(PublishAck::decode(&answer), &answer)),
        18 => drop(told(IngestAnswer::decode(&answer), &answer)),
        _ => {
            let request = CustomRequest::<serde_json::Value>::new("X", "").expect("a subject");
            drop(decode(&request, &answer));
        }
    }
}

/// An advisory: always read, never changed.
pub(crate) fn advisory(data: &[u8]) {
    let Some((_, message)) = received(data) else { return };
    let advisory = Advisory::read(&message);
    assert_eq!(advisory.body(), &message.payload);
    let _ = format!("{advisory:?}");
    if let Some(stream) = advisory.stream() {
        assert!(stream.len() <= message.payload.len());
    }
    assert!(advisory.stream().is_some() || advisory.consumer().is_none());
}

/// A schedule, a date, a lifetime, a counter: what is read is what it is written as.
pub(crate) fn schedule(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match text.parse::<Schedule>() {
        Ok(schedule) => {
            assert_eq!(schedule.to_string().parse().as_ref(), Ok(&schedule));
            for start in [i64::MIN, -1, 0, 1_700_000_000_000_000_000, i64::MAX] {
                let moment = Timestamp::from_nanos(start);
                if let Some(next) = schedule.next_after(moment) {
                    assert!(next > moment || start == i64::MAX, "{text:?} after {moment}");
                }
            }
        }
        Err(error) => assert!(error.to_string().len() < 1000),
    }
    if let Ok(cron) = text.parse::<Cron>() {
        let _ = cron.next_after(Timestamp::from_nanos(0));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(time.to_string().parse(), Ok(time));
    }
    if let Ok(ttl) = text.parse::<MessageTtl>() {
        assert_eq!(ttl.to_string().parse(), Ok(ttl));
    }
    if let Ok(increment) = Increment::parse(text) {
        assert_eq!(Increment::parse(increment.as_str()).as_ref(), Ok(&increment));
    }
}
