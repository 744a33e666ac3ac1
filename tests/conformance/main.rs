//! What every adapter does alike, over every transport, against a real nats-server.
//!
//! A behaviour is written once, over `midge::Client`, in one of the modules here, and named in that
//! module's `conformance!` list. It then runs for each adapter and each transport; those of `faults`
//! choose their transports themselves, and run once for each adapter. The last thing printed is which
//! behaviour ran where.
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
mod publish;
mod reconnect;
mod request;
mod runner;
mod shutdown;
mod slow_consumers;
mod stage;
mod subscribe;

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
    let themes: [(&str, Vec<Behaviour<A>>); 10] = [
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
    ];
    for (theme, behaviours) in themes {
        add_theme(cases, theme, behaviours, &Transport::ALL);
    }
    add_theme::<A>(cases, "faults", faults::behaviours(), &[Transport::Tcp]);
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
