//! What a configuration of the server has and this version has no place for.
//!
//! A field that is not known is kept as it came. A field that is known may have a value that its type
//! cannot hold: a long new word, a date beyond the year 2262, a negative duration. The value is read
//! as the nearest one, and kept beside it; as long as nobody changes the field, it goes back as it
//! came. That is decided by field of a whole configuration: [`deserialize`] compares what came with
//! what would be written, and [`serialize`] what would be written with what was to be written then.
//!
//! A value may also come in other words for the same: a date in the time zone of whoever set it, a
//! percentage without its sign. That is no difference to anybody here ([`meant`]), but it goes back as
//! it came, too ([`write`]): a server refuses an update in which the mirror's origin begins at the same
//! moment in another zone.

use super::json;
use super::timestamp::{self, UNSET_NANOS};
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
#[derive(Clone, Default)]
pub struct UnknownFields {
    fields: BTreeMap<String, Value>,
    /// Values that a known field cannot hold.
    odd: BTreeMap<String, AsItCame>,
    /// Values that are written here in other words. They are held, so nobody is told.
    reworded: BTreeMap<String, AsItCame>,
}

/// A value of a known field that would be written in another way.
#[derive(Clone, PartialEq, Eq)]
struct AsItCame {
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

/// The words in which a server says what is held make no difference.
impl PartialEq for UnknownFields {
    fn eq(&self, other: &Self) -> bool {
        (&self.fields, &self.odd) == (&other.fields, &other.odd)
    }
}

impl Eq for UnknownFields {}

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
        BTreeMap::deserialize(deserializer).map(|fields| Self { fields, ..Self::default() })
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
        if T::READ_ONLY.contains(&&*name) {
            continue;
        }
        let unknown = config.unknown_mut();
        if is_lost(&came, written.as_ref()) {
            unknown.odd.insert(name, AsItCame { came, written });
        } else if !came.is_null() && written.as_ref().is_some_and(|written| *written != came) {
            unknown.reworded.insert(name, AsItCame { came, written });
        }
    }
    Ok(config)
}

/// Writes a configuration; fields that are unchanged go as they came.
pub(super) fn serialize<S: Serializer, T: Keeping>(
    config: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let UnknownFields { odd, reworded, .. } = config.unknown();
    if odd.is_empty() && reworded.is_empty() {
        return config.serialize(serializer);
    }
    write(config).map_err(S::Error::custom)?.serialize(serializer)
}

/// As [`serialize`], into fields.
pub(super) fn write<T: Keeping>(config: &T) -> Result<Map<String, Value>, serde_json::Error> {
    let mut fields = meant(config)?;
    put_back(&mut fields, &config.unknown().reworded);
    Ok(fields)
}

/// The fields of a configuration with what they could not hold as far as they are unchanged. What
/// means the same is the same here, in whatever words it came.
pub(super) fn meant<T: Keeping>(config: &T) -> Result<Map<String, Value>, serde_json::Error> {
    let mut fields = fields(config)?;
    put_back(&mut fields, &config.unknown().odd);
    Ok(fields)
}

fn put_back(fields: &mut Map<String, Value>, values: &BTreeMap<String, AsItCame>) {
    for (name, AsItCame { came, written }) in values {
        if fields.get(name) == written.as_ref() {
            fields.insert(name.clone(), came.clone());
        }
    }
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
        (Value::String(came), Some(Value::String(written))) => !mean_the_same(came, written),
        (came, Some(written)) => came != written,
        (Value::Number(number), None) => number.as_i64() != Some(0),
        (Value::String(text), None) => is_out_of_range(text),
        (Value::Bool(_) | Value::Array(_) | Value::Object(_), None) => false,
    }
}

/// Whether texts are the same, the same moment, or the same percentage. Only fields that are moments
/// or percentages write another text than the one that came.
fn mean_the_same(one: &str, other: &str) -> bool {
    fn read_as<T: PartialEq>(read: impl Fn(&str) -> Option<T>, one: &str, other: &str) -> bool {
        read(one).is_some_and(|value| read(other) == Some(value))
    }
    one == other || read_as(timestamp::parse, one, other) || read_as(json::percentage, one, other)
}

/// Words that mean the default are read and not written; a date or percentage that is not written was
/// out of range, unless it is the zero time, in whatever zone, or zero.
fn is_out_of_range(text: &str) -> bool {
    match (timestamp::parse(text), json::percentage(text)) {
        (Some(moment), _) => moment != UNSET_NANOS,
        (None, Some(percentage)) => percentage != 0,
        (None, None) => text.starts_with(|first: char| first.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_lost_if_something_else_would_be_written() {
        let nothing = Value::Null;
        for (came, written, lost) in [
            // Dates are moments.
            (json!("2024-01-01T02:00:00+02:00"), json!("2024-01-01T00:00:00Z"), false),
            (json!("2024-01-01T00:00:00.50Z"), json!("2024-01-01T00:00:00.5Z"), false),
            (json!("2024-01-01T02:00:00+01:00"), json!("2024-01-01T00:00:00Z"), true),
            (json!("9999-12-31T00:00:00Z"), json!("2262-04-11T23:47:16.854775807Z"), true),
            (json!("0001-01-01T00:00:00Z"), nothing.clone(), false),
            (json!("0001-01-01T02:00:00+02:00"), nothing.clone(), false),
            (json!("0000-12-31T19:00:00-05:00"), nothing.clone(), false),
            (json!("0001-01-01T00:00:00+02:00"), nothing.clone(), true),
            (json!("2024-13-01T00:00:00Z"), nothing.clone(), true),
            // Percentages are numbers.
            (json!("50"), json!("50%"), false),
            (json!("050%"), json!("50%"), false),
            (json!("51"), json!("50%"), true),
            (json!("0"), nothing.clone(), false),
            (json!("0%"), nothing.clone(), false),
            (json!("300%"), nothing.clone(), true),
            (json!("-5%"), nothing.clone(), true),
            // All other texts are what they are, and words that mean the default are not written.
            (json!("a"), json!("a"), false),
            (json!("a%"), json!("a"), true),
            (json!("default"), nothing, false),
            // The same inside lists and objects.
            (
                json!([{"at": "2024-01-01T02:00:00+02:00"}]),
                json!([{"at": "2024-01-01T00:00:00Z"}]),
                false,
            ),
            (
                json!([{"at": "2024-01-01T02:00:00+02:00"}]),
                json!([{"at": "2024-01-01T00:00:01Z"}]),
                true,
            ),
            (json!([1, -2]), json!([1, 0]), true),
        ] {
            let written = Some(written).filter(|written| !written.is_null());
            assert_eq!(is_lost(&came, written.as_ref()), lost, "{came} {written:?}");
        }
    }
}
