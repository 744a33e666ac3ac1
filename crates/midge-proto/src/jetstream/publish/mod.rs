//! What goes into streams.

mod ack;
mod atomic;
mod batch;
mod counter;
mod cron;
mod fast_ingest;
pub(super) mod go_duration;
mod ingest;
mod message;
mod retry;
mod schedule;
mod ttl;
mod window;

pub use ack::PublishAck;
pub use atomic::{AtomicBatch, BatchAnswer, BatchFault, BatchMessage, BatchOptions};
pub use batch::{BATCH_ID_LEN_MAX, BATCH_MESSAGES_MAX, BatchCommit, BatchId, BatchPlace};
pub use counter::{Counter, Increment, InvalidNumber};
pub use cron::{Cron, CronField, InvalidCron};
pub use fast_ingest::{GapMode, IngestAnswer, IngestInbox, IngestOperation};
pub use ingest::{Ingest, IngestEvent, IngestFailure, IngestFault, IngestOptions, IngestSend};
pub use message::{InvalidPublishMessage, PublishMessage, Rollup};
pub use retry::{RetryOn, RetryPolicy};
pub use schedule::{CronSchedule, InvalidSchedule, SCHEDULE_INTERVAL_MIN, Schedule, Scheduling};
pub use ttl::{InvalidTtl, MESSAGE_TTL_MIN, MessageTtl};
pub use window::{PublishWindow, WindowLimits};
