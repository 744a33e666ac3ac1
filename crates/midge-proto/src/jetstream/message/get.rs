//! The calls that read stored messages.

use super::stored::{RawMessage, StreamMessage, StreamValue};
use crate::header::HeaderName;
use crate::header::{NATS_LAST_SEQUENCE, NATS_NUM_PENDING, NATS_SEQUENCE, NATS_UP_TO_SEQUENCE};
use crate::jetstream::api::{self, ApiError, ApiPrefix, ApiRequest};
use crate::jetstream::json::{self, is_default};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::names::StreamName;
use crate::jetstream::timestamp::Timestamp;
use crate::message::Message;
use crate::status::StatusCode;
use crate::subject::Subject;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Which message of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Selector {
    #[serde(skip_serializing_if = "is_default")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    last_by_subj: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    next_by_subj: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_default")]
    no_hdr: bool,
}

impl Selector {
    const NONE: Self =
        Self { seq: None, last_by_subj: None, next_by_subj: None, start_time: None, no_hdr: false };

    fn requirement(&self) -> Option<Requirement> {
        self.start_time.is_some().then(|| Requirement::new("start_time", ApiLevel::V2_11))
    }
}

macro_rules! selecting_request {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            stream: StreamName,
            selector: Selector,
        }

        impl $name {
            /// The message with this sequence.
            #[must_use]
            pub fn sequence(stream: StreamName, sequence: u64) -> Self {
                let selector = Selector { seq: Some(sequence), ..Selector::NONE };
                Self { stream, selector }
            }

            /// The last message on this subject.
            #[must_use]
            pub fn last_by_subject(stream: StreamName, subject: impl Into<String>) -> Self {
                let selector = Selector { last_by_subj: Some(subject.into()), ..Selector::NONE };
                Self { stream, selector }
            }

            /// The first message on a subject that `subject` matches, from `sequence` on.
            #[must_use]
            pub fn next_by_subject(
                stream: StreamName,
                subject: impl Into<String>,
                sequence: Option<u64>,
            ) -> Self {
                let next_by_subj = Some(subject.into());
                let selector = Selector { seq: sequence, next_by_subj, ..Selector::NONE };
                Self { stream, selector }
            }

            /// The first message stored at that time or later (2.11).
            #[must_use]
            pub fn start_time(stream: StreamName, time: Timestamp) -> Self {
                let selector = Selector { start_time: Some(time), ..Selector::NONE };
                Self { stream, selector }
            }
        }
    };
}

selecting_request! {
    /// Asks the leader of a stream for a message: what was acknowledged before is seen.
    RawMessageRequest
}

impl RawMessageRequest {
    /// Leaves the headers out.
    #[must_use]
    pub fn without_headers(mut self) -> Self {
        self.selector.no_hdr = true;
        self
    }
}

impl ApiRequest for RawMessageRequest {
    type Response = StreamMessage;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("MSG.GET", &self.stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        json::write(&self.selector, out);
    }

    fn decode(&self, answer: &Message) -> Result<StreamMessage, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            message: RawMessage,
        }

        let body: Body = api::decode(answer)?;
        StreamMessage::try_from(body.message)
            .map_err(|error| ApiError::malformed(error, &answer.payload))
    }

    fn requirement(&self) -> Option<Requirement> {
        self.selector.requirement()
    }

    fn is_read(&self) -> bool {
        true
    }
}

selecting_request! {
    /// Asks any server that has a stream or its mirror for a message: the answer may be older than
    /// what was acknowledged. The stream has to allow it
    /// ([`allow_direct`](crate::jetstream::stream::Config::allow_direct)).
    DirectGetRequest
}

impl DirectGetRequest {
    /// Asks for the body alone.
    #[must_use]
    pub fn without_headers(mut self) -> DirectValueRequest {
        self.selector.no_hdr = true;
        DirectValueRequest { request: self }
    }

