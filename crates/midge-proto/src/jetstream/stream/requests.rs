//! The calls about streams.

use super::config::{Config, Placement};
use super::info::Info;
use crate::jetstream::api::{self, ApiError, ApiPrefix, ApiRequest};
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::json::{self, is_default};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::names::StreamName;
use crate::jetstream::paging::{Page, Paging};
use crate::jetstream::unknown;
use crate::message::Message;
use crate::subject::Subject;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A configuration as it is sent.
#[derive(Clone, Debug, Serialize)]
struct Body {
    #[serde(flatten, serialize_with = "unknown::serialize")]
    config: Config,
    #[serde(skip_serializing_if = "is_default")]
    pedantic: bool,
}

impl Body {
    fn requirement(&self) -> Option<Requirement> {
        let pedantic = self.pedantic.then(|| Requirement::new("pedantic", ApiLevel::V2_11));
        Requirement::newer(self.config.requirement(), pedantic)
    }
}

macro_rules! config_request {
    ($(#[$meta:meta])* $name:ident, $verb:literal) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            stream: StreamName,
            body: Body,
        }

        impl $name {
            /// The call for the stream that `config` names.
            ///
            /// # Errors
            ///
            /// When a name or subject in it is none, or a source has both a domain and an external
            /// prefix.
            pub fn new(config: impl Into<Config>) -> Result<Self, InvalidConfig> {
                let mut config = config.into();
                let stream = config.prepare()?;
                Ok(Self { stream, body: Body { config, pedantic: false } })
            }

            /// Makes the server refuse what it would silently adjust (2.11).
            #[must_use]
            pub fn pedantic(mut self) -> Self {
                self.body.pedantic = true;
                self
            }
        }

        impl ApiRequest for $name {
            type Response = Info;

            fn subject(&self, prefix: &ApiPrefix) -> Subject {
                prefix.stream($verb, &self.stream)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                json::write(&self.body, out);
            }

            fn decode(&self, answer: &Message) -> Result<Info, ApiError> {
                api::decode(answer).map(Info::tidy)
            }

            fn requirement(&self) -> Option<Requirement> {
                self.body.requirement()
            }
        }
    };
}

config_request! {
    /// Creates a stream. That there is one with the same configuration is no error; one with
    /// another is ([`STREAM_NAME_EXIST`](crate::jetstream::ErrorCode::STREAM_NAME_EXIST)).
    CreateRequest, "CREATE"
}

config_request! {
    /// Gives a stream another configuration, as a whole: what is left out has its default.
    UpdateRequest, "UPDATE"
}

/// Asks what a stream is and has.
#[derive(Clone, Debug, Serialize)]
pub struct InfoRequest {
    #[serde(skip)]
    stream: StreamName,
    #[serde(skip_serializing_if = "is_default")]
    offset: u64,
    #[serde(skip_serializing_if = "is_default")]
    deleted_details: bool,
    #[serde(skip_serializing_if = "is_default")]
    subjects_filter: String,
}

impl InfoRequest {
    /// The call for this stream.
    #[must_use]
    pub const fn new(stream: StreamName) -> Self {
        Self { stream, offset: 0, deleted_details: false, subjects_filter: String::new() }
    }

    /// Asks for the sequences of deleted messages, too.
    #[must_use]
    pub fn with_deleted(mut self, deleted: bool) -> Self {
        self.deleted_details = deleted;
        self
    }

    /// Asks for the number of messages on each subject that `filter` matches, too. They come in
    /// pages of 100,000: see [`next`](Self::next).
    #[must_use]
    pub fn subjects(mut self, filter: impl Into<String>) -> Self {
        self.subjects_filter = filter.into();
        self
    }

    /// The call for the next page of subjects; `None` behind the last.
    #[must_use]
    pub fn next(&self, page: &PagedInfo) -> Option<Self> {
        Some(Self { offset: page.next_offset()?, ..self.clone() })
    }
}

impl ApiRequest for InfoRequest {
    type Response = PagedInfo;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("INFO", &self.stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if self.offset > 0 || self.deleted_details || !self.subjects_filter.is_empty() {
            json::write(self, out);
        }
    }

    fn decode(&self, answer: &Message) -> Result<PagedInfo, ApiError> {
        let page: PagedInfo = api::decode(answer)?;
        let received = page.info.state.subjects.len();
        page.paging.check(self.offset, received, &answer.payload)?;
        Ok(PagedInfo { info: page.info.tidy(), ..page })
    }

    fn is_read(&self) -> bool {
        true
    }
}

/// A stream with a page of its subjects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PagedInfo {
    /// Where the page lies in the whole of the subjects.
    #[serde(flatten)]
    pub paging: Paging,
    /// The stream; the subjects of the page are in its state.
    #[serde(flatten)]
    pub info: Info,
}

