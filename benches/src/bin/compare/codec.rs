//! Decoder and encoder by themselves, by criterion: rounds of the bench target `codec`.

use std::path::Path;

use midge_benches::Result;
use midge_benches::codec::{Group, LONG, SHORT, SIZES};
use midge_benches::process::output;
use serde::Deserialize;

use crate::Plan;
use crate::statistics::Spread;
use crate::table::{Table, number};
use crate::tools::Tools;

/// How many times as much a byte may cost in the longer frame, when it comes byte by byte.
///
/// A cost that grows with the square of the length gives 8.
const FLAT: f64 = 1.5;

/// What criterion knows of one bench of one round.
struct Sample {
    /// Median time of an iteration in nanoseconds.
    nanoseconds: f64,
    work: Work,
}

/// What one iteration does.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Work {
    elements: f64,
    bytes: f64,
}

/// The part of `benchmark.json` that is read.
#[derive(Deserialize)]
struct Benchmark {
    throughput: Throughput,
}

#[derive(Deserialize)]
struct Throughput {
    #[serde(rename = "ElementsAndBytes")]
    work: Work,
}

/// The part of `estimates.json` that is read.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Runs the bench in a fresh process a round.
pub(crate) fn run(tools: &Tools, plan: &Plan) -> Result<Table> {
    let folder = std::env::temp_dir().join(format!("midge-benches-codec-{}", std::process::id()));
    let wanted: Vec<(Group, usize)> = [Group::Decode, Group::Encode]
        .into_iter()
        .flat_map(|group| SIZES.map(|size| (group, size)))
        .chain(
            [Group::BytewiseMessage, Group::BytewiseInfo]
                .into_iter()
                .flat_map(|group| [SHORT, LONG].map(|length| (group, length))),
        )
        .collect();
    let mut rounds: Vec<Vec<Sample>> = Vec::new();
    for round in 0..plan.rounds {
        eprintln!("codec: {} of {}", round + 1, plan.rounds);
        output(tools.bench("codec")?.env("CRITERION_HOME", &folder))?;
        let round: Result<Vec<Sample>> =
            wanted.iter().map(|(group, size)| Sample::read(&folder, *group, *size)).collect();
        rounds.push(round?);
    }
    // Nothing of it is needed any more.
    let _ = std::fs::remove_dir_all(&folder);

    let mut table =
        Table::new(&["what", "bytes", "figure", "min", "median", "max", "GB/s", "bar", ""]);
    table.note(format!(
        "midge-proto alone, by criterion: no socket, no queue. Frames of plain messages with this \
         much payload in blocks of 256 KiB; GB/s counts \
         control lines, too, and is no speed of copying where payloads are large: the decoder finds \
         frames and leaves payloads alone. One byte at a time: \
         the decoder is asked after each byte of a frame of this length. {} rounds, a process \
         each.",
        plan.rounds,
    ));
    let mut shorter: Option<Spread> = None;
    for (index, (group, size)) in wanted.iter().enumerate() {
        let each = |sample: &Sample| sample.nanoseconds / sample.work.elements;
        let samples = || rounds.iter().filter_map(|round| round.get(index));
        let spread = Spread::of(samples().map(each));
        let figure = if group.is_bytewise() { "ns a byte" } else { "ns a message" };
        let mut cells = vec![group.title().to_owned(), size.to_string(), figure.into()];
        cells.extend(Spread::cells(spread));
        let rate = Spread::of(samples().map(|sample| sample.work.bytes / sample.nanoseconds));
        cells.push(rate.map_or_else(String::new, |rate| number(rate.median)));
        if *size == LONG && group.is_bytewise() {
            let times = spread.zip(shorter).map(|(longer, shorter)| longer.median / shorter.median);
            let shown = times.map_or_else(String::new, |times| format!(": {times:.2} x"));
            cells.push(format!("at most {FLAT} x that at {}{shown}", SHORT));
            cells.push(plan.verdict(times.map(|times| times <= FLAT)));
        }
        cells.resize(9, String::new());
        table.row(cells);
        shorter = spread;
    }
    Ok(table)
}

impl Sample {
    /// Reads what criterion wrote last.
    fn read(folder: &Path, group: Group, size: usize) -> Result<Self> {
        let new = folder.join(group.name()).join(size.to_string()).join("new");
        let text = |name: &str| {
            let path = new.join(name);
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let benchmark: Benchmark = serde_json::from_str(&text("benchmark.json")?)?;
        let estimates: Estimates = serde_json::from_str(&text("estimates.json")?)?;
        Ok(Self { nanoseconds: estimates.median.point_estimate, work: benchmark.throughput.work })
    }
}
