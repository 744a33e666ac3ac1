use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use midge_test_server::{NatsServer, ServerError, WebSocketOptions};
use serde_json::Value;

/// Connects by hand and completes the handshake.
fn connect(server: &NatsServer) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut reader = BufReader::new(stream);
    assert!(line(&mut reader).starts_with("INFO "));
    write(&mut reader, "CONNECT {\"verbose\":false,\"protocol\":1,\"headers\":true}\r\nPING\r\n");
    assert_eq!(answer(&mut reader), "PONG\r\n");
    reader
}

fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

/// The next line that is not one of the `INFO` lines a server sends whenever it likes.
fn answer(reader: &mut BufReader<TcpStream>) -> String {
    loop {
        let line = line(reader);
        if !line.starts_with("INFO ") {
            return line;
        }
    }
}

fn write(reader: &mut BufReader<TcpStream>, text: &str) {
    reader.get_mut().write_all(text.as_bytes()).unwrap();
}

#[test]
fn server_serves_clients_and_is_gone_after_drop() {
    let server = NatsServer::start().unwrap();
    let folder = server.folder().to_path_buf();
    let mut client = connect(&server);
    write(&mut client, "SUB a 1\r\nPUB a 2\r\nhi\r\n");
    assert_eq!(answer(&mut client), "MSG a 1 2\r\n");
    assert_eq!(answer(&mut client), "hi\r\n");
    let address = server.address();
    drop(server);
    assert!(!folder.exists());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn two_servers_have_different_ports_and_names() {
    let one = NatsServer::start().unwrap();
    let two = NatsServer::start().unwrap();
    assert_ne!(one.port(), two.port());
    assert_ne!(one.name(), two.name());
}

#[test]
fn killed_server_comes_back_on_the_same_port_with_its_store() {
    let mut server = NatsServer::builder().jetstream().start().unwrap();
    let (url, first_pid) = (server.url(), server.pid());
    let mut client = connect(&server);
    write(&mut client, "SUB inbox 1\r\n");
    let create = r#"{"name":"S","subjects":["s"],"storage":"file","num_replicas":1}"#;
    write(
        &mut client,
        &format!("PUB $JS.API.STREAM.CREATE.S inbox {}\r\n{create}\r\n", create.len()),
    );
    assert!(answer(&mut client).starts_with("MSG inbox 1 "));
    assert!(line(&mut client).contains("stream_create_response"));

    server.kill();
    assert!(!server.is_running());
    assert_eq!(server.pid(), None);
    let mut rest = Vec::new();
    // An abrupt end may be an end of file or a reset.
    let _ = client.read_to_end(&mut rest);
    assert!(TcpStream::connect(server.address()).is_err());
    assert!(matches!(server.monitor("/varz"), Err(ServerError::Monitoring { .. })));
    assert!(matches!(server.pause(), Err(ServerError::NotRunning)));

    server.restart().unwrap();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), first_pid);
    connect(&server);
    assert_eq!(server.monitor("/jsz").unwrap()["streams"], 1);
}

#[test]
fn restart_of_a_running_server_stops_it_in_good_order() {
    let mut server = NatsServer::start().unwrap();
    let port = server.port();
    server.restart().unwrap();
    assert_eq!(server.port(), port);
    assert!(server.logs().contains("Server Exiting"));
}

#[test]
fn stopped_server_can_be_stopped_again_and_restarted() {
    let mut server = NatsServer::start().unwrap();
    server.stop().unwrap();
    server.stop().unwrap();
    assert!(!server.is_running());
    server.restart().unwrap();
    assert!(server.is_running());
}

#[cfg(unix)]
#[test]
fn paused_server_answers_after_it_is_resumed() {
    let server = NatsServer::start().unwrap();
    let mut client = connect(&server);
    server.pause().unwrap();
    write(&mut client, "PING\r\n");
    client.get_mut().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut early = String::new();
    while client.read_line(&mut early).is_ok() {
        assert!(!early.contains("PONG"), "answered while paused");
    }
    server.resume().unwrap();
    client.get_mut().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(answer(&mut client), "PONG\r\n");
}

#[cfg(unix)]
#[test]
fn paused_server_can_be_stopped() {
    let mut server = NatsServer::start().unwrap();
    server.pause().unwrap();
    server.stop().unwrap();
    assert!(server.logs().contains("Server Exiting"));
}

