//! What a client tells about itself in `CONNECT`.

use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64UrlUnpadded, Encoding};
use core::fmt;
use serde_core::ser::{Serialize, SerializeMap, Serializer};

/// What a client tells a server about itself: the argument of `CONNECT`.
///
/// ```
/// use midge_proto::ConnectInfo;
///
/// let info = ConnectInfo { name: Some("billing".into()), ..ConnectInfo::default() };
/// let mut out = Vec::new();
/// info.encode(&mut out);
/// assert!(out.starts_with(br#"CONNECT {"verbose":false,"#) && out.ends_with(b"}\r\n"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectInfo {
    /// Whether the server confirms each command by `+OK`.
    pub verbose: bool,
    /// Whether the server checks subjects of published messages.
    pub pedantic: bool,
    /// Whether the client gets what it publishes itself.
    pub echo: bool,
    /// Whether the client insists on TLS.
    pub tls_required: bool,
    /// The name of the client, shown in the monitoring of the server.
    pub name: Option<String>,
    /// The language of the client library.
    pub lang: String,
    /// The version of the client library.
    pub version: String,
    /// The version of the protocol: 1 asks for `INFO` whenever the cluster changes.
    pub protocol: u8,
    /// Whether the client takes messages with headers.
    pub headers: bool,
    /// Whether the server answers a request that nobody listens to. Needs `headers`.
    pub no_responders: bool,
    /// The user's name.
    pub user: Option<String>,
    /// The user's password.
    pub pass: Option<String>,
    /// The token.
    pub auth_token: Option<String>,
    /// The user JWT.
    pub jwt: Option<String>,
    /// The user's public key.
    pub nkey: Option<String>,
    /// The signature of the server's nonce, in base64url without padding.
    pub sig: Option<String>,
}

impl Default for ConnectInfo {
    fn default() -> Self {
        Self {
            verbose: false,
            pedantic: false,
            echo: true,
            tls_required: false,
            name: None,
            lang: "rust".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocol: 1,
            headers: true,
            no_responders: true,
            user: None,
            pass: None,
            auth_token: None,
            jwt: None,
            nkey: None,
            sig: None,
        }
    }
}

impl ConnectInfo {
    /// The same with all credentials replaced by those of `auth`.
    #[must_use]
    pub fn with_auth(self, auth: Auth) -> Self {
        Self {
            jwt: auth.jwt,
            nkey: auth.nkey,
            sig: auth.signature.map(|bytes| Base64UrlUnpadded::encode_string(&bytes)),
            user: auth.username,
            pass: auth.password,
            auth_token: auth.token,
            ..self
        }
    }

    /// Appends the whole `CONNECT` line.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let json = serde_json::to_vec(self)
            .expect("a struct of texts, flags and small numbers always has a JSON form");
        out.reserve(json.len() + 10);
        out.extend_from_slice(b"CONNECT ");
        out.extend_from_slice(&json);
        out.extend_from_slice(b"\r\n");
    }
}

/// As on the wire: what is `None` is left out.
impl Serialize for ConnectInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        let flags = [
            ("verbose", self.verbose),
            ("pedantic", self.pedantic),
            ("echo", self.echo),
            ("tls_required", self.tls_required),
            ("headers", self.headers),
            ("no_responders", self.no_responders),
        ];
        for (name, flag) in flags {
            fields.serialize_entry(name, &flag)?;
        }
        fields.serialize_entry("protocol", &self.protocol)?;
        let texts = [
            ("lang", Some(&self.lang)),
            ("version", Some(&self.version)),
            ("name", self.name.as_ref()),
            ("user", self.user.as_ref()),
            ("pass", self.pass.as_ref()),
            ("auth_token", self.auth_token.as_ref()),
            ("jwt", self.jwt.as_ref()),
            ("nkey", self.nkey.as_ref()),
            ("sig", self.sig.as_ref()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                fields.serialize_entry(name, text)?;
            }
        }
        fields.end()
    }
}

impl fmt::Debug for ConnectInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectInfo")
            .field("verbose", &self.verbose)
            .field("pedantic", &self.pedantic)
            .field("echo", &self.echo)
            .field("tls_required", &self.tls_required)
            .field("name", &self.name)
            .field("lang", &self.lang)
            .field("version", &self.version)
            .field("protocol", &self.protocol)
            .field("headers", &self.headers)
            .field("no_responders", &self.no_responders)
            .field("user", &redacted(self.user.as_ref()))
            .field("pass", &redacted(self.pass.as_ref()))
            .field("auth_token", &redacted(self.auth_token.as_ref()))
            .field("jwt", &redacted(self.jwt.as_ref()))
            .field("nkey", &self.nkey)
            .field("sig", &redacted(self.sig.as_ref()))
            .finish()
    }
}

