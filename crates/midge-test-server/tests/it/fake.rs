use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::catch_unwind;

use midge_test_server::FakeServer;
use serde_json::{Value, json};

fn connect(fake: &FakeServer) -> TcpStream {
    let stream = TcpStream::connect(fake.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn panic_text(action: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(action)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn hand_written_client_completes_the_handshake() {
    let fake = FakeServer::start().unwrap();
    let mut client = connect(&fake);
    client.write_all(b"CONNECT {\"name\":\"me\",\"verbose\":false}\r\nPING\r\n").unwrap();
    let mut connection = fake.accept();
    let connect = connection.handshake_with(&json!({"max_payload": 9, "headers": null}));
    assert_eq!(connect["name"], "me");
    connection.close();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    let (info, rest) = heard.split_once("\r\n").unwrap();
    assert_eq!(rest, "PONG\r\n");
    let info: Value = serde_json::from_str(info.strip_prefix("INFO ").unwrap()).unwrap();
    assert_eq!(info["max_payload"], 9);
    assert_eq!(info["port"], fake.port());
    assert_eq!(info.get("headers"), None);
}

#[test]
fn verbose_client_is_told_ok() {
    let fake = FakeServer::start().unwrap();
    let mut client = connect(&fake);
    client.write_all(b"CONNECT {\"verbose\":true}\r\nPING\r\n").unwrap();
    let mut connection = fake.accept();
    connection.handshake();
    connection.close();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert!(heard.ends_with("\r\n+OK\r\nPONG\r\n"), "{heard}");
}

#[test]
fn lines_and_bytes_are_read_in_order_whatever_the_pieces() {
    let fake = FakeServer::start().unwrap();
    let mut client = connect(&fake);
    client.set_nodelay(true).unwrap();
    let mut connection = fake.accept();
    for byte in b"PUB a 3\r\nx\r\n\r\nSUB b 1\r\nrest" {
        client.write_all(&[*byte]).unwrap();
    }
    assert_eq!(connection.expect_line("PUB a"), "PUB a 3");
    assert_eq!(connection.read_exact(3), b"x\r\n");
    assert_eq!(connection.read_until("\r\n"), b"\r\n");
    assert_eq!(connection.read_line(), "SUB b 1");
    assert_eq!(connection.read_exact(4), b"rest");
    assert!(connection.is_silent_for(Duration::from_millis(10)));
    drop(client);
    connection.expect_end();
}

#[test]
fn unexpected_line_panics_with_all_that_was_received() {
    let fake = FakeServer::start().unwrap();
    let mut client = connect(&fake);
    client.write_all(b"CONNECT {}\r\nSUB a 1\r\n").unwrap();
    let mut connection = fake.accept();
    let text = panic_text(|| {
        connection.handshake();
    });
    assert!(text.contains("\"PING\""), "{text}");
    assert!(text.contains(r#"received so far: "CONNECT {}\r\nSUB a 1\r\n""#), "{text}");
}

#[test]
fn silent_client_panics_after_the_deadline() {
    let fake = FakeServer::start().unwrap().timeout(Duration::from_millis(50));
    assert!(panic_text(|| drop(fake.accept())).contains("no client"));
    let mut client = connect(&fake);
    client.write_all(b"half a li").unwrap();
    let mut connection = fake.accept();
    let text = panic_text(|| {
        connection.read_line();
    });
    assert!(text.contains("time is up") && text.contains("half a li"), "{text}");
}

#[test]
fn client_that_hangs_up_panics_at_once() {
    let fake = FakeServer::start().unwrap();
    drop(connect(&fake));
    let mut connection = fake.accept();
    let text = panic_text(|| {
        connection.read_line();
    });
    assert!(text.contains("hung up"), "{text}");
}

#[test]
fn reset_is_an_error_for_the_client() {
    let fake = FakeServer::start().unwrap();
    let mut client = connect(&fake);
    fake.accept().reset();
    let error = client.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn dropped_server_frees_its_port() {
    let fake = FakeServer::start().unwrap();
    let address = fake.address();
    drop(fake);
    assert!(TcpStream::connect(address).is_err());
}
