//! The same workloads on each runtime, set against tokio.

use std::collections::BTreeMap;
use std::process::Command;

use midge_benches::Result;
use midge_benches::report::Report;

use crate::Plan;
use crate::rows::{Figure, ROWS, Row};
use crate::statistics::Spread;
use crate::table::Table;
use crate::tools::Tools;

/// One way to run midge.
pub(crate) struct Adapter {
    pub(crate) name: &'static str,
    /// What the client process calls it.
    client: &'static str,
    runtime: &'static str,
    workers: Workers,
    /// Which of the others it is set against.
    against: Option<Against>,
}

/// How many threads run tasks, beside the main thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Workers {
    One,
    EachCore,
}

/// What an adapter has to keep up with.
struct Against {
    adapter: &'static str,
    /// The figure that counts and how many times that of the other it may be.
    bar: (Figure, f64),
}

const TOKIO_MULTI: &str = "tokio, a worker a core";
const TOKIO_CURRENT: &str = "tokio, current thread";

const fn cpu(adapter: &'static str) -> Option<Against> {
    Some(Against { adapter, bar: (Figure::Cpu, 1.15) })
}

/// Every adapter, in the order of the table; each against the tokio that has as many threads.
pub(crate) const ADAPTERS: &[Adapter] = &[
    Adapter {
        name: TOKIO_MULTI,
        client: "midge",
        runtime: "multi",
        workers: Workers::EachCore,
        against: None,
    },
    Adapter {
        name: TOKIO_CURRENT,
        client: "midge",
        runtime: "current",
        workers: Workers::One,
        against: None,
    },
    Adapter {
        name: "smol, a thread a core",
        client: "midge",
        runtime: "smol",
        workers: Workers::EachCore,
        against: cpu(TOKIO_MULTI),
    },
    Adapter {
        name: "smol, one thread (its default)",
        client: "midge",
        runtime: "smol",
        workers: Workers::One,
        against: cpu(TOKIO_CURRENT),
    },
    Adapter {
        name: "async-std, a thread a core",
        client: "midge",
        runtime: "async-std",
        workers: Workers::EachCore,
        against: cpu(TOKIO_MULTI),
    },
    Adapter {
        name: "blocking",
        client: "midge-blocking",
        runtime: "current",
        workers: Workers::One,
        against: Some(Against { adapter: TOKIO_CURRENT, bar: (Figure::Median, 1.0) }),
    },
];

/// A row of the other comparison that is run here.
struct Workload {
    name: &'static str,
    /// What is told of it.
    figures: [Figure; 2],
    /// The one of them that has a bar.
    barred: Figure,
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "publish 128 B to the sink",
        figures: [Figure::Rate, Figure::Cpu],
        barred: Figure::Cpu,
    },
    Workload {
        name: "receive 128 B from the replayer",
        figures: [Figure::Rate, Figure::Cpu],
        barred: Figure::Cpu,
    },
    Workload {
        name: "request 128 B, one by one",
        figures: [Figure::Median, Figure::Cpu],
        barred: Figure::Median,
    },
];

/// Reports of all rounds of one workload, by adapter.
type Outcome = BTreeMap<&'static str, Vec<Report>>;

/// Runs the workloads that the plan wants on every adapter.
pub(crate) fn run(tools: &Tools, plan: &Plan) -> Result<Table> {
    let mut table = Table::new(&[
        "workload", "adapter", "figure", "min", "median", "max", "ratio", "to", "bar", "",
    ]);
    table.note(format!(
        "midge alone, the same workloads on each adapter; {} rounds of each in turns; min, median \
         and max over the rounds, the ratio is that of the medians. Calls that block have a \
         workload text of their own.",
        plan.rounds,
    ));
    for workload in WORKLOADS.iter().filter(|workload| plan.wants(workload.name)) {
        let row = ROWS.iter().find(|row| row.name == workload.name);
        let row = row.ok_or_else(|| format!("no row {:?}", workload.name))?;
        let outcome = measure(tools, plan, row)?;
        for adapter in ADAPTERS {
            show(plan, workload, adapter, &outcome, &mut table);
        }
    }
    Ok(table)
}

fn measure(tools: &Tools, plan: &Plan, row: &Row) -> Result<Outcome> {
    let mut outcome = Outcome::new();
    for round in 0..plan.rounds {
        // Who goes first changes from round to round.
        for nth in 0..ADAPTERS.len() {
            let adapter = &ADAPTERS[(nth + round) % ADAPTERS.len()];
            eprintln!("{}: {}, {} of {}", row.name, adapter.name, round + 1, plan.rounds);
            let mut command = adapter.command(tools, row.workload)?;
            let report = tools.report(command.args(row.options(plan.divisor)), row.peer)?;
            outcome.entry(adapter.name).or_default().push(report);
        }
    }
    Ok(outcome)
}

fn show(plan: &Plan, workload: &Workload, adapter: &Adapter, outcome: &Outcome, table: &mut Table) {
    for (index, figure) in workload.figures.into_iter().enumerate() {
        let spread = |name| {
            let reports: &Vec<Report> = outcome.get(name)?;
            Spread::of(reports.iter().filter_map(|report| figure.read(report)))
        };
        let ours = spread(adapter.name);
        let mut cells = vec![workload.name.to_owned(), adapter.name.into(), figure.title().into()];
        if index > 0 {
            cells[..2].fill(String::new());
        }
        cells.extend(Spread::cells(ours));
        if let Some(against) = &adapter.against {
            let times =
                ours.zip(spread(against.adapter)).map(|(ours, other)| ours.median / other.median);
            cells.push(times.map_or_else(String::new, |times| format!("{times:.2} x")));
            cells.push(against.adapter.into());
            let (counts, limit) = against.bar;
            if counts == figure && figure == workload.barred {
                cells.push(format!("at most {limit} x"));
                cells.push(plan.verdict(times.map(|times| times <= limit)));
            }
        }
        cells.resize(10, String::new());
        table.row(cells);
    }
}

impl Adapter {
    /// A client process of this adapter with `workload`.
    pub(crate) fn command(&self, tools: &Tools, workload: &str) -> Result<Command> {
        let threads = match self.workers {
            Workers::One => 1,
            Workers::EachCore => std::thread::available_parallelism()?.get(),
        };
        let threads = threads.to_string();
        let mut command = Command::new(tools.binary("client"));
        command.args([self.client, workload, "--runtime", self.runtime]);
        command.env("SMOL_THREADS", &threads).env("ASYNC_STD_THREAD_COUNT", &threads);
        Ok(command)
    }
}
