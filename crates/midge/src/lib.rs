#![forbid(unsafe_code)]
//! NATS client for every Rust runtime.
//!
//! This crate has the handles and futures of a client, and the [`Driver`] that an adapter carries;
//! it knows no runtime and no socket. Applications use one of the adapters, such as `midge-tokio`;
//! libraries depend on this crate alone and take a [`Client`].

mod auth;
mod callbacks;
pub mod client;
mod complaints;
mod dialer;
mod driver;
mod error;
mod event;
#[cfg(feature = "jetstream")]
pub mod jetstream;
mod layer;
mod line;
mod mailbox;
mod nuid;
mod opaque;
mod options;
mod publish;
mod reconfigure;
mod reply_inbox;
mod republish;
mod request;
mod runtime;
mod secret;
mod shared;
mod sharing;
#[cfg(test)]
mod sizes;
mod sleep;
mod sorter;
mod statistics;
mod subscribe;
mod subscriber;
mod sync;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "websocket")]
mod websocket;

pub use auth::{AuthError, Credentials, InvalidCredentials};
pub use bytes;
pub use callbacks::ReconnectToServer;
pub use client::{Client, DRAIN_TIMEOUT};
pub use dialer::{CustomDial, DialRequest, Dialed};
pub use driver::{Driver, Machine as DriverMachine, Order as DriverOrder, Parked, run};
pub use error::{
    ClosedError, ConnectError, ConnectErrorKind, DrainError, DrainErrorKind, Error, FlushError,
    FlushErrorKind, PublishError, PublishErrorKind, ReconnectError, RequestError, RequestErrorKind,
    SubscribeError, SubscribeErrorKind, UnsubscribeError,
};
pub use event::{ClientError, Event, Events, Fate, ReadingState, StateChanges, WritingState};
pub use mailbox::{
    DEFAULT_CAPACITY, DEFAULT_CAPACITY_BYTES, DEFAULT_CAPACITY_READ_AHEAD, Gap, Pending,
    SlowConsumerPolicy, SubscriptionState, SubscriptionStates,
};
pub use midge_proto::{
    AttemptFailure, Auth, Backoff, BufferDrops, BufferPolicy, Capability, Cause, CloseReason,
    ConnectInfo, DecodeLimits, Discovery, DrainReport, HeaderMap, HeaderName, HeaderValue,
    HeldFate, HeldPublish, LostReason, Message, OnDisconnect, OutboundMessage, Proxy, ProxyError,
    Refusal, RoundTrips, Server, ServerAddr, ServerCapabilities, ServerError, ServerErrorClass,
    ServerInfo, Sid, StatusCode, Step, Subject, SubjectError, ToServerAddrs, ToSubject, Verdict,
    WebSocketError, WhenFull, header,
};
pub use options::{ConnectOptions, FirstConnection, InvalidPool, REQUEST_TIMEOUT};
pub use publish::{Extra, Extras, Plain, PublishFuture};
pub use reply_inbox::ReplyInbox;
pub use republish::Republish;
pub use request::Request;
pub use runtime::{Runtime, SocketOptions, SpawnError, Stream};
pub use shared::State;
pub use statistics::Statistics;
pub use subscribe::SubscribeBuilder;
pub use subscriber::{
    Closed, Handled, Item, Next, NextError, Subscriber, SubscriberWithGaps, SubscriptionClosed,
};

#[cfg(feature = "tls")]
pub use rustls;
#[cfg(feature = "tls")]
pub use tls::{TlsError, TlsInfo};

/// The protocol core.
pub use midge_proto as proto;

/// Small traits, so that code can be generic over what publishes, subscribes and requests.
pub mod traits;

/// Messages, where programs that come from async-nats look for them.
pub mod message {
    pub use midge_proto::{Message, OutboundMessage};
}

/// Subjects, where programs that come from async-nats look for them.
pub mod subject {
    pub use midge_proto::{Subject, SubjectError, ToSubject};
}

/// Status codes, where programs that come from async-nats look for them.
pub mod status {
    pub use midge_proto::{InvalidStatusCode, StatusCode};
}

/// The state of a connection, where programs that come from async-nats look for it.
pub mod connection {
    pub use crate::shared::State;
}
