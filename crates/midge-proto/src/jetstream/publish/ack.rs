//! What a stream answers to a message.

use crate::jetstream::api::{self, ApiError};
use crate::jetstream::json;
use crate::message::Message;
use alloc::string::String;
use serde::Deserialize;

/// A stream has stored a message.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PublishAck {
    /// The stream.
    pub stream: String,
    /// The sequence it stored the message under; that of the first copy if it is a duplicate.
    #[serde(rename = "seq")]
    pub sequence: u64,
    /// Its JetStream domain; empty if it has none.
    pub domain: String,
    /// Whether it had a message with the same id already.
    pub duplicate: bool,
    /// The counter after what was added.
    #[serde(rename = "val")]
    pub value: Option<String>,
    /// The batch that was committed.
    #[serde(rename = "batch", deserialize_with = "json::non_empty")]
    pub batch_id: Option<String>,
    /// Messages of the batch. With fast ingest it is the last number reached: with gaps, fewer were
    /// stored.
    #[serde(rename = "count")]
    pub batch_size: Option<u64>,
}

impl PublishAck {
    /// Reads the answer to a message.
    ///
    /// # Errors
    ///
    /// When the stream refused the message, no stream has its subject
    /// ([`ApiError::NoResponders`]), or the answer is none of a stream: it names no stream.
    pub fn decode(answer: &Message) -> Result<Self, ApiError> {
        if let Some(Plain { stream, sequence }) = Plain::read(&answer.payload) {
            return Ok(Self { stream: stream.into(), sequence, ..Self::default() });
        }
        Self::decode_any(answer)
    }

    /// The same over an older one, whose memory is used again where that is possible; it is left as
    /// it is if there is an error.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode).
    pub fn decode_over(&mut self, answer: &Message) -> Result<(), ApiError> {
        let Some(Plain { stream, sequence }) = Plain::read(&answer.payload) else {
            *self = Self::decode_any(answer)?;
            return Ok(());
        };
        let mut name = core::mem::take(&mut self.stream);
        if name != stream {
            name.clear();
            name.push_str(stream);
        }
        *self = Self { stream: name, sequence, ..Self::default() };
        Ok(())
    }

    fn decode_any(answer: &Message) -> Result<Self, ApiError> {
        let ack: Self = api::decode(answer)?;
        if ack.stream.is_empty() {
            return Err(ApiError::malformed("no stream named", &answer.payload));
        }
        Ok(ack)
    }
}

/// What nearly every answer is: `{"stream":"ORDERS", "seq":7}`, and nothing else.
///
/// Anything with more in it, or written in another way, is left to the parser of JSON.
#[derive(Debug, PartialEq, Eq)]
struct Plain<'a> {
    stream: &'a str,
    sequence: u64,
}

