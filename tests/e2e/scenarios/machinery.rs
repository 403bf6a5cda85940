//! The cluster itself does what tests rely on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_cluster::{Cluster, credentials::User, wait::eventually};
use tokio::{net::TcpStream, time::sleep};

use self::script::a_script_is_run_and_probed_by_commands_inside;
use self::steps::{apply, deploy, get, kubectl, restarted, timed};
use super::{Scenario, alone, scenario};
use crate::settings::run;

pub mod script;
mod steps;

/// The image that stands for this very executable; see `server`.
pub const SERVER_IMAGE: &str = "registry.test/server";

/// An image whose containers are ready without a process.
pub const PRETENDED_IMAGE: &str = "registry.test/pretended";

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(clients_and_server_have_the_version_that_was_built),
    scenario!(a_stateful_set_gets_its_pods_and_claims),
    scenario!(a_deployment_runs_behind_its_service),
    scenario!(a_container_sees_what_its_pod_says),
    scenario!(a_rolling_restart_loses_no_request),
    scenario!(a_changed_secret_appears_in_the_container),
    scenario!(a_sick_or_killed_process_is_restarted),
    scenario!(a_job_runs_to_its_end),
    scenario!(an_unknown_image_is_not_pulled),
    scenario!(a_script_is_run_and_probed_by_commands_inside),
    scenario!(helm_waits_for_what_it_installs),
    scenario!(a_developer_may_only_edit),
    scenario!(a_namespace_is_deleted_with_all_that_is_in_it),
    alone!(a_restarted_api_server_is_followed_by_all),
];

const PATIENCE: Duration = Duration::from_mins(2);

async fn clients_and_server_have_the_version_that_was_built(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(["wait", "node/node-1", "--for=condition=Ready", "--timeout=60s"]).ok().await?;
    let versions: Value = serde_json::from_str(&cluster.kubectl(["version", "--output=json"]).ok().await?)?;
    let wanted = run().kubernetes;
    for version in [&versions["clientVersion"], &versions["serverVersion"]] {
        ensure!(version["major"] == "1" && version["gitVersion"] != "v0.0.0-master", "{versions}");
        ensure!(wanted.as_ref().is_none_or(|wanted| version["gitVersion"] == **wanted), "not {wanted:?}: {versions}");
    }
    let helm = cluster.helm(["version", "--short"]).ok().await?;
    ensure!(helm.starts_with("v4"), "helm is version 4: {helm}");
    Ok(())
}

async fn a_stateful_set_gets_its_pods_and_claims(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    apply(cluster, namespace, include_str!("machinery/stateful-set.yaml")).await?;
    kubectl(cluster, namespace, "rollout status statefulset/db --timeout=120s").await?;
    let pods = kubectl(cluster, namespace, "get pods -o jsonpath={.items[*].metadata.name}").await?;
    ensure!(pods == "db-0 db-1 db-2", "{pods}");
    let claims = kubectl(cluster, namespace, "get pvc -o jsonpath={.items[*].metadata.name}").await?;
    ensure!(claims == "data-db-0 data-db-1 data-db-2", "{claims}");
    Ok(())
}

async fn a_deployment_runs_behind_its_service(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    let address = deploy(cluster, namespace).await?;
    let mut seen = std::collections::BTreeSet::new();
    eventually("both pods have answered", PATIENCE, async || {
        seen.insert(get(&address, "/name").await?);
        Ok((seen.len() == 2).then_some(()))
    })
    .await?;

    // Without ready pods the Service refuses connections.
    kubectl(cluster, namespace, "scale deployment/server --replicas=0").await?;
    eventually("connections are refused", PATIENCE, async || {
        let refused = TcpStream::connect(&address).await.err();
        Ok(refused.filter(|error| error.kind() == std::io::ErrorKind::ConnectionRefused))
    })
    .await?;
    Ok(())
}

