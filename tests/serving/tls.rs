//! TLS versions and suites: what is spoken, and what becomes of those who speak nothing of it.

use std::io::ErrorKind;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::version::{TLS12, TLS13};

use super::api::Api;
use super::client::{Connection, config, config_of, request};
use super::objects::set_creation;
use super::patience::until;
use super::process::Process;
use super::served::Served;
use super::target::Target;

const NAME: &str = "localhost";
const REASONS: [&str; 3] = ["version", "suite", "certificate"];

/// A server that an API server would call by this name.
async fn named(tls12: bool) -> Served {
    Served::ready_with(Api::default(), |settings| {
        settings.tls12 = tls12;
        settings.certificate_name = Some(NAME.to_owned());
    })
    .await
}

/// A handshake for this name that must fail.
async fn refused(target: &Target, config: ClientConfig, name: &'static str) {
    let shaken = Connection::shake(target.reviews, config, name).await;
    assert_eq!(shaken.err().map(|error| error.kind()), Some(ErrorKind::InvalidData), "{name}");
}

/// Whether just these have been made, by version.
async fn made(target: &Target, versions: [f64; 2]) -> bool {
    let sample = |version: &str| format!("stsguard_handshakes_total{{version=\"{version}\"}}");
    let found = [target.metric(&sample("1.2")).await, target.metric(&sample("1.3")).await];
    found.iter().zip(versions).all(|(found, made)| (found - made).abs() < 0.5)
}

/// What the alert asks for; `name` is `ours` or `other`.
fn sample(reason: &str, name: &str) -> String {
    format!("stsguard_handshakes_refused_total{{reason=\"{reason}\",name=\"{name}\"}}")
}

/// How many were refused, by reason and name.
async fn counted(target: &Target) -> Vec<(&'static str, &'static str, f64)> {
    let mut counted = Vec::new();
    for reason in REASONS {
        for name in ["ours", "other"] {
            counted.push((reason, name, target.metric(&sample(reason, name)).await));
        }
    }
    counted.retain(|(_, _, count)| *count > 0.0);
    counted
}

#[tokio::test]
async fn speaks_tls_12_only_where_asked_to_and_counts_by_version() {
    let served = Served::ready().await;
    let old = Connection::tls(served.reviews, &served.cas, &[&TLS12]).await;
    assert_eq!(old.err().map(|error| error.kind()), Some(ErrorKind::InvalidData));
    served.connect().await.review("/validate", &set_creation()).await;
    assert!(made(&served, [0.0, 1.0]).await);

    let served = Served::ready_with(Api::default(), |settings| settings.tls12 = true).await;
    for (version, so_far) in [(&TLS12, [1.0, 0.0]), (&TLS13, [1.0, 1.0])] {
        let mut connection = Connection::tls(served.reviews, &served.cas, &[version]).await.expect("it is spoken");
        connection.review("/validate", &set_creation()).await;
        assert!(made(&served, so_far).await);
    }
}

#[tokio::test]
async fn counts_a_version_that_is_not_spoken_apart_for_those_who_know_our_name() {
    let served = named(false).await;
    let old = || config(&served.cas, &[&TLS12], None);
    refused(&served, old(), NAME).await;
    until("the first", async || counted(&served).await == [("version", "ours", 1.0)]).await;
    // Another name, and none: an address is never sent as one.
    refused(&served, old(), "stranger.example").await;
    refused(&served, old(), "127.0.0.1").await;
    let all = [("version", "ours", 1.0), ("version", "other", 2.0)];
    until("all", async || counted(&served).await == all).await;
}

#[tokio::test]
async fn counts_suites_and_signatures_that_are_not_in_common() {
    let served = named(true).await;
    // For a certificate with an RSA key, and ours has none.
    let suites = vec![cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
    let provider = CryptoProvider { cipher_suites: suites, ..default_provider() };
    refused(&served, config_of(provider, &served.cas, &[&TLS12], None), NAME).await;
    until("the suite", async || counted(&served).await == [("suite", "ours", 1.0)]).await;
    let known = default_provider().signature_verification_algorithms;
    let p384 = WebPkiSupportedAlgorithms { mapping: &known.mapping[..1], ..known };
    let provider = CryptoProvider { signature_verification_algorithms: p384, ..default_provider() };
    refused(&served, config_of(provider, &served.cas, &[&TLS13], None), NAME).await;
    let both = [("suite", "ours", 1.0), ("certificate", "ours", 1.0)];
    until("the signature", async || counted(&served).await == both).await;
}

#[tokio::test]
async fn what_is_no_handshake_is_not_counted_as_one() {
    let served = Served::ready_with(Api::default(), |settings| {
        settings.certificate_name = Some(NAME.to_owned());
        settings.limits.handshake = Duration::from_secs(1);
    })
    .await;
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03";
    for nonsense in [request("GET", "/", &[], b""), vec![0; 4096], vec![0xff; 4096], hello.into(), Vec::new()] {
        let mut plain = Connection::plain(served.reviews).await.expect("it is accepted");
        plain.send(&nonsense).await.expect("nonsense is sent");
        plain.closed().await;
    }
    // Who does not trust us has understood us.
    let strange = super::served::pair().ca;
    assert!(Connection::tls(served.reviews, &strange, &[&TLS13]).await.is_err());
    // One that does count comes after all of them.
    refused(&served, config(&served.cas, &[&TLS12], None), NAME).await;
    until("the last", async || !counted(&served).await.is_empty()).await;
    assert_eq!(counted(&served).await, [("version", "ours", 1.0)]);
}

/// What Go offers in FIPS mode, as far as ring has it: no ChaCha20, no X25519.
#[tokio::test]
async fn is_understood_by_a_client_of_approved_suites_and_curves_alone() {
    let served = named(true).await;
    for curve in [kx_group::SECP256R1, kx_group::SECP384R1] {
        for version in [&TLS12, &TLS13] {
            let mut provider = CryptoProvider { kx_groups: vec![curve], ..default_provider() };
            provider.cipher_suites.retain(|suite| !format!("{suite:?}").contains("CHACHA"));
            assert_eq!(provider.cipher_suites.len(), 6, "{:?}", provider.cipher_suites);
            let config = config_of(provider, &served.cas, &[version], None);
            let mut connection = Connection::shake(served.reviews, config, NAME).await.expect("it is spoken");
            connection.review("/validate", &set_creation()).await;
        }
    }
    assert_eq!(counted(&served).await, []);
}

#[tokio::test]
async fn says_once_in_a_while_that_an_api_server_may_be_refused_and_what_to_do() {
    let process = Process::ready(&Api::default(), "true", &["--certificate-name=localhost"]).await;
    let old = || config(&process.cas, &[&TLS12], None);
    refused(&process, old(), "stranger.example").await;
    for _ in 0..3 {
        refused(&process, old(), NAME).await;
    }
    until("all three", async || process.counts(&sample("version", "ours"), 3.0).await).await;
    let said = process.said("a client that calls us by name");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0]["reason"] == "version" && said[0]["peer"] == "127.0.0.1", "{said:?}");
    assert!(said[0]["remedy"].as_str().is_some_and(|remedy| remedy.contains("tls.minVersion")), "{said:?}");
}

/// The chart's value and its `extraArgs` may both say so.
#[tokio::test]
async fn the_switch_may_be_given_twice() {
    let process = Process::ready(&Api::default(), "true", &["--tls12", "--log-level=info", "--tls12"]).await;
    assert!(Connection::tls(process.reviews, &process.cas, &[&TLS12]).await.is_ok());
}
