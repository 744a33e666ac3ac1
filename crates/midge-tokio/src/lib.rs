#![forbid(unsafe_code)]
//! NATS client for tokio.
//!
//! ```no_run
//! #[tokio::main]
//! async fn main() -> Result<(), midge_tokio::Error> {
//!     let client = midge_tokio::connect("nats://localhost:4222").await?;
//!     let mut greetings = client.subscribe("greet.*").await?;
//!     client.publish("greet.joe", "hello".into()).await?;
//!     if let Some(message) = greetings.next().await {
//!         println!("{}: {:?}", message.subject, message.payload);
//!     }
//!     client.drain().await?;
//!     Ok(())
//! }
//! ```

mod socket;

pub use midge::*;
pub use socket::Socket;

use core::future::Future;
use core::net::SocketAddr;
use midge::proto::{Instant, Target};
use std::io;
use std::sync::OnceLock;
use tokio::runtime::Handle;

/// The tokio runtime: multi-threaded or current-thread, with I/O and time enabled.
///
/// Connections run as tasks of the runtime that `connect` was called in and end with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

/// Options of a client on tokio.
pub type ConnectOptions = midge::ConnectOptions<Tokio>;

/// Connects with default options.
///
/// # Errors
///
/// As [`ConnectOptions::connect`].
///
/// # Cancel safety
///
/// A dropped future leaves no connection.
pub async fn connect<A: ToServerAddrs>(addrs: A) -> Result<Client, ConnectError> {
    ConnectOptions::new().connect(addrs).await
}

/// Connects with these options.
///
/// # Errors
///
/// As [`ConnectOptions::connect`].
///
/// # Cancel safety
///
/// A dropped future leaves no connection.
pub async fn connect_with_options<A: ToServerAddrs>(
    addrs: A,
    options: ConnectOptions,
) -> Result<Client, ConnectError> {
    options.connect(addrs).await
}

impl Runtime for Tokio {
    type Stream = Socket;

    fn now(&self) -> Instant {
        let elapsed = tokio::time::Instant::now().saturating_duration_since(origin());
        Instant::ZERO + elapsed
    }

    fn connect(
        &self,
        target: Target,
        options: SocketOptions,
    ) -> impl Future<Output = io::Result<Socket>> {
        socket::connect(target, options)
    }

    async fn resolve(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> {
        tokio::time::sleep_until(origin() + at.saturating_since(Instant::ZERO))
    }

    fn spawn(&self, driver: Driver) -> Result<(), SpawnError> {
        let handle = Handle::try_current().map_err(|_| {
            SpawnError::new("connect was called outside a tokio runtime; enter one first")
        })?;
        handle.spawn(run(driver, *self));
        Ok(())
    }
}

fn origin() -> tokio::time::Instant {
    static ORIGIN: OnceLock<tokio::time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(tokio::time::Instant::now)
}
