//! Behaviour of midge against a real nats-server.
