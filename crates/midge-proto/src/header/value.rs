//! Header values.

use super::block::trim;
use super::error::ParseHeaderValueError;
use crate::text::{INLINE_BYTES_MAX, Text};
use alloc::string::String;
use alloc::vec::Vec;
use arrayvec::ArrayString;
use bytes::Bytes;
use core::fmt::{self, Write as _};
use core::ops::Range;
use core::str::FromStr;
use memchr::{memchr, memchr2};

/// One value of a header: any text without line ends.
///
/// Readers drop blanks around a value. A received one may have bytes that are not UTF-8: they are
/// in [`as_bytes`](Self::as_bytes), and the text has U+FFFD in their place.
///
/// The conversions `From` strings take line ends too;
/// [`HeaderMap::check`](crate::header::HeaderMap::check) then refuses the map the value got into,
/// and it is never sent. Parsing a value (`"..".parse()`) refuses them at once.
///
/// # Examples
///
/// ```
/// use midge_proto::header::HeaderValue;
///
/// assert_eq!(HeaderValue::from(42).as_str(), "42");
/// assert!("two\r\nlines".parse::<HeaderValue>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderValue(Text);

impl HeaderValue {
    /// An empty value.
    #[must_use]
    pub const fn new() -> Self {
        Self(Text::from_static(""))
    }

    /// A value out of a literal, without copying it.
    ///
    /// # Panics
    ///
    /// When it has a line end; in a `const` that is an error of the compiler.
    #[must_use]
    pub const fn from_static(value: &'static str) -> Self {
        let bytes = value.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            assert!(!matches!(bytes[at], b'\r' | b'\n'), "a header value has a line end");
            at += 1;
        }
        Self(Text::from_static(value))
    }

    /// A value of a received block: lines that continue it are joined by one blank each.
    pub(super) fn from_chunk(chunk: &Bytes, range: Range<usize>) -> Self {
        let value = chunk.get(range.clone()).unwrap_or_default();
        if memchr(b'\n', value).is_none() {
            return Self(Text::from_chunk(chunk, range));
        }
        let mut joined = Vec::with_capacity(value.len());
        for line in value.split(|byte| *byte == b'\n') {
            if !joined.is_empty() {
                joined.push(b' ');
            }
            joined.extend_from_slice(trim(line.strip_suffix(b"\r").unwrap_or(line)));
        }
        Self(Text::from_bytes(Bytes::from(joined)))
    }

    pub(super) fn check(&self) -> Result<(), ParseHeaderValueError> {
        check(self.0.as_bytes())
    }

    pub(super) fn detached(&self) -> Self {
        Self(self.0.detach())
    }

    /// The text; where the bytes are not UTF-8 it has U+FFFD.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The bytes as they are on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn check(value: &[u8]) -> Result<(), ParseHeaderValueError> {
    match memchr2(b'\r', b'\n', value) {
        None => Ok(()),
        Some(at) => Err(ParseHeaderValueError::new(at)),
    }
}

impl Default for HeaderValue {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<str> for HeaderValue {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for HeaderValue {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<str> for HeaderValue {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for HeaderValue {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl FromStr for HeaderValue {
    type Err = ParseHeaderValueError;

    fn from_str(value: &str) -> Result<Self, ParseHeaderValueError> {
        check(value.as_bytes())?;
        Ok(Self(Text::from_str(value)))
    }
}

impl From<&str> for HeaderValue {
    fn from(value: &str) -> Self {
        Self(Text::from_str(value))
    }
}

impl From<&String> for HeaderValue {
    fn from(value: &String) -> Self {
        Self(Text::from_str(value))
    }
}

impl From<String> for HeaderValue {
    fn from(value: String) -> Self {
        Self(Text::from_string(value))
    }
}

impl From<&Self> for HeaderValue {
    fn from(value: &Self) -> Self {
        value.clone()
    }
}

/// What a header can be set to: strings, values and whole numbers.
pub trait IntoHeaderValue {
    /// The value.
    fn into_header_value(self) -> HeaderValue;
}

impl IntoHeaderValue for HeaderValue {
    fn into_header_value(self) -> HeaderValue {
        self
    }
}

macro_rules! into_header_value {
    ($($from:ty),*) => {$(
        impl IntoHeaderValue for $from {
            fn into_header_value(self) -> HeaderValue {
                HeaderValue::from(self)
            }
        }
    )*};
}

macro_rules! from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for HeaderValue {
            fn from(number: $number) -> Self {
                let mut text = ArrayString::<INLINE_BYTES_MAX>::new();
                // The longest number has a sign and 19 digits, or 20 digits.
                let _ = write!(text, "{number}");
                Self(Text::Inline(text))
            }
        }
    )*};
}

into_header_value!(&HeaderValue, &str, &String, String);
into_header_value!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
from_number!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
