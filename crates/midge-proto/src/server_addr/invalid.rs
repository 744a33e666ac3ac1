//! Why a text is not the address of a server.

use alloc::string::String;
use core::fmt;

/// Longest part of a bad address that an error quotes, in characters.
const TEXT_MAX: usize = 120;

/// A text is not the address of a server.
///
/// ```
/// use midge_proto::{InvalidServerAddrKind, ServerAddr};
///
/// let error = "http://joe:s3cret@example.com".parse::<ServerAddr>().unwrap_err();
/// assert_eq!(error.kind(), InvalidServerAddrKind::UnsupportedScheme);
/// assert_eq!(error.text(), "http://[redacted]@example.com");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidServerAddr {
    text: String,
    kind: InvalidServerAddrKind,
}

impl InvalidServerAddr {
    pub(super) fn new(text: &str, kind: InvalidServerAddrKind) -> Self {
        Self { text: redact(text), kind }
    }

    /// The text, without what may be a secret.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn kind(&self) -> InvalidServerAddrKind {
        self.kind
    }
}

impl fmt::Display for InvalidServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid server address `{}`: {}", self.text, self.kind)
    }
}

impl core::error::Error for InvalidServerAddr {}

/// What is wrong with a text that is not the address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidServerAddrKind {
    /// There is no address.
    Empty,
    /// The scheme is not `nats`, `tls`, `ws`, `wss` or `unix`.
    UnsupportedScheme,
    /// It holds a blank, a line end or another control character.
    BlankOrControl,
    /// There is an `@` behind the host.
    MisplacedAt,
    /// User name or password are not UTF-8 once decoded.
    InvalidUserInfo,
    /// The host is missing.
    NoHost,
    /// The host is neither a name nor an IP address.
    InvalidHost,
    /// The port is not a number from 1 to 65535.
    InvalidPort,
    /// A `unix` address without a path.
    NoPath,
    /// Only host and port were expected.
    NotHostAndPort,
}

impl fmt::Display for InvalidServerAddrKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "there is no address",
            Self::UnsupportedScheme => "the scheme is not nats, tls, ws, wss or unix",
            Self::BlankOrControl => "it holds a blank or a control character",
            Self::MisplacedAt => {
                "an '@' follows the host; write %2F, %3F, %23 for '/', '?', '#' in user name and \
                 password, and %40 for '@' in a path"
            }
            Self::InvalidUserInfo => "user name or password are not UTF-8",
            Self::NoHost => "the host is missing",
            Self::InvalidHost => "the host is neither a name in ASCII nor an IP address",
            Self::InvalidPort => "the port is not a number from 1 to 65535",
            Self::NoPath => "a unix address needs the path of a socket",
            Self::NotHostAndPort => "only host and port were expected",
        })
    }
}

/// `text` without what may be a secret, short, and with control characters escaped.
///
/// The text is known to be broken, so that parts are not where they belong: a password with a
/// slash in it looks like a port and a path, one with a comma like two addresses.
pub(crate) fn redact(text: &str) -> String {
    const HIDDEN: &str = "[redacted]";
    let mut shown = String::new();
    let text = text.trim();
    let mut rest = text;
    if let Some((scheme, after)) = text.split_once("://") {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        shown.push_str(if scheme.bytes().all(is_letter) { scheme } else { HIDDEN });
        shown.push_str("://");
        rest = after;
    }
    if let Some((_, after)) = rest.rsplit_once('@') {
        shown.push_str(HIDDEN);
        shown.push('@');
        rest = after;
    }
    let (rest, query) = match rest.find(['?', '#']) {
        Some(at) => (&rest[..at], true),
        None => (rest, false),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host_end = if authority.starts_with('[') { authority.find(']') } else { Some(0) };
    match host_end.and_then(|end| Some(end + authority[end..].find(':')?)) {
        Some(colon) if !authority[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
            shown.push_str(&authority[..=colon]);
            shown.push_str(HIDDEN);
        }
        Some(_) | None => {
            shown.push_str(authority);
            shown.push_str(path);
        }
    }
    if query {
        shown.push('?');
        shown.push_str(HIDDEN);
    }
    let mut escaped: String = shown.chars().take(TEXT_MAX).flat_map(char::escape_debug).collect();
    if shown.chars().nth(TEXT_MAX).is_some() {
        escaped.push('…');
    }
    escaped
}
