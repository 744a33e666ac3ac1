//! The orderly end of a client: in which order, until when, and what was given up.
//!
//! ```text
//!            StopSubscribing, Unsubscribe, Fence
//! Running --drain---------------------------------> Unsubscribing
//!    |                                                   |
//!    |                                                   | PONG, or no connection: EndSubscriptions
//!    |                                                   v
//!    |                                                Ending
//!    |                                                   |
//!    |                                                   | what is unread
//!    |                                                   v
//!    |                                                Reading
//!    |                                                   |
//!    | close                                             | all is read: DeleteConsumers
//!    |          StopPublishing, Fence                    v
//!    '---------------> Flushing <---none is left---- Deleting
//!                       |   |  ^   or no connection
//!                  PONG |   |  | online: Fence
//!                       |   v  |
//!                       |  Waiting
//!                       |   |
//!                       v   v no connection, and nothing left to write
//!                      Closing --closed--> Ended
//!                       Close
//! ```
//!
//! Every state between `Running` and `Closing` goes to `Closing` when the budget is used up, and to
//! `Ended` when the connection closes for a reason of its own.

#[cfg(test)]
mod tests;

use crate::outbox::FenceId;
use crate::time::Instant;
use alloc::collections::VecDeque;
use core::fmt;
use core::time::Duration;

/// Decides how a client ends: the steps of a drain or close, their one deadline, and the report.
///
/// | question | its answer changes by |
/// | --- | --- |
/// | [`poll_action`](Self::poll_action) | every call that takes `&mut self` |
/// | [`poll_timeout`](Self::poll_timeout) | [`drain`](Self::drain), [`close`](Self::close), the action `Close` |
/// | [`report`](Self::report) | [`handle_timeout`](Self::handle_timeout), [`handle_lost`](Self::handle_lost), [`handle_closed`](Self::handle_closed) |
///
/// ```
/// use core::time::Duration;
/// use midge_proto::{Drain, DrainAction, FenceId, Instant, Unread};
///
/// let mut drain = Drain::default();
/// drain.drain(Instant::ZERO, Duration::from_secs(30));
/// assert_eq!(drain.poll_action(), Some(DrainAction::StopSubscribing));
/// assert_eq!(drain.poll_action(), Some(DrainAction::Unsubscribe));
/// assert_eq!(drain.poll_action(), Some(DrainAction::Fence));
/// drain.handle_fence_sent(FenceId(1));
/// drain.handle_fence_passed(FenceId(1));
/// assert_eq!(drain.poll_action(), Some(DrainAction::EndSubscriptions));
/// drain.handle_unread(Unread { subscriptions: 1, messages: 7 });
/// assert_eq!(drain.poll_action(), None);
/// drain.handle_unread(Unread::default());
/// assert_eq!(drain.poll_action(), Some(DrainAction::DeleteConsumers));
/// drain.handle_undeleted(0);
/// assert_eq!(drain.poll_action(), Some(DrainAction::StopPublishing));
/// assert_eq!(drain.poll_action(), Some(DrainAction::Fence));
/// drain.handle_fence_sent(FenceId(2));
/// drain.handle_fence_passed(FenceId(2));
/// assert_eq!(drain.poll_action(), Some(DrainAction::Close));
/// drain.handle_closed(0, Unread::default());
/// assert!(drain.report().is_complete());
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Drain {
    state: State,
    actions: VecDeque<DrainAction>,
    report: DrainReport,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Running,
    UnderWay {
        step: Step,
        give_up_at: Instant,
    },
    /// What the end gives up is still being counted.
    Closing,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The PONG proves that everything in flight was delivered.
    Unsubscribing(Proof),
    /// The subscriptions are being ended; what is unread has not been told yet.
    Ending,
    /// The application reads what was delivered.
    Reading,
    /// The consumers that were created for subscriptions are being deleted.
    Deleting,
    /// The PONG proves that everything accepted has arrived.
    Flushing(Proof),
    /// What was accepted waits for a connection.
    Waiting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Ordered,
    Sent(FenceId),
}

/// An order to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DrainAction {
    /// Take no new subscriptions, and tell people that the client drains.
    StopSubscribing,
    /// Send an `UNSUB` for every subscription that an application reads; each stays for what is in
    /// flight.
    Unsubscribe,
    /// Send a PING behind everything accepted so far: answered by
    /// [`Drain::handle_fence_sent`], or by [`Drain::handle_offline`] where there is no connection.
    Fence,
    /// End those subscriptions behind what was delivered: answered by [`Drain::handle_unread`].
    EndSubscriptions,
    /// Delete the consumers that subscriptions to streams have created: answered by
    /// [`Drain::handle_undeleted`], or by [`Drain::handle_offline`] where there is no connection.
    DeleteConsumers,
    /// Accept nothing more to be sent.
    StopPublishing,
    /// Close the connection for good: answered by [`Drain::handle_closed`].
    Close,
}

