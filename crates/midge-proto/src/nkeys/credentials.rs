//! Credentials files: a user JWT and the seed that goes with it.

use super::{JwtError, KeyKind, KeyPair, NkeyError, UserClaims};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use zeroize::Zeroizing;

/// A user JWT and, unless it is a bearer token, the key that signs for it.
///
/// ```
/// use midge_proto::nkeys::Credentials;
///
/// # fn main() -> Result<(), midge_proto::nkeys::CredentialsError> {
/// let file = "\
/// -----BEGIN NATS USER JWT-----
/// eyJ0.eyJz.c2ln
/// ------END NATS USER JWT------
///
/// -----BEGIN USER NKEY SEED-----
/// SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY
/// ------END USER NKEY SEED------";
/// let credentials = Credentials::parse(file)?;
/// assert_eq!(credentials.jwt, "eyJ0.eyJz.c2ln");
/// assert!(credentials.key.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Credentials {
    /// The user JWT, as the server gets it.
    pub jwt: String,
    /// The key that signs the nonce; `None` when the text held no seed.
    pub key: Option<KeyPair>,
}

impl Credentials {
    /// Reads the text of a credentials file.
    ///
    /// Accepted are the two dashed blocks that NATS tools write, with line ends of any kind and
    /// anything around them, and likewise the bare JWT, the seed on a line of its own or not at
    /// all.
    ///
    /// # Errors
    ///
    /// When there is no JWT, or the seed is damaged. Nothing of the text is in the error.
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let text = without_mark(text);
        let jwt = blocks(text)
            .find(|block| looks_like_jwt(block))
            .or_else(|| text.lines().map(str::trim).find(|line| looks_like_jwt(line)))
            .ok_or(CredentialsError::NoJwt)?
            .to_owned();
        let key =
            find_seed(text).map(KeyPair::from_seed).transpose().map_err(CredentialsError::Seed)?;
        Ok(Self { jwt, key })
    }

    /// Looks for mistakes a server would answer with a mere `Authorization Violation`: a JWT that
    /// cannot be read, a seed of another user, no seed although the JWT is not a bearer token.
    ///
    /// # Errors
    ///
    /// The first mistake found.
    pub fn check(&self) -> Result<UserClaims, CredentialsError> {
        let claims = UserClaims::decode(&self.jwt).map_err(CredentialsError::Jwt)?;
        match &self.key {
            Some(key) if key.kind() != KeyKind::User => {
                let (expected, found) = (KeyKind::User, key.kind());
                Err(CredentialsError::Seed(NkeyError::UnexpectedKind { expected, found }))
            }
            Some(key) if claims.subject() != Some(key.public_key().as_str()) => {
                Err(CredentialsError::Mismatch)
            }
            None if !claims.is_bearer() => Err(CredentialsError::Seed(NkeyError::NoSeed)),
            Some(_) | None => Ok(claims),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("jwt", &"[redacted]").field("key", &self.key).finish()
    }
}

/// Reads the seed of a seed file: decorated like in a credentials file, or bare.
///
/// ```
/// use midge_proto::nkeys::parse_seed_text;
///
/// # fn main() -> Result<(), midge_proto::nkeys::NkeyError> {
/// let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
/// let bare = parse_seed_text(&format!("  {seed}\r\n"))?;
/// let block = format!("-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------");
/// assert_eq!(parse_seed_text(&block)?.public(), bare.public());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`NkeyError::NoSeed`] when nothing looks like a seed, else what is wrong with it.
pub fn parse_seed_text(text: &str) -> Result<KeyPair, NkeyError> {
    KeyPair::from_seed(find_seed(without_mark(text)).ok_or(NkeyError::NoSeed)?)
}

