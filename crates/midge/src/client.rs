//! The handle that applications hold, and what its calls take and return.

pub use crate::error::{FlushErrorKind, PublishErrorKind, RequestErrorKind, SubscribeErrorKind};
pub use crate::traits;

use crate::complaints::Listening;
pub use crate::error::{
    ClosedError, DrainError, FlushError, PublishError, ReconnectError, RequestError, SubscribeError,
};
use crate::event::{Events, StateChanges};
use crate::options::{InvalidPool, check_pool};
use crate::publish::{self, Extra, Plain, PublishFuture};
pub use crate::request::Request;
use crate::shared::{Command, DrainReport, Fence, Shared, State, View, wake};
use crate::sleep::Sleep;
pub use crate::statistics::Statistics;
use crate::subscribe::SubscribeBuilder;
use crate::subscriber::Subscriber;
use crate::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::{
    CloseReason, HeaderMap, Message, OutboundMessage, RoundTrips, Server, ServerAddr,
    ServerCapabilities, ServerError, ServerInfo, ToServerAddrs, ToSubject,
};

/// How long [`Client::drain`] may take.
///
/// Thirty seconds, as in nats.go.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to NATS, shared by all clones of this handle.
///
/// Cloning is cheap, and every method may be called from any task or thread at the same time. The
/// connection ends with [`close`](Self::close), [`drain`](Self::drain), or when the last handle and
/// the last [`Subscriber`] are dropped; even then what was accepted for publishing is still written
/// as long as the runtime lives. After a `fork` only the parent may go on using it.
#[derive(Clone)]
pub struct Client {
    pub(crate) handle: Arc<Handle>,
}

/// What clones and subscribers share; the last one to go ends the connection.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.command(Command::LastHandleDropped);
    }
}

impl Handle {
    pub(crate) fn sleep(&self, after: Duration) -> Sleep {
        Sleep::new(Arc::clone(&self.shared), after)
    }
}

impl Client {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { handle: Arc::new(Handle { shared }) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    // ---- publishing ----

    /// Publishes `payload` on `subject`.
    ///
    /// Returns once the message is accepted: it is in line to be written, behind everything that was
    /// accepted before, and it will be written unless the connection is lost first, in which case it
    /// goes out on the next one. [`sync`](Self::sync) proves that the server has it. While
    /// connected, waits for room when more than the high-water mark (1 MiB by default) waits to be
    /// written; while not connected, up to 8 MiB are kept, or what a
    /// [`BufferPolicy`](crate::BufferPolicy) says.
    ///
    /// # Errors
    ///
    /// The subject is invalid, the message is larger than the server takes, the buffer for times
    /// without a connection is full, or the client is draining or closed. Nothing was sent then.
    ///
    /// # Cancel safety
    ///
    /// The message is accepted in the poll that returns `Ok`: a dropped future has sent nothing.
    pub fn publish<S: ToSubject>(&self, subject: S, payload: Bytes) -> PublishFuture<'_, Plain> {
        let subject = subject.into_subject();
        PublishFuture::new(self.shared(), subject, payload, Plain)
    }

