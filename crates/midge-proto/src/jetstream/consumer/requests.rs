//! The calls about consumers.

use super::config::Config;
use super::info::Info;
use crate::jetstream::api::{self, ApiError, ApiPrefix, ApiRequest};
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::json::{self, is_default};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::names::{ConsumerName, InvalidName, StreamName, check_priority_group};
use crate::jetstream::paging::Page;
use crate::jetstream::stream::DeleteStatus;
use crate::jetstream::timestamp::Timestamp;
use crate::jetstream::unknown;
use crate::message::Message;
use crate::subject::Subject;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize, Serializer};

/// Which consumer of which stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The stream.
    pub stream: StreamName,
    /// The consumer.
    pub consumer: ConsumerName,
}

impl Id {
    /// This consumer of this stream.
    #[must_use]
    pub const fn new(stream: StreamName, consumer: ConsumerName) -> Self {
        Self { stream, consumer }
    }

    /// The same out of two texts.
    ///
    /// # Errors
    ///
    /// When one of them is not a name.
    pub fn parse(stream: impl AsRef<str>, consumer: impl AsRef<str>) -> Result<Self, InvalidName> {
        Ok(Self::new(StreamName::new(stream)?, ConsumerName::new(consumer)?))
    }
}

/// Whether a consumer may, must or must not be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Action {
    /// It may.
    #[default]
    CreateOrUpdate,
    /// It must not, unless it is the same
    /// ([`CONSUMER_ALREADY_EXISTS`](crate::jetstream::ErrorCode::CONSUMER_ALREADY_EXISTS)).
    Create,
    /// It must
    /// ([`CONSUMER_DOES_NOT_EXIST`](crate::jetstream::ErrorCode::CONSUMER_DOES_NOT_EXIST)).
    Update,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::CreateOrUpdate => "",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// Creates a consumer, or gives it another configuration.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    stream: StreamName,
    consumer: Option<ConsumerName>,
    config: Config,
    action: Action,
    pedantic: bool,
}

impl CreateRequest {
    /// The call for a consumer of `stream`. If `config` has no name, the server chooses one.
    ///
    /// # Errors
    ///
    /// When a name, filter or group in it is none, or it has filters of both kinds.
    pub fn new(stream: StreamName, config: impl Into<Config>) -> Result<Self, InvalidConfig> {
        let mut config = config.into();
        let consumer = config.prepare()?;
        Ok(Self { stream, consumer, config, action: Action::default(), pedantic: false })
    }

    /// Whether the consumer may, must or must not be there already (2.10).
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// Makes the server refuse what it would silently adjust (2.11).
    #[must_use]
    pub fn pedantic(mut self) -> Self {
        self.pedantic = true;
        self
    }
}

impl ApiRequest for CreateRequest {
    type Response = Info;

    /// A single filter is part of the subject, so that permissions can be about it.
    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        let stream = &self.stream;
        let filter = &self.config.filter_subject;
        match &self.consumer {
            None => prefix.subject(format_args!("CONSUMER.CREATE.{stream}")),
            Some(name) if filter.is_empty() => {
                prefix.subject(format_args!("CONSUMER.CREATE.{stream}.{name}"))
            }
            Some(name) => prefix.subject(format_args!("CONSUMER.CREATE.{stream}.{name}.{filter}")),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Body<'a> {
            stream_name: &'a str,
            #[serde(serialize_with = "kept")]
            config: &'a Config,
            #[serde(skip_serializing_if = "str::is_empty")]
            action: &'static str,
            #[serde(skip_serializing_if = "is_default")]
            pedantic: bool,
        }

        fn kept<S: Serializer>(config: &&Config, serializer: S) -> Result<S::Ok, S::Error> {
            unknown::serialize(*config, serializer)
        }

