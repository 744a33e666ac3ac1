//! Backups of streams.

use super::config::Config;
use super::info::State;
use crate::jetstream::api::{self, ApiError, ApiPrefix, ApiRequest, MalformedAnswer};
use crate::jetstream::json::{self, is_default};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::names::StreamName;
use crate::jetstream::unknown;
use crate::message::Message;
use crate::subject::Subject;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use serde_json::value::Value;

/// Asks for a backup of a stream, sent in chunks to a subject of the caller's own.
///
/// A chunk with a reply subject has to be answered by an empty message; a shorter one without is
/// the last; an empty message ends it. Without an answer for 5 s the server gives up.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotRequest {
    #[serde(skip)]
    stream: StreamName,
    deliver_subject: Subject,
    #[serde(skip_serializing_if = "is_default")]
    no_consumers: bool,
    #[serde(skip_serializing_if = "is_default")]
    chunk_size: usize,
    #[serde(skip_serializing_if = "is_default")]
    window_size: usize,
    #[serde(rename = "jsck", skip_serializing_if = "is_default")]
    check: bool,
}

impl SnapshotRequest {
    /// The call for this stream; subscribe to `deliver_subject` first.
    #[must_use]
    pub const fn new(stream: StreamName, deliver_subject: Subject) -> Self {
        Self {
            stream,
            deliver_subject,
            no_consumers: false,
            chunk_size: 0,
            window_size: 0,
            check: false,
        }
    }

    /// Leaves the consumers out.
    #[must_use]
    pub fn without_consumers(mut self) -> Self {
        self.no_consumers = true;
        self
    }

    /// Bytes of a chunk, 1 KiB to 1 MiB; 128 KiB unless set.
    #[must_use]
    pub fn chunk_size(mut self, bytes: usize) -> Self {
        self.chunk_size = bytes;
        self
    }

    /// Bytes that may be under way without an answer, 1 KiB to 32 MiB; 8 MiB unless set (2.12).
    #[must_use]
    pub fn window_size(mut self, bytes: usize) -> Self {
        self.window_size = bytes;
        self
    }

    /// Has all messages checked first.
    #[must_use]
    pub fn check_messages(mut self) -> Self {
        self.check = true;
        self
    }
}

impl ApiRequest for SnapshotRequest {
    type Response = Snapshot;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("SNAPSHOT", &self.stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }

    fn decode(&self, answer: &Message) -> Result<Snapshot, ApiError> {
        api::decode(answer)
    }

    fn requirement(&self) -> Option<Requirement> {
        (self.window_size > 0).then(|| Requirement::new("window_size", ApiLevel::V2_12_LATE))
    }
}

/// What a backup is of; it has to be kept with the chunks.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// What the stream was to be.
    #[serde(with = "unknown")]
    pub config: Config,
    /// What was in it, as the server wrote it: restoring sends it back.
    state: Value,
}

impl Snapshot {
    /// What was in the stream; `None` if the backup does not say it readably.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        State::deserialize(&self.state).ok()
    }

    /// As JSON, to be kept beside the chunks.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        json::write(self, &mut json);
        json
    }

    /// Out of what [`to_json`](Self::to_json) made.
    ///
    /// # Errors
    ///
    /// When it is not that.
    pub fn from_json(json: &[u8]) -> Result<Self, MalformedAnswer> {
        json::read(json).map_err(|error| MalformedAnswer::new(error, json))
    }
}

/// Asks where to send a backup of a stream, which must not exist.
///
/// Each chunk then goes to [`Restore::deliver_subject`] as a request, whose answer is empty or an
/// error; an empty request ends it, and is answered as the creation of a stream.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    stream: StreamName,
    snapshot: Snapshot,
}

impl RestoreRequest {
    /// The call for this stream.
    #[must_use]
    pub fn new(stream: StreamName, mut snapshot: Snapshot) -> Self {
        snapshot.config.name = stream.as_str().into();
        Self { stream, snapshot }
    }
}

impl ApiRequest for RestoreRequest {
    type Response = Restore;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.stream("RESTORE", &self.stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        json::write(&self.snapshot, out);
    }

    fn decode(&self, answer: &Message) -> Result<Restore, ApiError> {
        api::decode(answer)
    }

    fn requirement(&self) -> Option<Requirement> {
        self.snapshot.config.requirement()
    }
}

/// Where the chunks of a backup go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Restore {
    /// The subject.
    pub deliver_subject: String,
}
