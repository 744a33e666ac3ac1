use core::fmt::Write as _;
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ServerError;
use crate::jwt::Operator;
use crate::server::NatsServer;

/// What a server shall be; made by [`NatsServer::builder`].
///
/// # Examples
///
/// ```
/// use midge_test_server::NatsServer;
///
/// let server = NatsServer::builder()
///     .name("billing")
///     .jetstream()
///     .config("max_payload: 1KB")
///     .start()?;
/// assert_eq!(server.monitor("/varz")?["max_payload"], 1024);
/// # Ok::<(), midge_test_server::ServerError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerBuilder {
    pub(crate) name: Option<String>,
    pub(crate) jetstream: Option<String>,
    pub(crate) websocket: Option<WebSocketOptions>,
    pub(crate) tls: Option<TlsOptions>,
    pub(crate) cluster: Option<ClusterOptions>,
    pub(crate) parts: Vec<ConfigPart>,
    pub(crate) arguments: Vec<String>,
    pub(crate) start_timeout: Duration,
    pub(crate) port: Option<u16>,
}

impl ServerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            name: None,
            jetstream: None,
            websocket: None,
            tls: None,
            cluster: None,
            parts: Vec::new(),
            arguments: Vec::new(),
            start_timeout: START_TIMEOUT,
            port: None,
        }
    }

    /// Sets the server's name. The default is unique in the machine.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the client port. The default is a free port, which is what a test wants.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Turns JetStream on, with its store in the server's folder.
    pub fn jetstream(self) -> Self {
        self.jetstream_config("")
    }

    /// Turns JetStream on, with more lines for its block of the configuration.
    ///
    /// For example `domain: leaf`, or `max_file_store: 10MB`.
    pub fn jetstream_config(mut self, lines: impl Into<String>) -> Self {
        self.jetstream = Some(lines.into());
        self
    }

    /// Listens for WebSocket clients on a port of its own.
    pub fn websocket(mut self, options: WebSocketOptions) -> Self {
        self.websocket = Some(options);
        self
    }

    /// Makes the client port speak TLS.
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = Some(options);
        self
    }

    /// Makes the server a member of a cluster; [`Cluster`](crate::Cluster) does it for a whole one.
    pub fn cluster(mut self, options: ClusterOptions) -> Self {
        self.cluster = Some(options);
        self
    }

    /// Adds text to the end of the configuration file; may be called many times.
    ///
    /// Everything the [configuration format] knows is allowed. Of two values for a key the server
    /// takes the last, so this text overrides the other settings; only ports must be left alone.
    ///
    /// [configuration format]: https://docs.nats.io/running-a-nats-service/configuration
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.parts.push(ConfigPart::Text(text.into()));
        self
    }

    /// Adds the content of a configuration file, as [`config`](Self::config) does with text.
    ///
    /// The file is read whenever the server is started. Relative paths in it are relative to the
    /// server's folder.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.parts.push(ConfigPart::File(path.into()));
        self
    }

    /// Makes the server trust an operator, and its accounts' users; nobody else may connect.
    ///
    /// Accounts that are added later become known by
    /// [`NatsServer::reload`](crate::NatsServer::reload).
    pub fn operator(self, operator: &Operator) -> Self {
        self.config(operator.server_config())
    }

    /// Adds an argument of the command line, for example `-DV` for a log of all that passes.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets how long the server may take to become ready. The default is 30 seconds.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Starts the server and waits until it serves clients.
    ///
    /// # Errors
    ///
    /// Fails if there is no server binary, if the server refuses its configuration, or if it is
    /// not ready in time; the error shows its log.
    pub fn start(self) -> Result<NatsServer, ServerError> {
        NatsServer::launch(self)
    }

    /// The configuration file, without the parts that [`config`](Self::config) added.
    pub(crate) fn render(&self, name: &str, ports: &Ports, folder: &Path) -> String {
        let mut out = String::new();
        line(&mut out, "server_name", &quote_text(name));
        line(&mut out, "listen", &format!("\"127.0.0.1:{}\"", ports.client));
        line(&mut out, "http", &format!("\"127.0.0.1:{}\"", ports.monitoring));
        if let Some(lines) = &self.jetstream {
            let store = quote(&folder.join("jetstream"));
            block(&mut out, "jetstream", &format!("store_dir: {store}\n{lines}"));
        }
        if let Some(tls) = &self.tls {
            if tls.plaintext_too {
                line(&mut out, "allow_non_tls", "true");
            }
            block(&mut out, "tls", &tls.render());
        }
        if let (Some(websocket), Some(port)) = (&self.websocket, ports.websocket) {
            block(&mut out, "websocket", &websocket.render(port));
        }
        if let (Some(cluster), Some(port)) = (&self.cluster, ports.cluster) {
            block(&mut out, "cluster", &cluster.render(port));
        }
        out
    }
}

