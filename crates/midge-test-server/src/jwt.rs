use core::fmt;
use core::ops::Deref;
use core::time::Duration;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use midge_proto::nkeys::{KeyKind, KeyPair, NkeyError, format_credentials};
use serde_json::{Map, Value, json};

use crate::temp_dir::random_bytes;

/// An operator with its accounts: everything a server needs to know in operator mode.
///
/// All keys are fresh. A system account is made along with the operator.
///
/// # Examples
///
/// ```
/// use midge_test_server::{AccountOptions, NatsServer, Operator, UserOptions};
///
/// let mut operator = Operator::new()?;
/// let account = operator.add_account("orders", AccountOptions::new().jetstream())?;
/// let user = account.user("alice", UserOptions::new().allow_publish("orders.>"))?;
///
/// let server = NatsServer::builder().operator(&operator).jetstream().start()?;
/// let credentials = user.credentials(); // the text of a .creds file, for the client under test
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Operator {
    key: KeyPair,
    jwt: String,
    system: Account,
    /// Each with its signed claims.
    accounts: Vec<(Account, String)>,
}

impl Operator {
    /// Makes an operator with a system account.
    ///
    /// # Errors
    ///
    /// Fails if the operating system gives no randomness.
    pub fn new() -> Result<Self, JwtError> {
        let key = new_key(KeyKind::Operator)?;
        let system = Account::new("SYS")?;
        let claims = json!({
            "type": "operator",
            "version": 2,
            "system_account": system.public_key(),
        });
        let jwt = sign(&key, "test-operator", &key.public_key(), None, claims)?;
        let mut operator = Self { key, jwt, system: system.clone(), accounts: Vec::new() };
        operator.update_account(&system, AccountOptions::new())?;
        Ok(operator)
    }

    /// Makes an account with a key of its own.
    ///
    /// # Errors
    ///
    /// Fails if the operating system gives no randomness.
    pub fn add_account(
        &mut self,
        name: impl Into<String>,
        options: AccountOptions,
    ) -> Result<Account, JwtError> {
        let account = Account::new(name)?;
        self.update_account(&account, options)?;
        Ok(account)
    }

    /// Replaces what the account was made with; an account of another operator is taken over.
    ///
    /// A running server learns of it by [`NatsServer::reload`](crate::NatsServer::reload) with
    /// [`server_config`](Self::server_config).
    ///
    /// # Errors
    ///
    /// Fails if the operating system gives no randomness.
    pub fn update_account(
        &mut self,
        account: &Account,
        options: AccountOptions,
    ) -> Result<(), JwtError> {
        let jwt = sign(&self.key, &account.name, &account.public_key(), None, options.claims())?;
        let public_key = account.public_key();
        match self.accounts.iter_mut().find(|(known, _)| known.public_key() == public_key) {
            Some((_, known_jwt)) => *known_jwt = jwt,
            None => self.accounts.push((account.clone(), jwt)),
        }
        Ok(())
    }

    /// The system account, whose users see the server's events.
    #[must_use]
    pub fn system_account(&self) -> &Account {
        &self.system
    }

    /// The public key of the operator.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.key.public_key()
    }

    /// The server configuration that trusts this operator and knows all its accounts.
    ///
    /// [`ServerBuilder::operator`](crate::ServerBuilder::operator) adds it to a server's.
    #[must_use]
    pub fn server_config(&self) -> String {
        let accounts: String = self
            .accounts
            .iter()
            .map(|(account, jwt)| format!("  {}: {jwt}\n", account.public_key()))
            .collect();
        format!(
            "operator: {}\n\
             system_account: {}\n\
             resolver: MEMORY\n\
             resolver_preload {{\n{accounts}}}\n",
            self.jwt,
            self.system.public_key()
        )
    }
}

/// An account of an [`Operator`], which makes users.
#[derive(Clone, Debug)]
pub struct Account {
    name: String,
    key: Arc<KeyPair>,
}

