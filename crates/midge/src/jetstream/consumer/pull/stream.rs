//! Messages for as long as they are asked for.

use super::{Config, MessagesError, MessagesFault, PullEnd, PullEvent};
use crate::jetstream::consumer::handled::reads_on;
use crate::jetstream::consumer::reading::{Desk, Machine, Reading, Report, Terms};
use crate::jetstream::consumer::{Consumer, Info, StreamError};
use crate::jetstream::context::ConsumerInfoError;
use crate::jetstream::message::Lag;
use core::fmt;
use core::task::Context as TaskContext;
use core::time::Duration;
use midge_proto::jetstream::Timestamp;
use midge_proto::jetstream::consume::{Pull, PullOptions, Verdict};
use midge_proto::{Instant, ServerError};

/// Messages of a consumer, for as long as they are asked for: pulls ahead of the reader.
///
/// It survives reconnects, changes of leaders, restarts of servers and limits of the consumer: each
/// time it pulls again. An error is an item, and reading goes on behind it unless it
/// [is final](MessagesError::is_final).
///
/// Dropping it gives the messages that are there or on their way back to the consumer.
pub struct Stream {
    reading: Reading<Pulling>,
}

/// What a [`Stream`] carries.
struct Pulling {
    pull: Pull,
    missed_heartbeats: Report,
    listener: Option<Listener>,
}

type Listener = Box<dyn FnMut(&PullEvent) + Send>;

impl Machine for Pulling {
    fn handle_message(&mut self, now: Instant, message: &crate::Message) -> Verdict {
        self.pull.handle_message(now, message)
    }

    fn handle_taken(&mut self, now: Instant, message: &crate::Message) {
        self.pull.handle_taken(now, 1, message.length as u64);
    }

    fn handle_started(&mut self, now: Instant) {
        self.pull.handle_resumed(now);
    }

    fn handle_resumed(&mut self, now: Instant) {
        self.pull.handle_resumed(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.pull.handle_timeout(now);
    }

    fn handle_disconnected(&mut self) {
        self.pull.handle_disconnected();
    }

    fn handle_denied(&mut self, now: Instant, desk: &Desk, subject: &str, error: &ServerError) {
        if desk.pulls_on(&desk.id, subject) {
            self.pull.handle_denied(now, error.clone());
        }
    }

    fn handle_reconnected(&mut self, now: Instant) {
        self.pull.handle_reconnected(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.pull.poll_timeout()
    }

    #[inline]
    fn work(
        &mut self,
        _: Instant,
        desk: &Desk,
        _: &mut TaskContext<'_>,
    ) -> Result<(), crate::PublishError> {
        while let Some(request) = self.pull.poll_action() {
            desk.pull(&desk.id, request.token, &request.config)?;
        }
        Ok(())
    }

    #[inline]
    fn poll_trouble(&mut self) -> Option<MessagesFault> {
        while let Some(event) = self.pull.poll_event() {
            if let Some(listener) = &mut self.listener {
                listener(&event);
            }
            match event {
                PullEvent::Denied { error, .. } => return Some(MessagesFault::Denied(error)),
                PullEvent::MissedHeartbeat if self.missed_heartbeats == Report::Yes => {
                    return Some(MessagesFault::MissingHeartbeat);
                }
                PullEvent::Trouble { status, .. } if !status.passes() => {
                    return Some(MessagesFault::Status(status));
                }
                _ => {}
            }
        }
        None
    }

    #[inline]
    fn end(&self) -> Option<Result<(), MessagesFault>> {
        self.pull.end_reason().map(|end| match end {
            PullEnd::Refused(status) => Err(MessagesFault::Status(status.clone())),
            _ => Ok(()),
        })
    }
}

reads_on!(Stream);

impl Stream {
    /// The id of the pin this client has, where the consumer is pinned to one client of a priority
    /// group (2.11).
    #[must_use]
    pub fn pin_id(&self) -> Option<&str> {
        self.reading.machine().pull.pin()
    }

    /// How far the consumer was with the last message that was read here, and how much is to come;
    /// `None` before the first one. It asks nobody, and reads what it tells only when it is called.
    #[must_use]
    pub fn lag(&self) -> Option<Lag> {
        self.reading.lag()
    }

    /// Asks what the consumer is and how far it is.
    ///
    /// # Errors
    ///
    /// As [`Consumer::info`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn consumer_info(&self) -> Result<Info, ConsumerInfoError> {
        self.reading.consumer_info().await
    }

    /// Asks until when the consumer is paused, if it is.
    ///
    /// A paused consumer gives signs of life and nothing else: the stream waits, no heartbeat is
    /// missed, and it goes on by itself.
    ///
    /// # Errors
    ///
    /// As [`Consumer::info`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn paused_until(&self) -> Result<Option<Timestamp>, ConsumerInfoError> {
        let desk = self.reading.desk();
        let info = desk.context.consumer_info(desk.id.clone()).await?;
        Ok(info.paused_until())
    }

    /// Why reading ended, if the machine below ended it.
    #[must_use]
    pub fn end_reason(&self) -> Option<&PullEnd> {
        self.reading.machine().pull.end_reason()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("consumer", &self.reading.desk().id)
            .field("end_reason", &self.end_reason())
            .finish_non_exhaustive()
    }
}

/// How messages are read for as long as they are asked for.
#[must_use = "reading begins with `messages`"]
pub struct StreamBuilder<'a> {
    consumer: &'a Consumer<Config>,
    options: PullOptions,
    heartbeat: Option<Duration>,
    missed_heartbeats: Report,
    listener: Option<Listener>,
    nak_on_drop: Option<Duration>,
}

