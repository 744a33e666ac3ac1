//! What a client process tells the orchestrator.

use serde::{Deserialize, Serialize};

use crate::meter::Used;

/// The outcome of one run, printed as one line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Operations: messages, requests, connections or subscriptions.
    pub messages: u64,
    /// Wall-clock time in seconds.
    pub seconds: f64,
    /// CPU time of the client process in user space, in microseconds.
    pub user_us: f64,
    /// CPU time of the client process in the kernel, in microseconds.
    pub system_us: f64,
    /// Context switches of the client process.
    pub switches: f64,
    /// Allocations while measuring; 0 unless the allocator counts.
    pub allocations: u64,
    /// Median time of one operation in microseconds, for workloads that wait for each.
    pub p50_us: Option<f64>,
    /// 99th percentile of the time of one operation in microseconds.
    pub p99_us: Option<f64>,
    /// Growth of resident memory in KiB an operation, for workloads that measure it.
    pub kib_each: Option<f64>,
    /// Highest resident memory of the process in KiB.
    pub peak_kib: u64,
    /// Messages that the client dropped, or at least how often it said that it did.
    pub dropped: u64,
}

impl Report {
    /// A report of `messages` operations that used `used`.
    #[must_use]
    pub fn new(messages: usize, used: Used) -> Self {
        let Used { seconds, user_us, system_us, switches, allocations } = used;
        let messages = messages as u64;
        Self { messages, seconds, user_us, system_us, switches, allocations, ..Self::default() }
    }

    /// Adds median and 99th percentile of `nanoseconds`, a time for each operation.
    #[must_use]
    pub fn latencies(mut self, mut nanoseconds: Vec<u64>) -> Self {
        nanoseconds.sort_unstable();
        let at = |percent: usize| {
            nanoseconds.get(nanoseconds.len() * percent / 100).map(|time| *time as f64 / 1e3)
        };
        self.p50_us = at(50);
        self.p99_us = at(99);
        self
    }

    /// Operations a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// CPU time of the client an operation, in nanoseconds.
    #[must_use]
    pub fn cpu_ns(&self) -> f64 {
        (self.user_us + self.system_us) * 1e3 / self.messages as f64
    }

    /// Allocations an operation.
    #[must_use]
    pub fn allocations_each(&self) -> f64 {
        self.allocations as f64 / self.messages as f64
    }
}
