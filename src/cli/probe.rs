//! `stsguard probe`: what `helm test` runs.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use http::{Request, Uri};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ServiceReference, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client, Config};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::print;

/// How long an entry may take to answer: what the API server may wait at most.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Says which answer belongs to which review.
const UID: &str = "00000000-0000-4000-8000-000000000000";

/// Ask every entry of the webhook configurations as the API server does, and say whether it answers.
///
/// Each Service is called at its cluster IP under its own name, and must show a certificate that the entry's CA bundle
/// verifies; the review is of a headless Service, which no rule objects to.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct ProbeFlags {
    /// The name that both configurations have.
    #[arg(long, default_value = "stsguard", value_name = "NAME")]
    name: String,
}

impl ProbeFlags {
    /// Asks one entry after the other; the first that does not answer is the error.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let client = Client::try_default().await.context("no cluster")?;
            for (entry, config) in entries(&client, &self.name).await? {
                let place = ask(&client, config).await.with_context(|| format!("{entry} does not answer"))?;
                print(format_args!("{entry} answers at {place}\n"))?;
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

/// Sends a review to one entry; returns where it was answered.
async fn ask(client: &Client, config: WebhookClientConfig) -> anyhow::Result<String> {
    let Some(ServiceReference { name, namespace, path, port }) = config.service else { bail!("it names no Service") };
    let bundle = config.ca_bundle.map(|bundle| bundle.0).unwrap_or_default();
    let roots: Vec<_> =
        CertificateDer::pem_slice_iter(&bundle).collect::<Result<_, _>>().context("its CA bundle is no PEM text")?;
    ensure!(!roots.is_empty(), "its CA bundle is empty: the API server cannot verify the webhook");

    let host = format!("{name}.{namespace}.svc");
    let service = Api::<Service>::namespaced(client.clone(), &namespace).get(&name).await?;
    let address = service.spec.and_then(|spec| spec.cluster_ip).with_context(|| format!("{host} has no cluster IP"))?;
    let address = if address.contains(':') { format!("[{address}]") } else { address };
    let (port, path) = (port.unwrap_or(443), path.unwrap_or_default());

    let mut config = Config::new(format!("https://{address}:{port}/").parse::<Uri>()?);
    config.root_cert = Some(roots.iter().map(|root| root.to_vec()).collect());
    config.tls_server_name = Some(host.clone());
    config.connect_timeout = Some(TIMEOUT);
    config.read_timeout = Some(TIMEOUT);
    let request = Request::post(format!("{path}?timeout=10s")).header("content-type", "application/json");
    let answer: Value = Client::try_from(config)?.request(request.body(serde_json::to_vec(&review())?)?).await?;
    let response = &answer["response"];
    ensure!(
        answer["kind"] == "AdmissionReview" && response["uid"] == UID,
        "its answer is none to our review: {answer}"
    );
    ensure!(response["allowed"] == true, "it refuses a headless Service: {response}");
    Ok(format!("{host}:{port}{path}"))
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
