//! The handle that applications hold, and what its calls take and return.

mod connection;
mod ending;
mod flushing;
mod publishing;

pub use crate::error::{FlushErrorKind, PublishErrorKind, RequestErrorKind, SubscribeErrorKind};
pub use crate::traits;

pub use crate::error::{
    ClosedError, DrainError, FlushError, PublishError, ReconnectError, RequestError, SubscribeError,
};
pub use crate::request::Request;
pub use crate::statistics::Statistics;

use crate::shared::{Command, Shared, State, View, wake};
use crate::sleep::Sleep;
use crate::subscribe::SubscribeBuilder;
use crate::subscriber::Subscriber;
use crate::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::time::Duration;
use midge_proto::{HeaderMap, Message, ToSubject};

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
