//! Everything that can be said about a client before it connects.

use crate::auth::{AuthError, Authenticator, BoxFuture, Callbacks, ReconnectToServer};
use crate::client::Client;
use crate::driver::{BUFFER_MAX_DEFAULT, Driver, DriverParts};
use crate::error::ConnectError;
use crate::event::{Event, EventQueue};
use crate::mailbox::{Limits, SlowConsumerPolicy};
use crate::runtime::{Runtime, SocketOptions};
use crate::shared::{Core, Settings, Shared, Validation};
use crate::statistics::Statistics;
use crate::sync::{Arc, Mutex};
#[cfg(feature = "tls")]
use crate::tls::{Source, TlsOptions};
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::net::SocketAddr;
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::{
    Auth, AuthFailures, Backoff, Choice, Config, Connection, DecodeLimits, Delay, Discovery,
    FirstConnect, Identity, InvalidServerAddr, InvalidServerAddrKind, Names, Order, Outbox,
    OutboxLimits, Random, Reconnect, Requests, Secrets, Server, ServerAddr, ServerInfo, TlsMode,
    ToServerAddrs, check_inbox_prefix,
};
#[cfg(feature = "nkeys")]
use std::path::Path;
#[cfg(feature = "tls")]
use std::path::PathBuf;

/// How long a request waits for its reply by default: ten seconds, as in async-nats.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Options of a client, bound to a runtime by its adapter.
///
/// Nothing fails until [`connect`](Self::connect), which checks everything before it touches the
/// network.
#[must_use]
pub struct ConnectOptions<R> {
    config: Config,
    authenticator: Authenticator,
    authenticators: usize,
    callbacks: Callbacks,
    on_event: Option<OnEvent>,
    limits: OutboxLimits,
    decode: DecodeLimits,
    read_buffer: usize,
    socket: SocketOptions,
    #[cfg(feature = "tls")]
    tls: TlsOptions,
    subscription: Limits,
    inbox_prefix: String,
    request_timeout: Option<Duration>,
    validation: Validation,
    secrets_to_all: bool,
    runtime: PhantomData<fn() -> R>,
}

pub(crate) type OnEvent = Arc<dyn Fn(Event) -> BoxFuture<()> + Send + Sync>;

impl<R> Default for ConnectOptions<R> {
    fn default() -> Self {
        Self {
            config: Config::new(Vec::new()),
            authenticator: Authenticator::None,
            authenticators: 0,
            callbacks: Callbacks::default(),
            on_event: None,
            limits: OutboxLimits::default(),
            decode: DecodeLimits::default(),
            read_buffer: BUFFER_MAX_DEFAULT,
            socket: SocketOptions::default(),
            #[cfg(feature = "tls")]
            tls: TlsOptions::default(),
            subscription: Limits::default(),
            inbox_prefix: String::from("_INBOX"),
            request_timeout: Some(REQUEST_TIMEOUT),
            validation: Validation::Full,
            secrets_to_all: false,
            runtime: PhantomData,
        }
    }
}

impl<R> ConnectOptions<R> {
    /// The defaults, each stated at the method that changes it.
    pub fn new() -> Self {
        Self::default()
    }

    // ---- credentials ----

