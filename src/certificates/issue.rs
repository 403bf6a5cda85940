//! Makes certificates: with P-256 keys, which make handshakes cheap, and valid from an hour ago, because clocks differ.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use time::{Duration, OffsetDateTime};

/// How long before it was made a certificate begins.
const BACKDATED: Duration = Duration::HOUR;

/// A certificate with its key, as PEM text. It has no `Debug`: keys are never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Signed {
    /// The certificate.
    pub(super) certificate: String,
    /// The key, PKCS #8.
    pub(super) key: String,
}

/// A CA, and its common name, which is derived from the key: verifiers look for issuers by name, so no two CAs may share
/// one.
pub(super) fn authority(now: OffsetDateTime, until: OffsetDateTime) -> Result<(Signed, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    // The first byte says how the point is written; the next are as good as random.
    let tag = key.public_key_raw().iter().skip(1).take(8).fold(0_u64, |tag, byte| tag << 8 | u64::from(*byte));
    let name = format!("stsguard CA {tag:016x}");
    let mut params = issuer(&name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.not_before = now - BACKDATED;
    params.not_after = until;
    let certificate = params.self_signed(&key)?;
    Ok((Signed { certificate: certificate.pem(), key: key.serialize_pem() }, name))
}

/// A serving certificate for these names and addresses, signed by a CA whose common name is `issuer_name`.
pub(super) fn leaf(
    (issuer_name, issuer_key): (&str, &str),
    names: &[String],
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Signed, rcgen::Error> {
    let mut params = CertificateParams::default();
    for name in names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.clone().try_into()?),
        });
    }
    params.distinguished_name.push(DnType::CommonName, "stsguard");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = now - BACKDATED;
    params.not_after = until;
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(issuer(issuer_name), KeyPair::from_pem(issuer_key)?);
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Signed { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// What a CA and the certificates that it signs must agree on.
fn issuer(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
