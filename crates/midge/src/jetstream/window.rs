//! Places for published messages that wait for their acknowledgements.

use crate::line::Line;
use crate::shared::wake;
use crate::sync::{Arc, Mutex};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use midge_proto::jetstream::{PublishWindow, WindowLimits};

/// What happens to a publish when too many messages wait for their acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// It waits until there is room, first come first served.
    #[default]
    Wait,
    /// It is an error.
    Fail,
}

/// How many messages wait, and who waits for room.
#[derive(Debug)]
pub(crate) struct Window {
    limits: WindowLimits,
    when_full: WhenFull,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    window: PublishWindow,
    line: Line,
    /// Those who wait until no message does.
    idle: Vec<Waker>,
}

/// A place of one message; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    /// None once it was left.
    window: Option<Arc<Window>>,
    bytes: usize,
}

impl Window {
    pub(super) fn new(limits: WindowLimits, when_full: WhenFull) -> Self {
        let window = PublishWindow::new(limits);
        let state = State { window, line: Line::default(), idle: Vec::new() };
        Self { limits, when_full, state: Mutex::new(state) }
    }

    pub(super) const fn limits(&self) -> WindowLimits {
        self.limits
    }

    pub(super) const fn when_full(&self) -> WhenFull {
        self.when_full
    }

    /// A place for a message, or how many messages there are.
    pub(super) async fn enter(self: &Arc<Self>, bytes: usize) -> Result<Place, usize> {
        let mut ticket = Ticket { window: self, number: None };
        poll_fn(|cx| {
            let state = &mut *self.state.lock();
            if state.line.is_first(ticket.number) && state.window.enter(bytes) {
                return Poll::Ready(Ok(Place { window: Some(Arc::clone(self)), bytes }));
            }
            match self.when_full {
                WhenFull::Fail => Poll::Ready(Err(state.window.messages())),
                WhenFull::Wait => {
                    state.line.stand(&mut ticket.number, cx.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Messages that wait for their acknowledgements.
    pub(super) fn messages(&self) -> usize {
        self.state.lock().window.messages()
    }

    /// Messages with so many bytes together have left.
    fn leave(&self, messages: usize, bytes: usize) {
        let (next, idle) = {
            let state = &mut *self.state.lock();
            state.window.leave(messages, bytes);
            let empty = state.window.is_empty();
            let idle = if empty { core::mem::take(&mut state.idle) } else { Vec::new() };
            (state.line.first(), idle)
        };
        wake(next);
        idle.into_iter().for_each(Waker::wake);
    }

    /// Waits until no message waits.
    pub(super) async fn idle(&self) {
        poll_fn(|cx| {
            let state = &mut *self.state.lock();
            if state.window.is_empty() {
                return Poll::Ready(());
            }
            if !state.idle.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.idle.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// Places that are left together: where they are of one window, whoever waits for room is woken
/// once, when this is dropped.
#[derive(Default)]
pub(crate) struct Leaving {
    window: Option<Arc<Window>>,
    messages: usize,
    bytes: usize,
}

impl Leaving {
    pub(crate) fn add(&mut self, mut place: Place) {
        let Some(window) = place.window.take() else { return };
        if self.window.as_ref().is_none_or(|other| !Arc::ptr_eq(other, &window)) {
            *self = Self { window: Some(window), messages: 0, bytes: 0 };
        }
        self.messages += 1;
        self.bytes += place.bytes;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(window) = self.window.take() {
            window.leave(self.messages, self.bytes);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(window) = self.window.take() {
            window.leave(1, self.bytes);
        }
    }
}

/// A place in line, given up when it is dropped.
struct Ticket<'a> {
    window: &'a Window,
    number: Option<u64>,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let next = {
                let state = &mut *self.window.state.lock();
                state.line.leave(number);
                // There may be room for the next one, too.
                state.line.first()
            };
            wake(next);
        }
    }
}
