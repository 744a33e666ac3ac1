#![forbid(unsafe_code)]
//! Runs the clients side by side, prints the tables and writes `docs/benchmarks.md`.
//!
//! `compare [<section>...] [--rounds <n>] [--only <part of a name>] [--runtime multi|current|both]
//! [--quick] [--no-write]`. Without a section, `rows` and `allocations`; the others are
//! `jetstream`, `instructions`, `codec`, `adapters`, `idle`, `adapter-sizes` and `size`. A run with `--only` or
//! `--quick` prints and does not write.

mod adapter_sizes;
mod adapters;
mod allocations;
mod codec;
mod document;
mod hello;
mod idle;
mod instructions;
mod machine;
mod rounds;
mod rows;
mod size;
mod statistics;
mod table;
mod tools;

use midge_benches::Result;
use midge_benches::args::Args;

use document::Document;
use tools::Tools;

/// Fewer rounds than this show a tendency, not that a bar is met.
const ROUNDS_FOR_A_CLAIM: usize = 9;

/// How the tables of JetStream are to be read.
const JETSTREAM_NOTE: &str = "One server, streams in memory. Server and client share the cores, \
                              and the server does most of the work: where it is the limit, the \
                              CPU time of the client decides, not the rate.";

fn main() -> Result<()> {
    let args = Args::from_env(&["quick", "no-write"]);
    args.expect_only(&["rounds", "only", "runtime", "quick", "no-write"])?;
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing; add --release".into());
    }
    let quick = args.has("quick");
    let plan = Plan {
        rounds: args.value("rounds", if quick { 3 } else { ROUNDS_FOR_A_CLAIM })?.max(1),
        only: args.text("only").unwrap_or_default().into(),
        divisor: if quick { 10 } else { 1 },
    };
    let runtimes: &[&str] = match args.text("runtime") {
        None | Some("both") => &["multi", "current"],
        Some("multi") => &["multi"],
        Some("current") => &["current"],
        Some(other) => {
            return Err(format!("--runtime {other:?}: multi, current or both").into());
        }
    };
    let tools = Tools::build()?;
    let facts = machine::Facts::gather()?;
    let mut document = Document::load(&tools)?;
    let sections: Vec<&str> = args.words().iter().map(String::as_str).collect();
    let sections = if sections.is_empty() { vec!["rows", "allocations"] } else { sections };
    for section in sections {
        match section {
            "rows" => {
                for runtime in runtimes {
                    let table = rounds::run(&tools, &plan, runtime, rows::ROWS)?;
                    document.show(runtime, &table, &facts);
                }
            }
            "allocations" => {
                let table = allocations::run(&tools, &plan, allocations::CASES)?;
                document.show(section, &table, &facts);
            }
            "jetstream" => {
                for runtime in runtimes {
                    let mut table = rounds::run(&tools, &plan, runtime, rows::JETSTREAM)?;
                    table.note(JETSTREAM_NOTE.into());
                    document.show(&format!("jetstream-{runtime}"), &table, &facts);
                }
                let table = allocations::run(&tools, &plan, allocations::JETSTREAM)?;
                document.show("jetstream-allocations", &table, &facts);
            }
            "instructions" => document.show(section, &instructions::run(&tools)?, &facts),
            "codec" => document.show(section, &codec::run(&tools, &plan)?, &facts),
            "adapters" => document.show(section, &adapters::run(&tools, &plan)?, &facts),
            "idle" => document.show(section, &idle::run(&tools, &plan)?, &facts),
            "adapter-sizes" => document.show(section, &adapter_sizes::run(&tools)?, &facts),
            "size" => document.show(section, &size::run(&tools)?, &facts),
            other => {
                let known = "rows, allocations, jetstream, instructions, codec, adapters, \
                             idle, adapter-sizes and size";
                return Err(format!("no section {other:?}; there are {known}").into());
            }
        }
    }
    if plan.is_whole() && !args.has("no-write") {
        println!("written to {}", document.save()?);
    }
    Ok(())
}

/// What the command line asks for.
struct Plan {
    /// Rounds of each row and client.
    rounds: usize,
    /// Only rows whose name contains this.
    only: String,
    /// Counts of messages are divided by this.
    divisor: usize,
}

impl Plan {
    /// Whether the figures are good enough for the document.
    fn is_whole(&self) -> bool {
        self.only.is_empty() && self.divisor == 1
    }

    /// What a table says of a bar: fewer rounds show a tendency, not that it is met.
    fn verdict(&self, met: Option<bool>) -> String {
        if met == Some(true) && self.rounds < ROUNDS_FOR_A_CLAIM {
            return "met, in too few rounds to claim it".into();
        }
        table::verdict(met)
    }

    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}
