//! Whether a consumer was told what became of a message, and what it is told if not.

use super::AckKind;
use crate::jetstream::context::Context;
use crate::publish::publish_over;
use crate::sync::{AtomicBool, Ordering};
use core::time::Duration;
use midge_proto::Subject;

/// The time for acknowledgements where a consumer does not say it: the server's default.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Whether a consumer was told what became of a message.
#[derive(Debug, Default)]
pub(super) struct Told {
    told: AtomicBool,
    ack_wait: AckWait,
    /// Boxed, because it is rare and a message is to be small.
    unsaid: Option<Box<Unsaid>>,
}

/// How long a consumer waits for an acknowledgement.
///
/// In milliseconds, so that it has room in every message beside a flag; 0 if that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::jetstream) struct AckWait(u32);

impl AckWait {
    pub(in crate::jetstream) fn new(time: Duration) -> Self {
        Self(u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    }
}

/// What a consumer is told when a message is dropped of which it was told nothing.
#[derive(Debug)]
struct Unsaid {
    context: Context,
    reply: Subject,
    delay: Option<Duration>,
}

impl Told {
    pub(super) fn nothing(ack_wait: AckWait) -> Self {
        Self { told: AtomicBool::new(false), ack_wait, unsaid: None }
    }

    pub(super) fn get(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    pub(super) fn ack_wait(&self) -> Duration {
        match self.ack_wait {
            AckWait(0) => ACK_WAIT,
            AckWait(millis) => Duration::from_millis(millis.into()),
        }
    }

    pub(super) fn known_ack_wait(&self) -> AckWait {
        self.ack_wait
    }

    /// Says it, unless it was said; returns whether it was.
    pub(super) fn set(&self) -> bool {
        self.told.swap(true, Ordering::Relaxed)
    }

    /// It was not said after all.
    pub(super) fn take_back(&self) {
        self.told.store(false, Ordering::Relaxed);
    }

    pub(super) fn nak_on_drop(&mut self, context: &Context, reply: &Subject, delay: Duration) {
        let delay = (!delay.is_zero()).then_some(delay);
        self.unsaid =
            Some(Box::new(Unsaid { context: context.clone(), reply: reply.clone(), delay }));
    }
}

/// A clone knows what was told before, and says nothing when it is dropped.
impl Clone for Told {
    fn clone(&self) -> Self {
        Self { told: AtomicBool::new(self.get()), ack_wait: self.ack_wait, unsaid: None }
    }
}

impl Drop for Told {
    #[inline]
    fn drop(&mut self) {
        if let Some(unsaid) = self.unsaid.take() {
            unsaid.say(self.get());
        }
    }
}

impl Unsaid {
    #[cold]
    fn say(&self, told: bool) {
        if !told {
            let shared = self.context.inner.client.shared();
            // If that cannot be sent, the message comes again after `ack_wait`.
            let _ = publish_over(shared, &self.reply, None, None, &AckKind::Nak(self.delay).into());
        }
    }
}
