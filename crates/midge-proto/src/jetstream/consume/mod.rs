//! Reading from consumers: the loops that ask for messages, watch over the asking, and know why
//! there is nothing.
//!
//! Each machine has the same shape. The world tells it what happened (`handle_*`), and it says
//! what to do (`poll_action`), what to tell people (`poll_event`) and when to wake it
//! (`poll_timeout`). After any `handle_*` all of them can have changed; drain the actions first.
//! Messages do not pass through a machine: it looks at each and says what becomes of it
//! ([`Verdict`]).
//!
//! The promise of all of them: *a pull is outstanding on this very connection, or messages are
//! buffered, or whoever reads can see why not.*

mod fetch;
mod ordered;
mod pull;
mod push;
mod resume;
mod retry;
mod source;
#[cfg(test)]
mod tests;

pub use fetch::{Fetch, FetchEnd};
pub use ordered::{CreateFault, Ordered, OrderedAction, OrderedEnd, OrderedEvent, OrderedOptions};
pub use pull::{Pull, PullEnd, PullEvent, PullOptions, PullRequest};
pub use push::{Push, PushAction, PushEnd, PushEvent, PushOptions};
pub use resume::{InvalidResumeToken, ResumeToken};

use crate::message::Message;
use alloc::collections::VecDeque;

/// What becomes of a message that came to the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verdict {
    /// It goes to whoever reads.
    Deliver,
    /// It was for the machine, or a copy of what was delivered already.
    Consumed,
    /// It is a message of the stream that nobody reads any more: a negative acknowledgement gives
    /// it back to the consumer at once.
    GiveBack,
}

/// News that are kept for one who does not ask for them.
const EVENTS_MAX: usize = 64;

/// Adds news; of too many, the oldest go.
fn push_event<E>(events: &mut VecDeque<E>, event: E) {
    if events.len() >= EVENTS_MAX {
        events.pop_front();
    }
    events.push_back(event);
}

/// The number at the end of the subject that an answer came to: it tells which asking it belongs
/// to.
fn token_of(answer: &Message) -> Option<u64> {
    answer.subject.rsplit('.').next()?.parse().ok()
}
