//! Messages that the stream publishes later, or again and again.

use super::cron::{Cron, InvalidCron};
use super::go_duration::{self, Shown};
use super::ttl::{InvalidTtl, MessageTtl};
use crate::header::{HeaderMap, HeaderName};
use crate::header::{
    NATS_SCHEDULE, NATS_SCHEDULE_NEXT, NATS_SCHEDULE_ROLLUP, NATS_SCHEDULE_ROLLUP_SUB,
    NATS_SCHEDULE_SOURCE, NATS_SCHEDULE_TARGET, NATS_SCHEDULE_TIME_ZONE, NATS_SCHEDULE_TTL,
    NATS_SCHEDULER,
};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::timestamp::Timestamp;
use crate::snippet::Snippet;
use crate::subject::{InvalidSubject, Subject, ToSubject};
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// Shortest interval of a schedule that servers take (ADR-51).
pub const SCHEDULE_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// When a stream publishes a message.
///
/// ```
/// use midge_proto::jetstream::Schedule;
///
/// let schedule: Schedule = "@every 1h30m".parse()?;
/// assert_eq!(schedule.to_string(), "@every 5400s");
/// assert!("@every 10ms".parse::<Schedule>().is_err());
/// assert!("*/5 * * * *".parse::<Schedule>().is_err(), "cron has six fields here");
/// # Ok::<(), midge_proto::jetstream::InvalidSchedule>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// Once, at that time; at once, if that has passed.
    At(Timestamp),
    /// Again and again, with this interval, which is at least a second.
    Every(Duration),
    /// At the beginning of each year.
    Yearly,
    /// At the beginning of each month.
    Monthly,
    /// At the midnight that begins each Sunday.
    Weekly,
    /// At each midnight.
    Daily,
    /// At the beginning of each hour.
    Hourly,
    /// When a cron expression says it.
    Cron(CronSchedule),
}

/// A cron expression with its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CronSchedule {
    cron: Cron,
    text: String,
}

impl CronSchedule {
    /// The times it stands for.
    #[must_use]
    pub const fn cron(&self) -> Cron {
        self.cron
    }
}

impl Schedule {
    /// A schedule by cron fields: second, minute, hour, day of month, month, day of week.
    ///
    /// # Errors
    ///
    /// When the server would refuse them.
    pub fn cron(text: impl Into<String>) -> Result<Self, InvalidCron> {
        let text = text.into();
        Ok(Self::Cron(CronSchedule { cron: text.parse()?, text }))
    }

    /// The first time behind `moment` at which it fires, if its time zone is UTC; `None` if it does
    /// not any more. The intervals of [`Every`](Self::Every) are counted from `moment`.
    #[must_use]
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let by_cron = |text: &str| text.parse::<Cron>().ok()?.next_after(moment);
        match self {
            Self::At(at) => Some(*at).filter(|at| *at > moment),
            Self::Every(interval) => Some(moment.saturating_add(*interval)),
            Self::Yearly => by_cron("0 0 0 1 1 *"),
            Self::Monthly => by_cron("0 0 0 1 * *"),
            Self::Weekly => by_cron("0 0 0 * * 0"),
            Self::Daily => by_cron("0 0 0 * * *"),
            Self::Hourly => by_cron("0 0 * * * *"),
            Self::Cron(schedule) => schedule.cron.next_after(moment),
        }
    }

    /// Whether it goes by the clock of a time zone.
    const fn has_time_zone(&self) -> bool {
        match self {
            Self::At(_) | Self::Every(_) => false,
            Self::Yearly
            | Self::Monthly
            | Self::Weekly
            | Self::Daily
            | Self::Hourly
            | Self::Cron(_) => true,
        }
    }

    fn check(&self) -> Result<(), InvalidSchedule> {
        match self {
            Self::Every(interval) if *interval < SCHEDULE_INTERVAL_MIN => {
                Err(InvalidSchedule::Interval(*interval))
            }
            Self::At(_)
            | Self::Every(_)
            | Self::Yearly
            | Self::Monthly
            | Self::Weekly
            | Self::Daily
            | Self::Hourly
            | Self::Cron(_) => Ok(()),
        }
    }
}

/// As in the header `Nats-Schedule`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "@at {at}"),
            Self::Every(interval) => write!(f, "@every {}", Shown(*interval)),
            Self::Yearly => f.write_str("@yearly"),
            Self::Monthly => f.write_str("@monthly"),
            Self::Weekly => f.write_str("@weekly"),
            Self::Daily => f.write_str("@daily"),
            Self::Hourly => f.write_str("@hourly"),
            Self::Cron(schedule) => f.write_str(&schedule.text),
        }
    }
}

