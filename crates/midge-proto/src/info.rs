//! What a server tells about itself in `INFO`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde_core::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Most addresses kept of one `connect_urls` list.
///
/// Forty times the size of the largest clusters known; a server that names more is hostile or
/// broken, and would fill the server pool with addresses to dial.
const CONNECT_URLS_MAX: usize = 4096;

/// Longest part of a bad `INFO` that an error quotes, in characters.
const SNIPPET_MAX: usize = 60;

/// What a server tells about itself, about this connection, and about its cluster.
///
/// Servers differ in what they send: a field that is missing, or of another type than expected,
/// has the value of [`ServerInfo::default()`].
///
/// ```
/// use midge_proto::ServerInfo;
///
/// # fn main() -> Result<(), midge_proto::InvalidInfo> {
/// let info = ServerInfo::parse(br#"{"server_id":"NA","version":"2.10.4","max_payload":1048576}"#)?;
/// assert_eq!(info.max_payload, 1_048_576);
/// assert!(info.version_at_least(2, 10, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// The public key of the server.
    pub server_id: String,
    /// The name of the server; its id when the operator gave none.
    pub server_name: String,
    /// The address the server listens on. It is not meant for dialing: it may be `0.0.0.0`.
    pub host: String,
    /// The port the server listens on.
    pub port: u16,
    /// The version of the server software.
    pub version: String,
    /// The version of Go the server was built with.
    pub go: String,
    /// The source revision the server was built from.
    pub git_commit: String,
    /// The version of the protocol: from 1 on, `INFO` may come at any time.
    pub proto: i8,
    /// Whether messages may have headers.
    pub headers: bool,
    /// Whether the client must authenticate. False too where a default user exists.
    pub auth_required: bool,
    /// Whether the connection has to be upgraded to TLS.
    pub tls_required: bool,
    /// Whether the server asks for a client certificate.
    pub tls_verify: bool,
    /// Whether the connection can be upgraded to TLS.
    pub tls_available: bool,
    /// Most bytes of headers and payload together in a published message; [`usize::MAX`] when the
    /// server named no limit.
    pub max_payload: usize,
    /// The number of this connection at the server.
    pub client_id: u64,
    /// The address of this client, as the server sees it.
    pub client_ip: String,
    /// The address of the server, as it announces it to other servers.
    pub ip: String,
    /// What the client has to sign to prove its key; empty when the server does not use keys.
    pub nonce: String,
    /// The name of the cluster the server belongs to.
    pub cluster: Option<String>,
    /// Whether the name of the cluster was made up by the servers.
    pub cluster_dynamic: bool,
    /// The JetStream domain of the server.
    pub domain: Option<String>,
    /// Addresses (`host:port`) of servers of the cluster.
    pub connect_urls: Vec<String>,
    /// Whether the server is about to shut down and wants its clients to leave.
    pub lame_duck_mode: bool,
    /// Whether JetStream is enabled.
    pub jetstream: bool,
    /// The level of the JetStream API; 0 when the server names none.
    pub api_level: u32,
    /// The public curve key of the server.
    pub xkey: Option<String>,
    /// Whether this `INFO` follows `CONNECT` and speaks of the user that was accepted.
    pub connect_info: bool,
    /// The account of the user that was accepted.
    pub remote_account: Option<String>,
    /// Whether that account is the system account.
    pub is_system_account: bool,
}

impl Default for ServerInfo {
    fn default() -> Self {
        Self {
            server_id: String::new(),
            server_name: String::new(),
            host: String::new(),
            port: 0,
            version: String::new(),
            go: String::new(),
            git_commit: String::new(),
            proto: 0,
            headers: false,
            auth_required: false,
            tls_required: false,
            tls_verify: false,
            tls_available: false,
            // A limit of 0 would refuse every message of a server that names none.
            max_payload: usize::MAX,
            client_id: 0,
            client_ip: String::new(),
            ip: String::new(),
            nonce: String::new(),
            cluster: None,
            cluster_dynamic: false,
            domain: None,
            connect_urls: Vec::new(),
            lame_duck_mode: false,
            jetstream: false,
            api_level: 0,
            xkey: None,
            connect_info: false,
            remote_account: None,
            is_system_account: false,
        }
    }
}

