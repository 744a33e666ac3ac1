//! One bound on the bytes that wait in all subscriptions of a client together.

use super::policy::OVERFLOW_BYTES_MAX;
use super::{Inbox, Limits, SlowConsumerPolicy};
use crate::sync::{Arc, AtomicU64, Ordering};

/// What all subscriptions of a client may hold together.
#[derive(Debug)]
pub(crate) struct Budget {
    max: u64,
    used: AtomicU64,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Self {
        Self { max: max as u64, used: AtomicU64::new(0) }
    }

    fn left(&self) -> u64 {
        self.max.saturating_sub(self.used.load(Ordering::Relaxed))
    }
}

/// The part of a budget that one queue uses; given back when the queue goes.
///
/// It is brought up to date by run, not by message: when one is added and when the reader asks for
/// the next. So it may be too high by the run at hand, and never too low.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    used: u64,
}

impl Share {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), used: 0 }
    }

    fn set(&mut self, used: u64) {
        if used >= self.used {
            self.budget.used.fetch_add(used - self.used, Ordering::Relaxed);
        } else {
            self.budget.used.fetch_sub(self.used - used, Ordering::Relaxed);
        }
        self.used = used;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Inbox {
    /// So many bytes wait here.
    pub(super) fn charge(&mut self, pending_bytes: u64) {
        if let Some(seldom) = &mut self.seldom
            && let Some(share) = &mut seldom.share
        {
            share.set(pending_bytes);
        }
    }

    /// The limits in force where so many bytes wait here, and how far back-pressure may go over them:
    /// what is left of the budget counts, too.
    ///
    /// Back-pressure begins at half of it, so that what must pass afterwards has room.
    pub(super) fn limits_in_force(&mut self, pending_bytes: u64) -> (Limits, u64) {
        self.charge(pending_bytes);
        let share = self.seldom.as_ref().and_then(|seldom| seldom.share.as_ref());
        let Some(share) = share else { return (self.limits, OVERFLOW_BYTES_MAX as u64) };
        let left = share.budget.left();
        let reserve = match self.limits.policy {
            SlowConsumerPolicy::BackPressure => left.min(share.budget.max / 2),
            SlowConsumerPolicy::DropNewest
            | SlowConsumerPolicy::DropOldest
            | SlowConsumerPolicy::LatestOnly
            | SlowConsumerPolicy::Pause
            | SlowConsumerPolicy::Fail => 0,
        };
        let bytes = usize::try_from(pending_bytes + left - reserve).unwrap_or(usize::MAX);
        (Limits { bytes: self.limits.bytes.min(bytes), ..self.limits }, reserve)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LimitOptions, Mailbox, News, Reader};
    use super::*;
    use bytes::Bytes;
    use midge_proto::{DecodeLimits, Decoder, Frame, MessageFrame};

    /// A message of a hundred bytes, its subject included.
    fn message() -> (Bytes, MessageFrame) {
        let mut bytes = b"MSG a 1 99\r\n".to_vec();
        bytes.extend([b'x'; 99]);
        bytes.extend(b"\r\n");
        let frame = Decoder::new(DecodeLimits::default()).next(&bytes);
        let Ok(Some(Frame::Message { frame, .. })) = frame else { panic!("{frame:?}") };
        (bytes.into(), frame)
    }

    fn mailbox(policy: SlowConsumerPolicy, budget: &Arc<Budget>) -> Arc<Mailbox> {
        let limits = LimitOptions { policy, ..Default::default() }.limits();
        Arc::new(Mailbox::new(limits, Some(budget)))
    }

    /// Delivers messages one by one; how many were dropped, and whether a pause was asked for.
    fn deliver(mailbox: &Mailbox, count: usize) -> (u64, bool) {
        let (chunk, frame) = message();
        let (mut dropped, mut paused) = (0, false);
        for _ in 0..count {
            let outcome = mailbox.deliver(&chunk, core::iter::once(frame));
            dropped += outcome.dropped;
            paused |= outcome.news == Some(News::Pause);
        }
        (dropped, paused)
    }

    #[test]
    fn what_one_queue_holds_is_not_there_for_another_until_it_is_read() {
        let budget = Arc::new(Budget::new(1_000));
        let [first, second] = [(); 2].map(|()| mailbox(SlowConsumerPolicy::DropNewest, &budget));
        assert_eq!(deliver(&first, 6), (0, false));
        assert_eq!(deliver(&second, 6), (2, false));
        assert_eq!((first.pending().bytes, second.pending().bytes), (600, 400));
        let mut reader = Reader::new(Arc::clone(&first));
        // The run at hand counts until the next one is asked for.
        for _ in 0..3 {
            let _ = reader.refill(None);
            assert!(reader.advance().is_some());
        }
        assert_eq!(deliver(&second, 6), (4, false));
        drop((reader, first));
        assert_eq!(deliver(&second, 6), (2, false));
        assert_eq!(second.pending().bytes, 1_000);
    }

    #[test]
    fn nobody_reads_what_is_abandoned_and_it_counts_no_longer() {
        let budget = Arc::new(Budget::new(1_000));
        let [first, second] = [(); 2].map(|()| mailbox(SlowConsumerPolicy::DropNewest, &budget));
        deliver(&first, 10);
        assert_eq!(deliver(&second, 1).0, 1);
        first.abandon();
        assert_eq!(deliver(&second, 11).0, 1);
    }

    #[test]
    fn whoever_drops_the_oldest_makes_room_in_its_own_queue_only() {
        let budget = Arc::new(Budget::new(1_000));
        let other = mailbox(SlowConsumerPolicy::DropNewest, &budget);
        let latest = mailbox(SlowConsumerPolicy::DropOldest, &budget);
        deliver(&other, 7);
        assert_eq!(deliver(&latest, 8), (5, false));
        assert_eq!((other.pending().bytes, latest.pending().bytes), (700, 300));
    }

    #[test]
    fn the_latest_of_each_subject_are_bounded_by_the_budget_too() {
        let budget = Arc::new(Budget::new(1_000));
        let other = mailbox(SlowConsumerPolicy::DropNewest, &budget);
        let latest = mailbox(SlowConsumerPolicy::LatestOnly, &budget);
        assert_eq!(deliver(&latest, 5), (0, false));
        assert_eq!((latest.pending().bytes, latest.pending().replaced), (100, 4));
        assert_eq!(deliver(&other, 10).0, 1);
        assert_eq!(deliver(&latest, 1).0, 0, "it replaces what counts already");
    }

    #[test]
    fn back_pressure_begins_at_half_of_the_budget_and_never_goes_over_it() {
        let budget = Arc::new(Budget::new(1_000));
        let held = mailbox(SlowConsumerPolicy::BackPressure, &budget);
        assert_eq!(deliver(&held, 5), (0, false));
        assert_eq!(deliver(&held, 1), (0, true));
        assert_eq!(deliver(&held, 10).0, 6);
        assert_eq!(held.pending().bytes, 1_000);
    }
}
