//! What the reply subject of a delivered message tells.

use crate::jetstream::timestamp::Timestamp;
use crate::snippet::Snippet;
use core::fmt;

/// What the reply subject of a delivered message tells about it. Reading it allocates nothing.
///
/// ```
/// use midge_proto::jetstream::message::Info;
///
/// let info = Info::parse("$JS.ACK.ORDERS.worker.1.20.10.1700000000000000000.5")?;
/// assert_eq!((info.stream, info.consumer), ("ORDERS", "worker"));
/// assert_eq!((info.stream_sequence, info.delivered, info.pending), (20, 1, 5));
/// # Ok::<(), midge_proto::jetstream::message::InvalidAckSubject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info<'a> {
    /// The JetStream domain.
    pub domain: Option<&'a str>,
    /// The hash of the account.
    pub acc_hash: Option<&'a str>,
    /// The stream.
    pub stream: &'a str,
    /// The consumer.
    pub consumer: &'a str,
    /// The sequence in the stream.
    pub stream_sequence: u64,
    /// Which delivery of the consumer it is.
    pub consumer_sequence: u64,
    /// How often this message was delivered, this delivery included.
    pub delivered: i64,
    /// Messages that the consumer has still to deliver.
    pub pending: u64,
    /// When the message was stored.
    pub published: Timestamp,
    /// What a newer server adds.
    pub token: Option<&'a str>,
}

impl<'a> Info<'a> {
    /// Reads a reply subject: 9 tokens as servers send by default, or 11 and more with domain and
    /// account (ADR-15).
    ///
    /// # Errors
    ///
    /// When it is none of a delivered message.
    pub fn parse(reply: &'a str) -> Result<Self, InvalidAckSubject> {
        Self::read(reply).ok_or_else(|| InvalidAckSubject(Snippet::new(reply.as_bytes())))
    }

    fn read(reply: &'a str) -> Option<Self> {
        let mut tokens = Tokens { text: reply.strip_prefix("$JS.ACK.")?, at: 0 };
        // With domain and account there are at least two tokens more, so no subject is both.
        Self::read_from_stream(&mut tokens).filter(|_| tokens.is_over()).or_else(|| {
            tokens.at = 0;
            let (domain, acc_hash) = (tokens.next()?, tokens.next()?);
            let info = Self::read_from_stream(&mut tokens)?;
            let domain = Some(domain).filter(|domain| *domain != "_");
            Some(Self { domain, acc_hash: Some(acc_hash), token: tokens.next(), ..info })
        })
    }

    fn read_from_stream(tokens: &mut Tokens<'a>) -> Option<Self> {
        Some(Self {
            domain: None,
            acc_hash: None,
            stream: tokens.next().filter(|stream| !stream.is_empty())?,
            consumer: tokens.next().filter(|consumer| !consumer.is_empty())?,
            delivered: i64::try_from(tokens.number()?).ok()?,
            stream_sequence: tokens.number()?,
            consumer_sequence: tokens.number()?,
            published: Timestamp::from_nanos(tokens.nanos()?),
            pending: tokens.number()?,
            token: None,
        })
    }
}

/// The tokens of a subject, each byte of which is looked at once: they are short.
struct Tokens<'a> {
    text: &'a str,
    /// Where the next one begins; one behind the end when there is none.
    at: usize,
}

impl<'a> Tokens<'a> {
    fn rest(&self) -> Option<&'a [u8]> {
        self.text.as_bytes().get(self.at..)
    }

    fn is_over(&self) -> bool {
        self.rest().is_none()
    }

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest()?;
        let len = rest.iter().position(|byte| *byte == b'.').unwrap_or(rest.len());
        let token = self.text.get(self.at..self.at + len);
        self.at += len + 1;
        token
    }

    /// Digits and nothing else: `parse` would take a sign, too.
    fn number(&mut self) -> Option<u64> {
        let rest = self.rest()?;
        let (mut len, mut number) = (0, 0_u64);
        for byte in rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            len += 1;
        }
        if len == 0 || rest.get(len).is_some_and(|byte| *byte != b'.') {
            return None;
        }
        let text = self.text.get(self.at..self.at + len);
        self.at += len + 1;
        // What has fewer digits than the greatest number is no greater.
        if len < U64_DIGITS { Some(number) } else { text?.parse().ok() }
    }

    /// Nanoseconds since 1970, or before.
    fn nanos(&mut self) -> Option<i64> {
        match self.rest()?.first() {
            Some(b'-') => self.next()?.parse().ok(),
            _ => i64::try_from(self.number()?).ok(),
        }
    }
}

