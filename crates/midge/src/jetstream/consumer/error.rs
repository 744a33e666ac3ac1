//! Why a reading does not bring the next message.

use crate::error::PublishError;
use crate::jetstream::error::CallError;
use crate::subscriber::NextError;
use core::fmt;
use midge_proto::ServerError;
use midge_proto::jetstream::consume::FetchEnd;
use midge_proto::jetstream::{Status, StatusClass};

/// A reading does not bring the next message: of which consumer, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct MessagesError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    stream: String,
    consumer: String,
    fault: MessagesFault,
}

/// An ordered reading does not bring the next message.
pub type OrderedError = MessagesError;
/// What kind of error an [`OrderedError`] is.
pub type OrderedErrorKind = MessagesErrorKind;

/// What is wrong with a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessagesFault {
    /// Nothing was heard of the consumer for twice the time between two heartbeats. The reading
    /// asks again and goes on.
    MissingHeartbeat,
    /// What the server said. Only with some it goes on: see [`MessagesError::is_final`].
    Status(Status),
    /// The connection was lost, and the only pull with it; or there was none for as long as the pull
    /// may take.
    Disconnected,
    /// The server does not let this user ask for messages: [`ServerError::PublishPermission`] has the
    /// subject and the words of the server. The reading asks again now and then, and goes on.
    Denied(ServerError),
    /// Messages could not be asked for, since that cannot be sent. The reading tries it again and
    /// again, and goes on.
    Unsent(PublishError),
    /// A consumer that is made anew whenever that is needed could not be made, for this reason.
    /// Further attempts follow.
    Recreate(String),
    /// As many attempts in a row to have a consumer that brings something as were allowed have
    /// failed, the last one for this reason.
    GaveUp {
        /// The attempts.
        attempts: u32,
        /// The reason.
        reason: String,
    },
    /// The subscription ended.
    Subscription(NextError),
    /// The reading could not begin.
    Call(CallError),
}

impl MessagesFault {
    /// Why a single pull failed, if it did.
    pub(super) fn of_fetch(end: &FetchEnd) -> Option<Self> {
        match end {
            end if end.is_ordinary() => None,
            FetchEnd::Status(status) => Some(Self::Status(status.clone())),
            FetchEnd::Disconnected => Some(Self::Disconnected),
            FetchEnd::Denied(error) => Some(Self::Denied(error.clone())),
            _ => Some(Self::MissingHeartbeat),
        }
    }
}

impl MessagesError {
    pub(super) fn new(stream: &str, consumer: &str, fault: MessagesFault) -> Self {
        Self(Box::new(Inner { stream: stream.into(), consumer: consumer.into(), fault }))
    }

    /// What is wrong.
    #[must_use]
    pub const fn fault(&self) -> &MessagesFault {
        &self.0.fault
    }

    /// The stream that was read.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.0.stream
    }

    /// The consumer that was read from.
    #[must_use]
    pub fn consumer(&self) -> &str {
        &self.0.consumer
    }

    /// What the server said, with its number ([`Status::code`]), if it was the server.
    #[must_use]
    pub const fn status(&self) -> Option<&Status> {
        match self.fault() {
            MessagesFault::Status(status) => Some(status),
            MessagesFault::MissingHeartbeat
            | MessagesFault::Disconnected
            | MessagesFault::Denied(_)
            | MessagesFault::Unsent(_)
            | MessagesFault::Recreate(_)
            | MessagesFault::GaveUp { .. }
            | MessagesFault::Subscription(_)
            | MessagesFault::Call(_) => None,
        }
    }

    /// Whether nothing more will come; if not, the reading goes on when the next message is asked
    /// for.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self.fault() {
            MessagesFault::MissingHeartbeat
            | MessagesFault::Denied(_)
            | MessagesFault::Unsent(_)
            | MessagesFault::Recreate(_) => false,
            MessagesFault::Status(status) => {
                matches!(status.class(), StatusClass::Refused | StatusClass::Gone)
            }
            MessagesFault::Disconnected
            | MessagesFault::GaveUp { .. }
            | MessagesFault::Subscription(_)
            | MessagesFault::Call(_) => true,
        }
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> MessagesErrorKind {
        match self.fault() {
            MessagesFault::MissingHeartbeat => MessagesErrorKind::MissingHeartbeat,
            MessagesFault::Status(status) => match status {
                Status::ConsumerDeleted => MessagesErrorKind::ConsumerDeleted,
                Status::ConsumerIsPushBased => MessagesErrorKind::PushBasedConsumer,
                Status::NoResponders => MessagesErrorKind::NoResponders,
                Status::ExceededLimit { .. } => MessagesErrorKind::RequestLimitExceeded,
                _ => MessagesErrorKind::Pull,
            },
            MessagesFault::Recreate(_) | MessagesFault::GaveUp { .. } => {
                MessagesErrorKind::Recreate
            }
            MessagesFault::Disconnected | MessagesFault::Subscription(_) => {
                MessagesErrorKind::Other
            }
            MessagesFault::Denied(_) => MessagesErrorKind::Denied,
            MessagesFault::Call(_) | MessagesFault::Unsent(_) => MessagesErrorKind::Pull,
        }
    }
}