        let body = Body {
            stream_name: &self.stream,
            config: &self.config,
            action: self.action.as_str(),
            pedantic: self.pedantic,
        };
        json::write(&body, out);
    }

    fn decode(&self, answer: &Message) -> Result<Info, ApiError> {
        api::decode(answer)
    }

    fn requirement(&self) -> Option<Requirement> {
        let pedantic = self.pedantic.then(|| Requirement::new("pedantic", ApiLevel::V2_11));
        Requirement::newer(self.config.requirement(), pedantic)
    }
}

macro_rules! plain_request {
    ($(#[$meta:meta])* $name:ident, $verb:literal, $response:ty, is_read: $is_read:literal) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            consumer: Id,
        }

        impl $name {
            /// The call for this consumer.
            #[must_use]
            pub const fn new(consumer: Id) -> Self {
                Self { consumer }
            }
        }

        impl ApiRequest for $name {
            type Response = $response;

            fn subject(&self, prefix: &ApiPrefix) -> Subject {
                prefix.consumer($verb, &self.consumer)
            }

            fn decode(&self, answer: &Message) -> Result<$response, ApiError> {
                api::decode(answer)
            }

            fn is_read(&self) -> bool {
                $is_read
            }
        }
    };
}

plain_request! {
    /// Asks what a consumer is and how far it is.
    InfoRequest, "INFO", Info, is_read: true
}

plain_request! {
    /// Deletes a consumer.
    DeleteRequest, "DELETE", DeleteStatus, is_read: false
}

plain_request! {
    /// Makes the leader of a consumer hand over to another server of the cluster.
    LeaderStepDownRequest, "LEADER.STEPDOWN", DeleteStatus, is_read: false
}

macro_rules! list_request {
    ($(#[$meta:meta])* $name:ident, $verb:literal, $item:ty) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Serialize)]
        pub struct $name {
            #[serde(skip)]
            stream: StreamName,
            offset: u64,
        }

        impl $name {
            /// The call for the first page of all consumers of this stream.
            #[must_use]
            pub const fn new(stream: StreamName) -> Self {
                Self { stream, offset: 0 }
            }

            /// The page that begins at this entry.
            #[must_use]
            pub fn offset(mut self, offset: u64) -> Self {
                self.offset = offset;
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
                prefix.subject(format_args!(concat!("CONSUMER.", $verb, ".{}"), self.stream))
            }

            fn encode(&self, out: &mut Vec<u8>) {
                if self.offset > 0 {
                    json::write(self, out);
                }
            }

            fn decode(&self, answer: &Message) -> Result<Page<$item>, ApiError> {
                let page: Page<$item> = api::decode(answer)?;
                page.paging.check(self.offset, page.items.len(), &answer.payload)?;
                Ok(page)
            }

            fn is_read(&self) -> bool {
                true
            }
        }
    };
}

list_request! {
    /// Asks for the names of the consumers of a stream, 1024 a page.
    NamesRequest, "NAMES", String
}

list_request! {
    /// Asks for the consumers of a stream with all there is to know of them, 256 a page.
    ListRequest, "LIST", Info
}

/// Makes a consumer rest, or go on (2.11).
#[derive(Clone, Debug, Serialize)]
pub struct PauseRequest {
    #[serde(skip)]
    consumer: Id,
    #[serde(skip_serializing_if = "is_default")]
    pause_until: Option<Timestamp>,
}

impl PauseRequest {
    /// Nothing is delivered until then; in the past, it goes on.
    #[must_use]
    pub const fn until(consumer: Id, pause_until: Timestamp) -> Self {
        Self { consumer, pause_until: Some(pause_until) }
    }

    /// It goes on at once.
    #[must_use]
    pub const fn resume(consumer: Id) -> Self {
        Self { consumer, pause_until: None }
    }
}

impl ApiRequest for PauseRequest {
    type Response = PauseResponse;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.consumer("PAUSE", &self.consumer)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if self.pause_until.is_some() {
            json::write(self, out);
        }
    }

    fn decode(&self, answer: &Message) -> Result<PauseResponse, ApiError> {
        api::decode(answer)
    }

    fn requirement(&self) -> Option<Requirement> {
        Some(Requirement::new("CONSUMER.PAUSE", ApiLevel::V2_11))
    }
}

