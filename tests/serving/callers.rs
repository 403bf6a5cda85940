//! Who may call: clients with a certificate of the CA and of an allowed name, and nobody else.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use tempfile::TempDir;

use super::api::Api;
use super::client::{Connection, Identity, Response, post};
use super::objects::set_creation;
use super::patience::until;
use super::served::Served;

const FAULTS: &str = "stsguard_client_ca_reload_failures_total";

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = ca.self_signed(&key).expect("it can be signed").pem();
        Self { pem, issuer: Issuer::new(ca, key) }
    }

    /// A client's certificate with this common name and these alternative ones, which ends in this year.
    fn signs(&self, common: &str, alternative: &[&str], year: i32) -> Identity {
        let names: Vec<_> = alternative.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = CertificateParams::new(names).expect("they are names");
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CommonName, common);
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        leaf.not_before = date_time_ymd(2001, 1, 1);
        leaf.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = leaf.signed_by(&key, &self.issuer).expect("it can be signed").pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

/// Puts a CA into a folder in one step.
fn publish(folder: &Path, text: &str) {
    fs::write(folder.join("next"), text).expect("a file can be written");
    fs::rename(folder.join("next"), folder.join("ca.crt")).expect("a file can be replaced");
}

/// A server that lets in clients of this CA that carry one of these names.
async fn guarded(ca: &Authority, names: &[&str]) -> (Served, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    publish(folder.path(), &ca.pem);
    let served = Served::ready_with(Api::default(), |settings| {
        settings.client_ca = Some(folder.path().join("ca.crt"));
        settings.client_names = names.iter().map(|name| (*name).to_owned()).collect();
    })
    .await;
    (served, folder)
}

async fn asks(connection: &mut Connection) -> io::Result<Response> {
    connection.exchange(&post("/validate", set_creation().to_string().as_bytes())).await
}

/// What a client of this identity is answered; an error when the handshake fails, which it may learn of only later.
async fn answered(served: &Served, identity: &Identity) -> io::Result<Response> {
    asks(&mut served.dial_as(identity).await?).await
}

async fn refused(served: &Served, reason: &str) -> f64 {
    served.metric(&format!("stsguard_callers_refused_total{{reason=\"{reason}\"}}")).await
}

#[tokio::test]
async fn lets_in_a_client_by_its_common_or_an_alternative_name() {
    let ca = Authority::new();
    let (served, _folder) = guarded(&ca, &["kube-apiserver", "apiserver.example"]).await;
    for (common, alternative) in [("kube-apiserver", &[][..]), ("other", &["first.example", "apiserver.example"])] {
        let response = answered(&served, &ca.signs(common, alternative, 4000)).await.expect("it is let in");
        assert_eq!(response.verdict()["uid"], "0b1f", "{common}");
    }
}

#[tokio::test]
async fn lets_in_any_client_of_the_ca_where_no_name_is_asked_for() {
    let ca = Authority::new();
    let (served, _folder) = guarded(&ca, &[]).await;
    let response = answered(&served, &ca.signs("anybody", &[], 4000)).await.expect("it is let in");
    assert_eq!(response.verdict()["uid"], "0b1f");
    assert!(answered(&served, &Authority::new().signs("anybody", &[], 4000)).await.is_err());
}

