//! Handles that block, around handles that do not.

use crate::engine::Engine;
use crate::waiter::park_on;
use core::fmt;
use core::future::Future;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use futures_core::Stream;
use std::sync::Arc;
use std::time::Instant;

/// A handle of `midge` whose waiting calls block the thread.
///
/// Calls that never wait are those of the handle inside, which this derefs to. For each call that
/// does wait there is one here of the same name. Where there is none, [`wait`](Self::wait) blocks
/// on any future, and [`map`](Self::map) wraps whatever a call returns.
///
/// Every call may be made from any thread, also from inside an asynchronous task (whose executor it
/// holds up like any call that blocks), and while the client ends.
#[derive(Clone)]
pub struct Blocking<T> {
    inner: T,
    carrier: Carrier,
}

/// Who carries the connection of a handle.
#[derive(Clone, Debug)]
pub(crate) enum Carrier {
    /// Threads of this crate, or the waiting thread itself.
    Threads(Arc<Engine>),
    /// Another runtime, which goes on while a thread waits.
    Other,
}

impl Carrier {
    /// What carries a connection, by its handle.
    pub(crate) fn of(client: &midge::Client) -> Self {
        client.attached::<Engine>().map_or(Self::Other, Self::Threads)
    }

    pub(crate) fn wait<F: Future>(&self, future: F, limit: Option<Instant>) -> Option<F::Output> {
        match self {
            Self::Threads(engine) => engine.block_on(future, limit),
            Self::Other => park_on(future, limit),
        }
    }

    /// Waits without a limit.
    pub(crate) fn finish<F: Future>(&self, future: F) -> F::Output {
        match self.wait(future, None) {
            Some(output) => output,
            None => unreachable!("only a limit ends a wait early"),
        }
    }

    pub(crate) fn share(&self) {
        if let Self::Threads(engine) = self {
            engine.share();
        }
    }

    /// Takes in what has arrived, if nobody is about it.
    pub(crate) fn glance(&self) {
        if let Self::Threads(engine) = self {
            engine.glance();
        }
    }
}

impl<T> Blocking<T> {
    pub(crate) fn new(inner: T, carrier: Carrier) -> Self {
        Self { inner, carrier }
    }

    pub(crate) fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    pub(crate) fn into_parts(self) -> (T, Carrier) {
        (self.inner, self.carrier)
    }

    /// Wraps another handle of the same connection.
    pub(crate) fn with<U>(&self, inner: U) -> Blocking<U> {
        Blocking::new(inner, self.carrier.clone())
    }

    /// Blocks until `future` is done: for calls of the handle inside that have no twin here.
    ///
    /// The thread may carry the connection meanwhile: what blocks for long in a poll of the future
    /// holds it up. A handler has a thread of its own for such work.
    ///
    /// # Panics
    ///
    /// When it would have to wait inside a callback of this very connection (one for events, for
    /// credentials or for the choice of a server), which could then not go on. Every call that
    /// waits shares this; [`handle_with`](Self::handle_with) on [`events`](Client::events) has a
    /// thread of its own and may call anything.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.carrier.finish(future)
    }

    /// Makes another blocking handle out of the one inside.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Blocking<U> {
        Blocking::new(change(self.inner), self.carrier)
    }

    /// The asynchronous handle, to be used in tasks of any runtime beside this one.
    ///
    /// From the first such call on, the connection stays with its own thread, so that no task waits
    /// for a thread to come and drive; calls that block then take a switch of threads more. A handle
    /// that was got at by `Deref` works as well, but may be served some milliseconds late.
    pub fn as_async(&self) -> &T {
        self.carrier.share();
        &self.inner
    }

    /// The asynchronous handle, instead of this one; see [`as_async`](Self::as_async).
    pub fn into_async(self) -> T {
        self.carrier.share();
        self.inner
    }
}

/// Takes an asynchronous handle, of whichever runtime, to block on.
///
/// The runtime that carries the connection has to go on meanwhile: a call that blocks the only
/// thread of a current-thread runtime waits for itself.
impl From<midge::Client> for Client {
    fn from(client: midge::Client) -> Self {
        let carrier = Carrier::of(&client);
        carrier.share();
        Self::new(client, carrier)
    }
}

