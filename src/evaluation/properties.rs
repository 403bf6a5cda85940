//! What holds for every set: a fix ends its own finding and brings none, nothing is fixed on what is not known, an update
//! that changes nothing is never denied, and order means nothing.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{Change, Subject, evaluate};
use crate::facts::{Address, Answers, Facts, InMemory, NoFacts, ServiceFacts};
use crate::kubernetes::{Labels, StatefulSet};
use crate::rule::{Action, Context, Finding, Occasion, Operation, Profile, Specs};
use crate::rules;
use crate::rules::harness::{NAMESPACE, read};

const IMAGES: [&str; 12] = [
    "postgres:16",
    "postgres:18",
    "postgres",
    "postgres@sha256:00",
    "registry.example.com/postgres:16",
    "acme/postgres:16",
    "mysql:8.4",
    "mysql:5.7",
    "redis:7",
    "quay.io/coreos/etcd:v3.5.0",
    "rabbitmq:4",
    "acme/web:1",
];
const PATHS: [&str; 7] = [
    "/var/lib/postgresql/data",
    "/var/lib/postgresql",
    "/var/lib/mysql",
    "/data",
    "/srv",
    "/var/lib/rabbitmq",
    "/var/lib/postgresql/data/pgdata",
];

/// The parts of a plausible set.
#[derive(Debug, Clone)]
struct Parts {
    containers: Vec<Value>,
    spec: Value,
    annotations: Value,
}

impl Parts {
    fn set(&self) -> Value {
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": NAMESPACE, "annotations": self.annotations},
            "spec": self.spec,
        });
        set["spec"]["template"]["spec"]["containers"] = json!(self.containers);
        set
    }
}

fn server() -> impl Strategy<Value = Value> {
    let env =
        prop::option::of(select(&["/var/lib/postgresql/data", "/var/lib/postgresql/data/pgdata", "", "$(X)"][..]));
    let mount = (select(&["data", "scratch", "missing"][..]), select(&PATHS[..]), prop::option::of(Just("sub")));
    let mounts = prop::collection::vec(mount, 0..3);
    let password = prop::option::of(select(&["", "s3cret"][..]));
    let command = prop::option::of(select(&["exec docker-entrypoint.sh postgres", "/run.sh"][..]));
    (select(&IMAGES[..]), env, mounts, password, any::<bool>(), command).prop_map(
        |(image, pgdata, mounts, password, probe, command)| {
            let mut container = json!({"name": "db", "image": image});
            let mut env = Vec::new();
            env.extend(pgdata.map(|value| json!({"name": "PGDATA", "value": value})));
            env.extend(password.map(|value| json!({"name": "POSTGRES_PASSWORD", "value": value})));
            env.push(json!({"name": "MODE", "value": "fast"}));
            container["env"] = json!(env);
            let mounts: Vec<_> = mounts
                .into_iter()
                .map(|(name, path, sub)| json!({"name": name, "mountPath": path, "subPath": sub}))
                .collect();
            container["volumeMounts"] = json!(mounts);
            if probe {
                container["readinessProbe"] = json!({"exec": {"command": ["pg_isready"]}});
                container["livenessProbe"] = json!({"tcpSocket": {"port": 5432}});
            }
            if let Some(line) = command {
                container["command"] = json!(["sh", "-c", line]);
            }
            container
        },
    )
}

fn parts() -> impl Strategy<Value = Parts> {
    let pod = (prop::option::of(select(&[0_i64, 10, 30, 60, 300][..])), any::<bool>());
    let spec = (select(&["Parallel", "OrderedReady"][..]), 0..5_i32, select(&["db", "web", ""][..]), any::<bool>());
    let exempt = prop::option::of(select(&["zero-grace-period", "short-grace-period", "nonsense"][..]));
    (server(), 0..3_usize, pod, spec, exempt).prop_map(
        |(server, sidecars, (grace, claim), (order, replicas, service, templates), exempt)| {
            let mut containers = vec![server];
            containers.extend(
                (0..sidecars).map(|n| json!({"name": format!("side-{n}"), "image": format!("acme/side-{n}:1")})),
            );
            let volume = if claim {
                json!({"name": "scratch", "persistentVolumeClaim": {"claimName": "shared"}})
            } else {
                json!({"name": "scratch", "emptyDir": {}})
            };
            let mut pod = json!({"volumes": [volume]});
            if let Some(grace) = grace {
                pod["terminationGracePeriodSeconds"] = json!(grace);
            }
            let labels = json!({"app": "db"});
            let mut spec = json!({
                "serviceName": service, "replicas": replicas, "podManagementPolicy": order,
                "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod},
            });
            if templates {
                let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
                spec["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": claim}]);
            }
            let annotations =
                exempt.map_or(json!({}), |rule| json!({format!("stsguard.dev/exempt-{rule}"): "a reason"}));
            Parts { containers, spec, annotations }
        },
    )
}

