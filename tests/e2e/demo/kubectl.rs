//! Commands of kubectl, shown as they are run.

use std::fs;

use anyhow::Result;
use serde_json::Value;
use test_cluster::call::Output;

use super::{screen, shop::Shop};

/// Writes the manifest that commands call `postgres.yaml`.
pub fn write(shop: &Shop<'_>, manifest: &Value) -> Result<()> {
    Ok(fs::write(shop.cluster.scratch().join("postgres.yaml"), serde_json::to_vec_pretty(manifest)?)?)
}

/// Runs kubectl in the namespace and shows what a user sees; the words hold no blanks.
pub async fn show(shop: &Shop<'_>, line: &str) -> Result<Output> {
    let output = quiet(shop, line).await?;
    let quoted = line.split(' ').map(|word| if word.contains('{') { format!("'{word}'") } else { word.to_owned() });
    screen::command(&format!("kubectl {} -n {}", quoted.collect::<Vec<_>>().join(" "), shop.namespace));
    screen::lines(&output.stderr);
    screen::lines(&output.stdout);
    Ok(output)
}

/// The same of a command that succeeds.
pub async fn run(shop: &Shop<'_>, line: &str) -> Result<()> {
    show(shop, line).await?.ok()?;
    Ok(())
}

/// Runs kubectl in the namespace and shows nothing.
pub async fn quiet(shop: &Shop<'_>, line: &str) -> Result<Output> {
    loop {
        let words = line.split(' ').chain(["-n", &shop.namespace]);
        let output = shop.cluster.kubectl(words).folder(shop.cluster.scratch()).output().await?;
        // The controller writes the status meanwhile: kubectl asks to try again.
        if !output.stderr.contains("the object has been modified") {
            return Ok(output);
        }
    }
}
