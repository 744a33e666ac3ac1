//! What each adapter is and brings: lines of code, crates, size of a hello program.

use midge_benches::Result;

use crate::hello::{Folder, Hello, Profile, lines_of_code};
use crate::table::{Table, number, verdict};
use crate::tools::Tools;

/// The most lines of code of an adapter; the blocking one has the calls that block besides.
const LINES_MAX: usize = 150;

/// An adapter and a program that publishes on it.
struct Adapter {
    package: &'static str,
    program: &'static str,
    /// The runtime's line in the manifest.
    runtime: &'static str,
    lines_max: Option<usize>,
}

const ADAPTERS: &[Adapter] = &[
    Adapter {
        package: "midge-tokio",
        program: r#"
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = nats::connect("nats://127.0.0.1:4222").await?;
    client.publish("greet", "hello".into()).await?;
    client.flush().await?;
    Ok(())
}
"#,
        runtime: r#"tokio = { version = "1", features = ["macros", "rt-multi-thread"] }"#,
        lines_max: Some(LINES_MAX),
    },
    Adapter {
        package: "midge-smol",
        program: r#"
fn main() -> Result<(), Box<dyn std::error::Error>> {
    smol::block_on(async {
        let client = nats::connect("nats://127.0.0.1:4222").await?;
        client.publish("greet", "hello".into()).await?;
        client.flush().await?;
        Ok(())
    })
}
"#,
        runtime: r#"smol = "2""#,
        lines_max: Some(LINES_MAX),
    },
    Adapter {
        package: "midge-async-std",
        program: r#"
fn main() -> Result<(), Box<dyn std::error::Error>> {
    async_std::task::block_on(async {
        let client = nats::connect("nats://127.0.0.1:4222").await?;
        client.publish("greet", "hello".into()).await?;
        client.flush().await?;
        Ok(())
    })
}
"#,
        runtime: r#"async-std = "1""#,
        lines_max: Some(LINES_MAX),
    },
    Adapter {
        package: "midge-blocking",
        program: r#"
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = nats::connect("nats://127.0.0.1:4222")?;
    client.publish("greet", "hello".into())?;
    client.flush()?;
    Ok(())
}
"#,
        runtime: "",
        lines_max: None,
    },
];

/// What adapters share, and has no program of its own.
const SHARED: &str = "midge-socket";

/// Counts, and builds each program once.
pub(crate) fn run(tools: &Tools) -> Result<Table> {
    let folder = Folder::new("adapters")?;
    let mut table = Table::new(&["adapter", "lines of code", "bar", "", "crates", "size in KiB"]);
    table.note(format!(
        "Lines in `src/` that are neither blank nor a comment, what it shares with others \
         (`{SHARED}`; `midge-smol` for `midge-async-std`) not counted; `midge-blocking` with all \
         calls that block. Crates by `cargo tree -e normal`, and size, of a program that connects \
         and publishes; TLS with ring, nkeys, no WebSocket. Profile: release, stripped."
    ));
    let lines =
        |package: &str| lines_of_code(&tools.workspace().join("crates").join(package).join("src"));
    for adapter in ADAPTERS {
        let Adapter { package, program, runtime, lines_max } = adapter;
        eprintln!("adapter-sizes: {package}");
        let dependency = Hello::adapter(tools, package);
        let hello = Hello::write(tools, &folder, package, program, &[&dependency, runtime])?;
        let code = lines(package)?;
        let limit = lines_max.map_or_else(String::new, |limit| format!("at most {limit}"));
        let met = lines_max.map(|limit| code <= limit);
        let crates = hello.crates("normal")?;
        let size = hello.build(Profile::Release)? as f64 / 1024.0;
        let package = (*package).to_owned();
        let cells =
            vec![package, code.to_string(), limit, verdict(met), crates.to_string(), number(size)];
        table.row(cells);
    }
    let mut cells = vec![SHARED.to_owned(), lines(SHARED)?.to_string()];
    cells.resize(6, String::new());
    table.row(cells);
    Ok(table)
}
