//! How a subscription is, and the stream of its changes.

use crate::sync::{Arc, Mutex, Weak};
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures_core::Stream;
use std::collections::VecDeque;

/// How a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubscriptionState {
    /// Its messages are read as they come, or there is room for them.
    Active,
    /// It is full: it drops messages, or is paused, or pauses the connection.
    Slow,
    /// It is unsubscribed, and gets what is still in flight.
    Draining,
    /// No more messages will come; what waits can still be read.
    Closed,
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Slow => "slow",
            Self::Draining => "draining",
            Self::Closed => "closed",
        })
    }
}

/// Changes that wait for one reader at most; of more, the oldest are forgotten.
const CHANGES_MAX: usize = 64;

/// The state of a subscription when this was asked for, and each one that follows; it ends after
/// [`Closed`](SubscriptionState::Closed).
///
/// It keeps 64 changes for a reader that does not read; of more, the oldest are forgotten.
#[derive(Debug)]
pub struct SubscriptionStates(Arc<Mutex<Changes>>);

#[derive(Debug, Default)]
struct Changes {
    states: VecDeque<SubscriptionState>,
    waker: Option<Waker>,
    end: ChangesEnd,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum ChangesEnd {
    #[default]
    Open,
    /// The last state was added.
    Reached,
}

impl SubscriptionStates {
    /// The next state; `None` after the last one.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<SubscriptionState> {
        core::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<SubscriptionState>> {
        let mut changes = self.0.lock();
        if let Some(state) = changes.states.pop_front() {
            return Poll::Ready(Some(state));
        }
        if changes.end == ChangesEnd::Reached {
            return Poll::Ready(None);
        }
        changes.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Stream for SubscriptionStates {
    type Item = SubscriptionState;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SubscriptionState>> {
        self.get_mut().poll(cx)
    }
}

/// Those who want to know of the changes of one subscription.
#[derive(Debug)]
pub(super) struct Watchers {
    state: SubscriptionState,
    readers: Vec<Weak<Mutex<Changes>>>,
}

impl Default for Watchers {
    fn default() -> Self {
        Self { state: SubscriptionState::Active, readers: Vec::new() }
    }
}

impl Watchers {
    /// Begins with the state at present.
    pub(super) fn add(&mut self, state: SubscriptionState) -> SubscriptionStates {
        let changes = Arc::new(Mutex::new(Changes::default()));
        self.state = state;
        changes.lock().push(state);
        self.readers.push(Arc::downgrade(&changes));
        SubscriptionStates(changes)
    }

    /// Tells those who watch; they are to be woken once all locks are released.
    pub(super) fn set(&mut self, state: SubscriptionState) -> Vec<Waker> {
        if self.state == state {
            return Vec::new();
        }
        self.state = state;
        self.readers.retain(|reader| reader.strong_count() > 0);
        let readers = self.readers.iter().filter_map(Weak::upgrade);
        readers.filter_map(|changes| changes.lock().push(state)).collect()
    }
}

impl Changes {
    fn push(&mut self, state: SubscriptionState) -> Option<Waker> {
        if self.states.len() == CHANGES_MAX {
            self.states.pop_front();
        }
        self.states.push_back(state);
        if state == SubscriptionState::Closed {
            self.end = ChangesEnd::Reached;
        }
        self.waker.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_does_not_read_forgets_the_oldest_changes_and_keeps_the_last() {
        let mut watchers = Watchers::default();
        let states = watchers.add(SubscriptionState::Active);
        for _ in 0..CHANGES_MAX {
            watchers.set(SubscriptionState::Slow);
            watchers.set(SubscriptionState::Active);
        }
        watchers.set(SubscriptionState::Closed);
        let changes = states.0.lock();
        assert_eq!(changes.states.len(), CHANGES_MAX);
        assert_eq!(changes.states.back(), Some(&SubscriptionState::Closed));
    }
}
