//! Names of headers that servers and other clients know. Case matters: these are exact.

use super::name::HeaderName;

/// Names a message, so that the stream stores it only once within its duplicate window.
pub const NATS_MESSAGE_ID: HeaderName = HeaderName::from_static("Nats-Msg-Id");

/// The stream that must store the message.
pub const NATS_EXPECTED_STREAM: HeaderName = HeaderName::from_static("Nats-Expected-Stream");

/// The last sequence the stream must have before the message.
pub const NATS_EXPECTED_LAST_SEQUENCE: HeaderName =
    HeaderName::from_static("Nats-Expected-Last-Sequence");

/// The last sequence the subject must have before the message; 0 when it must have none.
pub const NATS_EXPECTED_LAST_SUBJECT_SEQUENCE: HeaderName =
    HeaderName::from_static("Nats-Expected-Last-Subject-Sequence");

/// The subject, or filter, that [`NATS_EXPECTED_LAST_SUBJECT_SEQUENCE`] is about, when it is
/// another one.
pub const NATS_EXPECTED_LAST_SUBJECT_SEQUENCE_SUBJECT: HeaderName =
    HeaderName::from_static("Nats-Expected-Last-Subject-Sequence-Subject");

/// The [`NATS_MESSAGE_ID`] that the last message of the stream must have.
pub const NATS_EXPECTED_LAST_MESSAGE_ID: HeaderName =
    HeaderName::from_static("Nats-Expected-Last-Msg-Id");

/// Deletes the older messages: `sub` those of the subject, `all` those of the stream.
pub const NATS_ROLLUP: HeaderName = HeaderName::from_static("Nats-Rollup");

/// How long the stream keeps the message.
pub const NATS_MESSAGE_TTL: HeaderName = HeaderName::from_static("Nats-TTL");

/// What to add to a counter.
pub const NATS_INCREMENT: HeaderName = HeaderName::from_static("Nats-Incr");

/// The parts of a counter that came from other streams.
pub const NATS_COUNTER_SOURCES: HeaderName = HeaderName::from_static("Nats-Counter-Sources");

/// The JetStream API level a server must have to serve the request.
pub const NATS_REQUIRED_API_LEVEL: HeaderName = HeaderName::from_static("Nats-Required-Api-Level");

/// The stream identity that a request is about.
pub const NATS_STREAM_IDENTITY: HeaderName = HeaderName::from_static("Nats-Stream-Identity");

/// The batch a message belongs to: 1 to 64 bytes.
pub const NATS_BATCH_ID: HeaderName = HeaderName::from_static("Nats-Batch-Id");

/// The place of a message in its batch, from 1.
pub const NATS_BATCH_SEQUENCE: HeaderName = HeaderName::from_static("Nats-Batch-Sequence");

/// Commits the batch: [`NATS_BATCH_COMMIT_FINAL`] or [`NATS_BATCH_COMMIT_EOB`].
pub const NATS_BATCH_COMMIT: HeaderName = HeaderName::from_static("Nats-Batch-Commit");

/// A value of [`NATS_BATCH_COMMIT`]: this message is the last one and is stored.
pub const NATS_BATCH_COMMIT_FINAL: &str = "1";

/// A value of [`NATS_BATCH_COMMIT`]: the batch ended with the message before this one.
pub const NATS_BATCH_COMMIT_EOB: &str = "eob";

/// When to produce messages: `@at`, `@every`, a named interval or six cron fields.
pub const NATS_SCHEDULE: HeaderName = HeaderName::from_static("Nats-Schedule");

/// A value of [`NATS_SCHEDULE`]: the beginning of each year.
pub const NATS_SCHEDULE_YEARLY: &str = "@yearly";

/// A value of [`NATS_SCHEDULE`]: the beginning of each month.
pub const NATS_SCHEDULE_MONTHLY: &str = "@monthly";

/// A value of [`NATS_SCHEDULE`]: the midnight that begins each Sunday.
pub const NATS_SCHEDULE_WEEKLY: &str = "@weekly";

/// A value of [`NATS_SCHEDULE`]: each midnight.
pub const NATS_SCHEDULE_DAILY: &str = "@daily";

/// A value of [`NATS_SCHEDULE`]: the beginning of each hour.
pub const NATS_SCHEDULE_HOURLY: &str = "@hourly";

/// The subject that produced messages get.
pub const NATS_SCHEDULE_TARGET: HeaderName = HeaderName::from_static("Nats-Schedule-Target");

/// The subject whose newest message is produced, in place of the body of the schedule.
pub const NATS_SCHEDULE_SOURCE: HeaderName = HeaderName::from_static("Nats-Schedule-Source");

/// The [`NATS_MESSAGE_TTL`] of produced messages.
pub const NATS_SCHEDULE_TTL: HeaderName = HeaderName::from_static("Nats-Schedule-TTL");

