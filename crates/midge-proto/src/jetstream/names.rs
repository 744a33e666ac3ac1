//! Names of streams, consumers and their like.

use crate::snippet::Snippet;
use alloc::boxed::Box;
use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

/// Longest name of a stream or consumer, in bytes: the limit of the server (`JSMaxNameLen`).
pub const NAME_LEN_MAX: usize = 255;

/// Longest name of a priority group, in bytes (ADR-42).
pub const PRIORITY_GROUP_LEN_MAX: usize = 16;

/// What a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Named {
    /// A stream.
    Stream,
    /// A consumer, durable or not.
    Consumer,
    /// A JetStream domain.
    Domain,
    /// A priority group of a consumer.
    PriorityGroup,
    /// A batch of published messages.
    Batch,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream name",
            Self::Consumer => "consumer name",
            Self::Domain => "domain",
            Self::PriorityGroup => "priority group",
            Self::Batch => "batch id",
        })
    }
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameFault {
    /// It is empty.
    Empty,
    /// It is longer than this many bytes.
    TooLong(usize),
    /// This character may not be in it.
    Character(char),
    /// `name` and `durable_name` of a consumer differ.
    NotTheDurableName,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong(limit) => write!(f, "it is longer than {limit} bytes"),
            Self::Character(character) => write!(f, "{character:?} may not be in it"),
            Self::NotTheDurableName => f.write_str("the durable name is another one"),
        }
    }
}

/// A name that the server would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidName {
    named: Named,
    fault: NameFault,
    value: Snippet,
}

impl InvalidName {
    #[cold]
    pub(super) fn new(named: Named, fault: NameFault, value: &str) -> Self {
        Self { named, fault, value: Snippet::new(value.as_bytes()) }
    }

    /// What the name was for.
    #[must_use]
    pub const fn named(&self) -> Named {
        self.named
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn fault(&self) -> NameFault {
        self.fault
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {} {}: {}", self.named, self.value, self.fault)
    }
}

impl core::error::Error for InvalidName {}

fn check(
    named: Named,
    name: &str,
    len_max: usize,
    allowed: impl Fn(char) -> bool,
) -> Result<(), InvalidName> {
    let fault = if name.is_empty() {
        NameFault::Empty
    } else if name.len() > len_max {
        NameFault::TooLong(len_max)
    } else if let Some(character) = name.chars().find(|character| !allowed(*character)) {
        NameFault::Character(character)
    } else {
        return Ok(());
    };
    Err(InvalidName::new(named, fault, name))
}

/// A name becomes a token of subjects and a directory of the server.
fn is_name_character(character: char) -> bool {
    !character.is_whitespace()
        && !character.is_control()
        && !matches!(character, '.' | '*' | '>' | '/' | '\\')
}

fn check_name(named: Named, name: &str) -> Result<(), InvalidName> {
    check(named, name, NAME_LEN_MAX, is_name_character)
}

/// Checks the name of a JetStream domain: one token of a subject.
pub(super) fn check_domain(name: &str) -> Result<(), InvalidName> {
    check_name(Named::Domain, name)
}

/// Checks the name of a priority group: 1 to 16 of `A-Z a-z 0-9 - _ / =` (ADR-42).
///
/// # Errors
///
/// When it is none.
pub fn check_priority_group(name: &str) -> Result<(), InvalidName> {
    check(Named::PriorityGroup, name, PRIORITY_GROUP_LEN_MAX, |character| {
        character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '/' | '=')
    })
}

/// Checks the id of a batch: a token of a subject of 1 to 64 bytes (ADR-50).
pub(super) fn check_batch_id(id: &str) -> Result<(), InvalidName> {
    check(Named::Batch, id, super::publish::BATCH_ID_LEN_MAX, is_name_character)
}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident, $named:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// A name that follows the rules.
            ///
            /// # Errors
            ///
            /// When it is empty, longer than [`NAME_LEN_MAX`] bytes, or has a blank, a control
            /// character or one of `. * > / \`.
            pub fn new(name: impl AsRef<str>) -> Result<Self, InvalidName> {
                let name = name.as_ref();
                check_name($named, name)?;
                Ok(Self(name.into()))
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                self.as_str()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(name: &str) -> Result<Self, InvalidName> {
                Self::new(name)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(name: &str) -> Result<Self, InvalidName> {
                Self::new(name)
            }
        }
    };
}

name! {
    /// The name of a stream.
    ///
    /// ```
    /// use midge_proto::jetstream::StreamName;
    ///
    /// assert!(StreamName::new("ORDERS").is_ok());
    /// assert!(StreamName::new("orders.new").is_err());
    /// ```
    StreamName, Named::Stream
}

name! {
    /// The name of a consumer, durable or not.
    ConsumerName, Named::Consumer
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_follow_the_rules_of_the_server() {
        for name in ["a", "ORDERS-1_x", "häuser", &"x".repeat(255), "$KV", "a:b"] {
            assert_eq!(StreamName::new(name).unwrap().as_str(), name);
            assert!(ConsumerName::new(name).is_ok());
        }
        for (name, fault) in [
            ("", NameFault::Empty),
            (&*"x".repeat(256), NameFault::TooLong(255)),
            ("a b", NameFault::Character(' ')),
            ("a.b", NameFault::Character('.')),
            ("*", NameFault::Character('*')),
            (">", NameFault::Character('>')),
            ("a/b", NameFault::Character('/')),
            ("a\\b", NameFault::Character('\\')),
            ("a\r\nPUB", NameFault::Character('\r')),
            ("a\u{7f}", NameFault::Character('\u{7f}')),
        ] {
            let error = StreamName::new(name).unwrap_err();
            assert_eq!((error.fault(), error.named()), (fault, Named::Stream), "{name:?}");
            assert_eq!(ConsumerName::new(name).unwrap_err().named(), Named::Consumer);
        }
        let error = ConsumerName::new("a.b").unwrap_err().to_string();
        assert_eq!(error, "invalid consumer name \"a.b\": '.' may not be in it");
    }

    #[test]
    fn priority_groups_have_up_to_16_of_few_characters() {
        for name in ["A", "a-b_c/d=", "0123456789abcdef"] {
            assert!(check_priority_group(name).is_ok(), "{name}");
        }
        for name in ["", "0123456789abcdefg", "a b", "a.b", "ä", "a+"] {
            assert!(check_priority_group(name).is_err(), "{name:?}");
        }
    }
}
