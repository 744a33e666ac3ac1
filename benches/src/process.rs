//! Child processes that end with their handle.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::Result;

/// A running helper process; dropping it ends the process.
#[derive(Debug)]
pub struct Helper {
    child: Child,
    /// Keeps the pipe open: a helper that prints once more must not die of it.
    _stdout: Option<BufReader<ChildStdout>>,
    first_line: String,
}

impl Helper {
    /// Starts `command` and waits for its first line.
    ///
    /// # Errors
    ///
    /// When it cannot be started or ends without a line.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let mut first_line = String::new();
        let mut stdout = child.stdout.take().map(BufReader::new);
        if let Some(stdout) = &mut stdout {
            stdout.read_line(&mut first_line)?;
        }
        let helper = Self { child, _stdout: stdout, first_line };
        if helper.first_line.is_empty() {
            return Err(format!("{command:?} ended without a word").into());
        }
        Ok(helper)
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The second word of its first line: where it listens.
    ///
    /// # Errors
    ///
    /// When there was no second word.
    pub fn address(&self) -> Result<&str> {
        let words = self.first_line.split_ascii_whitespace().nth(1);
        words.ok_or_else(|| format!("no address in {:?}", self.first_line).into())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` to its end and returns what it printed.
///
/// # Errors
///
/// When it cannot be started or fails; the message has what it wrote to its standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let run = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if !run.status.success() {
        let said = String::from_utf8_lossy(&run.stderr);
        return Err(format!("{command:?}: {}: {}", run.status, said.trim_end()).into());
    }
    let mut text = String::new();
    run.stdout.as_slice().read_to_string(&mut text)?;
    Ok(text)
}
