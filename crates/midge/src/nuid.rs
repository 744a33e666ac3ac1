//! Unique ids for inboxes.

use crate::sync::Mutex;
use midge_proto::{Nuid, Random};
use std::sync::OnceLock;

/// The next id of this process; ids of different processes differ by their random part.
pub(crate) fn next() -> String {
    static GENERATOR: OnceLock<Mutex<Nuid>> = OnceLock::new();
    let generator = GENERATOR.get_or_init(|| Mutex::new(Nuid::new(Random::new(seed()))));
    generator.lock().next().to_string()
}

/// Thirty-two bytes of the operating system's randomness.
pub(crate) fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    if getrandom::fill(&mut seed).is_err() {
        // Only exotic targets without a random source come here; hash maps have the next best one.
        use core::hash::{BuildHasher, Hasher};
        for word in seed.chunks_exact_mut(8) {
            let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
            word.copy_from_slice(&random.to_le_bytes());
        }
    }
    seed
}
