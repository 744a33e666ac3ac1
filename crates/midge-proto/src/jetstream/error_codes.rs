//! The errors of JetStream that nats-server 2.15 knows. Made from `error_codes.tsv` by
//! `tests/error_codes.rs`; do not edit.
#![cfg_attr(rustfmt, rustfmt_skip)]

use super::error::ErrorCode;

/// What is known of an error of JetStream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCodeInfo {
    /// The number.
    pub error_code: ErrorCode,
    /// The rough class, like a status of HTTP.
    pub code: u16,
    /// The name of the constant in the server.
    pub name: &'static str,
    /// The text, with places for what the server fills in.
    pub description: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

const fn info(
    error_code: ErrorCode,
    code: u16,
    name: &'static str,
    description: &'static str,
    retryable: bool,
) -> ErrorCodeInfo {
    ErrorCodeInfo { error_code, code, name, description, retryable }
}

impl ErrorCode {
    /// 400: resource limits exceeded for account.
    pub const ACCOUNT_RESOURCES_EXCEEDED: Self = Self(10002);
    /// 400: bad request.
    pub const BAD_REQUEST: Self = Self(10003);
    /// 503: incomplete results.
    pub const CLUSTER_INCOMPLETE: Self = Self(10004);
    /// 400: `{err}`.
    pub const CLUSTER_NO_PEERS: Self = Self(10005);
    /// 500: JetStream not in clustered mode.
    pub const CLUSTER_NOT_ACTIVE: Self = Self(10006);
    /// 500: JetStream cluster not assigned to this server.
    pub const CLUSTER_NOT_ASSIGNED: Self = Self(10007);
    /// 503: JetStream system temporarily unavailable.
    pub const CLUSTER_NOT_AVAILABLE: Self = Self(10008);
    /// 500: JetStream cluster can not handle request.
    pub const CLUSTER_NOT_LEADER: Self = Self(10009);
    /// 503: JetStream clustering support required.
    pub const CLUSTER_REQUIRED: Self = Self(10010);
    /// 400: tags placement not supported for operation.
    pub const CLUSTER_TAGS: Self = Self(10011);
    /// 500: `{err}`.
    pub const CONSUMER_CREATE: Self = Self(10012);
    /// 400: consumer name already in use.
    pub const CONSUMER_NAME_EXIST: Self = Self(10013);
    /// 404: consumer not found.
    pub const CONSUMER_NOT_FOUND: Self = Self(10014);
    /// 400: deliver subject not valid.
    pub const SNAPSHOT_DELIVER_SUBJECT_INVALID: Self = Self(10015);
    /// 400: consumer expected to be durable but no durable name set in subject.
    pub const CONSUMER_DURABLE_NAME_NOT_IN_SUBJECT: Self = Self(10016);
    /// 400: consumer name in subject does not match durable name in request.
    pub const CONSUMER_DURABLE_NAME_NOT_MATCH_SUBJECT: Self = Self(10017);
    /// 400: consumer expected to be durable but a durable name was not set.
    pub const CONSUMER_DURABLE_NAME_NOT_SET: Self = Self(10018);
    /// 400: consumer expected to be ephemeral but detected a durable name set in subject.
    pub const CONSUMER_EPHEMERAL_WITH_DURABLE: Self = Self(10019);
    /// 400: consumer expected to be ephemeral but a durable name was set in request.
    pub const CONSUMER_EPHEMERAL_WITH_DURABLE_NAME: Self = Self(10020);
    /// 400: stream external api prefix `{prefix}` must not overlap with `{subject}`.
    pub const STREAM_EXTERNAL_API_OVERLAP: Self = Self(10021);
    /// 400: stream external delivery prefix `{prefix}` overlaps with stream subject `{subject}`.
    pub const STREAM_EXTERNAL_DELETE_PREFIX_OVERLAPS: Self = Self(10022);
    /// 503: insufficient resources.
    pub const INSUFFICIENT_RESOURCES: Self = Self(10023);
    /// 400: stream external delivery prefix `{prefix}` must not contain wildcards.
    pub const STREAM_INVALID_EXTERNAL_DELIVERY_SUBJECT: Self = Self(10024);
    /// 400: invalid JSON: `{err}`.
    pub const INVALID_JSON: Self = Self(10025);
    /// 400: maximum consumers limit reached.
    pub const MAXIMUM_CONSUMERS_LIMIT: Self = Self(10026);
    /// 400: maximum number of streams reached.
    pub const MAXIMUM_STREAMS_LIMIT: Self = Self(10027);
    /// 500: insufficient memory resources available.
    pub const MEMORY_RESOURCES_EXCEEDED: Self = Self(10028);
    /// 500: `{err}`.
    pub const MIRROR_CONSUMER_SETUP_FAILED: Self = Self(10029);
    /// 400: stream mirror must have max message size >= source.
    pub const MIRROR_MAX_MESSAGE_SIZE_TOO_BIG: Self = Self(10030);
    /// 400: stream mirrors can not also contain other sources.
    pub const MIRROR_WITH_SOURCES: Self = Self(10031);
    /// 400: stream mirrors can not have both start seq and start time configured.
    pub const MIRROR_WITH_START_SEQUENCE_AND_TIME: Self = Self(10032);
    /// 400: stream mirrors can not contain filtered subjects.
    pub const MIRROR_WITH_SUBJECT_FILTERS: Self = Self(10033);
    /// 400: stream mirrors can not contain subjects.
    pub const MIRROR_WITH_SUBJECTS: Self = Self(10034);
    /// 503: account not found.
    pub const NO_ACCOUNT: Self = Self(10035);
    /// 503: not currently supported in clustered mode.
    pub const NOT_SUPPORTED_IN_CLUSTER_MODE: Self = Self(10036);
    /// 404: no message found.
    pub const NO_MESSAGE_FOUND: Self = Self(10037);
    /// 400: expected an empty request payload.
    pub const NOT_EMPTY_REQUEST: Self = Self(10038);
    /// 503: JetStream not enabled for account.
    pub const JETSTREAM_NOT_ENABLED_FOR_ACCOUNT: Self = Self(10039);
    /// 400: peer not a member.
    pub const CLUSTER_PEER_NOT_MEMBER: Self = Self(10040);
    /// 500: `{err}`.
    pub const RAFT_GENERAL: Self = Self(10041);
    /// 500: JetStream unable to subscribe to restore snapshot `{subject}`: `{err}`.
    pub const RESTORE_SUBSCRIBE_FAILED: Self = Self(10042);
    /// 400: sequence `{seq}` not found.
    pub const SEQUENCE_NOT_FOUND: Self = Self(10043);
    /// 400: server is not a member of the cluster.
    pub const CLUSTER_SERVER_NOT_MEMBER: Self = Self(10044);
    /// 500: `{err}`.
    pub const SOURCE_CONSUMER_SETUP_FAILED: Self = Self(10045);
    /// 400: stream source must have max message size >= target.
    pub const SOURCE_MAX_MESSAGE_SIZE_TOO_BIG: Self = Self(10046);
    /// 500: insufficient storage resources available.
    pub const STORAGE_RESOURCES_EXCEEDED: Self = Self(10047);
    /// 500: `{err}`.
    pub const STREAM_ASSIGNMENT: Self = Self(10048);
    /// 500: `{err}`.
    pub const STREAM_CREATE: Self = Self(10049);
    /// 500: `{err}`.
    pub const STREAM_DELETE: Self = Self(10050);
    /// 500: `{err}`.
    pub const STREAM_GENERAL_ERROR: Self = Self(10051);
    /// 500: `{err}`.
    pub const STREAM_INVALID_CONFIG: Self = Self(10052);
    /// 500: `{err}`.
    pub const STREAM_LIMITS: Self = Self(10053);
    /// 400: message size exceeds maximum allowed.
    pub const STREAM_MESSAGE_EXCEEDS_MAXIMUM: Self = Self(10054);
    /// 400: stream mirror configuration can not be updated.
    pub const STREAM_MIRROR_NOT_UPDATABLE: Self = Self(10055);
    /// 400: stream name in subject does not match request.
    pub const STREAM_MISMATCH: Self = Self(10056);
    /// 500: `{err}`.
    pub const STREAM_MESSAGE_DELETE_FAILED: Self = Self(10057);
    /// 400: stream name already in use with a different configuration.
    pub const STREAM_NAME_EXIST: Self = Self(10058);
    /// 404: stream not found.
    pub const STREAM_NOT_FOUND: Self = Self(10059);
    /// 400: expected stream does not match.
    pub const STREAM_NOT_MATCH: Self = Self(10060);
    /// 400: Replicas configuration can not be updated.
    pub const STREAM_REPLICAS_NOT_UPDATABLE: Self = Self(10061);
    /// 500: restore failed: `{err}`.
    pub const STREAM_RESTORE: Self = Self(10062);
    /// 503: expected stream sequence does not match.
    pub const STREAM_SEQUENCE_NOT_MATCH: Self = Self(10063);
    /// 500: snapshot failed: `{err}`.
    pub const STREAM_SNAPSHOT: Self = Self(10064);
    /// 400: subjects overlap with an existing stream.
    pub const STREAM_SUBJECT_OVERLAP: Self = Self(10065);
    /// 500: `{err}`.
    pub const STREAM_CREATE_TEMPLATE: Self = Self(10066);
    /// 500: `{err}`.
    pub const STREAM_DELETE_FAILED: Self = Self(10067);
    /// 404: template not found.
    pub const STREAM_TEMPLATE_NOT_FOUND: Self = Self(10068);
    /// 500: `{err}`.
    pub const STREAM_UPDATE: Self = Self(10069);
    /// 400: wrong last msg ID: `{id}`.
    pub const STREAM_WRONG_LAST_MESSAGE_ID: Self = Self(10070);
    /// 400: wrong last sequence: `{seq}`.
    pub const STREAM_WRONG_LAST_SEQUENCE: Self = Self(10071);
    /// 500: JetStream unable to open temp storage for restore.
    pub const TEMP_STORAGE_FAILED: Self = Self(10072);
    /// 400: template name in subject does not match request.
    pub const NAME_NOT_MATCH_SUBJECT: Self = Self(10073);
    /// 500: replicas > 1 not supported in non-clustered mode.
    pub const STREAM_REPLICAS_NOT_SUPPORTED: Self = Self(10074);
    /// 503: peer remap failed.
    pub const PEER_REMAP: Self = Self(10075);
    /// 503: JetStream not enabled.
    pub const JETSTREAM_NOT_ENABLED: Self = Self(10076);
    /// 503: `{err}`.
    pub const STREAM_STORE_FAILED: Self = Self(10077);
    /// 400: consumer config required.
    pub const CONSUMER_CONFIG_REQUIRED: Self = Self(10078);
    /// 400: consumer deliver subject has wildcards.
    pub const CONSUMER_DELIVER_TO_WILDCARDS: Self = Self(10079);
    /// 400: consumer in push mode can not set max waiting.
    pub const CONSUMER_PUSH_MAX_WAITING: Self = Self(10080);
    /// 400: consumer deliver subject forms a cycle.
    pub const CONSUMER_DELIVER_CYCLE: Self = Self(10081);
    /// 400: consumer requires ack policy for max ack pending.
    pub const CONSUMER_MAX_PENDING_ACK_POLICY_REQUIRED: Self = Self(10082);
    /// 400: consumer idle heartbeat needs to be >= 100ms.
    pub const CONSUMER_SMALL_HEARTBEAT: Self = Self(10083);
    /// 400: consumer in pull mode requires explicit ack policy on workqueue stream.
    pub const CONSUMER_PULL_REQUIRES_ACK: Self = Self(10084);
    /// 400: consumer in pull mode requires a durable name.
    pub const CONSUMER_PULL_NOT_DURABLE: Self = Self(10085);
    /// 400: consumer in pull mode can not have rate limit set.
    pub const CONSUMER_PULL_WITH_RATE_LIMIT: Self = Self(10086);
    /// 400: consumer max waiting needs to be positive.
    pub const CONSUMER_MAX_WAITING_NEGATIVE: Self = Self(10087);
    /// 400: consumer idle heartbeat requires a push based consumer.
    pub const CONSUMER_HEARTBEAT_REQUIRES_PUSH: Self = Self(10088);
    /// 400: consumer flow control requires a push based consumer.
    pub const CONSUMER_FLOW_CONTROL_REQUIRES_PUSH: Self = Self(10089);
    /// 400: consumer direct requires a push based consumer.
    pub const CONSUMER_DIRECT_REQUIRES_PUSH: Self = Self(10090);
    /// 400: consumer direct requires an ephemeral consumer.
    pub const CONSUMER_DIRECT_REQUIRES_EPHEMERAL: Self = Self(10091);
    /// 400: consumer direct on a mapped consumer.
    pub const CONSUMER_ON_MAPPED: Self = Self(10092);
    /// 400: consumer filter subject is not a valid subset of the interest subjects.
    pub const CONSUMER_FILTER_NOT_SUBSET: Self = Self(10093);
    /// 400: `{err}`.
    pub const CONSUMER_INVALID_POLICY: Self = Self(10094);
    /// 400: failed to parse consumer sampling configuration: `{err}`.
    pub const CONSUMER_INVALID_SAMPLING: Self = Self(10095);
    /// 500: stream not valid.
    pub const STREAM_INVALID: Self = Self(10096);
    /// 400: header size exceeds maximum allowed of 64k.
    pub const STREAM_HEADER_EXCEEDS_MAXIMUM: Self = Self(10097);
    /// 400: workqueue stream requires explicit ack.
    pub const CONSUMER_WQ_REQUIRES_EXPLICIT_ACK: Self = Self(10098);
    /// 400: multiple non-filtered consumers not allowed on workqueue stream.
    pub const CONSUMER_WQ_MULTIPLE_UNFILTERED: Self = Self(10099);
    /// 400: filtered consumer not unique on workqueue stream.
    pub const CONSUMER_WQ_CONSUMER_NOT_UNIQUE: Self = Self(10100);
    /// 400: consumer must be deliver all on workqueue stream.
    pub const CONSUMER_WQ_CONSUMER_NOT_DELIVER_ALL: Self = Self(10101);
    /// 400: consumer name is too long, maximum allowed is `{max}`.
    pub const CONSUMER_NAME_TOO_LONG: Self = Self(10102);
    /// 400: durable name can not contain '.', '*', '>'.
    pub const CONSUMER_BAD_DURABLE_NAME: Self = Self(10103);
    /// 500: error creating store for consumer: `{err}`.
    pub const CONSUMER_STORE_FAILED: Self = Self(10104);
    /// 400: consumer already exists and is still active.
    pub const CONSUMER_EXISTING_ACTIVE: Self = Self(10105);
    /// 400: consumer replacement durable config not the same.
    pub const CONSUMER_REPLACEMENT_WITH_DIFFERENT_NAME: Self = Self(10106);
    /// 400: consumer description is too long, maximum allowed is `{max}`.
    pub const CONSUMER_DESCRIPTION_TOO_LONG: Self = Self(10107);
    /// 400: consumer with flow control also needs heartbeats.
    pub const CONSUMER_WITH_FLOW_CONTROL_NEEDS_HEARTBEATS: Self = Self(10108);
    /// 400: invalid operation on sealed stream.
    pub const STREAM_SEALED: Self = Self(10109);
    /// 500: `{err}`.
    pub const STREAM_PURGE_FAILED: Self = Self(10110);
    /// 500: `{err}`.
    pub const STREAM_ROLLUP_FAILED: Self = Self(10111);
    /// 400: invalid push consumer deliver subject.
    pub const CONSUMER_INVALID_DELIVER_SUBJECT: Self = Self(10112);
    /// 400: account requires a stream config to have max bytes set.
    pub const STREAM_MAX_BYTES_REQUIRED: Self = Self(10113);
    /// 400: consumer max request batch needs to be > 0.
    pub const CONSUMER_MAX_REQUEST_BATCH_NEGATIVE: Self = Self(10114);
    /// 400: consumer max request expires needs to be >= 1ms.
    pub const CONSUMER_MAX_REQUEST_EXPIRES_TOO_SMALL: Self = Self(10115);
    /// 400: max deliver is required to be > length of backoff values.
    pub const CONSUMER_MAX_DELIVER_BACKOFF: Self = Self(10116);
    /// 500: subject details would exceed maximum allowed.
    pub const STREAM_INFO_MAX_SUBJECTS: Self = Self(10117);
    /// 500: stream is offline.
    pub const STREAM_OFFLINE: Self = Self(10118);
    /// 500: consumer is offline.
    pub const CONSUMER_OFFLINE: Self = Self(10119);
    /// 400: no JetStream default or applicable tiered limit present.
    pub const NO_LIMITS: Self = Self(10120);
    /// 400: consumer max ack pending exceeds system limit of `{limit}`.
    pub const CONSUMER_MAX_PENDING_ACK_EXCESS: Self = Self(10121);
    /// 400: stream max bytes exceeds account limit max stream bytes.
    pub const STREAM_MAX_STREAM_BYTES_EXCEEDED: Self = Self(10122);
    /// 400: can not move and scale a stream in a single update.
    pub const STREAM_MOVE_AND_SCALE: Self = Self(10123);
    /// 400: stream move already in progress.
    pub const STREAM_MOVE_IN_PROGRESS: Self = Self(10124);
    /// 400: consumer max request batch exceeds server limit of `{limit}`.
    pub const CONSUMER_MAX_REQUEST_BATCH_EXCEEDED: Self = Self(10125);
    /// 400: consumer config replica count exceeds parent stream.
    pub const CONSUMER_REPLICAS_EXCEEDS_STREAM: Self = Self(10126);
    /// 400: Consumer name can not contain path separators.
    pub const CONSUMER_NAME_CONTAINS_PATH_SEPARATORS: Self = Self(10127);
    /// 400: Stream name can not contain path separators.
    pub const STREAM_NAME_CONTAINS_PATH_SEPARATORS: Self = Self(10128);
    /// 400: stream reconfiguration not in progress.
    pub const STREAM_MOVE_NOT_IN_PROGRESS: Self = Self(10129);
    /// 400: stream name already in use, cannot restore.
    pub const STREAM_NAME_EXIST_RESTORE_FAILED: Self = Self(10130);
    /// 400: Consumer create request did not match filtered subject from create subject.
    pub const CONSUMER_CREATE_FILTER_SUBJECT_MISMATCH: Self = Self(10131);
    /// 400: Consumer Durable and Name have to be equal if both are provided.
    pub const CONSUMER_CREATE_DURABLE_AND_NAME_MISMATCH: Self = Self(10132);
    /// 400: replicas count cannot be negative.
    pub const REPLICAS_COUNT_CANNOT_BE_NEGATIVE: Self = Self(10133);
    /// 400: consumer config replicas must match interest retention stream's replicas.
    pub const CONSUMER_REPLICAS_SHOULD_MATCH_STREAM: Self = Self(10134);
    /// 400: consumer metadata exceeds maximum size of `{limit}`.
    pub const CONSUMER_METADATA_LENGTH: Self = Self(10135);
    /// 400: consumer cannot have both FilterSubject and FilterSubjects specified.
    pub const CONSUMER_DUPLICATE_FILTER_SUBJECTS: Self = Self(10136);
    /// 400: consumer with multiple subject filters cannot use subject based API.
    pub const CONSUMER_MULTIPLE_FILTERS_NOT_ALLOWED: Self = Self(10137);
    /// 400: consumer subject filters cannot overlap.
    pub const CONSUMER_OVERLAPPING_SUBJECT_FILTERS: Self = Self(10138);
    /// 400: consumer filter in FilterSubjects cannot be empty.
    pub const CONSUMER_EMPTY_FILTER: Self = Self(10139);
    /// 400: duplicate source configuration detected.
    pub const SOURCE_DUPLICATE_DETECTED: Self = Self(10140);
    /// 400: sourced stream name is invalid.
    pub const SOURCE_INVALID_STREAM_NAME: Self = Self(10141);
    /// 400: mirrored stream name is invalid.
    pub const MIRROR_INVALID_STREAM_NAME: Self = Self(10142);
    /// 400: stream mirrors can not have first sequence configured.
    pub const MIRROR_WITH_FIRST_SEQ: Self = Self(10143);
    /// 400: source with multiple subject transforms cannot also have a single subject filter.
    pub const SOURCE_MULTIPLE_FILTERS_NOT_ALLOWED: Self = Self(10144);
    /// 400: source transform source: `{err}`.
    pub const SOURCE_INVALID_SUBJECT_FILTER: Self = Self(10145);
    /// 400: source transform: `{err}`.
    pub const SOURCE_INVALID_TRANSFORM_DESTINATION: Self = Self(10146);
    /// 400: source filters can not overlap.
    pub const SOURCE_OVERLAPPING_SUBJECT_FILTERS: Self = Self(10147);
    /// 400: consumer already exists.
    pub const CONSUMER_ALREADY_EXISTS: Self = Self(10148);
    /// 400: consumer does not exist.
    pub const CONSUMER_DOES_NOT_EXIST: Self = Self(10149);
    /// 400: mirror with multiple subject transforms cannot also have a single subject filter.
    pub const MIRROR_MULTIPLE_FILTERS_NOT_ALLOWED: Self = Self(10150);
    /// 400: mirror transform source: `{err}`.
    pub const MIRROR_INVALID_SUBJECT_FILTER: Self = Self(10151);
    /// 400: mirror subject filters can not overlap.
    pub const MIRROR_OVERLAPPING_SUBJECT_FILTERS: Self = Self(10152);
    /// 400: consumer inactive threshold exceeds system limit of `{limit}`.
    pub const CONSUMER_INACTIVE_THRESHOLD_EXCESS: Self = Self(10153);
    /// 400: mirror transform: `{err}`.
    pub const MIRROR_INVALID_TRANSFORM_DESTINATION: Self = Self(10154);
    /// 400: stream transform source: `{err}`.
    pub const STREAM_TRANSFORM_INVALID_SOURCE: Self = Self(10155);
    /// 400: stream transform: `{err}`.
    pub const STREAM_TRANSFORM_INVALID_DESTINATION: Self = Self(10156);
    /// 400: pedantic mode: `{err}`.
    pub const PEDANTIC: Self = Self(10157);
    /// 409: duplicate message id is in process.
    pub const STREAM_DUPLICATE_MESSAGE_CONFLICT: Self = Self(10158);
    /// 400: Setting PriorityPolicy requires at least one PriorityGroup to be set.
    pub const CONSUMER_PRIORITY_POLICY_WITHOUT_GROUP: Self = Self(10159);
    /// 400: Provided priority group does not exist for this consumer.
    pub const CONSUMER_INVALID_PRIORITY_GROUP: Self = Self(10160);
    /// 400: Group name cannot be an empty string.
    pub const CONSUMER_EMPTY_GROUP_NAME: Self = Self(10161);
    /// 400: Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters.
    pub const CONSUMER_INVALID_GROUP_NAME: Self = Self(10162);
    /// 503: expected last sequence per subject temporarily unavailable.
    pub const STREAM_EXPECTED_LAST_SEQ_PER_SUBJECT_NOT_READY: Self = Self(10163);
    /// 400: wrong last sequence.
    pub const STREAM_WRONG_LAST_SEQUENCE_CONSTANT: Self = Self(10164);
    /// 400: invalid per-message TTL.
    pub const MESSAGE_TTL_INVALID: Self = Self(10165);
    /// 400: per-message TTL is disabled.
    pub const MESSAGE_TTL_DISABLED: Self = Self(10166);
    /// 429: too many requests.
    pub const STREAM_TOO_MANY_REQUESTS: Self = Self(10167);
    /// 400: message counters is disabled.
    pub const MESSAGE_INCR_DISABLED: Self = Self(10168);
    /// 400: message counter increment is missing.
    pub const MESSAGE_INCR_MISSING: Self = Self(10169);
    /// 400: message counter has payload.
    pub const MESSAGE_INCR_PAYLOAD: Self = Self(10170);
    /// 400: message counter increment is invalid.
    pub const MESSAGE_INCR_INVALID: Self = Self(10171);
    /// 400: message counter is broken.
    pub const MESSAGE_COUNTER_BROKEN: Self = Self(10172);
    /// 400: stream mirrors can not also calculate counters.
    pub const MIRROR_WITH_COUNTERS: Self = Self(10173);
    /// 400: atomic publish is disabled.
    pub const ATOMIC_PUBLISH_DISABLED: Self = Self(10174);
    /// 400: atomic publish sequence is missing.
    pub const ATOMIC_PUBLISH_MISSING_SEQ: Self = Self(10175);
    /// 400: atomic publish batch is incomplete.
    pub const ATOMIC_PUBLISH_INCOMPLETE_BATCH: Self = Self(10176);
    /// 400: atomic publish unsupported header used: `{header}`.
    pub const ATOMIC_PUBLISH_UNSUPPORTED_HEADER: Self = Self(10177);
    /// 400: priority groups can not be used with push consumers.
    pub const CONSUMER_PUSH_WITH_PRIORITY_GROUP: Self = Self(10178);
    /// 400: atomic publish batch ID is invalid.
    pub const ATOMIC_PUBLISH_INVALID_BATCH_ID: Self = Self(10179);
    /// 412: min last sequence.
    pub const STREAM_MIN_LAST_SEQ: Self = Self(10180);
    /// 400: consumer ack policy invalid.
    pub const CONSUMER_ACK_POLICY_INVALID: Self = Self(10181);
    /// 400: consumer replay policy invalid.
    pub const CONSUMER_REPLAY_POLICY_INVALID: Self = Self(10182);
    /// 400: consumer ack wait needs to be positive.
    pub const CONSUMER_ACK_WAIT_NEGATIVE: Self = Self(10183);
    /// 400: consumer backoff needs to be positive.
    pub const CONSUMER_BACKOFF_NEGATIVE: Self = Self(10184);
    /// 412: JetStream minimum api level required.
    pub const REQUIRED_API_LEVEL: Self = Self(10185);
    /// 400: stream mirrors can not also schedule messages.
    pub const MIRROR_WITH_MSG_SCHEDULES: Self = Self(10186);
    /// 400: stream source can not also schedule messages.
    pub const SOURCE_WITH_MSG_SCHEDULES: Self = Self(10187);
    /// 400: message schedules is disabled.
    pub const MESSAGE_SCHEDULES_DISABLED: Self = Self(10188);
    /// 400: message schedules pattern is invalid.
    pub const MESSAGE_SCHEDULES_PATTERN_INVALID: Self = Self(10189);
    /// 400: message schedules target is invalid.
    pub const MESSAGE_SCHEDULES_TARGET_INVALID: Self = Self(10190);
    /// 400: message schedules invalid per-message TTL.
    pub const MESSAGE_SCHEDULES_TTL_INVALID: Self = Self(10191);
    /// 400: message schedules invalid rollup.
    pub const MESSAGE_SCHEDULES_ROLLUP_INVALID: Self = Self(10192);
    /// 400: missing sequence for expected last sequence per subject.
    pub const STREAM_EXPECTED_LAST_SEQ_PER_SUBJECT_INVALID: Self = Self(10193);
    /// 500: stream is offline: `{err}`.
    pub const STREAM_OFFLINE_REASON: Self = Self(10194);
    /// 500: consumer is offline: `{err}`.
    pub const CONSUMER_OFFLINE_REASON: Self = Self(10195);
    /// 400: consumer can not have priority groups when policy is none.
    pub const CONSUMER_PRIORITY_GROUP_WITH_POLICY_NONE: Self = Self(10196);
    /// 400: PinnedTTL cannot be set when PriorityPolicy is none.
    pub const CONSUMER_PINNED_TTL_WITHOUT_PRIORITY_POLICY_NONE: Self = Self(10197);
    /// 400: stream mirrors can not also use atomic publishing.
    pub const MIRROR_WITH_ATOMIC_PUBLISH: Self = Self(10198);
    /// 400: atomic publish batch is too large: `{size}`.
    pub const ATOMIC_PUBLISH_TOO_LARGE_BATCH: Self = Self(10199);
    /// 400: atomic publish batch commit is invalid.
    pub const ATOMIC_PUBLISH_INVALID_BATCH_COMMIT: Self = Self(10200);
    /// 400: atomic publish batch contains duplicate message id.
    pub const ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE: Self = Self(10201);
    /// 400: cluster member change is in progress.
    pub const CLUSTER_SERVER_MEMBER_CHANGE_INFLIGHT: Self = Self(10202);
    /// 400: message schedules source is invalid.
    pub const MESSAGE_SCHEDULES_SOURCE_INVALID: Self = Self(10203);
    /// 400: invalid reset: `{err}`.
    pub const CONSUMER_INVALID_RESET: Self = Self(10204);
    /// 400: batch publish is disabled.
    pub const BATCH_PUBLISH_DISABLED: Self = Self(10205);
    /// 400: batch publish pattern is invalid.
    pub const BATCH_PUBLISH_INVALID_PATTERN: Self = Self(10206);
    /// 400: batch publish ID is invalid.
    pub const BATCH_PUBLISH_INVALID_BATCH_ID: Self = Self(10207);
    /// 400: batch publish ID unknown.
    pub const BATCH_PUBLISH_UNKNOWN_BATCH_ID: Self = Self(10208);
    /// 400: stream mirrors can not also use batch publishing.
    pub const MIRROR_WITH_BATCH_PUBLISH: Self = Self(10209);
    /// 429: atomic publish too many inflight.
    pub const ATOMIC_PUBLISH_TOO_MANY_INFLIGHT: Self = Self(10210);
    /// 429: batch publish too many inflight.
    pub const BATCH_PUBLISH_TOO_MANY_INFLIGHT: Self = Self(10211);
    /// 400: message schedules invalid scheduler.
    pub const MESSAGE_SCHEDULES_SCHEDULER_INVALID: Self = Self(10212);
    /// 400: stream mirror consumer config is invalid.
    pub const MIRROR_DURABLE_CONSUMER_CFG_INVALID: Self = Self(10213);
    /// 400: stream mirror consumer requires flow control ack policy.
    pub const MIRROR_CONSUMER_REQUIRES_ACK_FC: Self = Self(10214);
    /// 400: stream source consumer config is invalid.
    pub const SOURCE_DURABLE_CONSUMER_CFG_INVALID: Self = Self(10215);
    /// 400: duplicate stream source consumer detected.
    pub const SOURCE_DURABLE_CONSUMER_DUPLICATE_DETECTED: Self = Self(10216);
    /// 400: stream source consumer requires flow control ack policy.
    pub const SOURCE_CONSUMER_REQUIRES_ACK_FC: Self = Self(10217);
    /// 400: flow control ack policy requires a push based consumer.
    pub const CONSUMER_ACK_FC_REQUIRES_PUSH: Self = Self(10218);
    /// 400: flow control ack policy requires flow control.
    pub const CONSUMER_ACK_FC_REQUIRES_FC: Self = Self(10219);
    /// 400: flow control ack policy requires max ack pending.
    pub const CONSUMER_ACK_FC_REQUIRES_MAX_ACK_PENDING: Self = Self(10220);
    /// 400: flow control ack policy requires unset ack wait.
    pub const CONSUMER_ACK_FC_REQUIRES_NO_ACK_WAIT: Self = Self(10221);
    /// 400: flow control ack policy requires unset max deliver.
    pub const CONSUMER_ACK_FC_REQUIRES_NO_MAX_DELIVER: Self = Self(10222);
    /// 400: message schedules time zone is invalid.
    pub const MESSAGE_SCHEDULES_TIME_ZONE_INVALID: Self = Self(10223);
    /// 400: JetStream system rescue not applied: `{err}`.
    pub const CLUSTER_RESCUE: Self = Self(10224);
    /// 400: consumer's stream identity does not match: `{msg}`.
    pub const CONSUMER_STREAM_IDENTITY_MISMATCH: Self = Self(10225);
    /// 400: stream reconfiguration already in progress.
    pub const STREAM_RECONFIGURE_IN_PROGRESS: Self = Self(10226);
    /// 400: message stream source header is not allowed.
    pub const MESSAGE_SOURCE_HEADER_NOT_ALLOWED: Self = Self(10227);
}

