//! What each operation calls what is wrong: one table.

use super::fault::{Told, tell};
use super::{Fault, OfFault, sealed};
use core::fmt;
use midge_proto::StatusCode;
use midge_proto::jetstream::subscription::InvalidSubscription;
use midge_proto::jetstream::{BatchFault, Error, ErrorCode};

macro_rules! kinds {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $($variant:ident $(($($field:ty),*))? => $text:literal,)*
        } else {
            $($told:pat $(if $guard:expr)? => $kind:expr,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("Says: ", $text, ".")]
                $variant $(($($field),*))?,
            )*
        }

        impl sealed::Sealed for $name {}

        impl OfFault for $name {
            fn of(fault: &Fault) -> Self {
                match tell(fault) {
                    $($told $(if $guard)? => $kind,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant { .. } => f.write_str($text),)*
                }
            }
        }
    )*};
}

kinds! {
    /// What kept any call from its result.
    CallErrorKind {
        Invalid => "the request is none",
        TimedOut => "no answer came in time",
        NoResponders => "nobody answers",
        JetStream(Error) => "JetStream refused the request",
        Status(StatusCode) => "the answer is a status",
        MaxAckPending => "too many messages wait for their acknowledgements",
        Other => "the call failed",
    } else {
    Told::Unnamed
    | Told::Name
    | Told::Subject
    | Told::DomainAndExternal
    | Told::Unsupported
    | Told::Subscription(_)
    | Told::Invalid => Self::Invalid,
    Told::TimedOut => Self::TimedOut,
    Told::NobodyListens => Self::NoResponders,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    Told::Status(code, _) => Self::Status(code),
    Told::Full => Self::MaxAckPending,
    Told::TooLarge
    | Told::Lost
    | Told::Deaf
    | Told::Unreadable
    | Told::WrongKind
    | Told::Batch(_) | Told::NoCounters => Self::Other,
    }

    /// What kept a request from its answer.
    RequestErrorKind {
        NoResponders => "nobody answers",
        TimedOut => "no answer came in time",
        InvalidSubject => "invalid subject",
        Other => "the request failed",
    } else {
    Told::NobodyListens => Self::NoResponders,
    Told::TimedOut => Self::TimedOut,
    Told::Subject => Self::InvalidSubject,
    _ => Self::Other,
    }

    /// What kept the account from being told.
    AccountErrorKind {
        TimedOut => "no answer came in time",
        JetStream(Error) => "JetStream refused the request",
        JetStreamUnavailable => "JetStream is not available",
        Other => "the request failed",
    } else {
    Told::TimedOut => Self::TimedOut,
    Told::NobodyListens => Self::JetStreamUnavailable,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Other,
    }

    /// What kept a stream from being created or updated.
    CreateStreamErrorKind {
        EmptyStreamName => "the name of the stream is empty",
        InvalidStreamName => "the name of the stream is none",
        DomainAndExternalSet => "a source has both a domain and an external prefix",
        JetStreamUnavailable => "JetStream is not available",
        JetStream(Error) => "JetStream refused the request",
        TimedOut => "no answer came in time",
        Response => "the request was not sent or not answered",
        NotFound => "the stream is not there",
        ResponseParse => "the answer cannot be read",
    } else {
    Told::Unnamed => Self::EmptyStreamName,
    Told::Name => Self::InvalidStreamName,
    Told::DomainAndExternal => Self::DomainAndExternalSet,
    Told::NobodyListens => Self::JetStreamUnavailable,
    Told::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Self::NotFound,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    Told::TimedOut => Self::TimedOut,
    Told::Unreadable => Self::ResponseParse,
    _ => Self::Response,
    }

    /// What kept a stream from being looked up or deleted.
    GetStreamErrorKind {
        EmptyName => "the name of the stream is empty",
        Request => "the request was not sent or not answered",
        InvalidStreamName => "the name of the stream is none",
        JetStream(Error) => "JetStream refused the request",
    } else {
    Told::Unnamed => Self::EmptyName,
    Told::Name => Self::InvalidStreamName,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Request,
    }

    /// What kept the stream of a subject from being found.
    GetStreamByNameErrorKind {
        Request => "the request was not sent or not answered",
        NotFound => "no stream has the subject",
        InvalidSubject => "the subject is none",
        JetStream(Error) => "JetStream refused the request",
    } else {
    Told::Subject => Self::InvalidSubject,
    Told::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Self::NotFound,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Request,
    }

    /// What kept messages from being purged.
    PurgeErrorKind {
        Request => "the request was not sent or not answered",
        TimedOut => "no answer came in time",
        JetStream(Error) => "JetStream refused the request",
    } else {
    Told::TimedOut => Self::TimedOut,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Request,
    }

    /// What kept a message from being deleted.
    DeleteMessageErrorKind {
        Request => "the request was not sent or not answered",
        TimedOut => "no answer came in time",
        JetStream(Error) => "JetStream refused the request",
    } else {
    Told::TimedOut => Self::TimedOut,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Request,
    }

    /// What kept a stored message from being read.
    LastRawMessageErrorKind {
        NoMessageFound => "there is no such message",
        InvalidSubject => "the subject is none",
        JetStream(Error) => "JetStream refused the request",
        Other => "the request failed",
    } else {
    Told::Subject => Self::InvalidSubject,
    Told::JetStream(error) if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
        Self::NoMessageFound
    },
    Told::Status(StatusCode::NOT_FOUND, _) => Self::NoMessageFound,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Other,
    }

    /// What kept a stored message from being read from any server that has it.
    DirectGetErrorKind {
        NotFound => "there is no such message",
        InvalidSubject => "the subject is none",
        TimedOut => "no answer came in time",
        Request => "the stream does not answer: it is not there or does not allow direct gets",
        ErrorResponse(StatusCode, String) => "the answer is a status",
        Other => "the request failed",
    } else {
    Told::Status(StatusCode::NOT_FOUND, _) => Self::NotFound,
    Told::Status(code, text) => Self::ErrorResponse(code, text.to_owned()),
    Told::Subject => Self::InvalidSubject,
    Told::TimedOut => Self::TimedOut,
    Told::NobodyListens => Self::Request,
    _ => Self::Other,
    }

    /// What kept a consumer from being created, looked up, changed or deleted.
    ConsumerErrorKind {
        TimedOut => "no answer came in time",
        Request => "the request was not sent or not answered",
        InvalidConsumerType => "the consumer is of another kind",
        InvalidName => "a name is none",
        JetStream(Error) => "JetStream refused the request",
        Other => "the request failed",
    } else {
    Told::TimedOut => Self::TimedOut,
    Told::NobodyListens | Told::Lost => Self::Request,
    Told::WrongKind => Self::InvalidConsumerType,
    Told::Unnamed | Told::Name => Self::InvalidName,
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Other,
    }

    /// What kept a consumer from being updated.
    ConsumerUpdateErrorKind {
        TimedOut => "no answer came in time",
        Request => "the request was not sent or not answered",
        InvalidConsumerType => "the consumer is of another kind",
        InvalidName => "a name is none",
        DoesNotExist => "the consumer is not there",
        JetStream(Error) => "JetStream refused the request",
        Other => "the request failed",
    } else {
    Told::TimedOut => Self::TimedOut,
    Told::NobodyListens | Told::Lost => Self::Request,
    Told::WrongKind => Self::InvalidConsumerType,
    Told::Unnamed | Told::Name => Self::InvalidName,
    Told::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_DOES_NOT_EXIST => {
        Self::DoesNotExist
    },
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Other,
    }

    /// What kept a consumer that must be new from being created.
    ConsumerCreateStrictErrorKind {
        TimedOut => "no answer came in time",
        Request => "the request was not sent or not answered",
        InvalidConsumerType => "the consumer is of another kind",
        InvalidName => "a name is none",
        AlreadyExists => "there is another consumer of that name",
        JetStream(Error) => "JetStream refused the request",
        Other => "the request failed",
    } else {
    Told::TimedOut => Self::TimedOut,
    Told::NobodyListens | Told::Lost => Self::Request,
    Told::WrongKind => Self::InvalidConsumerType,
    Told::Unnamed | Told::Name => Self::InvalidName,
    Told::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_ALREADY_EXISTS => {
        Self::AlreadyExists
    },
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Other,
    }

    /// What kept a consumer from being looked at.
    ConsumerInfoErrorKind {
        InvalidName => "a name is none",
        Offline => "the consumer is offline",
        NotFound => "the consumer is not there",
        StreamNotFound => "the stream is not there",
        Request => "the request was not sent or not answered",
        JetStream(Error) => "JetStream refused the request",
        TimedOut => "no answer came in time",
        NoResponders => "nobody answers",
    } else {
    Told::Unnamed | Told::Name => Self::InvalidName,
    Told::JetStream(error) => match error.error_code() {
        ErrorCode::CONSUMER_NOT_FOUND => Self::NotFound,
        ErrorCode::STREAM_NOT_FOUND => Self::StreamNotFound,
        ErrorCode::CONSUMER_OFFLINE | ErrorCode::CONSUMER_OFFLINE_REASON => Self::Offline,
        _ => Self::JetStream(error.clone()),
    },
    Told::TimedOut => Self::TimedOut,
    Told::NobodyListens => Self::NoResponders,
    _ => Self::Request,
    }

    /// What kept a consumer from being read.
    StreamErrorKind {
        TimedOut => "no answer came in time",
        Other => "the reading could not begin",
    } else {
    Told::TimedOut => Self::TimedOut,
    _ => Self::Other,
    }

    /// What kept a pull from being made.
    BatchErrorKind {
        Invalid => "the pull is none, or not one for this consumer",
        Subscribe => "the inbox was not subscribed to",
        Pull => "the pull was not sent",
    } else {
    Told::Unnamed | Told::Name | Told::Subject | Told::Invalid => Self::Invalid,
    Told::Deaf => Self::Subscribe,
    _ => Self::Pull,
    }

    /// What kept a subscription to a stream from being made.
    SubscriptionErrorKind {
        Invalid => "the options are none, or contradict each other",
        NoStream => "no stream has the subject",
        SeveralStreams => "more than one stream has the subject",
        WrongKind => "the consumer is of another kind",
        QueueGroup => "the consumer has another queue group",
        AlreadyBound => "the consumer has a reader",
        Filter => "the consumer delivers other subjects",
        Config => "the consumer is not as the options say",
        ConsumerNotFound => "the consumer is not there",
        TimedOut => "no answer came in time",
        JetStream(Error) => "JetStream refused the request",
        Other => "the request failed",
    } else {
    Told::Subscription(error) => match error {
        InvalidSubscription::NoStream { .. } => Self::NoStream,
        InvalidSubscription::SeveralStreams { .. } => Self::SeveralStreams,
        InvalidSubscription::Pushing { .. } | InvalidSubscription::NotPushing { .. } => {
            Self::WrongKind
        }
        InvalidSubscription::QueueGroup { .. } => Self::QueueGroup,
        InvalidSubscription::AlreadyBound { .. } => Self::AlreadyBound,
        InvalidSubscription::Filter { .. } => Self::Filter,
        InvalidSubscription::Config { .. } => Self::Config,
        _ => Self::Invalid,
    },
    Told::Unnamed | Told::Name | Told::Subject | Told::Unsupported | Told::Invalid => Self::Invalid,
    Told::WrongKind => Self::WrongKind,
    Told::TimedOut => Self::TimedOut,
    Told::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND => {
        Self::ConsumerNotFound
    },
    Told::JetStream(error) => Self::JetStream(error.clone()),
    _ => Self::Other,
    }

    /// What kept a consumer from being set back.
    ConsumerResetErrorKind {
        TimedOut => "no answer came in time; a consumer that is not there gives none",
        Request => "the request was not sent or not answered",
        NotFound => "the consumer is not there",
        InvalidReset => "the consumer cannot be set to this sequence",
        JetStream(Error) => "JetStream refused the request",
    } else {
    Told::TimedOut => Self::TimedOut,
    Told::JetStream(error) => match error.error_code() {
        ErrorCode::CONSUMER_NOT_FOUND => Self::NotFound,
        ErrorCode::CONSUMER_INVALID_RESET => Self::InvalidReset,
        _ => Self::JetStream(error.clone()),
    },
    _ => Self::Request,
    }

    /// What kept a message from being stored.
    PublishErrorKind {
        StreamNotFound => "no stream answers",
        WrongLastMessageId => "the last message of the stream has another id",
        WrongLastSequence => "the last sequence is another one",
        TimedOut => "no acknowledgement came in time",
        BrokenPipe => "the connection was lost or closed",
        MaxAckPending => "too many messages wait for their acknowledgements",
        MaxPayloadExceeded => "the message is larger than the server takes",
        JetStream(Error) => "the stream refused the message",
        Other => "the message was not published",
    } else {
    Told::NobodyListens => Self::StreamNotFound,
    Told::JetStream(error) => match error.error_code() {
        ErrorCode::STREAM_WRONG_LAST_MESSAGE_ID => Self::WrongLastMessageId,
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => {
            Self::WrongLastSequence
        }
        _ => Self::JetStream(error.clone()),
    },
    Told::TimedOut => Self::TimedOut,
    Told::Lost => Self::BrokenPipe,
    Told::Full => Self::MaxAckPending,
    Told::TooLarge => Self::MaxPayloadExceeded,
    _ => Self::Other,
    }

    /// What kept a batch from being stored.
    BatchPublishErrorKind {
        BatchPublishNotEnabled => "the stream takes no batches",
        Unsupported => "the server knows no batches",
        TooManyMessages => "the batch has more messages than it may",
        Incomplete => "the stream lacks messages of the batch, or has forgotten it",
        Empty => "there is nothing to commit",
        Closed => "the batch is over",
        StreamNotFound => "no stream answers",
        WrongLastSequence => "the last sequence is another one",
        Duplicate => "the batch has a message id twice, or one that the stream has",
        TimedOut => "no answer came in time",
        Disconnected => "the connection was lost in the middle of the batch",
        MaxPayloadExceeded => "a message is larger than the server takes",
        JetStream(Error) => "the stream refused the batch",
        Other => "the batch was not published",
    } else {
    Told::JetStream(error) => match error.error_code() {
        ErrorCode::ATOMIC_PUBLISH_DISABLED => Self::BatchPublishNotEnabled,
        ErrorCode::ATOMIC_PUBLISH_TOO_LARGE_BATCH => Self::TooManyMessages,
        ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH => Self::Incomplete,
        ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE => Self::Duplicate,
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => {
            Self::WrongLastSequence
        }
        _ => Self::JetStream(error.clone()),
    },
    Told::Batch(BatchFault::TooManyMessages { .. }) => Self::TooManyMessages,
    Told::Batch(BatchFault::Empty) => Self::Empty,
    Told::Batch(BatchFault::Over | BatchFault::Interrupted) => Self::Closed,
    Told::Batch(BatchFault::Disconnected) | Told::Lost => Self::Disconnected,
    Told::Unsupported => Self::Unsupported,
    Told::NobodyListens => Self::StreamNotFound,
    Told::TimedOut => Self::TimedOut,
    Told::TooLarge => Self::MaxPayloadExceeded,
    _ => Self::Other,
    }

    /// What kept a counter from being changed or read.
    CounterErrorKind {
        NotFound => "there is no such counter",
        NotEnabled => "the stream has no counters",
        InvalidNumber => "the counter is no number",
        StreamNotFound => "no stream answers",
        TimedOut => "no answer came in time",
        JetStream(Error) => "JetStream refused the request",
        Other => "the request failed",
    } else {
    Told::JetStream(error) => match error.error_code() {
        ErrorCode::NO_MESSAGE_FOUND => Self::NotFound,
        ErrorCode::STREAM_NOT_FOUND => Self::StreamNotFound,
        _ => Self::JetStream(error.clone()),
    },
    Told::Status(StatusCode::NOT_FOUND, _) => Self::NotFound,
    Told::NoCounters => Self::NotEnabled,
    Told::Unreadable => Self::InvalidNumber,
    Told::NobodyListens => Self::StreamNotFound,
    Told::TimedOut => Self::TimedOut,
    _ => Self::Other,
    }
}
