//! Subjects in other formats: as their text.

use super::Subject;
use alloc::string::String;
use core::fmt;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SubjectVisitor;

        impl Visitor<'_> for SubjectVisitor {
            type Value = Subject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a subject")
            }

            fn visit_str<E>(self, subject: &str) -> Result<Subject, E> {
                Ok(Subject::from(subject))
            }

            fn visit_string<E>(self, subject: String) -> Result<Subject, E> {
                Ok(Subject::from(subject))
            }
        }

        deserializer.deserialize_string(SubjectVisitor)
    }
}
