//! Whether a message that no stream took is published again, and a question asked again.

use crate::jetstream::api::ApiError;
use core::time::Duration;

/// Further attempts by default (ADR-22).
const ATTEMPTS_DEFAULT: u32 = 2;

/// Time before the first of them (ADR-22): a leader is elected within it, mostly.
const DELAY_DEFAULT: Duration = Duration::from_millis(250);

/// The longest time between two attempts by default.
const DELAY_MAX_DEFAULT: Duration = Duration::from_secs(5);

/// After what a message is published again, or a question asked again.
///
/// No answer is not among it: the stream may have the message, and only the one who published it
/// knows whether it may have it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RetryOn {
    /// Nobody answers: the stream has no leader at the moment, or does not exist.
    #[default]
    NoResponders,
    /// Refusals that may pass: the server is busy, or its leader changed
    /// ([`ApiError::is_retryable`]).
    Refusals,
    /// Both.
    Passing,
}

/// When a message that no stream took is published again, or a question asked again. All attempts
/// together have the time of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After what.
    pub on: RetryOn,
    /// Most further attempts; 2 by default. `u32::MAX` means until the time of the message is over.
    pub attempts: u32,
    /// Time before the first of them, which doubles from one to the next; 250 ms by default.
    pub delay: Duration,
    /// The longest time between two attempts; 5 s by default.
    pub delay_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl RetryPolicy {
    /// No further attempts.
    pub const NEVER: Self = Self { attempts: 0, ..Self::DEFAULT };

    /// For questions to the API: two further attempts after refusals that may pass. That nobody
    /// answers is told at once, since a server with JetStream always does.
    pub const QUESTIONS: Self = Self { on: RetryOn::Refusals, ..Self::DEFAULT };

    const DEFAULT: Self = Self {
        on: RetryOn::NoResponders,
        attempts: ATTEMPTS_DEFAULT,
        delay: DELAY_DEFAULT,
        delay_max: DELAY_MAX_DEFAULT,
    };

    /// How long to wait before the message is published again, after this error and so many further
    /// attempts; `None` when it is not.
    #[must_use]
    pub fn delay_after(&self, error: &ApiError, attempts: u32) -> Option<Duration> {
        let passes = match (error, self.on) {
            (ApiError::NoResponders, RetryOn::NoResponders | RetryOn::Passing) => true,
            (ApiError::NoResponders, RetryOn::Refusals) | (_, RetryOn::NoResponders) => false,
            (error, RetryOn::Refusals | RetryOn::Passing) => error.is_retryable(),
        };
        if !passes || (attempts >= self.attempts && self.attempts < u32::MAX) {
            return None;
        }
        let factor = 1_u32.checked_shl(attempts).unwrap_or(u32::MAX);
        Some(self.delay.saturating_mul(factor).min(self.delay_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::{Error, ErrorCode};
    use crate::status::StatusCode;

    const fn millis(millis: u64) -> Option<Duration> {
        Some(Duration::from_millis(millis))
    }

    #[test]
    fn nobody_there_is_tried_twice_more_and_delays_double() {
        let retry = RetryPolicy::default();
        let after = |attempts| retry.delay_after(&ApiError::NoResponders, attempts);
        assert_eq!([after(0), after(1), after(2)], [millis(250), millis(500), None]);
        let for_ever = RetryPolicy { attempts: u32::MAX, ..retry };
        for attempts in [5, 31, 32, u32::MAX] {
            let delay = for_ever.delay_after(&ApiError::NoResponders, attempts);
            assert_eq!(delay, millis(5000), "{attempts}");
        }
        assert_eq!(RetryPolicy::NEVER.delay_after(&ApiError::NoResponders, 0), None);
    }

    #[test]
    fn refusals_are_tried_again_only_if_that_was_asked_for_and_they_may_pass() {
        let error = |code| ApiError::JetStream(Error::new(503, code, ""));
        let passing = error(ErrorCode::CLUSTER_NOT_AVAILABLE);
        let lasting = error(ErrorCode::STREAM_SEALED);
        let retry = RetryPolicy::default();
        assert_eq!(retry.delay_after(&passing, 0), None);
        let retry = RetryPolicy { on: RetryOn::Passing, ..retry };
        assert_eq!(retry.delay_after(&passing, 0), millis(250));
        assert_eq!(retry.delay_after(&lasting, 0), None);
        assert_eq!(retry.delay_after(&ApiError::NoResponders, 0), millis(250));
        let status = |code, text: &str| ApiError::Status {
            code: StatusCode::from_u16(code).unwrap(),
            description: text.into(),
        };
        assert_eq!(retry.delay_after(&status(429, "Too Many Requests"), 0), millis(250));
        assert_eq!(retry.delay_after(&status(409, "Leadership Change"), 0), millis(250));
        assert_eq!(retry.delay_after(&status(404, "No Messages"), 0), None);
        let questions = RetryPolicy::QUESTIONS;
        assert_eq!(questions.delay_after(&passing, 1), millis(500));
        assert_eq!(questions.delay_after(&lasting, 0), None);
        assert_eq!(questions.delay_after(&ApiError::NoResponders, 0), None);
    }
}
