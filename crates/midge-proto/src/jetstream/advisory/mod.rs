//! What servers tell of JetStream unasked: advisories and metrics.
//!
//! They are ordinary messages under `$JS.EVENT`, in the account of the stream, and only sent while
//! somebody subscribes. [`AdvisoryFilter`] makes the subjects, [`Advisory`] reads the messages.

mod event;
mod filter;
#[cfg(test)]
mod tests;

pub use event::{
    Abandonment, AckSample, AdvisoryEvent, ApiAudit, ApiClient, ApiLimitReached, AssetAction,
    BatchAbandoned, ConsumerAction, ConsumerLeader, ConsumerPause, ConsumerPeers, GroupPinned,
    GroupUnpinned, MaxDeliveries, MessageNaked, MessageTerminated, MetaLeader, MetaRescue,
    RestoreComplete, RestoreCreate, ServerOutOfStorage, ServerRemoved, SnapshotComplete,
    SnapshotCreate, StreamAction, StreamLeader, StreamPeers,
};
pub use filter::{AdvisoryFilter, AdvisoryKind};

use super::json;
use super::timestamp::Timestamp;
use crate::message::Message;
use alloc::string::String;
use bytes::Bytes;
use serde::Deserialize;

/// What a server tells of JetStream unasked.
///
/// Reading one never fails: what this version does not know is
/// [`AdvisoryEvent::Unknown`], and [`body`](Self::body) has it as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Advisory {
    /// Its kind by its name on the wire, such as `io.nats.jetstream.advisory.v1.max_deliver`.
    pub kind: String,
    /// What tells it from all others.
    pub id: String,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The JetStream domain.
    pub domain: Option<String>,
    /// What happened.
    pub event: AdvisoryEvent,
    body: Bytes,
}

impl Advisory {
    /// Reads a message.
    #[must_use]
    pub fn read(message: &Message) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Envelope {
            #[serde(rename = "type")]
            kind: String,
            id: String,
            #[serde(with = "json::date")]
            timestamp: Option<Timestamp>,
            #[serde(deserialize_with = "json::non_empty")]
            domain: Option<String>,
        }

        let body = message.payload.clone();
        let Envelope { kind, id, timestamp, domain } = json::read(&body).unwrap_or_default();
        let event = AdvisoryEvent::read(&kind, &body);
        Self { kind, id, time: timestamp, domain, event, body }
    }

    /// The whole of it as it came, in JSON if the server is sound.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The stream it is about, if it is about one.
    #[must_use]
    pub fn stream(&self) -> Option<&str> {
        self.event.asset().0
    }

    /// The consumer it is about, if it is about one.
    #[must_use]
    pub fn consumer(&self) -> Option<&str> {
        self.event.asset().1
    }
}
