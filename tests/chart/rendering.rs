//! What is rendered.

use serde_json::{Value, json};
use stsguard::serve::Drain;

use super::tools::{Helm, chart, object, rendered, template, text, values_files};

fn pod(objects: &[Value]) -> &Value {
    &object(objects, "Deployment", "stsguard")["spec"]["template"]["spec"]
}

fn entries(objects: &[Value]) -> impl Iterator<Item = &Value> {
    let kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
    kinds.into_iter().flat_map(|kind| object(objects, kind, "stsguard")["webhooks"].as_array().into_iter().flatten())
}

#[test]
fn both_helms_render_the_same() {
    for file in values_files() {
        let values = format!("--values={}", file.display());
        let rendered = |version| {
            let mut objects = super::tools::objects(&text(&template(version, &[&values])));
            objects.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]["name"]));
            objects
        };
        let (three, four) = (rendered(Helm::Three), rendered(Helm::Four));
        assert!(!three.is_empty() && three == four, "{}", file.display());
    }
}

#[test]
fn nothing_depends_on_the_cluster_or_on_chance() {
    let first = text(&template(Helm::Four, &[]));
    assert_eq!(first, text(&template(Helm::Four, &[])));
    for entry in std::fs::read_dir(chart().join("templates")).expect("there are templates") {
        let path = entry.expect("an entry can be read").path();
        let source = std::fs::read_to_string(&path).expect("a template can be read");
        for function in ["lookup ", "genCA", "genSelfSigned", "randAlpha", "uuidv4", "now "] {
            assert!(!source.contains(function), "{}: {function}", path.display());
        }
    }
}

#[test]
fn no_user_is_fixed_and_openshift_assigns_the_rest() {
    let objects = rendered(&[]);
    let context = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    assert_eq!(pod(&objects)["securityContext"], context);
    let objects = rendered(&["--set=openshift=true,networkPolicy.enabled=true,uninstallHook.enabled=true"]);
    assert_eq!(pod(&objects)["securityContext"], json!({"runAsNonRoot": true}));
    let job = object(&objects, "Job", "stsguard-release");
    assert_eq!(job["spec"]["template"]["spec"]["securityContext"], json!({"runAsNonRoot": true}));
    assert!(entries(&objects).all(|entry| entry["matchConditions"].to_string().contains("'openshift-'")));
    let policy = object(&objects, "NetworkPolicy", "stsguard");
    assert!(policy["spec"]["egress"][1]["ports"].to_string().contains("5353"), "{policy}");
}

#[test]
fn the_nodes_network_brings_its_own_name_service_and_its_own_order() {
    let objects = rendered(&["--set=hostNetwork=true,port=10260"]);
    let pod = pod(&objects);
    assert_eq!((&pod["hostNetwork"], &pod["dnsPolicy"]), (&json!(true), &json!("ClusterFirstWithHostNet")));
    let strategy = &object(&objects, "Deployment", "stsguard")["spec"]["strategy"]["rollingUpdate"];
    assert_eq!(*strategy, json!({"maxSurge": 0, "maxUnavailable": 1}));
    assert!(pod["containers"][0]["args"].to_string().contains("[::]:10260"));
}

