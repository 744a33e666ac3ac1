# Every check and tool as a recipe; `just --list` shows them.

# All that CI runs.
ci:
    .ci/run

fmt:
    cargo fmt --all -- --check

clippy:
    cargo clippy --all-targets -- -D warnings

docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

test:
    cargo test

# The core without std.
no-std:
    cargo build -p midge-proto --no-default-features --features nkeys,jetstream
    cargo run --release --manifest-path no-std/Cargo.toml

# Every behaviour on every adapter over every transport; arguments are parts of names.
conformance *args:
    cargo test -p midge-tests --test conformance -- {{ args }}

# The comparison with other clients; writes docs/benchmarks.md.
bench *args:
    cargo run --release -p midge-benches --bin compare -- {{ args }}

# Every feature on its own (needs cargo-hack).
features:
    cargo hack check --each-feature --no-dev-deps

# Licences, bans and sources of dependencies (needs cargo-deny).
deny:
    cargo deny check

# One fuzz target, for so many seconds (needs cargo-fuzz; runs on the stable toolchain).
fuzz target seconds="300":
    RUSTC_BOOTSTRAP=1 cargo fuzz run {{ target }} fuzz/corpus/{{ target }} fuzz/seeds/{{ target }} -- -max_total_time={{ seconds }}
