//! Reading a stream in order, each message once (ADR-17).
//!
//! ```text
//!   Creating --created--> Reading --gap, silence, consumer gone--> Creating or Waiting
//!    |   ^ '--failed--> Waiting --time--> Creating
//!    |   '-- reconnected -- Disconnected <-- from each of them
//!    '--stopped, or too often in vain--> Ended <-- from each of them
//! ```

use super::pull::{PullOptions, PullRequest};
use super::resume::ResumeToken;
use super::retry::Retry;
use super::source::{Source, Standing};
use super::{Verdict, push_event};
use crate::jetstream::consumer::{self, DeliverPolicy};
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::message::Info;
use crate::jetstream::names::ConsumerName;
use crate::jetstream::status::Status;
use crate::message::Message;
use crate::server_error::ServerError;
use crate::subject::Subject;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

/// How to read a stream in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedOptions {
    /// What to read, as [`pull::OrderedConfig`](consumer::pull::OrderedConfig) or
    /// [`push::OrderedConfig`](consumer::push::OrderedConfig) make it: with a deliver subject the
    /// consumers push, without they are pulled from.
    pub config: consumer::Config,
    /// How to pull, if they are pulled from.
    pub pull: PullOptions,
    /// What the names of the consumers begin with, and the subjects that they push to; a number
    /// follows. It has to be unique.
    pub name_prefix: String,
    /// What the subjects that the consumers push to begin with; a number follows. It has to be
    /// unique, so that what a consumer has sent is told from what the one before it did.
    pub deliver_prefix: String,
    /// A consumer of this configuration that is there already and has delivered nothing.
    pub adopted: Option<String>,
    /// The last sequence that was read before; see [`Ordered::position`].
    pub position: Option<u64>,
    /// Gives up when so many attempts in a row to have a consumer that brings something have
    /// failed; `None` never does.
    pub max_attempts: Option<u32>,
}

/// What whoever carries an ordered reading has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderedAction {
    /// Create a consumer, and say what became of it by
    /// [`handle_created`](Ordered::handle_created) or
    /// [`handle_create_failed`](Ordered::handle_create_failed), also when no answer came in time.
    /// If it has a deliver subject, listen to that before, and not any more to what was listened to
    /// until then.
    Create {
        /// Its name.
        name: String,
        /// What it is to be.
        config: Box<consumer::Config>,
    },
    /// Delete a consumer, without waiting for what becomes of that.
    Delete {
        /// Its name.
        name: String,
    },
    /// Pull from a consumer.
    Pull {
        /// Its name.
        name: String,
        /// The pull.
        request: PullRequest,
    },
    /// Publish an empty message to this subject: the consumer waits for it.
    Resume(Subject),
}

/// What people may want to know of a reading that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderedEvent {
    /// Deliveries were lost on the way; they will come again.
    Gap {
        /// The delivery that should have come.
        expected: u64,
        /// The one that came, or that the consumer says it sent last.
        found: u64,
    },
    /// Nothing was heard of the consumer for twice the heartbeat.
    MissedHeartbeat,
    /// The consumer is gone, or said something else that needs another one.
    Lost(Status),
    /// The server does not let this user tell the consumer what it has to be told.
    Denied(ServerError),
    /// A consumer was not created, or has brought nothing; another attempt follows after the delay.
    Retry {
        /// Attempts that have failed in a row.
        failures: u32,
        /// The delay.
        delay: Duration,
    },
    /// A limit of the server for pulls was found, and is kept from now on.
    Limited(Status),
    /// Another consumer is read from.
    Created {
        /// Its name.
        name: String,
    },
}

/// Why an ordered reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderedEnd {
    /// It was stopped.
    Stopped,
    /// It had as many messages as it was to have.
    Complete,
    /// So many attempts in a row to have a consumer have failed.
    GaveUp {
        /// The attempts.
        attempts: u32,
    },
}

/// Why a consumer was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateFault {
    /// The server has refused it.
    Refused,
    /// Nobody knows: it may be there all the same.
    Unanswered,
}

