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
        let ack: Self = api::decode(answer)?;
        if ack.stream.is_empty() {
            return Err(ApiError::malformed("no stream named", &answer.payload));
        }
        Ok(ack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::ErrorCode;
    use crate::jetstream::test_messages::{answer, status};

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
}
