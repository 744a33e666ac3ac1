//! Publishing: the call that appends a frame, or waits in line to do so.

use crate::error::PublishError;
use crate::shared::{Shared, Validation, wake};
use crate::sync::Arc;
use bytes::Bytes;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge_proto::{HeaderMap, Publish, Refusal, Subject};

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
            Box::pin(Waiting { shared, subject, reply, headers, payload, ticket: None }).await
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
    check(shared, subject, reply, headers)?;
    let waker = {
        let mut core = shared.core.lock();
        core.try_publish(Publish {
            subject: subject.as_bytes(),
            reply: reply.map(Subject::as_bytes),
            headers,
            payload,
        })?;
        core.unpark()
    };
    wake(waker);
    Ok(())
}

/// Publishes even where there is no room: for a caller that made sure of it before.
pub(crate) fn publish_over(
    shared: &Shared,
    subject: &Subject,
    reply: Option<&Subject>,
    headers: Option<&HeaderMap>,
    payload: &Bytes,
) -> Result<(), PublishError> {
    check(shared, subject, reply, headers)?;
    let waker = {
        let mut core = shared.core.lock();
        core.outbox.publish_over(Publish {
            subject: subject.as_bytes(),
            reply: reply.map(Subject::as_bytes),
            headers,
            payload,
        })?;
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

/// A checked message that waits for room, first come first served.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    subject: Subject,
    reply: Option<Subject>,
    headers: Option<HeaderMap>,
    payload: Bytes,
    ticket: Option<u64>,
}

impl Future for Waiting<'_> {
    type Output = Result<(), PublishError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut core = this.shared.core.lock();
        let message = Publish {
            subject: this.subject.as_bytes(),
            reply: this.reply.as_ref().map(Subject::as_bytes),
            headers: this.headers.as_ref(),
            payload: &this.payload,
        };
        let Some(result) = core.publish_in_line(message, &mut this.ticket, cx.waker()) else {
            return Poll::Pending;
        };
        let next = this.ticket.take().and_then(|ticket| core.leave_line(ticket));
        let driver = core.unpark();
        drop(core);
        wake(driver);
        wake(next);
        Poll::Ready(result.map_err(PublishError::from))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let next = self.shared.core.lock().leave_line(ticket);
            wake(next);
        }
    }
}