/// Digits of `u64::MAX`.
const U64_DIGITS: usize = 20;

/// Not the reply subject of a message that a consumer delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAckSubject(Snippet);

impl fmt::Display for InvalidAckSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not the reply subject of a JetStream message", self.0)
    }
}

impl core::error::Error for InvalidAckSubject {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_tell_the_same() {
        let info = Info {
            domain: None,
            acc_hash: None,
            stream: "S",
            consumer: "C",
            stream_sequence: 20,
            consumer_sequence: 30,
            delivered: 2,
            pending: 7,
            published: Timestamp::from_nanos(1_700_000_000_000_000_001),
            token: None,
        };
        let old = "$JS.ACK.S.C.2.20.30.1700000000000000001.7";
        assert_eq!(Info::parse(old), Ok(info));
        let new = "$JS.ACK._.hash.S.C.2.20.30.1700000000000000001.7";
        assert_eq!(Info::parse(new), Ok(Info { acc_hash: Some("hash"), ..info }));
        let newer = "$JS.ACK.hub.hash.S.C.2.20.30.1700000000000000001.7.rnd.more";
        let expected =
            Info { acc_hash: Some("hash"), domain: Some("hub"), token: Some("rnd"), ..info };
        assert_eq!(Info::parse(newer), Ok(expected));
        let long = Info { pending: u64::MAX, stream_sequence: 10_u64.pow(19), ..info };
        let text = "$JS.ACK.S.C.2.10000000000000000000.30.1700000000000000001.18446744073709551615";
        assert_eq!(Info::parse(text), Ok(long));
        let numbered = Info { acc_hash: Some("1"), stream: "2", consumer: "3", ..info };
        assert_eq!(Info::parse("$JS.ACK._.1.2.3.2.20.30.1700000000000000001.7"), Ok(numbered));
        let ancient = Info { published: Timestamp::from_nanos(-5), ..info };
        assert_eq!(Info::parse("$JS.ACK.S.C.2.20.30.-5.7"), Ok(ancient));
    }

    #[test]
    fn other_subjects_are_refused() {
        for subject in [
            "",
            "orders.new",
            "$JS.ACK",
            "$JS.ACK.S.C.1.2.3.4",
            "$JS.ACK.S.C.1.2.3.4.5.6",
            "$JS.ACK.S.C.x.2.3.4.5",
            "$JS.ACK.S.C.1.+2.3.4.5",
            "$JS.ACK.S.C.1.-2.3.4.5",
            "$JS.ACK.S..1.2.3.4.5",
            "$JS.ACK.S.C.1..3.4.5",
            "$JS.ACK.S.C.1.2.3.4.",
            "$JS.ACK.S.C.1.2.3.4.5.",
            "$JS.ACK.S.C.1.2.3.-.5",
            "$JS.ACK.S.C.1.2x.3.4.5",
            "$JS.ACK.S.C.18446744073709551615.2.3.4.5",
            "$JS.ACK._.hash.S.C.1.2.3.4",
            "$JS.ACK.S.C.1.2.3.4.99999999999999999999",
            "$JS.ACK.S.C.1.2.3.+4.5",
            "$JS.ACK.S.C.1.2.3.9223372036854775808.5",
            "$JS.FC.S.C.1.2.3.4.5",
            "x$JS.ACK.S.C.1.2.3.4.5",
        ] {
            assert!(Info::parse(subject).is_err(), "{subject}");
        }
    }

    proptest! {
        #[test]
        fn no_subject_makes_it_panic(tail in "[.0-9a-z$+-]{0,60}|\\PC{0,30}") {
            let _ = Info::parse(&alloc::format!("$JS.ACK.{tail}"));
            let _ = Info::parse(&tail);
        }
    }
}
