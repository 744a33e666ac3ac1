//! Configurations that no server would take.

use super::names::InvalidName;
use crate::subject::InvalidSubject;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// A configuration that no server would take, found before it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// A name is none.
    Name(InvalidName),
    /// A subject or filter is none.
    Subject(InvalidSubject),
    /// A source names both a domain and an external prefix, which say the same in two ways.
    DomainAndExternal {
        /// The stream that is the source.
        source: String,
    },
    /// A consumer has both `filter_subject` and `filter_subjects`.
    TwoKindsOfFilters,
    /// A pull has a heartbeat above half of the time it may take.
    Heartbeat {
        /// The time between two heartbeats.
        heartbeat: Duration,
        /// The time the pull may take.
        expires: Duration,
    },
    /// Pulls that are made one after the other without a time after which each is over.
    NoExpiry,
    /// Pulls that are made one after the other without a limit, of messages or of bytes, on what they
    /// may bring.
    NoLimit,
    /// The priority of a pull is above 9.
    Priority(u8),
    /// A pull names a priority group that the consumer does not have, or none where it has some.
    PriorityGroup {
        /// The group that the pull names.
        group: Option<String>,
        /// The groups of the consumer.
        groups: Vec<String>,
    },
    /// A single pull from a consumer that is pinned to one client.
    PinnedConsumer,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Subject(error) => error.fmt(f),
            Self::DomainAndExternal { source } => {
                write!(f, "source {source:?} has both a domain and an external prefix")
            }
            Self::TwoKindsOfFilters => {
                f.write_str("both filter_subject and filter_subjects are set")
            }
            Self::Heartbeat { heartbeat, expires } => write!(
                f,
                "a heartbeat of {heartbeat:?} is more than half of the {expires:?} of the pull"
            ),
            Self::PriorityGroup { group: Some(group), groups } => {
                write!(f, "priority group {group:?} is not one of the consumer's, {groups:?}")
            }
            Self::PriorityGroup { group: None, groups } => {
                write!(
                    f,
                    "the consumer has priority groups, one of which has to be named: {groups:?}"
                )
            }
            Self::NoExpiry => f.write_str("pulls of a stream need a time to expire after"),
            Self::NoLimit => {
                f.write_str("pulls of a stream need a limit of messages or of bytes, or both")
            }
            Self::PinnedConsumer => f.write_str(
                "the consumer is pinned to one client, which has to go on reading: use `stream`",
            ),
            Self::Priority(priority) => write!(f, "priority {priority} is not from 0 to 9"),
        }
    }
}

impl core::error::Error for InvalidConfig {}

impl From<InvalidName> for InvalidConfig {
    fn from(error: InvalidName) -> Self {
        Self::Name(error)
    }
}

impl From<InvalidSubject> for InvalidConfig {
    fn from(error: InvalidSubject) -> Self {
        Self::Subject(error)
    }
}
