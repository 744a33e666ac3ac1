//! What a request came to, and who waits for it.

use bytes::Bytes;
#[cfg(feature = "jetstream")]
use core::task::Waker;
use futures_channel::oneshot;
use midge_proto::{HeaderMap, Message, Refusal, ServerError, Subject};

/// What a request came to.
pub(crate) type Reply = Result<Message, ReplyFailure>;

#[derive(Debug)]
pub(crate) enum ReplyFailure {
    TimedOut,
    Disconnected,
    Closed,
    Denied(ServerError),
    /// It could not be sent again.
    Refused(Refusal),
}

/// Where a reply goes.
#[derive(Debug)]
pub(crate) enum ReplyTo {
    Caller(oneshot::Sender<Reply>),
    /// To one who waits for many.
    #[cfg(feature = "jetstream")]
    Tray(crate::jetstream::TraySlot),
}

/// One who waits for a reply, and the subject it was asked on.
#[derive(Debug)]
pub(crate) struct ReplyWaiter {
    pub(crate) to: ReplyTo,
    pub(crate) subject: Subject,
    /// What to send again on the next connection, where that was asked for.
    pub(crate) again: Option<Box<RequestBody>>,
    /// A place in a window, held until the reply is there.
    #[cfg(feature = "jetstream")]
    pub(crate) place: Option<crate::jetstream::Place>,
}

impl ReplyWaiter {
    pub(crate) fn new(to: ReplyTo, subject: Subject, again: Option<Box<RequestBody>>) -> Self {
        Self {
            to,
            subject,
            again,
            #[cfg(feature = "jetstream")]
            place: None,
        }
    }

    /// Tells what the request came to. Not under the lock: it wakes those who wait.
    pub(crate) fn answer(self, reply: Reply) {
        let mut aftermath = Aftermath::default();
        aftermath.answer(self, reply);
        aftermath.settle();
    }

    /// Lets go of a request that was not sent.
    pub(super) fn dismiss(self) {
        match self.to {
            ReplyTo::Caller(_) => {}
            #[cfg(feature = "jetstream")]
            ReplyTo::Tray(slot) => slot.dismiss(),
        }
    }
}

/// What is left to do when several requests have been answered: those who wait for many replies are
/// woken once, and find them all.
#[derive(Default)]
pub(crate) struct Aftermath {
    #[cfg(feature = "jetstream")]
    wakers: Vec<Waker>,
    #[cfg(feature = "jetstream")]
    places: crate::jetstream::Leaving,
}

impl Aftermath {
    /// Tells what a request came to.
    pub(crate) fn answer(&mut self, waiter: ReplyWaiter, reply: Reply) {
        #[cfg(feature = "jetstream")]
        if let Some(place) = waiter.place {
            self.places.add(place);
        }
        match waiter.to {
            // One who no longer waits does not miss it.
            ReplyTo::Caller(sender) => drop(sender.send(reply)),
            #[cfg(feature = "jetstream")]
            ReplyTo::Tray(slot) => self.wakers.extend(slot.put(reply)),
        }
    }

    /// Wakes who is left to be woken.
    pub(crate) fn settle(self) {
        #[cfg(feature = "jetstream")]
        {
            drop(self.places);
            self.wakers.into_iter().for_each(Waker::wake);
        }
    }
}

/// What a request says.
#[derive(Debug, Clone)]
pub(crate) struct RequestBody {
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) payload: Bytes,
}
