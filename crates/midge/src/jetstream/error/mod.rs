//! Why a call of JetStream has no result.

mod fault;
mod kinds;

pub use fault::Fault;
pub use kinds::*;

use crate::error::RequestError;
use core::fmt;
use core::marker::PhantomData;
use midge_proto::Subject;
use midge_proto::jetstream::subscription::InvalidSubscription;
use midge_proto::jetstream::{Error, ErrorCode};

/// A call of JetStream has no result: what was asked, and why.
///
/// All calls have this error; they differ in its [`kind`](Self::kind), which is a look at the
/// [`fault`](Self::fault) for one operation.
pub struct CallError<K = CallErrorKind> {
    inner: Box<Inner>,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    subject: Option<Subject>,
    fault: Fault,
}

impl<K> CallError<K> {
    pub(crate) fn new(subject: Option<Subject>, fault: Fault) -> Self {
        Self { inner: Box::new(Inner { subject, fault }), kind: PhantomData }
    }

    /// What is wrong.
    #[must_use]
    pub const fn fault(&self) -> &Fault {
        &self.inner.fault
    }

    /// The subject that was asked, if the call came that far.
    #[must_use]
    pub const fn subject(&self) -> Option<&Subject> {
        self.inner.subject.as_ref()
    }

    /// What the server says, if it refused the request: its code, the number of the error, and a
    /// text.
    #[must_use]
    pub fn as_jetstream(&self) -> Option<&Error> {
        match self.fault() {
            Fault::Api(error) => error.as_jetstream(),
            Fault::Config(_)
            | Fault::Prefix(_)
            | Fault::Message(_)
            | Fault::Unsupported(_)
            | Fault::WindowFull(_)
            | Fault::Subscribe(_)
            | Fault::Request(_)
            | Fault::WrongKind(_)
            | Fault::Batch(_)
            | Fault::NoCounters
            | Fault::Number(_)
            | Fault::Ingest(_)
            | Fault::Subscription(_) => None,
        }
    }

    /// The number of the server's error, if it refused the request.
    #[must_use]
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.as_jetstream().map(Error::error_code)
    }

    /// Whether what was asked for is not there: a stream, a consumer, a message.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self.fault() {
            Fault::Api(error) => error.is_not_found(),
            Fault::Subscription(error) => {
                matches!(error, InvalidSubscription::NoStream { .. })
            }
            Fault::Config(_)
            | Fault::Prefix(_)
            | Fault::Message(_)
            | Fault::Unsupported(_)
            | Fault::WindowFull(_)
            | Fault::Subscribe(_)
            | Fault::Request(_)
            | Fault::WrongKind(_)
            | Fault::Batch(_)
            | Fault::NoCounters
            | Fault::Number(_)
            | Fault::Ingest(_) => false,
        }
    }

    /// Whether the same call may succeed later: nobody answered (in time), the connection was lost,
    /// there was no room, or the server says so.
    ///
    /// A request without an answer may have been carried out.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.fault() {
            Fault::Request(error) => match error {
                RequestError::TimedOut(_)
                | RequestError::NoResponders
                | RequestError::Disconnected => true,
                RequestError::Publish(error) => error.kind() == crate::PublishErrorKind::BufferFull,
                RequestError::Denied(_) | RequestError::Closed => false,
            },
            Fault::Api(error) => error.is_retryable(),
            Fault::WindowFull(_) => true,
            Fault::Config(_)
            | Fault::Prefix(_)
            | Fault::Message(_)
            | Fault::Unsupported(_)
            | Fault::Subscribe(_)
            | Fault::WrongKind(_)
            | Fault::Batch(_)
            | Fault::NoCounters
            | Fault::Number(_)
            | Fault::Ingest(_)
            | Fault::Subscription(_) => false,
        }
    }

    /// The same as the error of another operation.
    #[must_use]
    pub fn of<L>(self) -> CallError<L> {
        CallError { inner: self.inner, kind: PhantomData }
    }
}

impl<K: OfFault> CallError<K> {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> K {
        K::of(self.fault())
    }
}

impl<K> Clone for CallError<K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), kind: PhantomData }
    }
}

impl<K> PartialEq for CallError<K> {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl<K> Eq for CallError<K> {}

impl<K> fmt::Debug for CallError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("subject", &self.inner.subject)
            .field("fault", &self.inner.fault)
            .finish()
    }
}

impl<K> fmt::Display for CallError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault() {
            Fault::Config(error) => error.fmt(f)?,
            Fault::Prefix(text) => f.write_str(text)?,
            Fault::Message(error) => error.fmt(f)?,
            Fault::Unsupported(error) => error.fmt(f)?,
            Fault::WindowFull(messages) => {
                write!(f, "{messages} published messages wait for their acknowledgements already")?;
            }
            Fault::Subscribe(error) => error.fmt(f)?,
            Fault::Request(error) => error.fmt(f)?,
            Fault::Api(error) => match error.as_jetstream() {
                Some(error) => error.fmt(f)?,
                None => error.fmt(f)?,
            },
            Fault::WrongKind(error) => error.fmt(f)?,
            Fault::Batch(error) => error.fmt(f)?,
            Fault::Ingest(error) => error.fmt(f)?,
            Fault::Subscription(error) => error.fmt(f)?,
            Fault::NoCounters => {
                f.write_str("the stream has no counters (allow_message_counter)")?
            }
            Fault::Number(error) => error.fmt(f)?,
        }
        self.subject().map_or(Ok(()), |subject| write!(f, " (asked on {subject})"))
    }
}

impl<K> core::error::Error for CallError<K> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self.fault() {
            Fault::Config(error) => Some(error),
            Fault::Message(error) => Some(error),
            Fault::Unsupported(error) => Some(error),
            Fault::Subscribe(error) => Some(error),
            Fault::Request(error) => Some(error),
            Fault::Api(error) => Some(error),
            Fault::WrongKind(error) => Some(error),
            Fault::Batch(error) => Some(error),
            Fault::Ingest(error) => Some(error),
            Fault::Subscription(error) => Some(error),
            Fault::Number(error) => Some(error),
            Fault::Prefix(_) | Fault::WindowFull(_) | Fault::NoCounters => None,
        }
    }
}

impl<K> From<Fault> for CallError<K> {
    fn from(fault: Fault) -> Self {
        Self::new(None, fault)
    }
}

/// What an operation calls a fault.
pub trait OfFault: sealed::Sealed {
    #[doc(hidden)]
    fn of(fault: &Fault) -> Self;
}

mod sealed {
    pub trait Sealed {}
}
