//! What a connection is told once, before it begins.

use crate::backoff::Backoff;
use crate::discovery::Discovery;
use crate::outbox::Resend;
use crate::pool::Order;
use crate::proxy::Proxy;
use crate::server_addr::ServerAddr;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// Everything that a [`Connection`](super::Connection) decides by.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub struct Config {
    /// The configured servers.
    pub servers: Vec<ServerAddr>,
    /// In which order they are tried.
    pub order: Order,
    /// Which announced servers join them.
    pub discovery: Discovery,
    /// What `CONNECT` says about the client.
    pub identity: Identity,
    /// When TLS is spoken.
    pub tls: TlsMode,
    /// What the configured credentials are, and so who may get them.
    pub secrets: Secrets,
    /// Bound on one whole attempt: name look-up, dial, TLS, INFO, CONNECT and PONG.
    pub attempt_timeout: Duration,
    /// Time between keep-alive PINGs; zero sends none, and less than 1 ms counts as 1 ms.
    pub ping_interval: Duration,
    /// Own limit on headers and payload of one message in bytes, beside the server's.
    pub max_payload: usize,
    /// PINGs that may be unanswered; one more ends the connection.
    pub max_pings_out: u32,
    /// Whether publishes are kept until a PONG covers them, to be sent again on the next connection.
    pub resend: Resend,
    /// Bytes of publishes kept for that; more are not written before a PONG has come.
    pub unfenced_max: usize,
    /// When PINGs go out, and how long their answers are waited for.
    pub keep_alive: KeepAlive,
    /// How long the socket may take nothing while there is something to write.
    pub write_timeout: Duration,
    /// Delays between rounds over the servers.
    pub delay: Delay,
    /// Who picks the server of the next attempt.
    pub choice: Choice,
    /// Whether attempts go on when a connection was lost.
    pub reconnect: Reconnect,
    /// What a first round without success means.
    pub first_connect: FirstConnect,
    /// What two equal refusals in a row mean.
    pub refused: AuthFailures,
    /// Who turns a host name into addresses.
    pub names: Names,
    /// How long a dial may take before the next address of the host is dialed beside it; zero
    /// dials one after the other.
    pub dial_stagger: Duration,
    /// The proxy that carries connections to all servers.
    pub proxy: Option<Proxy>,
}

/// What `CONNECT` says about the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity {
    /// Shown in the server's monitoring.
    pub name: Option<String>,
    /// The language tag, shown likewise.
    pub lang: String,
    /// The version of the library, shown likewise.
    pub version: String,
    /// `+OK` for every frame.
    pub verbose: bool,
    /// Stricter checks of subjects by the server.
    pub pedantic: bool,
    /// Whether own messages come back to own subscriptions.
    pub echo: bool,
    /// Whether a request that nobody listens to is answered by status 503 at once.
    pub no_responders: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            name: None,
            lang: String::from("midge"),
            version: String::from(env!("CARGO_PKG_VERSION")),
            verbose: false,
            pedantic: false,
            echo: true,
            no_responders: true,
        }
    }
}

/// When TLS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum TlsMode {
    /// When the server requires it, or a URL of the pool says `tls://`.
    #[default]
    Auto,
    /// Always, after INFO; a server that offers none is not spoken to.
    Require,
    /// Always, before INFO.
    First,
}

/// What the configured credentials are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Secrets {
    /// None, or such that prove themselves by a signature over the nonce. If they turn out to be
    /// others, they are held back all the same.
    #[default]
    NeverSent,
    /// A password, a token, or a bearer JWT, which a server that gets it could use elsewhere.
    Sent,
    /// As [`Sent`](Self::Sent), and every server may have them, announced ones too.
    SentToAll,
}

/// When keep-alive PINGs go out, and how long their answers are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum KeepAlive {
    /// One each interval, whatever comes in; an unanswered one is noticed with the next.
    #[default]
    Fixed,
    /// One when nothing came in for an interval. While it is unanswered, the next one follows after
    /// eight smoothed round trips, but not sooner than after `patience` and not later than after an
    /// interval.
    Adaptive {
        /// The least time that an answer is given.
        patience: Duration,
    },
}

/// Delays between rounds over the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Delay {
    /// Computed.
    Backoff(Backoff),
    /// Asked for before every attempt, by [`Action::ChooseDelay`](super::Action::ChooseDelay).
    Ask,
}

/// Who picks the server of the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Choice {
    /// The pool.
    #[default]
    Pool,
    /// The application, by [`Action::ChooseServer`](super::Action::ChooseServer).
    Ask,
}

/// Whether attempts go on when a connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Reconnect {
    /// For ever.
    #[default]
    Unlimited,
    /// For so many attempts in a row, over all servers.
    Limited(usize),
    /// No: a lost connection closes the client.
    Never,
}

/// What a first round over the servers without success means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum FirstConnect {
    /// The end: connecting failed.
    #[default]
    Fail,
    /// Nothing: attempts go on.
    Retry,
}

/// What it means when a server refuses the credentials twice in a row for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum AuthFailures {
    /// It is not asked again; refused by all, the client is closed. A password that is tried for
    /// ever locks accounts.
    #[default]
    GiveUp,
    /// Nothing: attempts go on.
    Retry,
}

/// Who turns a host name into addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Names {
    /// The driver, anew at each attempt; every address is tried.
    #[default]
    Resolve,
    /// Whoever dials gets the name.
    LeaveToDialer,
}

impl Config {
    /// The defaults, for these servers.
    #[must_use]
    pub fn new(servers: Vec<ServerAddr>) -> Self {
        Self {
            servers,
            order: Order::default(),
            discovery: Discovery::default(),
            identity: Identity::default(),
            tls: TlsMode::default(),
            secrets: Secrets::default(),
            attempt_timeout: ATTEMPT_TIMEOUT,
            ping_interval: PING_INTERVAL,
            max_payload: usize::MAX,
            max_pings_out: MAX_PINGS_OUT,
            resend: Resend::default(),
            unfenced_max: UNFENCED_MAX,
            keep_alive: KeepAlive::default(),
            write_timeout: WRITE_TIMEOUT,
            delay: Delay::Backoff(Backoff::default()),
            choice: Choice::default(),
            reconnect: Reconnect::default(),
            first_connect: FirstConnect::default(),
            refused: AuthFailures::default(),
            names: Names::default(),
            dial_stagger: DIAL_STAGGER,
            proxy: None,
        }
    }
}

/// Five seconds, as in async-nats, but for the whole attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// A quarter of a second, as RFC 8305 section 5 recommends.
const DIAL_STAGGER: Duration = Duration::from_millis(250);
/// One minute, as in async-nats; the server's own is two.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// Two, as everywhere: with the interval above a dead peer is noticed within three minutes.
const MAX_PINGS_OUT: u32 = 2;
/// 8 MiB, as much as is kept while there is no connection.
const UNFENCED_MAX: usize = 8 << 20;
/// Half a minute; the server gives up on a client that takes nothing after ten seconds.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
