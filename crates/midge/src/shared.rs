//! What the handles of a client and its driver share, behind one lock.

use crate::auth::Credentials;
use crate::callbacks::OnEvent;
use crate::complaints::Complaints;
use crate::driver::Attachment;
use crate::error::FlushError;
use crate::event::{Event, EventQueue, Events};
use crate::line::Line;
use crate::mailbox::{Budget, End, LimitOptions, Mailbox};
use crate::nuid::IdGenerator;
use crate::statistics::Statistics;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, Weak};
use bytes::Bytes;
use core::net::SocketAddr;
use core::task::Waker;
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::{
    CloseReason, DrainReport, FenceId, HeaderMap, Instant, Intake, Interest, Message, OnDisconnect,
    OnWire, Outbox, Publish, Refusal, Requests, RoundTrips, Server, ServerAddr, ServerError,
    ServerInfo, Sharing, Sid, Subject,
};
use std::collections::HashMap;

/// Whether a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// On the way to the first connection.
    Pending,
    /// Connected.
    Connected,
    /// Not connected any more; attempts go on.
    Disconnected,
    /// Connected, and being drained.
    Draining,
    /// Closed for good.
    Closed,
}

impl core::fmt::Display for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Draining => "draining",
            Self::Closed => "closed",
        })
    }
}

/// What a request came to.
pub(crate) type Reply = Result<Message, ReplyFailure>;

#[derive(Debug)]
pub(crate) enum ReplyFailure {
    TimedOut,
    Disconnected,
    Closed,
    Denied(ServerError),
    /// It could not be sent again.
    Refused(Refusal),
}

/// Where a reply goes.
#[derive(Debug)]
pub(crate) enum ReplyTo {
    Caller(oneshot::Sender<Reply>),
    /// To one who waits for many.
    #[cfg(feature = "jetstream")]
    Tray(crate::jetstream::TraySlot),
}

/// One who waits for a reply, and the subject it was asked on.
#[derive(Debug)]
pub(crate) struct ReplyWaiter {
    pub(crate) to: ReplyTo,
    pub(crate) subject: Subject,
    /// What to send again on the next connection, where that was asked for.
    pub(crate) again: Option<Box<RequestBody>>,
    /// A place in a window, held until the reply is there.
    #[cfg(feature = "jetstream")]
    pub(crate) place: Option<crate::jetstream::Place>,
}

impl ReplyWaiter {
    pub(crate) fn new(to: ReplyTo, subject: Subject, again: Option<Box<RequestBody>>) -> Self {
        Self {
            to,
            subject,
            again,
            #[cfg(feature = "jetstream")]
            place: None,
        }
    }

    /// Tells what the request came to. Not under the lock: it wakes those who wait.
    pub(crate) fn answer(self, reply: Reply) {
        let mut aftermath = Aftermath::default();
        aftermath.answer(self, reply);
        aftermath.settle();
    }

    /// Lets go of a request that was not sent.
    fn dismiss(self) {
        match self.to {
            ReplyTo::Caller(_) => {}
            #[cfg(feature = "jetstream")]
            ReplyTo::Tray(slot) => slot.dismiss(),
        }
    }
}

/// What is left to do when several requests have been answered: those who wait for many replies are
/// woken once, and find them all.
#[derive(Default)]
pub(crate) struct Aftermath {
    #[cfg(feature = "jetstream")]
    wakers: Vec<Waker>,
    #[cfg(feature = "jetstream")]
    places: crate::jetstream::Leaving,
}

impl Aftermath {
    /// Tells what a request came to.
    pub(crate) fn answer(&mut self, waiter: ReplyWaiter, reply: Reply) {
        #[cfg(feature = "jetstream")]
        if let Some(place) = waiter.place {
            self.places.add(place);
        }
        match waiter.to {
            // One who no longer waits does not miss it.
            ReplyTo::Caller(sender) => drop(sender.send(reply)),
            #[cfg(feature = "jetstream")]
            ReplyTo::Tray(slot) => self.wakers.extend(slot.put(reply)),
        }
    }

    /// Wakes who is left to be woken.
    pub(crate) fn settle(self) {
        #[cfg(feature = "jetstream")]
        {
            drop(self.places);
            self.wakers.into_iter().for_each(Waker::wake);
        }
    }
}

