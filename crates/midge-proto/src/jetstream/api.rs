//! What all requests to the JetStream API have in common.

use super::error::Error;
use super::json;
use super::level::{ApiLevel, Requirement, UnsupportedField};
use super::names::{InvalidName, StreamName, check_domain};
use crate::header::HeaderMap;
use crate::header::NATS_REQUIRED_API_LEVEL;
use crate::message::Message;
use crate::snippet::Snippet;
use crate::status::StatusCode;
use crate::subject::{InvalidSubject, Subject};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One call of the JetStream API: where it goes, what it says, and what the answer means.
///
/// Whoever has a way to send a request and get a message back can use it: publish
/// [`encode`](Self::encode)d bytes and [`headers`](Self::headers) to
/// [`subject`](Self::subject) with a reply subject, and hand the answer to
/// [`decode`](Self::decode).
///
/// ```
/// use midge_proto::jetstream::{ApiPrefix, ApiRequest, StreamName, stream};
///
/// let request = stream::PurgeRequest::new(StreamName::new("ORDERS")?).keep(10);
/// assert_eq!(request.subject(&ApiPrefix::default()), "$JS.API.STREAM.PURGE.ORDERS");
///
/// let mut body = Vec::new();
/// request.encode(&mut body);
/// assert_eq!(body, br#"{"keep":10}"#);
/// # Ok::<(), midge_proto::jetstream::InvalidName>(())
/// ```
pub trait ApiRequest {
    /// What the answer tells.
    type Response;

    /// The subject of the request.
    fn subject(&self, prefix: &ApiPrefix) -> Subject;

    /// Appends the body; by default there is none.
    fn encode(&self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// What the answer says.
    ///
    /// Fields that this version does not know are skipped or kept, and missing ones have their
    /// defaults.
    ///
    /// # Errors
    ///
    /// When the server refused the request, nobody answers such requests, or the answer cannot be
    /// read.
    fn decode(&self, answer: &Message) -> Result<Self::Response, ApiError>;

    /// The part of the request that needs the newest server; `None` when any server with
    /// JetStream will do.
    fn requirement(&self) -> Option<Requirement> {
        None
    }

    /// Whether it changes nothing, so that it may be sent again.
    fn is_read(&self) -> bool {
        false
    }

    /// Checks that a server of this level knows every part of the request.
    ///
    /// # Errors
    ///
    /// When it does not: it would refuse the request, or ignore a part of it.
    fn check_level(&self, level: ApiLevel) -> Result<(), UnsupportedField> {
        self.requirement().map_or(Ok(()), |requirement| requirement.check(level))
    }

    /// The headers of the request: the level it requires, if it requires any. A server from 2.12 on
    /// that does not have it says so; older ones ignore the header.
    fn headers(&self) -> Option<HeaderMap> {
        self.requirement().map(|requirement| {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_REQUIRED_API_LEVEL, u64::from(requirement.level().0));
            headers
        })
    }
}

/// What stands in front of the subjects of the JetStream API: `$JS.API`, unless JetStream is
/// reached through a domain or imported from another account.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ApiPrefix(Box<str>);

/// Where JetStream listens when nothing else is configured.
const DEFAULT_PREFIX: &str = "$JS.API";

impl ApiPrefix {
    /// A prefix chosen by those who export the API to this account. A dot at its end is dropped.
    ///
    /// # Errors
    ///
    /// When it is not a subject without wildcards.
    pub fn new(prefix: impl AsRef<str>) -> Result<Self, InvalidSubject> {
        let prefix = prefix.as_ref();
        let prefix = prefix.strip_suffix('.').unwrap_or(prefix);
        Subject::from(prefix).check_publish()?;
        Ok(Self(prefix.into()))
    }

    /// The prefix of a JetStream domain.
    ///
    /// # Errors
    ///
    /// When the domain is not one token of a subject.
    pub fn domain(domain: impl AsRef<str>) -> Result<Self, InvalidName> {
        let domain = domain.as_ref();
        check_domain(domain)?;
        Ok(Self(domain_prefix(domain).into()))
    }

    /// The prefix, without a dot at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `$JS.API`.
    #[must_use]
    pub fn is_default(&self) -> bool {
        &*self.0 == DEFAULT_PREFIX
    }