    /// Starts with a callback for credentials; see [`auth_callback`](Self::auth_callback).
    pub fn with_auth_callback<F, Fut>(callback: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Auth, AuthError>> + Send + 'static,
    {
        Self::new().auth_callback(callback)
    }

    /// Asks for credentials before every CONNECT, with the server's nonce to sign.
    ///
    /// When it fails, the attempt fails and the next one asks again.
    pub fn auth_callback<F, Fut>(self, callback: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Auth, AuthError>> + Send + 'static,
    {
        self.credentials_from(Authenticator::callback(callback))
    }

    /// Starts with a token.
    pub fn with_token(token: String) -> Self {
        Self::new().token(token)
    }

    /// Authenticates by a token.
    pub fn token(self, token: String) -> Self {
        self.credentials_from(Authenticator::Token(token))
    }

    /// Starts with a user name and password.
    pub fn with_user_and_password(user: String, pass: String) -> Self {
        Self::new().user_and_password(user, pass)
    }

    /// Authenticates by a user name and password.
    pub fn user_and_password(self, user: String, pass: String) -> Self {
        self.credentials_from(Authenticator::UserAndPassword(user, pass))
    }

    /// Starts with the seed of an nkey.
    #[cfg(feature = "nkeys")]
    pub fn with_nkey(seed: String) -> Self {
        Self::new().nkey(seed)
    }

    /// Authenticates by an nkey, from its seed.
    #[cfg(feature = "nkeys")]
    pub fn nkey(self, seed: String) -> Self {
        self.credentials_from(Authenticator::NkeySeed(seed))
    }

    /// Authenticates by an nkey whose seed is in a file, bare or decorated, read at each attempt.
    #[cfg(feature = "nkeys")]
    pub fn nkey_file(self, path: impl AsRef<Path>) -> Self {
        self.credentials_from(Authenticator::NkeyFile(path.as_ref().to_owned()))
    }

    /// Authenticates by an nkey whose seed somebody else keeps: the callback signs the nonce.
    pub fn nkey_signer<F, Fut>(self, public_key: String, sign_cb: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        self.credentials_from(Authenticator::nkey_signer(public_key, sign_cb))
    }

    /// Starts with a JWT and a callback that signs the nonce.
    pub fn with_jwt<F, Fut>(jwt: String, sign_cb: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        Self::new().jwt(jwt, sign_cb)
    }

    /// Authenticates by a JWT; the callback signs the nonce.
    pub fn jwt<F, Fut>(self, jwt: String, sign_cb: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        self.credentials_from(Authenticator::jwt(jwt, sign_cb))
    }

    /// Authenticates by a bearer JWT, which needs no signature.
    pub fn bearer_jwt(self, jwt: String) -> Self {
        self.credentials_from(Authenticator::BearerJwt(jwt))
    }

    /// Starts with a credentials file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no credentials.
    #[cfg(feature = "nkeys")]
    pub async fn with_credentials_file(path: impl AsRef<Path>) -> std::io::Result<Self> {
        Self::new().credentials_file(path).await
    }

    /// Authenticates by a credentials file (JWT and seed), read again at each attempt.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no credentials.
    #[cfg(feature = "nkeys")]
    pub async fn credentials_file(self, path: impl AsRef<Path>) -> std::io::Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        check_credentials(&text)?;
        Ok(self.credentials_from(Authenticator::CredentialsFile(path.to_owned())))
    }

    /// Starts with the text of a credentials file.
    ///
    /// # Errors
    ///
    /// When the text holds no credentials.
    #[cfg(feature = "nkeys")]
    pub fn with_credentials(creds: &str) -> std::io::Result<Self> {
        Self::new().credentials(creds)
    }

    /// Authenticates by the text of a credentials file.
    ///
    /// # Errors
    ///
    /// When the text holds no credentials.
    #[cfg(feature = "nkeys")]
    pub fn credentials(self, creds: &str) -> std::io::Result<Self> {
        check_credentials(creds)?;
        Ok(self.credentials_from(Authenticator::Credentials(creds.to_owned())))
    }

    /// Sends the password or token to announced servers, too, however they were learnt.
    ///
    /// By default such a server gets it only where both the announcement and the connection are
    /// protected by verified TLS, or where the pool uses no TLS at all.
    pub fn send_secrets_to_discovered_servers(mut self) -> Self {
        self.secrets_to_all = true;
        self
    }

    fn credentials_from(mut self, authenticator: Authenticator) -> Self {
        self.authenticator = authenticator;
        self.authenticators += 1;
        self
    }

    // ---- TLS ----

    /// Whether TLS is demanded: a server that offers none is not spoken to. Off by default, and on
    /// by itself for `tls://` URLs.
    pub fn require_tls(mut self, is_required: bool) -> Self {
        self.config.tls = if is_required { TlsMode::Require } else { TlsMode::Auto };
        self
    }

    /// Starts TLS before INFO; the server must be set up for that (`handshake_first`).
    pub fn tls_first(mut self) -> Self {
        self.config.tls = TlsMode::First;
        self
    }

    /// Trusts the certificates of a PEM file instead of the system's; may be given several times.
    ///
    /// Files are read again at each attempt. Any of the certificate options demands TLS.
    #[cfg(feature = "tls")]
    pub fn add_root_certificates(mut self, path: PathBuf) -> Self {
        self.tls.add_root(Source::File(path));
        self
    }

    /// Trusts certificates from memory: PEM text, or one in DER.
    #[cfg(feature = "tls")]
    pub fn add_root_certificates_from_memory(mut self, pem_or_der: impl Into<Vec<u8>>) -> Self {
        self.tls.add_root(Source::Memory(pem_or_der.into()));
        self
    }

    /// Shows a client certificate from PEM files, which are read again at each attempt.
    #[cfg(feature = "tls")]
    pub fn add_client_certificate(mut self, cert: PathBuf, key: PathBuf) -> Self {
        self.tls.set_identity(Source::File(cert), Source::File(key));
        self
    }

    /// Shows a client certificate from memory: PEM text, or DER.
    #[cfg(feature = "tls")]
    pub fn add_client_certificate_from_memory(
        mut self,
        cert: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.set_identity(Source::Memory(cert.into()), Source::Memory(key.into()));
        self
    }

    /// Takes a whole `rustls` configuration, with its own roots, certificates and crypto provider.
    #[cfg(feature = "tls")]
    pub fn tls_client_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.tls.set_config(config.into());
        self
    }