async fn a_container_sees_what_its_pod_says(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    let address = deploy(cluster, namespace).await?;
    let expectations = [
        ("/variables/GREETING", "hello from server-"),
        ("/variables/PASSWORD", "first"),
        ("/files/etc/server/password", "first"),
        ("/files/etc/labels/labels", "app=\"server\""),
        ("/files/var/run/secrets/kubernetes.io/serviceaccount/namespace", namespace.as_str()),
        ("/files/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", "-----BEGIN CERTIFICATE-----"),
        ("/files/var/run/secrets/kubernetes.io/serviceaccount/token", "eyJ"),
        ("/files/proc/self/status", "NSpid:\t1\n"),
        ("/write/data/file", ""),
    ];
    for (path, expected) in expectations {
        let seen = get(&address, path).await?;
        ensure!(seen.contains(expected), "{path}: {seen}");
    }
    ensure!(get(&address, "/write/file").await.is_err(), "the root can be written to");
    ensure!(get(&address, "/write/etc/server/file").await.is_err(), "a secret's volume can be written to");
    if cluster.can_switch_user() {
        let status = get(&address, "/files/proc/self/status").await?;
        ensure!(status.contains("Uid:\t1234\t1234") && status.contains("Groups:\t0 4321"), "{status}");
        ensure!(status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t0000000000000000"), "{status}");
        ensure!(get(&address, "/files/proc/1/environ").await.is_ok(), "it cannot read its own environment");
    }
    Ok(())
}

async fn a_rolling_restart_loses_no_request(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    let address = deploy(cluster, namespace).await?;
    let before = kubectl(cluster, namespace, "get pods -o jsonpath={.items[*].metadata.name}").await?;
    let restart = async {
        kubectl(cluster, namespace, "rollout restart deployment/server").await?;
        kubectl(cluster, namespace, "rollout status deployment/server --timeout=120s").await?;
        kubectl(cluster, namespace, &format!("wait --for=delete pod {before} --timeout=120s")).await
    };
    let load = async {
        let mut names = std::collections::BTreeSet::new();
        let mut requests = 0;
        loop {
            names.insert(get(&address, "/name").await.with_context(|| format!("after {requests} requests"))?);
            requests += 1;
            sleep(Duration::from_millis(5)).await;
            if names.iter().filter(|name| !before.contains(name.as_str())).count() == 2 {
                return Ok::<_, anyhow::Error>(requests);
            }
        }
    };
    let (_, requests) = tokio::try_join!(restart, timed(load))?;
    ensure!(requests > 10, "only {requests} requests were made");
    let after = kubectl(cluster, namespace, "get pods -o jsonpath={.items[*].metadata.name}").await?;
    ensure!(after.split(' ').all(|name| !before.contains(name)), "{before} became {after}");
    let new = after.split(' ').next().unwrap_or_default();
    let log = kubectl(cluster, namespace, &format!("logs {new} --tail=1")).await?;
    ensure!(log == "listening on 8080\n", "kubectl logs: {log}");
    let first = before.split(' ').next().unwrap_or_default();
    let log = cluster.pod_logs(namespace, first)?;
    ensure!(log.contains("leaving\nleft\n"), "the old pod was not asked to leave: {log}");
    Ok(())
}

async fn a_changed_secret_appears_in_the_container(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    let address = deploy(cluster, namespace).await?;
    kubectl(cluster, namespace, r#"patch secret/server -p {"stringData":{"password":"second"}}"#).await?;
    eventually("the new password is there", PATIENCE, async || {
        Ok((get(&address, "/files/etc/server/password").await? == "second").then_some(()))
    })
    .await?;
    let variable = get(&address, "/variables/PASSWORD").await?;
    ensure!(variable == "first", "a variable stays as it was: {variable}");
    Ok(())
}

async fn a_sick_or_killed_process_is_restarted(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    let address = deploy(cluster, namespace).await?;
    let sick = get(&address, "/break").await?;
    restarted(cluster, namespace, &sick, "1").await?;
    cluster.kill_pod_process(namespace, &sick).await?;
    restarted(cluster, namespace, &sick, "2").await?;
    let path = "{.status.containerStatuses[0].lastState.terminated.exitCode}";
    let code = kubectl(cluster, namespace, &format!("get pod {sick} -o jsonpath={path}")).await?;
    ensure!(code == "137", "killed is 128 + 9: {code}");
    Ok(())
}

async fn a_job_runs_to_its_end(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    apply(cluster, namespace, include_str!("machinery/job.yaml")).await?;
    kubectl(cluster, namespace, "wait job/says --for=condition=Complete --timeout=120s").await?;
    kubectl(cluster, namespace, "wait job/fails --for=condition=Failed --timeout=120s").await?;
    let pod = kubectl(cluster, namespace, "get pods -l job-name=says -o jsonpath={.items[*].metadata.name}").await?;
    let log = cluster.pod_logs(namespace, &pod)?;
    ensure!(log == "before\nsaid by says\n", "{log}");
    Ok(())
}

async fn an_unknown_image_is_not_pulled(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    kubectl(cluster, namespace, "run unknown --image=registry.test/unknown").await?;
    let reason = "{.status.containerStatuses[0].state.waiting.reason}=ErrImagePull";
    kubectl(cluster, namespace, &format!("wait pod/unknown --for=jsonpath={reason} --timeout=60s")).await?;
    kubectl(cluster, namespace, "delete pod/unknown --timeout=60s").await?;
    Ok(())
}

async fn helm_waits_for_what_it_installs(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    let folder = cluster.scratch().join("charts");
    std::fs::create_dir_all(&folder)?;
    cluster.helm(["create", "sample"]).folder(&folder).ok().await?;
    let image = format!("image.repository={PRETENDED_IMAGE}");
    let install = ["install", "sample", "./sample", "--wait", "--namespace", namespace, "--set", &image];
    cluster.helm(install).folder(&folder).ok().await?;
    let available = "get deployment/sample -o jsonpath={.status.availableReplicas}";
    let available = kubectl(cluster, namespace, available).await?;
    ensure!(available == "1", "helm did not wait: {available} replicas are available");
    cluster.helm(["uninstall", "sample", "--wait", "--namespace", namespace]).ok().await?;
    Ok(())
}

async fn a_developer_may_only_edit(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    let namespace = format!("--namespace={namespace}");
    cluster.kubectl(["create", "configmap", "mine", &namespace]).user(User::Dev).ok().await?;
    let refusal = cluster.kubectl(["create", "namespace", "mine"]).user(User::Dev).refused().await?;
    ensure!(refusal.contains("User \"dev\" cannot create resource \"namespaces\""), "{refusal}");
    Ok(())
}

async fn a_namespace_is_deleted_with_all_that_is_in_it(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    apply(cluster, namespace, include_str!("machinery/stateful-set.yaml")).await?;
    deploy(cluster, namespace).await?;
    cluster.kubectl(["delete", "namespace", namespace, "--timeout=120s"]).ok().await?;
    Ok(())
}

async fn a_restarted_api_server_is_followed_by_all(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    let address = deploy(cluster, namespace).await?;
    cluster.stop_api_server().await?;
    get(&address, "/name").await.context("pods go on without an API server")?;
    cluster.kubectl(["get", "nodes"]).refused().await?;
    cluster.start_api_server().await?;
    kubectl(cluster, namespace, "scale deployment/server --replicas=3").await?;
    kubectl(cluster, namespace, "rollout status deployment/server --timeout=120s").await?;
    let mut seen = std::collections::BTreeSet::new();
    eventually("three pods have answered", PATIENCE, async || {
        seen.insert(get(&address, "/name").await?);
        Ok((seen.len() == 3).then_some(()))
    })
    .await
}
