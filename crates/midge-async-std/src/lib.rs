#![forbid(unsafe_code)]
//! NATS client for async-std.
//!
//! async-std is discontinued, and its authors point to smol: new programs take `midge-smol`, which
//! offers the same. This crate is for those who are on async-std already.
//!
//! ```no_run
//! fn main() -> Result<(), midge_async_std::Error> {
//!     async_std::task::block_on(async {
//!         let client = midge_async_std::connect("nats://localhost:4222").await?;
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
//! Connections are tasks of async-std's global executor, which starts its threads at the first use
//! (one per core, or `ASYNC_STD_THREAD_COUNT`). So there is no outside of a runtime: [`connect`]
//! works in any task, under `async_std::task::block_on`, and in tasks of other runtimes.
//!
//! async-std and smol sit on the same reactor, `async-io`. Sockets and timers are therefore those of
//! `midge-smol`; tasks and look-ups of names are async-std's.

pub use midge::*;

use core::future::Future;
use core::net::SocketAddr;
use midge::proto::{Instant, Target};
use midge_smol::{Smol, Socket};
use std::io;

/// The async-std runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

/// Options of a client on async-std.
pub type ConnectOptions = midge::ConnectOptions<AsyncStd>;

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

impl Runtime for AsyncStd {
    type Stream = Socket;

    fn now(&self) -> Instant {
        Smol.now()
    }

    fn connect(
        &self,
        target: Target,
        options: SocketOptions,
    ) -> impl Future<Output = io::Result<Socket>> {
        Smol.connect(target, options)
    }

    async fn resolve(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(async_std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port)).await?.collect())
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> {
        Smol.sleep_until(at)
    }

    fn spawn(&self, driver: Driver) -> Result<(), SpawnError> {
        async_std::task::spawn(run(driver, *self));
        Ok(())
    }
}
