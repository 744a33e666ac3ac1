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
    cargo fmt --manifest-path no-std/Cargo.toml -- --check
    cargo run --release --locked --manifest-path no-std/Cargo.toml | grep "^PUB greet 5"

# Every behaviour on every adapter over every transport; arguments are parts of names.
conformance *args:
    cargo test -p midge-tests --test conformance -- {{ args }}

# The comparison with other clients; writes docs/benchmarks.md.
bench *args:
    cargo run --release -p midge-benches --bin compare -- {{ args }}

# The features one by one: each only adds.
features:
    #!/usr/bin/env bash
    set -euo pipefail
    export RUSTFLAGS="-D warnings" CARGO_TARGET_DIR=target/features
    for feature in "" tls nkeys ring websocket; do
        cargo check -p midge-tokio --no-default-features --features "$feature"
    done
    for adapter in smol async-std blocking; do
        cargo check -p "midge-$adapter" --no-default-features
    done

# The seeds of the fuzz targets, through the same functions.
corpus:
    cargo test -p midge-proto --features jetstream --test corpus

# One fuzz target, for so many seconds (needs cargo-fuzz; runs on the stable toolchain).
fuzz target seconds="300":
    RUSTC_BOOTSTRAP=1 cargo fuzz run {{ target }} fuzz/corpus/{{ target }} fuzz/seeds/{{ target }} -- -max_total_time={{ seconds }}