/// The text of a credentials file for a user.
///
/// ```
/// use midge_proto::nkeys::{Credentials, KeyPair, format_credentials};
///
/// # fn main() -> Result<(), midge_proto::nkeys::CredentialsError> {
/// let user = KeyPair::new_user([7; 32]);
/// let text = format_credentials("eyJ0.eyJz.c2ln", &user.seed());
/// assert_eq!(Credentials::parse(&text)?.key.map(|key| key.public()), Some(user.public()));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn format_credentials(jwt: &str, seed: &str) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "-----BEGIN NATS USER JWT-----\n\
         {jwt}\n\
         ------END NATS USER JWT------\n\
         \n\
         The seed below is a secret: whoever has it can act as this user.\n\
         \n\
         -----BEGIN USER NKEY SEED-----\n\
         {seed}\n\
         ------END USER NKEY SEED------\n"
    ))
}

/// Why a text is not a credentials file. It holds no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The text holds nothing that looks like a JWT.
    NoJwt,
    /// The JWT cannot be read.
    Jwt(JwtError),
    /// The seed cannot be read.
    Seed(NkeyError),
    /// The seed belongs to another user than the JWT.
    Mismatch,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoJwt => "credentials hold no jwt",
            Self::Jwt(_) => "jwt of the credentials is not valid",
            Self::Seed(_) => "seed of the credentials is not valid",
            Self::Mismatch => "seed of the credentials belongs to another user than the jwt",
        })
    }
}

impl core::error::Error for CredentialsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Jwt(error) => Some(error),
            Self::Seed(error) => Some(error),
            Self::NoJwt | Self::Mismatch => None,
        }
    }
}

/// Editors on some systems begin a file with a byte order mark.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The seed in `text`: the first block that is not a JWT, else the first line like a seed.
fn find_seed(text: &str) -> Option<&str> {
    let begins_like_seed =
        |line: &&str| ["SU", "SA", "SO"].iter().any(|start| line.starts_with(start));
    blocks(text)
        .find(|block| !looks_like_jwt(block))
        // A sentence may begin with these letters too, but it has blanks.
        .or_else(|| {
            text.lines().map(str::trim).find(|line| begins_like_seed(line) && is_token(line))
        })
}

/// The lines between two dashed lines, when it is one line of the letters that keys and JWTs use.
///
/// The dashed line that ends a block may be missing at the end of the text.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    core::iter::from_fn(move || {
        loop {
            if !is_dashed(lines.next()?) {
                continue;
            }
            let Some(body) = lines.next_if(|line| !is_dashed(line) && is_token(line)) else {
                continue;
            };
            if lines.peek().is_none_or(|line| is_dashed(line)) {
                lines.next();
                return Some(body);
            }
        }
    })
}

fn is_dashed(line: &str) -> bool {
    line.starts_with("---") && line.ends_with("---")
}

fn is_token(line: &str) -> bool {
    line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.=-".contains(&byte))
}