/// What the application has not read yet of subscriptions that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Subscriptions with messages left, and with somebody who may read them.
    pub subscriptions: usize,
    /// Messages in them.
    pub messages: u64,
}

/// What waits to be written while there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Nothing.
    Empty,
    /// Messages for the next connection.
    Kept,
}

/// What a drain came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Subscriptions whose messages were not all read by the application before the end.
    pub unread_subscriptions: usize,
    /// Messages in them.
    pub unread_messages: u64,
    /// Consumers that subscriptions to streams had created, and that a drain did not come to delete.
    pub undeleted_consumers: usize,
    /// Published messages that were never written.
    pub unwritten: u64,
    /// Published messages that were written without a PONG to prove their arrival.
    pub uncertain: u64,
    /// Whether the time was up before everything was done.
    pub timed_out: bool,
}

/// What the user asks.
impl Drain {
    /// Ends subscriptions first, lets the application read what they brought, deletes what was
    /// created for them, gets everything out, and closes, all of it within `budget`. Does nothing
    /// once an end has begun.
    pub fn drain(&mut self, now: Instant, budget: Duration) {
        let step = Step::Unsubscribing(Proof::Ordered);
        let orders = [DrainAction::StopSubscribing, DrainAction::Unsubscribe, DrainAction::Fence];
        self.begin(now + budget, step, orders);
    }

    /// Gets everything out and closes, within ten seconds. Does nothing once an end has begun: a
    /// drain goes on with its own budget. Consumers that were created for subscriptions stay.
    pub fn close(&mut self, now: Instant) {
        self.begin(now + CLOSE_BUDGET, Step::Flushing(Proof::Ordered), FLUSH);
    }
}

/// What the world tells.
impl Drain {
    /// The PING of [`DrainAction::Fence`] is in line.
    pub fn handle_fence_sent(&mut self, fence: FenceId) {
        let State::UnderWay { step, .. } = &mut self.state else { return };
        match step {
            Step::Unsubscribing(proof @ Proof::Ordered)
            | Step::Flushing(proof @ Proof::Ordered) => *proof = Proof::Sent(fence),
            Step::Unsubscribing(Proof::Sent(_))
            | Step::Flushing(Proof::Sent(_))
            | Step::Ending
            | Step::Reading
            | Step::Deleting
            | Step::Waiting => {}
        }
    }

    /// The PONG came for this fence; one that is not waited for is ignored.
    pub fn handle_fence_passed(&mut self, fence: FenceId) {
        match self.step() {
            Some(Step::Unsubscribing(Proof::Sent(sent))) if sent == fence => {
                self.enter(Step::Ending, [DrainAction::EndSubscriptions]);
            }
            Some(Step::Flushing(Proof::Sent(sent))) if sent == fence => self.order_close(),
            Some(
                Step::Unsubscribing(_)
                | Step::Ending
                | Step::Reading
                | Step::Deleting
                | Step::Flushing(_)
                | Step::Waiting,
            )
            | None => {}
        }
    }

    /// What the application has not read yet; to be told whenever it has become less.
    pub fn handle_unread(&mut self, unread: Unread) {
        match self.step() {
            Some(Step::Ending | Step::Reading) if unread.subscriptions == 0 => {
                self.enter(Step::Deleting, [DrainAction::DeleteConsumers]);
            }
            Some(Step::Ending | Step::Reading) => self.enter(Step::Reading, []),
            Some(Step::Unsubscribing(_) | Step::Deleting | Step::Flushing(_) | Step::Waiting)
            | None => {}
        }
    }

    /// So many consumers that subscriptions have created are there still; to be told whenever that
    /// has changed.
    pub fn handle_undeleted(&mut self, consumers: usize) {
        match self.step() {
            Some(Step::Unsubscribing(_) | Step::Ending | Step::Reading) => {
                self.report.undeleted_consumers = consumers;
            }
            Some(Step::Deleting) => {
                self.report.undeleted_consumers = consumers;
                if consumers == 0 {
                    self.enter(Step::Flushing(Proof::Ordered), FLUSH);
                }
            }
            // A close leaves them.
            Some(Step::Flushing(_) | Step::Waiting) | None => {}
        }
    }

