//! A thread that waits for a future.

use crate::engine::{Engine, Wheel};
use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

/// One call that waits. Its waker ends the wait, wherever the thread is: parked, or driving.
pub(crate) struct Waiter {
    is_woken: AtomicBool,
    /// Whether the thread drives the connection while it waits.
    is_leading: AtomicBool,
    engine: Option<Arc<Engine>>,
    /// The wheel, handed over by the I/O thread.
    wheel: Mutex<Option<Box<Wheel>>>,
    changed: Condvar,
}

impl Waiter {
    pub(crate) fn new(engine: Arc<Engine>) -> Arc<Self> {
        Self::of(Some(engine))
    }

    fn of(engine: Option<Arc<Engine>>) -> Arc<Self> {
        Arc::new(Self {
            is_woken: AtomicBool::new(false),
            is_leading: AtomicBool::new(false),
            engine,
            wheel: Mutex::new(None),
            changed: Condvar::new(),
        })
    }

    /// Forgets that it was woken; to be called before the future is polled.
    pub(crate) fn rest(&self) {
        self.is_woken.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.is_woken.load(Ordering::SeqCst)
    }

    pub(crate) fn set_leading(&self, leading: bool) {
        self.is_leading.store(leading, Ordering::SeqCst);
    }

    /// Sleeps until it is woken, gets the wheel, or the limit has come.
    pub(crate) fn park(&self, limit: Option<Instant>) {
        let mut wheel = self.slot();
        while wheel.is_none() && !self.is_woken() {
            wheel = match limit.map(|limit| limit.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(wheel).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    let waited = self.changed.wait_timeout(wheel, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    pub(crate) fn hand(&self, wheel: Box<Wheel>) {
        *self.slot() = Some(wheel);
        self.changed.notify_one();
    }

    pub(crate) fn take_wheel(&self) -> Option<Box<Wheel>> {
        self.slot().take()
    }

    fn slot(&self) -> MutexGuard<'_, Option<Box<Wheel>>> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_woken.swap(true, Ordering::SeqCst) {
            return;
        }
        if let (true, Some(engine)) = (self.is_leading.load(Ordering::SeqCst), &self.engine) {
            return engine.interrupt();
        }
        // Under the lock, so that it does not fall between the thread's look and its sleep.
        let _slot = self.slot();
        self.changed.notify_one();
    }
}

/// Waits for a future that somebody else makes progress on; `None` when `limit` comes first.
pub(crate) fn park_on<F: Future>(future: F, limit: Option<Instant>) -> Option<F::Output> {
    let mut future = pin!(future);
    let waiter = Waiter::of(None);
    let waker = Waker::from(Arc::clone(&waiter));
    loop {
        waiter.rest();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if limit.is_some_and(|limit| limit <= Instant::now()) {
            return None;
        }
        waiter.park(limit);
    }
}
