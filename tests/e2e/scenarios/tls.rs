//! API servers that stop at TLS 1.2, or may use approved suites alone: two clients in Go that speak as they would.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use test_cluster::Cluster;
use tokio::time::sleep;

use super::installation::{RELEASE, chart, pods};
use super::restarts::load::{Load, Report, Speaks, Target, rsa_pair};
use super::restarts::{SCALED, drained, upgrade, webhook};
use super::{Scenario, alone, rotation, scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    alone!(a_client_that_stops_at_1_2_is_refused_and_counted_until_that_is_spoken),
    scenario!(a_client_in_fips_mode_verifies_rsa_keys_too),
];

/// What the alert asks for: who calls us by our name and speaks no version of ours.
const REFUSED: &str = "stsguard_handshakes_refused_total{reason=\"version\",name=\"ours\"}";
const STRANGERS: &str = "stsguard_handshakes_refused_total{reason=\"version\",name=\"other\"}";
const STOPS_AT_12: Speaks = Speaks { tls12: true, fips: false };
const FIPS: Speaks = Speaks { tls12: false, fips: true };
const FIPS_AT_12: Speaks = Speaks { tls12: true, fips: true };
/// How long a client sends reviews, some ninety of them.
const WHILE: Duration = Duration::from_secs(2);

async fn a_client_that_stops_at_1_2_is_refused_and_counted_until_that_is_spoken(cluster: &Cluster) -> Result<()> {
    let outcome = from_1_3_to_1_2(cluster).await;
    // Whatever came of it: other scenarios take the defaults.
    upgrade(cluster, &["--set-string", "tls.minVersion=1.3", "--set-json", "extraArgs=[]"]).await?;
    outcome
}

