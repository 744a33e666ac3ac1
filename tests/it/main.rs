//! Behaviour of midge against a real nats-server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
mod auth;
mod back_pressure;
mod cluster;
mod dialer;
mod dropped;
mod events;
mod failures;
mod features;
mod flush;
mod info;
mod jetstream_requests;
mod limits;
mod loss;
mod memory_budget;
mod migration;
mod own_process;
mod proxy;
mod publish;
mod reconfigure;
mod reconnect;
mod reconnect_buffer;
mod request;
mod secrets;
mod shutdown;
mod slow_consumers;
mod subscribe;
mod support;
mod tls;
mod tls_versions;
mod trace;
#[cfg(unix)]
mod unix;
mod websocket;
mod wire_trace;