    /// The connection is lost, and its fences with it; that many messages were written without a
    /// PONG since, and are not sent again.
    pub fn handle_lost(&mut self, uncertain: u64) {
        match self.state {
            State::Running | State::Ended => return,
            State::UnderWay { .. } | State::Closing => self.report.uncertain += uncertain,
        }
        match self.step() {
            // Nothing more can come over a lost connection.
            Some(Step::Unsubscribing(_)) => {
                self.enter(Step::Ending, [DrainAction::EndSubscriptions]);
            }
            Some(Step::Flushing(_)) => self.enter(Step::Waiting, []),
            Some(Step::Ending | Step::Reading | Step::Deleting | Step::Waiting) | None => {}
        }
    }

    /// There is no connection. To be told in answer to an order that needs one, and while it is so
    /// whenever the backlog has become less.
    pub fn handle_offline(&mut self, backlog: Backlog) {
        match (self.step(), backlog) {
            // Nothing is in flight.
            (Some(Step::Unsubscribing(_)), _) => {
                self.enter(Step::Ending, [DrainAction::EndSubscriptions]);
            }
            // The next connection may be far, and what has to be known of them is in the report.
            (Some(Step::Deleting), _) => self.enter(Step::Flushing(Proof::Ordered), FLUSH),
            (Some(Step::Flushing(_) | Step::Waiting), Backlog::Empty) => self.order_close(),
            (Some(Step::Flushing(_) | Step::Waiting), Backlog::Kept) => {
                self.enter(Step::Waiting, []);
            }
            (Some(Step::Ending | Step::Reading) | None, _) => {}
        }
    }

    /// There is a connection, and what was kept goes out.
    pub fn handle_online(&mut self) {
        match self.step() {
            Some(Step::Waiting) => {
                self.enter(Step::Flushing(Proof::Ordered), [DrainAction::Fence]);
            }
            Some(
                Step::Unsubscribing(_)
                | Step::Ending
                | Step::Reading
                | Step::Deleting
                | Step::Flushing(_),
            )
            | None => {}
        }
    }

    /// The connection is closed for good, by [`DrainAction::Close`] or for a reason of its own. That
    /// many published messages were never written, and this is unread of the subscriptions that the
    /// drain was to end, at whichever step it was.
    pub fn handle_closed(&mut self, unwritten: u64, unread: Unread) {
        if self.state != State::Ended {
            self.state = State::Ended;
            self.actions.clear();
            self.report.unwritten = unwritten;
            self.report.unread_subscriptions = unread.subscriptions;
            self.report.unread_messages = unread.messages;
        }
    }

    /// Gives up what is left if the budget is used up.
    pub fn handle_timeout(&mut self, now: Instant) {
        let State::UnderWay { give_up_at, .. } = self.state else { return };
        if now < give_up_at {
            return;
        }
        self.report.timed_out = true;
        self.order_close();
    }
}

/// What it asks of the world.
impl Drain {
    /// The next order to carry out.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<DrainAction> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::UnderWay { give_up_at, .. } => Some(give_up_at),
            State::Running | State::Closing | State::Ended => None,
        }
    }
}

/// Looks.
impl Drain {
    /// Whether no end has begun.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// What was given up; final once the connection is closed.
    #[must_use]
    pub fn report(&self) -> &DrainReport {
        &self.report
    }

    fn step(&self) -> Option<Step> {
        match self.state {
            State::UnderWay { step, .. } => Some(step),
            State::Running | State::Closing | State::Ended => None,
        }
    }

    fn begin<const N: usize>(&mut self, give_up_at: Instant, step: Step, orders: [DrainAction; N]) {
        if self.is_running() {
            self.state = State::UnderWay { step, give_up_at };
            self.actions.extend(orders);
        }
    }

    fn enter<const N: usize>(&mut self, next: Step, orders: [DrainAction; N]) {
        if let State::UnderWay { step, .. } = &mut self.state {
            *step = next;
            self.actions.extend(orders);
        }
    }

    fn order_close(&mut self) {
        self.state = State::Closing;
        // Whatever else was ordered is done by closing.
        self.actions.clear();
        self.actions.push_back(DrainAction::Close);
    }
}

impl DrainReport {
    /// Whether nothing was given up.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages in {} subscriptions were not read, {} published ones were not written and \
             {} may not have arrived",
            self.unread_messages, self.unread_subscriptions, self.unwritten, self.uncertain
        )?;
        if self.undeleted_consumers > 0 {
            write!(f, "; {} consumers were not deleted", self.undeleted_consumers)?;
        }
        f.write_str(if self.timed_out { " when the time was up" } else { "" })
    }
}

/// The last step of a drain, and the first of a close.
const FLUSH: [DrainAction; 2] = [DrainAction::StopPublishing, DrainAction::Fence];

/// How long a close may take to get what was accepted to the server: as much as a slow network
/// needs for a full queue of one connection, and not so much that a program seems to hang.
const CLOSE_BUDGET: Duration = Duration::from_secs(10);
