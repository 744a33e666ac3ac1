use core::net::SocketAddr;
use core::time::Duration;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use midge_test_server::{Direction, FaultProxy, free_port};

const LONG: Duration = Duration::from_secs(10);

/// A listener that sends back what it gets; its thread ends with the test process.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

#[track_caller]
fn expect_echo(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, text);
}

/// All that comes until the connection ends, in whatever way.
fn read_to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 256];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) => {
                assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "still open");
                return all;
            }
        }
    }
}

#[test]
fn bytes_pass_both_ways_and_are_counted() {
    let proxy = FaultProxy::start(echo()).unwrap();
    assert_eq!(proxy.url(), format!("nats://127.0.0.1:{}", proxy.port()));
    let mut client = connect(&proxy);
    expect_echo(&mut client, b"hello");
    assert_eq!(proxy.accepted(), 1);
    assert_eq!(proxy.open(), 1);
    assert!(proxy.wait_for_forwarded(Direction::ToServer, 5, LONG));
    assert!(proxy.wait_for_forwarded(Direction::ToClient, 5, LONG));
    assert_eq!(proxy.forwarded(Direction::ToClient), 5);
}

#[test]
fn end_of_one_side_reaches_the_other() {
    let proxy = FaultProxy::start(echo()).unwrap();
    let mut client = connect(&proxy);
    client.write_all(b"bye").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_to_the_end(&mut client), b"bye");
}

#[test]
fn cut_ends_all_connections_and_serves_new_ones() {
    let proxy = FaultProxy::start(echo()).unwrap();
    let (mut one, mut two) = (connect(&proxy), connect(&proxy));
    expect_echo(&mut one, b"1");
    expect_echo(&mut two, b"2");
    proxy.cut();
    assert_eq!(proxy.open(), 0);
    assert_eq!(read_to_the_end(&mut one), b"");
    assert_eq!(read_to_the_end(&mut two), b"");
    expect_echo(&mut connect(&proxy), b"3");
    assert_eq!(proxy.accepted(), 3);
}

#[test]
fn next_connection_is_cut_at_every_exact_byte_towards_the_client() {
    let proxy = FaultProxy::start(echo()).unwrap();
    let text = b"0123456789";
    for limit in 0..text.len() {
        proxy.cut_next_after(Direction::ToClient, limit as u64);
        let mut client = connect(&proxy);
        // With a limit of zero the connection may be gone before this.
        let _ = client.write_all(text);
        assert_eq!(read_to_the_end(&mut client), &text[..limit]);
    }
    expect_echo(&mut connect(&proxy), text);
}

#[test]
fn next_connection_is_cut_at_the_exact_byte_towards_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap()).unwrap();
    for limit in [1, 4, 9] {
        proxy.cut_next_after(Direction::ToServer, limit as u64);
        let mut client = connect(&proxy);
        client.write_all(b"0123456789").unwrap();
        let (mut server, _) = listener.accept().unwrap();
        assert_eq!(read_to_the_end(&mut server), &b"0123456789"[..limit]);
        assert_eq!(read_to_the_end(&mut client), b"");
    }
}

#[test]
fn current_connection_is_cut_after_more_bytes() {
    let proxy = FaultProxy::start(echo()).unwrap();
    let mut client = connect(&proxy);
    expect_echo(&mut client, b"before");
    proxy.cut_after(Direction::ToClient, 3);
    client.write_all(b"after").unwrap();
    assert_eq!(read_to_the_end(&mut client), b"aft");
    expect_echo(&mut connect(&proxy), b"unharmed");
}

#[test]
fn stalled_direction_holds_bytes_until_it_is_resumed() {
    let proxy = FaultProxy::start(echo()).unwrap();
    let mut client = connect(&proxy);
    expect_echo(&mut client, b"1");
    assert!(proxy.wait_for_forwarded(Direction::ToClient, 1, LONG));
    proxy.stall(Direction::ToClient);
    client.write_all(b"23").unwrap();
    assert!(proxy.wait_for_forwarded(Direction::ToServer, 3, LONG));
    assert_eq!(proxy.forwarded(Direction::ToClient), 1);
    client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(client.read(&mut [0]).is_err());
    client.set_read_timeout(Some(LONG)).unwrap();
    proxy.resume(Direction::ToClient);
    let mut held = [0; 2];
    client.read_exact(&mut held).unwrap();
    assert_eq!(&held, b"23");
}

#[test]
fn stalled_connection_can_be_cut() {
    let proxy = FaultProxy::start(echo()).unwrap();
    let mut client = connect(&proxy);
    expect_echo(&mut client, b"1");
    proxy.stall(Direction::ToServer);
    client.write_all(b"2").unwrap();
    proxy.cut();
    assert_eq!(read_to_the_end(&mut client), b"");
}

#[test]
fn throttled_direction_takes_its_time() {
    let proxy = FaultProxy::start(echo()).unwrap();
    proxy.throttle(Direction::ToServer, 1000);
    let mut client = connect(&proxy);
    let start = Instant::now();
    expect_echo(&mut client, &[7; 300]);
    // The pause after the last piece is not waited for.
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
    proxy.throttle(Direction::ToServer, 0);
    expect_echo(&mut client, &[7; 100_000]);
}

#[test]
fn split_bytes_arrive_whole_and_in_order() {
    let proxy = FaultProxy::start(echo()).unwrap();
    proxy.split(Direction::ToServer, 1);
    proxy.split(Direction::ToClient, 3);
    let text: Vec<u8> = (0..=255).collect();
    expect_echo(&mut connect(&proxy), &text);
}

#[test]
fn refused_clients_are_served_again_on_the_same_port() {
    let proxy = FaultProxy::start(echo()).unwrap();
    let mut old = connect(&proxy);
    expect_echo(&mut old, b"1");
    proxy.refuse();
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    expect_echo(&mut old, b"2");
    proxy.accept().unwrap();
    expect_echo(&mut connect(&proxy), b"3");
    assert_eq!(proxy.accepted(), 2);
}

#[test]
fn upstream_can_change_and_be_away() {
    let gone = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let proxy = FaultProxy::start(gone).unwrap();
    assert_eq!(read_to_the_end(&mut connect(&proxy)), b"");
    proxy.set_upstream(echo()).unwrap();
    expect_echo(&mut connect(&proxy), b"found");
    assert!(proxy.wait_for_accepted(2, LONG));
    assert!(!proxy.wait_for_accepted(3, Duration::ZERO));
}

#[test]
fn dropped_proxy_ends_its_connections_and_frees_its_port() {
    let proxy = FaultProxy::start(echo()).unwrap();
    let mut client = connect(&proxy);
    expect_echo(&mut client, b"1");
    let address = proxy.address();
    drop(proxy);
    assert_eq!(read_to_the_end(&mut client), b"");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn refusing_proxy_can_be_dropped() {
    let proxy = FaultProxy::start(echo()).unwrap();
    proxy.refuse();
    drop(proxy);
}
