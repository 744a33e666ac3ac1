//! Instructions a message, by callgrind: the difference of two counts of messages.

use std::process::Command;

use midge_benches::Result;
use midge_benches::clients::NAMES;

use crate::table::{Table, number, verdict};
use crate::tools::{Peer, Tools};

/// Workload, options, and the most that midge may need.
const CASES: &[(&str, Peer, &str, Option<f64>)] = &[
    ("publish 128 B to the sink", Peer::Sink, "publish", Some(450.0)),
    ("receive 128 B from the replayer", Peer::Replayer, "receive", Some(500.0)),
    ("receive 128 B, 6 headers, 3 looked at", Peer::Replayer, "receive --headers 6", None),
    ("request 128 B, 64 in flight", Peer::ServerAndResponder, "request --in-flight 64", None),
];

/// The two counts. What is the same in both (start, connect, warm-up, end) falls out.
const FEW: u64 = 19_200;
const MANY: u64 = 96_000;

/// Measures every case and client once: nothing but user-space instructions is counted.
pub(crate) fn run(tools: &Tools) -> Result<Table> {
    let mut table = Table::new(&["workload", "async-nats", "midge", "bar", ""]);
    table.note(format!(
        "User-space instructions of the client an operation (callgrind, multi-thread runtime): the \
         difference of {MANY} and {FEW} operations."
    ));
    for (name, peer, workload, limit) in CASES {
        let mut cells = vec![(*name).to_owned()];
        let mut ours = None;
        for client in NAMES {
            eprintln!("instructions: {name}: {client}");
            let few = count(tools, *peer, client, workload, FEW)?;
            let many = count(tools, *peer, client, workload, MANY)?;
            let each = many.saturating_sub(few) as f64 / (MANY - FEW) as f64;
            cells.push(number(each));
            if *client == "midge" {
                ours = Some(each);
            }
        }
        cells.resize(3, String::new());
        cells.push(limit.map_or_else(String::new, |limit| format!("at most {limit}")));
        let met = ours.zip(*limit).map(|(ours, limit)| ours <= limit);
        cells.push(verdict(met));
        table.row(cells);
    }
    Ok(table)
}

/// Instructions of one run with `messages` messages.
fn count(tools: &Tools, peer: Peer, client: &str, workload: &str, messages: u64) -> Result<u64> {
    let running = tools.start(peer)?;
    let file = std::env::temp_dir().join(format!("midge-benches-{}.callgrind", std::process::id()));
    let run = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(tools.binary("client"))
        .arg(client)
        .args(workload.split(' '))
        .args(["--warm-up", "6400", "--count", &messages.to_string(), "--url", running.url()])
        .output()
        .map_err(|error| format!("cannot start valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() {
        return Err(format!("valgrind: {}: {said}", run.status).into());
    }
    // The profile was needed only for its sum, which is in what valgrind says, too.
    let _ = std::fs::remove_file(&file);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, sum) = collected.ok_or_else(|| format!("no sum in what valgrind said: {said}"))?;
    Ok(sum.trim().parse()?)
}
