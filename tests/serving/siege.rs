//! A thousand hostile connections of each kind, too few files, too much load: good requests go on, memory stays bounded,
//! and all of it passes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::answer::Read;
use super::api::Api;
use super::client::{Connection, post, request};
use super::objects::{DB, creation, service, set, set_creation};
use super::patience::until;
use super::process::Process;
use super::target::Target;

/// How many connections of each kind.
const MANY: usize = 1000;
/// What the chart gives a pod, in KiB.
const MEMORY: u64 = 128 << 10;
/// Nothing times out: the attack is as bad as it can be.
const PATIENT: [&str; 3] = ["--handshake-time=10m", "--first-header-time=10m", "--body-time=10m"];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Silent,
    Handshake,
    Header,
    Body,
    Idle,
}

impl Kind {
    async fn attack(self, target: &Target) -> Option<Connection> {
        let mut connection = match self {
            Self::Silent | Self::Handshake => Connection::plain(target.reviews).await.ok()?,
            _ => target.dial().await.ok()?,
        };
        match self {
            Self::Silent => {}
            Self::Handshake => connection.send(&[0x16, 0x03, 0x01]).await.ok()?,
            Self::Header => {
                let long = format!("POST /validate HTTP/1.1\r\nhost: a\r\nx-long: {}", "x".repeat(12 << 10));
                connection.send(long.as_bytes()).await.ok()?;
            }
            Self::Body => {
                let headers = [("content-type", "application/json"), ("content-length", "100000")];
                connection.send(&request("POST", "/validate?timeout=30s", &headers, &[b' '; 1000])).await.ok()?;
            }
            Self::Idle => {
                connection.exchange(&post("/validate", b"nonsense")).await.ok()?;
            }
        }
        Some(connection)
    }
}

/// As many hostile connections as could be opened, a few at a time.
async fn siege(target: &Target, kind: Kind, many: usize) -> Vec<Connection> {
    let attacks = stream::iter((0..many).map(|_| kind.attack(target))).buffer_unordered(32);
    attacks.filter_map(async |connection| connection).collect().await
}

async fn is_answered(connection: &mut Connection) {
    assert_eq!(connection.review("/validate", &set_creation()).await["uid"], "0b1f");
}

#[tokio::test]
async fn a_thousand_connections_of_each_kind_harm_nobody() {
    let process = Process::ready(&Api::default(), "true", &PATIENT).await;
    let mut known = process.connect().await;
    is_answered(&mut known).await;
    let files = process.files();
    for kind in [Kind::Silent, Kind::Handshake, Kind::Header, Kind::Body, Kind::Idle] {
        let besiegers = siege(&process, kind, MANY).await;
        assert!(besiegers.len() > MANY / 2, "{kind:?}: {} connections", besiegers.len());
        for _ in 0..10 {
            is_answered(&mut known).await;
            is_answered(&mut process.connect().await).await;
        }
        assert_eq!((process.admin("/live").await.status, process.admin("/ready").await.status), (200, 200));
        println!("{kind:?} ×{}: {} KiB", besiegers.len(), process.memory("RssAnon"));
        drop(besiegers);
        until("the connections to be gone", async || process.files() <= files + 4).await;
        assert!(!process.counts("stsguard_connections", 6.0).await);
    }
    is_answered(&mut known).await;
    let most = process.memory("VmHWM");
    assert!(most < MEMORY, "{most} KiB");
}

