//! What all readings have in common.

use super::Desk;
use crate::error::PublishError;
use crate::jetstream::consumer::error::MessagesFault;
use crate::subscriber::Subscriber;
use core::task::Context as TaskContext;
use midge_proto::jetstream::consume::Verdict;
use midge_proto::{Instant, Message, ServerError};

/// What all readings have in common; each is a machine of the core and what belongs to it here.
pub(in crate::jetstream::consumer) trait Machine {
    /// Something came to the inbox.
    fn handle_message(&mut self, now: Instant, message: &Message) -> Verdict;
    /// The reader takes a message that was to be delivered.
    fn handle_taken(&mut self, now: Instant, message: &Message);
    /// This is the time at which the reading began; the one it was made with may be older.
    fn handle_started(&mut self, _now: Instant) {}
    /// The reader is back with the next question; what was ordered when it went was told an older
    /// time.
    fn handle_resumed(&mut self, _now: Instant) {}
    fn handle_timeout(&mut self, now: Instant);
    fn handle_disconnected(&mut self);
    /// There is no connection to begin on.
    fn handle_offline(&mut self) {
        self.handle_disconnected();
    }
    /// The server has refused a publish of this client to `subject`, which may be one that was
    /// ordered here.
    fn handle_denied(&mut self, now: Instant, desk: &Desk, subject: &str, error: &ServerError);
    fn handle_reconnected(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    /// Does what the machine orders.
    ///
    /// # Errors
    ///
    /// When something could not be sent, and was not.
    fn work(
        &mut self,
        now: Instant,
        desk: &Desk,
        cx: &mut TaskContext<'_>,
    ) -> Result<(), PublishError>;
    /// What the reader has to hear although the reading goes on.
    fn poll_trouble(&mut self) -> Option<MessagesFault>;
    /// Whether no more will come, and if so, why, unless that is as it should be.
    fn end(&self) -> Option<Result<(), MessagesFault>>;
    /// The consumer that is read from, if that is not the one of the desk.
    fn consumer(&self) -> Option<&str> {
        None
    }
    /// What is to be read from here on, if that is another subscription.
    #[inline]
    fn poll_subscriber(&mut self) -> Option<Subscriber> {
        None
    }
    /// The reading is over: what it leaves behind is cleared away, without waiting for that.
    fn handle_over(&mut self, _desk: &Desk) {}
}
