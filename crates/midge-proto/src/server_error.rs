//! What a server complains about in `-ERR`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// What a server complains about.
///
/// Every variant keeps the words of the server, see [`text`](Self::text). What to do about it
/// says [`class`](Self::class). A copy costs some reference counts.
///
/// ```
/// use midge_proto::{ServerError, ServerErrorClass};
///
/// let error = ServerError::parse(br#"'Permissions Violation for Publish to "orders.new"'"#);
/// assert!(matches!(&error, ServerError::PublishPermission { subject, .. } if **subject == *"orders.new"));
/// assert_eq!(error.class(), ServerErrorClass::Informational);
/// assert!(!error.closes_connection());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerError {
    /// The credentials were refused; the server does not say why.
    AuthorizationViolation(Arc<str>),
    /// The credentials did not come in time.
    AuthenticationTimeout(Arc<str>),
    /// The user's credentials have expired.
    AuthenticationExpired(Arc<str>),
    /// The user's credentials were revoked.
    AuthenticationRevoked(Arc<str>),
    /// The credentials of the user's account have expired.
    AccountAuthenticationExpired(Arc<str>),
    /// The user must not publish what was published.
    PublishPermission {
        /// The subject that was refused.
        subject: Arc<str>,
        /// Whether it was refused as the reply subject of a message.
        reply: bool,
        /// The words of the server.
        text: Arc<str>,
    },
    /// The user must not subscribe, or must no longer.
    SubscribePermission {
        /// The subject that was refused.
        subject: Arc<str>,
        /// The queue group, if the server names it.
        queue: Option<Arc<str>>,
        /// The subscription, if the server names it: it does when it takes back a permission.
        sid: Option<u64>,
        /// Whether the subject was refused because it has too many tokens.
        too_many_tokens: bool,
        /// The words of the server.
        text: Arc<str>,
    },
    /// The subject of a subscription is not valid; the server does not say which.
    InvalidSubject(Arc<str>),
    /// The subject of a message is not valid. It was delivered all the same.
    InvalidPublishSubject(Arc<str>),
    /// A subscription was refused: there are too many.
    MaxSubscriptions(Arc<str>),
    /// A message was too large.
    MaxPayload(Arc<str>),
    /// A control line was too long.
    MaxControlLine(Arc<str>),
    /// The server has too many connections.
    MaxConnections(Arc<str>),
    /// The account has too many connections.
    MaxAccountConnections(Arc<str>),
    /// The server takes no more connections for a moment.
    Throttled(Arc<str>),
    /// The client did not answer the server's pings.
    StaleConnection(Arc<str>),
    /// The TLS handshake was not done in time, or not begun.
    TlsRequired(Arc<str>),
    /// The server did not understand a command.
    UnknownOperation(Arc<str>),
    /// The server does not know the protocol version the client asked for.
    InvalidClientProtocol(Arc<str>),
    /// The client asked for "no responders" without headers.
    NoRespondersRequiresHeaders(Arc<str>),
    /// The server could not bind the client to its account.
    FailedAccountRegistration(Arc<str>),
    /// The port serves routes, gateways or leaf nodes, not clients.
    WrongPort(Arc<str>),
    /// A text that is not known.
    Other(Arc<str>),
}

/// What to do about a [`ServerError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerErrorClass {
    /// Tell the user; the connection goes on, or, after an unknown text, may.
    Informational,
    /// The connection ends; connect again, here or elsewhere.
    Retry,
    /// The connection ends; connect again with fresh credentials, and not for ever.
    Authentication,
    /// The connection ends and this server will not do: it leaves the pool. Others may.
    ServerUnusable,
    /// The connection ends, and so would every other one with the same settings: the client closes.
    Fatal,
}

/// Makes a variant of the words of the server.
type Variant = fn(Arc<str>) -> ServerError;

