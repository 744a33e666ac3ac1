//! Durations as the server reads and writes them in headers: `1h30m`, `1.5s`.

use core::fmt;
use core::time::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration that is not negative; `None` also if it is longer than 292 years.
pub(in crate::jetstream) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos: u64 = 0;
    while !rest.is_empty() {
        let (whole, behind) = split_digits(rest);
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => split_digits(behind),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_len = behind
            .find(|character: char| character == '.' || character.is_ascii_digit())
            .unwrap_or(behind.len());
        let (name, behind) = behind.split_at(unit_len);
        let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
        let count: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanos = nanos.checked_add(count.checked_mul(*unit)?)?;
        // Digits beyond the nanosecond do not count.
        let mut weight = *unit;
        for digit in fraction.bytes() {
            weight /= 10;
            nanos = nanos.checked_add(u64::from(digit - b'0') * weight)?;
        }
        rest = behind;
    }
    i64::try_from(nanos).ok().map(|_| Duration::from_nanos(nanos))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// Shows a duration in the largest unit that needs no fraction.
pub(super) struct Shown(pub(super) Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        match nanos {
            _ if nanos.is_multiple_of(1_000_000_000) => write!(f, "{}s", nanos / 1_000_000_000),
            _ if nanos.is_multiple_of(1_000_000) => write!(f, "{}ms", nanos / 1_000_000),
            _ => write!(f, "{nanos}ns"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn durations_of_go_are_read() {
        for (text, nanos) in [
            ("0", 0),
            ("1s", 1_000_000_000),
            ("+1.5s", 1_500_000_000),
            ("1h30m", 5_400_000_000_000),
            (".5m", 30_000_000_000),
            ("1.s", 1_000_000_000),
            ("2ms3us4µs5ns", 2_007_005),
            ("0.0000000019s", 1),
        ] {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["", "+", "1", "s", "-1s", "1d", "1 s", ".s", "1s2", "1e3s", "9999999h", "++1s"]
        {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(nanos in 0..i64::MAX as u64, unit in 0..3u32) {
            let unit = 1000_u64.pow(unit * 3 / 2);
            let duration = Duration::from_nanos(nanos / unit * unit);
            prop_assert_eq!(parse(&Shown(duration).to_string()), Some(duration));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}|[0-9.smhµn+-]{0,30}") {
            let _ = parse(&text);
        }
    }
}
