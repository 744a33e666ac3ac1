//! Reading a stream in order, each message once (ADR-17).
//!
//! ```text
//!   Creating --created--> Reading --gap, silence, consumer gone--> Creating or Waiting
//!    |   ^ '--failed--> Waiting --time--> Creating
//!    |   '-- reconnected -- Disconnected <-- from each of them
//! ```

use super::pull::{Pull, PullEnd, PullEvent, PullOptions, PullRequest};
use super::retry::Retry;
use super::{Verdict, push_event};
use crate::jetstream::consumer::{self, DeliverPolicy, IntoConsumerConfig};
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::message::Info;
use crate::jetstream::names::ConsumerName;
use crate::jetstream::status::Status;
use crate::message::Message;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

/// How to read a stream in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedOptions {
    /// What to read.
    pub config: consumer::pull::OrderedConfig,
    /// How to pull.
    pub pull: PullOptions,
    /// What the names of the consumers begin with; a number follows. It has to be unique, unless
    /// the configuration has a name.
    pub name_prefix: String,
}

/// What whoever carries an ordered reading has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderedAction {
    /// Create a consumer, and say what became of it by
    /// [`handle_created`](Ordered::handle_created) or
    /// [`handle_create_failed`](Ordered::handle_create_failed), also when no answer came in time.
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
}

/// What people may want to know of a reading that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderedEvent {
    /// Deliveries were lost on the way; they will come again.
    Gap {
        /// The delivery that should have come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// Nothing was heard of the consumer for twice the heartbeat.
    MissedHeartbeat,
    /// The consumer is gone, or said something else that needs another one.
    Lost(Status),
    /// A consumer could not be created; another attempt follows after the delay.
    CreateFailed {
        /// When.
        delay: Duration,
    },
    /// A limit of the server for pulls was found, and is kept from now on.
    Limited(Status),
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
    Stopped,
}

/// Reads a stream in order and each message once, by making a new consumer, from the message behind
/// the last one on, whenever the old one cannot be trusted any more.
///
/// As long as no message has come, a new consumer begins where the first one was to begin.
#[derive(Debug)]
pub struct Ordered {
    config: consumer::Config,
    name_prefix: String,
    state: State,
    pull: Pull,
    actions: VecDeque<OrderedAction>,
    events: VecDeque<OrderedEvent>,
    /// Consumers made so far.
    made: u64,
    /// The last sequence of the stream that went to the reader.
    last: Option<u64>,
    retry: Retry,
    /// Whether the consumer of now has brought anything.
    fruitful: bool,
}

impl Ordered {
    /// Begins to read on a connection that is up.
    ///
    /// # Errors
    ///
    /// When names or filters are none, or pulls contradict themselves.
    pub fn new(now: Instant, options: OrderedOptions) -> Result<Self, InvalidConfig> {
        let name_prefix = options.config.name.clone().unwrap_or(options.name_prefix);
        ConsumerName::new(&name_prefix)?;
        let config = options.config.into_consumer_config();
        let mut pull = Pull::new(now, options.pull.limited_by(&config))?;
        // There is nothing to pull from yet.
        pull.handle_disconnected();
        let mut ordered = Self {
            config,
            name_prefix,
            state: State::Disconnected { old: None },
            pull,
            actions: VecDeque::new(),
            events: VecDeque::new(),
            made: 0,
            last: None,
            retry: Retry::default(),
            fruitful: false,
        };
        ordered.create();
        Ok(ordered)
    }

    /// The same, behind a sequence that was read before: see [`position`](Self::position).
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn resume(
        now: Instant,
        options: OrderedOptions,
        position: u64,
    ) -> Result<Self, InvalidConfig> {
        let mut ordered = Self::new(now, options)?;
        ordered.last = Some(position);
        ordered.actions.clear();
        ordered.create();
        Ok(ordered)
    }

    /// Something came to the inbox.
    pub fn handle_message(&mut self, now: Instant, message: &Message) -> Verdict {
        let State::Reading { name, expected } = &mut self.state else {
            // Late messages come again from the next consumer.
            return Verdict::Consumed;
        };
        if Status::of(message).is_some() {
            let verdict = self.pull.handle_message(now, message);
            self.look_after_pull(now);
            return verdict;
        }
        let info = message.reply.as_ref().and_then(|reply| Info::parse(reply).ok());
        let Some(info) = info.filter(|info| info.consumer == name) else {
            return Verdict::Consumed;
        };
        let found = info.consumer_sequence;
        if found < *expected || self.last.is_some_and(|last| info.stream_sequence <= last) {
            return Verdict::Consumed;
        }
        if found > *expected {
            let expected = *expected;
            push_event(&mut self.events, OrderedEvent::Gap { expected, found });
            self.reset(now);
            return Verdict::Consumed;
        }
        *expected += 1;
        self.last = Some(info.stream_sequence);
        self.fruitful = true;
        self.retry.reset();
        self.pull.handle_message(now, message)
    }

