//! How often a process wakes whose connection has nothing to do.

use core::time::Duration;
use std::collections::BTreeMap;
use std::process::Command;

use midge_benches::Result;
use midge_benches::meter::{sleeps, wakes};
use midge_benches::process::Helper;

use crate::Plan;
use crate::adapters::ADAPTERS;
use crate::statistics::Spread;
use crate::table::Table;
use crate::tools::{Peer, Tools};

/// How long after its connect a connection is left alone.
///
/// A server measures the round trip after 2 s. The timer of the attempt's deadline, 5 s by default,
/// is not taken back but left to find that nothing is due: one wake-up in the life of a connection.
const SETTLED: Duration = Duration::from_secs(6);

/// How long wake-ups are counted.
///
/// Neither side pings as often, so nothing is due.
const COUNTED: Duration = Duration::from_secs(10);

/// What a connection may wake for in that time: nothing.
const MOST: f64 = 0.0;

const OTHER: &str = "async-nats: tokio, a worker a core";

/// Counts wake-ups of a process of each adapter, all side by side on one server.
pub(crate) fn run(tools: &Tools, plan: &Plan) -> Result<Table> {
    let mut counts: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in 0..plan.rounds {
        eprintln!("idle: {} of {}", round + 1, plan.rounds);
        let server = tools.start(Peer::Server)?;
        let mut clients = Vec::new();
        let mut start = |name: &'static str, command: &mut Command| -> Result<()> {
            clients.push((name, Helper::start(command.args(["--url", server.url()]))?));
            Ok(())
        };
        start(OTHER, Command::new(tools.binary("client")).args(["async-nats", "idle"]))?;
        for adapter in ADAPTERS {
            start(adapter.name, &mut adapter.command(tools, "idle")?)?;
        }
        std::thread::sleep(SETTLED);
        let read = || -> Result<Vec<BTreeMap<u32, u64>>> {
            clients.iter().map(|(_, client)| sleeps(client.id())).collect()
        };
        let before = read()?;
        std::thread::sleep(COUNTED);
        let after = read()?;
        for (((name, _), before), after) in clients.iter().zip(&before).zip(&after) {
            counts.entry(name).or_default().push(wakes(before, after) as f64);
        }
    }
    let mut table = Table::new(&["client", "min", "median", "max", "bar", ""]);
    table.note(format!(
        "Wake-ups of all threads of a process with one idle connection, in {} s that begin {} s \
         after the connect (the deadline of the attempt, 5 s, is a wake-up before that): voluntary \
         context switches by `/proc/<pid>/task/*/status`. {} rounds.",
        COUNTED.as_secs(),
        SETTLED.as_secs(),
        plan.rounds,
    ));
    for name in core::iter::once(OTHER).chain(ADAPTERS.iter().map(|adapter| adapter.name)) {
        let spread = counts.get(name).and_then(|counts| Spread::of(counts.iter().copied()));
        let mut cells = vec![name.to_owned()];
        cells.extend(Spread::cells(spread));
        if name != OTHER {
            cells.push(format!("at most {MOST}"));
            cells.push(plan.verdict(spread.map(|spread| spread.median <= MOST)));
        }
        cells.resize(6, String::new());
        table.row(cells);
    }
    Ok(table)
}
