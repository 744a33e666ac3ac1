//! How far behind a consumer is, as its last message tells.

use super::info::Info;
use crate::jetstream::timestamp::Timestamp;
use core::time::Duration;

/// How far a consumer is, and how much is still to come, as the reply subject of a message tells:
/// without asking the server. The difference of two tells the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Messages that the consumer had still to deliver behind this one.
    pub pending: u64,
    /// Deliveries of the consumer so far, those to others and repeated ones included.
    pub delivered: u64,
    /// How often this message was delivered; more than 1 if it came again.
    pub deliveries: i64,
    /// The sequence of the message in its stream.
    pub stream_sequence: u64,
    /// When the message was stored.
    pub published: Timestamp,
}

impl From<Info<'_>> for Lag {
    fn from(info: Info<'_>) -> Self {
        Self {
            pending: info.pending,
            delivered: info.consumer_sequence,
            deliveries: info.delivered,
            stream_sequence: info.stream_sequence,
            published: info.published,
        }
    }
}

impl Lag {
    /// How old the message is; zero if the clock here is behind that of the server.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        let nanos = now.as_nanos().saturating_sub(self.published.as_nanos());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_subject_tells_how_far_a_consumer_is() {
        let lag = Lag::from(Info::parse("$JS.ACK.S.C.2.20.30.1000000000.7").unwrap());
        assert_eq!((lag.pending, lag.delivered, lag.deliveries), (7, 30, 2));
        assert_eq!(lag.stream_sequence, 20);
        assert_eq!(lag.age(Timestamp::from_nanos(3_000_000_000)), Duration::from_secs(2));
        assert_eq!(lag.age(Timestamp::from_nanos(0)), Duration::ZERO);
        assert_eq!(lag.age(Timestamp::from_nanos(i64::MIN)), Duration::ZERO);
    }
}
