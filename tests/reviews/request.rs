//! A fixture's documents as one AdmissionReview, and the facts that its other documents give.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stsguard::admission::{Endpoint, Review, Verdict};
use stsguard::evaluation::{
    Answer, Answers, Facts, Lookup, Question, ServiceFacts, SetFacts, Source, StorageClassFacts,
};
use stsguard::kubernetes::{Labels, RunsPods, Service, StatefulSet};
use stsguard::policy::Policy;
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

/// What a fixture's other documents tell, and what its cluster holds.
#[derive(Default)]
pub struct Known {
    services: Vec<(String, Arc<ServiceFacts>)>,
    sets: Vec<Arc<SetFacts>>,
    /// The claims in a cluster whose volumes are all made afresh; `None` leaves what is stored unknown.
    pub claims: Option<Vec<String>>,
}

impl Known {
    pub fn of(documents: &[Value]) -> Self {
        let mut known = Self::default();
        for document in documents {
            match document["kind"].as_str() {
                Some("Service") => {
                    let service: Service = read(document);
                    let name = service.metadata.name.clone().expect("a Service has a name");
                    known.services.push((name, Arc::new(ServiceFacts::from(&service))));
                }
                Some("StatefulSet") => {
                    let set: StatefulSet = read(document);
                    assert!(!set.pod().containers.is_empty(), "a set has containers");
                    known.sets.push(Arc::new(SetFacts::from(&set)));
                }
                _ => {}
            }
        }
        known
    }
}

impl Facts for Known {
    fn answer(&self, question: &Question) -> Option<(Answer, Source)> {
        let answer = match question {
            Question::Service { name, .. } => {
                let found = self.services.iter().find(|(own, _)| own == name);
                Answer::Service(found.map_or(Lookup::Absent, |(_, facts)| Lookup::Found(Arc::clone(facts))))
            }
            Question::GovernedSets { service, .. } => {
                let sets = self.sets.iter().filter(|set| *set.service_name == **service).cloned();
                Answer::GovernedSets(Lookup::Found(sets.collect()))
            }
            Question::NamespaceTerminating { .. } => Answer::Holds(Lookup::Found(false)),
            Question::Claims { .. } => Answer::Names(Lookup::Found(self.claims.clone()?)),
            Question::ReservedVolumes { .. } => Answer::Names(self.claims.as_ref().map(|_| Lookup::Found(vec![]))?),
            Question::FreeVolumes { .. } => Answer::Holds(self.claims.as_ref().map(|_| Lookup::Found(false))?),
            Question::StorageClass { name } => {
                self.claims.as_ref()?;
                let name = name.clone().unwrap_or_else(|| "standard".to_owned());
                let provisioner = "disks.csi.example.com".to_owned();
                let facts = StorageClassFacts { name, provisioner, parameters: Labels::new() };
                Answer::StorageClass(Lookup::Found(Arc::new(facts)))
            }
            Question::StatefulSet { .. } | Question::ConfigMap { .. } => return None,
        };
        Some((answer, Source::Final))
    }
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
pub fn verdict(review: &Review, endpoint: Endpoint, facts: &Known) -> Verdict {
    review.decide(endpoint, &Policy::default(), facts, &Answers::new()).verdict
}
