#![forbid(unsafe_code)]
//! NATS client without a runtime: standard threads, and calls that block.
//!
//! ```no_run
//! fn main() -> Result<(), midge_blocking::Error> {
//!     let client = midge_blocking::connect("nats://localhost:4222")?;
//!     let mut greetings = client.subscribe("greet.*")?;
//!     client.publish("greet.joe", "hello".into())?;
//!     if let Some(message) = greetings.next() {
//!         println!("{}: {:?}", message.subject, message.payload);
//!     }
//!     client.drain()?;
//!     Ok(())
//! }
//! ```
//!
//! # Threads
//!
//! A connection has one thread for its I/O, and one more while a host name is looked up; a
//! subscription has none. While nobody else waits on a connection, a call that waits does the I/O
//! itself, so that a request costs no switch of threads. Threads for handlers
//! ([`Client::subscribe_with`], [`Blocking::handle_with`]) and for channels
//! ([`Blocking::into_channel`]) are started when asked for.
//!
//! ```no_run
//! # fn main() -> Result<(), midge_blocking::Error> {
//! # let client = midge_blocking::connect("nats://localhost:4222")?;
//! let service = client.subscribe_with("double", {
//!     let client = client.clone();
//!     move |request| {
//!         let twice = request.payload.repeat(2);
//!         if let Err(error) = client.respond(&request, twice.into()) {
//!             eprintln!("no answer: {error}");
//!         }
//!     }
//! })?;
//! println!("{:?}", client.request("double", "ab".into())?.payload);
//! service.stop();
//! # Ok(())
//! # }
//! ```
//!
//! # Beside asynchronous code
//!
//! [`Blocking::as_async`] and [`Blocking::into_async`] give the asynchronous handle of the same
//! connection, which works in tasks of any runtime; [`Client::from`] makes a blocking handle of an
//! asynchronous one. `ConnectOptions::connect` of this crate is asynchronous itself: it gives an
//! asynchronous handle on a connection that needs no runtime.
//!
//! Options, messages, errors and everything else are those of [`midge`].

mod blocking;
mod channel;
mod engine;
mod handler;
mod reactor;
mod resolve;
mod runtime;
#[macro_use]
mod twins;
#[cfg(feature = "jetstream")]
pub mod jetstream;
mod waiter;

pub use midge::*;

pub use blocking::{Blocking, Client, Events, Iter, Subscriber, TimedOut, Yield};
pub use channel::{Channel, select};
pub use crossbeam_channel;
pub use handler::{Handler, HandlerError};
pub use reactor::Socket;
pub use runtime::Threads;

/// Options of a client on threads.
pub type ConnectOptions = midge::ConnectOptions<Threads>;

/// Connects with default options; blocks until a connection is ready.
///
/// # Errors
///
/// As [`ConnectOptions::connect`].
pub fn connect<A: ToServerAddrs>(addrs: A) -> Result<Client, ConnectError> {
    connect_with_options(addrs, ConnectOptions::new())
}

/// Connects with these options; blocks until a connection is ready.
///
/// # Errors
///
/// As [`ConnectOptions::connect`].
pub fn connect_with_options<A: ToServerAddrs>(
    addrs: A,
    options: ConnectOptions,
) -> Result<Client, ConnectError> {
    let client = blocking::Carrier::Other.finish(options.connect(addrs))?;
    let carrier = blocking::Carrier::of(&client);
    Ok(Blocking::new(client, carrier))
}