#[derive(Debug)]
enum State {
    /// An answer to the creation is awaited.
    Creating { name: String },
    /// Messages come with the next delivery being `expected`.
    Reading { name: String, expected: u64 },
    /// The next consumer is created then.
    Waiting { until: Instant },
    /// There is no connection; a consumer may be left on the server.
    Disconnected { old: Option<String> },
    /// It is over.
    Ended(OrderedEnd),
}

/// Reads a stream in order and each message once, by making a new consumer, from the message behind
/// the last one on, whenever the old one cannot be trusted any more.
///
/// As long as no message has come, a new consumer begins where the first one was to begin, or did
/// ([`handle_start`](Self::handle_start)).
#[derive(Debug)]
pub struct Ordered {
    config: consumer::Config,
    name_prefix: String,
    deliver_prefix: String,
    max_attempts: Option<u32>,
    state: State,
    /// The name of the consumer of now, or of the last one.
    name: String,
    source: Source,
    actions: VecDeque<OrderedAction>,
    events: VecDeque<OrderedEvent>,
    /// Consumers made so far.
    made: u64,
    /// The last sequence of the stream that went to the reader.
    last: Option<u64>,
    /// The sequence behind which reading began, where the policy names a place that moves as the
    /// stream grows.
    start: Option<u64>,
    retry: Retry,
    /// Whether anything was heard of the consumer of now.
    fruitful: bool,
}

impl Ordered {
    /// Begins to read on a connection that is up.
    ///
    /// # Errors
    ///
    /// When names are none, or pulls contradict themselves.
    pub fn new(now: Instant, options: OrderedOptions) -> Result<Self, InvalidConfig> {
        ConsumerName::new(&options.name_prefix)?;
        let source = Source::new(now, &options.config, options.pull)?;
        let mut ordered = Self {
            config: options.config,
            name_prefix: options.name_prefix,
            deliver_prefix: options.deliver_prefix,
            max_attempts: options.max_attempts,
            state: State::Disconnected { old: None },
            name: String::new(),
            source,
            actions: VecDeque::new(),
            events: VecDeque::new(),
            made: 0,
            last: options.position,
            start: None,
            retry: Retry::default(),
            fruitful: false,
        };
        match options.adopted {
            Some(name) => ordered.read(now, name),
            None => ordered.create(),
        }
        Ok(ordered)
    }

    /// Something came to the inbox.
    #[inline]
    pub fn handle_message(&mut self, now: Instant, message: &Message) -> Verdict {
        // Statuses have no such reply subject, and stored messages have one, also those that were
        // stored with a status line.
        let Some(info) = message.reply.as_ref().and_then(|reply| Info::parse(reply).ok()) else {
            return self.handle_status(now, message);
        };
        if let State::Creating { name } = &self.state
            && name == info.consumer
        {
            // What is pushed can overtake the answer to the creation.
            let name = name.clone();
            self.read(now, name);
        }
        let State::Reading { name, expected } = &mut self.state else {
            // Late messages come again from the next consumer.
            return Verdict::Consumed;
        };
        let found = info.consumer_sequence;
        if info.consumer != name
            || found < *expected
            || self.last.is_some_and(|last| info.stream_sequence <= last)
        {
            return Verdict::Consumed;
        }
        if found > *expected {
            self.miss(now, found);
            return Verdict::Consumed;
        }
        *expected += 1;
        self.last = Some(info.stream_sequence);
        self.note_life();
        self.source.handle_message(now, message)
    }

    #[cold]
    fn handle_status(&mut self, now: Instant, message: &Message) -> Verdict {
        let State::Reading { expected, .. } = self.state else { return Verdict::Consumed };
        if message.status.is_none() {
            return Verdict::Consumed;
        }
        if let Some(last) = self.source.last_sent(message) {
            if last >= expected {
                self.miss(now, last);
                return Verdict::Consumed;
            }
            self.note_life();
        }
        let verdict = self.source.handle_message(now, message);
        self.look_after_source(now);
        verdict
    }

    /// The consumer is there.
    fn note_life(&mut self) {
        self.fruitful = true;
        self.retry.reset();
    }

