//! What users of the crate can see, most of it against a real server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

mod cluster;
mod fake;
mod jwt;
mod proxy;
mod server;
mod tls;
