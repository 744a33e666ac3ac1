//! The public half of a key.

use super::{KeyKind, NkeyError, encoding};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use ed25519_dalek::{Signature, VerifyingKey};
use zeroize::Zeroizing;

/// A public key: what a server, an account or a user is known by.
///
/// ```
/// use midge_proto::nkeys::{KeyKind, PublicKey};
///
/// # fn main() -> Result<(), midge_proto::nkeys::NkeyError> {
/// let text = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
/// let key: PublicKey = text.parse()?;
/// assert_eq!(key.kind(), KeyKind::User);
/// assert_eq!(key.to_string(), text);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    kind: KeyKind,
    bytes: [u8; 32],
}

impl PublicKey {
    /// Prefix, key and checksum.
    const ENCODED_LEN: usize = 35;

    pub(super) const fn new(kind: KeyKind, bytes: [u8; 32]) -> Self {
        Self { kind, bytes }
    }

    /// Parses the text of a public key of the kind `expected`.
    ///
    /// # Errors
    ///
    /// When the text is not a public key, or one of another kind.
    pub fn parse_kind(text: &str, expected: KeyKind) -> Result<Self, NkeyError> {
        let key: Self = text.parse()?;
        if key.kind == expected {
            Ok(key)
        } else {
            Err(NkeyError::UnexpectedKind { expected, found: key.kind })
        }
    }

    /// What the key stands for.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The 32 bytes of the key, without prefix and checksum.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Checks that the owner of this key signed `message`.
    ///
    /// # Errors
    ///
    /// When the signature was made by another key or over another message, or this key is of a
    /// kind that cannot sign.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), NkeyError> {
        if self.kind == KeyKind::Curve {
            return Err(NkeyError::CannotSign { kind: self.kind });
        }
        let key = VerifyingKey::from_bytes(&self.bytes).map_err(|_| NkeyError::InvalidPoint)?;
        let signature = Signature::from_slice(signature).map_err(|_| NkeyError::BadSignature)?;
        // The strict form refuses keys of small order, under which one signature fits any message.
        key.verify_strict(message, &signature).map_err(|_| NkeyError::BadSignature)
    }

    fn text(&self) -> String {
        let mut bytes = Zeroizing::new([0; Self::ENCODED_LEN]);
        bytes[0] = self.kind.prefix_byte();
        bytes[1..33].copy_from_slice(&self.bytes);
        encoding::encode(bytes)
    }
}

impl FromStr for PublicKey {
    type Err = NkeyError;

    fn from_str(text: &str) -> Result<Self, NkeyError> {
        let decoded = encoding::decode::<{ Self::ENCODED_LEN }>(text)?;
        let kind = KeyKind::from_prefix_byte(decoded[0]).ok_or(NkeyError::WrongPrefix)?;
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&decoded[1..33]);
        Ok(Self { kind, bytes })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    const DEMO: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    #[test]
    fn the_demo_key_has_the_published_bytes_and_shows_its_text() {
        let key: PublicKey = DEMO.parse().unwrap();
        assert_eq!(key.as_bytes()[..4], [0xef, 0x4e, 0x44, 0x52]);
        assert_eq!(key.to_string(), DEMO);
        assert_eq!(format!("{key:?}"), format!("PublicKey({DEMO})"));
    }

    #[test]
    fn a_key_of_another_kind_is_refused_by_name() {
        assert!(PublicKey::parse_kind(DEMO, KeyKind::User).is_ok());
        assert_eq!(
            PublicKey::parse_kind(DEMO, KeyKind::Account),
            Err(NkeyError::UnexpectedKind { expected: KeyKind::Account, found: KeyKind::User })
        );
    }

    #[test]
    fn an_unknown_prefix_is_refused_although_the_checksum_is_right() {
        let mut bytes = Zeroizing::new([1; 35]);
        bytes[0] = 0x78;
        assert_eq!(encoding::encode(bytes).parse::<PublicKey>(), Err(NkeyError::WrongPrefix));
    }

    #[test]
    fn a_curve_key_parses_but_does_not_verify() {
        let key = PublicKey::new(KeyKind::Curve, [9; 32]);
        assert!(key.to_string().starts_with('X'));
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(key.verify(b"m", &[0; 64]), Err(NkeyError::CannotSign { kind: KeyKind::Curve }));
    }

    #[test]
    fn a_signature_of_the_wrong_length_is_a_bad_signature() {
        let key: PublicKey = DEMO.parse().unwrap();
        for length in [0, 63, 65] {
            assert_eq!(key.verify(b"m", &[0; 65][..length]), Err(NkeyError::BadSignature));
        }
    }
}