impl Account {
    fn new(name: impl Into<String>) -> Result<Self, JwtError> {
        Ok(Self { name: name.into(), key: Arc::new(new_key(KeyKind::Account)?) })
    }

    /// Makes a user with a key of its own. The server need not be told.
    ///
    /// # Errors
    ///
    /// Fails if the operating system gives no randomness.
    pub fn user(&self, name: &str, options: UserOptions) -> Result<User, JwtError> {
        self.user_with_key(name, new_key(KeyKind::User)?, options)
    }

    /// Makes a user with the key of another one: the same user with other claims.
    ///
    /// # Errors
    ///
    /// Fails if the operating system gives no randomness.
    pub fn renew(&self, user: &User, options: UserOptions) -> Result<User, JwtError> {
        let key = KeyPair::from_seed(&user.seed()).map_err(JwtError::Key)?;
        self.user_with_key(&user.name, key, options)
    }

    /// The name of the account.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key, by which the server calls the account.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.key.public_key()
    }

    fn user_with_key(
        &self,
        name: &str,
        key: KeyPair,
        options: UserOptions,
    ) -> Result<User, JwtError> {
        let expires = options.expires;
        let jwt = sign(&self.key, name, &key.public_key(), expires, options.claims())?;
        Ok(User { name: name.to_owned(), key, jwt })
    }
}

/// A user of an [`Account`]: a JWT and the key that it names.
pub struct User {
    name: String,
    key: KeyPair,
    jwt: String,
}

impl User {
    /// The name of the user.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The signed claims.
    #[must_use]
    pub fn jwt(&self) -> &str {
        &self.jwt
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.key.public_key()
    }

    /// The secret key as text. It is wiped from memory when it is dropped.
    #[must_use]
    pub fn seed(&self) -> impl Deref<Target = String> + use<> {
        self.key.seed()
    }

    /// The text of a credentials file, with JWT and seed.
    #[must_use]
    pub fn credentials(&self) -> String {
        String::clone(&format_credentials(&self.jwt, &self.seed()))
    }

    /// Writes a credentials file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn write_credentials(&self, path: impl AsRef<Path>) -> io::Result<()> {
        fs::write(path, self.credentials())
    }

    /// Signs the nonce of an `INFO`, as the `sig` of a `CONNECT` wants it.
    #[must_use]
    pub fn sign_nonce(&self, nonce: &str) -> String {
        BASE64URL_NOPAD.encode(&self.key.sign(nonce.as_bytes()))
    }
}

/// Shows neither the key nor the JWT, which is all that a bearer needs.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("public_key", &self.public_key())
            .field("jwt", &"[redacted]")
            .finish_non_exhaustive()
    }
}

/// What an account may do. The default: everything, without limits, but no JetStream.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AccountOptions {
    limits: Map<String, Value>,
    claims: Map<String, Value>,
    revocations: Map<String, Value>,
}

impl AccountOptions {
    /// An account without limits and without JetStream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows JetStream, without limits.
    pub fn jetstream(mut self) -> Self {
        for limit in ["mem_storage", "disk_storage", "streams", "consumer"] {
            self.limits.insert(limit.into(), json!(-1));
        }
        self
    }

    /// Sets a limit by its name in the claims, for example `conn`, `subs`, `payload`,
    /// `disk_storage`, `streams`.
    pub fn limit(mut self, name: impl Into<String>, limit: i64) -> Self {
        self.limits.insert(name.into(), json!(limit));
        self
    }

    /// Revokes all that was issued to the user so far.
    pub fn revoke(mut self, user: &User) -> Self {
        self.revocations.insert(user.public_key(), json!(unix_now()));
        self
    }

