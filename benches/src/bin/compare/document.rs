//! `docs/benchmarks.md`: one section a kind of measurement, each replaced when it is measured.
//!
//! The text between the marks of a section is kept until then; everything outside of marks is
//! written anew.

use std::path::PathBuf;

use midge_benches::Result;

use crate::machine::Facts;
use crate::table::Table;
use crate::tools::Tools;

/// Sections in the order of the document: their key and their title.
const SECTIONS: &[(&str, &str)] = &[
    ("multi", "Side by side, multi-thread runtime"),
    ("current", "Side by side, current-thread runtime"),
    ("allocations", "Allocations"),
    ("jetstream-multi", "JetStream, multi-thread runtime"),
    ("jetstream-current", "JetStream, current-thread runtime"),
    ("jetstream-allocations", "Allocations of JetStream"),
    ("instructions", "Instructions"),
    ("codec", "Decoder and encoder"),
    ("adapters", "Adapters side by side"),
    ("idle", "An idle connection"),
    ("adapter-sizes", "What an adapter costs"),
    ("size", "A hello program"),
    // Written by hand: no measurement replaces it.
    ("remarks", "Where bars are missed, and why"),
];

const HEAD: &str = "\
# Benchmarks

midge and async-nats, side by side in one run. The tables are written by

```text
cargo run --release -p midge-benches
cargo run --release -p midge-benches -- jetstream
cargo run --release -p midge-benches -- codec adapters idle
cargo run --release -p midge-benches -- instructions adapter-sizes size
```

Each section is from the latest run of its own command and says what it was measured on.

Rules, so that a weak result cannot look good:

- Client, sink, replayer and server are processes of their own, started afresh for every round; CPU
  time is that of the client process alone, user and system, by `getrusage`. The clients take
  turns, and who goes first changes from round to round.
- The *sink* is a raw server that counts publishes and discards them; the *replayer* is a raw
  server that sends prebuilt messages as fast as the socket takes them. A publish run ends when
  the sink has confirmed the count (or the server has echoed a marker sent last), a receive run
  when user code has the last message.
- A run that dropped a message is void: async-nats gets subscriptions as large as the run, midge
  has its default limits and stops reading when they are reached.
- The workloads are one source text for both: the same prepared subject and payload, cloned for
  each call, in a task spawned on the same runtime with the same workers. The same profile; no
  `target-cpu=native`.
- A bar counts as met from nine rounds on.
";

/// The document, as loaded and changed.
pub(crate) struct Document {
    path: PathBuf,
    /// The body of each section that has one, in the order of [`SECTIONS`].
    bodies: Vec<Option<String>>,
}

impl Document {
    /// Reads the sections that the file has.
    pub(crate) fn load(tools: &Tools) -> Result<Self> {
        let path = tools.workspace().join("docs").join("benchmarks.md");
        let text = if path.exists() { std::fs::read_to_string(&path)? } else { String::new() };
        Ok(Self { bodies: bodies(&text), path })
    }

    /// Prints a table and makes it the section called `key`.
    pub(crate) fn show(&mut self, key: &str, table: &Table, facts: &Facts) {
        println!("{table}");
        for ((known, title), body) in SECTIONS.iter().zip(&mut self.bodies) {
            if *known == key {
                *body = Some(format!("\n## {title}\n\n{facts}\n\n{table}"));
            }
        }
    }

    /// Writes the file and returns its path.
    pub(crate) fn save(&self) -> Result<String> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&self.path, text(&self.bodies))?;
        Ok(self.path.display().to_string())
    }
}

fn bodies(text: &str) -> Vec<Option<String>> {
    let body = |key: &str| {
        let (_, rest) = text.split_once(&begin(key))?;
        let (body, _) = rest.split_once(&end(key))?;
        Some(body.to_owned())
    };
    SECTIONS.iter().map(|(key, _)| body(key)).collect()
}

fn text(bodies: &[Option<String>]) -> String {
    let mut text = String::from(HEAD);
    for ((key, _), body) in SECTIONS.iter().zip(bodies) {
        if let Some(body) = body {
            text += &format!("\n{}{body}{}", begin(key), end(key));
        }
    }
    text
}

fn begin(key: &str) -> String {
    format!("<!-- measured: {key} -->\n")
}

fn end(key: &str) -> String {
    format!("<!-- end: {key} -->\n")
}

#[cfg(test)]
mod tests {
    use super::{SECTIONS, bodies, text};

    #[test]
    fn what_no_run_replaces_stays_as_it_is() {
        let mut kept = vec![None; SECTIONS.len()];
        kept[1] = Some("\n## A table\n".to_owned());
        *kept.last_mut().unwrap() = Some("\nWords.\n".to_owned());
        assert_eq!(bodies(&text(&kept)), kept);
        assert_eq!(bodies("a page without marks"), vec![None; SECTIONS.len()]);
    }
}
