use super::*;
use crate::evaluation::{Change, Subject};
use crate::facts::{InMemory, SetFacts};
use crate::kubernetes::Scale;
use crate::rule::{Action, Finding, Occasion};
use crate::rules::harness;
use serde_json::{Value, json};

fn set(name: &str, replicas: i32, container: &Value) -> Value {
    let spec = json!({"replicas": replicas, "template": {"spec": {"containers": [container]}}});
    json!({"kind": "StatefulSet", "metadata": {"name": name}, "spec": spec})
}

fn knowing(sets: &[Value]) -> InMemory {
    let mut facts = InMemory::default().knowing::<SetFacts>();
    for set in sets {
        facts.put_manifest(harness::NAMESPACE, set).expect("a set");
    }
    facts
}

fn messages(replicas: i32, container: &Value, facts: &InMemory) -> Vec<String> {
    harness::create_with("STS503", &set("db", replicas, container), facts)
}

fn etcd() -> Value {
    json!({"name": "etcd", "image": "quay.io/coreos/etcd:v3.5.15"})
}

#[test]
fn says_what_an_even_number_is_worth() {
    let alone = knowing(&[]);
    assert_eq!(
        messages(2, &etcd(), &alone),
        ["etcd with 2 members is worse off than with 1: when one is down, there is no majority"]
    );
    assert_eq!(
        messages(4, &etcd(), &alone),
        ["etcd with 4 members survives no more failures than with 3: a majority is 3"]
    );
    for image in ["zookeeper:3.9", "clickhouse/clickhouse-keeper:25.3"] {
        assert_eq!(messages(6, &json!({"name": "m", "image": image}), &alone).len(), 1, "{image}");
    }
}

#[test]
fn accepts_odd_numbers_none_and_engines_without_a_quorum() {
    let alone = knowing(&[]);
    for replicas in [0, 1, 3, 5] {
        assert!(messages(replicas, &etcd(), &alone).is_empty(), "{replicas}");
    }
    for image in ["apache/kafka:4.0.0", "elasticsearch:8.17.5", "cockroachdb/cockroach:v24.3.0", "postgres:16"] {
        assert!(messages(2, &json!({"name": "m", "image": image}), &alone).is_empty(), "{image}");
    }
}

#[test]
fn counts_members_only_where_they_are_told_to_be_some() {
    let alone = knowing(&[]);
    let args = |image: &str, args: &Value| json!({"name": "m", "image": image, "args": args});
    let env = |image: &str, name: &str, value: &str| json!({"name": "m", "image": image, "env": [{"name": name, "value": value}]});
    for (member, other) in [
        (
            args("hashicorp/consul:1.20", &json!(["agent", "-server", "-bootstrap-expect=2"])),
            args("hashicorp/consul:1.20", &json!(["agent", "-retry-join=consul-server"])),
        ),
        (env("hashicorp/vault:1.18", "VAULT_RAFT_NODE_ID", "x"), env("hashicorp/vault:1.18", "VAULT_ADDR", "x")),
        (
            env("hashicorp/vault:1.18", "VAULT_LOCAL_CONFIG", "storage \"raft\" {}"),
            env("hashicorp/vault:1.18", "VAULT_LOCAL_CONFIG", "storage \"consul\" {}"),
        ),
        (args("mongo:7", &json!(["mongod", "--replSet", "rs0"])), args("mongo:7", &json!(["mongod"]))),
        (env("rabbitmq:4", "RABBITMQ_ERLANG_COOKIE", "x"), env("rabbitmq:4", "RABBITMQ_DEFAULT_USER", "x")),
    ] {
        assert_eq!((messages(2, &member, &alone).len(), messages(2, &other, &alone).len()), (1, 0), "{member}");
    }
}

#[test]
fn leaves_arbiters_room() {
    let mongo = json!({"name": "m", "image": "mongo:7", "args": ["mongod", "--replSet", "rs0"]});
    assert!(messages(4, &mongo, &knowing(&[])).is_empty());
    assert!(messages(2, &mongo, &InMemory::default()).is_empty(), "nobody sees whether there are any");
    assert!(messages(2, &mongo, &knowing(&[set("arbiter", 1, &mongo)])).is_empty());
}

#[test]
fn leaves_members_in_other_sets_room() {
    let (own, web) = (set("db", 2, &etcd()), set("web", 2, &json!({"name": "w", "image": "acme/web:1"})));
    assert_eq!(messages(2, &etcd(), &knowing(&[own.clone(), web.clone()])).len(), 1);
    assert!(messages(2, &etcd(), &knowing(&[own, web, set("more", 3, &etcd())])).is_empty());
    assert_eq!(messages(2, &etcd(), &InMemory::default()).len(), 1);
}

#[test]
fn takes_an_agent_beside_another_server_for_no_member() {
    let agent = json!({"name": "agent", "image": "hashicorp/consul:1.20", "args": ["agent", "-bootstrap-expect=3"]});
    let pod = json!({"containers": [{"name": "web", "image": "acme/web:1"}, agent]});
    let set = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "template": {"spec": pod}}});
    assert!(harness::create_with("STS503", &set, &knowing(&[])).is_empty());
}

fn scaled(old: i32, new: i32) -> Vec<Finding> {
    let facts = knowing(&[]).knowing::<StatefulSet>();
    let facts = facts.with(harness::NAMESPACE, "db", harness::read::<StatefulSet>(&set("db", old, &etcd())));
    let scale = |replicas: i32| harness::read::<Scale>(&json!({"spec": {"replicas": replicas}}));
    let subject = Subject::Scale { name: "db", old: &scale(old), new: &scale(new) };
    harness::findings("STS503", &subject, Occasion::Update, &facts)
}

#[test]
fn judges_a_scale_by_what_it_was() {
    let actions = |old, new| scaled(old, new).iter().map(|finding| finding.action).collect::<Vec<_>>();
    assert_eq!((actions(3, 4), actions(3, 5)), (vec![Action::Warn], vec![]));
    assert_eq!(actions(2, 4), [Action::Audit], "it was even before");
    assert_eq!((actions(0, 2), actions(2, 0)), (vec![Action::Audit], vec![]));
}

#[test]
fn an_image_of_the_same_number_is_nothing_new() {
    let (old, new) =
        (set("db", 2, &etcd()), set("db", 2, &json!({"name": "etcd", "image": "quay.io/coreos/etcd:v3.6.0"})));
    let (old, new): (StatefulSet, StatefulSet) = (harness::read(&old), harness::read(&new));
    let change = Change::Update { old: &old, specs: crate::rule::Specs::Differ };
    let found = harness::findings("STS503", &Subject::StatefulSet(&new, change), Occasion::Update, &knowing(&[]));
    assert_eq!((found[0].action, found[0].pre_existing), (Action::Audit, true));
}
