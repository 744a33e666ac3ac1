//! What the handles of a client and its driver share, behind one lock.

mod reply;
mod settings;
mod view;

pub(crate) use reply::{Aftermath, Reply, ReplyFailure, ReplyTo, ReplyWaiter, RequestBody};
pub(crate) use settings::{Clock, Settings, SharedTimeout, Validation};
pub use view::State;
pub(crate) use view::View;

use crate::auth::Credentials;
use crate::callbacks::OnEvent;
use crate::complaints::Complaints;
use crate::driver::Attachment;
use crate::error::FlushError;
use crate::event::{Event, EventQueue, Events};
use crate::line::Line;
use crate::mailbox::{End, Mailbox};
use crate::statistics::Statistics;
use crate::sync::{Arc, Mutex, Weak};
use bytes::Bytes;
use core::task::Waker;
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::{
    DrainReport, FenceId, HeaderMap, Intake, Interest, OnDisconnect, OnWire, Outbox, Publish,
    Refusal, Requests, RoundTrips, Server, ServerAddr, Sharing, Sid, Subject,
};
use std::collections::HashMap;

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
