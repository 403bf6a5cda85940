//! What the installation may do in a cluster: exactly this, and nothing else.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stsguard::facts;
use test_cluster::Cluster;

use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(are_exactly_what_is_needed),
    scenario!(do_not_reach_other_secrets_config_maps_pods_or_any_write),
    scenario!(the_webhooks_cover_what_they_say_and_never_the_control_plane),
];

async fn json(cluster: &Cluster, line: &str) -> Result<Value> {
    let words: Vec<_> = format!("{line} -o json").split(' ').map(str::to_owned).collect();
    serde_json::from_str(&cluster.kubectl(words).ok().await?).context("kubectl prints JSON")
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What a role allows: `group/resource name: verbs`, sorted.
async fn allowed_by(cluster: &Cluster, role: &str) -> Result<BTreeSet<String>> {
    let mut rights = BTreeSet::new();
    for rule in json(cluster, &format!("get {role}")).await?["rules"].as_array().into_iter().flatten() {
        let (names, mut verbs) = (strings(&rule["resourceNames"]).join(","), strings(&rule["verbs"]));
        verbs.sort();
        let verbs = verbs.join(",");
        for group in strings(&rule["apiGroups"]) {
            let resources = strings(&rule["resources"]);
            rights.extend(resources.iter().map(|resource| format!("{group}/{resource} {names}: {verbs}")));
        }
    }
    Ok(rights)
}

async fn are_exactly_what_is_needed(cluster: &Cluster) -> Result<()> {
    let line = |((group, plural), verbs): ((&str, &str), BTreeSet<&str>)| {
        format!("{group}/{plural} : {}", Vec::from_iter(verbs).join(","))
    };
    let mut everywhere: BTreeSet<_> = facts::rights().into_iter().map(line).collect();
    for kind in ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
        everywhere.insert(format!("admissionregistration.k8s.io/{kind} stsguard: list,patch,watch"));
    }
    let rights = allowed_by(cluster, "clusterrole stsguard").await?;
    ensure!(rights == everywhere, "{rights:?}");
    let here = ["/secrets : create", "/secrets stsguard-authority: get,list,update,watch"];
    let rights = allowed_by(cluster, "role stsguard -n stsguard").await?;
    ensure!(rights == here.map(str::to_owned).into(), "{rights:?}");
    Ok(())
}

async fn do_not_reach_other_secrets_config_maps_pods_or_any_write(cluster: &Cluster) -> Result<()> {
    for (line, expected) in [
        ("get secrets --all-namespaces", "no"),
        ("list secrets -n stsguard", "no"),
        ("get secrets/another -n stsguard", "no"),
        ("get secrets/stsguard-authority -n stsguard", "yes"),
        ("delete secrets/stsguard-authority -n stsguard", "no"),
        ("create secrets -n default", "no"),
        ("list configmaps --all-namespaces", "no"),
        ("list pods --all-namespaces", "no"),
        ("create pods --all-namespaces", "no"),
        ("update statefulsets --all-namespaces", "no"),
        ("delete services --all-namespaces", "no"),
        ("patch validatingwebhookconfigurations/another", "no"),
        ("patch validatingwebhookconfigurations/stsguard", "yes"),
        ("delete validatingwebhookconfigurations/stsguard", "no"),
        ("create serviceaccounts/token --all-namespaces", "no"),
    ] {
        let words = format!("auth can-i {line} --as=system:serviceaccount:stsguard:stsguard");
        let words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        let output = cluster.kubectl(words).output().await?;
        ensure!(output.stdout.trim() == expected, "{line}: {output}");
    }
    Ok(())
}

async fn the_webhooks_cover_what_they_say_and_never_the_control_plane(cluster: &Cluster) -> Result<()> {
    let mut entries = Vec::new();
    for kind in ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"] {
        let configuration = json(cluster, &format!("get {kind} stsguard")).await?;
        for entry in configuration["webhooks"].as_array().into_iter().flatten() {
            let excluded = strings(&entry["namespaceSelector"]["matchExpressions"][0]["values"]);
            ensure!(excluded == ["kube-system", "kube-node-lease", "stsguard"], "{entry}");
            ensure!(entry["sideEffects"] == "None" && entry["timeoutSeconds"] == 5, "{entry}");
            let conditions = entry["matchConditions"].as_array().context("an entry has conditions")?;
            ensure!(conditions.iter().any(|condition| condition["name"] == "not-terminating"), "{entry}");
            for rule in entry["rules"].as_array().into_iter().flatten() {
                for resource in strings(&rule["resources"]) {
                    let name = entry["name"].as_str().unwrap_or_default().trim_end_matches(".stsguard.dev");
                    let policy = entry["failurePolicy"].as_str().unwrap_or_default();
                    entries.push(format!("{name} {resource} {} {policy}", strings(&rule["operations"]).join(",")));
                }
            }
        }
    }
    entries.sort();
    let expected = [
        "deletions services DELETE Ignore",
        "deletions statefulsets DELETE Ignore",
        "fixes statefulsets CREATE,UPDATE Ignore",
        "scale statefulsets/scale UPDATE Ignore",
        "services services CREATE,UPDATE Ignore",
        "statefulsets statefulsets CREATE,UPDATE Ignore",
    ];
    ensure!(entries == expected, "{entries:#?}");
    Ok(())
}
