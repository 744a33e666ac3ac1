use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{fs, thread};

use serde_json::Value;

use crate::config::{ConfigPart, Ports, ServerBuilder};
use crate::error::ServerError;
use crate::install::install;
use crate::monitor;
use crate::ports::free_port;
use crate::process::{Process, Signal, file_length};
use crate::temp_dir::{TempDir, random_u64};

/// A real `nats-server`, running on a free port of this machine with a folder of its own.
///
/// Dropping it kills the server and removes the folder. If the thread is panicking then, the end of
/// the server's log is printed to standard error. On Unix the server is also killed when the test
/// process dies without dropping it.
///
/// # Examples
///
/// ```
/// use midge_test_server::NatsServer;
///
/// let mut server = NatsServer::start()?;
/// let url = server.url(); // give it to the client under test
/// server.kill();
/// server.restart()?; // same port, same store
/// assert_eq!(server.url(), url);
/// # Ok::<(), midge_test_server::ServerError>(())
/// ```
#[derive(Debug)]
pub struct NatsServer {
    binary: PathBuf,
    builder: ServerBuilder,
    name: String,
    ports: Ports,
    process: Option<Process>,
    /// Where in the log the current process began.
    log_start: u64,
    folder: TempDir,
}

impl NatsServer {
    /// Starts a server with default settings: no JetStream, no TLS, no authorization.
    ///
    /// # Errors
    ///
    /// As [`ServerBuilder::start`].
    pub fn start() -> Result<Self, ServerError> {
        Self::builder().start()
    }

