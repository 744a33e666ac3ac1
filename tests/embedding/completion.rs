//! A connection on io_uring, where the kernel owns the buffers while it works: on `compio`.
//!
//! `docs/embedding.md` explains the calls and their order.

use compio::BufResult;
use compio::io::{AsyncRead, AsyncWrite};
use compio::net::TcpStream;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use midge::proto::{Instant, Target};
use midge::{Client, ConnectOptions, Driver, DriverOrder, FirstConnection, Parked};
use std::io::{self, ErrorKind, IoSlice};

/// Bytes that one read may bring.
const READ_BYTES: usize = 64 << 10;

type Operation<T> = Pin<Box<dyn Future<Output = T>>>;

/// Connects on the compio runtime of this thread, which carries the connection.
pub(crate) async fn connect(url: &str) -> Result<Client, midge::ConnectError> {
    let began = std::time::Instant::now();
    let options = ConnectOptions::<()>::new();
    let (client, driver, first): (_, _, FirstConnection) = options.build(url, Instant::ZERO)?;
    compio::runtime::spawn(carry(driver, began)).detach();
    first.wait().await?;
    Ok(client)
}

/// What is under way in the kernel; each has its own buffer, and there is one of a kind at a time.
#[derive(Default)]
struct Operations {
    stream: Option<TcpStream>,
    dial: Option<(midge::proto::DialId, Operation<io::Result<TcpStream>>)>,
    read: Option<Operation<BufResult<usize, Vec<u8>>>>,
    /// What was read and the driver has not taken yet: it may hold reading back at any time.
    input: Vec<u8>,
    write: Option<Operation<BufResult<usize, Vec<u8>>>>,
    sleep: Option<Operation<()>>,
}

async fn carry(mut driver: Driver, began: std::time::Instant) {
    let now = || Instant::ZERO + began.elapsed();
    let mut under_way = Operations::default();
    poll_fn(|cx| {
        while turn(&mut driver, &mut under_way, now(), cx) {}
        if driver.is_closed() {
            return Poll::Ready(());
        }
        if let Some(at) = driver.poll_timeout() {
            let sleep = compio::time::sleep(at.saturating_since(now()));
            let mut sleep: Operation<()> = Box::pin(sleep);
            if sleep.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
            under_way.sleep = Some(sleep);
        }
        if driver.park(cx.waker()) == Parked::Work {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
}

/// One look at everything; says whether there was any progress.
fn turn(driver: &mut Driver, ops: &mut Operations, now: Instant, cx: &mut Context<'_>) -> bool {
    let mut progress = false;
    driver.handle_commands(now);
    if driver.poll_timeout().is_some_and(|at| at <= now) {
        driver.handle_timeout(now);
        progress = true;
    }
    while let Some(order) = driver.poll_order() {
        progress = true;
        match order {
            DriverOrder::Dial { dial, target: Target::Address(address), .. } => {
                ops.dial = Some((dial, Box::pin(TcpStream::connect(address))));
            }
            // This example takes addresses only: no names, no dialers of the application.
            DriverOrder::Dial { dial, .. } | DriverOrder::DialCustom { dial, .. } => {
                driver.handle_dial_failed(now, dial, &ErrorKind::Unsupported.into());
            }
            DriverOrder::Resolve { .. } => {
                driver.handle_resolved(now, Err(ErrorKind::Unsupported.into()));
            }
            // Dropping what is under way cancels it; the kernel gives its buffers back by itself.
            _ => *ops = Operations::default(),
        }
    }
    if let Some((dial, connecting)) = &mut ops.dial
        && let Poll::Ready(result) = connecting.as_mut().poll(cx)
    {
        match result {
            Ok(stream) => {
                driver.handle_dialed(now, *dial, stream.local_addr().ok());
                ops.stream = Some(stream);
            }
            Err(error) => driver.handle_dial_failed(now, *dial, &error),
        }
        (ops.dial, progress) = (None, true);
    }
    let Some(stream) = &ops.stream else { return progress };
    if ops.write.is_none() && driver.prepare_write(now) {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = driver.write_slices(&mut slices);
        let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        let mut half = stream.clone();
        ops.write = Some(Box::pin(async move { half.write(bytes).await }));
    }
    progress |= take_in(driver, &mut ops.input, now);
    if ops.read.is_none() && ops.input.is_empty() && driver.read_buf().is_some() {
        let mut half = stream.clone();
        ops.read = Some(Box::pin(async move { half.read(Vec::with_capacity(READ_BYTES)).await }));
    }
    let written = ops.write.as_mut().map(|write| write.as_mut().poll(cx));
    let read = ops.read.as_mut().map(|read| read.as_mut().poll(cx));
    let mut end = None;
    if let Some(Poll::Ready(BufResult(result, _))) = written {
        (ops.write, progress) = (None, true);
        match result {
            Ok(count) => driver.handle_written(now, count),
            Err(error) => end = Some(error),
        }
    }
    if let Some(Poll::Ready(BufResult(result, bytes))) = read {
        (ops.read, progress) = (None, true);
        match result {
            Ok(0) => end = Some(ErrorKind::UnexpectedEof.into()),
            Ok(_) => ops.input = bytes,
            Err(error) => end = Some(error),
        }
    }
    if let Some(error) = end {
        *ops = Operations::default();
        driver.handle_disconnected(now, Some(&error));
    }
    progress
}

/// Copies what the kernel read to where the driver wants it, as far as it does.
fn take_in(driver: &mut Driver, input: &mut Vec<u8>, now: Instant) -> bool {
    let Some(buf) = driver.read_buf().filter(|_| !input.is_empty()) else { return false };
    let count = input.len().min(buf.len());
    buf[..count].copy_from_slice(&input[..count]);
    input.drain(..count);
    driver.handle_read(now, count);
    true
}
