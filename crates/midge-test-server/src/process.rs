use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;
use std::{fs, io, thread};

/// A running server, which does not outlive this value.
///
/// Nor does it outlive the process that owns this value, however that ends: a shell waits for the
/// end of a pipe whose other end only this process holds, and kills the server when it comes. (The
/// parent death signal of Linux is tied to a thread, and test threads are short-lived.)
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    watchdog: Option<Child>,
}

impl Process {
    /// Starts the command with its output appended to the file `log`.
    ///
    /// `folder` is removed by the watchdog if this process dies.
    pub(crate) fn spawn(command: &mut Command, log: &Path, folder: &Path) -> io::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        own_process_group(command);
        let child = command.spawn()?;
        let watchdog = spawn_watchdog(child.id(), folder);
        Ok(Self { child, watchdog })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if the server has ended.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten();
        if status.is_some() {
            self.dismiss_watchdog();
        }
        status
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        send_signal(self.child.id(), signal)
    }

    /// Waits until a frozen server has really stopped: the signal takes effect a little later.
    pub(crate) fn wait_until_paused(&self) {
        let deadline = Instant::now() + PAUSE_TIMEOUT;
        while !all_threads_stopped(self.child.id()) && Instant::now() < deadline {
            thread::sleep(PAUSE_POLL);
        }
    }

    /// Has to happen before or right after the server is reaped: its process id may then be given
    /// to a process that the watchdog must not kill.
    fn dismiss_watchdog(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.dismiss_watchdog();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The signals that `nats-server` or the operating system act upon.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// Shut down in good order.
    Stop,
    /// Enter lame-duck mode.
    LameDuck,
    /// Read the configuration again.
    Reload,
    /// Freeze the process.
    Pause,
    /// Let a frozen process run.
    Resume,
}

#[cfg(unix)]
impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Stop => "TERM",
            Self::LameDuck => "USR2",
            Self::Reload => "HUP",
            Self::Pause => "STOP",
            Self::Resume => "CONT",
        }
    }
}

/// Sends a signal with the shell's built-in `kill`; the system call would need unsafe code.
#[cfg(unix)]
fn send_signal(process: u32, signal: Signal) -> io::Result<()> {
    let output = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", signal.name()])
        .arg(process.to_string())
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

#[cfg(not(unix))]
fn send_signal(_process: u32, _signal: Signal) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Keeps Ctrl-C and a test runner's signals to its group from reaching the command.
///
/// A test that ends by them ends the server through the watchdog.
#[cfg(unix)]
fn own_process_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_process_group(_command: &mut Command) {}

/// Starts the shell that kills `process` and removes `folder` when this process ends.
///
/// Without a shell there is no watchdog, and the server ends on drop only.
fn spawn_watchdog(process: u32, folder: &Path) -> Option<Child> {
    if !cfg!(unix) {
        return None;
    }
    let mut command = Command::new("sh");
    command
        .args(["-c", "read -r _; kill -9 \"$0\"; rm -rf -- \"$1\""])
        .arg(process.to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    own_process_group(&mut command);
    command.spawn().ok()
}

/// Whether Linux shows every thread of a process as stopped; elsewhere there is no such look.
fn all_threads_stopped(process: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return true;
    };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The state follows the name, which stands in brackets and may hold anything.
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    })
}

/// Stopping takes microseconds; a machine this slow gets no stronger promise.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(5);

const PAUSE_POLL: Duration = Duration::from_millis(1);

/// Length of a file in bytes; zero if there is none.
pub(crate) fn file_length(path: &Path) -> u64 {
    File::open(path).and_then(|file| file.metadata()).map_or(0, |metadata| metadata.len())
}
