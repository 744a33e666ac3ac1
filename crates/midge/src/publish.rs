//! Publishing: the call that appends a frame, or waits in line to do so.

use crate::error::PublishError;
use crate::line::Ticket;
use crate::shared::{Core, Shared, Validation, wake};
use bytes::Bytes;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge_proto::{HeaderMap, Publish, Refusal, Subject};
#[cfg(feature = "jetstream")]
use std::collections::VecDeque;

/// A message on its way into the outbox: the future of [`Client::publish`](crate::Client::publish).
///
/// The frame is appended in the poll that returns `Ok`. Where there is no room it waits in line,
/// first come first served.
///
/// # Cancel safety
///
/// Dropped before it is ready, it has sent nothing and gives up its place in line.
#[must_use = "nothing is sent before it is awaited"]
pub struct PublishFuture<'a, E = Extra> {
    shared: &'a Shared,
    subject: Subject,
    payload: Bytes,
    /// Kept apart, so that a plain message is a small value.
    extra: E,
    /// The place in line, once there was no room. Boxed, because few have to wait and the future is
    /// moved by everyone.
    ticket: Option<Box<Ticket<'a>>>,
}

/// What a message may have beside its subject and payload.
#[derive(Debug)]
pub struct Extra {
    pub(crate) reply: Option<Subject>,
    pub(crate) headers: Option<HeaderMap>,
}

/// Nothing beside subject and payload.
#[derive(Debug)]
pub struct Plain;

/// What an [`Extra`] and a [`Plain`] have in common.
pub trait Extras: fmt::Debug + Unpin + sealed::Sealed {
    #[doc(hidden)]
    fn reply(&self) -> Option<&Subject>;
    #[doc(hidden)]
    fn headers(&self) -> Option<&HeaderMap>;
}

impl Extras for Extra {
    #[inline]
    fn reply(&self) -> Option<&Subject> {
        self.reply.as_ref()
    }

    #[inline]
    fn headers(&self) -> Option<&HeaderMap> {
        self.headers.as_ref()
    }
}

impl Extras for Plain {
    #[inline]
    fn reply(&self) -> Option<&Subject> {
        None
    }

    #[inline]
    fn headers(&self) -> Option<&HeaderMap> {
        None
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Extra {}
    impl Sealed for super::Plain {}
}

impl<'a, E: Extras> PublishFuture<'a, E> {
    #[inline]
    pub(crate) fn new(shared: &'a Shared, subject: Subject, payload: Bytes, extra: E) -> Self {
        Self { shared, subject, payload, extra, ticket: None }
    }

    /// Waits for room with a checked message.
    #[cold]
    fn poll_in_line(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PublishError>> {
        let Self { shared, subject, payload, extra, ticket } = self;
        let ticket = ticket.get_or_insert_with(|| Box::new(Ticket::new(shared)));
        let appended = ticket.poll_append(cx, subject, |core| {
            let reply = extra.reply();
            accepted(core.outbox.publish(Publish {
                subject: subject.as_bytes(),
                reply: reply.map(Subject::as_bytes),
                headers: extra.headers(),
                payload,
            }))?;
            Ok(((), core.unpark_for(reply)))
        });
        appended.map_err(PublishError::from)
    }
}

impl<E: Extras> Future for PublishFuture<'_, E> {
    type Output = Result<(), PublishError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.ticket.is_none() {
            let (reply, headers) = (this.extra.reply(), this.extra.headers());
            match try_publish(this.shared, &this.subject, reply, headers, &this.payload) {
                Err(PublishError::Refused(Refusal::Full)) => {}
                result => return Poll::Ready(result),
            }
        }
        this.poll_in_line(cx)
    }
}

impl<E: Extras> fmt::Debug for PublishFuture<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishFuture")
            .field("subject", &self.subject)
            .field("extra", &self.extra)
            .field("payload_len", &self.payload.len())
            .finish_non_exhaustive()
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
    match (reply, headers) {
        (None, None) => try_publish_plain(shared, subject, payload),
        _ => append(shared, subject, reply, headers, payload, Core::try_publish),
    }
}

/// What most messages are, in a function of its own: nothing in it asks for the rest.
fn try_publish_plain(
    shared: &Shared,
    subject: &Subject,
    payload: &Bytes,
) -> Result<(), PublishError> {
    append(shared, subject, None, None, payload, Core::try_publish)
}

/// Publishes at once or not at all, a message whose answer nobody waits for by itself, with a reply
/// subject that needs no check.
#[cfg(feature = "jetstream")]
pub(crate) fn try_publish_unhurried(
    shared: &Shared,
    message: &midge_proto::OutboundMessage,
    reply: &str,
) -> Result<(), PublishError> {
    let (subject, headers) = (&message.subject, message.headers.as_ref());
    check(shared, subject, None, headers)?;
    let message = Publish {
        subject: subject.as_bytes(),
        reply: Some(reply.as_bytes()),
        headers,
        payload: &message.payload,
    };
    let waker = {
        let mut core = shared.core.lock();
        accepted(core.try_publish(message))?;
        core.unpark_for(None)
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
    append(shared, subject, reply, headers, payload, |core, message| {
        core.outbox.publish_over(message)
    })
}

/// Publishes one payload to each of the subjects, as soon as there is room for the first; what was
/// published is taken out of them.
#[cfg(feature = "jetstream")]
pub(crate) async fn publish_each(
    shared: &Shared,
    subjects: &mut VecDeque<Subject>,
    payload: &Bytes,
) -> Result<(), PublishError> {
    let Some(first) = subjects.front().cloned() else { return Ok(()) };
    subjects.iter().try_for_each(|subject| check(shared, subject, None, None))?;
    let mut ticket = Ticket::new(shared);
    let written = core::future::poll_fn(|cx| {
        ticket.poll_append(cx, &first, |core| {
            append_each(core, subjects, payload)?;
            Ok(((), core.unpark_for(None)))
        })
    })
    .await;
    Ok(written?)
}

/// As [`publish_each`], even where there is no room.
#[cfg(feature = "jetstream")]
pub(crate) fn publish_each_over(
    shared: &Shared,
    subjects: &mut VecDeque<Subject>,
    payload: &Bytes,
) -> Result<(), PublishError> {
    if subjects.is_empty() {
        return Ok(());
    }
    subjects.iter().try_for_each(|subject| check(shared, subject, None, None))?;
    let mut core = shared.core.lock();
    let appended = append_each(&mut core, subjects, payload);
    let waker = core.unpark_for(None);
    drop(core);
    wake(waker);
    Ok(appended?)
}

#[cfg(feature = "jetstream")]
fn append_each(
    core: &mut Core,
    subjects: &mut VecDeque<Subject>,
    payload: &Bytes,
) -> Result<(), Refusal> {
    while let Some(subject) = subjects.front() {
        accepted(core.outbox.publish_over(Publish {
            subject: subject.as_bytes(),
            reply: None,
            headers: None,
            payload,
        }))?;
        subjects.pop_front();
    }
    Ok(())
}

/// Checks a message, appends it the way given, and wakes the driver if it sleeps.
#[inline(always)]
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
        accepted(publish(&mut core, message))?;
        core.unpark_for(reply)
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

/// A message that the policy of its subject discarded counts as one of the dropped ones, and whoever
/// publishes has chosen not to hear of it.
#[inline]
fn accepted(published: Result<(), Refusal>) -> Result<(), Refusal> {
    match published {
        Err(Refusal::Discarded) => Ok(()),
        result => result,
    }
}