impl<'a> StreamBuilder<'a> {
    /// The defaults, within the limits of the consumer.
    pub fn new(consumer: &'a Consumer<Config>) -> Self {
        Self {
            consumer,
            options: PullOptions::default(),
            heartbeat: None,
            missed_heartbeats: Report::Yes,
            listener: None,
            nak_on_drop: None,
        }
    }

    /// Messages that are asked for ahead of the reader. Default 500, as in nats.go; 0 is no limit
    /// but that of the bytes, without which it is an error.
    pub fn max_messages_per_batch(mut self, batch: usize) -> Self {
        self.options.max_messages = batch;
        self
    }

    /// Bytes that are asked for ahead of the reader, subjects and headers included; 0 (the default)
    /// is no limit.
    ///
    /// A message that is larger than all of them cannot be read: the stream tells it by
    /// [`MessageSizeExceedsMaxBytes`](crate::jetstream::Status::MessageSizeExceedsMaxBytes), again
    /// and again with longer pauses, and goes on when the message is gone.
    pub fn max_bytes_per_batch(mut self, max_bytes: usize) -> Self {
        self.options.max_bytes = max_bytes;
        self
    }

    /// More is asked for when no more than so many messages are on their way. Default: half of
    /// those that are asked for ahead.
    pub fn threshold_messages(mut self, messages: usize) -> Self {
        self.options.threshold_messages = Some(messages);
        self
    }

    /// More is asked for when no more than so many bytes are on their way. Default: half of those
    /// that are asked for ahead.
    pub fn threshold_bytes(mut self, bytes: usize) -> Self {
        self.options.threshold_bytes = Some(bytes);
        self
    }

    /// How long the server keeps a pull. Default 30 s; never longer than the consumer allows
    /// (`max_expires`), nor than half of `priority_timeout` where it is pinned to one client, which
    /// would lose its pin.
    pub fn expires(mut self, expires: Duration) -> Self {
        self.options.expires = expires;
        self
    }

    /// Time after which an idle consumer gives a sign of life, at most half of
    /// [`expires`](Self::expires); zero for none. After twice that time without a word the stream
    /// pulls again. Default 15 s, or half of `expires` where that is less.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = Some(heartbeat);
        self
    }

    /// Whether missing signs of life are errors of the stream. Default: they are; the stream pulls
    /// again and goes on either way.
    pub fn report_missed_heartbeats(mut self, report: bool) -> Self {
        self.missed_heartbeats = report.into();
        self
    }

    /// Ends the stream after so many messages, and asks for no more than these.
    pub fn stop_after(mut self, messages: u64) -> Self {
        self.options.stop_after = Some(messages);
        self
    }

    /// Only if the consumer has at least so many messages to deliver (priority policy `overflow`,
    /// 2.11).
    pub fn min_pending(mut self, min_pending: usize) -> Self {
        self.options.min_pending = Some(min_pending);
        self
    }

    /// Only if at least so many messages wait for an acknowledgement (priority policy `overflow`,
    /// 2.11).
    pub fn min_ack_pending(mut self, min_ack_pending: usize) -> Self {
        self.options.min_ack_pending = Some(min_ack_pending);
        self
    }

    /// The priority, 0 (first) to 9 (priority policy `prioritized`, 2.12).
    pub fn priority(mut self, priority: usize) -> Self {
        self.options.priority = Some(u8::try_from(priority).unwrap_or(u8::MAX));
        self
    }

    /// The priority group, one of those of the consumer (2.11).
    pub fn group<T: Into<String>>(mut self, group: T) -> Self {
        self.options.group = Some(group.into());
        self
    }

    /// Has each message delivered anew, after `delay`, that is dropped before the consumer was told
    /// what became of it; see [`nak_on_drop`](crate::jetstream::Message::nak_on_drop). Default: such
    /// a message comes again when `ack_wait` is over.
    pub fn nak_on_drop(mut self, delay: Duration) -> Self {
        self.nak_on_drop = Some(delay);
        self
    }

    /// Calls `listener` with everything that happens to the pulls, also what passes by itself. It
    /// is called while the stream is polled, and should return soon.
    pub fn on_event(mut self, listener: impl FnMut(&PullEvent) + Send + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Begins to read: the first pull is sent, or goes out with the next connection.
    ///
    /// # Errors
    ///
    /// The heartbeat is above half of the time of a pull, the priority is none, the group is none
    /// or not one of the consumer's; or the client is closed or draining.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has asked for nothing.
    pub async fn messages(self) -> Result<Stream, StreamError> {
        let mut options = self.options;
        options.heartbeat =
            self.heartbeat.unwrap_or_else(|| options.heartbeat.min(options.expires / 2));
        let config = &self.consumer.info.config;
        options.check_for(config)?;
        let context = self.consumer.context.clone();
        let now = context.inner.client.shared().clock.now();
        let pull = Pull::new(now, options.limited_by(config))?;
        let desk = Desk::new(context, self.consumer.id()?)?;
        let subscriber = desk.listen()?;
        let machine =
            Pulling { pull, missed_heartbeats: self.missed_heartbeats, listener: self.listener };
        let terms = Terms { nak_on_drop: self.nak_on_drop, ..Terms::from(config) };
        Ok(Stream { reading: Reading::new(machine, desk, subscriber, terms).begin() })
    }
}

impl fmt::Debug for StreamBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBuilder")
            .field("consumer", self.consumer)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
