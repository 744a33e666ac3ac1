//! Whether a consumer was told what became of a message, and what it is told if not.

use super::AckKind;
use crate::jetstream::context::Context;
use crate::publish::publish_over;
use crate::sync::{Arc, AtomicU8, Ordering};
use core::time::Duration;
use midge_proto::Subject;

/// The time for acknowledgements where a consumer does not say it: the server's default.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Nobody has said yet what became of the message.
const UNSAID: u8 = 0;

/// It was said, or that is under way.
const SAID: u8 = 1;

/// Somebody wanted to say it, and that did not get through.
const IN_VAIN: u8 = 2;

/// Whether a consumer was told what became of a message.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// [`UNSAID`], [`SAID`] or [`IN_VAIN`]: one byte, because a message is to be small.
    state: AtomicU8,
    ack_wait: AckWait,
    /// Boxed, because it is rare and a message is to be small.
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    unsaid: Option<Unsaid>,
    /// In place of `state`, where others are to know it as well.
    shared: Option<Arc<AtomicU8>>,
}

/// What came of a word that is not the first one about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    /// It was said, or that is under way.
    Said,
    /// It was not sent or not confirmed.
    InVain,
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
        Self { state: AtomicU8::new(UNSAID), ack_wait, rare: None }
    }

    #[inline]
    fn state(&self) -> &AtomicU8 {
        self.rare.as_ref().and_then(|rare| rare.shared.as_deref()).unwrap_or(&self.state)
    }

    fn load(&self) -> u8 {
        self.state().load(Ordering::Relaxed)
    }

    pub(super) fn get(&self) -> bool {
        self.load() == SAID
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
        self.state().swap(SAID, Ordering::Relaxed) == SAID
    }

    /// Says it, unless somebody has begun to say something before.
    pub(super) fn set_first(&self) -> Result<(), Earlier> {
        let relaxed = Ordering::Relaxed;
        match self.state().compare_exchange(UNSAID, SAID, relaxed, relaxed) {
            Ok(_) => Ok(()),
            Err(SAID) => Err(Earlier::Said),
            Err(_) => Err(Earlier::InVain),
        }
    }

    /// It was not said after all; that somebody wanted to stays known.
    pub(super) fn take_back(&self) {
        self.state().store(IN_VAIN, Ordering::Relaxed);
    }

    pub(super) fn nak_on_drop(&mut self, context: &Context, reply: &Subject, delay: Duration) {
        let delay = (!delay.is_zero()).then_some(delay);
        let unsaid = Unsaid { context: context.clone(), reply: reply.clone(), delay };
        self.rare.get_or_insert_default().unsaid = Some(unsaid);
    }

    /// Another one of the same message: what is told to one of them, both know. What is to be said
    /// at a drop goes over to it.
    pub(super) fn share(&mut self) -> Self {
        let state = self.load();
        let rare = self.rare.get_or_insert_default();
        let unsaid = rare.unsaid.take();
        let shared = rare.shared.get_or_insert_with(|| Arc::new(AtomicU8::new(state)));
        let rare = Rare { unsaid, shared: Some(Arc::clone(shared)) };
        Self { state: AtomicU8::new(state), ack_wait: self.ack_wait, rare: Some(Box::new(rare)) }
    }

    #[cold]
    fn say_unsaid(&mut self) {
        let unsaid = self.rare.as_mut().and_then(|rare| rare.unsaid.take());
        if let Some(unsaid) = unsaid
            && !self.set()
        {
            unsaid.say();
        }
    }
}

/// A clone knows what was told before, or also later, where that is shared; it says nothing when it
/// is dropped.
impl Clone for Told {
    fn clone(&self) -> Self {
        let shared = self.rare.as_ref().and_then(|rare| rare.shared.clone());
        let rare = shared.map(|shared| Box::new(Rare { unsaid: None, shared: Some(shared) }));
        Self { state: AtomicU8::new(self.load()), ack_wait: self.ack_wait, rare }
    }
}

impl Drop for Told {
    #[inline]
    fn drop(&mut self) {
        if self.rare.is_some() {
            self.say_unsaid();
        }
    }
}

impl Unsaid {
    fn say(&self) {
        let shared = self.context.inner.client.shared();
        // If that cannot be sent, the message comes again after `ack_wait`.
        let _ = publish_over(shared, &self.reply, None, None, &AckKind::Nak(self.delay).into());
    }
}
