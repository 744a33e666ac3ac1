//! Readiness of the sockets of one connection.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use core::task::Poll;
use core::time::Duration;
use midge::SocketOptions;
use midge::proto::Instant;
use midge_socket::{begin_connect, finish_connect};
use mio::event::Event;
use mio::{Events, Interest, Registry, Token};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The token of the waker; sockets have those behind it.
pub(crate) const INTERRUPT: Token = Token(0);

const READABLE: u8 = 1;
const WRITABLE: u8 = 2;
/// The peer has ended its side: there is an end to be read, whatever was read before.
const ENDED: u8 = 4;

/// What the sockets and the sleep of one connection share with whoever waits for them.
///
/// All of it is used by one thread at a time, the owner of the driver; the atomics only carry it
/// from one owner to the next, and the lock of the hand-over orders them.
#[derive(Debug)]
pub(crate) struct Reactor {
    registry: Registry,
    origin: std::time::Instant,
    /// The earliest sleep in nanoseconds since the origin.
    deadline: AtomicU64,
    sockets: Mutex<Vec<(Token, Arc<Readiness>)>>,
    next_token: AtomicUsize,
    /// Whether a socket takes no more of what there is to write.
    is_blocked: AtomicBool,
}

/// What a socket was last reported ready for.
#[derive(Debug, Default)]
struct Readiness(AtomicU8);

impl Readiness {
    fn has(&self, bits: u8) -> bool {
        self.0.load(Ordering::Relaxed) & bits != 0
    }

    fn set(&self, bits: u8) {
        self.0.fetch_or(bits, Ordering::Relaxed);
    }

    fn clear(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::Relaxed);
    }
}

impl Reactor {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            origin: std::time::Instant::now(),
            deadline: AtomicU64::new(u64::MAX),
            sockets: Mutex::default(),
            next_token: AtomicUsize::new(INTERRUPT.0 + 1),
            is_blocked: AtomicBool::new(false),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    /// Forgets the sleep; one that still goes on says so at its next poll.
    pub(crate) fn clear_deadline(&self) {
        self.deadline.store(u64::MAX, Ordering::Relaxed);
    }

    pub(crate) fn sleep_until(&self, at: Instant) -> Poll<()> {
        if at <= self.now() {
            return Poll::Ready(());
        }
        let nanos = u64::try_from(at.saturating_since(Instant::ZERO).as_nanos());
        self.deadline.fetch_min(nanos.unwrap_or(u64::MAX), Ordering::Relaxed);
        Poll::Pending
    }

    /// How long there is to wait for the sleep; `None` without one.
    pub(crate) fn until_deadline(&self) -> Option<Duration> {
        let deadline = self.deadline.load(Ordering::Relaxed);
        let at = (deadline != u64::MAX).then(|| Duration::from_nanos(deadline))?;
        Some(at.saturating_sub(self.origin.elapsed()))
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    /// Notes what sockets are ready for.
    pub(crate) fn note(&self, events: &Events) {
        for event in events.iter().filter(|event| event.token() != INTERRUPT) {
            let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, readiness)) = sockets.iter().find(|(token, _)| *token == event.token())
            {
                readiness.set(bits_of(event));
            }
        }
    }
}

fn bits_of(event: &Event) -> u8 {
    let mut bits = 0;
    if event.is_readable() || event.is_error() {
        bits |= READABLE;
    }
    if event.is_writable() || event.is_error() || event.is_write_closed() {
        bits |= WRITABLE;
    }
    if event.is_read_closed() || event.is_error() {
        bits |= READABLE | ENDED;
    }
    bits
}

/// The socket of a connection that threads carry.
#[derive(Debug)]
pub struct Socket {
    kind: Kind,
    token: Token,
    readiness: Arc<Readiness>,
    reactor: Arc<Reactor>,
}

#[derive(Debug)]
enum Kind {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Unix(mio::net::UnixStream),
}

/// Calls the same method of whichever socket it is.
macro_rules! each {
    ($kind:expr, $socket:ident => $call:expr) => {
        match $kind {
            Kind::Tcp($socket) => $call,
            #[cfg(unix)]
            Kind::Unix($socket) => $call,
        }
    };
}

impl Socket {
    /// Begins to connect.
    pub(crate) fn dial(
        reactor: Arc<Reactor>,
        address: SocketAddr,
        options: &SocketOptions,
    ) -> io::Result<Self> {
        let socket = mio::net::TcpStream::from_std(begin_connect(address, options)?);
        Self::register(reactor, Kind::Tcp(socket))
    }

    /// Connects to a Unix-domain socket.
    #[cfg(unix)]
    pub(crate) fn open(reactor: Arc<Reactor>, path: &str) -> io::Result<Self> {
        Self::register(reactor, Kind::Unix(mio::net::UnixStream::connect(path)?))
    }

    #[cfg(not(unix))]
    pub(crate) fn open(_: Arc<Reactor>, _: &str) -> io::Result<Self> {
        Err(ErrorKind::Unsupported.into())
    }

    fn register(reactor: Arc<Reactor>, mut kind: Kind) -> io::Result<Self> {
        let token = Token(reactor.next_token.fetch_add(1, Ordering::Relaxed));
        let interest = Interest::READABLE | Interest::WRITABLE;
        each!(&mut kind, socket => reactor.registry.register(socket, token, interest))?;
        let readiness = Arc::new(Readiness::default());
        let entry = (token, Arc::clone(&readiness));
        reactor.sockets.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        Ok(Self { kind, token, readiness, reactor })
    }

    /// Whether the connection stands.
    pub(crate) fn poll_connected(&self) -> Poll<io::Result<()>> {
        if !self.readiness.has(WRITABLE) {
            return Poll::Pending;
        }
        match each!(&self.kind, socket => finish_connect(socket)) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => {
                self.readiness.clear(WRITABLE);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// Tries an operation on a socket that was reported ready for it.
fn attempt(
    readiness: &Readiness,
    bit: u8,
    wanted: usize,
    mut operation: impl FnMut() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    if !readiness.has(bit) {
        return Poll::Pending;
    }
    loop {
        match operation() {
            Ok(count) => {
                // Less than asked for: there is no more, and the next edge is reported. Only where
                // edges come by themselves.
                if count > 0 && count < wanted && cfg!(unix) && !readiness.has(ENDED) {
                    readiness.clear(bit);
                }
                return Poll::Ready(Ok(count));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                readiness.clear(bit);
                return Poll::Pending;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

impl midge::Stream for Socket {
    fn poll_read(
        &mut self,
        _: &mut core::task::Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let kind = &mut self.kind;
        attempt(&self.readiness, READABLE, buf.len(), || each!(kind, socket => socket.read(buf)))
    }

    fn poll_write_vectored(
        &mut self,
        _: &mut core::task::Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        let kind = &mut self.kind;
        let poll = attempt(
            &self.readiness,
            WRITABLE,
            wanted,
            || each!(kind, socket => socket.write_vectored(bufs)),
        );
        self.reactor.is_blocked.store(poll.is_pending(), Ordering::Relaxed);
        poll
    }

    fn poll_close(&mut self, _: &mut core::task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(each!(&self.kind, socket => socket.shutdown(std::net::Shutdown::Write)))
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(socket) => socket.local_addr().ok(),
            #[cfg(unix)]
            Kind::Unix(_) => None,
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A socket that cannot be deregistered is closed a moment later all the same.
        let _ = each!(&mut self.kind, socket => self.reactor.registry.deregister(socket));
        let mut sockets = self.reactor.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|(token, _)| *token != self.token);
        self.reactor.is_blocked.store(false, Ordering::Relaxed);
    }
}
