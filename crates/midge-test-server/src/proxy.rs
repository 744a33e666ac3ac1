use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::fake::bind;

/// A TCP proxy that breaks connections on demand, to put between a client and a server.
///
/// It forwards bytes and knows nothing of their meaning, so TLS and WebSocket pass as well. All
/// settings may be changed at any time, and hold for connections that exist and that come, if not
/// said otherwise.
///
/// # Examples
///
/// ```
/// use midge_test_server::{Direction, FaultProxy, NatsServer};
///
/// let server = NatsServer::start()?;
/// let proxy = FaultProxy::start(server.address())?;
/// let url = proxy.url(); // give it to the client under test
/// proxy.split(Direction::ToClient, 1); // byte by byte
/// proxy.cut_next_after(Direction::ToServer, 100); // the next connection ends after 100 bytes
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// A direction through a [`FaultProxy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl FaultProxy {
    /// Listens on a free port, and forwards to this address.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be resolved, or if no port is free.
    pub fn start(upstream: impl ToSocketAddrs) -> io::Result<Self> {
        let upstream = resolve(&upstream)?;
        let listener = bind()?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Shared { state: Mutex::new(State::new(upstream)), changed: Condvar::new() });
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || listen(&shared, listener, address)
        });
        Ok(Self { address, shared, listener: Some(thread) })
    }

    /// The URL for clients, `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// The address for clients.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port for clients.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends all connections now; new ones are served.
    pub fn cut(&self) {
        let mut state = self.shared.lock();
        for connection in state.connections.values_mut() {
            connection.cut();
        }
        self.shared.changed.notify_all();
    }

    /// Ends every connection that exists after this many more bytes in a direction, exactly.
    ///
    /// Bytes on their way inside the proxy are not forwarded yet, and count.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        let mut state = self.shared.lock();
        for connection in state.connections.values_mut() {
            let lane = &mut connection.lanes[direction.index()];
            lane.cut_at = Some(lane.permitted.saturating_add(bytes));
            connection.cut_if_due();
        }
        self.shared.changed.notify_all();
    }

    /// Ends the next connection to come after this many bytes in a direction, exactly.
    pub fn cut_next_after(&self, direction: Direction, bytes: u64) {
        self.shared.lock().settings[direction.index()].cut_next = Some(bytes);
    }

    /// Stops forwarding in a direction; the connections stay open, as in a network that loses all.
    ///
    /// An end of the connection is not forwarded either.
    pub fn stall(&self, direction: Direction) {
        self.shared.lock().settings[direction.index()].stalled = true;
    }

    /// Forwards again, first what came in the meantime.
    pub fn resume(&self, direction: Direction) {
        self.shared.lock().settings[direction.index()].stalled = false;
        self.shared.changed.notify_all();
    }

    /// Forwards no more than this many bytes a second on each connection; zero lifts the limit.
    pub fn throttle(&self, direction: Direction, bytes_per_second: u64) {
        self.shared.lock().settings[direction.index()].bytes_per_second = bytes_per_second;
    }

    /// Forwards in pieces of this many bytes, each with a write of its own; zero lifts the limit.
    ///
    /// The receiving system may join pieces that nobody has read yet.
    pub fn split(&self, direction: Direction, bytes: usize) {
        self.shared.lock().settings[direction.index()].piece = bytes;
    }

    /// Closes the listening socket: clients that connect are refused by the operating system.
    ///
    /// Connections that exist go on.
    pub fn refuse(&self) {
        self.set_refusing(true);
    }

    /// Listens again on the same port after [`refuse`](Self::refuse).
    ///
    /// # Errors
    ///
    /// Fails if another program has taken the port in the meantime.
    pub fn accept(&self) -> io::Result<()> {
        self.set_refusing(false);
        match self.shared.lock().listening {
            true => Ok(()),
            false => Err(io::ErrorKind::AddrInUse.into()),
        }
    }

    /// Forwards connections that come from now on to another address.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be resolved.
    pub fn set_upstream(&self, upstream: impl ToSocketAddrs) -> io::Result<()> {
        let upstream = resolve(&upstream)?;
        self.shared.lock().upstream = upstream;
        Ok(())
    }

    /// How many connections were accepted so far, also if the server could not be reached.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.lock().accepted
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.lock().connections.values().filter(|connection| !connection.is_cut).count()
    }

    /// How many bytes were forwarded in a direction, over all connections.
    ///
    /// It may lag a moment behind what the receiver has seen;
    /// [`wait_for_forwarded`](Self::wait_for_forwarded) does not mind.
    #[must_use]
    pub fn forwarded(&self, direction: Direction) -> u64 {
        self.shared.lock().settings[direction.index()].forwarded
    }

    /// Waits until this many connections were accepted in all, and says whether it happened within
    /// the time.
    #[must_use]
    pub fn wait_for_accepted(&self, count: u64, timeout: Duration) -> bool {
        self.wait(timeout, |state| state.accepted >= count)
    }

    /// Waits until this many bytes were forwarded in a direction in all, and says whether it
    /// happened within the time.
    #[must_use]
    pub fn wait_for_forwarded(&self, direction: Direction, bytes: u64, timeout: Duration) -> bool {
        self.wait(timeout, |state| state.settings[direction.index()].forwarded >= bytes)
    }

    fn wait(&self, timeout: Duration, condition: impl Fn(&State) -> bool) -> bool {
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, timeout, |state| !condition(state))
            .unwrap_or_else(PoisonError::into_inner);
        condition(&waited.0)
    }

    fn set_refusing(&self, refusing: bool) {
        {
            let mut state = self.shared.lock();
            if state.refusing == refusing {
                return;
            }
            state.refusing = refusing;
            state.bind_failed = false;
        }
        self.shared.changed.notify_all();
        if refusing {
            self.wake_listener();
        }
        let settled = |state: &State| state.listening != refusing || state.bind_failed;
        self.wait(SETTLE_TIMEOUT, settled);
    }

    /// The listening thread waits in accept, and looks at the state after it.
    fn wake_listener(&self) {
        let _ = TcpStream::connect_timeout(&self.address, SETTLE_TIMEOUT);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        let listening = {
            let mut state = self.shared.lock();
            state.closing = true;
            state.listening
        };
        self.cut();
        if listening {
            self.wake_listener();
        }
        if let Some(thread) = self.listener.take() {
            let _ = thread.join();
        }
    }
}

