use core::time::Duration;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use midge_test_server::{NatsServer, ServerError, TestCerts, TlsOptions, WebSocketOptions};
use serde_json::Value;

fn info(server: &NatsServer) -> Value {
    let mut line = String::new();
    BufReader::new(TcpStream::connect(server.address()).unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap()
}

#[test]
fn server_with_tls_demands_it() {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder().tls(certs.server_tls()).start().unwrap();
    assert_eq!(server.tls_url(), format!("tls://localhost:{}", server.port()));
    let info = info(&server);
    assert_eq!(info["tls_required"], true);
    assert_ne!(info["tls_verify"], true);
}

#[test]
fn server_can_demand_client_certificates_and_offer_plaintext() {
    let certs = TestCerts::generate().unwrap();
    let server =
        NatsServer::builder().tls(certs.server_tls().verify().allow_non_tls()).start().unwrap();
    let info = info(&server);
    assert_eq!(info["tls_verify"], true);
    assert_eq!(info["tls_available"], true);
    assert_ne!(info["tls_required"], true);
}

#[test]
fn server_with_handshake_first_is_silent_until_tls() {
    let certs = TestCerts::generate().unwrap();
    let server = NatsServer::builder().tls(certs.server_tls().handshake_first()).start().unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // A client that speaks plain NATS gets an alert or an end, and never an INFO.
    stream.write_all(b"CONNECT {}\r\nPING\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"INFO"), "{}", answer.escape_ascii());
}

#[test]
fn expired_and_foreign_certificates_still_start_a_server() {
    let expired = TestCerts::builder().expired().generate().unwrap();
    NatsServer::builder().tls(expired.server_tls()).start().unwrap();
    let foreign = TestCerts::builder().server_names(["wrong.example"]).generate().unwrap();
    NatsServer::builder().tls(foreign.server_tls()).start().unwrap();
    let ip_only = TestCerts::builder().server_names(["127.0.0.1"]).generate().unwrap();
    NatsServer::builder().tls(ip_only.server_tls()).start().unwrap();
}

#[test]
fn websocket_port_with_tls_starts() {
    let certs = TestCerts::generate().unwrap();
    let server =
        NatsServer::builder().websocket(WebSocketOptions::tls(certs.server_tls())).start().unwrap();
    assert!(server.websocket_url().unwrap().starts_with("wss://localhost:"));
    assert_ne!(info(&server)["tls_required"], true);
}

#[test]
fn missing_certificate_file_is_an_error() {
    let error = NatsServer::builder().tls(TlsOptions::new("/no.pem", "/no-key.pem")).start();
    assert!(matches!(error, Err(ServerError::Exited { .. })));
}