impl ServerInfo {
    /// Reads the argument of an `INFO` line.
    ///
    /// Bytes that are not UTF-8 are replaced. Blanks around the object do not matter.
    ///
    /// # Errors
    ///
    /// When the text is not one JSON object.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidInfo> {
        let text = String::from_utf8_lossy(json);
        serde_json::from_str(&text).map_err(|_| InvalidInfo {
            snippet: text.trim().chars().take(SNIPPET_MAX).flat_map(char::escape_debug).collect(),
        })
    }

    /// Whether the version of the server is at least `major.minor.patch`.
    ///
    /// Missing parts count as 0, a leading `v` and everything behind the digits of a part are
    /// ignored; a version that cannot be read is older than any.
    ///
    /// ```
    /// use midge_proto::ServerInfo;
    ///
    /// let info = ServerInfo { version: "v2.11.0-RC.1".into(), ..ServerInfo::default() };
    /// assert!(info.version_at_least(2, 11, 0));
    /// assert!(!info.version_at_least(2, 11, 1));
    /// ```
    #[must_use]
    pub fn version_at_least(&self, major: u64, minor: u64, patch: u64) -> bool {
        parse_version(&self.version).is_some_and(|version| version >= [major, minor, patch])
    }

    fn set(&mut self, key: &str, value: Loose) {
        match key {
            "server_id" => value.store_text(&mut self.server_id),
            "server_name" => value.store_text(&mut self.server_name),
            "host" => value.store_text(&mut self.host),
            "port" => value.store_number(&mut self.port),
            "version" => value.store_text(&mut self.version),
            "go" => value.store_text(&mut self.go),
            "git_commit" => value.store_text(&mut self.git_commit),
            "proto" => value.store_number(&mut self.proto),
            "headers" => value.store_flag(&mut self.headers),
            "auth_required" => value.store_flag(&mut self.auth_required),
            "tls_required" => value.store_flag(&mut self.tls_required),
            "tls_verify" => value.store_flag(&mut self.tls_verify),
            "tls_available" => value.store_flag(&mut self.tls_available),
            "max_payload" => {
                if let Loose::Number(limit) = value {
                    // Zero and negative numbers are how a server says that there is no limit.
                    self.max_payload = if limit <= 0 {
                        usize::MAX
                    } else {
                        limit.try_into().unwrap_or(usize::MAX)
                    };
                }
            }
            "client_id" => value.store_number(&mut self.client_id),
            "client_ip" => value.store_text(&mut self.client_ip),
            "ip" => value.store_text(&mut self.ip),
            "nonce" => value.store_text(&mut self.nonce),
            "cluster" => value.store_name(&mut self.cluster),
            "cluster_dynamic" => value.store_flag(&mut self.cluster_dynamic),
            "domain" => value.store_name(&mut self.domain),
            "connect_urls" => {
                if let Loose::Texts(urls) = value {
                    self.connect_urls = urls;
                }
            }
            "ldm" => value.store_flag(&mut self.lame_duck_mode),
            "jetstream" => value.store_flag(&mut self.jetstream),
            "api_lvl" => value.store_number(&mut self.api_level),
            "xkey" => value.store_name(&mut self.xkey),
            "connect_info" => value.store_flag(&mut self.connect_info),
            "remote_account" => value.store_name(&mut self.remote_account),
            "acc_is_sys" => value.store_flag(&mut self.is_system_account),
            _ => {}
        }
    }
}

impl<'de> Deserialize<'de> for ServerInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InfoVisitor)
    }
}

struct InfoVisitor;

impl<'de> Visitor<'de> for InfoVisitor {
    type Value = ServerInfo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ServerInfo, A::Error> {
        let mut info = ServerInfo::default();
        while let Some((key, value)) = map.next_entry::<String, Loose>()? {
            info.set(&key, value);
        }
        Ok(info)
    }
}

/// A JSON value of whatever type, so that a surprising one costs its own field only.
enum Loose {
    Text(String),
    Number(i128),
    Flag(bool),
    /// The texts of an array.
    Texts(Vec<String>),
    /// Null, fractions, objects.
    Other,
}

