//! The clients under test, and the one way to run a workload on any of them.

pub mod async_nats;
#[cfg(feature = "midge")]
pub mod blocking;
mod executor;
#[cfg(feature = "midge")]
pub mod midge;
mod watchdog;

pub use executor::{Executor, Task};

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;

use crate::args::Args;
use crate::go::Order;
use crate::report::Report;
use crate::{Result, meter};

/// Names of the clients that are set against each other, as far as they are compiled in, the one to
/// compare with first.
pub const NAMES: &[&str] =
    if cfg!(feature = "midge") { &["async-nats", "midge"] } else { &["async-nats"] };

/// What a workload is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's URL.
    pub url: String,
    /// What the workload's tasks run on.
    pub executor: Executor,
    /// Operations to measure.
    pub count: usize,
    /// Operations ahead of those, not measured.
    pub warm_up: usize,
    /// Bytes of payload.
    pub size: usize,
    /// Headers in each received message; three of them are looked at by name.
    pub headers: usize,
    /// Subscriptions to register.
    pub subscriptions: usize,
    /// Subscriptions that get messages.
    pub hot: usize,
    /// In which order they get them.
    pub order: Order,
    /// Requests in flight that are measured.
    pub in_flight: usize,
    /// Requests in flight besides, which nobody answers.
    pub waiting: usize,
    /// Messages that a consumer is asked for at once.
    pub batch: usize,
}

/// Messages that wait for their acknowledgements where messages are published through a window.
pub(crate) const WINDOW: usize = 256;

/// How many messages a client said that it dropped.
pub type Drops = Arc<AtomicU64>;

/// How much a subscription must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// What the client does by itself; for workloads that measure memory.
    Default,
    /// Nothing may be dropped, though this many messages may be on their way at once.
    Lossless(usize),
}

/// The `main` of `client` and `alloc`: runs one workload, prints one line of JSON.
///
/// # Errors
///
/// Whatever went wrong, a dropped message and a run that does not end included.
pub fn main() -> Result<()> {
    let args = Args::from_env(&[]);
    let [client, workload] = args.words() else {
        return Err("usage: <client> <workload> --url <url> [--count <n>] [...]".into());
    };
    let report = run(client, workload, &args)?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn run(client: &str, workload: &str, args: &Args) -> Result<Report> {
    args.expect_only(&[
        "url",
        "count",
        "warm-up",
        "size",
        "headers",
        "subscriptions",
        "hot",
        "order",
        "in-flight",
        "waiting",
        "batch",
        "runtime",
        "workers",
    ])?;
    let count = args.value("count", 100_000)?;
    let runtime = args.text("runtime").unwrap_or("multi");
    let executor = Executor::parse(runtime)?;
    let settings = Settings {
        executor,
        url: args.text("url").ok_or("--url is missing")?.into(),
        count,
        warm_up: args.value("warm-up", count / 20)?,
        size: args.value("size", 128)?,
        headers: args.value("headers", 0)?,
        subscriptions: args.value("subscriptions", 1)?,
        hot: args.value("hot", 1)?,
        order: match args.text("order") {
            None | Some("in-turn") => Order::InTurn,
            Some("shuffled") => Order::Shuffled,
            Some(other) => return Err(format!("--order {other:?}: in-turn or shuffled").into()),
        },
        in_flight: args.value("in-flight", 1)?,
        waiting: args.value("waiting", 0)?,
        batch: args.value("batch", 500)?,
    };
    meter::raise_open_files()?;
    let drops = Drops::default();
    // What is idle must not be woken to be looked after.
    let tick = if workload == "idle" { Duration::MAX } else { Duration::from_secs(1) };
    watchdog::start(&drops, tick);
    let (name, told) = (workload.to_owned(), drops.clone());
    let mut report = match client {
        "async-nats" if executor.is_tokio() => executor
            .run(args, async move { async_nats::workloads::run(&name, &settings, &told).await })?,
        #[cfg(feature = "midge")]
        "midge" => executor
            .run(args, async move { midge::workloads::run(&name, &settings, &told).await })?,
        // Its calls block, so that it runs on no executor.
        #[cfg(feature = "midge")]
        "midge-blocking" => blocking::run(workload, &settings, &drops)?,
        other => {
            return Err(format!("no client {other:?} on {runtime}; there is {NAMES:?}").into());
        }
    };
    report.dropped = drops.load(Ordering::Relaxed);
    if report.dropped > 0 {
        return Err(format!("void: {} dropped", report.dropped).into());
    }
    report.peak_kib = meter::resident_kib()?.1;
    Ok(report)
}

/// What is published, or asked with.
fn payload(settings: &Settings) -> Bytes {
    Bytes::from(vec![b'x'; settings.size])
}

/// Checks what a marker came back with: an empty echo, or how many messages the other end counted.
fn check_marker(payload: &[u8], sent: usize) -> Result<()> {
    if payload.is_empty() {
        return Ok(());
    }
    let counted: usize = core::str::from_utf8(payload)?.parse()?;
    if counted == sent {
        return Ok(());
    }
    Err(format!("void: sent {sent} messages, {counted} arrived").into())
}

/// Tells whoever started this process that it has come to where it is to be looked at.
fn say_ready() {
    println!("ready");
}
