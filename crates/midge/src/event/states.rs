//! Changes of the connection's state, for those who want to know nothing else.

use super::Event;
use crate::State;
use crate::sync::{Arc, Mutex};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures_core::Stream;
use std::collections::VecDeque;

/// States that wait for one reader at most; older ones give way, so that the last is always there.
const STATES_MAX: usize = 16;

#[derive(Debug, Default)]
pub(super) struct StateReaders(Vec<Arc<Mutex<Pending>>>);

#[derive(Debug)]
struct Pending {
    wanted: Vec<State>,
    states: VecDeque<State>,
    missed: u64,
    waker: Option<Waker>,
    over: bool,
}

impl StateReaders {
    pub(super) fn subscribe(&mut self, wanted: &[State]) -> StateChanges {
        let pending = Arc::new(Mutex::new(Pending {
            wanted: wanted.to_vec(),
            states: VecDeque::new(),
            missed: 0,
            waker: None,
            over: false,
        }));
        self.0.push(Arc::clone(&pending));
        StateChanges(pending)
    }

    pub(super) fn push(&mut self, event: &Event, wakers: &mut Vec<Waker>) {
        let state = match event {
            Event::Connected => State::Connected,
            Event::Disconnected => State::Disconnected,
            Event::Draining => State::Draining,
            Event::Closed => State::Closed,
            _ => return,
        };
        // A reader that was dropped leaves the only reference here.
        self.0.retain(|reader| Arc::strong_count(reader) > 1);
        for reader in &self.0 {
            let mut pending = reader.lock();
            if !pending.wanted.contains(&state) {
                continue;
            }
            if pending.states.len() == STATES_MAX {
                pending.states.pop_front();
                pending.missed += 1;
            }
            pending.states.push_back(state);
            wakers.extend(pending.waker.take());
        }
    }

    pub(super) fn end(&mut self, wakers: &mut Vec<Waker>) {
        for reader in self.0.drain(..) {
            let mut pending = reader.lock();
            pending.over = true;
            wakers.extend(pending.waker.take());
        }
    }
}

/// The stream of changes to wanted states, made by [`Client::state_changes`]; it ends after the
/// client is closed.
///
/// It is for people who look now and then: the last 16 changes wait to be read, and older ones give
/// way to newer, so that the last one read is the present one.
///
/// [`Client::state_changes`]: crate::Client::state_changes
#[derive(Debug)]
pub struct StateChanges(Arc<Mutex<Pending>>);

impl StateChanges {
    /// The next change; `None` after the last one.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<State> {
        core::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Changes that gave way to newer ones so far.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.0.lock().missed
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<State>> {
        let mut pending = self.0.lock();
        if let Some(state) = pending.states.pop_front() {
            return Poll::Ready(Some(state));
        }
        if pending.over {
            return Poll::Ready(None);
        }
        pending.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Stream for StateChanges {
    type Item = State;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<State>> {
        self.get_mut().poll(cx)
    }
}