/// A cluster or files in which one Service is headless, another is not, and nothing else exists.
fn known() -> InMemory {
    let selector: Labels = [("app".to_owned(), "db".to_owned())].into();
    let service = |address| ServiceFacts { address, selector: (&selector).into(), publishes_not_ready: false };
    InMemory::default().knowing_what_files_tell().with(NAMESPACE, "db", service(Address::Headless)).with(
        NAMESPACE,
        "web",
        service(Address::ClusterIp),
    )
}

fn judged(set: &Value, occasion: Occasion, profile: Profile, facts: &dyn Facts) -> Vec<Finding> {
    let set: StatefulSet = read(set);
    let (policy, answers) = (rules::policy(profile), Answers::new());
    let context = Context::new(&policy, occasion, NAMESPACE, facts, &answers);
    evaluate(&Subject::StatefulSet(&set, Change::State), context).findings
}

/// What findings are about, without their places.
fn told(findings: &[Finding]) -> BTreeSet<(String, String, Action)> {
    let each = findings.iter().map(|finding| {
        let (code, part) = finding.identity();
        (code.to_owned(), format!("{part}: {}", finding.message), finding.action)
    });
    each.collect()
}

fn patched(set: &Value, operations: &[Operation]) -> Value {
    let patch: json_patch::Patch = serde_json::from_value(json!(operations)).expect("a patch");
    let mut set = set.clone();
    json_patch::patch(&mut set, &patch).expect("a fix applies");
    set
}

proptest! {
    #[test]
    fn a_fix_ends_its_own_finding_and_brings_none(parts in parts()) {
        let set = parts.set();
        for (occasion, profile) in [(Occasion::Check, Profile::Recommended), (Occasion::Create, Profile::Strict)] {
            let before = judged(&set, occasion, profile, &known());
            for (finding, fix) in before.iter().filter_map(|finding| Some((finding, finding.fix.as_ref()?))) {
                let after = judged(&patched(&set, &fix.operations), occasion, profile, &known());
                if !fix.operations.is_empty() {
                    prop_assert!(!after.iter().any(|left| left.identity() == finding.identity()), "{} is left", finding.message);
                }
                let identities = |findings: &[Finding]| {
                    findings.iter().map(|f| { let (code, part) = f.identity(); (code, part.to_owned()) }).collect::<BTreeSet<_>>()
                };
                let (before, after) = (identities(&before), identities(&after));
                prop_assert!(after.is_subset(&before), "{} brings {:?}", fix.title, after.difference(&before));
            }
        }
    }

    #[test]
    fn nothing_is_fixed_on_what_is_not_known(parts in parts()) {
        for finding in judged(&parts.set(), Occasion::Create, Profile::Recommended, &NoFacts) {
            prop_assert!(finding.safe_fix().is_none_or(|fix| fix.rests_on.is_empty()), "{}", finding.message);
            prop_assert!(finding.action < Action::Deny || finding.rests_on.is_empty(), "{}", finding.message);
        }
    }

    #[test]
    fn an_update_that_changes_nothing_in_the_spec_is_never_denied(parts in parts()) {
        let set: StatefulSet = read(&parts.set());
        let mut bare = set.clone();
        bare.metadata.annotations.clear();
        let (policy, answers, facts) = (rules::policy(Profile::Strict), Answers::new(), known());
        for (old, new) in [(&set, &set), (&set, &bare), (&bare, &set)] {
            let context = Context::new(&policy, Occasion::Update, NAMESPACE, &facts, &answers);
            let report = evaluate(&Subject::StatefulSet(new, Change::Update { old, specs: Specs::Equal }), context);
            let denied: Vec<_> = report.findings.iter().filter(|f| f.action == Action::Deny).collect();
            prop_assert!(denied.is_empty(), "{denied:?}");
        }
    }

    #[test]
    fn judging_twice_and_in_another_order_gives_the_same(parts in parts(), from in any::<Index>(), backwards in any::<bool>()) {
        let first = judged(&parts.set(), Occasion::Check, Profile::Recommended, &known());
        prop_assert_eq!(told(&first), told(&judged(&parts.set(), Occasion::Check, Profile::Recommended, &known())));
        let mut other = parts;
        // The first container is the one that the set is about; the order of the others and of variables means nothing.
        if let [_, beside @ ..] = other.containers.as_mut_slice()
            && !beside.is_empty()
        {
            let count = beside.len();
            beside.rotate_left(from.index(count));
        }
        for container in &mut other.containers {
            if let Some(env) = container.get_mut("env").and_then(Value::as_array_mut).filter(|_| backwards) {
                env.reverse();
            }
        }
        let again = judged(&other.set(), Occasion::Check, Profile::Recommended, &known());
        // A rule about a server beside the main container is milder, and says so by its action alone.
        let said = |findings: &[Finding]| told(findings).into_iter().map(|(code, text, _)| (code, text)).collect::<BTreeSet<_>>();
        prop_assert_eq!(said(&first), said(&again));
    }
}