    /// The subject of a call, such as `STREAM.INFO.ORDERS`. It can be published to even if it ends
    /// with a filter, as that of the creation of a consumer does.
    #[must_use]
    pub fn subject(&self, call: impl fmt::Display) -> Subject {
        Subject::literal(format!("{}.{call}", self.0))
    }

    /// The subject of a call about a stream.
    pub(super) fn stream(&self, verb: &str, stream: &StreamName) -> Subject {
        self.subject(format_args!("STREAM.{verb}.{stream}"))
    }

    /// The subject of a call about a consumer.
    pub(super) fn consumer(&self, verb: &str, consumer: &super::consumer::Id) -> Subject {
        self.subject(format_args!("CONSUMER.{verb}.{}.{}", consumer.stream, consumer.consumer))
    }
}

pub(super) fn domain_prefix(domain: &str) -> String {
    format!("$JS.{domain}.API")
}

impl Default for ApiPrefix {
    fn default() -> Self {
        Self(DEFAULT_PREFIX.into())
    }
}

impl fmt::Display for ApiPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ApiPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Why a call of the JetStream API has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiError {
    /// JetStream refused the request.
    JetStream(Error),
    /// Nobody listens to the subject: JetStream is off, the prefix or domain is another one, or
    /// what the request is about does not answer by itself.
    NoResponders,
    /// The answer is a status line.
    Status {
        /// Its number.
        code: StatusCode,
        /// Its text.
        description: String,
    },
    /// The answer is none.
    Malformed(MalformedAnswer),
}

impl ApiError {
    /// What the server says, if it refused the request.
    #[must_use]
    pub const fn as_jetstream(&self) -> Option<&Error> {
        match self {
            Self::JetStream(error) => Some(error),
            Self::NoResponders | Self::Status { .. } | Self::Malformed(_) => None,
        }
    }

    /// Whether what was asked for is not there: a stream, a consumer, a message.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::JetStream(error) => error.code() == 404,
            Self::Status { code, .. } => *code == StatusCode::NOT_FOUND,
            Self::NoResponders | Self::Malformed(_) => false,
        }
    }

    /// Whether the same request may succeed later: nobody answered, or the server says so.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::JetStream(error) => error.is_retryable(),
            Self::NoResponders => true,
            Self::Status { code, description } => match *code {
                StatusCode::TOO_MANY_REQUESTS => true,
                StatusCode::REQUEST_TERMINATED => {
                    description.eq_ignore_ascii_case("Leadership Change")
                        || description.eq_ignore_ascii_case("Server Shutdown")
                }
                _ => false,
            },
            Self::Malformed(_) => false,
        }
    }

    pub(super) fn malformed(fault: impl ToString, body: &[u8]) -> Self {
        Self::Malformed(MalformedAnswer::new(fault, body))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JetStream(_) => f.write_str("JetStream refused the request"),
            Self::NoResponders => f.write_str("no JetStream answers on this subject"),
            Self::Status { code, description } => {
                write!(
                    f,
                    "JetStream answered with status {code} \"{}\"",
                    description.escape_debug()
                )
            }
            Self::Malformed(_) => f.write_str("JetStream's answer cannot be read"),
        }
    }
}

impl core::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::JetStream(error) => Some(error),
            Self::Malformed(error) => Some(error),
            Self::NoResponders | Self::Status { .. } => None,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::JetStream(error)
    }
}

/// An answer that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedAnswer {
    fault: String,
    body: Snippet,
}

impl MalformedAnswer {
    pub(super) fn new(fault: impl ToString, body: &[u8]) -> Self {
        Self { fault: fault.to_string(), body: Snippet::new(body) }
    }
}

impl fmt::Display for MalformedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.fault, self.body)
    }
}

impl core::error::Error for MalformedAnswer {}

/// What a body of JSON says, or why there is none.
pub(super) fn decode<T: DeserializeOwned>(answer: &Message) -> Result<T, ApiError> {
    check(answer)?;
    json::read(&answer.payload).map_err(|error| ApiError::malformed(error, &answer.payload))
}

/// Whether the answer is a result.
///
/// A status with a body (429) is told by its body, which has the number of the error.
pub(super) fn check(answer: &Message) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(default)]
        error: Option<Error>,
    }

    if answer.payload.is_empty() {
        return match answer.status {
            Some(StatusCode::NO_RESPONDERS) => Err(ApiError::NoResponders),
            Some(code) => {
                let description = answer.description.clone().unwrap_or_default();
                Err(ApiError::Status { code, description })
            }
            None => Err(ApiError::malformed("nothing", &[])),
        };
    }
    let envelope: Envelope =
        json::read(&answer.payload).map_err(|error| ApiError::malformed(error, &answer.payload))?;
    envelope.error.map_or(Ok(()), |error| Err(error.into()))
}

