//! What is measured, and the bars.

use crate::tools::Peer;

/// One workload with its bars.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) peer: Peer,
    pub(crate) workload: &'static str,
    /// Operations a round.
    pub(crate) count: usize,
    /// Further options of the workload.
    pub(crate) options: &'static str,
    pub(crate) bars: &'static [Bar],
}

/// A figure of a row, and what it has to be.
pub(crate) struct Bar {
    pub(crate) figure: Figure,
    pub(crate) limit: Limit,
}

/// Which figure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Operations a second.
    Rate,
    /// CPU time of the client an operation, in nanoseconds.
    Cpu,
    /// Median time of an operation, in microseconds.
    Median,
    /// Resident memory an operation, in KiB.
    Memory,
    /// Highest resident memory of the client, in MiB.
    Peak,
}

/// What midge's figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// At least so many times that of async-nats.
    TimesAtLeast(f64),
    /// At most so many times that of async-nats.
    TimesAtMost(f64),
    /// At most this.
    AtMost(f64),
    /// At most so many times midge's own in the row of that name.
    Flat(f64, &'static str),
    /// Reported only.
    None,
}

const fn rate(times: f64) -> Bar {
    Bar { figure: Figure::Rate, limit: Limit::TimesAtLeast(times) }
}

const fn cpu(times: f64) -> Bar {
    Bar { figure: Figure::Cpu, limit: Limit::TimesAtMost(times) }
}

const fn median(times: f64) -> Bar {
    Bar { figure: Figure::Median, limit: Limit::TimesAtMost(times) }
}

const fn memory(kib: f64) -> Bar {
    Bar { figure: Figure::Memory, limit: Limit::AtMost(kib) }
}

const fn flat(row: &'static str) -> Bar {
    Bar { figure: Figure::Cpu, limit: Limit::Flat(1.2, row) }
}

const fn report(figure: Figure) -> Bar {
    Bar { figure, limit: Limit::None }
}

const SUBSCRIPTIONS_64: &str = "receive 128 B, 64 subscriptions, traffic on all";
const IN_FLIGHT_64: &str = "request 128 B, 64 in flight";

/// Every row, in the order of the table.
///
/// Counts are such that a round of the slower client takes about a second. Cost that has to be
/// flat is set against the row that has the same traffic and nothing besides.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "publish 16 B to the sink",
        peer: Peer::Sink,
        workload: "publish",
        count: 4_000_000,
        options: "--size 16",
        bars: &[rate(3.6), cpu(0.22), report(Figure::Peak)],
    },
    Row {
        name: "publish 128 B to the sink",
        peer: Peer::Sink,
        workload: "publish",
        count: 4_000_000,
        options: "--size 128",
        bars: &[rate(3.0), cpu(0.25)],
    },
    Row {
        name: "publish 1 KiB to the sink",
        peer: Peer::Sink,
        workload: "publish",
        count: 1_500_000,
        options: "--size 1024",
        bars: &[rate(2.5), cpu(0.35)],
    },
    Row {
        name: "publish 64 KiB to the sink",
        peer: Peer::Sink,
        workload: "publish",
        count: 60_000,
        options: "--size 65536",
        bars: &[rate(0.95), cpu(1.0), report(Figure::Peak)],
    },
    Row {
        name: "publish 128 B to the server",
        peer: Peer::Server,
        workload: "publish",
        count: 2_000_000,
        options: "--size 128",
        bars: &[rate(1.5), cpu(0.35)],
    },
    Row {
        name: "receive 16 B from the replayer",
        peer: Peer::Replayer,
        workload: "receive",
        count: 3_000_000,
        options: "--size 16",
        bars: &[rate(5.0), cpu(0.20), report(Figure::Peak)],
    },
    Row {
        name: "receive 128 B from the replayer",
        peer: Peer::Replayer,
        workload: "receive",
        count: 3_000_000,
        options: "--size 128",
        bars: &[rate(4.0), cpu(0.25), report(Figure::Peak)],
    },
    Row {
        name: "receive 1 KiB from the replayer",
        peer: Peer::Replayer,
        workload: "receive",
        count: 1_000_000,
        options: "--size 1024",
        bars: &[rate(2.2), cpu(0.30), report(Figure::Peak)],
    },
    Row {
        name: "receive 128 B, 6 headers, 3 looked at",
        peer: Peer::Replayer,
        workload: "receive",
        count: 500_000,
        options: "--size 128 --headers 6",
        bars: &[rate(4.0), cpu(0.25), report(Figure::Peak)],
    },
    Row {
        name: "receive 128 B through the server",
        peer: Peer::ServerAndPublisher,
        workload: "receive",
        count: 1_000_000,
        options: "--size 128",
        bars: &[rate(1.15), cpu(0.35)],
    },
    Row {
        name: "request 128 B, one by one",
        peer: Peer::ServerAndResponder,
        workload: "request",
        count: 15_000,
        options: "--size 128",
        bars: &[median(0.95), cpu(0.85)],
    },
    Row {
        name: IN_FLIGHT_64,
        peer: Peer::ServerAndResponder,
        workload: "request",
        count: 192_000,
        options: "--size 128 --in-flight 64",
        bars: &[rate(1.6), cpu(0.45)],
    },
    Row {
        name: "connect to the server",
        peer: Peer::Server,
        workload: "connect",
        count: 300,
        options: "",
        bars: &[median(0.4), report(Figure::Cpu)],
    },
    Row {
        name: "memory of an idle connection",
        peer: Peer::Server,
        workload: "idle-connections",
        count: 1_000,
        options: "",
        bars: &[memory(8.0)],
    },
    Row {
        name: "memory of a subscription",
        peer: Peer::Server,
        workload: "idle-subscriptions",
        count: 100_000,
        options: "",
        bars: &[memory(0.5)],
    },
    Row {
        name: SUBSCRIPTIONS_64,
        peer: Peer::Replayer,
        workload: "receive",
        count: 1_280_000,
        options: "--size 128 --subscriptions 64 --hot 64",
        bars: &[report(Figure::Rate), report(Figure::Cpu)],
    },
    Row {
        name: "receive 128 B, 1,000 subscriptions, traffic on 64",
        peer: Peer::Replayer,
        workload: "receive",
        count: 1_280_000,
        options: "--size 128 --subscriptions 1000 --hot 64",
        bars: &[report(Figure::Rate), flat(SUBSCRIPTIONS_64)],
    },
    Row {
        name: "receive 128 B, 100,000 subscriptions, traffic on 64",
        peer: Peer::Replayer,
        workload: "receive",
        count: 1_280_000,
        options: "--size 128 --subscriptions 100000 --hot 64",
        bars: &[report(Figure::Rate), flat(SUBSCRIPTIONS_64)],
    },
    Row {
        name: "receive 128 B, 1,000 subscriptions, random over all",
        peer: Peer::Replayer,
        workload: "receive",
        count: 1_000_000,
        options: "--size 128 --subscriptions 1000 --hot 1000 --order shuffled",
        bars: &[report(Figure::Rate), report(Figure::Cpu)],
    },
    Row {
        name: "receive 128 B, 100,000 subscriptions, random over all",
        peer: Peer::Replayer,
        workload: "receive",
        count: 1_000_000,
        options: "--size 128 --subscriptions 100000 --hot 100000 --order shuffled --warm-up 100000",
        bars: &[report(Figure::Rate), report(Figure::Cpu)],
    },
    Row {
        name: "request 128 B, 64 in flight, 100,000 more waiting",
        peer: Peer::ServerAndResponder,
        workload: "request",
        count: 192_000,
        options: "--size 128 --in-flight 64 --waiting 100000",
        bars: &[report(Figure::Rate), flat(IN_FLIGHT_64)],
    },
];

