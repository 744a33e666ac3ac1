//! News of the connection, for people.

mod queue;
mod states;
mod unheard;

pub use queue::Events;
pub(crate) use queue::{EventQueue, Unheard};
pub use states::StateChanges;

use core::fmt;
use midge_proto::{
    AttemptFailure, BufferDrops, CloseReason, LostReason, ServerAddr, ServerError, Sid,
};

/// Something that happened to the connection.
///
/// Events come in order. They are news, not control flow: nothing waits for them to be read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A connection is ready, for the first time or again.
    Connected,
    /// The connection is gone; attempts to make another one follow, unless `Closed` does.
    Disconnected,
    /// The server will shut down soon.
    LameDuckMode,
    /// The client began to drain.
    Draining,
    /// The client is closed for good.
    Closed,
    /// A subscription began to drop messages; told once until it keeps up again.
    SlowConsumer(u64),
    /// The server was asked to stop a subscription that is full
    /// ([`SlowConsumerPolicy::Pause`](crate::SlowConsumerPolicy::Pause)): what is published from here
    /// on does not reach it.
    SubscriptionPaused(u64),
    /// The server was asked to go on with a paused subscription.
    SubscriptionResumed(u64),
    /// The server complained.
    ServerError(ServerError),
    /// The client has something to say.
    ClientError(ClientError),
    /// What became of published messages when the connection was lost.
    Fate(Fate),
    /// Why the connection was lost; follows `Disconnected`.
    Lost(LostReason),
    /// An attempt to connect failed.
    AttemptFailed(AttemptFailure),
    /// A server that was not known before joined the pool.
    ServerDiscovered(ServerAddr),
    /// An announced address was not taken.
    ServerRefused {
        /// As announced.
        address: String,
        /// Why.
        reason: String,
    },
    /// A server was skipped because it may not have the password, token or bearer JWT.
    SecretsWithheld(ServerAddr),
    /// Reading paused because a subscription with back-pressure is full, or went on.
    Reading(ReadingState),
    /// More waits to be written than publishers may add to, or there is room again.
    Writing(WritingState),
    /// A subscription ended because the server refused it.
    SubscriptionRefused {
        /// Which.
        sid: Sid,
        /// What the server said.
        error: ServerError,
    },
    /// Messages that were kept for the next connection were dropped, by a policy or by choice.
    ///
    /// Each is in one event: one tells when dropping begins, and one the rest when there is a
    /// connection again or the client is closed.
    BufferDropped(BufferDrops),
    /// Queued messages were dropped because the new server does not take them.
    Undeliverable {
        /// The subjects of the messages.
        subjects: Vec<String>,
    },
    /// So many accepted messages were never written: the client ended before.
    Abandoned(u64),
    /// So many events were lost because nobody read them.
    Skipped(u64),
    /// Why the client is closed; follows `Closed`.
    CloseReason(CloseReason),
}

/// What became of published messages when a connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Fate {
    /// Written, and no PONG came since: the server may or may not have got them.
    pub uncertain: u64,
    /// Of these, how many wait to be sent again, by
    /// [`uncertain_publishes`](crate::ConnectOptions::uncertain_publishes). None by default.
    pub repeated: u64,
    /// Not written: they go out on the next connection.
    pub kept: u64,
    /// Neither, and given up: cut half-way and refused for their size, or cut too often.
    pub dropped: u64,
}

/// Whether the driver reads from the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingState {
    /// A full subscription holds it back.
    Paused,
    /// There is room again.
    Resumed,
}

/// Whether publishers have to wait for the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritingState {
    /// More than the high-water mark waits to be written.
    HeldUp,
    /// No more than half of that does, or the connection was lost.
    Resumed,
}

/// Something that the client itself has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientError {
    /// Anything else.
    Other(String),
    /// A callback of this subscription panicked; its next message is handled all the same.
    CallbackPanicked(u64),
    /// The limit of attempts was reached.
    MaxReconnects,
    /// The server that the application chose is not in the pool.
    ServerNotInPool,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(text) => f.write_str(text),
            Self::CallbackPanicked(sid) => write!(f, "a callback of subscription {sid} panicked"),
            Self::MaxReconnects => f.write_str("maximum number of reconnects reached"),
            Self::ServerNotInPool => f.write_str("the chosen server is not in the pool"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Disconnected => f.write_str("disconnected"),
            Self::LameDuckMode => f.write_str("the server will shut down soon"),
            Self::Draining => f.write_str("draining"),
            Self::Closed => f.write_str("closed"),
            Self::SlowConsumer(sid) => write!(f, "slow consumer: subscription {sid}"),
            Self::SubscriptionPaused(sid) => write!(f, "subscription {sid} paused"),
            Self::SubscriptionResumed(sid) => write!(f, "subscription {sid} resumed"),
            Self::ServerError(error) => error.fmt(f),
            Self::ClientError(error) => write!(f, "client error: {error}"),
            Self::Fate(fate) => write!(
                f,
                "published messages: {} uncertain ({} sent again), {} kept, {} dropped",
                fate.uncertain, fate.repeated, fate.kept, fate.dropped
            ),
            Self::Lost(reason) => write!(f, "connection lost: {reason}"),
            Self::AttemptFailed(failure) => failure.fmt(f),
            Self::ServerDiscovered(addr) => write!(f, "discovered server {addr}"),
            Self::ServerRefused { address, reason } => {
                write!(f, "announced server {address} not taken: {reason}")
            }
            Self::SecretsWithheld(addr) => {
                write!(f, "{addr} was skipped: it may not have the password, token or JWT")
            }
            Self::Reading(ReadingState::Paused) => f.write_str("reading paused"),
            Self::Reading(ReadingState::Resumed) => f.write_str("reading resumed"),
            Self::Writing(WritingState::HeldUp) => f.write_str("publishers wait for the socket"),
            Self::Writing(WritingState::Resumed) => f.write_str("publishers go on"),
            Self::SubscriptionRefused { sid, error } => {
                write!(f, "subscription {sid} refused: {error}")
            }
            Self::BufferDropped(drops) => write!(
                f,
                "kept messages dropped: {} new and {} old ones for want of room, {} too old, {} by \
                 choice",
                drops.newest, drops.oldest, drops.expired, drops.declined
            ),
            Self::Undeliverable { subjects } => {
                write!(
                    f,
                    "{} queued messages dropped: the server does not take them",
                    subjects.len()
                )
            }
            Self::Abandoned(count) => {
                write!(f, "{count} accepted messages were never written")
            }
            Self::Skipped(count) => write!(f, "{count} events skipped"),
            Self::CloseReason(reason) => write!(f, "closed: {reason}"),
        }
    }
}