impl Direction {
    fn index(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notified when a thread may go on, or when a number that somebody may wait for has changed.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    refusing: bool,
    listening: bool,
    bind_failed: bool,
    closing: bool,
    accepted: u64,
    settings: [Settings; 2],
    connections: BTreeMap<u64, Connection>,
}

/// What holds for all connections in one direction.
#[derive(Debug, Default)]
struct Settings {
    stalled: bool,
    bytes_per_second: u64,
    piece: usize,
    cut_next: Option<u64>,
    forwarded: u64,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    lanes: [Lane; 2],
    is_cut: bool,
}

/// One direction of one connection.
#[derive(Debug, Default)]
struct Lane {
    /// Bytes that were forwarded, or are just being written: what the receiver has seen was
    /// counted before.
    permitted: u64,
    /// Bytes whose write has returned. A cut waits for these, so that it loses nothing due.
    written: u64,
    cut_at: Option<u64>,
    ended: bool,
}

impl State {
    fn new(upstream: SocketAddr) -> Self {
        Self {
            upstream,
            refusing: false,
            listening: true,
            bind_failed: false,
            closing: false,
            accepted: 0,
            settings: Default::default(),
            connections: BTreeMap::new(),
        }
    }
}

impl Connection {
    fn cut(&mut self) {
        self.is_cut = true;
        // An error means that the other side was faster.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    fn cut_if_due(&mut self) {
        if self.lanes.iter().any(|lane| lane.cut_at.is_some_and(|at| lane.written >= at)) {
            self.cut();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until bytes of a connection may be forwarded. Returns how many, and how long to wait
    /// after them; `None` if the connection was cut.
    fn permit(&self, id: u64, direction: Direction, wanted: usize) -> Option<(usize, Duration)> {
        let index = direction.index();
        let mut guard = self
            .changed
            .wait_while(self.lock(), |state| {
                state.settings[index].stalled
                    && state.connections.get(&id).is_some_and(|connection| !connection.is_cut)
            })
            .unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        let connection = state.connections.get_mut(&id).filter(|connection| !connection.is_cut)?;
        let settings = &state.settings[index];
        let mut size = wanted;
        if settings.piece > 0 {
            size = size.min(settings.piece);
        }
        let lane = &mut connection.lanes[index];
        if let Some(cut_at) = lane.cut_at {
            let left = cut_at.saturating_sub(lane.permitted);
            size = size.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        let mut pause = Duration::ZERO;
        if settings.bytes_per_second > 0 {
            let share = (settings.bytes_per_second / THROTTLE_PIECES_PER_SECOND).max(1);
            size = size.min(usize::try_from(share).unwrap_or(usize::MAX));
            pause = Duration::from_secs_f64(size as f64 / settings.bytes_per_second as f64);
        }
        lane.permitted += u64::try_from(size).unwrap_or(u64::MAX);
        Some((size, pause))
    }

    /// Counts forwarded bytes, and cuts the connection if it was due after them.
    fn count(&self, id: u64, direction: Direction, size: usize) {
        let mut state = self.lock();
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        state.settings[direction.index()].forwarded += size;
        if let Some(connection) = state.connections.get_mut(&id) {
            connection.lanes[direction.index()].written += size;
            connection.cut_if_due();
        }
        self.changed.notify_all();
    }

    /// Notes the end of one direction; after both, the connection is forgotten.
    fn end(&self, id: u64, direction: Direction) {
        let mut state = self.lock();
        if let Some(connection) = state.connections.get_mut(&id) {
            connection.lanes[direction.index()].ended = true;
            if connection.lanes.iter().all(|lane| lane.ended) {
                state.connections.remove(&id);
            }
        }
        self.changed.notify_all();
    }

    fn cut(&self, id: u64) {
        if let Some(connection) = self.lock().connections.get_mut(&id) {
            connection.cut();
        }
        self.changed.notify_all();
    }
}

/// The listening thread.
fn listen(shared: &Arc<Shared>, listener: TcpListener, address: SocketAddr) {
    let mut listener = Some(listener);
    loop {
        let accepted = listener.as_ref().and_then(|listener| listener.accept().ok());
        let mut state = shared.lock();
        if state.closing {
            return;
        }
        if !state.refusing {
            state.accepted += u64::from(accepted.is_some());
            let (id, upstream) = (state.accepted, state.upstream);
            shared.changed.notify_all();
            drop(state);
            if let Some((client, _)) = accepted {
                // A thread for each, since reaching the server may take long. A connection to a
                // server that cannot be reached is closed when the sockets are dropped.
                let shared = Arc::clone(shared);
                thread::spawn(move || serve(&shared, id, client, upstream));
            }
            continue;
        }
        listener = None;
        state.listening = false;
        shared.changed.notify_all();
        while listener.is_none() {
            state = shared
                .changed
                .wait_while(state, |state| (state.refusing || state.bind_failed) && !state.closing)
                .unwrap_or_else(PoisonError::into_inner);
            if state.closing {
                return;
            }
            listener = TcpListener::bind(address).ok();
            state.listening = listener.is_some();
            state.bind_failed = listener.is_none();
            shared.changed.notify_all();
        }
    }
}

/// Connects to the server, and forwards in both directions until the end.
fn serve(shared: &Arc<Shared>, id: u64, client: TcpStream, upstream: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect_timeout(&upstream, DIAL_TIMEOUT)?;
    // Pieces are sent one by one, which is the point of splitting.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let to_server = (client.try_clone()?, server.try_clone()?);
    let to_client = (server.try_clone()?, client.try_clone()?);
    {
        let mut state = shared.lock();
        let mut connection =
            Connection { client, server, lanes: Default::default(), is_cut: state.closing };
        for (lane, settings) in connection.lanes.iter_mut().zip(&mut state.settings) {
            lane.cut_at = settings.cut_next.take();
        }
        connection.cut_if_due();
        state.connections.insert(id, connection);
        shared.changed.notify_all();
    }
    let back = thread::spawn({
        let shared = Arc::clone(shared);
        move || forward(&shared, id, Direction::ToClient, to_client.0, to_client.1)
    });
    forward(shared, id, Direction::ToServer, to_server.0, to_server.1);
    let _ = back.join();
    Ok(())
}

fn forward(shared: &Shared, id: u64, direction: Direction, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; BUFFER_BYTES];
    'reading: loop {
        let count = match from.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => {
                shared.cut(id);
                break;
            }
        };
        let mut rest = &buffer[..count];
        if rest.is_empty() {
            if shared.permit(id, direction, 0).is_some() {
                let _ = to.shutdown(Shutdown::Write);
            }
            break;
        }
        while !rest.is_empty() {
            let Some((size, pause)) = shared.permit(id, direction, rest.len()) else {
                break 'reading;
            };
            if to.write_all(&rest[..size]).is_err() {
                shared.cut(id);
                break 'reading;
            }
            shared.count(id, direction, size);
            rest = &rest[size..];
            if !pause.is_zero() {
                thread::sleep(pause);
            }
        }
    }
    shared.end(id, direction);
}

fn resolve(address: &impl ToSocketAddrs) -> io::Result<SocketAddr> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    address.to_socket_addrs()?.next().ok_or_else(missing)
}

const BUFFER_BYTES: usize = 16 * 1024;

/// A throttled second is cut into so many pieces, for an even flow.
const THROTTLE_PIECES_PER_SECOND: u64 = 50;

/// How long reaching the server may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the listening thread may take to act; it only bounds a failure.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