#[tokio::test]
async fn refuses_and_counts_whoever_has_no_good_certificate() {
    let ca = Authority::new();
    let (served, _folder) = guarded(&ca, &["kube-apiserver"]).await;
    if let Ok(mut connection) = served.dial().await {
        assert!(asks(&mut connection).await.is_err(), "none");
    }
    until("one without", async || refused(&served, "absent").await >= 1.0).await;
    assert!(answered(&served, &Authority::new().signs("kube-apiserver", &[], 4000)).await.is_err(), "another CA");
    until("one of another CA", async || refused(&served, "untrusted").await >= 1.0).await;
    assert!(answered(&served, &ca.signs("kube-apiserver", &[], 2002)).await.is_err(), "expired");
    until("one that has ended", async || refused(&served, "expired").await >= 1.0).await;
    for (common, alternative) in
        [("mallory", &[][..]), ("KUBE-APISERVER", &[]), ("", &["*.example"]), ("kube-apiserver.example", &[])]
    {
        let before = refused(&served, "name").await;
        let response = answered(&served, &ca.signs(common, alternative, 4000)).await.expect("it is answered");
        assert_eq!((response.status, response.header("retry-after"), response.closes()), (403, None, true), "{common}");
        assert!(refused(&served, "name").await > before, "{common}");
    }
    assert!(answered(&served, &ca.signs("kube-apiserver", &[], 4000)).await.is_ok_and(|fine| fine.status == 200));
    assert!(!served.counts("stsguard_requests_total{endpoint=\"validate\",code=\"403\"}", 1.0).await, "never routed");
}

#[tokio::test]
async fn a_server_certificate_of_the_ca_is_no_client() {
    let ca = Authority::new();
    let (served, _folder) = guarded(&ca, &[]).await;
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).expect("it is a name");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = leaf.signed_by(&key, &ca.issuer).expect("it can be signed").pem();
    assert!(answered(&served, &Identity { certificate, key: key.serialize_pem() }).await.is_err());
}

#[tokio::test]
async fn a_new_ca_counts_at_once_for_open_connections_too() {
    let (old, new) = (Authority::new(), Authority::new());
    let (served, folder) = guarded(&old, &["kube-apiserver"]).await;
    let (before, after) = (old.signs("kube-apiserver", &[], 4000), new.signs("kube-apiserver", &[], 4000));
    let mut open = served.dial_as(&before).await.expect("it is let in");
    assert_eq!(asks(&mut open).await.expect("it is answered").status, 200);
    publish(folder.path(), &[old.pem.as_str(), new.pem.as_str()].concat());
    until("the new CA", async || answered(&served, &after).await.is_ok()).await;
    assert_eq!(asks(&mut open).await.expect("both are trusted").status, 200);
    publish(folder.path(), &new.pem);
    until("the old CA's end", async || answered(&served, &before).await.is_err()).await;
    let response = asks(&mut open).await.expect("it is told");
    assert_eq!((response.status, response.closes()), (401, true));
    assert_eq!(answered(&served, &after).await.expect("it is let in").status, 200);
}

#[tokio::test]
async fn keeps_the_old_ca_when_the_new_one_is_bad() {
    let ca = Authority::new();
    let (served, folder) = guarded(&ca, &[]).await;
    let identity = ca.signs("kube-apiserver", &[], 4000);
    for bad in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let before = served.metric(FAULTS).await;
        publish(folder.path(), bad);
        until("the fault to be counted", async || served.counts(FAULTS, before + 2.0).await).await;
        assert_eq!(answered(&served, &identity).await.expect("it is let in").status, 200, "{bad}");
    }
}

#[tokio::test]
async fn is_not_ready_and_lets_nobody_in_before_there_is_a_ca() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let ca = Arc::new(Authority::new());
    let served = Served::start(Api::default(), |settings| {
        settings.client_ca = Some(folder.path().join("ca.crt"));
    })
    .await;
    until("the reason", async || served.admin("/ready").await.text().contains("client CA")).await;
    let identity = ca.signs("kube-apiserver", &[], 4000);
    assert!(answered(&served, &identity).await.is_err());
    publish(folder.path(), &ca.pem);
    served.becomes_ready().await;
    assert_eq!(answered(&served, &identity).await.expect("it is let in").status, 200);
}

#[tokio::test]
async fn asks_nobody_for_a_certificate_by_default() {
    let served = Served::ready().await;
    let response = answered(&served, &Authority::new().signs("anybody", &[], 2002)).await;
    assert_eq!(response.expect("it is let in").status, 200);
}
