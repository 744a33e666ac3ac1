//! Behaviour of midge against a real nats-server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
mod auth;
mod back_pressure;
mod cluster;
mod events;
mod failures;
mod flush;
mod info;
mod limits;
mod loss;
mod migration;
mod publish;
mod reconnect;
mod request;
mod secrets;
mod shutdown;
mod slow_consumers;
mod subscribe;
mod support;
mod tls;
