//! Messages of consumers, and what is told about them.

pub use midge_proto::OutboundMessage;
pub use midge_proto::jetstream::AckKind;
pub use midge_proto::jetstream::message::{
    Info, InvalidAckSubject, PublishMessage, StreamMessage, StreamMessageError,
    StreamMessageErrorKind, StreamValue,
};

use super::context::Context;
use crate::request::Request;
use crate::sync::{AtomicBool, Ordering};
use core::fmt;
use core::ops::Deref;
use midge_proto::Subject;

/// A message that a consumer delivered.
///
/// Its fields and methods are those of a [`crate::Message`], by `Deref`; the rest is about
/// acknowledging it.
#[derive(Debug)]
pub struct Message {
    /// The message.
    pub message: crate::Message,
    /// The context it came through.
    pub context: Context,
    told: Told,
}

/// The acknowledging half of a [`Message`], made by [`Message::split`]: the message can go
/// elsewhere meanwhile.
#[derive(Debug)]
pub struct Acker {
    context: Context,
    reply: Option<Subject>,
    told: Told,
}

/// Whether a consumer was told what became of a message.
#[derive(Debug, Default)]
struct Told(AtomicBool);

impl Told {
    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clone for Told {
    fn clone(&self) -> Self {
        Self(AtomicBool::new(self.get()))
    }
}

/// A consumer was not told what became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckError {
    /// It was told before.
    AlreadyAcknowledged,
    /// The message did not come from a consumer: it has no reply subject.
    NoReply,
    /// The acknowledgement was not sent.
    Publish(crate::PublishError),
    /// The acknowledgement was not confirmed; the consumer may have got it.
    Unconfirmed(crate::RequestError),
    /// A request for the next message cannot be confirmed.
    NotConfirmable,
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyAcknowledged => f.write_str("the message was acknowledged before"),
            Self::NoReply => {
                f.write_str("the message has no reply subject: it does not come from a consumer")
            }
            Self::Publish(error) => write!(f, "the acknowledgement was not sent: {error}"),
            Self::Unconfirmed(error) => write!(f, "the acknowledgement was not confirmed: {error}"),
            Self::NotConfirmable => {
                f.write_str("a request for the next message is answered by that message")
            }
        }
    }
}

impl core::error::Error for AckError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Publish(error) => Some(error),
            Self::Unconfirmed(error) => Some(error),
            Self::AlreadyAcknowledged | Self::NoReply | Self::NotConfirmable => None,
        }
    }
}

impl From<crate::PublishError> for AckError {
    fn from(error: crate::PublishError) -> Self {
        Self::Publish(error)
    }
}

macro_rules! acknowledging {
    ($handle:ty, $reply:ident => $found:expr) => {
        impl $handle {
            /// Says that the message is done.
            ///
            /// Returns when that is on its way, as [`Client::publish`](crate::Client::publish) does.
            ///
            /// # Errors
            ///
            /// When it was told before what became of the message, and when nothing could be sent.
            ///
            /// # Cancel safety
            ///
            /// A dropped future has told nothing.
            pub async fn ack(&self) -> Result<(), AckError> {
                self.ack_with(AckKind::Ack).await
            }

            /// Says what became of the message. All kinds but
            /// [`Progress`](AckKind::Progress) can be said once.
            ///
            /// # Errors
            ///
            /// As [`ack`](Self::ack).
            ///
            /// # Cancel safety
            ///
            /// As [`ack`](Self::ack).
            pub async fn ack_with(&self, kind: AckKind) -> Result<(), AckError> {
                let $reply = self;
                tell(&self.context, $found, &self.told, kind).await
            }

            /// Says that the message is done, and waits until the server has taken that in.
            ///
            /// # Errors
            ///
            /// As [`ack`](Self::ack), and [`AckError::Unconfirmed`]; after that it can be said
            /// again.
            ///
            /// # Cancel safety
            ///
            /// A dropped future may have told it.
            pub async fn double_ack(&self) -> Result<(), AckError> {
                self.double_ack_with(AckKind::Ack).await
            }

            /// Says what became of the message, and waits until the server has taken that in.
            ///
            /// # Errors
            ///
            /// As [`double_ack`](Self::double_ack); and for [`AckKind::Next`], which is answered
            /// by a message.
            ///
            /// # Cancel safety
            ///
            /// A dropped future may have told it.
            pub async fn double_ack_with(&self, kind: AckKind) -> Result<(), AckError> {
                let $reply = self;
                confirm(&self.context, $found, &self.told, kind).await
            }
        }
    };
}

