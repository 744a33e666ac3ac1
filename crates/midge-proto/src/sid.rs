//! Subscription ids.

use core::fmt;
use core::hash::{BuildHasherDefault, Hasher};
use core::num::NonZeroU64;

/// The id that a client gives to a subscription and that each of its messages carries.
///
/// Ids count up from 1 and are never used twice by one client, because a server ignores a `SUB`
/// whose id is still alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub struct Sid(NonZeroU64);

/// A map by ids of this client.
pub(crate) type SidMap<T> = hashbrown::HashMap<Sid, T, BuildHasherDefault<SidHasher>>;

/// Spreads consecutive numbers over all bits.
///
/// A keyed hash would protect a map against keys that are chosen to collide. Ids are counted by the
/// client itself; those of the wire are only looked up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SidHasher(u64);

impl Hasher for SidHasher {
    #[inline]
    fn write_u64(&mut self, number: u64) {
        // The golden ratio as a fraction of 2^64; being odd, it keeps the lower bits apart.
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use core::hash::BuildHasher;

    #[test]
    fn ids_in_a_row_differ_in_the_lower_bits_and_in_the_upper_ones_of_their_hashes() {
        let hashes = (1..=4096).filter_map(Sid::new);
        let hashes: Vec<u64> =
            hashes.map(|sid| BuildHasherDefault::<SidHasher>::default().hash_one(sid)).collect();
        let lower: BTreeSet<u64> = hashes.iter().map(|hash| hash % 4096).collect();
        let upper: BTreeSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
        assert_eq!((lower.len(), upper.len()), (4096, 128));
    }
}
