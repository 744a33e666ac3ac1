//! The wait for an acknowledgement.

use super::PublishError;
use crate::RequestError;
use crate::jetstream::context::Inner;
use crate::jetstream::error::{CallError, Fault};
use crate::shared::{Reply, ReplyFailure, wake};
use crate::sleep::Sleep;
use crate::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::jetstream::{ApiError, PublishAck};
use midge_proto::{OutboundMessage, Refusal};

/// Pause before a message is offered again when there is no room to write it.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// The acknowledgement of a published message, to be awaited.
///
/// It is there within [`ack_timeout`](crate::jetstream::ContextBuilder::ack_timeout), or an error
/// is; a lost connection does not make it wait longer. If no stream answers, the message is
/// published again as [`RetryPolicy`](crate::jetstream::RetryPolicy) says, while this is awaited;
/// all further attempts together have the same time once more. When it is over, the error is the
/// last refusal, or [`TimedOut`](crate::jetstream::context::PublishErrorKind::TimedOut) if an attempt
/// was not answered: then the message may be stored.
///
/// A message with an id (`Nats-Msg-Id`) is sent again, too, when the connection is lost before the
/// acknowledgement.
///
/// Dropping it gives up the acknowledgement, not the message.
#[must_use = "whether the message is stored is not known before this is awaited"]
pub struct PublishAckFuture {
    context: Arc<Inner>,
    message: OutboundMessage,
    /// What few messages need.
    again: Option<Box<Again>>,
    state: State,
}

/// What is known of a message that was refused and is published again.
struct Again {
    /// Further attempts so far.
    attempts: u32,
    /// The time of all of them together.
    patience: Sleep,
    /// Why there was another one.
    refusal: ApiError,
}

enum State {
    Asked(oneshot::Receiver<Reply>),
    /// The reply came another way.
    Told(Reply),
    Resting(Sleep),
}

impl PublishAckFuture {
    pub(in crate::jetstream) fn new(
        context: Arc<Inner>,
        message: OutboundMessage,
        reply: oneshot::Receiver<Reply>,
    ) -> Self {
        Self { context, message, again: None, state: State::Asked(reply) }
    }

    /// For a message with a reply already, which may be to be published again.
    pub(super) fn told(context: Arc<Inner>, message: OutboundMessage, reply: Reply) -> Self {
        Self { context, message, again: None, state: State::Told(reply) }
    }

    /// The message.
    #[must_use]
    pub const fn message(&self) -> &OutboundMessage {
        &self.message
    }

    /// The message, for one who does not wait any longer.
    #[must_use]
    pub fn into_message(self) -> OutboundMessage {
        self.message
    }

    fn attempts(&self) -> u32 {
        self.again.as_ref().map_or(0, |again| again.attempts)
    }

    fn failed(&self, fault: impl Into<Fault>) -> PublishError {
        CallError::new(Some(self.message.subject.clone()), fault.into())
    }

    fn sleep(&self, time: Duration) -> Sleep {
        self.context.client.handle.sleep(time)
    }

    /// What an answer means; `None` when the message is to be published again.
    fn answered(&mut self, reply: Option<Reply>) -> Option<Result<PublishAck, PublishError>> {
        let timeout = self.context.ack_timeout;
        let answer = match reply {
            Some(Ok(message)) => PublishAck::decode(&message),
            Some(Err(failure)) => {
                return Some(Err(self.failed(failure.into_error(Some(timeout)))));
            }
            None => return Some(Err(self.failed(RequestError::Closed))),
        };
        let error = match answer {
            Ok(ack) => return Some(Ok(ack)),
            Err(error) => error,
        };
        let attempts = self.attempts();
        let Some(delay) = self.context.retry.delay_after(&error, attempts) else {
            return Some(Err(self.failed(error)));
        };
        let attempts = attempts.saturating_add(1);
        match &mut self.again {
            Some(again) => (again.attempts, again.refusal) = (attempts, error),
            None => {
                let patience = self.sleep(timeout);
                self.again = Some(Box::new(Again { attempts, patience, refusal: error }));
            }
        }
        self.state = State::Resting(self.sleep(delay));
        None
    }

    /// Publishes once more.
    fn publish(&mut self) -> Result<(), PublishError> {
        let parts = self.context.publish_parts(&self.message);
        let (begun, driver) = {
            let mut core = self.context.client.shared().core.lock();
            (parts.begin(&mut core), core.unpark_at_once())
        };
        wake(driver);
        match begun {
            Ok(begun) => self.state = State::Asked(begun.reply),
            Err(Refusal::Full) => self.state = State::Resting(self.sleep(FULL_PAUSE)),
            Err(refusal) => {
                let error = crate::PublishError::Refused(refusal);
                return Err(self.failed(Fault::Request(error.into())));
            }
        }
        Ok(())
    }
}

impl Future for PublishAckFuture {
    type Output = Result<PublishAck, PublishError>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Asked(reply) => {
                    if let Poll::Ready(reply) = Pin::new(reply).poll(cx) {
                        match this.answered(reply.ok()) {
                            Some(result) => return Poll::Ready(result),
                            None => continue,
                        }
                    }
                }
                State::Told(reply) => {
                    let reply = core::mem::replace(reply, Err(ReplyFailure::Closed));
                    match this.answered(Some(reply)) {
                        Some(result) => return Poll::Ready(result),
                        None => continue,
                    }
                }
                State::Resting(pause) => {
                    if Pin::new(pause).poll(cx).is_ready() {
                        this.publish()?;
                        continue;
                    }
                }
            }
            let Some(again) = &mut this.again else { return Poll::Pending };
            if Pin::new(&mut again.patience).poll(cx).is_pending() {
                return Poll::Pending;
            }
            let fault = match &this.state {
                // A stream may have the message: that nobody has it was true of attempts before.
                State::Asked(_) | State::Told(_) => {
                    RequestError::TimedOut(this.context.ack_timeout).into()
                }
                State::Resting(_) => Fault::from(again.refusal.clone()),
            };
            return Poll::Ready(Err(this.failed(fault)));
        }
    }
}

impl fmt::Debug for PublishAckFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishAckFuture")
            .field("subject", &self.message.subject)
            .field("attempts", &self.attempts())
            .finish_non_exhaustive()
    }
}
