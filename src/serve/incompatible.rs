//! Clients that have no TLS version, suite or signature in common with us: counted, and now and then logged.
//!
//! An API server among them never asks, and with `failurePolicy: Ignore` everything passes unjudged. It asks for the
//! Service by its name, which those who look at ports do not know: so the two are told apart. What is no TLS at all never
//! comes here.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::{Error, PeerIncompatible};

use super::metrics::Metrics;

/// How long nothing is said of a reason after it was.
const QUIET: Duration = Duration::from_hours(1);

/// Counts those whose handshakes cannot succeed.
pub(super) struct Incompatible {
    tls12: bool,
    metrics: Arc<Metrics>,
    /// When each reason was logged last: clients that try again must not fill the log.
    said: Mutex<BTreeMap<&'static str, Instant>>,
}

impl Incompatible {
    /// Nobody yet.
    pub(super) fn new(tls12: bool, metrics: Arc<Metrics>) -> Self {
        Self { tls12, metrics, said: Mutex::default() }
    }

    /// Counts a handshake that failed, if the client has begun one that could not succeed.
    pub(super) fn count(&self, error: &io::Error, for_us: bool, peer: IpAddr) {
        let Some(reason) = reason(error) else { return };
        self.metrics.handshake_refused(reason, if for_us { "ours" } else { "other" });
        if for_us && self.is_news(reason, Instant::now()) {
            let remedy = self.remedy(reason);
            tracing::warn!(
                reason,
                peer = %peer.to_canonical(),
                remedy,
                "a client that calls us by name cannot speak our TLS: if it is an API server, nothing of what it asks is judged"
            );
        }
    }

    /// Whether nothing was said of this reason for long; it counts as said then.
    fn is_news(&self, reason: &'static str, now: Instant) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(reason).is_some_and(|when| now.duration_since(*when) < QUIET) {
            return false;
        }
        said.insert(reason, now);
        true
    }

    fn remedy(&self, reason: &str) -> &'static str {
        match reason {
            "version" if self.tls12 => "it speaks nothing as new as TLS 1.2, and we nothing older",
            "version" => {
                "set tls.minVersion to \"1.2\" in the chart's values (--tls12), which serves those that stop there"
            }
            "certificate" => "serve a certificate with a P-256 key, which all of them can verify",
            _ => "let it offer ECDHE over P-256, P-384 or X25519, with AES-GCM or ChaCha20-Poly1305",
        }
    }
}

/// What the client lacks; `None` of all other failures.
fn reason(error: &io::Error) -> Option<&'static str> {
    use PeerIncompatible as P;
    let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    let Some(Error::PeerIncompatible(incompatible)) = error else { return None };
    Some(match incompatible {
        // Before TLS 1.2 there was no list of signatures.
        P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled
        | P::SupportedVersionsExtensionRequired
        | P::SignatureAlgorithmsExtensionRequired => "version",
        P::NoSignatureSchemesInCommon => "certificate",
        _ => "suite",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: PeerIncompatible = PeerIncompatible::Tls12NotOfferedOrEnabled;

    fn failed(incompatible: PeerIncompatible) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Error::PeerIncompatible(incompatible))
    }

    #[test]
    fn tells_versions_suites_and_signatures_apart_and_leaves_out_all_else() {
        assert_eq!(reason(&failed(VERSION)), Some("version"));
        assert_eq!(reason(&failed(PeerIncompatible::SignatureAlgorithmsExtensionRequired)), Some("version"));
        assert_eq!(reason(&failed(PeerIncompatible::NoKxGroupsInCommon)), Some("suite"));
        assert_eq!(reason(&failed(PeerIncompatible::NoSignatureSchemesInCommon)), Some("certificate"));
        let others = [Error::NoCertificatesPresented, Error::DecryptError];
        let others = others.map(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        assert!(others.iter().all(|error| reason(error).is_none()));
        assert_eq!(reason(&io::ErrorKind::UnexpectedEof.into()), None);
    }

    #[test]
    fn a_reason_is_news_once_an_hour() {
        let incompatible = Incompatible::new(false, Arc::default());
        let begun = Instant::now();
        let news = |after| ["version", "suite"].map(|reason| incompatible.is_news(reason, begun + after));
        assert_eq!(news(Duration::ZERO), [true; 2]);
        assert_eq!(news(QUIET / 2), [false; 2]);
        assert_eq!((news(QUIET), news(QUIET)), ([true; 2], [false; 2]));
    }

    #[test]
    fn asks_for_the_switch_only_where_it_is_off() {
        let remedy = |tls12| Incompatible::new(tls12, Arc::default()).remedy("version");
        assert!(remedy(false).contains("tls.minVersion") && !remedy(true).contains("tls.minVersion"));
    }
}
