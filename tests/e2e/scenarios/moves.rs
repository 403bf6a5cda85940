//! A server must not come up on other files unless somebody says so.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use test_cluster::Cluster;

use super::shop::{CONTAINER, Shop, codes, good_set, service, with, without};
use super::{Scenario, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario!(of_directory_mount_sub_path_volume_or_image_default_are_denied),
    scenario!(of_the_default_with_an_image_of_the_next_major_are_denied),
    scenario!(of_mount_and_directory_together_are_accepted),
    scenario!(with_a_reason_are_accepted_with_a_reminder),
];

async fn running(cluster: &Cluster) -> Result<Shop<'_>> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    shop.apply_calmly(&two_claims()).await?;
    Ok(shop)
}

/// The tutorial's set with a second claim template, mounted beside the data.
fn two_claims() -> Value {
    let template = good_set()["spec"]["volumeClaimTemplates"][0].clone();
    let set = with(good_set(), "/spec/volumeClaimTemplates/-", with(template, "/metadata/name", json!("spare")));
    with(set, &format!("{CONTAINER}/volumeMounts/-"), json!({"name": "spare", "mountPath": "/spare"}))
}

async fn of_directory_mount_sub_path_volume_or_image_default_are_denied(cluster: &Cluster) -> Result<()> {
    let shop = running(cluster).await?;
    let set = two_claims;
    let (pgdata, mount) = (format!("{CONTAINER}/env/1/value"), format!("{CONTAINER}/volumeMounts/0"));
    for (what, moved) in [
        ("PGDATA", with(set(), &pgdata, json!("/var/lib/postgresql/data/other"))),
        ("mountPath alone", with(set(), &format!("{mount}/mountPath"), json!("/elsewhere"))),
        ("subPath", with(set(), &format!("{mount}/subPath"), json!("sub"))),
        (
            "volume",
            with(
                with(set(), &format!("{mount}/name"), json!("spare")),
                &format!("{CONTAINER}/volumeMounts/1/name"),
                json!("data"),
            ),
        ),
        ("PGDATA on the other volume", with(set(), &pgdata, json!("/spare/pgdata"))),
    ] {
        let said = shop.apply(&moved).await?.refused()?;
        ensure!(codes(&said) == ["STS202"], "{what}: {said}");
    }
    Ok(())
}

async fn of_the_default_with_an_image_of_the_next_major_are_denied(cluster: &Cluster) -> Result<()> {
    let shop = Shop::open(cluster).await?;
    shop.apply_calmly(&service()).await?;
    let claimed = with(good_set(), &format!("{CONTAINER}/volumeMounts/0/subPath"), json!("pg"));
    let seventeen =
        with(without(claimed, &format!("{CONTAINER}/env/1")), &format!("{CONTAINER}/image"), json!("postgres:17"));
    shop.apply_calmly(&seventeen).await?;
    let said = shop.apply(&with(seventeen, &format!("{CONTAINER}/image"), json!("postgres:18"))).await?.refused()?;
    ensure!(codes(&said) == ["STS202", "STS205"], "{said}");
    Ok(())
}

async fn of_mount_and_directory_together_are_accepted(cluster: &Cluster) -> Result<()> {
    let shop = running(cluster).await?;
    let moved = with(two_claims(), &format!("{CONTAINER}/volumeMounts/0/mountPath"), json!("/data"));
    shop.apply_calmly(&with(moved, &format!("{CONTAINER}/env/1/value"), json!("/data/pgdata"))).await
}

async fn with_a_reason_are_accepted_with_a_reminder(cluster: &Cluster) -> Result<()> {
    let shop = running(cluster).await?;
    let moved = with(two_claims(), &format!("{CONTAINER}/env/1/value"), json!("/spare/pgdata"));
    let exempt = |reason: &str| json!({"stsguard.dev/exempt-data-directory-moved": reason});
    let said = shop.apply(&with(moved.clone(), "/metadata/annotations", exempt(" "))).await?.refused()?;
    ensure!(codes(&said) == ["STS001", "STS202"], "{said}");
    let output = shop.apply(&with(moved, "/metadata/annotations", exempt("data copied on Sunday"))).await?;
    ensure!(codes(&output.stderr) == ["STS202"], "{output}");
    output.ok()?;
    Ok(())
}
