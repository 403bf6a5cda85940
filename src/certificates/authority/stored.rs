//! What the Secret holds.

use std::collections::BTreeMap;

use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Life;
use crate::certificates::issue::Signed;
use crate::certificates::names::covers;

const CA: [&str; 2] = ["ca.crt", "ca.key"];
const NEXT_CA: [&str; 2] = ["next-ca.crt", "next-ca.key"];
const PREVIOUS_CA: [&str; 2] = ["previous-ca.crt", "previous-ca.until"];
const LEAF: [&str; 2] = ["tls.crt", "tls.key"];

/// A CA with its successor and its predecessor where there is one, and the pair that is served.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    pub(super) authority: Authority,
    pub(super) next: Option<Authority>,
    pub(super) previous: Option<Previous>,
    pub(super) leaf: Leaf,
}

/// A CA that signs.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) signed: Signed,
    pub(super) name: String,
    pub(super) life: Life,
}

/// A CA that signs no more, but has signed what may still be served.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Previous {
    pub(super) certificate: String,
    /// When the last certificate that it signed has ended, in seconds since 1970.
    pub(super) until: i64,
}

/// The serving certificate.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) signed: Signed,
    pub(super) issuer: String,
    pub(super) life: Life,
}

/// Why what a Secret holds cannot be used. Holds nothing of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing or cannot be used")]
pub struct Malformed(&'static str);

impl Stored {
    /// Reads the data of a Secret.
    ///
    /// # Errors
    /// The first entry that is missing or no certificate, or whose key does not belong to it.
    pub fn read<V: AsRef<[u8]>>(data: &BTreeMap<String, V>) -> Result<Self, Malformed> {
        let text = |key: &'static str| -> Option<String> {
            let bytes = data.get(key)?;
            let text = std::str::from_utf8(bytes.as_ref()).ok()?;
            // Texts are joined to a bundle: each ends its last line, whoever wrote the Secret.
            Some(format!("{}\n", text.trim()))
        };
        let signed = |[certificate, key]: [&'static str; 2]| {
            Ok(Signed {
                certificate: text(certificate).ok_or(Malformed(certificate))?,
                key: text(key).ok_or(Malformed(key))?,
            })
        };
        let authority = Authority::read(signed(CA)?).map_err(|()| Malformed(CA[0]))?;
        let leaf = Leaf::read(signed(LEAF)?).map_err(|()| Malformed(LEAF[0]))?;
        // Neither is needed to serve: a next CA that cannot be read is made again, and such a previous one is left out.
        let next = signed(NEXT_CA).ok().and_then(|signed| Authority::read(signed).ok());
        let previous = text(PREVIOUS_CA[0]).zip(text(PREVIOUS_CA[1])).and_then(|(certificate, until)| {
            parsed(&certificate, |_| ())?;
            Some(Previous { certificate, until: until.trim().parse().ok()? })
        });
        Ok(Self { authority, next, previous, leaf })
    }

    /// The data of the Secret.
    pub fn data(&self) -> BTreeMap<String, Vec<u8>> {
        let mut data = BTreeMap::new();
        let mut put = |keys: [&str; 2], values: [&str; 2]| {
            for (key, value) in keys.into_iter().zip(values) {
                data.insert(key.to_owned(), value.as_bytes().to_vec());
            }
        };
        put(CA, [&self.authority.signed.certificate, &self.authority.signed.key]);
        put(LEAF, [&self.leaf.signed.certificate, &self.leaf.signed.key]);
        if let Some(next) = &self.next {
            put(NEXT_CA, [&next.signed.certificate, &next.signed.key]);
        }
        if let Some(previous) = &self.previous {
            put(PREVIOUS_CA, [&previous.certificate, &previous.until.to_string()]);
        }
        data
    }

    /// The caBundle: every CA that has signed or will sign what is served, as PEM text.
    pub fn bundle(&self) -> String {
        let next = self.next.iter().map(|next| next.signed.certificate.as_str());
        let previous = self.previous.iter().map(|previous| previous.certificate.as_str());
        std::iter::once(self.authority.signed.certificate.as_str()).chain(next).chain(previous).collect()
    }

    /// The pair to serve: certificate and key as PEM text.
    pub fn pair(&self) -> (&str, &str) {
        (&self.leaf.signed.certificate, &self.leaf.signed.key)
    }

    /// The certificate of the CA that has signed it.
    pub fn authority(&self) -> &str {
        &self.authority.signed.certificate
    }

    /// The certificate of the CA that is to follow.
    pub fn next_authority(&self) -> Option<&str> {
        self.next.as_ref().map(|next| next.signed.certificate.as_str())
    }

    /// When the CA ends, in seconds since 1970.
    pub fn authority_ends(&self) -> i64 {
        self.authority.life.end
    }

    /// Whether the CA is valid at this time, in seconds since 1970.
    pub fn has_valid_authority(&self, now: i64) -> bool {
        self.authority.life.contains(now)
    }

    /// Whether the served certificate and its CA are valid at this time, in seconds since 1970.
    pub fn is_valid(&self, now: i64) -> bool {
        self.leaf.life.contains(now) && self.authority.life.contains(now)
    }

    /// Whether the bundle holds the CA that has signed what is served.
    pub fn verifies(&self, served: &Self) -> bool {
        self.bundle().contains(served.authority())
    }

    /// The same, with the CA of what is still served as the previous one, so that it is published, too; unchanged if it
    /// is published already.
    #[must_use]
    pub fn remembering(&self, served: &Self) -> Self {
        let mut remembering = self.clone();
        if !self.verifies(served) && self.previous.is_none() {
            let certificate = served.authority().to_owned();
            remembering.previous = Some(Previous { certificate, until: served.leaf.life.end });
        }
        remembering
    }
}

impl Authority {
    pub(super) fn read(signed: Signed) -> Result<Self, ()> {
        let (name, life) = parsed(&signed.certificate, |certificate| {
            let name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
            (name.map(str::to_owned), Life::from(certificate.validity()))
        })
        .ok_or(())?;
        belong_together(&signed)?;
        Ok(Self { signed, name: name.ok_or(())?, life })
    }

    pub(super) fn has_signed(&self, leaf: &Leaf) -> bool {
        self.name == leaf.issuer
    }
}

impl Leaf {
    pub(super) fn read(signed: Signed) -> Result<Self, ()> {
        let (issuer, life) = parsed(&signed.certificate, |certificate| {
            let issuer = certificate.issuer().iter_common_name().next().and_then(|name| name.as_str().ok());
            (issuer.map(str::to_owned), Life::from(certificate.validity()))
        })
        .ok_or(())?;
        belong_together(&signed)?;
        Ok(Self { signed, issuer: issuer.ok_or(())?, life })
    }

    /// Whether it can be served under this name.
    pub(super) fn covers(&self, name: &str) -> bool {
        let certificate = CertificateDer::from_pem_slice(self.signed.certificate.as_bytes());
        certificate.is_ok_and(|certificate| covers(&certificate, name))
    }
}

fn belong_together(signed: &Signed) -> Result<(), ()> {
    let certificate = CertificateDer::from_pem_slice(signed.certificate.as_bytes()).map_err(drop)?;
    let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).map_err(drop)?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(vec![certificate], key, &provider).map(drop).map_err(drop)
}

/// What `read` takes from the one certificate in this PEM text.
fn parsed<T>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    X509Certificate::from_der(&der).ok().map(|(_, certificate)| read(&certificate))
}
