//! What a process has used: time, CPU time, allocations, memory.

use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeMap;
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

/// How often each thread of a process has gone to sleep of its own will, by thread id.
///
/// # Errors
///
/// When `/proc/<process>/task` cannot be read: the process has ended.
pub fn sleeps(process: u32) -> Result<BTreeMap<u32, u64>> {
    let mut sleeps = BTreeMap::new();
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let task = task?;
        // A thread may end between the listing and the look.
        let Ok(status) = std::fs::read_to_string(task.path().join("status")) else {
            continue;
        };
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        let count = count.ok_or("a thread's status has no voluntary_ctxt_switches")?;
        let thread = task.file_name().to_string_lossy().parse()?;
        sleeps.insert(thread, count.trim().parse()?);
    }
    Ok(sleeps)
}

/// How often any thread woke between two readings of [`sleeps`].
///
/// A thread that has ended since woke at least for that, and counts as one.
#[must_use]
pub fn wakes(before: &BTreeMap<u32, u64>, after: &BTreeMap<u32, u64>) -> u64 {
    let ended = before.keys().filter(|thread| !after.contains_key(thread)).count() as u64;
    let slept = |(thread, count): (&u32, &u64)| {
        count.saturating_sub(before.get(thread).copied().unwrap_or_default())
    };
    after.iter().map(slept).sum::<u64>() + ended
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

#[cfg(test)]
mod tests {
    use super::{BTreeMap, sleeps, wakes};

    #[test]
    fn wakes_are_those_of_threads_that_stay_begin_and_end() {
        let before = BTreeMap::from([(1, 10), (2, 5), (3, 7)]);
        let after = BTreeMap::from([(1, 12), (3, 7), (4, 6)]);
        assert_eq!(wakes(&before, &after), 2 + 1 + 6);
        assert_eq!(wakes(&after, &after), 0);
    }

    #[test]
    fn a_sleep_of_this_very_thread_is_seen() {
        let before = sleeps(std::process::id()).unwrap();
        std::thread::sleep(core::time::Duration::from_millis(1));
        let after = sleeps(std::process::id()).unwrap();
        assert!(wakes(&before, &after) >= 1);
    }
}
