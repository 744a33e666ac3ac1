//! The clients under test, and the one way to run a workload on any of them.

pub mod async_nats;
#[cfg(feature = "midge")]
pub mod midge;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::args::Args;
use crate::go::Order;
use crate::report::Report;
use crate::{Result, meter};

/// Names of the clients that are compiled in, the one to compare with first.
pub const NAMES: &[&str] =
    if cfg!(feature = "midge") { &["async-nats", "midge"] } else { &["async-nats"] };

/// What a workload is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's URL.
    pub url: String,
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
}

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

/// How long a workload may take.
///
/// A run in which messages got lost waits for them forever; a whole one takes a few seconds.
const RUN_MAX: Duration = Duration::from_secs(180);

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
        "runtime",
        "workers",
    ])?;
    let count = args.value("count", 100_000)?;
    let settings = Settings {
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
    };
    meter::raise_open_files()?;
    let runtime = runtime(args)?;
    let drops = Drops::default();
    let (name, told) = (workload.to_owned(), drops.clone());
    // A spawned task, since the body of `block_on` is not run by a worker.
    let task = match client {
        "async-nats" => {
            runtime.spawn(async move { async_nats::workloads::run(&name, &settings, &told).await })
        }
        #[cfg(feature = "midge")]
        "midge" => {
            runtime.spawn(async move { midge::workloads::run(&name, &settings, &told).await })
        }
        other => return Err(format!("no client {other:?}; there is {NAMES:?}").into()),
    };
    let mut report = runtime.block_on(watch(task, &drops))?;
    report.dropped = drops.load(Ordering::Relaxed);
    if report.dropped > 0 {
        return Err(format!("void: {} dropped", report.dropped).into());
    }
    report.peak_kib = meter::resident_kib()?.1;
    // Thousands of connections need not be taken down in good order.
    runtime.shutdown_background();
    Ok(report)
}

/// Waits for the workload; fails once a message was dropped or the time is up.
async fn watch(mut task: tokio::task::JoinHandle<Result<Report>>, drops: &Drops) -> Result<Report> {
    let tick = Duration::from_secs(1);
    for _ in 0..RUN_MAX.as_secs() {
        if let Ok(outcome) = tokio::time::timeout(tick, &mut task).await {
            return outcome?;
        }
        let dropped = drops.load(Ordering::Relaxed);
        if dropped > 0 {
            return Err(format!("void: {dropped} dropped").into());
        }
    }
    Err(format!("void: not done after {RUN_MAX:?}").into())
}

fn runtime(args: &Args) -> Result<Runtime> {
    let mut builder = match args.text("runtime") {
        None | Some("multi") => Builder::new_multi_thread(),
        Some("current") => Builder::new_current_thread(),
        Some(other) => return Err(format!("--runtime {other:?}: multi or current").into()),
    };
    if let Some(workers) = args.text("workers") {
        builder.worker_threads(workers.parse()?);
    }
    Ok(builder.enable_all().build()?)
}
