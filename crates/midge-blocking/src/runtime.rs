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
        Self::new(Resolver::default())
    }
}

impl Threads {
    fn new(resolver: Resolver) -> Self {
        Self(Arc::new(Parts {
            io: Io::new().map_err(|error| format!("no way to wait for sockets: {error}")),
            resolver: Arc::new(resolver),
            origin: std::time::Instant::now(),
        }))
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, ConnectOptions};
    use core::time::Duration;
    use socket2::{Domain, Socket, Type};
    use std::net::TcpStream;
    use std::sync::OnceLock;

    /// The addresses of every host.
    static ADDRESSES: OnceLock<Vec<SocketAddr>> = OnceLock::new();

    #[test]
    fn a_dial_that_hangs_is_overtaken_by_one_to_the_next_address() {
        let server = midge_test_server::NatsServer::start().unwrap();
        // Nobody accepts, and there is no room to wait: a full queue answers no dial.
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let silent = listener.local_addr().unwrap().as_socket().unwrap();
        let short = Duration::from_millis(200);
        let _waiting: Vec<TcpStream> =
            core::iter::from_fn(|| TcpStream::connect_timeout(&silent, short).ok()).collect();
        ADDRESSES.set(vec![silent, server.address()]).unwrap();

        let threads =
            Threads::new(Resolver::new(|_, _| Ok(ADDRESSES.get().cloned().unwrap_or_default())));
        let options = ConnectOptions::new()
            .retain_servers_order()
            .dial_stagger(Duration::from_millis(50))
            .connection_timeout(Duration::from_secs(20));
        let (client, driver, first) = options.build("nats://many.example", threads.now()).unwrap();
        threads.spawn(driver).unwrap();
        let client = Client::from(client);
        let begun = std::time::Instant::now();
        client.wait(first.wait()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert_eq!(client.remote_addr(), Some(server.address()));
        client.rtt().unwrap();
    }
}
