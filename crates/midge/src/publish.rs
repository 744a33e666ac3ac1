//! Publishing: the call that appends a frame, or waits in line to do so.

use crate::error::PublishError;
use crate::line::Ticket;
use crate::shared::{Core, Shared, Validation, wake};
use crate::sync::Arc;
use bytes::Bytes;
use core::future::poll_fn;
use core::task::Poll;
use midge_proto::{HeaderMap, OutboundMessage, Publish, Refusal, Subject};

/// Publishes, in line with others where there is no room.
///
/// The frame is appended in the poll that returns `Ok`. Waiting is rare, and what it needs is kept
/// off the future of those who need not wait.
#[inline]
pub(crate) async fn publish(
    shared: &Arc<Shared>,
    subject: Subject,
    reply: Option<Subject>,
    headers: Option<HeaderMap>,
    payload: Bytes,
) -> Result<(), PublishError> {
    match try_publish(shared, &subject, reply.as_ref(), headers.as_ref(), &payload) {
        Err(PublishError::Refused(Refusal::Full)) => {
            let message = OutboundMessage { subject, reply, payload, headers };
            Box::pin(publish_in_line(shared, message)).await
        }
        result => result,
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

/// Waits for room with a checked message, first come first served, and publishes it.
async fn publish_in_line(shared: &Shared, message: OutboundMessage) -> Result<(), PublishError> {
    let mut ticket = Ticket::new(shared);
    poll_fn(|cx| {
        let mut core = shared.core.lock();
        if !core.has_turn(&mut ticket.number, cx.waker()) {
            return Poll::Pending;
        }
        let result = core.outbox.publish(Publish {
            subject: message.subject.as_bytes(),
            reply: message.reply.as_ref().map(Subject::as_bytes),
            headers: message.headers.as_ref(),
            payload: &message.payload,
        });
        let next = ticket.number.take().and_then(|number| core.leave_line(number));
        let driver = core.unpark();
        drop(core);
        wake(driver);
        wake(next);
        Poll::Ready(result.map_err(PublishError::from))
    })
    .await
}