/// Reads what the header `Nats-Schedule` may have, and refuses what the server would refuse.
impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let unknown = || InvalidSchedule::Unknown(Snippet::new(text.as_bytes()));
        let schedule = match text {
            "@yearly" | "@annually" => Self::Yearly,
            "@monthly" => Self::Monthly,
            "@weekly" => Self::Weekly,
            "@daily" | "@midnight" => Self::Daily,
            "@hourly" => Self::Hourly,
            _ if text.starts_with('@') => {
                if let Some(date) = text.strip_prefix("@at ") {
                    Self::At(date.parse().map_err(|_| unknown())?)
                } else if let Some(interval) = text.strip_prefix("@every ") {
                    Self::Every(go_duration::parse(interval).ok_or_else(unknown)?)
                } else {
                    return Err(unknown());
                }
            }
            _ => Self::cron(text)?,
        };
        schedule.check().map(|()| schedule)
    }
}

/// What a stream does on a [`Schedule`]: which message it publishes, and where.
///
/// The message that has this is the schedule itself: there is one on each subject, and a newer one
/// takes its place. The stream has to allow it
/// ([`allow_message_schedules`](crate::jetstream::stream::Config::allow_message_schedules)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduling {
    schedule: Schedule,
    target: Subject,
    source: Option<Subject>,
    ttl: Option<MessageTtl>,
    time_zone: Option<String>,
    rollup: bool,
}

impl Scheduling {
    /// Publishes to `target`, which the stream must have, too.
    #[must_use]
    pub fn new(schedule: Schedule, target: impl ToSubject) -> Self {
        Self {
            schedule,
            target: target.into_subject(),
            source: None,
            ttl: None,
            time_zone: None,
            rollup: false,
        }
    }

    /// Publishes the newest message of this subject, in place of the body of the schedule, if there
    /// is one (2.14).
    #[must_use]
    pub fn source(mut self, source: impl ToSubject) -> Self {
        self.source = Some(source.into_subject());
        self
    }

    /// How long published messages are kept.
    #[must_use]
    pub fn ttl(mut self, ttl: impl Into<MessageTtl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// The clock that cron fields and named intervals go by: an IANA name, `UTC` or `Local`. UTC
    /// unless set (2.14).
    #[must_use]
    pub fn time_zone(mut self, time_zone: impl Into<String>) -> Self {
        self.time_zone = Some(time_zone.into());
        self
    }

    /// Each published message deletes the older ones of the target (2.14).
    #[must_use]
    pub fn rollup(mut self) -> Self {
        self.rollup = true;
        self
    }

    /// What a stored schedule says; `None` if the message with these headers is none.
    ///
    /// # Errors
    ///
    /// When the headers are none that this version knows.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Option<Result<Self, InvalidSchedule>> {
        let schedule = headers.get_last(NATS_SCHEDULE)?;
        Some(Self::read_parts(schedule.as_str(), headers))
    }

    fn read_parts(schedule: &str, headers: &HeaderMap) -> Result<Self, InvalidSchedule> {
        let text = |name: HeaderName| headers.get_last(name).map(|value| value.as_str());
        let mut scheduling =
            Self::new(schedule.parse()?, Subject::from(text(NATS_SCHEDULE_TARGET).unwrap_or("")));
        scheduling.source = text(NATS_SCHEDULE_SOURCE).map(Subject::from);
        scheduling.ttl = text(NATS_SCHEDULE_TTL).map(str::parse).transpose()?;
        scheduling.time_zone = text(NATS_SCHEDULE_TIME_ZONE).map(ToString::to_string);
        scheduling.rollup = text(NATS_SCHEDULE_ROLLUP).is_some();
        scheduling.check().map(|()| scheduling)
    }

    /// When messages are published.
    #[must_use]
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Where they are published.
    #[must_use]
    pub const fn target(&self) -> &Subject {
        &self.target
    }

    /// The subject whose newest message is published, if that was set by [`source`](Self::source).
    #[must_use]
    pub const fn source_subject(&self) -> Option<&Subject> {
        self.source.as_ref()
    }

    /// How long published messages are kept, if that was set by [`ttl`](Self::ttl).
    #[must_use]
    pub const fn message_ttl(&self) -> Option<MessageTtl> {
        self.ttl
    }

