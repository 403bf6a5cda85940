//! Certificates that stsguard makes itself: replicas that race, sleep, and live by a wrong clock; hands that spoil things.

use std::fs;
use std::time::{Duration, Instant};

use base64::Engine as _;
use futures::future::join_all;
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};
use stsguard::certificates::authority::Lives;
use stsguard::certificates::{ObjectNames, SelfManaged};
use stsguard::serve::Settings;

use super::api::Api;
use super::client::{Connection, config};
use super::patience::until;
use super::process::Process;
use super::served::Served;
use super::target::Target;

const NAME: &str = "stsguard.stsguard.svc";
const SECRET: &str = "stsguard-authority";
const CONFIGURATIONS: [(&str, &str); 2] = [
    ("validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    ("mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
];
const FAILURES: &str = "stsguard_certificate_reload_failures_total";

/// A cluster with the chart's webhook configurations, which hold an entry of somebody else too.
fn cluster() -> Api {
    let api = Api::default();
    for (collection, kind) in CONFIGURATIONS {
        api.put(collection, &configuration(kind));
    }
    api
}

fn configuration(kind: &str) -> Value {
    let entry = |name: &str, service: &str| {
        json!({"name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None",
               "clientConfig": {"service": {"name": service, "namespace": "stsguard"}}})
    };
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": "stsguard", "annotations": {"stsguard.dev/certificates": "self-managed"}},
        "webhooks": [entry("one.stsguard.dev", "stsguard"), entry("two.stsguard.dev", "stsguard"),
                     entry("another.example.com", "another")],
    })
}

fn with(lives: Lives) -> impl FnOnce(&mut Settings) {
    let names = ObjectNames {
        namespace: "stsguard".to_owned(),
        service: "stsguard".to_owned(),
        secret: SECRET.to_owned(),
        configuration: "stsguard".to_owned(),
    };
    move |settings| settings.self_managed = Some(SelfManaged { names, lives, tick: Duration::from_millis(50) })
}

/// A server as a process, with further arguments.
async fn process(api: &Api, before: &str, more: &[&str]) -> Process {
    let own = ["--certificate-source=self-managed", "--certificate-name=stsguard.stsguard.svc"];
    Process::ready(api, before, &[&own[..], more].concat()).await
}

fn brief() -> Lives {
    Lives { leaf: Duration::from_secs(6), ..Lives::default() }
}

fn decoded(value: &Value) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

fn stored(api: &Api, key: &str) -> Option<String> {
    decoded(&api.stored("secrets", SECRET)?["data"][key])
}

/// The bundles of our entries, in both configurations.
fn bundles(api: &Api) -> Vec<Option<String>> {
    let all = CONFIGURATIONS.iter().flat_map(|(collection, _)| {
        let found = api.stored(collection, "stsguard").expect("it is there");
        let entries = found["webhooks"].as_array().expect("it has entries").clone();
        let other = entries.iter().find(|entry| entry["name"] == "another.example.com").expect("it is left");
        assert_eq!(other["clientConfig"].get("caBundle"), None, "somebody else's entry is left alone");
        entries.into_iter().filter(|entry| entry["name"] != "another.example.com")
    });
    all.map(|entry| decoded(&entry["clientConfig"]["caBundle"])).collect()
}

/// What a server shows to an API server that believes the published bundle; `None` where that fails.
async fn shown(target: &Target, api: &Api) -> Option<CertificateDer<'static>> {
    let bundles = bundles(api);
    let first = bundles.first()?.clone()?;
    if bundles.iter().any(|bundle| bundle.as_ref() != Some(&first)) {
        return None;
    }
    let config = config(&first, &[&rustls::version::TLS13], None);
    Connection::shake(target.reviews, config, NAME).await.ok()?.certificate
}

/// Waits until all show the same certificate, and what the Secret holds; gives it back.
async fn agreed(targets: &[&Target], api: &Api) -> CertificateDer<'static> {
    let mut agreed = None;
    until("all to agree", async || {
        let all = join_all(targets.iter().map(|target| shown(target, api))).await;
        let first = all[0].clone();
        let same = first.is_some() && all.iter().all(|one| *one == first);
        let pem = stored(api, "tls.crt").unwrap_or_default();
        agreed = first.filter(|first| same && pem_of(first) == pem.replace(['\n', '\r'], ""));
        agreed.is_some()
    })
    .await;
    agreed.expect("just waited for")
}

/// A certificate as the Secret has it, without line ends.
fn pem_of(certificate: &CertificateDer<'_>) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----{text}-----END CERTIFICATE-----")
}

#[tokio::test]
async fn replicas_that_race_to_create_agree() {
    let api = cluster();
    let all = join_all((0..4).map(|_| Served::start(api.clone(), with(Lives::default())))).await;
    for served in &all {
        served.becomes_ready().await;
    }
    agreed(&all.iter().map(|served| &**served).collect::<Vec<_>>(), &api).await;
    assert_eq!(api.written("secrets"), 1, "one was first, and the others took what it wrote");
    for (collection, _) in CONFIGURATIONS {
        assert!(api.written(collection) >= 1);
    }
}