impl PagedInfo {
    /// The offset of the next page; `None` when this is the last one.
    #[must_use]
    pub fn next_offset(&self) -> Option<u64> {
        self.paging.next_offset(self.info.state.subjects.len())
    }
}

/// Deletes a stream with all that is in it.
#[derive(Clone, Debug)]
pub struct DeleteRequest {
    stream: StreamName,
}

impl DeleteRequest {
    /// The call for this stream.
    #[must_use]
    pub const fn new(stream: StreamName) -> Self {
        Self { stream }
    }
}

impl ApiRequest for DeleteRequest {
    type Response = DeleteStatus;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("DELETE", &self.stream)
    }

    fn decode(&self, answer: &Message) -> Result<DeleteStatus, ApiError> {
        api::decode(answer)
    }
}

/// Whether something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct DeleteStatus {
    /// Whether it was.
    pub success: bool,
}

/// What lists of streams are asked for.
#[derive(Clone, Debug, Default, Serialize)]
struct ListBody {
    #[serde(skip_serializing_if = "is_default")]
    offset: u64,
    #[serde(skip_serializing_if = "is_default")]
    subject: String,
}

impl ListBody {
    fn encode(&self, out: &mut Vec<u8>) {
        if self.offset > 0 || !self.subject.is_empty() {
            json::write(self, out);
        }
    }
}

macro_rules! list_request {
    ($(#[$meta:meta])* $name:ident, $call:literal, $item:ty) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            body: ListBody,
        }

        impl $name {
            /// The call for the first page of all streams.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            /// Only streams that have `subject` or one that it matches.
            #[must_use]
            pub fn subject_filter(mut self, subject: impl Into<String>) -> Self {
                self.body.subject = subject.into();
                self
            }

            /// The page that begins at this entry.
            #[must_use]
            pub fn offset(mut self, offset: u64) -> Self {
                self.body.offset = offset;
                self
            }

            /// The call for the page behind `page`; `None` behind the last.
            #[must_use]
            pub fn next(&self, page: &Page<$item>) -> Option<Self> {
                page.next_offset().map(|offset| self.clone().offset(offset))
            }
        }

        impl ApiRequest for $name {
            type Response = Page<$item>;

            fn subject(&self, prefix: &ApiPrefix) -> Subject {
                prefix.subject($call)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                self.body.encode(out);
            }

            fn decode(&self, answer: &Message) -> Result<Page<$item>, ApiError> {
                let page: Page<$item> = api::decode(answer)?;
                page.paging.check(self.body.offset, page.items.len(), &answer.payload)?;
                Ok(page)
            }

            fn is_read(&self) -> bool {
                true
            }
        }
    };
}

list_request! {
    /// Asks for the names of streams, 1024 a page; with a filter, for the stream that has a
    /// subject.
    NamesRequest, "STREAM.NAMES", String
}

list_request! {
    /// Asks for streams with all there is to know of them, 256 a page.
    ListRequest, "STREAM.LIST", Info
}

/// Deletes messages of a stream: all of them, unless a filter or a limit is set.
#[derive(Clone, Debug, Serialize)]
pub struct PurgeRequest {
    #[serde(skip)]
    stream: StreamName,
    #[serde(skip_serializing_if = "is_default")]
    filter: String,
    #[serde(flatten)]
    limit: Option<PurgeLimit>,
}

/// What is left of the messages. The two exclude each other.
#[derive(Clone, Copy, Debug, Serialize)]
enum PurgeLimit {
    #[serde(rename = "seq")]
    Below(u64),
    #[serde(rename = "keep")]
    Keep(u64),
}

impl PurgeRequest {
    /// The call for this stream.
    #[must_use]
    pub const fn new(stream: StreamName) -> Self {
        Self { stream, filter: String::new(), limit: None }
    }

    /// Only messages on subjects that `filter` matches. An empty one is none: all messages go.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = filter.into();
        self
    }

    /// Only messages below this sequence; in place of [`keep`](Self::keep). There are none below 0.
    #[must_use]
    pub fn sequence(mut self, sequence: u64) -> Self {
        // Servers take 0 for no limit, and delete everything.
        self.limit = Some(PurgeLimit::Below(sequence.max(1)));
        self
    }

    /// All but so many of the newest; in place of [`sequence`](Self::sequence).
    #[must_use]
    pub fn keep(mut self, keep: u64) -> Self {
        self.limit = Some(PurgeLimit::Keep(keep));
        self
    }
}