#[test]
fn further_conditions_come_last_in_every_entry() {
    let objects = rendered(&[
        "--set=webhook.matchConditions[0].name=ours,webhook.matchConditions[0].expression=1 == 1,webhook.deployments=true",
    ]);
    let mut seen = 0;
    for entry in entries(&objects) {
        let conditions = entry["matchConditions"].as_array().expect("an entry has conditions");
        assert_eq!(conditions[0]["name"], "not-terminating", "{entry}");
        assert_eq!(conditions.last(), Some(&json!({"name": "ours", "expression": "1 == 1"})), "{entry}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn only_one_entry_may_ever_refuse_because_nobody_answers() {
    let objects = rendered(&["--set=webhook.failurePolicy=Fail,webhook.deployments=true"]);
    let refusing = entries(&objects).filter(|entry| entry["failurePolicy"] == "Fail");
    assert_eq!(refusing.map(|entry| entry["name"].clone()).collect::<Vec<_>>(), ["statefulsets.stsguard.dev"]);
}

#[test]
fn deployments_have_an_entry_where_they_are_asked_for_and_it_keeps_to_what_the_others_keep_to() {
    let named = |objects: &[Value], name: &str| entries(objects).find(|entry| entry["name"] == name).cloned();
    assert_eq!(named(&rendered(&[]), "deployments.stsguard.dev"), None);
    let objects = rendered(&["--set=webhook.deployments=true,webhook.timeoutSeconds=7"]);
    let own = named(&objects, "deployments.stsguard.dev").expect("it is there");
    let other = named(&objects, "services.stsguard.dev").expect("it is there");
    for field in ["clientConfig", "namespaceSelector", "timeoutSeconds", "sideEffects", "matchPolicy"] {
        assert_eq!(own[field], other[field], "{field}");
    }
    let conditions = |entry: &Value| entry["matchConditions"].as_array().cloned().unwrap_or_default();
    assert_eq!(conditions(&own)[..2], conditions(&other)[..]);
    assert_eq!((&own["timeoutSeconds"], &own["failurePolicy"]), (&json!(7), &json!("Ignore")));
    assert!(
        object(&objects, "MutatingWebhookConfiguration", "stsguard")["webhooks"].to_string().contains("statefulsets")
    );
    assert!(
        !object(&objects, "MutatingWebhookConfiguration", "stsguard")["webhooks"].to_string().contains("deployments")
    );
}

#[test]
fn a_rolling_update_has_no_gap_and_a_stopping_pod_has_the_time_it_needs() {
    let objects = rendered(&[]);
    let deployment = &object(&objects, "Deployment", "stsguard")["spec"];
    assert_eq!(deployment["replicas"], 2);
    assert_eq!(deployment["strategy"]["rollingUpdate"], json!({"maxSurge": 1, "maxUnavailable": 0}));
    let arguments = pod(&objects)["containers"][0]["args"].to_string();
    let seconds = |flag: &str| {
        let rest = arguments.split(flag).nth(1).expect("the flag is given");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("seconds")
    };
    let finish = Drain::default().finish.as_secs();
    let sum = seconds("--drain-propagation=") + seconds("--drain-idle=") + finish;
    assert!(pod(&objects)["terminationGracePeriodSeconds"].as_u64() > Some(sum), "{sum}");
    let checks = std::fs::read_to_string(chart().join("templates/_checks.tpl")).expect("there are checks");
    assert!(checks.contains(&format!("$shutdown.idleSeconds {finish} }}}}")), "the chart reckons with another time");
}

#[test]
fn a_pod_that_is_not_ready_never_holds_up_the_drain_of_its_node() {
    let budget = |settings: &str| object(&rendered(&["--set", settings]), "PodDisruptionBudget", "stsguard").clone();
    let spec = &budget("replicas=2")["spec"];
    assert_eq!((&spec["maxUnavailable"], &spec["minAvailable"]), (&json!(1), &Value::Null));
    assert_eq!(spec["unhealthyPodEvictionPolicy"], "AlwaysAllow");
    let spec = &budget("replicas=4,podDisruptionBudget.minAvailable=2")["spec"];
    assert_eq!((&spec["maxUnavailable"], &spec["minAvailable"]), (&Value::Null, &json!(2)));
    let none = rendered(&["--set=replicas=1"]);
    assert!(none.iter().all(|object| object["kind"] != "PodDisruptionBudget"), "one pod can always leave");
}

#[test]
fn pods_of_a_system_class_bring_the_quota_that_lets_them_in() {
    let quotas = |settings: &[&str]| {
        let all = rendered(settings);
        all.into_iter().filter(|object| object["kind"] == "ResourceQuota").collect::<Vec<_>>()
    };
    for class in ["system-cluster-critical", "system-node-critical"] {
        let found = quotas(&["--set", &format!("priorityClassName={class}")]);
        let scope = json!({"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": [class]}]});
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0]["spec"],
            json!({"hard": {"pods": "100"}, "scopeSelector": scope}),
            "nothing but pods counts"
        );
        assert_eq!(found[0]["metadata"]["namespace"], "stsguard");
    }
    let enforcing = format!("--values={}", chart().join("values/enforcing.yaml").display());
    assert_eq!(quotas(&[&enforcing]).len(), 1, "Fail without pods would refuse every StatefulSet");
    for without in ["priorityClassName=", "priorityClassName=high", "resourceQuota.enabled=false"] {
        let none = quotas(&["--set=priorityClassName=system-cluster-critical", "--set", without]);
        assert!(none.is_empty(), "{without}: {none:?}");
    }
    let system = quotas(&["--set=priorityClassName=system-cluster-critical", "-n=kube-system"]);
    assert!(system.is_empty(), "it would limit the cluster's own pods");
}

#[test]
fn the_api_server_is_let_in_wherever_it_calls_from() {
    let objects = rendered(&["--set=networkPolicy.enabled=true"]);
    let ingress = &object(&objects, "NetworkPolicy", "stsguard")["spec"]["ingress"];
    assert_eq!(ingress[0], json!({"ports": [{"protocol": "TCP", "port": "webhook"}]}));
    assert_eq!(ingress[1]["from"], json!([{"podSelector": {}}]), "metrics are for the own namespace");
    let objects = rendered(&["--set=networkPolicy.enabled=true,networkPolicy.apiServerCidrs[0]=10.0.0.0/8"]);
    let ingress = &object(&objects, "NetworkPolicy", "stsguard")["spec"]["ingress"];
    assert_eq!(ingress[0]["from"], json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"podSelector": {}}]));
}