#[tokio::test]
async fn goes_on_when_it_may_open_no_more_files() {
    let arguments = [&PATIENT[..], &["--max-connections=4096"]].concat();
    let process = Process::ready(&Api::default(), "ulimit -n 64", &arguments).await;
    let said = process.said("--max-connections 4096 is lowered to 32");
    assert_eq!(said.len(), 1, "{:?}", process.log());
    let mut known = process.connect().await;
    is_answered(&mut known).await;
    let mut besiegers = Vec::new();
    for _ in 0..100 {
        besiegers.extend(Kind::Silent.attack(&process).await);
        besiegers.extend(Connection::plain(process.admin).await.ok());
    }
    until("the last file", async || process.files() >= 60).await;
    for _ in 0..5 {
        is_answered(&mut known).await;
        until("an answer on a new connection", async || {
            let Ok(mut connection) = process.dial().await else { return false };
            let answer = connection.exchange(&post("/validate", set_creation().to_string().as_bytes())).await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await;
    }
    drop(besiegers);
    until("the files to be free again", async || process.files() < 30).await;
    is_answered(&mut known).await;
    is_answered(&mut process.connect().await).await;
    assert_eq!((process.admin("/live").await.status, process.admin("/ready").await.status), (200, 200));
}

#[tokio::test]
async fn ten_times_too_much_is_answered_in_time_or_succeeds_when_tried_again() {
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(DB, Read::Hang);
    let process = Process::ready(&api, "true", &["--max-in-flight=4", "--max-queue=8"]).await;
    let review = set_creation().to_string();
    let refusals: usize = join_all((0..120).map(async |_| {
        let mut refusals = 0;
        let mut connection = process.connect().await;
        loop {
            let asked = post("/validate?timeout=10s", review.as_bytes());
            let response = connection.exchange(&asked).await.expect("each one is answered");
            if response.status == 200 {
                return refusals;
            }
            assert!([429, 503].contains(&response.status), "{}: {}", response.status, response.text());
            assert_eq!((response.header("retry-after"), response.closes()), (Some("1"), false));
            refusals += 1;
            // The others have been refused as well by now: each gets its turn.
            api.read(DB, Read::Object(service("db", true)));
            sleep(Duration::from_millis(200)).await;
        }
    }))
    .await
    .into_iter()
    .sum();
    assert!(refusals > 0, "it was too much");
    let refused = process.metric("stsguard_requests_total{endpoint=\"validate\",code=\"429\"}").await
        + process.metric("stsguard_requests_total{endpoint=\"validate\",code=\"503\"}").await;
    assert!((refused - f64::from(u32::try_from(refusals).expect("it is few"))).abs() < 0.5, "{refused} of {refusals}");
    assert!(!process.counts("stsguard_in_flight", 1.0).await);
}

/// A review of a set whose one annotation is so long that the whole is about this large.
fn large(bytes: usize) -> String {
    let mut large = set();
    large["metadata"]["annotations"] = json!({ "notes": "x".repeat(bytes) });
    creation("apps", "statefulsets", &large).to_string()
}

/// A review with as many containers as fit.
fn many_containers(bytes: usize) -> String {
    let text = set_creation().to_string();
    let containers = format!("[{}{{}}]", "{},".repeat(bytes / 3));
    let container = serde_json::to_string(&set()["spec"]["template"]["spec"]["containers"]).expect("it is JSON");
    text.replacen(&container, &containers, 1)
}

/// A review with as many short annotations as fit.
fn many_annotations(bytes: usize) -> String {
    let mut large: Value = set();
    large["metadata"]["annotations"] = json!({ "mark": "" });
    let annotations: Vec<_> = (0..bytes / 11).map(|number| format!("\"{number:x}\":\"\"")).collect();
    creation("apps", "statefulsets", &large).to_string().replacen("\"mark\":\"\"", &annotations.join(","), 1)
}

/// A review with as many managed fields as fit, of a set whose grace period may have been written by somebody.
fn many_managed_fields(bytes: usize) -> String {
    let mut large: Value = set();
    large["metadata"]["managedFields"] = json!(["mark"]);
    large["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(30);
    let fields = format!("{}{{}}", "{},".repeat(bytes / 3));
    creation("apps", "statefulsets", &large).to_string().replacen("\"mark\"", &fields, 1)
}

/// A review with as many containers as fit, each with something to be said about it.
fn many_findings(bytes: usize) -> String {
    let text = set_creation().to_string();
    let containers = format!("[{}{{}}]", "{\"image\":\"redis\"},".repeat(bytes / 18));
    let container = serde_json::to_string(&set()["spec"]["template"]["spec"]["containers"]).expect("it is JSON");
    text.replacen(&container, &containers, 1)
}

/// Reviews that wait for a live read all at once take a pod's memory at the most, whatever they hold.
#[tokio::test]
async fn the_largest_reviews_fit_into_a_pods_memory() {
    let mut worst = Vec::new();
    for (name, review, count) in [
        ("1 MiB in one string", large(1 << 20), 64),
        ("7 MiB in one string", large(7 << 20), 16),
        ("256 KiB in one string", large(256 << 10), 256),
        ("7 MiB of containers", many_containers(7 << 20), 8),
        ("100 KiB of containers", many_containers(100 << 10), 64),
        ("1 MiB of annotations", many_annotations(1 << 20), 32),
        ("7 MiB of managed fields", many_managed_fields(7 << 20), 8),
        ("100 KiB of findings", many_findings(100 << 10), 64),
        ("400 KiB of findings", many_findings(400 << 10), 16),
    ] {
        let api = Api::default();
        api.put("services", &service("db", false));
        api.read(DB, Read::Hang);
        let process = Process::ready(&api, "true", &[]).await;
        let asked = post("/validate?timeout=30s", review.as_bytes());
        let answers = join_all((0..count).map(async |_| {
            let mut connection = process.connect().await;
            connection.exchange(&asked).await.expect("each one is answered").status
        }))
        .await;
        let mut statuses = BTreeMap::new();
        for status in answers {
            assert!([200, 408, 413, 429, 503].contains(&status), "{name}: {status}");
            *statuses.entry(status).or_insert(0) += 1;
        }
        is_answered(&mut process.connect().await).await;
        let most = process.memory("VmHWM");
        println!("{count} × {name}: {most} KiB at the most, {} KiB of files: {statuses:?}", process.memory("RssFile"));
        if most >= MEMORY {
            worst.push((name, most));
        }
    }
    assert!(worst.is_empty(), "{worst:?}");
}
