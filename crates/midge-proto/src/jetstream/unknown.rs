//! What a configuration of the server has and this version has no place for.
//!
//! A field that is not known is kept as it came. A field that is known may have a value that its type
//! cannot hold: a long new word, a date beyond the year 2262, a negative duration. The value is read
//! as the nearest one, and kept beside it; as long as nobody changes the field, it goes back as it
//! came. That is decided by field of a whole configuration: [`deserialize`] compares what came with
//! what would be written, and [`serialize`] what would be written with what was to be written then.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::{Map, Value};

/// What a part of a configuration has that this version of midge has no place for: fields that it does
/// not know, and values of others that are out of the range of their types.
///
/// They are kept as they came and sent back with the object, so that a program that reads a
/// configuration, changes it and writes it back does not wipe what a newer server put into it. A value
/// out of range is sent back unless its field was changed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UnknownFields {
    fields: BTreeMap<String, Value>,
    odd: BTreeMap<String, Odd>,
}

/// A value that a known field cannot hold.
#[derive(Clone, PartialEq, Eq)]
struct Odd {
    came: Value,
    /// What is written of the field unless somebody changes it.
    written: Option<Value>,
}

impl UnknownFields {
    /// Whether every field was known, and could hold its value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.odd.is_empty()
    }

    /// The names of the fields that are not known, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The names of the fields that could not hold their values, in alphabetical order.
    pub fn out_of_range(&self) -> impl Iterator<Item = &str> {
        self.odd.keys().map(String::as_str)
    }

    /// The value of a field as it came, as JSON text.
    #[must_use]
    pub fn json(&self, name: &str) -> Option<String> {
        let odd = || self.odd.get(name).map(|odd| &odd.came);
        self.fields.get(name).or_else(odd).map(|value| alloc::format!("{value}"))
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.odd.clear();
    }
}

impl fmt::Debug for UnknownFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let odd = self.odd.iter().map(|(name, odd)| (name, &odd.came));
        f.debug_map().entries(&self.fields).entries(odd).finish()
    }
}

impl Serialize for UnknownFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UnknownFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(|fields| Self { fields, odd: BTreeMap::new() })
    }
}

/// A whole configuration, which keeps what it cannot hold.
pub(super) trait Keeping: Serialize + DeserializeOwned {
    /// Fields that are read and not written.
    const READ_ONLY: &'static [&'static str];

    fn unknown(&self) -> &UnknownFields;
    fn unknown_mut(&mut self) -> &mut UnknownFields;
}

/// Reads a configuration, and keeps what its fields cannot hold.
pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Keeping>(
    deserializer: D,
) -> Result<T, D::Error> {
    let Some(came) = Option::<Map<String, Value>>::deserialize(deserializer)? else {
        return serde_json::from_value(Value::Object(Map::new())).map_err(D::Error::custom);
    };
    read(came).map_err(D::Error::custom)
}

/// As [`deserialize`], of fields that were read already.
pub(super) fn read<T: Keeping>(came: Map<String, Value>) -> Result<T, serde_json::Error> {
    let mut config: T = serde_json::from_value(Value::Object(came.clone()))?;
    let mut written = fields(&config)?;
    for (name, came) in came {
        let written = written.remove(&name);
        if is_lost(&came, written.as_ref()) && !T::READ_ONLY.contains(&&*name) {
            config.unknown_mut().odd.insert(name, Odd { came, written });
        }
    }
    Ok(config)
}

/// Writes a configuration, with what its fields could not hold as far as they are unchanged.
pub(super) fn serialize<S: Serializer, T: Keeping>(
    config: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if config.unknown().odd.is_empty() {
        return config.serialize(serializer);
    }
    write(config).map_err(S::Error::custom)?.serialize(serializer)
}

/// As [`serialize`], into fields.
pub(super) fn write<T: Keeping>(config: &T) -> Result<Map<String, Value>, serde_json::Error> {
    let mut fields = fields(config)?;
    for (name, odd) in &config.unknown().odd {
        if fields.get(name) == odd.written.as_ref() {
            fields.insert(name.clone(), odd.came.clone());
        }
    }
    Ok(fields)
}

fn fields<T: Serialize>(config: &T) -> Result<Map<String, Value>, serde_json::Error> {
    let value = serde_json::to_value(config)?;
    // Structures are objects.
    Ok(if let Value::Object(fields) = value { fields } else { Map::new() })
}

/// Whether what came says something that is not in what would be written. Defaults are often written
/// as nothing.
fn is_lost(came: &Value, written: Option<&Value>) -> bool {
    match (came, written) {
        (Value::Null, _) => false,
        (Value::Object(came), Some(Value::Object(written))) => {
            came.iter().any(|(name, value)| is_lost(value, written.get(name)))
        }
        (Value::Array(came), Some(Value::Array(written))) => {
            came.len() != written.len()
                || came.iter().zip(written).any(|(came, written)| is_lost(came, Some(written)))
        }
        (came, Some(written)) => came != written,
        (Value::Number(number), None) => number.as_i64() != Some(0),
        (Value::String(text), None) => is_date(text),
        (Value::Bool(_) | Value::Array(_) | Value::Object(_), None) => false,
    }
}

/// Words that mean the default are read and not written; a date that is not written was out of range,
/// unless it is the zero time.
fn is_date(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && !text.starts_with("0001-01-01")
}
