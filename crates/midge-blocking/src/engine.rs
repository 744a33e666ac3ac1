//! Who carries a connection: a thread of its own, or the thread that waits for it.
//!
//! What it takes to carry the connection is a [`Wheel`], and whoever holds it is the owner. The I/O
//! thread holds it while several threads wait, or none does for a while. A thread that waits alone
//! gets it and does the I/O itself: a reply is then read by the one who wants it, without a switch
//! of threads. When it is done it leaves the wheel free, for the next call to take; if none turns it
//! within [`GRACE`], the I/O thread takes it.
//!
//! ```text
//!            +-- waits alone ------------------+
//!            |                                 v
//!      I/O thread <-- others wait, work -- waiting thread
//!            ^        is left                | ^
//!            |                          done | | next call
//!            +---- work, or GRACE ----- free <-+ |
//!                                         +------+
//! ```

use crate::reactor::Reactor;
use crate::runtime::Threads;
use crate::waiter::Waiter;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::Future;
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicU8, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use midge::Driver;
use std::collections::HashMap;
use std::io;
use std::panic::catch_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

/// How long the wheel may be left alone before the I/O thread takes it.
///
/// Nobody waits then, so nothing that comes in is late for anyone. Long enough that a loop of calls
/// that wait does not meet the I/O thread, short beside the seconds of keep-alive and timeouts.
const GRACE: Duration = Duration::from_millis(5);

/// Calls in a row that write what they queued by themselves, though they need not wait.
///
/// A responder alternates waiting and answering, and its answers should go out without a switch of
/// threads. One who only publishes is better served by the I/O thread, which writes many at a time.
const OWN_WRITES_MAX: u8 = 4;

/// Turns of the I/O thread with one thread waiting before that thread gets the wheel, after there
/// were several.
const CROWD_TURNS: u8 = 64;

/// Nothing to do that the owner does not know of.
const RUNNING: u8 = 0;
/// The owner waits for the sockets.
const WAITING: u8 = 1;
/// There is something new to do.
const NOTIFIED: u8 = 2;
/// There is no owner, and nothing to do.
const FREE: u8 = 3;

/// Carries one connection.
pub(crate) struct Engine {
    status: AtomicU8,
    interrupt: mio::Waker,
    reactor: Arc<Reactor>,
    seat: Mutex<Seat>,
    /// Tells the I/O thread, while it does not hold the wheel.
    told: Condvar,
}

/// What its holder drives the connection with.
pub(crate) struct Wheel {
    poll: mio::Poll,
    events: mio::Events,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    waker: Waker,
    /// See [`OWN_WRITES_MAX`].
    own_writes: u8,
    use_made: Use,
}

/// What a call made of the wheel that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It found what it wanted without looking at the sockets.
    None,
    Turned,
}

/// Where the wheel is, and who would like to have it.
#[derive(Default)]
struct Seat {
    wheel: Place,
    /// The I/O thread is to take the wheel, nobody else.
    is_wanted: bool,
    /// The I/O thread sleeps without a limit until the wheel is free.
    is_long: bool,
    /// Asynchronous handles are in use: what they wait for must not wait for the grace to pass.
    is_shared: bool,
    /// Threads that wait and do not hold the wheel, by address.
    waiting: HashMap<usize, Arc<Waiter>>,
    crowd: u8,
    /// Times the wheel was left free by one who turned it.
    drives: u64,
}

#[derive(Default)]
enum Place {
    Free(Box<Wheel>),
    #[default]
    Taken,
    Over,
}

/// What became of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    On,
    /// The connection is closed for good.
    Over,
}

thread_local! {
    /// The engine whose driver this thread is polling, by address.
    static POLLING: Cell<usize> = const { Cell::new(0) };
    /// Wheels of calls that are polling what they wait for, by address of their engine: that may
    /// make calls of its own, which have to find the wheel.
    static LENT: RefCell<Vec<(usize, Box<Wheel>)>> = const { RefCell::new(Vec::new()) };
}