/// The time zone of cron fields and named intervals, by its IANA name.
pub const NATS_SCHEDULE_TIME_ZONE: HeaderName = HeaderName::from_static("Nats-Schedule-Time-Zone");

/// The [`NATS_ROLLUP`] of produced messages.
pub const NATS_SCHEDULE_ROLLUP: HeaderName = HeaderName::from_static("Nats-Schedule-Rollup");

/// The value of [`NATS_SCHEDULE_ROLLUP`]: older messages of the target are deleted.
pub const NATS_SCHEDULE_ROLLUP_SUB: &str = "sub";

/// The schedule that produced the message, by its subject.
pub const NATS_SCHEDULER: HeaderName = HeaderName::from_static("Nats-Scheduler");

/// When the schedule fires next, or `purge` when it is used up.
pub const NATS_SCHEDULE_NEXT: HeaderName = HeaderName::from_static("Nats-Schedule-Next");

/// The stream that a message comes from.
pub const NATS_STREAM: HeaderName = HeaderName::from_static("Nats-Stream");

/// The subject a message was published to, or that of the request nobody answered.
pub const NATS_SUBJECT: HeaderName = HeaderName::from_static("Nats-Subject");

/// The stream sequence of a message.
pub const NATS_SEQUENCE: HeaderName = HeaderName::from_static("Nats-Sequence");

/// When the stream stored a message.
pub const NATS_TIME_STAMP: HeaderName = HeaderName::from_static("Nats-Time-Stamp");

/// The sequence before a message: of the stream in a batched direct get, of the subject when
/// republished.
pub const NATS_LAST_SEQUENCE: HeaderName = HeaderName::from_static("Nats-Last-Sequence");

/// Messages that a batched direct get has yet to send.
pub const NATS_NUM_PENDING: HeaderName = HeaderName::from_static("Nats-Num-Pending");

/// The sequence that a batched direct get reads up to.
pub const NATS_UP_TO_SEQUENCE: HeaderName = HeaderName::from_static("Nats-UpTo-Sequence");

/// The size of a payload that was left out.
pub const NATS_MESSAGE_SIZE: HeaderName = HeaderName::from_static("Nats-Msg-Size");

/// Where a sourced message comes from: stream, sequence, filter, destination and subject.
pub const NATS_STREAM_SOURCE: HeaderName = HeaderName::from_static("Nats-Stream-Source");

/// Why a delete marker was put: `MaxAge`, `Purge` or `Remove`.
pub const NATS_MARKER_REASON: HeaderName = HeaderName::from_static("Nats-Marker-Reason");

/// What a message of a key-value bucket does: `DEL` or `PURGE`; a put has no such header.
pub const KV_OPERATION: HeaderName = HeaderName::from_static("KV-Operation");

/// The last consumer sequence, in an idle heartbeat.
pub const NATS_LAST_CONSUMER: HeaderName = HeaderName::from_static("Nats-Last-Consumer");

/// The last stream sequence, in an idle heartbeat.
pub const NATS_LAST_STREAM: HeaderName = HeaderName::from_static("Nats-Last-Stream");

/// The subject that resumes a consumer which waits for flow control.
pub const NATS_CONSUMER_STALLED: HeaderName = HeaderName::from_static("Nats-Consumer-Stalled");

/// Messages that a pull request ended without.
pub const NATS_PENDING_MESSAGES: HeaderName = HeaderName::from_static("Nats-Pending-Messages");

/// Bytes that a pull request ended without.
pub const NATS_PENDING_BYTES: HeaderName = HeaderName::from_static("Nats-Pending-Bytes");

/// The id of the pull client that a consumer is pinned to.
pub const NATS_PIN_ID: HeaderName = HeaderName::from_static("Nats-Pin-Id");

/// The text of a service's error answer.
pub const NATS_SERVICE_ERROR: HeaderName = HeaderName::from_static("Nats-Service-Error");

/// The number of a service's error answer.
pub const NATS_SERVICE_ERROR_CODE: HeaderName = HeaderName::from_static("Nats-Service-Error-Code");

/// Who sent a request from another account, as the server saw it.
pub const NATS_REQUEST_INFO: HeaderName = HeaderName::from_static("Nats-Request-Info");

/// The subject that servers report the way of the message to.
pub const NATS_TRACE_DEST: HeaderName = HeaderName::from_static("Nats-Trace-Dest");

/// `true`: the message is traced and not delivered.
pub const NATS_TRACE_ONLY: HeaderName = HeaderName::from_static("Nats-Trace-Only");

/// Which hop of a traced message an event is about.
pub const NATS_TRACE_HOP: HeaderName = HeaderName::from_static("Nats-Trace-Hop");

/// The account a traced message came from.
pub const NATS_TRACE_ORIGIN_ACCOUNT: HeaderName =
    HeaderName::from_static("Nats-Trace-Origin-Account");

