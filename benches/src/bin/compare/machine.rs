//! What the figures were measured on and with.

use std::process::Command;

use midge_benches::Result;
use midge_benches::process::output;

/// Facts that a reader needs to make sense of a figure.
pub(crate) struct Facts(String);

impl Facts {
    /// Asks the operating system and the tools.
    pub(crate) fn gather() -> Result<Self> {
        let cpu_info = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("unknown CPU", |model| model.trim_matches([':', ' ', '\t']));
        let cores = std::thread::available_parallelism()?;
        let memory = std::fs::read_to_string("/proc/meminfo")?;
        let kib = memory.split_ascii_whitespace().nth(1).unwrap_or("0").parse::<u64>()?;
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let kernel = kernel.split(['-', '\n']).next().unwrap_or_default();
        let server = output(Command::new(midge_test_server::install()?).arg("--version"))?;
        let server = server.trim();
        let rustc = output(Command::new("rustc").arg("--version"))?;
        let rustc = rustc.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ");
        Ok(Self(format!(
            "{cores} cores ({model}), {} GiB, Linux {kernel}; {rustc}; {server}; async-nats 0.51.0.",
            kib.div_ceil(1024 * 1024),
        )))
    }
}

impl core::fmt::Display for Facts {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(&self.0)
    }
}
