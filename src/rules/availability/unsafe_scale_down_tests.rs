use crate::evaluation::{Change, Subject};
use crate::facts::{InMemory, SetFacts};
use crate::kubernetes::{Scale, StatefulSet};
use crate::policy;
use crate::rule::{Action, Finding, Occasion, Specs};
use crate::rules::{self, harness};
use serde_json::{Value, json};

fn set(image: &str, replicas: i32, when_scaled: &str) -> Value {
    json!({"metadata": {"name": "db"}, "spec": {
        "replicas": replicas,
        "ordinals": {"start": 1},
        "template": {"spec": {"containers": [{"name": "db", "image": image}]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": when_scaled},
    }})
}

fn messages(image: &str, when_scaled: &str, from: i32, to: i32) -> Vec<String> {
    let found = harness::update("STS505", &set(image, from, when_scaled), &set(image, to, when_scaled));
    found.into_iter().map(|finding| finding.message).collect()
}

const ETCD: &str = "quay.io/coreos/etcd:v3.5.15";

#[test]
fn finds_members_that_are_missed() {
    let still = "until it is told, a majority is still";
    assert_eq!(messages(ETCD, "Retain", 5, 3), [format!("etcd goes from 5 members to 3; {still} 3")]);
    assert_eq!(
        messages(ETCD, "Retain", 3, 1),
        [format!("etcd goes from 3 members to 1; {still} 2, more than are left")]
    );
    assert_eq!(
        messages(ETCD, "Retain", 2, 1),
        [format!("etcd goes from 2 members to 1; {still} 2, more than are left")]
    );
}

#[test]
fn accepts_one_at_a_time_a_stop_and_more_of_them() {
    for (from, to) in [(5, 4), (4, 3), (3, 2), (3, 0), (1, 0), (3, 3), (3, 5), (0, 3)] {
        assert!(messages(ETCD, "Retain", from, to).is_empty(), "{from} {to}");
    }
    for image in ["postgres:16", "acme/ledger:1", "cockroachdb/cockroach:v24.3.0", "mongo:7"] {
        assert!(messages(image, "Retain", 5, 1).is_empty(), "{image}");
    }
}

#[test]
fn accepts_members_that_may_leave_by_themselves() {
    let consul = json!({"name": "c", "image": "hashicorp/consul:1.20", "args": ["agent", "-bootstrap-expect=3"]});
    let told = |containers: &Value| {
        let at = |replicas: i32| {
            let mut set = set("", replicas, "Retain");
            set["spec"]["template"]["spec"]["containers"] = containers.clone();
            set
        };
        harness::update("STS505", &at(3), &at(1)).len()
    };
    assert_eq!(told(&json!([consul])), 1);
    for (command, expected) in [
        (json!(["consul", "leave"]), 0),
        (json!(["sh", "-c", "etcdctl member remove $ID"]), 0),
        (json!(["/pre-stop.sh"]), 0),
        (json!(["sleep", "5"]), 1),
    ] {
        let mut leaving = consul.clone();
        leaving["lifecycle"] = json!({"preStop": {"exec": {"command": command}}});
        assert_eq!(told(&json!([leaving])), expected, "{command}");
    }
    assert_eq!(told(&json!([consul, {"name": "s", "image": "acme/sidecar:1"}])), 0);
    assert_eq!(told(&json!([consul, {"name": "m", "image": "prom/consul-exporter:1"}])), 1);
}

#[test]
fn leaves_members_in_other_sets_room() {
    let mongo = |name: &str, replicas: i32| {
        let mut set = set("mongo:7", replicas, "Retain");
        set["metadata"]["name"] = json!(name);
        set["kind"] = json!("StatefulSet");
        set["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["--replSet", "rs0"]);
        set
    };
    let found = |beside: &[Value]| {
        let mut facts = InMemory::default().knowing::<SetFacts>();
        for set in beside {
            facts.put_manifest(harness::NAMESPACE, set).expect("a set");
        }
        let (old, new): (StatefulSet, StatefulSet) = (harness::read(&mongo("db", 3)), harness::read(&mongo("db", 1)));
        let change = Change::Update { old: &old, specs: Specs::Differ };
        harness::findings("STS505", &Subject::StatefulSet(&new, change), Occasion::Update, &facts).len()
    };
    assert_eq!((found(&[]), found(&[mongo("db", 3)]), found(&[mongo("arbiter", 1)])), (1, 1, 0));
}

#[test]
fn names_the_claims_that_go() {
    let deleted = "and the data in them are deleted too";
    let of = |from, to| messages("acme/ledger:1", "Delete", from, to);
    assert_eq!(of(5, 3), [format!("whenScaled is Delete: claims data-db-4 … -5 {deleted}")]);
    assert_eq!(of(3, 2), [format!("whenScaled is Delete: claims data-db-3 {deleted}")]);
    assert_eq!(of(3, 0), [format!("whenScaled is Delete: claims data-db-1 … -3 {deleted}")]);
    assert!(of(3, 3).is_empty() && of(3, 5).is_empty());
    assert_eq!(messages(ETCD, "Delete", 3, 1).len(), 2, "members and claims are two things");
}

fn denying(subject: &Subject<'_>, facts: &InMemory) -> Vec<Finding> {
    let policy = policy::parse("rules: {STS505: deny}", rules::RULES).expect("it is a policy");
    harness::findings_under(&policy, "STS505", subject, Occasion::Update, facts)
}

#[test]
fn never_denies_a_scale_which_an_autoscaler_may_have_sent() {
    let (old, new): (StatefulSet, StatefulSet) =
        (harness::read(&set(ETCD, 5, "Delete")), harness::read(&set(ETCD, 1, "Delete")));
    let facts = InMemory::default().knowing::<StatefulSet>().with(harness::NAMESPACE, "db", old.clone());
    let scale = |replicas: i32| harness::read::<Scale>(&json!({"spec": {"replicas": replicas}}));
    let found = denying(&Subject::Scale { name: "db", old: &scale(5), new: &scale(1) }, &facts);
    assert_eq!(found.iter().map(|finding| finding.action).collect::<Vec<_>>(), [Action::Warn; 2]);
    let change = Change::Update { old: &old, specs: Specs::Differ };
    let found = denying(&Subject::StatefulSet(&new, change), &facts);
    assert_eq!(found.iter().map(|finding| finding.action).collect::<Vec<_>>(), [Action::Deny; 2]);
}
