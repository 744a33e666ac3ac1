//! Streams as they should be.

use super::fields::{self, Owned, Rules, is_taken_back};
use super::plan::{Action, Asset, Step};
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::stream::{
    Compression, Config, DiscardPolicy, PersistenceMode, RetentionPolicy,
};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use serde_json::Value;

/// How long servers remember message ids unless told otherwise.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// A stream as it should be.
#[derive(Clone, Debug)]
pub struct StreamSetup {
    config: Config,
    owned: Owned,
    merge_subjects: bool,
}

impl StreamSetup {
    /// The stream should be just this: what is left out has its default.
    ///
    /// # Errors
    ///
    /// When a name or subject in it is none, or a source has both a domain and an external prefix.
    pub fn whole(config: impl Into<Config>) -> Result<Self, InvalidConfig> {
        Self::new(config.into(), |_| Owned::Whole)
    }

    /// The fields that are set should be like this; all others stay as they are.
    ///
    /// # Errors
    ///
    /// As [`whole`](Self::whole).
    pub fn listed(config: impl Into<Config>) -> Result<Self, InvalidConfig> {
        Self::new(config.into(), Owned::set_in)
    }

    fn new(mut config: Config, owned: impl Fn(&Config) -> Owned) -> Result<Self, InvalidConfig> {
        config.prepare()?;
        let owned = owned(&config);
        Ok(Self { config, owned, merge_subjects: false })
    }

    /// With [`listed`](Self::listed): these fields, by their names on the wire, should be as in the
    /// configuration, too, although that is their default.
    #[must_use]
    pub fn owns(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.owned.add(fields);
        self
    }

    /// Subjects that the stream has besides stay.
    #[must_use]
    pub fn merge_subjects(mut self) -> Self {
        self.merge_subjects = true;
        self
    }

    /// The name of the stream.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What has to be done if the stream is like this, or not there.
    #[must_use]
    pub fn plan(&self, actual: Option<&Config>) -> Step {
        let asset = Asset::Stream { name: self.config.name.clone() };
        let Some(actual) = actual else {
            let create = Action::CreateStream(Box::new(self.config.clone()));
            return Step::new(asset, create, Vec::new());
        };
        let mut wanted = self.config.clone();
        if self.merge_subjects {
            let more = wanted.subjects.iter().filter(|it| !actual.subjects.contains(it));
            wanted.subjects = actual.subjects.iter().chain(more).cloned().collect();
        }
        let (changes, merged) = fields::compare(&StreamRules, &wanted, actual, &self.owned);
        let action = match merged {
            Some(config) if !changes.is_empty() => Action::UpdateStream(Box::new(config)),
            Some(_) | None => Action::Nothing,
        };
        Step::new(asset, action, changes)
    }
}

struct StreamRules;

impl Rules for StreamRules {
    type Config = Config;

    fn filled(&self, config: &Config) -> Config {
        let mut filled = config.clone();
        let config = &mut filled;
        config.sources = config.sources.take().filter(|sources| !sources.is_empty());
        let copies = config.mirror.is_some() || config.sources.is_some();
        if config.subjects.is_empty() && !copies {
            config.subjects = vec![config.name.to_string()];
        }
        for limit in
            [&mut config.max_messages, &mut config.max_bytes, &mut config.max_messages_per_subject]
        {
            unlimited(limit);
        }
        unlimited(&mut config.max_consumers);
        unlimited(&mut config.max_message_size);
        config.num_replicas = config.num_replicas.max(1);
        if config.duplicate_window.is_zero() && !copies {
            let age = Some(config.max_age).filter(|age| !age.is_zero());
            config.duplicate_window = age.map_or(DUPLICATE_WINDOW, |age| age.min(DUPLICATE_WINDOW));
        }
        config.compression.get_or_insert(Compression::None);
        config.consumer_limits.get_or_insert_with(Default::default);
        config.persist_mode = config.persist_mode.filter(|mode| *mode != PersistenceMode::Default);
        config.first_sequence = config.first_sequence.filter(|first| *first > 0);
        config.subject_delete_marker_ttl =
            config.subject_delete_marker_ttl.filter(|ttl| !ttl.is_zero());
        let markers = config.subject_delete_marker_ttl.is_some();
        config.allow_message_ttl |= markers;
        config.allow_rollup |= markers || config.allow_message_schedules;
        if config.sealed {
            config.discard = DiscardPolicy::New;
            config.max_age = Duration::ZERO;
            (config.deny_delete, config.deny_purge, config.allow_rollup) = (true, true, false);
        }
        if let Some(republish) = config.republish.as_mut().filter(|it| it.source.is_empty()) {
            republish.source = ">".into();
        }
        if let Some(placement) = &mut config.placement {
            placement.preferred = None;
        }
        config.placement = config.placement.take().filter(|it| *it != Default::default());
        // Servers make it what the origin says.
        config.mirror_direct &= config.mirror.is_none();
        filled
    }

    fn obstacle(
        &self,
        field: &str,
        from: Option<&Value>,
        to: Option<&Value>,
    ) -> Option<&'static str> {
        let work_queue = Value::from(RetentionPolicy::WorkQueue.as_str());
        match field {
            "storage" => Some("messages do not move between files and memory"),
            "retention" if from == Some(&work_queue) || to == Some(&work_queue) => {
                Some("a stream does not become a work queue, nor stop being one")
            }
            "mirror" if to.is_some() => Some("a mirror can only be taken away"),
            "sealed" if is_taken_back(from, to) => Some("a sealed stream stays sealed"),
            "deny_delete" | "deny_purge" | "allow_msg_ttl" | "allow_msg_schedules"
                if is_taken_back(from, to) =>
            {
                Some("it is for ever")
            }
            "allow_msg_counter" | "persist_mode" => Some("it is chosen when the stream is created"),
            _ => None,
        }
    }
}

fn unlimited<N: Default + PartialEq + From<i8>>(limit: &mut N) {
    if *limit == N::default() {
        *limit = N::from(-1);
    }
}