/// What a request says.
#[derive(Debug, Clone)]
pub(crate) struct RequestBody {
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) payload: Bytes,
}

/// Everything behind the lock.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) outbox: Outbox,
    pub(crate) requests: Requests<ReplyWaiter>,
    pub(crate) request_inbox: RequestInbox,
    pub(crate) commands: Vec<Command>,
    /// Set while the driver has nothing to do.
    parked: Option<Waker>,
    /// Publishers that wait for room, first come first served.
    line: Line,
    /// Sinks, to be woken after every write.
    watchers: Vec<Waker>,
    /// Those who wait until everything before a position is written.
    pub(crate) flushes: Vec<(u64, oneshot::Sender<Result<(), FlushError>>)>,
    /// Bytes of the chunk at the driver that the socket has not taken.
    pub(crate) in_flight: u64,
    pub(crate) kept: Kept,
    pub(crate) fences: HashMap<FenceId, Fence>,
    pub(crate) complaints: Complaints,
    pub(crate) sharing: Sharing<Arc<Mailbox>>,
    next_fence: u64,
    next_sid: Sid,
    next_sleep: u64,
    pub(crate) view: View,
    scratch: Vec<u8>,
}

/// What a stream took and has not let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Nothing,
    Something,
}

/// Whether the subscription for replies exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestInbox {
    Absent,
    Subscribed(Sid),
}

/// What handles may see of the connection; the driver keeps it up to date.
///
/// Boxed is what most connections never have.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) state: State,
    /// How many connections were lost.
    pub(crate) losses: u64,
    pub(crate) info: Arc<ServerInfo>,
    pub(crate) raw_info: Arc<str>,
    pub(crate) server: Option<ServerAddr>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) servers: Vec<Server>,
    pub(crate) round_trips: RoundTrips,
    pub(crate) last_error: Option<Box<ServerError>>,
    pub(crate) close_reason: Option<Box<CloseReason>>,
    pub(crate) subscriptions: usize,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Box<crate::tls::TlsInfo>>,
}

/// Who waits for a PONG.
#[derive(Debug)]
pub(crate) enum Fence {
    /// A caller, who gets the round-trip time.
    Caller(oneshot::Sender<Result<Duration, FlushError>>),
    /// The end of a subscription's drain.
    Subscription(Sid),
    /// The next step of the client's orderly end.
    Shutdown,
}

/// A request of a handle to the driver, in the order of the calls.
#[derive(Debug)]
pub(crate) enum Command {
    Subscribe {
        sid: Sid,
        interest: Arc<Interest>,
        /// More than none; nothing was received that could come to it.
        max: Option<u64>,
        on_wire: OnWire,
        target: Target,
    },
    Unsubscribe {
        sid: Sid,
        end: End,
    },
    UnsubscribeAfter {
        sid: Sid,
        max: u64,
    },
    DrainSubscription {
        sid: Sid,
        fenced: OnWire,
    },
    Sleep {
        id: u64,
        after: Duration,
        done: oneshot::Sender<()>,
    },
    CancelSleep {
        id: u64,
    },
    ForceReconnect,
    SetServers(Vec<ServerAddr>),
    SetPingInterval(Duration),
    SetMaxPings(u32),
    SetMaxPayload(usize),
    SetCredentials(Credentials),
    SetEventCallback {
        callback: Option<OnEvent>,
        events: Events,
    },
    RoomMade,
    /// A consumer that the drain was to delete is deleted, or stays.
    #[cfg(feature = "jetstream")]
    DeletionLeft,
    Close {
        done: Option<oneshot::Sender<DrainReport>>,
    },
    Drain {
        budget: Duration,
        done: oneshot::Sender<DrainReport>,
    },
    LastHandleDropped,
}

/// Where a subscription's messages go.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Mailbox(Arc<Mailbox>),
    /// To the members of [`Core::sharing`] under this id.
    Shared(Sid),
    Requests,
}

/// Shared by all handles of a client and its driver.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) core: Mutex<Core>,
    pub(crate) events: EventQueue,
    /// Subscriptions that a callback reads: a barrier waits for them.
    pub(crate) callbacks: Mutex<Vec<Weak<Mailbox>>>,
    pub(crate) statistics: Arc<Statistics>,
    pub(crate) settings: Settings,
    pub(crate) attachment: Attachment,
    pub(crate) clock: Clock,
    #[cfg(feature = "jetstream")]
    pub(crate) deletions: crate::jetstream::Deletions,
}

