//! The pair that is served now.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::Pair;

/// The pair that is served now; handed to rustls as its resolver.
#[derive(Debug, Default)]
pub struct Serving(ArcSwapOption<Pair>);

impl Serving {
    /// The pair, if there has ever been a sound one.
    pub fn pair(&self) -> Option<Arc<Pair>> {
        self.0.load_full()
    }

    /// Serves another pair from the next handshake on.
    pub fn serve(&self, pair: Pair) {
        self.0.store(Some(Arc::new(pair)));
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|pair| Arc::clone(&pair.certified))
    }
}
