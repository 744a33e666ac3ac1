//! When requests time out.

use super::Secret;
use crate::time::Instant;
use alloc::collections::{BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

/// Timeouts that have a lane of their own: those that a program spells out, and some more.
const LANES_MAX: usize = 8;

/// Entries of requests that are over may be as many as those of others, and so many more, before
/// they are looked for.
const SPARE: usize = 64;

/// The deadlines of requests in flight.
///
/// Time only goes on, so those with the same timeout end in the order they began in: they stand in
/// one lane, and the first of each lane is the next. Where timeouts are what is left of something
/// else, each is another: those beyond the lanes are sorted. Requests that are over leave their
/// entries behind until these come to the front, or until there are too many of them; that costs a
/// request no more than a few steps.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    lanes: Vec<Lane>,
    sorted: BinaryHeap<Reverse<Entry>>,
    /// Entries of requests in flight.
    live: usize,
}

#[derive(Debug)]
struct Lane {
    timeout: Duration,
    entries: VecDeque<Entry>,
}

/// In the order of their fields: by deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Instant,
    slot: u32,
    secret: Secret,
}

impl Deadlines {
    /// A request that may take `timeout`, until `at`.
    pub(super) fn insert(&mut self, timeout: Duration, at: Instant, slot: u32, secret: Secret) {
        let entry = Entry { at, slot, secret };
        self.live += 1;
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.timeout == timeout) {
            return lane.entries.push_back(entry);
        }
        if self.lanes.len() == LANES_MAX {
            // One that is not used any more makes place.
            self.lanes.retain(|lane| !lane.entries.is_empty());
        }
        if self.lanes.len() == LANES_MAX {
            return self.sorted.push(Reverse(entry));
        }
        self.lanes.push(Lane { timeout, entries: VecDeque::from([entry]) });
    }

    /// The next one, with the slot of its request.
    pub(super) fn first(&self) -> Option<(Instant, u32)> {
        let sorted = self.sorted.peek().map(|Reverse(entry)| entry);
        let firsts = self.lanes.iter().filter_map(|lane| lane.entries.front()).chain(sorted);
        firsts.map(|entry| (entry.at, entry.slot)).min()
    }

    /// A request with a deadline is over; `in_flight` tells those that are not.
    pub(super) fn forget_one(&mut self, in_flight: impl Fn(u32, Secret) -> bool) {
        self.live = self.live.saturating_sub(1);
        let in_flight = |entry: &Entry| in_flight(entry.slot, entry.secret);
        for lane in &mut self.lanes {
            while lane.entries.front().is_some_and(|first| !in_flight(first)) {
                lane.entries.pop_front();
            }
        }
        while self.sorted.peek().is_some_and(|Reverse(first)| !in_flight(first)) {
            self.sorted.pop();
        }
        if self.kept() > 2 * self.live + SPARE {
            self.lanes.iter_mut().for_each(|lane| lane.entries.retain(in_flight));
            self.sorted.retain(|Reverse(entry)| in_flight(entry));
        }
    }

    /// Entries, with those of requests that are over.
    fn kept(&self) -> usize {
        let in_lanes: usize = self.lanes.iter().map(|lane| lane.entries.len()).sum();
        in_lanes + self.sorted.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(1);
    const LONG: Duration = Duration::from_secs(60);

    fn secret(number: u32) -> Secret {
        let mut secret = Secret::default();
        secret[..4].copy_from_slice(&number.to_be_bytes());
        secret
    }

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn the_earliest_of_all_timeouts_is_first() {
        let mut deadlines = Deadlines::default();
        deadlines.insert(LONG, at(60), 0, secret(0));
        deadlines.insert(SHORT, at(1), 1, secret(1));
        deadlines.insert(SHORT, at(2), 2, secret(2));
        assert_eq!(deadlines.first(), Some((at(1), 1)));
        deadlines.forget_one(|slot, _| slot != 1);
        assert_eq!(deadlines.first(), Some((at(2), 2)));
        deadlines.forget_one(|slot, _| slot == 0);
        assert_eq!(deadlines.first(), Some((at(60), 0)));
        deadlines.forget_one(|_, _| false);
        assert_eq!(deadlines.first(), None);
    }

    #[test]
    fn requests_that_are_over_take_no_memory_behind_one_that_goes_on() {
        let mut deadlines = Deadlines::default();
        deadlines.insert(LONG, at(60), 0, secret(0));
        for number in 1..100_000 {
            deadlines.insert(LONG, at(60), 1, secret(number));
            deadlines.forget_one(|slot, _| slot == 0);
            assert!(deadlines.kept() <= 2 + SPARE, "{number}");
        }
        assert_eq!(deadlines.first(), Some((at(60), 0)));
    }

    #[test]
    fn a_slot_that_was_given_away_again_has_the_deadline_of_the_new_request() {
        let mut deadlines = Deadlines::default();
        deadlines.insert(SHORT, at(1), 7, secret(1));
        deadlines.insert(SHORT, at(2), 7, secret(2));
        deadlines.forget_one(|slot, other| (slot, other) == (7, secret(2)));
        assert_eq!(deadlines.first(), Some((at(2), 7)));
    }

    #[test]
    fn timeouts_that_are_all_different_end_in_order_and_do_not_pile_up() {
        let mut deadlines = Deadlines::default();
        let timeout = |number: u32| Duration::from_millis(u64::from(number * 7 % 100));
        for number in 0..100 {
            let at = Instant::ZERO + timeout(number);
            deadlines.insert(timeout(number), at, number, secret(number));
        }
        assert_eq!(deadlines.lanes.len(), LANES_MAX);
        let mut over = Vec::new();
        while let Some((at, slot)) = deadlines.first() {
            assert_eq!(at, at_millis(over.len()));
            over.push(slot);
            deadlines.forget_one(|other, _| !over.contains(&other));
        }
        assert_eq!((over.len(), deadlines.kept(), deadlines.live), (100, 0, 0));
        // One that goes on for long keeps none of the others there, wherever they end.
        deadlines.insert(SHORT, at(0), 0, secret(0));
        for number in 1..10_000 {
            deadlines.insert(timeout(number), at(u64::from(number)), 1, secret(number));
            deadlines.forget_one(|slot, _| slot == 0);
            assert!(deadlines.kept() <= 2 + SPARE, "{number}");
        }
    }

    fn at_millis(millis: usize) -> Instant {
        Instant::ZERO + Duration::from_millis(millis as u64)
    }
}
