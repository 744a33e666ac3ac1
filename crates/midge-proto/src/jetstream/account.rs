//! What an account may use of JetStream, and uses.

use super::api::{self, ApiError, ApiPrefix, ApiRequest};
use super::json::nullable;
use super::level::ApiLevel;
use crate::message::Message;
use crate::subject::Subject;
use alloc::collections::BTreeMap;
use alloc::string::String;
use serde::{Deserialize, Deserializer};

/// Asks what the account may use, and uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct InfoRequest;

impl ApiRequest for InfoRequest {
    type Response = Account;

    fn subject(&self, prefix: &ApiPrefix) -> Subject {
        prefix.subject("INFO")
    }

    fn decode(&self, answer: &Message) -> Result<Account, ApiError> {
        api::decode(answer)
    }

    fn is_read(&self) -> bool {
        true
    }
}

/// What an account may use of JetStream, and uses.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Bytes in memory.
    pub memory: u64,
    /// Bytes in files.
    pub storage: u64,
    /// Bytes in memory that streams have reserved.
    pub reserved_memory: u64,
    /// Bytes in files that streams have reserved.
    pub reserved_storage: u64,
    /// Streams.
    pub streams: usize,
    /// Consumers.
    pub consumers: usize,
    /// The JetStream domain.
    pub domain: Option<String>,
    /// What it may use. In an account with tiers this can be empty.
    pub limits: Limits,
    /// The API: its level, and how often it was used.
    #[serde(rename = "api")]
    pub requests: Requests,
    /// Use and limits by number of replicas (`R1`, `R3`), in an account with tiers.
    #[serde(deserialize_with = "nullable")]
    pub tiers: BTreeMap<String, Tier>,
}

impl Account {
    /// What the server that answers for JetStream can do.
    #[must_use]
    pub fn api_level(&self) -> ApiLevel {
        ApiLevel(u32::try_from(self.requests.level).unwrap_or(u32::MAX))
    }
}

/// What one tier of an account may use, and uses.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Tier {
    /// Bytes in memory.
    pub memory: u64,
    /// Bytes in files.
    pub storage: u64,
    /// Bytes in memory that streams have reserved.
    pub reserved_memory: u64,
    /// Bytes in files that streams have reserved.
    pub reserved_storage: u64,
    /// Streams.
    pub streams: usize,
    /// Consumers.
    pub consumers: usize,
    /// What it may use.
    pub limits: Limits,
}

/// What an account may use; `None` means no limit.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Bytes in memory.
    #[serde(deserialize_with = "limit")]
    pub max_memory: Option<i64>,
    /// Bytes in files.
    #[serde(deserialize_with = "limit")]
    pub max_storage: Option<i64>,
    /// Streams.
    #[serde(deserialize_with = "limit")]
    pub max_streams: Option<i64>,
    /// Consumers.
    #[serde(deserialize_with = "limit")]
    pub max_consumers: Option<i64>,
    /// Messages of one consumer that wait for an acknowledgement; -1 means no limit.
    pub max_ack_pending: i64,
    /// Bytes of one stream in memory.
    #[serde(deserialize_with = "limit")]
    pub memory_max_stream_bytes: Option<i64>,
    /// Bytes of one stream in files.
    #[serde(deserialize_with = "limit")]
    pub storage_max_stream_bytes: Option<i64>,
    /// Whether every stream must have `max_bytes`.
    pub max_bytes_required: bool,
}

/// A limit, which is -1 on the wire where there is none.
fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<i64>::deserialize(deserializer)?.filter(|limit| *limit >= 0))
}

/// How often the API was used.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Requests {
    /// Requests.
    pub total: u64,
    /// Requests that failed.
    pub errors: u64,
    /// The level of the API: see [`Account::api_level`].
    pub level: usize,
    /// Requests that are being worked on.
    pub inflight: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::test_messages::answer;

    #[test]
    fn an_account_is_asked_for_and_decoded() {
        assert_eq!(InfoRequest.subject(&ApiPrefix::default()), "$JS.API.INFO");
        let account = InfoRequest
            .decode(&answer(
                r#"{"type":"io.nats.jetstream.api.v1.account_info_response","memory":1,"storage":2,
                "reserved_memory":3,"reserved_storage":4,"streams":5,"consumers":6,"domain":"d",
                "limits":{"max_memory":-1,"max_storage":7,"max_streams":8,"max_consumers":9,
                "max_ack_pending":-1,"memory_max_stream_bytes":-1,"storage_max_stream_bytes":10,
                "max_bytes_required":true},"api":{"level":5,"total":11,"errors":12},
                "tiers":{"R1":{"memory":13,"limits":{"max_memory":14}}},"new":[]}"#,
            ))
            .unwrap();
        assert_eq!(account.api_level(), ApiLevel::V2_15);
        assert_eq!((account.memory, account.consumers, account.requests.errors), (1, 6, 12));
        assert_eq!(account.limits.storage_max_stream_bytes, Some(10));
        assert_eq!((account.limits.max_storage, account.limits.max_streams), (Some(7), Some(8)));
        let unlimited = (account.limits.max_memory, account.limits.memory_max_stream_bytes);
        assert_eq!(unlimited, (None, None));
        assert!(account.limits.max_bytes_required);
        assert_eq!(account.tiers["R1"].limits.max_memory, Some(14));
        assert_eq!(account.tiers["R1"].limits.max_storage, None);
        assert_eq!(InfoRequest.decode(&answer("{}")).unwrap(), Account::default());
    }
}
