//! Why there is no next message.

use crate::mailbox::End;
use core::fmt;
use core::time::Duration;

/// Why there is no next message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextError {
    /// None came within this time; the subscription goes on.
    TimedOut(Duration),
    /// Unsubscribed or drained.
    Finished,
    /// As many messages came as were wanted, by [`SubscribeBuilder::limit`] or
    /// [`Subscriber::unsubscribe_after`].
    ///
    /// [`SubscribeBuilder::limit`]: crate::SubscribeBuilder::limit
    /// [`Subscriber::unsubscribe_after`]: crate::Subscriber::unsubscribe_after
    LimitReached,
    /// The client was closed.
    Closed,
    /// More messages waited than allowed, and the policy was to fail.
    SlowConsumer,
    /// The server refused the subscription; this is what it said.
    Refused(String),
}

impl fmt::Display for NextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(after) => write!(f, "no message within {after:?}"),
            Self::Finished => f.write_str("the subscription has ended"),
            Self::LimitReached => f.write_str("as many messages came as were wanted"),
            Self::Closed => f.write_str("the client is closed"),
            Self::SlowConsumer => f.write_str("more messages waited than the subscription allows"),
            Self::Refused(text) => write!(f, "subscription refused by the server: {text}"),
        }
    }
}

impl core::error::Error for NextError {}

impl From<&End> for NextError {
    fn from(end: &End) -> Self {
        match end {
            End::Finished => Self::Finished,
            End::LimitReached => Self::LimitReached,
            End::Closed => Self::Closed,
            End::Overflow => Self::SlowConsumer,
            End::Refused(text) => Self::Refused(text.to_string()),
        }
    }
}
