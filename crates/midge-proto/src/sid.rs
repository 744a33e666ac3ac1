//! Subscription ids.

use core::fmt;
use core::num::NonZeroU64;

/// The id that a client gives to a subscription and that each of its messages carries.
///
/// Ids count up from 1 and are never used twice by one client, because a server ignores a `SUB`
/// whose id is still alive.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Sid(NonZeroU64);

impl Sid {
    /// The first id of a client.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// An id from its number; `None` for 0.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The id after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
