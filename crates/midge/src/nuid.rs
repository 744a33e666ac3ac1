//! Unique ids for inboxes.

use crate::sync::{Arc, Mutex};
use core::fmt;
use midge_proto::{Nuid, Random};
use std::sync::OnceLock;

/// Makes the ids in inboxes: those of the process, or what the application provides.
#[derive(Clone, Default)]
pub(crate) struct IdGenerator(Option<Arc<dyn Fn() -> String + Send + Sync>>);

impl IdGenerator {
    pub(crate) fn new(generator: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(generator)))
    }

    pub(crate) fn next(&self) -> String {
        self.0.as_ref().map_or_else(next, |generator| generator())
    }
}

impl fmt::Debug for IdGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "callback" } else { "nuid" })
    }
}

/// The next id of this process; ids of different processes differ by their random part.
fn next() -> String {
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
