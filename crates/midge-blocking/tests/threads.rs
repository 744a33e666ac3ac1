//! Counts the threads of a process with many connections and subscriptions.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
#![cfg(target_os = "linux")]

use core::time::Duration;
use midge_test_server::NatsServer;

const CONNECTIONS: usize = 100;
const SUBSCRIPTIONS: usize = 1000;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn a_connection_has_at_most_two_threads_and_a_subscription_none() {
    let server = NatsServer::start().unwrap();
    let before = threads();
    // By name, so that look-ups are counted, too.
    let url = format!("nats://localhost:{}", server.port());
    let clients: Vec<_> =
        (0..CONNECTIONS).map(|_| midge_blocking::connect(&url).unwrap()).collect();
    let mut peak = threads();
    let mut subscribers: Vec<_> = (0..SUBSCRIPTIONS)
        .map(|number| {
            let client = &clients[number % CONNECTIONS];
            let subscriber = client.subscribe(format!("x.{number}")).unwrap();
            peak = peak.max(threads());
            subscriber
        })
        .collect();
    for client in &clients {
        client.sync().unwrap();
    }
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        let sender = &clients[(number + 1) % CONNECTIONS];
        sender.publish(format!("x.{number}"), number.to_string().into()).unwrap();
        let message = subscriber.next_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(message.payload, number.to_string());
        peak = peak.max(threads());
    }
    assert!(peak - before <= 2 * CONNECTIONS, "{} threads more than before", peak - before);
    let idle = threads() - before;
    assert!(idle <= CONNECTIONS, "{idle} threads with nothing to do");

    for client in &clients {
        client.close().unwrap();
    }
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while threads() > before && std::time::Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(threads() <= before, "{} threads are left", threads() - before);
}
