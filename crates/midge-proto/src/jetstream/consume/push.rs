//! Reading from a consumer that pushes.

use super::{Verdict, push_event};
use crate::jetstream::consumer::{self, AckPolicy};
use crate::jetstream::message::Info;
use crate::jetstream::status::{Status, StatusClass};
use crate::message::Message;
use crate::server_error::ServerError;
use crate::subject::Subject;
use crate::time::Instant;
use alloc::collections::VecDeque;
use core::fmt;
use core::time::Duration;

/// How to read from a push consumer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PushOptions {
    /// Time between two signs of life; zero means none.
    pub heartbeat: Duration,
    /// Whether several readers share the messages. Then there is no order to check.
    pub shared: bool,
    /// Whether answers to flow control acknowledge what was taken
    /// ([`AckPolicy::FlowControl`], 2.14).
    pub acknowledges: bool,
}

impl From<&consumer::Config> for PushOptions {
    fn from(config: &consumer::Config) -> Self {
        Self {
            heartbeat: config.idle_heartbeat,
            shared: config.deliver_group.is_some(),
            acknowledges: config.ack_policy == AckPolicy::FlowControl,
        }
    }
}

/// What whoever carries a push consumer has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushAction {
    /// Publish an empty message to this subject: the consumer waits for it.
    Resume(Subject),
    /// The same with the headers `Nats-Last-Consumer` and `Nats-Last-Stream`, which acknowledge
    /// everything up to there.
    Acknowledge {
        /// The subject.
        subject: Subject,
        /// The last delivery of the consumer that was taken.
        consumer_sequence: u64,
        /// Its sequence in the stream.
        stream_sequence: u64,
    },
}

/// What people may want to know of a reading that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushEvent {
    /// Nothing was heard of the consumer for twice the heartbeat.
    MissedHeartbeat,
    /// Deliveries of the consumer did not arrive.
    Gap {
        /// The delivery that should have come.
        expected: u64,
        /// The one that came, or that the consumer says it sent last.
        found: u64,
    },
    /// The consumer says something that does not end the reading.
    Trouble(Status),
    /// The server does not let this user answer the flow control: the consumer will stall.
    Denied(ServerError),
}

/// Why a reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushEnd {
    /// It was stopped.
    Stopped,
    /// The consumer is gone.
    Gone(Status),
}

impl fmt::Display for PushEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("reading was stopped"),
            Self::Gone(status) => status.fmt(f),
        }
    }
}

#[derive(Debug)]
enum State {
    Reading { quiet_until: Instant },
    Disconnected,
    Ended(PushEnd),
}

/// Reads from a push consumer: answers its flow control when the reader is there, and notices when
/// deliveries or signs of life are missing.
#[derive(Debug)]
pub struct Push {
    options: PushOptions,
    state: State,
    /// Messages that went to the reader, and messages the reader has taken.
    delivered: u64,
    taken: u64,
    /// Flow control to be answered.
    owed: VecDeque<Owed>,
    actions: VecDeque<PushAction>,
    /// The flow control that was answered last.
    paid: Option<Subject>,
    events: VecDeque<PushEvent>,
    /// The stall that was answered last: its heartbeats repeat it until the answer arrives.
    stall: Option<Subject>,
    /// The last delivery of the consumer that came.
    last_consumer: u64,
    /// Its numbers in the consumer and in the stream, where they are to be acknowledged.
    to_acknowledge: Option<(u64, u64)>,
}

/// Flow control to be answered when so many messages have been taken.
#[derive(Debug)]
struct Owed {
    at: u64,
    subject: Subject,
    acknowledge: Option<(u64, u64)>,
}

impl Push {
    /// Begins to read from a consumer whose subject is subscribed to.
    #[must_use]
    pub fn new(now: Instant, options: PushOptions) -> Self {
        let mut push = Self {
            options,
            state: State::Disconnected,
            delivered: 0,
            taken: 0,
            owed: VecDeque::new(),
            actions: VecDeque::new(),
            paid: None,
            events: VecDeque::new(),
            stall: None,
            last_consumer: 0,
            to_acknowledge: None,
        };
        push.handle_reconnected(now);
        push
    }

    /// Something came to the subject.
    pub fn handle_message(&mut self, now: Instant, message: &Message) -> Verdict {
        let status = Status::of(message);
        if matches!(self.state, State::Ended(_)) {
            return if status.is_some() { Verdict::Consumed } else { Verdict::GiveBack };
        }
        self.hear(now);
        match status {
            None => {
                self.delivered += 1;
                if (!self.options.shared || self.options.acknowledges)
                    && let Some(info) =
                        message.reply.as_ref().and_then(|reply| Info::parse(reply).ok())
                {
                    if !self.options.shared {
                        self.note_delivery(info.consumer_sequence, info.consumer_sequence);
                    }
                    if self.options.acknowledges {
                        let Info { consumer_sequence, stream_sequence, .. } = info;
                        self.to_acknowledge = Some((consumer_sequence, stream_sequence));
                    }
                }
                Verdict::Deliver
            }
            Some(status) => {
                self.handle_status(status);
                Verdict::Consumed
            }
        }
    }