    /// The reader has taken so many messages, with so many bytes ([`Message::length`]), out of the
    /// buffer.
    pub fn handle_taken(&mut self, now: Instant, messages: u64, bytes: u64) {
        self.pull.handle_taken(now, messages, bytes);
    }

    /// The consumer was created.
    pub fn handle_created(&mut self, now: Instant, created: &str) {
        match &self.state {
            State::Creating { name } if name == created => {
                self.state = State::Reading { name: created.into(), expected: 1 };
                self.pull.revive();
                self.pull.handle_reconnected(now);
            }
            State::Reading { name, .. } if name == created => {}
            State::Creating { .. }
            | State::Reading { .. }
            | State::Waiting { .. }
            | State::Disconnected { .. }
            | State::Stopped => self.delete(created.into()),
        }
    }

    /// The consumer was not created, or nobody knows.
    pub fn handle_create_failed(&mut self, now: Instant, failed: &str) {
        if matches!(&self.state, State::Creating { name } if name == failed) {
            let delay = self.retry.next();
            self.state = State::Waiting { until: now + delay };
            push_event(&mut self.events, OrderedEvent::CreateFailed { delay });
        }
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named may have come.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &self.state {
            State::Waiting { until } if *until <= now => self.create(),
            State::Reading { .. } => {
                self.pull.handle_timeout(now);
                self.look_after_pull(now);
            }
            State::Creating { .. }
            | State::Waiting { .. }
            | State::Disconnected { .. }
            | State::Stopped => {}
        }
    }

    /// The connection is gone. What was under way on it is lost, and the consumer does not know.
    pub fn handle_disconnected(&mut self) {
        self.pull.handle_disconnected();
        self.actions.clear();
        let old = match &self.state {
            State::Creating { name } | State::Reading { name, .. } => Some(name.clone()),
            State::Waiting { .. } => None,
            State::Disconnected { .. } | State::Stopped => return,
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
        if let State::Creating { name } | State::Reading { name, .. } = &self.state {
            let name = name.clone();
            self.delete(name);
        }
        self.pull.stop();
        self.state = State::Stopped;
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<OrderedAction> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        let State::Reading { name, .. } = &self.state else { return None };
        let request = self.pull.poll_action()?;
        Some(OrderedAction::Pull { name: name.clone(), request })
    }

    /// The next news.
    pub fn poll_event(&mut self) -> Option<OrderedEvent> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { until } => Some(*until),
            State::Reading { .. } => self.pull.poll_timeout(),
            State::Creating { .. } | State::Disconnected { .. } | State::Stopped => None,
        }
    }

    /// The last sequence of the stream that went to the reader: a reading that resumes behind it
    /// misses nothing and has nothing twice.
    #[must_use]
    pub const fn position(&self) -> Option<u64> {
        self.last
    }

    /// Whether the reading has been stopped, or had all messages it was to have.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// What the pulls tell may mean that the consumer cannot be trusted any more.
    fn look_after_pull(&mut self, now: Instant) {
        let mut lost = false;
        while let Some(event) = self.pull.poll_event() {
            let event = match event {
                PullEvent::MissedHeartbeat => OrderedEvent::MissedHeartbeat,
                PullEvent::Trouble { status, .. } => OrderedEvent::Lost(status),
                PullEvent::Limited(status) => {
                    push_event(&mut self.events, OrderedEvent::Limited(status));
                    continue;
                }
                PullEvent::Pinned(_) | PullEvent::Unpinned => continue,
            };
            push_event(&mut self.events, event);
            lost = true;
        }
        match self.pull.end_reason() {
            Some(PullEnd::Refused(status)) => {
                push_event(&mut self.events, OrderedEvent::Lost(status.clone()));
                lost = true;
            }
            Some(PullEnd::Complete | PullEnd::Stopped) => return self.stop(),
            None => {}
        }
        if lost {
            self.reset(now);
        }
    }

    /// Makes another consumer: at once if this one was good for something.
    fn reset(&mut self, now: Instant) {
        self.pull.handle_disconnected();
        if let State::Reading { name, .. } = &self.state {
            let name = name.clone();
            self.delete(name);
        }
        if self.fruitful {
            self.create();
        } else {
            self.state = State::Waiting { until: now + self.retry.next() };
        }
    }

    fn create(&mut self) {
        self.made += 1;
        self.fruitful = false;
        let name = format!("{}_{}", self.name_prefix, self.made);
        let mut config = self.config.clone();
        config.name = Some(name.clone());
        if let Some(last) = self.last {
            let start_sequence = last.saturating_add(1);
            config.deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
        }
        self.state = State::Creating { name: name.clone() };
        self.actions.push_back(OrderedAction::Create { name, config: Box::new(config) });
    }

    fn delete(&mut self, name: String) {
        self.actions.push_back(OrderedAction::Delete { name });
    }
}