    /// The name of the time zone, if that was set by [`time_zone`](Self::time_zone).
    #[must_use]
    pub fn time_zone_name(&self) -> Option<&str> {
        self.time_zone.as_deref()
    }

    /// Whether each published message deletes the older ones of the target.
    #[must_use]
    pub const fn rolls_up(&self) -> bool {
        self.rollup
    }

    /// Checks what the server would refuse, as far as that can be told without it.
    ///
    /// # Errors
    ///
    /// When an interval or lifetime is shorter than a second, a subject is none or has wildcards,
    /// or the time zone is no name or does not go with the schedule.
    pub fn check(&self) -> Result<(), InvalidSchedule> {
        self.schedule.check()?;
        self.target.check_publish()?;
        self.source.as_ref().map_or(Ok(()), Subject::check_publish)?;
        self.ttl.map_or(Ok(()), MessageTtl::check)?;
        let Some(zone) = &self.time_zone else { return Ok(()) };
        if !self.schedule.has_time_zone() || !is_zone_name(zone) {
            return Err(InvalidSchedule::TimeZone(Snippet::new(zone.as_bytes())));
        }
        Ok(())
    }

    /// The part that needs the newest server.
    pub(super) fn requirement(&self) -> Option<Requirement> {
        Requirement::newest([
            (true, "Nats-Schedule", ApiLevel::V2_12),
            (self.source.is_some(), "Nats-Schedule-Source", ApiLevel::V2_14),
            (self.time_zone.is_some(), "Nats-Schedule-Time-Zone", ApiLevel::V2_14),
            (self.rollup, "Nats-Schedule-Rollup", ApiLevel::V2_14),
        ])
    }

    pub(super) fn put_into(&self, headers: &mut HeaderMap) {
        headers.insert(NATS_SCHEDULE, self.schedule.to_string());
        headers.insert(NATS_SCHEDULE_TARGET, self.target.as_str());
        if let Some(source) = &self.source {
            headers.insert(NATS_SCHEDULE_SOURCE, source.as_str());
        }
        if let Some(ttl) = self.ttl {
            headers.insert(NATS_SCHEDULE_TTL, ttl.to_string());
        }
        if let Some(zone) = &self.time_zone {
            headers.insert(NATS_SCHEDULE_TIME_ZONE, zone.as_str());
        }
        if self.rollup {
            headers.insert(NATS_SCHEDULE_ROLLUP, NATS_SCHEDULE_ROLLUP_SUB);
        }
    }
}

/// Cancels the schedule on `subject` when the message with these headers is stored on another one
/// (2.14).
pub(super) fn cancel(subject: &Subject, headers: &mut HeaderMap) {
    headers.insert(NATS_SCHEDULE_NEXT, "purge");
    headers.insert(NATS_SCHEDULER, subject.as_str());
}

/// An offset such as `+02:00` is no name of a zone. Which names there are, only the server knows.
fn is_zone_name(zone: &str) -> bool {
    zone.starts_with(|first: char| first.is_ascii_alphabetic())
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+'))
}

/// A schedule that the server would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSchedule {
    /// It is neither `@at`, `@every`, a named interval nor cron fields.
    Unknown(Snippet),
    /// The cron fields are none.
    Cron(InvalidCron),
    /// The interval is shorter than a second.
    Interval(Duration),
    /// Target or source is not a subject without wildcards.
    Subject(InvalidSubject),
    /// Published messages would be kept for less than a second.
    Ttl(InvalidTtl),
    /// It is no name of a time zone, or the schedule does not go by a clock.
    TimeZone(Snippet),
}

impl fmt::Display for InvalidSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => {
                write!(f, "{text} is no schedule: @at, @every, @daily and their like, or cron")
            }
            Self::Cron(error) => error.fmt(f),
            Self::Interval(interval) => {
                write!(f, "a schedule cannot repeat every {interval:?}; a second is the least")
            }
            Self::Subject(error) => error.fmt(f),
            Self::Ttl(error) => error.fmt(f),
            Self::TimeZone(zone) => {
                write!(f, "{zone} is no time zone, or the schedule does not go by a clock")
            }
        }
    }
}

impl core::error::Error for InvalidSchedule {}

impl From<InvalidCron> for InvalidSchedule {
    fn from(error: InvalidCron) -> Self {
        Self::Cron(error)
    }
}

impl From<InvalidSubject> for InvalidSchedule {
    fn from(error: InvalidSubject) -> Self {
        Self::Subject(error)
    }
}

