//! When TLS is spoken, whom it trusts and what it shows.

use super::ConnectOptions;
#[cfg(feature = "tls")]
use crate::sync::Arc;
#[cfg(feature = "tls")]
use crate::tls::Source;
use midge_proto::TlsMode;
#[cfg(feature = "tls")]
use std::path::PathBuf;

impl<R> ConnectOptions<R> {
    /// Whether TLS is demanded: a server that offers none is not spoken to. Off by default, and on
    /// by itself for `tls://` URLs.
    pub fn require_tls(mut self, is_required: bool) -> Self {
        self.settings.config.tls = if is_required { TlsMode::Require } else { TlsMode::Auto };
        self
    }

    /// Starts TLS before INFO; the server must be set up for that (`handshake_first`).
    pub fn tls_first(mut self) -> Self {
        self.settings.config.tls = TlsMode::First;
        self
    }

    /// Trusts the certificates of a PEM file instead of the system's; may be given several times.
    ///
    /// Files are read again at each attempt. Any of the certificate options demands TLS.
    #[cfg(feature = "tls")]
    pub fn add_root_certificates(mut self, path: PathBuf) -> Self {
        self.settings.tls.add_root(Source::File(path));
        self
    }

    /// Trusts certificates from memory: PEM text, or one in DER.
    #[cfg(feature = "tls")]
    pub fn add_root_certificates_from_memory(mut self, pem_or_der: impl Into<Vec<u8>>) -> Self {
        self.settings.tls.add_root(Source::Memory(pem_or_der.into()));
        self
    }

    /// Shows a client certificate from PEM files, which are read again at each attempt.
    #[cfg(feature = "tls")]
    pub fn add_client_certificate(mut self, cert: PathBuf, key: PathBuf) -> Self {
        self.settings.tls.set_identity(Source::File(cert), Source::File(key));
        self
    }

    /// Shows a client certificate from memory: PEM text, or DER.
    #[cfg(feature = "tls")]
    pub fn add_client_certificate_from_memory(
        mut self,
        cert: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.settings.tls.set_identity(Source::Memory(cert.into()), Source::Memory(key.into()));
        self
    }

    /// Takes a whole `rustls` configuration, with its own roots, certificates and crypto provider.
    ///
    /// What its verifier demands of a server cannot be seen from outside, so for the question whom
    /// announced servers are told passwords, it counts as one that verifies nothing; see
    /// [`tls_client_config_verifies_names`](Self::tls_client_config_verifies_names).
    #[cfg(feature = "tls")]
    pub fn tls_client_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.settings.tls.set_config(config.into());
        self
    }

    /// Asks for a whole `rustls` configuration before each TLS handshake: for certificates that
    /// change.
    #[cfg(feature = "tls")]
    pub fn tls_client_config_callback<F>(mut self, callback: F) -> Self
    where
        F: Fn() -> Result<Arc<rustls::ClientConfig>, crate::TlsError> + Send + Sync + 'static,
    {
        self.settings.tls.set_config_callback(Arc::new(callback));
        self
    }

    /// Says that a whole configuration verifies certificates and the name in them, as the default
    /// does: announced servers get passwords and tokens over it.
    #[cfg(feature = "tls")]
    pub fn tls_client_config_verifies_names(mut self) -> Self {
        self.settings.tls.trust_whole_config();
        self
    }

    /// Uses this crypto provider. By default ring if it is compiled in, else aws-lc-rs; never the
    /// default of the process.
    #[cfg(feature = "tls")]
    pub fn crypto_provider(mut self, provider: Arc<rustls::crypto::CryptoProvider>) -> Self {
        self.settings.tls.set_provider(provider);
        self
    }

    /// Verifies every server's certificate under this name, and sends it as SNI.
    #[cfg(feature = "tls")]
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.settings.tls.server_name = Some(name.into());
        self
    }

    /// Accepts every certificate of a server: whoever is in between can read and change everything.
    #[cfg(feature = "tls")]
    pub fn dangerously_accept_any_certificate(mut self) -> Self {
        self.settings.tls.accept_anything();
        self
    }
}
