//! Addresses of servers.

mod invalid;
mod to_server_addrs;

pub(crate) use invalid::redact;
pub use invalid::{InvalidServerAddr, InvalidServerAddrKind};
pub use to_server_addrs::ToServerAddrs;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, Ipv6Addr};
use core::str::FromStr;
use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

/// Longest host name, in bytes: the limit of the domain name system.
const HOST_MAX: usize = 253;

/// The address of a server, like `nats://demo.nats.io`, `tls://user:pass@10.0.0.1:4443`,
/// `wss://example.com/nats` or `unix:///run/nats.sock`.
///
/// Without a scheme it is `nats`. The default port is 4222 for `nats` and `tls`, 80 for `ws` and
/// 443 for `wss`; the path of a `unix` address names a Unix-domain socket. A user name without a password is a token. User name and password may hold any
/// character percent-encoded.
///
/// Neither `Display` nor `Debug` show user name, password, token or the query of the path; only
/// [`as_url_str`](Self::as_url_str) does.
///
/// ```
/// use midge_proto::ServerAddr;
///
/// # fn main() -> Result<(), midge_proto::InvalidServerAddr> {
/// let addr: ServerAddr = "tls://joe:p%40ss@[::1]".parse()?;
/// assert_eq!((addr.host(), addr.port()), ("::1", 4222));
/// assert_eq!(addr.password(), Some("p@ss"));
/// assert!(addr.tls_required());
/// assert_eq!(addr.to_string(), "tls://[redacted]@[::1]:4222");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerAddr {
    /// Never changes: the pool, events, errors and handles of a client share one.
    parts: Arc<Parts>,
}

struct Parts {
    scheme: Scheme,
    /// Lower case, without brackets.
    host: String,
    port: u16,
    username: Option<String>,
    password: Option<String>,
    /// Path and query of a WebSocket address, decoded path of a Unix-domain socket; `/` for all
    /// others.
    path: String,
    /// The text it was made from, with a scheme.
    url: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scheme {
    Nats,
    Tls,
    Ws,
    Wss,
    Unix,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::Nats, Self::Tls, Self::Ws, Self::Wss, Self::Unix];

    const fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Unix => "unix",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Nats | Self::Tls => 4222,
            Self::Ws => 80,
            Self::Wss => 443,
            Self::Unix => 0,
        }
    }

    const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// What a server announces are addresses of TCP, whatever it was reached by.
    const fn of_announced(self) -> Self {
        match self {
            Self::Nats | Self::Unix => Self::Nats,
            Self::Tls | Self::Ws | Self::Wss => self,
        }
    }
}

