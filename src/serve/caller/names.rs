//! The names that a client certificate carries.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How many names are looked at, and how many characters of each: a certificate is input.
const MOST: (usize, usize) = (64, 256);

/// Common names, and alternative names of DNS, URI and e-mail form. An unreadable certificate carries none. A wildcard is
/// text like any other name: it is compared letter by letter, and matches only itself.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let common = parsed.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    let alternative = parsed.subject_alternative_name().ok().flatten();
    let alternative = alternative.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => Some(*name),
        _ => None,
    });
    let names = common.chain(alternative).filter(|name| name.chars().count() <= MOST.1).take(MOST.0);
    names.map(|name| name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()).collect()
}
