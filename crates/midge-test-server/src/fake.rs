use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::{fmt, io};

use serde_json::{Value, json};

use crate::ports::free_port;

/// A server whose every byte a test writes by hand.
///
/// For what a real server cannot be made to do: wrong lines, strange orders, an error in the right
/// moment. The methods block and panic, with what was received so far, when the client under test
/// does not do the expected in time; they are for a thread of the test's own.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use midge_test_server::FakeServer;
///
/// let fake = FakeServer::start()?;
/// let address = fake.address();
/// let client = std::thread::spawn(move || {
///     let mut client = std::net::TcpStream::connect(address)?;
///     client.write_all(b"CONNECT {\"name\":\"me\"}\r\nPING\r\n")?;
///     let mut all = String::new();
///     client.read_to_string(&mut all)?;
///     std::io::Result::Ok(all)
/// });
///
/// let mut connection = fake.accept();
/// assert_eq!(connection.handshake()["name"], "me");
/// connection.send("-ERR 'Stale Connection'\r\n");
/// connection.close();
///
/// let heard = client.join().unwrap()?;
/// assert!(heard.ends_with("PONG\r\n-ERR 'Stale Connection'\r\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FakeServer {
    address: SocketAddr,
    accepted: Receiver<TcpStream>,
    closing: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
    timeout: Duration,
}

