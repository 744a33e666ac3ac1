//! Errors, one family an operation.

use crate::auth::InvalidCredentials;
use core::fmt;
use core::time::Duration;
use midge_proto::{
    AttemptFailure, Cause, CloseReason, DrainReport, InvalidHeader, InvalidQueueGroup,
    InvalidServerAddr, InvalidSubject, Refusal, ServerError, Step,
};

/// Any error, boxed.
pub type Error = Box<dyn core::error::Error + Send + Sync + 'static>;

macro_rules! kinds {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vmeta])* $variant,)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

kinds! {
    /// What kind of thing kept a publish from happening.
    PublishErrorKind {
        /// The message is larger than the server takes.
        MaxPayloadExceeded => "max payload exceeded",
        /// The subject or the reply subject cannot be published to.
        InvalidSubject => "invalid subject",
        /// A header name or value cannot be sent.
        InvalidHeader => "invalid header",
        /// The server takes no headers.
        HeadersNotSupported => "headers not supported by the server",
        /// Not connected, and the buffer for that is full.
        BufferFull => "reconnect buffer full",
        /// The message could not be handed on: the client is draining or closed.
        Send => "failed to send message",
    }
}

/// A message was not published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The subject cannot be published to.
    InvalidSubject(InvalidSubject),
    /// A header name or value cannot be sent.
    InvalidHeader(InvalidHeader),
    /// The message was not taken.
    Refused(Refusal),
    /// The server refused it: told by a confirmed publish.
    Server(ServerError),
    /// The message to be answered has no reply subject.
    NoReply,
}

impl PublishError {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> PublishErrorKind {
        match self {
            Self::InvalidSubject(_) => PublishErrorKind::InvalidSubject,
            Self::InvalidHeader(_) => PublishErrorKind::InvalidHeader,
            Self::Refused(Refusal::MaxPayloadExceeded { .. }) => {
                PublishErrorKind::MaxPayloadExceeded
            }
            Self::Refused(Refusal::HeadersNotSupported) => PublishErrorKind::HeadersNotSupported,
            Self::Refused(
                Refusal::BufferFull { .. }
                | Refusal::TooManyBuffered { .. }
                | Refusal::WaitedInVain { .. }
                | Refusal::Discarded,
            ) => PublishErrorKind::BufferFull,
            Self::NoReply => PublishErrorKind::InvalidSubject,
            Self::Refused(_) | Self::Server(_) => PublishErrorKind::Send,
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidSubject(error) => error.fmt(f),
            Self::InvalidHeader(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Server(error) => write!(f, "refused by the server: {error}"),
            Self::NoReply => f.write_str("the message to be answered has no reply subject"),
        }
    }
}

impl core::error::Error for PublishError {}

impl From<InvalidSubject> for PublishError {
    fn from(error: InvalidSubject) -> Self {
        Self::InvalidSubject(error)
    }
}

impl From<InvalidHeader> for PublishError {
    fn from(error: InvalidHeader) -> Self {
        Self::InvalidHeader(error)
    }
}

impl From<Refusal> for PublishError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

kinds! {
    /// What kind of thing kept a request from being answered.
    RequestErrorKind {
        /// No reply within the timeout.
        TimedOut => "request timed out",
        /// Nobody listens on the subject.
        NoResponders => "no responders",
        /// The subject cannot be published to.
        InvalidSubject => "invalid subject",
        /// The message is larger than the server takes.
        MaxPayloadExceeded => "max payload exceeded",
        /// Anything else.
        Other => "request failed",
    }
}

/// A request was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// No reply came within this time.
    TimedOut(Duration),
    /// The server says that nobody listens on the subject.
    NoResponders,
    /// The request was not published.
    Publish(PublishError),
    /// The connection was lost while waiting, and the request was not to wait any longer.
    Disconnected,
    /// The server does not let this user publish on the subject, or subscribe to the inbox for
    /// replies: then the request may have arrived.
    Denied(ServerError),
    /// The client was closed.
    Closed,
}

impl RequestError {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> RequestErrorKind {
        match self {
            Self::TimedOut(_) => RequestErrorKind::TimedOut,
            Self::NoResponders => RequestErrorKind::NoResponders,
            Self::Publish(error) => match error.kind() {
                PublishErrorKind::InvalidSubject => RequestErrorKind::InvalidSubject,
                PublishErrorKind::MaxPayloadExceeded => RequestErrorKind::MaxPayloadExceeded,
                _ => RequestErrorKind::Other,
            },
            Self::Disconnected | Self::Denied(_) | Self::Closed => RequestErrorKind::Other,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(after) => write!(f, "no reply within {after:?}"),
            Self::NoResponders => f.write_str("no responders"),
            Self::Publish(error) => error.fmt(f),
            Self::Disconnected => f.write_str("the connection was lost before a reply came"),
            Self::Denied(error) => write!(f, "refused by the server: {error}"),
            Self::Closed => f.write_str("the client is closed"),
        }
    }
}

