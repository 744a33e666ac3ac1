//! JetStream: streams that keep messages, and consumers that read them.
//!
//! ```no_run
//! use midge::jetstream::{self, stream};
//!
//! # async fn example(client: midge::Client) -> Result<(), midge::Error> {
//! let jetstream = jetstream::new(client);
//! let mut stream = jetstream
//!     .get_or_create_stream(stream::Config {
//!         name: "ORDERS".into(),
//!         subjects: vec!["orders.>".into()],
//!         ..Default::default()
//!     })
//!     .await?;
//! let ack = jetstream.publish("orders.new", "apples".into()).await?.await?;
//! assert_eq!(ack.stream, "ORDERS");
//! println!("{} messages", stream.info().await?.state.messages);
//! # Ok(())
//! # }
//! ```
//!
//! Everything begins with a [`Context`]. What the calls say and what their answers mean is in the
//! [requests](ApiRequest) of the protocol core, which [`Context::call`] takes as they are.

pub mod advisory;
pub mod backup;
pub mod consumer;
pub mod context;
pub mod counter;
pub mod message;
pub mod publish;
pub mod stream;
pub mod subscription;

mod call;
mod error;
mod level;
mod pages;
mod window;

pub(crate) use consumer::Deletions;
pub(crate) use publish::TraySlot;
pub(crate) use window::{Leaving, Place};

pub use call::{Trace, TraceStep};
pub use context::{Context, ContextBuilder};
pub use error::{CallError, CallErrorKind, Fault};
pub use message::{AckBatcher, AckError, AckKind, AckOnce, Acker, Message, NotAcknowledged};
pub use midge_proto::jetstream::{
    ApiError, ApiLevel, ApiPrefix, ApiRequest, Cron, CustomRequest, Error, ErrorCode,
    ErrorCodeInfo, Increment, InvalidConfig, InvalidName, MessageTtl, RetryOn, RetryPolicy, Rollup,
    Schedule, Scheduling, Status, StatusClass, Timestamp, UnsupportedField, WindowLimits, account,
    setup,
};
pub use pages::{PagedRequest, Pages};
pub use window::WhenFull;

/// Errors of the server, where programs that come from async-nats look for them.
pub mod errors {
    pub use midge_proto::jetstream::{Error, ErrorCode};
}

use crate::Client;

/// JetStream of the account of a client.
#[must_use]
pub fn new(client: Client) -> Context {
    ContextBuilder::new().build(client)
}

/// JetStream of a domain.
///
/// A domain that is none is told by the first call.
pub fn with_domain<T: AsRef<str>>(client: Client, domain: T) -> Context {
    ContextBuilder::new().domain(domain).build(client)
}

/// JetStream that another account exports under a prefix.
///
/// A prefix that is none is told by the first call.
pub fn with_prefix<T: AsRef<str>>(client: Client, prefix: T) -> Context {
    ContextBuilder::new().api_prefix(prefix).build(client)
}
