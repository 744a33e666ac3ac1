//! How JetStream writes things in JSON, and what else it might write.

use super::timestamp::Timestamp;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, Serializer};

/// Whether a field may be left out, because the server would fill in the same.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads `null` as the default: servers write it in place of empty lists and maps.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a number of any size as the nearest one that fits.
pub(super) fn saturating_i32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let number = Option::<i64>::deserialize(deserializer)?.unwrap_or_default();
    Ok(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
}

/// Reads an empty text as none.
pub(super) fn non_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// Nanoseconds of a duration, as far as the 63 bits of the wire reach (292 years).
pub(super) fn to_nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn from_nanos(nanos: i64) -> Option<Duration> {
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// Durations in nanoseconds; negative ones, which mean "never", are read as zero.
pub(super) mod nanos {
    use super::*;

    pub(in crate::jetstream) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(to_nanos(*duration))
    }

    pub(in crate::jetstream) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let nanos: Option<i64> = Option::deserialize(deserializer)?;
        Ok(nanos.and_then(from_nanos).unwrap_or_default())
    }
}

/// Durations in nanoseconds that may be absent; negative ones are read as absent.
pub(super) mod optional_nanos {
    use super::*;

    pub(in crate::jetstream) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(to_nanos).serialize(serializer)
    }

    pub(in crate::jetstream) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let nanos: Option<i64> = Option::deserialize(deserializer)?;
        Ok(nanos.and_then(from_nanos))
    }
}

/// Lists of durations in nanoseconds.
pub(super) mod nanos_list {
    use super::*;

    pub(in crate::jetstream) fn serialize<S: Serializer>(
        durations: &[Duration],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(durations.iter().map(|duration| to_nanos(*duration)))
    }

    pub(in crate::jetstream) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Duration>, D::Error> {
        let nanos: Vec<i64> = nullable(deserializer)?;
        Ok(nanos.into_iter().map(|nanos| from_nanos(nanos).unwrap_or_default()).collect())
    }
}

/// Dates that may be unset; what cannot be read is unset too, and does not cost the whole answer.
pub(super) mod date {
    use super::*;

    pub(in crate::jetstream) fn serialize<S: Serializer>(
        date: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        date.serialize(serializer)
    }

    pub(in crate::jetstream) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text: Option<Cow<'_, str>> = Option::deserialize(deserializer)?;
        Ok(text.and_then(|text| Timestamp::from_wire(&text).ok().flatten()))
    }
}

/// A percentage as servers read it: `50%`, or without the sign.
pub(super) fn percentage(text: &str) -> Option<i64> {
    text.strip_suffix('%').unwrap_or(text).parse().ok()
}

/// Appends a value as JSON.
pub(super) fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let json = serde_json::to_vec(value)
        .expect("texts, numbers, lists and maps with text keys always have a JSON form");
    out.extend_from_slice(&json);
}

/// Reads a value that may be followed by blanks only.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json)
}

/// A short word of the wire that this version does not know: up to 32 bytes, a longer one is cut. In
/// a configuration that a server has sent, the whole word is kept beside it
/// ([`UnknownFields::out_of_range`](super::UnknownFields::out_of_range)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(arrayvec::ArrayString<32>);

impl Word {
    pub(super) fn new(text: &str) -> Self {
        let mut word = arrayvec::ArrayString::new();
        for character in text.chars() {
            if word.try_push(character).is_err() {
                break;
            }
        }
        Self(word)
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// An enum whose variants are words on the wire; unknown words are kept.
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
            /// Another value, kept as the server wrote it.
            Other($crate::jetstream::Word),
        }

        impl $name {
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )+
                    Self::Other(word) => word.as_str(),
                }
            }

            fn from_word(word: &str) -> Self {
                match word {
                    $( $text => Self::$variant, )+
                    other => Self::Other($crate::jetstream::Word::new(other)),
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        /// `null` and an empty word stand for the default.
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = $crate::jetstream::json::non_empty(deserializer)?;
                Ok(word.map_or_else(Self::default, |word| Self::from_word(&word)))
            }
        }
    };
}
pub(super) use wire_enum;
