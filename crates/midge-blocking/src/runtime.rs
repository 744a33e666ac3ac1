//! Threads as a runtime of midge.

use crate::engine::Engine;
use crate::reactor::{INTERRUPT, Reactor, Socket};
use crate::resolve::Resolver;
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use midge::proto::{Instant, Target};
use midge::{Driver, Runtime, SocketOptions, SpawnError};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Standard threads: one for the I/O of a connection, and one while a name is looked up.
///
/// Each value carries one connection. `ConnectOptions<Threads>::connect` gives the asynchronous
/// handle of a connection that needs no runtime; [`connect`](crate::connect) the blocking one.
#[derive(Clone, Debug)]
pub struct Threads(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// What the operating system gave, or why not: told by `spawn`.
    io: Result<Io, String>,
    resolver: Arc<Resolver>,
    /// The clock where there is no reactor.
    origin: std::time::Instant,
}

#[derive(Debug)]
struct Io {
    reactor: Arc<Reactor>,
    /// Until the connection begins.
    poll: Mutex<Option<(mio::Poll, mio::Waker)>>,
}

impl Io {
    fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), INTERRUPT)?;
        let reactor = Arc::new(Reactor::new(poll.registry().try_clone()?));
        Ok(Self { reactor, poll: Mutex::new(Some((poll, waker))) })
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self(Arc::new(Parts {
            io: Io::new().map_err(|error| format!("no way to wait for sockets: {error}")),
            resolver: Arc::default(),
            origin: std::time::Instant::now(),
        }))
    }
}

impl Threads {
    fn io(&self) -> io::Result<&Io> {
        self.0.io.as_ref().map_err(|text| io::Error::other(text.clone()))
    }
}

impl Runtime for Threads {
    type Stream = Socket;

    fn now(&self) -> Instant {
        match &self.0.io {
            Ok(io) => io.reactor.now(),
            Err(_) => Instant::ZERO + self.0.origin.elapsed(),
        }
    }

    async fn connect(&self, target: Target, options: SocketOptions) -> io::Result<Socket> {
        let reactor = Arc::clone(&self.io()?.reactor);
        let address = match target {
            Target::Address(address) => address,
            Target::Name(host, port) => *self
                .resolve(host, port)
                .await?
                .first()
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?,
            Target::Path(path) => return Socket::open(reactor, &path),
        };
        let stream = Socket::dial(reactor, address, &options)?;
        poll_fn(|_| stream.poll_connected()).await?;
        Ok(stream)
    }

    fn resolve(
        &self,
        host: String,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> {
        Arc::clone(&self.0.resolver).look_up(host, port)
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> {
        let reactor = self.io().ok().map(|io| Arc::clone(&io.reactor));
        poll_fn(move |_| reactor.as_ref().map_or(core::task::Poll::Pending, |r| r.sleep_until(at)))
    }

    fn spawn(&self, driver: Driver) -> Result<(), SpawnError> {
        let io = self.0.io.as_ref().map_err(|text| SpawnError::new(text.clone()))?;
        let taken = io.poll.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (poll, waker) = taken.ok_or_else(|| {
            SpawnError::new("these threads carry a connection already; take a new `Threads`")
        })?;
        let reactor = Arc::clone(&io.reactor);
        Engine::start(poll, waker, reactor, driver, self.clone())
            .map_err(|error| SpawnError::new(format!("no thread for the connection: {error}")))
    }
}
