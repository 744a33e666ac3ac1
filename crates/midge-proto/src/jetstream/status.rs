//! The status lines that consumers send beside messages.

use super::message::Info;
use crate::header::HeaderName;
use crate::header::{
    NATS_CONSUMER_STALLED, NATS_LAST_CONSUMER, NATS_LAST_STREAM, NATS_PENDING_BYTES,
    NATS_PENDING_MESSAGES,
};
use crate::message::Message;
use crate::status::StatusCode;
use crate::subject::Subject;
use alloc::string::{String, ToString};
use core::fmt;

/// What a consumer says beside its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// 100: it is there and has nothing to deliver.
    IdleHeartbeat {
        /// The last delivery of the consumer.
        last_consumer: Option<u64>,
        /// The last sequence of the stream it delivered.
        last_stream: Option<u64>,
        /// It waits for an answer to flow control: an empty message to this subject.
        stalled: Option<Subject>,
    },
    /// 100 with a reply subject: it goes on when an empty message comes to that.
    FlowControl {
        /// The reply subject.
        reply: Subject,
    },
    /// 400: the pull is wrong.
    BadRequest(String),
    /// 404: there is nothing now.
    NoMessages,
    /// 408: the time of the pull is over.
    RequestTimeout(Option<Left>),
    /// 408: others wait already for all there is.
    RequestsPending,
    /// 408: nobody is interested in the messages of the pull any more.
    InterestExpired(Option<Left>),
    /// 409: the next message is too large for what is left of the bytes.
    MessageSizeExceedsMaxBytes(Option<Left>),
    /// 409: the pull got all its messages.
    BatchCompleted(Option<Left>),
    /// 409: too many pulls wait.
    ExceededMaxWaiting,
    /// 409: the pull asks for more than the consumer allows; it will never be served.
    ExceededLimit {
        /// Which limit.
        limit: PullLimit,
        /// The limit, as the server writes it.
        value: String,
    },
    /// 409: another server leads; the pulls are gone.
    LeadershipChange,
    /// 409: the server goes.
    ServerShutdown(Option<Left>),
    /// 409: the consumer is gone.
    ConsumerDeleted,
    /// 409: the consumer pushes.
    ConsumerIsPushBased,
    /// 412: the server is older than the pull requires.
    RequiredApiLevel,
    /// 423: another client is pinned.
    PinIdMismatch(Option<Left>),
    /// 503: consumer, stream or JetStream are not there, at least not now.
    NoResponders,
    /// Something else.
    Unknown {
        /// The number.
        code: StatusCode,
        /// The text.
        description: String,
    },
}

/// A limit of a consumer for its pulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullLimit {
    /// Messages.
    Batch,
    /// Time.
    Expires,
    /// Bytes.
    MaxBytes,
}

/// What a pull ended without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Left {
    /// Messages.
    pub messages: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a status means for a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusClass {
    /// The pull goes on.
    Alive,
    /// The pull ended, and nothing is wrong.
    Ended,
    /// The pull ended; the next one should come later.
    Busy,
    /// All pulls ended; another may succeed at once.
    Interrupted,
    /// The pull ended; another has to come without the id of the pin.
    Unpinned,
    /// Nobody answers now.
    Absent,
    /// The same pull will never succeed.
    Refused,
    /// The consumer is not there any more, or cannot be pulled from.
    Gone,
    /// This version does not know what it means.
    Unknown,
}

