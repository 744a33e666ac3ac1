//! A short, printable piece of somebody else's bytes, for error texts.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// Bytes of input that an error shows beside it.
const SNIPPET_BYTES_MAX: usize = 32;

/// Up to 32 bytes of input with everything unprintable escaped.
#[derive(Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub struct Snippet(Box<str>);

impl Snippet {
    /// Takes the beginning of `bytes`; three dots mark what was left out.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let shown = &bytes[..bytes.len().min(SNIPPET_BYTES_MAX)];
        let mut text: String = shown.escape_ascii().map(char::from).collect();
        if bytes.len() > SNIPPET_BYTES_MAX {
            text.push_str("...");
        }
        Self(text.into())
    }

    /// The escaped text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl fmt::Debug for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn it_escapes_and_shortens() {
        assert_eq!(Snippet::new(b"a\r\n\xff").to_string(), r#""a\r\n\xff""#);
        assert_eq!(Snippet::new(&[0xff; 40]).as_str().len(), 32 * 4 + 3);
    }
}
