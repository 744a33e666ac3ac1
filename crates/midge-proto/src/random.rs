//! Randomness as a value: one seed in, the same numbers out.

use core::hash::Hasher;
use siphasher::sip::SipHasher24;

/// A keyed sequence of numbers: SipHash-2-4 over a counter.
///
/// Who does not know the seed cannot predict the next number, and the same seed gives the same
/// sequence, so that a run can be replayed.
#[derive(Clone)]
pub struct Random {
    key: (u64, u64),
    /// Tells apart sequences made from one seed.
    stream: u64,
    counter: u64,
}

impl Random {
    /// A sequence made from `seed`; use 32 bytes of the operating system's randomness.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&seed[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        Self { key: (word(0), word(8)), stream: word(16), counter: word(24) }
    }

    /// An independent sequence that is made from this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self {
            key: (self.next_u64(), self.next_u64()),
            stream: self.next_u64(),
            counter: self.next_u64(),
        }
    }

    /// The next number, uniform over all 64-bit values.
    pub fn next_u64(&mut self) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.key.0, self.key.1);
        hasher.write_u64(self.stream);
        hasher.write_u64(self.counter);
        self.counter = self.counter.wrapping_add(1);
        hasher.finish()
    }

    /// A number below `bound`; 0 when `bound` is 0.
    ///
    /// The multiplication method: its bias is below `bound / 2^64`, far under anything that
    /// a shuffle, a jitter or an id could show.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
    }
}

impl core::fmt::Debug for Random {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Random([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence_and_another_seed_another() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.next_u64(), random.next_u64(), random.below(1000)]
        };
        assert_eq!(draw([7; 32]), draw([7; 32]));
        assert_ne!(draw([7; 32]), draw([8; 32]));
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut random = Random::new([1; 32]);
        let mut seen = [false; 5];
        for _ in 0..1000 {
            seen[usize::try_from(random.below(5)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: [u8; 20] = core::array::from_fn(|i| u8::try_from(i).unwrap());
        Random::new([3; 32]).shuffle(&mut items);
        assert_ne!(items, core::array::from_fn(|i| u8::try_from(i).unwrap()));
        items.sort_unstable();
        assert_eq!(items, core::array::from_fn(|i| u8::try_from(i).unwrap()));
    }

    #[test]
    fn a_seed_does_not_show_in_debug_output() {
        assert_eq!(alloc::format!("{:?}", Random::new([9; 32])), "Random([redacted])");
    }
}