    fn handle_status(&mut self, status: Status) {
        if let Status::FlowControl { reply } = status {
            self.owe(reply);
        } else if let Status::IdleHeartbeat { last_consumer, stalled, .. } = status {
            self.handle_heartbeat(last_consumer, stalled);
        } else if status.class() == StatusClass::Gone {
            self.state = State::Ended(PushEnd::Gone(status));
        } else {
            push_event(&mut self.events, PushEvent::Trouble(status));
        }
    }

    fn handle_heartbeat(&mut self, last_consumer: Option<u64>, stalled: Option<Subject>) {
        if let Some(last) = last_consumer
            && !self.options.shared
        {
            self.note_delivery(last.saturating_add(1), last);
        }
        if let Some(stalled) = stalled
            && self.stall.as_ref() != Some(&stalled)
        {
            self.stall = Some(stalled.clone());
            self.owe(stalled);
        }
    }

    /// `next` is what the consumer delivers now, or will deliver next; `last` is what is behind it.
    fn note_delivery(&mut self, next: u64, last: u64) {
        let expected = self.last_consumer + 1;
        // A consumer that was reset counts from 1 again.
        if self.last_consumer > 0 && next > expected {
            push_event(&mut self.events, PushEvent::Gap { expected, found: last });
        }
        self.last_consumer = last;
    }

    /// Flow control is answered when all before it has been taken.
    fn owe(&mut self, subject: Subject) {
        let (at, acknowledge) = (self.delivered, self.to_acknowledge);
        self.owed.push_back(Owed { at, subject, acknowledge });
        self.pay();
    }

    fn pay(&mut self) {
        while self.owed.front().is_some_and(|owed| owed.at <= self.taken)
            && let Some(Owed { subject, acknowledge, .. }) = self.owed.pop_front()
        {
            self.paid = Some(subject.clone());
            self.actions.push_back(match acknowledge {
                None => PushAction::Resume(subject),
                Some((consumer_sequence, stream_sequence)) => {
                    PushAction::Acknowledge { subject, consumer_sequence, stream_sequence }
                }
            });
        }
    }

    /// The server has refused a publish of this client to `subject`.
    pub fn handle_denied(&mut self, subject: &str, error: ServerError) {
        if self.paid.as_ref().is_some_and(|paid| paid.as_str() == subject) {
            push_event(&mut self.events, PushEvent::Denied(error));
        }
    }

    fn hear(&mut self, now: Instant) {
        if let State::Reading { quiet_until } = &mut self.state {
            *quiet_until = match self.options.heartbeat {
                Duration::ZERO => Instant::MAX,
                heartbeat => now + heartbeat.saturating_mul(2),
            };
        }
    }

    /// The reader has taken so many messages out of the buffer.
    pub fn handle_taken(&mut self, messages: u64) {
        self.taken = self.taken.saturating_add(messages).min(self.delivered);
        self.pay();
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named may have come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            push_event(&mut self.events, PushEvent::MissedHeartbeat);
            self.hear(now);
        }
    }

    /// Nobody looked for a while: the consumer counts as silent from now on at the earliest. For a
    /// caller whose clock may have stood still.
    pub fn handle_resumed(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at < now + self.options.heartbeat.saturating_mul(2))
        {
            self.hear(now);
        }
    }

    /// The connection is gone. Flow control that was asked for on it is not answered any more.
    pub fn handle_disconnected(&mut self) {
        self.owed.clear();
        self.actions.clear();
        self.stall = None;
        if matches!(self.state, State::Reading { .. }) {
            self.state = State::Disconnected;
        }
    }

    /// There is a connection again, on which the subject is subscribed to.
    pub fn handle_reconnected(&mut self, now: Instant) {
        if !matches!(self.state, State::Ended(_)) {
            self.state = State::Reading { quiet_until: now };
            self.hear(now);
        }
    }

    /// Ends the reading.
    pub fn stop(&mut self) {
        if !matches!(self.state, State::Ended(_)) {
            self.state = State::Ended(PushEnd::Stopped);
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<PushAction> {
        self.actions.pop_front()
    }

    /// The next news.
    pub fn poll_event(&mut self) -> Option<PushEvent> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Reading { quiet_until } => Some(*quiet_until).filter(|at| *at < Instant::MAX),
            State::Disconnected | State::Ended(_) => None,
        }
    }

    /// Why the reading has ended, if it has.
    #[must_use]
    pub const fn end_reason(&self) -> Option<&PushEnd> {
        match &self.state {
            State::Ended(end) => Some(end),
            State::Reading { .. } | State::Disconnected => None,
        }
    }
}
