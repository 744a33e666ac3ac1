//! Several connections on one thread, without a runtime: a readiness loop on `mio`.
//!
//! `docs/embedding.md` explains the calls.

use core::task::Waker;
use midge::proto::{DialId, Instant, Target};
use midge::{Driver, DriverOrder, Parked};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::task::Wake;

struct Connection {
    driver: Driver,
    socket: Option<TcpStream>,
    /// Sockets that are being connected; there may be several, to addresses of one host.
    dials: Vec<(DialId, TcpStream)>,
}

/// Wakes the loop, which then looks at every connection.
struct Wakeup(mio::Waker);

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        // It fails when the loop is gone, and there is nobody to wake then.
        let _ = self.0.wake();
    }
}

/// Carries the connections of drivers that were built at `Instant::ZERO`, until all are closed.
///
/// Their handles work from any thread.
pub(crate) fn run(drivers: Vec<Driver>) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let waker = mio::Waker::new(poll.registry(), Token(usize::MAX))?;
    let waker = Waker::from(Arc::new(Wakeup(waker)));
    let connection = |driver| Connection { driver, socket: None, dials: Vec::new() };
    let mut connections: Vec<Connection> = drivers.into_iter().map(connection).collect();
    let began = std::time::Instant::now();
    let now = || Instant::ZERO + began.elapsed();
    let mut events = Events::with_capacity(64);
    loop {
        let mut deadline: Option<Instant> = None;
        for (index, connection) in connections.iter_mut().enumerate() {
            while connection.turn(now(), poll.registry(), Token(index))?
                || connection.driver.park(&waker) == Parked::Work
            {}
            deadline = deadline.into_iter().chain(connection.driver.poll_timeout()).min();
        }
        if connections.iter().all(|connection| connection.driver.is_closed()) {
            return Ok(());
        }
        let waited = poll.poll(&mut events, deadline.map(|at| at.saturating_since(now())));
        // A signal cuts it short. All connections are looked at anyhow, so events need no sorting.
        waited.or_else(|e| if e.kind() == ErrorKind::Interrupted { Ok(()) } else { Err(e) })?;
    }
}

impl Connection {
    /// One look at everything; says whether there was any progress.
    fn turn(&mut self, now: Instant, registry: &mio::Registry, token: Token) -> io::Result<bool> {
        let (driver, mut progress) = (&mut self.driver, false);
        driver.handle_commands(now);
        if driver.poll_timeout().is_some_and(|at| at <= now) {
            driver.handle_timeout(now);
            progress = true;
        }
        while let Some(order) = driver.poll_order() {
            progress = true;
            match order {
                // A loop with more to do gives this to a thread: it blocks.
                DriverOrder::Resolve { host, port } => {
                    let found = (host, port).to_socket_addrs().map(Iterator::collect);
                    driver.handle_resolved(now, found);
                }
                DriverOrder::Dial { dial, target: Target::Address(address), .. } => {
                    match TcpStream::connect(address) {
                        Ok(mut socket) => {
                            let both = Interest::READABLE | Interest::WRITABLE;
                            registry.register(&mut socket, token, both)?;
                            self.dials.push((dial, socket));
                        }
                        Err(error) => driver.handle_dial_failed(now, dial, &error),
                    }
                }
                DriverOrder::Dial { dial, .. } | DriverOrder::DialCustom { dial, .. } => {
                    driver.handle_dial_failed(now, dial, &ErrorKind::Unsupported.into());
                }
                DriverOrder::Hangup { last_words } => {
                    self.dials.clear();
                    let _ = self.socket.take().map(|mut socket| socket.write(&last_words));
                }
                other => return Err(io::Error::other(format!("an unknown order: {other:?}"))),
            }
        }
        for (dial, socket) in core::mem::take(&mut self.dials) {
            if let Some(error) = socket.take_error()? {
                driver.handle_dial_failed(now, dial, &error);
                progress = true;
            } else if self.socket.is_none() && socket.peer_addr().is_ok() {
                driver.handle_dialed(now, dial, socket.local_addr().ok());
                (self.socket, progress) = (Some(socket), true);
            } else {
                self.dials.push((dial, socket));
            }
        }
        let Some(socket) = &mut self.socket else { return Ok(progress) };
        self.dials.clear();
        let moved = transfer(driver, socket, now);
        if let Err(error) = &moved {
            self.socket = None;
            driver.handle_disconnected(now, Some(error));
        }
        Ok(moved.unwrap_or(true) || progress)
    }
}

/// One write and one read; says whether bytes moved.
fn transfer(driver: &mut Driver, socket: &mut TcpStream, now: Instant) -> io::Result<bool> {
    let mut moved = false;
    if driver.prepare_write(now) {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = driver.write_slices(&mut slices);
        let written = taken(socket.write_vectored(&slices[..count]))?;
        moved = written.is_some();
        match written {
            Some(count) => driver.handle_written(now, count),
            None => driver.handle_write_blocked(now),
        }
    }
    let Some(buf) = driver.read_buf() else { return Ok(moved) };
    match taken(socket.read(buf))? {
        Some(0) => Err(ErrorKind::UnexpectedEof.into()),
        Some(count) => {
            driver.handle_read(now, count);
            Ok(true)
        }
        None => Ok(moved),
    }
}

/// `None` where the socket is not ready.
fn taken(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