#[tokio::test]
async fn replicas_that_race_to_renew_agree() {
    let api = cluster();
    let all = join_all((0..3).map(|_| Served::start(api.clone(), with(brief())))).await;
    let targets: Vec<_> = all.iter().map(|served| &**served).collect();
    for served in &all {
        served.becomes_ready().await;
    }
    let mut last = agreed(&targets, &api).await;
    for renewed in 1..=3 {
        let authority = stored(&api, "ca.crt");
        until("a renewal", async || shown(targets[0], &api).await.is_some_and(|now| now != last)).await;
        last = agreed(&targets, &api).await;
        assert_eq!(stored(&api, "ca.crt"), authority, "a renewal keeps the CA");
        assert!(api.written("secrets") > renewed, "each renewal is stored");
    }
    for served in &all {
        assert!(served.metric(FAILURES).await < 1.0, "losing a race is no failure");
    }
}

#[tokio::test]
async fn a_replica_paused_longer_than_a_renewal_takes_what_others_made() {
    let api = cluster();
    let paused = process(&api, ":", &["--certificate-life=6s"]).await;
    let other = Served::ready_with(api.clone(), with(brief())).await;
    let before = agreed(&[&paused, &other], &api).await;
    paused.signal("STOP");
    let mut renewed = before.clone();
    for _ in 0..2 {
        until("a renewal", async || shown(&other, &api).await.is_some_and(|now| now != renewed)).await;
        renewed = shown(&other, &api).await.unwrap_or(renewed);
    }
    paused.signal("CONT");
    assert_ne!(agreed(&[&paused, &other], &api).await, before);
}

#[tokio::test]
async fn what_somebody_deletes_spoils_or_wipes_is_put_back() {
    let api = cluster();
    let all = [
        Served::ready_with(api.clone(), with(Lives::default())).await,
        Served::ready_with(api.clone(), with(Lives::default())).await,
    ];
    let targets: Vec<_> = all.iter().map(|served| &**served).collect();
    let before = agreed(&targets, &api).await;
    let authority = stored(&api, "ca.crt");
    let secret = api.stored("secrets", SECRET).expect("it is stored");
    let spoilt = |change: &dyn Fn(&mut Value)| {
        let mut secret = secret.clone();
        change(&mut secret);
        secret
    };
    let garbage = base64::engine::general_purpose::STANDARD.encode("-----BEGIN CERTIFICATE-----\nAAAA\n");
    api.delete("secrets", &secret);
    assert_eq!(agreed(&targets, &api).await, before, "a deleted Secret");
    for (what, secret) in [
        ("a Secret without data", spoilt(&|secret| secret["data"] = Value::Null)),
        (
            "a Secret without the CA's key",
            spoilt(&|secret| drop(secret["data"].as_object_mut().map(|data| data.remove("ca.key")))),
        ),
        ("a certificate that is none", spoilt(&|secret| secret["data"]["tls.crt"] = json!(garbage))),
        ("a CA that is none", spoilt(&|secret| secret["data"]["ca.crt"] = json!(garbage))),
        (
            "halves that do not belong together",
            spoilt(&|secret| secret["data"]["tls.key"] = secret["data"]["ca.key"].clone()),
        ),
    ] {
        api.put("secrets", &secret);
        agreed(&targets, &api).await;
        until("the Secret is whole", async || stored(&api, "ca.crt") == authority).await;
        assert!(agreed(&targets, &api).await == before || what.starts_with("halves"), "{what}");
    }
    for (collection, kind) in CONFIGURATIONS {
        api.put(collection, &configuration(kind));
        agreed(&targets, &api).await;
    }
    for served in &all {
        assert_eq!(served.admin("/ready").await.status, 200);
    }
}

#[tokio::test]
async fn without_the_right_to_write_it_says_so_and_is_not_ready_until_it_has_it() {
    let api = cluster();
    api.refuse_writes("secrets", Some(403));
    let served = Served::start(api.clone(), with(Lives::default())).await;
    until("the failure to be counted", async || served.counts(FAILURES, 1.0).await).await;
    assert!(served.admin("/ready").await.text().contains("certificate"));
    api.refuse_writes("validatingwebhookconfigurations", Some(403));
    api.refuse_writes("secrets", None);
    until("the next reason", async || served.admin("/ready").await.text().contains("webhook entries")).await;
    api.refuse_writes("validatingwebhookconfigurations", None);
    served.becomes_ready().await;
    agreed(&[&served], &api).await;
}

#[tokio::test]
async fn what_is_stored_goes_on_where_it_can_no_longer_be_written() {
    let api = cluster();
    let lives = || Lives { leaf: Duration::from_secs(30), ..Lives::default() };
    let first = Served::ready_with(api.clone(), with(lives())).await;
    let before = agreed(&[&first], &api).await;
    api.refuse_writes("secrets", Some(403));
    // A third of its life is left.
    until("the renewal that fails", async || first.counts(FAILURES, 1.0).await).await;
    let second = Served::ready_with(api.clone(), with(lives())).await;
    assert_eq!(agreed(&[&first, &second], &api).await, before, "it is valid for a while yet");
    for (collection, kind) in CONFIGURATIONS {
        api.put(collection, &configuration(kind));
        agreed(&[&first, &second], &api).await;
    }
    api.refuse_writes("secrets", None);
    until("the renewal", async || shown(&first, &api).await.is_some_and(|now| now != before)).await;
}

