//! What a consumer is told about a message.

use crate::jetstream::consumer::pull::BatchConfig;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// What a consumer is told about a message: the payload that goes to its reply subject.
///
/// ```
/// use core::time::Duration;
/// use midge_proto::jetstream::AckKind;
///
/// let mut out = Vec::new();
/// AckKind::Nak(Some(Duration::from_secs(1))).encode(&mut out);
/// assert_eq!(out, br#"-NAK {"delay": 1000000000}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AckKind {
    /// It is done.
    Ack,
    /// Deliver it again, after this time if one is given.
    Nak(Option<Duration>),
    /// It is being worked on: the time for the acknowledgement begins anew.
    Progress,
    /// It is done, and the next message is to come to the reply subject of this acknowledgement.
    Next,
    /// Do not deliver it again.
    Term,
    /// Do not deliver it again, for this reason: it gets into the advisory (2.10.4).
    TermWithReason(String),
}

impl AckKind {
    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nak(Some(delay)) => {
                out.extend_from_slice(b"-NAK {\"delay\": ");
                let nanos = super::super::json::to_nanos(*delay);
                out.extend_from_slice(itoa::Buffer::new().format(nanos).as_bytes());
                out.push(b'}');
            }
            Self::TermWithReason(reason) => {
                out.extend_from_slice(b"+TERM ");
                out.extend_from_slice(reason.as_bytes());
            }
            Self::Ack | Self::Nak(None) | Self::Progress | Self::Next | Self::Term => {
                out.extend_from_slice(self.word());
            }
        }
    }

    const fn word(&self) -> &'static [u8] {
        match self {
            Self::Ack => b"+ACK",
            Self::Nak(_) => b"-NAK",
            Self::Progress => b"+WPI",
            Self::Next => b"+NXT",
            Self::Term | Self::TermWithReason(_) => b"+TERM",
        }
    }

    /// Whether nothing can be said about the message after it. Only progress can be told again.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Progress)
    }

    /// Whether the server answers, if asked to; a request for the next message is answered by that
    /// message.
    #[must_use]
    pub const fn is_confirmable(&self) -> bool {
        !matches!(self, Self::Next)
    }
}

impl From<AckKind> for Bytes {
    fn from(kind: AckKind) -> Self {
        match &kind {
            AckKind::Nak(Some(_)) | AckKind::TermWithReason(_) => {
                let mut out = Vec::new();
                kind.encode(&mut out);
                out.into()
            }
            AckKind::Ack
            | AckKind::Nak(None)
            | AckKind::Progress
            | AckKind::Next
            | AckKind::Term => Self::from_static(kind.word()),
        }
    }
}

/// The payload that acknowledges a message and is a pull at once; what that brings comes to the
/// reply subject of this acknowledgement.
#[must_use]
pub fn ack_and_pull(pull: &BatchConfig) -> Bytes {
    let mut out = AckKind::Next.word().to_vec();
    out.push(b' ');
    pull.encode(&mut out);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_may_be_a_pull() {
        assert_eq!(ack_and_pull(&BatchConfig::from(3)), r#"+NXT {"batch":3}"#);
    }

    #[test]
    fn each_kind_has_its_payload() {
        for (kind, payload) in [
            (AckKind::Ack, "+ACK"),
            (AckKind::Nak(None), "-NAK"),
            (AckKind::Nak(Some(Duration::from_millis(1500))), r#"-NAK {"delay": 1500000000}"#),
            (AckKind::Nak(Some(Duration::MAX)), r#"-NAK {"delay": 9223372036854775807}"#),
            (AckKind::Progress, "+WPI"),
            (AckKind::Next, "+NXT"),
            (AckKind::Term, "+TERM"),
            (AckKind::TermWithReason("no such user".into()), "+TERM no such user"),
        ] {
            let mut out = Vec::new();
            kind.encode(&mut out);
            assert_eq!(out, payload.as_bytes());
            assert_eq!(kind.is_final(), kind != AckKind::Progress);
            assert_eq!(kind.is_confirmable(), kind != AckKind::Next);
            assert_eq!(Bytes::from(kind), payload);
        }
    }
}
