//! TLS as a layer of bytes inside the driver, and what may be said about it.

mod config;
mod layer;

pub(crate) use config::{Source, TlsOptions};
pub use config::{TlsError, TlsInfo};
pub(crate) use layer::TlsLayer;
