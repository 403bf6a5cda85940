//! A fixture's documents as one AdmissionReview, and the facts that its other documents give.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stsguard::admission::{Endpoint, Review, Verdict};
use stsguard::facts::{Answers, ClaimFacts, InMemory, NamespaceFacts, StorageClassFacts, VolumeFacts};
use stsguard::kubernetes::Labels;
use stsguard::rule::Profile;
use stsguard::rules;
use stsguard::yaml;

pub const NAMESPACE: &str = "shop";

/// The folder of all fixtures.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The files or folders below a folder, sorted.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry can be read").path()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The documents of a file.
pub fn documents(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    yaml::documents(&text).iter().map(|document| document.read().expect("it is YAML").value).collect()
}

/// Reads an object from JSON.
pub fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("a fixture is well formed")
}

/// What a fixture's other documents tell: all Services and sets that there are, in a namespace that stays.
pub fn known(documents: &[Value]) -> InMemory {
    let mut known = InMemory::default().knowing_what_files_tell();
    for document in documents.iter().filter(|document| document["kind"] != "DeleteOptions") {
        known.put_manifest(NAMESPACE, document).expect("a fixture is well formed");
    }
    known.with("", NAMESPACE, NamespaceFacts::default())
}

/// Also knows the claims of a cluster whose volumes are all made afresh.
pub fn with_claims(known: InMemory, claims: &[&str]) -> InMemory {
    let class = |name: &str, is_default| StorageClassFacts {
        name: name.to_owned(),
        provisioner: "disks.csi.example.com".to_owned(),
        parameters: Labels::new(),
        is_default,
    };
    let known = known.knowing::<ClaimFacts>().knowing::<VolumeFacts>();
    let known = ["standard", "fast"]
        .into_iter()
        .fold(known, |known, name| known.with("", name, class(name, name == "standard")));
    claims
        .iter()
        .fold(known, |known, name| known.with(NAMESPACE, name, ClaimFacts { name: (*name).into(), deleting: false }))
}

/// The object as the API server sends it after `kubectl apply`: defaults, metadata and an address filled in.
pub fn stored(object: &Value) -> Value {
    let mut stored = object.clone();
    stored["metadata"]["namespace"] = json!(NAMESPACE);
    stored["metadata"]["managedFields"] = json!([]);
    stored["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json!(object.to_string());
    let mut fill = |pointer: &str, field: &str, value: Value| {
        if let Some(Value::Object(fields)) = stored.pointer_mut(pointer) {
            fields.entry(field).or_insert(value);
        }
    };
    if object["kind"] == "StatefulSet" {
        fill("/spec", "replicas", json!(1));
        fill("/spec", "podManagementPolicy", json!("OrderedReady"));
        fill("/spec", "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
        let retain = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
        fill("/spec", "persistentVolumeClaimRetentionPolicy", retain);
        fill("/spec/template/spec", "terminationGracePeriodSeconds", json!(30));
        fill("/spec/template/spec", "restartPolicy", json!("Always"));
    }
    stored
}

/// The API server's request for an object that is created, changed or deleted; `None` when it is no object we review.
pub fn review(operation: &str, object: &Value, old: &Value, options: &Value) -> Review {
    let subject = if object.is_null() { old } else { object };
    let (group, resource) = match subject["kind"].as_str() {
        Some("StatefulSet") => ("apps", "statefulsets"),
        Some("Service") => ("", "services"),
        other => panic!("{other:?} is not reviewed"),
    };
    let request = json!({
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": operation, "namespace": NAMESPACE,
        "name": subject["metadata"]["name"],
        "resource": {"group": group, "version": "v1", "resource": resource}, "userInfo": {"username": "admin"},
        "object": object, "oldObject": old, "options": options, "dryRun": false,
    });
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    Review::parse(body.to_string().as_bytes()).expect("it is a review")
}

/// The verdict, with nothing left to ask that these facts could answer.
pub fn verdict(review: &Review, endpoint: Endpoint, facts: &InMemory) -> Verdict {
    review.decide(endpoint, &rules::policy(Profile::Recommended), facts, &Answers::new()).verdict
}
