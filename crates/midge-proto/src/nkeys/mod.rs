//! Ed25519 keys in their NATS text form, credentials files and user JWTs.
//!
//! A server that knows a client by its key sends a nonce in `INFO`; the client answers with its
//! signature of the nonce text in `CONNECT`.
//!
//! ```
//! use midge_proto::nkeys::{KeyPair, encode_signature};
//!
//! # fn main() -> Result<(), midge_proto::nkeys::NkeyError> {
//! let user = KeyPair::from_seed("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY")?;
//! let sig = encode_signature(&user.sign(b"nonce-vector"));
//! assert!(sig.starts_with("L_4HMvOeTkp1"));
//! # Ok(())
//! # }
//! ```

mod credentials;
mod encoding;
mod error;
mod jwt;
mod key_pair;
mod kind;
mod public_key;

pub use credentials::{Credentials, CredentialsError, format_credentials, parse_seed_text};
pub use encoding::encode_signature;
pub use error::NkeyError;
pub use jwt::{JwtError, UserClaims};
pub use key_pair::KeyPair;
pub use kind::KeyKind;
pub use public_key::PublicKey;
