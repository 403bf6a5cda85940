//! What a server is built from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::limits::{Drain, Limits};
use crate::certificates::SelfManaged;
use crate::rule::{Policy, Profile};
use crate::rules;
use crate::watch::SILENCE;

/// What a server is built from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where reviews are served.
    pub listen: SocketAddr,
    /// Where probes and metrics are served, without TLS.
    pub admin_listen: SocketAddr,
    /// Where the pair comes from, unless a folder holds it.
    pub self_managed: Option<SelfManaged>,
    /// The folder with `tls.crt` and `tls.key`.
    pub certificates: PathBuf,
    /// A name that the certificate must cover, `<service>.<namespace>.svc`; any certificate will do without it.
    pub certificate_name: Option<String>,
    /// How often the folder is looked into.
    pub certificate_poll: Duration,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub tls12: bool,
    /// The CA that signs the certificates of those who may call; anyone may without it.
    pub client_ca: Option<PathBuf>,
    /// Names of which a client certificate must carry one; without any, every certificate of the CA will do.
    pub client_names: Vec<String>,
    /// The policy; where there is a file, the one that it held at the start.
    pub policy: Policy,
    /// The policy file.
    pub policy_file: Option<PathBuf>,
    /// How often the policy file is looked at.
    pub policy_poll: Duration,
    /// How long the API server may say nothing about a kind before its watch is begun anew.
    pub silence: Duration,
    /// What one client may ask for at most.
    pub limits: Limits,
    /// How long each step of a shutdown takes.
    pub drain: Drain,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 10250),
            admin_listen: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8080),
            self_managed: None,
            certificates: PathBuf::from("/etc/stsguard/certificates"),
            certificate_name: None,
            certificate_poll: Duration::from_secs(10),
            tls12: false,
            client_ca: None,
            client_names: Vec::new(),
            policy: rules::policy(Profile::Recommended),
            policy_file: None,
            policy_poll: Duration::from_secs(10),
            silence: SILENCE,
            limits: Limits::default(),
            drain: Drain::default(),
        }
    }
}