impl Status {
    /// What a message says as a status; `None` if it is a message of the stream.
    ///
    /// A message of the stream may have been stored with a status line of its own. It is told by
    /// its reply subject, which statuses do not have.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        let code = message.status?;
        if message.reply.as_ref().is_some_and(|reply| Info::parse(reply).is_ok()) {
            return None;
        }
        Some(Self::read(code, message))
    }

    fn read(code: StatusCode, message: &Message) -> Self {
        let text = message.description.as_deref().unwrap_or_default();
        let says = |prefix: &str| {
            text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
        };
        let unknown = || Self::Unknown { code, description: text.to_string() };
        match code {
            StatusCode::IDLE_HEARTBEAT => match &message.reply {
                Some(reply) => Self::FlowControl { reply: reply.clone() },
                None => Self::IdleHeartbeat {
                    last_consumer: number(message, NATS_LAST_CONSUMER),
                    last_stream: number(message, NATS_LAST_STREAM),
                    stalled: header(message, NATS_CONSUMER_STALLED).map(Subject::from),
                },
            },
            StatusCode::BAD_REQUEST => Self::BadRequest(text.to_string()),
            StatusCode::NOT_FOUND => Self::NoMessages,
            StatusCode::TIMEOUT if says("Requests Pending") => Self::RequestsPending,
            StatusCode::TIMEOUT if says("Interest Expired") => Self::InterestExpired(left(message)),
            StatusCode::TIMEOUT => Self::RequestTimeout(left(message)),
            StatusCode::REQUEST_TERMINATED => {
                if says("Message Size Exceeds MaxBytes") {
                    Self::MessageSizeExceedsMaxBytes(left(message))
                } else if says("Batch Completed") {
                    Self::BatchCompleted(left(message))
                } else if says("Exceeded MaxWaiting") {
                    Self::ExceededMaxWaiting
                } else if says("Leadership Change") {
                    Self::LeadershipChange
                } else if says("Server Shutdown") {
                    Self::ServerShutdown(left(message))
                } else if says("Consumer Deleted") {
                    Self::ConsumerDeleted
                } else if says("Consumer is push based") {
                    Self::ConsumerIsPushBased
                } else if says("Exceeded MaxRequestBatch") {
                    exceeded(PullLimit::Batch, text)
                } else if says("Exceeded MaxRequestExpires") {
                    exceeded(PullLimit::Expires, text)
                } else if says("Exceeded MaxRequestMaxBytes") {
                    exceeded(PullLimit::MaxBytes, text)
                } else {
                    unknown()
                }
            }
            StatusCode::PRECONDITION_FAILED => Self::RequiredApiLevel,
            StatusCode::PIN_ID_MISMATCH => Self::PinIdMismatch(left(message)),
            StatusCode::NO_RESPONDERS => Self::NoResponders,
            _ => unknown(),
        }
    }

    /// What it means for a pull.
    #[must_use]
    pub const fn class(&self) -> StatusClass {
        match self {
            Self::IdleHeartbeat { .. } | Self::FlowControl { .. } => StatusClass::Alive,
            Self::NoMessages
            | Self::RequestTimeout(_)
            | Self::RequestsPending
            | Self::InterestExpired(_)
            | Self::MessageSizeExceedsMaxBytes(_)
            | Self::BatchCompleted(_) => StatusClass::Ended,
            Self::ExceededMaxWaiting => StatusClass::Busy,
            Self::LeadershipChange | Self::ServerShutdown(_) => StatusClass::Interrupted,
            Self::PinIdMismatch(_) => StatusClass::Unpinned,
            Self::NoResponders => StatusClass::Absent,
            Self::BadRequest(_) | Self::ExceededLimit { .. } | Self::RequiredApiLevel => {
                StatusClass::Refused
            }
            Self::ConsumerDeleted | Self::ConsumerIsPushBased => StatusClass::Gone,
            Self::Unknown { .. } => StatusClass::Unknown,
        }
    }

    /// Whether what a pull has ended with passes by itself, so that whoever reads need not know.
    ///
    /// A message that has no room in a pull for everything never will, and what is absent or unknown
    /// may stay so.
    #[must_use]
    pub const fn passes(&self) -> bool {
        !matches!(self, Self::MessageSizeExceedsMaxBytes(_))
            && !matches!(self.class(), StatusClass::Absent | StatusClass::Unknown)
    }

    /// Its number.
    #[must_use]
    pub const fn code(&self) -> StatusCode {
        match self {
            Self::IdleHeartbeat { .. } | Self::FlowControl { .. } => StatusCode::IDLE_HEARTBEAT,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NoMessages => StatusCode::NOT_FOUND,
            Self::RequestTimeout(_) | Self::RequestsPending | Self::InterestExpired(_) => {
                StatusCode::TIMEOUT
            }
            Self::MessageSizeExceedsMaxBytes(_)
            | Self::BatchCompleted(_)
            | Self::ExceededMaxWaiting
            | Self::ExceededLimit { .. }
            | Self::LeadershipChange
            | Self::ServerShutdown(_)
            | Self::ConsumerDeleted
            | Self::ConsumerIsPushBased => StatusCode::REQUEST_TERMINATED,
            Self::RequiredApiLevel => StatusCode::PRECONDITION_FAILED,
            Self::PinIdMismatch(_) => StatusCode::PIN_ID_MISMATCH,
            Self::NoResponders => StatusCode::NO_RESPONDERS,
            Self::Unknown { code, .. } => *code,
        }
    }

    /// What the pull that it ended did not get, if the server says it.
    #[must_use]
    pub const fn left(&self) -> Option<Left> {
        match self {
            Self::RequestTimeout(left)
            | Self::InterestExpired(left)
            | Self::MessageSizeExceedsMaxBytes(left)
            | Self::BatchCompleted(left)
            | Self::ServerShutdown(left)
            | Self::PinIdMismatch(left) => *left,
            Self::IdleHeartbeat { .. }
            | Self::FlowControl { .. }
            | Self::BadRequest(_)
            | Self::NoMessages
            | Self::RequestsPending
            | Self::ExceededMaxWaiting
            | Self::ExceededLimit { .. }
            | Self::LeadershipChange
            | Self::ConsumerDeleted
            | Self::ConsumerIsPushBased
            | Self::RequiredApiLevel
            | Self::NoResponders
            | Self::Unknown { .. } => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::IdleHeartbeat { .. } => "the consumer is idle",
            Self::FlowControl { .. } => "the consumer waits for flow control",
            Self::BadRequest(text) => {
                return write!(f, "the pull is wrong: {}", text.escape_debug());
            }
            Self::NoMessages => "there are no messages",
            Self::RequestTimeout(_) => "the time of the pull is over",
            Self::RequestsPending => "other pulls wait for all messages there are",
            Self::InterestExpired(_) => "nobody listens for the messages of the pull",
            Self::MessageSizeExceedsMaxBytes(_) => {
                "the next message is larger than the bytes that are left of the pull"
            }
            Self::BatchCompleted(_) => "the pull got all its messages",
            Self::ExceededMaxWaiting => "too many pulls wait at the consumer (max_waiting)",
            Self::ExceededLimit { limit, value } => {
                let name = match limit {
                    PullLimit::Batch => "max_batch",
                    PullLimit::Expires => "max_expires",
                    PullLimit::MaxBytes => "max_bytes",
                };
                return write!(
                    f,
                    "the pull asks for more than the consumer allows ({name} is {})",
                    value.escape_debug()
                );
            }
            Self::LeadershipChange => "another server leads the consumer",
            Self::ServerShutdown(_) => "the server shuts down",
            Self::ConsumerDeleted => "the consumer was deleted",
            Self::ConsumerIsPushBased => "the consumer pushes and cannot be pulled from",
            Self::RequiredApiLevel => "the server is older than the pull requires",
            Self::PinIdMismatch(_) => "another client is pinned",
            Self::NoResponders => "no consumer answers",
            Self::Unknown { code, description } => {
                return write!(f, "status {code} \"{}\"", description.escape_debug());
            }
        };
        f.write_str(text)
    }
}