/// Whether a consumer rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PauseResponse {
    /// Whether it does.
    pub paused: bool,
    /// Until when; `None` when it never was paused.
    #[serde(with = "json::date")]
    pub pause_until: Option<Timestamp>,
    /// For how long still.
    #[serde(with = "json::optional_nanos")]
    pub pause_remaining: Option<Duration>,
}

/// Sets a consumer back (2.14). A consumer that is not there does not answer.
#[derive(Clone, Debug, Serialize)]
pub struct ResetRequest {
    #[serde(skip)]
    consumer: Id,
    #[serde(rename = "seq", skip_serializing_if = "is_default")]
    sequence: Option<u64>,
}

impl ResetRequest {
    /// Delivers everything again that is not acknowledged.
    #[must_use]
    pub const fn new(consumer: Id) -> Self {
        Self { consumer, sequence: None }
    }

    /// Delivers everything again, or skips everything, up to this sequence of the stream. It must
    /// not lie before the start of a consumer that began at a sequence or time, and one that began
    /// elsewhere than at the first message cannot be set to a sequence.
    #[must_use]
    pub fn sequence(mut self, sequence: u64) -> Self {
        // Servers take 0 for none.
        self.sequence = Some(sequence.max(1));
        self
    }
}

impl ApiRequest for ResetRequest {
    type Response = ConsumerResetResponse;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.consumer("RESET", &self.consumer)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if self.sequence.is_some() {
            json::write(self, out);
        }
    }

    fn decode(&self, answer: &Message) -> Result<ConsumerResetResponse, ApiError> {
        api::decode(answer)
    }

    fn requirement(&self) -> Option<Requirement> {
        Some(Requirement::new("CONSUMER.RESET", ApiLevel::V2_14))
    }
}

/// A consumer that was set back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ConsumerResetResponse {
    /// The consumer.
    #[serde(flatten)]
    pub info: Info,
    /// The sequence of the stream that it delivers next.
    #[serde(default)]
    pub reset_seq: u64,
}

/// Takes the pin from the client that has it (2.11).
#[derive(Clone, Debug, Serialize)]
pub struct UnpinRequest {
    #[serde(skip)]
    consumer: Id,
    group: String,
}

impl UnpinRequest {
    /// The call for this group of this consumer.
    ///
    /// # Errors
    ///
    /// When the group is not the name of one.
    pub fn new(consumer: Id, group: impl Into<String>) -> Result<Self, InvalidName> {
        let group = group.into();
        check_priority_group(&group)?;
        Ok(Self { consumer, group })
    }
}

impl ApiRequest for UnpinRequest {
    type Response = ();

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.consumer("UNPIN", &self.consumer)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }

    fn decode(&self, answer: &Message) -> Result<(), ApiError> {
        api::check(answer)
    }

    fn requirement(&self) -> Option<Requirement> {
        Some(Requirement::new("CONSUMER.UNPIN", ApiLevel::V2_11))
    }
}

/// Takes a consumer away from one server of the cluster (2.15).
#[derive(Clone, Debug, Serialize)]
pub struct PeerRemoveRequest {
    #[serde(skip)]
    consumer: Id,
    peer: String,
}

impl PeerRemoveRequest {
    /// The call for this consumer and this server.
    #[must_use]
    pub fn new(consumer: Id, peer: impl Into<String>) -> Self {
        Self { consumer, peer: peer.into() }
    }
}

impl ApiRequest for PeerRemoveRequest {
    type Response = DeleteStatus;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.consumer("PEER.REMOVE", &self.consumer)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }

    fn decode(&self, answer: &Message) -> Result<DeleteStatus, ApiError> {
        api::decode(answer)
    }

    fn requirement(&self) -> Option<Requirement> {
        Some(Requirement::new("CONSUMER.PEER.REMOVE", ApiLevel::V2_15))
    }
}