    /// Asks for a whole `rustls` configuration before each TLS handshake: for certificates that
    /// change.
    #[cfg(feature = "tls")]
    pub fn tls_client_config_callback<F>(mut self, callback: F) -> Self
    where
        F: Fn() -> Result<Arc<rustls::ClientConfig>, crate::TlsError> + Send + Sync + 'static,
    {
        self.tls.set_config_callback(Arc::new(callback));
        self
    }

    /// Uses this crypto provider. By default ring if it is compiled in, else aws-lc-rs; never the
    /// default of the process.
    #[cfg(feature = "tls")]
    pub fn crypto_provider(mut self, provider: Arc<rustls::crypto::CryptoProvider>) -> Self {
        self.tls.set_provider(provider);
        self
    }

    /// Verifies every server's certificate under this name, and sends it as SNI.
    #[cfg(feature = "tls")]
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.tls.server_name = Some(name.into());
        self
    }

    /// Accepts every certificate of a server: whoever is in between can read and change everything.
    #[cfg(feature = "tls")]
    pub fn dangerously_accept_any_certificate(mut self) -> Self {
        self.tls.accept_anything();
        self
    }

    // ---- who we are ----

    /// A name for this client in the server's monitoring. None by default.
    pub fn name<T: ToString>(mut self, name: T) -> Self {
        self.config.identity.name = Some(name.to_string());
        self
    }

    /// Adds the application's own tag to the language that the server's monitoring shows.
    pub fn client_tag(mut self, tag: impl fmt::Display) -> Self {
        self.config.identity.lang = format!("{}/{tag}", Identity::default().lang);
        self
    }

    /// Does not deliver own messages to own subscriptions. They are by default.
    pub fn no_echo(mut self) -> Self {
        self.config.identity.echo = false;
        self
    }

    /// Makes the server acknowledge every frame by `+OK`. Off by default.
    pub fn verbose(mut self) -> Self {
        self.config.identity.verbose = true;
        self
    }

    /// Makes the server check subjects more strictly. Off by default.
    pub fn pedantic(mut self) -> Self {
        self.config.identity.pedantic = true;
        self
    }

    /// Does not ask for the immediate answer to requests that nobody listens to. It is asked for by
    /// default.
    pub fn no_responders(mut self, enabled: bool) -> Self {
        self.config.identity.no_responders = enabled;
        self
    }

    /// What reply subjects begin with. `_INBOX` by default; a private prefix keeps other users of
    /// the account from reading the replies.
    pub fn custom_inbox_prefix<T: ToString>(mut self, prefix: T) -> Self {
        self.inbox_prefix = prefix.to_string();
        self
    }

    // ---- servers and reconnecting ----

    /// Bound on one whole attempt: name look-up, dial, TLS, INFO, CONNECT, PONG. Default 5 s.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.config.attempt_timeout = timeout;
        self
    }

    /// Goes on in the background when the first connection cannot be made: `connect` returns at
    /// once, and what is published or subscribed meanwhile is kept.
    pub fn retry_on_initial_connect(mut self) -> Self {
        self.config.first_connect = FirstConnect::Retry;
        self
    }

    /// Closes the client after so many failed attempts in a row to reconnect, counted over all
    /// servers. `None` and 0 are no limit, which is the default.
    pub fn max_reconnects<T: Into<Option<usize>>>(mut self, max_reconnects: T) -> Self {
        self.config.reconnect = match max_reconnects.into() {
            None | Some(0) => Reconnect::Unlimited,
            Some(max) => Reconnect::Limited(max),
        };
        self
    }

    /// Closes the client when the connection is lost.
    pub fn no_reconnect(mut self) -> Self {
        self.config.reconnect = Reconnect::Never;
        self
    }

    /// Delays between rounds over the servers. Default: none before the first, then from 100 ms
    /// doubling up to 5 s, with jitter.
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.config.delay = Delay::Backoff(backoff);
        self
    }

    /// Asks for the delay before each attempt; the number counts them since the last success.
    pub fn reconnect_delay_callback<F>(mut self, cb: F) -> Self
    where
        F: Fn(usize) -> Duration + Send + Sync + 'static,
    {
        self.config.delay = Delay::Ask;
        self.callbacks.delay = Some(Arc::new(cb));
        self
    }

    /// Asks which server of the pool to try next after a connection was lost; `None` leaves it to
    /// the pool.
    pub fn reconnect_to_server_callback<F, Fut>(mut self, cb: F) -> Self
    where
        F: Fn(Vec<Server>, ServerInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<ReconnectToServer>> + Send + 'static,
    {
        self.config.choice = Choice::Ask;
        self.callbacks.choose = Some(Arc::new(move |servers, info| Box::pin(cb(servers, info))));
        self
    }

    /// Does not add announced servers to the pool. They are by default.
    pub fn ignore_discovered_servers(mut self) -> Self {
        self.config.discovery = Discovery::ignore();
        self
    }

    /// Which announced servers are added to the pool.
    pub fn discovery(mut self, policy: Discovery) -> Self {
        self.config.discovery = policy;
        self
    }

    /// Tries servers, and the addresses of each, in the order given. By default it is random.
    pub fn retain_servers_order(mut self) -> Self {
        self.config.order = Order::AsGiven;
        self
    }

    /// Leaves host names to whoever dials.
    pub fn skip_host_lookup(mut self) -> Self {
        self.config.names = Names::LeaveToDialer;
        self
    }

    /// Goes on asking a server that refused the credentials twice for the same reason. By default it
    /// is not asked again.
    pub fn retry_refused_credentials(mut self) -> Self {
        self.config.refused = AuthFailures::Retry;
        self
    }

    // ---- liveness ----

    /// Time between keep-alive PINGs. Default 60 s; zero sends none.
    pub fn ping_interval(mut self, ping_interval: Duration) -> Self {
        self.config.ping_interval = ping_interval;
        self
    }

    /// PINGs that may go unanswered before the connection is given up. Default 2.
    pub fn max_pings_out(mut self, max: u32) -> Self {
        self.config.max_pings_out = max;
        self
    }

    /// How long the socket may take nothing before the connection is given up. Default 30 s; zero
    /// is for ever.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.config.write_timeout = timeout;
        self
    }

    // ---- sockets ----

    /// Address and port to dial from. Chosen by the operating system by default.
    pub fn local_address(mut self, address: SocketAddr) -> Self {
        self.socket.local_address = Some(address);
        self
    }

    /// Idle time after which TCP probes the peer. Off by default.
    pub fn tcp_keep_alive(mut self, idle: Duration) -> Self {
        self.socket.keep_alive = Some(idle);
        self
    }

    /// Largest read buffer in bytes. Default 64 KiB; it grows to that while reads fill it.
    pub fn read_buffer_capacity(mut self, size: u16) -> Self {
        self.read_buffer = usize::from(size);
        self
    }

    /// Limits on what a server may send; see [`DecodeLimits`].
    pub fn decode_limits(mut self, limits: DecodeLimits) -> Self {
        self.decode = limits;
        self
    }

    // ---- queues ----

    /// Bytes that may wait to be written while connected before publishers wait. Default 1 MiB.
    pub fn write_high_water(mut self, bytes: usize) -> Self {
        self.limits.high_water = bytes;
        self.limits.low_water = bytes / 2;
        self
    }

    /// Bytes of published messages kept while not connected; more is an error. Default 8 MiB; 0
    /// makes every publish fail while not connected.
    pub fn reconnect_buffer(mut self, bytes: usize) -> Self {
        self.limits.offline_max = bytes;
        self
    }

    /// Messages that may wait in a subscription before its policy decides. Default 65,536.
    pub fn subscription_capacity(mut self, capacity: usize) -> Self {
        self.subscription.messages = capacity.max(1);
        self
    }

    /// Bytes that may wait in a subscription before its policy decides. Default 64 MiB.
    pub fn subscription_capacity_bytes(mut self, capacity: usize) -> Self {
        self.subscription.bytes = capacity.max(1);
        self
    }

    /// What happens to a message for which a subscription has no room. Default: it is dropped and
    /// counted.
    pub fn slow_consumer(mut self, policy: SlowConsumerPolicy) -> Self {
        self.subscription.policy = policy;
        self
    }

    /// Takes a bound on commands in async-nats; here bytes are bounded, by
    /// [`write_high_water`](Self::write_high_water), and this changes nothing.
    pub fn client_capacity(self, _capacity: usize) -> Self {
        self
    }

    /// How long a request waits for its reply. Default 10 s; `None` is for ever.
    pub fn request_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Checks of subjects only what would break the protocol: blanks, line ends, emptiness.
    pub fn skip_subject_validation(mut self, skip: bool) -> Self {
        self.validation = if skip { Validation::Minimal } else { Validation::Full };
        self
    }

    // ---- news ----

    /// Calls back with every event, one after the other.
    ///
    /// The callback runs in the connection's own task: one that blocks holds up the connection, one
    /// that waits does not. Events that come faster than it takes them are counted and told as
    /// [`Event::Skipped`].
    pub fn event_callback<F, Fut>(mut self, cb: F) -> Self
    where
        F: Fn(Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_event = Some(Arc::new(move |event| Box::pin(cb(event))));
        self
    }

    /// Builds the two halves of a client: for whoever drives a connection by hand.
    ///
    /// The receiver hears when the first connection is ready, or why there will be none.
    ///
    /// # Errors
    ///
    /// An address does not parse, or options contradict each other.
    pub fn build<A: ToServerAddrs>(
        self,
        addrs: A,
        now: midge_proto::Instant,
    ) -> Result<(Client, Driver, FirstConnection), ConnectError> {
        let servers: Vec<ServerAddr> = addrs.to_server_addrs()?.collect();
        self.check(&servers)?;
        let mut config = self.config;
        let in_url = servers.iter().any(|server| server.username().is_some());
        config.secrets = match (self.secrets_to_all, in_url, self.authenticator.secrets()) {
            (true, _, _) => Secrets::SentToAll,
            (false, true, _) => Secrets::Sent,
            (false, false, secrets) => secrets,
        };
        config.servers = servers;
        #[cfg(feature = "tls")]
        if self.tls.is_set() && config.tls == TlsMode::Auto {
            config.tls = TlsMode::Require;
        }
        let mut random = Random::new(crate::nuid::seed());
        let inbox = format!("{}.{}", self.inbox_prefix, crate::nuid::next());
        let connection = Connection::new(config, crate::nuid::seed(), now);
        let core = Core::new(
            Outbox::new(self.limits),
            Requests::new(&inbox, random.fork()),
            connection.servers(),
        );
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            events: EventQueue::default(),
            statistics: Arc::new(Statistics::default()),
            settings: Settings {
                inbox_prefix: self.inbox_prefix,
                request_timeout: self.request_timeout,
                subscription: self.subscription,
                validation: self.validation,
            },
        });
        let (connected, first) = oneshot::channel();
        let mut callbacks = self.callbacks;
        callbacks.listen(self.on_event, shared.events.subscribe());
        let driver = Driver::new(DriverParts {
            shared: Arc::clone(&shared),
            connection,
            limits: self.decode,
            read_buffer_max: self.read_buffer,
            socket: self.socket,
            authenticator: self.authenticator,
            callbacks,
            #[cfg(feature = "tls")]
            tls: self.tls,
            connected,
        });
        Ok((Client::new(shared), driver, FirstConnection(first)))
    }

    fn check(&self, servers: &[ServerAddr]) -> Result<(), ConnectError> {
        let options = |text: String| Err(ConnectError::Options(text));
        if let Err(error) = check_pool(servers) {
            return options(error.to_string());
        }
        if self.authenticators > 1 {
            return options("more than one kind of credentials is set".to_owned());
        }
        if servers.iter().any(ServerAddr::is_websocket) {
            return options("WebSocket URLs are not supported by this build".to_owned());
        }
        if let Err(error) = check_inbox_prefix(&self.inbox_prefix) {
            return options(format!("inbox prefix: {error}"));
        }
        #[cfg(feature = "tls")]
        if let Err(error) = self.tls.check() {
            return options(error.to_string());
        }
        #[cfg(not(feature = "tls"))]
        if self.config.tls != TlsMode::Auto || servers.iter().any(ServerAddr::tls_required) {
            return options("TLS is not compiled in: switch on the feature `ring`".to_owned());
        }
        if self.config.attempt_timeout.is_zero() {
            return options("the connection timeout is zero".to_owned());
        }
        Ok(())
    }
}