impl From<InvalidTtl> for InvalidSchedule {
    fn from(error: InvalidTtl) -> Self {
        Self::Ttl(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn schedules_are_read_and_written() {
        for (text, written) in [
            ("@at 2026-01-02T03:04:05Z", "@at 2026-01-02T03:04:05Z"),
            ("@at 2026-01-02T03:04:05+01:00", "@at 2026-01-02T02:04:05Z"),
            ("@every 1s", "@every 1s"),
            ("@every 1h0.5s", "@every 3600500ms"),
            ("@annually", "@yearly"),
            ("@monthly", "@monthly"),
            ("@weekly", "@weekly"),
            ("@midnight", "@daily"),
            ("@hourly", "@hourly"),
            ("0 */5 * * jan MON", "0 */5 * * jan MON"),
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.to_string(), written);
            assert_eq!(written.parse(), Ok(schedule));
        }
        for text in [
            "",
            "@",
            "@at",
            "@at now",
            "@every",
            "@every 999ms",
            "@every -5s",
            "@every 5",
            "@reboot",
            "@Daily",
            "* * * * *",
            "x",
        ] {
            assert!(text.parse::<Schedule>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_next_time_can_be_asked_for() {
        let now: Timestamp = "2026-03-04T05:06:07Z".parse().unwrap();
        for (schedule, next) in [
            ("@at 2026-03-04T05:06:08Z", "2026-03-04T05:06:08Z"),
            ("@every 90s", "2026-03-04T05:07:37Z"),
            ("@yearly", "2027-01-01T00:00:00Z"),
            ("@monthly", "2026-04-01T00:00:00Z"),
            ("@weekly", "2026-03-08T00:00:00Z"),
            ("@daily", "2026-03-05T00:00:00Z"),
            ("@hourly", "2026-03-04T06:00:00Z"),
            ("0 0 12 * * *", "2026-03-04T12:00:00Z"),
        ] {
            let schedule: Schedule = schedule.parse().unwrap();
            assert_eq!(schedule.next_after(now).unwrap().to_string(), next);
        }
        assert_eq!(Schedule::At(now).next_after(now), None);
    }

    #[test]
    fn what_the_server_would_refuse_is_told_before() {
        let good = Scheduling::new(Schedule::Daily, "orders")
            .source("orders.template")
            .ttl(Duration::from_secs(5))
            .time_zone("Europe/Berlin")
            .rollup();
        assert_eq!(good.check(), Ok(()));
        let requirement = good.requirement().unwrap();
        assert_eq!(requirement.level(), ApiLevel::V2_14);
        let mut headers = HeaderMap::new();
        good.put_into(&mut headers);
        let lines: alloc::vec::Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("Nats-Schedule", "@daily"),
            ("Nats-Schedule-Target", "orders"),
            ("Nats-Schedule-Source", "orders.template"),
            ("Nats-Schedule-TTL", "5s"),
            ("Nats-Schedule-Time-Zone", "Europe/Berlin"),
            ("Nats-Schedule-Rollup", "sub"),
        ];
        assert_eq!(lines, expected);
        assert_eq!(Scheduling::read(&headers), Some(Ok(good)));
        assert_eq!(Scheduling::read(&HeaderMap::new()), None);
        headers.insert(NATS_SCHEDULE, "@never");
        assert!(Scheduling::read(&headers).unwrap().is_err());

        let every = |millis| Schedule::Every(Duration::from_millis(millis));
        let plain = || Scheduling::new(Schedule::Hourly, "t");
        assert_eq!(plain().requirement().unwrap().level(), ApiLevel::V2_12);
        for (bad, what) in [
            (Scheduling::new(every(999), "t"), "interval"),
            (Scheduling::new(Schedule::Daily, "t.*"), "wildcard in the target"),
            (Scheduling::new(Schedule::Daily, ""), "no target"),
            (plain().source("s.>"), "wildcard in the source"),
            (plain().ttl(Duration::from_millis(1)), "lifetime"),
            (plain().time_zone("+02:00"), "offset"),
            (plain().time_zone(""), "no zone"),
            (plain().time_zone("a b"), "blank"),
            (Scheduling::new(every(1000), "t").time_zone("UTC"), "zone of an interval"),
        ] {
            assert!(bad.check().is_err(), "{what}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}|@(at|every) \\PC{0,20}") {
            let _ = text.parse::<Schedule>();
        }
    }
}
