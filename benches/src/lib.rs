#![forbid(unsafe_code)]
//! Side-by-side measurements of midge and async-nats.
//!
//! ```text
//! cargo run --release -p midge-benches                    # every row, both runtimes; writes docs/benchmarks.md
//! cargo run --release -p midge-benches -- --only receive  # the rows whose name contains "receive"; prints only
//! cargo run --release -p midge-benches -- --quick         # a tenth of the messages, three rounds; prints only
//! cargo run --release -p midge-benches -- jetstream       # publishing to streams and reading them
//! cargo run --release -p midge-benches -- codec           # decoder and encoder alone, by criterion
//! cargo run --release -p midge-benches -- adapters        # midge alone, the same workloads on each adapter
//! cargo run --release -p midge-benches -- idle            # wake-ups of an idle connection on each adapter
//! cargo run --release -p midge-benches -- adapter-sizes   # lines, crates and size of a hello program of each
//! cargo run --release -p midge-benches -- size            # crates, build time and size of a hello program
//! cargo run --release -p midge-benches -- instructions    # callgrind (needs valgrind)
//! cargo bench -p midge-benches --bench codec              # one round of `codec`, in criterion's words
//! ```
//!
//! Sections can be given together; each replaces its own part of the document and leaves the rest.
//!
//! # The processes
//!
//! Every round starts fresh processes, and CPU time is that of the client process alone.
//!
//! | binary | what it is |
//! | --- | --- |
//! | `compare` | starts all others, takes rounds in turns, prints and writes the tables |
//! | `client` | one client, one workload, one line of JSON |
//! | `alloc` | the same with a counting allocator |
//! | `sink` | accepts publishes, counts and discards them |
//! | `replayer` | `serve`: sends prebuilt messages; `publish`, `respond`: the raw other end behind a real server |
//!
//! # What keeps a comparison fair
//!
//! - The workloads ([`clients`]) are one source text, compiled once a client. What the clients
//!   cannot share (options, how a subscription is made lossless) is in `clients/<client>.rs`.
//! - A publish run ends when the other end has answered a marker that was published last; the sink
//!   answers with the number of messages it counted, and the client checks it. A receive run ends
//!   when user code has the last message.
//! - A run that dropped a message, or did not end in time, is an error, and no figure comes of it.
//! - Both clients run on the same tokio runtime with the same number of workers, the workload in a
//!   spawned task.
//! - Adapters of midge run the same text, each set against the tokio that has as many threads; only
//!   calls that block need a text of their own (`clients/blocking.rs`), line for line the same work.

pub mod args;
pub mod clients;
pub mod codec;
pub mod go;
pub mod meter;
pub mod process;
pub mod report;
pub mod wire;

/// The error of everything here: a tool that stops and prints it.
pub type Error = Box<dyn core::error::Error + Send + Sync>;

/// A result whose error is only ever printed.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Subjects that the clients and the raw tools have agreed on.
pub mod subjects {
    /// Where publish workloads publish to.
    pub const PUBLISH: &str = "bench.publish";
    /// What receive workloads subscribe to; with many subscriptions, followed by `.<index>`.
    pub const RECEIVE: &str = "bench.receive";
    /// A [`Go`](crate::go::Go) starts the replayer.
    pub const GO: &str = "bench.go";
    /// The marker that ends a publish run: a server echoes it, the sink answers with its count.
    pub const DONE: &str = "bench.done";
    /// What the stream of JetStream workloads takes.
    pub const STREAM: &str = "bench.stream";
    /// The responder answers with the payload of the request.
    pub const ECHO: &str = "bench.echo";
    /// The responder never answers.
    pub const MUTE: &str = "bench.mute";
    /// The responder answers with the number of requests to [`MUTE`] that it has seen.
    pub const MUTED: &str = "bench.muted";
}
