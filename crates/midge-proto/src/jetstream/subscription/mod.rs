//! Subscriptions to what streams keep: a subject, and the stream and consumer that bring its
//! messages.
//!
//! Whoever subscribes says what it wants ([`SubscriptionOptions`]); this tells which stream and
//! consumer that is, whether one that is there will do, and which one has to be created. Nothing
//! here sends anything.
//!
//! ```
//! use midge_proto::jetstream::consumer::{Config, Info};
//! use midge_proto::jetstream::subscription::{SubscriptionOptions, Way};
//!
//! let options = SubscriptionOptions::new("orders.*").queue_group("billing");
//! options.check(Way::Push)?;
//! assert_eq!(options.stream_of(vec!["ORDERS".into()])?, "ORDERS");
//! assert_eq!(options.consumer(), Some("billing"));
//! let created = options.to_create(Way::Push, "_INBOX.1");
//! assert_eq!(created.durable_name.as_deref(), Some("billing"));
//!
//! let there_is = Info {
//!     name: "billing".into(),
//!     config: Config { deliver_subject: Some("d".into()), ..created },
//!     ..Info::default()
//! };
//! options.check_consumer(Way::Push, &there_is, None)?;
//! let error = options.check_consumer(Way::Pull, &there_is, None).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "consumer \"billing\" pushes to \"d\" and cannot be pulled from",
//! );
//! # Ok::<(), midge_proto::jetstream::subscription::InvalidSubscription>(())
//! ```

mod invalid;
#[cfg(test)]
mod tests;

pub use invalid::InvalidSubscription;

use super::consumer::{AckPolicy, Config, Info};
use super::setup::{ConsumerSetup, set_fields, shown};
use super::stream;
use crate::subject::Subject;
use crate::subject_algebra::is_subset;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// How the messages of a subscription come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// A consumer pushes them.
    Push,
    /// They are pulled.
    Pull,
    /// In order and each once, by consumers that are made anew whenever that is needed.
    Ordered,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push => "pushed",
            Self::Pull => "pulled",
            Self::Ordered => "ordered",
        })
    }
}

/// Fields that only a consumer that pushes has.
const PUSH_ONLY: [&str; 5] =
    ["deliver_subject", "deliver_group", "flow_control", "idle_heartbeat", "rate_limit_bps"];

/// Fields that only a consumer that is pulled from has.
const PULL_ONLY: [&str; 7] = [
    "max_waiting",
    "max_batch",
    "max_bytes",
    "max_expires",
    "priority_policy",
    "priority_groups",
    "priority_timeout",
];

/// Fields of an ordered consumer that are what they are: it has no state that stays, and needs no
/// acknowledgements.
const NOT_ORDERED: [&str; 12] = [
    "durable_name",
    "name",
    "deliver_group",
    "deliver_subject",
    "ack_policy",
    "ack_wait",
    "backoff",
    "max_deliver",
    "max_ack_pending",
    "num_replicas",
    "mem_storage",
    "pause_until",
];

/// Fields that say how acknowledgements are waited for.
const ACKNOWLEDGED: [&str; 3] = ["ack_wait", "backoff", "max_ack_pending"];

/// Fields that would be seen by one member of a queue group alone: the server says them once.
const FOR_ONE: [&str; 2] = ["flow_control", "idle_heartbeat"];

/// The heartbeat of a consumer with flow control, which needs one, where none was set: as that of
/// ordered consumers (ADR-17).
const FLOW_CONTROL_HEARTBEAT: Duration = Duration::from_secs(5);

/// What a subscription is to be.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SubscriptionOptions {
    subject: String,
    stream: Option<String>,
    /// A consumer that has to be there.
    bound: Option<String>,
    config: Config,
    /// Fields that were set, be it to their default.
    said: BTreeSet<&'static str>,
    ending: Ending,
}

/// What becomes of a consumer that was created for a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Ending {
    /// It goes with the subscription.
    #[default]
    Deleted,
    Kept,
}

