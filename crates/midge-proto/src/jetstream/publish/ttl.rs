//! How long a stream keeps a message.

use super::go_duration::{self, Shown};
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// Shortest lifetime of a message that servers take (ADR-43).
pub const MESSAGE_TTL_MIN: Duration = Duration::from_secs(1);

/// How long a stream keeps a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageTtl {
    /// So long, at least one second.
    After(Duration),
    /// For ever, whatever the age limit of the stream.
    Never,
}

impl MessageTtl {
    /// Whether servers take it.
    ///
    /// # Errors
    ///
    /// When it is shorter than a second.
    pub fn check(self) -> Result<(), InvalidTtl> {
        match self {
            Self::After(ttl) if ttl < MESSAGE_TTL_MIN => Err(InvalidTtl(ttl)),
            Self::After(_) | Self::Never => Ok(()),
        }
    }
}

impl From<Duration> for MessageTtl {
    fn from(ttl: Duration) -> Self {
        Self::After(ttl)
    }
}

/// As in the header `Nats-TTL`.
impl fmt::Display for MessageTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Durations of the wire have 63 bits of nanoseconds (292 years); seconds have more.
            Self::After(ttl) if i64::try_from(ttl.as_nanos()).is_err() => ttl.as_secs().fmt(f),
            Self::After(ttl) => Shown(*ttl).fmt(f),
            Self::Never => f.write_str("never"),
        }
    }
}

/// Reads the header `Nats-TTL`: seconds, a duration such as `1h30m`, or `never`.
impl FromStr for MessageTtl {
    type Err = InvalidTtl;

    fn from_str(text: &str) -> Result<Self, InvalidTtl> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let ttl = match text.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => go_duration::parse(text).unwrap_or_default(),
        };
        let ttl = Self::After(ttl);
        ttl.check().map(|()| ttl)
    }
}

/// A lifetime that servers do not take: it is shorter than a second, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTtl(Duration);

impl fmt::Display for InvalidTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message must be kept for at least a second, not for {:?}", self.0)
    }
}

impl core::error::Error for InvalidTtl {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn lifetimes_are_written_and_read() {
        let seconds = |seconds| MessageTtl::After(Duration::from_secs(seconds));
        for (ttl, text) in [
            (seconds(1), "1s"),
            (seconds(7200), "7200s"),
            (MessageTtl::After(Duration::from_millis(1500)), "1500ms"),
            (seconds(99_009_000_900), "99009000900"),
            (MessageTtl::Never, "never"),
        ] {
            assert_eq!(ttl.to_string(), text);
            assert_eq!(text.parse(), Ok(ttl));
        }
        assert_eq!("60".parse(), Ok(seconds(60)));
        assert_eq!("1h".parse(), Ok(seconds(3600)));
        for text in ["0", "", "999ms", "-1", "Never", "1x"] {
            assert!(text.parse::<MessageTtl>().is_err(), "{text:?}");
        }
        assert!(MessageTtl::After(Duration::from_millis(999)).check().is_err());
        assert!(seconds(1).check().is_ok() && MessageTtl::Never.check().is_ok());
    }
}
