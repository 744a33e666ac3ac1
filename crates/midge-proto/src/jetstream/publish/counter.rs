//! Messages that are counters (2.12).

use super::ack::PublishAck;
use crate::header::NATS_COUNTER_SOURCES;
use crate::jetstream::message::StreamMessage;
use crate::snippet::Snippet;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::fmt;
use serde::Deserialize;

/// What is added to a counter: a whole number of any size.
///
/// ```
/// use midge_proto::jetstream::Increment;
///
/// assert_eq!(Increment::from(-7).as_str(), "-7");
/// assert!(Increment::parse("+340282366920938463463374607431768211456").is_ok());
/// assert!(Increment::parse("1.5").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Increment(String);

impl Increment {
    /// A number out of its decimal digits, with or without a sign.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        if is_number(text) {
            Ok(Self(text.to_string()))
        } else {
            Err(InvalidNumber(Snippet::new(text.as_bytes())))
        }
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What takes away as much as this adds.
    #[must_use]
    pub fn negated(&self) -> Self {
        match self.0.strip_prefix('-') {
            Some(digits) => Self(digits.to_string()),
            None => Self(alloc::format!("-{}", self.0.trim_start_matches('+'))),
        }
    }
}

/// The digits.
impl fmt::Display for Increment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

macro_rules! from_number {
    ($($number:ty)+) => {
        $(
            impl From<$number> for Increment {
                fn from(number: $number) -> Self {
                    Self(number.to_string())
                }
            }
        )+
    };
}

from_number! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A counter as a stream stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    value: String,
    sources: BTreeMap<String, BTreeMap<String, String>>,
}

impl Counter {
    /// The counter that a stored message is.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn read(message: &StreamMessage) -> Result<Self, InvalidNumber> {
        #[derive(Deserialize)]
        struct Body {
            val: String,
        }

        let wrong = || InvalidNumber(Snippet::new(&message.payload));
        let body: Body = serde_json::from_slice(&message.payload).map_err(|_| wrong())?;
        if !is_number(&body.val) {
            return Err(wrong());
        }
        let sources = match message.headers.get_last(NATS_COUNTER_SOURCES) {
            Some(json) => serde_json::from_slice(json.as_bytes())
                .map_err(|_| InvalidNumber(Snippet::new(json.as_bytes())))?,
            None => BTreeMap::new(),
        };
        Ok(Self { value: body.val, sources })
    }

    /// The counter as a stream acknowledged it, without its sources.
    ///
    /// # Errors
    ///
    /// When the acknowledgement tells no value.
    pub fn acknowledged(ack: &PublishAck) -> Result<Self, InvalidNumber> {
        let value = ack.value.clone().unwrap_or_default();
        if is_number(&value) {
            Ok(Self { value, sources: BTreeMap::new() })
        } else {
            Err(InvalidNumber(Snippet::new(value.as_bytes())))
        }
    }

    /// The decimal digits of the value, with a sign if it is negative.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// The value; `None` if it does not fit into 128 bits.
    #[must_use]
    pub fn value(&self) -> Option<i128> {
        self.value.parse().ok()
    }

    /// The parts that came from other streams: by stream, then by subject, as decimal digits.
    #[must_use]
    pub const fn sources(&self) -> &BTreeMap<String, BTreeMap<String, String>> {
        &self.sources
    }
}

/// The digits of the value, however many.
impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.value)
    }
}

/// Not a whole number, or not a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNumber(Snippet);

impl fmt::Display for InvalidNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a whole number", self.0)
    }
}

impl core::error::Error for InvalidNumber {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::HeaderMap;
    use crate::jetstream::Timestamp;
    use bytes::Bytes;

    fn stored(body: &'static str, sources: Option<&str>) -> StreamMessage {
        let mut headers = HeaderMap::new();
        if let Some(sources) = sources {
            headers.insert(NATS_COUNTER_SOURCES, sources);
        }
        StreamMessage {
            subject: "count".into(),
            sequence: 1,
            headers,
            payload: Bytes::from_static(body.as_bytes()),
            time: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn counters_of_any_size_are_read_with_their_sources() {
        let counter = Counter::read(&stored(r#"{"val":"-12"}"#, None)).unwrap();
        assert_eq!((counter.value(), counter.sources().len()), (Some(-12), 0));
        let big = "9".repeat(60);
        let body = alloc::format!(r#"{{"val":"{big}"}}"#);
        let mut message = stored("", Some(r#"{"S":{"a":"5","b":"-2"}}"#));
        message.payload = body.into();
        let counter = Counter::read(&message).unwrap();
        assert_eq!((counter.as_str(), counter.value()), (&*big, None));
        assert_eq!(alloc::format!("{counter:>61}"), alloc::format!(" {big}"));
        assert_eq!(counter.sources()["S"]["b"], "-2");
    }

    #[test]
    fn other_messages_are_no_counters() {
        for body in ["", "5", "{}", r#"{"val":5}"#, r#"{"val":""}"#, r#"{"val":"x"}"#] {
            assert!(Counter::read(&stored(body, None)).is_err(), "{body}");
        }
        assert!(Counter::read(&stored(r#"{"val":"1"}"#, Some("x"))).is_err());
    }

    #[test]
    fn increments_are_whole_numbers() {
        for text in ["0", "+5", "-7", "3"] {
            assert_eq!(Increment::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "+", "--1", "1e3", " 1", "0x1", "١"] {
            assert!(Increment::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Increment::from(i128::MIN).as_str(), i128::MIN.to_string());
        for (text, negated) in [("5", "-5"), ("+5", "-5"), ("-5", "5"), ("0", "-0")] {
            assert_eq!(Increment::parse(text).unwrap().negated().as_str(), negated);
        }
    }

    #[test]
    fn an_acknowledgement_tells_the_total() {
        let ack = |value: Option<&str>| PublishAck {
            value: value.map(Into::into),
            ..PublishAck::default()
        };
        assert_eq!(Counter::acknowledged(&ack(Some("-3"))).unwrap().value(), Some(-3));
        assert!(Counter::acknowledged(&ack(None)).is_err());
        assert!(Counter::acknowledged(&ack(Some("x"))).is_err());
    }
}
