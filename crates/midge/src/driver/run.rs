//! The loop that every async runtime shares.

use super::carried::Carried;
use super::dialing::{Dials, Opened, Way, open};
use super::outbound::SLICES_MAX;
use super::{Driver, Machine, Order, Parked};
use crate::dialer::Link;
use crate::runtime::{Runtime, Stream};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use midge_proto::Instant;
use std::io::IoSlice;

/// Reads or writes in one poll before others get their turn.
const TURNS_MAX: usize = 16;

/// Drives a client's connection on `runtime` until the client is closed.
///
/// An adapter spawns this once a connection. Dropping the future ends the client: every waiter hears
/// that it is closed.
pub fn run<R: Runtime>(driver: Driver, runtime: R) -> impl Future<Output = ()> {
    drive(driver, runtime)
}

async fn drive<R: Runtime>(driver: Driver, runtime: R) {
    let mut carried: Carried<Link<R::Stream>> = Carried { driver, stream: None };
    let mut resolving = None;
    let mut dials = Dials::new();
    let mut sleep = None;
    let mut armed = Instant::MAX;
    poll_fn(|cx| {
        let Carried { driver, stream } = &mut carried;
        let driver = &mut **driver;
        let mut now = runtime.now();
        driver.handle_commands(now);
        for _ in 0..TURNS_MAX {
            let mut progress = false;
            if driver.poll_timeout().is_some_and(|at| at <= now) {
                driver.handle_timeout(now);
                progress = true;
            }
            while driver.poll_callbacks(now, cx).is_ready() {
                progress = true;
            }
            while let Some(order) = driver.poll_order() {
                progress = true;
                match order {
                    Order::Resolve { host, port } => {
                        resolving = Some(Box::pin(runtime.resolve(host, port)));
                    }
                    Order::Dial { dial, target, options } => {
                        dials.begin(dial, open(&runtime, Way::Runtime(target, options)));
                    }
                    Order::DialCustom { dial, future } => {
                        dials.begin(dial, open(&runtime, Way::Custom(future)));
                    }
                    Order::Hangup { last_words } => {
                        resolving = None;
                        dials.clear();
                        if let Some(mut stream) = stream.take() {
                            if !last_words.is_empty() {
                                let slices = [IoSlice::new(&last_words)];
                                let _ = stream.poll_write_vectored(cx, &slices);
                            }
                            // The descriptor is closed by the drop; this sends the TCP end first.
                            let _ = stream.poll_close(cx);
                        }
                    }
                }
            }
            if let Some(Poll::Ready(result)) = poll_some(&mut resolving, cx) {
                resolving = None;
                driver.handle_resolved(now, result);
                progress = true;
            }
            if let Some((dial, result)) = dials.poll(cx) {
                match result {
                    Ok(Opened { link, verified_name }) => {
                        dials.clear();
                        let local = link.local_addr();
                        *stream = Some(link);
                        match verified_name {
                            Some(name) => driver.handle_dialed_secured(now, dial, local, name),
                            None => driver.handle_dialed(now, dial, local),
                        }
                    }
                    Err(error) => driver.handle_dial_failed(now, dial, &error),
                }
                progress = true;
            }
            if let Some(open) = stream {
                match transfer(driver, open, &runtime, now, cx) {
                    Transfer::Nothing => {}
                    Transfer::Progress => progress = true,
                    Transfer::Ended(error) => {
                        *stream = None;
                        driver.handle_disconnected(now, error.as_ref());
                        progress = true;
                    }
                }
            }
            let listener = driver.poll_listener(cx);
            if driver.is_closed() {
                return listener;
            }
            if progress {
                if driver.woke_several() {
                    // They have their turn first: what they ask for then goes out in one write.
                    break;
                }
                now = runtime.now();
                continue;
            }
            // A timer that fires too early is cheaper than one that is set anew for each request.
            if let Some(at) = driver.poll_timeout() {
                if at < armed || sleep.is_none() {
                    armed = at;
                    sleep = Some(Box::pin(runtime.sleep_until(at)));
                }
                if let Some(Poll::Ready(())) = poll_some(&mut sleep, cx) {
                    sleep = None;
                    armed = Instant::MAX;
                    // The clock decides, in the next turn.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            match driver.park(cx.waker()) {
                Parked::Idle => return Poll::Pending,
                Parked::Work => {
                    now = runtime.now();
                    driver.handle_commands(now);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn poll_some<F: Future>(
    future: &mut Option<Pin<Box<F>>>,
    cx: &mut Context<'_>,
) -> Option<Poll<F::Output>> {
    future.as_mut().map(|future| future.as_mut().poll(cx))
}

enum Transfer {
    /// Nothing that another turn could go on with.
    Nothing,
    Progress,
    Ended(Option<std::io::Error>),
}

/// One write and one read.
fn transfer<R: Runtime>(
    driver: &mut Machine,
    stream: &mut Link<R::Stream>,
    runtime: &R,
    mut now: Instant,
    cx: &mut Context<'_>,
) -> Transfer {
    let mut transfer = Transfer::Nothing;
    let let_go = stream.poll_flush(cx);
    driver.handle_flush(now, let_go.is_ready());
    if let Poll::Ready(Err(error)) = let_go {
        return drain_input(driver, stream, now, cx, error);
    }
    if let_go.is_ready() && driver.prepare_write(now) {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = driver.write_slices(&mut slices);
        match stream.poll_write_vectored(cx, &slices[..count]) {
            Poll::Ready(Ok(0)) => {
                return Transfer::Ended(Some(std::io::ErrorKind::WriteZero.into()));
            }
            Poll::Ready(Ok(count)) => {
                // First, so that nobody hears that bytes are out which the stream keeps.
                let let_go = stream.poll_flush(cx);
                driver.handle_flush(now, let_go.is_ready());
                driver.handle_written(now, count);
                if let Poll::Ready(Err(error)) = let_go {
                    return drain_input(driver, stream, now, cx, error);
                }
                if driver.is_writing() {
                    transfer = Transfer::Progress;
                }
                // The answer may come between the write and the read: a round trip has its length.
                now = runtime.now();
            }
            Poll::Ready(Err(error)) => {
                // What the server said before it hung up may still be there to be read.
                return drain_input(driver, stream, now, cx, error);
            }
            Poll::Pending => driver.handle_write_blocked(now),
        }
    }
    if let Some(buf) = driver.read_buf() {
        match stream.poll_read(cx, buf) {
            Poll::Ready(Ok(0)) => return Transfer::Ended(None),
            Poll::Ready(Ok(count)) => {
                driver.handle_read(now, count);
                transfer = Transfer::Progress;
            }
            Poll::Ready(Err(error)) => return Transfer::Ended(Some(error)),
            Poll::Pending => {}
        }
    }
    transfer
}

/// After a failed write: reads what is left, for the reason in it.
fn drain_input(
    driver: &mut Machine,
    stream: &mut impl Stream,
    now: Instant,
    cx: &mut Context<'_>,
    error: std::io::Error,
) -> Transfer {
    while let Some(buf) = driver.read_buf() {
        match stream.poll_read(cx, buf) {
            Poll::Ready(Ok(count)) if count > 0 => {
                driver.handle_read(now, count);
            }
            Poll::Ready(_) | Poll::Pending => break,
        }
    }
    Transfer::Ended(Some(error))
}
