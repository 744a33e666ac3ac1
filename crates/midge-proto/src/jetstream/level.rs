//! What a server can do, as one number (ADR-44).

use crate::info::ServerInfo;
use core::fmt;

/// The level of the JetStream API of a server.
///
/// [`account::Account`](super::account::Account) and [`ServerInfo`] tell it. The server a client is
/// connected to can be a leaf node of another version than the one that serves JetStream; the
/// account tells that of the latter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ApiLevel(pub u32);

impl ApiLevel {
    /// Servers up to 2.10.
    pub const V2_10: Self = Self(0);
    /// 2.11: message TTL, delete markers, pause, priority groups, batched direct get.
    pub const V2_11: Self = Self(1);
    /// 2.12: atomic batches, counters, schedules, prioritized groups.
    pub const V2_12: Self = Self(2);
    /// Late releases of 2.12: the window of a snapshot.
    pub const V2_12_LATE: Self = Self(3);
    /// 2.14: fast ingest, consumer reset, durable sourcing, more for schedules.
    pub const V2_14: Self = Self(4);
    /// 2.15: evacuation of peers, cancelled moves.
    pub const V2_15: Self = Self(5);

    /// The first release of the server that has this level.
    #[must_use]
    pub const fn first_version(self) -> &'static str {
        match self.0 {
            0 => "2.2",
            1 => "2.11",
            2 | 3 => "2.12",
            4 => "2.14",
            5 => "2.15",
            _ => "2.16 or later",
        }
    }
}

impl fmt::Display for ApiLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<&ServerInfo> for ApiLevel {
    fn from(info: &ServerInfo) -> Self {
        Self(info.api_level)
    }
}

/// The part of a request that needs the newest server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    pub(super) field: &'static str,
    pub(super) level: ApiLevel,
}

impl Requirement {
    pub(super) const fn new(field: &'static str, level: ApiLevel) -> Self {
        Self { field, level }
    }

    /// The field, header or call, by its name on the wire.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// The level a server must have.
    #[must_use]
    pub const fn level(&self) -> ApiLevel {
        self.level
    }

    /// Of the parts that are used, the one that needs the newest server.
    pub(super) fn newest<const N: usize>(
        parts: [(bool, &'static str, ApiLevel); N],
    ) -> Option<Self> {
        parts
            .into_iter()
            .filter(|(used, ..)| *used)
            .map(|(_, field, level)| Self { field, level })
            .max_by_key(|requirement| requirement.level)
    }

    /// The one of two that needs the newer server.
    pub(super) fn newer(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        // `Option` orders none first.
        if other.map(|it| it.level) > one.map(|it| it.level) { other } else { one }
    }

    /// Whether a server of this level has it.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn check(self, found: ApiLevel) -> Result<(), UnsupportedField> {
        if self.level <= found {
            Ok(())
        } else {
            Err(UnsupportedField { field: self.field, needed: self.level, found })
        }
    }
}

/// A request uses what the server does not know; it would refuse the request, or ignore the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedField {
    field: &'static str,
    needed: ApiLevel,
    found: ApiLevel,
}

impl UnsupportedField {
    /// The field, header or call, by its name on the wire.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// The level a server must have.
    #[must_use]
    pub const fn needed(&self) -> ApiLevel {
        self.needed
    }

    /// The level the server has.
    #[must_use]
    pub const fn found(&self) -> ApiLevel {
        self.found
    }
}

impl fmt::Display for UnsupportedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" needs JetStream API level {} (nats-server {}), and the server has level {}",
            self.field,
            self.needed,
            self.needed.first_version(),
            self.found
        )
    }
}

impl core::error::Error for UnsupportedField {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_newest_part_decides() {
        let parts = |old, new| {
            Requirement::newest([(old, "a", ApiLevel::V2_11), (new, "b", ApiLevel::V2_14)])
        };
        assert_eq!(parts(false, false), None);
        assert_eq!(parts(true, false).unwrap().field(), "a");
        let both = parts(true, true).unwrap();
        assert_eq!((both.field(), both.level()), ("b", ApiLevel::V2_14));
        assert_eq!(Requirement::newer(parts(true, false), parts(false, true)), Some(both));
        assert_eq!(Requirement::newer(Some(both), None), Some(both));
        assert_eq!(Requirement::newer(None, Some(both)), Some(both));
    }

    #[test]
    fn a_refusal_names_field_and_levels() {
        let requirement = Requirement::new("allow_batched", ApiLevel::V2_14);
        assert!(requirement.check(ApiLevel::V2_14).is_ok());
        assert!(requirement.check(ApiLevel::V2_15).is_ok());
        assert_eq!(
            requirement.check(ApiLevel::V2_12).unwrap_err().to_string(),
            "\"allow_batched\" needs JetStream API level 4 (nats-server 2.14), and the server has \
             level 2"
        );
    }
}
