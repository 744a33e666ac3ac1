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
        let rest = reply.strip_prefix("$JS.ACK.")?;
        // Behind the prefix there are 7 tokens, or 9 and more.
        let mut tokens = Tokens(Some(rest));
        let (domain, acc_hash) = match rest.bytes().filter(|byte| *byte == b'.').count() + 1 {
            7 => (None, None),
            9.. => (Some(tokens.next()?), Some(tokens.next()?)),
            _ => return None,
        };
        let mut token = || tokens.next().filter(|token| !token.is_empty());
        let info = Self {
            domain: domain.filter(|domain| *domain != "_"),
            acc_hash,
            stream: token()?,
            consumer: token()?,
            delivered: i64::try_from(number(token()?)?).ok()?,
            stream_sequence: number(token()?)?,
            consumer_sequence: number(token()?)?,
            published: Timestamp::from_nanos(nanos(token()?)?),
            pending: number(token()?)?,
            token: tokens.next(),
        };
        Some(info)
    }
}

/// The tokens of a subject: they are short, and a search for each dot costs more than a look at each byte.
struct Tokens<'a>(Option<&'a str>);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let Some(dot) = rest.bytes().position(|byte| byte == b'.') else { return self.0.take() };
        self.0 = rest.get(dot + 1..);
        rest.get(..dot)
    }
}

/// Digits and nothing else: `parse` would take a sign, too.
#[inline]
fn number(token: &str) -> Option<u64> {
    token.bytes().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// Nanoseconds since 1970, or before.
fn nanos(token: &str) -> Option<i64> {
    match token.starts_with('-') {
        true => token.parse().ok(),
        false => i64::try_from(number(token)?).ok(),
    }
}

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
