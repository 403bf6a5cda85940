//! The certificate: replaced while serving, and kept when what comes is bad.

use super::api::Api;
use super::objects::set_creation;
use super::patience::until;
use super::served::{Served, pair, publish};

const FAILURES: &str = "stsguard_certificate_reload_failures_total";

#[tokio::test]
async fn serves_a_new_pair_to_the_next_connection_and_goes_on_with_the_others() {
    let mut served = Served::ready().await;
    let mut before = served.connect().await;
    let next = pair();
    served.cas.push_str(&next.ca);
    publish(served.folder.path(), "..second", &next.certificate, &next.key);
    until("the new certificate", async || served.connect().await.certificate != before.certificate).await;
    before.review("/validate", &set_creation()).await;
    served.connect().await.review("/validate", &set_creation()).await;
    assert!(served.metric(FAILURES).await < 1.0);
}

#[tokio::test]
async fn fails_no_review_while_pairs_change() {
    let mut served = Served::ready().await;
    let pairs: Vec<_> = (0..5).map(|_| pair()).collect();
    served.cas.extend(pairs.iter().map(|pair| pair.ca.as_str()));
    for (version, pair) in pairs.iter().enumerate() {
        let before = served.connect().await.certificate;
        publish(served.folder.path(), &format!("..{version}"), &pair.certificate, &pair.key);
        until("the new certificate", async || {
            let mut connection = served.connect().await;
            connection.review("/validate", &set_creation()).await;
            connection.certificate != before
        })
        .await;
    }
}

#[tokio::test]
async fn keeps_the_old_pair_when_key_and_certificate_do_not_belong_together() {
    let mut served = Served::ready().await;
    let before = served.connect().await.certificate;
    let (one, other) = (pair(), pair());
    served.cas.push_str(&one.ca);
    publish(served.folder.path(), "..mixed", &one.certificate, &other.key);
    until("the fault to be counted", async || served.counts(FAILURES, 2.0).await).await;
    let mut connection = served.connect().await;
    assert_eq!(connection.certificate, before);
    connection.review("/validate", &set_creation()).await;
    assert_eq!(served.admin("/ready").await.status, 200);
    publish(served.folder.path(), "..matching", &one.certificate, &one.key);
    until("the pair that belongs together", async || served.connect().await.certificate != before).await;
}

#[tokio::test]
async fn is_not_ready_before_there_is_a_pair() {
    let made = pair();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let served = Served::start_in(folder, made.ca, Api::default(), |_| {}).await;
    until("the reason", async || served.admin("/ready").await.text().contains("certificate")).await;
    assert_eq!((served.admin("/ready").await.status, served.admin("/live").await.status), (503, 200));
    assert!(served.dial().await.is_err(), "there is nothing to shake hands with");
    assert!(served.counts(FAILURES, 1.0).await);
    publish(served.folder.path(), "..first", &made.certificate, &made.key);
    served.becomes_ready().await;
    served.connect().await.review("/validate", &set_creation()).await;
}

#[tokio::test]
async fn serves_no_certificate_for_another_name() {
    let served = Served::start(Api::default(), |settings| {
        settings.certificate_name = Some("stsguard.stsguard.svc".to_owned());
    })
    .await;
    until("the reason", async || served.admin("/ready").await.text().contains("certificate")).await;
    assert!(served.dial().await.is_err(), "there is nothing to shake hands with");
}

#[tokio::test]
async fn tells_when_the_certificate_ends() {
    let served = Served::ready().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    let days = (served.metric("stsguard_certificate_not_after_seconds").await - now.as_secs_f64()) / 86_400.0;
    assert!((300.0..400.0).contains(&days), "{days}");
}
