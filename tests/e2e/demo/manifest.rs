//! The demonstration's manifests, and what becomes of them in admission.

use anyhow::Result;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::{
    screen,
    shop::{CONTAINER, Shop, good_set, service, with, without},
};

/// The tutorial's Service and StatefulSet without a PGDATA, and probes that do not make anybody wait.
pub fn tutorial() -> Value {
    let probe = json!({
        "exec": {"command": ["pg_isready", "-U", "postgres"]},
        "initialDelaySeconds": 1, "periodSeconds": 1, "timeoutSeconds": 5,
    });
    let set = with(good_set(), &format!("{CONTAINER}/readinessProbe"), probe);
    let set = without(set, &format!("{CONTAINER}/env/1"));
    json!({"apiVersion": "v1", "kind": "List", "items": [service(), set]})
}

/// Prints in what a stored set differs from what the API server alone would have made of the one that was sent.
pub async fn show_changes(shop: &Shop<'_>, sent: &Value, stored: &str) -> Result<()> {
    // kube-system is never sent to webhooks.
    let words = ["create", "-n", "kube-system", "--dry-run=server", "-o", "yaml", "-f", "-"];
    let alone = shop.cluster.kubectl(words).stdin(sent.to_string()).ok().await?;
    let (alone, stored) = (spec(&alone), spec(stored));
    let diff = TextDiff::from_lines(&alone, &stored);
    let groups = diff.grouped_ops(1);
    if groups.is_empty() {
        screen::lines("stored as written");
        return Ok(());
    }
    screen::lines("stored with these changes:");
    for change in groups.iter().flatten().flat_map(|op| diff.iter_changes(op)) {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        print!("    {sign} {change}");
    }
    Ok(())
}

/// The spec of an object printed as YAML, without what differs from cluster to cluster.
fn spec(yaml: &str) -> String {
    let lines = yaml.lines().skip_while(|line| *line != "spec:").take_while(|line| *line != "status:");
    lines.fold(String::new(), |text, line| text + line + "\n")
}
