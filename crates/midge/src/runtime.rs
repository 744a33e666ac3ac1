//! What a runtime has to offer to carry connections.

use crate::driver::Driver;
use core::fmt;
use core::future::Future;
use core::net::SocketAddr;
use core::task::{Context, Poll};
use core::time::Duration;
use midge_proto::{Instant, Target};
use std::io::{self, IoSlice};

/// Sockets, time and tasks: all that an adapter provides.
///
/// Nothing here asks for `Send`. An adapter for a multi-threaded runtime gets it from its concrete
/// types where it writes `spawn(midge::run(driver, ThisRuntime))`.
pub trait Runtime {
    /// An open byte stream.
    type Stream: Stream;

    /// The time on a monotonic clock, since any origin that stays the same.
    fn now(&self) -> Instant;

    /// Opens a byte stream.
    fn connect(
        &self,
        target: Target,
        options: SocketOptions,
    ) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Looks up the addresses of a host.
    fn resolve(&self, host: String, port: u16)
    -> impl Future<Output = io::Result<Vec<SocketAddr>>>;

    /// Completes at `at` or later.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()>;

    /// Runs [`run`](crate::run) with this driver in the background.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] when there is no runtime to run it on.
    fn spawn(&self, driver: Driver) -> Result<(), SpawnError>;
}

/// A byte stream, polled.
pub trait Stream {
    /// Reads up to `buf.len()` bytes; 0 is the end.
    ///
    /// # Errors
    ///
    /// What the operating system says; the connection is given up then.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes some of `bufs`.
    ///
    /// # Errors
    ///
    /// What the operating system says; the connection is given up then.
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Lets go of what was written and is still kept; ready once nothing is.
    ///
    /// It is called at every poll, and nothing more is written while it is pending. Streams that keep
    /// nothing need not have it.
    ///
    /// # Errors
    ///
    /// What the operating system says; the connection is given up then.
    #[inline]
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Ends the stream, so that the peer sees its end.
    ///
    /// # Errors
    ///
    /// What the operating system says; nothing follows from it.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The local end, for people.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }
}

/// How TCP sockets are to be set up. `TCP_NODELAY` is always on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Address and port to dial from.
    pub local_address: Option<SocketAddr>,
    /// Idle time after which TCP probes the peer; `None` leaves keep-alive off.
    pub keep_alive: Option<Duration>,
}

/// There is no runtime to run a connection on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnError(String);

impl SpawnError {
    /// Says what is missing.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for SpawnError {}
