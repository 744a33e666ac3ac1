//! The life of a connection, from the first dial to the end.
//!
//! ```text
//!            +----------------------- attempt failed ------------------------+
//!            v                                                               |
//!   Choosing --> Backoff --> Resolving --> Dialing --> AwaitInfo --+          |
//!      ^                                      |           |        |          |
//!      |                             TLS first|           |TLS     |clear     |
//!      |                                      v           v        v          |
//!      |                                   Securing --> Authenticating --> AwaitPong
//!      |                                                                      |PONG
//!      |                                                                      v
//!      +------------------------ lost --------------------- Ready <------- Settling
//!                                                             |   second INFO, or a PONG more
//!   every state ------------- closed ---------------------> Closed
//! ```
//!
//! One deadline covers everything from `Resolving` to `Settling`. Every state but `Closed` has a
//! deadline or an action that the driver has to answer; `Ready` has its keep-alive.
//!
//! | states | where their transitions are |
//! | --- | --- |
//! | `Choosing`, `Backoff`, `Resolving`, `Dialing` | `dialing` |
//! | `Layering`: a proxy, a WebSocket | `layering` |
//! | `Securing`, `Authenticating` | `handshake` |
//! | `AwaitInfo`, `AwaitPong`, `Settling` | `frames` |
//! | `Ready` | `ready` |
//! | all, when their deadline passes | `timing` |
//! | all, when the attempt, the connection or the client ends | `ending` |

mod action;
mod config;
mod dialing;
mod ending;
mod failure;
mod frames;
mod handshake;
mod layering;
mod looks;
mod pings;
#[cfg(feature = "recording")]
mod playback;
mod ready;
mod record;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod timing;

pub use action::{Action, ConnectionEvent, DialId, Scope, Target};
pub use config::{
    AuthFailures, Choice, Config, Delay, FirstConnect, Identity, KeepAlive, Names, Reconnect,
    Secrets, TlsMode,
};
pub use dialing::Chosen;
pub use failure::{AttemptFailure, Cause, CloseReason, LostReason, Step, WebSocketError};
pub use pings::RoundTrips;
#[cfg(feature = "recording")]
pub use playback::{InvalidRecord, Outputs, Playback};
pub use ready::Writing;
pub use state::{Peer, Phase};

use crate::info::ServerInfo;
use crate::outbox::Unfenced;
use crate::pool::ServerPool;
use crate::random::Random;
use crate::server_addr::ServerAddr;
use crate::server_error::ServerError;
use crate::subscriptions::Subscriptions;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use pings::Pings;
use state::{ConnectedBefore, State, TlsLock};

/// The state machine of one client's connection, over any number of servers and reconnects.
///
/// It owns no socket and no clock. A driver tells it what happened by the `handle_*` calls, each of
/// which may change what every `poll_*` returns. After each of them, in this order: `poll_action`
/// until `None`, `take_control` and write that, then chunks of the outbox while
/// [`takes_chunks`](Self::takes_chunks), `poll_event` until `None`, and finally `poll_timeout`.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    random: Random,
    pool: ServerPool,
    state: State,
    /// Whether it was ever ready.
    connected_before: ConnectedBefore,
    attempts: usize,
    /// Connections in a row that were lost as soon as they were there.
    flaps: u32,
    /// Boxed, for most clients never have one.
    last_failure: Option<Box<AttemptFailure>>,
    /// A complaint in the latest bytes read that the server may close the connection after.
    last_error: Option<ServerError>,
    /// The latest INFO, shared with whoever looks at it.
    info: Arc<ServerInfo>,
    raw_info: Arc<str>,
    /// Set once TLS was asked for or spoken: from then on nothing goes out in clear.
    tls_lock: TlsLock,
    subscriptions: Subscriptions,
    pings: Pings,
    /// Publishes whose last byte the socket took, and how many of them a PONG covers, both counted
    /// since the connection began.
    written: u64,
    fenced: u64,
    /// Those between the two, where they are kept.
    unfenced: Unfenced,
    control: Vec<u8>,
    actions: VecDeque<Action>,
    events: VecDeque<ConnectionEvent>,
    latest: Instant,
    next_dial: u64,
    /// Set where everything that is told is written down.
    #[cfg(feature = "recording")]
    log: Option<playback::Log>,
}

impl Connection {
    /// A machine that is about to begin its first attempt.
    #[must_use]
    pub fn new(mut config: Config, seed: [u8; 32], now: Instant) -> Self {
        config.ping_interval = pings::bounded(config.ping_interval);
        let mut random = Random::new(seed);
        let locked =
            config.tls != TlsMode::Auto || config.servers.iter().any(ServerAddr::tls_required);
        let mut connection = Self {
            // From here on they are in the pool.
            pool: ServerPool::new(core::mem::take(&mut config.servers), config.order),
            random: random.fork(),
            config,
            state: State::undecided(now),
            connected_before: ConnectedBefore::No,
            attempts: 0,
            flaps: 0,
            last_failure: None,
            last_error: None,
            info: Arc::default(),
            raw_info: Arc::from(""),
            tls_lock: if locked { TlsLock::Locked } else { TlsLock::Open },
            subscriptions: Subscriptions::default(),
            pings: Pings::default(),
            written: 0,
            fenced: 0,
            unfenced: Unfenced::default(),
            control: Vec::new(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
            latest: now,
            next_dial: 0,
            #[cfg(feature = "recording")]
            log: None,
        };
        connection.next_attempt(now);
        connection
    }
}
