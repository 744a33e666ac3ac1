//! When requests time out.

use super::Secret;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

/// Entries of requests that are over may be as many as those of others, and so many more, before
/// they are looked for.
const SPARE: usize = 64;

/// The deadlines of requests in flight.
///
/// Time only goes on, so those with the same timeout end in the order they began in: they stand in
/// one lane, and the first of each lane is the next. Requests that are over leave their entries
/// behind until these come to the front, or until there are too many of them; that costs a request
/// no more than a few steps.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// A program has few timeouts.
    lanes: Vec<Lane>,
    /// Entries of requests in flight.
    live: usize,
}

#[derive(Debug)]
struct Lane {
    timeout: Duration,
    entries: VecDeque<Entry>,
}

#[derive(Clone, Copy, Debug)]
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
        let lane = match self.lanes.iter_mut().find(|lane| lane.timeout == timeout) {
            Some(lane) => lane,
            None => {
                // One that is not used any more makes place.
                self.lanes.retain(|lane| !lane.entries.is_empty());
                self.lanes.push(Lane { timeout, entries: VecDeque::new() });
                let last = self.lanes.len() - 1;
                &mut self.lanes[last]
            }
        };
        lane.entries.push_back(entry);
    }

    /// The next one, with the slot of its request.
    pub(super) fn first(&self) -> Option<(Instant, u32)> {
        let firsts = self.lanes.iter().filter_map(|lane| lane.entries.front());
        firsts.map(|entry| (entry.at, entry.slot)).min()
    }

    /// A request with a deadline is over; `in_flight` tells those that are not.
    pub(super) fn forget_one(&mut self, in_flight: impl Fn(u32, Secret) -> bool) {
        self.live = self.live.saturating_sub(1);
        let mut kept = 0;
        for lane in &mut self.lanes {
            while let Some(first) = lane.entries.front()
                && !in_flight(first.slot, first.secret)
            {
                lane.entries.pop_front();
            }
            kept += lane.entries.len();
        }
        if kept > 2 * self.live + SPARE {
            for lane in &mut self.lanes {
                lane.entries.retain(|entry| in_flight(entry.slot, entry.secret));
            }
        }
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

    fn kept(deadlines: &Deadlines) -> usize {
        deadlines.lanes.iter().map(|lane| lane.entries.len()).sum()
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
            assert!(kept(&deadlines) <= 2 + SPARE, "{number}");
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
    fn timeouts_that_are_all_different_do_not_pile_up() {
        let mut deadlines = Deadlines::default();
        for number in 0..1_000 {
            let timeout = Duration::from_nanos(number);
            deadlines.insert(timeout, Instant::ZERO + timeout, 0, secret(0));
            deadlines.forget_one(|_, _| false);
        }
        assert!(deadlines.lanes.len() <= 1);
    }
}