acknowledging!(Message, handle => handle.message.reply.as_ref());
acknowledging!(Acker, handle => handle.reply.as_ref());

/// Marks a message as told before anything is sent; undone by the drop unless it was sent.
struct Claim<'a> {
    told: &'a Told,
    sent: bool,
}

impl<'a> Claim<'a> {
    fn make(told: &'a Told, kind: &AckKind) -> Result<Self, AckError> {
        let before =
            if kind.is_final() { told.0.swap(true, Ordering::Relaxed) } else { told.get() };
        if before {
            Err(AckError::AlreadyAcknowledged)
        } else {
            Ok(Self { told, sent: !kind.is_final() })
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.sent {
            self.told.0.store(false, Ordering::Relaxed);
        }
    }
}

async fn tell(
    context: &Context,
    reply: Option<&Subject>,
    told: &Told,
    kind: AckKind,
) -> Result<(), AckError> {
    let reply = reply.ok_or(AckError::NoReply)?;
    let mut claim = Claim::make(told, &kind)?;
    context.inner.client.publish(reply.clone(), kind.into()).await?;
    claim.sent = true;
    Ok(())
}

async fn confirm(
    context: &Context,
    reply: Option<&Subject>,
    told: &Told,
    kind: AckKind,
) -> Result<(), AckError> {
    let reply = reply.ok_or(AckError::NoReply)?;
    if !kind.is_confirmable() {
        return Err(AckError::NotConfirmable);
    }
    let mut claim = Claim::make(told, &kind)?;
    let request = Request::new().payload(kind.into()).timeout(Some(context.inner.ack_timeout));
    context.inner.client.send_request(reply.clone(), request).await.map_err(
        |error| match error {
            crate::RequestError::Publish(error) => AckError::Publish(error),
            error => AckError::Unconfirmed(error),
        },
    )?;
    claim.sent = true;
    Ok(())
}

impl Message {
    /// A message that came through `context`.
    #[must_use]
    pub fn new(message: crate::Message, context: Context) -> Self {
        Self { message, context, told: Told::default() }
    }

    /// Takes the message and its acknowledgement apart.
    #[must_use]
    pub fn split(self) -> (crate::Message, Acker) {
        let Self { message, context, told } = self;
        let acker = Acker { context, reply: message.reply.clone(), told };
        (message, acker)
    }

    /// What the reply subject tells: sequences, the number of this delivery, what is to come.
    ///
    /// # Errors
    ///
    /// When the message does not come from a consumer.
    pub fn info(&self) -> Result<Info<'_>, InvalidAckSubject> {
        Info::parse(self.message.reply.as_ref().map_or("", Subject::as_str))
    }

    /// Whether it was said what became of the message.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.told.get()
    }
}

/// A clone knows what was told before, and not what is told later.
impl Clone for Message {
    fn clone(&self) -> Self {
        Self {
            message: self.message.clone(),
            context: self.context.clone(),
            told: self.told.clone(),
        }
    }
}

impl Deref for Message {
    type Target = crate::Message;

    fn deref(&self) -> &crate::Message {
        &self.message
    }
}

impl From<Message> for crate::Message {
    fn from(message: Message) -> Self {
        message.message
    }
}

impl Acker {
    /// Acknowledges what has this reply subject.
    #[must_use]
    pub fn new(context: Context, reply: Option<Subject>) -> Self {
        Self { context, reply, told: Told::default() }
    }
}