impl core::error::Error for RequestError {}

impl From<PublishError> for RequestError {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

kinds! {
    /// What kind of thing kept a subscription from being made.
    SubscribeErrorKind {
        /// The subject is no valid filter.
        InvalidSubject => "invalid subject",
        /// The queue group is empty or holds blanks.
        InvalidQueueName => "invalid queue name",
        /// Anything else.
        Other => "failed to subscribe",
    }
}

/// A subscription was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The subject is no valid filter.
    InvalidSubject(InvalidSubject),
    /// The queue group is empty or holds blanks.
    InvalidQueueName(InvalidQueueGroup),
    /// The client is draining or closed.
    Refused(Refusal),
    /// The server said no: told by a confirmed subscription.
    Server(ServerError),
    /// The connection was lost before the server confirmed the subscription.
    Unconfirmed,
}

impl SubscribeError {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> SubscribeErrorKind {
        match self {
            Self::InvalidSubject(_) => SubscribeErrorKind::InvalidSubject,
            Self::InvalidQueueName(_) => SubscribeErrorKind::InvalidQueueName,
            Self::Refused(_) | Self::Server(_) | Self::Unconfirmed => SubscribeErrorKind::Other,
        }
    }
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidSubject(error) => error.fmt(f),
            Self::InvalidQueueName(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Server(error) => write!(f, "refused by the server: {error}"),
            Self::Unconfirmed => {
                f.write_str("the connection was lost before the server confirmed the subscription")
            }
        }
    }
}

impl core::error::Error for SubscribeError {}

impl From<InvalidSubject> for SubscribeError {
    fn from(error: InvalidSubject) -> Self {
        Self::InvalidSubject(error)
    }
}

impl From<InvalidQueueGroup> for SubscribeError {
    fn from(error: InvalidQueueGroup) -> Self {
        Self::InvalidQueueName(error)
    }
}

impl From<Refusal> for SubscribeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

kinds! {
    /// What kind of thing kept a flush or a round trip from completing.
    FlushErrorKind {
        /// The client was closed.
        SendError => "failed to send",
        /// The connection was lost, or the time was up.
        FlushError => "failed to flush",
    }
}

/// A flush or a round trip did not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The client was closed.
    Closed,
    /// There is no connection, or it was lost before the answer came.
    Disconnected,
    /// The time was up.
    TimedOut(Duration),
}

impl FlushError {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> FlushErrorKind {
        match self {
            Self::Closed => FlushErrorKind::SendError,
            Self::Disconnected | Self::TimedOut(_) => FlushErrorKind::FlushError,
        }
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the client is closed"),
            Self::Disconnected => f.write_str("not connected, or the connection was lost"),
            Self::TimedOut(after) => write!(f, "no answer within {after:?}"),
        }
    }
}

impl core::error::Error for FlushError {}

kinds! {
    /// What kind of thing kept a client from connecting.
    ConnectErrorKind {
        /// A server address does not parse.
        ServerParse => "failed to parse server or server list",
        /// A host name has no address.
        Dns => "DNS error",
        /// The credentials could not be had.
        Authentication => "authentication error",
        /// The server refused the credentials.
        AuthorizationViolation => "authorization violation",
        /// The time for the attempt was up.
        TimedOut => "timed out",
        /// TLS failed.
        Tls => "TLS error",
        /// The proxy refused, hung up, or is none.
        Proxy => "proxy error",
        /// The server refused the WebSocket, hung up in its handshake, or does not speak it.
        WebSocket => "WebSocket error",
        /// Dialing, reading or writing failed, or the peer does not speak the protocol.
        Io => "IO error",
        /// The limit of attempts was reached.
        MaxReconnects => "reached maximum number of reconnects",
        /// Options contradict each other or cannot be used.
        Options => "invalid options",
        /// There is no runtime to run on.
        Runtime => "no runtime",
    }
}

/// A client did not connect.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectError {
    /// A server address does not parse.
    ServerParse(InvalidServerAddr),
    /// The credentials of the options cannot be right; nobody was dialed.
    Credentials(InvalidCredentials),
    /// No server could be connected, or attempts were given up.
    Failed(Box<CloseReason>),
    /// Options contradict each other or cannot be used.
    Options(String),
    /// There is no runtime to run on.
    Runtime(String),
}