    /// Publishes with headers; an empty map is sent as none.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); and when a header is invalid or the server takes none.
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> PublishFuture<'_> {
        let subject = subject.into_subject();
        let extra = Extra { reply: None, headers: Some(headers) };
        PublishFuture::new(self.shared(), subject, payload, extra)
    }

    /// Publishes with a reply subject, to which the caller listens by itself.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> PublishFuture<'_> {
        let (subject, reply) = (subject.into_subject(), Some(reply.into_subject()));
        let extra = Extra { reply, headers: None };
        PublishFuture::new(self.shared(), subject, payload, extra)
    }

    /// Publishes with a reply subject and headers.
    ///
    /// # Errors
    ///
    /// As [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_with_reply_and_headers<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: HeaderMap,
        payload: Bytes,
    ) -> PublishFuture<'_> {
        let (subject, reply) = (subject.into_subject(), Some(reply.into_subject()));
        let extra = Extra { reply, headers: Some(headers) };
        PublishFuture::new(self.shared(), subject, payload, extra)
    }

    /// Publishes a message as one value; a received one can be sent on by `.into()`.
    ///
    /// # Errors
    ///
    /// As [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub fn publish_message(&self, message: OutboundMessage) -> PublishFuture<'_> {
        let OutboundMessage { subject, reply, payload, headers } = message;
        PublishFuture::new(self.shared(), subject, payload, Extra { reply, headers })
    }

    /// Publishes now or not at all.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and [`Refusal::Full`](midge_proto::Refusal::Full) where that
    /// would wait.
    pub fn try_publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        publish::try_publish(self.shared(), &subject.into_subject(), None, None, &payload)
    }

    /// Publishes, and returns once the server has processed the message.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); [`PublishError::Server`] when the server refused it, for
    /// example for want of permission; and a refusal as
    /// [`Disconnected`](midge_proto::Refusal::Disconnected) when the connection was lost before the
    /// answer, in which case the message may or may not have arrived.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have published.
    pub async fn publish_confirmed<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let subject = subject.to_subject();
        let listening = Listening::begin(self.shared());
        self.publish(subject.clone(), payload).await?;
        self.fence().await.map_err(|error| match error {
            FlushError::Closed => midge_proto::Refusal::Closed,
            FlushError::Disconnected | FlushError::TimedOut(_) => {
                midge_proto::Refusal::Disconnected
            }
        })?;
        let denial = listening.heard().into_iter().find(|complaint| match complaint {
            ServerError::PublishPermission { subject: denied, .. } => **denied == *subject.as_str(),
            _ => false,
        });
        denial.map_or(Ok(()), |error| Err(PublishError::Server(error)))
    }

    /// Publishes `payload` on the reply subject of a message.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); [`PublishError::NoReply`] when the message has no reply subject.
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub async fn respond(&self, to: &Message, payload: Bytes) -> Result<(), PublishError> {
        let reply = to.reply.clone().ok_or(PublishError::NoReply)?;
        PublishFuture::new(self.shared(), reply, payload, Plain).await
    }

    /// As [`respond`](Self::respond), with headers.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond) and [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    pub async fn respond_with_headers(
        &self,
        to: &Message,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let reply = to.reply.clone().ok_or(PublishError::NoReply)?;
        let extra = Extra { reply: None, headers: Some(headers) };
        PublishFuture::new(self.shared(), reply, payload, extra).await
    }

    // ---- subscribing ----

    /// Subscribes to `subject`, which may hold wildcards.
    ///
    /// The subscription is in line behind everything this client did before, so that a message that
    /// this client publishes afterwards is received. For messages that others publish, see
    /// [`SubscribeBuilder::confirmed`].
    ///
    /// # Errors
    ///
    /// The subject is no valid filter, or the client is draining or closed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription.
    pub async fn subscribe<S: ToSubject>(&self, subject: S) -> Result<Subscriber, SubscribeError> {
        self.subscription(subject).open()
    }

    /// Subscribes as a member of a queue group: each message goes to one member.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe), and when the group's name is empty or holds blanks.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription.
    pub async fn queue_subscribe<S: ToSubject>(
        &self,
        subject: S,
        queue_group: String,
    ) -> Result<Subscriber, SubscribeError> {
        self.subscription(subject).queue_group(queue_group).open()
    }

    /// Describes a subscription with limits, a policy, a queue group or a confirmation.
    pub fn subscription<S: ToSubject>(&self, subject: S) -> SubscribeBuilder {
        SubscribeBuilder::new(self.clone(), subject.to_subject())
    }

    // ---- requests ----

    /// Publishes `payload` on `subject` and returns the first reply.
    ///
    /// # Errors
    ///
    /// No reply came in time (10 s by default), nobody listens, the message was not published, or
    /// the client was closed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future forgets the request at once; the message may have been sent.
    pub async fn request<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().payload(payload)).await
    }

    /// As [`request`](Self::request), with headers.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`request`](Self::request).
    pub async fn request_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Message, RequestError> {
        self.send_request(subject, Request::new().headers(headers).payload(payload)).await
    }

    /// As [`request`](Self::request), with everything that a [`Request`] can say.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`request`](Self::request).
    pub async fn send_request<S: ToSubject>(
        &self,
        subject: S,
        request: Request,
    ) -> Result<Message, RequestError> {
        crate::request::send(self, subject.to_subject(), request).await
    }

    /// A subject of its own below the inbox prefix, to subscribe to and to name as a reply subject.
    #[must_use]
    pub fn new_inbox(&self) -> String {
        let settings = &self.shared().settings;
        format!("{}.{}", settings.inbox_prefix, settings.ids.next())
    }

    // ---- flushing ----

    /// Waits until everything accepted so far was handed to the socket.
    ///
    /// While not connected, that is after the next connection is ready. See [`sync`](Self::sync) for
    /// a proof that the server has it.
    ///
    /// # Errors
    ///
    /// When the client is closed first.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn flush(&self) -> Result<(), FlushError> {
        let (receiver, driver) = {
            let mut core = self.shared().core.lock();
            if core.view.state == State::Closed {
                return Err(FlushError::Closed);
            }
            let end = core.outbox.end_position();
            if core.written() >= end {
                return Ok(());
            }
            let (sender, receiver) = oneshot::channel();
            core.flushes.push((end, sender));
            (receiver, core.unpark_at_once())
        };
        wake(driver);
        receiver.await.unwrap_or(Err(FlushError::Closed))
    }

    /// Waits until the server has processed everything accepted so far: a PING and its PONG.
    ///
    /// # Errors
    ///
    /// At once without a connection, and when the connection is lost before the answer.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn sync(&self) -> Result<(), FlushError> {
        self.fence().await.map(|_| ())
    }

    /// [`sync`](Self::sync) within a time.
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync), and [`FlushError::TimedOut`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn sync_timeout(&self, timeout: Duration) -> Result<(), FlushError> {
        let fence = core::pin::pin!(self.fence());
        match self.handle.sleep(timeout).race(fence).await {
            Some(result) => result.map(|_| ()),
            None => Err(FlushError::TimedOut(timeout)),
        }
    }

    /// The time of one round trip to the server and back.
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn rtt(&self) -> Result<Duration, FlushError> {
        self.fence().await
    }

    pub(crate) async fn fence(&self) -> Result<Duration, FlushError> {
        let (receiver, waker) = {
            let mut core = self.shared().core.lock();
            let id = core.next_fence();
            match core.outbox.fence(id) {
                Ok(()) => {}
                Err(midge_proto::Refusal::Closed) => return Err(FlushError::Closed),
                Err(_) => return Err(FlushError::Disconnected),
            }
            let (sender, receiver) = oneshot::channel();
            core.fences.insert(id, Fence::Caller(sender));
            (receiver, core.unpark_at_once())
        };
        wake(waker);
        receiver.await.unwrap_or(Err(FlushError::Closed))
    }

    /// Waits until every subscription with a callback ([`Subscriber::handle`]) has handled all
    /// messages that were queued before the call, and every other that
    /// [joined](Subscriber::join_barriers).
    ///
    /// A subscription that is dropped meanwhile is not waited for. What is still on its way from the
    /// server is not among it; call [`sync`](Self::sync) first to have it queued. Within a callback
    /// this waits for that very callback, for ever: spawn it there.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn barrier(&self) {
        let (sender, receiver) = oneshot::channel();
        {
            let barrier = Arc::new(sender);
            let mut callbacks = self.shared().callbacks.lock();
            callbacks.retain(|mailbox| match mailbox.upgrade() {
                Some(mailbox) => {
                    mailbox.add_barrier(&barrier);
                    true
                }
                None => false,
            });
        }
        // Nobody sends: the last queue to pass it drops the sender.
        let _: Result<(), oneshot::Canceled> = receiver.await;
    }

    // ---- ending ----

    /// Ends all subscriptions in order, gets everything out, and closes.
    ///
    /// Subscriptions end once what was in flight has been delivered; then their readers are given
    /// time to read it and may still publish; then publishing ends, a round trip proves that all of
    /// it arrived, and the client closes. What was delivered can still be read from a
    /// [`Subscriber`] afterwards. Takes [`DRAIN_TIMEOUT`] at most.
    ///
    /// # Errors
    ///
    /// [`DrainError::Incomplete`] with what was given up, because the time was up or the connection
    /// was lost; the client is closed then, too. [`DrainError::Closed`] when it was before.
    ///
    /// # Cancel safety
    ///
    /// A drain that has begun goes on when the future is dropped.
    pub async fn drain(&self) -> Result<(), DrainError> {
        let report = self.drain_within(DRAIN_TIMEOUT).await?;
        if report.is_complete() { Ok(()) } else { Err(DrainError::Incomplete(report)) }
    }

    /// [`drain`](Self::drain) within a time; tells what was given up.
    ///
    /// # Errors
    ///
    /// When the client is closed already.
    ///
    /// # Cancel safety
    ///
    /// A drain that has begun goes on when the future is dropped.
    pub async fn drain_within(&self, budget: Duration) -> Result<DrainReport, ClosedError> {
        let (done, receiver) = oneshot::channel();
        self.command_unless_closed(Command::Drain { budget, done })?;
        receiver.await.map_err(|_| ClosedError)
    }

    /// Gets everything accepted to the server, within ten seconds, and closes.
    ///
    /// # Errors
    ///
    /// When the client is closed already.
    ///
    /// # Cancel safety
    ///
    /// A close that has begun goes on when the future is dropped.
    pub async fn close(&self) -> Result<(), ClosedError> {
        let (done, receiver) = oneshot::channel();
        self.command_unless_closed(Command::Close { done: Some(done) })?;
        receiver.await.map_err(|_| ClosedError)
    }

    // ---- the connection ----

    /// Whether it is connected.
    #[must_use]
    pub fn connection_state(&self) -> State {
        self.shared().core.lock().view.state
    }

    /// Drops the connection and makes another one; cuts a wait between attempts short.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    pub async fn force_reconnect(&self) -> Result<(), ReconnectError> {
        self.command_unless_closed(Command::ForceReconnect)
    }

    /// Replaces the configured servers. The connection at hand stays, unless it is in clear and an
    /// address asks for TLS; servers that stay keep their counters.
    ///
    /// # Errors
    ///
    /// An address does not parse, there is none, WebSocket and other addresses are mixed, or the
    /// client is closed.
    pub async fn set_server_pool<A: ToServerAddrs>(&self, addrs: A) -> Result<(), InvalidPool> {
        let addrs: Vec<ServerAddr> = addrs.to_server_addrs().map_err(InvalidPool::from)?.collect();
        check_pool(&addrs)?;
        self.command_unless_closed(Command::SetServers(addrs)).map_err(|_| InvalidPool::Closed)
    }

    /// The servers and how they fared.
    ///
    /// # Errors
    ///
    /// Never; the result is there for programs that come from async-nats.
    pub async fn server_pool(&self) -> Result<Vec<Server>, ClosedError> {
        Ok(self.look(|view| view.servers.clone()))
    }

    /// What the connected server said, or the last one that was.
    #[must_use]
    pub fn server_info(&self) -> ServerInfo {
        self.look(|view| (*view.info).clone())
    }

    /// What the connected server said; `None` before the first connection.
    #[must_use]
    pub fn try_server_info(&self) -> Option<ServerInfo> {
        self.look(|view| (!view.raw_info.is_empty()).then(|| (*view.info).clone()))
    }

    /// The last INFO as it was received, for fields that [`ServerInfo`] does not have.
    #[must_use]
    pub fn raw_server_info(&self) -> Arc<str> {
        self.look(|view| Arc::clone(&view.raw_info))
    }

    /// Headers and payload in bytes that the server takes in one message; `usize::MAX` for no limit.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.shared().core.lock().outbox.server_limits().max_payload
    }

    /// Whether the server is at least of this version.
    #[must_use]
    pub fn is_server_compatible(&self, major: i64, minor: i64, patch: i64) -> bool {
        let number = |part: i64| u64::try_from(part).unwrap_or(0);
        self.look(|view| view.info.version_at_least(number(major), number(minor), number(patch)))
    }

    /// What the connected server, or the last one that was, can do and cannot; `None` before the
    /// first connection.
    #[must_use]
    pub fn server_capabilities(&self) -> Option<ServerCapabilities> {
        self.look(|view| (!view.raw_info.is_empty()).then(|| view.info.capabilities()))
    }

    /// The connected server; its `Display` leaves credentials out.
    #[must_use]
    pub fn connected_server(&self) -> Option<ServerAddr> {
        self.look(|view| view.server.clone())
    }

    /// The address of the connected server.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.look(|view| view.remote)
    }

    /// The TLS session of the connection; `None` without a connection or without TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_info(&self) -> Option<crate::TlsInfo> {
        self.look(|view| view.tls.clone())
    }

    /// This end's address.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.look(|view| view.local)
    }

    /// The last complaint of a server.
    #[must_use]
    pub fn last_error(&self) -> Option<ServerError> {
        self.look(|view| view.last_error.clone())
    }

    /// Why the client is closed, once it is.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.look(|view| view.close_reason.clone())
    }

    /// Round-trip times of all PINGs, keep-alives included.
    #[must_use]
    pub fn round_trips(&self) -> RoundTrips {
        self.look(|view| view.round_trips.clone())
    }

    /// Subscriptions alive, the one for replies included once there was a request.
    #[must_use]
    pub fn subscription_count(&self) -> usize {
        self.look(|view| view.subscriptions)
    }

    /// Bytes accepted and not yet handed to the socket.
    #[must_use]
    pub fn buffered_bytes(&self) -> u64 {
        let core = self.shared().core.lock();
        core.outbox.end_position() - core.written()
    }

    /// Drops what waits to be written and returns how many messages that were. What is being written
    /// at the moment is not among them.
    pub fn clear_buffered(&self) -> u64 {
        let (publishes, flushed, next) = {
            let mut core = self.shared().core.lock();
            let publishes = core.outbox.drop_publishes();
            let end = core.outbox.end_position();
            // Positions moved; what flushes waited for lies before the new end, or is gone.
            core.flushes.iter_mut().for_each(|(target, _)| *target = end.min(*target));
            let flushed =
                if core.is_written() { core::mem::take(&mut core.flushes) } else { vec![] };
            (publishes, flushed, core.next_in_line())
        };
        for (_, done) in flushed {
            let _ = done.send(Ok(()));
        }
        wake(next);
        publishes
    }

    /// Requests that wait for their reply.
    #[must_use]
    pub fn requests_in_flight(&self) -> usize {
        self.shared().core.lock().requests.len()
    }

    /// How long a request waits by default; `None` for ever.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.shared().settings.request_timeout.get()
    }

    /// Counters over all connections of this client.
    #[must_use]
    pub fn statistics(&self) -> Arc<Statistics> {
        let statistics = &self.shared().statistics;
        // Under the lock, so that two callers do not take turns in going back.
        let core = self.shared().core.lock();
        statistics.set_published(core.outbox.published().0);
        drop(core);
        Arc::clone(statistics)
    }

    /// The stream of events from here on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.shared().events.subscribe()
    }

    /// The stream of changes to these states from here on.
    #[must_use]
    pub fn state_changes(&self, wanted: &[State]) -> StateChanges {
        self.shared().events.subscribe_states(wanted)
    }

    fn look<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.shared().core.lock().view)
    }

    pub(crate) fn command_unless_closed(&self, command: Command) -> Result<(), ClosedError> {
        let waker = {
            let mut core = self.shared().core.lock();
            if core.view.state == State::Closed {
                return Err(ClosedError);
            }
            core.command(command)
        };
        wake(waker);
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.shared().core.lock();
        f.debug_struct("Client")
            .field("state", &core.view.state)
            .field("server", &core.view.server)
            .finish_non_exhaustive()
    }
}