/// The time of the driver's last turn, for handles that carry a machine of the core: they read no
/// clock of their own.
///
/// Whatever wakes a handle came in a turn, so what it sees then is the present. One that looks after
/// a silence sees the time before it, and for a [`Sleep`](crate::sleep::Sleep), which counts from
/// the turn that it causes, only the distance matters.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn set(&self, now: Instant) {
        self.0.store(now.as_nanos(), Ordering::Relaxed);
    }

    #[cfg(feature = "jetstream")]
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// What handles need of the options.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) inbox_prefix: String,
    pub(crate) request_timeout: SharedTimeout,
    pub(crate) subscription: LimitOptions,
    pub(crate) validation: Validation,
    /// What may wait in all subscriptions together, if that is bounded.
    pub(crate) pending: Option<Arc<Budget>>,
    pub(crate) ids: IdGenerator,
}

/// A timeout that can be changed while others look at it; `None` is for ever.
#[derive(Debug)]
pub(crate) struct SharedTimeout(AtomicU64);

impl SharedTimeout {
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        Self(AtomicU64::new(Self::nanos(timeout)))
    }

    pub(crate) fn set(&self, timeout: Option<Duration>) {
        self.0.store(Self::nanos(timeout), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// The largest number stands for ever, which 584 years come to as well.
    fn nanos(timeout: Option<Duration>) -> u64 {
        timeout.and_then(|timeout| u64::try_from(timeout.as_nanos()).ok()).unwrap_or(u64::MAX)
    }
}

/// Whether subjects are checked before use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validation {
    Full,
    /// Only what would break the protocol.
    Minimal,
}

impl Core {
    pub(crate) fn new(
        outbox: Outbox,
        requests: Requests<ReplyWaiter>,
        servers: Vec<Server>,
    ) -> Self {
        Self {
            outbox,
            requests,
            request_inbox: RequestInbox::Absent,
            commands: Vec::new(),
            parked: None,
            line: Line::default(),
            watchers: Vec::new(),
            flushes: Vec::new(),
            in_flight: 0,
            kept: Kept::Nothing,
            fences: HashMap::new(),
            complaints: Complaints::default(),
            sharing: Sharing::default(),
            next_fence: 0,
            next_sid: Sid::FIRST,
            next_sleep: 0,
            view: View {
                state: State::Pending,
                losses: 0,
                info: Arc::default(),
                raw_info: Arc::from(""),
                server: None,
                remote: None,
                local: None,
                servers,
                round_trips: RoundTrips::default(),
                last_error: None,
                close_reason: None,
                subscriptions: 0,
                #[cfg(feature = "tls")]
                tls: None,
            },
            scratch: Vec::new(),
        }
    }

    /// Leaves the driver's waker where whoever brings work finds it.
    pub(crate) fn park(&mut self, waker: &Waker) {
        match &mut self.parked {
            Some(parked) => parked.clone_from(waker),
            vacant => *vacant = Some(waker.clone()),
        }
    }

    /// The driver's waker, if it sleeps.
    #[inline]
    fn unpark(&mut self) -> Option<Waker> {
        self.parked.take()
    }

    /// The driver's waker, if it has to be woken for a message that was appended. One with a reply
    /// subject is waited for.
    #[inline]
    pub(crate) fn unpark_for(&mut self, reply: Option<&Subject>) -> Option<Waker> {
        match reply {
            Some(_) => self.unpark_at_once(),
            None if self.parked.is_none() || self.outbox.holds_back() => None,
            None => self.unpark(),
        }
    }

    /// The driver's waker, if it has to be woken for one who waits for what is in the queue.
    #[inline]
    pub(crate) fn unpark_at_once(&mut self) -> Option<Waker> {
        self.outbox.release();
        self.unpark()
    }

    pub(crate) fn command(&mut self, command: Command) -> Option<Waker> {
        self.commands.push(command);
        self.unpark_at_once()
    }

    pub(crate) fn next_sid(&mut self) -> Sid {
        let sid = self.next_sid;
        self.next_sid = sid.next();
        sid
    }

