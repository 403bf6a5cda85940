use super::*;
use crate::facts::{
    Address, ClaimFacts, Completeness, Fact, InMemory, Lookup, NamespaceFacts, NoFacts, ServiceFacts, Source,
};
use crate::kubernetes::Labels;
use crate::rule::Profile;
use serde_json::{Value, json};
use std::any::Any;

pub(super) fn postgres(pod_management: &str, grace: i64, annotations: &Value) -> Value {
    let mounts = json!([{"name": "data", "mountPath": "/var/lib/postgresql/data"}]);
    let env = json!([{"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"}]);
    let probe = json!({"exec": {"command": ["pg_isready"]}});
    let container =
        json!({"name": "pg", "image": "postgres:16", "env": env, "readinessProbe": probe, "volumeMounts": mounts});
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "pg", "namespace": "shop", "annotations": annotations, "managedFields": []},
        "spec": {
            "serviceName": "pg", "replicas": 3, "podManagementPolicy": pod_management,
            "template": {
                "metadata": {"labels": {"app": "pg"}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": grace}
            },
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        }
    })
}

pub(super) fn review(operation: &str, object: &Value, old: &Value) -> Vec<u8> {
    let request = json!({
        "uid": "11-22", "operation": operation, "namespace": "shop", "name": "pg",
        "resource": {"group": "apps", "version": "v1", "resource": "statefulsets"},
        "userInfo": {"username": "dev"}, "object": object, "oldObject": old,
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string().into_bytes()
}

/// Facts that can be trusted so far.
pub(super) struct Trusted(pub(super) InMemory, pub(super) Source);

impl Facts for Trusted {
    fn get(&self, question: &Question) -> Option<(Lookup<Fact>, Source)> {
        self.0.get(question).map(|(found, _)| (found, self.1))
    }
    fn list(&self, question: &Question, each: &mut dyn FnMut(&str, &dyn Any)) -> Option<(Completeness, Source)> {
        self.0.list(question, each).map(|(completeness, _)| (completeness, self.1))
    }
}

fn policy() -> Policy {
    crate::rules::policy(Profile::Recommended)
}

pub(super) fn decide(endpoint: Endpoint, body: &[u8], facts: &dyn Facts) -> Verdict {
    let review = Review::parse(body).expect("the review is well formed");
    review.decide(endpoint, &policy(), facts, &Answers::new()).verdict
}

pub(super) fn headless() -> Trusted {
    service(Address::Headless, Source::Final)
}

fn service(address: Address, source: Source) -> Trusted {
    let selector: Labels = [("app".to_owned(), "pg".to_owned())].into();
    let facts = ServiceFacts { address, selector: (&selector).into(), publishes_not_ready: false };
    let known = InMemory::default().knowing_what_files_tell().knowing::<ClaimFacts>().with("shop", "pg", facts);
    Trusted(known.with("", "shop", NamespaceFacts::default()), source)
}

#[test]
fn allows_the_good_set_without_a_word() {
    let body = review("CREATE", &postgres("OrderedReady", 60, &json!({})), &Value::Null);
    for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
        let verdict = decide(endpoint, &body, &headless());
        assert!(verdict.allowed && verdict.warnings.is_empty() && verdict.operations.is_empty(), "{verdict:?}");
    }
}

#[test]
fn fixes_and_records_on_create() {
    let verdict =
        decide(Endpoint::Mutate, &review("CREATE", &postgres("Parallel", 30, &json!({})), &Value::Null), &NoFacts);
    assert_eq!(
        json!(verdict.operations),
        json!([
            {"op": "add", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": 60},
            {"op": "replace", "path": "/spec/podManagementPolicy", "value": "OrderedReady"},
            {"op": "add", "path": "/metadata/annotations", "value": {"stsguard.dev/fixed": "STS301,STS303"}},
        ])
    );
    assert_eq!(verdict.warnings.len(), 2);
    assert!(verdict.warnings.iter().all(|line| line.chars().count() <= 120), "{:?}", verdict.warnings);
}

#[test]
fn a_second_call_for_the_same_request_keeps_the_record() {
    let again = review("CREATE", &postgres("OrderedReady", 60, &json!({"stsguard.dev/fixed": "STS301"})), &Value::Null);
    assert!(decide(Endpoint::Mutate, &again, &NoFacts).operations.is_empty());
}

#[test]
fn a_record_that_the_client_sent_is_removed() {
    let mut copied = postgres("OrderedReady", 60, &json!({"stsguard.dev/fixed": "STS301"}));
    let fields = json!({"f:metadata": {"f:annotations": {"f:stsguard.dev/fixed": {}}}});
    copied["metadata"]["managedFields"] = json!([{"operation": "Update", "fieldsV1": fields}]);
    let verdict = decide(Endpoint::Mutate, &review("CREATE", &copied, &Value::Null), &NoFacts);
    let path = "/metadata/annotations/stsguard.dev~1fixed";
    assert_eq!(json!(verdict.operations), json!([{"op": "remove", "path": path}]));
}

#[test]
fn a_store_alone_denies_nothing_until_it_is_confirmed() {
    let body = review("CREATE", &postgres("OrderedReady", 60, &json!({})), &Value::Null);
    let parsed = Review::parse(&body).expect("the review is well formed");
    let decide = |source| {
        let facts = service(Address::ClusterIp, source);
        parsed.decide(Endpoint::Validate, &policy(), &facts, &Answers::new())
    };
    assert_eq!(decide(Source::Store).needs.len(), 1);
    let confirmed = decide(Source::Final);
    assert!(confirmed.needs.is_empty() && !confirmed.verdict.allowed);
    let message = confirmed.verdict.message.expect("a denial says why");
    assert!(message.contains("exempt-non-headless-service") && message.chars().count() <= 500, "{message}");
    let unconfirmed = decide(Source::Unconfirmed);
    assert!(unconfirmed.needs.is_empty() && unconfirmed.verdict.allowed);
    assert!(unconfirmed.verdict.warnings[0].starts_with("STS101: "));
}

#[test]
fn looks_at_nothing_when_only_status_or_labels_change_or_the_set_is_going() {
    let old = postgres("Parallel", 0, &json!({}));
    let mut labelled = old.clone();
    labelled["metadata"]["labels"] = json!({"team": "data"});
    let mut going = postgres("Parallel", 5, &json!({}));
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    for new in [labelled, going] {
        let review = Review::parse(&review("UPDATE", &new, &old)).expect("the review is well formed");
        let decision = review.decide(Endpoint::Validate, &policy(), &NoFacts, &Answers::new());
        assert!(decision.needs.is_empty() && decision.verdict.findings.is_empty());
    }
}

#[test]
fn what_the_old_object_has_too_only_warns() {
    let mut old = postgres("OrderedReady", 60, &json!({}));
    old["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["name"] = json!("dta");
    let mut new = old.clone();
    new["spec"]["replicas"] = json!(4);
    let verdict = decide(Endpoint::Validate, &review("UPDATE", &new, &old), &headless());
    assert!(verdict.allowed);
    assert!(verdict.findings.iter().any(|finding| finding.rule.code == "STS207" && finding.pre_existing));
    let fresh =
        decide(Endpoint::Validate, &review("UPDATE", &new, &postgres("OrderedReady", 60, &json!({}))), &headless());
    assert!(!fresh.allowed, "a newly introduced breach is denied");
}

#[test]
fn controllers_that_carry_out_deletions_are_not_asked_why() {
    let mut body: Value =
        serde_json::from_slice(&review("DELETE", &Value::Null, &postgres("Parallel", 30, &json!({}))))
            .expect("it is JSON");
    let user = |body: &Value| decide(Endpoint::Validate, body.to_string().as_bytes(), &NoFacts).warnings.len();
    assert_eq!(user(&body), 2, "STS307 and STS308");
    body["request"]["userInfo"]["username"] = json!("system:serviceaccount:kube-system:namespace-controller");
    assert_eq!(user(&body), 0);
}

#[test]
fn answers_unreadable_objects_with_the_uid_and_without_their_text() {
    let mut wrong = postgres("Parallel", 30, &json!({}));
    wrong["spec"]["replicas"] = json!("hunter2");
    for object in [wrong, Value::Null, json!([]), json!("text")] {
        match Review::parse(&review("CREATE", &object, &Value::Null)) {
            Err(Unreadable::Answered(answer)) => {
                let answer: Value = serde_json::from_slice(&answer).expect("the answer is JSON");
                assert_eq!(
                    (&answer["response"]["uid"], &answer["response"]["allowed"]),
                    (&json!("11-22"), &json!(false))
                );
                assert!(!answer.to_string().contains("hunter2"));
            }
            other => panic!("{object} was not refused: {other:?}"),
        }
    }
}

#[test]
fn answers_a_bare_status_where_there_is_no_uid() {
    let deep = "[".repeat(100_000);
    for body in ["", "{}", "null", "[]", "{\"request\": null}", "\u{0}", &deep, r#"{"request": {"uid": 5}}"#] {
        assert!(matches!(Review::parse(body.as_bytes()), Err(Unreadable::Bare { status: 400, .. })), "{body:.40}");
    }
}

#[test]
fn allows_kinds_that_it_knows_nothing_of() {
    let mut body: Value =
        serde_json::from_slice(&review("CREATE", &json!({"kind": "Pod"}), &Value::Null)).expect("it is JSON");
    body["request"]["resource"] = json!({"group": "", "version": "v1", "resource": "pods"});
    assert!(decide(Endpoint::Validate, body.to_string().as_bytes(), &NoFacts).allowed);
}

/// Nothing of a set that somebody else answers for is changed when it is created.
#[test]
fn leaves_a_restored_or_owned_set_and_its_record_as_they_came() {
    let record = json!({"stsguard.dev/fixed": "STS301,STS303"});
    let owner = json!([{"kind": "Cluster", "name": "pg", "controller": true}]);
    for (field, value) in [("labels", json!({"velero.io/restore-name": "r1"})), ("ownerReferences", owner)] {
        for annotations in [&record, &json!({})] {
            let mut set = postgres("Parallel", 30, annotations);
            set["metadata"][field] = value.clone();
            // The annotation is the client's: managedFields name it.
            let fields = json!({"f:metadata": {"f:annotations": {"f:stsguard.dev/fixed": {}}}});
            set["metadata"]["managedFields"] = json!([{"operation": "Update", "fieldsV1": fields}]);
            let verdict = decide(Endpoint::Mutate, &review("CREATE", &set, &Value::Null), &NoFacts);
            assert!(verdict.operations.is_empty(), "{field}: {:?}", verdict.operations);
        }
    }
}

#[test]
fn sees_each_change_of_the_template_whatever_it_is_where_a_rule_asks() {
    let exempt = json!({"stsguard.dev/exempt-data-directory-moved": "moved on Sunday"});
    let reminded = postgres("OrderedReady", 60, &exempt);
    let mut partitioned = postgres("OrderedReady", 60, &json!({}));
    partitioned["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    for (code, old) in [("STS202", reminded), ("STS309", partitioned)] {
        changes_of_the_template_are_seen(code, &old);
    }
}

/// Changes of fields that no rule reads.
fn changes_of_the_template_are_seen(code: &str, old: &Value) {
    let mut resources = old.clone();
    resources["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "1Gi"}});
    let mut restarted = old.clone();
    restarted["spec"]["template"]["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/restartedAt": "now"});
    let mut scaled = old.clone();
    scaled["spec"]["replicas"] = json!(4);
    for (new, expected) in [(resources, 1), (restarted, 1), (scaled, 0)] {
        let verdict = decide(Endpoint::Validate, &review("UPDATE", &new, old), &headless());
        let found = verdict.findings.iter().filter(|finding| finding.rule.code == code).count();
        assert_eq!(found, expected, "{code}: {}", new["spec"]);
    }
}
