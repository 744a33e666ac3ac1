//! Where the answers to the messages of one publisher are put, until it takes them all at once.

use crate::shared::{Reply, ReplyFailure, wake};
use crate::sync::{Arc, Mutex};
use core::task::{Context, Waker};

/// Answers, by the numbers of the messages, in the order they came in.
pub(super) type Answers = Vec<(u64, Reply)>;

#[derive(Debug, Default)]
pub(super) struct Tray(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    answers: Answers,
    /// Who waits for one; woken once.
    waker: Option<Waker>,
}

impl Tray {
    /// Where the answer to a message goes.
    pub(super) fn slot(self: &Arc<Self>, number: u64) -> TraySlot {
        TraySlot { tray: Some(Arc::clone(self)), number }
    }

    /// Exchanges all answers that are there for `taken`, which is empty.
    pub(super) fn take(&self, taken: &mut Answers) {
        core::mem::swap(&mut self.0.lock().answers, taken);
    }

    /// Whether there is an answer; if not, the task is woken by the next one.
    pub(super) fn listen(&self, cx: &Context<'_>) -> bool {
        let state = &mut *self.0.lock();
        let any = !state.answers.is_empty();
        if !any {
            match &mut state.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                vacant => *vacant = Some(cx.waker().clone()),
            }
        }
        any
    }

    fn put(&self, number: u64, reply: Reply) -> Option<Waker> {
        let state = &mut *self.0.lock();
        state.answers.push((number, reply));
        state.waker.take()
    }
}

/// Where one answer goes. One that is dropped says that none will come.
#[derive(Debug)]
pub(crate) struct TraySlot {
    /// None once that is settled.
    tray: Option<Arc<Tray>>,
    number: u64,
}

impl TraySlot {
    /// Puts the answer there, and returns who is to be woken for it.
    pub(crate) fn put(mut self, reply: Reply) -> Option<Waker> {
        self.tray.take().and_then(|tray| tray.put(self.number, reply))
    }

    /// Says nothing: the message was not sent.
    pub(crate) fn dismiss(mut self) {
        self.tray = None;
    }
}

impl Drop for TraySlot {
    fn drop(&mut self) {
        if let Some(tray) = self.tray.take() {
            wake(tray.put(self.number, Err(ReplyFailure::Closed)));
        }
    }
}
