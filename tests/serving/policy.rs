//! The policy file: replaced while serving, and kept when what comes is bad.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use stsguard::policy::decode;
use stsguard::rules::RULES;
use tempfile::TempDir;

use super::answer::Read;
use super::api::Api;
use super::objects::{DB, creation, fixable_set, service, set_creation, warnings};
use super::patience::until;
use super::process::Process;
use super::served::Served;

const FAULTS: &str = "stsguard_policy_reload_failures_total";
const CURRENT: &str = "stsguard_policy_current";
const LOADED: &str = "stsguard_policy_loaded_seconds";

/// Puts a policy into a folder in one step, as the kubelet does.
fn publish(folder: &Path, version: &str, text: &str) {
    fs::create_dir(folder.join(version)).expect("a folder can be made");
    fs::write(folder.join(version).join("policy.yaml"), text).expect("a file can be written");
    symlink(version, folder.join("..next")).expect("a link can be made");
    fs::rename(folder.join("..next"), folder.join("..data")).expect("a link can be replaced");
}

/// A server to which the Service `db` is bad, and the folder of its policy.
async fn served() -> (Served, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    publish(folder.path(), "..first", "profile: recommended\n");
    let path = folder.path().join("policy.yaml");
    symlink("..data/policy.yaml", &path).expect("a link can be made");
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(DB, Read::Object(service("db", false)));
    let served = Served::ready_with(api, |settings| {
        let bytes = fs::read(&path).expect("it can be read");
        settings.policy = decode(&path, &bytes, RULES).expect("the policy is good");
        settings.policy_file = Some(path);
        settings.policy_poll = Duration::from_millis(20);
    })
    .await;
    (served, folder)
}

async fn allowed(served: &Served) -> bool {
    served.connect().await.review("/validate", &set_creation()).await["allowed"] == true
}

#[tokio::test]
async fn enforcement_set_to_audit_lets_the_next_bad_review_pass() {
    let (served, folder) = served().await;
    let mut connection = served.connect().await;
    assert_eq!(connection.review("/validate", &set_creation()).await["allowed"], false);
    publish(folder.path(), "..audit", "enforcement: audit\n");
    until("the new policy", async || allowed(&served).await).await;
    let verdict = connection.review("/validate", &set_creation()).await;
    assert_eq!(verdict["allowed"], true, "an old connection is judged by the new policy too: {verdict}");
    assert!(verdict["warnings"].is_null(), "{verdict}");
    publish(folder.path(), "..deny", "enforcement: deny\n");
    until("the policy after that", async || !allowed(&served).await).await;
    assert!(served.metric(FAULTS).await < 1.0 && served.counts(CURRENT, 1.0).await);
}

#[tokio::test]
async fn keeps_the_old_policy_when_the_new_one_is_bad() {
    let (served, folder) = served().await;
    let loaded = served.metric(LOADED).await;
    assert!(loaded > 1e9 && served.counts(CURRENT, 1.0).await);
    for (version, bad) in [
        ("..unknown", "enforcement: audit\nenforcment: audit\n"),
        ("..half", "enforcement: au"),
        ("..empty", ""),
        ("..blank", "\n \n"),
        ("..list", "- enforcement: audit\n"),
        ("..binary", "enforcement: audit\n\u{0}"),
    ] {
        let before = served.metric(FAULTS).await;
        publish(folder.path(), version, bad);
        until("the fault to be counted", async || served.counts(FAULTS, before + 2.0).await).await;
        assert!(!allowed(&served).await, "{version}");
        assert!(!served.counts(CURRENT, 1.0).await, "{version}");
    }
    fs::remove_file(folder.path().join("..data")).expect("a link can be removed");
    let before = served.metric(FAULTS).await;
    until("the file that is gone to be counted", async || served.counts(FAULTS, before + 2.0).await).await;
    assert!(!allowed(&served).await);
    assert_eq!((served.admin("/ready").await.status, served.admin("/live").await.status), (200, 200));
    publish(folder.path(), "..fixed", "enforcement: audit\n");
    until("the fixed policy", async || allowed(&served).await).await;
    assert!(served.counts(CURRENT, 1.0).await && served.counts(LOADED, loaded).await);
}

#[tokio::test]
async fn a_bad_policy_that_is_taken_back_is_no_fault_any_more() {
    let (served, folder) = served().await;
    publish(folder.path(), "..bad", "nonsense: true\n");
    until("the fault", async || !served.counts(CURRENT, 1.0).await).await;
    publish(folder.path(), "..again", "profile: recommended\n");
    until("what was there before", async || served.counts(CURRENT, 1.0).await).await;
    assert!(!allowed(&served).await);
}

/// A process with a policy file of this text.
async fn started(folder: &TempDir, text: &str) -> Process {
    let path = folder.path().join("policy.yaml");
    fs::write(&path, text).expect("a file can be written");
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(DB, Read::Object(service("db", false)));
    Process::ready(&api, "true", &["--policy", &path.display().to_string(), "--policy-poll=20ms"]).await
}

#[tokio::test]
async fn a_start_with_a_bad_policy_guards_on_without_denying_or_fixing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let process = started(&folder, "profile: recommended\nrules: {nope: deny}\n").await;
    let verdict = process.connect().await.review("/validate", &set_creation()).await;
    assert_eq!(verdict["allowed"], true, "{verdict}");
    assert!(warnings(&verdict).iter().any(|line| line.starts_with("STS101")), "{verdict}");
    let set = creation("apps", "statefulsets", &fixable_set());
    let verdict = process.connect().await.review("/mutate", &set).await;
    assert!(verdict["patch"].is_null(), "{verdict}");
    assert!(process.counts(CURRENT, 0.0).await);
    let [line] = &process.said("the policy file cannot be used")[..] else { panic!("it is said once") };
    assert!(line["fault"].as_str().is_some_and(|fault| fault.contains("2:9") && fault.contains("nope")), "{line}");
    fs::write(folder.path().join("policy.yaml"), "profile: recommended\n").expect("a file can be written");
    until("the good policy", async || {
        process.connect().await.review("/validate", &set_creation()).await["allowed"] == false
    })
    .await;
}