impl FakeServer {
    /// Listens on a free port.
    ///
    /// # Errors
    ///
    /// Fails if no port is free.
    pub fn start() -> io::Result<Self> {
        let listener = bind()?;
        let address = listener.local_addr()?;
        let (sender, accepted) = mpsc::channel();
        let closing = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&closing);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) || sender.send(stream).is_err() {
                    return;
                }
            }
        });
        Ok(Self { address, accepted, closing, listener: Some(thread), timeout: TIMEOUT })
    }

    /// Sets how long all waiting methods wait. The default is five seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Waits for the next client.
    ///
    /// # Panics
    ///
    /// If none comes in time.
    #[track_caller]
    #[must_use]
    pub fn accept(&self) -> FakeConnection {
        match self.try_accept(self.timeout) {
            Some(connection) => connection,
            None => panic!("no client connected within {:?}", self.timeout),
        }
    }

    /// Waits for the next client, and returns `None` if none comes in this time.
    #[must_use]
    pub fn try_accept(&self, timeout: Duration) -> Option<FakeConnection> {
        let stream = self.accepted.recv_timeout(timeout).ok()?;
        // It only speeds small writes up; a failure shows at the first write.
        let _ = stream.set_nodelay(true);
        Some(FakeConnection {
            stream,
            received: Vec::new(),
            log: Vec::new(),
            address: self.address,
            timeout: self.timeout,
        })
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
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // The thread waits in accept, and looks at the flag after it.
        let woken = TcpStream::connect_timeout(&self.address, TIMEOUT).is_ok();
        if let Some(thread) = self.listener.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

/// One client's connection to a [`FakeServer`].
pub struct FakeConnection {
    stream: TcpStream,
    /// Read from the socket, and not yet asked for.
    received: Vec<u8>,
    /// All that was read from the socket, for panics.
    log: Vec<u8>,
    address: SocketAddr,
    timeout: Duration,
}

impl FakeConnection {
    /// Sends bytes as they are; line ends are yours.
    ///
    /// # Panics
    ///
    /// If the client has hung up.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if let Err(error) = self.stream.write_all(bytes) {
            self.fail(&format!("could not send {:?}: {error}", bytes.escape_ascii().to_string()));
        }
    }

    /// Sends an `INFO` line: that of a plain server, with the fields of this object replaced or
    /// added, and those that are null left out.
    ///
    /// # Panics
    ///
    /// If the client has hung up.
    #[track_caller]
    pub fn send_info(&mut self, overrides: &Value) {
        let mut info = json!({
            "server_id": "NFAKE",
            "server_name": "fake",
            "version": "2.15.1",
            "proto": 1,
            "host": self.address.ip().to_string(),
            "port": self.address.port(),
            "headers": true,
            "max_payload": 1_048_576,
            "client_id": 1,
        });
        for (key, value) in overrides.as_object().into_iter().flatten() {
            info[key] = value.clone();
        }
        if let Some(fields) = info.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        self.send(format!("INFO {info}\r\n"));
    }

    /// Sends an `INFO`, reads the client's `CONNECT` and `PING`, sends a `PONG`, and returns what
    /// the client said in its `CONNECT`.
    ///
    /// # Panics
    ///
    /// If the client says something else.
    #[track_caller]
    pub fn handshake(&mut self) -> Value {
        self.handshake_with(&Value::Null)
    }

    /// Like [`handshake`](Self::handshake), with an `INFO` as by [`send_info`](Self::send_info).
    ///
    /// # Panics
    ///
    /// If the client says something else.
    #[track_caller]
    pub fn handshake_with(&mut self, info: &Value) -> Value {
        self.send_info(info);
        let line = self.expect_line("CONNECT ");
        let connect: Value = match serde_json::from_str(&line["CONNECT ".len()..]) {
            Ok(connect) => connect,
            Err(error) => self.fail(&format!("CONNECT without JSON: {error}")),
        };
        if connect["verbose"] == true {
            self.send("+OK\r\n");
        }
        self.expect_line("PING");
        self.send("PONG\r\n");
        connect
    }

    /// Reads the next line and returns it without its line end.
    ///
    /// # Panics
    ///
    /// If no whole line comes in time.
    #[track_caller]
    pub fn read_line(&mut self) -> String {
        let mut line = self.read_until("\r\n");
        line.truncate(line.len() - 2);
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Reads the next line, which must begin so, and returns it whole without its line end.
    ///
    /// # Panics
    ///
    /// If another line comes, or none in time.
    #[track_caller]
    pub fn expect_line(&mut self, prefix: &str) -> String {
        let line = self.read_line();
        if !line.starts_with(prefix) {
            self.fail(&format!("expected a line that begins with {prefix:?}, got {line:?}"));
        }
        line
    }

    /// Reads up to and including the next occurrence of these bytes.
    ///
    /// # Panics
    ///
    /// If they do not come in time.
    #[track_caller]
    pub fn read_until(&mut self, end: impl AsRef<[u8]>) -> Vec<u8> {
        let end = end.as_ref();
        let deadline = Instant::now() + self.timeout;
        loop {
            let found = self.received.windows(end.len().max(1)).position(|window| window == end);
            if let Some(start) = found {
                return self.received.drain(..start + end.len()).collect();
            }
            if let Err(reason) = self.fill(deadline) {
                let end = end.escape_ascii().to_string();
                self.fail(&format!("waited for {end:?}: {reason}"));
            }
        }
    }

    /// Reads this number of bytes.
    ///
    /// # Panics
    ///
    /// If they do not come in time.
    #[track_caller]
    pub fn read_exact(&mut self, count: usize) -> Vec<u8> {
        let deadline = Instant::now() + self.timeout;
        while self.received.len() < count {
            if let Err(reason) = self.fill(deadline) {
                self.fail(&format!("waited for {count} bytes: {reason}"));
            }
        }
        self.received.drain(..count).collect()
    }

    /// Waits until the client has hung up.
    ///
    /// # Panics
    ///
    /// If it says anything more, or does not hang up in time.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let deadline = Instant::now() + self.timeout;
        match self.fill(deadline) {
            Err(FillError::End) if self.received.is_empty() => {}
            Err(FillError::End) | Ok(()) => {
                let rest = self.received.escape_ascii().to_string();
                self.fail(&format!("expected the client to hang up, got {rest:?}"));
            }
            Err(reason) => self.fail(&format!("expected the client to hang up: {reason}")),
        }
    }

    /// Whether the client stays silent for this time.
    ///
    /// A negative can only be tested by waiting: prefer to make the client say something else,
    /// which has to come next.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.received.is_empty()
            && matches!(self.fill(Instant::now() + time), Err(FillError::TimedOut))
    }

    /// Hangs up in good order: the client reads all that was sent, then an end of file.
    pub fn close(self) {
        // An error means that the client has hung up first.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Breaks the connection with a TCP reset; what the client has not read may be lost.
    pub fn reset(self) {
        // With a linger time of zero, closing a socket resets the connection.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// The socket, for what the other methods do not do.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads once from the socket.
    fn fill(&mut self, deadline: Instant) -> Result<(), FillError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(FillError::TimedOut);
        }
        self.stream.set_read_timeout(Some(left)).map_err(FillError::Io)?;
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(FillError::End),
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                self.log.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error) => FillError::from_io(error),
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        panic!("{what}; received so far: \"{}\"", self.log.escape_ascii());
    }
}

impl fmt::Debug for FakeConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeConnection").field("stream", &self.stream).finish_non_exhaustive()
    }
}

enum FillError {
    TimedOut,
    End,
    Io(io::Error),
}

impl FillError {
    fn from_io(error: io::Error) -> Result<(), Self> {
        let kind = error.kind();
        if kind == ErrorKind::Interrupted {
            Ok(())
        } else if matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut) {
            Err(Self::TimedOut)
        } else if matches!(kind, ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) {
            Err(Self::End)
        } else {
            Err(Self::Io(error))
        }
    }
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("time is up"),
            Self::End => f.write_str("the client hung up"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// Binds a free port; another process can take a port between the look and the bind.
pub(crate) fn bind() -> io::Result<TcpListener> {
    let mut last = None;
    for _ in 0..BIND_ATTEMPTS {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, free_port()?)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| ErrorKind::AddrInUse.into()))
}

const BIND_ATTEMPTS: u32 = 10;

/// How long a client may take for each step; generous, because it only bounds failures.
const TIMEOUT: Duration = Duration::from_secs(5);
