//! Behaviour of midge against a real nats-server.
mod tls;