    /// The reader has taken so many messages, with so many bytes ([`Message::length`]), out of the
    /// buffer.
    #[inline]
    pub fn handle_taken(&mut self, now: Instant, messages: u64, bytes: u64) {
        self.source.handle_taken(now, messages, bytes);
    }

    /// A consumer of which nothing has come says that it begins behind this sequence of the stream.
    /// What comes until another one is made is not skipped then, although reading was to begin with
    /// the [last](DeliverPolicy::Last) or the next [new](DeliverPolicy::New) message.
    pub fn handle_start(&mut self, stream_sequence: u64) {
        let moves = matches!(self.config.deliver_policy, DeliverPolicy::Last | DeliverPolicy::New);
        if moves && self.last.is_none() {
            self.start.get_or_insert(stream_sequence);
        }
    }

    /// What goes on behind the last message that went to the reader; as long as there is none, where
    /// reading has begun, so that what comes meanwhile is not skipped.
    #[must_use]
    pub fn token(&self, stream: &str) -> ResumeToken {
        let mut config = consumer::Config { name: None, ..self.config.clone() };
        if self.last.is_none() {
            config.deliver_policy = self.deliver_policy();
        }
        ResumeToken { stream: stream.into(), position: self.last, config }
    }

    /// Where a consumer begins that is made now.
    fn deliver_policy(&self) -> DeliverPolicy {
        match self.last.or(self.start) {
            Some(last) => DeliverPolicy::ByStartSequence { start_sequence: last.saturating_add(1) },
            None => self.config.deliver_policy,
        }
    }

    /// The consumer was created.
    pub fn handle_created(&mut self, now: Instant, created: &str) {
        match &self.state {
            State::Creating { name } if name == created => self.read(now, created.into()),
            State::Reading { name, .. } if name == created => {}
            State::Creating { .. }
            | State::Reading { .. }
            | State::Waiting { .. }
            | State::Disconnected { .. }
            | State::Ended(_) => self.delete(created.into()),
        }
    }

    /// The consumer was not created, or nobody knows.
    pub fn handle_create_failed(&mut self, now: Instant, failed: &str, fault: CreateFault) {
        if matches!(&self.state, State::Creating { name } if name == failed) {
            if fault == CreateFault::Unanswered {
                self.delete(failed.into());
            }
            self.wait(now);
        }
    }

    /// The server has refused a publish of this client to `subject`: that of the pulls from
    /// [`consumer`](Self::consumer), if there are pulls, or one that was to be resumed.
    pub fn handle_denied(&mut self, now: Instant, subject: &str, error: ServerError) {
        if let State::Reading { .. } = self.state {
            self.source.handle_denied(now, subject, error);
            self.look_after_source(now);
        }
    }

    /// Nobody looked for a while: the consumer counts as silent from now on at the earliest. For a
    /// caller whose clock may have stood still.
    pub fn handle_resumed(&mut self, now: Instant) {
        self.source.handle_resumed(now);
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named may have come.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &self.state {
            State::Waiting { until } if *until <= now => self.create(),
            State::Reading { .. } => {
                self.source.handle_timeout(now);
                self.look_after_source(now);
            }
            State::Creating { .. }
            | State::Waiting { .. }
            | State::Disconnected { .. }
            | State::Ended(_) => {}
        }
    }

    /// The connection is gone. What was under way on it is lost, and the consumer does not know.
    pub fn handle_disconnected(&mut self) {
        self.source.handle_disconnected();
        self.actions.clear();
        let old = match &self.state {
            State::Creating { name } | State::Reading { name, .. } => Some(name.clone()),
            State::Waiting { .. } => None,
            State::Disconnected { .. } | State::Ended(_) => return,
        };
        self.state = State::Disconnected { old };
    }

    /// There is a connection again, on which the inbox is subscribed to.
    pub fn handle_reconnected(&mut self) {
        if let State::Disconnected { old } = &mut self.state {
            if let Some(old) = old.take() {
                self.delete(old);
            }
            self.create();
        }
    }

    /// Ends the reading, and deletes the consumer.
    pub fn stop(&mut self) {
        self.end(OrderedEnd::Stopped);
    }

