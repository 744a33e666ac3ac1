//! Unique ids of 22 characters.

use crate::random::Random;
use arrayvec::ArrayString;
use core::borrow::Borrow;
use core::fmt;
use core::ops::Deref;

/// Digits in the order of their values, which is also that of ASCII.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const BASE: u64 = DIGITS.len() as u64;

/// Characters that stay the same from one id to the next.
const PREFIX_LEN: usize = 12;

/// Characters that count.
const SEQUENCE_LEN: usize = 10;

/// One more than the largest sequence number: `BASE` to the power of `SEQUENCE_LEN`.
const SEQUENCE_END: u64 = 839_299_365_868_340_224;

/// The smallest step from one id to the next, and one more than the largest: those of every NUID
/// generator.
const STEP_MIN: u64 = 33;
const STEP_END: u64 = 333;

/// A generator of NATS unique identifiers (NUIDs): a random prefix, then a number that grows.
///
/// The ids are unique, not secret: whoever sees one can guess those that follow.
///
/// ```
/// use midge_proto::{Nuid, Random};
///
/// // Take the 32 bytes from the operating system.
/// let mut nuid = Nuid::new(Random::new([7; 32]));
/// let (first, second) = (nuid.next(), nuid.next());
/// assert_eq!(first.len(), 22);
/// assert!(first < second);
/// ```
#[derive(Clone, Debug)]
pub struct Nuid {
    random: Random,
    prefix: [u8; PREFIX_LEN],
    sequence: u64,
    step: u64,
}

impl Nuid {
    /// A generator that draws from `random`.
    #[must_use]
    pub fn new(random: Random) -> Self {
        let mut nuid = Self { random, prefix: [b'0'; PREFIX_LEN], sequence: 0, step: STEP_MIN };
        nuid.reset();
        nuid
    }

    /// The next id.
    #[expect(
        clippy::should_implement_trait,
        reason = "the ids never end, so that an iterator's `Option` would be in the way"
    )]
    pub fn next(&mut self) -> NuidString {
        self.sequence += self.step;
        if self.sequence >= SEQUENCE_END {
            self.reset();
        }
        let mut text = ArrayString::new();
        for digit in self.prefix {
            text.push(char::from(digit));
        }
        let mut weight = SEQUENCE_END;
        for _ in 0..SEQUENCE_LEN {
            weight /= BASE;
            text.push(char::from(digit(self.sequence / weight % BASE)));
        }
        NuidString(text)
    }

    /// A new prefix, a new start and a new step.
    fn reset(&mut self) {
        for place in &mut self.prefix {
            *place = digit(self.random.below(BASE));
        }
        self.sequence = self.random.below(SEQUENCE_END);
        self.step = STEP_MIN + self.random.below(STEP_END - STEP_MIN);
    }
}

/// An id made by [`Nuid`]: 22 characters out of `0` to `9`, `A` to `Z` and `a` to `z`.
///
/// It is kept in place, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NuidString(ArrayString<{ PREFIX_LEN + SEQUENCE_LEN }>);

impl NuidString {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Deref for NuidString {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for NuidString {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for NuidString {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for NuidString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for NuidString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The digit with the given value, which is below `BASE`.
fn digit(value: u64) -> u8 {
    usize::try_from(value).ok().and_then(|at| DIGITS.get(at)).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::format;

    fn nuid(seed: u8) -> Nuid {
        Nuid::new(Random::new([seed; 32]))
    }

    /// The sequence number an id shows.
    fn sequence(id: &str) -> u64 {
        id.bytes().skip(PREFIX_LEN).fold(0, |sum, byte| {
            sum * BASE + DIGITS.iter().position(|&digit| digit == byte).unwrap() as u64
        })
    }

    #[test]
    fn an_id_has_22_digits_of_base_62() {
        assert_eq!(SEQUENCE_END, BASE.pow(10));
        let id = nuid(1).next();
        assert_eq!(id.len(), 22);
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert_eq!(format!("{id:?}"), format!("\"{id}\""));
    }

    #[test]
    fn ids_of_one_generator_differ_and_grow_by_a_fixed_step() {
        let mut nuid = nuid(2);
        let ids: BTreeSet<_> = (0..1000).map(|_| nuid.next()).collect();
        assert_eq!(ids.len(), 1000);
        let numbers: alloc::vec::Vec<_> = ids.iter().map(|id| sequence(id)).collect();
        assert!((STEP_MIN..STEP_END).contains(&nuid.step));
        assert!(numbers.windows(2).all(|pair| pair[1] - pair[0] == nuid.step));
        assert!(ids.iter().all(|id| id[..PREFIX_LEN] == ids.first().unwrap()[..PREFIX_LEN]));
    }

    #[test]
    fn the_last_number_is_still_given_out_and_then_everything_is_drawn_anew() {
        let mut nuid = nuid(3);
        nuid.sequence = SEQUENCE_END - 1 - nuid.step;
        let (prefix, step) = (nuid.prefix, nuid.step);
        let last = nuid.next();
        assert!(last.ends_with("zzzzzzzzzz"), "{last}");
        assert_eq!(last.as_bytes()[..PREFIX_LEN], prefix);
        let after = nuid.next();
        assert_ne!(after.as_bytes()[..PREFIX_LEN], prefix);
        assert_eq!(sequence(&after), nuid.sequence);
        assert!(nuid.sequence < SEQUENCE_END);
        assert_ne!(nuid.step, step);
    }

    #[test]
    fn a_small_number_keeps_its_leading_zeros() {
        let mut nuid = nuid(4);
        nuid.sequence = 0;
        nuid.step = 61;
        assert!(nuid.next().ends_with("000000000z"));
        assert!(nuid.next().ends_with("000000001y"));
    }

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_seed_others() {
        assert_eq!(nuid(5).next(), nuid(5).next());
        assert_ne!(nuid(5).next()[..PREFIX_LEN], nuid(6).next()[..PREFIX_LEN]);
    }

    #[test]
    fn steps_stay_within_their_bounds() {
        for seed in 0..200 {
            assert!((33..=332).contains(&nuid(seed).step));
        }
    }
}
