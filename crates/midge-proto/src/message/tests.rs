use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// A chunk with one message, and the frame of it.
fn framed(subject: &[u8], reply: &[u8], block: &[u8], payload: &[u8]) -> (Bytes, MessageFrame) {
    let mut chunk = Vec::from(*b"HMSG ");
    let mut add = |part: &[u8]| {
        let start = u32::try_from(chunk.len()).unwrap();
        chunk.extend_from_slice(part);
        chunk.push(b' ');
        (start, u32::try_from(part.len()).unwrap())
    };
    let (subject_start, subject_len) = add(subject);
    let (reply_start, reply_len) = add(reply);
    let (body_start, total_len) = add(&[block, payload].concat());
    let header_len = u32::try_from(block.len()).unwrap();
    let frame = MessageFrame {
        subject_start,
        subject_len,
        reply_start,
        reply_len,
        header_len,
        body_start,
        total_len,
    };
    (Bytes::from(chunk), frame)
}

#[test]
fn a_frame_takes_28_bytes() {
    assert_eq!(size_of::<MessageFrame>(), 28);
}

#[test]
fn a_plain_message_has_a_subject_and_a_payload() {
    let (chunk, frame) = framed(b"a.b", b"", b"", b"hello");
    let message = Message::from_frame(&chunk, &frame);
    assert_eq!(message.subject, "a.b");
    assert_eq!(message.reply, None);
    assert_eq!(message.payload, "hello");
    assert_eq!(message.headers, None);
    assert_eq!((message.status, message.description.as_deref()), (None, None));
    assert_eq!(message.length, 8);
}

#[test]
fn the_length_counts_subject_reply_headers_and_payload() {
    let (chunk, frame) = framed(b"a.b", b"_INBOX.x", b"NATS/1.0\r\nA: 1\r\n\r\n", b"hello");
    let message = Message::from_frame(&chunk, &frame);
    assert_eq!(message.reply.as_deref(), Some("_INBOX.x"));
    assert_eq!(message.headers.as_ref().unwrap().get("A").unwrap().as_str(), "1");
    assert_eq!(message.payload, "hello");
    assert_eq!(message.length, 3 + 8 + 18 + 5);
}

#[test]
fn a_status_is_read_when_the_message_is_made() {
    let (chunk, frame) = framed(b"a", b"", b"NATS/1.0 404 No Messages\r\n\r\n", b"");
    let message = Message::from_frame(&chunk, &frame);
    assert_eq!(message.status, Some(StatusCode::NOT_FOUND));
    assert_eq!(message.description.as_deref(), Some("No Messages"));
    assert!(!message.is_no_responders());

    let (chunk, frame) = framed(b"a", b"", b"NATS/1.0 503\r\n\r\n", b"");
    let message = Message::from_frame(&chunk, &frame);
    assert!(message.is_no_responders());
    assert_eq!(message.description, None);
}

#[test]
fn a_bad_header_block_leaves_the_message_readable() {
    let (chunk, frame) = framed(b"a", b"", b"XATS", b"body");
    let message = Message::from_frame(&chunk, &frame);
    assert_eq!(message.payload, "body");
    let headers = message.headers.unwrap();
    assert!(headers.is_empty());
    assert!(headers.headers_error().is_some());
    assert_eq!(headers.raw(), Some(&b"XATS"[..]));
}

#[test]
fn a_detached_message_frees_its_chunk() {
    let long = [b'x'; 60];
    let block = b"NATS/1.0\r\nLong: 012345678901234567890123456789012345\r\n\r\n";
    let (chunk, frame) = framed(&long, &long, block, b"hello");
    let message = Message::from_frame(&chunk, &frame);
    assert!(message.headers.as_ref().unwrap().get("Long").is_some());
    let detached = message.detached();
    assert_eq!(detached, message);
    assert!(!chunk.is_unique());
    let message = message.detach();
    assert!(chunk.is_unique());
    assert_eq!(detached, message);
}

#[test]
fn serde_keeps_every_field() {
    let (chunk, frame) = framed(b"a", b"r", b"NATS/1.0 100 Idle\r\nA: 1\r\nA: 2\r\n\r\n", b"x");
    let message = Message::from_frame(&chunk, &frame);
    let text = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
}

#[test]
fn debug_shows_the_length_of_the_payload_only() {
    let (chunk, frame) = framed(b"a", b"r", b"", b"secret");
    let message = Message::from_frame(&chunk, &frame);
    let text = alloc::format!("{message:?} {:?}", OutboundMessage::from(message.clone()));
    assert!(text.contains("payload_len: 6") && !text.contains("secret"), "{text}");
}

#[test]
fn an_outbound_message_is_made_of_a_received_one() {
    let (chunk, frame) = framed(b"a", b"r", b"NATS/1.0 503\r\nA: 1\r\n\r\n", b"x");
    let outbound = OutboundMessage::from(Message::from_frame(&chunk, &frame));
    assert_eq!(outbound.subject, "a");
    assert_eq!(outbound.payload, "x");
    let mut block = Vec::new();
    outbound.headers.unwrap().encode(&mut block);
    assert_eq!(block, b"NATS/1.0\r\nA: 1\r\n\r\n");
}

#[test]
fn the_short_way_is_for_plain_messages_with_the_subject_of_the_one_before() {
    let mut latest = LatestSubject::default();
    latest.set(&Subject::from("a.b"));
    let short = |reply: &[u8], block: &[u8], subject: &[u8]| {
        let (chunk, frame) = framed(subject, reply, block, b"hello");
        let message = Message::from_plain_frame(&chunk, &frame, &latest)?;
        assert_eq!(message, Message::from_frame(&chunk, &frame));
        Some(message.payload)
    };
    assert_eq!(short(b"", b"", b"a.b"), Some(Bytes::from_static(b"hello")));
    assert_eq!(short(b"r", b"", b"a.b"), None);
    assert_eq!(short(b"", b"NATS/1.0\r\n\r\n", b"a.b"), None);
    assert_eq!(short(b"", b"", b"a.c"), None);
}

proptest! {
    #[test]
    fn a_frame_of_any_numbers_gives_a_message_and_no_panic(
        chunk in proptest::collection::vec(any::<u8>(), 0..64),
        small in any::<[u8; 7]>(),
        large in any::<[u32; 7]>(),
        mask in any::<u8>(),
    ) {
        let number = |index: usize| {
            if mask >> index & 1 == 0 { u32::from(small[index] % 80) } else { large[index] }
        };
        let frame = MessageFrame {
            subject_start: number(0),
            subject_len: number(1),
            reply_start: number(2),
            reply_len: number(3),
            header_len: number(4),
            body_start: number(5),
            total_len: number(6),
        };
        let chunk = Bytes::from(chunk);
        let message = Message::from_frame(&chunk, &frame);
        let mut latest = LatestSubject::default();
        latest.set(&message.subject);
        if let Some(plain) = Message::from_plain_frame(&chunk, &frame, &latest) {
            prop_assert_eq!(&plain, &message);
        }
        if let Some(headers) = &message.headers {
            let _ = headers.len();
        }
        prop_assert_eq!(message.detached(), message);
    }
}