impl SubscriptionOptions {
    /// Messages of a subject, which may have wildcards; all messages of the stream if it is empty.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..Self::default() }
    }

    /// The stream, which is otherwise found by the subject.
    #[must_use]
    pub fn stream(mut self, stream: impl Into<String>) -> Self {
        self.stream = Some(stream.into());
        self
    }

    /// A consumer that is there.
    #[must_use]
    pub fn bind(mut self, stream: impl Into<String>, consumer: impl Into<String>) -> Self {
        self.stream = Some(stream.into());
        self.bound = Some(consumer.into());
        self
    }

    /// The group whose members share the messages.
    #[must_use]
    pub fn queue_group(self, group: impl Into<String>) -> Self {
        let group = group.into();
        self.set("deliver_group", |config| config.deliver_group = Some(group))
    }

    /// Sets a field of the consumer, by its name on the wire.
    #[must_use]
    pub fn set(mut self, field: &'static str, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self.said.insert(field);
        self
    }

    /// Sets any fields of the consumer.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Leaves the consumer where it is when the subscription ends, also if it was created for it.
    #[must_use]
    pub const fn keep_consumer(mut self) -> Self {
        self.ending = Ending::Kept;
        self
    }

    /// Whether the consumer stays when the subscription ends, also if it was created for it.
    #[must_use]
    pub const fn keeps_consumer(&self) -> bool {
        matches!(self.ending, Ending::Kept)
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The stream, if it is said.
    #[must_use]
    pub fn stream_name(&self) -> Option<&str> {
        self.stream.as_deref()
    }

    /// The consumer by its name, if it has one before it is created: the one that has to be there,
    /// or the durable name, or the name, or that of the queue group.
    #[must_use]
    pub fn consumer(&self) -> Option<&str> {
        let Config { durable_name, name, deliver_group, .. } = &self.config;
        let named = [&self.bound, durable_name, name, deliver_group];
        named.into_iter().flatten().next().map(String::as_str)
    }

    /// Whether the consumer has to be there.
    #[must_use]
    pub const fn is_bound(&self) -> bool {
        self.bound.is_some()
    }

    fn has(&self, set: &BTreeSet<String>, field: &str) -> bool {
        self.said.contains(field) || set.contains(field)
    }

    /// Checks that the options make sense for a subscription of this kind, and together.
    ///
    /// # Errors
    ///
    /// See [`InvalidSubscription`].
    pub fn check(&self, way: Way) -> Result<(), InvalidSubscription> {
        if self.subject.is_empty() {
            if self.stream.is_none() {
                return Err(InvalidSubscription::Nowhere);
            }
        } else {
            Subject::from(self.subject.as_str()).check_subscribe()?;
        }
        let set = set_fields(&self.config);
        let value = |field: &str| shown(&self.config, field);
        let (never, neither): (&[&'static str], &[&'static str]) = match way {
            Way::Push => (&PULL_ONLY, &[]),
            Way::Pull => (&PUSH_ONLY, &[]),
            Way::Ordered => (&PULL_ONLY, &NOT_ORDERED),
        };
        if let Some(option) = never.iter().chain(neither).find(|field| self.has(&set, field)) {
            return Err(InvalidSubscription::Option { option, value: value(option), way });
        }
        if let (Way::Ordered, Some(consumer)) = (way, &self.bound) {
            return Err(InvalidSubscription::Option {
                option: "bind",
                value: quoted(consumer),
                way,
            });
        }
        // Each of its consumers goes, and none of them has a name to come back to.
        if way == Way::Ordered && self.keeps_consumer() {
            return Err(InvalidSubscription::Option {
                option: "keep_consumer",
                value: "true".to_owned(),
                way,
            });
        }
        let clash = |one: &'static str, one_value, other: &&'static str| {
            let other_value = value(other);
            Err(InvalidSubscription::Options { one, one_value, other, other_value })
        };
        let either = |fields: &[&'static str]| fields.iter().copied().find(|f| self.has(&set, f));
        if self.config.ack_policy == AckPolicy::None
            && let Some(other) = either(&ACKNOWLEDGED)
        {
            return clash("ack_policy", value("ack_policy"), &other);
        }
        if self.config.deliver_group.is_some()
            && let Some(other) = either(&FOR_ONE)
        {
            return clash("deliver_group", value("deliver_group"), &other);
        }
        if let Some(bound) = &self.bound {
            let Config { durable_name, name, .. } = &self.config;
            for (field, other) in [("durable_name", durable_name), ("name", name)] {
                if other.as_ref().is_some_and(|other| other != bound) {
                    return clash("bind", quoted(bound), &field);
                }
            }
        }
        if !self.subject.is_empty() {
            let Config { filter_subject, filter_subjects, .. } = &self.config;
            let another = !filter_subject.is_empty() && *filter_subject != self.subject;
            let filters =
                [("filter_subject", another), ("filter_subjects", !filter_subjects.is_empty())];
            if let Some((field, _)) = filters.iter().find(|(_, clashes)| *clashes) {
                return clash("subject", quoted(&self.subject), field);
            }
        }
        Ok(())
    }

    /// The stream, out of those that have the subject.
    ///
    /// # Errors
    ///
    /// When it is not exactly one.
    pub fn stream_of(&self, mut streams: Vec<String>) -> Result<String, InvalidSubscription> {
        let subject = self.subject.clone();
        match (streams.pop(), streams.is_empty()) {
            (None, _) => Err(InvalidSubscription::NoStream { subject }),
            (Some(stream), true) => Ok(stream),
            (Some(stream), false) => {
                streams.push(stream);
                Err(InvalidSubscription::SeveralStreams { subject, streams })
            }
        }
    }

    /// Whether only the stream tells if the consumer delivers the subject and nothing else: it has no
    /// filter, and not everything was asked for.
    #[must_use]
    pub fn wants_stream(&self, info: &Info) -> bool {
        !self.subject.is_empty() && self.subject != EVERYTHING && filters(&info.config).is_empty()
    }

    /// Checks that a consumer that is there is the one that is wanted.
    ///
    /// One without a filter delivers all of its `stream`, which has to be known then and to have
    /// nothing but the subject; see [`wants_stream`](Self::wants_stream).
    ///
    /// # Errors
    ///
    /// When it is of another kind, has another queue group or filter, is read by somebody else, or is
    /// not configured as the options say.
    pub fn check_consumer(
        &self,
        way: Way,
        info: &Info,
        stream: Option<&stream::Config>,
    ) -> Result<(), InvalidSubscription> {
        let (consumer, there_is) = (|| info.name.clone(), &info.config);
        match (way, &there_is.deliver_subject) {
            (Way::Push, None) => {
                return Err(InvalidSubscription::NotPushing { consumer: consumer() });
            }
            (Way::Pull | Way::Ordered, Some(deliver_subject)) => {
                let deliver_subject = deliver_subject.clone();
                return Err(InvalidSubscription::Pushing { consumer: consumer(), deliver_subject });
            }
            (Way::Push, Some(_)) | (Way::Pull | Way::Ordered, None) => {}
        }
        if self.config.deliver_group != there_is.deliver_group {
            let (asked, found) =
                (self.config.deliver_group.clone(), there_is.deliver_group.clone());
            return Err(InvalidSubscription::QueueGroup { consumer: consumer(), asked, found });
        }
        // Members of a group share what others are subscribed to as well.
        if info.push_bound && there_is.deliver_group.is_none() {
            return Err(InvalidSubscription::AlreadyBound { consumer: consumer() });
        }
        let filters = filters(there_is);
        let delivers_subject = if filters.is_empty() {
            !self.wants_stream(info)
                || stream.is_some_and(|stream| is_within(stream, &self.subject))
        } else {
            self.subject.is_empty() || *filters == [self.subject.as_str()]
        };
        if !delivers_subject {
            return Err(InvalidSubscription::Filter {
                consumer: consumer(),
                subject: self.subject.clone(),
                filters: filters.into_iter().map(ToOwned::to_owned).collect(),
            });
        }
        let wanted = Config { name: Some(info.name.clone()), ..self.config.clone() };
        let setup = ConsumerSetup::listed(wanted)?.owns(self.said.iter().copied());
        let changes = setup.plan(&info.stream_name, Some(there_is), None).changes().to_vec();
        if changes.is_empty() {
            return Ok(());
        }
        Err(InvalidSubscription::Config { consumer: consumer(), changes })
    }

    /// The consumer to be created if there is none; one that pushes does so to `inbox`, unless
    /// something else was set.
    #[must_use]
    pub fn to_create(&self, way: Way, inbox: &str) -> Config {
        let mut config = self.config.clone();
        if !self.subject.is_empty() {
            config.filter_subject.clone_from(&self.subject);
        }
        match way {
            Way::Push => {
                if config.durable_name.is_none() && config.name.is_none() {
                    config.durable_name.clone_from(&config.deliver_group);
                }
                config.deliver_subject.get_or_insert_with(|| inbox.to_owned());
                if config.flow_control && config.idle_heartbeat.is_zero() {
                    config.idle_heartbeat = FLOW_CONTROL_HEARTBEAT;
                }
            }
            Way::Ordered => config.deliver_subject = Some(inbox.to_owned()),
            Way::Pull => {}
        }
        config
    }
}

/// The subject that matches all others.
const EVERYTHING: &str = ">";

/// Whether a stream is known to take no messages of other subjects: those that it takes from other
/// streams, or stores under another subject, may have any.
fn is_within(stream: &stream::Config, subject: &str) -> bool {
    stream.mirror.is_none()
        && stream.sources.as_ref().is_none_or(Vec::is_empty)
        && stream.subject_transform.is_none()
        && !stream.subjects.is_empty()
        && stream.subjects.iter().all(|stored| is_subset(stored, subject))
}

fn quoted(text: &str) -> String {
    alloc::format!("{text:?}")
}

fn filters(config: &Config) -> Vec<&str> {
    if config.filter_subject.is_empty() {
        config.filter_subjects.iter().map(String::as_str).collect()
    } else {
        alloc::vec![config.filter_subject.as_str()]
    }
}
