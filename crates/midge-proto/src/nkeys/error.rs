//! Why a text is not a key, or a key cannot do what is asked of it.

use super::KeyKind;
use core::fmt;

/// Why a text is not a key, or a key cannot do what is asked of it.
///
/// It never holds any part of the text, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NkeyError {
    /// The text has another length than such a key.
    WrongLength {
        /// Length of the text in bytes.
        length: usize,
        /// Length of a valid text in bytes.
        expected: usize,
    },
    /// The text holds something else than the letters `A` to `Z` and the digits `2` to `7`.
    InvalidBase32 {
        /// Where in the text, counted in bytes from 0.
        position: usize,
    },
    /// The checksum at the end does not fit: the text was mistyped or damaged.
    BadChecksum,
    /// The text does not begin like a seed, with `S`.
    NotASeed,
    /// The text does not begin with the letter of a known kind of key.
    WrongPrefix,
    /// The key is of another kind than the one asked for.
    UnexpectedKind {
        /// The kind asked for.
        expected: KeyKind,
        /// The kind of the key.
        found: KeyKind,
    },
    /// Keys of this kind neither sign nor verify.
    CannotSign {
        /// The kind of the key.
        kind: KeyKind,
    },
    /// The 32 bytes are not a public key of Ed25519.
    InvalidPoint,
    /// The signature was not made by this key over this message.
    BadSignature,
    /// The text holds no seed at all.
    NoSeed,
}

impl fmt::Display for NkeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongLength { length, expected } => {
                write!(f, "{length} characters instead of {expected}")
            }
            Self::InvalidBase32 { position } => {
                write!(f, "key text is not base32 at character {position}")
            }
            Self::BadChecksum => f.write_str("checksum of the key does not match"),
            Self::NotASeed => f.write_str("key is not a seed"),
            Self::WrongPrefix => f.write_str("key is of no known kind"),
            Self::UnexpectedKind { expected, found } => {
                write!(f, "key belongs to a kind {found}, not {expected}")
            }
            Self::CannotSign { kind } => write!(f, "keys of kind {kind} cannot sign"),
            Self::InvalidPoint => f.write_str("key bytes are not an ed25519 public key"),
            Self::BadSignature => f.write_str("signature does not match"),
            Self::NoSeed => f.write_str("text holds no seed"),
        }
    }
}

impl core::error::Error for NkeyError {}
