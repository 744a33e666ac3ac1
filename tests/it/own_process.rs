//! What only shows in a process of its own: its environment, its error output, its memory.
//!
//! Each test runs an ignored one of this binary as a child process, told what to do by variables.

use crate::support::{blocking, connect_to, event, quick, rest_of, server_with, within};
use midge_test_server::{AccountOptions, NatsServer, Operator, TestCerts, UserOptions};
use midge_tokio::proto::nkeys::KeyPair;
use midge_tokio::{Client, ConnectOptions, Event};
use std::process::{Command, Output};

const URL: &str = "MIDGE_CHILD_URL";
const MODE: &str = "MIDGE_CHILD_MODE";
const SEED_FILE: &str = "MIDGE_CHILD_SEED_FILE";
const NEEDLE: &str = "MIDGE_CHILD_NEEDLE";

/// Runs an ignored test of this module as a process of its own.
async fn child(test: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("own_process::{test}"), "--exact", "--ignored", "--nocapture"]);
    command.envs(variables.iter().copied());
    let output = blocking("the child process", move || command.output().unwrap()).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

// ---- serious news that nobody listens to ----

#[tokio::test]
async fn serious_news_goes_to_the_error_output_while_nobody_listens_and_only_then() {
    let server = server_with(
        r#"authorization { users: [
            { user: u, password: p, permissions: { publish: { deny: "secret" } } }
        ] }"#,
    );
    let url = format!("nats://u:p@{}", server.address());
    let told = "midge: server error: Permissions Violation for Publish to \"secret\"";
    for (mode, is_told) in [("alone", true), ("quiet", false), ("stream", false), ("call", false)] {
        let output = child("complain", &[(URL, &url), (MODE, mode)]).await;
        let shown = text(&output.stderr);
        assert_eq!(shown.contains(told), is_told, "{mode}: {shown}");
        assert_eq!(shown.matches("midge: ").count(), usize::from(is_told), "{mode}: {shown}");
    }
}

#[tokio::test]
#[ignore = "runs as a child process of another test"]
async fn complain() {
    let (Ok(url), Ok(mode)) = (std::env::var(URL), std::env::var(MODE)) else { return };
    let options = match mode.as_str() {
        "quiet" => quick().quiet(),
        "call" => quick().event_callback(|_| core::future::ready(())),
        _ => quick(),
    };
    let client = connect_to(options, &url).await;
    let events = (mode == "stream").then(|| client.events());
    client.publish("secret", "x".into()).await.unwrap();
    client.sync().await.unwrap();
    client.close().await.unwrap();
    drop(events);
}

// ---- the trust store of the system ----

#[tokio::test]
async fn the_systems_trust_store_is_the_default() {
    let (certs, others) = (TestCerts::generate().unwrap(), TestCerts::generate().unwrap());
    let server = NatsServer::builder().tls(certs.server_tls()).start().unwrap();
    let url = server.tls_url();
    for (store, mode) in [(certs.ca_path(), "trusted"), (others.ca_path(), "unknown")] {
        let store = store.to_str().unwrap().to_owned();
        child("trust", &[(URL, &url), (MODE, mode), ("SSL_CERT_FILE", &store)]).await;
    }
}

#[tokio::test]
#[ignore = "runs as a child process of another test"]
async fn trust() {
    let (Ok(url), Ok(mode)) = (std::env::var(URL), std::env::var(MODE)) else { return };
    let result = within("connect", ConnectOptions::new().connect(url)).await;
    assert_eq!(result.is_ok(), mode == "trusted", "{result:?}");
}

// ---- seeds in memory ----

/// A secret as it may stand in the environment: each byte inverted.
fn inverted(secret: &[u8]) -> String {
    secret.iter().map(|byte| format!("{:02x}", !byte)).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn seeds_of_files_are_nowhere_in_memory_once_the_nonce_is_signed() {
    let key = KeyPair::new_user([42; 32]);
    let public = key.public_key();
    let server = server_with(&format!("authorization {{ users: [{{ nkey: {public} }}] }}"));
    let path = server.folder().join("user.nk");
    std::fs::write(&path, key.seed().as_bytes()).unwrap();
    let needle = inverted(key.seed().as_bytes());
    search_child(&server, "nkey", &path, &needle).await;

    let mut operator = Operator::new().unwrap();
    let account = operator.add_account("a", AccountOptions::new()).unwrap();
    let user = account.user("u", UserOptions::new()).unwrap();
    let server = NatsServer::builder().operator(&operator).start().unwrap();
    let path = server.folder().join("user.creds");
    user.write_credentials(&path).unwrap();
    search_child(&server, "creds", &path, &inverted(user.seed().as_bytes())).await;
}

#[cfg(target_os = "linux")]
async fn search_child(server: &NatsServer, mode: &str, path: &std::path::Path, needle: &str) {
    let (url, path) = (server.url(), path.to_str().unwrap());
    let variables = [(URL, url.as_str()), (MODE, mode), (SEED_FILE, path), (NEEDLE, needle)];
    child("sign_and_search", &variables).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "runs as a child process of another test"]
async fn sign_and_search() {
    let (Ok(url), Ok(path), Ok(needle)) =
        (std::env::var(URL), std::env::var(SEED_FILE), std::env::var(NEEDLE))
    else {
        return;
    };
    let inverted: Vec<u8> = (0..needle.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&needle[at..at + 2], 16).unwrap())
        .collect();
    let options = match std::env::var(MODE).as_deref() {
        Ok("nkey") => quick().nkey_file(&path),
        _ => quick().credentials_file(&path).await.unwrap(),
    };
    let client: Client = connect_to(options, &url).await;
    let mut events = client.events();
    client.force_reconnect().await.unwrap();
    event(&mut events, &Event::Connected).await;
    assert_eq!(copies(&inverted), 0, "while connected");
    client.close().await.unwrap();
    drop(client);
    rest_of(&mut events).await;
    assert_eq!(copies(&inverted), 0, "after the end");
    let kept = std::fs::read(&path).unwrap();
    assert!(copies(&inverted) > 0, "the search finds what is there: {} bytes", kept.len());
}

/// How often the text whose bytes are inverted stands in the memory of this process.
#[cfg(target_os = "linux")]
fn copies(inverted: &[u8]) -> usize {
    use std::os::unix::fs::FileExt;
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let (mut at, end) =
            (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        while at < end {
            let len = buffer.len().min((end - at) as usize);
            let Ok(count) = memory.read_at(&mut buffer[..len], at) else { break };
            let is_copy = |window: &[u8]| window.iter().zip(inverted).all(|(a, b)| *a == !*b);
            found += buffer[..count].windows(inverted.len()).filter(|w| is_copy(w)).count();
            if count < len || len < buffer.len() {
                break;
            }
            // What lies across the edge is found in the next turn.
            at += (len - inverted.len()) as u64;
        }
        // What was read must not be found again where it was read to.
        buffer.fill(0);
    }
    found
}
