//! What all themes need: servers, clients, and waits that end.

use core::time::Duration;
use midge_blocking::{Client, ConnectOptions, Message, Subscriber};
use midge_test_server::NatsServer;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// Bound of every wait: nothing that works takes nearly as long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Runs what blocks on a thread of its own, which must be done before the deadline.
pub(crate) fn within<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || sender.send(work()));
    match receiver.recv_timeout(DEADLINE) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} took longer than {DEADLINE:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => panic!("{what} ended without a value"),
        },
    }
}

pub(crate) fn server() -> NatsServer {
    NatsServer::start().unwrap()
}

pub(crate) fn connect(server: &NatsServer) -> Client {
    connect_to(quick(), server.url())
}

/// Options that reconnect without waiting long.
pub(crate) fn quick() -> ConnectOptions {
    ConnectOptions::new().reconnect_delay_callback(|_| Duration::from_millis(5))
}

pub(crate) fn connect_to(options: ConnectOptions, url: String) -> Client {
    within("connect", move || midge_blocking::connect_with_options(url, options)).unwrap()
}

/// The next message, within the deadline.
#[track_caller]
pub(crate) fn next(subscriber: &mut Subscriber) -> Message {
    match subscriber.next_timeout(DEADLINE) {
        Ok(message) => message,
        Err(error) => panic!("{subscriber:?}: {error}"),
    }
}

/// Waits until the condition holds; for what has no event to wait for.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "{what} took longer than {DEADLINE:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Answers every request on `subject` with its own payload, until the client closes.
pub(crate) fn serve_echo(client: &Client, subject: &'static str) -> thread::JoinHandle<()> {
    let mut requests = client.subscribe(subject).unwrap();
    client.sync().unwrap();
    let client = client.clone();
    thread::spawn(move || {
        while let Some(request) = requests.next() {
            client.respond(&request, request.payload.clone()).unwrap();
        }
    })
}