    /// Whether the subject of the request says everything: so permissions can be about it.
    fn subject_says_it_all(&self) -> Option<&str> {
        let selector = &self.selector;
        let subject = selector.last_by_subj.as_deref().filter(|_| !selector.no_hdr)?;
        Subject::from(subject).check_publish().is_ok().then_some(subject)
    }
}

impl ApiRequest for DirectGetRequest {
    type Response = StreamMessage;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        let stream = &self.stream;
        match self.subject_says_it_all() {
            Some(subject) => prefix.subject(format_args!("DIRECT.GET.{stream}.{subject}")),
            None => prefix.subject(format_args!("DIRECT.GET.{stream}")),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if self.subject_says_it_all().is_none() {
            json::write(&self.selector, out);
        }
    }

    fn decode(&self, answer: &Message) -> Result<StreamMessage, ApiError> {
        check_direct(answer)?;
        StreamMessage::try_from(answer).map_err(|error| ApiError::malformed(error, &answer.payload))
    }

    fn requirement(&self) -> Option<Requirement> {
        self.selector.requirement()
    }

    fn is_read(&self) -> bool {
        true
    }
}

/// As [`DirectGetRequest`], for the body alone.
#[derive(Clone, Debug)]
pub struct DirectValueRequest {
    request: DirectGetRequest,
}

impl ApiRequest for DirectValueRequest {
    type Response = StreamValue;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        self.request.subject(prefix)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.request.encode(out);
    }

    fn decode(&self, answer: &Message) -> Result<StreamValue, ApiError> {
        check_direct(answer)?;
        Ok(StreamValue { data: answer.payload.clone() })
    }

    fn requirement(&self) -> Option<Requirement> {
        self.request.requirement()
    }

    fn is_read(&self) -> bool {
        true
    }
}

/// A status is an answer of the server, unless it was stored with a message: whatever is stored
/// comes with its sequence.
fn check_direct(answer: &Message) -> Result<(), ApiError> {
    let Some(code) = answer.status else { return Ok(()) };
    if header(answer, NATS_SEQUENCE).is_some() {
        return Ok(());
    }
    Err(match code {
        StatusCode::NO_RESPONDERS => ApiError::NoResponders,
        code => {
            ApiError::Status { code, description: answer.description.clone().unwrap_or_default() }
        }
    })
}

fn header(message: &Message, name: HeaderName) -> Option<u64> {
    message.headers.as_ref()?.get_last(name)?.as_str().parse().ok()
}

/// Asks any server that has a stream or its mirror for many messages (2.11). There is an answer for
/// each of them, and one more at the end.
///
/// Nothing holds the server back but [`max_bytes`](Self::max_bytes).
#[derive(Clone, Debug, Serialize)]
pub struct BatchGetRequest {
    #[serde(skip)]
    pub(super) stream: StreamName,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) batch: usize,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) seq: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) next_by_subj: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) multi_last: Vec<String>,
    #[serde(rename = "up_to_seq", skip_serializing_if = "is_default")]
    pub(super) up_to_sequence: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) up_to_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) max_bytes: usize,
}

impl BatchGetRequest {
    const fn new(stream: StreamName) -> Self {
        Self {
            stream,
            batch: 0,
            seq: 0,
            start_time: None,
            next_by_subj: None,
            multi_last: Vec::new(),
            up_to_sequence: None,
            up_to_time: None,
            max_bytes: 0,
        }
    }

    /// Up to `batch` messages from this sequence on.
    #[must_use]
    pub fn from_sequence(stream: StreamName, batch: usize, sequence: u64) -> Self {
        Self { batch, seq: sequence.max(1), ..Self::new(stream) }
    }

    /// Up to `batch` messages from this time on.
    #[must_use]
    pub fn from_time(stream: StreamName, batch: usize, time: Timestamp) -> Self {
        Self { batch, start_time: Some(time), ..Self::new(stream) }
    }

