use core::time::Duration;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use midge_test_server::{AccountOptions, NatsServer, Operator, User, UserOptions};
use serde_json::{Value, json};

/// Says `CONNECT` and `PING`, and returns the connection and the first answer.
fn connect(server: &NatsServer, user: &User, signed: bool) -> (BufReader<TcpStream>, String) {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut reader = BufReader::new(stream);
    let info = line(&mut reader);
    let info: Value = serde_json::from_str(info.strip_prefix("INFO ").unwrap()).unwrap();
    let mut connect = json!({"verbose": false, "protocol": 1, "jwt": user.jwt()});
    if signed {
        connect["sig"] = user.sign_nonce(info["nonce"].as_str().unwrap()).into();
    }
    write(&mut reader, &format!("CONNECT {connect}\r\nPING\r\n"));
    let answer = answer(&mut reader);
    (reader, answer)
}

fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

fn answer(reader: &mut BufReader<TcpStream>) -> String {
    loop {
        let line = line(reader);
        if !line.starts_with("INFO ") {
            return line.trim_end().to_owned();
        }
    }
}

fn write(reader: &mut BufReader<TcpStream>, text: &str) {
    reader.get_mut().write_all(text.as_bytes()).unwrap();
}

const PONG: &str = "PONG";
const REFUSED: &str = "-ERR 'Authorization Violation'";

fn account_and_server() -> (midge_test_server::Account, NatsServer) {
    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("A", AccountOptions::new()).unwrap();
    let server = NatsServer::builder().operator(&operator).start().unwrap();
    (account, server)
}

#[test]
fn user_of_an_account_may_connect_and_a_foreign_one_may_not() {
    let (account, server) = account_and_server();
    let user = account.user("alice", UserOptions::new()).unwrap();
    assert_eq!(connect(&server, &user, true).1, PONG);
    assert_eq!(connect(&server, &user, false).1, REFUSED);

    let mut stranger = Operator::new().unwrap();
    let account = stranger.add_account("A", AccountOptions::new()).unwrap();
    let user = account.user("alice", UserOptions::new()).unwrap();
    assert_eq!(connect(&server, &user, true).1, REFUSED);
}

#[test]
fn bearer_may_connect_without_a_signature() {
    let (account, server) = account_and_server();
    let user = account.user("b", UserOptions::new().bearer()).unwrap();
    assert_eq!(connect(&server, &user, false).1, PONG);
}

#[test]
fn expired_user_is_refused_and_one_that_expires_is_disconnected() {
    let (account, server) = account_and_server();
    let late = account.user("late", UserOptions::new().expired()).unwrap();
    assert_ne!(connect(&server, &late, true).1, PONG);
    let user = account.renew(&late, UserOptions::new().expires_in(Duration::from_secs(2))).unwrap();
    let (mut connection, first) = connect(&server, &user, true);
    assert_eq!(first, PONG);
    assert_eq!(answer(&mut connection), "-ERR 'User Authentication Expired'");
}

#[test]
fn permissions_of_a_user_are_kept() {
    let (account, server) = account_and_server();
    let options = UserOptions::new().allow_publish("a").allow_subscribe("a").deny_subscribe("b");
    let (mut connection, _) = connect(&server, &account.user("u", options).unwrap(), true);
    write(&mut connection, "SUB a 1\r\nPUB a 0\r\n\r\n");
    assert_eq!(answer(&mut connection), "MSG a 1 0");
    assert_eq!(answer(&mut connection), "");
    write(&mut connection, "PUB c 0\r\n\r\n");
    assert_eq!(answer(&mut connection), "-ERR 'Permissions Violation for Publish to \"c\"'");
    write(&mut connection, "SUB b 2\r\n");
    assert_eq!(answer(&mut connection), "-ERR 'Permissions Violation for Subscription to \"b\"'");
}

#[test]
fn limits_of_an_account_are_kept() {
    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("A", AccountOptions::new().limit("conn", 1)).unwrap();
    let server = NatsServer::builder().operator(&operator).start().unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    let (_open, first) = connect(&server, &user, true);
    assert_eq!(first, PONG);
    assert_eq!(
        connect(&server, &user, true).1,
        "-ERR 'maximum account active connections exceeded'"
    );
}

#[test]
fn account_with_jetstream_may_use_it() {
    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("A", AccountOptions::new().jetstream()).unwrap();
    let server = NatsServer::builder().operator(&operator).jetstream().start().unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    let (mut connection, _) = connect(&server, &user, true);
    write(&mut connection, "SUB inbox 1\r\nPUB $JS.API.INFO inbox 0\r\n\r\n");
    assert!(answer(&mut connection).starts_with("MSG inbox 1"));
    let info: Value = serde_json::from_str(&answer(&mut connection)).unwrap();
    assert_eq!(info["limits"]["max_streams"], -1, "{info}");
}

#[cfg(unix)]
#[test]
fn running_server_learns_of_new_accounts_and_revocations() {
    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("A", AccountOptions::new()).unwrap();
    let mut server = NatsServer::builder().operator(&operator).start().unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    let (mut connection, first) = connect(&server, &user, true);
    assert_eq!(first, PONG);

    let other = operator.add_account("B", AccountOptions::new()).unwrap();
    operator.update_account(&account, AccountOptions::new().revoke(&user)).unwrap();
    server.reload(operator.server_config()).unwrap();
    assert!(answer(&mut connection).starts_with("-ERR"));
    assert_eq!(connect(&server, &user, true).1, REFUSED);
    let user = other.user("v", UserOptions::new()).unwrap();
    assert_eq!(connect(&server, &user, true).1, PONG);
}

#[test]
fn credentials_hold_jwt_and_seed() {
    let (account, server) = account_and_server();
    let user = account.user("u", UserOptions::new()).unwrap();
    let path = server.folder().join("u.creds");
    user.write_credentials(&path).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text, user.credentials());
    assert!(text.contains(user.jwt()) && text.contains(user.seed().as_str()));
}