fn exceeded(limit: PullLimit, text: &str) -> Status {
    let value = text.rsplit_once(' ').map_or("", |(_, value)| value);
    Status::ExceededLimit { limit, value: value.to_string() }
}

fn header(message: &Message, name: HeaderName) -> Option<&str> {
    message.headers.as_ref()?.get(name).map(|value| value.as_str())
}

fn number(message: &Message, name: HeaderName) -> Option<u64> {
    header(message, name)?.parse().ok()
}

/// Servers count below zero when a pull without a number of messages is complete.
fn left(message: &Message) -> Option<Left> {
    let count = |name| {
        let count: i64 = header(message, name)?.parse().ok()?;
        Some(u64::try_from(count).unwrap_or_default())
    };
    let (messages, bytes) = (count(NATS_PENDING_MESSAGES), count(NATS_PENDING_BYTES));
    (messages.is_some() || bytes.is_some())
        .then(|| Left { messages: messages.unwrap_or_default(), bytes: bytes.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::test_messages::{status, status_with};
    use alloc::format;

    const LEFT: Left = Left { messages: 3, bytes: 40 };

    /// Every status of a consumer, what it is, and what it means.
    fn table() -> [(u16, &'static str, Status, StatusClass); 24] {
        let limit = |limit, value: &str| Status::ExceededLimit { limit, value: value.into() };
        let bad = |text: &str| Status::BadRequest(text.into());
        let left = Some(LEFT);
        [
            (400, "Bad Request - x", bad("Bad Request - x"), StatusClass::Refused),
            (404, "No Messages", Status::NoMessages, StatusClass::Ended),
            (408, "Request Timeout", Status::RequestTimeout(left), StatusClass::Ended),
            (408, "Requests Pending", Status::RequestsPending, StatusClass::Ended),
            (408, "Interest Expired", Status::InterestExpired(left), StatusClass::Ended),
            (
                409,
                "Message Size Exceeds MaxBytes",
                Status::MessageSizeExceedsMaxBytes(left),
                StatusClass::Ended,
            ),
            (409, "Batch Completed", Status::BatchCompleted(left), StatusClass::Ended),
            (409, "batch completed", Status::BatchCompleted(left), StatusClass::Ended),
            (409, "Exceeded MaxWaiting", Status::ExceededMaxWaiting, StatusClass::Busy),
            (
                409,
                "Exceeded MaxRequestBatch of 10",
                limit(PullLimit::Batch, "10"),
                StatusClass::Refused,
            ),
            (
                409,
                "Exceeded MaxRequestExpires of 1s",
                limit(PullLimit::Expires, "1s"),
                StatusClass::Refused,
            ),
            (
                409,
                "Exceeded MaxRequestMaxBytes of 99",
                limit(PullLimit::MaxBytes, "99"),
                StatusClass::Refused,
            ),
            (409, "Leadership Change", Status::LeadershipChange, StatusClass::Interrupted),
            (409, "Server Shutdown", Status::ServerShutdown(left), StatusClass::Interrupted),
            (409, "Consumer Deleted", Status::ConsumerDeleted, StatusClass::Gone),
            (409, "Consumer is push based", Status::ConsumerIsPushBased, StatusClass::Gone),
            (
                409,
                "ä",
                Status::Unknown { code: StatusCode::REQUEST_TERMINATED, description: "ä".into() },
                StatusClass::Unknown,
            ),
            (412, "Required Api Level", Status::RequiredApiLevel, StatusClass::Refused),
            (423, "Nats-Pin-Id mismatch", Status::PinIdMismatch(left), StatusClass::Unpinned),
            (423, "Nats-Wrong-Pin-Id", Status::PinIdMismatch(left), StatusClass::Unpinned),
            (503, "", Status::NoResponders, StatusClass::Absent),
            (
                204,
                "EOB",
                Status::Unknown { code: StatusCode::END_OF_BATCH, description: "EOB".into() },
                StatusClass::Unknown,
            ),
            (
                777,
                "",
                Status::Unknown {
                    code: StatusCode::from_u16(777).unwrap(),
                    description: String::new(),
                },
                StatusClass::Unknown,
            ),
            (
                100,
                "Idle Heartbeat",
                Status::IdleHeartbeat { last_consumer: None, last_stream: None, stalled: None },
                StatusClass::Alive,
            ),
        ]
    }

    #[test]
    fn every_status_of_a_consumer_is_known() {
        for (code, text, expected, class) in table() {
            let headers = [("Nats-Pending-Messages", "3"), ("Nats-Pending-Bytes", "40")];
            let message = status_with(code, Some(text), &headers);
            let found = Status::of(&message).unwrap();
            assert_eq!(found, expected, "{code} {text}");
            assert_eq!(found.class(), class, "{code} {text}");
            assert!(!format!("{found}").is_empty());
            if found.left().is_some() {
                assert_eq!(Status::of(&status(code, Some(text))).unwrap().left(), None);
            }
        }
    }

    #[test]
    fn what_is_left_of_a_pull_is_never_below_zero() {
        let headers = [("Nats-Pending-Messages", "-1"), ("Nats-Pending-Bytes", "x")];
        let message = status_with(409, Some("Batch Completed"), &headers);
        let left = Status::of(&message).unwrap().left().unwrap();
        assert_eq!(left, Left { messages: 0, bytes: 0 });
    }

    #[test]
    fn a_heartbeat_tells_where_the_consumer_is_and_that_it_stalls() {
        let headers = [
            ("Nats-Last-Consumer", "5"),
            ("Nats-Last-Stream", "9"),
            ("Nats-Consumer-Stalled", "$JS.FC.S.C.x"),
        ];
        let heartbeat = status_with(100, Some("Idle Heartbeat"), &headers);
        let expected = Status::IdleHeartbeat {
            last_consumer: Some(5),
            last_stream: Some(9),
            stalled: Some("$JS.FC.S.C.x".into()),
        };
        assert_eq!(Status::of(&heartbeat), Some(expected));
        let mut request = status(100, Some("FlowControl Request"));
        request.reply = Some("$JS.FC.S.C.y".into());
        assert_eq!(
            Status::of(&request),
            Some(Status::FlowControl { reply: "$JS.FC.S.C.y".into() })
        );
    }

    #[test]
    fn a_message_of_the_stream_is_no_status_even_if_it_was_stored_with_one() {
        let mut stored = status(503, None);
        stored.reply = Some("$JS.ACK.S.C.1.2.3.4.5".into());
        assert_eq!(Status::of(&stored), None);
        stored.status = None;
        stored.reply = None;
        assert_eq!(Status::of(&stored), None);
    }
}
