#![forbid(unsafe_code)]
//! NATS client for smol.
//!
//! ```no_run
//! fn main() -> Result<(), midge_smol::Error> {
//!     smol::block_on(async {
//!         let client = midge_smol::connect("nats://localhost:4222").await?;
//!         let mut greetings = client.subscribe("greet.*").await?;
//!         client.publish("greet.joe", "hello".into()).await?;
//!         if let Some(message) = greetings.next().await {
//!             println!("{}: {:?}", message.subject, message.payload);
//!         }
//!         client.drain().await?;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # Where connections run
//!
//! [`connect`] puts the connection on smol's global executor, whose threads smol starts at the first
//! use (one, or `SMOL_THREADS`). So there is no outside of a runtime: `connect` works in any task,
//! under `smol::block_on`, on a `LocalExecutor`, and in tasks of other runtimes.
//!
//! To have the connection on an executor of your own, a single-threaded one included, build the two
//! halves and spawn the driver there:
//!
//! ```no_run
//! use midge_smol::{ConnectOptions, Runtime, Smol, run};
//!
//! # fn main() -> Result<(), midge_smol::Error> {
//! let executor = smol::LocalExecutor::new();
//! smol::block_on(executor.run(async {
//!     let now = Smol.now();
//!     let (client, driver, first) = ConnectOptions::new().build("nats://localhost:4222", now)?;
//!     executor.spawn(run(driver, Smol)).detach();
//!     first.wait().await?;
//!     client.publish("greet.joe", "hello".into()).await?;
//!     client.drain().await?;
//!     Ok(())
//! }))
//! # }
//! ```

mod socket;

pub use midge::*;
pub use socket::Socket;

use core::future::Future;
use core::net::SocketAddr;
use midge::proto::{Instant, Target};
use std::io;
use std::sync::OnceLock;

/// The smol runtime: sockets and timers of `async-io`, tasks of the global executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

/// Options of a client on smol.
pub type ConnectOptions = midge::ConnectOptions<Smol>;

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

impl Runtime for Smol {
    type Stream = Socket;

    fn now(&self) -> Instant {
        Instant::ZERO + origin().elapsed()
    }

    fn connect(
        &self,
        target: Target,
        options: SocketOptions,
    ) -> impl Future<Output = io::Result<Socket>> {
        socket::connect(target, options)
    }

    fn resolve(
        &self,
        host: String,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> {
        smol::net::resolve((host, port))
    }

    async fn sleep_until(&self, at: Instant) {
        smol::Timer::at(origin() + at.saturating_since(Instant::ZERO)).await;
    }

    fn spawn(&self, driver: Driver) -> Result<(), SpawnError> {
        smol::spawn(run(driver, *self)).detach();
        Ok(())
    }
}

fn origin() -> std::time::Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(std::time::Instant::now)
}
