//! One database, without stsguard and with it.

use anyhow::{Result, ensure};

use super::{
    kubectl::{self, run, show},
    manifest::{show_changes, tutorial},
    pods::Watch,
    postgres::Postgres,
    screen::{self, say},
    shop::Shop,
};

/// The pod whose data is told of: the last one, so a scale-down takes it first, and so does a rolling update.
const LAST: &str = "postgres-2";
const SELECT: &str = "select item from orders";
const ROW: &str = "a teapot";

/// What becomes of the tutorial's manifest where nobody looks at it.
pub async fn before(shop: &Shop<'_>) -> Result<()> {
    screen::heading("Before: a tutorial's manifest, without stsguard");
    introduce();
    kubectl::write(shop, &tutorial())?;
    let watch = Watch::begin(shop).await?;
    run(shop, "apply -f postgres.yaml").await?;
    let pods = watch.until(|pods| Ok(pods.get("postgres-0").is_some_and(|first| first.failures > 1))).await?;
    ensure!(pods.len() == 1, "only the first pod is there: {pods:?}");
    run(shop, "get pods").await?;
    screen::command("kubectl logs postgres-0 -n before | grep -A9 error:");
    let log = kubectl::quiet(shop, "logs postgres-0").await?.ok()?;
    let words: Vec<&str> = log.lines().skip_while(|line| !line.contains("error:")).take(10).collect();
    ensure!(words.iter().any(|line| line.contains("lost+found")), "initdb speaks of lost+found: {log}");
    screen::lines(&words.join("\n"));
    say("The first pod never gets ready, so the second and the third are never made.");
    kubectl::quiet(shop, "delete statefulset postgres").await?.ok()?;
    Ok(())
}

fn introduce() {
    say("postgres.yaml asks for three servers, each with a volume at /var/lib/postgresql/data. It sets \
         no PGDATA, so the data lies in the volume's root.");
}

/// What becomes of it with stsguard, and then of its data.
pub async fn after(shop: &Shop<'_>, postgres: Option<&Postgres>) -> Result<()> {
    if postgres.is_some() {
        screen::heading("After: the same manifest, with stsguard");
    } else {
        screen::heading("A tutorial's manifest, with stsguard");
        introduce();
    }
    starts_in_order(shop).await?;
    if let Some(postgres) = postgres {
        survives(shop, postgres).await?;
    }
    moves(shop, postgres).await?;
    is_deleted(shop).await
}

async fn starts_in_order(shop: &Shop<'_>) -> Result<()> {
    let manifest = tutorial();
    kubectl::write(shop, &manifest)?;
    let watch = Watch::begin(shop).await?;
    run(shop, "apply -f postgres.yaml").await?;
    let stored = kubectl::quiet(shop, "get statefulset postgres -o yaml").await?.ok()?;
    show_changes(shop, &manifest["items"][1], &stored).await?;
    watch
        .until(|pods| {
            let ready = pods.values().filter(|pod| pod.ready).count();
            ensure!(pods.len() <= ready + 1, "each is ready before the next starts: {pods:?}");
            Ok(ready == 3)
        })
        .await?;
    say("Three pods, each ready before the next was made.");
    Ok(())
}

async fn survives(shop: &Shop<'_>, postgres: &Postgres) -> Result<()> {
    screen::heading("Data outlives its pod");
    for statement in ["create table orders (item text)", "insert into orders values ('a teapot')"] {
        let done = postgres.query(shop, LAST, statement).await?;
        ensure!(done.status.success(), "psql fails");
    }
    replaced(shop, &format!("delete pod {LAST} --wait=false")).await?;
    finds(shop, postgres).await?;

    say("Scaled down, its claim stays; scaled up, the new pod finds it.");
    let watch = Watch::begin(shop).await?;
    run(shop, "scale statefulset postgres --replicas=2").await?;
    watch.until(|pods| Ok(!pods.contains_key(LAST))).await?;
    replaced(shop, "scale statefulset postgres --replicas=3").await?;
    finds(shop, postgres).await
}

async fn moves(shop: &Shop<'_>, postgres: Option<&Postgres>) -> Result<()> {
    const ELSEWHERE: &str = "set env statefulset postgres PGDATA=/var/lib/postgresql/data/db";
    screen::heading("PGDATA is moved");
    let refusal = show(shop, ELSEWHERE).await?.refused()?;
    ensure!(refusal.contains("STS202"), "{refusal}");
    let Some(postgres) = postgres else {
        say("Each server would have come up healthy and empty, with its data beside it, unseen.");
        return Ok(());
    };
    say("What would have happened? Exempt the set and try it, on the last pod alone:");
    run(shop, "annotate statefulset postgres stsguard.dev/exempt-data-directory-moved=demo").await?;
    let last_alone = r#"patch sts postgres -p {"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}"#;
    run(shop, last_alone).await?;
    replaced(shop, ELSEWHERE).await?;
    let answer = postgres.query(shop, LAST, SELECT).await?;
    ensure!(!answer.status.success(), "the database is empty");
    say("Ready, healthy, and empty: a new database beside the old one. Nothing would have said a word. Back:");
    replaced(shop, "set env statefulset postgres PGDATA=/var/lib/postgresql/data/pgdata").await?;
    finds(shop, postgres).await?;
    run(shop, "annotate statefulset postgres stsguard.dev/exempt-data-directory-moved-").await
}

async fn is_deleted(shop: &Shop<'_>) -> Result<()> {
    screen::heading("The set is deleted");
    let output = show(shop, "delete statefulset postgres").await?;
    ensure!(output.stderr.contains("data-postgres-0"), "the claims are named: {output}");
    output.ok()?;
    run(shop, "get pvc -o name").await
}

async fn finds(shop: &Shop<'_>, postgres: &Postgres) -> Result<()> {
    let found = postgres.query(shop, LAST, SELECT).await?;
    ensure!(String::from_utf8_lossy(&found.stdout).trim() == ROW, "the row is still there");
    Ok(())
}

/// Runs a command after which there is another last pod, and waits until that is ready.
async fn replaced(shop: &Shop<'_>, line: &str) -> Result<()> {
    let watch = Watch::begin(shop).await?;
    let former = watch.before().get(LAST).map(|pod| pod.uid.clone());
    run(shop, line).await?;
    watch.until(|pods| Ok(pods.get(LAST).is_some_and(|last| last.ready && Some(&last.uid) != former.as_ref()))).await?;
    Ok(())
}
