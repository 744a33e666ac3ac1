//! Moments of wall-clock time.

use crate::snippet::Snippet;
use core::fmt;
use core::ops::{Add, Sub};
use core::str::FromStr;
use core::time::Duration;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment of wall-clock time: nanoseconds since 1970-01-01T00:00:00Z, from 1677 to 2262.
///
/// On the wire it is an RFC 3339 date. Where a server says "unset" (the date
/// `0001-01-01T00:00:00Z`), fields are `None`; a date before 1677 or after 2262 in an answer is
/// taken for the nearest one that can be told.
///
/// ```
/// use midge_proto::jetstream::Timestamp;
///
/// let moment: Timestamp = "2026-02-03T04:05:06.7+01:00".parse()?;
/// assert_eq!(moment.to_string(), "2026-02-03T03:05:06.7Z");
/// # Ok::<(), midge_proto::jetstream::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Nanoseconds from 1970 back to the year 1, which on the wire means "unset".
pub(super) const UNSET_NANOS: i128 = -62_135_596_800_000_000_000;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

impl Timestamp {
    /// The beginning of 1970.
    pub const UNIX_EPOCH: Self = Self(0);
    /// The earliest moment, in 1677.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment, in 2262.
    pub const MAX: Self = Self(i64::MAX);

    /// The moment `nanos` nanoseconds after (or before) the beginning of 1970.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the beginning of 1970.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the beginning of 1970, rounded down.
    #[must_use]
    pub const fn unix_timestamp(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }

    /// As [`as_nanos`](Self::as_nanos), in the type that crates of dates take.
    #[must_use]
    pub const fn unix_timestamp_nanos(self) -> i128 {
        self.0 as i128
    }

    /// The moment `duration` later, or [`MAX`](Self::MAX).
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        within_nanos(duration)
            .and_then(|nanos| self.0.checked_add_unsigned(nanos))
            .map_or(Self::MAX, Self)
    }

    /// The moment `duration` earlier, or [`MIN`](Self::MIN).
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        within_nanos(duration)
            .and_then(|nanos| self.0.checked_sub_unsigned(nanos))
            .map_or(Self::MIN, Self)
    }

    /// Time passed since `earlier`, or zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        if self.0 <= earlier.0 {
            Duration::ZERO
        } else {
            Duration::from_nanos(self.0.abs_diff(earlier.0))
        }
    }

    /// What a server wrote: `Ok(None)` for "unset", the nearest moment for one out of range.
    pub(crate) fn from_wire(text: &str) -> Result<Option<Self>, InvalidTimestamp> {
        let nanos = parse(text).ok_or_else(|| InvalidTimestamp::new(text))?;
        Ok((nanos != UNSET_NANOS).then(|| Self::clamped(nanos)))
    }

    /// The nearest moment that can be told.
    pub(super) fn clamped(nanos: i128) -> Self {
        Self(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }

    pub(super) fn to_date_time(self) -> OffsetDateTime {
        // 64 bits of nanoseconds stay within the years 1677 to 2262.
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    pub(super) fn from_date_time(date_time: OffsetDateTime) -> Self {
        Self::clamped(date_time.unix_timestamp_nanos())
    }
}

/// The nanoseconds of a duration, if it can lie between two moments.
fn within_nanos(duration: Duration) -> Option<u64> {
    u64::try_from(duration.as_nanos()).ok()
}

/// Ends at [`MAX`](Timestamp::MAX).
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

/// Ends at [`MIN`](Timestamp::MIN).
impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        self.saturating_sub(duration)
    }
}

/// The nanoseconds since the beginning of 1970 of an RFC 3339 date of any year.
pub(super) fn parse(text: &str) -> Option<i128> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp_nanos)
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text)
            .and_then(|nanos| i64::try_from(nanos).ok())
            .map(Self)
            .ok_or_else(|| InvalidTimestamp::new(text))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.to_date_time();
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month))?;
        let mut fraction = at.nanosecond();
        if fraction > 0 {
            let mut digits = 9;
            while fraction.is_multiple_of(10) {
                fraction /= 10;
                digits -= 1;
            }
            write!(f, ".{fraction:0digits$}")?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A date out of range is taken for the nearest moment that can be told.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = alloc::borrow::Cow::<str>::deserialize(deserializer)?;
        parse(&text)
            .map(Self::clamped)
            .ok_or_else(|| D::Error::custom(InvalidTimestamp::new(&text)))
    }
}

#[cfg(feature = "std")]
mod system_time {
    extern crate std;

    use super::{InvalidTimestamp, Timestamp};
    use alloc::string::ToString;
    use core::time::Duration;
    use std::time::SystemTime;

    impl TryFrom<SystemTime> for Timestamp {
        type Error = InvalidTimestamp;

