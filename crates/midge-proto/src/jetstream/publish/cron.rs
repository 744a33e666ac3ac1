//! Cron expressions of six fields, as the server reads them.

use crate::jetstream::timestamp::Timestamp;
use core::fmt;
use core::str::FromStr;
use time::{Date, OffsetDateTime, Time};

/// How far ahead the next date is looked for, in days: over eight years there is a 29 February.
const SEARCH_DAYS_MAX: u32 = 8 * 366;

/// A cron expression: second, minute, hour, day of month, month, day of week.
///
/// Each field is `*` or `?`, or a list of numbers and ranges (`1,5-9`), each with an optional step
/// (`*/15`, `2-10/2`, `5/20`). Months and weekdays may be English names of three letters; 0 is
/// Sunday. If both days are restricted, either is enough.
///
/// ```
/// use midge_proto::jetstream::{Cron, Timestamp};
///
/// let weekdays_at_nine: Cron = "0 0 9 * * mon-fri".parse()?;
/// let saturday: Timestamp = "2026-01-03T12:00:00Z".parse().unwrap();
/// let next = weekdays_at_nine.next_after(saturday).unwrap();
/// assert_eq!(next.to_string(), "2026-01-05T09:00:00Z");
/// # Ok::<(), midge_proto::jetstream::InvalidCron>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cron {
    second: u64,
    minute: u64,
    hour: u64,
    day_of_month: u64,
    month: u64,
    day_of_week: u64,
    /// Whether a day has to fit both day fields, since one of them says nothing.
    both_days: bool,
}

/// A field of a cron expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CronField {
    /// 0 to 59.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or a name.
    Month,
    /// 0 (Sunday) to 6, or a name.
    DayOfWeek,
}

const FIELDS: [CronField; 6] = [
    CronField::Second,
    CronField::Minute,
    CronField::Hour,
    CronField::DayOfMonth,
    CronField::Month,
    CronField::DayOfWeek,
];

impl CronField {
    const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &[
                "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
            ],
            Self::DayOfWeek => &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth => &[],
        }
    }

    fn number(self, text: &str) -> Option<u32> {
        let name = self.names().iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(at) = name {
            return u32::try_from(at).ok().map(|at| at + self.bounds().0);
        }
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
    }

    /// The numbers of one field as bits, and whether it says nothing.
    fn parse(self, text: &str) -> Option<(u64, bool)> {
        let mut bits = 0;
        let mut any = false;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(self.step(step)?)),
                None => (part, None),
            };
            let (min, max) = self.bounds();
            let (from, to) = if range == "*" || range == "?" {
                any |= step.is_none_or(|step| step == 1);
                (min, max)
            } else if let Some((from, to)) = range.split_once('-') {
                (self.number(from)?, self.number(to)?)
            } else {
                let number = self.number(range)?;
                (number, if step.is_some() { max } else { number })
            };
            if from < min || to > max || from > to {
                return None;
            }
            for number in (from..=to).step_by(step.unwrap_or(1)) {
                bits |= 1 << number;
            }
        }
        Some((bits, any))
    }

    fn step(self, text: &str) -> Option<usize> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok())?.filter(|step| *step > 0)
    }
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        let mut bits = [0; 6];
        let mut any = [false; 6];
        let mut parts = text.split_whitespace();
        for ((field, bits), any) in FIELDS.into_iter().zip(&mut bits).zip(&mut any) {
            let part = parts.next().ok_or(InvalidCron::NotSixFields)?;
            (*bits, *any) = field.parse(part).ok_or(InvalidCron::Field(field))?;
        }
        if parts.next().is_some() {
            return Err(InvalidCron::NotSixFields);
        }
        let [second, minute, hour, day_of_month, month, day_of_week] = bits;
        let [.., any_day_of_month, _, any_day_of_week] = any;
        let both_days = any_day_of_month || any_day_of_week;
        Ok(Self { second, minute, hour, day_of_month, month, day_of_week, both_days })
    }
}

impl Cron {
    /// The first moment behind `moment` that fits, in UTC; `None` if there is none within eight
    /// years, as for 30 February.
    #[must_use]
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = moment.saturating_add(core::time::Duration::from_secs(1)).to_date_time();
        let mut date = moment.date();
        if self.has_day(date)
            && let Some(time) = self.next_time(moment.time())
        {
            return Some(utc(date, time));
        }
        for _ in 0..SEARCH_DAYS_MAX {
            date = date.next_day()?;
            if self.has_day(date) {
                return self.next_time(Time::MIDNIGHT).map(|time| utc(date, time));
            }
        }
        None
    }

    fn has_day(&self, date: Date) -> bool {
        let day_of_month = has(self.day_of_month, date.day());
        let day_of_week = has(self.day_of_week, date.weekday().number_days_from_sunday());
        has(self.month, u8::from(date.month()))
            && if self.both_days {
                day_of_month && day_of_week
            } else {
                day_of_month || day_of_week
            }
    }

    /// The first time of a day that is not before `from`.
    fn next_time(&self, from: Time) -> Option<Time> {
        let (from_hour, from_minute, from_second) = from.as_hms();
        for hour in (from_hour..24).filter(|hour| has(self.hour, *hour)) {
            let first_minute = if hour == from_hour { from_minute } else { 0 };
            for minute in (first_minute..60).filter(|minute| has(self.minute, *minute)) {
                let same_minute = hour == from_hour && minute == from_minute;
                let first_second = if same_minute { from_second } else { 0 };
                if let Some(second) = (first_second..60).find(|second| has(self.second, *second)) {
                    return Time::from_hms(hour, minute, second).ok();
                }
            }
        }
        None
    }
}

