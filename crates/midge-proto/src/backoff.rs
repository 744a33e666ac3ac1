//! How long to wait before the next round of attempts.

use crate::random::Random;
use core::time::Duration;

/// Delays between rounds over the server pool: exponential, with jitter.
///
/// The first round begins at once (ADR-40), and within a round servers are tried one after the
/// other without delay. Before round `n` the delay is drawn from the upper half of
/// `min(max, initial * 2^(n-1))`, so that clients who lost one server do not come back in step. From
/// the second one in a row on, a connection that does not last a second counts as a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub struct Backoff {
    initial: Duration,
    max: Duration,
}

impl Backoff {
    /// Doubles from `initial` up to `max`.
    #[must_use]
    pub const fn exponential(initial: Duration, max: Duration) -> Self {
        Self { initial, max }
    }

    /// The same delay, with jitter, before every round but the first.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self { initial: delay, max: delay }
    }

    /// The delay before a round, counted from 0.
    #[must_use]
    pub fn delay(&self, round: u32, random: &mut Random) -> Duration {
        let Some(doublings) = round.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 1u32.checked_shl(doublings.min(31)).unwrap_or(u32::MAX);
        let full = self.initial.saturating_mul(factor).min(self.max);
        let half = full / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        half + Duration::from_nanos(random.below(nanos.saturating_add(1)))
    }
}

impl Default for Backoff {
    /// From 100 ms to 5 s: a restarted server is found within a blink, a dead one costs little.
    fn default() -> Self {
        Self::exponential(Duration::from_millis(100), Duration::from_secs(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_from_the_second_round_on_and_stay_within_their_upper_half() {
        let mut random = Random::new([2; 32]);
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(0, &mut random), Duration::ZERO);
        for (round, full) in [(1, 100), (2, 200), (3, 400), (7, 5000), (u32::MAX, 5000)] {
            let full = Duration::from_millis(full);
            for _ in 0..50 {
                let delay = backoff.delay(round, &mut random);
                assert!(delay >= full / 2 && delay <= full, "round {round}: {delay:?}");
            }
        }
    }

    #[test]
    fn a_zero_delay_stays_zero() {
        let backoff = Backoff::constant(Duration::ZERO);
        assert_eq!(backoff.delay(9, &mut Random::new([2; 32])), Duration::ZERO);
    }
}