/// Every row of JetStream; the stream is in memory.
pub(crate) const JETSTREAM: &[Row] = &[
    Row {
        name: "publish 128 B, each acknowledged before the next",
        peer: Peer::JetStream,
        workload: "jetstream-publish",
        count: 20_000,
        options: "--size 128",
        bars: &[rate(1.15), cpu(0.7), report(Figure::Median)],
    },
    Row {
        name: "publish 128 B, a window of 256",
        peer: Peer::JetStream,
        workload: "jetstream-window",
        count: 200_000,
        options: "--size 128",
        bars: &[rate(1.6), cpu(0.35)],
    },
    Row {
        name: "fast ingest 128 B (async-nats: a window of 256)",
        peer: Peer::JetStream,
        workload: "jetstream-ingest",
        count: 400_000,
        options: "--size 128",
        bars: &[report(Figure::Rate), report(Figure::Cpu)],
    },
    Row {
        name: "pull 128 B and acknowledge, batches of 500",
        peer: Peer::JetStream,
        workload: "jetstream-consume",
        count: 200_000,
        options: "--size 128 --batch 500",
        bars: &[rate(1.5), cpu(0.4), report(Figure::Peak)],
    },
    Row {
        name: "read 1,000,000 stored messages of 128 B in order",
        peer: Peer::JetStream,
        workload: "jetstream-ordered",
        count: 1_000_000,
        options: "--size 128 --warm-up 0",
        bars: &[rate(2.0), cpu(0.3), report(Figure::Peak)],
    },
];

impl Row {
    /// The arguments of the client process.
    pub(crate) fn arguments(&self, client: &str, runtime: &str, divisor: usize) -> Vec<String> {
        let fixed = [client, self.workload, "--runtime", runtime].map(String::from);
        fixed.into_iter().chain(self.options(divisor)).collect()
    }

    /// Those that say what the workload does.
    pub(crate) fn options(&self, divisor: usize) -> impl Iterator<Item = String> {
        // Memory an operation does not scale; fewer of them would only be noise.
        let divisor = if self.workload.starts_with("idle") { 1 } else { divisor };
        // A shuffled run needs at least one message for each subscription.
        let count = (self.count / divisor).max(100).to_string();
        let options = self.options.split_ascii_whitespace().map(String::from);
        ["--count".into(), count].into_iter().chain(options)
    }
}
