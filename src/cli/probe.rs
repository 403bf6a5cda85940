//! `stsguard probe`: what `helm test` runs.

mod call;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ServiceReference, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::print;
use call::{Answer, Target};

/// How long an entry may take to answer: what the API server may wait at most.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Says which answer belongs to which review.
const UID: &str = "00000000-0000-4000-8000-000000000000";

/// Ask every entry of the webhook configurations as the API server does, and say whether it answers.
///
/// Each Service is called at its cluster IP under its own name, and must show a certificate that the entry's CA bundle
/// verifies; the review is of a headless Service, which no rule objects to. The TLS version that both speak is printed.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct ProbeFlags {
    /// The name that both configurations have.
    #[arg(long, default_value = "stsguard", value_name = "NAME")]
    name: String,
    /// Ask with TLS 1.2, as an API server that stops there; without it, with the newest that both speak.
    #[arg(long)]
    tls12: bool,
}

impl ProbeFlags {
    /// Asks one entry after the other; the first that does not answer is the error.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let client = Client::try_default().await.context("no cluster")?;
            for (entry, config) in entries(&client, &self.name).await? {
                let asked = ask(&client, config, self.tls12).await;
                let (place, version) = asked.with_context(|| format!("{entry} does not answer"))?;
                print(format_args!("{entry} answers at {place} over TLS {version}\n"))?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// The entries of both configurations, by name.
async fn entries(client: &Client, name: &str) -> anyhow::Result<Vec<(String, WebhookClientConfig)>> {
    let validating = Api::<ValidatingWebhookConfiguration>::all(client.clone()).get(name).await;
    let mutating = Api::<MutatingWebhookConfiguration>::all(client.clone()).get(name).await;
    let validating = validating.with_context(|| format!("no validating webhook configuration {name:?}"))?.webhooks;
    let mutating = mutating.with_context(|| format!("no mutating webhook configuration {name:?}"))?.webhooks;
    let validating = validating.into_iter().flatten().map(|entry| (entry.name, entry.client_config));
    let mutating = mutating.into_iter().flatten().map(|entry| (entry.name, entry.client_config));
    let entries: Vec<_> = validating.chain(mutating).collect();
    ensure!(!entries.is_empty(), "the webhook configurations {name:?} have no entries: nothing is judged");
    Ok(entries)
}

/// Sends a review to one entry; returns where it was answered, and over which TLS version.
async fn ask(client: &Client, config: WebhookClientConfig, tls12: bool) -> anyhow::Result<(String, &'static str)> {
    let Some(ServiceReference { name, namespace, path, port }) = config.service else { bail!("it names no Service") };
    let bundle = config.ca_bundle.map(|bundle| bundle.0).unwrap_or_default();
    let host = format!("{name}.{namespace}.svc");
    let service = Api::<Service>::namespaced(client.clone(), &namespace).get(&name).await?;
    let address = service.spec.and_then(|spec| spec.cluster_ip).with_context(|| format!("{host} has no cluster IP"))?;
    let (port, path) = (u16::try_from(port.unwrap_or(443))?, path.unwrap_or_else(|| "/".to_owned()));

    let target = Target { address: &address, port, host: &host, authorities: &bundle, tls12 };
    let (url, review) = (format!("{path}?timeout=10s"), serde_json::to_vec(&review())?);
    let asked = timeout(TIMEOUT, target.post(&url, review)).await;
    let Answer { version, body } = asked.with_context(|| format!("no answer within {TIMEOUT:?}"))??;
    let answer: Value = serde_json::from_slice(&body).context("its answer is no JSON")?;
    let response = &answer["response"];
    ensure!(
        answer["kind"] == "AdmissionReview" && response["uid"] == UID,
        "its answer is none to our review: {answer}"
    );
    ensure!(response["allowed"] == true, "it refuses a headless Service: {response}");
    Ok((format!("{host}:{port}{path}"), version))
}

/// A review of a headless Service that is never made.
fn review() -> Value {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "stsguard-probe", "namespace": "stsguard-probe"},
        "spec": {"clusterIP": "None", "selector": {"app": "stsguard-probe"}},
    });
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": {"group": "", "version": "v1", "kind": "Service"},
            "resource": {"group": "", "version": "v1", "resource": "services"},
            "name": "stsguard-probe",
            "namespace": "stsguard-probe",
            "operation": "CREATE",
            "userInfo": {"username": "stsguard-probe"},
            "object": object,
            "oldObject": null,
            "dryRun": true,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::review;
    use crate::admission::{Endpoint, Review};
    use crate::facts::{Answers, NoFacts};
    use crate::rule::Profile;
    use crate::rules;

    #[test]
    fn no_rule_objects_to_what_it_asks() {
        let review = Review::parse(review().to_string().as_bytes()).expect("it can be read");
        for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
            let verdict =
                review.decide(endpoint, &rules::policy(Profile::Recommended), &NoFacts, &Answers::new()).verdict;
            assert!(verdict.warnings.is_empty() && verdict.operations.is_empty(), "{verdict:?}");
        }
    }
}
