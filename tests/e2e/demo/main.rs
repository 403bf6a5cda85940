//! A live Kubernetes control plane, a real PostgreSQL, and what stsguard changes for it: `make demo`.
//!
//! `make demo KEEP=1` ends in a shell inside the cluster, with kubectl and helm set up. `PG_BIN` names the folder of
//! PostgreSQL's programs; without one the pods are ready without a process, and what only a server can show is left out.

use std::{env, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context, Result, ensure};
use test_cluster::{
    Cluster, Options,
    isolation::{Place, isolated},
    sandbox,
};

use self::{postgres::Postgres, screen::patiently, shop::Shop};

mod kubectl;
mod manifest;
mod mistakes;
mod pods;
mod postgres;
mod screen;
mod story;

#[path = "../settings.rs"]
mod settings;

#[allow(dead_code, reason = "the tests use other parts of it")]
#[path = "../scenarios/installation.rs"]
mod installation;

#[allow(dead_code, reason = "the tests use other parts of it")]
#[path = "../scenarios/shop.rs"]
mod shop;

fn main() -> ExitCode {
    sandbox::take_part();
    let done = isolated(&settings::run(), async |place| show(place).await.map(|()| ExitCode::SUCCESS));
    done.unwrap_or_else(|error| {
        eprintln!("the demonstration cannot go on: {error:#}");
        ExitCode::FAILURE
    })
}

/// The binary that was built beside this example.
fn binary() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let binary = own.ancestors().nth(2).map(|folder| folder.join("stsguard")).context("no folder of builds")?;
    ensure!(binary.is_file(), "{} is not built: run `cargo build` first, or `make demo`", binary.display());
    Ok(binary)
}

async fn show(place: &Place) -> Result<()> {
    let begun = Instant::now();
    let postgres = Postgres::find()?;
    screen::say("stsguard keeps databases on Kubernetes from harm.");
    screen::heading("A real cluster, without containers");
    let mut options = Options { lost_and_found: true, ..Options::default() };
    installation::images(&mut options, binary()?);
    options.scripts.extend(postgres.as_ref().map(Postgres::image));
    let cluster = patiently("starting etcd, kube-apiserver and kube-controller-manager", async {
        Cluster::start(place, options).await.context("starting the cluster")
    })
    .await?;
    let told = tell(&cluster, postgres.as_ref()).await;
    if told.is_err() {
        eprintln!("{}", cluster.log_tails());
    }
    told?;
    println!("\ndone in {:.0} s; docs/install.md says how to install it", begun.elapsed().as_secs_f64());
    if env::var_os("KEEP").is_some_and(|keep| !keep.is_empty() && keep != "0") {
        println!("\na shell inside the cluster (kubectl and helm are set up; `exit` ends the cluster):");
        cluster.shell("stsguard demo").await?;
    }
    cluster.stop().await
}

async fn tell(cluster: &Cluster, postgres: Option<&Postgres>) -> Result<()> {
    println!("  Kubernetes {}", cluster.client().apiserver_version().await?.git_version);
    match postgres {
        Some(postgres) => {
            println!("  the image postgres:16 is a real server of this machine: {}", postgres.version);
            println!("  a fresh volume holds a lost+found directory, as ext4 makes it");
        }
        None => {
            screen::say(
                "There is no PostgreSQL here, so its pods are pretended: ready at once, without a process. What only a \
                 server can show is left out. Install PostgreSQL to see it, or name the folder of its programs:",
            );
            screen::command("make demo PG_BIN=/usr/lib/postgresql/17/bin");
        }
    }
    if postgres.is_some() {
        story::before(&open(cluster, "before").await?).await?;
    }
    install(cluster).await?;
    story::after(&open(cluster, "shop").await?, postgres).await?;
    mistakes::show(cluster).await
}

/// A namespace of this name, with the password that manifests refer to.
async fn open<'a>(cluster: &'a Cluster, name: &str) -> Result<Shop<'a>> {
    cluster.kubectl(["create", "namespace", name]).ok().await?;
    let shop = Shop::within(cluster, name);
    shop.kubectl(&format!("create secret generic postgres --from-literal=password={}", postgres::PASSWORD))
        .await?
        .ok()?;
    Ok(shop)
}

async fn install(cluster: &Cluster) -> Result<()> {
    screen::heading("Install stsguard");
    screen::command("helm upgrade --install stsguard charts/stsguard -n stsguard --create-namespace --wait");
    patiently("waiting for its pods", installation::install_afresh(cluster)).await?;
    screen::lines(&cluster.kubectl(["get", "pods", "-n", installation::RELEASE]).ok().await?);
    Ok(())
}