/// A call that midge has no type for, with a body and an answer of the caller's own.
///
/// ```
/// use midge_proto::jetstream::{ApiPrefix, ApiRequest, CustomRequest};
///
/// let request = CustomRequest::<serde_json::Value>::new("STREAM.INFO.ORDERS", "{}")?;
/// assert_eq!(request.subject(&ApiPrefix::default()), "$JS.API.STREAM.INFO.ORDERS");
/// # Ok::<(), midge_proto::InvalidSubject>(())
/// ```
#[derive(Clone, Debug)]
pub struct CustomRequest<T> {
    call: Subject,
    body: Vec<u8>,
    response: core::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> CustomRequest<T> {
    /// The call named by `call`, the part of the subject behind the prefix.
    ///
    /// # Errors
    ///
    /// When it cannot be part of a subject.
    pub fn new(call: &str, body: impl Into<Vec<u8>>) -> Result<Self, InvalidSubject> {
        let call = Subject::from(call);
        call.check_subscribe()?;
        Ok(Self { call, body: body.into(), response: core::marker::PhantomData })
    }
}

impl<T: DeserializeOwned> ApiRequest for CustomRequest<T> {
    type Response = T;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.subject(&self.call)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.body);
    }

    fn decode(&self, answer: &Message) -> Result<T, ApiError> {
        decode(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::test_messages::{answer, status};
    use alloc::collections::BTreeMap;

    #[test]
    fn a_prefix_comes_from_a_domain_or_as_it_is() {
        assert_eq!(ApiPrefix::default().subject("INFO"), "$JS.API.INFO");
        assert!(ApiPrefix::default().is_default());
        let create = ApiPrefix::default().subject("CONSUMER.CREATE.S.C.a.>");
        assert!(create.check_publish().is_ok(), "the filter of a consumer is no wildcard here");
        assert!(ApiPrefix::default().subject("a b").check_publish().is_err());
        assert_eq!(ApiPrefix::domain("hub").unwrap().subject("INFO"), "$JS.hub.API.INFO");
        assert_eq!(ApiPrefix::new("acc.js.").unwrap().subject("INFO"), "acc.js.INFO");
        assert!(ApiPrefix::new("$JS.API").unwrap().is_default());
        for prefix in ["", ".", "a..b", "a b", "a.>", "*.API", "a\r\nPUB x"] {
            assert!(ApiPrefix::new(prefix).is_err(), "{prefix:?}");
        }
        for domain in ["", "a.b", "a b", "*"] {
            assert!(ApiPrefix::domain(domain).is_err(), "{domain:?}");
        }
    }

    #[test]
    fn an_answer_is_a_result_an_error_a_status_or_nothing_readable() {
        let request = CustomRequest::<BTreeMap<String, u8>>::new("X", "").unwrap();
        assert_eq!(request.decode(&answer(" {\"a\":1}")).unwrap()["a"], 1);

        let refused =
            answer(r#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#);
        let Err(ApiError::JetStream(error)) = request.decode(&refused) else { panic!() };
        assert_eq!((error.code(), error.error_code().0), (404, 10059));

        assert_eq!(request.decode(&status(503, None)), Err(ApiError::NoResponders));
        let Err(ApiError::Status { code, description }) =
            request.decode(&status(412, Some("Required Api Level")))
        else {
            panic!()
        };
        assert_eq!((code.as_u16(), &*description), (412, "Required Api Level"));
        for body in ["", "{", "x", "\"a\"", "[]", "[null]", "null", "{\"error\":1}"] {
            let error = request.decode(&answer(body)).unwrap_err();
            assert!(matches!(error, ApiError::Malformed(_)), "{body}: {error:?}");
        }
    }

    #[test]
    fn a_status_with_a_body_is_told_by_the_body() {
        let mut message = status(429, Some("Too Many Requests"));
        message.payload =
            answer(r#"{"error":{"code":429,"err_code":10167,"description":"x"}}"#).payload;
        let error = check(&message).unwrap_err();
        assert_eq!(error.as_jetstream().unwrap().error_code().0, 10167);
    }
}