    /// Sets any other claim of an account, for example `exports` or `mappings`.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    fn claims(self) -> Value {
        let mut limits = Map::new();
        for limit in ["subs", "data", "payload", "imports", "exports", "conn", "leaf"] {
            limits.insert(limit.into(), json!(-1));
        }
        limits.insert("wildcards".into(), json!(true));
        limits.extend(self.limits);
        let mut claims = json!({
            "type": "account",
            "version": 2,
            "limits": limits,
            "default_permissions": {"pub": {}, "sub": {}},
        });
        if !self.revocations.is_empty() {
            claims["revocations"] = Value::Object(self.revocations);
        }
        extend(claims, self.claims)
    }
}

/// What a user may do. The default: everything in its account, for ever.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct UserOptions {
    publish: Permission,
    subscribe: Permission,
    responses: Option<(i64, Duration)>,
    bearer: bool,
    expires: Option<u64>,
    claims: Map<String, Value>,
}

#[derive(Clone, Debug, Default)]
struct Permission {
    allow: Vec<String>,
    deny: Vec<String>,
}

impl UserOptions {
    /// A user without limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows publishing to these subjects, and to no others than those allowed.
    pub fn allow_publish(mut self, subject: impl Into<String>) -> Self {
        self.publish.allow.push(subject.into());
        self
    }

    /// Forbids publishing to these subjects.
    pub fn deny_publish(mut self, subject: impl Into<String>) -> Self {
        self.publish.deny.push(subject.into());
        self
    }

    /// Allows subscribing to these subjects, and to no others than those allowed.
    pub fn allow_subscribe(mut self, subject: impl Into<String>) -> Self {
        self.subscribe.allow.push(subject.into());
        self
    }

    /// Forbids subscribing to these subjects.
    pub fn deny_subscribe(mut self, subject: impl Into<String>) -> Self {
        self.subscribe.deny.push(subject.into());
        self
    }

    /// Allows so many answers to each request, within this time, whatever their subject.
    pub fn allow_responses(mut self, count: i64, within: Duration) -> Self {
        self.responses = Some((count, within));
        self
    }

    /// Lets the JWT alone suffice, without a signature of the server's nonce.
    pub fn bearer(mut self) -> Self {
        self.bearer = true;
        self
    }

    /// Ends the user after this time. The claim counts in whole seconds.
    ///
    /// The server disconnects it then.
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires = Some(unix_now().saturating_add(time.as_secs()));
        self
    }

    /// Makes a user that ended an hour ago.
    pub fn expired(mut self) -> Self {
        self.expires = Some(unix_now().saturating_sub(60 * 60));
        self
    }

    /// Sets any other claim of a user, for example `subs`, `src` or `allowed_connection_types`.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    fn claims(self) -> Value {
        let mut claims = json!({
            "type": "user",
            "version": 2,
            "pub": self.publish.claims(),
            "sub": self.subscribe.claims(),
            "subs": -1,
            "data": -1,
            "payload": -1,
        });
        if let Some((count, within)) = self.responses {
            let nanoseconds = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
            claims["resp"] = json!({"max": count, "ttl": nanoseconds});
        }
        if self.bearer {
            claims["bearer_token"] = json!(true);
        }
        extend(claims, self.claims)
    }
}

impl Permission {
    fn claims(self) -> Value {
        let mut claims = Map::new();
        for (key, subjects) in [("allow", self.allow), ("deny", self.deny)] {
            if !subjects.is_empty() {
                claims.insert(key.into(), subjects.into());
            }
        }
        Value::Object(claims)
    }
}

/// Why keys or claims could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum JwtError {
    /// The operating system gave no randomness.
    Random(io::Error),
    /// A key could not be made.
    Key(NkeyError),
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random(_) => "no randomness for keys and claims",
            Self::Key(_) => "could not make a key",
        })
    }
}

impl core::error::Error for JwtError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Random(source) => Some(source),
            Self::Key(source) => Some(source),
        }
    }
}