/// TLS of a server's port.
///
/// [`TestCerts::server_tls`](crate::TestCerts::server_tls) makes it with fresh certificates.
#[derive(Clone, Debug)]
#[must_use]
pub struct TlsOptions {
    certificate: PathBuf,
    key: PathBuf,
    ca: Option<PathBuf>,
    verify: bool,
    pub(crate) handshake_first: bool,
    plaintext_too: bool,
    lines: String,
}

impl TlsOptions {
    /// Uses the certificate chain and the private key in these PEM files.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            ca: None,
            verify: false,
            handshake_first: false,
            plaintext_too: false,
            lines: String::new(),
        }
    }

    /// Trusts the clients' certificates that an authority in this PEM file signed.
    pub fn ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// Demands a certificate of every client.
    pub fn verify(mut self) -> Self {
        self.verify = true;
        self
    }

    /// Starts TLS before the server says anything, instead of after its `INFO`.
    ///
    /// It has no effect on a WebSocket port, where TLS always comes first.
    pub fn handshake_first(mut self) -> Self {
        self.handshake_first = true;
        self
    }

    /// Serves clients that do not ask for TLS too.
    pub fn allow_non_tls(mut self) -> Self {
        self.plaintext_too = true;
        self
    }

    /// Adds lines to the TLS block of the configuration, for example `min_version: "1.3"`.
    pub fn config(mut self, lines: impl AsRef<str>) -> Self {
        self.lines.push_str(lines.as_ref());
        self.lines.push('\n');
        self
    }

    fn render(&self) -> String {
        let mut out = self.render_common();
        if self.handshake_first {
            line(&mut out, "handshake_first", "true");
        }
        out.push_str(&self.lines);
        out
    }

    fn render_common(&self) -> String {
        let mut out = String::new();
        line(&mut out, "cert_file", &quote(&self.certificate));
        line(&mut out, "key_file", &quote(&self.key));
        if let Some(ca) = &self.ca {
            line(&mut out, "ca_file", &quote(ca));
        }
        if self.verify {
            line(&mut out, "verify", "true");
        }
        line(&mut out, "timeout", TLS_TIMEOUT);
        out
    }
}

/// The WebSocket port of a server.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WebSocketOptions {
    tls: Option<TlsOptions>,
    lines: String,
}

impl WebSocketOptions {
    /// A port without TLS, for `ws://`.
    pub fn plain() -> Self {
        Self::default()
    }

    /// A port with TLS, for `wss://`.
    pub fn tls(options: TlsOptions) -> Self {
        Self { tls: Some(options), lines: String::new() }
    }

    /// Agrees to compress frames when a client offers it.
    pub fn compression(self) -> Self {
        self.config("compression: true")
    }

    /// Adds lines to the WebSocket block of the configuration.
    pub fn config(mut self, lines: impl AsRef<str>) -> Self {
        self.lines.push_str(lines.as_ref());
        self.lines.push('\n');
        self
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "wss" } else { "ws" }
    }

    fn render(&self, port: u16) -> String {
        let mut out = String::new();
        line(&mut out, "listen", &format!("\"127.0.0.1:{port}\""));
        match &self.tls {
            Some(tls) => block(&mut out, "tls", &(tls.render_common() + &tls.lines)),
            None => line(&mut out, "no_tls", "true"),
        }
        out.push_str(&self.lines);
        out
    }
}

