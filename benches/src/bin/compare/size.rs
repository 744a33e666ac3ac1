//! What a hello program costs: crates, build time, size.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use midge_benches::Result;
use midge_benches::clients::NAMES;
use midge_benches::meter::children_cpu_seconds;
use midge_benches::process::output;

use crate::table::{Table, number};
use crate::tools::Tools;

/// The same program for both; the manifest says what `nats` is.
const PROGRAM: &str = r#"
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = nats::connect("nats://127.0.0.1:4222").await?;
    client.publish("greet", "hello".into()).await?;
    client.flush().await?;
    Ok(())
}
"#;

/// The figures of one client.
struct Cost {
    crates: f64,
    cpu_seconds: f64,
    bytes: f64,
    cpu_seconds_lto: f64,
    bytes_lto: f64,
}

/// What is read from a cost, and how many times that of async-nats midge may have.
type Figure = (&'static str, fn(&Cost) -> f64, f64);

/// Builds the program with each client, cold, with and without link-time optimization.
pub(crate) fn run(tools: &Tools) -> Result<Table> {
    let folder = std::env::temp_dir().join(format!("midge-benches-size-{}", std::process::id()));
    let costs: Result<Vec<Cost>> =
        NAMES.iter().map(|client| cost(tools, &folder.join(client), client)).collect();
    // Whether or not it went well, nothing of it is needed any more.
    let _ = std::fs::remove_dir_all(&folder);
    let costs = costs?;
    let mut table = Table::new(&["figure", "async-nats", "midge", "midge / async-nats", "bar", ""]);
    table.note(
        "A program that publishes one message on tokio; TLS with ring, nkeys, no WebSocket. \
         Profile: release, stripped. A cold build each."
            .into(),
    );
    let figures: [Figure; 5] = [
        ("crates in the tree", |cost| cost.crates, 0.5),
        ("CPU seconds of the build", |cost| cost.cpu_seconds, 0.65),
        ("size in KiB", |cost| cost.bytes / 1024.0, 0.75),
        ("CPU seconds of the build, LTO", |cost| cost.cpu_seconds_lto, 0.65),
        ("size in KiB, LTO", |cost| cost.bytes_lto / 1024.0, 0.75),
    ];
    for (name, read, limit) in figures {
        let values: Vec<f64> = costs.iter().map(read).collect();
        let times = match values[..] {
            [other, ours] => Some(ours / other),
            _ => None,
        };
        let mut cells = vec![name.to_owned()];
        cells.extend(values.iter().map(|value| number(*value)));
        cells.resize(3, String::new());
        cells.push(times.map_or_else(String::new, |times| format!("{times:.2} x")));
        cells.push(format!("at most {limit} x"));
        cells.push(match times {
            None => String::new(),
            Some(times) if times <= limit => "met".into(),
            Some(_) => "**missed**".into(),
        });
        table.row(cells);
    }
    Ok(table)
}

fn cost(tools: &Tools, folder: &Path, client: &str) -> Result<Cost> {
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::write(folder.join("src").join("main.rs"), PROGRAM)?;
    std::fs::write(folder.join("Cargo.toml"), manifest(tools, client))?;
    // The same versions of what both use; cargo drops what the program does not need.
    let lock = tools.workspace().join("Cargo.lock");
    if lock.exists() {
        std::fs::copy(lock, folder.join("Cargo.lock"))?;
    }
    let tree = output(cargo(folder).args(["tree", "--edges", "normal,build", "--prefix", "none"]))?;
    let crates: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty() && !line.starts_with("hello "))
        .collect();
    eprintln!("size: {client}");
    let (cpu_seconds, bytes) = build(folder, "release")?;
    let (cpu_seconds_lto, bytes_lto) = build(folder, "lto")?;
    Ok(Cost { crates: crates.len() as f64, cpu_seconds, bytes, cpu_seconds_lto, bytes_lto })
}

fn build(folder: &Path, profile: &str) -> Result<(f64, f64)> {
    let before = children_cpu_seconds()?;
    output(cargo(folder).args(["build", "--quiet", "--profile", profile]))?;
    let cpu_seconds = children_cpu_seconds()? - before;
    let program: PathBuf = folder.join("target").join(profile).join("hello");
    Ok((cpu_seconds, std::fs::metadata(program)?.len() as f64))
}

/// A cargo that builds in `folder`, whatever the environment says about targets and wrappers.
fn cargo(folder: &Path) -> Command {
    let mut cargo = Tools::cargo();
    cargo.current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    for name in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS"] {
        cargo.env_remove(name);
    }
    cargo
}

fn manifest(tools: &Tools, client: &str) -> String {
    let nats = if client == "midge" {
        let path = tools.workspace().join("crates").join("midge-tokio");
        let features = r#"features = ["ring", "nkeys"]"#;
        format!(
            r#"{{ package = "midge-tokio", path = {path:?}, default-features = false, {features} }}"#
        )
    } else {
        let features = r#"features = ["ring", "nkeys"]"#;
        format!(
            r#"{{ package = "async-nats", version = "=0.51.0", default-features = false, {features} }}"#
        )
    };
    format!(
        r#"[package]
name = "hello"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
nats = {nats}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}

[profile.release]
strip = true

[profile.lto]
inherits = "release"
lto = true
"#
    )
}
