//! `stsguard release`: what the chart's hook runs before it is uninstalled.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use kube::api::DeleteParams;
use kube::{Api, Client, Error};

use super::print;

/// Delete the two webhook configurations, so that nothing is judged any more.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct ReleaseFlags {
    /// The name that both configurations have.
    #[arg(long, default_value = "stsguard", value_name = "NAME")]
    name: String,
}

impl ReleaseFlags {
    /// Deletes what is there; configurations that are gone already are as good.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let client = Client::try_default().await.context("no cluster")?;
            let validating: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
            let mutating: Api<MutatingWebhookConfiguration> = Api::all(client);
            let now = DeleteParams::default();
            // The one that refuses comes first.
            report("validating", &self.name, validating.delete(&self.name, &now).await)?;
            report("mutating", &self.name, mutating.delete(&self.name, &now).await)?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn report<T>(kind: &str, name: &str, deleted: Result<T, Error>) -> anyhow::Result<()> {
    let done = match deleted {
        Ok(_) => "deleted",
        Err(Error::Api(status)) if status.is_not_found() => "not there",
        Err(error) => return Err(error).with_context(|| format!("the {kind} webhook configuration {name:?} stays")),
    };
    print(format_args!("{kind} webhook configuration {name:?}: {done}\n"))
}
