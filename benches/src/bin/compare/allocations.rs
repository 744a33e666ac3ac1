//! Allocations a message, by a client with a counting allocator.

use midge_benches::Result;
use midge_benches::clients::NAMES;

use crate::Plan;
use crate::table::{Table, number, verdict};
use crate::tools::{Peer, Tools};

/// Name, peer, workload and options of what is counted, with the most that midge may need.
pub(crate) type Case = (&'static str, Peer, &'static str, Option<f64>);

/// What is counted without JetStream.
pub(crate) const CASES: &[Case] = &[
    ("publish 128 B", Peer::Sink, "publish --count 500000", Some(0.0)),
    ("receive 128 B", Peer::Replayer, "receive --count 500000", Some(1.0 / 64.0)),
    (
        "receive 128 B, 6 headers, 3 looked at",
        Peer::Replayer,
        "receive --count 200000 --headers 6",
        None,
    ),
    ("request 128 B, one by one", Peer::ServerAndResponder, "request --count 10000", None),
    (
        "request 128 B, 64 in flight",
        Peer::ServerAndResponder,
        "request --count 64000 --in-flight 64",
        None,
    ),
];

/// What is counted of JetStream.
pub(crate) const JETSTREAM: &[Case] = &[
    (
        "publish 128 B, each acknowledged before the next",
        Peer::JetStream,
        "jetstream-publish --count 10000",
        None,
    ),
    (
        "publish 128 B, a window of 256",
        Peer::JetStream,
        "jetstream-window --count 100000",
        Some(2.0),
    ),
    (
        "fast ingest 128 B (async-nats: a window of 256)",
        Peer::JetStream,
        "jetstream-ingest --count 100000",
        None,
    ),
    (
        "pull 128 B and acknowledge, batches of 500",
        Peer::JetStream,
        "jetstream-consume --count 100000",
        None,
    ),
    (
        "read stored messages of 128 B in order",
        Peer::JetStream,
        "jetstream-ordered --count 100000 --warm-up 0",
        None,
    ),
];

/// A client allocates a little for each run whatever the number of messages (a task, a buffer
/// that grows); this much is called none.
const NONE: f64 = 0.001;

/// Counts allocations of each case and client, the whole process included.
pub(crate) fn run(tools: &Tools, plan: &Plan, cases: &[Case]) -> Result<Table> {
    let mut table = Table::new(&["workload", "async-nats", "midge", "bar", ""]);
    table.note(
        "Allocations an operation in the whole client process (multi-thread runtime), one run."
            .into(),
    );
    for (name, peer, workload, limit) in cases.iter().filter(|(name, ..)| plan.wants(name)) {
        let mut cells = vec![(*name).to_owned()];
        let mut ours = None;
        for client in NAMES {
            let arguments: Vec<String> =
                [*client].into_iter().chain(workload.split(' ')).map(String::from).collect();
            let each = tools.run("alloc", *peer, &arguments)?.allocations_each();
            cells.push(if each < 1.0 { format!("{each:.4}") } else { number(each) });
            if *client == "midge" {
                ours = Some(each);
            }
        }
        cells.resize(3, String::new());
        cells.push(limit.map_or_else(String::new, |limit| format!("at most {limit}")));
        let met = ours.zip(*limit).map(|(ours, limit)| ours <= limit + NONE);
        cells.push(verdict(met));
        table.row(cells);
    }
    Ok(table)
}
