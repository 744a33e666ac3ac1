//! How the consumer of an ordered reading brings its messages: it is pulled from, or it pushes.

use super::ordered::{OrderedAction, OrderedEvent};
use super::pull::{Pull, PullEnd, PullEvent, PullOptions};
use super::push::{Push, PushAction, PushEnd, PushEvent, PushOptions};
use super::{Verdict, push_event, token_of};
use crate::jetstream::consumer;
use crate::jetstream::invalid_config::InvalidConfig;
use crate::jetstream::status::Status;
use crate::message::Message;
use crate::server_error::ServerError;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// The machine below an ordered reading.
#[derive(Debug)]
pub(super) enum Source {
    Pull(Box<Pull>),
    Push { push: Box<Push>, options: PushOptions },
}

/// How the machine below stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    GoesOn,
    /// The consumer cannot be trusted any more.
    Lost,
    /// All messages that were wanted have come.
    Complete,
}

impl Source {
    /// One without a consumer.
    pub(super) fn new(
        now: Instant,
        config: &consumer::Config,
        pull: PullOptions,
    ) -> Result<Self, InvalidConfig> {
        let mut source = if config.deliver_subject.is_some() {
            // Deliveries are counted here, once.
            let options = PushOptions { shared: true, ..PushOptions::from(config) };
            Self::Push { push: Box::new(Push::new(now, options.clone())), options }
        } else {
            Self::Pull(Box::new(Pull::new(now, pull.limited_by(config))?))
        };
        source.handle_disconnected();
        Ok(source)
    }

    /// There is a new consumer.
    pub(super) fn begin(&mut self, now: Instant) {
        match self {
            Self::Pull(pull) => {
                pull.revive();
                pull.handle_reconnected(now);
            }
            Self::Push { push, options } => **push = Push::new(now, options.clone()),
        }
    }

    /// The last delivery that a sign of life of the consumer of now tells of.
    pub(super) fn last_sent(&self, message: &Message) -> Option<u64> {
        let Some(Status::IdleHeartbeat { last_consumer, .. }) = Status::of(message) else {
            return None;
        };
        match self {
            Self::Pull(pull) => last_consumer.filter(|_| token_of(message) == Some(pull.token())),
            // Each consumer pushes to a subject of its own.
            Self::Push { .. } => last_consumer,
        }
    }

    #[inline]
    pub(super) fn handle_message(&mut self, now: Instant, message: &Message) -> Verdict {
        match self {
            Self::Pull(pull) => pull.handle_message(now, message),
            Self::Push { push, .. } => push.handle_message(now, message),
        }
    }

    #[inline]
    pub(super) fn handle_taken(&mut self, now: Instant, messages: u64, bytes: u64) {
        match self {
            Self::Pull(pull) => pull.handle_taken(now, messages, bytes),
            Self::Push { push, .. } => push.handle_taken(messages),
        }
    }

    /// The server has refused a publish of this client to `subject`; a source that is pulled from
    /// publishes nothing but pulls.
    pub(super) fn handle_denied(&mut self, now: Instant, subject: &str, error: ServerError) {
        match self {
            Self::Pull(pull) => pull.handle_denied(now, error),
            Self::Push { push, .. } => push.handle_denied(subject, error),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Pull(pull) => pull.handle_timeout(now),
            Self::Push { push, .. } => push.handle_timeout(now),
        }
    }

    pub(super) fn handle_resumed(&mut self, now: Instant) {
        match self {
            Self::Pull(pull) => pull.handle_resumed(now),
            Self::Push { push, .. } => push.handle_resumed(now),
        }
    }

    /// The consumer is not used any more.
    pub(super) fn handle_disconnected(&mut self) {
        match self {
            Self::Pull(pull) => pull.handle_disconnected(),
            Self::Push { push, .. } => push.handle_disconnected(),
        }
    }

    pub(super) fn stop(&mut self) {
        match self {
            Self::Pull(pull) => pull.stop(),
            Self::Push { push, .. } => push.stop(),
        }
    }

    /// What the consumer of this name is to be told.
    #[inline]
    pub(super) fn poll_action(&mut self, name: &str) -> Option<OrderedAction> {
        match self {
            Self::Pull(pull) => {
                pull.poll_action().map(|request| OrderedAction::Pull { name: name.into(), request })
            }
            Self::Push { push, .. } => push.poll_action().map(|action| match action {
                // Nothing of an ordered reading is acknowledged.
                PushAction::Resume(subject) | PushAction::Acknowledge { subject, .. } => {
                    OrderedAction::Resume(subject)
                }
            }),
        }
    }

    /// Adds the news to those of the reading, and says what they come to.
    pub(super) fn look(&mut self, news: &mut VecDeque<OrderedEvent>) -> Standing {
        let mut standing = self.end();
        while let Some((event, comes_to)) = self.poll_event() {
            push_event(news, event);
            if comes_to == Standing::Lost {
                standing = Standing::Lost;
            }
        }
        if let Some(status) = self.refusal() {
            push_event(news, OrderedEvent::Lost(status));
        }
        standing
    }

    fn end(&self) -> Standing {
        let complete = match self {
            Self::Pull(pull) => matches!(pull.end_reason(), Some(PullEnd::Complete)),
            Self::Push { .. } => false,
        };
        match self.refusal() {
            Some(_) => Standing::Lost,
            None if complete => Standing::Complete,
            None => Standing::GoesOn,
        }
    }

    /// What ended the machine, if the consumer did.
    fn refusal(&self) -> Option<Status> {
        match self {
            Self::Pull(pull) => match pull.end_reason()? {
                PullEnd::Refused(status) => Some(status.clone()),
                PullEnd::Complete | PullEnd::Stopped => None,
            },
            Self::Push { push, .. } => match push.end_reason()? {
                PushEnd::Gone(status) => Some(status.clone()),
                PushEnd::Stopped => None,
            },
        }
    }

    fn poll_event(&mut self) -> Option<(OrderedEvent, Standing)> {
        let lost = |event| Some((event, Standing::Lost));
        loop {
            match self {
                Self::Pull(pull) => match pull.poll_event()? {
                    PullEvent::MissedHeartbeat => return lost(OrderedEvent::MissedHeartbeat),
                    PullEvent::Trouble { status, .. } => return lost(OrderedEvent::Lost(status)),
                    PullEvent::Denied { error, .. } => return lost(OrderedEvent::Denied(error)),
                    PullEvent::Limited(status) => {
                        return Some((OrderedEvent::Limited(status), Standing::GoesOn));
                    }
                    PullEvent::Pinned(_) | PullEvent::Unpinned => {}
                },
                Self::Push { push, .. } => match push.poll_event()? {
                    PushEvent::MissedHeartbeat => return lost(OrderedEvent::MissedHeartbeat),
                    PushEvent::Trouble(status) => return lost(OrderedEvent::Lost(status)),
                    PushEvent::Denied(error) => {
                        return Some((OrderedEvent::Denied(error), Standing::GoesOn));
                    }
                    PushEvent::Gap { .. } => {}
                },
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Pull(pull) => pull.poll_timeout(),
            Self::Push { push, .. } => push.poll_timeout(),
        }
    }
}
