//! Everything that can be said about a client before it connects.

mod build;
mod credentials;
mod events;
mod identity;
mod limits;
mod memory_budget;
mod pool;
mod reconnect_buffer;
mod servers;
mod settings;
mod tls;
mod tracing;
mod transport;
#[cfg(feature = "websocket")]
mod websocket;

pub use build::FirstConnection;
pub use pool::InvalidPool;
pub(crate) use pool::check_pool;
pub(crate) use tracing::LineSink;
#[cfg(feature = "recording")]
use tracing::Recorder;
use tracing::Tracer;

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use settings::Settings;

/// How long a request waits for its reply by default: ten seconds, as in async-nats.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Options of a client, bound to a runtime by its adapter.
///
/// Nothing fails until [`connect`](Self::connect), which checks everything before it touches the
/// network.
#[must_use]
pub struct ConnectOptions<R> {
    settings: Settings,
    runtime: PhantomData<fn() -> R>,
}

impl<R> Default for ConnectOptions<R> {
    fn default() -> Self {
        Self { settings: Settings::default(), runtime: PhantomData }
    }
}

/// By hand, because a derived one would ask the runtime to be `Clone`.
impl<R> Clone for ConnectOptions<R> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), runtime: PhantomData }
    }
}

impl<R> ConnectOptions<R> {
    /// The defaults, each stated at the method that changes it.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<R> fmt::Debug for ConnectOptions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
