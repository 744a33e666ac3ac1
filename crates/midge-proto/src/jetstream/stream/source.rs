//! Where the messages of a stream come from and go to, and under which subjects.

use crate::jetstream::api::domain_prefix;
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::json::{self, is_default, nullable};
use crate::jetstream::level::{ApiLevel, Requirement};
use crate::jetstream::names::{StreamName, check_domain};
use crate::jetstream::timestamp::Timestamp;
use crate::jetstream::unknown::UnknownFields;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The stream that another one mirrors or takes messages from.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The name of the stream.
    pub name: String,
    /// The first sequence to take; the beginning if there is none.
    #[serde(rename = "opt_start_seq", skip_serializing_if = "is_default")]
    pub start_sequence: Option<u64>,
    /// The time of the first message to take.
    #[serde(rename = "opt_start_time", skip_serializing_if = "is_default", with = "json::date")]
    pub start_time: Option<Timestamp>,
    /// Which subjects to take; not with `subject_transforms`.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "json::non_empty")]
    pub filter_subject: Option<String>,
    /// How to reach the stream if it is in another account or domain.
    #[serde(skip_serializing_if = "is_default")]
    pub external: Option<External>,
    /// The JetStream domain of the stream. It is sent as [`external`](Self::external) and comes
    /// back as that.
    #[serde(skip)]
    pub domain: Option<String>,
    /// Which subjects to take, and under which ones to store them.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "nullable")]
    pub subject_transforms: Vec<SubjectTransform>,
    /// A durable consumer of the stream that messages are taken through (2.14).
    #[serde(skip_serializing_if = "is_default")]
    pub consumer: Option<StreamConsumerSource>,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

impl Source {
    /// A stream by its name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub(super) fn resolve_domain(&mut self) -> Result<(), InvalidConfig> {
        StreamName::new(&self.name)?;
        let Some(domain) = &self.domain else { return Ok(()) };
        check_domain(domain)?;
        if self.external.is_some() {
            return Err(InvalidConfig::DomainAndExternal { source: self.name.clone() });
        }
        let api_prefix = domain_prefix(domain);
        self.external = Some(External { api_prefix, ..External::default() });
        self.domain = None;
        Ok(())
    }

    pub(super) fn requirement(&self) -> Option<Requirement> {
        self.consumer.is_some().then(|| Requirement::new("consumer", ApiLevel::V2_14))
    }
}

/// How to reach a stream in another account or domain.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct External {
    /// The prefix under which its API was imported.
    #[serde(rename = "api")]
    pub api_prefix: String,
    /// The prefix under which its messages are delivered.
    #[serde(
        rename = "deliver",
        skip_serializing_if = "is_default",
        deserialize_with = "json::non_empty"
    )]
    pub delivery_prefix: Option<String>,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

/// A durable consumer that a stream takes messages through (2.14).
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamConsumerSource {
    /// The name of the consumer.
    pub name: String,
    /// The subject it delivers to.
    pub deliver_subject: String,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

impl StreamConsumerSource {
    /// A consumer and the subject it delivers to.
    pub fn new(name: impl Into<String>, deliver_subject: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            deliver_subject: deliver_subject.into(),
            unknown: UnknownFields::default(),
        }
    }
}

/// A rule that turns one subject into another.
///
/// Destinations refer to the wildcards of the source: `{{wildcard(1)}}`, `{{partition(3,1)}}`,
/// `{{split(1,-)}}` and their like.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectTransform {
    /// Which subjects it is about.
    #[serde(rename = "src")]
    pub source: String,
    /// What they become. Empty, in a source or mirror: what they were.
    #[serde(rename = "dest")]
    pub destination: String,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

impl SubjectTransform {
    /// A rule that turns `source` into `destination`.
    pub fn new(source: impl Into<String>, destination: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            destination: destination.into(),
            unknown: UnknownFields::default(),
        }
    }
}

/// Where stored messages are published again.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Republish {
    /// Which subjects; empty means all.
    #[serde(rename = "src", skip_serializing_if = "is_default")]
    pub source: String,
    /// The subject to publish to.
    #[serde(rename = "dest")]
    pub destination: String,
    /// Whether payloads are left out.
    #[serde(skip_serializing_if = "is_default")]
    pub headers_only: bool,
    /// Fields of a newer server, sent back as they came.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}
