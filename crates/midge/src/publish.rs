//! Publishing: the call that appends a frame, or waits in line to do so.

use crate::error::PublishError;
use crate::line::Ticket;
use crate::shared::{Core, Shared, Validation, wake};
use bytes::Bytes;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge_proto::{HeaderMap, OutboundMessage, Publish, Refusal, Subject};

/// A message on its way into the outbox: the future of [`Client::publish`](crate::Client::publish).
///
/// The frame is appended in the poll that returns `Ok`. Where there is no room it waits in line,
/// first come first served.
///
/// # Cancel safety
///
/// Dropped before it is ready, it has sent nothing and gives up its place in line.
#[must_use = "nothing is sent before it is awaited"]
pub struct PublishFuture<'a> {
    shared: &'a Shared,
    message: OutboundMessage,
    /// The place in line, once there was no room.
    ticket: Option<Ticket<'a>>,
}

impl<'a> PublishFuture<'a> {
    #[inline]
    pub(crate) fn new(
        shared: &'a Shared,
        subject: Subject,
        reply: Option<Subject>,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Self {
        Self { shared, message: OutboundMessage { subject, reply, payload, headers }, ticket: None }
    }

    /// Waits for room with a checked message.
    #[cold]
    fn poll_in_line(&mut self, cx: &Context<'_>) -> Poll<Result<(), PublishError>> {
        let ticket = self.ticket.get_or_insert_with(|| Ticket::new(self.shared));
        let mut core = self.shared.core.lock();
        if !core.has_turn(&mut ticket.number, cx.waker()) {
            return Poll::Pending;
        }
        let result = core.outbox.publish(Publish {
            subject: self.message.subject.as_bytes(),
            reply: self.message.reply.as_ref().map(Subject::as_bytes),
            headers: self.message.headers.as_ref(),
            payload: &self.message.payload,
        });
        let next = ticket.number.take().and_then(|number| core.leave_line(number));
        let driver = core.unpark();
        drop(core);
        wake(driver);
        wake(next);
        Poll::Ready(result.map_err(PublishError::from))
    }
}

impl Future for PublishFuture<'_> {
    type Output = Result<(), PublishError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.ticket.is_none() {
            let OutboundMessage { subject, reply, payload, headers } = &this.message;
            match try_publish(this.shared, subject, reply.as_ref(), headers.as_ref(), payload) {
                Err(PublishError::Refused(Refusal::Full)) => {}
                result => return Poll::Ready(result),
            }
        }
        this.poll_in_line(cx)
    }
}

impl fmt::Debug for PublishFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishFuture").field("message", &self.message).finish_non_exhaustive()
    }
}

/// Publishes at once or not at all.
#[inline]
pub(crate) fn try_publish(
    shared: &Shared,
    subject: &Subject,
    reply: Option<&Subject>,
    headers: Option<&HeaderMap>,
    payload: &Bytes,
) -> Result<(), PublishError> {
    append(shared, subject, reply, headers, payload, Core::try_publish)
}

/// Publishes even where there is no room: for a caller that made sure of it before.
pub(crate) fn publish_over(
    shared: &Shared,
    subject: &Subject,
    reply: Option<&Subject>,
    headers: Option<&HeaderMap>,
    payload: &Bytes,
) -> Result<(), PublishError> {
    append(shared, subject, reply, headers, payload, |core, message| {
        core.outbox.publish_over(message)
    })
}

/// Checks a message, appends it the way given, and wakes the driver if it sleeps.
#[inline]
fn append(
    shared: &Shared,
    subject: &Subject,
    reply: Option<&Subject>,
    headers: Option<&HeaderMap>,
    payload: &Bytes,
    publish: impl FnOnce(&mut Core, Publish<'_>) -> Result<(), Refusal>,
) -> Result<(), PublishError> {
    check(shared, subject, reply, headers)?;
    let message = Publish {
        subject: subject.as_bytes(),
        reply: reply.map(Subject::as_bytes),
        headers,
        payload,
    };
    let waker = {
        let mut core = shared.core.lock();
        publish(&mut core, message)?;
        core.unpark()
    };
    wake(waker);
    Ok(())
}

#[inline]
fn check(
    shared: &Shared,
    subject: &Subject,
    reply: Option<&Subject>,
    headers: Option<&HeaderMap>,
) -> Result<(), PublishError> {
    match shared.settings.validation {
        Validation::Full => {
            subject.check_publish()?;
            reply.map_or(Ok(()), Subject::check_publish)?;
        }
        Validation::Minimal => {
            subject.check_framing()?;
            reply.map_or(Ok(()), Subject::check_framing)?;
        }
    }
    // Before anything looks at it: a block that could not be read looks empty.
    headers.map_or(Ok(()), HeaderMap::check)?;
    Ok(())
}