/// Membership of a cluster.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterOptions {
    name: String,
    routes: Vec<String>,
    pub(crate) port: Option<u16>,
    lines: String,
}

impl ClusterOptions {
    /// A member of the cluster with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), routes: Vec::new(), port: None, lines: String::new() }
    }

    /// Connects to another member's cluster port.
    pub fn route(mut self, url: impl Into<String>) -> Self {
        self.routes.push(url.into());
        self
    }

    /// Sets the cluster port. The default is a free port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Adds lines to the cluster block of the configuration, for example `no_advertise: true`.
    pub fn config(mut self, lines: impl AsRef<str>) -> Self {
        self.lines.push_str(lines.as_ref());
        self.lines.push('\n');
        self
    }

    fn render(&self, port: u16) -> String {
        let mut out = String::new();
        line(&mut out, "name", &quote_text(&self.name));
        line(&mut out, "listen", &format!("\"127.0.0.1:{port}\""));
        let routes: Vec<String> = self.routes.iter().map(|route| quote_text(route)).collect();
        line(&mut out, "routes", &format!("[{}]", routes.join(", ")));
        out.push_str(&self.lines);
        out
    }
}

/// A part of the configuration that the user of the crate wrote.
#[derive(Clone, Debug)]
pub(crate) enum ConfigPart {
    Text(String),
    File(PathBuf),
}

impl ConfigPart {
    pub(crate) fn read(&self) -> Result<String, ServerError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => fs::read_to_string(path)
                .map_err(ServerError::io(format!("read {}", path.display()))),
        }
    }
}

/// The ports of one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) client: u16,
    pub(crate) monitoring: u16,
    pub(crate) websocket: Option<u16>,
    pub(crate) cluster: Option<u16>,
}

fn line(out: &mut String, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{key}: {value}");
}

fn block(out: &mut String, key: &str, content: &str) {
    let _ = writeln!(out, "{key} {{\n{}\n}}", content.trim_end());
}

fn quote(path: &Path) -> String {
    quote_text(&path.to_string_lossy())
}

/// A quoted string of the configuration format, where backslash escapes.
fn quote_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How long a server may take to start: it needs a tenth of a second, and a loaded machine more.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Seconds for a TLS handshake. The server's default of 2 is too short for unoptimised cryptography
/// on a loaded machine.
const TLS_TIMEOUT: &str = "10";

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { client: 1, monitoring: 2, websocket: Some(3), cluster: Some(4) };

    #[test]
    fn plain_server_gets_name_and_ports_and_no_blocks() {
        let text = ServerBuilder::new().render("a", &PORTS, Path::new("/f"));
        assert_eq!(text, "server_name: \"a\"\nlisten: \"127.0.0.1:1\"\nhttp: \"127.0.0.1:2\"\n");
    }

    #[test]
    fn options_become_blocks() {
        let text = ServerBuilder::new()
            .jetstream_config("domain: d")
            .tls(TlsOptions::new("c", "k").ca("a").verify().handshake_first().allow_non_tls())
            .websocket(WebSocketOptions::plain().compression())
            .cluster(ClusterOptions::new("x").route("nats://r:1"))
            .render("a", &PORTS, Path::new("/f"));
        for part in [
            "jetstream {\nstore_dir: \"/f/jetstream\"\ndomain: d\n}",
            "allow_non_tls: true",
            "tls {\ncert_file: \"c\"\nkey_file: \"k\"\nca_file: \"a\"\nverify: true\n",
            "handshake_first: true\n}",
            "websocket {\nlisten: \"127.0.0.1:3\"\nno_tls: true\ncompression: true\n}",
            "cluster {\nname: \"x\"\nlisten: \"127.0.0.1:4\"\nroutes: [\"nats://r:1\"]\n}",
        ] {
            assert!(text.contains(part), "{part}\nis missing in\n{text}");
        }
    }

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(quote_text(r#"a\b"c"#), r#""a\\b\"c""#);
    }
}
