//! TLS for the accept loop: two PEM files become an acceptor (rustls on ring, TLS 1.2 and 1.3,
//! HTTP/2 offered by ALPN). The cryptography is chosen here and not by the process-wide default,
//! because an embedder may have chosen another one for itself.

use std::{path::PathBuf, sync::Arc};

use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{Error as PemError, PemObject},
};
use tokio_rustls::{TlsAcceptor, rustls};

/// The server's certificate and key on disk, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by the intermediate ones.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1. It may be in the same file.
    pub key: PathBuf,
}

/// Why the certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read, or is no PEM.
    #[error("cannot read the PEM file {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate; it needs a 'BEGIN CERTIFICATE' block", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The file holds no private key.
    #[error("{} holds no private key; it needs a 'BEGIN PRIVATE KEY' block without passphrase", path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// Both were read, but do not work, or not together.
    #[error("the certificate in {} and the key in {} cannot be used together", certificate.display(), key.display())]
    Unusable {
        /// Where the certificate came from.
        certificate: PathBuf,
        /// Where the key came from.
        key: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
}

impl TlsFiles {
    /// Reads both files, checks that they belong together, and makes the acceptor.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn load(&self) -> Result<TlsAcceptor, TlsError> {
        let unusable = |source| TlsError::Unusable {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(self.read_certificates()?, self.read_key()?)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn read_certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let path = &self.certificate;
        let unreadable = |source| TlsError::Unreadable { path: path.clone(), source };
        let chain = CertificateDer::pem_file_iter(path)
            .map_err(unreadable)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        if chain.is_empty() { Err(TlsError::NoCertificate { path: path.clone() }) } else { Ok(chain) }
    }

    fn read_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_file(&self.key).map_err(|source| match source {
            PemError::NoItemsFound => TlsError::NoKey { path: self.key.clone() },
            source => TlsError::Unreadable { path: self.key.clone(), source },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &str, folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_wrong_file_is_named_with_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
        let certificate = written("cert.pem", &own.cert.pem(), &folder);
        let key = written("key.pem", &own.signing_key.serialize_pem(), &folder);
        let strange = written("other.pem", &other.signing_key.serialize_pem(), &folder);
        let missing = folder.path().join("missing.pem");

        let load = |certificate: &PathBuf, key: &PathBuf| {
            TlsFiles { certificate: certificate.clone(), key: key.clone() }.load().map(|_| ())
        };
        assert!(load(&certificate, &key).is_ok());
        assert!(matches!(load(&certificate, &strange), Err(TlsError::Unusable { .. })));
        assert!(matches!(load(&key, &key), Err(TlsError::NoCertificate { path }) if path == key));
        assert!(
            matches!(load(&certificate, &certificate), Err(TlsError::NoKey { path }) if path == certificate)
        );
        assert!(matches!(load(&missing, &key), Err(TlsError::Unreadable { path, .. }) if path == missing));
    }
}
