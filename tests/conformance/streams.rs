//! Streams of other kinds than a socket to the server: Unix-domain sockets, streams that the
//! application opens, and TLS that comes first or shows a client certificate.
//!
//! These behaviours bring the transport that they need.

use crate::adapters::Adapter;
use crate::relays::Pipe;
use crate::stage::{Stage, conformance, event, exchange_and_reconnect, next, until, within};
use core::future::Future as _;
use core::net::SocketAddr;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use midge::proto::Target;
use midge::{
    Cause, ConnectOptions, DialRequest, Dialed, Event, ReadingState, SlowConsumerPolicy, Step,
};
use midge_test_server::{FakeServer, NatsServer, TestCerts, WebSocketOptions};
use std::io;
use std::sync::Arc;

conformance! {
    a_unix_socket_carries_a_connection_and_its_reconnects,
    a_unix_socket_that_is_not_there_is_named,
    a_pipe_in_memory_carries_a_connection_and_its_reconnects,
    tls_and_a_websocket_go_over_the_applications_stream,
    a_stream_that_is_secured_already_gets_no_tls_and_may_carry_what_demands_it,
    a_dialer_that_fails_is_told_in_its_own_words,
    a_dialer_that_never_answers_costs_the_timeout_and_is_dropped,
    a_client_that_closes_while_dials_are_under_way_drops_them,
    a_stream_that_keeps_bytes_is_flushed_while_reading_rests_too,
    tls_comes_first_where_the_server_wants_it_so,
    a_client_certificate_is_shown,
}

#[cfg(unix)]
async fn a_unix_socket_carries_a_connection_and_its_reconnects<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let relay = crate::relays::UnixRelay::start(server.address());
    let client = stage.connect_to(stage.options(), &relay.url()).await;
    exchange_and_reconnect(&client).await;
}

#[cfg(not(unix))]
async fn a_unix_socket_carries_a_connection_and_its_reconnects<A: Adapter>(stage: Stage<A>) {
    stage.try_connect(stage.options(), "unix:///tmp/nats.sock").await.unwrap_err();
}

async fn a_unix_socket_that_is_not_there_is_named<A: Adapter>(stage: Stage<A>) {
    let url = "unix:///nowhere/nats.sock";
    let error = stage.try_connect(stage.options(), url).await.unwrap_err();
    let failure = error.attempt().unwrap();
    assert_eq!((failure.step, failure.address), (Step::Dial, None));
    assert!(matches!(failure.cause, Cause::Io(_)), "{failure}");
    assert!(error.to_string().contains(url), "{error}");
}

fn address_of(request: &DialRequest) -> SocketAddr {
    match &request.target {
        Target::Address(address) => *address,
        other => panic!("{other}"),
    }
}

fn through_a_pipe<R>(options: ConnectOptions<R>) -> ConnectOptions<R> {
    options.dialer(|request| async move {
        Ok(Dialed::from_async_io(Pipe::to(address_of(&request)).await?))
    })
}

async fn a_pipe_in_memory_carries_a_connection_and_its_reconnects<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let client = stage.connect_to(through_a_pipe(stage.options()), &server.url()).await;
    exchange_and_reconnect(&client).await;
}

async fn tls_and_a_websocket_go_over_the_applications_stream<A: Adapter>(stage: Stage<A>) {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder()
        .tls(certs.server_tls())
        .websocket(WebSocketOptions::tls(certs.server_tls()))
        .start()
        .unwrap();
    for url in [server.tls_url(), server.websocket_url().unwrap()] {
        let options = through_a_pipe(stage.options()).add_root_certificates(certs.ca_path());
        let client = stage.connect_to(options, &url).await;
        assert!(client.tls_info().is_some());
        exchange_and_reconnect(&client).await;
    }
}

async fn a_stream_that_is_secured_already_gets_no_tls_and_may_carry_what_demands_it<A: Adapter>(
    stage: Stage<A>,
) {
    let server = stage.server();
    let address = server.address();
    let options = stage.options().skip_host_lookup().dialer(move |request| async move {
        assert_eq!(request.target, Target::Name("nats.example".into(), 4222));
        assert_eq!(request.server.to_string(), "tls://nats.example:4222");
        Ok(Dialed::from_async_io(Pipe::to(address).await?).secured("nats.example"))
    });
    let client = stage.connect_to(options, "tls://nats.example").await;
    within("sync", client.sync()).await.unwrap();
    assert!(client.tls_info().is_none());

    // Without that word the same server, which offers no TLS, is not spoken to.
    let options = stage
        .options()
        .skip_host_lookup()
        .dialer(move |_| async move { Ok(Dialed::from_async_io(Pipe::to(address).await?)) });
    let error = stage.try_connect(options, "tls://nats.example").await.unwrap_err();
    assert_eq!(error.attempt().unwrap().cause, Cause::TlsNotOffered);
}

