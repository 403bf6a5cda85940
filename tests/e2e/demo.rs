//! A live Kubernetes control plane with the chart installed, and the tutorial's mistakes applied to it: `make demo`.
//!
//! `make demo KEEP=1` ends in a shell inside the cluster, with kubectl and helm set up.

use std::{
    env,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};
use test_cluster::{
    Cluster, Options,
    isolation::{Place, isolated},
    sandbox,
};

use self::scenarios::{
    installation,
    shop::{CONTAINER, GRACE, Shop, cluster_ip_service, good_set, service, with, without},
};

mod settings;

#[allow(dead_code, reason = "the tests use other parts of it")]
mod scenarios {
    #[path = "../scenarios/installation.rs"]
    pub mod installation;
    #[path = "../scenarios/shop.rs"]
    pub mod shop;
}

fn main() -> ExitCode {
    sandbox::take_part();
    let done = isolated(&settings::run(), async |place| show(place).await.map(|()| ExitCode::SUCCESS));
    done.unwrap_or_else(|error| {
        eprintln!("the demonstration cannot run: {error:#}");
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
    println!("# A real cluster without containers: etcd, kube-apiserver, kube-controller-manager");
    let mut options = Options { pretend_ready: vec!["*".into()], ..Options::default() };
    installation::images(&mut options, binary()?);
    let cluster = Cluster::start(place, options).await.context("starting the cluster")?;
    print!("{}", cluster.kubectl(["version"]).ok().await?);
    println!("\n# helm upgrade --install stsguard charts/stsguard --wait");
    installation::install_afresh(&cluster).await?;
    print!("{}", cluster.kubectl(["get", "pods", "-n", installation::RELEASE]).ok().await?);
    tell(&cluster).await?;
    println!("\ndone in {}", seconds(begun.elapsed()));
    if env::var_os("KEEP").is_some_and(|keep| !keep.is_empty() && keep != "0") {
        println!("\na shell inside the cluster (kubectl and helm are set up; `exit` ends the cluster):");
        cluster.shell("stsguard demo").await?;
    }
    cluster.stop().await
}

fn seconds(duration: Duration) -> String {
    format!("{:.0} s", duration.as_secs_f64())
}

/// The good manifest, then each mistake.
async fn tell(cluster: &Cluster) -> Result<()> {
    let pgdata = format!("{CONTAINER}/env/1");
    let password = json!({"name": "POSTGRES_PASSWORD", "value": "correct-horse"});
    let parallel = with(good_set(), "/spec/podManagementPolicy", json!("Parallel"));
    for (title, first, set) in [
        ("the good manifest", service(), good_set()),
        ("mistake: serviceName at a ClusterIP Service", cluster_ip_service(), good_set()),
        ("mistake: PGDATA unset, data in the volume's root", service(), without(good_set(), &pgdata)),
        ("mistake: podManagementPolicy Parallel", service(), parallel),
        ("mistake: no grace period", service(), without(good_set(), GRACE)),
        ("mistake: a literal password", service(), with(good_set(), &format!("{CONTAINER}/env/0"), password)),
    ] {
        println!("\n# {title}");
        let shop = Shop::open(cluster).await?;
        shop.apply(&first).await?.ok()?;
        apply(&shop, &set).await?;
    }
    println!("\n# mistake: the database as a Deployment");
    let manifest = "examples/bad/database-in-deployment.yaml";
    println!("admission leaves Deployments alone; in CI:\n$ stsguard check {manifest}");
    let mut check = tokio::process::Command::new(binary()?);
    let checked = check.current_dir(env!("CARGO_MANIFEST_DIR")).args(["check", manifest]).output().await?;
    for line in String::from_utf8_lossy(&checked.stdout).lines() {
        println!("  {line}");
    }

    println!("\n# mistake: deleted with three replicas");
    let shop = Shop::open(cluster).await?;
    shop.apply(&service()).await?.ok()?;
    shop.apply(&good_set()).await?.ok()?;
    say("kubectl delete statefulset postgres", &shop.kubectl("delete statefulset postgres").await?);
    Ok(())
}

async fn apply(shop: &Shop<'_>, set: &Value) -> Result<()> {
    let output = shop.apply(set).await?;
    let accepted = output.status.success();
    say("kubectl apply -f postgres.yaml", &output);
    if !accepted {
        return Ok(());
    }
    // kube-system is never sent to webhooks: what the API server alone would have stored.
    let words = ["create", "-n", "kube-system", "--dry-run=server", "-o", "yaml", "-f", "-"];
    let alone = shop.cluster.kubectl(words).stdin(set.to_string()).ok().await?;
    let stored = shop.kubectl("get statefulset postgres -o yaml").await?.ok()?;
    let (alone, stored) = (spec(&alone), spec(&stored));
    let diff = TextDiff::from_lines(&alone, &stored);
    let groups = diff.grouped_ops(1);
    if groups.is_empty() {
        println!("  stored as written");
        return Ok(());
    }
    println!("  stored with these changes:");
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

/// What a user sees: each line that kubectl printed.
fn say(command: &str, output: &test_cluster::call::Output) {
    println!("$ {command}");
    for line in output.stderr.lines().chain(output.stdout.lines()) {
        println!("  {line}");
    }
}

/// The spec of an object printed as YAML, without what differs from cluster to cluster.
fn spec(yaml: &str) -> String {
    let lines = yaml.lines().skip_while(|line| *line != "spec:").take_while(|line| *line != "status:");
    lines.fold(String::new(), |text, line| text + line + "\n")
}
