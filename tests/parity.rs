//! Every fixture gives the same findings through `check` and through the webhook.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::empty;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stsguard::admission::{Endpoint, Review};
use stsguard::check::{self, Format, Settings};
use stsguard::facts::{Answers, InMemory};
use stsguard::rule::{Action, Finding, Profile};
use stsguard::{rules, yaml};

/// What only one side says, or says in other words, with the reason.
const EXCEPTIONS: [(&str, &str); 2] = [
    ("STS102", "`check` looks among the files, the webhook in the cluster: the action is the same, the words are not"),
    ("STS501", "as STS102"),
];

/// What rests on objects that stand in no file, and is said by the webhook alone.
const OF_CLUSTERS: [&str; 1] = ["STS212"];

const NAMESPACE: &str = "default";

/// The kinds that are judged in both.
const KINDS: [(&str, &str); 2] = [("StatefulSet", "statefulsets"), ("Deployment", "deployments")];

fn plural(object: &Value) -> Option<&'static str> {
    KINDS.into_iter().find(|(kind, _)| object["kind"] == *kind).map(|(_, plural)| plural)
}

/// The object as the API server sends it: defaults filled in.
fn defaulted(mut set: Value) -> Value {
    let pod = &mut set["spec"]["template"]["spec"];
    if pod["terminationGracePeriodSeconds"].is_null() {
        pod["terminationGracePeriodSeconds"] = json!(30);
    }
    if set["kind"] == "StatefulSet" && set["spec"]["podManagementPolicy"].is_null() {
        set["spec"]["podManagementPolicy"] = json!("OrderedReady");
    }
    set["metadata"]["namespace"] = json!(NAMESPACE);
    set
}

fn review(set: &Value) -> Review {
    let request = json!({
        "uid": "1", "operation": "CREATE", "namespace": NAMESPACE, "name": set["metadata"]["name"],
        "resource": {"group": "apps", "version": "v1", "resource": plural(set)}, "object": set, "oldObject": null,
    });
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    Review::parse(body.to_string().as_bytes()).expect("it is a review")
}

/// What is said of one object: code, action, pointer and, unless it is an exception, the words.
fn said(finding: &Finding) -> String {
    let Finding { rule, action, pointer, message, .. } = finding;
    let excepted = EXCEPTIONS.iter().any(|(code, _)| *code == rule.code);
    format!("{} {action} {pointer} {}", rule.code, if excepted { "" } else { message })
}

/// What `check` says of each object that it judges in a file, by name.
fn checked(fixture: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let settings = Settings {
        paths: vec![fixture.to_owned()],
        policy: rules::policy(Profile::Recommended),
        namespace: NAMESPACE.to_owned(),
        format: Format::Full,
        show: Action::Audit,
        fail_on: Action::Deny,
        today: None,
        require_objects: false,
        colour: false,
    };
    let outcome = check::check(&settings, &mut empty());
    assert!(outcome.problems.is_empty(), "{}: {:?}", fixture.display(), outcome.problems);
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for located in outcome.findings {
        found.entry(located.object.name.clone()).or_default().insert(said(&located.finding));
    }
    found
}

/// What the webhook says of each such object in a file, by name; the file's other objects stand in the cluster.
fn admitted(documents: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut facts = InMemory::default().knowing_what_files_tell();
    for document in documents {
        facts.put_manifest(NAMESPACE, document).expect("a fixture is well formed");
    }
    let mut found = BTreeMap::new();
    for set in documents.iter().filter(|document| plural(document).is_some()) {
        let decision = review(&defaulted(set.clone())).decide(
            Endpoint::Validate,
            &rules::policy(Profile::Recommended),
            &facts,
            &Answers::new(),
        );
        let findings = decision.verdict.findings.iter();
        let findings: BTreeSet<_> =
            findings.filter(|finding| !OF_CLUSTERS.contains(&finding.rule.code)).map(said).collect();
        if !findings.is_empty() {
            found.insert(set["metadata"]["name"].as_str().expect("a set has a name").to_owned(), findings);
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder can be read");
    entries.map(|entry| entry.expect("an entry can be read").path()).collect()
}

#[test]
fn files_and_reviews_are_judged_alike() {
    let mut compared = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for fixture in entries(&root).iter().filter(|path| path.is_dir()).flat_map(|rule| entries(rule)) {
        let name = fixture.file_name().expect("a file has a name").to_string_lossy().into_owned();
        if name.ends_with(".delete.yaml") {
            continue; // What is deleted is no state.
        }
        let text = fs::read_to_string(&fixture).expect("it can be read");
        let documents = yaml::documents(&text);
        let documents: Vec<Value> = documents.iter().map(|d| d.read().expect("it is YAML").value).collect();
        assert_eq!(checked(&fixture), admitted(&documents), "{}", fixture.display());
        compared += documents.iter().filter(|document| plural(document).is_some()).count();
    }
    assert!(compared > 43, "only {compared} objects were compared");
}
