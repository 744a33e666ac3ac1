use core::error::Error;
use core::fmt;
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use crate::config::TlsOptions;
use crate::temp_dir::{TempDir, random_u64};

/// Fresh certificates: an authority, and a server's and a client's certificate signed by it.
///
/// All are in memory and as PEM files in a folder that goes with this value; keep it for as long as
/// a server uses the files. Two values have nothing in common: a certificate of one is not trusted
/// by the authority of the other.
///
/// # Examples
///
/// ```
/// use midge_test_server::{NatsServer, TestCerts};
///
/// let certs = TestCerts::generate()?;
/// let server = NatsServer::builder().tls(certs.server_tls().verify()).start()?;
/// let (url, trust) = (server.tls_url(), certs.ca_path()); // for the client under test
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TestCerts {
    ca_pem: String,
    ca_der: Vec<u8>,
    server: Identity,
    client: Identity,
    folder: TempDir,
}

impl TestCerts {
    /// Makes certificates for a server called `localhost`, `127.0.0.1` and `::1`.
    ///
    /// # Errors
    ///
    /// As [`TestCertsBuilder::generate`].
    pub fn generate() -> Result<Self, CertsError> {
        Self::builder().generate()
    }

    /// Describes certificates with other names or dates.
    pub fn builder() -> TestCertsBuilder {
        TestCertsBuilder {
            server_names: ["localhost", "127.0.0.1", "::1"].map(String::from).into(),
            client_name: String::from("test-client"),
            expired: false,
        }
    }

    /// The server's certificate and key.
    #[must_use]
    pub fn server(&self) -> &Identity {
        &self.server
    }

    /// The client's certificate and key.
    #[must_use]
    pub fn client(&self) -> &Identity {
        &self.client
    }

    /// The certificate of the authority, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The certificate of the authority, as DER.
    #[must_use]
    pub fn ca_der(&self) -> &[u8] {
        &self.ca_der
    }

    /// The PEM file with the certificate of the authority.
    #[must_use]
    pub fn ca_path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The folder with all files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// TLS options for [`ServerBuilder::tls`](crate::ServerBuilder::tls) with the server's
    /// certificate, and trust in the client's.
    pub fn server_tls(&self) -> TlsOptions {
        TlsOptions::new(&self.server.certificate_path, &self.server.key_path).ca(self.ca_path())
    }
}

/// What certificates shall say; made by [`TestCerts::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TestCertsBuilder {
    server_names: Vec<String>,
    client_name: String,
    expired: bool,
}

impl TestCertsBuilder {
    /// Sets the names and addresses the server's certificate is valid for.
    ///
    /// What parses as an IP address becomes one. A name the client does not dial makes a
    /// certificate it must refuse.
    pub fn server_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.server_names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the common name of the client's certificate, by which a server can map it to a user.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = name.into();
        self
    }

    /// Makes the server's certificate one that ended yesterday.
    pub fn expired(mut self) -> Self {
        self.expired = true;
        self
    }

    /// Makes the certificates and writes the files.
    ///
    /// # Errors
    ///
    /// Fails if a name is not allowed in a certificate, or if the files cannot be written.
    pub fn generate(self) -> Result<TestCerts, CertsError> {
        let folder = TempDir::new("certs").map_err(CertsError::new("create a folder"))?;
        let authority = Authority::new()?;
        let server = authority.sign(
            self.server_params()?,
            ExtendedKeyUsagePurpose::ServerAuth,
            folder.path(),
            "server",
        )?;
        let mut params =
            CertificateParams::new(Vec::new()).map_err(CertsError::new("describe the client"))?;
        params.distinguished_name.push(DnType::CommonName, self.client_name);
        let client =
            authority.sign(params, ExtendedKeyUsagePurpose::ClientAuth, folder.path(), "client")?;
        let ca_pem = authority.certificate.pem();
        write(&folder.path().join("ca.pem"), &ca_pem)?;
        let ca_der = authority.certificate.der().to_vec();
        Ok(TestCerts { ca_pem, ca_der, server, client, folder })
    }

    fn server_params(&self) -> Result<CertificateParams, CertsError> {
        let names = self.server_names.clone();
        let mut params = CertificateParams::new(names)
            .map_err(CertsError::new(format!("name a server {:?}", self.server_names)))?;
        let common_name = self.server_names.first().map_or("test-server", String::as_str);
        params.distinguished_name.push(DnType::CommonName, common_name);
        if self.expired {
            params.not_before = (SystemTime::now() - 10 * DAY).into();
            params.not_after = (SystemTime::now() - DAY).into();
        }
        Ok(params)
    }
}

