//! Who the client is to the server: tokens, passwords, nkeys, JWTs and files of them.

use super::ConnectOptions;
use crate::auth::{AuthError, Credentials};
#[cfg(feature = "nkeys")]
use crate::secret::Secret;
use core::future::Future;
use midge_proto::Auth;
#[cfg(feature = "nkeys")]
use std::path::Path;

impl<R> ConnectOptions<R> {
    /// Starts with a callback for credentials; see [`auth_callback`](Self::auth_callback).
    pub fn with_auth_callback<F, Fut>(callback: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Auth, AuthError>> + Send + 'static,
    {
        Self::new().auth_callback(callback)
    }

    /// Asks for credentials before every CONNECT, with the server's nonce to sign.
    ///
    /// When it fails, the attempt fails and the next one asks again.
    pub fn auth_callback<F, Fut>(self, callback: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Auth, AuthError>> + Send + 'static,
    {
        self.authentication(Credentials::callback(callback))
    }

    /// Starts with a token.
    pub fn with_token(token: String) -> Self {
        Self::new().token(token)
    }

    /// Authenticates by a token.
    pub fn token(self, token: String) -> Self {
        self.authentication(Credentials::token(token))
    }

    /// Starts with a user name and password.
    pub fn with_user_and_password(user: String, pass: String) -> Self {
        Self::new().user_and_password(user, pass)
    }

    /// Authenticates by a user name and password.
    pub fn user_and_password(self, user: String, pass: String) -> Self {
        self.authentication(Credentials::user_and_password(user, pass))
    }

    /// Starts with the seed of an nkey.
    #[cfg(feature = "nkeys")]
    pub fn with_nkey(seed: String) -> Self {
        Self::new().nkey(seed)
    }

    /// Authenticates by an nkey, from its seed.
    #[cfg(feature = "nkeys")]
    pub fn nkey(self, seed: String) -> Self {
        self.authentication(Credentials::nkey(seed))
    }

    /// Authenticates by an nkey whose seed is in a file, bare or decorated, read at each attempt.
    #[cfg(feature = "nkeys")]
    pub fn nkey_file(self, path: impl AsRef<Path>) -> Self {
        self.authentication(Credentials::nkey_file(path))
    }

    /// Authenticates by an nkey whose seed somebody else keeps: the callback signs the nonce.
    pub fn nkey_signer<F, Fut>(self, public_key: String, sign_cb: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        self.authentication(Credentials::nkey_signer(public_key, sign_cb))
    }

    /// Starts with a JWT and a callback that signs the nonce.
    pub fn with_jwt<F, Fut>(jwt: String, sign_cb: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        Self::new().jwt(jwt, sign_cb)
    }

    /// Authenticates by a JWT; the callback signs the nonce.
    pub fn jwt<F, Fut>(self, jwt: String, sign_cb: F) -> Self
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, AuthError>> + Send + 'static,
    {
        self.authentication(Credentials::jwt(jwt, sign_cb))
    }

    /// Starts with a JWT and the seed that signs for it.
    #[cfg(feature = "nkeys")]
    pub fn with_jwt_and_seed(jwt: String, seed: String) -> Self {
        Self::new().jwt_and_seed(jwt, seed)
    }

    /// Authenticates by a JWT and the seed that signs for it.
    #[cfg(feature = "nkeys")]
    pub fn jwt_and_seed(self, jwt: String, seed: String) -> Self {
        self.authentication(Credentials::jwt_and_seed(jwt, seed))
    }

    /// Authenticates by a bearer JWT, which needs no signature.
    pub fn bearer_jwt(self, jwt: String) -> Self {
        self.authentication(Credentials::bearer_jwt(jwt))
    }

    /// Starts with a credentials file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no credentials.
    #[cfg(feature = "nkeys")]
    pub async fn with_credentials_file(path: impl AsRef<Path>) -> std::io::Result<Self> {
        Self::new().credentials_file(path).await
    }

    /// Authenticates by a credentials file (JWT and seed), read again at each attempt.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no credentials.
    #[cfg(feature = "nkeys")]
    pub async fn credentials_file(self, path: impl AsRef<Path>) -> std::io::Result<Self> {
        let path = path.as_ref();
        check_credentials(&Secret::read(path)?)?;
        Ok(self.authentication(Credentials::file(path)))
    }

    /// Starts with the text of a credentials file.
    ///
    /// # Errors
    ///
    /// When the text holds no credentials.
    #[cfg(feature = "nkeys")]
    pub fn with_credentials(creds: &str) -> std::io::Result<Self> {
        Self::new().credentials(creds)
    }

    /// Authenticates by the text of a credentials file.
    ///
    /// # Errors
    ///
    /// When the text holds no credentials.
    #[cfg(feature = "nkeys")]
    pub fn credentials(self, creds: &str) -> std::io::Result<Self> {
        check_credentials(creds)?;
        Ok(self.authentication(Credentials::text(creds)))
    }

    /// Sends the password, token or bearer JWT to announced servers, too, however they were learnt.
    ///
    /// By default such a server gets it only where both the announcement and the connection are
    /// protected by verified TLS, or where the pool uses no TLS at all.
    pub fn send_secrets_to_discovered_servers(mut self) -> Self {
        self.settings.secrets_to_all = true;
        self
    }

    /// Authenticates by credentials of any kind, which can be replaced later by
    /// [`Client::set_credentials`](crate::Client::set_credentials).
    pub fn authentication(mut self, credentials: Credentials) -> Self {
        self.settings.credentials_set.push(credentials.kind());
        self.settings.credentials = credentials;
        self
    }
}

#[cfg(feature = "nkeys")]
fn check_credentials(text: &str) -> std::io::Result<()> {
    midge_proto::nkeys::Credentials::parse(text)
        .map(|_| ())
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))
}
