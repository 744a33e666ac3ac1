//! A client without a runtime: its driver carried by hand over a socket of the standard library.

use crate::support::{DEADLINE, number_of, numbered, server};
use core::task::{Context, Waker};
use core::time::Duration;
use futures_util::FutureExt as _;
use midge_tokio::proto::{Instant, Target};
use midge_tokio::{
    Client, ConnectOptions, Driver, DriverOrder, NextError, Parked, REQUEST_TIMEOUT, RequestError,
};
use std::io::{IoSlice, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::task::Wake;

/// One who carries bytes: everything an adapter does, with a socket that blocks.
struct Pump {
    driver: Driver,
    socket: Option<TcpStream>,
    began: std::time::Instant,
    /// Calls that wrote to the socket.
    writes: usize,
    /// Most bytes that were offered to one read.
    largest_read: usize,
}

impl Pump {
    fn new(driver: Driver) -> Self {
        let began = std::time::Instant::now();
        Self { driver, socket: None, began, writes: 0, largest_read: 0 }
    }

    fn now(&self) -> Instant {
        assert!(self.began.elapsed() < DEADLINE, "{:?} takes too long", self.driver);
        Instant::ZERO + self.began.elapsed()
    }

    /// Everything but reading.
    fn turn(&mut self) {
        let now = self.now();
        self.driver.handle_commands(now);
        if self.driver.poll_timeout().is_some_and(|at| at <= now) {
            self.driver.handle_timeout(now);
        }
        let mut cx = Context::from_waker(Waker::noop());
        while self.driver.poll_callbacks(now, &mut cx).is_ready() {}
        while let Some(order) = self.driver.poll_order() {
            match order {
                DriverOrder::Dial { dial, target: Target::Address(address), .. } => {
                    let socket = TcpStream::connect(address).unwrap();
                    socket.set_read_timeout(Some(DEADLINE)).unwrap();
                    self.driver.handle_dialed(now, dial, socket.local_addr().ok());
                    self.socket = Some(socket);
                }
                DriverOrder::Hangup { .. } => self.socket = None,
                other => panic!("{other:?} was not expected"),
            }
        }
        while let Some(socket) = &mut self.socket
            && self.driver.prepare_write(now)
        {
            let mut slices = [IoSlice::new(&[]); 32];
            let filled = self.driver.write_slices(&mut slices);
            let count = socket.write_vectored(&slices[..filled]).unwrap();
            self.driver.handle_written(now, count);
            self.writes += 1;
        }
        assert_eq!(self.driver.park(Waker::noop()), Parked::Idle);
    }

    /// One read; returns how many frames were complete.
    fn read(&mut self) -> usize {
        let socket = self.socket.as_mut().unwrap();
        let buf = self.driver.read_buf().unwrap();
        self.largest_read = self.largest_read.max(buf.len());
        let count = socket.read(buf).unwrap();
        let now = self.now();
        self.driver.handle_read(now, count)
    }

    /// Goes on until the future is done.
    fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        loop {
            if let Some(output) = future.as_mut().now_or_never() {
                return output;
            }
            self.turn();
            if let Some(output) = future.as_mut().now_or_never() {
                return output;
            }
            if self.socket.is_some() {
                self.read();
            }
        }
    }
}

fn connect(url: &str) -> (Client, Pump) {
    connect_with(ConnectOptions::new(), url)
}

fn connect_with(options: ConnectOptions, url: &str) -> (Client, Pump) {
    let (client, driver, first) = options.build(url, Instant::ZERO).unwrap();
    let mut pump = Pump::new(driver);
    pump.run(first.wait()).unwrap();
    (client, pump)
}

#[test]
fn a_driver_is_carried_by_hand_without_a_runtime() {
    let server = server();
    let (client, mut pump) = connect(&server.url());
    let mut subscriber = client.subscription("h").open().unwrap();
    for number in 0..1_000 {
        pump.run(client.publish("h", numbered(number))).unwrap();
    }
    pump.run(client.sync()).unwrap();
    for number in 0..1_000 {
        assert_eq!(number_of(&subscriber.try_next().unwrap().unwrap()), number);
    }
    assert_eq!(subscriber.try_next(), Ok(None));
    pump.run(client.close()).unwrap();
    pump.turn();
    assert!(pump.driver.is_closed() && pump.socket.is_none());
}

#[test]
fn one_read_hands_on_all_complete_frames_and_counts_them() {
    let server = server();
    let (client, mut pump) = connect(&server.url());
    let mut subscriber = client.subscription("h").open().unwrap();
    pump.turn();
    let (publisher, mut other) = connect(&server.url());
    for number in 0..100 {
        other.run(publisher.publish("h", numbered(number))).unwrap();
    }
    other.run(publisher.sync()).unwrap();
    let mut frames = 0;
    while frames < 100 {
        let messages = client.statistics();
        let before = messages.in_messages.load(core::sync::atomic::Ordering::Relaxed);
        let count = pump.read();
        frames += count;
        let after = messages.in_messages.load(core::sync::atomic::Ordering::Relaxed);
        assert_eq!(after - before, count as u64, "only messages come here");
        let pending = subscriber.pending();
        assert_eq!(pending.messages, frames as u64, "what was counted can be read");
    }
    assert_eq!(frames, 100);
    assert_eq!(number_of(&subscriber.try_next().unwrap().unwrap()), 0);
}

#[test]
fn writes_are_as_large_as_the_options_say() {
    let server = server();
    for (bytes, expected) in [(1 << 10, 4), (2 << 10, 2), (0, 4)] {
        let options = ConnectOptions::new().write_buffer_size(bytes);
        let (client, mut pump) = connect_with(options, &server.url());
        let before = pump.writes;
        for _ in 0..4 {
            client.try_publish("h", vec![0; 990].into()).unwrap();
        }
        pump.turn();
        assert_eq!(pump.writes - before, expected, "{bytes}");
    }
}

