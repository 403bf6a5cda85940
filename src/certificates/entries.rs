//! The entries of our two webhook configurations: which bundle they show, and the patch that makes them show another.
//!
//! The caBundle is written by JSON patch, with a test of each entry's name, and never by server-side apply: an applied
//! field would be ours, would keep half an entry alive when an upgrade renames or drops it, and that upgrade would end in
//! a 422. Nothing but the caBundle is written, and only in entries that call our own Service.

use std::fmt::Debug;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use kube::ResourceExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The annotation in which a webhook configuration says whose certificates its entries verify.
const SOURCE: &str = "stsguard.dev/certificates";
/// What it says where they are ours.
const SELF_MANAGED: &str = "self-managed";

/// A kind of webhook configuration.
pub(super) trait Configuration:
    kube::Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// Each entry's name and client configuration, in order.
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)>;
}

impl Configuration for ValidatingWebhookConfiguration {
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)> {
        self.webhooks.iter().flatten().map(|webhook| (webhook.name.as_str(), &webhook.client_config)).collect()
    }
}

impl Configuration for MutatingWebhookConfiguration {
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)> {
        self.webhooks.iter().flatten().map(|webhook| (webhook.name.as_str(), &webhook.client_config)).collect()
    }
}

/// The entries of one configuration that call our Service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entries(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    index: usize,
    name: String,
    bundle: Vec<u8>,
}

impl Entries {
    /// Those of `configuration` that call this Service; none where certificates come from elsewhere now. A pod on its way
    /// out must not write over what the new installation has published.
    pub(super) fn of(configuration: &impl Configuration, service: &str, namespace: &str) -> Self {
        let source = configuration.annotations().get(SOURCE);
        let ours = |config: &WebhookClientConfig| {
            source.is_some_and(|source| source == SELF_MANAGED)
                && config.service.as_ref().is_some_and(|called| called.name == service && called.namespace == namespace)
        };
        let webhooks = configuration.webhooks().into_iter().enumerate();
        let entries = webhooks.filter(|(_, (_, config))| ours(config)).map(|(index, (name, config))| {
            let bundle = config.ca_bundle.as_ref().map(|bundle| bundle.0.clone()).unwrap_or_default();
            Entry { index, name: name.to_owned(), bundle }
        });
        Self(entries.collect())
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of them shows this CA, PEM text, in its bundle.
    pub(super) fn show(&self, authority: &str) -> bool {
        let authority = authority.as_bytes();
        self.0.iter().all(|entry| entry.bundle.windows(authority.len().max(1)).any(|part| part == authority))
    }

    /// The JSON patch after which each of them shows exactly this bundle; `None` if they do already. The API server refuses
    /// it where an entry has changed since it was read, or where the annotation says by now that certificates come from
    /// elsewhere.
    pub(super) fn patch(&self, bundle: &str) -> Option<Value> {
        use base64::Engine as _;
        let encoded = |bundle: &[u8]| base64::engine::general_purpose::STANDARD.encode(bundle);
        let others: Vec<_> = self.0.iter().filter(|entry| entry.bundle != bundle.as_bytes()).collect();
        let annotation = format!("/metadata/annotations/{}", SOURCE.replace('/', "~1"));
        let mut operations = vec![json!({"op": "test", "path": annotation, "value": SELF_MANAGED})];
        for Entry { index, name, bundle: seen } in &others {
            let path = format!("/webhooks/{index}/clientConfig/caBundle");
            operations.push(json!({"op": "test", "path": format!("/webhooks/{index}/name"), "value": name}));
            if !seen.is_empty() {
                operations.push(json!({"op": "test", "path": path, "value": encoded(seen)}));
            }
            operations.push(json!({"op": "add", "path": path, "value": encoded(bundle.as_bytes())}));
        }
        (!others.is_empty()).then(|| Value::Array(operations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(entries: &[(&str, &str, &str)]) -> ValidatingWebhookConfiguration {
        use base64::Engine as _;
        let encode = |text: &&str| base64::engine::general_purpose::STANDARD.encode(text);
        let webhooks = entries.iter().map(|(name, service, bundle)| {
            let service = json!({"name": service, "namespace": "stsguard"});
            json!({"name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None",
                   "clientConfig": {"service": service, "caBundle": encode(bundle)}})
        });
        let webhooks: Vec<_> = webhooks.collect();
        serde_json::from_value(json!({
            "metadata": {"name": "stsguard", "annotations": {SOURCE: "self-managed"}}, "webhooks": webhooks,
        }))
        .expect("it is one")
    }

    #[test]
    fn nothing_is_ours_where_certificates_come_from_elsewhere() {
        let mut found = configuration(&[("services.stsguard.dev", "stsguard", "")]);
        for source in [Some("provided"), None] {
            let annotation = source.map(|source| [(SOURCE.to_owned(), source.to_owned())].into());
            found.metadata.annotations = annotation;
            assert!(Entries::of(&found, "stsguard", "stsguard").is_empty());
        }
    }

    fn entries(given: &[(&str, &str, &str)]) -> Entries {
        Entries::of(&configuration(given), "stsguard", "stsguard")
    }

    #[test]
    fn only_entries_that_call_our_service_are_ours() {
        let mixed = entries(&[("other.example.com", "other", ""), ("services.stsguard.dev", "stsguard", "")]);
        assert_eq!(
            mixed.patch("CA"),
            Some(json!([
                {"op": "test", "path": "/metadata/annotations/stsguard.dev~1certificates", "value": "self-managed"},
                {"op": "test", "path": "/webhooks/1/name", "value": "services.stsguard.dev"},
                {"op": "add", "path": "/webhooks/1/clientConfig/caBundle", "value": "Q0E="},
            ]))
        );
        assert!(entries(&[("other.example.com", "other", "")]).is_empty());
    }

    #[test]
    fn nothing_is_written_where_all_is_shown() {
        assert_eq!(entries(&[("a", "stsguard", "CA"), ("b", "stsguard", "CA")]).patch("CA"), None);
        let wiped = entries(&[("a", "stsguard", "CA"), ("b", "stsguard", "")]).patch("CA").expect("one differs");
        assert_eq!(wiped[1]["path"], "/webhooks/1/name");
        let replaced = entries(&[("a", "stsguard", "OLD")]).patch("CA").expect("it differs");
        assert_eq!((&replaced[2]["op"], &replaced[2]["value"]), (&json!("test"), &json!("T0xE")), "what was seen");
    }

    #[test]
    fn a_bundle_shows_what_stands_in_it() {
        let both = entries(&[("a", "stsguard", "OLD\nNEW\n"), ("b", "stsguard", "NEW\n")]);
        assert!(both.show("NEW\n") && !both.show("OLD\n"));
    }
}
