//! The line of those who wait for room in the outbox: first come, first served.

use crate::shared::{Core, Shared, wake};
use crate::sleep::Sleep;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use midge_proto::{Refusal, Subject};
use std::collections::VecDeque;

/// Who waits, in the order of their tickets.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<(u64, Waker)>,
    next: u64,
}

impl Line {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nobody is ahead of the holder of this ticket, or of one without a ticket.
    pub(crate) fn is_first(&self, ticket: Option<u64>) -> bool {
        self.waiting.front().is_none_or(|(front, _)| Some(*front) == ticket)
    }

    /// Takes a place at the end, or changes who is woken at the place held already.
    pub(crate) fn stand(&mut self, ticket: &mut Option<u64>, waker: &Waker) {
        let number = match *ticket {
            Some(number) => number,
            None => {
                self.next += 1;
                *ticket.insert(self.next)
            }
        };
        // Tickets are given out in order, so the line is sorted by them.
        match self.waiting.binary_search_by_key(&number, |(other, _)| *other) {
            Ok(at) => self.waiting[at].1.clone_from(waker),
            Err(at) => self.waiting.insert(at, (number, waker.clone())),
        }
    }

    pub(crate) fn leave(&mut self, ticket: u64) {
        if let Ok(at) = self.waiting.binary_search_by_key(&ticket, |(other, _)| *other) {
            self.waiting.remove(at);
        }
    }

    pub(crate) fn first(&self) -> Option<Waker> {
        self.waiting.front().map(|(_, waker)| waker.clone())
    }

    pub(crate) fn wakers(&self) -> impl Iterator<Item = Waker> {
        self.waiting.iter().map(|(_, waker)| waker.clone())
    }
}

/// A place in line, given up when it is dropped.
pub(crate) struct Ticket<'a> {
    shared: &'a Shared,
    number: Option<u64>,
    /// How long it is waited for a connection, where there is none. Boxed, because it is rare and
    /// the futures of publishers are to be small.
    patience: Option<Box<Sleep<&'a Shared>>>,
}

impl<'a> Ticket<'a> {
    /// None yet: one is taken by whoever has to wait.
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, number: None, patience: None }
    }

    /// Appends something to do with `subject` as soon as there is room and it is its turn; `append`
    /// returns what came of it and who is to be woken for it.
    ///
    /// Without a connection the policy of the subject says whether and how long that is waited for.
    pub(crate) fn poll_append<T>(
        &mut self,
        cx: &mut Context<'_>,
        subject: &Subject,
        append: impl FnOnce(&mut Core) -> Result<(T, Option<Waker>), Refusal>,
    ) -> Poll<Result<T, Refusal>> {
        let mut core = self.shared.core.lock();
        let mut driver = None;
        if core.has_turn(&mut self.number, cx.waker()) {
            match append(&mut core) {
                Err(Refusal::Full) => {
                    core.stand_in_line(&mut self.number, cx.waker());
                    // There was room, so what fills it is from here: the subscription for replies.
                    driver = core.unpark_at_once();
                }
                result => {
                    let next = self.number.take().and_then(|number| core.leave_line(number));
                    drop(core);
                    wake(next);
                    let result = result.map(|(value, driver)| {
                        wake(driver);
                        value
                    });
                    return Poll::Ready(result);
                }
            }
        }
        let waits = if core.outbox.is_online() {
            None
        } else {
            core.outbox.offline_wait(subject.as_bytes())
        };
        drop(core);
        wake(driver);
        let Some(after) = waits else {
            // With a connection, room comes by itself.
            self.patience = None;
            return Poll::Pending;
        };
        let shared = self.shared;
        let sleep = self.patience.get_or_insert_with(|| Box::new(Sleep::new(shared, after)));
        Pin::new(&mut **sleep).poll(cx).map(|()| Err(Refusal::WaitedInVain { after }))
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let next = self.shared.core.lock().leave_line(number);
            wake(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_in_order_and_can_be_given_up() {
        let mut line = Line::default();
        let waker = Waker::noop();
        let (mut first, mut second, mut third) = (None, None, None);
        for _ in 0..2 {
            for ticket in [&mut first, &mut second, &mut third] {
                line.stand(ticket, waker);
            }
        }
        assert_eq!(line.wakers().count(), 3);
        assert!(line.is_first(first) && !line.is_first(second) && !line.is_first(None));
        line.leave(second.unwrap());
        line.leave(second.unwrap());
        line.leave(first.unwrap());
        assert!(line.is_first(third) && !line.is_empty());
        line.leave(third.unwrap());
        assert!(line.is_first(None) && line.is_empty() && line.first().is_none());
    }
}