#[cfg(unix)]
#[test]
fn lame_duck_is_announced_and_ends_the_server() {
    let mut server = NatsServer::builder().config("lame_duck_grace_period: 100ms").start().unwrap();
    let mut client = connect(&server);
    server.lame_duck().unwrap();
    loop {
        let info = line(&mut client);
        let info: Value = serde_json::from_str(info.strip_prefix("INFO ").unwrap()).unwrap();
        if info["ldm"] == true {
            break;
        }
    }
    assert!(server.wait_for_exit(Duration::from_secs(30)));
    assert!(!server.is_running());
}

#[cfg(unix)]
#[test]
fn reload_takes_over_new_text_and_keeps_the_old_if_it_is_wrong() {
    let mut server = NatsServer::builder().config("max_payload: 1024").start().unwrap();
    server.reload("max_payload: 2048").unwrap();
    assert_eq!(server.monitor("/varz").unwrap()["max_payload"], 2048);
    let refused = server.reload("max_payload: {").unwrap_err();
    assert!(matches!(refused, ServerError::ReloadRefused { .. }), "{refused}");
    assert_eq!(server.monitor("/varz").unwrap()["max_payload"], 2048);
    server.restart().unwrap();
    assert_eq!(server.monitor("/varz").unwrap()["max_payload"], 2048);
}

#[test]
fn wrong_configuration_is_an_error_that_shows_the_log() {
    let error = NatsServer::builder().config("max_payload: {").start().unwrap_err();
    assert!(matches!(&error, ServerError::Exited { .. }), "{error}");
    assert!(error.to_string().contains("Parse error"), "{error}");
}

#[test]
fn taken_port_is_an_error_if_it_was_asked_for() {
    let first = NatsServer::start().unwrap();
    let error = NatsServer::builder().port(first.port()).start().unwrap_err();
    assert!(matches!(error, ServerError::AddressInUse { .. }), "{error}");
}

#[test]
fn settings_come_from_text_and_files() {
    let dir = NatsServer::start().unwrap();
    let file = dir.folder().join("more.conf");
    fs::write(&file, "max_connections: 7\n").unwrap();
    let server = NatsServer::builder()
        .name("named")
        .config("max_payload: 1024")
        .config_file(&file)
        .argument("-D")
        .start()
        .unwrap();
    let varz = server.monitor("/varz").unwrap();
    assert_eq!(varz["server_name"], "named");
    assert_eq!(varz["max_payload"], 1024);
    assert_eq!(varz["max_connections"], 7);
    assert!(server.logs().contains("[DBG]"));
}

#[test]
fn monitoring_sees_a_subscription() {
    let server = NatsServer::start().unwrap();
    let mut client = connect(&server);
    write(&mut client, "SUB watched 1\r\n");
    let connz = server
        .monitor_until("/connz?subs=1", |connz| {
            connz["connections"][0]["subscriptions_list"][0] == "watched"
        })
        .unwrap();
    assert_eq!(connz["num_connections"], 1);
}

#[test]
fn websocket_port_answers_an_upgrade() {
    let server = NatsServer::builder().websocket(WebSocketOptions::plain()).start().unwrap();
    let address = server.websocket_address().unwrap();
    assert_eq!(server.websocket_url().unwrap(), format!("ws://{address}"));
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert!(status.starts_with("HTTP/1.1 101"), "{status}");
}

#[test]
fn plain_server_has_no_websocket_or_cluster_address() {
    let server = NatsServer::start().unwrap();
    assert_eq!(server.websocket_url(), None);
    assert_eq!(server.cluster_address(), None);
}

/// What the test below runs in a process of its own; alone it does nothing.
#[cfg(unix)]
#[test]
fn process_that_dies_with_a_server() {
    if std::env::var_os(CHILD_MARK).is_none() {
        return;
    }
    let server = NatsServer::start().unwrap();
    println!("\nADDRESS {}\nFOLDER {}", server.address(), server.folder().display());
    std::process::abort();
}

#[cfg(unix)]
const CHILD_MARK: &str = "MIDGE_TEST_SERVER_CHILD";

#[cfg(unix)]
#[test]
fn server_and_folder_are_gone_after_the_test_process_died() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server::process_that_dies_with_a_server", "--nocapture"])
        .env(CHILD_MARK, "1")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let value = |key| text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    let folder = Path::new(value("FOLDER "));
    let deadline = Instant::now() + Duration::from_secs(10);
    while folder.exists() || TcpStream::connect(value("ADDRESS ")).is_ok() {
        assert!(Instant::now() < deadline, "the server outlived its test process");
        thread::yield_now();
    }
}
