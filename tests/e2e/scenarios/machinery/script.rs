//! A pod whose image is a script.

use std::path::Path;

use anyhow::{Result, ensure};
use test_cluster::{Cluster, Script, wait::eventually};

use super::{
    PATIENCE,
    steps::{apply, kubectl},
};

/// The image that stands for `script.sh`.
pub fn image() -> Script {
    Script {
        image: "registry.test/script".into(),
        entrypoint: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/scenarios/machinery/script.sh"),
        folders: Vec::new(),
        environment: [("OF_THE_IMAGE".into(), "its image".into())].into(),
    }
}

pub async fn a_script_is_run_and_probed_by_commands_inside(cluster: &Cluster) -> Result<()> {
    let namespace = &cluster.namespace().await?;
    apply(cluster, namespace, include_str!("script.yaml")).await?;
    let of = |name: &str, field: &str| {
        format!("get pod script -o jsonpath={{.status.containerStatuses[?(@.name==\"{name}\")].{field}}}")
    };
    eventually("a container is ready when its command succeeds", PATIENCE, async || {
        Ok((kubectl(cluster, namespace, &of("up", "ready")).await? == "true").then_some(()))
    })
    .await?;
    let down = kubectl(cluster, namespace, &of("down", "ready")).await?;
    ensure!(down == "false", "not ready when it fails: {down}");
    let running = kubectl(cluster, namespace, &of("down", "state.running.startedAt")).await?;
    ensure!(!running.is_empty(), "but running");

    let logs = kubectl(cluster, namespace, "logs script -c up").await?;
    ensure!(logs == "hello from its image\nthe claim holds: lost+found\n", "{logs}");
    Ok(())
}
