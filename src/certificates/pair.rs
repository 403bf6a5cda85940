//! A certificate with its key, checked before it is served.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::names::covers;

/// A certificate chain with its private key, fit to be served.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What rustls serves.
    pub certified: Arc<CertifiedKey>,
    /// When the certificate ends, in seconds since 1970.
    pub not_after: i64,
}

/// Why a pair cannot be served. Holds nothing of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// The certificate file.
    #[error("the certificate is no PEM certificate chain: {0}")]
    Certificate(String),
    /// The key file.
    #[error("the key is no PEM private key that can be used")]
    Key,
    /// The key is that of another certificate.
    #[error("key and certificate do not belong together")]
    Mismatch,
    /// The certificate has ended.
    #[error("the certificate ended on {0}")]
    Ended(String),
    /// The certificate is not valid yet.
    #[error("the certificate begins only on {0}")]
    NotYet(String),
    /// The certificate is for other names.
    #[error("the certificate does not cover the name {0:?}")]
    Name(String),
}

impl Pair {
    /// Reads and checks a pair: the key must belong to the certificate, the time must be right and, where a name is
    /// given, the certificate must cover it.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn read(certificate: &[u8], key: &[u8], name: Option<&str>) -> Result<Self, PairError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| PairError::Certificate(error.to_string()))?;
        let Some(leaf) = chain.first() else { return Err(PairError::Certificate("it holds none".to_owned())) };
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|error| PairError::Certificate(error.to_string()))?;
        let validity = parsed.validity();
        let (not_before, not_after) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        if now > not_after {
            return Err(PairError::Ended(validity.not_after.to_string()));
        }
        if now < not_before {
            return Err(PairError::NotYet(validity.not_before.to_string()));
        }
        if let Some(name) = name
            && !covers(leaf, name)
        {
            return Err(PairError::Name(name.to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| PairError::Key)?;
        let provider: CryptoProvider = rustls::crypto::ring::default_provider();
        let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => PairError::Mismatch,
            _ => PairError::Key,
        })?;
        Ok(Self { certified: Arc::new(certified), not_after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn read(from: i32, to: i32) -> Result<Pair, PairError> {
        let mut certificate = CertificateParams::new(["localhost".to_owned()]).expect("it is a name");
        certificate.not_before = date_time_ymd(from, 1, 2);
        certificate.not_after = date_time_ymd(to, 3, 4);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = certificate.self_signed(&key).expect("it can be signed");
        Pair::read(certificate.pem().as_bytes(), key.serialize_pem().as_bytes(), Some("localhost"))
    }

    #[test]
    fn refuses_a_pair_out_of_its_time_in_words_that_do_not_change_with_the_clock() {
        assert!(read(2001, 4000).is_ok());
        let ended = read(2001, 2002).expect_err("it has ended").to_string();
        assert!(ended.contains("Mar  4") && ended.contains("2002"), "{ended}");
        let early = read(3001, 3002).expect_err("it has not begun").to_string();
        assert!(early.contains("Jan  2") && early.contains("3001"), "{early}");
    }
}