    pub(crate) fn next_fence(&mut self) -> FenceId {
        self.next_fence += 1;
        FenceId(self.next_fence)
    }

    pub(crate) fn next_sleep(&mut self) -> u64 {
        self.next_sleep += 1;
        self.next_sleep
    }

    /// Appends a message, unless it is another's turn or there is no room.
    #[inline]
    pub(crate) fn try_publish(&mut self, message: Publish<'_>) -> Result<(), Refusal> {
        if !self.line.is_empty() && self.outbox.is_online() {
            return Err(Refusal::Full);
        }
        self.outbox.publish(message)
    }

    /// Whether there is room and it is this ticket's turn; takes a place in line if not.
    pub(crate) fn has_turn(&mut self, ticket: &mut Option<u64>, waker: &Waker) -> bool {
        let first = self.line.is_first(*ticket) || !self.outbox.is_online();
        if first && self.outbox.has_room() {
            return true;
        }
        self.line.stand(ticket, waker);
        false
    }

    /// Takes or keeps a place in line.
    pub(crate) fn stand_in_line(&mut self, ticket: &mut Option<u64>, waker: &Waker) {
        self.line.stand(ticket, waker);
    }

    /// Leaves the line; returns whoever is next, if there is room.
    pub(crate) fn leave_line(&mut self, ticket: u64) -> Option<Waker> {
        self.line.leave(ticket);
        self.next_in_line()
    }

    /// Whoever is first in line, if there is room.
    pub(crate) fn next_in_line(&self) -> Option<Waker> {
        if self.outbox.has_room() { self.line.first() } else { None }
    }

    /// Everybody in line and every sink, to be woken for good.
    pub(crate) fn whole_line(&mut self) -> Vec<Waker> {
        self.line.wakers().chain(self.watchers.drain(..)).collect()
    }

    /// Wakes `waker` after the next write.
    pub(crate) fn wait_for_room(&mut self, waker: &Waker) {
        if !self.watchers.iter().any(|watcher| watcher.will_wake(waker)) {
            self.watchers.push(waker.clone());
        }
    }

    /// Those who want to know of every write.
    pub(crate) fn take_watchers(&mut self) -> Vec<Waker> {
        core::mem::take(&mut self.watchers)
    }

    /// How far the socket has taken what was appended.
    pub(crate) fn written(&self) -> u64 {
        self.outbox.start_position() - self.in_flight
    }

    /// Whether the socket has everything that was accepted.
    pub(crate) fn is_written(&self) -> bool {
        self.kept == Kept::Nothing && self.written() >= self.outbox.end_position()
    }

    /// Those whose flush is done by now.
    pub(crate) fn take_flushed(&mut self) -> Vec<oneshot::Sender<Result<(), FlushError>>> {
        let mut flushed = Vec::new();
        if self.flushes.is_empty() || self.kept == Kept::Something {
            return flushed;
        }
        let written = self.written();
        let mut at = 0;
        while at < self.flushes.len() {
            if self.flushes[at].0 <= written {
                flushed.push(self.flushes.swap_remove(at).1);
            } else {
                at += 1;
            }
        }
        flushed
    }

    /// Appends a `SUB`, with its limit in the same breath, so that no message may come in between;
    /// and hands the driver what it has to know before that is written.
    pub(crate) fn subscribe(
        &mut self,
        sid: Sid,
        interest: &Arc<Interest>,
        max: Option<u64>,
        target: Target,
    ) -> Result<(), Refusal> {
        let (subject, queue) = (interest.subject.as_bytes(), interest.queue_bytes());
        let on_wire = self.outbox.subscribe(subject, queue, sid)?;
        if let Some(max) = max {
            self.outbox.unsubscribe(sid, Some(max));
        }
        let interest = Arc::clone(interest);
        self.commands.push(Command::Subscribe { sid, interest, max, on_wire, target });
        Ok(())
    }

    /// Subscribes to replies, if that was not done yet.
    fn open_request_inbox(&mut self) -> Result<(), Refusal> {
        if self.request_inbox == RequestInbox::Absent {
            let sid = self.next_sid();
            let interest = Interest::new(Subject::from(self.requests.filter()), None);
            self.subscribe(sid, &Arc::new(interest), None, Target::Requests)?;
            self.request_inbox = RequestInbox::Subscribed(sid);
        }
        Ok(())
    }

