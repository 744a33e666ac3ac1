//! How long to wait before asking again.

use core::time::Duration;

/// The first delay: long enough for a new leader to be told to the others.
const DELAY_MIN: Duration = Duration::from_millis(100);

/// The longest delay (ADR-17 has it for ordered consumers).
const DELAY_MAX: Duration = Duration::from_secs(10);

/// Delays that double, from 100 ms to 10 s, until something works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Retry {
    failures: u32,
}

impl Retry {
    /// The delay after one more failure.
    pub(super) fn next(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        DELAY_MIN.saturating_mul(factor).min(DELAY_MAX)
    }

    /// Failures in a row so far.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Something worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_ten_seconds_and_begin_anew() {
        let mut retry = Retry::default();
        let delays: alloc::vec::Vec<_> = (0..9).map(|_| retry.next().as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        for _ in 0..100 {
            assert_eq!(retry.next(), DELAY_MAX);
        }
        retry.reset();
        assert_eq!(retry.next(), DELAY_MIN);
    }
}