impl ServerAddr {
    /// Reads addresses with commas between, skipping empty ones.
    ///
    /// ```
    /// use midge_proto::ServerAddr;
    ///
    /// # fn main() -> Result<(), midge_proto::InvalidServerAddr> {
    /// let addrs = ServerAddr::parse_list("a, b:4333,,tls://c/")?;
    /// assert_eq!(addrs.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no address at all, or the first that is not valid.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidServerAddr> {
        let entries = text.split(',').map(trim).filter(|entry| !entry.is_empty());
        let addrs = entries.map(Self::from_str).collect::<Result<Vec<_>, _>>()?;
        if addrs.is_empty() {
            return Err(InvalidServerAddr::new(text, InvalidServerAddrKind::Empty));
        }
        Ok(addrs)
    }

    /// The address of another server of the same kind: `host_port` as servers announce it, scheme
    /// and path from this address, no credentials.
    ///
    /// ```
    /// use midge_proto::ServerAddr;
    ///
    /// # fn main() -> Result<(), midge_proto::InvalidServerAddr> {
    /// let seed: ServerAddr = "wss://token@example.com/nats".parse()?;
    /// let other = seed.with_host_port("10.0.0.2:8443")?;
    /// assert_eq!(other.as_url_str(), "wss://10.0.0.2:8443/nats");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the text is something else than a host and, perhaps, a port.
    pub fn with_host_port(&self, host_port: &str) -> Result<Self, InvalidServerAddr> {
        let text = trim(host_port);
        let fail = |kind| InvalidServerAddr::new(text, kind);
        if text.contains(['/', '?', '#', '@']) {
            return Err(fail(InvalidServerAddrKind::NotHostAndPort));
        }
        let scheme = self.parts.scheme.of_announced();
        let (host, port) = parse_host_port(text, scheme.default_port()).map_err(fail)?;
        let path = if scheme.is_websocket() { self.parts.path.as_str() } else { "/" };
        Ok(Self::bare(scheme, host, port, path))
    }

    /// The scheme: `nats`, `tls`, `ws`, `wss` or `unix`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.parts.scheme.name()
    }

    /// The host name or IP address in lower case; an IPv6 address without brackets. It is
    /// `localhost` for a Unix-domain socket.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.parts.host
    }

    /// The host, if it is an IP address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.parts.host.split('%').next()?.parse().ok()
    }

    /// The port; 0 for a Unix-domain socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.parts.port
    }

    /// The user name, decoded; it is a token if there is no password.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.parts.username.as_deref()
    }

    /// The password, decoded.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.parts.password.as_deref()
    }

    /// Whether the address holds a user name, a password or a token.
    #[must_use]
    pub fn has_user_pass(&self) -> bool {
        self.parts.username.is_some() || self.parts.password.is_some()
    }

    /// Whether the scheme asks for TLS.
    #[must_use]
    pub fn tls_required(&self) -> bool {
        matches!(self.parts.scheme, Scheme::Tls | Scheme::Wss)
    }

    /// Whether the scheme asks for WebSocket.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        self.parts.scheme.is_websocket()
    }

    /// Path and query for the WebSocket request, in the letters that HTTP allows; `/` if there is
    /// none.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.parts.path
    }

    /// The path of the Unix-domain socket, if the address is one.
    #[must_use]
    pub fn unix_path(&self) -> Option<&str> {
        (self.parts.scheme == Scheme::Unix).then_some(self.parts.path.as_str())
    }

    /// The text the address was made from, **with user name and password**.
    ///
    /// The scheme is always there, blanks around and a slash behind the port are not.
    #[must_use]
    pub fn as_url_str(&self) -> &str {
        &self.parts.url
    }

    /// The address for people to see: without credentials and query, with the port.
    #[must_use]
    pub fn redacted(&self) -> String {
        let user_info = if self.has_user_pass() { "[redacted]@" } else { "" };
        if let Some(path) = self.unix_path() {
            return format!("unix://{user_info}{path}");
        }
        let (path, query) = match self.parts.path.split_once('?') {
            Some((path, _)) => (path, "?[redacted]"),
            None => (self.parts.path.as_str(), ""),
        };
        let path = if path == "/" && query.is_empty() { "" } else { path };
        format!(
            "{}://{user_info}{}:{}{path}{query}",
            self.scheme(),
            bracketed(&self.parts.host),
            self.parts.port
        )
    }

    /// This address without user name, password or token.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        Self::bare(self.parts.scheme, self.parts.host.clone(), self.parts.port, &self.parts.path)
    }

    fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// An address without credentials.
    fn bare(scheme: Scheme, host: String, port: u16, path: &str) -> Self {
        let authority = match scheme {
            Scheme::Unix => String::new(),
            Scheme::Nats | Scheme::Tls | Scheme::Ws | Scheme::Wss => {
                format!("{}:{port}", bracketed(&host))
            }
        };
        let shown = if path == "/" { "" } else { path };
        Self::new(Parts {
            scheme,
            host,
            port,
            username: None,
            password: None,
            path: path.to_owned(),
            url: format!("{}://{authority}{shown}", scheme.name()),
        })
    }

    /// What tells two addresses apart: all but the way they were written.
    fn identity(&self) -> impl Ord + Hash + '_ {
        let Parts { scheme, host, port, username, password, path, url: _ } = &*self.parts;
        (scheme, host, port, path, username, password)
    }
}

/// For recordings: user name and password are masked, and that there are some stays to be seen.
#[cfg(feature = "recording")]
impl serde::Serialize for ServerAddr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let login = match (self.username(), self.password()) {
            (None, None) => "",
            (Some(_), None) => "redacted@",
            (None, Some(_)) => ":redacted@",
            (Some(_), Some(_)) => "redacted:redacted@",
        };
        let bare = self.without_credentials();
        let masked = bare.as_url_str().replacen("://", &format!("://{login}"), 1);
        serializer.serialize_str(&masked)
    }
}

#[cfg(feature = "recording")]
impl<'de> serde::Deserialize<'de> for ServerAddr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Default for ServerAddr {
    /// `nats://localhost:4222`.
    fn default() -> Self {
        Self::bare(Scheme::Nats, "localhost".to_owned(), Scheme::Nats.default_port(), "/")
    }
}

impl FromStr for ServerAddr {
    type Err = InvalidServerAddr;

    fn from_str(text: &str) -> Result<Self, InvalidServerAddr> {
        parse(trim(text)).map_err(|kind| InvalidServerAddr::new(text, kind))
    }
}

impl fmt::Display for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.redacted())
    }
}

impl fmt::Debug for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerAddr({})", self.redacted())
    }
}

