//! Consumers as they should be.

use super::fields::{self, Owned, Rules};
use super::plan::{Action, Asset, Step};
use crate::jetstream::consumer::{AckPolicy, Config, PriorityPolicy};
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::names::{ConsumerName, InvalidName, NameFault, Named};
use crate::jetstream::stream::ConsumerLimits;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde_json::Value;

/// How long a message waits for its acknowledgement unless something else is set.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// How many messages may wait for an acknowledgement unless something else is set.
const MAX_ACK_PENDING: i64 = 1000;

/// How many pulls may wait unless something else is set.
const MAX_WAITING: i64 = 512;

/// How long a consumer that is not durable stays without users unless something else is set.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(5);

/// How long a client stays pinned without a pull unless something else is set.
const PRIORITY_TIMEOUT: Duration = Duration::from_secs(120);

/// Fields that mean something together.
const TOGETHER: [&[&str]; 2] = [
    &["filter_subject", "filter_subjects"],
    &["deliver_policy", "opt_start_seq", "opt_start_time"],
];

/// Between which heartbeats a consumer that is acknowledged by flow control says that it is there.
const FLOW_CONTROL_HEARTBEAT: Duration = Duration::from_secs(1);

/// A consumer as it should be.
#[derive(Clone, Debug)]
pub struct ConsumerSetup {
    name: ConsumerName,
    config: Config,
    owned: Owned,
}

impl ConsumerSetup {
    /// The consumer should be just this: what is left out has its default.
    ///
    /// # Errors
    ///
    /// When it has no name, a name, filter or group in it is none, or it has filters of both kinds.
    pub fn whole(config: impl Into<Config>) -> Result<Self, InvalidConfig> {
        Self::new(config.into(), |_| Owned::Whole)
    }

    /// The fields that are set should be like this; all others stay as they are.
    ///
    /// # Errors
    ///
    /// As [`whole`](Self::whole).
    pub fn listed(config: impl Into<Config>) -> Result<Self, InvalidConfig> {
        Self::new(config.into(), |config| {
            let mut owned = Owned::set_in(config);
            // These fields are one value.
            for together in TOGETHER {
                owned.add_together(together);
            }
            owned
        })
    }

    fn new(mut config: Config, owned: impl Fn(&Config) -> Owned) -> Result<Self, InvalidConfig> {
        let Some(name) = config.prepare()? else {
            return Err(InvalidName::new(Named::Consumer, NameFault::Empty, "").into());
        };
        let owned = owned(&config);
        Ok(Self { name, config, owned })
    }

    /// With [`listed`](Self::listed): these fields, by their names on the wire, should be as in the
    /// configuration, too, although that is their default.
    #[must_use]
    pub fn owns(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.owned.add(fields);
        self
    }

    /// The name of the consumer.
    #[must_use]
    pub const fn name(&self) -> &ConsumerName {
        &self.name
    }

    /// What has to be done if the consumer of this stream is like this, or not there. The limits of
    /// the stream for its consumers are their defaults, too.
    #[must_use]
    pub fn plan(
        &self,
        stream: &str,
        actual: Option<&Config>,
        limits: Option<&ConsumerLimits>,
    ) -> Step {
        let asset = Asset::Consumer { stream: stream.into(), name: self.name.as_str().into() };
        let Some(actual) = actual else {
            let create = Action::CreateConsumer(Box::new(self.config.clone()));
            return Step::new(asset, create, Vec::new());
        };
        let rules = ConsumerRules { limits: limits.cloned().unwrap_or_default() };
        let (changes, merged) = fields::compare(&rules, &self.config, actual, &self.owned);
        let action = match merged {
            Some(config) if !changes.is_empty() => Action::UpdateConsumer(Box::new(config)),
            Some(_) | None => Action::Nothing,
        };
        Step::new(asset, action, changes)
    }
}

struct ConsumerRules {
    limits: ConsumerLimits,
}

impl Rules for ConsumerRules {
    type Config = Config;

    fn filled(&self, config: &Config) -> Config {
        let mut filled = config.clone();
        let config = &mut filled;
        config.name = config.durable_name.clone().or_else(|| config.name.take());
        if let [filter] = &mut config.filter_subjects[..] {
            config.filter_subject = core::mem::take(filter);
            config.filter_subjects.clear();
        }
        or(&mut config.max_ack_pending, self.limits.max_ack_pending);
        let acknowledged = matches!(config.ack_policy, AckPolicy::Explicit | AckPolicy::All);
        if acknowledged {
            let first = config.backoff.first();
            let wait = Some(config.ack_wait).filter(|wait| !wait.is_zero());
            config.ack_wait = first.copied().or(wait).unwrap_or(ACK_WAIT);
            or(&mut config.max_ack_pending, MAX_ACK_PENDING);
        }
        if config.ack_policy == AckPolicy::FlowControl {
            or(&mut config.idle_heartbeat, FLOW_CONTROL_HEARTBEAT);
        }
        or(&mut config.max_deliver, -1);
        if config.deliver_subject.is_none() {
            or(&mut config.max_waiting, MAX_WAITING);
        }
        or(&mut config.inactive_threshold, self.limits.inactive_threshold);
        if config.durable_name.is_none() {
            or(&mut config.inactive_threshold, INACTIVE_THRESHOLD);
        }
        if config.priority_policy == PriorityPolicy::PinnedClient {
            or(&mut config.priority_timeout, PRIORITY_TIMEOUT);
        }
        // It counts only at creation; later there is a call of its own.
        config.pause_until = None;
        filled
    }

    fn obstacle(
        &self,
        field: &str,
        from: Option<&Value>,
        to: Option<&Value>,
    ) -> Option<&'static str> {
        match field {
            "deliver_policy" | "opt_start_seq" | "opt_start_time" => {
                Some("where a consumer begins is chosen when it is created")
            }
            "ack_policy" | "replay_policy" | "flow_control" | "idle_heartbeat" | "max_waiting"
            | "mem_storage" => Some("it is chosen when the consumer is created"),
            "deliver_subject" if from.is_none() || to.is_none() => {
                Some("a consumer is pulled from or pushes from its creation on")
            }
            _ => None,
        }
    }
}

fn or<T: Default + PartialEq>(value: &mut T, default: T) {
    if *value == T::default() {
        *value = default;
    }
}
