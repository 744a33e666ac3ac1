//! Threads that call the application with each item of a stream.

use crate::blocking::{Blocking, Client};
use crate::{Message, SubscribeError, ToSubject};
use core::convert::Infallible;
use core::fmt;
use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Poll;
use futures_channel::oneshot;
use futures_core::Stream;
use std::io;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A thread that calls a handler with each item; dropping this stops it.
///
/// A drop does not wait: a call that is under way is finished, and there is no other. The
/// subscription ends with the thread. A handler that panics is called again with the next item; the
/// panic is counted here, and reported by the process' panic hook.
#[derive(Debug)]
#[must_use = "a handler stops when this is dropped"]
pub struct Handler {
    /// Nothing is ever sent: the thread hears of the drop.
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
    panics: Arc<Mutex<Panics>>,
    unacknowledged: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Panics {
    count: u64,
    last: Option<String>,
}

impl Handler {
    /// Stops the thread and waits until the call that is under way has returned; does not wait in
    /// the handler itself.
    pub fn stop(mut self) {
        self.stop = None;
        self.join();
    }

    /// Waits until the stream ends; does not wait in the handler itself.
    pub fn join(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if thread.thread().id() != std::thread::current().id() {
            // The thread catches what the handler throws.
            let _ = thread.join();
        }
    }

    /// Whether the thread has come to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Messages that were to be acknowledged behind their call and were not: that could not be
    /// sent, or the call wanted to say something of them that did not get through. They come again
    /// when their time is over. Those whose call panicked are not among them.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.unacknowledged.load(Ordering::Relaxed)
    }

    /// With what counts the messages that are not acknowledged.
    #[cfg(feature = "jetstream")]
    pub(crate) fn with_unacknowledged(self, unacknowledged: Arc<AtomicU64>) -> Self {
        Self { unacknowledged, ..self }
    }

    /// Calls that panicked.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// What the last call that panicked said.
    #[must_use]
    pub fn last_panic(&self) -> Option<String> {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }
}

impl<S: Stream + Unpin + Send + 'static> Blocking<S> {
    /// Starts a thread that calls `handler` with each item to come.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn handle_with<F>(self, mut handler: F) -> io::Result<Handler>
    where
        F: FnMut(S::Item) + Send + 'static,
    {
        let (stop, mut stopped) = oneshot::channel::<Infallible>();
        let panics = Arc::new(Mutex::new(Panics::default()));
        let seen = Arc::clone(&panics);
        let (mut stream, carrier) = self.into_parts();
        let run = move || loop {
            let next = carrier.finish(poll_fn(|cx| match Pin::new(&mut stopped).poll(cx) {
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending => Pin::new(&mut stream).poll_next(cx),
            }));
            let Some(item) = next else { return };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| handler(item))) {
                let mut panics = seen.lock().unwrap_or_else(PoisonError::into_inner);
                panics.count += 1;
                panics.last = Some(text_of(&*panic));
            }
        };
        let thread = std::thread::Builder::new().name("midge-handler".to_owned()).spawn(run)?;
        Ok(Handler {
            stop: Some(stop),
            thread: Some(thread),
            panics,
            unacknowledged: Arc::default(),
        })
    }
}

fn text_of(panic: &(dyn core::any::Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "a value that is no text".to_owned(),
    }
}

impl Client {
    /// Subscribes, and starts a thread that calls `handler` with each message; a
    /// [`barrier`](Self::barrier) waits for it.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe), and when the operating system gives no thread.
    pub fn subscribe_with<S, F>(&self, subject: S, handler: F) -> Result<Handler, HandlerError>
    where
        S: ToSubject,
        F: FnMut(Message) + Send + 'static,
    {
        let subscriber = self.subscribe(subject).map_err(HandlerError::Subscribe)?;
        subscriber.join_barriers();
        subscriber.handle_with(handler).map_err(|error| HandlerError::Thread(error.to_string()))
    }
}

/// Why there is no handler.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum HandlerError {
    /// There is no subscription.
    Subscribe(SubscribeError),
    /// The operating system gave no thread; this is what it said.
    Thread(String),
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscribe(_) => f.write_str("no subscription for the handler"),
            Self::Thread(text) => write!(f, "no thread for the handler: {text}"),
        }
    }
}

impl core::error::Error for HandlerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Subscribe(error) => Some(error),
            Self::Thread(_) => None,
        }
    }
}
