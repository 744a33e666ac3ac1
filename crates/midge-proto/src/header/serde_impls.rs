//! Headers in other formats: a map from names to lists of values.

use super::{HeaderMap, HeaderName, HeaderValue};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

impl Serialize for HeaderName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for HeaderValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The values of a repeated name come together, at the place of the first.
impl Serialize for HeaderMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut groups: Vec<(&HeaderName, Vec<&HeaderValue>)> = Vec::with_capacity(self.len());
        // Sorting finds repeated names in a block of thousands without comparing each with each.
        let mut sorted: Vec<(&HeaderName, usize, &HeaderValue)> =
            self.iter().enumerate().map(|(place, (name, value))| (name, place, value)).collect();
        sorted.sort_unstable_by_key(|&(name, place, _)| (name, place));
        let mut places = Vec::with_capacity(sorted.len());
        for (name, place, value) in sorted {
            match groups.last_mut() {
                Some((last, values)) if *last == name => values.push(value),
                _ => {
                    places.push((place, groups.len()));
                    groups.push((name, Vec::from([value])));
                }
            }
        }
        places.sort_unstable();
        let mut map = serializer.serialize_map(Some(groups.len()))?;
        for (_, index) in places {
            let (name, values) = &groups[index];
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for HeaderMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor;

        impl<'de> Visitor<'de> for MapVisitor {
            type Value = HeaderMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from header names to lists of values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderMap, A::Error> {
                let mut headers = HeaderMap::new();
                while let Some((name, values)) = map.next_entry::<HeaderName, Vec<HeaderValue>>()? {
                    headers.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
                Ok(headers)
            }
        }

        deserializer.deserialize_map(MapVisitor)
    }
}
