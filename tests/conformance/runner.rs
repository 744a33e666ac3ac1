//! Runs the cases, some at a time, and prints which behaviour ran where.

use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::io::Write;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

/// A behaviour on one adapter over one transport.
pub(crate) struct Case {
    pub(crate) behaviour: String,
    pub(crate) adapter: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) run: Box<dyn Fn() + Send + Sync>,
}

impl Case {
    fn name(&self) -> String {
        format!("{}::{}::{}", self.adapter, self.transport, self.behaviour)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    NotRun,
}

/// The arguments of a test program that matter here; the others are taken and ignored.
#[derive(Default)]
struct Arguments {
    filters: Vec<String>,
    threads: Option<usize>,
    list: bool,
    exact: bool,
}

impl Arguments {
    fn read() -> Self {
        let mut read = Self::default();
        let mut given = std::env::args().skip(1);
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--list" => read.list = true,
                "--exact" => read.exact = true,
                "--test-threads" => {
                    read.threads = given.next().and_then(|threads| threads.parse().ok());
                }
                "--skip" | "--color" | "--format" | "-Z" | "--logfile" => drop(given.next()),
                option if option.starts_with('-') => {
                    let threads = option.strip_prefix("--test-threads=");
                    read.threads = threads.and_then(|n| n.parse().ok()).or(read.threads);
                }
                filter => read.filters.push(filter.to_owned()),
            }
        }
        read
    }

    fn wants(&self, name: &str) -> bool {
        self.filters.is_empty()
            || self.filters.iter().any(|filter| match self.exact {
                true => name == filter,
                false => name.contains(filter),
            })
    }
}

pub(crate) fn run(cases: Vec<Case>) -> ExitCode {
    let arguments = Arguments::read();
    if arguments.list {
        cases.iter().for_each(|case| println!("{}: test", case.name()));
        return ExitCode::SUCCESS;
    }
    let begun = Instant::now();
    let wanted: Vec<usize> =
        (0..cases.len()).filter(|&at| arguments.wants(&cases[at].name())).collect();
    let outcomes = Mutex::new(vec![Outcome::NotRun; cases.len()]);
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&at) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let case = &cases[at];
            let passed = catch_unwind(AssertUnwindSafe(|| (case.run)())).is_ok();
            let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
            outcomes.lock().unwrap()[at] = outcome;
            println!("{} ... {}", case.name(), if passed { "ok" } else { "FAILED" });
        }
    };
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..arguments.threads.unwrap_or(2 * cores) {
            scope.spawn(work);
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let all: Vec<(&Case, Outcome)> = cases.iter().zip(outcomes).collect();
    print_matrix(&all);
    let count = |wanted| all.iter().filter(|(_, outcome)| *outcome == wanted).count();
    let failed = count(Outcome::Failed);
    for (case, _) in all.iter().filter(|(_, outcome)| *outcome == Outcome::Failed) {
        println!("failed: {}", case.name());
    }
    println!(
        "\nconformance: {} passed; {failed} failed; {} filtered out; finished in {:.1?}",
        count(Outcome::Passed),
        count(Outcome::NotRun),
        begun.elapsed()
    );
    let _ = std::io::stdout().flush();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A row a behaviour, a column an adapter, and in it the transports.
fn print_matrix(all: &[(&Case, Outcome)]) {
    let mut adapters: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for (case, outcome) in all {
        if !adapters.contains(&case.adapter) {
            adapters.push(case.adapter);
        }
        let cell = match outcome {
            Outcome::Passed => case.transport.to_owned(),
            Outcome::Failed => case.transport.to_uppercase() + "!",
            Outcome::NotRun => continue,
        };
        let row = rows.entry(&case.behaviour).or_default();
        row.entry(case.adapter).or_default().push(cell);
    }
    let width = rows.keys().map(|name| name.len()).max().unwrap_or(0);
    println!("\n{:width$}  {}", "what ran where", adapters.join("  "));
    for (behaviour, cells) in &rows {
        print!("{behaviour:width$}");
        for adapter in &adapters {
            let cell = cells.get(adapter).map_or_else(|| "-".to_owned(), |cell| cell.join(" "));
            print!("  {cell:<room$}", room = adapter.len());
        }
        println!();
    }
}