#[test]
fn what_was_published_before_a_turn_is_one_write() {
    let server = server();
    let (client, mut pump) = connect(&server.url());
    let mut subscriber = client.subscription("h").open().unwrap();
    pump.turn();
    let before = pump.writes;
    for number in 0..500 {
        client.try_publish("h", numbered(number)).unwrap();
    }
    let _other = client.subscription("other").open().unwrap();
    pump.turn();
    assert_eq!(pump.writes - before, 1, "500 messages and a subscription");
    pump.run(client.sync()).unwrap();
    for number in 0..500 {
        assert_eq!(number_of(&subscriber.try_next().unwrap().unwrap()), number);
    }
}

#[test]
fn reads_grow_up_to_the_capacity_of_the_read_buffer() {
    let server = server();
    let largest_read = |options: ConnectOptions| {
        let (client, mut pump) = connect_with(options, &server.url());
        let mut subscriber = client.subscription("h").open().unwrap();
        for number in 0..4_000 {
            let mut payload = vec![0; 200];
            payload[..4].copy_from_slice(&numbered(number));
            client.try_publish("h", payload.into()).unwrap();
        }
        // Written as a whole, so that reads find more than they can take.
        pump.run(client.sync()).unwrap();
        for _ in 0..4_000 {
            assert_eq!(subscriber.try_next().unwrap().unwrap().payload.len(), 200);
        }
        pump.largest_read
    };
    let by_default = largest_read(ConnectOptions::new());
    assert!((32 << 10..=64 << 10).contains(&by_default), "{by_default}");
    let small = largest_read(ConnectOptions::new().read_buffer_capacity(5_000));
    assert!((2_500..=5_000).contains(&small), "{small}");
    let least = largest_read(ConnectOptions::new().read_buffer_capacity(0));
    assert!((1..=2 << 10).contains(&least), "{least}");
}

#[test]
fn a_request_without_a_timeout_of_its_own_is_given_up_after_ten_seconds() {
    let server = server();
    let (client, mut pump) = connect(&server.url());
    assert_eq!(REQUEST_TIMEOUT, Duration::from_secs(10));
    assert_eq!(client.timeout(), Some(REQUEST_TIMEOUT));
    let _silent = client.subscription("silent").open().unwrap();
    let mut request = Box::pin(client.request("silent", "x".into()));
    assert_eq!((&mut request).now_or_never(), None);
    let before = pump.now();
    pump.turn();
    let after = pump.now();
    pump.driver.handle_timeout(before + (REQUEST_TIMEOUT - Duration::from_millis(1)));
    assert_eq!((&mut request).now_or_never(), None);
    pump.driver.handle_timeout(after + REQUEST_TIMEOUT);
    assert_eq!(request.now_or_never(), Some(Err(RequestError::TimedOut(REQUEST_TIMEOUT))));
}

/// A driver that runs on the thread of whoever wakes it, in the middle of that one's call.
struct Eager {
    driver: Mutex<Option<Driver>>,
    written: Mutex<Vec<String>>,
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        let Some(mut driver) = self.driver.lock().unwrap().take() else { return };
        let now = Instant::ZERO;
        driver.handle_commands(now);
        while driver.prepare_write(now) {
            let mut slices = [IoSlice::new(&[]); 32];
            let filled = driver.write_slices(&mut slices);
            let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            driver.handle_written(now, bytes.len());
            self.written.lock().unwrap().push(String::from_utf8(bytes).unwrap());
        }
        assert_eq!(driver.park(&Waker::from(Arc::clone(&self))), Parked::Idle);
        *self.driver.lock().unwrap() = Some(driver);
    }
}

#[test]
fn a_limit_is_in_the_same_write_as_its_subscription() {
    let server = server();
    let (client, pump) = connect(&server.url());
    let eager = Arc::new(Eager { driver: Mutex::default(), written: Mutex::default() });
    *eager.driver.lock().unwrap() = Some(pump.driver);
    Arc::clone(&eager).wake();
    let _limited = client.subscription("h").limit(3).open().unwrap();
    let _shared = client.subscription("s").limit(3).shared().open().unwrap();
    let _none = client.subscription("n").limit(0).open().unwrap();
    let written = eager.written.lock().unwrap().clone();
    assert_eq!(written[0], "SUB h 1\r\nUNSUB 1 3\r\n", "{written:?}");
    assert_eq!(written.concat().matches("UNSUB").count(), 2, "{written:?}");
}

#[test]
fn no_more_than_a_limit_comes_though_the_driver_does_not_know_of_it_yet() {
    let server = server();
    let (client, mut pump) = connect(&server.url());
    let mut subscriber = client.subscription("h").open().unwrap();
    let mut without = client.subscription("h").open().unwrap();
    pump.turn();
    let (publisher, mut other) = connect(&server.url());
    for number in 0..100 {
        other.run(publisher.publish("h", numbered(number))).unwrap();
    }
    other.run(publisher.sync()).unwrap();
    subscriber.unsubscribe_after(5).now_or_never().unwrap().unwrap();
    let mut frames = 0;
    while frames < 200 {
        frames += pump.read();
    }
    assert_eq!((subscriber.pending().messages, without.pending().messages), (5, 100));
    for number in 0..5 {
        assert_eq!(number_of(&subscriber.try_next().unwrap().unwrap()), number);
    }
    pump.turn();
    assert_eq!(subscriber.try_next(), Err(NextError::LimitReached));
    assert_eq!(number_of(&without.try_next().unwrap().unwrap()), 0);
}
