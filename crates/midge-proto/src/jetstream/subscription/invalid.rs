//! Subscriptions that cannot be made as they were asked for.

use super::Way;
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::setup::Change;
use crate::subject::InvalidSubject;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A subscription to a stream cannot be made as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSubscription {
    /// There is neither a subject nor a stream.
    Nowhere,
    /// The subject, or a part of the configuration, is none.
    Invalid(InvalidConfig),
    /// No stream has the subject.
    NoStream {
        /// The subject.
        subject: String,
    },
    /// More than one stream has messages of the subject; one of them has to be named.
    SeveralStreams {
        /// The subject.
        subject: String,
        /// The streams.
        streams: Vec<String>,
    },
    /// An option means nothing for a subscription of this kind.
    Option {
        /// The option, by its name on the wire.
        option: &'static str,
        /// Its value.
        value: String,
        /// The kind of subscription.
        way: Way,
    },
    /// Two options contradict each other.
    Options {
        /// The one, by its name on the wire.
        one: &'static str,
        /// Its value.
        one_value: String,
        /// The other one.
        other: &'static str,
        /// Its value.
        other_value: String,
    },
    /// The consumer pushes, and was to be pulled from.
    Pushing {
        /// The consumer.
        consumer: String,
        /// Where it pushes to.
        deliver_subject: String,
    },
    /// The consumer is pulled from, and was to push.
    NotPushing {
        /// The consumer.
        consumer: String,
    },
    /// The consumer has another queue group, or none, or one where none was named.
    QueueGroup {
        /// The consumer.
        consumer: String,
        /// The group that was asked for.
        asked: Option<String>,
        /// The group it has.
        found: Option<String>,
    },
    /// Somebody is subscribed to what the consumer pushes; without a queue group it has one reader.
    AlreadyBound {
        /// The consumer.
        consumer: String,
    },
    /// The consumer delivers other subjects, too or alone.
    Filter {
        /// The consumer.
        consumer: String,
        /// The subject that was asked for.
        subject: String,
        /// The subjects that it delivers; none are all of its stream.
        filters: Vec<String>,
    },
    /// The consumer is not configured as the options say.
    Config {
        /// The consumer.
        consumer: String,
        /// What differs: what is, and what was asked for.
        changes: Vec<Change>,
    },
}

impl fmt::Display for InvalidSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("a subscription needs a subject or a stream"),
            Self::Invalid(error) => error.fmt(f),
            Self::NoStream { subject } => write!(f, "no stream has subject {subject:?}"),
            Self::SeveralStreams { subject, streams } => {
                write!(f, "several streams have subject {subject:?}, name one of them: {streams:?}")
            }
            Self::Option { option, value, way } => {
                write!(f, "option {option} ({value}) is none of {way} subscriptions")
            }
            Self::Options { one, one_value, other, other_value } => {
                write!(f, "option {one} ({one_value}) contradicts {other} ({other_value})")
            }
            Self::Pushing { consumer, deliver_subject } => write!(
                f,
                "consumer {consumer:?} pushes to {deliver_subject:?} and cannot be pulled from"
            ),
            Self::NotPushing { consumer } => {
                write!(f, "consumer {consumer:?} has no deliver subject and has to be pulled from")
            }
            Self::QueueGroup { consumer, asked, found } => {
                write!(f, "consumer {consumer:?} ")?;
                group(f, "has", found.as_deref())?;
                group(f, ", asked for was", asked.as_deref())
            }
            Self::AlreadyBound { consumer } => {
                write!(f, "consumer {consumer:?} has a reader, and no queue group to share in")
            }
            Self::Filter { consumer, subject, filters } if filters.is_empty() => write!(
                f,
                "consumer {consumer:?} delivers all of its stream and not only {subject:?}; with an \
                 empty subject it can be read"
            ),
            Self::Filter { consumer, subject, filters } => {
                write!(f, "consumer {consumer:?} delivers {filters:?} and not {subject:?}")
            }
            Self::Config { consumer, changes } => {
                write!(f, "consumer {consumer:?} is not as the options say")?;
                changes.iter().enumerate().try_for_each(|(index, change)| {
                    let mark = if index == 0 { ": " } else { "; " };
                    write!(f, "{mark}{change}")
                })
            }
        }
    }
}

fn group(f: &mut fmt::Formatter<'_>, verb: &str, group: Option<&str>) -> fmt::Result {
    match group {
        Some(group) => write!(f, "{verb} queue group {group:?}"),
        None => write!(f, "{verb} no queue group"),
    }
}

impl core::error::Error for InvalidSubscription {}

impl From<InvalidConfig> for InvalidSubscription {
    fn from(error: InvalidConfig) -> Self {
        Self::Invalid(error)
    }
}

impl From<InvalidSubject> for InvalidSubscription {
    fn from(error: InvalidSubject) -> Self {
        Self::Invalid(error.into())
    }
}
