//! How full a subscription is.

/// How much waits, how much waited at most, and how much was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// Messages that wait.
    pub messages: u64,
    /// Their subjects, headers and payloads in bytes.
    pub bytes: u64,
    /// The most messages that ever waited since the last reset.
    pub max_messages: u64,
    /// The most bytes that ever waited since the last reset.
    pub max_bytes: u64,
    /// Messages delivered to the application's queue in all.
    pub delivered: u64,
    /// Their subjects, headers and payloads in bytes.
    pub delivered_bytes: u64,
    /// Messages dropped for lack of room.
    pub dropped: u64,
    /// Delivered messages whose place a newer one of the same subject took before they were read
    /// ([`SlowConsumerPolicy::LatestOnly`](crate::SlowConsumerPolicy::LatestOnly)).
    pub replaced: u64,
}