#[tokio::test]
async fn is_ready_where_somebody_has_deleted_the_configuration_of_fixes() {
    let api = Api::default();
    let (collection, kind) = CONFIGURATIONS[0];
    api.put(collection, &configuration(kind));
    let served = Served::ready_with(api.clone(), with(Lives::default())).await;
    assert_eq!(served.admin("/ready").await.status, 200);
    assert!(api.written(collection) >= 1);
}

#[tokio::test]
async fn another_writer_of_the_bundle_is_named_and_not_fought_without_end() {
    let api = cluster();
    let served = Served::ready_with(api.clone(), |settings| {
        with(Lives::default())(settings);
        if let Some(own) = &mut settings.self_managed {
            own.tick = Duration::from_secs(60);
        }
    })
    .await;
    let (collection, kind) = CONFIGURATIONS[0];
    until("the failure to be counted", async || {
        api.put(collection, &configuration(kind));
        served.counts(FAILURES, 1.0).await
    })
    .await;
    assert!(api.written(collection) <= 20, "{} writes", api.written(collection));
}

#[tokio::test]
async fn a_configuration_that_somebody_else_keeps_is_left_alone() {
    let api = cluster();
    for (collection, kind) in CONFIGURATIONS {
        let mut theirs = configuration(kind);
        theirs["metadata"]["annotations"]["stsguard.dev/certificates"] = json!("provided");
        api.put(collection, &theirs);
    }
    let served = Served::start(api.clone(), with(Lives::default())).await;
    until("the Secret", async || stored(&api, "tls.crt").is_some()).await;
    until("a served certificate", async || served.admin("/ready").await.text().contains("webhook entries")).await;
    assert_eq!(bundles(&api), vec![None; 4]);
}

#[tokio::test]
async fn lists_ever_more_seldom_while_watches_are_refused() {
    let api = cluster();
    let served = Served::ready_with(api.clone(), with(Lives::default())).await;
    agreed(&[&served], &api).await;
    api.refuse_watches("secrets", Some(403));
    api.compact("secrets");
    let mut waits = Vec::new();
    for _ in 0..5 {
        let (lists, begun) = (api.lists("secrets"), Instant::now());
        until("the next list", async || api.lists("secrets") > lists).await;
        waits.push(begun.elapsed());
    }
    // The first waits are half a second at the most, the last two seconds at the least.
    assert!(waits[4] > waits[0] && waits[4] > waits[1], "{waits:?}");
}

#[tokio::test]
async fn notices_a_watch_that_has_gone_silent() {
    let api = cluster();
    let served = Served::ready_with(api.clone(), |settings| {
        with(Lives::default())(settings);
        settings.silence = Duration::from_millis(300);
    })
    .await;
    agreed(&[&served], &api).await;
    for collection in ["secrets", CONFIGURATIONS[0].0, CONFIGURATIONS[1].0] {
        api.fall_silent(collection);
    }
    let secret = api.stored("secrets", SECRET).expect("it is stored");
    api.delete("secrets", &secret);
    agreed(&[&served], &api).await;
    for (collection, kind) in CONFIGURATIONS {
        api.put(collection, &configuration(kind));
    }
    agreed(&[&served], &api).await;
}

/// The library that shows a process another time, where Debian's package puts it.
fn fake_time() -> String {
    let folders = fs::read_dir("/usr/lib").expect("a folder can be read").filter_map(Result::ok);
    let mut places = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    let found = places.find(|place| place.exists()).expect("install the package faketime, or run `make packages`");
    found.display().to_string()
}

#[tokio::test]
async fn a_clock_that_was_a_year_ahead_heals_by_itself() {
    let fake_time = fake_time();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let clock = folder.path().join("clock");
    let set = |text: &str| {
        // In one step: it is read at each look at the clock.
        fs::write(folder.path().join("next"), text).expect("a file can be written");
        fs::rename(folder.path().join("next"), &clock).expect("a file can be replaced");
    };
    set("+0");
    let api = cluster();
    let before = format!(
        "export LD_PRELOAD={fake_time} FAKETIME_TIMESTAMP_FILE={} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1",
        clock.display()
    );
    // A short life means frequent looks at the clock.
    let process = process(&api, &before, &["--certificate-life=10s"]).await;
    agreed(&[&process], &api).await;
    let authority = stored(&api, "ca.crt");
    set("+400d");
    until("a CA of the future", async || stored(&api, "ca.crt") != authority).await;
    let future = stored(&api, "ca.crt");
    set("+0");
    until("a CA of today", async || stored(&api, "ca.crt") != future).await;
    agreed(&[&process], &api).await;
    assert_eq!(process.admin("/ready").await.status, 200);
}
