//! The half of a client that its adapter carries: bytes in, bytes out, time, and nothing else.
//!
//! ```text
//! socket -> layers -> ReadBuffer -> Decoder -> Connection -> Sorter -> mailboxes
//! socket <- layers <- Outbound <- chunks of the Outbox, and the Connection's own bytes between them
//! ```

mod actions;
mod attachment;
mod calls;
mod carried;
mod commands;
mod delivery;
mod dialing;
mod events;
mod fences;
mod finish;
mod held;
mod inbound;
mod layers;
mod order;
mod outbound;
mod pausing;
mod run;
mod shutdown;
mod sleeps;
mod trace;
mod view;

pub(crate) use attachment::Attachment;
pub(crate) use inbound::BUFFER_MAX_DEFAULT;
pub use order::{Order, Parked};
pub use run::run;
pub(crate) use trace::{Frames, Trace};

use crate::callbacks::CallbackRunner;
use crate::dialer::Dialer;
use crate::event::WritingState;
use crate::layer::Stack;
use crate::mailbox::Mailbox;
use crate::opaque::Opaque;
#[cfg(feature = "recording")]
use crate::options::LineSink;
use crate::republish::Republishing;
use crate::runtime::SocketOptions;
use crate::shared::{Command, Kept, ReplyWaiter, Shared, Target};
use crate::sorter::Sorter;
use crate::sync::Arc;
use futures_channel::oneshot;
use inbound::ReadBuffer;
use midge_proto::{CloseReason, Connection, DecodeLimits, Decoder, Instant, MessageFrame, Sid};
use outbound::Outbound;
use shutdown::Shutdown;
use sleeps::Sleeps;
use std::collections::VecDeque;

/// One client's connection, without a runtime: it owns the protocol machine and the buffers.
///
/// An adapter hands it to [`run`]. Whoever wants to drive it by hand gets it from
/// [`ConnectOptions::build`](crate::ConnectOptions::build) and makes the calls of the
/// [`DriverMachine`](crate::DriverMachine) in it.
///
/// Dropping it ends the client: every waiter hears that it is closed.
pub struct Driver(Box<dyn Opaque<Machine> + Send>);

impl core::ops::Deref for Driver {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        (*self.0).get()
    }
}

impl core::ops::DerefMut for Driver {
    fn deref_mut(&mut self) -> &mut Machine {
        (*self.0).get_mut()
    }
}

/// What is in a [`Driver`], and the calls of whoever drives it by hand.
///
/// In a loop:
/// [`handle_commands`](Self::handle_commands), [`handle_timeout`](Self::handle_timeout) at
/// [`poll_timeout`](Self::poll_timeout), [`poll_callbacks`](Self::poll_callbacks) while it is ready,
/// [`poll_order`](Self::poll_order) until `None`, [`write_slices`](Self::write_slices) and
/// [`handle_written`](Self::handle_written) while [`prepare_write`](Self::prepare_write) says so,
/// [`read_buf`](Self::read_buf) and [`handle_read`](Self::handle_read), and [`park`](Self::park)
/// before it sleeps. [`poll_listener`](Self::poll_listener) runs the event callback of the options.
pub struct Machine {
    shared: Arc<Shared>,
    connection: Connection,
    decoder: Decoder,
    limits: DecodeLimits,
    inbound: ReadBuffer,
    sorter: Sorter,
    /// Empty between two deliveries.
    answered: Vec<(ReplyWaiter, MessageFrame)>,
    /// Waiters woken by deliveries.
    woken: usize,
    outbound: Outbound,
    /// As in the shared part, to be looked at without the lock.
    kept: Kept,
    /// When the unfinished chunk of a flood is written all the same.
    held_until: Option<Instant>,
    /// Where messages go, by slot.
    targets: Vec<Option<Target>>,
    /// Commands that need the time or more than the registry.
    deferred: Vec<Command>,
    sleeps: Sleeps,
    stream: StreamState,
    layers: Stack,
    #[cfg(feature = "tls")]
    tls: crate::tls::TlsOptions,
    #[cfg(feature = "websocket")]
    websocket: crate::websocket::WebSocketOptions,
    dialer: Option<Dialer>,
    trace: Option<Box<dyn Frames>>,
    #[cfg(feature = "recording")]
    recorder: Option<LineSink>,
    orders: VecDeque<Order>,
    socket: SocketOptions,
    republishing: Republishing,
    callbacks: CallbackRunner,
    connected: Option<oneshot::Sender<Result<(), CloseReason>>>,
    /// Full queues for which reading rests.
    paused: Vec<Arc<Mailbox>>,
    /// Full queues whose subscriptions the server was asked to stop.
    suspended: Vec<(Sid, Arc<Mailbox>)>,
    writing: WritingState,
    shutdown: Shutdown,
    /// Bytes read when the last keep-alive PING went out, to tell an idle connection.
    idle: IdleMark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamState {
    None,
    Open,
}

#[derive(Debug, Clone, Copy, Default)]
struct IdleMark {
    bytes: u64,
}

/// What an options builder hands over.
pub(crate) struct DriverParts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Connection,
    pub(crate) limits: DecodeLimits,
    pub(crate) read_buffer_max: usize,
    pub(crate) socket: SocketOptions,
    pub(crate) republishing: Republishing,
    pub(crate) callbacks: CallbackRunner,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::TlsOptions,
    #[cfg(feature = "websocket")]
    pub(crate) websocket: crate::websocket::WebSocketOptions,
    pub(crate) dialer: Option<Dialer>,
    pub(crate) trace: Option<Box<dyn Frames>>,
    #[cfg(feature = "recording")]
    pub(crate) recorder: Option<LineSink>,
    pub(crate) connected: oneshot::Sender<Result<(), CloseReason>>,
}

impl Driver {
    pub(crate) fn new(parts: DriverParts) -> Self {
        Self(Box::new(Machine::new(parts)))
    }
}

impl Machine {
    fn new(parts: DriverParts) -> Self {
        let mut machine = Self {
            shared: parts.shared,
            connection: parts.connection,
            decoder: Decoder::new(parts.limits),
            limits: parts.limits,
            inbound: ReadBuffer::new(parts.read_buffer_max),
            sorter: Sorter::default(),
            answered: Vec::new(),
            woken: 0,
            outbound: Outbound::default(),
            kept: Kept::Nothing,
            held_until: None,
            targets: Vec::new(),
            deferred: Vec::new(),
            sleeps: Sleeps::default(),
            stream: StreamState::None,
            layers: Stack::default(),
            #[cfg(feature = "tls")]
            tls: parts.tls,
            #[cfg(feature = "websocket")]
            websocket: parts.websocket,
            dialer: parts.dialer,
            #[cfg(feature = "recording")]
            recorder: parts.recorder,
            trace: parts.trace,
            orders: VecDeque::new(),
            socket: parts.socket,
            republishing: parts.republishing,
            callbacks: parts.callbacks,
            connected: Some(parts.connected),
            paused: Vec::new(),
            suspended: Vec::new(),
            writing: WritingState::Resumed,
            shutdown: Shutdown::default(),
            idle: IdleMark::default(),
        };
        machine.settle(Instant::ZERO);
        machine
    }
}

impl core::fmt::Debug for Driver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}

impl core::fmt::Debug for Machine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Driver").field("phase", &self.connection.phase()).finish_non_exhaustive()
    }
}
