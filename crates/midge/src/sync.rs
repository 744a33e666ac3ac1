//! The one place that names locks and atomics.

#[cfg(feature = "jetstream")]
pub(crate) use core::sync::atomic::AtomicU8;
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, Weak};

use std::sync::{MutexGuard, PoisonError};

/// A lock that outlives a panic of its holder.
///
/// What is guarded here is only appended to and taken from, and no user code runs under a lock, so
/// that there is no half-done state to be protected from.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
