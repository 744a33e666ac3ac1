//! Addresses of proxies.

use crate::server_addr::{Authority, InvalidServerAddrKind, redact};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// Longest user name or password in bytes: SOCKS5 has one byte for the length (RFC 1929).
const CREDENTIAL_BYTES_MAX: usize = 255;

/// A proxy, like `http://proxy.example:3128` or `socks5://user:pass@10.0.0.1:1080`.
///
/// The default port is 80 for `http` and 1080 for `socks5`. The proxy looks up the server's name.
/// User name and password may hold any character percent-encoded; neither `Display` nor `Debug`
/// show them.
///
/// ```
/// use midge_proto::{Proxy, proxy::ProxyKind};
///
/// # fn main() -> Result<(), midge_proto::proxy::InvalidProxy> {
/// let proxy: Proxy = "socks5://joe:s3cret@[::1]".parse()?;
/// assert_eq!((proxy.kind(), proxy.host(), proxy.port()), (ProxyKind::Socks5, "::1", 1080));
/// assert_eq!(proxy.to_string(), "socks5://[redacted]@[::1]:1080");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: ProxyKind,
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyKind {
    /// HTTP/1.1 with the method `CONNECT`, in clear; credentials by the scheme `Basic`.
    Http,
    /// SOCKS version 5 (RFC 1928); credentials by RFC 1929.
    Socks5,
}

impl ProxyKind {
    const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Socks5 => 1080,
        }
    }
}

impl Proxy {
    /// What it speaks.
    #[must_use]
    pub const fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Its host name or IP address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// User name and password, decoded.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }
}

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let text = text.trim();
        let fail = |reason| InvalidProxy { text: redact(text), reason };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| fail(Reason::Scheme))?;
        let kind = if scheme.eq_ignore_ascii_case("http") {
            ProxyKind::Http
        } else if scheme.eq_ignore_ascii_case("socks5") || scheme.eq_ignore_ascii_case("socks5h") {
            ProxyKind::Socks5
        } else {
            return Err(fail(Reason::Scheme));
        };
        if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(fail(Reason::Address(InvalidServerAddrKind::BlankOrControl)));
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let read = Authority::read(authority, kind.default_port())
            .map_err(|kind| fail(Reason::Address(kind)))?;
        let credentials = match (read.username, read.password) {
            (None, None) => None,
            (user, password) => Some((user.unwrap_or_default(), password.unwrap_or_default())),
        };
        if let Some((user, password)) = &credentials
            && user.len().max(password.len()) > CREDENTIAL_BYTES_MAX
        {
            return Err(fail(Reason::CredentialsTooLong));
        }
        Ok(Self { kind, host: read.host, port: read.port, credentials })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user_info = if self.credentials.is_some() { "[redacted]@" } else { "" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        let (scheme, host, port) = (self.kind.scheme(), &self.host, self.port);
        write!(f, "{scheme}://{user_info}{open}{host}{close}:{port}")
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// For recordings: user name and password are masked.
#[cfg(feature = "recording")]
impl serde::Serialize for Proxy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use alloc::string::ToString;
        serializer.serialize_str(&self.to_string().replacen("[redacted]", "redacted:redacted", 1))
    }
}

#[cfg(feature = "recording")]
impl<'de> serde::Deserialize<'de> for Proxy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text is not the address of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProxy {
    text: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Scheme,
    Address(InvalidServerAddrKind),
    CredentialsTooLong,
}

impl fmt::Display for InvalidProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid proxy address `{}`: ", self.text)?;
        match self.reason {
            Reason::Scheme => f.write_str("the scheme is not http or socks5"),
            Reason::Address(kind) => kind.fmt(f),
            Reason::CredentialsTooLong => {
                write!(f, "user name or password is longer than {CREDENTIAL_BYTES_MAX} bytes")
            }
        }
    }
}

impl core::error::Error for InvalidProxy {}
