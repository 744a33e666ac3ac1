//! News of the connection, for people.

use crate::sync::{Arc, Mutex};
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures_core::Stream;
use midge_proto::{AttemptFailure, CloseReason, LostReason, ServerAddr, ServerError, Sid};
use std::collections::VecDeque;

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
    /// A server was skipped because it may not have the configured password or token.
    SecretsWithheld(ServerAddr),
    /// Reading paused because a subscription with back-pressure is full, or went on.
    Reading(ReadingState),
    /// A subscription ended because the server refused it.
    SubscriptionRefused {
        /// Which.
        sid: Sid,
        /// What the server said.
        error: ServerError,
    },
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
    /// Written, and no PONG came since: the server may or may not have got them. Not sent again.
    pub uncertain: u64,
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

/// Something that the client itself has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientError {
    /// Anything else.
    Other(String),
    /// The limit of attempts was reached.
    MaxReconnects,
    /// The server that the application chose is not in the pool.
    ServerNotInPool,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(text) => f.write_str(text),
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
            Self::ServerError(error) => error.fmt(f),
            Self::ClientError(error) => write!(f, "client error: {error}"),
            Self::Fate(fate) => write!(
                f,
                "published messages: {} uncertain, {} kept, {} dropped",
                fate.uncertain, fate.kept, fate.dropped
            ),
            Self::Lost(reason) => write!(f, "connection lost: {reason}"),
            Self::AttemptFailed(failure) => failure.fmt(f),
            Self::ServerDiscovered(addr) => write!(f, "discovered server {addr}"),
            Self::ServerRefused { address, reason } => {
                write!(f, "announced server {address} not taken: {reason}")
            }
            Self::SecretsWithheld(addr) => {
                write!(f, "{addr} was skipped: it may not have the password or token")
            }
            Self::Reading(ReadingState::Paused) => f.write_str("reading paused"),
            Self::Reading(ReadingState::Resumed) => f.write_str("reading resumed"),
            Self::SubscriptionRefused { sid, error } => {
                write!(f, "subscription {sid} refused: {error}")
            }
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

/// Events that wait for one reader at most; more are counted, not kept.
const EVENTS_MAX: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct EventQueue(Mutex<Vec<Arc<Mutex<Pending>>>>);

#[derive(Debug, Default)]
struct Pending {
    events: VecDeque<Event>,
    skipped: u64,
    waker: Option<Waker>,
    over: bool,
}

impl EventQueue {
    pub(crate) fn subscribe(&self) -> Events {
        let pending = Arc::new(Mutex::new(Pending::default()));
        self.0.lock().push(Arc::clone(&pending));
        Events(pending)
    }

    pub(crate) fn push(&self, event: &Event) {
        let mut wakers = Vec::new();
        {
            let mut readers = self.0.lock();
            // A reader that was dropped leaves the only reference here.
            readers.retain(|reader| Arc::strong_count(reader) > 1);
            for reader in readers.iter() {
                let mut pending = reader.lock();
                if pending.events.len() < EVENTS_MAX {
                    if pending.skipped > 0 {
                        let skipped = core::mem::take(&mut pending.skipped);
                        pending.events.push_back(Event::Skipped(skipped));
                    }
                    pending.events.push_back(event.clone());
                } else {
                    pending.skipped += 1;
                }
                wakers.extend(pending.waker.take());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// No more events will come.
    pub(crate) fn end(&self) {
        let mut wakers = Vec::new();
        for reader in self.0.lock().drain(..) {
            let mut pending = reader.lock();
            pending.over = true;
            wakers.extend(pending.waker.take());
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// The stream of events of one client, from when it was asked for on; it ends after `Closed`.
#[derive(Debug)]
pub struct Events(Arc<Mutex<Pending>>);

impl Events {
    /// The next event; `None` after the last one.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        core::future::poll_fn(|cx| self.poll(cx)).await
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut pending = self.0.lock();
        if let Some(event) = pending.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        if pending.skipped > 0 {
            return Poll::Ready(Some(Event::Skipped(core::mem::take(&mut pending.skipped))));
        }
        if pending.over {
            return Poll::Ready(None);
        }
        pending.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll(cx)
    }
}
