//! Behaviour of midge against a real nats-server.
mod back_pressure;
mod events;
mod flush;
mod migration;
mod publish;
mod request;
mod slow_consumers;
mod subscribe;
mod support;
mod tls;
