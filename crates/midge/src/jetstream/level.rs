//! What is known of the level of the servers' API.

use crate::sync::{AtomicU64, Ordering};
use midge_proto::jetstream::ApiLevel;

/// What is known of the level, in one word: every message that needs a level looks at it.
#[derive(Debug)]
pub(super) struct KnownLevel(AtomicU64);

/// What is known of the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Nobody has asked yet.
    Unasked,
    /// A server said it. Another one may have taken its place since.
    Known(ApiLevel),
    /// This user may not ask, as was found out on the connection with so many lost ones before it.
    Denied {
        /// Modulo 2^32.
        losses: u32,
    },
}

/// Levels have 32 bits, and what stands for none of them is above.
const UNASKED: u64 = u64::MAX;
const DENIED: u64 = 1 << 32;

impl Default for KnownLevel {
    fn default() -> Self {
        Self(AtomicU64::new(UNASKED))
    }
}

impl KnownLevel {
    pub(super) fn get(&self) -> Level {
        let word = self.0.load(Ordering::Relaxed);
        match word {
            UNASKED => Level::Unasked,
            DENIED.. => Level::Denied { losses: word as u32 },
            level => Level::Known(ApiLevel(level as u32)),
        }
    }

    pub(super) fn set(&self, level: Level) {
        let word = match level {
            Level::Unasked => UNASKED,
            Level::Known(ApiLevel(level)) => u64::from(level),
            Level::Denied { losses } => DENIED | u64::from(losses),
        };
        self.0.store(word, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_what_was_found_out() {
        let known = KnownLevel::default();
        assert_eq!(known.get(), Level::Unasked);
        for level in [
            Level::Known(ApiLevel(0)),
            Level::Known(ApiLevel(u32::MAX)),
            Level::Denied { losses: 0 },
            Level::Denied { losses: u32::MAX },
            Level::Unasked,
        ] {
            known.set(level);
            assert_eq!(known.get(), level);
        }
    }
}
