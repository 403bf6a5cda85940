//! Where a server under test is reached, whether it runs in the test or as a process of its own.

use std::io;
use std::net::SocketAddr;

use super::client::{Connection, Identity, Response, request};
use super::patience::until;

/// A server's two ports, and the CAs that its clients trust.
pub struct Target {
    pub reviews: SocketAddr,
    pub admin: SocketAddr,
    pub cas: String,
}

impl Target {
    /// Waits until `/ready` says so.
    pub async fn becomes_ready(&self) {
        until("readiness", async || self.admin("/ready").await.status == 200).await;
    }

    /// A new connection to the reviews' port.
    pub async fn dial(&self) -> io::Result<Connection> {
        Connection::tls(self.reviews, &self.cas, &[&rustls::version::TLS13]).await
    }

    /// The same with a client certificate.
    pub async fn dial_as(&self, identity: &Identity) -> io::Result<Connection> {
        Connection::tls_as(self.reviews, &self.cas, &[&rustls::version::TLS13], Some(identity)).await
    }

    /// A new connection that must succeed.
    pub async fn connect(&self) -> Connection {
        self.dial().await.expect("a handshake succeeds")
    }

    /// A GET at the admin port.
    pub async fn admin(&self, path: &str) -> Response {
        let mut connection = Connection::plain(self.admin).await.expect("the admin port is there");
        connection.exchange(&request("GET", path, &[], b"")).await.expect("the admin port answers")
    }

    /// The value of a metric's sample, written as in the text: `stsguard_panics_total`.
    pub async fn metric(&self, sample: &str) -> f64 {
        let response = self.admin("/metrics").await;
        let lines = response.text().lines().filter_map(|line| line.rsplit_once(' '));
        let value = lines.filter(|(name, _)| *name == sample).map(|(_, value)| value).next();
        value.map_or(0.0, |value| value.parse().expect("values are numbers"))
    }

    /// Whether a metric's sample is at least this.
    pub async fn counts(&self, sample: &str, least: f64) -> bool {
        self.metric(sample).await >= least
    }
}
