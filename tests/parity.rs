//! Every fixture gives the same findings through `check` and through the webhook.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use stsguard::admission::{Endpoint, Review};
use stsguard::evaluation::{
    Answer, Answers, Context, Facts, Lookup, Occasion, Question, ServiceFacts, Source, Subject, evaluate,
};
use stsguard::kubernetes::{Service, StatefulSet};
use stsguard::policy::Policy;
use stsguard::yaml;

/// Fixtures that only one side sees, with the reason.
const EXCEPTIONS: [(&str, &str); 1] =
    [("database-in-deployment", "Deployments are not sent to the webhook by default")];

struct Services(BTreeMap<String, Arc<ServiceFacts>>);

impl Facts for Services {
    fn answer(&self, question: &Question) -> Option<(Answer, Source)> {
        let Question::Service { name, .. } = question else { return None };
        let found = self.0.get(name).cloned().map_or(Lookup::Absent, Lookup::Found);
        Some((Answer::Service(found), Source::Final))
    }
}

/// The set as the API server sends it: defaults filled in.
fn defaulted(mut set: Value) -> Value {
    let pod = &mut set["spec"]["template"]["spec"];
    if pod["terminationGracePeriodSeconds"].is_null() {
        pod["terminationGracePeriodSeconds"] = json!(30);
    }
    if set["spec"]["podManagementPolicy"].is_null() {
        set["spec"]["podManagementPolicy"] = json!("OrderedReady");
    }
    set["metadata"]["namespace"] = json!("default");
    set
}

fn review(set: &Value) -> Vec<u8> {
    let request = json!({
        "uid": "1", "operation": "CREATE", "namespace": "default", "name": set["metadata"]["name"],
        "resource": {"group": "apps", "version": "v1", "resource": "statefulsets"}, "object": set, "oldObject": null,
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string().into_bytes()
}

fn codes<'f>(findings: impl IntoIterator<Item = &'f stsguard::evaluation::Finding>) -> BTreeSet<String> {
    findings.into_iter().map(|finding| format!("{} {}", finding.rule.code, finding.action)).collect()
}

#[test]
fn files_and_reviews_are_judged_alike() {
    let mut compared = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for rule in fs::read_dir(&root).expect("there are fixtures").map(|entry| entry.expect("it can be read").path()) {
        let name = rule.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        if !rule.is_dir() || EXCEPTIONS.iter().any(|(exception, _)| *exception == name) {
            continue;
        }
        for fixture in fs::read_dir(&rule).expect("it can be read").map(|entry| entry.expect("it can be read").path()) {
            let text = fs::read_to_string(&fixture).expect("it can be read");
            let documents = yaml::documents(&text);
            let values: Vec<Value> = documents.iter().map(|d| d.read().expect("it is YAML").value).collect();
            let of = |kind: &str| values.iter().filter(|value| value["kind"] == kind).cloned().collect::<Vec<_>>();
            let services = of("Service").into_iter().map(|value| {
                let service: Service = serde_json::from_value(value).expect("a Service");
                (service.metadata.name.clone().unwrap_or_default(), Arc::new(ServiceFacts::from(&service)))
            });
            let facts = Services(services.collect());
            let (policy, answers) = (Policy::default(), Answers::new());
            for value in of("StatefulSet") {
                let set: StatefulSet = serde_json::from_value(value.clone()).expect("a StatefulSet");
                let context = Context::new(&policy, Occasion::Check, "default", &facts, &answers);
                let checked = evaluate(&Subject::StatefulSet(&set), context);
                let review = Review::parse(&review(&defaulted(value))).expect("a review");
                let decided = review.decide(Endpoint::Validate, &policy, &facts, &answers);
                assert_eq!(codes(&checked.findings), codes(&decided.verdict.findings), "{}", fixture.display());
                compared += 1;
            }
        }
    }
    assert!(compared > 40, "only {compared} sets were compared");
}
