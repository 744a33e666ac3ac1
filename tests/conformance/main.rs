//! What every adapter does alike, over every transport, against a real nats-server.
//!
//! A behaviour is written once, over `midge::Client`, in one of the modules here, and named in that
//! module's `conformance!` list. It then runs for each adapter and each transport; those that bring
//! the transport they need run once for each adapter. The last thing printed is which behaviour ran
//! where.
//!
//! `cargo test -p midge-tests --test conformance [filter]..` with parts of names such as
//! `smol::tls::reconnect`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod adapters;
mod cancellation;
mod cluster;
mod connect;
mod faults;
mod fences;
mod jetstream;
mod proxies;
mod publish;
mod reconnect;
mod relays;
mod request;
mod runner;
mod shutdown;
mod slow_consumers;
mod stage;
mod streams;
mod subscribe;
mod websocket;

use adapters::{Adapter, AsyncStd, Smol, Threads, TokioCurrentThread, TokioMultiThread};
use runner::Case;
use stage::{Behaviour, Stage, Transport};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut cases = Vec::new();
    add::<TokioMultiThread>(&mut cases);
    add::<TokioCurrentThread>(&mut cases);
    add::<AsyncStd>(&mut cases);
    add::<Smol>(&mut cases);
    add::<Threads>(&mut cases);
    runner::run(cases)
}

fn add<A: Adapter>(cases: &mut Vec<Case>) {
    let on_each: [(&str, Vec<Behaviour<A>>); 11] = [
        ("connect", connect::behaviours()),
        ("publish", publish::behaviours()),
        ("subscribe", subscribe::behaviours()),
        ("request", request::behaviours()),
        ("fences", fences::behaviours()),
        ("slow_consumers", slow_consumers::behaviours()),
        ("reconnect", reconnect::behaviours()),
        ("shutdown", shutdown::behaviours()),
        ("cancellation", cancellation::behaviours()),
        ("cluster", cluster::behaviours()),
        ("jetstream", jetstream::behaviours()),
    ];
    for (theme, behaviours) in on_each {
        add_theme(cases, theme, behaviours, &Transport::ALL);
    }
    let with_their_own: [(&str, Vec<Behaviour<A>>); 4] = [
        ("faults", faults::behaviours()),
        ("streams", streams::behaviours()),
        ("proxies", proxies::behaviours()),
        ("websocket", websocket::behaviours()),
    ];
    for (theme, behaviours) in with_their_own {
        add_theme(cases, theme, behaviours, &[Transport::Own]);
    }
}

fn add_theme<A: Adapter>(
    cases: &mut Vec<Case>,
    theme: &str,
    behaviours: Vec<Behaviour<A>>,
    transports: &[Transport],
) {
    for behaviour in behaviours {
        for &transport in transports {
            cases.push(Case {
                behaviour: format!("{theme}::{}", behaviour.name),
                adapter: A::NAME,
                transport: transport.name(),
                run: Box::new(move || {
                    let body = (behaviour.body)(Stage::new(transport));
                    A::block_on(stage::within("the whole behaviour", body));
                }),
            });
        }
    }
}
