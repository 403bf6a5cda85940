use super::*;
use crate::facts::InMemory;
use crate::kubernetes::Labels;
use crate::rule::Action;
use crate::rules::harness;
use serde_json::{Value, json};

fn service(address: Address, selector: &[(&str, &str)], publishes_not_ready: bool) -> ServiceFacts {
    let selector: Labels = selector.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    ServiceFacts { address, selector: (&selector).into(), publishes_not_ready }
}

fn silent() -> ServiceFacts {
    service(Address::Headless, &[("app", "etcd")], false)
}

fn etcd() -> Value {
    let probe = json!({"httpGet": {"path": "/health", "port": 2379}});
    let args = ["--initial-cluster", "etcd-0=http://etcd-0.etcd:2380,etcd-1=http://etcd-1.etcd:2380"];
    json!({"name": "etcd", "image": "quay.io/coreos/etcd:v3.6.0", "args": args, "readinessProbe": probe})
}

fn judged(container: &Value, replicas: i32, service: ServiceFacts) -> Vec<Action> {
    let facts = InMemory::default().with(harness::NAMESPACE, "etcd", service);
    let template = json!({"metadata": {"labels": {"app": "etcd"}}, "spec": {"containers": [container]}});
    let set = json!({"spec": {"serviceName": "etcd", "replicas": replicas, "template": template}});
    harness::created("STS107", &set, &facts).iter().map(|finding| finding.action).collect()
}

#[test]
fn warns_of_peers_that_wait_for_each_other() {
    assert_eq!(judged(&etcd(), 3, silent()), [Action::Warn]);
}

#[test]
fn accepts_published_peers_and_one_alone() {
    let published = service(Address::Headless, &[("app", "etcd")], true);
    assert!(judged(&etcd(), 3, published).is_empty());
    assert!(judged(&etcd(), 1, silent()).is_empty());
}

#[test]
fn accepts_pods_that_are_ready_alone() {
    for (field, value) in [
        ("readinessProbe", json!(null)),
        ("readinessProbe", json!({"tcpSocket": {"port": 2379}})),
        ("image", json!("postgres:16")),
        ("command", json!(["/scripts/run.sh"])),
    ] {
        let mut container = etcd();
        container[field] = value;
        assert!(judged(&container, 3, silent()).is_empty(), "{container}");
    }
}

#[test]
fn knows_nothing_where_the_service_is_not_named() {
    let mut container = etcd();
    container["args"] = json!(["--initial-cluster", "a=http://a.etcd-peers:2380", "--name", "my-etcd"]);
    assert!(judged(&container, 3, silent()).is_empty());
    container["env"] = json!([{"name": "SERVICE", "value": "etcd"}]);
    assert_eq!(judged(&container, 3, silent()), [Action::Warn]);
}

#[test]
fn leaves_services_that_publish_none_of_the_pods_to_their_rules() {
    for (address, selector) in
        [(Address::ClusterIp, &[("app", "etcd")][..]), (Address::Headless, &[]), (Address::Headless, &[("app", "web")])]
    {
        assert!(judged(&etcd(), 3, service(address, selector, false)).is_empty(), "{address:?} {selector:?}");
    }
}
