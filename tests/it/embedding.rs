//! The worked embeddings of `docs/embedding.md`, against a real server.

use crate::support::{number_of, numbered, server};
use core::time::Duration;
use futures_util::future::join_all;
use midge::ConnectOptions;
use midge::proto::Instant;

#[path = "../../crates/midge-proto/examples/plain.rs"]
#[expect(dead_code, reason = "an example has a main function of its own")]
mod plain;
#[path = "../embedding/readiness.rs"]
mod readiness;

#[cfg(target_os = "linux")]
#[path = "../embedding/completion.rs"]
mod completion;

#[test]
fn the_bare_core_speaks_to_a_server_over_a_plain_stream() {
    let server = server();
    let messages = plain::exchange(&server.url()).unwrap();
    let payloads: Vec<_> = messages.iter().map(|message| &message.payload[..]).collect();
    assert_eq!(payloads, [&b"one"[..], b"two", b"three"]);
    plain::exchange("nats://127.0.0.1:1").unwrap_err();
}

#[test]
fn a_readiness_loop_carries_several_connections_in_one_thread() {
    let mut server = server();
    // By name, so that there are look-ups and dials side by side where it has several addresses.
    let url = format!("nats://localhost:{}", server.port());
    let (clients, drivers): (Vec<_>, Vec<_>) = (0..10)
        .map(|_| {
            let options = ConnectOptions::<()>::new().retry_on_initial_connect();
            let (client, driver, _) = options.build(&url, Instant::ZERO).unwrap();
            (client, driver)
        })
        .unzip();
    let thread = std::thread::spawn(move || readiness::run(drivers));
    let exchange = async |round: u32| {
        for (index, client) in clients.iter().enumerate() {
            let next = &clients[(index + 1) % clients.len()];
            let subject = format!("round.{round}.{index}");
            let mut subscriber = next.subscribe(subject.clone()).await.unwrap();
            while next.sync().await.is_err() {
                smol::Timer::after(Duration::from_millis(2)).await;
            }
            client.publish(subject, vec![7; 100_000].into()).await.unwrap();
            let message = subscriber.next_timeout(Duration::from_secs(10)).await.unwrap();
            assert_eq!(message.payload.len(), 100_000);
        }
    };
    smol::block_on(exchange(0));
    server.restart().unwrap();
    smol::block_on(exchange(1));
    smol::block_on(join_all(clients.iter().map(|client| client.close())));
    thread.join().unwrap().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_completion_based_runtime_carries_a_connection() {
    // Without io_uring the driver cannot even be made: nothing to test then.
    let runtime = match compio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            use std::io::Write;
            // Past the capture of the test program, so that it is seen.
            let note = format!("SKIPPED: no io_uring on this kernel: {error}\n");
            return std::io::stderr().write_all(note.as_bytes()).unwrap();
        }
    };
    let mut server = server();
    runtime.block_on(async {
        let client = completion::connect(&server.url()).await.unwrap();
        let mut subscriber = client.subscribe("x").await.unwrap();
        for round in 0..2 {
            for size in [0, 1_000, 300_000] {
                client.publish("x", vec![round; size].into()).await.unwrap();
                let message = subscriber.next_timeout(Duration::from_secs(10)).await.unwrap();
                assert_eq!(message.payload, vec![round; size]);
            }
            let mut events = client.events();
            if round == 0 {
                server.restart().unwrap();
                while events.next().await.unwrap() != midge::Event::Connected {}
            }
        }
        // Reading that is held back loses nothing of what the kernel has read already.
        let policy = midge::SlowConsumerPolicy::BackPressure;
        let held = client.subscription("held").capacity(10).slow_consumer(policy);
        let mut held = held.confirmed().await.unwrap();
        let sender = midge_smol::connect(server.url()).await.unwrap();
        for number in 0..5_000 {
            sender.publish("held", numbered(number)).await.unwrap();
        }
        sender.sync().await.unwrap();
        for number in 0..5_000 {
            let message = held.next_timeout(Duration::from_secs(10)).await.unwrap();
            assert_eq!(number_of(&message), number);
        }
        client.rtt().await.unwrap();
        client.close().await.unwrap();
    });
}
