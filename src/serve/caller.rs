//! Who may call: anyone, or clients whose certificates a CA of the cluster's own signed.
//!
//! [`Callers::authenticate`] is the one place that decides. Without a certificate that the CA signed, the handshake fails;
//! with one that carries none of the allowed names, requests are answered with 403, so that the log can say which name
//! came.

mod names;
mod verifier;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, RootCertStore, ServerConnection};
use rustls_pki_types::pem::PemObject as _;

use super::metrics::Metrics;
use super::polled::{Look, Polled};
use verifier::Trusted;

/// How many refused clients are logged; the metric counts them all.
const SAID: usize = 32;

/// Who may call.
pub(super) struct Callers {
    /// `None` lets anyone call: a NetworkPolicy may still keep others away.
    trusted: Option<Arc<Trusted>>,
    names: Vec<String>,
    metrics: Arc<Metrics>,
    /// The names whose refusal was logged, some at the most: clients that try again must not fill the log.
    said: Mutex<BTreeSet<String>>,
}

/// The other end of a connection.
pub(super) struct Peer {
    chain: Vec<CertificateDer<'static>>,
    /// What was decided, and by which version of the CA.
    decided: Mutex<Option<(u64, Result<(), Refusal>)>>,
}

/// Why somebody may not call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The CA that signed the certificate is not trusted any more.
    Untrusted,
    /// The certificate carries none of the allowed names.
    Name,
}

impl Refusal {
    /// What is answered.
    pub(super) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Untrusted => (StatusCode::UNAUTHORIZED, "the client certificate is not trusted any more"),
            Self::Name => (StatusCode::FORBIDDEN, "the client certificate carries no name that may call"),
        }
    }
}

impl Callers {
    /// Lets anyone call, or only clients with a certificate by `client_ca`, of one of `names` where there are any.
    pub(super) fn new(client_ca: bool, names: Vec<String>, metrics: Arc<Metrics>) -> Self {
        let trusted = client_ca.then(|| Arc::new(Trusted::default()));
        Self { trusted, names, metrics, said: Mutex::default() }
    }

    /// What verifies certificates in handshakes; `None` where nobody is asked for one.
    pub(super) fn verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        self.trusted.clone().map(|trusted| trusted as _)
    }

    /// Whether anybody could be let in: there has been a CA if one is needed.
    pub(super) fn can_tell(&self) -> bool {
        self.trusted.as_ref().is_none_or(|trusted| trusted.version() > 0)
    }

    /// The other end of a connection whose handshake is over.
    pub(super) fn peer(&self, tls: &ServerConnection) -> Peer {
        let chain = if self.trusted.is_some() { tls.peer_certificates() } else { None };
        let chain = chain.into_iter().flatten().map(|certificate| certificate.clone().into_owned());
        Peer { chain: chain.collect(), decided: Mutex::new(None) }
    }

    /// Decides whether the peer may call: once for each connection, and again when the CA has changed since.
    ///
    /// # Errors
    /// Who may not call, counted.
    pub(super) fn authenticate(&self, peer: &Peer) -> Result<(), Refusal> {
        let Some(trusted) = &self.trusted else { return Ok(()) };
        let mut decided = peer.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let version = trusted.version();
        let decision = match *decided {
            Some((by, decision)) if by == version => decision,
            _ => self.decide(trusted, &peer.chain),
        };
        *decided = Some((version, decision));
        if let Err(refusal) = decision {
            self.metrics.caller_refused(match refusal {
                Refusal::Untrusted => "untrusted",
                Refusal::Name => "name",
            });
        }
        decision
    }

    fn decide(&self, trusted: &Trusted, chain: &[CertificateDer<'static>]) -> Result<(), Refusal> {
        let Some((certificate, intermediates)) = chain.split_first() else { return Err(Refusal::Untrusted) };
        let now = rustls::pki_types::UnixTime::now();
        trusted.verify_client_cert(certificate, intermediates, now).map_err(|_| Refusal::Untrusted)?;
        if self.names.is_empty() {
            return Ok(());
        }
        let carried = names::of(certificate);
        if carried.iter().any(|name| self.names.contains(name)) {
            return Ok(());
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let carries = carried.join(", ");
        if said.len() < SAID && said.insert(carries.clone()) {
            tracing::warn!(carries, "a client certificate is refused: allow one of its names with --client-name");
        }
        Err(Refusal::Name)
    }

    /// Counts a handshake that failed for want of a good client certificate.
    pub(super) fn count(&self, error: &std::io::Error) {
        let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        let reason = match error {
            Some(rustls::Error::NoCertificatesPresented) => "absent",
            Some(rustls::Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            )) => "expired",
            Some(rustls::Error::InvalidCertificate(_)) => "untrusted",
            _ => return,
        };
        self.metrics.caller_refused(reason);
    }

    /// Looks at the CA's file until the future is dropped: a new CA counts at once, a bad one changes nothing.
    pub(super) fn follow(self: Arc<Self>, path: PathBuf, poll: Duration) -> impl Future<Output = ()> {
        Polled::file(path, read).follow(poll, move |look| self.take(look))
    }

    fn take(&self, look: Look<Arc<dyn ClientCertVerifier>>) {
        let Some(trusted) = &self.trusted else { return };
        match look {
            Look::Unchanged => {}
            Look::Replaced(verifier) => {
                trusted.replace(verifier);
                tracing::info!("a new client CA counts");
            }
            Look::Kept { fault, new } => {
                self.metrics.client_ca_fault();
                if new {
                    let goes_on = trusted.version() > 0;
                    tracing::error!(%fault, last_ca_goes_on = goes_on, "the client CA cannot be used");
                }
            }
        }
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let path = path.display();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bytes) {
        let certificate = certificate.map_err(|error| format!("{path} is no PEM text of certificates: {error}"))?;
        roots.add(certificate).map_err(|error| format!("{path} holds what is no CA certificate: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{path} holds no certificate; put the CA's PEM text into it"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    built.map_err(|error| format!("{path} cannot be used: {error}"))
}
