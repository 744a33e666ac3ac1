//! Consumers that were created for one reading, and go with it.

use crate::event::{ClientError, Event};
use crate::jetstream::consumer::Id;
use crate::jetstream::context;
use crate::jetstream::stream::ConsumerError;
use crate::sync::{Arc, Mutex};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use midge_proto::jetstream::consumer::DeleteRequest;
use std::task::Wake;

/// A consumer that is deleted when this is dropped, without waiting for that. What goes wrong with
/// it is an event.
pub(in crate::jetstream) struct Owned(Option<Job>);

struct Job {
    context: context::Context,
    id: Id,
}

impl Owned {
    pub(in crate::jetstream) fn new(context: context::Context, id: Id) -> Self {
        Self(Some(Job { context, id }))
    }

    /// Deletes it; that it was gone before is no error. A dropped future deletes it without waiting.
    pub(in crate::jetstream) async fn delete(mut self) -> Result<(), ConsumerError> {
        let Some(job) = &self.0 else { return Ok(()) };
        let deleted = job.run().await;
        // Up to here a drop deletes it: whoever no longer waits may not have sent anything.
        self.0 = None;
        deleted
    }

    /// It stays, or goes with something else.
    pub(in crate::jetstream) fn disown(mut self) {
        self.0 = None;
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(job) = self.0.take() {
            Arc::new(Unawaited(Mutex::new(Progress::Waiting(Box::pin(job.run_alone()))))).wake();
        }
    }
}

impl Job {
    async fn run(&self) -> Result<(), ConsumerError> {
        match self.context.ask(&DeleteRequest::new(self.id.clone())).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error: ConsumerError = error;
                if error.is_not_found() { Ok(()) } else { Err(error) }
            }
        }
    }

    async fn run_alone(self) {
        if let Err(error) = self.run().await {
            let (stream, consumer) = (self.id.stream.as_str(), self.id.consumer.as_str());
            let text =
                format!("consumer {consumer:?} of stream {stream:?} was not deleted: {error}");
            self.context.inner.client.shared().event(Event::ClientError(ClientError::Other(text)));
        }
    }
}

/// A future that nobody awaits. It is its own waker, so whoever brings the answer also carries it
/// on, without a task.
struct Unawaited(Mutex<Progress>);

enum Progress {
    Waiting(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Somebody polls it, without the lock; whether it was woken meanwhile.
    Polled {
        again: bool,
    },
    Done,
}

impl Wake for Unawaited {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut cx = Context::from_waker(&waker);
        while let Some(mut future) = self.take() {
            let poll = future.as_mut().poll(&mut cx);
            let mut progress = self.0.lock();
            let again = matches!(*progress, Progress::Polled { again: true });
            *progress = match poll {
                Poll::Ready(()) => Progress::Done,
                Poll::Pending => Progress::Waiting(future),
            };
            if !again {
                return;
            }
        }
    }
}

impl Unawaited {
    /// The future, if it is this caller's turn to poll it.
    fn take(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let mut progress = self.0.lock();
        match core::mem::replace(&mut *progress, Progress::Polled { again: false }) {
            Progress::Waiting(future) => Some(future),
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
}
