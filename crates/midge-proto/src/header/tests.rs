use super::*;
use crate::status::StatusCode;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use proptest::prelude::*;

fn received(block: &[u8]) -> HeaderMap {
    HeaderMap::received(Bytes::copy_from_slice(block))
}

fn encoded(headers: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::new();
    headers.encode(&mut out);
    assert_eq!(out.len(), headers.encoded_len());
    out
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Block, and its headers or what is wrong with it and where.
type Case =
    (&'static [u8], Result<&'static [(&'static str, &'static str)], (HeaderBlockFault, usize)>);

const BLOCKS: &[Case] = {
    use HeaderBlockFault::{Fold, Name, NoColon, Status, Unterminated, Version};
    &[
        (b"NATS/1.0\r\n\r\n", Ok(&[])),
        (b"NATS/1.0\n\n", Ok(&[])),
        (b"NATS/1.0 \r\n\r\n", Ok(&[])),
        (b"NATS/1.0 503\r\n\r\n", Ok(&[])),
        (b"NATS/1.0 404 No Messages\r\n\r\n", Ok(&[])),
        (b"NATS/1.0 503oops\r\n\r\n", Ok(&[])),
        (b"NATS/1.0\r\nA: 1\r\n\r\n", Ok(&[("A", "1")])),
        (b"NATS/1.0\r\nA:1\r\n\r\n", Ok(&[("A", "1")])),
        (b"NATS/1.0\nA: 1\nB: 2\r\n\n", Ok(&[("A", "1"), ("B", "2")])),
        (b"NATS/1.0\r\nA: \t 1 2 \t\r\n\r\n", Ok(&[("A", "1 2")])),
        (b"NATS/1.0\r\nA:\r\nB: \r\n\r\n", Ok(&[("A", ""), ("B", "")])),
        (b"NATS/1.0\r\nA: x:y\r\n\r\n", Ok(&[("A", "x:y")])),
        (
            b"NATS/1.0\r\nb: 1\r\na: 2\r\nb: 3\r\nB: 4\r\n\r\n",
            Ok(&[("b", "1"), ("a", "2"), ("b", "3"), ("B", "4")]),
        ),
        (b"NATS/1.0\r\nA: 1\r\n 2\r\n\t 3\r\nB: 4\r\n\r\n", Ok(&[("A", "1 2 3"), ("B", "4")])),
        (b"NATS/1.0\r\nA:\r\n 2\r\n\r\n", Ok(&[("A", "2")])),
        (b"NATS/1.0\r\nA: 1\r\n \r\n\r\n", Ok(&[("A", "1")])),
        (b"NATS/1.0\r\nA: 1\r\n\t\r\n \r\nB: 2\r\n\r\n", Ok(&[("A", "1"), ("B", "2")])),
        (b"NATS/1.0\r\nA:\r\n \r\n\r\n", Ok(&[("A", "")])),
        (b"NATS/1.0\r\nA: 1\r\n\r\nB: 2\r\n\r\n", Ok(&[("A", "1")])),
        (b"NATS/1.0\r\nA: \xff\r\n\r\n", Ok(&[("A", "\u{fffd}")])),
        (b"", Err((Version, 0))),
        (b"XATS/1.0\r\n\r\n", Err((Version, 0))),
        (b"NATS/1.1\r\n\r\n", Err((Version, 0))),
        (b"NATS/1.0x\r\n\r\n", Err((Version, 0))),
        (b"NATS/1.0503\r\n\r\n", Err((Version, 0))),
        (b"NATS/1.0 5\r\n\r\n", Err((Status, 0))),
        (b"NATS/1.0 50x\r\n\r\n", Err((Status, 0))),
        (b"NATS/1.0 5034\r\n\r\n", Err((Status, 0))),
        (b"NATS/1.0", Err((Unterminated, 0))),
        (b"NATS/1.0\r\n", Err((Unterminated, 10))),
        (b"NATS/1.0\r\nA: 1\r\n", Err((Unterminated, 16))),
        (b"NATS/1.0\r\nA: 1", Err((Unterminated, 10))),
        (b"NATS/1.0\r\nA: 1\r\n 2", Err((Unterminated, 10))),
        (b"NATS/1.0\r\nA\r\n\r\n", Err((NoColon, 10))),
        (b"NATS/1.0\r\nA: 1\r\nB\r\n\r\n", Err((NoColon, 16))),
        (b"NATS/1.0\r\n: 1\r\n\r\n", Err((Name, 10))),
        (b"NATS/1.0\r\nA : 1\r\n\r\n", Err((Name, 10))),
        (b"NATS/1.0\r\n\xc3\xa4: 1\r\n\r\n", Err((Name, 10))),
        (b"NATS/1.0\r\n A: 1\r\n\r\n", Err((Fold, 10))),
    ]
};

#[test]
fn blocks_are_read_as_the_table_says() {
    for (block, expected) in BLOCKS {
        let shown = block.escape_ascii();
        let headers = received(block);
        assert_eq!(headers.raw(), Some(*block));
        let view = HeaderView::new(block);
        match expected {
            Ok(expected) => {
                assert_eq!(pairs(&headers), *expected, "{shown}");
                assert_eq!(headers.headers_error(), None, "{shown}");
                assert_eq!(view.check(), Ok(()), "{shown}");
                assert_eq!(view.iter().count(), expected.len(), "{shown}");
                assert_eq!(received(&encoded(&headers)), headers, "{shown}");
            }
            Err((fault, at)) => {
                let error = headers.headers_error().unwrap();
                assert_eq!((error.fault(), error.at()), (*fault, *at), "{shown}");
                assert_eq!(view.check(), Err(*error), "{shown}");
                assert!(headers.is_empty(), "{shown}");
                assert_eq!(headers.check(), Err(InvalidHeader::Block(*error)), "{shown}");
                assert_eq!(encoded(&headers), b"NATS/1.0\r\n\r\n", "{shown}");
            }
        }
        assert_eq!(headers.clone(), headers);
        assert_eq!(headers.detached(), headers);
    }
}

#[test]
fn the_status_is_read_from_the_first_line() {
    type Status = (Option<u16>, Option<&'static [u8]>);
    let cases: &[(&[u8], Status)] = &[
        (b"NATS/1.0\r\n\r\n", (None, None)),
        (b"NATS/1.0 503\r\n\r\n", (Some(503), None)),
        (b"NATS/1.0 \t404  No Messages \r\n\r\n", (Some(404), Some(b"No Messages"))),
        (b"NATS/1.0 404 \xff\n\n", (Some(404), Some(b"\xff"))),
        (b"NATS/1.0 503oops\r\n\r\n", (Some(503), Some(b"oops"))),
        (b"NATS/1.0 503", (None, None)),
        (b"NATS/1.0 50\r\n\r\n", (None, None)),
        (b"NATS/1.0 5034\r\n\r\n", (None, None)),
        (b"NATS/1.0 099\r\n\r\n", (None, None)),
        (b"XATS/1.0 503\r\n\r\n", (None, None)),
        (b"NATS/1.0503\r\n\r\n", (None, None)),
        (b"", (None, None)),
    ];
    for (block, (status, description)) in cases {
        let status = status.map(|code| StatusCode::from_u16(code).unwrap());
        assert_eq!(parse_status(block), (status, *description), "{}", block.escape_ascii());
    }
}

#[test]
fn a_received_block_is_sent_as_it_is_but_for_its_status() {
    let block = b"NATS/1.0\r\nA:1\r\nB:  \xff\r\n 2\r\n\r\n";
    let headers = received(block);
    assert_eq!(headers.check(), Ok(()));
    assert_eq!(encoded(&headers), block);
    let headers = received(b"NATS/1.0 503 Oops\r\nA:1\r\n\r\n");
    assert_eq!(encoded(&headers), b"NATS/1.0\r\nA:1\r\n\r\n");
    // Bare line feeds are not for sending.
    let headers = received(b"NATS/1.0\nA:1\n\n");
    assert_eq!(headers.check(), Ok(()));
    assert_eq!(encoded(&headers), b"NATS/1.0\r\nA: 1\r\n\r\n");
}

#[test]
fn a_raw_block_must_be_a_whole_one() {
    use HeaderBlockFault::{NoColon, TrailingBytes, Unterminated, Version};
    let good = Bytes::from_static(b"NATS/1.0\r\nA:1\r\n\r\n");
    assert_eq!(HeaderMap::from_raw(good.clone()).unwrap().raw(), Some(&good[..]));
    for (block, fault) in [
        (&b"A: 1\r\n\r\n"[..], Version),
        (b"NATS/1.0\r\nA: 1\r\n", Unterminated),
        (b"NATS/1.0\nA: 1\n\n", Unterminated),
        (b"NATS/1.0\r\nA\r\n\r\n", NoColon),
        (b"NATS/1.0\r\n\r\nA: 1\r\n\r\n", TrailingBytes),
    ] {
        let error = HeaderMap::from_raw(Bytes::copy_from_slice(block)).unwrap_err();
        assert_eq!(error.fault(), fault, "{}", block.escape_ascii());
    }
}

#[test]
fn names_are_compared_with_their_case() {
    let headers = received(b"NATS/1.0\r\nKey: 1\r\nkey: 2\r\n\r\n");
    assert_eq!(headers.get("Key").unwrap(), &"1");
    assert_eq!(headers.get("key").unwrap(), &"2");
    assert_eq!(headers.get("KEY"), None);
}

#[test]
fn a_header_is_found_by_any_kind_of_string() {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, "1");
    headers.append(&NATS_MESSAGE_ID, "2".to_string());
    let name = String::from("Nats-Msg-Id");
    assert_eq!(headers.get(NATS_MESSAGE_ID).unwrap().as_str(), "1");
    assert_eq!(headers.get(&NATS_MESSAGE_ID), headers.get("Nats-Msg-Id"));
    assert_eq!(headers.get_last(&name).unwrap().as_str(), "2");
    let all: Vec<&str> = headers.get_all(name).map(HeaderValue::as_str).collect();
    assert_eq!(all, ["1", "2"]);
    // What could not be a name is just not there.
    assert_eq!(headers.get("two words\r\n"), None);
    assert!(!headers.contains_key(""));
}

#[test]
fn inserting_replaces_all_values_at_the_place_of_the_first() {
    let mut headers: HeaderMap =
        [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("a", "5")].into_iter().collect();
    headers.insert("a", 6);
    assert_eq!(pairs(&headers), [("a", "6"), ("b", "2"), ("c", "4")]);
    headers.insert("d", -7_i64);
    assert_eq!(pairs(&headers)[3], ("d", "-7"));
    assert_eq!(headers.len(), 4);
}

#[test]
fn removing_gives_the_first_value_and_drops_the_rest() {
    let mut headers = received(b"NATS/1.0\r\na: 1\r\nb: 2\r\na: 3\r\n\r\n");
    assert_eq!(headers.remove("x"), None);
    assert!(headers.raw().is_some(), "nothing was changed");
    assert_eq!(headers.remove("a"), Some(HeaderValue::from("1")));
    assert_eq!(headers.raw(), None);
    assert_eq!(pairs(&headers), [("b", "2")]);
    headers.clear();
    assert!(headers.is_empty());
}

#[test]
fn changing_a_received_map_keeps_its_other_headers() {
    let mut headers = received(b"NATS/1.0 100 Idle\r\na: 1\r\n\r\n");
    headers.append("b", "2");
    assert_eq!(encoded(&headers), b"NATS/1.0\r\na: 1\r\nb: 2\r\n\r\n");
    let owned: Vec<_> = headers.clone().into_iter().collect();
    assert_eq!(owned.into_iter().collect::<HeaderMap>(), headers);
}

#[test]
fn what_cannot_be_sent_is_refused_and_never_written() {
    let too_much = [
        ("", "x"),
        ("a b", "x"),
        ("a:", "x"),
        ("a\r\nb", "x"),
        ("ä", "x"),
        ("a", "x\r\ny: z"),
        ("a", "\n"),
        ("a", "\r"),
    ];
    for (name, value) in too_much {
        let mut headers = HeaderMap::new();
        headers.insert("good", "1");
        headers.append(name, value);
        let error = headers.check().unwrap_err();
        assert_eq!(encoded(&headers), b"NATS/1.0\r\ngood: 1\r\n\r\n");
        let mut tried = HeaderMap::new();
        assert_eq!(tried.try_insert(name, value), Err(error.clone()));
        assert_eq!(tried.try_append(name, value), Err(error));
        assert!(tried.is_empty());
        // Once it is gone, the map is fine again.
        headers.remove(name);
        assert_eq!(headers.check(), Ok(()));
    }
    let mut headers: HeaderMap = [("a", "x\n")].into_iter().collect();
    assert!(headers.check().is_err());
    headers.insert("a", "x");
    assert_eq!(headers.check(), Ok(()));
    assert_eq!(headers.try_append("b", "y"), Ok(()));
}

#[test]
fn names_and_values_are_checked_when_they_are_parsed() {
    assert_eq!(
        "a\n".parse::<HeaderName>().unwrap_err().to_string(),
        "header name \"a\\n\" has a blank, a colon or an unprintable character"
    );
    assert_eq!("".parse::<HeaderName>().unwrap_err().to_string(), "a header name is empty");
    assert!(HeaderName::try_from(String::from("a:b")).is_err());
    assert_eq!(HeaderName::try_from("A-b_!~").unwrap(), "A-b_!~");
    assert_eq!(
        "secret\n".parse::<HeaderValue>().unwrap_err().to_string(),
        "a header value has a line end at byte 6"
    );
    assert_eq!("ü".parse::<HeaderValue>().unwrap(), "ü");
}

#[test]
#[should_panic(expected = "invalid header name")]
fn a_static_name_with_a_colon_panics() {
    let _ = HeaderName::from_static("a:");
}

#[test]
#[should_panic(expected = "line end")]
fn a_static_value_with_a_line_end_panics() {
    let _ = HeaderValue::from_static("a\n");
}

#[test]
fn numbers_are_values() {
    assert_eq!(HeaderValue::from(u64::MAX), "18446744073709551615");
    assert_eq!(HeaderValue::from(i64::MIN), "-9223372036854775808");
    assert_eq!(HeaderValue::default(), "");
}

#[test]
fn values_that_are_not_utf8_keep_their_bytes_on_the_way_through() {
    let headers = received(b"NATS/1.0\r\nA: x\xff\r\n\r\n");
    let value = headers.get("A").unwrap();
    assert_eq!((value.as_bytes(), value.as_str()), (&b"x\xff"[..], "x\u{fffd}"));
    let mut copy = HeaderMap::new();
    copy.insert("A", value);
    assert_eq!(encoded(&copy), b"NATS/1.0\r\nA: x\xff\r\n\r\n");
}

#[test]
fn serde_groups_the_values_of_a_name() {
    let headers: HeaderMap = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
    let text = serde_json::to_string(&headers).unwrap();
    assert_eq!(text, r#"{"b":["1","3"],"a":["2"]}"#);
    let back: HeaderMap = serde_json::from_str(&text).unwrap();
    assert_eq!(pairs(&back), [("b", "1"), ("b", "3"), ("a", "2")]);
    assert!(serde_json::from_str::<HeaderMap>(r#"{"a b":["1"]}"#).is_err());
    assert!(serde_json::from_str::<HeaderMap>(r#"{"a":["1\n"]}"#).is_err());
}

#[test]
fn debug_shows_pairs() {
    let headers: HeaderMap = [("b", "1")].into_iter().collect();
    assert_eq!(alloc::format!("{headers:?}"), r#"{"b": "1"}"#);
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(
        fields in proptest::collection::vec(("[!-9;-~]{1,40}", "[^\r\n]{0,40}"), 0..8),
    ) {
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.trim_matches([' ', '\t'])))
            .collect();
        prop_assert_eq!(headers.check(), Ok(()));
        let block = Bytes::from(encoded(&headers));
        let read = HeaderMap::from_raw(block.clone()).unwrap();
        prop_assert_eq!(&read, &headers);
        prop_assert_eq!(encoded(&read), &block[..]);
        for (name, value) in &headers {
            prop_assert!(read.get_all(name).any(|found| found == value));
        }
        prop_assert!(HeaderView::new(&block)
            .iter()
            .eq(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))));
    }

    #[test]
    fn no_block_panics_and_no_map_encodes_what_cannot_be_read(
        tail in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b':'), Just(b' '), Just(b'a'), Just(b'5'), any::<u8>()],
            0..48,
        ),
        with_version in any::<bool>(),
        terminated in any::<bool>(),
    ) {
        let mut block = Vec::from(if with_version { &b"NATS/1.0"[..] } else { b"" });
        block.extend_from_slice(&tail);
        block.extend_from_slice(if terminated { b"\r\n\r\n" } else { b"" });
        let mut headers = received(&block);
        let (view, map) = (HeaderView::new(&block).check(), headers.headers_error().copied());
        prop_assert_eq!(view.err(), map);
        let _ = parse_status(&block);
        let sent = encoded(&headers);
        prop_assert_eq!(HeaderView::new(&sent).check(), Ok(()));
        headers.append("added", "x");
        let sent = encoded(&headers);
        prop_assert_eq!(HeaderMap::from_raw(Bytes::from(sent)).map(drop), Ok(()));
    }

    #[test]
    fn no_text_given_by_a_user_adds_a_line(name in "(?s).{0,8}", value in "(?s).{0,8}") {
        let mut headers = HeaderMap::new();
        headers.append(name, value);
        let expected = if headers.check().is_ok() { 3 } else { 2 };
        let sent = encoded(&headers);
        prop_assert_eq!(sent.iter().filter(|byte| **byte == b'\n').count(), expected);
    }
}