const fn has(bits: u64, number: u8) -> bool {
    bits >> number & 1 == 1
}

fn utc(date: Date, time: Time) -> Timestamp {
    Timestamp::from_date_time(OffsetDateTime::new_utc(date, time))
}

/// Not a cron expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidCron {
    /// It does not have six fields; the first is that of the second.
    NotSixFields,
    /// This field cannot be read, or a number in it is out of range.
    Field(CronField),
}

impl fmt::Display for InvalidCron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = match self {
            Self::NotSixFields => {
                return f.write_str(
                    "a cron expression has six fields: second, minute, hour, day of month, month, \
                     day of week",
                );
            }
            Self::Field(CronField::Second) => "second",
            Self::Field(CronField::Minute) => "minute",
            Self::Field(CronField::Hour) => "hour",
            Self::Field(CronField::DayOfMonth) => "day of month",
            Self::Field(CronField::Month) => "month",
            Self::Field(CronField::DayOfWeek) => "day of week",
        };
        write!(f, "the {field} of the cron expression cannot be read or is out of range")
    }
}

impl core::error::Error for InvalidCron {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn expressions_fire_when_they_say() {
        for (cron, after, next) in [
            ("* * * * * *", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"),
            ("* * * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
            ("0 * * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
            ("30 15 * * * *", "2026-12-31T23:15:30Z", "2027-01-01T00:15:30Z"),
            ("0 0 0 1 1 ?", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("0 0 12 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T12:00:00Z"),
            ("0 */20 8-9 * * *", "2026-01-01T08:40:00Z", "2026-01-01T09:00:00Z"),
            ("0 5/20 * * * *", "2026-01-01T08:45:00Z", "2026-01-01T09:05:00Z"),
            ("0 0 0 13 * FRI", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"),
            ("0 0 0 * feb-mar sun", "2026-01-03T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("0 0 0 */2 * sun", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"),
            ("59 59 23 31 12 *", "2026-12-31T23:59:58Z", "2026-12-31T23:59:59Z"),
        ] {
            let cron: Cron = cron.parse().unwrap();
            let found = cron.next_after(after.parse().unwrap()).unwrap();
            assert_eq!(found.to_string(), next, "{cron:?} after {after}");
        }
        let never: Cron = "0 0 0 30 2 *".parse().unwrap();
        assert_eq!(never.next_after(Timestamp::UNIX_EPOCH), None);
        let last: Cron = "* * * * * *".parse().unwrap();
        assert_eq!(last.next_after(Timestamp::MAX).map(|at| at >= Timestamp::MAX), Some(false));
    }

    #[test]
    fn what_the_server_would_refuse_is_refused() {
        let all: Vec<_> = "* * * * * *".split(' ').collect();
        for (field, parts) in FIELDS.into_iter().zip([
            ["60", "-1", "a"],
            ["60", "5-4", "*/0"],
            ["24", "1-24", ""],
            ["0", "32", "1,"],
            ["0", "13", "foo"],
            ["7", "sunday", "1-2-3"],
        ]) {
            for part in parts.into_iter().filter(|part| !part.is_empty()) {
                let mut fields = all.clone();
                fields[field as usize] = part;
                let text = fields.join(" ");
                assert_eq!(text.parse::<Cron>(), Err(InvalidCron::Field(field)), "{text}");
            }
        }
        for text in ["", "* * * * *", "* * * * * * *"] {
            assert_eq!(text.parse::<Cron>(), Err(InvalidCron::NotSixFields), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}|([0-9*?/,a-z-]{1,6} ){6}", at: i64) {
            if let Ok(cron) = text.trim().parse::<Cron>() {
                let _ = cron.next_after(Timestamp::from_nanos(at));
            }
        }

        #[test]
        fn the_next_time_is_later_and_fits(
            second in 0..60u8, minute in 0..60u8, hour in 0..24u8, at in 0..4_000_000_000_000_000_000i64,
        ) {
            let cron: Cron = format!("{second} {minute} {hour} * * *").parse().unwrap();
            let at = Timestamp::from_nanos(at);
            let next = cron.next_after(at).unwrap();
            prop_assert!(next > at);
            prop_assert!(next.saturating_since(at).as_secs() <= 86_400);
            prop_assert_eq!(next.to_date_time().to_hms(), (hour, minute, second));
        }
    }
}
