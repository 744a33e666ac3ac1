//! Streams that the application opens, and dials side by side.

use crate::support::{connect_to, event, next, pattern, pick, quick, server, within};
use core::future::Future as _;
use core::net::SocketAddr;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use midge_test_server::{FakeServer, NatsServer, TestCerts, WebSocketOptions};
use midge_tokio::proto::Target;
use midge_tokio::{
    Cause, ConnectOptions, DialRequest, Dialed, Event, ReadingState, SlowConsumerPolicy, Step,
};
use std::io;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// One end of a pipe in memory, with the traits of `futures-io`; the other leads to the server.
struct Pipe(DuplexStream);

impl Pipe {
    async fn to(address: SocketAddr) -> io::Result<Self> {
        let (near, mut far) = tokio::io::duplex(1000);
        let mut upstream = TcpStream::connect(address).await?;
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut far, &mut upstream).await });
        Ok(Self(near))
    }
}

impl futures_io::AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        Pin::new(&mut self.0).poll_read(cx, &mut buf).map_ok(|()| buf.filled().len())
    }
}

impl futures_io::AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn address_of(request: &DialRequest) -> SocketAddr {
    match &request.target {
        Target::Address(address) => *address,
        other => panic!("{other}"),
    }
}

/// A stream that keeps what it takes until it was asked twice to let it go.
struct Hesitant {
    pipe: Pipe,
    kept: Vec<u8>,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl futures_io::AsyncRead for Hesitant {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl futures_io::AsyncWrite for Hesitant {
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
        let pause = this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(short)));
        core::task::ready!(pause.as_mut().poll(cx));
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

#[tokio::test]
async fn a_stream_that_keeps_bytes_is_flushed_while_reading_rests_too() {
    let server = server();
    let options = quick().dialer(|request| async move {
        let pipe = Pipe::to(address_of(&request)).await?;
        Ok(Dialed::from_async_io(Hesitant { pipe, kept: Vec::new(), pause: None }))
    });
    let client = connect_to(options, &server.url()).await;
    let mut events = client.events();
    let other = connect_to(quick(), &server.url()).await;
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

fn through_a_pipe() -> ConnectOptions {
    quick().dialer(|request| async move {
        Ok(Dialed::from_async_io(Pipe::to(address_of(&request)).await?))
    })
}

#[tokio::test]
async fn a_pipe_in_memory_carries_a_connection_and_its_reconnect() {
    let server = server();
    let client = connect_to(through_a_pipe(), &server.url()).await;
    let mut events = client.events();
    let mut subscriber = client.subscription("p").confirmed().await.unwrap();
    let payload = pattern(300_000);
    client.publish("p", payload.clone()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, payload);
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
    client.publish("p", "again".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "again");
    within("drain", client.drain()).await.unwrap();
}

#[tokio::test]
async fn tls_and_a_websocket_go_over_the_applications_stream() {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder()
        .tls(certs.server_tls())
        .websocket(WebSocketOptions::tls(certs.server_tls()))
        .start()
        .unwrap();
    for url in [server.tls_url(), server.websocket_url().unwrap()] {
        let options = through_a_pipe().add_root_certificates(certs.ca_path());
        let client = connect_to(options, &url).await;
        assert!(client.tls_info().is_some());
        within("sync", client.sync()).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_is_secured_already_gets_no_tls_and_may_carry_what_demands_it() {
    let server = server();
    let address = server.address();
    let options = ConnectOptions::new().skip_host_lookup().dialer(move |request| async move {
        assert_eq!(request.target, Target::Name("nats.example".into(), 4222));
        assert_eq!(request.server.to_string(), "tls://nats.example:4222");
        Ok(Dialed::from_async_io(Pipe::to(address).await?).secured("nats.example"))
    });
    let client = connect_to(options, "tls://nats.example").await;
    within("sync", client.sync()).await.unwrap();
    assert!(client.tls_info().is_none());

    // Without that word the same server, which offers no TLS, is not spoken to.
    let options = ConnectOptions::new()
        .skip_host_lookup()
        .dialer(move |_| async move { Ok(Dialed::from_async_io(Pipe::to(address).await?)) });
    let error = within("connect", options.connect("tls://nats.example")).await.unwrap_err();
    assert_eq!(error.attempt().unwrap().cause, Cause::TlsNotOffered);
}

#[tokio::test]
async fn a_dialer_that_fails_is_told_in_its_own_words() {
    let options = ConnectOptions::new()
        .dialer(|_| async { Err::<Dialed, _>(io::Error::other("no carrier")) });
    let error = within("connect", options.connect("127.0.0.1:1")).await.unwrap_err();
    let failure = error.attempt().unwrap();
    assert_eq!(failure.step, Step::Dial);
    assert_eq!(failure.cause, Cause::Io("no carrier".to_owned()));
    assert_eq!(failure.address, "127.0.0.1:1".parse().ok());
}

#[tokio::test]
async fn a_dialer_that_never_answers_costs_the_timeout_and_is_dropped() {
    struct Alive(Arc<AtomicUsize>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let options =
        ConnectOptions::new().connection_timeout(Duration::from_millis(100)).dialer(move |_| {
            let alive = Alive(Arc::clone(&count));
            async move {
                let _alive = alive;
                core::future::pending::<io::Result<Dialed>>().await
            }
        });
    let error = within("connect", options.connect("127.0.0.1:1")).await.unwrap_err();
    assert_eq!(error.attempt().unwrap().cause, Cause::TimedOut);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// A dialer for `localhost`, whose first dial leads nowhere.
#[tokio::test]
async fn a_dial_that_hangs_is_overtaken_by_one_to_the_next_address() {
    let server = server();
    let real = server.address();
    let dialed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&dialed);
    let options = ConnectOptions::new().retain_servers_order().dialer(move |request| {
        let first = {
            let mut seen = seen.lock().unwrap();
            seen.push(address_of(&request));
            seen.len() == 1
        };
        async move {
            if first {
                core::future::pending::<()>().await;
            }
            Ok(Dialed::from_async_io(Pipe::to(real).await?))
        }
    });
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host("localhost:4222").await.unwrap().collect();
    if addresses.len() < 2 {
        return eprintln!("skipped: localhost has one address here: {addresses:?}");
    }
    let client = connect_to(options, "nats://localhost:4222").await;
    within("sync", client.sync()).await.unwrap();
    let dialed = dialed.lock().unwrap().clone();
    assert_eq!(dialed.len(), 2);
    assert_ne!(dialed[0].is_ipv4(), dialed[1].is_ipv4(), "the families take turns");
}

#[tokio::test]
async fn a_failed_dial_beside_others_is_an_event() {
    let server = server();
    let real = server.address();
    let count = Arc::new(AtomicUsize::new(0));
    let options = ConnectOptions::new().retain_servers_order().dialer(move |_| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                return Err(io::ErrorKind::NetworkUnreachable.into());
            }
            Ok(Dialed::from_async_io(Pipe::to(real).await?))
        }
    });
    let options = options.retry_on_initial_connect();
    let client = connect_to(options, "nats://localhost:4222").await;
    let mut events = client.events();
    let failure = pick("the failure", &mut events, |event| match event {
        Event::AttemptFailed(failure) => Some(failure.clone()),
        _ => None,
    });
    assert_eq!(failure.await.step, Step::Dial);
    event(&mut events, &Event::Connected).await;
}

#[tokio::test]
async fn a_client_that_closes_while_dials_are_under_way_drops_them() {
    let fake = FakeServer::start().unwrap();
    let options = ConnectOptions::new()
        .retry_on_initial_connect()
        .dialer(|_| core::future::pending::<io::Result<Dialed>>());
    let client = connect_to(options, &fake.url()).await;
    within("close", client.close()).await.unwrap();
}