impl Engine {
    /// Starts the I/O thread.
    pub(crate) fn start(
        poll: mio::Poll,
        interrupt: mio::Waker,
        reactor: Arc<Reactor>,
        driver: Driver,
        threads: Threads,
    ) -> io::Result<()> {
        let engine = Arc::new(Self {
            status: AtomicU8::new(RUNNING),
            interrupt,
            reactor,
            seat: Mutex::default(),
            told: Condvar::new(),
        });
        driver.attach(Arc::clone(&engine) as _);
        let wheel = Box::new(Wheel {
            poll,
            events: mio::Events::with_capacity(8),
            driver: Box::pin(midge::run(driver, threads)),
            waker: Waker::from(Arc::clone(&engine)),
            own_writes: 0,
            use_made: Use::None,
        });
        std::thread::Builder::new()
            .name("midge-io".to_owned())
            .spawn(move || engine.carry(wheel))
            .map(|_| ())
    }

    /// The I/O thread.
    fn carry(&self, mut wheel: Box<Wheel>) {
        loop {
            if self.turn(&mut wheel) == Turn::Over {
                return;
            }
            wheel = match self.offer(wheel) {
                Some(mut kept) => {
                    self.wait(&mut kept, None, || false);
                    kept
                }
                None => match self.stand_by() {
                    Some(taken) => taken,
                    None => return,
                },
            };
        }
    }

    /// Hands the wheel to the one thread that waits, or gives it back.
    fn offer(&self, wheel: Box<Wheel>) -> Option<Box<Wheel>> {
        let mut seat = self.seat();
        if seat.is_shared || seat.waiting.len() != 1 {
            return Some(wheel);
        }
        if seat.crowd > 0 {
            seat.crowd -= 1;
            return Some(wheel);
        }
        let alone = seat.waiting.drain().next();
        match alone {
            // Under the lock: a waiter that leaves looks for the wheel under it, too.
            Some((_, waiter)) => waiter.hand(wheel),
            None => return Some(wheel),
        }
        None
    }