impl<R: Runtime + Default> ConnectOptions<R> {
    /// Connects to one of `addrs`.
    ///
    /// Returns once a connection is ready, or at once with
    /// [`retry_on_initial_connect`](Self::retry_on_initial_connect).
    ///
    /// # Errors
    ///
    /// An address does not parse, options contradict each other, there is no runtime, or no server
    /// could be connected in one round over all of them; the error names the last server, address,
    /// step and cause.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no connection.
    pub async fn connect<A: ToServerAddrs>(self, addrs: A) -> Result<Client, ConnectError> {
        let runtime = R::default();
        let retry = self.config.first_connect == FirstConnect::Retry;
        let (client, driver, first) = self.build(addrs, runtime.now())?;
        runtime.spawn(driver).map_err(|error| ConnectError::Runtime(error.to_string()))?;
        if !retry {
            first.wait().await?;
        }
        Ok(client)
    }
}

/// The outcome of a client's first attempts.
#[derive(Debug)]
#[must_use]
pub struct FirstConnection(oneshot::Receiver<Result<(), midge_proto::CloseReason>>);

impl FirstConnection {
    /// Waits until the first connection is ready, or there will be none.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Failed`] with the reason.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn wait(self) -> Result<(), ConnectError> {
        match self.0.await {
            Ok(result) => result.map_err(|reason| ConnectError::Failed(Box::new(reason))),
            Err(_) => Err(ConnectError::Runtime("the runtime ended".to_owned())),
        }
    }
}