    /// The server refused a subscription: if it was the one for replies, returns all who wait for
    /// one, and the next request tries again.
    pub(crate) fn lose_request_inbox(&mut self, refused: Sid) -> Vec<ReplyWaiter> {
        if self.request_inbox != RequestInbox::Subscribed(refused) {
            return Vec::new();
        }
        self.request_inbox = RequestInbox::Absent;
        self.requests.clear()
    }

    /// Registers who waits for a reply that somebody else asks for, and returns the subject for it.
    pub(crate) fn await_reply(
        &mut self,
        sender: oneshot::Sender<Reply>,
        timeout: Option<Duration>,
        on_disconnect: OnDisconnect,
    ) -> Result<(midge_proto::RequestId, Subject), Refusal> {
        match self.outbox.intake() {
            Intake::Open | Intake::PublishOnly => self.open_request_inbox()?,
            Intake::Draining => return Err(Refusal::Draining),
            Intake::Closed => return Err(Refusal::Closed),
        }
        // What is asked is the caller's business; no refused publish names a filter.
        let subject = Subject::from(self.requests.filter());
        let waiter = ReplyWaiter::new(ReplyTo::Caller(sender), subject, None);
        let id = self.requests.begin(waiter, timeout, on_disconnect);
        let mut reply = Vec::new();
        self.requests.reply_subject(id, &mut reply);
        Ok((id, Subject::from(String::from_utf8_lossy(&reply).into_owned())))
    }

    /// Publishes with a reply subject of its own, and registers who waits for the reply; to be
    /// called by the one whose turn it is.
    pub(crate) fn request(
        &mut self,
        message: RequestParts<'_>,
        waiter: ReplyWaiter,
    ) -> Result<midge_proto::RequestId, Refusal> {
        self.open_request_inbox()?;
        let id = self.requests.begin(waiter, message.timeout, message.on_disconnect);
        let mut reply = core::mem::take(&mut self.scratch);
        self.requests.reply_subject(id, &mut reply);
        let published = self.outbox.publish(Publish {
            subject: message.subject.as_bytes(),
            reply: Some(&reply),
            headers: message.headers,
            payload: message.payload,
        });
        self.scratch = reply;
        match published {
            Ok(()) => Ok(id),
            Err(refusal) => {
                if let Some(waiter) = self.requests.cancel(id) {
                    waiter.dismiss();
                }
                Err(refusal)
            }
        }
    }

    /// Sends the requests once more that asked for it and whose messages went out on the connection
    /// before; returns those that are refused.
    pub(crate) fn resend_requests(&mut self) -> Vec<(ReplyWaiter, Refusal)> {
        let outbox = &self.outbox;
        let again = self.requests.handle_reconnected(|visit| outbox.visit_replies(visit));
        let mut refused = Vec::new();
        let mut reply = core::mem::take(&mut self.scratch);
        for id in again {
            self.requests.reply_subject(id, &mut reply);
            let Some(waiter) = self.requests.waiter(id) else { continue };
            let Some(body) = &waiter.again else { continue };
            let published = self.outbox.publish_over(Publish {
                subject: waiter.subject.as_bytes(),
                reply: Some(&reply),
                headers: body.headers.as_ref(),
                payload: &body.payload,
            });
            if let Err(refusal) = published {
                refused.extend(self.requests.cancel(id).map(|waiter| (waiter, refusal)));
            }
        }
        self.scratch = reply;
        refused
    }
}

/// What a request publishes.
#[derive(Clone, Copy)]
pub(crate) struct RequestParts<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) headers: Option<&'a HeaderMap>,
    pub(crate) payload: &'a Bytes,
    pub(crate) timeout: Option<Duration>,
    pub(crate) on_disconnect: OnDisconnect,
}

impl Shared {
    /// Hands a command to the driver.
    pub(crate) fn command(&self, command: Command) {
        let waker = self.core.lock().command(command);
        wake(waker);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.core.lock().view.state == State::Closed
    }

    pub(crate) fn event(&self, event: Event) {
        self.events.push(&event);
    }
}

#[inline]
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