impl ApiRequest for PurgeRequest {
    type Response = PurgeResponse;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("PURGE", &self.stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if !self.filter.is_empty() || self.limit.is_some() {
            json::write(self, out);
        }
    }

    fn decode(&self, answer: &Message) -> Result<PurgeResponse, ApiError> {
        api::decode(answer)
    }
}

/// What a purge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PurgeResponse {
    /// Whether it was done.
    pub success: bool,
    /// Messages that were deleted.
    pub purged: u64,
}

/// Deletes one message of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteMessageRequest {
    #[serde(skip)]
    stream: StreamName,
    seq: u64,
    #[serde(skip_serializing_if = "is_default")]
    no_erase: bool,
}

impl DeleteMessageRequest {
    /// The call for this message, whose bytes will be overwritten.
    #[must_use]
    pub const fn new(stream: StreamName, sequence: u64) -> Self {
        Self { stream, seq: sequence, no_erase: false }
    }

    /// Only marks the message as deleted, which is much cheaper. Its bytes stay on disk until the
    /// file is compacted.
    #[must_use]
    pub fn mark_only(mut self) -> Self {
        self.no_erase = true;
        self
    }
}

impl ApiRequest for DeleteMessageRequest {
    type Response = DeleteStatus;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("MSG.DELETE", &self.stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }

    fn decode(&self, answer: &Message) -> Result<DeleteStatus, ApiError> {
        api::decode(answer)
    }
}

/// Makes the leader of a stream hand over to another server of the cluster.
#[derive(Clone, Debug, Serialize)]
pub struct LeaderStepDownRequest {
    #[serde(skip)]
    stream: StreamName,
    #[serde(skip_serializing_if = "is_default")]
    placement: Option<Placement>,
}

impl LeaderStepDownRequest {
    /// The call for this stream.
    #[must_use]
    pub const fn new(stream: StreamName) -> Self {
        Self { stream, placement: None }
    }

    /// Who should lead from then on.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = Some(placement);
        self
    }
}

impl ApiRequest for LeaderStepDownRequest {
    type Response = DeleteStatus;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("LEADER.STEPDOWN", &self.stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if self.placement.is_some() {
            json::write(self, out);
        }
    }

    fn decode(&self, answer: &Message) -> Result<DeleteStatus, ApiError> {
        api::decode(answer)
    }
}

/// Takes a stream away from one server of the cluster.
#[derive(Clone, Debug, Serialize)]
pub struct PeerRemoveRequest {
    #[serde(skip)]
    stream: StreamName,
    #[serde(skip)]
    verb: PeerVerb,
    peer: String,
}

#[derive(Clone, Copy, Debug)]
enum PeerVerb {
    Remove,
    Evacuate,
}

impl PeerRemoveRequest {
    /// Forgets the copy on this server at once, and makes another one elsewhere.
    #[must_use]
    pub fn new(stream: StreamName, peer: impl Into<String>) -> Self {
        Self { stream, verb: PeerVerb::Remove, peer: peer.into() }
    }

    /// Makes another copy first (2.15).
    #[must_use]
    pub fn evacuate(stream: StreamName, peer: impl Into<String>) -> Self {
        Self { stream, verb: PeerVerb::Evacuate, peer: peer.into() }
    }
}

impl ApiRequest for PeerRemoveRequest {
    type Response = DeleteStatus;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        let verb = match self.verb {
            PeerVerb::Remove => "PEER.REMOVE",
            PeerVerb::Evacuate => "PEER.EVACUATE",
        };
        prefix.stream(verb, &self.stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }

    fn decode(&self, answer: &Message) -> Result<DeleteStatus, ApiError> {
        api::decode(answer)
    }

    fn requirement(&self) -> Option<Requirement> {
        match self.verb {
            PeerVerb::Remove => None,
            PeerVerb::Evacuate => Some(Requirement::new("STREAM.PEER.EVACUATE", ApiLevel::V2_15)),
        }
    }
}

/// Takes back a move of a stream to other servers that is under way (2.15). The answer is the stream,
/// with the configuration that it had before.
#[derive(Clone, Debug)]
pub struct CancelMoveRequest {
    stream: StreamName,
}

impl CancelMoveRequest {
    /// The call for this stream.
    #[must_use]
    pub const fn new(stream: StreamName) -> Self {
        Self { stream }
    }
}

impl ApiRequest for CancelMoveRequest {
    type Response = Info;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("CANCEL_MOVE", &self.stream)
    }

    fn decode(&self, answer: &Message) -> Result<Info, ApiError> {
        api::decode(answer).map(Info::tidy)
    }

    fn requirement(&self) -> Option<Requirement> {
        Some(Requirement::new("STREAM.CANCEL_MOVE", ApiLevel::V2_15))
    }
}
