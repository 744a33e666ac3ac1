//! What handles have of the options and of the time.

use crate::mailbox::{Budget, LimitOptions};
use crate::nuid::IdGenerator;
use crate::sync::{Arc, AtomicU64, Ordering};
use core::time::Duration;
use midge_proto::Instant;

/// What handles need of the options.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) inbox_prefix: String,
    pub(crate) request_timeout: SharedTimeout,
    pub(crate) subscription: LimitOptions,
    pub(crate) validation: Validation,
    /// What may wait in all subscriptions together, if that is bounded.
    pub(crate) pending: Option<Arc<Budget>>,
    pub(crate) ids: IdGenerator,
}

/// A timeout that can be changed while others look at it; `None` is for ever.
#[derive(Debug)]
pub(crate) struct SharedTimeout(AtomicU64);

impl SharedTimeout {
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        Self(AtomicU64::new(Self::nanos(timeout)))
    }

    pub(crate) fn set(&self, timeout: Option<Duration>) {
        self.0.store(Self::nanos(timeout), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// The largest number stands for ever, which 584 years come to as well.
    fn nanos(timeout: Option<Duration>) -> u64 {
        timeout.and_then(|timeout| u64::try_from(timeout.as_nanos()).ok()).unwrap_or(u64::MAX)
    }
}

/// Whether subjects are checked before use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validation {
    Full,
    /// Only what would break the protocol.
    Minimal,
}

/// The time of the driver's last turn, for handles that carry a machine of the core: they read no
/// clock of their own.
///
/// Whatever wakes a handle came in a turn, so what it sees then is the present. One that looks after
/// a silence sees the time before it, and for a [`Sleep`](crate::sleep::Sleep), which counts from
/// the turn that it causes, only the distance matters.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn set(&self, now: Instant) {
        self.0.store(now.as_nanos(), Ordering::Relaxed);
    }

    #[cfg(feature = "jetstream")]
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}