async fn a_dialer_that_fails_is_told_in_its_own_words<A: Adapter>(stage: Stage<A>) {
    let options =
        stage.options().dialer(|_| async { Err::<Dialed, _>(io::Error::other("no carrier")) });
    let error = stage.try_connect(options, "127.0.0.1:1").await.unwrap_err();
    let failure = error.attempt().unwrap();
    assert_eq!(failure.step, Step::Dial);
    assert_eq!(failure.cause, Cause::Io("no carrier".to_owned()));
    assert_eq!(failure.address, "127.0.0.1:1".parse().ok());
}

async fn a_dialer_that_never_answers_costs_the_timeout_and_is_dropped<A: Adapter>(stage: Stage<A>) {
    struct Alive(Arc<AtomicUsize>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let options =
        stage.options().connection_timeout(Duration::from_millis(100)).dialer(move |_| {
            let alive = Alive(Arc::clone(&count));
            async move {
                let _alive = alive;
                core::future::pending::<io::Result<Dialed>>().await
            }
        });
    let error = stage.try_connect(options, "127.0.0.1:1").await.unwrap_err();
    assert_eq!(error.attempt().unwrap().cause, Cause::TimedOut);
    until("the drop of the dial", || dropped.load(Ordering::SeqCst) == 1).await;
}

async fn a_client_that_closes_while_dials_are_under_way_drops_them<A: Adapter>(stage: Stage<A>) {
    let fake = FakeServer::start().unwrap();
    let options = stage
        .options()
        .retry_on_initial_connect()
        .dialer(|_| core::future::pending::<io::Result<Dialed>>());
    let client = stage.connect_to(options, &fake.url()).await;
    within("close", client.close()).await.unwrap();
}

/// A stream that keeps what it takes until it was asked twice to let it go.
struct Hesitant {
    pipe: Pipe,
    kept: Vec<u8>,
    pause: Option<smol::Timer>,
}

impl smol::io::AsyncRead for Hesitant {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl smol::io::AsyncWrite for Hesitant {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.kept.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let short = Duration::from_millis(5);
        let pause = this.pause.get_or_insert_with(|| smol::Timer::after(short));
        core::task::ready!(Pin::new(pause).poll(cx));
        while !this.kept.is_empty() {
            let count = core::task::ready!(Pin::new(&mut this.pipe).poll_write(cx, &this.kept))?;
            this.kept.drain(..count);
        }
        this.pause = None;
        Pin::new(&mut this.pipe).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_close(cx)
    }
}

async fn a_stream_that_keeps_bytes_is_flushed_while_reading_rests_too<A: Adapter>(stage: Stage<A>) {
    let server = stage.server();
    let options = stage.options().dialer(|request| async move {
        let pipe = Pipe::to(address_of(&request)).await?;
        Ok(Dialed::from_async_io(Hesitant { pipe, kept: Vec::new(), pause: None }))
    });
    let client = stage.connect_to(options, &server.url()).await;
    let mut events = client.events();
    let other = stage.connect(&server).await;
    let mut out = other.subscription("out").confirmed().await.unwrap();
    let policy = SlowConsumerPolicy::BackPressure;
    let slow = client.subscription("slow").capacity(10).slow_consumer(policy);
    let slow = within("a subscription", slow.confirmed()).await.unwrap();
    for _ in 0..100 {
        other.publish("slow", "x".into()).await.unwrap();
    }
    event(&mut events, &Event::Reading(ReadingState::Paused)).await;
    client.publish("out", "y".into()).await.unwrap();
    within("flush", client.flush()).await.unwrap();
    assert_eq!(next(&mut out).await.payload, "y");
    drop(slow);
    within("sync", client.sync()).await.unwrap();
}

async fn tls_comes_first_where_the_server_wants_it_so<A: Adapter>(stage: Stage<A>) {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder().tls(certs.server_tls().handshake_first()).start().unwrap();
    let options = stage.options().add_root_certificates(certs.ca_path()).tls_first();
    let client = stage.connect_to(options, &server.url()).await;
    assert!(client.tls_info().is_some());
    exchange_and_reconnect(&client).await;
}

async fn a_client_certificate_is_shown<A: Adapter>(stage: Stage<A>) {
    let certs = TestCerts::generate().unwrap();
    let mutual = certs.server_tls().ca(certs.ca_path()).verify();
    let server = NatsServer::builder()
        .tls(mutual.clone())
        .websocket(WebSocketOptions::tls(mutual))
        .start()
        .unwrap();
    let identity = certs.client();
    for url in [server.url(), server.websocket_url().unwrap()] {
        let options =
            stage.options().add_root_certificates(certs.ca_path()).add_client_certificate(
                identity.certificate_path().to_owned(),
                identity.key_path().to_owned(),
            );
        let client = stage.connect_to(options, &url).await;
        exchange_and_reconnect(&client).await;
    }
}
