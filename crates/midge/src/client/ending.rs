//! Draining and closing.

use super::{Client, DRAIN_TIMEOUT};
use crate::error::{ClosedError, DrainError};
use crate::shared::Command;
use core::time::Duration;
use futures_channel::oneshot;
use midge_proto::DrainReport;

impl Client {
    /// Ends all subscriptions in order, gets everything out, and closes.
    ///
    /// Subscriptions end once what was in flight has been delivered; then their readers are given
    /// time to read it and may still publish; then the consumers go that subscriptions to streams
    /// have created; then publishing ends, a round trip proves that all of it arrived, and the client
    /// closes. What was delivered can still be read from a
    /// [`Subscriber`](crate::Subscriber) afterwards. Takes [`DRAIN_TIMEOUT`] at most.
    ///
    /// # Errors
    ///
    /// [`DrainError::Incomplete`] with what was given up, because the time was up or the connection
    /// was lost; the client is closed then, too. [`DrainError::Closed`] when it was before.
    ///
    /// # Cancel safety
    ///
    /// A drain that has begun goes on when the future is dropped.
    pub async fn drain(&self) -> Result<(), DrainError> {
        let report = self.drain_within(DRAIN_TIMEOUT).await?;
        if report.is_complete() { Ok(()) } else { Err(DrainError::Incomplete(report)) }
    }

    /// [`drain`](Self::drain) within a time; tells what was given up.
    ///
    /// # Errors
    ///
    /// When the client is closed already.
    ///
    /// # Cancel safety
    ///
    /// A drain that has begun goes on when the future is dropped.
    pub async fn drain_within(&self, budget: Duration) -> Result<DrainReport, ClosedError> {
        let (done, receiver) = oneshot::channel();
        self.command_unless_closed(Command::Drain { budget, done })?;
        receiver.await.map_err(|_| ClosedError)
    }

    /// Gets everything accepted to the server, within ten seconds, and closes.
    ///
    /// Consumers that subscriptions to streams have created stay, which no event tells: a
    /// [`drain`](Self::drain) deletes them.
    ///
    /// # Errors
    ///
    /// [`DrainError::Incomplete`] with what was given up, because the time was up or the connection
    /// was lost; the client is closed then, too. [`DrainError::Closed`] when it was before.
    ///
    /// # Cancel safety
    ///
    /// A close that has begun goes on when the future is dropped.
    pub async fn close(&self) -> Result<(), DrainError> {
        let (done, receiver) = oneshot::channel();
        self.command_unless_closed(Command::Close { done: Some(done) })?;
        let report = receiver.await.map_err(|_| DrainError::Closed)?;
        if report.is_complete() { Ok(()) } else { Err(DrainError::Incomplete(report)) }
    }
}