/// How trace events may be compressed: `gzip` or `snappy`.
pub const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("Accept-Encoding");

/// The trace context of the W3C that a message belongs to.
pub const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// What tracing systems add to [`TRACE_PARENT`].
pub const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_value_is_spelled_as_servers_spell_it() {
        let names = [
            (NATS_MESSAGE_ID, "Nats-Msg-Id"),
            (NATS_EXPECTED_STREAM, "Nats-Expected-Stream"),
            (NATS_EXPECTED_LAST_SEQUENCE, "Nats-Expected-Last-Sequence"),
            (NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "Nats-Expected-Last-Subject-Sequence"),
            (NATS_EXPECTED_LAST_MESSAGE_ID, "Nats-Expected-Last-Msg-Id"),
            (NATS_ROLLUP, "Nats-Rollup"),
            (NATS_MESSAGE_TTL, "Nats-TTL"),
            (NATS_INCREMENT, "Nats-Incr"),
            (NATS_COUNTER_SOURCES, "Nats-Counter-Sources"),
            (NATS_REQUIRED_API_LEVEL, "Nats-Required-Api-Level"),
            (NATS_STREAM_IDENTITY, "Nats-Stream-Identity"),
            (NATS_BATCH_ID, "Nats-Batch-Id"),
            (NATS_BATCH_SEQUENCE, "Nats-Batch-Sequence"),
            (NATS_BATCH_COMMIT, "Nats-Batch-Commit"),
            (NATS_SCHEDULE, "Nats-Schedule"),
            (NATS_SCHEDULE_TARGET, "Nats-Schedule-Target"),
            (NATS_SCHEDULE_SOURCE, "Nats-Schedule-Source"),
            (NATS_SCHEDULE_TTL, "Nats-Schedule-TTL"),
            (NATS_SCHEDULE_TIME_ZONE, "Nats-Schedule-Time-Zone"),
            (NATS_SCHEDULE_ROLLUP, "Nats-Schedule-Rollup"),
            (NATS_SCHEDULER, "Nats-Scheduler"),
            (NATS_SCHEDULE_NEXT, "Nats-Schedule-Next"),
            (NATS_STREAM, "Nats-Stream"),
            (NATS_SUBJECT, "Nats-Subject"),
            (NATS_SEQUENCE, "Nats-Sequence"),
            (NATS_TIME_STAMP, "Nats-Time-Stamp"),
            (NATS_LAST_SEQUENCE, "Nats-Last-Sequence"),
            (NATS_NUM_PENDING, "Nats-Num-Pending"),
            (NATS_UP_TO_SEQUENCE, "Nats-UpTo-Sequence"),
            (NATS_MESSAGE_SIZE, "Nats-Msg-Size"),
            (NATS_STREAM_SOURCE, "Nats-Stream-Source"),
            (NATS_MARKER_REASON, "Nats-Marker-Reason"),
            (KV_OPERATION, "KV-Operation"),
            (NATS_LAST_CONSUMER, "Nats-Last-Consumer"),
            (NATS_LAST_STREAM, "Nats-Last-Stream"),
            (NATS_CONSUMER_STALLED, "Nats-Consumer-Stalled"),
            (NATS_PENDING_MESSAGES, "Nats-Pending-Messages"),
            (NATS_PENDING_BYTES, "Nats-Pending-Bytes"),
            (NATS_PIN_ID, "Nats-Pin-Id"),
            (NATS_SERVICE_ERROR, "Nats-Service-Error"),
            (NATS_SERVICE_ERROR_CODE, "Nats-Service-Error-Code"),
            (NATS_REQUEST_INFO, "Nats-Request-Info"),
            (NATS_TRACE_DEST, "Nats-Trace-Dest"),
            (NATS_TRACE_ONLY, "Nats-Trace-Only"),
            (NATS_TRACE_HOP, "Nats-Trace-Hop"),
            (NATS_TRACE_ORIGIN_ACCOUNT, "Nats-Trace-Origin-Account"),
            (ACCEPT_ENCODING, "Accept-Encoding"),
            (TRACE_PARENT, "traceparent"),
            (TRACE_STATE, "tracestate"),
        ];
        for (constant, spelling) in names {
            assert_eq!(constant.as_str(), spelling);
        }
        let values = [
            (NATS_BATCH_COMMIT_FINAL, "1"),
            (NATS_BATCH_COMMIT_EOB, "eob"),
            (NATS_SCHEDULE_YEARLY, "@yearly"),
            (NATS_SCHEDULE_MONTHLY, "@monthly"),
            (NATS_SCHEDULE_WEEKLY, "@weekly"),
            (NATS_SCHEDULE_DAILY, "@daily"),
            (NATS_SCHEDULE_HOURLY, "@hourly"),
            (NATS_SCHEDULE_ROLLUP_SUB, "sub"),
        ];
        for (constant, spelling) in values {
            assert_eq!(constant, spelling);
        }
    }
}
