//! Dials to several addresses of one host, side by side, with the sockets of each runtime.

use crate::support::{DEADLINE, server};
use core::future::Future;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use futures_util::future::{Either, select};
use midge::proto::{Instant, Target};
use midge::{
    Client, ConnectOptions, Driver, Event, Events, Runtime, SocketOptions, SpawnError, Step, run,
};
use midge_test_server::free_port;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::TcpStream;

/// A runtime to which every host has these addresses.
struct Named<R> {
    runtime: R,
    addresses: Vec<SocketAddr>,
}

impl<R: Runtime> Runtime for Named<R> {
    type Stream = R::Stream;

    fn now(&self) -> Instant {
        self.runtime.now()
    }

    fn connect(
        &self,
        target: Target,
        options: SocketOptions,
    ) -> impl Future<Output = io::Result<R::Stream>> {
        self.runtime.connect(target, options)
    }

    async fn resolve(&self, _: String, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self.addresses.clone())
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> {
        self.runtime.sleep_until(at)
    }

    fn spawn(&self, _: Driver) -> Result<(), SpawnError> {
        Err(SpawnError::new("it is driven by the test"))
    }
}

/// Connects to a host with these addresses, in this order, and drives the connection in this task
/// until `check` is done.
async fn connected<R: Runtime, F: Future<Output = ()>>(
    runtime: R,
    addresses: Vec<SocketAddr>,
    check: impl FnOnce(Client, Events, Duration) -> F,
) {
    let options = ConnectOptions::<Named<R>>::new()
        .retain_servers_order()
        .dial_stagger(STAGGER)
        .connection_timeout(DEADLINE);
    let (client, driver, first) = options.build("nats://many.example", runtime.now()).unwrap();
    let begun = std::time::Instant::now();
    let body = pin!(async {
        let events = client.events();
        first.wait().await.unwrap();
        check(client, events, begun.elapsed()).await;
    });
    match select(body, pin!(run(driver, Named { runtime, addresses }))).await {
        Either::Left(_) => {}
        Either::Right(_) => panic!("the client ended first"),
    }
}

const STAGGER: Duration = Duration::from_millis(50);

/// An address that answers no dial, as long as what comes with it lives.
fn silent_address() -> (SocketAddr, Socket, Vec<TcpStream>) {
    // Nobody accepts, and there is no room to wait.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let short = Duration::from_millis(200);
    let waiting =
        core::iter::from_fn(|| TcpStream::connect_timeout(&address, short).ok()).collect();
    (address, listener, waiting)
}

async fn overtaken<R: Runtime>(runtime: R) {
    let server = server();
    let (silent, _listener, _waiting) = silent_address();
    let real = server.address();
    connected(runtime, vec![silent, real], |client, _, took| async move {
        assert!((STAGGER..DEADLINE / 2).contains(&took), "{took:?}");
        assert_eq!(client.remote_addr(), Some(real));
        client.sync().await.unwrap();
    })
    .await;
}

async fn followed_at_once<R: Runtime>(runtime: R) {
    let server = server();
    let refused = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let real = server.address();
    connected(runtime, vec![refused, real], |client, mut events, _| async move {
        assert_eq!(client.remote_addr(), Some(real));
        let failure = loop {
            if let Event::AttemptFailed(failure) = events.next().await.unwrap() {
                break failure;
            }
        };
        assert_eq!((failure.step, failure.address), (Step::Dial, Some(refused)));
    })
    .await;
}

#[test]
fn a_dial_that_hangs_is_overtaken_by_one_to_the_next_address() {
    tokio().block_on(overtaken(midge_tokio::Tokio));
    smol::block_on(overtaken(midge_smol::Smol));
    async_std::task::block_on(overtaken(midge_async_std::AsyncStd));
}

#[test]
fn a_dial_that_fails_is_an_event_and_followed_by_one_to_the_next_address() {
    tokio().block_on(followed_at_once(midge_tokio::Tokio));
    smol::block_on(followed_at_once(midge_smol::Smol));
    async_std::task::block_on(followed_at_once(midge_async_std::AsyncStd));
}

fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
