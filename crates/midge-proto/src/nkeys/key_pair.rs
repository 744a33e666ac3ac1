//! A key that can sign.

use super::{KeyKind, NkeyError, PublicKey, encoding};
use alloc::string::{String, ToString};
use core::fmt;
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

/// A private key with its public half.
///
/// The private bytes are wiped when the value is dropped, and never show in `Debug`.
///
/// ```
/// use midge_proto::nkeys::{KeyKind, KeyPair};
///
/// # fn main() -> Result<(), midge_proto::nkeys::NkeyError> {
/// // Take the 32 bytes from the operating system.
/// let user = KeyPair::new(KeyKind::User, [7; 32])?;
/// assert!(user.public_key().starts_with('U'));
/// assert!(user.seed().starts_with("SU"));
/// let copy = KeyPair::from_seed(&user.seed())?;
/// assert_eq!(copy.sign(b"nonce"), user.sign(b"nonce"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeyPair {
    kind: KeyKind,
    key: SigningKey,
}

impl KeyPair {
    /// Two prefix bytes, key and checksum.
    const SEED_LEN: usize = 36;

    /// The first five bits of a seed: the letter `S`.
    const SEED_PREFIX: u8 = 0x90;

    /// A key of the given kind whose private bytes are `random`.
    ///
    /// # Errors
    ///
    /// [`NkeyError::CannotSign`] for [`KeyKind::Curve`].
    pub fn new(kind: KeyKind, random: [u8; 32]) -> Result<Self, NkeyError> {
        let random = Zeroizing::new(random);
        if kind == KeyKind::Curve {
            return Err(NkeyError::CannotSign { kind });
        }
        Ok(Self { kind, key: SigningKey::from_bytes(&random) })
    }

    /// A user's key whose private bytes are `random`.
    #[must_use]
    pub fn new_user(random: [u8; 32]) -> Self {
        let random = Zeroizing::new(random);
        Self { kind: KeyKind::User, key: SigningKey::from_bytes(&random) }
    }

    /// Reads the text of a seed, as [`seed`](Self::seed) writes it.
    ///
    /// Nothing but the seed may be in `seed`; see [`parse_seed_text`](super::parse_seed_text) for
    /// whole files.
    ///
    /// # Errors
    ///
    /// When the text is not a seed, or that of a curve key.
    pub fn from_seed(seed: &str) -> Result<Self, NkeyError> {
        let decoded = encoding::decode::<{ Self::SEED_LEN }>(seed)?;
        if decoded[0] & 0xF8 != Self::SEED_PREFIX || decoded[1] & 7 != 0 {
            return Err(NkeyError::NotASeed);
        }
        // The eight bits of the kind lie across the two prefix bytes.
        let kind = KeyKind::from_prefix_byte((decoded[0] & 7) << 5 | decoded[1] >> 3)
            .ok_or(NkeyError::WrongPrefix)?;
        if kind == KeyKind::Curve {
            return Err(NkeyError::CannotSign { kind });
        }
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(&decoded[2..34]);
        Ok(Self { kind, key: SigningKey::from_bytes(&bytes) })
    }

    /// What the key stands for.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The text of the public key, as `CONNECT` carries it.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.public().to_string()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::new(self.kind, self.key.verifying_key().to_bytes())
    }

    /// The text of the seed: the secret itself.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<String> {
        let prefix = self.kind.prefix_byte();
        let mut bytes = Zeroizing::new([0; Self::SEED_LEN]);
        bytes[0] = Self::SEED_PREFIX | prefix >> 5;
        bytes[1] = (prefix & 31) << 3;
        bytes[2..34].copy_from_slice(self.key.as_bytes());
        Zeroizing::new(encoding::encode(bytes))
    }

    /// Signs `message`; for a nonce these are the bytes of its text, not decoded.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("public_key", &self.public_key())
            .field("seed", &"[redacted]")
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nkeys::encode_signature;
    use alloc::format;
    use proptest::prelude::*;

    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    #[test]
    fn the_published_demo_seed_gives_its_public_key_and_signature() {
        let pair = KeyPair::from_seed(SEED).unwrap();
        assert_eq!(pair.kind(), KeyKind::User);
        assert_eq!(pair.public_key(), PUBLIC);
        assert_eq!(*pair.seed(), SEED);
        let signature = pair.sign(b"nonce-vector");
        assert_eq!(
            encode_signature(&signature),
            "L_4HMvOeTkp1-8oo5J3jpHEzzjw7PH8TMUCn53K-Yt_qedRZYhOsaK98O_OG_e_WI6eHNo36UJyJQgLHSgW8Cw"
        );
        assert_eq!(pair.public().verify(b"nonce-vector", &signature), Ok(()));
        assert_eq!(pair.public().verify(b"nonce-vectoR", &signature), Err(NkeyError::BadSignature));
    }

    #[test]
    fn the_seed_shows_neither_in_debug_output_nor_in_errors() {
        let shown = format!("{:?}", KeyPair::from_seed(SEED).unwrap());
        assert!(shown.contains(PUBLIC) && shown.contains("[redacted]"), "{shown}");
        assert!(!shown.contains(&SEED[..10]), "{shown}");
        for broken in [&SEED[..57], &SEED.to_lowercase(), &SEED.replace("CSSL", "CSSM")] {
            let error = KeyPair::from_seed(broken).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(&broken[..6]), "{error}");
        }
    }

    #[test]
    fn texts_that_are_not_seeds_are_refused_each_with_its_reason() {
        let length = NkeyError::WrongLength { length: 56, expected: 58 };
        assert_eq!(KeyPair::from_seed(PUBLIC).unwrap_err(), length);
        assert_eq!(
            KeyPair::from_seed(&SEED.replace("CSSL", "CSSM")).unwrap_err(),
            NkeyError::BadChecksum
        );
        let with_prefix = |first, second| {
            let mut bytes = Zeroizing::new([3; 36]);
            (bytes[0], bytes[1]) = (first, second);
            KeyPair::from_seed(&encoding::encode(bytes)).unwrap_err()
        };
        assert_eq!(with_prefix(0xA0, 0), NkeyError::NotASeed);
        assert_eq!(with_prefix(0x95, 1), NkeyError::NotASeed);
        assert_eq!(with_prefix(0x97, 0xF8), NkeyError::WrongPrefix);
        assert_eq!(with_prefix(0x95, 0xC0), NkeyError::CannotSign { kind: KeyKind::Curve });
    }

    #[test]
    fn a_curve_key_cannot_be_made_as_a_signing_key() {
        let error = KeyPair::new(KeyKind::Curve, [1; 32]).unwrap_err();
        assert_eq!(error, NkeyError::CannotSign { kind: KeyKind::Curve });
    }

    #[test]
    fn seeds_of_each_kind_begin_with_s_and_the_letter_of_the_kind() {
        use KeyKind::{Account, Cluster, Module, Operator, Server, Service, User};
        for kind in [Account, Cluster, Module, Server, Operator, User, Service] {
            let pair = KeyPair::new(kind, [5; 32]).unwrap();
            assert!(pair.seed().starts_with(&format!("S{}", kind.letter())));
            assert!(pair.public_key().starts_with(kind.letter()));
            assert_eq!(KeyPair::from_seed(&pair.seed()).unwrap().public(), pair.public());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_a_seed_panic(text in "\\PC{0,70}|S[A-Z2-7]{57}") {
            let _ = KeyPair::from_seed(&text);
        }
    }
}