impl Loose {
    fn store_text(self, field: &mut String) {
        if let Self::Text(text) = self {
            *field = text;
        }
    }

    /// For a name that may be absent: an empty one is absent too.
    fn store_name(self, field: &mut Option<String>) {
        if let Self::Text(text) = self {
            *field = Some(text).filter(|text| !text.is_empty());
        }
    }

    fn store_number<T: TryFrom<i128>>(self, field: &mut T) {
        if let Self::Number(number) = self
            && let Ok(number) = T::try_from(number)
        {
            *field = number;
        }
    }

    fn store_flag(self, field: &mut bool) {
        if let Self::Flag(flag) = self {
            *field = flag;
        }
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Loose, E> {
        Ok(Loose::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Loose, E> {
        Ok(Loose::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Loose, E> {
        Ok(Loose::Number(value.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_str<E>(self, value: &str) -> Result<Loose, E> {
        Ok(Loose::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Loose, E> {
        Ok(Loose::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = seq.next_element()? {
            if let Loose::Text(text) = item
                && texts.len() < CONNECT_URLS_MAX
            {
                texts.push(text);
            }
        }
        Ok(Loose::Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }
}

/// The argument of `INFO` is not one JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidInfo {
    snippet: String,
}

impl InvalidInfo {
    /// The beginning of what came, with control characters escaped.
    #[must_use]
    pub fn snippet(&self) -> &str {
        &self.snippet
    }
}

impl fmt::Display for InvalidInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INFO of the server is not a JSON object: `{}`", self.snippet)
    }
}

impl core::error::Error for InvalidInfo {}

/// Major, minor and patch number of `text`.
fn parse_version(text: &str) -> Option<[u64; 3]> {
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    // Dots behind the release part belong to a pre-release or build name.
    let release = text.split(['-', '+']).next()?;
    let mut version = [0; 3];
    for (number, part) in version.iter_mut().zip(release.split('.')) {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        *number = part[..digits].parse().ok()?;
    }
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;
    use proptest::prelude::*;

    fn parse(json: &str) -> ServerInfo {
        ServerInfo::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn every_field_of_a_full_info_is_read() {
        let info = parse(
            r#" {"server_id":"NA","server_name":"n1","version":"2.15.1","proto":1,
            "git_commit":"abc","go":"go1.24","host":"0.0.0.0","port":4222,"headers":true,
            "auth_required":true,"tls_required":true,"tls_verify":true,"tls_available":true,
            "max_payload":1048576,"jetstream":true,"client_id":7,"client_ip":"10.0.0.1","ip":"i",
            "nonce":"abcdefghijklmno","cluster":"c","cluster_dynamic":true,"domain":"d",
            "connect_urls":["10.0.0.1:4222","[::1]:4222"],"ldm":true,"xkey":"XA","api_lvl":2,
            "connect_info":true,"remote_account":"A","acc_is_sys":true} "#,
        );
        let expected = ServerInfo {
            server_id: "NA".into(),
            server_name: "n1".into(),
            host: "0.0.0.0".into(),
            port: 4222,
            version: "2.15.1".into(),
            go: "go1.24".into(),
            git_commit: "abc".into(),
            proto: 1,
            headers: true,
            auth_required: true,
            tls_required: true,
            tls_verify: true,
            tls_available: true,
            max_payload: 1_048_576,
            client_id: 7,
            client_ip: "10.0.0.1".into(),
            ip: "i".into(),
            nonce: "abcdefghijklmno".into(),
            cluster: Some("c".into()),
            cluster_dynamic: true,
            domain: Some("d".into()),
            connect_urls: vec!["10.0.0.1:4222".into(), "[::1]:4222".into()],
            lame_duck_mode: true,
            jetstream: true,
            api_level: 2,
            xkey: Some("XA".into()),
            connect_info: true,
            remote_account: Some("A".into()),
            is_system_account: true,
        };
        assert_eq!(info, expected);
    }

    #[test]
    fn an_empty_object_and_null_fields_give_the_default() {
        assert_eq!(parse("{}"), ServerInfo::default());
        let nulls = r#"{"server_id":null,"port":null,"connect_urls":null,"ldm":null,"cluster":""}"#;
        assert_eq!(parse(nulls), ServerInfo::default());
    }

    #[test]
    fn a_field_of_the_wrong_type_costs_only_itself() {
        let info = parse(
            r#"{"server_id":7,"port":70000,"proto":"1","headers":"yes","client_id":-1,
            "connect_urls":["a:1",2,null,["b:2"],{"c":3},"d:4"],"cluster":{"name":"x"},
            "max_payload":1.5,"unknown":{"deep":[{}]},"host":"h"}"#,
        );
        let expected = ServerInfo {
            host: "h".into(),
            connect_urls: vec!["a:1".into(), "d:4".into()],
            ..ServerInfo::default()
        };
        assert_eq!(info, expected);
    }

    #[test]
    fn a_payload_limit_of_zero_or_less_means_none() {
        for (json, expected) in [
            (r#"{"max_payload":-1}"#, usize::MAX),
            (r#"{"max_payload":0}"#, usize::MAX),
            (r#"{"max_payload":1}"#, 1),
            (r#"{}"#, usize::MAX),
            (r#"{"max_payload":18446744073709551615}"#, usize::MAX),
        ] {
            assert_eq!(parse(json).max_payload, expected, "{json}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused_with_a_short_escaped_snippet() {
        for json in ["", " ", "[]", "1", "{", "{} x", "{\"a\":}", "null"] {
            assert!(ServerInfo::parse(json.as_bytes()).is_err(), "{json}");
        }
        let error = ServerInfo::parse(format!("\x1b[31m\n{}", "x".repeat(500)).as_bytes());
        let error = error.unwrap_err();
        assert!(error.snippet().starts_with("\\u{1b}[31m\\n"), "{error}");
        assert!(error.snippet().len() < 100);
    }

    #[test]
    fn bytes_that_are_not_utf8_do_not_hide_the_other_fields() {
        let info = ServerInfo::parse(b"{\"server_name\":\"a\xff\",\"port\":1}").unwrap();
        assert_eq!((info.server_name.as_str(), info.port), ("a\u{fffd}", 1));
    }

    #[test]
    fn nesting_and_the_number_of_addresses_are_bounded() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(ServerInfo::parse(deep.as_bytes()).is_err());
        let urls = vec![r#""h:1""#; CONNECT_URLS_MAX + 10].join(",");
        let info = parse(&format!(r#"{{"connect_urls":[{urls}],"port":9}}"#));
        assert_eq!(info.connect_urls.len(), CONNECT_URLS_MAX);
        assert_eq!(info.port, 9);
    }

    #[test]
    fn versions_compare_by_number() {
        let table = [
            ("2.10.4", [2, 10, 4], true),
            ("2.10.4", [2, 9, 25], true),
            ("2.10.4", [2, 10, 5], false),
            ("2.10.4", [3, 0, 0], false),
            ("v2.10", [2, 10, 0], true),
            ("2", [2, 0, 0], true),
            ("2", [2, 0, 1], false),
            ("2.11.0-RC.1", [2, 11, 0], true),
            ("2.11-dev.9+b.7", [2, 11, 1], false),
            ("2.11.3beta", [2, 11, 3], true),
            ("", [0, 0, 0], false),
            ("dev", [0, 0, 0], false),
            ("2.x.1", [0, 0, 0], false),
            ("99999999999999999999999.0.0", [0, 0, 0], false),
        ];
        for (version, [major, minor, patch], expected) in table {
            let info = ServerInfo { version: version.into(), ..ServerInfo::default() };
            assert_eq!(info.version_at_least(major, minor, patch), expected, "{version}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(bytes: Vec<u8>, text in "\\{\"port\":\\PC{0,20}\\}") {
            let _ = ServerInfo::parse(&bytes);
            let _ = ServerInfo::parse(text.as_bytes());
        }

        #[test]
        fn no_version_makes_comparing_panic(version in "\\PC{0,20}|[0-9v.+-]{0,20}") {
            let info = ServerInfo { version, ..ServerInfo::default() };
            let _ = info.version_at_least(2, 0, 0);
        }
    }
}