/// A client whose calls block.
pub type Client = Blocking<midge::Client>;

/// A subscription whose calls block.
pub type Subscriber = Blocking<midge::Subscriber>;

/// The events of a client, to be waited for.
pub type Events = Blocking<midge::Events>;

/// What a blocking stream yields: handles as blocking ones, everything else as it is.
pub trait Yield {
    /// What becomes of an item.
    type Output;

    /// The same through the connection of `source`.
    #[doc(hidden)]
    fn through<T>(self, source: &Blocking<T>) -> Self::Output;
}

impl<T: Yield, E> Yield for Result<T, E> {
    type Output = Result<T::Output, E>;

    fn through<U>(self, source: &Blocking<U>) -> Self::Output {
        self.map(|item| item.through(source))
    }
}

macro_rules! yields {
    (as it is: $($value:ty),*; blocking: $($handle:ty),*;) => {
        $(impl $crate::Yield for $value {
            type Output = Self;

            fn through<T>(self, _: &$crate::Blocking<T>) -> Self {
                self
            }
        })*
        $(impl $crate::Yield for $handle {
            type Output = $crate::Blocking<Self>;

            fn through<T>(self, source: &$crate::Blocking<T>) -> Self::Output {
                source.with(self)
            }
        })*
    };
}

#[cfg(feature = "jetstream")]
pub(crate) use yields;

yields! {
    as it is: midge::Message, midge::Item, midge::Event, midge::State, midge::SubscriptionState,
        String;
    blocking: ;
}

impl<S: Stream<Item: Yield> + Unpin> Blocking<S> {
    /// The next item; `None` when there will be no more.
    #[expect(
        clippy::should_implement_trait,
        reason = "as an iterator, its adapters would hide calls of the handle inside; `iter` is one"
    )]
    pub fn next(&mut self) -> Option<<S::Item as Yield>::Output> {
        let item = match what_waits(&mut self.inner) {
            Poll::Ready(item) => item,
            Poll::Pending => self.carrier.finish(next_of(&mut self.inner)),
        };
        item.map(|item| item.through(self))
    }

    /// The next item or the end, unless the time is up first.
    ///
    /// # Errors
    ///
    /// [`TimedOut`]; nothing is lost then.
    pub fn next_within(
        &mut self,
        time: Duration,
    ) -> Result<Option<<S::Item as Yield>::Output>, TimedOut> {
        let item = match what_waits(&mut self.inner) {
            Poll::Ready(item) => item,
            Poll::Pending => {
                let limit = Instant::now().checked_add(time);
                self.carrier.wait(next_of(&mut self.inner), limit).ok_or(TimedOut(time))?
            }
        };
        Ok(item.map(|item| item.through(self)))
    }

    /// All items to come; ends with the stream.
    pub fn iter(&mut self) -> Iter<'_, S> {
        Iter(self)
    }
}

/// What has come already is had without a hand on the connection: whoever drives it goes on.
fn what_waits<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

fn next_of<S: Stream + Unpin>(stream: &mut S) -> impl Future<Output = Option<S::Item>> {
    core::future::poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx))
}

/// Iterates over what a [`Blocking`] stream yields, and waits for it.
#[derive(Debug)]
pub struct Iter<'a, S>(&'a mut Blocking<S>);

impl<S: Stream<Item: Yield> + Unpin> Iterator for Iter<'_, S> {
    type Item = <S::Item as Yield>::Output;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a, S: Stream<Item: Yield> + Unpin> IntoIterator for &'a mut Blocking<S> {
    type Item = <S::Item as Yield>::Output;
    type IntoIter = Iter<'a, S>;

    fn into_iter(self) -> Iter<'a, S> {
        self.iter()
    }
}

/// The time was up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut(pub Duration);

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing came within {:?}", self.0)
    }
}

impl core::error::Error for TimedOut {}

impl<T> Deref for Blocking<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for Blocking<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: fmt::Debug> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