#[cfg(feature = "nkeys")]
fn check_credentials(text: &str) -> std::io::Result<()> {
    midge_proto::nkeys::Credentials::parse(text)
        .map(|_| ())
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))
}

/// A list of servers that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPool {
    /// An address does not parse.
    InvalidAddress(InvalidServerAddr),
    /// There is no address.
    Empty,
    /// WebSocket addresses are mixed with others.
    MixedSchemes,
    /// The client is closed.
    Closed,
}

impl fmt::Display for InvalidPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidAddress(error) => error.fmt(f),
            Self::Empty => f.write_str("the list of servers is empty"),
            Self::MixedSchemes => f.write_str("WebSocket servers and others cannot be in one list"),
            Self::Closed => f.write_str("the client is closed"),
        }
    }
}

impl core::error::Error for InvalidPool {}

impl From<InvalidServerAddr> for InvalidPool {
    fn from(error: InvalidServerAddr) -> Self {
        match error.kind() {
            InvalidServerAddrKind::Empty => Self::Empty,
            _ => Self::InvalidAddress(error),
        }
    }
}

pub(crate) fn check_pool(servers: &[ServerAddr]) -> Result<(), InvalidPool> {
    let Some(first) = servers.first() else { return Err(InvalidPool::Empty) };
    if servers.iter().any(|server| server.is_websocket() != first.is_websocket()) {
        return Err(InvalidPool::MixedSchemes);
    }
    Ok(())
}

impl<R> fmt::Debug for ConnectOptions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("credentials", &self.authenticator)
            .field("config", &self.config)
            .field("outbox", &self.limits)
            .field("socket", &self.socket)
            .field("subscription", &self.subscription)
            .field("inbox_prefix", &self.inbox_prefix)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}