/// Texts that stand for one variant each, in lower case.
///
/// A text matches if it begins with one of these: servers may append details.
const PREFIXES: &[(&str, Variant)] = &[
    ("authorization violation", ServerError::AuthorizationViolation),
    ("authentication timeout", ServerError::AuthenticationTimeout),
    ("user authentication expired", ServerError::AuthenticationExpired),
    ("user authentication revoked", ServerError::AuthenticationRevoked),
    ("account authentication expired", ServerError::AccountAuthenticationExpired),
    ("invalid subject", ServerError::InvalidSubject),
    ("invalid publish subject", ServerError::InvalidPublishSubject),
    ("maximum subscriptions exceeded", ServerError::MaxSubscriptions),
    ("maximum payload violation", ServerError::MaxPayload),
    ("maximum control line exceeded", ServerError::MaxControlLine),
    ("maximum connections exceeded", ServerError::MaxConnections),
    ("maximum account active connections exceeded", ServerError::MaxAccountConnections),
    ("connection throttling is active", ServerError::Throttled),
    ("stale connection", ServerError::StaleConnection),
    ("secure connection - tls required", ServerError::TlsRequired),
    ("unknown protocol operation", ServerError::UnknownOperation),
    ("invalid client protocol", ServerError::InvalidClientProtocol),
    ("no responders requires headers", ServerError::NoRespondersRequiresHeaders),
    ("failed account registration", ServerError::FailedAccountRegistration),
    ("attempted to connect to", ServerError::WrongPort),
    ("wrong port", ServerError::WrongPort),
];

const PUBLISH: &str = "permissions violation for publish to ";
const PUBLISH_REPLY: &str = "permissions violation for publish with reply of ";
const SUBSCRIBE: &str = "permissions violation for subscription to ";

impl ServerError {
    /// Reads what follows `-ERR`: a text in single quotes, or without.
    ///
    /// Upper and lower case do not matter. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn parse(argument: &[u8]) -> Self {
        let argument = String::from_utf8_lossy(argument);
        let text = argument.trim();
        let text = text.strip_prefix('\'').unwrap_or(text);
        let text = text.strip_suffix('\'').unwrap_or(text).trim();
        let shared: Arc<str> = text.into();
        if let Some(rest) = after_prefix(text, SUBSCRIBE) {
            return subscribe_permission(rest, shared);
        }
        for (prefix, reply) in [(PUBLISH, false), (PUBLISH_REPLY, true)] {
            if let Some(rest) = after_prefix(text, prefix) {
                let (subject, _) = take_name(rest);
                return Self::PublishPermission { subject, reply, text: shared };
            }
        }
        let known = PREFIXES.iter().find(|(prefix, _)| after_prefix(text, prefix).is_some());
        known.map_or(Self::Other as Variant, |(_, variant)| *variant)(shared)
    }

    /// The words of the server, without the quotes around them; they may be empty.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::PublishPermission { text, .. }
            | Self::SubscribePermission { text, .. }
            | Self::AuthorizationViolation(text)
            | Self::AuthenticationTimeout(text)
            | Self::AuthenticationExpired(text)
            | Self::AuthenticationRevoked(text)
            | Self::AccountAuthenticationExpired(text)
            | Self::InvalidSubject(text)
            | Self::InvalidPublishSubject(text)
            | Self::MaxSubscriptions(text)
            | Self::MaxPayload(text)
            | Self::MaxControlLine(text)
            | Self::MaxConnections(text)
            | Self::MaxAccountConnections(text)
            | Self::Throttled(text)
            | Self::StaleConnection(text)
            | Self::TlsRequired(text)
            | Self::UnknownOperation(text)
            | Self::InvalidClientProtocol(text)
            | Self::NoRespondersRequiresHeaders(text)
            | Self::FailedAccountRegistration(text)
            | Self::WrongPort(text)
            | Self::Other(text) => text,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn class(&self) -> ServerErrorClass {
        match self {
            Self::PublishPermission { .. }
            | Self::SubscribePermission { .. }
            | Self::InvalidSubject(_)
            | Self::InvalidPublishSubject(_)
            | Self::MaxSubscriptions(_)
            | Self::Other(_) => ServerErrorClass::Informational,
            // Credentials that were late were not refused: a server that all clients come back to is
            // slow, and so may be whoever is asked for them.
            Self::AuthenticationTimeout(_)
            | Self::MaxPayload(_)
            | Self::MaxControlLine(_)
            | Self::MaxConnections(_)
            | Self::MaxAccountConnections(_)
            | Self::Throttled(_)
            | Self::StaleConnection(_)
            | Self::TlsRequired(_)
            | Self::UnknownOperation(_)
            | Self::FailedAccountRegistration(_) => ServerErrorClass::Retry,
            Self::AuthorizationViolation(_)
            | Self::AuthenticationExpired(_)
            | Self::AuthenticationRevoked(_)
            | Self::AccountAuthenticationExpired(_) => ServerErrorClass::Authentication,
            Self::WrongPort(_) => ServerErrorClass::ServerUnusable,
            Self::InvalidClientProtocol(_) | Self::NoRespondersRequiresHeaders(_) => {
                ServerErrorClass::Fatal
            }
        }
    }

    /// Whether the server ends the connection after saying so.
    ///
    /// False for a text that is not known: if the server does end the connection, it will show.
    #[must_use]
    pub const fn closes_connection(&self) -> bool {
        !matches!(self.class(), ServerErrorClass::Informational)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may hold the subject that another client chose.
        match self.text() {
            "" => f.write_str("server error without a text"),
            text => write!(f, "server error: {}", escape_controls(text)),
        }
    }
}

