//! Publishing: the call that appends a frame, or waits in line to do so.

use crate::error::PublishError;
use crate::shared::{Shared, Validation, wake};
use crate::sync::Arc;
use bytes::Bytes;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use midge_proto::{HeaderMap, Publish, Refusal, Subject};

/// A message that is about to be accepted.
#[must_use]
pub(crate) struct Publishing<'a> {
    shared: &'a Arc<Shared>,
    subject: Subject,
    reply: Option<Subject>,
    headers: Option<HeaderMap>,
    payload: Bytes,
    ticket: Option<u64>,
}

impl<'a> Publishing<'a> {
    #[inline]
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        subject: Subject,
        reply: Option<Subject>,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Self {
        Self { shared, subject, reply, headers, payload, ticket: None }
    }

    /// Publishes at once or not at all.
    pub(crate) fn now(mut self) -> Result<(), PublishError> {
        self.check()?;
        self.append()
    }

    #[inline]
    fn check(&self) -> Result<(), PublishError> {
        match self.shared.settings.validation {
            Validation::Full => {
                self.subject.check_publish()?;
                if let Some(reply) = &self.reply {
                    reply.check_publish()?;
                }
            }
            Validation::Minimal => {
                self.subject.check_framing()?;
                if let Some(reply) = &self.reply {
                    reply.check_framing()?;
                }
            }
        }
        if let Some(headers) = &self.headers {
            headers.check()?;
        }
        Ok(())
    }

    #[inline]
    fn append(&mut self) -> Result<(), PublishError> {
        let waker = {
            let mut core = self.shared.core.lock();
            core.try_publish(Publish {
                subject: self.subject.as_bytes(),
                reply: self.reply.as_ref().map(Subject::as_bytes),
                headers: self.headers.as_ref(),
                payload: &self.payload,
            })?;
            core.unpark()
        };
        wake(waker);
        Ok(())
    }

    #[cold]
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PublishError>> {
        let mut core = self.shared.core.lock();
        let message = Publish {
            subject: self.subject.as_bytes(),
            reply: self.reply.as_ref().map(Subject::as_bytes),
            headers: self.headers.as_ref(),
            payload: &self.payload,
        };
        let Some(result) = core.publish_in_line(message, &mut self.ticket, cx.waker()) else {
            return Poll::Pending;
        };
        let next = self.ticket.take().and_then(|ticket| core.leave_line(ticket));
        let driver = core.unpark();
        drop(core);
        wake(driver);
        wake(next);
        Poll::Ready(result.map_err(PublishError::from))
    }
}

impl Future for Publishing<'_> {
    type Output = Result<(), PublishError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.ticket.is_none() {
            if let Err(error) = this.check() {
                return Poll::Ready(Err(error));
            }
            match this.append() {
                Err(PublishError::Refused(Refusal::Full)) => {}
                result => return Poll::Ready(result),
            }
        }
        this.wait(cx)
    }
}

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let next = self.shared.core.lock().leave_line(ticket);
            wake(next);
        }
    }
}
