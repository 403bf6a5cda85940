//! Verifies client certificates against a CA that may be replaced while serving.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// The CA that is trusted now; without one, nobody is.
pub(super) struct Trusted {
    current: ArcSwapOption<Arc<dyn ClientCertVerifier>>,
    version: AtomicU64,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Default for Trusted {
    fn default() -> Self {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        Self { current: ArcSwapOption::empty(), version: AtomicU64::new(0), algorithms }
    }
}

impl fmt::Debug for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trusted").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl Trusted {
    /// Trusts this CA from now on, and no other.
    pub(super) fn replace(&self, verifier: Arc<dyn ClientCertVerifier>) {
        self.current.store(Some(Arc::new(verifier)));
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// How many CAs there have been; 0 before the first.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}

impl ClientCertVerifier for Trusted {
    /// None: clients are not told which CAs are trusted. A hint would have to live as long as the server, and the CA may
    /// change.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.current.load().as_deref() {
            Some(verifier) => verifier.verify_client_cert(certificate, intermediates, now),
            None => Err(Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
