use super::*;
use crate::evaluation::{Change, Subject};
use crate::facts::InMemory;
use crate::rule::{Finding, Occasion};
use crate::rules::harness;
use serde_json::{Value, json};

fn set() -> Value {
    let templates = json!([{"metadata": {"name": "data"}}, {"metadata": {"name": "wal"}}]);
    json!({"metadata": {"name": "pg"}, "spec": {"volumeClaimTemplates": templates}})
}

/// A namespace with these claims, in which there are no pods.
fn with(claims: &[&str]) -> InMemory {
    claims.iter().fold(InMemory::default().knowing::<ClaimFacts>().knowing::<PodFacts>(), |facts, name| {
        facts.with(harness::NAMESPACE, name, ClaimFacts { name: (*name).into(), deleting: false })
    })
}

fn judged(set: &Value, facts: &InMemory) -> Vec<(Action, String)> {
    harness::created("STS212", set, facts).into_iter().map(|f: Finding| (f.action, f.message)).collect()
}

#[test]
fn lists_the_claims_that_exist() {
    let said = |claims: &[&str]| {
        let found = judged(&set(), &with(claims));
        assert_eq!((found.len(), found[0].0), (1, Action::Warn));
        found[0].1.rsplit(": ").next().map(str::to_owned)
    };
    assert_eq!(said(&["data-pg-0"]).as_deref(), Some("data-pg-0"));
    assert_eq!(said(&["data-pg-0", "wal-pg-0", "data-other-0"]).as_deref(), Some("data-pg-0, wal-pg-0"));
    let many = ["data-pg-9", "data-pg-10", "data-pg-2", "wal-pg-3"];
    assert_eq!(said(&many).as_deref(), Some("data-pg-2 … data-pg-10, 4 in all"));
}

#[test]
fn accepts_a_namespace_without_claims_of_this_set() {
    for claims in [&[][..], &["data-pg2-0", "log-pg-0", "data-pg-x"]] {
        assert!(judged(&set(), &with(claims)).is_empty());
    }
    let going = ClaimFacts { name: "data-pg-0".into(), deleting: true };
    assert!(judged(&set(), &with(&[]).with(harness::NAMESPACE, "data-pg-0", going)).is_empty());
}

#[test]
fn only_audits_a_set_that_takes_its_pods_over() {
    let claims = ["data-pg-0", "data-pg-1"];
    let pod = |deleting| with(&claims).with(harness::NAMESPACE, "pg-1", PodFacts { deleting });
    assert_eq!(judged(&set(), &pod(false))[0].0, Action::Audit);
    assert_eq!(judged(&set(), &pod(true))[0].0, Action::Warn, "the pods of the old set go");
    let other = with(&claims).with(harness::NAMESPACE, "pg-7", PodFacts { deleting: false });
    assert_eq!(judged(&set(), &other)[0].0, Action::Warn);
}

#[test]
fn takes_what_is_not_known_neither_for_there_nor_for_absent() {
    assert!(judged(&set(), &InMemory::default()).is_empty());
    let claim = ClaimFacts { name: "data-pg-0".into(), deleting: false };
    let pods_unknown = InMemory::default().with(harness::NAMESPACE, "data-pg-0", claim);
    assert_eq!(judged(&set(), &pods_unknown)[0].0, Action::Audit);
}

#[test]
fn speaks_of_new_sets_in_a_cluster_alone() {
    let facts = with(&["data-pg-0"]);
    let set: StatefulSet = harness::read(&set());
    for occasion in [Occasion::Check, Occasion::Dump, Occasion::Audit] {
        let found = harness::findings("STS212", &Subject::StatefulSet(&set, Change::State), occasion, &facts);
        assert!(found.is_empty(), "{occasion:?}");
    }
}

#[test]
fn knows_nothing_of_a_set_without_a_name() {
    let mut set = set();
    set["metadata"] = json!({"generateName": "pg"});
    assert!(judged(&set, &with(&["data-pg-0"])).is_empty());
}
