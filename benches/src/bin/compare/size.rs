//! What a hello program costs with each client: crates, build time, size.

use midge_benches::Result;
use midge_benches::clients::NAMES;
use midge_benches::meter::children_cpu_seconds;

use crate::hello::{Folder, Hello, Profile};
use crate::table::{Table, number, verdict};
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

/// What it needs beside the client.
const TOKIO: &str = r#"tokio = { version = "1", features = ["macros", "rt-multi-thread"] }"#;

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
    let costs: Result<Vec<Cost>> = NAMES.iter().map(|client| cost(tools, client)).collect();
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
        cells.push(verdict(times.map(|times| times <= limit)));
        table.row(cells);
    }
    Ok(table)
}

fn cost(tools: &Tools, client: &str) -> Result<Cost> {
    // One each, so that neither finds anything built.
    let folder = Folder::new(client)?;
    let hello =
        Hello::write(tools, &folder, client, PROGRAM, &[&dependency(tools, client), TOKIO])?;
    let crates = hello.crates("normal,build")? as f64;
    eprintln!("size: {client}");
    let (cpu_seconds, bytes) = build(&hello, Profile::Release)?;
    let (cpu_seconds_lto, bytes_lto) = build(&hello, Profile::Lto)?;
    Ok(Cost { crates, cpu_seconds, bytes, cpu_seconds_lto, bytes_lto })
}

/// CPU seconds of a build, and the bytes that came of it.
fn build(hello: &Hello, profile: Profile) -> Result<(f64, f64)> {
    let before = children_cpu_seconds()?;
    let bytes = hello.build(profile)?;
    Ok((children_cpu_seconds()? - before, bytes as f64))
}

/// The client's line in the manifest.
fn dependency(tools: &Tools, client: &str) -> String {
    if client == "midge" {
        return Hello::adapter(tools, "midge-tokio");
    }
    let features = r#"default-features = false, features = ["ring", "nkeys"]"#;
    format!(r#"nats = {{ package = "async-nats", version = "=0.51.0", {features} }}"#)
}
