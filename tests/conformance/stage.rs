//! What a behaviour plays on: servers and clients of one adapter over one transport, and waits that
//! end on every runtime.

use crate::adapters::Adapter;
use bytes::Bytes;
use core::future::Future;
use core::marker::PhantomData;
use core::net::SocketAddr;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;
use midge::{Client, ConnectError, ConnectOptions, Event, Events, Message, Subscriber};
use midge_test_server::{
    Cluster, ClusterBuilder, FaultProxy, NatsServer, ServerBuilder, TestCerts, WebSocketOptions,
};
use std::sync::OnceLock;
use std::thread::JoinHandle;

/// Bound of every wait: nothing that works takes nearly as long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) type Body = Pin<Box<dyn Future<Output = ()>>>;

/// One behaviour for one adapter.
pub(crate) struct Behaviour<A> {
    pub(crate) name: &'static str,
    pub(crate) body: fn(Stage<A>) -> Body,
}

/// Lists the behaviours of a module: functions of the same names, which take a [`Stage`].
macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn behaviours<A: crate::adapters::Adapter>()
        -> Vec<crate::stage::Behaviour<A>> {
            vec![$(crate::stage::Behaviour {
                name: stringify!($name),
                body: |stage| Box::pin($name::<A>(stage)),
            }),*]
        }
    };
}
pub(crate) use conformance;

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Tls,
    WebSocket,
    WebSocketTls,
    /// What a behaviour brings along; servers and clients that it does not adapt are in clear.
    Own,
}

impl Transport {
    /// Those that each behaviour runs over that brings none.
    pub(crate) const ALL: [Self; 4] = [Self::Tcp, Self::Tls, Self::WebSocket, Self::WebSocketTls];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::WebSocket => "ws",
            Self::WebSocketTls => "wss",
            Self::Own => "own",
        }
    }

    fn has_tls(self) -> bool {
        match self {
            Self::Tcp | Self::WebSocket | Self::Own => false,
            Self::Tls | Self::WebSocketTls => true,
        }
    }
}

pub(crate) struct Stage<A> {
    transport: Transport,
    adapter: PhantomData<A>,
}

impl<A: Adapter> Stage<A> {
    pub(crate) fn new(transport: Transport) -> Self {
        Self { transport, adapter: PhantomData }
    }

    // ---- servers ----

    pub(crate) fn server(&self) -> NatsServer {
        self.start(NatsServer::builder())
    }

    pub(crate) fn server_with(&self, config: &str) -> NatsServer {
        self.start(NatsServer::builder().config(config))
    }

    pub(crate) fn start(&self, builder: ServerBuilder) -> NatsServer {
        self.on_transport(builder).start().unwrap()
    }

    /// Three servers that announce each other.
    pub(crate) fn cluster(&self, config: &'static str) -> Cluster {
        let transport = self.transport;
        let configure = move |_: usize, node: ServerBuilder| {
            Self::new(transport).on_transport(node.config(config))
        };
        ClusterBuilder::start(Cluster::builder(3).configure(configure)).unwrap()
    }

    fn on_transport(&self, builder: ServerBuilder) -> ServerBuilder {
        match self.transport {
            Transport::Tcp | Transport::Own => builder,
            Transport::Tls => builder.tls(certs().server_tls()),
            Transport::WebSocket => builder.websocket(WebSocketOptions::plain()),
            Transport::WebSocketTls => {
                builder.websocket(WebSocketOptions::tls(certs().server_tls()))
            }
        }
    }

    // ---- clients ----

    /// Options that fit the transport, and reconnect without waiting long.
    pub(crate) fn options(&self) -> ConnectOptions<A::Runtime> {
        self.on(ConnectOptions::new())
    }

    /// Adds what the transport needs.
    pub(crate) fn on(&self, options: ConnectOptions<A::Runtime>) -> ConnectOptions<A::Runtime> {
        let options = options.reconnect_delay_callback(|_| Duration::from_millis(5));
        match self.transport.has_tls() {
            true => options.add_root_certificates(certs().ca_path()),
            false => options,
        }
    }

    pub(crate) fn address(&self, server: &NatsServer) -> SocketAddr {
        match self.transport {
            Transport::Tcp | Transport::Tls | Transport::Own => server.address(),
            Transport::WebSocket | Transport::WebSocketTls => server.websocket_address().unwrap(),
        }
    }

    pub(crate) fn url(&self, server: &NatsServer) -> String {
        self.url_of(self.address(server))
    }

    pub(crate) fn url_of(&self, address: SocketAddr) -> String {
        let scheme = match self.transport {
            Transport::Tcp | Transport::Tls | Transport::Own => "nats",
            Transport::WebSocket => "ws",
            Transport::WebSocketTls => "wss",
        };
        format!("{scheme}://{address}")
    }