async fn from_1_3_to_1_2(cluster: &Cluster) -> Result<()> {
    let target = webhook(cluster).await?;
    let (before, strangers) = (counted(cluster, REFUSED).await?, counted(cluster, STRANGERS).await?);
    let old = asked(cluster, &target, STOPS_AT_12).await?;
    ensure!(old.sent > 20 && old.failed == old.sent && old.handshakes.is_empty(), "it was answered: {old:?}");
    ensure!(old.errors.keys().all(|error| error.contains("protocol version")), "{old:?}");
    let refused = counted(cluster, REFUSED).await? - before;
    ensure!(refused >= old.sent, "{refused} were counted: {old:?}");
    ensure!(counted(cluster, STRANGERS).await? == strangers, "a client of our name is no stranger");
    is_what_the_alert_asks_for(cluster).await?;
    for pod in pods(cluster).await? {
        let log = cluster.pod_logs(RELEASE, &pod)?;
        let lines: Vec<_> = log.lines().filter(|line| line.contains("cannot speak our TLS")).collect();
        ensure!(lines.len() == 1 && lines[0].contains("tls.minVersion"), "{pod}: {lines:?}");
    }
    // The others are served, and `helm test`, which asks by itself, sees nothing.
    served(cluster, &target, FIPS, "TLS 1.3").await?;
    tested(cluster, "1.3").await?;
    let program = env!("CARGO_BIN_EXE_stsguard");
    let said = cluster.program(program, ["probe", "--tls12"]).refused().await?;
    ensure!(said.contains("statefulsets.stsguard.dev does not answer") && said.contains("tls.minVersion"), "{said}");

    // Who has had the flag among the extra arguments until now says it twice.
    upgrade(cluster, &["--set-string", "tls.minVersion=1.2", "--set-json", r#"extraArgs=["--tls12"]"#]).await?;
    drained(cluster).await?;
    served(cluster, &target, STOPS_AT_12, "TLS 1.2").await?;
    served(cluster, &target, FIPS_AT_12, "TLS 1.2").await?;
    served(cluster, &target, FIPS, "TLS 1.3").await?;
    tested(cluster, "1.2").await?;
    ensure!(counted(cluster, "stsguard_handshakes_total{version=\"1.2\"}").await? > 0, "they are not counted");
    ensure!(counted(cluster, REFUSED).await? == 0, "somebody was refused");
    Ok(())
}

async fn a_client_in_fips_mode_verifies_rsa_keys_too(cluster: &Cluster) -> Result<()> {
    const NAME: &str = "rsa";
    let folder = cluster.scratch().join(NAME);
    rsa_pair(&folder, &format!("{NAME}.{RELEASE}.svc")).await?;
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).with_context(|| file.to_owned());
    rotation::secret(cluster, NAME, &read("tls.crt")?, &read("tls.key")?).await?;
    let target = Target { service: NAME.to_owned(), namespace: RELEASE.to_owned(), authorities: read("ca.crt")? };
    let outcome = async {
        rotation::server(cluster, NAME, &["--tls12"]).await?;
        served(cluster, &target, FIPS_AT_12, "TLS 1.2").await?;
        served(cluster, &target, FIPS, "TLS 1.3").await
    };
    let outcome = outcome.await;
    rotation::end(cluster, NAME).await?;
    outcome
}

/// What becomes of a client's reviews.
async fn asked(cluster: &Cluster, target: &Target, speaks: Speaks) -> Result<Report> {
    let load = Load::speaking(speaks, cluster, target, SCALED.idle).await?;
    sleep(WHILE).await;
    let report = load.end().await?;
    ensure!(report.fips == speaks.fips, "the client did not speak as it should: {report:?}");
    Ok(report)
}

/// All reviews of such a client are answered, over this version.
async fn served(cluster: &Cluster, target: &Target, speaks: Speaks, version: &str) -> Result<()> {
    let report = asked(cluster, target, speaks).await?;
    let spoken: Vec<_> = report.handshakes.keys().map(String::as_str).collect();
    ensure!(report.sent > 20 && report.failed == 0 && spoken == [version], "{speaks:?}: {report:?}");
    println!("{speaks:?}: {} over {version}, 0 failed", report.sent);
    Ok(())
}

/// The sum of a sample over our pods.
async fn counted(cluster: &Cluster, sample: &str) -> Result<u64> {
    let mut sum = 0;
    for pod in pods(cluster).await? {
        let path = format!("/api/v1/namespaces/{RELEASE}/pods/{pod}:8080/proxy/metrics");
        let text = cluster.kubectl(["get", "--raw", &path]).ok().await?;
        let line = text.lines().find_map(|line| line.strip_prefix(sample));
        sum += line.with_context(|| format!("{pod} has no {sample}"))?.trim().parse::<u64>()?;
    }
    Ok(sum)
}

/// The alert's selector takes the sample that was counted.
async fn is_what_the_alert_asks_for(cluster: &Cluster) -> Result<()> {
    let chart = chart().display().to_string();
    let words = ["template", RELEASE, &chart, "-n", RELEASE, "--set=metrics.prometheusRule.enabled=true"];
    let rules = cluster.helm(words).ok().await?;
    let (name, labels) = REFUSED.split_once('{').context("it has labels")?;
    let selector = format!("{name}{{namespace=\"{RELEASE}\",name=\"ours\"}}");
    ensure!(labels.contains("name=\"ours\"") && rules.contains(&selector), "no alert asks for {selector}");
    Ok(())
}

/// `helm test` names the version that each entry was answered over.
async fn tested(cluster: &Cluster, version: &str) -> Result<()> {
    let told = cluster.helm(["test", RELEASE, "-n", RELEASE, "--logs", "--timeout=60s"]).ok().await?;
    let answered = told.lines().filter(|line| line.contains(" answers at ")).collect::<Vec<_>>();
    let ending = format!(" over TLS {version}");
    ensure!(answered.len() == 5 && answered.iter().all(|line| line.trim_end().ends_with(&ending)), "{told}");
    Ok(())
}