    /// The last message on each subject that one of `subjects` matches, up to 1024 of them unless
    /// [`batch`](Self::batch) is set.
    #[must_use]
    pub fn last_by_subjects<S: Into<String>>(
        stream: StreamName,
        subjects: impl IntoIterator<Item = S>,
    ) -> Self {
        let multi_last = subjects.into_iter().map(Into::into).collect();
        Self { multi_last, ..Self::new(stream) }
    }

    /// Only messages on subjects that `subject` matches.
    #[must_use]
    pub fn subject_filter(mut self, subject: impl Into<String>) -> Self {
        self.next_by_subj = Some(subject.into());
        self
    }

    /// Most messages of one page.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Most bytes; 64 MiB as the server is by default.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// As the stream was when this was its last sequence.
    #[must_use]
    pub fn up_to_sequence(mut self, sequence: u64) -> Self {
        self.up_to_sequence = Some(sequence);
        self
    }

    /// As the stream was before that time.
    #[must_use]
    pub fn up_to_time(mut self, time: Timestamp) -> Self {
        self.up_to_time = Some(time);
        self
    }

    /// The call for what is left behind a page; `None` when nothing is. The pages together are what
    /// the stream was at the first of them.
    #[must_use]
    pub fn next(&self, end: &BatchEnd) -> Option<Self> {
        let next = end.last_sequence.checked_add(1)?;
        // A page that does not get ahead would be asked for again and again.
        if end.pending == 0 || next <= self.seq {
            return None;
        }
        let mut request = Self { seq: next, start_time: None, up_to_time: None, ..self.clone() };
        request.up_to_sequence = end.up_to_sequence.or(self.up_to_sequence);
        Some(request)
    }
}

/// One answer to a [`BatchGetRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchPart {
    /// A message.
    Message {
        /// It.
        message: StreamMessage,
        /// Messages that are to come behind it.
        pending: u64,
        /// The sequence of the message before it on this page; 0 if there is none.
        last_sequence: Option<u64>,
    },
    /// There is nothing more.
    End(BatchEnd),
}

/// The end of a page of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchEnd {
    /// Messages that there are behind the page.
    pub pending: u64,
    /// The sequence of the last message of the page; 0 if there was none.
    pub last_sequence: u64,
    /// The last sequence of the stream that was looked at, for last messages by subject.
    pub up_to_sequence: Option<u64>,
}

impl ApiRequest for BatchGetRequest {
    type Response = BatchPart;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.subject(format_args!("DIRECT.GET.{}", self.stream))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }

    fn decode(&self, answer: &Message) -> Result<BatchPart, ApiError> {
        if answer.status == Some(StatusCode::END_OF_BATCH) && answer.payload.is_empty() {
            return Ok(BatchPart::End(BatchEnd {
                pending: header(answer, NATS_NUM_PENDING).unwrap_or_default(),
                last_sequence: header(answer, NATS_LAST_SEQUENCE).unwrap_or_default(),
                up_to_sequence: header(answer, NATS_UP_TO_SEQUENCE),
            }));
        }
        check_direct(answer)?;
        let malformed = |fault: &dyn core::fmt::Display| {
            ApiError::malformed(alloc::format!("{fault}"), &answer.payload)
        };
        // A server that knows no batches answers with one message, and nothing ever ends it.
        let pending = header(answer, NATS_NUM_PENDING).ok_or_else(|| {
            malformed(&"no Nats-Num-Pending: the server is older than 2.11 and has no batches")
        })?;
        let message = StreamMessage::try_from(answer).map_err(|error| malformed(&error))?;
        let last_sequence = header(answer, NATS_LAST_SEQUENCE);
        Ok(BatchPart::Message { message, pending, last_sequence })
    }

    fn requirement(&self) -> Option<Requirement> {
        let field = if self.multi_last.is_empty() { "batch" } else { "multi_last" };
        Some(Requirement::new(field, ApiLevel::V2_11))
    }

    fn is_read(&self) -> bool {
        true
    }
}
