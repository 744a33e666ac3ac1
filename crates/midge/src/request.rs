//! Requests: a publish that waits for its reply.

use crate::NextError;
use crate::client::Client;
use crate::error::{PublishError, RequestError};
use crate::line::Ticket;
use crate::shared::{
    Core, Reply, ReplyFailure, ReplyTo, ReplyWaiter, RequestBody, RequestParts, Shared, Validation,
};
use bytes::Bytes;
use core::future::poll_fn;
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::{
    HeaderMap, Message, OnDisconnect, Refusal, RequestId, ServerError, StatusCode, Subject,
};

/// A request with everything that can be said about it.
#[derive(Debug, Default)]
pub struct Request {
    /// The body; empty by default.
    pub payload: Option<Bytes>,
    /// Headers; none by default.
    pub headers: Option<HeaderMap>,
    /// How long to wait: `None` for the client's default, `Some(None)` for ever.
    pub timeout: Option<Option<Duration>>,
    /// A reply subject for this request alone, with a subscription of its own. Such a request goes on
    /// waiting when the connection is lost, whatever `on_disconnect` says.
    pub inbox: Option<String>,
    /// What to do when the connection is lost; by default the request goes on waiting.
    pub on_disconnect: OnDisconnect,
}

impl Request {
    /// An empty request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the body.
    #[must_use]
    pub fn payload(mut self, payload: Bytes) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Sets the headers.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = Some(headers);
        self
    }

    /// Sets how long to wait; `None` is for ever.
    #[must_use]
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Takes the reply on a subscription of its own on this subject.
    #[must_use]
    pub fn inbox(mut self, inbox: String) -> Self {
        self.inbox = Some(inbox);
        self
    }

    /// Sets what to do when the connection is lost.
    #[must_use]
    pub fn on_disconnect(mut self, on_disconnect: OnDisconnect) -> Self {
        self.on_disconnect = on_disconnect;
        self
    }
}

/// Forgets the request when nobody waits for it any more.
struct Waiting<'a> {
    client: &'a Client,
    id: RequestId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Dropped behind the lock: it may wake somebody.
        let _gone = self.client.shared().core.lock().requests.cancel(self.id);
    }
}

pub(crate) async fn send(
    client: &Client,
    subject: Subject,
    request: Request,
) -> Result<Message, RequestError> {
    let Request { payload, headers, timeout, inbox, on_disconnect } = request;
    let payload = payload.unwrap_or_default();
    let timeout = timeout.unwrap_or_else(|| client.shared().settings.request_timeout.get());
    if let Some(inbox) = inbox {
        return with_own_inbox(client, subject, inbox, headers, payload, timeout).await;
    }
    let parts = RequestParts {
        subject: &subject,
        headers: headers.as_ref(),
        payload: &payload,
        timeout,
        on_disconnect,
    };
    let begun = parts.begin_in_line(client.shared(), RequestParts::begin).await?;
    let waiting = Waiting { client, id: begun.id };
    let reply = begun.reply.await;
    drop(waiting);
    match reply {
        Ok(Ok(message)) => unless_nobody_listens(message),
        Ok(Err(failure)) => Err(failure.into_error(timeout)),
        Err(_) => Err(RequestError::Closed),
    }
}

/// A request that is on its way.
pub(crate) struct Begun {
    pub(crate) id: RequestId,
    pub(crate) reply: oneshot::Receiver<Reply>,
}

impl RequestParts<'_> {
    fn check(&self, shared: &Shared) -> Result<(), PublishError> {
        match shared.settings.validation {
            Validation::Full => self.subject.check_publish()?,
            Validation::Minimal => self.subject.check_framing()?,
        }
        self.headers.map_or(Ok(()), HeaderMap::check)?;
        Ok(())
    }

    /// Sends the request by `begin` when it is its turn and there is room.
    pub(crate) async fn begin_in_line<T>(
        self,
        shared: &Shared,
        mut begin: impl FnMut(Self, &mut Core) -> Result<T, Refusal>,
    ) -> Result<T, PublishError> {
        self.check(shared)?;
        let mut ticket = Ticket::new(shared);
        let opened = poll_fn(|cx| {
            ticket.poll_append(cx, self.subject, |core| {
                let begun = begin(self, core)?;
                Ok((begun, core.unpark_at_once()))
            })
        });
        Ok(opened.await?)
    }

    /// Sends the request, if there is room.
    pub(crate) fn begin(self, core: &mut Core) -> Result<Begun, Refusal> {
        let (sender, reply) = oneshot::channel();
        let id = self.begin_for(core, ReplyTo::Caller(sender))?;
        Ok(Begun { id, reply })
    }

    /// The same with the reply going elsewhere.
    pub(crate) fn begin_for(self, core: &mut Core, to: ReplyTo) -> Result<RequestId, Refusal> {
        let again = (self.on_disconnect == OnDisconnect::Resend).then(|| {
            Box::new(RequestBody { headers: self.headers.cloned(), payload: self.payload.clone() })
        });
        core.request(self, ReplyWaiter::new(to, self.subject.clone(), again))
    }
}

impl ReplyFailure {
    /// What the one hears who waited, for `timeout` at most.
    pub(crate) fn into_error(self, timeout: Option<Duration>) -> RequestError {
        match self {
            Self::TimedOut => RequestError::TimedOut(timeout.unwrap_or_default()),
            Self::Disconnected => RequestError::Disconnected,
            Self::Denied(error) => RequestError::Denied(error),
            Self::Refused(refusal) => PublishError::from(refusal).into(),
            Self::Closed => RequestError::Closed,
        }
    }
}

/// A subscription for this one reply, as requests were made before they shared one.
async fn with_own_inbox(
    client: &Client,
    subject: Subject,
    inbox: String,
    headers: Option<HeaderMap>,
    payload: Bytes,
    timeout: Option<Duration>,
) -> Result<Message, RequestError> {
    let inbox = Subject::from(inbox);
    let mut replies = client.subscription(inbox.clone()).limit(1).open().map_err(not_subscribed)?;
    let message = midge_proto::OutboundMessage { subject, reply: Some(inbox), payload, headers };
    client.publish_message(message).await?;
    let reply = match timeout {
        None => replies.next().await.ok_or_else(|| replies.next_error()),
        Some(timeout) => replies.next_timeout(timeout).await,
    };
    unless_nobody_listens(reply.map_err(|error| match error {
        NextError::TimedOut(timeout) => RequestError::TimedOut(timeout),
        NextError::Refused(text) => RequestError::Denied(ServerError::parse(text.as_bytes())),
        NextError::Finished
        | NextError::LimitReached
        | NextError::Closed
        | NextError::SlowConsumer => RequestError::Closed,
    })?)
}

/// That there is no subscription for replies, as the fate of the request.
pub(crate) fn not_subscribed(error: crate::SubscribeError) -> PublishError {
    match error {
        crate::SubscribeError::InvalidSubject(error) => PublishError::InvalidSubject(error),
        crate::SubscribeError::Refused(refusal) => PublishError::Refused(refusal),
        _ => PublishError::Refused(Refusal::Disconnected),
    }
}

/// The reply, if it is not the server's word that nobody listens.
pub(crate) fn unless_nobody_listens(message: Message) -> Result<Message, RequestError> {
    if message.status == Some(StatusCode::NO_RESPONDERS) && message.payload.is_empty() {
        return Err(RequestError::NoResponders);
    }
    Ok(message)
}
