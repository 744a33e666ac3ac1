//! What a client tells of itself and its connection, and how its sockets can be set up.

use crate::support::{connect, connect_to, next, quick, server, state, within};
use bytes::Bytes;
use core::cell::Cell;
use core::net::SocketAddr;
use core::sync::atomic::Ordering;
use core::time::Duration;
use midge_test_server::{NatsServer, TestCerts};
use midge_tokio::proto::{Instant, Target};
use midge_tokio::rustls::pki_types::CertificateDer;
use midge_tokio::rustls::{ClientConfig, RootCertStore, crypto};
use midge_tokio::{
    Capability, ConnectOptions, Driver, Runtime, SocketOptions, SpawnError, State, Statistics,
    Tokio,
};
use std::io;
use std::sync::Arc;

#[tokio::test]
async fn the_raw_info_and_the_typed_one_say_the_same() {
    let server = server();
    let client = connect(&server).await;
    let (raw, info) = (client.raw_server_info(), client.server_info());
    assert!(raw.starts_with('{') && raw.contains(&info.server_id), "{raw}");
    assert_eq!(info.server_name, server.name());
    assert_eq!(client.try_server_info(), Some(info.clone()));
    assert_eq!(client.max_payload(), info.max_payload);
    assert!(info.headers && !info.auth_required && !info.tls_required);
    assert!(client.is_server_compatible(2, 15, 1) && !client.is_server_compatible(3, 0, 0));
}

#[tokio::test]
async fn addresses_are_told_while_connected_and_never_the_password() {
    let config = "authorization { user: u, password: sesame }";
    let mut server = NatsServer::builder().config(config).start().unwrap();
    let url = format!("nats://u:sesame@{}", server.address());
    let client = within("connect", quick().connect(url.as_str())).await.unwrap();
    assert_eq!(client.remote_addr().unwrap().to_string(), server.address().to_string());
    assert_eq!(client.local_addr().unwrap().ip(), client.remote_addr().unwrap().ip());
    let shown = client.connected_server().unwrap().to_string();
    assert!(shown.contains(&server.port().to_string()) && !shown.contains("sesame"), "{shown}");
    assert!(!format!("{client:?}").contains("sesame"));
    let pool = client.server_pool().await.unwrap();
    assert!(pool[0].did_connect && !pool[0].is_discovered);
    assert!(!format!("{pool:?}").contains("sesame"));
    server.kill();
    state(&client, State::Disconnected).await;
    assert_eq!((client.remote_addr(), client.local_addr()), (None, None));
    assert!(client.connected_server().is_none());
}

#[tokio::test]
async fn statistics_count_each_message_once_and_survive_a_reconnect() {
    let mut server = server();
    let client = connect_to(quick(), &server.url()).await;
    let count = |pick: fn(&Statistics) -> u64| pick(&client.statistics());
    let mut all = client.subscription("s").confirmed().await.unwrap();
    for _ in 0..10 {
        client.publish("s", "12345".into()).await.unwrap();
    }
    for _ in 0..10 {
        next(&mut all).await;
    }
    assert_eq!(count(|statistics| statistics.out_messages.load(Ordering::Relaxed)), 10);
    assert_eq!(count(|statistics| statistics.in_messages.load(Ordering::Relaxed)), 10);
    assert!(count(|statistics| statistics.in_bytes.load(Ordering::Relaxed)) > 50);
    assert!(count(|statistics| statistics.out_bytes.load(Ordering::Relaxed)) > 50);
    assert_eq!(count(|statistics| statistics.connects.load(Ordering::Relaxed)), 1);
    server.kill();
    state(&client, State::Disconnected).await;
    server.restart().unwrap();
    state(&client, State::Connected).await;
    client.publish("s", "x".into()).await.unwrap();
    next(&mut all).await;
    assert_eq!(count(|statistics| statistics.out_messages.load(Ordering::Relaxed)), 11);
    assert_eq!(count(|statistics| statistics.in_messages.load(Ordering::Relaxed)), 11);
    assert_eq!(count(|statistics| statistics.connects.load(Ordering::Relaxed)), 2);
    client.statistics().reset();
    assert_eq!(count(|statistics| statistics.in_messages.load(Ordering::Relaxed)), 0);
    assert_eq!(count(|statistics| statistics.in_bytes.load(Ordering::Relaxed)), 0);
    assert_eq!(count(|statistics| statistics.out_messages.load(Ordering::Relaxed)), 0);
    client.publish("s", "x".into()).await.unwrap();
    assert_eq!(count(|statistics| statistics.out_messages.load(Ordering::Relaxed)), 1);
}

