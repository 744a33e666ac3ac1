//! Takes rounds of each row in turns and sets midge against async-nats.

use std::collections::BTreeMap;

use midge_benches::Result;
use midge_benches::clients::NAMES;
use midge_benches::report::Report;

use crate::Plan;
use crate::rows::{Figure, Limit, Row};
use crate::statistics::Spread;
use crate::table::Table;
use crate::tools::Tools;

/// The two sides of a comparison: the client to compare with, and ours.
const OTHER: &str = "async-nats";
const OURS: &str = "midge";

/// Reports of all rounds, by row and client.
type Outcome = BTreeMap<(&'static str, &'static str), Vec<Report>>;

/// Runs those of `rows` that the plan wants on one runtime.
pub(crate) fn run(tools: &Tools, plan: &Plan, runtime: &str, rows: &[Row]) -> Result<Table> {
    let mut outcome = Outcome::new();
    let mut table = Table::new(&[
        "workload",
        "figure",
        "async-nats: min",
        "median",
        "max",
        "midge: min",
        "median",
        "max",
        "midge / async-nats",
        "bar",
        "",
    ]);
    table.note(format!(
        "tokio, {runtime}-thread runtime; {} rounds of each client in turns; min, median and max \
         over the rounds, the ratio is that of the medians.",
        plan.rounds,
    ));
    for row in rows.iter().filter(|row| plan.wants(row.name)) {
        measure(tools, plan, runtime, row, &mut outcome)?;
        show(plan, row, &outcome, &mut table);
    }
    Ok(table)
}

fn measure(
    tools: &Tools,
    plan: &Plan,
    runtime: &str,
    row: &Row,
    outcome: &mut Outcome,
) -> Result<()> {
    for round in 0..plan.rounds {
        // Who goes first changes from round to round.
        let mut order = NAMES.to_vec();
        order.rotate_left(round % NAMES.len());
        for client in order {
            let arguments = row.arguments(client, runtime, plan.divisor);
            eprintln!("{runtime}: {}: {client}, {} of {}", row.name, round + 1, plan.rounds);
            let report = tools.run("client", row.peer, &arguments)?;
            outcome.entry((row.name, client)).or_default().push(report);
        }
    }
    Ok(())
}

fn show(plan: &Plan, row: &Row, outcome: &Outcome, table: &mut Table) {
    for (index, bar) in row.bars.iter().enumerate() {
        let other = spread(outcome, row.name, OTHER, bar.figure);
        let ours = spread(outcome, row.name, OURS, bar.figure);
        let times = ours.zip(other).map(|(ours, other)| ours.median / other.median);
        let (text, met) = match bar.limit {
            Limit::TimesAtLeast(limit) => {
                (format!("at least {limit} x"), times.map(|times| times >= limit))
            }
            Limit::TimesAtMost(limit) => {
                (format!("at most {limit} x"), times.map(|times| times <= limit))
            }
            Limit::AtMost(limit) => {
                (format!("at most {limit}"), ours.map(|ours| ours.median <= limit))
            }
            Limit::Flat(limit, base) => {
                let base_spread = spread(outcome, base, OURS, bar.figure);
                let own = ours.zip(base_spread).map(|(ours, base)| ours.median / base.median);
                let shown = own.map_or_else(String::new, |own| format!(": {own:.2} x"));
                let text = format!("at most {limit} x midge's own in \"{base}\"{shown}");
                (text, own.map(|own| own <= limit))
            }
            Limit::None => (String::new(), None),
        };
        let mut cells = vec![
            if index == 0 { row.name.into() } else { String::new() },
            bar.figure.title().into(),
        ];
        for spread in [other, ours] {
            cells.extend(Spread::cells(spread));
        }
        cells.push(times.map_or_else(String::new, |times| format!("{times:.2} x")));
        cells.extend([text, plan.verdict(met)]);
        table.row(cells);
    }
}

fn spread(
    outcome: &Outcome,
    row: &'static str,
    client: &'static str,
    of: Figure,
) -> Option<Spread> {
    let reports = outcome.get(&(row, client))?;
    Spread::of(reports.iter().filter_map(|report| of.read(report)))
}

impl Figure {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Rate => "operations/s",
            Self::Cpu => "client CPU, ns",
            Self::Median => "median time, µs",
            Self::Memory => "RSS each, KiB",
            Self::Peak => "peak RSS, MiB",
        }
    }

    pub(crate) fn read(self, report: &Report) -> Option<f64> {
        match self {
            Self::Rate => Some(report.rate()),
            Self::Cpu => Some(report.cpu_ns()),
            Self::Median => report.p50_us,
            Self::Memory => report.kib_each,
            Self::Peak => Some(report.peak_kib as f64 / 1024.0),
        }
    }
}
