//! JetStream: what it is asked, what it answers, and what comes with messages.
//!
//! Nothing here sends anything. Each call of the API is a value ([`ApiRequest`]) that knows its
//! subject, its body and what the answer means; so the async client, the blocking one, tests and
//! other programs all say the same.
//!
//! | part | what it has |
//! | --- | --- |
//! | [`stream`], [`consumer`], [`account`] | configurations, infos, and the calls about them |
//! | [`advisory`] | what servers tell unasked |
//! | [`setup`] | streams and consumers as they should be, and what differs |
//! | [`message`] | stored messages, acknowledgements, what a reply subject tells |
//! | [`PublishMessage`](message::PublishMessage), [`PublishAck`], [`Schedule`], [`Counter`] | what goes into streams |
//! | [`consume`] | the loops that read from consumers |
//! | [`subscription`] | a subject, and the stream and consumer that bring its messages |
//! | [`Status`] | what consumers say beside their messages |
//! | [`ErrorCode`] | the errors of the server, by number |
//!
//! # Servers of all ages
//!
//! Answers may have fields this version does not know, and lack some it knows. In configurations
//! unknown fields are kept and sent back ([`UnknownFields`]), and unknown words of enums, too. What
//! is sent has no field that the server could not know: each request tells what it needs
//! ([`ApiRequest::requirement`]), and [`ApiRequest::check_level`] refuses it by the name of the
//! field.

mod api;
mod error;
mod error_codes;
mod invalid_config;
mod json;
mod level;
mod names;
mod paging;
mod publish;
mod status;
#[cfg(test)]
pub(crate) mod test_messages;
mod timestamp;
mod unknown;

pub mod account;
pub mod advisory;
pub mod consume;
pub mod consumer;
pub mod message;
pub mod setup;
pub mod stream;
pub mod subscription;

pub use api::{ApiError, ApiPrefix, ApiRequest, CustomRequest, MalformedAnswer};
pub use error::{Error, ErrorCode};
pub use error_codes::ErrorCodeInfo;
pub use invalid_config::InvalidConfig;
pub use json::Word;
pub use level::{ApiLevel, Requirement, UnsupportedField};
pub use message::AckKind;
pub use names::{
    ConsumerName, InvalidName, NAME_LEN_MAX, NameFault, Named, PRIORITY_GROUP_LEN_MAX, StreamName,
    check_priority_group,
};
pub use paging::{ListWatch, Page, Paging};
pub use publish::{
    AtomicBatch, BATCH_ID_LEN_MAX, BATCH_MESSAGES_MAX, BatchAnswer, BatchCommit, BatchFault,
    BatchId, BatchMessage, BatchOptions, BatchPlace, Counter, Cron, CronField, CronSchedule,
    GapMode, Increment, Ingest, IngestAnswer, IngestEvent, IngestFailure, IngestFault, IngestInbox,
    IngestOperation, IngestOptions, IngestSend, InvalidCron, InvalidNumber, InvalidPublishMessage,
    InvalidSchedule, InvalidTtl, MESSAGE_TTL_MIN, MessageTtl, PublishAck, PublishWindow, RetryOn,
    RetryPolicy, Rollup, SCHEDULE_INTERVAL_MIN, Schedule, Scheduling, WindowLimits,
};
pub use status::{Left, PullLimit, Status, StatusClass};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use unknown::UnknownFields;
