//! What a process has used: time, CPU time, allocations, memory.

use core::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeVal;

use crate::Result;

/// Allocations of this process, counted by the allocator of `alloc`; other binaries leave it at 0.
pub static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// A reading of what the process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    at: Instant,
    user_us: i64,
    system_us: i64,
    switches: i64,
    allocations: u64,
}

/// The difference of two readings.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// Wall-clock time in seconds.
    pub seconds: f64,
    /// CPU time of all threads in user space, in microseconds.
    pub user_us: f64,
    /// CPU time of all threads in the kernel, in microseconds.
    pub system_us: f64,
    /// Context switches of all threads, of their own will or not.
    pub switches: f64,
    /// Calls of the allocator that asked for memory.
    pub allocations: u64,
}

impl Meter {
    /// Reads the meter.
    ///
    /// # Errors
    ///
    /// When the operating system has no figures.
    pub fn read() -> Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        Ok(Self {
            user_us: microseconds(usage.user_time()),
            system_us: microseconds(usage.system_time()),
            switches: usage.voluntary_context_switches() + usage.involuntary_context_switches(),
            allocations: ALLOCATIONS.load(Ordering::Relaxed),
            at: Instant::now(),
        })
    }

    /// What was used since this reading.
    ///
    /// # Errors
    ///
    /// When the operating system has no figures.
    pub fn used(&self) -> Result<Used> {
        let seconds = self.at.elapsed().as_secs_f64();
        let now = Self::read()?;
        Ok(Used {
            seconds,
            user_us: (now.user_us - self.user_us) as f64,
            system_us: (now.system_us - self.system_us) as f64,
            switches: (now.switches - self.switches) as f64,
            allocations: now.allocations - self.allocations,
        })
    }
}

/// CPU seconds of all child processes that have ended and were waited for.
///
/// # Errors
///
/// When the operating system has no figures.
pub fn children_cpu_seconds() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok((microseconds(usage.user_time()) + microseconds(usage.system_time())) as f64 / 1e6)
}

/// Resident memory of this process in KiB: at present, and at its highest.
///
/// # Errors
///
/// When `/proc/self/status` cannot be read.
pub fn resident_kib() -> Result<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> Result<u64> {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .ok_or_else(|| format!("/proc/self/status has no {name}"))?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// Raises the soft limit of open files to the hard one: a thousand connections need it.
///
/// # Errors
///
/// When the limit cannot be read or set.
pub fn raise_open_files() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

fn microseconds(time: TimeVal) -> i64 {
    time.tv_sec() * 1_000_000 + time.tv_usec()
}