impl PartialEq for ServerAddr {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ServerAddr {}

impl PartialOrd for ServerAddr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ServerAddr {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for ServerAddr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace())
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn parse(text: &str) -> Result<ServerAddr, InvalidServerAddrKind> {
    if text.is_empty() {
        return Err(InvalidServerAddrKind::Empty);
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(InvalidServerAddrKind::BlankOrControl);
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((name, rest)) => {
            let found = Scheme::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(name));
            (found.ok_or(InvalidServerAddrKind::UnsupportedScheme)?, rest)
        }
        None => (Scheme::Nats, text),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    // Most likely a '/', '?' or '#' of a password that should have been encoded; what follows it
    // must not end up as a path that everyone may see.
    if tail.contains('@') {
        return Err(InvalidServerAddrKind::MisplacedAt);
    }
    let read = parse_authority(authority, scheme)?;
    let path = match scheme {
        Scheme::Unix if tail.len() > 1 => decode(tail)?,
        Scheme::Unix => return Err(InvalidServerAddrKind::NoPath),
        Scheme::Ws | Scheme::Wss => request_path(tail),
        Scheme::Nats | Scheme::Tls => "/".to_owned(),
    };
    let shown_tail = if tail == "/" { "" } else { tail };
    Ok(ServerAddr::new(Parts {
        scheme,
        host: read.host,
        port: read.port,
        username: read.username.filter(|name| !name.is_empty()),
        password: read.password,
        path,
        url: format!("{}://{authority}{shown_tail}", scheme.name()),
    }))
}

/// Who, where: what stands between the scheme and the path.
pub(crate) struct Authority {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) host: String,
    pub(crate) port: u16,
}

fn parse_authority(text: &str, scheme: Scheme) -> Result<Authority, InvalidServerAddrKind> {
    match (scheme, text.rsplit_once('@')) {
        // The path says where the socket is.
        (Scheme::Unix, None) if text.is_empty() => Authority::read("localhost", 0),
        (Scheme::Unix, Some((_, ""))) => Authority::read(&format!("{text}localhost"), 0),
        (Scheme::Unix, None | Some(_)) => Err(InvalidServerAddrKind::InvalidHost),
        (_, _) => Authority::read(text, scheme.default_port()),
    }
}

impl Authority {
    /// Reads `user:password@host:port`, of which all but the host may be missing.
    pub(crate) fn read(text: &str, default_port: u16) -> Result<Self, InvalidServerAddrKind> {
        let (user_info, host_port) = match text.rsplit_once('@') {
            Some((user_info, host_port)) => (Some(user_info), host_port),
            None => (None, text),
        };
        let (username, password) = match user_info.map(|text| text.split_once(':').ok_or(text)) {
            Some(Ok((username, password))) => (Some(decode(username)?), Some(decode(password)?)),
            Some(Err(username)) => (Some(decode(username)?), None),
            None => (None, None),
        };
        let (host, port) = parse_host_port(host_port, default_port)?;
        Ok(Self { username, password, host, port })
    }
}

fn decode(text: &str) -> Result<String, InvalidServerAddrKind> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(InvalidServerAddrKind::InvalidUserInfo),
    }
}

/// Path and query of what follows the port; a fragment is none of the server's business.
fn request_path(tail: &str) -> String {
    let tail = tail.split('#').next().unwrap_or_default();
    let slash = if tail.starts_with('/') { "" } else { "/" };
    format!("{slash}{}", utf8_percent_encode(tail, CONTROLS))
}

fn parse_host_port(text: &str, default_port: u16) -> Result<(String, u16), InvalidServerAddrKind> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(InvalidServerAddrKind::InvalidHost)?;
        let host = parse_ipv6(host).ok_or(InvalidServerAddrKind::InvalidHost)?;
        let port = match after.strip_prefix(':') {
            Some(port) => port,
            None if after.is_empty() => "",
            None => return Err(InvalidServerAddrKind::InvalidHost),
        };
        return Ok((host, parse_port(port, default_port)?));
    }
    let (host, port) = match text.split_once(':') {
        // With two colons it can only be an IPv6 address that lacks its brackets.
        Some((_, more)) if more.contains(':') => {
            let host = parse_ipv6(text).ok_or(InvalidServerAddrKind::InvalidHost)?;
            return Ok((host, default_port));
        }
        Some((host, port)) => (host, port),
        None => (text, ""),
    };
    if host.is_empty() {
        return Err(InvalidServerAddrKind::NoHost);
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.len() > HOST_MAX || !host.bytes().all(is_letter) {
        return Err(InvalidServerAddrKind::InvalidHost);
    }
    Ok((host.to_ascii_lowercase(), parse_port(port, default_port)?))
}

/// An IPv6 address in its shortest form, with its zone if it has one.
fn parse_ipv6(text: &str) -> Option<String> {
    let Some((address, zone)) = text.split_once('%') else {
        return text.parse().ok().map(|address: Ipv6Addr| address.to_string());
    };
    let address: Ipv6Addr = address.parse().ok()?;
    // In a URL the '%' before the zone is itself encoded (RFC 6874).
    let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let valid = !zone.is_empty() && zone.len() <= HOST_MAX && zone.bytes().all(is_letter);
    valid.then(|| format!("{address}%{zone}"))
}

fn parse_port(text: &str, default_port: u16) -> Result<u16, InvalidServerAddrKind> {
    if text.is_empty() {
        return Ok(default_port);
    }
    // The number parser would take a plus sign too.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidServerAddrKind::InvalidPort);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(InvalidServerAddrKind::InvalidPort),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests;
