//! Header names.

use super::error::ParseHeaderNameError;
use crate::text::Text;
use alloc::string::String;
use bytes::Bytes;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;

/// The name of a header: printable ASCII without blank and colon. Case matters.
///
/// # Examples
///
/// ```
/// use midge_proto::header::HeaderName;
///
/// const COLOUR: HeaderName = HeaderName::from_static("Colour");
///
/// assert_eq!("Colour".parse(), Ok(COLOUR));
/// assert!("two words".parse::<HeaderName>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderName(Text);

/// The rule of the header format (ADR-4).
pub(super) const fn is_header_name(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !matches!(name[at], b'!'..=b'~') || name[at] == b':' {
            return false;
        }
        at += 1;
    }
    at > 0
}

impl HeaderName {
    /// A name out of a literal, without copying it.
    ///
    /// # Panics
    ///
    /// When it is not a header name; in a `const` that is an error of the compiler.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        assert!(is_header_name(name.as_bytes()), "invalid header name");
        Self(Text::from_static(name))
    }

    pub(super) fn from_chunk(chunk: &Bytes, range: Range<usize>) -> Self {
        Self(Text::from_chunk(chunk, range))
    }

    pub(super) fn check(&self) -> Result<(), ParseHeaderNameError> {
        check(self.0.as_bytes())
    }

    pub(super) fn detached(&self) -> Self {
        Self(self.0.detach())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn check(name: &[u8]) -> Result<(), ParseHeaderNameError> {
    if is_header_name(name) { Ok(()) } else { Err(ParseHeaderNameError::new(name)) }
}

impl AsRef<str> for HeaderName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for HeaderName {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<str> for HeaderName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for HeaderName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl FromStr for HeaderName {
    type Err = ParseHeaderNameError;

    fn from_str(name: &str) -> Result<Self, ParseHeaderNameError> {
        check(name.as_bytes())?;
        Ok(Self(Text::from_str(name)))
    }
}

impl TryFrom<&str> for HeaderName {
    type Error = ParseHeaderNameError;

    fn try_from(name: &str) -> Result<Self, ParseHeaderNameError> {
        name.parse()
    }
}

impl TryFrom<String> for HeaderName {
    type Error = ParseHeaderNameError;

    fn try_from(name: String) -> Result<Self, ParseHeaderNameError> {
        check(name.as_bytes())?;
        Ok(Self(Text::from_string(name)))
    }
}

/// What a header can be named by when it is set.
///
/// Text that is not a header name is taken too;
/// [`HeaderMap::check`](crate::header::HeaderMap::check) then refuses the map it got into, and it
/// is never sent.
pub trait IntoHeaderName {
    /// The name.
    fn into_header_name(self) -> HeaderName;
}

impl IntoHeaderName for HeaderName {
    fn into_header_name(self) -> HeaderName {
        self
    }
}

impl IntoHeaderName for &HeaderName {
    fn into_header_name(self) -> HeaderName {
        self.clone()
    }
}

impl IntoHeaderName for &str {
    fn into_header_name(self) -> HeaderName {
        HeaderName(Text::from_str(self))
    }
}

impl IntoHeaderName for String {
    fn into_header_name(self) -> HeaderName {
        HeaderName(Text::from_string(self))
    }
}

impl IntoHeaderName for &String {
    fn into_header_name(self) -> HeaderName {
        HeaderName(Text::from_str(self))
    }
}

/// What a header can be named by when it is looked up, without a copy or a check.
pub trait AsHeaderName {
    /// The name.
    fn as_header_name(&self) -> &str;
}

impl AsHeaderName for HeaderName {
    fn as_header_name(&self) -> &str {
        self.as_str()
    }
}

impl AsHeaderName for &HeaderName {
    fn as_header_name(&self) -> &str {
        self.as_str()
    }
}

impl AsHeaderName for &str {
    fn as_header_name(&self) -> &str {
        self
    }
}

impl AsHeaderName for String {
    fn as_header_name(&self) -> &str {
        self
    }
}

impl AsHeaderName for &String {
    fn as_header_name(&self) -> &str {
        self
    }
}
