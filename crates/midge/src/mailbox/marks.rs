//! What stands between two messages of a queue: barriers, and gaps where messages are missing.

use crate::sync::Arc;
use futures_channel::oneshot;
use std::collections::VecDeque;

/// Messages that are missing between two of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Messages that reached this client and were dropped for lack of room.
    pub dropped: u64,
    /// Whether others may be missing that never reached this client: the subscription was paused
    /// ([`SlowConsumerPolicy::Pause`](crate::SlowConsumerPolicy::Pause)), or the connection was
    /// lost.
    pub unseen: bool,
}

impl Gap {
    pub(super) const UNSEEN: Self = Self { dropped: 0, unseen: true };

    pub(super) const fn dropped(count: u64) -> Self {
        Self { dropped: count, unseen: false }
    }

    fn add(&mut self, other: Self) {
        self.dropped += other.dropped;
        self.unseen |= other.unseen;
    }
}

/// Passed when the last clone of it is dropped, which closes the channel of the one who waits.
pub(crate) type Barrier = Arc<oneshot::Sender<()>>;

/// Marks at places of a queue, counted from the first message that ever waited in it.
#[derive(Debug, Default)]
pub(super) struct Marks(VecDeque<(u64, Mark)>);

#[derive(Debug)]
enum Mark {
    Barrier(Barrier),
    Gap(Gap),
}

/// The marks at the front of a queue.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) gap: Option<Gap>,
    /// To be dropped once all locks are released, since that wakes.
    pub(super) barriers: Vec<Barrier>,
}

impl Marks {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add_barrier(&mut self, tail: u64, barrier: Barrier) {
        self.0.push_back((tail, Mark::Barrier(barrier)));
    }

    /// Messages are missing before the next one at the end.
    pub(super) fn add_gap(&mut self, tail: u64, gap: Gap) {
        match self.0.back_mut() {
            Some((at, Mark::Gap(last))) if *at == tail => last.add(gap),
            Some(_) | None => self.0.push_back((tail, Mark::Gap(gap))),
        }
    }

    /// Messages are missing before the first one.
    pub(super) fn add_gap_in_front(&mut self, front: u64, gap: Gap) {
        match self.0.front_mut() {
            Some((at, Mark::Gap(first))) if *at <= front => {
                *at = front;
                first.add(gap);
            }
            Some(_) | None => self.0.push_front((front, Mark::Gap(gap))),
        }
    }

    /// Takes the marks before the message at `front`.
    pub(super) fn pass(&mut self, front: u64) -> Passed {
        let mut passed = Passed::default();
        while let Some((at, _)) = self.0.front()
            && *at <= front
        {
            match self.0.pop_front() {
                Some((_, Mark::Barrier(barrier))) => passed.barriers.push(barrier),
                Some((_, Mark::Gap(gap))) => passed.gap.get_or_insert_default().add(gap),
                None => {}
            }
        }
        passed
    }

    /// Messages between `front` and the first mark.
    pub(super) fn distance(&self, front: u64) -> Option<usize> {
        self.0.front().map(|(at, _)| at.saturating_sub(front) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_at_one_place_are_one() {
        let mut marks = Marks::default();
        marks.add_gap(3, Gap::dropped(2));
        marks.add_gap(3, Gap::UNSEEN);
        marks.add_gap(5, Gap::dropped(1));
        assert_eq!((marks.pass(2).gap, marks.distance(2)), (None, Some(1)));
        assert_eq!(marks.pass(3).gap, Some(Gap { dropped: 2, unseen: true }));
        assert_eq!(marks.pass(9).gap, Some(Gap::dropped(1)));
        assert!(marks.is_empty());
    }

    #[test]
    fn a_gap_in_front_moves_along_with_the_front() {
        let mut marks = Marks::default();
        marks.add_gap(9, Gap::dropped(7));
        marks.add_gap_in_front(1, Gap::dropped(1));
        marks.add_gap_in_front(2, Gap::dropped(1));
        assert_eq!(marks.pass(2).gap, Some(Gap::dropped(2)));
        assert_eq!(marks.distance(2), Some(7));
    }

    #[test]
    fn a_barrier_is_passed_when_the_last_queue_has_let_go_of_it() {
        let (sender, mut receiver) = oneshot::channel();
        let barrier = Arc::new(sender);
        let mut marks = [Marks::default(), Marks::default()];
        marks[0].add_barrier(1, Arc::clone(&barrier));
        marks[1].add_barrier(0, barrier);
        drop(marks[1].pass(0));
        assert_eq!(receiver.try_recv(), Ok(None));
        drop(marks[0].pass(0));
        assert_eq!(receiver.try_recv(), Ok(None));
        drop(marks[0].pass(1));
        assert!(receiver.try_recv().is_err());
    }
}