/// What a client proves its identity with, any mix of it; the server takes what it is configured
/// for.
///
/// ```
/// use midge_proto::Auth;
///
/// let auth = Auth { token: Some("s3cret".into()), ..Auth::new() };
/// assert!(!format!("{auth:?}").contains("s3cret"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Auth {
    /// The user JWT.
    pub jwt: Option<String>,
    /// The user's public key.
    pub nkey: Option<String>,
    /// The signature of the server's nonce: its bytes, not their text.
    pub signature: Option<Vec<u8>>,
    /// The user's name.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// The token.
    pub token: Option<String>,
}

impl Auth {
    /// No credentials at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a server that gets it could use it elsewhere: a signature is of use to nobody but the
    /// server that sent the nonce, and a JWT is none without one.
    pub(crate) fn is_secret(&self) -> bool {
        let is_bearer = self.jwt.is_some() && self.signature.is_none();
        is_bearer || self.password.is_some() || self.token.is_some()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("jwt", &redacted(self.jwt.as_ref()))
            .field("nkey", &self.nkey)
            .field("signature", &redacted(self.signature.as_ref()))
            .field("username", &redacted(self.username.as_ref()))
            .field("password", &redacted(self.password.as_ref()))
            .field("token", &redacted(self.token.as_ref()))
            .finish()
    }
}

/// Tells whether there is a secret, and nothing else of it.
fn redacted<T>(secret: Option<T>) -> Option<&'static str> {
    secret.map(|_| "[redacted]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn json_of(info: &ConnectInfo) -> Value {
        let mut out = b"before".to_vec();
        info.encode(&mut out);
        let line = out.strip_prefix(b"beforeCONNECT ").unwrap();
        serde_json::from_slice(line.strip_suffix(b"\r\n").unwrap()).unwrap()
    }

    fn full_auth() -> Auth {
        Auth {
            jwt: Some("SECRET-jwt".into()),
            nkey: Some("UPUBLIC".into()),
            signature: Some(b"SECRET-sig".to_vec()),
            username: Some("SECRET-user".into()),
            password: Some("SECRET-pass".into()),
            token: Some("SECRET-token".into()),
        }
    }

    #[test]
    fn the_default_sends_what_a_server_would_take_for_true_and_no_empty_fields() {
        assert_eq!(
            json_of(&ConnectInfo::default()),
            json!({"verbose": false, "pedantic": false, "echo": true, "tls_required": false,
                "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "protocol": 1,
                "headers": true, "no_responders": true})
        );
    }

    #[test]
    fn credentials_get_their_names_of_the_wire() {
        let plain = ConnectInfo { name: Some("n".into()), ..ConnectInfo::default() };
        let info = plain.clone().with_auth(full_auth());
        let json = json_of(&info);
        assert_eq!(json["name"], "n");
        assert_eq!(json["jwt"], "SECRET-jwt");
        assert_eq!(json["nkey"], "UPUBLIC");
        assert_eq!(json["sig"], "U0VDUkVULXNpZw");
        assert_eq!(json["user"], "SECRET-user");
        assert_eq!(json["pass"], "SECRET-pass");
        assert_eq!(json["auth_token"], "SECRET-token");
        assert_eq!(info.with_auth(Auth::new()), plain);
    }

    #[test]
    fn no_secret_shows_in_debug_output() {
        let info = ConnectInfo::default().with_auth(full_auth());
        let shown = format!("{info:?} {info:#?} {:?}", full_auth());
        assert!(!shown.contains("SECRET") && !shown.contains("U0VDUkVU"), "{shown}");
        assert!(shown.contains("UPUBLIC") && shown.contains("[redacted]"), "{shown}");
        assert!(format!("{:?}", Auth::new()).contains("password: None"));
    }

    proptest! {
        #[test]
        fn no_text_ends_the_line_early(name: String, pass in "[\r\n\"\\\\{} a]{0,20}") {
            let info = ConnectInfo {
                name: Some(name.clone()),
                pass: Some(pass.clone()),
                ..ConnectInfo::default()
            };
            let mut out = Vec::new();
            info.encode(&mut out);
            prop_assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
            let json = json_of(&info);
            prop_assert_eq!(&json["name"], &Value::String(name));
            prop_assert_eq!(&json["pass"], &Value::String(pass));
        }
    }
}
