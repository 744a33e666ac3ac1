//! What can be wrong with headers.

use crate::snippet::Snippet;
use alloc::boxed::Box;
use core::fmt;

/// A header name with other bytes than the printable ASCII characters without blank and colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseHeaderNameError {
    /// The beginning of the name, escaped.
    name: Box<str>,
}

impl ParseHeaderNameError {
    #[cold]
    pub(super) fn new(name: &[u8]) -> Self {
        Self { name: Snippet::new(name).as_str().into() }
    }
}

impl fmt::Display for ParseHeaderNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return f.write_str("a header name is empty");
        }
        write!(f, "header name \"{}\" has a blank, a colon or an unprintable character", self.name)
    }
}

impl core::error::Error for ParseHeaderNameError {}

/// A header value with a line end in it.
///
/// The value is not shown, since it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseHeaderValueError {
    at: usize,
}

impl ParseHeaderValueError {
    pub(super) const fn new(at: usize) -> Self {
        Self { at }
    }

    /// Bytes of the value before its first CR or LF.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }
}

impl fmt::Display for ParseHeaderValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a header value has a line end at byte {}", self.at)
    }
}

impl core::error::Error for ParseHeaderValueError {}

/// A header that cannot go on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// Its name is none.
    Name(ParseHeaderNameError),
    /// Its value is none.
    Value {
        /// The name of the header.
        name: Box<str>,
        /// What is wrong with the value.
        error: ParseHeaderValueError,
    },
    /// The headers were received, or given as raw bytes, and are not a header block.
    Block(HeaderBlockError),
}

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(_) => f.write_str("invalid header name"),
            Self::Value { name, .. } => write!(f, "invalid value of header \"{name}\""),
            Self::Block(_) => f.write_str("invalid header block"),
        }
    }
}

impl core::error::Error for InvalidHeader {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(match self {
            Self::Name(error) => error,
            Self::Value { error, .. } => error,
            Self::Block(error) => error,
        })
    }
}

impl From<ParseHeaderNameError> for InvalidHeader {
    fn from(error: ParseHeaderNameError) -> Self {
        Self::Name(error)
    }
}

/// What a header block lacks or has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderBlockFault {
    /// It does not begin with `NATS/1.0`.
    Version,
    /// What follows the version is not a status of three digits.
    Status,
    /// A line has no colon.
    NoColon,
    /// What stands before the colon of a line is not a header name.
    Name,
    /// The first header line begins with a blank, and there is no line to continue.
    Fold,
    /// It ends before the blank line.
    Unterminated,
    /// Something follows the blank line.
    TrailingBytes,
}

impl fmt::Display for HeaderBlockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "it does not begin with \"NATS/1.0\"",
            Self::Status => "the status is not three digits",
            Self::NoColon => "a line has no colon",
            Self::Name => "a line has an invalid name",
            Self::Fold => "the first line is marked as a continuation",
            Self::Unterminated => "it does not end with a blank line",
            Self::TrailingBytes => "something follows the blank line",
        })
    }
}

/// A header block that cannot be read.
///
/// Servers pass on whatever a publisher sent, so this says nothing about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderBlockError {
    fault: HeaderBlockFault,
    at: usize,
}

impl HeaderBlockError {
    pub(super) const fn new(fault: HeaderBlockFault, at: usize) -> Self {
        Self { fault, at }
    }

    /// What is wrong.
    #[must_use]
    pub const fn fault(&self) -> HeaderBlockFault {
        self.fault
    }

    /// Where the offending line begins, in bytes from the start of the block.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }
}

impl fmt::Display for HeaderBlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unreadable header block at byte {}: {}", self.at, self.fault)
    }
}

impl core::error::Error for HeaderBlockError {}