fn looks_like_jwt(line: &str) -> bool {
    is_token(line)
        && line.split('.').count() == 3
        && line.split('.').take(2).all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use base64ct::{Base64UrlUnpadded, Encoding};
    use proptest::prelude::*;

    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    const JWT: &str = "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJVIn0.c2ln-_w";

    fn public(credentials: &Credentials) -> Option<String> {
        credentials.key.as_ref().map(KeyPair::public_key)
    }

    #[test]
    fn every_usual_form_of_a_credentials_file_is_read() {
        let file = format_credentials(JWT, SEED);
        let forms = [
            file.to_string(),
            file.trim_end().to_string(),
            file.replace('\n', "\r\n"),
            file.replace('\n', "\r\n").trim_end().to_string(),
            format!("\u{feff}{}", *file),
            format!("comment\n\n  {}", file.replace('\n', "  \n")),
            file.replace("-----BEGIN", "---BEGIN").replace("------END", "---END"),
            file.trim_end().trim_end_matches("------END USER NKEY SEED------").to_string(),
            format!("{JWT}\n{SEED}"),
            format!("-----BEGIN JWT-----\n{JWT}\n-----END JWT-----\n{SEED}\n"),
        ];
        for form in forms {
            let credentials = Credentials::parse(&form).unwrap();
            assert_eq!(credentials.jwt, JWT, "{form}");
            assert_eq!(public(&credentials).as_deref(), Some(PUBLIC), "{form}");
        }
    }

    #[test]
    fn a_bare_jwt_has_no_key() {
        for form in [JWT.to_string(), format!("\r\n {JWT} \r\n")] {
            let credentials = Credentials::parse(&form).unwrap();
            assert_eq!(credentials.jwt, JWT);
            assert_eq!(public(&credentials), None);
        }
    }

    #[test]
    fn a_text_without_jwt_is_refused() {
        for text in ["", "\n\n", "hello world", "a.b", "---\n---\n---", SEED] {
            assert_eq!(Credentials::parse(text).unwrap_err(), CredentialsError::NoJwt, "{text}");
        }
    }

    #[test]
    fn a_damaged_seed_is_an_error_and_not_a_missing_seed() {
        let damaged = SEED.replace("CSSL", "CSSM");
        let error = Credentials::parse(&format_credentials(JWT, &damaged)).unwrap_err();
        assert_eq!(error, CredentialsError::Seed(NkeyError::BadChecksum));
        assert!(core::error::Error::source(&error).is_some());
    }

    #[test]
    fn a_sentence_that_begins_like_a_seed_is_not_taken_for_one() {
        let credentials = Credentials::parse(&format!("SUmmer keys\n{JWT}\n")).unwrap();
        assert_eq!(public(&credentials), None);
    }

    #[test]
    fn a_seed_file_is_read_decorated_and_bare() {
        let decorated =
            format!("-----BEGIN USER NKEY SEED-----\r\n{SEED}\r\n------END USER NKEY SEED------");
        for text in [SEED.to_string(), format!("\n  {SEED}\r\n\n"), decorated] {
            assert_eq!(parse_seed_text(&text).unwrap().public_key(), PUBLIC);
        }
        assert_eq!(parse_seed_text("").unwrap_err(), NkeyError::NoSeed);
        assert_eq!(parse_seed_text(JWT).unwrap_err(), NkeyError::NoSeed);
        assert!(matches!(parse_seed_text(&SEED[..50]), Err(NkeyError::WrongLength { .. })));
    }

    #[test]
    fn neither_jwt_nor_seed_show_in_debug_output() {
        let credentials = Credentials::parse(&format_credentials(JWT, SEED)).unwrap();
        let shown = format!("{credentials:?}");
        assert!(shown.contains("[redacted]"), "{shown}");
        assert!(!shown.contains(JWT) && !shown.contains(SEED), "{shown}");
    }

    #[test]
    fn the_check_finds_a_foreign_seed_a_missing_seed_and_an_unreadable_jwt() {
        let jwt = |claims: &str| {
            format!("e30.{}.c2ln", Base64UrlUnpadded::encode_string(claims.as_bytes()))
        };
        let own = jwt(&format!(r#"{{"sub":"{PUBLIC}"}}"#));
        let key = KeyPair::from_seed(SEED).unwrap();
        let check = |jwt: &str, key: Option<&KeyPair>| {
            Credentials { jwt: jwt.to_owned(), key: key.cloned() }.check()
        };
        assert_eq!(check(&own, Some(&key)).unwrap().subject(), Some(PUBLIC));
        let other = KeyPair::new_user([1; 32]);
        assert_eq!(check(&own, Some(&other)), Err(CredentialsError::Mismatch));
        assert_eq!(check(&own, None), Err(CredentialsError::Seed(NkeyError::NoSeed)));
        assert!(check(&jwt(r#"{"nats":{"bearer_token":true}}"#), None).is_ok());
        let account = KeyPair::new(KeyKind::Account, [1; 32]).unwrap();
        assert!(matches!(check(&own, Some(&account)), Err(CredentialsError::Seed(_))));
        assert_eq!(check("x", None), Err(CredentialsError::Jwt(JwtError::NotThreeParts)));
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_credentials_panic(
            text in "(\\PC{0,20}|\r?\n|---[A-Z ]{0,5}---|[a-z.]{1,9}|SU[A-Z2-7]{56}){0,12}",
        ) {
            let _ = Credentials::parse(&text);
            let _ = parse_seed_text(&text);
        }
    }
}