/// A certificate with its private key, in memory and as files.
#[derive(Clone)]
pub struct Identity {
    certificate_pem: String,
    certificate_der: Vec<u8>,
    key_pem: String,
    key_der: Vec<u8>,
    certificate_path: PathBuf,
    key_path: PathBuf,
}

impl Identity {
    /// The certificate, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The certificate, as DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The private key, as PEM of PKCS #8.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The private key, as DER of PKCS #8.
    #[must_use]
    pub fn key_der(&self) -> &[u8] {
        &self.key_der
    }

    /// The PEM file with the certificate.
    #[must_use]
    pub fn certificate_path(&self) -> &Path {
        &self.certificate_path
    }

    /// The PEM file with the private key.
    #[must_use]
    pub fn key_path(&self) -> &Path {
        &self.key_path
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificate_path", &self.certificate_path)
            .field("key_path", &self.key_path)
            .field("key", &"[redacted]")
            .finish_non_exhaustive()
    }
}

/// Why certificates could not be made.
#[derive(Debug)]
pub struct CertsError {
    action: String,
    source: Box<dyn Error + Send + Sync>,
}

impl CertsError {
    fn new<E: Error + Send + Sync + 'static>(action: impl Into<String>) -> impl FnOnce(E) -> Self {
        let action = action.into();
        move |source| Self { action, source: Box::new(source) }
    }
}

impl fmt::Display for CertsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}", self.action)
    }
}

impl Error for CertsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Result<Self, CertsError> {
        let mut params = CertificateParams::new(Vec::new())
            .map_err(CertsError::new("describe the authority"))?;
        // Under one name for all, the certificates of another would be taken for forged.
        let number = random_u64().map_err(CertsError::new("name the authority"))?;
        params.distinguished_name.push(DnType::CommonName, format!("test authority {number:016x}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(CertsError::new("make a key"))?;
        let certificate =
            params.self_signed(&key).map_err(CertsError::new("sign the authority"))?;
        Ok(Self { certificate, key })
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
        folder: &Path,
        name: &str,
    ) -> Result<Identity, CertsError> {
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(CertsError::new("make a key"))?;
        let certificate = params
            .signed_by(&key, &self.certificate, &self.key)
            .map_err(CertsError::new(format!("sign the certificate of the {name}")))?;
        let identity = Identity {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            key_pem: key.serialize_pem(),
            key_der: key.serialize_der(),
            certificate_path: folder.join(format!("{name}.pem")),
            key_path: folder.join(format!("{name}-key.pem")),
        };
        write(&identity.certificate_path, &identity.certificate_pem)?;
        write(&identity.key_path, &identity.key_pem)?;
        Ok(identity)
    }
}

fn write(path: &Path, text: &str) -> Result<(), CertsError> {
    fs::write(path, text).map_err(CertsError::new(format!("write {}", path.display())))
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_what_is_in_memory_and_go_with_the_value() {
        let certs = TestCerts::generate().unwrap();
        let paths = [
            (certs.ca_path(), certs.ca_pem()),
            (certs.server().certificate_path().to_path_buf(), certs.server().certificate_pem()),
            (certs.server().key_path().to_path_buf(), certs.server().key_pem()),
            (certs.client().certificate_path().to_path_buf(), certs.client().certificate_pem()),
            (certs.client().key_path().to_path_buf(), certs.client().key_pem()),
        ];
        for (path, pem) in &paths {
            assert_eq!(&fs::read_to_string(path).unwrap(), pem);
        }
        let paths = paths.map(|(path, _)| path);
        drop(certs);
        assert!(paths.iter().all(|path| !path.exists()));
    }

    #[test]
    fn debug_shows_no_key() {
        let certs = TestCerts::generate().unwrap();
        let text = format!("{certs:?}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");
    }

    #[test]
    fn impossible_name_is_an_error_that_shows_it() {
        let error = TestCerts::builder().server_names(["ünicode"]).generate().unwrap_err();
        assert!(error.to_string().contains("ünicode"), "{error}");
    }
}