    /// Sleeps until the I/O thread is to drive again; `None` when all is over.
    fn stand_by(&self) -> Option<Box<Wheel>> {
        let mut seat = self.seat();
        let mut seen = None;
        loop {
            let is_quiet = seen == Some(seat.drives);
            match seat.wheel {
                Place::Over => return None,
                Place::Free(_) if seat.is_wanted || is_quiet => {
                    seat.is_wanted = false;
                    return seat.take();
                }
                Place::Taken if is_quiet => {
                    // Somebody waits for long: no reason to look every few milliseconds.
                    seat.is_long = true;
                    seat = self.told.wait(seat).unwrap_or_else(PoisonError::into_inner);
                    seat.is_long = false;
                    seen = None;
                }
                Place::Free(_) | Place::Taken => {
                    seen = Some(seat.drives);
                    let waited = self.told.wait_timeout(seat, GRACE);
                    seat = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Waits for `future` on this thread; `None` when `limit` comes first.
    ///
    /// # Panics
    ///
    /// When it would have to wait in a callback of this very connection, which then could not go on.
    pub(crate) fn block_on<F: Future>(
        self: &Arc<Self>,
        future: F,
        limit: Option<Instant>,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut stay = Stay::begin(self);
        if let Poll::Ready(output) = stay.poll(future.as_mut(), Waker::noop()) {
            stay.write_own();
            return Some(output);
        }
        assert!(
            !self.is_polled_here(),
            "a callback of a connection waited for the same connection: use a handler thread"
        );
        let waiter = Waiter::new(Arc::clone(self));
        let waker = Waker::from(Arc::clone(&waiter));
        loop {
            waiter.rest();
            if let Poll::Ready(output) = stay.poll(future.as_mut(), &waker) {
                return Some(output);
            }
            if limit.is_some_and(|limit| limit <= Instant::now()) {
                return None;
            }
            stay.wheel = match stay.wheel.take().or_else(|| self.enlist(&waiter)) {
                Some(wheel) => self.lead(wheel, &waiter, limit),
                None => {
                    waiter.park(limit);
                    self.delist(&waiter)
                }
            };
        }
    }

    /// Drives until the waiter is woken, the limit has come, or all is over.
    fn lead(
        &self,
        mut wheel: Box<Wheel>,
        waiter: &Waiter,
        limit: Option<Instant>,
    ) -> Option<Box<Wheel>> {
        waiter.set_leading(true);
        // One that woke itself lets others have their turn: the connection is the first of them.
        if waiter.is_woken() {
            self.wait(&mut wheel, None, || true);
        }
        loop {
            if self.turn(&mut wheel) == Turn::Over {
                waiter.set_leading(false);
                return None;
            }
            if waiter.is_woken() || limit.is_some_and(|limit| limit <= Instant::now()) {
                break;
            }
            self.wait(&mut wheel, limit, || waiter.is_woken());
            if waiter.is_woken() {
                break;
            }
        }
        waiter.set_leading(false);
        Some(wheel)
    }

    /// Polls the driver once.
    fn turn(&self, wheel: &mut Wheel) -> Turn {
        wheel.use_made = Use::Turned;
        self.status.store(RUNNING, Ordering::SeqCst);
        self.reactor.clear_deadline();
        let before = POLLING.replace(self.address());
        let Wheel { driver, waker, .. } = wheel;
        let poll = catch_unwind(AssertUnwindSafe(|| {
            driver.as_mut().poll(&mut Context::from_waker(waker))
        }));
        if let Ok(Poll::Pending) = poll {
            POLLING.set(before);
            return Turn::On;
        }
        // After a panic in a callback, the drop of the driver tells everybody that it is closed.
        wheel.driver = Box::pin(core::future::ready(()));
        POLLING.set(before);
        self.seat().wheel = Place::Over;
        self.told.notify_one();
        Turn::Over
    }

    /// Waits for the sockets, the sleep of the driver, the limit, or news.
    fn wait(&self, wheel: &mut Wheel, limit: Option<Instant>, is_woken: impl FnOnce() -> bool) {
        wheel.own_writes = 0;
        let idle = self.change(RUNNING, WAITING);
        let timeout = if !idle || is_woken() {
            Some(Duration::ZERO)
        } else {
            let limit = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
            [self.reactor.until_deadline(), limit].into_iter().flatten().min()
        };
        // Cut short by a signal: the turn that follows finds out.
        let _ = wheel.poll.poll(&mut wheel.events, timeout);
        self.change(WAITING, RUNNING);
        self.reactor.note(&wheel.events);
    }

    /// Looks what has come in, if nobody else does.
    pub(crate) fn glance(&self) {
        let mut stay = Stay::begin(self);
        if let Some(wheel) = &mut stay.wheel {
            self.wait(wheel, None, || true);
            if self.turn(wheel) == Turn::Over {
                stay.wheel = None;
            }
        }
    }

    /// From here on there are asynchronous handles: the I/O thread drives whatever happens.
    pub(crate) fn share(&self) {
        let mut seat = self.seat();
        seat.is_shared = true;
        if let Place::Free(_) = seat.wheel {
            seat.is_wanted = true;
            self.told.notify_one();
        }
    }

    /// Takes the wheel if it is free.
    fn take(&self, seat: &mut Seat) -> Option<Box<Wheel>> {
        if seat.is_wanted {
            return None;
        }
        let mut wheel = seat.take()?;
        wheel.use_made = Use::None;
        self.change(FREE, RUNNING);
        Some(wheel)
    }

    /// Says that a thread is about to wait; gives it the wheel if that is free.
    fn enlist(&self, waiter: &Arc<Waiter>) -> Option<Box<Wheel>> {
        let mut seat = self.seat();
        if let Some(wheel) = self.take(&mut seat) {
            return Some(wheel);
        }
        seat.waiting.insert(address(waiter), Arc::clone(waiter));
        if seat.waiting.len() > 1 {
            seat.crowd = CROWD_TURNS;
        }
        None
    }

    /// Says that a thread waits no longer; gives it the wheel if that was handed to it.
    fn delist(&self, waiter: &Arc<Waiter>) -> Option<Box<Wheel>> {
        // Both under the lock, under which it is handed over: none is given to who has left.
        let mut seat = self.seat();
        seat.waiting.remove(&address(waiter));
        waiter.take_wheel()
    }

    /// Leaves the wheel: free, or to the I/O thread where somebody waits or work is left.
    fn leave(&self, wheel: Box<Wheel>) {
        let mut seat = self.seat();
        // One who works through what has come turns nothing: it keeps nobody from doing so.
        if wheel.use_made == Use::Turned {
            seat.drives = seat.drives.wrapping_add(1);
        }
        seat.wheel = Place::Free(wheel);
        seat.is_wanted = seat.is_shared
            || !seat.waiting.is_empty()
            || self.reactor.is_blocked()
            || !self.change(RUNNING, FREE);
        if seat.is_wanted || seat.is_long {
            self.told.notify_one();
        }
    }

    /// Makes the owner look up from waiting for the sockets.
    pub(crate) fn interrupt(&self) {
        if self.change(WAITING, NOTIFIED) {
            self.wake_sockets();
        }
    }

    fn wake_sockets(&self) {
        // It fails when the descriptor is gone, and nobody waits on it then.
        let _ = self.interrupt.wake();
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.status.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn is_polled_here(&self) -> bool {
        POLLING.get() == self.address()
    }

    /// Leaves the wheel to calls that are made on this thread, further in; gives it back where that
    /// is not possible any more, because the thread is ending.
    fn lend(&self, wheel: Box<Wheel>) -> Option<Box<Wheel>> {
        let mut kept = Some(wheel);
        let _ = LENT.try_with(|lent| {
            lent.borrow_mut().extend(kept.take().map(|wheel| (self.address(), wheel)));
        });
        kept
    }

    /// Takes the wheel that a call on this thread has lent.
    fn borrow(&self) -> Option<Box<Wheel>> {
        let lent = LENT.try_with(|lent| {
            let mut lent = lent.borrow_mut();
            let at = lent.iter().rposition(|(engine, _)| *engine == self.address())?;
            Some(lent.swap_remove(at).1)
        });
        lent.ok().flatten()
    }

    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    fn seat(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn take(&mut self) -> Option<Box<Wheel>> {
        match core::mem::take(&mut self.wheel) {
            Place::Free(wheel) => Some(wheel),
            Place::Taken => None,
            Place::Over => {
                self.wheel = Place::Over;
                None
            }
        }
    }
}

/// The waker of the driver.
impl Wake for Engine {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.status.swap(NOTIFIED, Ordering::SeqCst) {
            WAITING => self.wake_sockets(),
            FREE => {
                let mut seat = self.seat();
                if let Place::Free(_) = seat.wheel {
                    seat.is_wanted = true;
                    self.told.notify_one();
                }
            }
            // Its owner looks before it waits or leaves.
            _ => {}
        }
    }
}

/// A call that is under way: leaves nothing behind, however it ends.
struct Stay<'a> {
    engine: &'a Engine,
    wheel: Option<Box<Wheel>>,
    source: Source,
}

/// Where a call has the wheel from, and puts it back to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Seat,
    /// A call further out on the same thread, which is polling what makes this one.
    Outer,
}

impl<'a> Stay<'a> {
    fn begin(engine: &'a Engine) -> Self {
        match engine.borrow() {
            Some(wheel) => Self { engine, wheel: Some(wheel), source: Source::Outer },
            None => {
                let wheel = engine.take(&mut engine.seat());
                Self { engine, wheel, source: Source::Seat }
            }
        }
    }

    /// Polls what is waited for, which may make calls that wait for the same connection.
    fn poll<F: Future>(&mut self, future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
        self.wheel = self.wheel.take().and_then(|wheel| self.engine.lend(wheel));
        let _back = GetBack(self);
        future.poll(&mut Context::from_waker(waker))
    }

    /// Writes what a call queued that need not wait, unless there are many of them.
    fn write_own(&mut self) {
        if let Some(wheel) = &mut self.wheel
            && wheel.own_writes < OWN_WRITES_MAX
            && self.engine.status.load(Ordering::SeqCst) == NOTIFIED
        {
            wheel.own_writes += 1;
            if self.engine.turn(wheel) == Turn::Over {
                self.wheel = None;
            }
        }
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let wheel = match self.source {
            Source::Seat => self.wheel.take(),
            Source::Outer => self.wheel.take().and_then(|wheel| self.engine.lend(wheel)),
        };
        if let Some(wheel) = wheel {
            self.engine.leave(wheel);
        }
    }
}

/// Gets the wheel back that a call has lent, also where what it polled panics.
struct GetBack<'s, 'a>(&'s mut Stay<'a>);

impl Drop for GetBack<'_, '_> {
    fn drop(&mut self) {
        self.0.wheel = self.0.wheel.take().or_else(|| self.0.engine.borrow());
    }
}

fn address(waiter: &Arc<Waiter>) -> usize {
    Arc::as_ptr(waiter).addr()
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
