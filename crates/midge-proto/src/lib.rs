#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::wildcard_enum_match_arm)]
//! The NATS client protocol as pure state machines.
//!
//! No socket, no clock, no thread, no runtime, no randomness of its own: bytes and the time go in,
//! bytes and events come out, so that every decision can be tested with bytes and a number for the
//! clock, and replayed.
//!
//! | part | what it decides |
//! | --- | --- |
//! | [`Decoder`], [`encode`] | where frames begin and end |
//! | [`Outbox`] | what may be sent, in which order, and what becomes of it when a connection is lost |
//! | [`Connection`] | handshake, servers, reconnecting, keep-alive |
//! | [`Drain`] | in which order a client ends, within what time, and what it gave up |
//! | [`Subscriptions`], [`Requests`] | whose a message is |
//! | `jetstream` | what JetStream is asked and what it answers (with the feature of this name) |

extern crate alloc;

mod backoff;
mod capabilities;
mod connect_info;
mod connection;
mod decoder;
mod discovery;
mod drain;
mod info;
mod interest;
mod message;
mod nuid;
mod outbox;
mod pool;
mod random;
mod requests;
mod server_addr;
mod server_error;
mod sharing;
mod sid;
mod snippet;
mod status;
mod subject;
mod subject_algebra;
mod subscriptions;
mod text;
mod time;

pub mod encode;
pub mod header;
#[cfg(feature = "jetstream")]
#[cfg_attr(docsrs, doc(cfg(feature = "jetstream")))]
pub mod jetstream;
#[cfg(feature = "nkeys")]
#[cfg_attr(docsrs, doc(cfg(feature = "nkeys")))]
pub mod nkeys;
pub mod proxy;
pub mod trace;

pub use backoff::Backoff;
pub use capabilities::{Capability, ServerCapabilities};
pub use connect_info::{Auth, ConnectInfo};
pub use connection::{
    Action, AttemptFailure, AuthFailures, Cause, Choice, Chosen, CloseReason, Config, Connection,
    ConnectionEvent, Delay, DialId, FirstConnect, Identity, KeepAlive, LostReason, Names, Peer,
    Phase, Reconnect, RoundTrips, Scope, Secrets, Step, Target, TlsMode, WebSocketError, Writing,
};
#[cfg(feature = "recording")]
#[cfg_attr(docsrs, doc(cfg(feature = "recording")))]
pub use connection::{InvalidRecord, Outputs, Playback};
pub use decoder::{ClientDecoder, ClientFrame, DecodeError, DecodeLimits, Decoder, Frame};
pub use discovery::{Discovery, Refused};
pub use drain::{Backlog, Drain, DrainAction, DrainReport, Unread};
pub use header::{HeaderMap, HeaderName, HeaderValue, HeaderView, InvalidHeader};
pub use info::{InvalidInfo, ServerInfo};
pub use interest::Interest;
pub use message::{Message, MessageFrame, OutboundMessage};
pub use nuid::{Nuid, NuidString};
pub use outbox::{
    BufferDrops, BufferPolicy, CHUNK_BYTES, Chunk, Cut, Decided, Fence, FenceId, HOLD_MAX,
    HeaderSupport, Held, HeldFate, HeldPublish, Intake, OnWire, Outbox, OutboxLimits, Publish,
    ReconnectBuffer, Refusal, Requeued, Resend, SPLICE_BYTES_MIN, SPLICED_CHUNK_BYTES,
    ServerLimits, Unfenced, Verdict, WhenFull,
};
pub use pool::{Login, Order, Server, ServerId};
pub use proxy::{Proxy, ProxyError};
pub use random::Random;
pub use requests::{OnDisconnect, RequestId, Requests};
pub use server_addr::{InvalidServerAddr, InvalidServerAddrKind, ServerAddr, ToServerAddrs};
pub use server_error::{ServerError, ServerErrorClass};
pub use sharing::{Share, Sharing, Wanted};
pub use sid::Sid;
pub use snippet::Snippet;
pub use status::{InvalidStatusCode, StatusCode};
pub use subject::{
    InvalidInboxPrefix, InvalidQueueGroup, InvalidSubject, LatestSubject, SUBJECT_LEN_MAX, Subject,
    SubjectError, SubjectFault, ToSubject, check_inbox_prefix, check_queue_group,
};
pub use subject_algebra::{
    FillError, captures, escape_token, fill, is_subset, matches, overlap, tokens, unescape_token,
};
pub use subscriptions::{Delivery, Slot, Subscription, Subscriptions};
pub use time::Instant;
pub use trace::WireTrace;