impl<'a> Plain<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let rest = body.strip_prefix(br#"{"stream":""#)?;
        let end = rest.iter().position(|byte| !is_plain(*byte))?;
        let (stream, rest) = rest.split_at_checked(end)?;
        let rest = rest.strip_prefix(br#"","#)?;
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let digits = rest.strip_prefix(br#""seq":"#)?.strip_suffix(b"}")?;
        let is_number = match digits {
            [b'0'] | [b'1'..=b'9'] => true,
            // 19 digits do not overflow.
            [b'1'..=b'9', more @ ..] => more.len() <= 18 && more.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        if stream.is_empty() || !is_number {
            return None;
        }
        let add = |number: u64, digit: &u8| number * 10 + u64::from(digit - b'0');
        let sequence = digits.iter().fold(0, add);
        Some(Self { stream: core::str::from_utf8(stream).ok()?, sequence })
    }
}

/// Whether JSON has a byte in a string as it is, and it is ASCII.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::ErrorCode;
    use crate::jetstream::test_messages::{answer, status};
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn an_ack_tells_where_the_message_is() {
        let ack = PublishAck::decode(&answer(r#"{"stream":"S","seq":7}"#)).unwrap();
        let expected = PublishAck { stream: "S".into(), sequence: 7, ..PublishAck::default() };
        assert_eq!(ack, expected);
        let ack = PublishAck::decode(&answer(
            r#"{"stream":"S","seq":7,"domain":"d","duplicate":true,"val":"12","batch":"b","count":3,
            "new":1}"#,
        ))
        .unwrap();
        assert_eq!((&*ack.domain, ack.duplicate, ack.value.as_deref()), ("d", true, Some("12")));
        assert_eq!((ack.batch_id.as_deref(), ack.batch_size), (Some("b"), Some(3)));
    }

    #[test]
    fn a_refusal_is_no_ack_though_it_names_a_stream() {
        let refusal = answer(
            r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},
            "stream":"S","seq":0}"#,
        );
        let error = PublishAck::decode(&refusal).unwrap_err();
        let code = error.as_jetstream().unwrap().error_code();
        assert_eq!(code, ErrorCode::STREAM_WRONG_LAST_SEQUENCE);
        assert_eq!(PublishAck::decode(&status(503, None)), Err(ApiError::NoResponders));
        for body in ["", "{}", "ok", r#"{"seq":1}"#, r#"{"stream":"","seq":1}"#, "[1]"] {
            let error = PublishAck::decode(&answer(body)).unwrap_err();
            assert!(matches!(error, ApiError::Malformed(_)), "{body:?}: {error:?}");
        }
    }

    fn by_parser(body: &str) -> Result<PublishAck, ApiError> {
        PublishAck::decode_any(&answer(body))
    }

    #[test]
    fn a_plain_ack_is_read_without_a_parser() {
        for (body, stream, sequence) in [
            (r#"{"stream":"S","seq":7}"#, "S", 7),
            (r#"{"stream":"A B", "seq":0}"#, "A B", 0),
            (r#"{"stream":"S", "seq":1234567890123456789}"#, "S", 1_234_567_890_123_456_789),
        ] {
            assert_eq!(Plain::read(body.as_bytes()), Some(Plain { stream, sequence }), "{body}");
        }
        for body in [
            r#"{"stream":"S", "seq":7,"duplicate":true}"#,
            r#"{"stream":"S", "seq":07}"#,
            r#"{"stream":"S", "seq":-7}"#,
            r#"{"stream":"S", "seq":7.0}"#,
            r#"{"stream":"S", "seq":}"#,
            r#"{"stream":"S", "seq":18446744073709551615}"#,
            r#"{"stream":"", "seq":7}"#,
            r#"{"stream":"\u0053", "seq":7}"#,
            r#"{"stream":"\u{e9}", "seq":7}"#,
            r#"{"seq":7,"stream":"S"}"#,
            r#"{"stream":"S"}"#,
            "",
        ] {
            assert_eq!(Plain::read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_was_there_before_does_not_show_through() {
        let mut ack = PublishAck { value: Some("1".into()), duplicate: true, ..Default::default() };
        for body in [r#"{"stream":"S","seq":7}"#, r#"{"stream":"S","seq":8,"duplicate":true}"#] {
            ack.decode_over(&answer(body)).unwrap();
            assert_eq!(Ok(ack.clone()), by_parser(body));
        }
        let before = ack.clone();
        ack.decode_over(&answer("no")).unwrap_err();
        assert_eq!(ack, before);
    }

    proptest! {
        /// Bodies that are nearly plain, many of them by a change or two of a plain one.
        #[test]
        fn the_short_way_and_the_parser_agree(
            stream in r#"[ -~\x00-\x1f\u{e9}\u{20ac}]{0,6}"#,
            space in "[ \t]{0,2}",
            digits in r"[0-9+\-.eE]{0,3}|[0-9]{17,21}",
            tail in r#"(,"duplicate":true|,"x":1| |)\}?"#,
        ) {
            let body = format!(r#"{{"stream":"{stream}",{space}"seq":{digits}{tail}"#);
            prop_assert_eq!(PublishAck::decode(&answer(&body)), by_parser(&body));
            let mut over = PublishAck { domain: "old".into(), ..PublishAck::default() };
            if over.decode_over(&answer(&body)).is_ok() {
                prop_assert_eq!(Ok(over), by_parser(&body));
            }
        }
    }
}
