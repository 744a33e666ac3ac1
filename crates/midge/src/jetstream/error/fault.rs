//! What is wrong, in full.

use super::CallError;
use crate::error::{RequestError, SubscribeError};
use midge_proto::jetstream::consumer::WrongKind;
use midge_proto::jetstream::subscription::InvalidSubscription;
use midge_proto::jetstream::{
    ApiError, BatchFault, Error, IngestFault, InvalidConfig, InvalidName, InvalidNumber,
    InvalidPublishMessage, NameFault, UnsupportedField,
};
use midge_proto::{InvalidSubject, StatusCode};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A configuration that no server would take; nothing was sent.
    Config(InvalidConfig),
    /// A domain or prefix is none; nothing was sent.
    Prefix(String),
    /// A message that no stream would take; nothing was sent.
    Message(InvalidPublishMessage),
    /// The server does not know a part of the request; nothing was sent.
    Unsupported(UnsupportedField),
    /// So many published messages wait for their acknowledgements already; nothing was sent.
    WindowFull(usize),
    /// The inbox for the answers was not subscribed to, for this reason; nothing was sent.
    Subscribe(SubscribeError),
    /// No answer came.
    Request(RequestError),
    /// The answer is a refusal, or cannot be read.
    Api(ApiError),
    /// The consumer is of another kind than was asked for.
    WrongKind(WrongKind),
    /// A batch was used wrongly, or cannot go on.
    Batch(BatchFault),
    /// The stream has no counters.
    NoCounters,
    /// A counter is none.
    Number(InvalidNumber),
    /// A message of fast ingest is not stored, or not known to be.
    Ingest(IngestFault),
    /// A subscription cannot be made as it was asked for.
    Subscription(InvalidSubscription),
}

impl From<RequestError> for Fault {
    /// That nobody listens is one fault, however it is heard.
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NoResponders => Self::Api(ApiError::NoResponders),
            error => Self::Request(error),
        }
    }
}

macro_rules! faults {
    ($($error:ty, $bound:pat_param => $fault:expr;)*) => {$(
        impl From<$error> for Fault {
            fn from($bound: $error) -> Self {
                $fault
            }
        }

        impl<K> From<$error> for CallError<K> {
            fn from(error: $error) -> Self {
                Self::new(None, error.into())
            }
        }
    )*};
}

faults! {
    InvalidConfig, error => Self::Config(error);
    InvalidName, error => Self::Config(error.into());
    InvalidSubject, error => Self::Config(error.into());
    InvalidPublishMessage, error => Self::Message(error);
    UnsupportedField, error => Self::Unsupported(error);
    WrongKind, error => Self::WrongKind(error);
    BatchFault, error => Self::Batch(error);
    InvalidNumber, error => Self::Number(error);
    IngestFault, error => match error {
        IngestFault::Api(error) => Self::Api(error),
        error => Self::Ingest(error),
    };
    ApiError, error => Self::Api(error);
    InvalidSubscription, error => match error {
        InvalidSubscription::Invalid(error) => Self::Config(error),
        error => Self::Subscription(error),
    };
}

/// A fault, as far as the kinds of errors tell faults apart.
pub(super) enum Told<'a> {
    Unnamed,
    Name,
    Subject,
    DomainAndExternal,
    Full,
    TooLarge,
    TimedOut,
    NobodyListens,
    Lost,
    /// There is no subscription for the answers.
    Deaf,
    JetStream(&'a Error),
    Status(StatusCode, &'a str),
    Unreadable,
    WrongKind,
    Batch(&'a BatchFault),
    NoCounters,
    Unsupported,
    Invalid,
    Subscription(&'a InvalidSubscription),
}

pub(super) fn tell(fault: &Fault) -> Told<'_> {
    match fault {
        Fault::Config(InvalidConfig::Name(name)) => match name.fault() {
            NameFault::Empty => Told::Unnamed,
            _ => Told::Name,
        },
        Fault::Config(InvalidConfig::Subject(_)) | Fault::Prefix(_) => Told::Subject,
        Fault::Config(InvalidConfig::DomainAndExternal { .. }) => Told::DomainAndExternal,
        Fault::Config(_) | Fault::Message(_) => Told::Invalid,
        Fault::Unsupported(_) => Told::Unsupported,
        Fault::WindowFull(_) => Told::Full,
        Fault::Subscribe(_) => Told::Deaf,
        Fault::Request(RequestError::TimedOut(_)) => Told::TimedOut,
        Fault::Request(RequestError::NoResponders) | Fault::Api(ApiError::NoResponders) => {
            Told::NobodyListens
        }
        Fault::Request(RequestError::Publish(error)) => match error.kind() {
            crate::PublishErrorKind::InvalidSubject => Told::Subject,
            crate::PublishErrorKind::MaxPayloadExceeded => Told::TooLarge,
            _ => Told::Lost,
        },
        Fault::Request(
            RequestError::Disconnected | RequestError::Denied(_) | RequestError::Closed,
        ) => Told::Lost,
        Fault::Api(ApiError::JetStream(error)) => Told::JetStream(error),
        Fault::Api(ApiError::Status { code, description }) => Told::Status(*code, description),
        Fault::Api(_) => Told::Unreadable,
        Fault::WrongKind(_) => Told::WrongKind,
        Fault::Batch(fault) => Told::Batch(fault),
        // No answer said whether they are stored.
        Fault::Ingest(IngestFault::Silence | IngestFault::Uncertain) => Told::TimedOut,
        Fault::Ingest(IngestFault::Lost | IngestFault::Closed) => Told::Lost,
        Fault::Ingest(_) => Told::Invalid,
        Fault::Subscription(error) => Told::Subscription(error),
        Fault::NoCounters => Told::NoCounters,
        Fault::Number(_) => Told::Unreadable,
    }
}