impl ConnectError {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ConnectErrorKind {
        match self {
            Self::ServerParse(_) => ConnectErrorKind::ServerParse,
            Self::Credentials(_) => ConnectErrorKind::Authentication,
            Self::Options(_) => ConnectErrorKind::Options,
            Self::Runtime(_) => ConnectErrorKind::Runtime,
            Self::Failed(reason) => match &**reason {
                CloseReason::ConnectFailed(failure) => kind_of(failure),
                CloseReason::Refused(_) => ConnectErrorKind::AuthorizationViolation,
                CloseReason::Unusable(failure) => kind_of(failure),
                CloseReason::MaxReconnects(_) => ConnectErrorKind::MaxReconnects,
                CloseReason::DriverDropped => ConnectErrorKind::Runtime,
                _ => ConnectErrorKind::Io,
            },
        }
    }

    /// The last attempt that failed, with server, address, step and cause.
    #[must_use]
    pub fn attempt(&self) -> Option<&AttemptFailure> {
        let Self::Failed(reason) = self else { return None };
        match &**reason {
            CloseReason::ConnectFailed(failure)
            | CloseReason::Refused(failure)
            | CloseReason::Unusable(failure)
            | CloseReason::MaxReconnects(Some(failure)) => Some(failure),
            _ => None,
        }
    }
}

fn kind_of(failure: &AttemptFailure) -> ConnectErrorKind {
    match &failure.cause {
        Cause::Dns(_) => ConnectErrorKind::Dns,
        Cause::TimedOut => ConnectErrorKind::TimedOut,
        Cause::Tls(_) | Cause::TlsNotOffered | Cause::PlaintextBehindInfo { .. } => {
            ConnectErrorKind::Tls
        }
        Cause::Credentials(_) | Cause::Server(ServerError::AuthenticationTimeout(_)) => {
            ConnectErrorKind::Authentication
        }
        Cause::Server(error) if error.class() == midge_proto::ServerErrorClass::Authentication => {
            ConnectErrorKind::AuthorizationViolation
        }
        Cause::Server(ServerError::TlsRequired(_)) => ConnectErrorKind::Tls,
        Cause::Proxy(_) => ConnectErrorKind::Proxy,
        Cause::WebSocket(_) => ConnectErrorKind::WebSocket,
        // An end in the middle of a handshake is a refusal without words.
        Cause::Io(_) | Cause::Closed => match failure.step {
            Step::Tls => ConnectErrorKind::Tls,
            Step::Proxy => ConnectErrorKind::Proxy,
            Step::WebSocket => ConnectErrorKind::WebSocket,
            _ => ConnectErrorKind::Io,
        },
        _ => ConnectErrorKind::Io,
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerParse(error) => error.fmt(f),
            Self::Credentials(error) => error.fmt(f),
            Self::Failed(reason) => reason.fmt(f),
            Self::Options(text) => write!(f, "invalid options: {text}"),
            Self::Runtime(text) => f.write_str(text),
        }
    }
}

impl core::error::Error for ConnectError {}

impl From<InvalidServerAddr> for ConnectError {
    fn from(error: InvalidServerAddr) -> Self {
        Self::ServerParse(error)
    }
}

impl From<InvalidCredentials> for ConnectError {
    fn from(error: InvalidCredentials) -> Self {
        Self::Credentials(error)
    }
}

kinds! {
    /// What kind of thing was wrong with a drain or a close.
    DrainErrorKind {
        /// It could not be begun.
        Closed => "the client is closed",
        /// Something was given up.
        Incomplete => "closed with something given up",
    }
}

/// A drain or a close did not get everything done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DrainError {
    /// The client was closed before.
    Closed,
    /// The client is closed, and this was given up.
    Incomplete(DrainReport),
}

impl DrainError {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> DrainErrorKind {
        match self {
            Self::Closed => DrainErrorKind::Closed,
            Self::Incomplete(_) => DrainErrorKind::Incomplete,
        }
    }
}

impl fmt::Display for DrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => ClosedError.fmt(f),
            Self::Incomplete(report) => write!(f, "closed with something given up: {report}"),
        }
    }
}

impl core::error::Error for DrainError {}

impl From<ClosedError> for DrainError {
    fn from(_: ClosedError) -> Self {
        Self::Closed
    }
}

/// The client was closed before the call could take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedError;

impl fmt::Display for ClosedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client is closed")
    }
}

impl core::error::Error for ClosedError {}

/// A subscription could not be ended: the client was closed.
pub type UnsubscribeError = ClosedError;
/// A reconnect could not be asked for: the client was closed.
pub type ReconnectError = ClosedError;
