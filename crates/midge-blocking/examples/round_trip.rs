//! The time of a request, one after the other: threads beside tokio's current-thread runtime.
//!
//! `cargo run --release -p midge-blocking --example round_trip [requests]`
//!
//! Both take turns in rounds against the same server and the same responder, a connection of its
//! own, so that what disturbs the machine disturbs both.

use core::error::Error;
use core::time::Duration;
use midge_test_server::NatsServer;
use std::time::Instant;

const ROUNDS: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let count = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 20_000,
    };
    let server = NatsServer::start()?;
    let url = server.url();
    let responder = midge_blocking::connect(&url)?;
    let answers = responder.clone();
    let service = responder.subscribe_with("echo", move |request| {
        if let Err(error) = answers.respond(&request, request.payload.clone()) {
            eprintln!("no answer: {error}");
        }
    })?;
    responder.sync()?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let on_tokio = runtime.block_on(midge_tokio::connect(&url))?;
    let on_threads = midge_blocking::connect(&url)?;
    let (mut tokio_times, mut threads_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        runtime.block_on(async {
            for _ in 0..count / ROUNDS {
                let begun = Instant::now();
                on_tokio.request("echo", "x".into()).await?;
                tokio_times.push(begun.elapsed());
            }
            Ok::<_, midge_tokio::RequestError>(())
        })?;
        for _ in 0..count / ROUNDS {
            let begun = Instant::now();
            on_threads.request("echo", "x".into())?;
            threads_times.push(begun.elapsed());
        }
    }
    let (tokio, threads) = (median(tokio_times), median(threads_times));
    println!("tokio, current thread: {tokio:?}");
    println!("threads:               {threads:?}");
    println!("ratio:                 {:.2}", threads.as_secs_f64() / tokio.as_secs_f64());
    service.stop();
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
