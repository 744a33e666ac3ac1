//! The fuzz targets on stable: every file of their corpora, and random input.
#![cfg(all(feature = "std", feature = "nkeys", feature = "jetstream"))]

#[path = "../../../fuzz/src/bodies.rs"]
mod bodies;

use proptest::prelude::*;
use std::path::Path;

fn replay(folder: &Path) -> usize {
    let mut count = 0;
    for (target, run) in bodies::TARGETS {
        let Ok(files) = std::fs::read_dir(folder.join(target)) else { continue };
        let mut files: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
        files.sort();
        for file in files {
            let data = std::fs::read(&file).expect("a file");
            if std::panic::catch_unwind(|| run(&data)).is_err() {
                panic!("{} fails", file.display());
            }
            count += 1;
        }
    }
    count
}

#[test]
fn every_committed_seed_passes_its_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let seeds = fuzz.join("seeds");
    for (target, _) in bodies::TARGETS {
        assert!(seeds.join(target).is_dir(), "no seeds for {target}");
    }
    assert!(replay(&seeds) >= bodies::TARGETS.len());
}

#[test]
fn every_file_of_the_minimised_corpora_passes_its_target() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    assert!(replay(&corpora) > 1000, "the corpora are part of the repository");
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(5000))]

    #[test]
    fn a_connection_keeps_its_promises_whatever_happens(
        data in proptest::collection::vec(any::<u8>(), 8..600)
    ) {
        bodies::connection_ops(&data);
    }

    #[test]
    fn no_bytes_make_a_parser_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (_, run) in bodies::TARGETS {
            run(&data);
        }
    }
}
