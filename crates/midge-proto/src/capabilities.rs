//! What a server can do, and so what a client on it cannot.

use crate::info::ServerInfo;
use alloc::string::String;
use core::fmt;

/// Something that not every server, or not every set-up of one, can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Messages with headers: from 2.2 on, unless switched off.
    Headers,
    /// The immediate answer to requests that nobody listens to; it is carried by headers.
    NoResponders,
    /// Not delivering own messages to own subscriptions, and announcing other servers.
    NoEcho,
    /// Tracing the way of a message: from 2.11 on.
    MessageTrace,
    /// JetStream is switched on; whether the account may use it shows in its account info.
    JetStream,
    /// JetStream API level 1, of server 2.11: lifetimes of single messages, limit markers, pinned
    /// and overflow consumers, pausing consumers.
    JetStreamLevel1,
    /// JetStream API level 2, of server 2.12: atomic batches, counters, scheduled messages.
    JetStreamLevel2,
    /// JetStream API level 4, of server 2.14: fast ingest, zones and sources of schedules, resetting
    /// consumers.
    JetStreamLevel4,
}

impl Capability {
    /// All there are, in order.
    pub const ALL: &'static [Self] = &[
        Self::Headers,
        Self::NoResponders,
        Self::NoEcho,
        Self::MessageTrace,
        Self::JetStream,
        Self::JetStreamLevel1,
        Self::JetStreamLevel2,
        Self::JetStreamLevel4,
    ];
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Headers => "headers",
            Self::NoResponders => "no responders",
            Self::NoEcho => "no echo",
            Self::MessageTrace => "message trace",
            Self::JetStream => "JetStream",
            Self::JetStreamLevel1 => "JetStream API level 1",
            Self::JetStreamLevel2 => "JetStream API level 2",
            Self::JetStreamLevel4 => "JetStream API level 4",
        })
    }
}

/// What one server can do, as its INFO tells.
///
/// ```
/// use midge_proto::{Capability, ServerInfo};
///
/// let info = ServerInfo { version: "2.10.7".into(), headers: true, ..ServerInfo::default() };
/// let capabilities = info.capabilities();
/// assert!(capabilities.has(Capability::Headers));
/// assert!(capabilities.missing().any(|missing| missing == Capability::JetStream));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCapabilities {
    version: String,
    api_level: u32,
    /// One bit each, by the place in the enum.
    set: u32,
}

impl ServerInfo {
    /// What the server can do.
    ///
    /// The level of JetStream is that of this server. A leaf node may pass requests on to servers of
    /// another version, whose account info then tells theirs.
    #[must_use]
    pub fn capabilities(&self) -> ServerCapabilities {
        // `api_lvl` came with 2.12; level 1 is that of 2.11.
        let level = match self.api_level {
            0 if self.jetstream && self.version_at_least(2, 11, 0) => 1,
            level => level,
        };
        let has = |capability: &Capability| match capability {
            Capability::Headers | Capability::NoResponders => self.headers,
            Capability::NoEcho => self.proto >= 1,
            Capability::MessageTrace => self.headers && self.version_at_least(2, 11, 0),
            Capability::JetStream => self.jetstream,
            Capability::JetStreamLevel1 => self.jetstream && level >= 1,
            Capability::JetStreamLevel2 => self.jetstream && level >= 2,
            Capability::JetStreamLevel4 => self.jetstream && level >= 4,
        };
        let held = Capability::ALL.iter().filter(|capability| has(capability));
        ServerCapabilities {
            version: self.version.clone(),
            api_level: if self.jetstream { level } else { 0 },
            set: held.fold(0, |set, &capability| set | bit(capability)),
        }
    }
}

impl ServerCapabilities {
    /// Whether the server can do this.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.set & bit(capability) != 0
    }

    /// What it cannot do, in order.
    pub fn missing(&self) -> impl Iterator<Item = Capability> + '_ {
        Capability::ALL.iter().copied().filter(|&capability| !self.has(capability))
    }

    /// The version of the server.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The level of its JetStream API; 0 without JetStream and before 2.11.
    #[must_use]
    pub fn api_level(&self) -> u32 {
        self.api_level
    }
}

const fn bit(capability: Capability) -> u32 {
    1 << capability as u32
}

impl fmt::Display for ServerCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {}", self.version)?;
        let mut missing = self.missing().peekable();
        if missing.peek().is_none() {
            return f.write_str(" lacks nothing");
        }
        f.write_str(" lacks: ")?;
        let mut separator = "";
        for capability in missing {
            write!(f, "{separator}{capability}")?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn report(json: &str) -> String {
        ServerInfo::parse(json.as_bytes()).unwrap().capabilities().to_string()
    }

    #[test]
    fn the_report_names_what_each_server_lacks() {
        for (json, expected) in [
            (
                r#"{"version":"2.15.1","proto":1,"headers":true,"jetstream":true,"api_lvl":4}"#,
                "server 2.15.1 lacks nothing",
            ),
            (
                r#"{"version":"2.11.0","proto":1,"headers":true,"jetstream":true}"#,
                "server 2.11.0 lacks: JetStream API level 2, JetStream API level 4",
            ),
            (
                r#"{"version":"2.10.0","proto":1,"headers":true,"jetstream":true}"#,
                "server 2.10.0 lacks: message trace, JetStream API level 1, JetStream API level 2, \
                 JetStream API level 4",
            ),
            (
                r#"{"version":"2.15.1","proto":1,"headers":true}"#,
                "server 2.15.1 lacks: JetStream, JetStream API level 1, JetStream API level 2, \
                 JetStream API level 4",
            ),
            (
                r#"{"version":"1.4.0","proto":0}"#,
                "server 1.4.0 lacks: headers, no responders, no echo, message trace, JetStream, \
                 JetStream API level 1, JetStream API level 2, JetStream API level 4",
            ),
        ] {
            assert_eq!(report(json), expected);
        }
    }

    #[test]
    fn the_level_of_the_api_is_nothing_without_jetstream() {
        let level =
            |json: &str| ServerInfo::parse(json.as_bytes()).unwrap().capabilities().api_level();
        assert_eq!(level(r#"{"version":"2.15.1","api_lvl":4}"#), 0);
        assert_eq!(level(r#"{"version":"2.15.1","jetstream":true,"api_lvl":4}"#), 4);
        assert_eq!(level(r#"{"version":"2.11.9","jetstream":true}"#), 1);
        assert_eq!(level(r#"{"version":"2.10.9","jetstream":true}"#), 0);
    }
}