/// By number.
pub(super) const ERROR_CODES: [ErrorCodeInfo; 226] = [
    info(ErrorCode::ACCOUNT_RESOURCES_EXCEEDED, 400, "JSAccountResourcesExceededErr", "resource limits exceeded for account", false),
    info(ErrorCode::BAD_REQUEST, 400, "JSBadRequestErr", "bad request", false),
    info(ErrorCode::CLUSTER_INCOMPLETE, 503, "JSClusterIncompleteErr", "incomplete results", true),
    info(ErrorCode::CLUSTER_NO_PEERS, 400, "JSClusterNoPeersErrF", "{err}", false),
    info(ErrorCode::CLUSTER_NOT_ACTIVE, 500, "JSClusterNotActiveErr", "JetStream not in clustered mode", false),
    info(ErrorCode::CLUSTER_NOT_ASSIGNED, 500, "JSClusterNotAssignedErr", "JetStream cluster not assigned to this server", true),
    info(ErrorCode::CLUSTER_NOT_AVAILABLE, 503, "JSClusterNotAvailErr", "JetStream system temporarily unavailable", true),
    info(ErrorCode::CLUSTER_NOT_LEADER, 500, "JSClusterNotLeaderErr", "JetStream cluster can not handle request", true),
    info(ErrorCode::CLUSTER_REQUIRED, 503, "JSClusterRequiredErr", "JetStream clustering support required", false),
    info(ErrorCode::CLUSTER_TAGS, 400, "JSClusterTagsErr", "tags placement not supported for operation", false),
    info(ErrorCode::CONSUMER_CREATE, 500, "JSConsumerCreateErrF", "{err}", false),
    info(ErrorCode::CONSUMER_NAME_EXIST, 400, "JSConsumerNameExistErr", "consumer name already in use", false),
    info(ErrorCode::CONSUMER_NOT_FOUND, 404, "JSConsumerNotFoundErr", "consumer not found", false),
    info(ErrorCode::SNAPSHOT_DELIVER_SUBJECT_INVALID, 400, "JSSnapshotDeliverSubjectInvalidErr", "deliver subject not valid", false),
    info(ErrorCode::CONSUMER_DURABLE_NAME_NOT_IN_SUBJECT, 400, "JSConsumerDurableNameNotInSubjectErr", "consumer expected to be durable but no durable name set in subject", false),
    info(ErrorCode::CONSUMER_DURABLE_NAME_NOT_MATCH_SUBJECT, 400, "JSConsumerDurableNameNotMatchSubjectErr", "consumer name in subject does not match durable name in request", false),
    info(ErrorCode::CONSUMER_DURABLE_NAME_NOT_SET, 400, "JSConsumerDurableNameNotSetErr", "consumer expected to be durable but a durable name was not set", false),
    info(ErrorCode::CONSUMER_EPHEMERAL_WITH_DURABLE, 400, "JSConsumerEphemeralWithDurableInSubjectErr", "consumer expected to be ephemeral but detected a durable name set in subject", false),
    info(ErrorCode::CONSUMER_EPHEMERAL_WITH_DURABLE_NAME, 400, "JSConsumerEphemeralWithDurableNameErr", "consumer expected to be ephemeral but a durable name was set in request", false),
    info(ErrorCode::STREAM_EXTERNAL_API_OVERLAP, 400, "JSStreamExternalApiOverlapErrF", "stream external api prefix {prefix} must not overlap with {subject}", false),
    info(ErrorCode::STREAM_EXTERNAL_DELETE_PREFIX_OVERLAPS, 400, "JSStreamExternalDelPrefixOverlapsErrF", "stream external delivery prefix {prefix} overlaps with stream subject {subject}", false),
    info(ErrorCode::INSUFFICIENT_RESOURCES, 503, "JSInsufficientResourcesErr", "insufficient resources", false),
    info(ErrorCode::STREAM_INVALID_EXTERNAL_DELIVERY_SUBJECT, 400, "JSStreamInvalidExternalDeliverySubjErrF", "stream external delivery prefix {prefix} must not contain wildcards", false),
    info(ErrorCode::INVALID_JSON, 400, "JSInvalidJSONErr", "invalid JSON: {err}", false),
    info(ErrorCode::MAXIMUM_CONSUMERS_LIMIT, 400, "JSMaximumConsumersLimitErr", "maximum consumers limit reached", false),
    info(ErrorCode::MAXIMUM_STREAMS_LIMIT, 400, "JSMaximumStreamsLimitErr", "maximum number of streams reached", false),
    info(ErrorCode::MEMORY_RESOURCES_EXCEEDED, 500, "JSMemoryResourcesExceededErr", "insufficient memory resources available", false),
    info(ErrorCode::MIRROR_CONSUMER_SETUP_FAILED, 500, "JSMirrorConsumerSetupFailedErrF", "{err}", false),
    info(ErrorCode::MIRROR_MAX_MESSAGE_SIZE_TOO_BIG, 400, "JSMirrorMaxMessageSizeTooBigErr", "stream mirror must have max message size >= source", false),
    info(ErrorCode::MIRROR_WITH_SOURCES, 400, "JSMirrorWithSourcesErr", "stream mirrors can not also contain other sources", false),
    info(ErrorCode::MIRROR_WITH_START_SEQUENCE_AND_TIME, 400, "JSMirrorWithStartSeqAndTimeErr", "stream mirrors can not have both start seq and start time configured", false),
    info(ErrorCode::MIRROR_WITH_SUBJECT_FILTERS, 400, "JSMirrorWithSubjectFiltersErr", "stream mirrors can not contain filtered subjects", false),
    info(ErrorCode::MIRROR_WITH_SUBJECTS, 400, "JSMirrorWithSubjectsErr", "stream mirrors can not contain subjects", false),
    info(ErrorCode::NO_ACCOUNT, 503, "JSNoAccountErr", "account not found", false),
    info(ErrorCode::NOT_SUPPORTED_IN_CLUSTER_MODE, 503, "JSClusterUnSupportFeatureErr", "not currently supported in clustered mode", false),
    info(ErrorCode::NO_MESSAGE_FOUND, 404, "JSNoMessageFoundErr", "no message found", false),
    info(ErrorCode::NOT_EMPTY_REQUEST, 400, "JSNotEmptyRequestErr", "expected an empty request payload", false),
    info(ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT, 503, "JSNotEnabledForAccountErr", "JetStream not enabled for account", false),
    info(ErrorCode::CLUSTER_PEER_NOT_MEMBER, 400, "JSClusterPeerNotMemberErr", "peer not a member", false),
    info(ErrorCode::RAFT_GENERAL, 500, "JSRaftGeneralErrF", "{err}", false),
    info(ErrorCode::RESTORE_SUBSCRIBE_FAILED, 500, "JSRestoreSubscribeFailedErrF", "JetStream unable to subscribe to restore snapshot {subject}: {err}", false),
    info(ErrorCode::SEQUENCE_NOT_FOUND, 400, "JSSequenceNotFoundErrF", "sequence {seq} not found", false),
    info(ErrorCode::CLUSTER_SERVER_NOT_MEMBER, 400, "JSClusterServerNotMemberErr", "server is not a member of the cluster", false),
    info(ErrorCode::SOURCE_CONSUMER_SETUP_FAILED, 500, "JSSourceConsumerSetupFailedErrF", "{err}", false),
    info(ErrorCode::SOURCE_MAX_MESSAGE_SIZE_TOO_BIG, 400, "JSSourceMaxMessageSizeTooBigErr", "stream source must have max message size >= target", false),
    info(ErrorCode::STORAGE_RESOURCES_EXCEEDED, 500, "JSStorageResourcesExceededErr", "insufficient storage resources available", false),
    info(ErrorCode::STREAM_ASSIGNMENT, 500, "JSStreamAssignmentErrF", "{err}", false),
    info(ErrorCode::STREAM_CREATE, 500, "JSStreamCreateErrF", "{err}", false),
    info(ErrorCode::STREAM_DELETE, 500, "JSStreamDeleteErrF", "{err}", false),
    info(ErrorCode::STREAM_GENERAL_ERROR, 500, "JSStreamGeneralErrorF", "{err}", false),
    info(ErrorCode::STREAM_INVALID_CONFIG, 500, "JSStreamInvalidConfigF", "{err}", false),
    info(ErrorCode::STREAM_LIMITS, 500, "JSStreamLimitsErrF", "{err}", false),
    info(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM, 400, "JSStreamMessageExceedsMaximumErr", "message size exceeds maximum allowed", false),
    info(ErrorCode::STREAM_MIRROR_NOT_UPDATABLE, 400, "JSStreamMirrorNotUpdatableErr", "stream mirror configuration can not be updated", false),
    info(ErrorCode::STREAM_MISMATCH, 400, "JSStreamMismatchErr", "stream name in subject does not match request", false),
    info(ErrorCode::STREAM_MESSAGE_DELETE_FAILED, 500, "JSStreamMsgDeleteFailedF", "{err}", false),
    info(ErrorCode::STREAM_NAME_EXIST, 400, "JSStreamNameExistErr", "stream name already in use with a different configuration", false),
    info(ErrorCode::STREAM_NOT_FOUND, 404, "JSStreamNotFoundErr", "stream not found", false),
    info(ErrorCode::STREAM_NOT_MATCH, 400, "JSStreamNotMatchErr", "expected stream does not match", false),
    info(ErrorCode::STREAM_REPLICAS_NOT_UPDATABLE, 400, "JSStreamReplicasNotUpdatableErr", "Replicas configuration can not be updated", false),
    info(ErrorCode::STREAM_RESTORE, 500, "JSStreamRestoreErrF", "restore failed: {err}", false),
    info(ErrorCode::STREAM_SEQUENCE_NOT_MATCH, 503, "JSStreamSequenceNotMatchErr", "expected stream sequence does not match", false),
    info(ErrorCode::STREAM_SNAPSHOT, 500, "JSStreamSnapshotErrF", "snapshot failed: {err}", false),
    info(ErrorCode::STREAM_SUBJECT_OVERLAP, 400, "JSStreamSubjectOverlapErr", "subjects overlap with an existing stream", false),
    info(ErrorCode::STREAM_CREATE_TEMPLATE, 500, "JSStreamTemplateCreateErrF", "{err}", false),
    info(ErrorCode::STREAM_DELETE_FAILED, 500, "JSStreamTemplateDeleteErrF", "{err}", false),
    info(ErrorCode::STREAM_TEMPLATE_NOT_FOUND, 404, "JSStreamTemplateNotFoundErr", "template not found", false),
    info(ErrorCode::STREAM_UPDATE, 500, "JSStreamUpdateErrF", "{err}", false),
    info(ErrorCode::STREAM_WRONG_LAST_MESSAGE_ID, 400, "JSStreamWrongLastMsgIDErrF", "wrong last msg ID: {id}", false),
    info(ErrorCode::STREAM_WRONG_LAST_SEQUENCE, 400, "JSStreamWrongLastSequenceErrF", "wrong last sequence: {seq}", false),
    info(ErrorCode::TEMP_STORAGE_FAILED, 500, "JSTempStorageFailedErr", "JetStream unable to open temp storage for restore", false),
    info(ErrorCode::NAME_NOT_MATCH_SUBJECT, 400, "JSTemplateNameNotMatchSubjectErr", "template name in subject does not match request", false),
    info(ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED, 500, "JSStreamReplicasNotSupportedErr", "replicas > 1 not supported in non-clustered mode", false),
    info(ErrorCode::PEER_REMAP, 503, "JSPeerRemapErr", "peer remap failed", false),
    info(ErrorCode::JETSTREAM_NOT_ENABLED, 503, "JSNotEnabledErr", "JetStream not enabled", false),
    info(ErrorCode::STREAM_STORE_FAILED, 503, "JSStreamStoreFailedF", "{err}", false),
    info(ErrorCode::CONSUMER_CONFIG_REQUIRED, 400, "JSConsumerConfigRequiredErr", "consumer config required", false),
    info(ErrorCode::CONSUMER_DELIVER_TO_WILDCARDS, 400, "JSConsumerDeliverToWildcardsErr", "consumer deliver subject has wildcards", false),
    info(ErrorCode::CONSUMER_PUSH_MAX_WAITING, 400, "JSConsumerPushMaxWaitingErr", "consumer in push mode can not set max waiting", false),
    info(ErrorCode::CONSUMER_DELIVER_CYCLE, 400, "JSConsumerDeliverCycleErr", "consumer deliver subject forms a cycle", false),
    info(ErrorCode::CONSUMER_MAX_PENDING_ACK_POLICY_REQUIRED, 400, "JSConsumerMaxPendingAckPolicyRequiredErr", "consumer requires ack policy for max ack pending", false),
    info(ErrorCode::CONSUMER_SMALL_HEARTBEAT, 400, "JSConsumerSmallHeartbeatErr", "consumer idle heartbeat needs to be >= 100ms", false),
    info(ErrorCode::CONSUMER_PULL_REQUIRES_ACK, 400, "JSConsumerPullRequiresAckErr", "consumer in pull mode requires explicit ack policy on workqueue stream", false),
    info(ErrorCode::CONSUMER_PULL_NOT_DURABLE, 400, "JSConsumerPullNotDurableErr", "consumer in pull mode requires a durable name", false),
    info(ErrorCode::CONSUMER_PULL_WITH_RATE_LIMIT, 400, "JSConsumerPullWithRateLimitErr", "consumer in pull mode can not have rate limit set", false),
    info(ErrorCode::CONSUMER_MAX_WAITING_NEGATIVE, 400, "JSConsumerMaxWaitingNegativeErr", "consumer max waiting needs to be positive", false),
    info(ErrorCode::CONSUMER_HEARTBEAT_REQUIRES_PUSH, 400, "JSConsumerHBRequiresPushErr", "consumer idle heartbeat requires a push based consumer", false),
    info(ErrorCode::CONSUMER_FLOW_CONTROL_REQUIRES_PUSH, 400, "JSConsumerFCRequiresPushErr", "consumer flow control requires a push based consumer", false),
    info(ErrorCode::CONSUMER_DIRECT_REQUIRES_PUSH, 400, "JSConsumerDirectRequiresPushErr", "consumer direct requires a push based consumer", false),
    info(ErrorCode::CONSUMER_DIRECT_REQUIRES_EPHEMERAL, 400, "JSConsumerDirectRequiresEphemeralErr", "consumer direct requires an ephemeral consumer", false),
    info(ErrorCode::CONSUMER_ON_MAPPED, 400, "JSConsumerOnMappedErr", "consumer direct on a mapped consumer", false),
    info(ErrorCode::CONSUMER_FILTER_NOT_SUBSET, 400, "JSConsumerFilterNotSubsetErr", "consumer filter subject is not a valid subset of the interest subjects", false),
    info(ErrorCode::CONSUMER_INVALID_POLICY, 400, "JSConsumerInvalidPolicyErrF", "{err}", false),
    info(ErrorCode::CONSUMER_INVALID_SAMPLING, 400, "JSConsumerInvalidSamplingErrF", "failed to parse consumer sampling configuration: {err}", false),
    info(ErrorCode::STREAM_INVALID, 500, "JSStreamInvalidErr", "stream not valid", false),
    info(ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM, 400, "JSStreamHeaderExceedsMaximumErr", "header size exceeds maximum allowed of 64k", false),
    info(ErrorCode::CONSUMER_WQ_REQUIRES_EXPLICIT_ACK, 400, "JSConsumerWQRequiresExplicitAckErr", "workqueue stream requires explicit ack", false),
    info(ErrorCode::CONSUMER_WQ_MULTIPLE_UNFILTERED, 400, "JSConsumerWQMultipleUnfilteredErr", "multiple non-filtered consumers not allowed on workqueue stream", false),
    info(ErrorCode::CONSUMER_WQ_CONSUMER_NOT_UNIQUE, 400, "JSConsumerWQConsumerNotUniqueErr", "filtered consumer not unique on workqueue stream", false),
    info(ErrorCode::CONSUMER_WQ_CONSUMER_NOT_DELIVER_ALL, 400, "JSConsumerWQConsumerNotDeliverAllErr", "consumer must be deliver all on workqueue stream", false),
    info(ErrorCode::CONSUMER_NAME_TOO_LONG, 400, "JSConsumerNameTooLongErrF", "consumer name is too long, maximum allowed is {max}", false),
    info(ErrorCode::CONSUMER_BAD_DURABLE_NAME, 400, "JSConsumerBadDurableNameErr", "durable name can not contain '.', '*', '>'", false),
    info(ErrorCode::CONSUMER_STORE_FAILED, 500, "JSConsumerStoreFailedErrF", "error creating store for consumer: {err}", false),
    info(ErrorCode::CONSUMER_EXISTING_ACTIVE, 400, "JSConsumerExistingActiveErr", "consumer already exists and is still active", false),
    info(ErrorCode::CONSUMER_REPLACEMENT_WITH_DIFFERENT_NAME, 400, "JSConsumerReplacementWithDifferentNameErr", "consumer replacement durable config not the same", false),
    info(ErrorCode::CONSUMER_DESCRIPTION_TOO_LONG, 400, "JSConsumerDescriptionTooLongErrF", "consumer description is too long, maximum allowed is {max}", false),
    info(ErrorCode::CONSUMER_WITH_FLOW_CONTROL_NEEDS_HEARTBEATS, 400, "JSConsumerWithFlowControlNeedsHeartbeats", "consumer with flow control also needs heartbeats", false),
    info(ErrorCode::STREAM_SEALED, 400, "JSStreamSealedErr", "invalid operation on sealed stream", false),
    info(ErrorCode::STREAM_PURGE_FAILED, 500, "JSStreamPurgeFailedF", "{err}", false),
    info(ErrorCode::STREAM_ROLLUP_FAILED, 500, "JSStreamRollupFailedF", "{err}", false),
    info(ErrorCode::CONSUMER_INVALID_DELIVER_SUBJECT, 400, "JSConsumerInvalidDeliverSubject", "invalid push consumer deliver subject", false),
    info(ErrorCode::STREAM_MAX_BYTES_REQUIRED, 400, "JSStreamMaxBytesRequired", "account requires a stream config to have max bytes set", false),
    info(ErrorCode::CONSUMER_MAX_REQUEST_BATCH_NEGATIVE, 400, "JSConsumerMaxRequestBatchNegativeErr", "consumer max request batch needs to be > 0", false),
    info(ErrorCode::CONSUMER_MAX_REQUEST_EXPIRES_TOO_SMALL, 400, "JSConsumerMaxRequestExpiresTooSmall", "consumer max request expires needs to be >= 1ms", false),
    info(ErrorCode::CONSUMER_MAX_DELIVER_BACKOFF, 400, "JSConsumerMaxDeliverBackoffErr", "max deliver is required to be > length of backoff values", false),
    info(ErrorCode::STREAM_INFO_MAX_SUBJECTS, 500, "JSStreamInfoMaxSubjectsErr", "subject details would exceed maximum allowed", false),
    info(ErrorCode::STREAM_OFFLINE, 500, "JSStreamOfflineErr", "stream is offline", true),
    info(ErrorCode::CONSUMER_OFFLINE, 500, "JSConsumerOfflineErr", "consumer is offline", true),
    info(ErrorCode::NO_LIMITS, 400, "JSNoLimitsErr", "no JetStream default or applicable tiered limit present", false),
    info(ErrorCode::CONSUMER_MAX_PENDING_ACK_EXCESS, 400, "JSConsumerMaxPendingAckExcessErrF", "consumer max ack pending exceeds system limit of {limit}", false),
    info(ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED, 400, "JSStreamMaxStreamBytesExceeded", "stream max bytes exceeds account limit max stream bytes", false),
    info(ErrorCode::STREAM_MOVE_AND_SCALE, 400, "JSStreamMoveAndScaleErr", "can not move and scale a stream in a single update", false),
    info(ErrorCode::STREAM_MOVE_IN_PROGRESS, 400, "JSStreamMoveInProgressErr", "stream move already in progress", true),
    info(ErrorCode::CONSUMER_MAX_REQUEST_BATCH_EXCEEDED, 400, "JSConsumerMaxRequestBatchExceededF", "consumer max request batch exceeds server limit of {limit}", false),
    info(ErrorCode::CONSUMER_REPLICAS_EXCEEDS_STREAM, 400, "JSConsumerReplicasExceedsStream", "consumer config replica count exceeds parent stream", false),
    info(ErrorCode::CONSUMER_NAME_CONTAINS_PATH_SEPARATORS, 400, "JSConsumerNameContainsPathSeparatorsErr", "Consumer name can not contain path separators", false),
    info(ErrorCode::STREAM_NAME_CONTAINS_PATH_SEPARATORS, 400, "JSStreamNameContainsPathSeparatorsErr", "Stream name can not contain path separators", false),
    info(ErrorCode::STREAM_MOVE_NOT_IN_PROGRESS, 400, "JSStreamReconfigureNotInProgressErr", "stream reconfiguration not in progress", false),
    info(ErrorCode::STREAM_NAME_EXIST_RESTORE_FAILED, 400, "JSStreamNameExistRestoreFailedErr", "stream name already in use, cannot restore", false),
    info(ErrorCode::CONSUMER_CREATE_FILTER_SUBJECT_MISMATCH, 400, "JSConsumerCreateFilterSubjectMismatchErr", "Consumer create request did not match filtered subject from create subject", false),
    info(ErrorCode::CONSUMER_CREATE_DURABLE_AND_NAME_MISMATCH, 400, "JSConsumerCreateDurableAndNameMismatch", "Consumer Durable and Name have to be equal if both are provided", false),
    info(ErrorCode::REPLICAS_COUNT_CANNOT_BE_NEGATIVE, 400, "JSReplicasCountCannotBeNegative", "replicas count cannot be negative", false),
    info(ErrorCode::CONSUMER_REPLICAS_SHOULD_MATCH_STREAM, 400, "JSConsumerReplicasShouldMatchStream", "consumer config replicas must match interest retention stream's replicas", false),
    info(ErrorCode::CONSUMER_METADATA_LENGTH, 400, "JSConsumerMetadataLengthErrF", "consumer metadata exceeds maximum size of {limit}", false),
    info(ErrorCode::CONSUMER_DUPLICATE_FILTER_SUBJECTS, 400, "JSConsumerDuplicateFilterSubjects", "consumer cannot have both FilterSubject and FilterSubjects specified", false),
    info(ErrorCode::CONSUMER_MULTIPLE_FILTERS_NOT_ALLOWED, 400, "JSConsumerMultipleFiltersNotAllowed", "consumer with multiple subject filters cannot use subject based API", false),
    info(ErrorCode::CONSUMER_OVERLAPPING_SUBJECT_FILTERS, 400, "JSConsumerOverlappingSubjectFilters", "consumer subject filters cannot overlap", false),
    info(ErrorCode::CONSUMER_EMPTY_FILTER, 400, "JSConsumerEmptyFilter", "consumer filter in FilterSubjects cannot be empty", false),
    info(ErrorCode::SOURCE_DUPLICATE_DETECTED, 400, "JSSourceDuplicateDetected", "duplicate source configuration detected", false),
    info(ErrorCode::SOURCE_INVALID_STREAM_NAME, 400, "JSSourceInvalidStreamName", "sourced stream name is invalid", false),
    info(ErrorCode::MIRROR_INVALID_STREAM_NAME, 400, "JSMirrorInvalidStreamName", "mirrored stream name is invalid", false),
    info(ErrorCode::MIRROR_WITH_FIRST_SEQ, 400, "JSMirrorWithFirstSeqErr", "stream mirrors can not have first sequence configured", false),
    info(ErrorCode::SOURCE_MULTIPLE_FILTERS_NOT_ALLOWED, 400, "JSSourceMultipleFiltersNotAllowed", "source with multiple subject transforms cannot also have a single subject filter", false),
    info(ErrorCode::SOURCE_INVALID_SUBJECT_FILTER, 400, "JSSourceInvalidSubjectFilter", "source transform source: {err}", false),
    info(ErrorCode::SOURCE_INVALID_TRANSFORM_DESTINATION, 400, "JSSourceInvalidTransformDestination", "source transform: {err}", false),
    info(ErrorCode::SOURCE_OVERLAPPING_SUBJECT_FILTERS, 400, "JSSourceOverlappingSubjectFilters", "source filters can not overlap", false),
    info(ErrorCode::CONSUMER_ALREADY_EXISTS, 400, "JSConsumerAlreadyExists", "consumer already exists", false),
    info(ErrorCode::CONSUMER_DOES_NOT_EXIST, 400, "JSConsumerDoesNotExist", "consumer does not exist", false),
    info(ErrorCode::MIRROR_MULTIPLE_FILTERS_NOT_ALLOWED, 400, "JSMirrorMultipleFiltersNotAllowed", "mirror with multiple subject transforms cannot also have a single subject filter", false),
    info(ErrorCode::MIRROR_INVALID_SUBJECT_FILTER, 400, "JSMirrorInvalidSubjectFilter", "mirror transform source: {err}", false),
    info(ErrorCode::MIRROR_OVERLAPPING_SUBJECT_FILTERS, 400, "JSMirrorOverlappingSubjectFilters", "mirror subject filters can not overlap", false),
    info(ErrorCode::CONSUMER_INACTIVE_THRESHOLD_EXCESS, 400, "JSConsumerInactiveThresholdExcess", "consumer inactive threshold exceeds system limit of {limit}", false),
    info(ErrorCode::MIRROR_INVALID_TRANSFORM_DESTINATION, 400, "JSMirrorInvalidTransformDestination", "mirror transform: {err}", false),
    info(ErrorCode::STREAM_TRANSFORM_INVALID_SOURCE, 400, "JSStreamTransformInvalidSource", "stream transform source: {err}", false),
    info(ErrorCode::STREAM_TRANSFORM_INVALID_DESTINATION, 400, "JSStreamTransformInvalidDestination", "stream transform: {err}", false),
    info(ErrorCode::PEDANTIC, 400, "JSPedanticErrF", "pedantic mode: {err}", false),
    info(ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT, 409, "JSStreamDuplicateMessageConflict", "duplicate message id is in process", true),
    info(ErrorCode::CONSUMER_PRIORITY_POLICY_WITHOUT_GROUP, 400, "JSConsumerPriorityPolicyWithoutGroup", "Setting PriorityPolicy requires at least one PriorityGroup to be set", false),
    info(ErrorCode::CONSUMER_INVALID_PRIORITY_GROUP, 400, "JSConsumerInvalidPriorityGroupErr", "Provided priority group does not exist for this consumer", false),
    info(ErrorCode::CONSUMER_EMPTY_GROUP_NAME, 400, "JSConsumerEmptyGroupName", "Group name cannot be an empty string", false),
    info(ErrorCode::CONSUMER_INVALID_GROUP_NAME, 400, "JSConsumerInvalidGroupNameErr", "Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters", false),
    info(ErrorCode::STREAM_EXPECTED_LAST_SEQ_PER_SUBJECT_NOT_READY, 503, "JSStreamExpectedLastSeqPerSubjectNotReady", "expected last sequence per subject temporarily unavailable", true),
    info(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT, 400, "JSStreamWrongLastSequenceConstantErr", "wrong last sequence", false),
    info(ErrorCode::MESSAGE_TTL_INVALID, 400, "JSMessageTTLInvalidErr", "invalid per-message TTL", false),
    info(ErrorCode::MESSAGE_TTL_DISABLED, 400, "JSMessageTTLDisabledErr", "per-message TTL is disabled", false),
    info(ErrorCode::STREAM_TOO_MANY_REQUESTS, 429, "JSStreamTooManyRequests", "too many requests", true),
    info(ErrorCode::MESSAGE_INCR_DISABLED, 400, "JSMessageIncrDisabledErr", "message counters is disabled", false),
    info(ErrorCode::MESSAGE_INCR_MISSING, 400, "JSMessageIncrMissingErr", "message counter increment is missing", false),
    info(ErrorCode::MESSAGE_INCR_PAYLOAD, 400, "JSMessageIncrPayloadErr", "message counter has payload", false),
    info(ErrorCode::MESSAGE_INCR_INVALID, 400, "JSMessageIncrInvalidErr", "message counter increment is invalid", false),
    info(ErrorCode::MESSAGE_COUNTER_BROKEN, 400, "JSMessageCounterBrokenErr", "message counter is broken", false),
    info(ErrorCode::MIRROR_WITH_COUNTERS, 400, "JSMirrorWithCountersErr", "stream mirrors can not also calculate counters", false),
    info(ErrorCode::ATOMIC_PUBLISH_DISABLED, 400, "JSAtomicPublishDisabledErr", "atomic publish is disabled", false),
    info(ErrorCode::ATOMIC_PUBLISH_MISSING_SEQ, 400, "JSAtomicPublishMissingSeqErr", "atomic publish sequence is missing", false),
    info(ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH, 400, "JSAtomicPublishIncompleteBatchErr", "atomic publish batch is incomplete", false),
    info(ErrorCode::ATOMIC_PUBLISH_UNSUPPORTED_HEADER, 400, "JSAtomicPublishUnsupportedHeaderBatchErr", "atomic publish unsupported header used: {header}", false),
    info(ErrorCode::CONSUMER_PUSH_WITH_PRIORITY_GROUP, 400, "JSConsumerPushWithPriorityGroupErr", "priority groups can not be used with push consumers", false),
    info(ErrorCode::ATOMIC_PUBLISH_INVALID_BATCH_ID, 400, "JSAtomicPublishInvalidBatchIDErr", "atomic publish batch ID is invalid", false),
    info(ErrorCode::STREAM_MIN_LAST_SEQ, 412, "JSStreamMinLastSeqErr", "min last sequence", false),
    info(ErrorCode::CONSUMER_ACK_POLICY_INVALID, 400, "JSConsumerAckPolicyInvalidErr", "consumer ack policy invalid", false),
    info(ErrorCode::CONSUMER_REPLAY_POLICY_INVALID, 400, "JSConsumerReplayPolicyInvalidErr", "consumer replay policy invalid", false),
    info(ErrorCode::CONSUMER_ACK_WAIT_NEGATIVE, 400, "JSConsumerAckWaitNegativeErr", "consumer ack wait needs to be positive", false),
    info(ErrorCode::CONSUMER_BACKOFF_NEGATIVE, 400, "JSConsumerBackOffNegativeErr", "consumer backoff needs to be positive", false),
    info(ErrorCode::REQUIRED_API_LEVEL, 412, "JSRequiredApiLevelErr", "JetStream minimum api level required", false),
    info(ErrorCode::MIRROR_WITH_MSG_SCHEDULES, 400, "JSMirrorWithMsgSchedulesErr", "stream mirrors can not also schedule messages", false),
    info(ErrorCode::SOURCE_WITH_MSG_SCHEDULES, 400, "JSSourceWithMsgSchedulesErr", "stream source can not also schedule messages", false),
    info(ErrorCode::MESSAGE_SCHEDULES_DISABLED, 400, "JSMessageSchedulesDisabledErr", "message schedules is disabled", false),
    info(ErrorCode::MESSAGE_SCHEDULES_PATTERN_INVALID, 400, "JSMessageSchedulesPatternInvalidErr", "message schedules pattern is invalid", false),
    info(ErrorCode::MESSAGE_SCHEDULES_TARGET_INVALID, 400, "JSMessageSchedulesTargetInvalidErr", "message schedules target is invalid", false),
    info(ErrorCode::MESSAGE_SCHEDULES_TTL_INVALID, 400, "JSMessageSchedulesTTLInvalidErr", "message schedules invalid per-message TTL", false),
    info(ErrorCode::MESSAGE_SCHEDULES_ROLLUP_INVALID, 400, "JSMessageSchedulesRollupInvalidErr", "message schedules invalid rollup", false),
    info(ErrorCode::STREAM_EXPECTED_LAST_SEQ_PER_SUBJECT_INVALID, 400, "JSStreamExpectedLastSeqPerSubjectInvalid", "missing sequence for expected last sequence per subject", false),
    info(ErrorCode::STREAM_OFFLINE_REASON, 500, "JSStreamOfflineReasonErrF", "stream is offline: {err}", false),
    info(ErrorCode::CONSUMER_OFFLINE_REASON, 500, "JSConsumerOfflineReasonErrF", "consumer is offline: {err}", false),
    info(ErrorCode::CONSUMER_PRIORITY_GROUP_WITH_POLICY_NONE, 400, "JSConsumerPriorityGroupWithPolicyNone", "consumer can not have priority groups when policy is none", false),
    info(ErrorCode::CONSUMER_PINNED_TTL_WITHOUT_PRIORITY_POLICY_NONE, 400, "JSConsumerPinnedTTLWithoutPriorityPolicyNone", "PinnedTTL cannot be set when PriorityPolicy is none", false),
    info(ErrorCode::MIRROR_WITH_ATOMIC_PUBLISH, 400, "JSMirrorWithAtomicPublishErr", "stream mirrors can not also use atomic publishing", false),
    info(ErrorCode::ATOMIC_PUBLISH_TOO_LARGE_BATCH, 400, "JSAtomicPublishTooLargeBatchErrF", "atomic publish batch is too large: {size}", false),
    info(ErrorCode::ATOMIC_PUBLISH_INVALID_BATCH_COMMIT, 400, "JSAtomicPublishInvalidBatchCommitErr", "atomic publish batch commit is invalid", false),
    info(ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE, 400, "JSAtomicPublishContainsDuplicateMessageErr", "atomic publish batch contains duplicate message id", false),
    info(ErrorCode::CLUSTER_SERVER_MEMBER_CHANGE_INFLIGHT, 400, "JSClusterServerMemberChangeInflightErr", "cluster member change is in progress", true),
    info(ErrorCode::MESSAGE_SCHEDULES_SOURCE_INVALID, 400, "JSMessageSchedulesSourceInvalidErr", "message schedules source is invalid", false),
    info(ErrorCode::CONSUMER_INVALID_RESET, 400, "JSConsumerInvalidResetErr", "invalid reset: {err}", false),
    info(ErrorCode::BATCH_PUBLISH_DISABLED, 400, "JSBatchPublishDisabledErr", "batch publish is disabled", false),
    info(ErrorCode::BATCH_PUBLISH_INVALID_PATTERN, 400, "JSBatchPublishInvalidPatternErr", "batch publish pattern is invalid", false),
    info(ErrorCode::BATCH_PUBLISH_INVALID_BATCH_ID, 400, "JSBatchPublishInvalidBatchIDErr", "batch publish ID is invalid", false),
    info(ErrorCode::BATCH_PUBLISH_UNKNOWN_BATCH_ID, 400, "JSBatchPublishUnknownBatchIDErr", "batch publish ID unknown", false),
    info(ErrorCode::MIRROR_WITH_BATCH_PUBLISH, 400, "JSMirrorWithBatchPublishErr", "stream mirrors can not also use batch publishing", false),
    info(ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT, 429, "JSAtomicPublishTooManyInflight", "atomic publish too many inflight", true),
    info(ErrorCode::BATCH_PUBLISH_TOO_MANY_INFLIGHT, 429, "JSBatchPublishTooManyInflight", "batch publish too many inflight", true),
    info(ErrorCode::MESSAGE_SCHEDULES_SCHEDULER_INVALID, 400, "JSMessageSchedulesSchedulerInvalidErr", "message schedules invalid scheduler", false),
    info(ErrorCode::MIRROR_DURABLE_CONSUMER_CFG_INVALID, 400, "JSMirrorDurableConsumerCfgInvalid", "stream mirror consumer config is invalid", false),
    info(ErrorCode::MIRROR_CONSUMER_REQUIRES_ACK_FC, 400, "JSMirrorConsumerRequiresAckFCErr", "stream mirror consumer requires flow control ack policy", false),
    info(ErrorCode::SOURCE_DURABLE_CONSUMER_CFG_INVALID, 400, "JSSourceDurableConsumerCfgInvalid", "stream source consumer config is invalid", false),
    info(ErrorCode::SOURCE_DURABLE_CONSUMER_DUPLICATE_DETECTED, 400, "JSSourceDurableConsumerDuplicateDetected", "duplicate stream source consumer detected", false),
    info(ErrorCode::SOURCE_CONSUMER_REQUIRES_ACK_FC, 400, "JSSourceConsumerRequiresAckFCErr", "stream source consumer requires flow control ack policy", false),
    info(ErrorCode::CONSUMER_ACK_FC_REQUIRES_PUSH, 400, "JSConsumerAckFCRequiresPushErr", "flow control ack policy requires a push based consumer", false),
    info(ErrorCode::CONSUMER_ACK_FC_REQUIRES_FC, 400, "JSConsumerAckFCRequiresFCErr", "flow control ack policy requires flow control", false),
    info(ErrorCode::CONSUMER_ACK_FC_REQUIRES_MAX_ACK_PENDING, 400, "JSConsumerAckFCRequiresMaxAckPendingErr", "flow control ack policy requires max ack pending", false),
    info(ErrorCode::CONSUMER_ACK_FC_REQUIRES_NO_ACK_WAIT, 400, "JSConsumerAckFCRequiresNoAckWaitErr", "flow control ack policy requires unset ack wait", false),
    info(ErrorCode::CONSUMER_ACK_FC_REQUIRES_NO_MAX_DELIVER, 400, "JSConsumerAckFCRequiresNoMaxDeliverErr", "flow control ack policy requires unset max deliver", false),
    info(ErrorCode::MESSAGE_SCHEDULES_TIME_ZONE_INVALID, 400, "JSMessageSchedulesTimeZoneInvalidErr", "message schedules time zone is invalid", false),
    info(ErrorCode::CLUSTER_RESCUE, 400, "JSClusterRescueErr", "JetStream system rescue not applied: {err}", false),
    info(ErrorCode::CONSUMER_STREAM_IDENTITY_MISMATCH, 400, "JSConsumerStreamIdentityMismatchF", "consumer's stream identity does not match: {msg}", false),
    info(ErrorCode::STREAM_RECONFIGURE_IN_PROGRESS, 400, "JSStreamReconfigureInProgressErr", "stream reconfiguration already in progress", true),
    info(ErrorCode::MESSAGE_SOURCE_HEADER_NOT_ALLOWED, 400, "JSMessageSourceHdrNotAllowedErr", "message stream source header is not allowed", false),
];
