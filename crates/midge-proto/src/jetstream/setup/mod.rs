//! Streams and consumers as they should be: what differs, what can be changed, and how.
//!
//! A [`Setup`] says what there should be. Compared with what there is it becomes a [`Plan`]: data
//! that can be printed, looked at and then carried out. Nothing here sends anything.
//!
//! ```
//! use midge_proto::jetstream::setup::StreamSetup;
//! use midge_proto::jetstream::stream::Config;
//!
//! let wanted = Config {
//!     subjects: vec!["orders.eu".into()],
//!     max_messages: 1000,
//!     ..Config::from("ORDERS")
//! };
//! let there_is = Config {
//!     subjects: vec!["orders.us".into()],
//!     description: Some("made by hand".into()),
//!     ..Config::from("ORDERS")
//! };
//! let step = StreamSetup::listed(wanted)?.merge_subjects().plan(Some(&there_is));
//! assert_eq!(
//!     step.to_string(),
//!     "stream ORDERS: update\n  \
//!        max_msgs: -1 -> 1000\n  \
//!        subjects: [\"orders.us\"] -> [\"orders.us\",\"orders.eu\"]\n",
//! );
//! # Ok::<(), midge_proto::jetstream::InvalidConfig>(())
//! ```
//!
//! # What is compared
//!
//! What the server fills in by itself is no difference: limits that are not set, names, windows, its
//! own metadata (`_nats.`), and the order of subjects and sources. With
//! [`whole`](StreamSetup::whole) a field that is left out should have its default; with
//! [`listed`](StreamSetup::listed) only fields that are set are looked at, and all others stay as
//! they are, as does each key of the metadata that is not named. Fields that midge does not know
//! always stay.

mod consumer;
mod fields;
mod plan;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use fields::{set_fields, shown};

pub use consumer::ConsumerSetup;
pub use plan::{Action, Asset, Change, Plan, Step};
pub use stream::StreamSetup;

use alloc::string::String;
use alloc::vec::Vec;

/// Streams and consumers as they should be. What is not in it is left alone.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    streams: Vec<StreamSetup>,
    consumers: Vec<(String, ConsumerSetup)>,
}

impl Setup {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stream.
    #[must_use]
    pub fn stream(mut self, stream: StreamSetup) -> Self {
        self.streams.push(stream);
        self
    }

    /// A consumer of the stream of this name.
    #[must_use]
    pub fn consumer(mut self, stream: impl Into<String>, consumer: ConsumerSetup) -> Self {
        self.consumers.push((stream.into(), consumer));
        self
    }

    /// The streams, in the order in which they were added; they come before all consumers.
    #[must_use]
    pub fn streams(&self) -> &[StreamSetup] {
        &self.streams
    }

    /// The consumers with the names of their streams, in the order in which they were added.
    #[must_use]
    pub fn consumers(&self) -> &[(String, ConsumerSetup)] {
        &self.consumers
    }
}