/// Puts the claims in an envelope and signs it.
fn sign(
    issuer: &KeyPair,
    name: &str,
    subject: &str,
    expires: Option<u64>,
    nats: Value,
) -> Result<String, JwtError> {
    let mut id = [0; 32];
    random_bytes(&mut id).map_err(JwtError::Random)?;
    let mut claims = json!({
        "jti": BASE32_NOPAD.encode(&id),
        // Clocks that differ a little must not make a JWT one of the future.
        "iat": unix_now().saturating_sub(1),
        "iss": issuer.public_key(),
        "name": name,
        "sub": subject,
        "nats": nats,
    });
    if let Some(expires) = expires {
        claims["exp"] = json!(expires);
    }
    let header = BASE64URL_NOPAD.encode(HEADER);
    let mut jwt = format!("{header}.{}", BASE64URL_NOPAD.encode(claims.to_string().as_bytes()));
    let signature = issuer.sign(jwt.as_bytes());
    jwt.push('.');
    jwt.push_str(&BASE64URL_NOPAD.encode(&signature));
    Ok(jwt)
}

fn new_key(kind: KeyKind) -> Result<KeyPair, JwtError> {
    let mut random = [0; 32];
    random_bytes(&mut random).map_err(JwtError::Random)?;
    KeyPair::new(kind, random).map_err(JwtError::Key)
}

fn extend(mut claims: Value, more: Map<String, Value>) -> Value {
    for (key, value) in more {
        claims[key] = value;
    }
    claims
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

const HEADER: &[u8] = br#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn part(jwt: &str, index: usize) -> Value {
        let text = jwt.split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn user_claims_say_what_was_asked_for() {
        let mut operator = Operator::new().unwrap();
        let account = operator.add_account("A", AccountOptions::new()).unwrap();
        let options = UserOptions::new()
            .allow_publish("a.>")
            .deny_subscribe("b")
            .allow_responses(2, Duration::from_secs(1))
            .bearer()
            .expires_in(Duration::from_secs(100))
            .claim("subs", 7);
        let user = account.user("alice", options).unwrap();
        assert_eq!(part(user.jwt(), 0), json!({"typ": "JWT", "alg": "ed25519-nkey"}));
        let claims = part(user.jwt(), 1);
        assert_eq!(claims["iss"], account.public_key());
        assert_eq!(claims["sub"], user.public_key());
        assert_eq!(claims["name"], "alice");
        assert!(claims["exp"].as_u64() > Some(unix_now()));
        assert_eq!(
            claims["nats"],
            json!({
                "type": "user", "version": 2,
                "pub": {"allow": ["a.>"]}, "sub": {"deny": ["b"]},
                "resp": {"max": 2, "ttl": 1_000_000_000},
                "subs": 7, "data": -1, "payload": -1, "bearer_token": true,
            })
        );
    }

    #[test]
    fn renewed_user_keeps_its_key() {
        let account = Account::new("A").unwrap();
        let user = account.user("u", UserOptions::new()).unwrap();
        let renewed = account.renew(&user, UserOptions::new().expired()).unwrap();
        assert_eq!(renewed.public_key(), user.public_key());
        assert_ne!(renewed.jwt(), user.jwt());
    }

    #[test]
    fn updated_account_replaces_the_old_one() {
        let mut operator = Operator::new().unwrap();
        let account = operator.add_account("A", AccountOptions::new()).unwrap();
        let before = operator.server_config();
        operator.update_account(&account, AccountOptions::new().limit("conn", 1)).unwrap();
        let after = operator.server_config();
        assert_eq!(before.lines().count(), after.lines().count());
        assert_eq!(after.matches(&account.public_key()).count(), 1);
    }

    #[test]
    fn debug_shows_no_secrets() {
        let user = Account::new("A").unwrap().user("u", UserOptions::new()).unwrap();
        let text = format!("{user:?}");
        assert!(!text.contains(user.jwt()) && !text.contains(user.seed().as_str()), "{text}");
    }
}
