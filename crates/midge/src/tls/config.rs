//! From options to a `rustls` configuration, made anew for each attempt.

use core::fmt;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

type ConfigFn = Arc<dyn Fn() -> Result<Arc<ClientConfig>, TlsError> + Send + Sync>;

/// TLS could not be set up: says which file or setting is the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError(String);

impl TlsError {
    /// Says what went wrong.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for TlsError {}

/// The TLS session of a live connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version of the protocol, as in `TLSv1_3`.
    pub protocol: String,
    /// The cipher suite, as in `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The server's certificate chain in DER, its own first.
    pub peer_certificates: Vec<Vec<u8>>,
}

/// Everything that options say about TLS.
#[derive(Clone, Default)]
pub(crate) struct TlsOptions {
    roots: Vec<Source>,
    identity: Option<(Source, Source)>,
    whole: Option<Whole>,
    provider: Option<Arc<CryptoProvider>>,
    pub(crate) server_name: Option<String>,
    verification: Verification,
    /// The same for a whole configuration, which does not tell its verifier.
    whole_verification: WholeVerification,
}

/// What the application says about the verifier in a whole configuration.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum WholeVerification {
    #[default]
    Unknown,
    ByName,
}

#[derive(Clone)]
enum Whole {
    Given(Arc<ClientConfig>),
    Made(ConfigFn),
}

/// Whether a finished handshake proves the name of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verification {
    #[default]
    Full,
    /// No, or by rules that are not known here.
    None,
}

/// Where a certificate or key comes from.
#[derive(Clone)]
pub(crate) enum Source {
    /// PEM, read again at each attempt.
    File(PathBuf),
    /// PEM text or one DER value.
    Memory(Vec<u8>),
}

impl TlsOptions {
    /// Whether anything was said: such options mean that TLS is wanted.
    pub(crate) fn is_set(&self) -> bool {
        !self.roots.is_empty() || self.identity.is_some() || self.whole.is_some()
    }

    pub(crate) fn add_root(&mut self, source: Source) {
        self.roots.push(source);
    }

    pub(crate) fn set_identity(&mut self, certificate: Source, key: Source) {
        self.identity = Some((certificate, key));
    }

    pub(crate) fn set_config(&mut self, config: Arc<ClientConfig>) {
        self.whole = Some(Whole::Given(config));
    }

    pub(crate) fn set_config_callback(&mut self, callback: ConfigFn) {
        self.whole = Some(Whole::Made(callback));
    }

    pub(crate) fn set_provider(&mut self, provider: Arc<CryptoProvider>) {
        self.provider = Some(provider);
    }

    pub(crate) fn accept_anything(&mut self) {
        self.verification = Verification::None;
    }

    pub(crate) fn trust_whole_config(&mut self) {
        self.whole_verification = WholeVerification::ByName;
    }

    /// Whether a finished handshake proves the name of the peer.
    pub(crate) fn verification(&self) -> Verification {
        match (&self.whole, self.whole_verification) {
            (None, _) => self.verification,
            (Some(_), WholeVerification::ByName) => Verification::Full,
            (Some(_), WholeVerification::Unknown) => Verification::None,
        }
    }

    /// Contradictions, and files that cannot be read.
    pub(crate) fn check(&self) -> Result<(), TlsError> {
        match &self.whole {
            Some(_) if !self.roots.is_empty() || self.identity.is_some() => {
                Err(TlsError::new("a whole TLS configuration is set, and certificates beside it"))
            }
            Some(_) => Ok(()),
            None if self.is_set() => self.config().map(|_| ()),
            None => Ok(()),
        }
    }

    /// The configuration for one attempt.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        match &self.whole {
            Some(Whole::Given(config)) => return Ok(Arc::clone(config)),
            Some(Whole::Made(make)) => return make(),
            None => {}
        }
        let provider = self.provider()?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new(format!("crypto provider: {error}")))?;
        let builder = match self.verification {
            Verification::None => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anything(provider)))
            }
            Verification::Full => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(self.root_store()?, provider)
                        .build()
                        .map_err(|error| TlsError::new(format!("root certificates: {error}")))?;
                builder.with_webpki_verifier(verifier)
            }
        };
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let (chain, key) = (certificate.certificates()?, key.key()?);
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| TlsError::new(format!("client certificate: {error}")))?
            }
        };
        Ok(Arc::new(config))
    }

    fn provider(&self) -> Result<Arc<CryptoProvider>, TlsError> {
        if let Some(provider) = &self.provider {
            return Ok(Arc::clone(provider));
        }
        // Never the default of the process: another crate's choice must not change ours.
        #[cfg(feature = "ring")]
        return Ok(Arc::new(rustls::crypto::ring::default_provider()));
        #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
        return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
        return Err(TlsError::new(
            "no crypto provider: switch on the feature `ring` or `aws-lc-rs`, or set one with \
             `crypto_provider`",
        ));
    }

    fn root_store(&self) -> Result<Arc<RootCertStore>, TlsError> {
        if self.roots.is_empty() {
            return system_roots();
        }
        let mut store = RootCertStore::empty();
        for source in &self.roots {
            for certificate in source.certificates()? {
                store
                    .add(certificate)
                    .map_err(|error| TlsError::new(format!("{source}: {error}")))?;
            }
        }
        Ok(Arc::new(store))
    }
}

/// The operating system's trust store, read once a process.
fn system_roots() -> Result<Arc<RootCertStore>, TlsError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let reason = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
        return Err(TlsError::new(format!("the system has no root certificates{reason}")));
    }
    Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(store))))
}

impl Source {
    fn read(&self) -> Result<Vec<u8>, TlsError> {
        match self {
            Self::File(path) => std::fs::read(path)
                .map_err(|error| TlsError::new(format!("{}: {error}", path.display()))),
            Self::Memory(bytes) => Ok(bytes.clone()),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let bytes = self.read()?;
        if is_der(&bytes) {
            return Ok(vec![CertificateDer::from(bytes)]);
        }
        let certificates = CertificateDer::pem_slice_iter(&bytes)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TlsError::new(format!("{self}: {error}")))?;
        if certificates.is_empty() {
            return Err(TlsError::new(format!("{self}: there is no certificate in it")));
        }
        Ok(certificates)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let bytes = self.read()?;
        let key = if is_der(&bytes) {
            PrivateKeyDer::try_from(bytes).map_err(str::to_owned)
        } else {
            PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| error.to_string())
        };
        key.map_err(|error| TlsError::new(format!("{self}: no usable private key: {error}")))
    }
}

/// A DER value of these kinds is a SEQUENCE; PEM is text.
fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Memory(_) => f.write_str("certificate or key in memory"),
        }
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("roots", &self.roots.len())
            .field("client_certificate", &self.identity.is_some())
            .field("whole_config", &self.whole.is_some())
            .field("server_name", &self.server_name)
            .field("verifies", &(self.verification == Verification::Full))
            .finish_non_exhaustive()
    }
}

/// Accepts every certificate; signatures are still checked, so that the peer has its key.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(all(test, feature = "ring"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_verify_names_counts_as_proof() {
        let mut options = TlsOptions::default();
        assert_eq!(options.verification(), Verification::Full);
        options.accept_anything();
        assert_eq!(options.verification(), Verification::None);

        let mut options = TlsOptions::default();
        let config = ClientConfig::builder_with_provider(options.provider().unwrap())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        options.set_config(Arc::new(config));
        assert_eq!(options.verification(), Verification::None);
        options.trust_whole_config();
        assert_eq!(options.verification(), Verification::Full);
    }
}