    pub(crate) fn proxy(&self, server: &NatsServer) -> FaultProxy {
        FaultProxy::start(self.address(server)).unwrap()
    }

    pub(crate) async fn connect(&self, server: &NatsServer) -> Client {
        self.connect_to(self.options(), &self.url(server)).await
    }

    pub(crate) async fn connect_to(
        &self,
        options: ConnectOptions<A::Runtime>,
        url: &str,
    ) -> Client {
        self.try_connect(options, url).await.unwrap()
    }

    pub(crate) async fn try_connect(
        &self,
        options: ConnectOptions<A::Runtime>,
        url: &str,
    ) -> Result<Client, ConnectError> {
        within("connect", options.connect(url)).await
    }

    /// Whether a client is connected over what was asked for.
    pub(crate) fn assert_transport(&self, client: &Client) {
        assert_eq!(client.tls_info().is_some(), self.transport.has_tls());
    }
}

/// One set of certificates for all: making keys takes time.
fn certs() -> &'static TestCerts {
    static CERTS: OnceLock<TestCerts> = OnceLock::new();
    CERTS.get_or_init(|| TestCerts::generate().unwrap())
}

// ---- waits that end ----

/// What a future gives within a time, on any runtime.
pub(crate) async fn timeout<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut timer = pin!(smol::Timer::after(time));
    core::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.as_mut().poll(cx).map(|_| None),
    })
    .await
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(DEADLINE, future).await {
        Some(value) => value,
        None => panic!("{what} took longer than {DEADLINE:?}"),
    }
}

pub(crate) async fn sleep(time: Duration) {
    smol::Timer::after(time).await;
}

/// Waits until the condition holds; for what has no event to wait for.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    within(what, async {
        while !condition() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub(crate) async fn next(subscriber: &mut Subscriber) -> Message {
    match within("a message", subscriber.next()).await {
        Some(message) => message,
        None => panic!("{subscriber:?} ended: {:?}", subscriber.end_reason()),
    }
}

/// Checks that the subscription has ended and nothing is left in it.
pub(crate) async fn end_of(subscriber: &mut Subscriber) {
    let message = within("the end of a subscription", subscriber.next()).await;
    assert!(message.is_none(), "{message:?}");
}

/// Reads events up to this one.
pub(crate) async fn event(events: &mut Events, wanted: &Event) {
    let mut seen = Vec::new();
    let search = async {
        while let Some(event) = events.next().await {
            if event == *wanted {
                return true;
            }
            seen.push(event);
        }
        false
    };
    let found = timeout(DEADLINE, search).await;
    assert_eq!(found, Some(true), "no event {wanted:?} among {seen:?}");
}

/// Waits for the loss of the connection and for the next one: the event of the first connection may
/// come after `connect` has returned.
pub(crate) async fn reconnected(events: &mut Events) {
    event(events, &Event::Disconnected).await;
    event(events, &Event::Connected).await;
}

/// Waits for a thread without blocking the runtime, which may have this thread only.
pub(crate) async fn finished<T>(thread: JoinHandle<T>) -> T {
    until("the end of a thread", || thread.is_finished()).await;
    thread.join().unwrap()
}

/// Messages pass, small and large, before and after the connection was made anew; then all ends in
/// good order.
pub(crate) async fn exchange_and_reconnect(client: &Client) {
    let mut events = client.events();
    let mut subscriber = client.subscription("exchange").confirmed().await.unwrap();
    for size in [1, 300_000] {
        let payload = pattern(size);
        client.publish("exchange", payload.clone()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.payload, payload);
        within("a reconnect", client.force_reconnect()).await.unwrap();
        reconnected(&mut events).await;
    }
    client.publish("exchange", "last".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "last");
    within("drain", client.drain()).await.unwrap();
    end_of(&mut subscriber).await;
}

/// Answers what comes with its own payload, until the subscription ends.
pub(crate) async fn serve_echo(client: &Client, subject: &'static str) {
    let mut requests = client.subscription(subject).confirmed().await.unwrap();
    let client = client.clone();
    let service = async move {
        while let Some(request) = requests.next().await {
            if client.respond(&request, request.payload.clone()).await.is_err() {
                return;
            }
        }
    };
    smol::spawn(service).detach();
}

pub(crate) fn numbered(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

#[track_caller]
pub(crate) fn number_of(message: &Message) -> u32 {
    u32::from_be_bytes(message.payload[..].try_into().unwrap())
}

/// Bytes in which no part equals another one of the same size by chance.
pub(crate) fn pattern(size: usize) -> Bytes {
    (0..size).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}
