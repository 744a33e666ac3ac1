//! PINGs in flight: keep-alives, fences, and what their PONGs tell.

use super::config::{Config, KeepAlive};
use crate::outbox::FenceId;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

/// PONGs carry no id: they are matched in the order of the PINGs.
#[derive(Debug, Default)]
pub(super) struct Pings {
    waiting: VecDeque<Ping>,
    /// Keep-alive ticks since anything was received.
    silent_ticks: u32,
    /// When that was.
    heard_at: Instant,
    round_trips: RoundTrips,
}

#[derive(Debug, Clone, Copy)]
struct Ping {
    sent: Instant,
    /// Publishes written before it.
    publishes: u64,
    fence: Option<FenceId>,
}

/// What a PONG told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pong {
    pub(super) fence: Option<FenceId>,
    pub(super) publishes: u64,
    pub(super) round_trip: Duration,
}

/// Shortest time between two keep-alive PINGs: one that is always due leaves no room for anything
/// else.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// The time between keep-alive PINGs that is kept to where this one is asked for.
pub(super) fn bounded(interval: Duration) -> Duration {
    if interval.is_zero() { interval } else { interval.max(INTERVAL_MIN) }
}

impl Pings {
    pub(super) fn sent(&mut self, now: Instant, publishes: u64, fence: Option<FenceId>) {
        self.waiting.push_back(Ping { sent: now, publishes, fence });
    }

    /// `None` for a PONG that nobody asked for.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Pong> {
        let ping = self.waiting.pop_front()?;
        let round_trip = now.saturating_since(ping.sent);
        self.round_trips.add(round_trip);
        Some(Pong { fence: ping.fence, publishes: ping.publishes, round_trip })
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.silent_ticks = 0;
        self.heard_at = now;
    }

    /// A keep-alive tick: whether it is time for a PING, or too many went by in silence.
    pub(super) fn tick(&mut self, now: Instant, config: &Config) -> Tick {
        let interval = config.ping_interval;
        let next = match config.keep_alive {
            KeepAlive::Fixed => now + interval,
            KeepAlive::Adaptive { .. }
                if self.silent_ticks == 0 && self.heard_at + interval > now =>
            {
                return Tick::Rest { next: self.heard_at + interval };
            }
            KeepAlive::Adaptive { patience } => {
                let expected = self.round_trips.smoothed * ROUND_TRIPS_GRANTED;
                now + expected.max(patience).min(interval).max(INTERVAL_MIN)
            }
        };
        if self.silent_ticks > config.max_pings_out {
            return Tick::Stale;
        }
        self.silent_ticks += 1;
        Tick::Ping { next }
    }

    /// The connection is lost: returns the fences that were waiting.
    pub(super) fn reset(&mut self) -> Vec<FenceId> {
        self.silent_ticks = 0;
        self.waiting.drain(..).filter_map(|ping| ping.fence).collect()
    }

    pub(super) fn round_trips(&self) -> &RoundTrips {
        &self.round_trips
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tick {
    /// Send one; the next tick is due then.
    Ping { next: Instant },
    /// Something came in lately; the next tick is due then.
    Rest { next: Instant },
    /// The server does not answer.
    Stale,
}

/// Smoothed round trips that the answer to an adaptive PING is given.
///
/// RFC 6298 begins with three and goes by the variance then, which is not kept here; a PING may also
/// stand behind messages in the socket's buffers, so twice as many and some more.
const ROUND_TRIPS_GRANTED: u32 = 8;

/// Round-trip times of every PING that was answered, over all connections of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips {
    count: u64,
    latest: Duration,
    smoothed: Duration,
    min: Duration,
    max: Duration,
    histogram: [u64; Self::BUCKETS],
}

impl RoundTrips {
    /// Number of buckets of the histogram.
    pub const BUCKETS: usize = 24;

    /// How many were measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The latest one.
    #[must_use]
    pub fn latest(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.latest)
    }

    /// An average in which each new one weighs an eighth, as TCP does it (RFC 6298).
    #[must_use]
    pub fn smoothed(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.smoothed)
    }

    /// The shortest one.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.min)
    }

    /// The longest one.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.max)
    }

    /// Counts by size: bucket `n` holds those from `2^n` up to `2^(n+1)` microseconds, the first one
    /// everything below 2 us and the last one everything above 8 s.
    #[must_use]
    pub fn histogram(&self) -> &[u64; Self::BUCKETS] {
        &self.histogram
    }

    fn add(&mut self, sample: Duration) {
        self.smoothed = if self.count == 0 { sample } else { (self.smoothed * 7 + sample) / 8 };
        self.min = if self.count == 0 { sample } else { self.min.min(sample) };
        self.max = self.max.max(sample);
        self.latest = sample;
        self.count += 1;
        let micros = sample.as_micros().max(1);
        let bucket = (micros.ilog2() as usize).min(Self::BUCKETS - 1);
        self.histogram[bucket] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_smoothed_bounded_and_counted_by_size() {
        let mut trips = RoundTrips::default();
        assert_eq!(trips.smoothed(), None);
        trips.add(Duration::from_micros(800));
        trips.add(Duration::from_micros(1600));
        assert_eq!(trips.smoothed(), Some(Duration::from_micros(900)));
        assert_eq!(trips.min(), Some(Duration::from_micros(800)));
        assert_eq!(trips.max(), Some(Duration::from_micros(1600)));
        assert_eq!((trips.histogram()[9], trips.histogram()[10]), (1, 1));
        trips.add(Duration::ZERO);
        trips.add(Duration::MAX / 16);
        assert_eq!((trips.histogram()[0], trips.histogram()[23]), (1, 1));
    }

    #[test]
    fn more_silent_ticks_than_allowed_are_stale_and_any_byte_resets_them() {
        let mut pings = Pings::default();
        let config = Config::new(Vec::new());
        let (now, next) = (Instant::ZERO, Instant::ZERO + config.ping_interval);
        for _ in 0..3 {
            assert_eq!(pings.tick(now, &config), Tick::Ping { next });
        }
        assert_eq!(pings.tick(now, &config), Tick::Stale);
        pings.heard(now);
        assert_eq!(pings.tick(now, &config), Tick::Ping { next });
    }
}