#[tokio::test]
async fn a_client_dials_from_the_address_it_is_told_to_and_with_keep_alive() {
    let server = server();
    let local: SocketAddr = "127.0.0.3:0".parse().unwrap();
    let options =
        ConnectOptions::new().local_address(local).tcp_keep_alive(Duration::from_secs(30));
    let client = connect_to(options, &server.url()).await;
    assert_eq!(client.local_addr().unwrap().ip(), local.ip());
    assert_eq!(client.server_info().client_ip, "127.0.0.3");
    client.sync().await.unwrap();
}

#[tokio::test]
async fn a_server_is_reached_over_ipv6_and_by_name() {
    // The whole of `listen`: beside it, the order in which a server looks at `host` is not fixed.
    let port = midge_test_server::free_port().unwrap();
    let listen = format!("listen: \"[::]:{port}\"");
    let server = NatsServer::builder().port(port).config(listen).start().unwrap();
    for host in ["[::1]", "localhost", "127.0.0.1"] {
        let url = format!("nats://{host}:{}", server.port());
        let client = connect_to(quick(), &url).await;
        client.sync().await.unwrap();
        assert_eq!(client.remote_addr().unwrap().is_ipv6(), client.local_addr().unwrap().is_ipv6());
    }
}

/// A runtime that looks at each socket before the client gets it.
struct Watched<'a, R, F> {
    runtime: R,
    look: F,
    dialed: &'a Cell<usize>,
}

