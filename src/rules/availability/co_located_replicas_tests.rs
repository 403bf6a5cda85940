use crate::rules::harness;
use serde_json::{Value, json};

fn messages(replicas: i32, pod: &Value) -> Vec<String> {
    let mut pod = pod.clone();
    if pod["containers"].is_null() {
        pod["containers"] = json!([{"name": "db", "image": "postgres:16"}]);
    }
    let template = json!({"metadata": {"labels": {"app": "db"}}, "spec": pod});
    harness::create("STS502", &json!({"spec": {"replicas": replicas, "template": template}}))
}

fn selecting(app: &str) -> Value {
    json!({"matchLabels": {"app": app}})
}

fn required(selector: &Value) -> Value {
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector});
    json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

fn preferred(selector: &Value) -> Value {
    let term = json!({"weight": 1, "podAffinityTerm": {"labelSelector": selector}});
    json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

fn spread(selector: &Value) -> Value {
    json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "labelSelector": selector}]})
}

#[test]
fn finds_replicas_that_nothing_keeps_apart() {
    let none = ["nothing keeps these 2 replicas off one node: no anti-affinity, no topology spread"];
    let near = json!({"affinity": {"nodeAffinity": {}, "podAffinity": {}}});
    for pod in [json!({}), json!({"affinity": {"podAntiAffinity": {}}}), near] {
        assert_eq!(messages(2, &pod), none, "{pod}");
    }
    assert_eq!(messages(2, &spread(&json!(null))), none, "without a selector no pods are counted");
}

#[test]
fn accepts_each_way_to_keep_them_apart() {
    let open = json!({"matchExpressions": [{"key": "controller-revision-hash", "operator": "Exists"}]});
    for way in [required, preferred, spread] {
        for selector in [selecting("db"), json!({}), open.clone()] {
            assert!(messages(3, &way(&selector)).is_empty(), "{selector}");
        }
    }
}

#[test]
fn is_not_content_with_what_keeps_others_away() {
    for way in [required, preferred, spread] {
        assert!(messages(3, &way(&selecting("web")))[0].ends_with("is for others"));
    }
}

#[test]
fn accepts_lone_pods_and_pods_that_need_a_node_for_themselves() {
    assert!(messages(1, &json!({})).is_empty() && messages(0, &json!({})).is_empty());
    let port = |port: &Value| json!([{"name": "db", "image": "postgres:16", "ports": [port]}]);
    let (host, own) = (port(&json!({"containerPort": 1, "hostPort": 1})), port(&json!({"containerPort": 1})));
    assert!(messages(2, &json!({"containers": host})).is_empty());
    assert!(messages(2, &json!({"containers": own, "hostNetwork": true})).is_empty());
    assert_eq!(messages(2, &json!({"containers": own})).len(), 1);
    assert_eq!(messages(2, &json!({"hostNetwork": true})).len(), 1);
}
