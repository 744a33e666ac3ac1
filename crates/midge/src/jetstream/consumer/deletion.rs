//! Deletions of consumers that nobody waits for, except for a client that drains.

use crate::shared::{Command, Shared};
use crate::sync::{Arc, Mutex, Weak};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::task::Wake;

/// The deletions of a client that are to come or under way.
#[derive(Debug, Default)]
pub(crate) struct Deletions(Mutex<Register>);

#[derive(Debug, Default)]
struct Register {
    open: BTreeMap<u64, Weak<Deletion>>,
    next: u64,
    reader: Reader,
}

/// Who wants to know that there are fewer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Reader {
    #[default]
    Nobody,
    /// The driver, which ends the client behind the last one.
    Driver,
}

impl Deletions {
    /// Begins all of them; the driver hears of each that is done. Not under the lock of the core.
    pub(crate) fn begin_all(&self) {
        let all: Vec<_> = {
            let mut register = self.0.lock();
            register.reader = Reader::Driver;
            register.open.values().filter_map(Weak::upgrade).collect()
        };
        all.iter().for_each(Deletion::begin);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().open.len()
    }

    /// Adds one; returns who waits for it already.
    fn add(&self, deletion: impl FnOnce(u64) -> Arc<Deletion>) -> (Arc<Deletion>, Reader) {
        let mut register = self.0.lock();
        register.next += 1;
        let id = register.next;
        let deletion = deletion(id);
        register.open.insert(id, Arc::downgrade(&deletion));
        (deletion, register.reader)
    }

    /// Returns who is to be told.
    fn remove(&self, id: u64) -> Reader {
        let mut register = self.0.lock();
        match register.open.remove(&id) {
            Some(_) => register.reader,
            None => Reader::Nobody,
        }
    }
}

/// Work that nobody awaits. Once begun it is its own waker, so whoever brings the answer also carries
/// it on, without a task. Dropped before it is begun, it is not done.
pub(super) struct Deletion {
    shared: Arc<Shared>,
    id: u64,
    progress: Mutex<Progress>,
}

enum Progress {
    /// To be begun, or to be carried on.
    Waiting(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Somebody polls it, without the lock; whether it was woken meanwhile.
    Polled {
        again: bool,
    },
    Done,
}

impl Deletion {
    /// Is begun when the client drains, if not before.
    pub(super) fn new(
        shared: &Arc<Shared>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Arc<Self> {
        let progress = Mutex::new(Progress::Waiting(Box::pin(work)));
        let shared = Arc::clone(shared);
        let register = Arc::clone(&shared);
        let (deletion, reader) =
            register.deletions.add(|id| Arc::new(Self { shared, id, progress }));
        match reader {
            // The others have begun.
            Reader::Driver => deletion.begin(),
            Reader::Nobody => {}
        }
        deletion
    }

    /// Begins it, if that has not happened yet.
    pub(super) fn begin(self: &Arc<Self>) {
        Arc::clone(self).wake();
    }

    /// The work, if it is this caller's turn to poll it.
    fn take(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let mut progress = self.progress.lock();
        match core::mem::replace(&mut *progress, Progress::Polled { again: false }) {
            Progress::Waiting(work) => Some(work),
            Progress::Polled { .. } => {
                *progress = Progress::Polled { again: true };
                None
            }
            Progress::Done => {
                *progress = Progress::Done;
                None
            }
        }
    }

    /// Waits for its next turn; whether that has come already.
    fn put_back(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) -> bool {
        let mut progress = self.progress.lock();
        let again = matches!(*progress, Progress::Polled { again: true });
        *progress = Progress::Waiting(work);
        again
    }

    /// It is done, or will never be.
    fn leave(&self) {
        match self.shared.deletions.remove(self.id) {
            Reader::Driver => self.shared.command(Command::DeletionLeft),
            Reader::Nobody => {}
        }
    }
}

impl Wake for Deletion {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut cx = Context::from_waker(&waker);
        while let Some(mut work) = self.take() {
            match work.as_mut().poll(&mut cx) {
                Poll::Ready(()) => {
                    *self.progress.lock() = Progress::Done;
                    return self.leave();
                }
                Poll::Pending if self.put_back(work) => {}
                Poll::Pending => return,
            }
        }
    }
}

impl Drop for Deletion {
    fn drop(&mut self) {
        self.leave();
    }
}
