//! The names that a certificate is for.

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

/// Whether a client that knows the server by this name accepts the certificate for it, wildcards included: rustls decides,
/// as it does for its own clients. Only alternative names count, for no client looks at common names any more.
pub(super) fn covers(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(name) = ServerName::try_from(name) else { return false };
    ParsedCertificate::try_from(certificate).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn certificate(names: &[&str]) -> CertificateDer<'static> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key can be made");
        let mut certificate = CertificateParams::new(names).expect("they are names");
        certificate.distinguished_name.push(rcgen::DnType::CommonName, "common.stsguard.svc");
        certificate.self_signed(&key).expect("it can be signed").der().clone()
    }

    #[test]
    fn covers_what_clients_accept() {
        let certificate = certificate(&["Guard.stsguard.svc", "*.wild.svc", "localhost"]);
        for name in ["guard.stsguard.svc", "GUARD.stsguard.svc", "any.wild.svc", "localhost"] {
            assert!(covers(&certificate, name), "{name}");
        }
        for name in ["common.stsguard.svc", "wild.svc", "a.b.wild.svc", "guard.stsguard", "", "a b", "*.wild.svc"] {
            assert!(!covers(&certificate, name), "{name}");
        }
        assert!(!covers(&CertificateDer::from_slice(b"none"), "guard.stsguard.svc"));
    }
}