    /// The next thing to do.
    #[inline]
    pub fn poll_action(&mut self) -> Option<OrderedAction> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        let State::Reading { name, .. } = &self.state else { return None };
        self.source.poll_action(name)
    }

    /// The next news.
    #[inline]
    pub fn poll_event(&mut self) -> Option<OrderedEvent> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { until } => Some(*until),
            State::Reading { .. } => self.source.poll_timeout(),
            State::Creating { .. } | State::Disconnected { .. } | State::Ended(_) => None,
        }
    }

    /// The last sequence of the stream that went to the reader: a reading that resumes behind it
    /// misses nothing and has nothing twice.
    #[must_use]
    pub const fn position(&self) -> Option<u64> {
        self.last
    }

    /// The name of the consumer that is read from or being created, or of the last one.
    #[must_use]
    pub fn consumer(&self) -> &str {
        &self.name
    }

    /// What the consumers are to be.
    #[must_use]
    pub const fn config(&self) -> &consumer::Config {
        &self.config
    }

    /// Why the reading has ended, if it has.
    #[must_use]
    #[inline]
    pub const fn end_reason(&self) -> Option<&OrderedEnd> {
        match &self.state {
            State::Ended(end) => Some(end),
            State::Creating { .. }
            | State::Reading { .. }
            | State::Waiting { .. }
            | State::Disconnected { .. } => None,
        }
    }

    fn look_after_source(&mut self, now: Instant) {
        match self.source.look(&mut self.events) {
            Standing::GoesOn => {}
            Standing::Lost => self.reset(now),
            Standing::Complete => self.end(OrderedEnd::Complete),
        }
    }

    /// Something is missing before this delivery.
    #[cold]
    fn miss(&mut self, now: Instant, found: u64) {
        if let State::Reading { expected, .. } = self.state {
            push_event(&mut self.events, OrderedEvent::Gap { expected, found });
            self.reset(now);
        }
    }

    /// Makes another consumer: at once if this one was good for something.
    fn reset(&mut self, now: Instant) {
        self.source.handle_disconnected();
        self.delete_own();
        if self.fruitful { self.create() } else { self.wait(now) }
    }

    /// Makes another consumer later, since this attempt was in vain.
    fn wait(&mut self, now: Instant) {
        let delay = self.retry.next();
        let failures = self.retry.failures();
        if self.max_attempts.is_some_and(|max| failures >= max) {
            self.source.stop();
            self.state = State::Ended(OrderedEnd::GaveUp { attempts: failures });
        } else {
            push_event(&mut self.events, OrderedEvent::Retry { failures, delay });
            self.state = State::Waiting { until: now + delay };
        }
    }

    fn create(&mut self) {
        self.made += 1;
        self.fruitful = false;
        let name = format!("{}_{}", self.name_prefix, self.made);
        let mut config = self.config.clone();
        config.name = Some(name.clone());
        if let Some(subject) = &mut config.deliver_subject {
            *subject = format!("{}.{}", self.deliver_prefix, self.made);
        }
        config.deliver_policy = self.deliver_policy();
        self.name.clone_from(&name);
        self.state = State::Creating { name: name.clone() };
        self.actions.push_back(OrderedAction::Create { name, config: Box::new(config) });
    }

    /// Reads from a consumer that is there.
    fn read(&mut self, now: Instant, name: String) {
        if self.made > 0 {
            push_event(&mut self.events, OrderedEvent::Created { name: name.clone() });
        }
        self.name.clone_from(&name);
        self.state = State::Reading { name, expected: 1 };
        self.source.begin(now);
    }

    fn end(&mut self, end: OrderedEnd) {
        if !matches!(self.state, State::Ended(_)) {
            self.delete_own();
            self.source.stop();
            self.state = State::Ended(end);
        }
    }

    fn delete_own(&mut self) {
        if let State::Creating { name }
        | State::Reading { name, .. }
        | State::Disconnected { old: Some(name) } = &self.state
        {
            let name = name.clone();
            self.delete(name);
        }
    }

    fn delete(&mut self, name: String) {
        self.actions.push_back(OrderedAction::Delete { name });
    }
}