impl<R: Runtime, F: Fn(&R::Stream)> Runtime for Watched<'_, R, F> {
    type Stream = R::Stream;

    fn now(&self) -> Instant {
        self.runtime.now()
    }

    async fn connect(&self, target: Target, options: SocketOptions) -> io::Result<R::Stream> {
        let stream = self.runtime.connect(target, options).await?;
        (self.look)(&stream);
        self.dialed.set(self.dialed.get() + 1);
        Ok(stream)
    }

    fn resolve(
        &self,
        host: String,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> {
        self.runtime.resolve(host, port)
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> {
        self.runtime.sleep_until(at)
    }

    fn spawn(&self, _: Driver) -> Result<(), SpawnError> {
        Err(SpawnError::new("the test runs it"))
    }
}

#[tokio::test]
async fn small_writes_are_not_delayed_on_the_sockets_of_a_client() {
    async fn check<R: Runtime>(runtime: R, url: &str, look: impl Fn(&R::Stream)) {
        let dialed = Cell::new(0);
        let runtime = Watched { runtime, look, dialed: &dialed };
        let (client, driver, first) = ConnectOptions::new().build(url, runtime.now()).unwrap();
        let using = async {
            first.wait().await.unwrap();
            client.sync().await.unwrap();
            client.close().await.unwrap();
        };
        let driving = midge_tokio::run(driver, runtime);
        within("a connection", async { futures_util::join!(driving, using) }).await;
        assert_eq!(dialed.get(), 1);
    }
    let server = server();
    check(Tokio, &server.url(), |socket| match socket {
        midge_tokio::Socket::Tcp(stream) => assert!(stream.nodelay().unwrap()),
        midge_tokio::Socket::Unix(_) => panic!("{socket:?}"),
    })
    .await;
    let look = |socket: &midge_smol::Socket| match socket {
        midge_smol::Socket::Tcp(stream) => assert!(stream.get_ref().nodelay().unwrap()),
        midge_smol::Socket::Unix(_) => panic!("{socket:?}"),
    };
    check(midge_smol::Smol, &server.url(), look).await;
    check(midge_async_std::AsyncStd, &server.url(), look).await;
}

#[tokio::test]
async fn a_small_read_buffer_still_takes_messages_of_any_size() {
    let server = server();
    let client = connect_to(ConnectOptions::new().read_buffer_capacity(100), &server.url()).await;
    let mut all = client.subscribe("r").await.unwrap();
    for size in [0, 99, 100, 101, 5_000, 1_000_000] {
        let payload = Bytes::from(vec![7; size]);
        client.publish("r", payload.clone()).await.unwrap();
        assert_eq!(next(&mut all).await.payload, payload);
    }
}

#[tokio::test]
async fn several_clients_side_by_side_share_nothing() {
    let server = server();
    let one = connect(&server).await;
    let two = connect(&server).await;
    assert_ne!(one.server_info().client_id, two.server_info().client_id);
    assert_ne!(one.new_inbox(), two.new_inbox());
    let mut heard = two.subscription("x").confirmed().await.unwrap();
    one.close().await.unwrap();
    two.publish("x", "still here".into()).await.unwrap();
    assert_eq!(next(&mut heard).await.payload, "still here");
    assert_eq!(one.connection_state(), State::Closed);
    assert!(one.publish("x", "gone".into()).await.is_err());
}

#[tokio::test]
async fn certificates_are_asked_for_and_files_are_read_anew_at_each_attempt() {
    let (before, after) = (TestCerts::generate().unwrap(), TestCerts::generate().unwrap());
    let mut server = NatsServer::builder().tls(before.server_tls()).start().unwrap();
    let port = server.port();
    let file = before.folder().join("trusted.pem");
    std::fs::write(&file, before.ca_pem()).unwrap();
    let from_file = quick().add_root_certificates(file.clone());
    let by_file = within("connect", from_file.connect(server.url())).await.unwrap();
    let path = file.clone();
    let from_callback = quick().require_tls(true).tls_client_config_callback(move || {
        let pem = std::fs::read(&path).unwrap();
        let mut roots = RootCertStore::empty();
        use midge_tokio::rustls::pki_types::pem::PemObject;
        roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    });
    let by_callback = within("connect", from_callback.connect(server.url())).await.unwrap();
    server.kill();
    for client in [&by_file, &by_callback] {
        state(client, State::Disconnected).await;
    }
    std::fs::write(&file, after.ca_pem()).unwrap();
    drop(server);
    let server = NatsServer::builder().port(port).tls(after.server_tls()).start().unwrap();
    for client in [&by_file, &by_callback] {
        state(client, State::Connected).await;
        let chain = client.tls_info().unwrap().peer_certificates;
        assert_eq!(chain[0], after.server().certificate_der());
    }
    drop(server);
}

#[tokio::test]
async fn what_the_server_lacks_is_told_as_one_value_before_anything_is_used() {
    let plain = server();
    let client = connect(&plain).await;
    let capabilities = client.server_capabilities().unwrap();
    assert!(capabilities.has(Capability::Headers) && capabilities.has(Capability::NoResponders));
    assert!(!capabilities.has(Capability::JetStream));
    assert_eq!(capabilities.missing().next(), Some(Capability::JetStream));
    assert_eq!((capabilities.version(), capabilities.api_level()), ("2.15.1", 0));

    let with_jetstream = NatsServer::builder().jetstream().start().unwrap();
    let client = connect(&with_jetstream).await;
    let capabilities = client.server_capabilities().unwrap();
    assert_eq!(capabilities.missing().count(), 0, "{capabilities}");
    assert!(capabilities.api_level() >= 4, "{capabilities:?}");

    let options = quick().retry_on_initial_connect();
    let client = within("connect", options.connect("nats://127.0.0.1:1")).await.unwrap();
    assert_eq!(client.server_capabilities(), None);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn keep_alive_of_tcp_starts_after_the_idle_time_and_is_off_by_default() {
    /// The timer of the socket and when it fires in hundredths of a second, as the kernel tells.
    fn timer(client: &midge_tokio::Client) -> Option<(String, u64)> {
        let port = format!(":{:04X}", client.local_addr()?.port());
        let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
        let line = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        // Established: the port may have belonged to another socket that the kernel still waits for.
        let line =
            line.into_iter().find(|fields| fields[1].ends_with(&port) && fields[3] == "01")?;
        let (kind, when) = line[5].split_once(':')?;
        Some((kind.to_owned(), u64::from_str_radix(when, 16).ok()?))
    }
    let server = server();
    let idle = Duration::from_secs(600);
    let client = connect_to(quick().tcp_keep_alive(idle), &server.url()).await;
    // Other timers stand in its place while bytes are under way.
    crate::support::until("the timer of keep-alive", || {
        timer(&client).is_some_and(|(kind, when)| kind == "02" && (50_000..=60_000).contains(&when))
    })
    .await;
    let client = connect(&server).await;
    crate::support::until("no timer", || timer(&client).is_some_and(|(kind, _)| kind == "00"))
        .await;
}
