//! Configurations as fields: which of them differ, and what becomes of them.

use super::plan::{Change, show};
use crate::jetstream::unknown::{self, Keeping};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// What the server keeps in the metadata for itself.
const SERVER_METADATA: &str = "_nats.";

const METADATA: &str = "metadata";

/// Which fields are somebody's business.
#[derive(Clone, Debug)]
pub(super) enum Owned {
    /// All.
    Whole,
    /// These, by their names on the wire.
    Listed(BTreeSet<String>),
}

impl Owned {
    /// The fields that `config` sets.
    pub(super) fn set_in<C: Keeping + Default>(config: &C) -> Self {
        Self::Listed(set_fields(config))
    }

    pub(super) fn add(&mut self, names: impl IntoIterator<Item = impl Into<String>>) {
        if let Self::Listed(listed) = self {
            listed.extend(names.into_iter().map(Into::into));
        }
    }

    /// Whoever has one of these fields has all of them.
    pub(super) fn add_together(&mut self, names: &[&str]) {
        if names.iter().any(|name| self.has(name)) {
            self.add(names.iter().copied());
        }
    }

    fn has(&self, field: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Listed(listed) => listed.contains(field),
        }
    }
}

/// What a kind of configuration knows about its fields.
pub(super) trait Rules {
    type Config: Keeping + Clone;

    /// The configuration as a server would show it.
    fn filled(&self, config: &Self::Config) -> Self::Config;

    /// Why a field cannot change like that, if it cannot.
    fn obstacle(
        &self,
        field: &str,
        from: Option<&Value>,
        to: Option<&Value>,
    ) -> Option<&'static str>;
}

/// The fields of a configuration, the same for all that means the same.
fn fields<C: Keeping>(config: &C) -> Fields {
    // Texts, numbers, lists and maps with text keys always have a JSON form.
    unknown::meant(config).unwrap_or_default()
}

/// The fields that are not as by default, by their names on the wire.
pub(in crate::jetstream) fn set_fields<C: Keeping + Default>(config: &C) -> BTreeSet<String> {
    let default = fields(&C::default());
    let set = fields(config).into_iter().filter(|(name, value)| default.get(name) != Some(value));
    set.map(|(name, _)| name).collect()
}

/// A field as people are told it.
pub(in crate::jetstream) fn shown<C: Keeping>(config: &C, field: &str) -> String {
    show(field, fields(config).get(field)).into_owned()
}

/// The same list in any order is the same.
fn same(field: &str, one: Option<&Value>, other: Option<&Value>) -> bool {
    let unordered = matches!(field, "subjects" | "sources" | "filter_subjects");
    match (one, other) {
        (Some(Value::Array(one)), Some(Value::Array(other))) if unordered => {
            let sorted = |list: &[Value]| {
                let mut list: Vec<String> = list.iter().map(|value| format!("{value}")).collect();
                list.sort_unstable();
                list
            };
            sorted(one) == sorted(other)
        }
        (one, other) => one == other,
    }
}

fn without_servers_own(value: Option<Value>) -> Fields {
    let Some(Value::Object(mut metadata)) = value else { return Fields::new() };
    metadata.retain(|key, _| !key.starts_with(SERVER_METADATA));
    metadata
}

/// What differs, and the configuration that has what is wanted and all the rest of what there is.
pub(super) fn compare<R: Rules>(
    rules: &R,
    wanted: &R::Config,
    actual: &R::Config,
    owned: &Owned,
) -> (Vec<Change>, Option<R::Config>) {
    let mut wanted_fields = fields(&rules.filled(wanted));
    let mut actual_fields = fields(&rules.filled(actual));
    // What stays as it is goes back in the words in which it came.
    let mut merged = unknown::write(actual).unwrap_or_default();
    let mut changes = Vec::new();

    let mut wanted_metadata = without_servers_own(wanted_fields.remove(METADATA));
    let actual_metadata = without_servers_own(actual_fields.remove(METADATA));
    let mut metadata = without_servers_own(merged.remove(METADATA));
    let keys: BTreeSet<&String> = match owned {
        Owned::Whole => wanted_metadata.keys().chain(actual_metadata.keys()).collect(),
        Owned::Listed(_) => wanted_metadata.keys().collect(),
    };
    let keys: Vec<String> = keys.into_iter().cloned().collect();
    for key in keys {
        let (from, to) = (actual_metadata.get(&key).cloned(), wanted_metadata.remove(&key));
        put(&mut metadata, &key, to.clone());
        if from != to {
            changes.push(Change::new(format!("{METADATA}.{key}"), from, to, None));
        }
    }
    if !metadata.is_empty() {
        merged.insert(METADATA.to_owned(), Value::Object(metadata));
    }

    let names: BTreeSet<String> =
        wanted_fields.keys().chain(actual_fields.keys()).cloned().collect();
    for name in names.into_iter().filter(|name| owned.has(name)) {
        let (from, to) = (actual_fields.remove(&name), wanted_fields.remove(&name));
        let is_unknown = || actual.unknown().names().any(|unknown| unknown == name);
        if same(&name, from.as_ref(), to.as_ref()) || to.is_none() && is_unknown() {
            continue;
        }
        let obstacle = rules.obstacle(&name, from.as_ref(), to.as_ref());
        put(&mut merged, &name, to.clone());
        changes.push(Change::new(name, from, to, obstacle));
    }
    (changes, unknown::read(merged).ok())
}

fn put(fields: &mut Fields, name: &str, value: Option<Value>) {
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
}

/// A flag that can be set and not taken back.
pub(super) fn is_taken_back(from: Option<&Value>, to: Option<&Value>) -> bool {
    from == Some(&Value::Bool(true)) && to != Some(&Value::Bool(true))
}
