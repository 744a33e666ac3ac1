//! Acknowledging by value.

use super::error::AckError;
use super::{AckKind, Acker};
use core::fmt;
use core::future::Future;

/// Says once what became of a message: what has been said takes it away, so that a second
/// acknowledgement does not compile.
///
/// ```compile_fail,E0382
/// # async fn example(message: midge::jetstream::Message) -> Result<(), midge::Error> {
/// let (_message, acker) = message.split();
/// let acker = acker.once();
/// acker.ack().await?;
/// acker.ack().await?; // use of moved value: `acker`
/// # Ok(())
/// # }
/// ```
///
/// Dropped without a word it says nothing, unless the message was read with
/// [`nak_on_drop`](super::Message::nak_on_drop).
#[derive(Debug)]
#[must_use = "nothing is said of the message until it is acknowledged"]
pub struct AckOnce(Acker);

/// Nothing was said of a message, or not for sure: the [`acker`](Self::acker) can do so again.
#[derive(Debug)]
pub struct NotAcknowledged {
    /// Why.
    pub error: AckError,
    /// To say it again.
    pub acker: AckOnce,
}

impl fmt::Display for NotAcknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for NotAcknowledged {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error.source()
    }
}

impl Acker {
    /// The same by value: what has been said takes it away.
    pub fn once(self) -> AckOnce {
        AckOnce(self)
    }
}

impl AckOnce {
    /// Says that the message is done.
    ///
    /// # Errors
    ///
    /// As [`Acker::ack`], with this back.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has told nothing.
    pub async fn ack(self) -> Result<(), Box<NotAcknowledged>> {
        self.ack_with(AckKind::Ack).await
    }

    /// Says what became of the message.
    ///
    /// # Errors
    ///
    /// As [`Acker::ack`], with this back.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has told nothing.
    pub async fn ack_with(self, kind: AckKind) -> Result<(), Box<NotAcknowledged>> {
        let told = self.0.ack_with(kind).await;
        self.done(told)
    }

    /// Says that the message is done, and waits until the server has taken that in.
    ///
    /// # Errors
    ///
    /// As [`Acker::double_ack`], with this back.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have told it.
    pub async fn double_ack(self) -> Result<(), Box<NotAcknowledged>> {
        self.double_ack_with(AckKind::Ack).await
    }

    /// Says what became of the message, and waits until the server has taken that in.
    ///
    /// # Errors
    ///
    /// As [`Acker::double_ack_with`], with this back.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have told it.
    pub async fn double_ack_with(self, kind: AckKind) -> Result<(), Box<NotAcknowledged>> {
        let told = self.0.double_ack_with(kind).await;
        self.done(told)
    }

    /// Says that the message is being worked on: the time for the acknowledgement begins anew.
    ///
    /// # Errors
    ///
    /// As [`Acker::ack`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future has told nothing.
    pub async fn progress(&self) -> Result<(), AckError> {
        self.0.ack_with(AckKind::Progress).await
    }

    /// As [`Acker::in_progress_while`].
    ///
    /// # Cancel safety
    ///
    /// As `work`, which is dropped with it.
    pub fn in_progress_while<W: Future>(
        &self,
        work: W,
    ) -> impl Future<Output = W::Output> + use<'_, W> {
        self.0.in_progress_while(work)
    }

    fn done(self, told: Result<(), AckError>) -> Result<(), Box<NotAcknowledged>> {
        told.map_err(|error| Box::new(NotAcknowledged { error, acker: self }))
    }
}
