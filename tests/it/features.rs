//! Switches of features: CI builds each one alone.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::Path;

/// What CI does not build alone: the default; the second provider, which the tests have beside the
/// first; and its certified build, which takes Go and minutes.
const EXCEPTIONS: [&str; 3] = ["default", "aws-lc-rs", "fips"];

fn below_the_root(path: &str) -> String {
    read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The features that a manifest declares.
fn features(manifest: &str) -> BTreeSet<String> {
    let text = below_the_root(manifest);
    let (_, section) = text.split_once("[features]\n").unwrap();
    let section = section.split("\n[").next().unwrap();
    section
        .lines()
        .filter(|line| !line.starts_with(['#', ' ', ']']))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !EXCEPTIONS.contains(&name.as_str()))
        .collect()
}

#[test]
fn ci_builds_the_client_without_features_and_with_each_one_alone() {
    let ci = below_the_root(".ci/run");
    let alone: BTreeSet<&str> = ci
        .lines()
        .filter_map(|line| line.trim().split_once("-p midge-tokio --no-default-features"))
        .map(|(_, features)| features.trim().trim_start_matches("--features "))
        .collect();
    assert!(alone.contains(""), "without features: {alone:?}");
    let declared = features("crates/midge-tokio/Cargo.toml");
    assert!(declared.len() >= 3, "{declared:?}");
    for feature in &declared {
        assert!(alone.contains(feature.as_str()), "{feature} alone: {alone:?}");
    }
    // The adapter passes on what the client has.
    for feature in features("crates/midge/Cargo.toml") {
        assert!(declared.contains(&feature), "{feature} of the client: {declared:?}");
    }
}
