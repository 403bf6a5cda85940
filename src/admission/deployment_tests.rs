//! Reviews of Deployments, which come only where the chart asks for them.

use super::*;
use crate::facts::NoFacts;
use crate::rule::{Action, Profile};
use serde_json::{Value, json};

/// A Deployment of PostgreSQL with its data on this volume.
fn postgres(volume: &Value) -> Value {
    let mut volume = volume.clone();
    volume["name"] = json!("data");
    let mounts = json!([{"name": "data", "mountPath": "/var/lib/postgresql/data"}]);
    let container = json!({"name": "db", "image": "postgres:16.4", "volumeMounts": mounts});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "reports", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [container], "volumes": [volume]}}},
    })
}

fn on_claim() -> Value {
    postgres(&json!({"persistentVolumeClaim": {"claimName": "reports"}}))
}

fn review(operation: &str, sub_resource: &str, object: &Value, old: &Value) -> Vec<u8> {
    let request = json!({
        "uid": "11-22", "operation": operation, "namespace": "shop", "name": "reports", "subResource": sub_resource,
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "userInfo": {"username": "dev"}, "object": object, "oldObject": old,
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string().into_bytes()
}

fn decide(profile: Profile, endpoint: Endpoint, body: &[u8]) -> Verdict {
    let review = Review::parse(body).expect("the review is well formed");
    review.decide(endpoint, &crate::rules::policy(profile), &NoFacts, &Answers::new()).verdict
}

fn created(profile: Profile, object: &Value) -> Verdict {
    decide(profile, Endpoint::Validate, &review("CREATE", "", object, &Value::Null))
}

fn updated(profile: Profile, old: &Value, new: &Value) -> Verdict {
    decide(profile, Endpoint::Validate, &review("UPDATE", "", new, old))
}

fn actions(verdict: &Verdict) -> Vec<(&str, Action)> {
    verdict.findings.iter().map(|finding| (finding.rule.code, finding.action)).collect()
}

#[test]
fn a_new_database_on_a_claim_is_recorded_warned_of_or_denied() {
    for (profile, action) in
        [(Profile::Baseline, Action::Audit), (Profile::Recommended, Action::Warn), (Profile::Strict, Action::Deny)]
    {
        let verdict = created(profile, &on_claim());
        assert_eq!(actions(&verdict), [("STS601", action)]);
        assert_eq!(verdict.allowed, action != Action::Deny);
        assert_eq!(verdict.warnings.len(), usize::from(action == Action::Warn), "{:?}", verdict.warnings);
    }
    assert!(created(Profile::Strict, &postgres(&json!({"emptyDir": {}}))).findings.is_empty());
}

#[test]
fn nothing_is_ever_fixed_in_one() {
    for body in [review("CREATE", "", &on_claim(), &Value::Null), review("UPDATE", "", &on_claim(), &on_claim())] {
        let verdict = decide(Profile::Strict, Endpoint::Mutate, &body);
        assert!(verdict.allowed && verdict.operations.is_empty() && verdict.findings.is_empty(), "{verdict:?}");
    }
}

#[test]
fn what_the_old_one_has_too_drops_one_step_and_what_an_update_brings_does_not() {
    let mut newer = on_claim();
    newer["spec"]["template"]["spec"]["containers"][0]["image"] = json!("postgres:16.6");
    let verdict = updated(Profile::Strict, &on_claim(), &newer);
    assert_eq!((verdict.allowed, actions(&verdict)), (true, vec![("STS601", Action::Warn)]));
    let verdict = updated(Profile::Recommended, &on_claim(), &newer);
    assert_eq!((actions(&verdict), verdict.warnings.len()), (vec![("STS601", Action::Audit)], 0));
    let verdict = updated(Profile::Strict, &postgres(&json!({"emptyDir": {}})), &newer);
    assert_eq!((verdict.allowed, actions(&verdict)), (false, vec![("STS601", Action::Deny)]));
}

#[test]
fn an_exemption_that_is_taken_away_denies_nothing() {
    let mut exempt = on_claim();
    exempt["metadata"]["annotations"] = json!({"stsguard.dev/exempt-database-in-deployment": "Recreate, one replica"});
    let verdict = created(Profile::Strict, &exempt);
    assert!(
        verdict.allowed && verdict.findings.is_empty() && verdict.audit_annotations["exempt"].starts_with("STS601")
    );
    assert!(updated(Profile::Strict, &exempt, &on_claim()).allowed);
}

#[test]
fn nothing_is_said_where_nothing_changes_or_it_is_on_its_way_out_or_only_scaled() {
    let mut labelled = on_claim();
    labelled["metadata"]["labels"] = json!({"team": "payments"});
    labelled["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "2"});
    assert!(updated(Profile::Strict, &on_claim(), &labelled).findings.is_empty());

    let mut leaving = on_claim();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    leaving["spec"]["replicas"] = json!(0);
    assert!(updated(Profile::Strict, &postgres(&json!({"emptyDir": {}})), &leaving).findings.is_empty());

    let scale = |replicas: i32| json!({"metadata": {"name": "reports"}, "spec": {"replicas": replicas}});
    for body in [
        review("UPDATE", "scale", &scale(3), &scale(1)),
        review("UPDATE", "status", &on_claim(), &on_claim()),
        review("DELETE", "", &Value::Null, &on_claim()),
    ] {
        assert!(decide(Profile::Strict, Endpoint::Validate, &body).findings.is_empty());
    }
}

#[test]
fn one_that_a_controller_owns_is_recorded_only() {
    let mut owned = on_claim();
    owned["metadata"]["ownerReferences"] = json!([{"kind": "Database", "name": "reports", "controller": true}]);
    let verdict = created(Profile::Strict, &owned);
    assert_eq!((verdict.allowed, actions(&verdict)), (true, vec![("STS601", Action::Audit)]));
}

#[test]
fn one_that_cannot_be_read_is_refused_with_its_place() {
    let mut broken = on_claim();
    broken["spec"]["template"]["spec"]["containers"] = json!("none");
    for body in [review("CREATE", "", &broken, &Value::Null), review("UPDATE", "", &broken, &on_claim())] {
        let Err(Unreadable::Answered(answer)) = Review::parse(&body) else { panic!("it was read") };
        let answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
        assert_eq!(answer["response"]["status"]["code"], 400, "{answer}");
    }
}