impl fmt::Debug for MessagesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagesError")
            .field("stream", &self.stream())
            .field("consumer", &self.consumer())
            .field("fault", self.fault())
            .finish()
    }
}

impl fmt::Display for MessagesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault() {
            MessagesFault::MissingHeartbeat => {
                f.write_str("nothing was heard of the consumer for twice its heartbeat")?;
            }
            MessagesFault::Status(status) => write!(f, "{status}, status {}", status.code())?,
            MessagesFault::Disconnected => {
                f.write_str("the connection was lost, or there was none")?;
            }
            MessagesFault::Denied(error) => write!(f, "refused by the server: {error}")?,
            MessagesFault::Unsent(error) => write!(f, "messages cannot be asked for: {error}")?,
            MessagesFault::Recreate(error) => {
                write!(f, "the consumer could not be made anew: {error}")?;
            }
            MessagesFault::GaveUp { attempts, reason } => write!(
                f,
                "no consumer that brings anything could be made, {attempts} times in a row: {reason}"
            )?,
            MessagesFault::Subscription(error) => error.fmt(f)?,
            MessagesFault::Call(error) => error.fmt(f)?,
        }
        write!(f, " (consumer {:?} of stream {:?})", self.consumer(), self.stream())
    }
}

impl core::error::Error for MessagesError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self.fault() {
            MessagesFault::Subscription(error) => Some(error),
            MessagesFault::Call(error) => Some(error),
            MessagesFault::Unsent(error) => Some(error),
            MessagesFault::MissingHeartbeat
            | MessagesFault::Denied(_)
            | MessagesFault::Status(_)
            | MessagesFault::Disconnected
            | MessagesFault::GaveUp { .. }
            | MessagesFault::Recreate(_) => None,
        }
    }
}

/// What kind of error a [`MessagesError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessagesErrorKind {
    /// Nothing was heard of the consumer for twice its heartbeat.
    MissingHeartbeat,
    /// The consumer was deleted.
    ConsumerDeleted,
    /// The server refused a pull, or ended it for want of something; or it could not be sent.
    Pull,
    /// The user must not publish what asks for messages.
    Denied,
    /// The consumer pushes and cannot be pulled from.
    PushBasedConsumer,
    /// The consumer has no subject to push to.
    PullBasedConsumer,
    /// No consumer answers.
    NoResponders,
    /// The consumer allows less than was asked for.
    RequestLimitExceeded,
    /// A consumer that is made anew whenever that is needed could not be made.
    Recreate,
    /// The connection or the subscription is gone.
    Other,
}

impl fmt::Display for MessagesErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingHeartbeat => "nothing was heard of the consumer for twice its heartbeat",
            Self::ConsumerDeleted => "the consumer was deleted",
            Self::Pull => "the pull failed",
            Self::Denied => "the user must not ask for messages",
            Self::PushBasedConsumer => "the consumer pushes and cannot be pulled from",
            Self::PullBasedConsumer => "the consumer has no subject to push to",
            Self::NoResponders => "no consumer answers",
            Self::RequestLimitExceeded => "the consumer allows less than was asked for",
            Self::Recreate => "the consumer could not be made anew",
            Self::Other => "the connection or the subscription is gone",
        })
    }
}
