//! Scripts: what the world tells, what is ordered then, and nothing else.

use super::{Backlog, Drain, DrainAction, DrainReport, FenceId, Instant, State, Unread};
use DrainAction::{
    Close, DeleteConsumers, EndSubscriptions, Fence, StopPublishing, StopSubscribing, Unsubscribe,
};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

const BUDGET: Duration = Duration::from_secs(30);
const ALL_READ: Unread = Unread { subscriptions: 0, messages: 0 };
const UNREAD: Unread = Unread { subscriptions: 2, messages: 7 };

fn at(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

struct Script {
    drain: Drain,
    fences: u64,
}

impl Script {
    /// A drain with half a minute that began at second 0.
    #[track_caller]
    fn draining() -> Self {
        let mut script = Self { drain: Drain::default(), fences: 0 };
        script.drain.drain(at(0), BUDGET);
        script.expect(&[StopSubscribing, Unsubscribe, Fence]);
        script
    }

    /// `UNSUB`s and their fence are sent.
    #[track_caller]
    fn unsubscribing() -> Self {
        let mut script = Self::draining();
        script.fence_sent();
        script
    }

    /// All in flight was delivered, and some of it is unread.
    #[track_caller]
    fn reading() -> Self {
        let mut script = Self::unsubscribing();
        script.fence_passes();
        script.expect(&[EndSubscriptions]);
        script.drain.handle_unread(UNREAD);
        script.expect(&[]);
        script
    }

    /// All was read, and consumers are to be deleted.
    #[track_caller]
    fn deleting() -> Self {
        let mut script = Self::reading();
        script.drain.handle_unread(ALL_READ);
        script.expect(&[DeleteConsumers]);
        script.drain.handle_undeleted(2);
        script.expect(&[]);
        script
    }

    /// All was read, and the last fence is sent.
    #[track_caller]
    fn flushing() -> Self {
        let mut script = Self::reading();
        script.all_is_read();
        script.expect(&[StopPublishing, Fence]);
        script.fence_sent();
        script
    }

    /// The connection was lost before the last fence passed, with something left to write.
    #[track_caller]
    fn waiting() -> Self {
        let mut script = Self::flushing();
        script.drain.handle_lost(0);
        script.drain.handle_offline(Backlog::Kept);
        script.expect(&[]);
        script
    }

    /// Nothing is left but to close.
    #[track_caller]
    fn closing() -> Self {
        let mut script = Self::flushing();
        script.fence_passes();
        script.expect(&[Close]);
        script
    }

    fn fence_sent(&mut self) {
        self.fences += 1;
        self.drain.handle_fence_sent(FenceId(self.fences));
    }

    /// The PONG of the latest fence comes.
    fn fence_passes(&mut self) {
        self.drain.handle_fence_passed(FenceId(self.fences));
    }

    /// The application has read everything, and there is no consumer to be deleted.
    #[track_caller]
    fn all_is_read(&mut self) {
        self.drain.handle_unread(ALL_READ);
        self.expect(&[DeleteConsumers]);
        self.drain.handle_undeleted(0);
    }

    /// These orders, and nothing else.
    #[track_caller]
    fn expect(&mut self, actions: &[DrainAction]) {
        assert_eq!(orders(&mut self.drain), actions);
    }

    /// The end is ordered, and comes to this.
    #[track_caller]
    fn expect_close(mut self, unwritten: u64, report: &DrainReport) {
        self.expect(&[Close]);
        assert_eq!(self.drain.poll_timeout(), None);
        self.expect_end(unwritten, report);
    }

    #[track_caller]
    fn expect_end(mut self, unwritten: u64, report: &DrainReport) {
        let unread =
            Unread { subscriptions: report.unread_subscriptions, messages: report.unread_messages };
        self.drain.handle_closed(unwritten, unread);
        self.expect(&[]);
        assert_eq!(self.drain.poll_timeout(), None);
        assert_eq!(self.drain.report(), report);
    }

    /// The budget is used up, and not a moment before.
    #[track_caller]
    fn times_out(&mut self) {
        assert_eq!(self.drain.poll_timeout(), Some(at(30)));
        self.drain.handle_timeout(at(29));
        self.expect(&[]);
        self.drain.handle_timeout(at(30));
    }
}

fn orders(drain: &mut Drain) -> Vec<DrainAction> {
    core::iter::from_fn(|| drain.poll_action()).collect()
}

fn timed_out() -> DrainReport {
    DrainReport { timed_out: true, ..DrainReport::default() }
}

#[test]
fn a_drain_goes_step_by_step_and_ends_complete() {
    let mut script = Script::reading();
    script.drain.handle_unread(Unread { subscriptions: 1, messages: 1 });
    script.expect(&[]);
    script.all_is_read();
    script.expect(&[StopPublishing, Fence]);
    script.fence_sent();
    script.expect(&[]);
    script.fence_passes();
    script.expect_close(0, &DrainReport::default());
}

#[test]
fn a_close_only_gets_out_what_was_accepted() {
    let mut script = Script { drain: Drain::default(), fences: 0 };
    script.drain.close(at(5));
    script.expect(&[StopPublishing, Fence]);
    assert_eq!(script.drain.poll_timeout(), Some(at(15)));
    script.fence_sent();
    script.fence_passes();
    script.expect_close(0, &DrainReport::default());
}

#[test]
fn a_client_that_runs_is_not_ended_by_anything_it_hears() {
    let mut script = Script { drain: Drain::default(), fences: 0 };
    script.fence_sent();
    script.fence_passes();
    script.drain.handle_unread(ALL_READ);
    script.drain.handle_lost(3);
    script.drain.handle_offline(Backlog::Empty);
    script.drain.handle_online();
    script.drain.handle_timeout(Instant::MAX);
    script.expect(&[]);
    assert!(script.drain.is_running());
    assert_eq!(script.drain.poll_timeout(), None);
    assert!(script.drain.report().is_complete(), "what was lost before is not the end's matter");
}

#[test]
fn publishing_ends_when_no_consumer_is_left_to_delete() {
    let mut script = Script::deleting();
    script.drain.handle_unread(ALL_READ);
    script.drain.handle_online();
    script.drain.handle_undeleted(1);
    script.expect(&[]);
    script.drain.handle_undeleted(0);
    script.expect(&[StopPublishing, Fence]);
    script.fence_sent();
    script.drain.handle_undeleted(1);
    script.fence_passes();
    script.expect_close(0, &DrainReport::default());
}

#[test]
fn without_a_connection_consumers_stay_and_are_counted() {
    let left = DrainReport { undeleted_consumers: 2, ..DrainReport::default() };
    let mut script = Script::deleting();
    script.drain.handle_lost(0);
    script.expect(&[]);
    script.drain.handle_offline(Backlog::Empty);
    script.expect(&[StopPublishing, Fence]);
    script.drain.handle_undeleted(0);
    script.drain.handle_offline(Backlog::Empty);
    script.expect_close(0, &left);

    let mut script = Script::draining();
    script.drain.handle_undeleted(2);
    script.expect_end(0, &left);
    assert!(!left.is_complete());
    assert!(left.to_string().ends_with("; 2 consumers were not deleted"), "{left}");
}

#[test]
fn a_close_leaves_consumers_and_does_not_count_them() {
    let mut script = Script { drain: Drain::default(), fences: 0 };
    script.drain.close(at(0));
    script.drain.handle_undeleted(2);
    script.expect(&[StopPublishing, Fence]);
    script.fence_sent();
    script.fence_passes();
    script.expect_close(0, &DrainReport::default());
}

#[test]
fn only_its_own_pong_takes_a_step() {
    let mut script = Script::unsubscribing();
    script.drain.handle_fence_passed(FenceId(99));
    script.expect(&[]);
    script.fence_passes();
    script.expect(&[EndSubscriptions]);
    script.all_is_read();
    script.expect(&[StopPublishing, Fence]);
    script.drain.handle_fence_passed(FenceId(2));
    script.expect(&[]);
    script.fence_sent();
    script.drain.handle_fence_passed(FenceId(1));
    script.expect(&[]);
    script.fence_passes();
    script.expect(&[Close]);
}

#[test]
fn without_a_connection_nothing_is_in_flight_and_reading_begins_at_once() {
    let mut script = Script::draining();
    script.drain.handle_offline(Backlog::Kept);
    script.expect(&[EndSubscriptions]);
    script.drain.handle_unread(UNREAD);
    script.expect(&[]);
    script.all_is_read();
    script.expect(&[StopPublishing, Fence]);
    script.drain.handle_offline(Backlog::Kept);
    script.expect(&[]);
    script.times_out();
    script.expect_close(5, &DrainReport { unwritten: 5, ..timed_out() });
}

#[test]
fn without_a_connection_and_with_nothing_to_write_it_closes_at_once() {
    let mut script = Script::draining();
    script.drain.handle_offline(Backlog::Empty);
    script.expect(&[EndSubscriptions]);
    script.all_is_read();
    script.expect(&[StopPublishing, Fence]);
    script.drain.handle_offline(Backlog::Empty);
    script.expect_close(0, &DrainReport::default());

    let mut script = Script { drain: Drain::default(), fences: 0 };
    script.drain.close(at(0));
    script.expect(&[StopPublishing, Fence]);
    script.drain.handle_offline(Backlog::Empty);
    script.expect_close(0, &DrainReport::default());
}

#[test]
fn a_loss_while_unsubscribing_ends_the_subscriptions_as_nothing_more_can_come() {
    let mut script = Script::unsubscribing();
    script.drain.handle_lost(3);
    script.expect(&[EndSubscriptions]);
    script.drain.handle_unread(UNREAD);
    script.drain.handle_offline(Backlog::Empty);
    script.fence_passes();
    script.expect(&[]);
    script.all_is_read();
    script.expect(&[StopPublishing, Fence]);
    script.fence_sent();
    script.fence_passes();
    script.expect_close(0, &DrainReport { uncertain: 3, ..DrainReport::default() });
}

#[test]
fn a_loss_does_not_cut_the_reading_short() {
    let mut script = Script::reading();
    script.drain.handle_lost(4);
    script.drain.handle_offline(Backlog::Empty);
    script.drain.handle_online();
    script.expect(&[]);
    script.all_is_read();
    script.expect(&[StopPublishing, Fence]);
    script.fence_sent();
    script.fence_passes();
    script.expect_close(0, &DrainReport { uncertain: 4, ..DrainReport::default() });
}

#[test]
fn a_loss_while_flushing_waits_for_a_connection_and_sends_another_fence() {
    let mut script = Script::waiting();
    script.drain.handle_lost(2);
    script.fence_passes();
    script.drain.handle_offline(Backlog::Kept);
    script.expect(&[]);
    script.drain.handle_online();
    script.expect(&[Fence]);
    script.fence_sent();
    script.drain.handle_fence_passed(FenceId(2));
    script.drain.handle_online();
    script.expect(&[]);
    script.fence_passes();
    script.expect_close(0, &DrainReport { uncertain: 2, ..DrainReport::default() });
}

#[test]
fn a_loss_while_flushing_ends_it_when_nothing_is_left_to_write() {
    let mut script = Script::flushing();
    script.drain.handle_lost(6);
    script.expect(&[]);
    script.drain.handle_offline(Backlog::Empty);
    script.expect_close(0, &DrainReport { uncertain: 6, ..DrainReport::default() });

    let mut script = Script::waiting();
    script.drain.handle_offline(Backlog::Empty);
    script.expect_close(0, &DrainReport::default());
}

#[test]
fn what_closing_itself_makes_uncertain_counts() {
    let mut script = Script::closing();
    script.drain.handle_lost(1);
    script.drain.handle_offline(Backlog::Kept);
    script.drain.handle_online();
    script.drain.handle_timeout(Instant::MAX);
    script.expect(&[]);
    script.expect_end(2, &DrainReport { uncertain: 1, unwritten: 2, ..DrainReport::default() });
}

#[test]
fn when_the_time_is_up_it_closes_from_every_step_and_reports() {
    let unread = DrainReport { unread_subscriptions: 2, unread_messages: 7, ..timed_out() };
    for (mut script, report) in [
        (Script::draining(), unread.clone()),
        (Script::unsubscribing(), unread.clone()),
        (Script::reading(), unread),
        (Script::deleting(), DrainReport { undeleted_consumers: 2, ..timed_out() }),
        (Script::flushing(), timed_out()),
        (Script::waiting(), timed_out()),
    ] {
        script.times_out();
        script.expect(&[Close]);
        script.drain.handle_timeout(at(31));
        script.expect(&[]);
        script.drain.handle_lost(1);
        script.expect_end(3, &DrainReport { uncertain: 1, unwritten: 3, ..report });
    }
    let mut script = Script::closing();
    script.drain.handle_timeout(at(31));
    script.expect_end(0, &DrainReport::default());
}

#[test]
fn a_connection_that_closes_by_itself_leaves_unread_what_was_not_read_by_then() {
    let unread = DrainReport { unread_subscriptions: 1, unread_messages: 4, ..Default::default() };
    for script in [Script::unsubscribing(), Script::reading()] {
        script.expect_end(0, &unread);
    }
}

#[test]
fn a_budget_of_nothing_still_stops_and_unsubscribes_before_it_is_up() {
    let mut script = Script { drain: Drain::default(), fences: 0 };
    script.drain.drain(at(4), Duration::ZERO);
    script.expect(&[StopSubscribing, Unsubscribe, Fence]);
    assert_eq!(script.drain.poll_timeout(), Some(at(4)));
    script.drain.handle_timeout(at(4));
    script.expect_close(0, &timed_out());
}

#[test]
fn orders_that_closing_makes_needless_are_taken_back() {
    let mut drain = Drain::default();
    drain.drain(at(0), BUDGET);
    drain.handle_timeout(at(30));
    assert_eq!(orders(&mut drain), [Close]);

    let mut drain = Drain::default();
    drain.drain(at(0), BUDGET);
    drain.handle_closed(0, ALL_READ);
    assert_eq!(orders(&mut drain), []);
}

#[test]
fn a_close_or_another_drain_leaves_a_drain_to_its_steps_and_its_budget() {
    for mut script in [
        Script::draining(),
        Script::unsubscribing(),
        Script::reading(),
        Script::deleting(),
        Script::flushing(),
        Script::waiting(),
        Script::closing(),
    ] {
        let (state, deadline) = (script.drain.state, script.drain.poll_timeout());
        script.drain.close(at(1));
        script.drain.drain(at(1), Duration::from_secs(1));
        script.expect(&[]);
        assert_eq!((script.drain.state, script.drain.poll_timeout()), (state, deadline));
    }
}

#[test]
fn a_drain_behind_a_close_changes_nothing() {
    let mut script = Script { drain: Drain::default(), fences: 0 };
    script.drain.close(at(0));
    script.expect(&[StopPublishing, Fence]);
    script.drain.drain(at(1), BUDGET);
    script.expect(&[]);
    assert_eq!(script.drain.poll_timeout(), Some(at(10)));
}

#[test]
fn a_connection_that_closes_by_itself_ends_every_step() {
    for mut script in [
        Script::draining(),
        Script::unsubscribing(),
        Script::reading(),
        Script::deleting(),
        Script::flushing(),
        Script::waiting(),
        Script::closing(),
    ] {
        script.drain.handle_lost(1);
        let undeleted_consumers = script.drain.report().undeleted_consumers;
        let report =
            DrainReport { uncertain: 1, unwritten: 2, undeleted_consumers, ..Default::default() };
        script.expect_end(2, &report);
    }
}

#[test]
fn nothing_happens_after_the_end() {
    let mut script = Script::closing();
    script.drain.handle_closed(0, ALL_READ);
    for (name, input) in INPUTS {
        input(&mut script.drain);
        assert_eq!(orders(&mut script.drain), [], "{name}");
    }
    assert!(script.drain.report().is_complete(), "{:?}", script.drain.report());
}

type Input = (&'static str, fn(&mut Drain));

const INPUTS: [Input; 15] = [
    ("drain", |drain| drain.drain(at(0), BUDGET)),
    ("close", |drain| drain.close(at(0))),
    ("fence sent", |drain| drain.handle_fence_sent(FenceId(1))),
    ("fence passed", |drain| drain.handle_fence_passed(FenceId(1))),
    ("another fence passed", |drain| drain.handle_fence_passed(FenceId(2))),
    ("unread", |drain| drain.handle_unread(UNREAD)),
    ("all read", |drain| drain.handle_unread(ALL_READ)),
    ("undeleted", |drain| drain.handle_undeleted(1)),
    ("none undeleted", |drain| drain.handle_undeleted(0)),
    ("lost", |drain| drain.handle_lost(0)),
    ("nothing kept", |drain| drain.handle_offline(Backlog::Empty)),
    ("something kept", |drain| drain.handle_offline(Backlog::Kept)),
    ("online", Drain::handle_online),
    ("timeout", |drain| drain.handle_timeout(at(30))),
    ("closed", |drain| drain.handle_closed(0, ALL_READ)),
];

/// Every state that can be reached, and from each every input: order and liveness.
#[test]
fn no_state_is_without_a_deadline_and_no_order_comes_out_of_turn() {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut open = vec![(Drain::default(), Vec::<DrainAction>::new())];
    while let Some((drain, before)) = open.pop() {
        for (name, input) in INPUTS {
            let (mut next, mut before) = (drain.clone(), before.clone());
            input(&mut next);
            for order in orders(&mut next) {
                let allowed = match order {
                    StopSubscribing => before.is_empty(),
                    Unsubscribe => before.contains(&StopSubscribing),
                    Fence => before.contains(&Unsubscribe) || before.contains(&StopPublishing),
                    EndSubscriptions => before.contains(&Unsubscribe),
                    DeleteConsumers => before.contains(&EndSubscriptions),
                    StopPublishing => before.is_empty() || before.contains(&DeleteConsumers),
                    Close => !before.is_empty(),
                };
                let again = order != Fence && before.contains(&order);
                assert!(allowed && !again, "{name}: {order:?} behind {before:?}");
                assert!(!before.contains(&Close), "{name}: {order:?} behind the end");
                if !before.contains(&order) {
                    before.push(order);
                }
            }
            match next.state {
                State::Running => assert!(before.is_empty(), "{name}: {before:?}"),
                State::UnderWay { give_up_at, .. } => {
                    assert_eq!(next.poll_timeout(), Some(give_up_at), "{name}");
                    let mut late = next.clone();
                    late.handle_timeout(give_up_at);
                    assert_eq!(orders(&mut late), [Close], "{name}");
                }
                State::Closing => assert_eq!(before.last(), Some(&Close), "{name}"),
                State::Ended => assert_eq!(next.poll_timeout(), None, "{name}"),
            }
            if seen.insert(format!("{:?} {before:?}", next.state)) {
                open.push((next, before));
            }
        }
    }
    assert!(seen.len() > 15, "{}", seen.len());
}