    /// Describes a server to start.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::new()
    }

    pub(crate) fn launch(builder: ServerBuilder) -> Result<Self, ServerError> {
        let ports_are_ours =
            builder.port.is_none() && builder.cluster.as_ref().is_none_or(|c| c.port.is_none());
        let mut attempt = 1;
        loop {
            let mut server = Self::new(builder.clone())?;
            match server.run() {
                Ok(()) => return Ok(server),
                // Another process can take a port between our look and the server's.
                Err(ServerError::AddressInUse { .. })
                    if ports_are_ours && attempt < START_ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn new(builder: ServerBuilder) -> Result<Self, ServerError> {
        let binary = install()?;
        let folder = TempDir::new("nats").map_err(ServerError::io("create a temporary folder"))?;
        let port = || free_port().map_err(ServerError::io("find a free port"));
        let wanted = |fixed: Option<u16>| fixed.map_or_else(port, Ok);
        let ports = Ports {
            client: wanted(builder.port)?,
            monitoring: port()?,
            websocket: builder.websocket.as_ref().map(|_| port()).transpose()?,
            cluster: builder.cluster.as_ref().map(|c| wanted(c.port)).transpose()?,
        };
        let name = match &builder.name {
            Some(name) => name.clone(),
            None => {
                let random = random_u64().map_err(ServerError::io("make a server name"))?;
                format!("test-{random:016x}")
            }
        };
        Ok(Self { binary, builder, name, ports, process: None, log_start: 0, folder })
    }

    /// Kills the server at once, as a crash would (`SIGKILL`). Does nothing if it is not running.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops the server in good order and waits until it has ended.
    ///
    /// Kills it if that takes more than ten seconds, or where there are no signals.
    ///
    /// # Errors
    ///
    /// Fails if the signal cannot be sent.
    pub fn stop(&mut self) -> Result<(), ServerError> {
        if cfg!(unix) && self.is_running() {
            // A frozen process would not act on the request.
            self.signal(Signal::Resume, "resume")?;
            self.signal(Signal::Stop, "stop")?;
            self.wait_for_exit(STOP_TIMEOUT);
        }
        self.process = None;
        Ok(())
    }

    /// Starts the server again on the same ports and the same store.
    ///
    /// A server that still runs is [stopped](Self::stop) before; call [`kill`](Self::kill) first
    /// for a crash.
    ///
    /// # Errors
    ///
    /// As [`ServerBuilder::start`]; [`ServerError::AddressInUse`] if another program took one of
    /// the ports in the meantime.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.stop()?;
        self.run()
    }

    /// Waits until the server has ended by itself, and says whether it did within the time.
    ///
    /// For example after [`lame_duck`](Self::lame_duck).
    pub fn wait_for_exit(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.is_running() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }

    /// Whether the server runs; a paused one does.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.status().is_none())
    }

    /// Replaces all that was given to [`ServerBuilder::config`] and makes the server read it.
    ///
    /// Returns once the server has taken it over.
    ///
    /// # Errors
    ///
    /// [`ServerError::ReloadRefused`] if the server found the new text wrong; the server goes on
    /// with the old one then, and so does the next call of [`restart`](Self::restart).
    pub fn reload(&mut self, config: impl Into<String>) -> Result<(), ServerError> {
        let new = vec![ConfigPart::Text(config.into())];
        let old = core::mem::replace(&mut self.builder.parts, new);
        let result = self.reload_file();
        if result.is_err() {
            self.builder.parts = old;
            self.write_config()?;
        }
        result
    }

    /// The URL for clients, `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// The URL for clients that want TLS and verify the name, `tls://localhost:PORT`.
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("tls://localhost:{}", self.ports.client)
    }

    /// The URL for WebSocket clients, `ws://127.0.0.1:PORT` or `wss://localhost:PORT`; `None` if
    /// the server has no WebSocket port.
    #[must_use]
    pub fn websocket_url(&self) -> Option<String> {
        let (options, port) = (self.builder.websocket.as_ref()?, self.ports.websocket?);
        Some(match options.scheme() {
            "wss" => format!("wss://localhost:{port}"),
            scheme => format!("{scheme}://127.0.0.1:{port}"),
        })
    }

    /// The client port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// The client address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        local(self.ports.client)
    }

    /// The address of the monitoring endpoint, which speaks HTTP.
    #[must_use]
    pub fn monitoring_address(&self) -> SocketAddr {
        local(self.ports.monitoring)
    }

    /// The address for WebSocket clients, if there is one.
    #[must_use]
    pub fn websocket_address(&self) -> Option<SocketAddr> {
        self.ports.websocket.map(local)
    }

    /// The address for routes of other members, if the server is in a cluster.
    #[must_use]
    pub fn cluster_address(&self) -> Option<SocketAddr> {
        self.ports.cluster.map(local)
    }

    /// The name of the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder with the server's configuration, log and store.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process id; `None` after [`kill`](Self::kill) or [`stop`](Self::stop).
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Freezes the server (`SIGSTOP`): connections stay open, and nothing is answered.
    ///
    /// # Errors
    ///
    /// Fails if the server is not running, or if there are no signals on this system.
    pub fn pause(&self) -> Result<(), ServerError> {
        self.signal(Signal::Pause, "pause")?;
        if let Some(process) = &self.process {
            process.wait_until_paused();
        }
        Ok(())
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    pub fn resume(&self) -> Result<(), ServerError> {
        self.signal(Signal::Resume, "resume")
    }

    /// Makes the server enter lame-duck mode: it takes no new clients, tells those it has, and
    /// after a while disconnects them one by one and ends.
    ///
    /// The times are `lame_duck_grace_period` and `lame_duck_duration` in the configuration.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    pub fn lame_duck(&self) -> Result<(), ServerError> {
        self.signal(Signal::LameDuck, "lame duck mode")
    }

    /// All that the server has logged, restarts included.
    #[must_use]
    pub fn logs(&self) -> String {
        self.logs_from(0)
    }

    /// Waits until the server has logged the text since it was last started.
    ///
    /// # Errors
    ///
    /// [`ServerError::TimedOut`] after ten seconds.
    pub fn wait_for_log(&self, text: &str) -> Result<(), ServerError> {
        self.wait_for(&format!("\"{text}\" in the log"), || {
            self.logs_from(self.log_start).contains(text).then_some(())
        })
    }

    /// Asks the monitoring endpoint, for example for `/connz?subs=1`, `/varz` or `/jsz`.
    ///
    /// # Errors
    ///
    /// Fails if the server does not answer, or with something that is not JSON.
    pub fn monitor(&self, path: &str) -> Result<Value, ServerError> {
        monitor::fetch(self.monitoring_address(), path)
            .map_err(|reason| ServerError::Monitoring { path: path.to_owned(), reason })
    }

    /// Asks the monitoring endpoint until the answer satisfies the predicate, and returns it.
    ///
    /// # Errors
    ///
    /// [`ServerError::TimedOut`] after ten seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// # let server = midge_test_server::NatsServer::start()?;
    /// let nobody = server.monitor_until("/connz", |connz| connz["num_connections"] == 0)?;
    /// assert!(nobody["connections"].as_array().is_some_and(Vec::is_empty));
    /// # Ok::<(), midge_test_server::ServerError>(())
    /// ```
    pub fn monitor_until(
        &self,
        path: &str,
        mut predicate: impl FnMut(&Value) -> bool,
    ) -> Result<Value, ServerError> {
        let mut last = String::from("no answer");
        let found = poll(|| {
            match self.monitor(path) {
                Ok(value) if predicate(&value) => return Some(value),
                Ok(value) => last = value.to_string(),
                Err(error) => last = error.to_string(),
            }
            None
        });
        found.ok_or_else(|| ServerError::TimedOut {
            what: format!("expected answer to {path}; the last one was {last}"),
            after: WAIT_TIMEOUT,
            log: self.log_tail(),
        })
    }

    fn run(&mut self) -> Result<(), ServerError> {
        self.write_config()?;
        let log = self.log_path();
        self.log_start = file_length(&log);
        let mut command = Command::new(&self.binary);
        command
            .arg("--config")
            .arg(self.config_path())
            .args(&self.builder.arguments)
            .current_dir(self.folder.path());
        let process = Process::spawn(&mut command, &log, self.folder.path())
            .map_err(ServerError::io(format!("run {}", self.binary.display())))?;
        self.process = Some(process);
        let result = self.wait_until_ready();
        if result.is_err() {
            self.process = None;
        }
        result
    }

    fn wait_until_ready(&mut self) -> Result<(), ServerError> {
        let deadline = Instant::now() + self.builder.start_timeout;
        while !self.is_ready() {
            if let Some(status) = self.process.as_mut().and_then(Process::status) {
                let log = self.log_tail();
                return Err(if log.contains("address already in use") {
                    ServerError::AddressInUse { log }
                } else {
                    ServerError::Exited { status: status.to_string(), log }
                });
            }
            if Instant::now() >= deadline {
                return Err(ServerError::TimedOut {
                    what: "ready server".into(),
                    after: self.builder.start_timeout,
                    log: self.log_tail(),
                });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let logged = |text| self.logs_from(self.log_start).contains(text);
        // The route listener is opened last, after clients are served.
        if self.ports.cluster.is_some() && !logged("Listening for route connections") {
            return false;
        }
        if self.builder.tls.as_ref().is_some_and(|tls| tls.handshake_first) {
            return logged("Server is ready");
        }
        // The name tells our server from another one that got hold of the port.
        read_info(self.address()).is_some_and(|info| info["server_name"] == *self.name)
    }

    fn reload_file(&mut self) -> Result<(), ServerError> {
        self.write_config()?;
        let start = file_length(&self.log_path());
        self.signal(Signal::Reload, "reload")?;
        let outcome = self.wait_for("outcome of a reload", || {
            let log = self.logs_from(start);
            let refused = log.contains("Failed to reload");
            (refused || log.contains("Reloaded server configuration")).then_some((refused, log))
        })?;
        match outcome {
            (true, log) => Err(ServerError::ReloadRefused { log }),
            (false, _) => Ok(()),
        }
    }

    fn write_config(&self) -> Result<(), ServerError> {
        let path = self.config_path();
        let mut text = self.builder.render(&self.name, &self.ports, self.folder.path());
        for part in &self.builder.parts {
            text.push_str(&part.read()?);
            text.push('\n');
        }
        fs::write(&path, text).map_err(ServerError::io(format!("write {}", path.display())))
    }

    fn signal(&self, signal: Signal, operation: &'static str) -> Result<(), ServerError> {
        if !cfg!(unix) {
            return Err(ServerError::Unsupported { operation });
        }
        let process = self.process.as_ref().ok_or(ServerError::NotRunning)?;
        process.signal(signal).map_err(ServerError::io(format!("{operation} the server")))
    }

    fn wait_for<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> Result<T, ServerError> {
        poll(look).ok_or_else(|| ServerError::TimedOut {
            what: what.to_owned(),
            after: WAIT_TIMEOUT,
            log: self.log_tail(),
        })
    }

    fn config_path(&self) -> PathBuf {
        self.folder.path().join("server.conf")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn logs_from(&self, start: u64) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }

    pub(crate) fn log_tail(&self) -> String {
        let log = self.logs_from(self.log_start);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("log of nats-server {}, its end:\n{}", self.name, self.log_tail());
        }
        // Before the folder goes, so that nothing is written into it while it is removed.
        self.process = None;
    }
}

/// Looks until there is something, or [`WAIT_TIMEOUT`] is over.
fn poll<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        thread::sleep(POLL);
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Connects and reads the `INFO` that a server sends first.
fn read_info(address: SocketAddr) -> Option<Value> {
    let stream = TcpStream::connect_timeout(&address, INFO_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(INFO_TIMEOUT)).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

/// How often a server is started on new ports before giving up.
const START_ATTEMPTS: u32 = 10;

/// How long one look for the `INFO` may take.
const INFO_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a server may take to stop in good order.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the `wait_for` functions wait.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(10);

/// How much of the log errors and panics show.
const LOG_TAIL_LINES: usize = 50;
