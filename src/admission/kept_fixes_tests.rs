use serde_json::{Value, json};

use super::Endpoint;
use super::tests::{decide, postgres, review};
use crate::facts::NoFacts;

fn two_servers(env: &Value) -> Value {
    let container = |name: &str| {
        json!({
            "name": name, "image": "postgres:16", "env": env,
            "volumeMounts": [{"name": format!("{name}-data"), "mountPath": "/var/lib/postgresql/data"}],
        })
    };
    let mut set = postgres("OrderedReady", 60, &json!({"stsguard.dev/fixed": "STS201"}));
    set["spec"]["template"]["spec"]["containers"] = json!([container("orders"), container("ledger")]);
    set["spec"]["volumeClaimTemplates"] =
        json!([{"metadata": {"name": "orders-data"}}, {"metadata": {"name": "ledger-data"}}]);
    set
}

#[test]
fn keeps_fixes_when_the_original_manifest_comes_again() {
    let old = postgres("OrderedReady", 60, &json!({"stsguard.dev/fixed": "STS301,STS303"}));
    let replaced = postgres("Parallel", 30, &json!({}));
    let verdict = decide(Endpoint::Mutate, &review("UPDATE", &replaced, &old), &NoFacts);
    assert_eq!(
        json!(verdict.operations),
        json!([
            {"op": "add", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": 60},
            {"op": "replace", "path": "/spec/podManagementPolicy", "value": "OrderedReady"},
            {"op": "add", "path": "/metadata/annotations", "value": {"stsguard.dev/fixed": "STS301,STS303"}},
        ])
    );
}

#[test]
fn an_exemption_ends_a_kept_fix() {
    let old = postgres("OrderedReady", 60, &json!({"stsguard.dev/fixed": "STS301"}));
    let exempt = json!({"stsguard.dev/exempt-short-grace-period": "a cache", "stsguard.dev/fixed": "STS301"});
    let verdict = decide(Endpoint::Mutate, &review("UPDATE", &postgres("OrderedReady", 30, &exempt), &old), &NoFacts);
    let path = "/metadata/annotations/stsguard.dev~1fixed";
    assert_eq!(json!(verdict.operations), json!([{"op": "remove", "path": path}]));
}

#[test]
fn never_introduces_a_fix_on_update() {
    let old = postgres("OrderedReady", 30, &json!({}));
    let new = postgres("OrderedReady", 30, &json!({"stsguard.dev/exempt-zero-grace-period": "x"}));
    assert!(decide(Endpoint::Mutate, &review("UPDATE", &new, &old), &NoFacts).operations.is_empty());
}

#[test]
fn keeps_the_data_directory_of_every_server_of_a_pod() {
    let fixed = json!([{"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"}]);
    let (old, new) = (two_servers(&fixed), two_servers(&json!([])));
    let verdict = decide(Endpoint::Mutate, &review("UPDATE", &new, &old), &NoFacts);
    let path = |index: usize| format!("/spec/template/spec/containers/{index}/env");
    assert_eq!(
        json!(verdict.operations),
        json!([{"op": "add", "path": path(0), "value": fixed}, {"op": "add", "path": path(1), "value": fixed}])
    );
    assert_eq!((verdict.warnings.len(), verdict.fixed), (2, vec!["STS201"]));
}

#[test]
fn keeps_what_a_restored_or_owned_set_has_when_its_manifest_comes_again() {
    let owner = json!([{"kind": "Cluster", "name": "pg", "controller": true}]);
    for (field, value) in [("labels", json!({"velero.io/restore-name": "r1"})), ("ownerReferences", owner)] {
        let mut old = postgres("OrderedReady", 60, &json!({"stsguard.dev/fixed": "STS303"}));
        let mut new = postgres("Parallel", 60, &json!({"stsguard.dev/fixed": "STS303"}));
        for set in [&mut old, &mut new] {
            set["metadata"][field] = value.clone();
        }
        let verdict = decide(Endpoint::Mutate, &review("UPDATE", &new, &old), &NoFacts);
        let path = "/spec/podManagementPolicy";
        assert_eq!(json!(verdict.operations), json!([{"op": "replace", "path": path, "value": "OrderedReady"}]));
    }
}

#[test]
fn an_update_cannot_extend_change_or_remove_the_record() {
    let old = postgres("OrderedReady", 60, &json!({"stsguard.dev/fixed": "STS301"}));
    let operation = |annotations: &Value| {
        let new = postgres("OrderedReady", 90, annotations);
        json!(decide(Endpoint::Mutate, &review("UPDATE", &new, &old), &NoFacts).operations)
    };
    let path = "/metadata/annotations/stsguard.dev~1fixed";
    for written in ["STS301,STS303", "", "STS303"] {
        let put_back = json!([{"op": "add", "path": path, "value": "STS301"}]);
        assert_eq!(operation(&json!({"stsguard.dev/fixed": written})), put_back, "{written:?}");
    }
    let added = json!([{"op": "add", "path": "/metadata/annotations", "value": {"stsguard.dev/fixed": "STS301"}}]);
    assert_eq!(operation(&json!({})), added);
    assert_eq!(operation(&json!({"stsguard.dev/fixed": "STS301"})), json!([]));
}

#[test]
fn says_that_the_record_stays_to_who_touches_nothing_else() {
    let old = postgres("OrderedReady", 60, &json!({"stsguard.dev/fixed": "STS301"}));
    for annotations in [json!({}), json!({"stsguard.dev/fixed": "STS301,STS303"})] {
        let new = postgres("OrderedReady", 60, &annotations);
        let verdict = decide(Endpoint::Mutate, &review("UPDATE", &new, &old), &NoFacts);
        assert_eq!(verdict.warnings.len(), 1, "{:?}", verdict.warnings);
        assert!(verdict.warnings[0].contains("stsguard.dev/fixed") && verdict.warnings[0].chars().count() <= 120);
    }
}
