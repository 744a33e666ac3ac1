//! What holds for the messages of a reading.

use crate::jetstream;
use crate::jetstream::context::Context;
use crate::jetstream::message::AckWait;
use core::time::Duration;
use midge_proto::Message;
use midge_proto::jetstream::consumer::{AckPolicy, Config};

/// Whether something is an item of what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jetstream::consumer) enum Report {
    Yes,
    No,
}

impl From<bool> for Report {
    fn from(report: bool) -> Self {
        if report { Self::Yes } else { Self::No }
    }
}

/// What becomes of messages that are there when a reading is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jetstream::consumer) enum Leftovers {
    /// The consumer delivers them to others at once.
    GivenBack,
    /// The consumer waits for no acknowledgement.
    Forgotten,
}

/// What holds for the messages of a reading.
#[derive(Clone, Copy, Debug)]
pub(in crate::jetstream::consumer) struct Terms {
    pub(in crate::jetstream::consumer) leftovers: Leftovers,
    pub(in crate::jetstream::consumer) ack_wait: AckWait,
    /// The delay after which a message comes again that was dropped without a word.
    pub(in crate::jetstream::consumer) nak_on_drop: Option<Duration>,
}

impl From<&Config> for Terms {
    fn from(config: &Config) -> Self {
        let leftovers = match config.ack_policy {
            AckPolicy::None => Leftovers::Forgotten,
            _ => Leftovers::GivenBack,
        };
        let shortest = config.backoff.iter().fold(config.ack_wait, |least, wait| least.min(*wait));
        Self { leftovers, ack_wait: AckWait::new(shortest), nak_on_drop: None }
    }
}

impl Terms {
    pub(super) fn apply(&self, message: Message, context: &Context) -> jetstream::Message {
        let message = jetstream::Message::delivered(message, context.clone(), self.ack_wait);
        match self.nak_on_drop {
            Some(delay) if self.leftovers == Leftovers::GivenBack => message.nak_on_drop(delay),
            _ => message,
        }
    }
}
