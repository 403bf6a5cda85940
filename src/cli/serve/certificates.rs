//! The flags of certificates that stsguard makes itself.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use super::{duration, lasting};
use crate::certificates::authority::Lives;
use crate::certificates::{ObjectNames, SelfManaged};

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CertificateSource {
    /// A folder that somebody else fills: a Secret of your own, or cert-manager's.
    Folder,
    /// A CA of its own in a Secret, renewed and published by stsguard itself.
    SelfManaged,
}

/// The shortest life of a certificate whose third is a second: the unit of its dates.
const SHORTEST: Duration = Duration::from_secs(3);

/// Flags of certificates that stsguard makes itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Certificates")]
pub struct SelfManagedFlags {
    /// Where the certificate comes from.
    #[arg(long, env = "STSGUARD_CERTIFICATE_SOURCE", default_value = "folder", value_name = "SOURCE")]
    pub certificate_source: CertificateSource,
    /// The Secret that keeps the CA and the certificate, in the Service's namespace.
    #[arg(long, env = "STSGUARD_CERTIFICATE_SECRET", default_value = "stsguard-authority", value_name = "NAME")]
    pub certificate_secret: String,
    /// The name of both webhook configurations, whose entries are given the CA.
    #[arg(long, env = "STSGUARD_WEBHOOK_CONFIGURATION", default_value = "stsguard", value_name = "NAME")]
    pub webhook_configuration: String,
    /// How long a certificate is valid; it is renewed when a third is left.
    #[arg(long, env = "STSGUARD_CERTIFICATE_LIFE", default_value = "30d", value_name = "TIME", value_parser = lasting)]
    pub certificate_life: Duration,
    /// How long the CA is valid; its successor is published when a third is left.
    #[arg(long, env = "STSGUARD_CA_LIFE", default_value = "365d", value_name = "TIME", value_parser = lasting)]
    pub ca_life: Duration,
    /// How long every webhook entry must have shown a new CA before it is used.
    #[arg(long, env = "STSGUARD_CA_SETTLE", default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub ca_settle: Duration,
}

impl SelfManagedFlags {
    /// The settings, if stsguard makes its certificates itself.
    pub(super) fn resolve(&self, name: Option<&str>) -> anyhow::Result<Option<SelfManaged>> {
        if self.certificate_source == CertificateSource::Folder {
            return Ok(None);
        }
        let name = name.context("--certificate-source self-managed needs --certificate-name SERVICE.NAMESPACE.svc")?;
        let parts: Vec<_> = name.split('.').collect();
        let [service, namespace, "svc"] = parts[..] else {
            bail!("--certificate-name {name:?} is not of the form SERVICE.NAMESPACE.svc");
        };
        if self.certificate_life > self.ca_life {
            bail!("--certificate-life is longer than --ca-life: no certificate outlives the CA that has signed it");
        }
        if self.certificate_life < SHORTEST {
            bail!("--certificate-life is shorter than {SHORTEST:?}: it would be renewed without end");
        }
        if self.ca_settle >= self.ca_life / 3 {
            bail!("--ca-settle is longer than the third of --ca-life in which a new CA takes over");
        }
        Ok(Some(SelfManaged {
            names: ObjectNames {
                namespace: namespace.to_owned(),
                service: service.to_owned(),
                secret: self.certificate_secret.clone(),
                configuration: self.webhook_configuration.clone(),
            },
            lives: Lives { authority: self.ca_life, leaf: self.certificate_life, settle: self.ca_settle },
            tick: Duration::from_secs(60).min(self.certificate_life / 100),
        }))
    }
}
