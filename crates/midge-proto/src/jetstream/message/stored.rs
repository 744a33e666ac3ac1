//! Messages as a stream stores them.

use crate::header::HeaderMap;
use crate::header::{NATS_SEQUENCE, NATS_SUBJECT, NATS_TIME_STAMP};
use crate::jetstream::timestamp::{InvalidTimestamp, Timestamp};
use crate::message::Message;
use crate::subject::Subject;
use alloc::borrow::Cow;
use alloc::string::String;
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use core::fmt;
use serde::Deserialize;

/// A message as a stream stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamMessage {
    /// The subject it was published to.
    pub subject: Subject,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// Its headers. Those of a direct get end with the server's own: `Nats-Stream`,
    /// `Nats-Subject`, `Nats-Sequence`, `Nats-Time-Stamp`.
    pub headers: HeaderMap,
    /// Its body.
    pub payload: Bytes,
    /// When it was stored.
    pub time: Timestamp,
}

/// The body of a stored message, without all the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamValue {
    /// The body.
    pub data: Bytes,
}

/// What is wrong with a message that a server gave out as a stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamMessageError {
    /// A header is not there.
    MissingHeader(&'static str),
    /// A header or field is not what it has to be.
    ParseError {
        /// Its name.
        name: &'static str,
        /// What is there.
        value: String,
    },
}

/// What kind of error a [`StreamMessageError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamMessageErrorKind {
    /// A header is not there.
    MissingHeader,
    /// A header or field is not what it has to be.
    ParseError,
}

impl StreamMessageError {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> StreamMessageErrorKind {
        match self {
            Self::MissingHeader(_) => StreamMessageErrorKind::MissingHeader,
            Self::ParseError { .. } => StreamMessageErrorKind::ParseError,
        }
    }
}

impl fmt::Display for StreamMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => write!(f, "a stored message came without {name}"),
            Self::ParseError { name, value } => {
                write!(f, "a stored message came with {name} {value:?}")
            }
        }
    }
}

impl core::error::Error for StreamMessageError {}

/// The answer to a direct get.
impl TryFrom<&Message> for StreamMessage {
    type Error = StreamMessageError;

    fn try_from(message: &Message) -> Result<Self, StreamMessageError> {
        let headers = message.headers.clone().unwrap_or_default();
        // The server's own headers stand behind those that were stored with the message.
        let last = |name: crate::header::HeaderName, shown: &'static str| {
            headers.get_last(name).cloned().ok_or(StreamMessageError::MissingHeader(shown))
        };
        let subject = last(NATS_SUBJECT, "Nats-Subject")?;
        let sequence = last(NATS_SEQUENCE, "Nats-Sequence")?;
        let time = last(NATS_TIME_STAMP, "Nats-Time-Stamp")?;
        let wrong =
            |name, value: &str| StreamMessageError::ParseError { name, value: value.into() };
        Ok(Self {
            subject: Subject::from(subject.as_str()),
            sequence: sequence
                .as_str()
                .parse()
                .map_err(|_| wrong("Nats-Sequence", sequence.as_str()))?,
            time: read_time(time.as_str()).map_err(|_| wrong("Nats-Time-Stamp", time.as_str()))?,
            payload: message.payload.clone(),
            headers,
        })
    }
}

/// RFC 3339, or the way Go prints a time in UTC, as servers before 2.9 sent it.
fn read_time(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    let text = match text.strip_suffix(" +0000 UTC").and_then(|text| text.split_once(' ')) {
        Some((date, time)) => Cow::Owned(alloc::format!("{date}T{time}Z")),
        None => Cow::Borrowed(text),
    };
    Timestamp::from_wire(&text).map(|time| time.unwrap_or(Timestamp::MIN))
}

/// A message in the answer of the leader of a stream, in JSON.
#[derive(Deserialize)]
pub(super) struct RawMessage {
    subject: Subject,
    seq: u64,
    #[serde(default)]
    hdrs: Option<String>,
    #[serde(default)]
    data: Option<String>,
    time: String,
}

impl TryFrom<RawMessage> for StreamMessage {
    type Error = StreamMessageError;

    fn try_from(raw: RawMessage) -> Result<Self, StreamMessageError> {
        let bytes = |name, text: Option<String>| match text {
            None => Ok(Bytes::new()),
            Some(text) => Base64::decode_vec(&text)
                .map(Bytes::from)
                .map_err(|_| StreamMessageError::ParseError { name, value: text }),
        };
        let headers = bytes("hdrs", raw.hdrs)?;
        Ok(Self {
            subject: raw.subject,
            sequence: raw.seq,
            headers: if headers.is_empty() {
                HeaderMap::new()
            } else {
                HeaderMap::received(headers)
            },
            payload: bytes("data", raw.data)?,
            time: read_time(&raw.time)
                .map_err(|_| StreamMessageError::ParseError { name: "time", value: raw.time })?,
        })
    }
}