        fn try_from(time: SystemTime) -> Result<Self, InvalidTimestamp> {
            let (nanos, sign) = match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(after) => (after.as_nanos(), 1),
                Err(before) => (before.duration().as_nanos(), -1),
            };
            i128::try_from(nanos)
                .ok()
                .and_then(|nanos| i64::try_from(sign * nanos).ok())
                .map(Self)
                .ok_or_else(|| InvalidTimestamp::new(&nanos.to_string()))
        }
    }

    impl From<Timestamp> for SystemTime {
        fn from(timestamp: Timestamp) -> Self {
            let distance = Duration::from_nanos(timestamp.0.unsigned_abs());
            // Every system with `std` can tell the years 1677 to 2262.
            if timestamp.0 < 0 { Self::UNIX_EPOCH - distance } else { Self::UNIX_EPOCH + distance }
        }
    }
}

/// Not a date of RFC 3339, or one before 1677 or after 2262.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTimestamp(Snippet);

impl InvalidTimestamp {
    #[cold]
    pub(super) fn new(text: &str) -> Self {
        Self(Snippet::new(text.as_bytes()))
    }
}

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not an RFC 3339 date from 1677 to 2262", self.0)
    }
}

impl core::error::Error for InvalidTimestamp {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_in_every_zone_and_written_in_utc() {
        for (text, nanos, written) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("1970-01-01T00:00:00.000000001Z", 1, "1970-01-01T00:00:00.000000001Z"),
            ("1969-12-31T23:59:59.5Z", -500_000_000, "1969-12-31T23:59:59.5Z"),
            ("2026-02-03T04:05:06.7+01:00", 1_770_087_906_700_000_000, "2026-02-03T03:05:06.7Z"),
            ("2024-02-29T00:00:00.120-00:30", 1_709_166_600_120_000_000, "2024-02-29T00:30:00.12Z"),
        ] {
            let timestamp: Timestamp = text.parse().unwrap();
            assert_eq!(timestamp.as_nanos(), nanos, "{text}");
            assert_eq!(timestamp.to_string(), written);
        }
        for text in
            ["", "2026", "2026-02-30T00:00:00Z", "2026-02-03 04:05", "1500-01-01T00:00:00Z", "x"]
        {
            assert!(text.parse::<Timestamp>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn on_the_wire_unset_is_none_and_out_of_range_is_the_nearest() {
        assert_eq!(Timestamp::from_wire("0001-01-01T00:00:00Z"), Ok(None));
        assert_eq!(Timestamp::from_wire("0001-01-01T00:00:01Z"), Ok(Some(Timestamp::MIN)));
        assert_eq!(Timestamp::from_wire("9999-12-31T23:59:59Z"), Ok(Some(Timestamp::MAX)));
        assert!(Timestamp::from_wire("soon").is_err());
        assert_eq!(
            serde_json::from_str::<Timestamp>("\"2500-01-01T00:00:00Z\"").unwrap(),
            Timestamp::MAX
        );
        assert!(serde_json::from_str::<Timestamp>("\"x\"").is_err());
    }

    #[test]
    fn sums_and_differences_saturate() {
        let most = Duration::from_nanos(u64::MAX);
        assert_eq!(Timestamp::MIN + most, Timestamp::MAX);
        assert_eq!(Timestamp::MAX - most, Timestamp::MIN);
        assert_eq!(Timestamp::MIN + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MAX - Duration::MAX, Timestamp::MIN);
        assert_eq!(Timestamp::UNIX_EPOCH + Duration::from_nanos(1), Timestamp::from_nanos(1));
        assert_eq!(Timestamp::UNIX_EPOCH - Duration::from_nanos(1), Timestamp::from_nanos(-1));
        assert_eq!(Timestamp::MAX.saturating_since(Timestamp::MIN), Duration::from_nanos(u64::MAX));
        assert_eq!(Timestamp::MIN.saturating_since(Timestamp::MAX), Duration::ZERO);
    }

    #[test]
    fn seconds_are_rounded_down_on_both_sides_of_1970() {
        for (nanos, seconds) in [(0, 0), (1_999_999_999, 1), (-1, -1), (-1_000_000_000, -1)] {
            let timestamp = Timestamp::from_nanos(nanos);
            assert_eq!(timestamp.unix_timestamp(), seconds, "{nanos}");
            assert_eq!(timestamp.unix_timestamp_nanos(), i128::from(nanos));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(nanos: i64) {
            let timestamp = Timestamp::from_nanos(nanos);
            prop_assert_eq!(timestamp.to_string().parse(), Ok(timestamp));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}|[0-9TZ:.+-]{0,40}") {
            let _ = text.parse::<Timestamp>();
            let _ = Timestamp::from_wire(&text);
        }
    }
}