impl core::error::Error for ServerError {}

fn subscribe_permission(rest: &str, text: Arc<str>) -> ServerError {
    let (subject, mut rest) = take_name(rest);
    let mut queue = None;
    if let Some(at_queue) = after_prefix(rest.trim_start(), "using queue ") {
        let (name, after) = take_name(at_queue);
        queue = Some(name);
        rest = after;
    }
    let too_many_tokens = after_prefix(rest, ", too many tokens").is_some();
    let sid = rest.split_once("(sid ").and_then(|(_, sid)| {
        let (sid, _) = sid.split_once(')')?;
        sid.trim_matches('"').parse().ok()
    });
    ServerError::SubscribePermission { subject, queue, sid, too_many_tokens, text }
}

/// What follows `prefix`, which is in lower case, if `text` begins with it in whatever case.
fn after_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// A name at the beginning of `text`, in double quotes or up to a blank, and what follows it.
fn take_name(text: &str) -> (Arc<str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (name, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
        return (name.into(), rest);
    };
    let mut escaped = false;
    let end = quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    let (inner, rest) = match end {
        Some(end) => (&quoted[..end], &quoted[end + 1..]),
        None => (quoted, ""),
    };
    (unquote(inner).as_ref().into(), rest)
}

/// Undoes the escapes of Go's quoted strings; what is not an escape stays as it is.
fn unquote(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        rest = match take_escape(after, &mut bytes) {
            Some(rest) => rest,
            None => {
                bytes.push(b'\\');
                after
            }
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// Appends what the escape at the beginning of `text` stands for, and returns what follows it.
fn take_escape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let letter = *text.as_bytes().first()?;
    let hex = |digits: usize| {
        let digits = text.get(1..1 + digits)?;
        // The number parser would take a sign too.
        let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        all_hex.then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let digits = match letter {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => 0,
    };
    match letter {
        b'x' => bytes.push(u8::try_from(hex(digits)?).ok()?),
        b'u' | b'U' => {
            let character = char::from_u32(hex(digits)?)?;
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        b'a' => bytes.push(0x07),
        b'b' => bytes.push(0x08),
        b'f' => bytes.push(0x0C),
        b'n' => bytes.push(b'\n'),
        b'r' => bytes.push(b'\r'),
        b't' => bytes.push(b'\t'),
        b'v' => bytes.push(0x0B),
        b'\\' | b'"' | b'\'' => bytes.push(letter),
        _ => return None,
    }
    text.get(1 + digits..)
}

fn escape_controls(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServerErrorClass::{Authentication, Fatal, Informational, Retry, ServerUnusable};
    use alloc::format;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn parse(text: &str) -> ServerError {
        ServerError::parse(text.as_bytes())
    }

    #[test]
    fn every_known_text_has_its_variant_and_class() {
        let table: &[(&str, Variant, ServerErrorClass)] = &[
            ("Authorization Violation", ServerError::AuthorizationViolation, Authentication),
            ("Authentication Timeout", ServerError::AuthenticationTimeout, Retry),
            ("User Authentication Expired", ServerError::AuthenticationExpired, Authentication),
            ("User Authentication Revoked", ServerError::AuthenticationRevoked, Authentication),
            (
                "Account Authentication Expired",
                ServerError::AccountAuthenticationExpired,
                Authentication,
            ),
            ("Invalid Subject", ServerError::InvalidSubject, Informational),
            ("Invalid Publish Subject", ServerError::InvalidPublishSubject, Informational),
            ("maximum subscriptions exceeded", ServerError::MaxSubscriptions, Informational),
            ("Maximum Payload Violation", ServerError::MaxPayload, Retry),
            ("maximum control line exceeded", ServerError::MaxControlLine, Retry),
            ("maximum control line exceeded: 9 > 4", ServerError::MaxControlLine, Retry),
            ("maximum connections exceeded", ServerError::MaxConnections, Retry),
            (
                "maximum account active connections exceeded",
                ServerError::MaxAccountConnections,
                Retry,
            ),
            (
                "Connection throttling is active. Please try again later.",
                ServerError::Throttled,
                Retry,
            ),
            ("Stale Connection", ServerError::StaleConnection, Retry),
            ("Secure Connection - TLS Required", ServerError::TlsRequired, Retry),
            ("Unknown Protocol Operation", ServerError::UnknownOperation, Retry),
            ("invalid client protocol", ServerError::InvalidClientProtocol, Fatal),
            (
                "no responders requires headers support",
                ServerError::NoRespondersRequiresHeaders,
                Fatal,
            ),
            ("Failed Account Registration", ServerError::FailedAccountRegistration, Retry),
            ("attempted to connect to route port", ServerError::WrongPort, ServerUnusable),
            ("attempted to connect to leaf node port", ServerError::WrongPort, ServerUnusable),
            ("wrong port", ServerError::WrongPort, ServerUnusable),
            ("Something New", ServerError::Other, Informational),
            ("", ServerError::Other, Informational),
        ];
        for (text, variant, class) in table {
            let expected = variant((*text).into());
            assert_eq!(parse(&format!(" '{text}' \r\n")), expected);
            assert_eq!(parse(text), expected);
            assert_eq!((expected.text(), expected.class()), (*text, *class));
            assert_eq!(expected.closes_connection(), *class != Informational, "{text}");
            let upper = text.to_uppercase();
            let other_case = parse(&upper);
            assert_eq!(other_case, variant(upper.as_str().into()), "case matters: {text}");
        }
    }

    #[test]
    fn a_refused_publish_names_its_subject() {
        let text = r#"Permissions Violation for Publish to "a.b""#;
        let expected = ServerError::PublishPermission {
            subject: "a.b".into(),
            reply: false,
            text: text.into(),
        };
        assert_eq!(parse(&format!("'{text}'")), expected);
        assert!(!expected.closes_connection());
        let text = r#"Permissions Violation for Publish with Reply of "$JS.ACK.x""#;
        let expected = ServerError::PublishPermission {
            subject: "$JS.ACK.x".into(),
            reply: true,
            text: text.into(),
        };
        assert_eq!(parse(&format!("'{text}'")), expected);
    }

    #[test]
    fn a_refused_subscription_names_subject_queue_and_sid_where_the_server_does() {
        type Case = (&'static str, &'static str, Option<&'static str>, Option<u64>, bool);
        let table: [Case; 8] = [
            (r#""a.>""#, "a.>", None, None, false),
            (r#""a" using queue "q""#, "a", Some("q"), None, false),
            (r#""a", too many tokens"#, "a", None, None, true),
            (r#""a" (sid "12")"#, "a", None, Some(12), false),
            (r#""a" using queue "q" (sid "3")"#, "a", Some("q"), Some(3), false),
            (r#""a" (sid "x")"#, "a", None, None, false),
            (r#"a.b (sid 4)"#, "a.b", None, Some(4), false),
            (r#""a using queue "#, "a using queue ", None, None, false),
        ];
        for (rest, subject, queue, sid, too_many_tokens) in table {
            let text = format!("permissions violation for SUBSCRIPTION to {rest}");
            let expected = ServerError::SubscribePermission {
                subject: subject.into(),
                queue: queue.map(Into::into),
                sid,
                too_many_tokens,
                text: text.trim().into(),
            };
            let found = parse(&text);
            // Blanks at the end of the line do not belong to the text.
            if rest.ends_with(' ') {
                assert_eq!(found.text(), text.trim());
            } else {
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn names_that_look_like_the_rest_of_the_text_do_not_confuse() {
        let found = parse(
            r#"'Permissions Violation for Subscription to "a\" using queue \"b (sid \"9\")"'"#,
        );
        let ServerError::SubscribePermission { subject, queue, sid, .. } = found else {
            panic!("another variant: {found:?}");
        };
        assert_eq!(&*subject, r#"a" using queue "b (sid "9")"#);
        assert_eq!((queue, sid), (None, None));
    }

    #[test]
    fn escapes_of_quoted_names_are_undone() {
        let table = [
            (r"plain", "plain"),
            (r#"\"\\\'"#, "\"\\'"),
            (r"\a\b\f\n\r\t\v", "\x07\x08\x0c\n\r\t\x0b"),
            (r"\x41\xc3\xa4", "Aä"),
            (r"\xff", "\u{fffd}"),
            (r"\u00e4\U0001F600", "ä😀"),
            (r"\ud800", r"\ud800"),
            (r"\x4", r"\x4"),
            (r"\x+4", r"\x+4"),
            (r"\q\", r"\q\"),
            (r"\xä", r"\xä"),
        ];
        for (inner, expected) in table {
            assert_eq!(unquote(inner), expected, "{inner}");
        }
    }

    #[test]
    fn single_quotes_inside_the_text_stay() {
        assert_eq!(parse("'it's'").text(), "it's");
        assert_eq!(parse("'").text(), "");
        assert_eq!(parse("''").text(), "");
        assert_eq!(ServerError::parse(b"'a\xff'").text(), "a\u{fffd}");
    }

    #[test]
    fn display_escapes_control_characters_and_copes_with_an_empty_text() {
        assert_eq!(parse("'Stale Connection'").to_string(), "server error: Stale Connection");
        assert_eq!(parse("'a\x1b[31mb'").to_string(), "server error: a\\u{1b}[31mb");
        assert_eq!(parse("").to_string(), "server error without a text");
    }

    proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(bytes: Vec<u8>) {
            let _ = ServerError::parse(&bytes).to_string();
        }

        #[test]
        fn no_rest_of_a_permission_text_makes_parsing_panic(
            publish: bool,
            rest in "([\"\\\\xuU0-9a(), ']|sid|using queue|ä){0,20}",
        ) {
            let prefix = if publish { PUBLISH } else { SUBSCRIBE };
            let _ = parse(&format!("'{prefix}{rest}'")).to_string();
        }
    }
}
