use super::*;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};
use rustls::server::ParsedCertificate;
use rustls::{RootCertStore, client};

const NAME: &str = "stsguard.stsguard.svc";
const DAY: i64 = 86_400;
const START: i64 = 1_780_000_000;
const SETTLED: Option<Duration> = Some(Duration::from_secs(60));

fn at(now: i64, shown: Option<Duration>, lives: &Lives) -> Moment<'_> {
    Moment { now, name: NAME, lives, shown }
}

fn new() -> Stored {
    Stored::new(at(START, None, &Lives::default())).expect("it can be made")
}

fn step(stored: &Stored, now: i64, shown: Option<Duration>) -> Option<Stored> {
    stored.next_step(at(now, shown, &Lives::default())).expect("it can be made")
}

/// As the API server does: this bundle, this name, this time.
fn verifies(bundle: &str, stored: &Stored, now: i64) -> bool {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(root.expect("a bundle is PEM")).expect("a bundle holds CAs");
    }
    let der = CertificateDer::from_pem_slice(stored.pair().0.as_bytes()).expect("it is PEM");
    let leaf = ParsedCertificate::try_from(&der).expect("it is a certificate");
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.cast_unsigned()));
    let signed = client::verify_server_cert_signed_by_trust_anchor(&leaf, &roots, &[], now, algorithms.all);
    let name = ServerName::try_from(NAME).expect("it is a name");
    signed.is_ok() && client::verify_server_name(&leaf, &name).is_ok()
}

#[test]
fn what_is_made_verifies_and_needs_nothing() {
    let stored = new();
    assert!(verifies(&stored.bundle(), &stored, START) && verifies(&stored.bundle(), &stored, START - 3000));
    assert!(step(&stored, START, None).is_none() && step(&stored, START + 19 * DAY, SETTLED).is_none());
}

#[test]
fn what_is_stored_reads_back() {
    let mut stored = new();
    assert!(Stored::read(&stored.data()) == Ok(stored.clone()));
    stored = step(&stored, START + 250 * DAY, None).expect("the CA is late");
    assert!(stored.next_authority().is_some() && Stored::read(&stored.data()) == Ok(stored.clone()));
    stored = step(&stored, START + 250 * DAY, SETTLED).expect("the next CA has settled");
    assert!(stored.previous.is_some() && Stored::read(&stored.data()) == Ok(stored));
}

#[test]
fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
    let stored = new();
    assert!(step(&stored, START + 20 * DAY - 1, None).is_none());
    let renewed = step(&stored, START + 20 * DAY, None).expect("it is late");
    assert_eq!(renewed.bundle(), stored.bundle());
    assert_ne!(renewed.pair(), stored.pair());
    assert!(verifies(&stored.bundle(), &renewed, START + 49 * DAY));
}

#[test]
fn a_certificate_never_outlives_its_ca_and_is_not_made_again_for_nothing() {
    let mut stored = new();
    // No entry ever shows the next CA: nothing may be exchanged.
    for day in (0..365).step_by(2) {
        while let Some(next) = step(&stored, START + day * DAY, None) {
            assert_eq!(next.authority(), stored.authority());
            stored = next;
        }
        assert!(verifies(&stored.bundle(), &stored, START + day * DAY), "day {day}");
    }
    assert_eq!(stored.leaf.life.end, stored.authority.life.end);
}

#[test]
fn at_no_moment_of_a_life_is_something_served_that_an_earlier_bundle_does_not_verify() {
    let (mut stored, mut shown) = (new(), new().bundle());
    shown.clone_from(&stored.bundle());
    let mut exchanged = 0;
    for hour in 0..(3 * 365 * 24) {
        let now = START + hour * 3600;
        // Entries follow an hour later than they should.
        let settled =
            stored.next_authority().is_some_and(|next| shown.contains(next)).then_some(Duration::from_secs(60));
        if let Some(next) = step(&stored, now, settled) {
            exchanged += u32::from(next.authority() != stored.authority());
            assert!(verifies(&shown, &next, now) && verifies(&next.bundle(), &next, now), "hour {hour}");
            // A replica that has not heard of it goes on with what it has.
            assert!(verifies(&next.bundle(), &stored, now), "hour {hour}");
            stored = next;
        }
        assert!(verifies(&shown, &stored, now), "hour {hour}");
        shown.clone_from(&stored.bundle());
    }
    assert!((3..=5).contains(&exchanged), "{exchanged} CAs in three years");
}

#[test]
fn the_next_ca_waits_until_every_entry_has_shown_it_for_long_enough() {
    let stored = step(&new(), START + 244 * DAY, None).expect("the CA is late");
    let next = stored.next_authority().expect("it has a successor").to_owned();
    assert!(stored.bundle().contains(&next) && stored.bundle().contains(new_bundle_of(&stored)));
    for shown in [None, Some(Duration::from_secs(59))] {
        let later = step(&stored, START + 244 * DAY + 3600, shown);
        assert!(later.is_none_or(|later| later.authority() == stored.authority()));
    }
    let exchanged = step(&stored, START + 244 * DAY + 3600, SETTLED).expect("it has settled");
    assert_eq!(exchanged.authority(), next);
    assert!(exchanged.bundle().contains(stored.authority()), "the old one is still published");
    let until = exchanged.previous.as_ref().expect("there is one").until;
    assert_eq!(until, stored.leaf.life.end);
    let rid = step(&exchanged, until, None).expect("its time is over");
    assert!(!rid.bundle().contains(stored.authority()));
}

fn new_bundle_of(stored: &Stored) -> &str {
    stored.authority()
}

#[test]
fn a_clock_a_year_ahead_and_back_heals() {
    let stored = new();
    let ahead = START + 400 * DAY;
    let made = step(&stored, ahead, None).expect("all has ended");
    assert!(verifies(&made.bundle(), &made, ahead) && step(&made, ahead, None).is_none());
    let back = step(&made, START, None).expect("nothing has begun yet");
    assert!(verifies(&back.bundle(), &back, START) && step(&back, START, None).is_none());
}

#[test]
fn another_name_gets_another_certificate() {
    let lives = Lives::default();
    let renamed = new().next_step(Moment { name: "other.stsguard.svc", ..at(START, None, &lives) });
    let renamed = renamed.expect("it can be made").expect("it does not cover that name");
    assert!(renamed.leaf.covers("other.stsguard.svc"));
    assert_eq!(renamed.bundle().lines().count(), new().bundle().lines().count());
}

#[test]
fn what_is_no_certificate_or_does_not_belong_together_is_malformed() {
    let (stored, other) = (new(), new());
    for key in ["ca.crt", "ca.key", "tls.crt", "tls.key"] {
        let mut data = stored.data();
        for wrong in [b"".to_vec(), b"hunter2".to_vec(), other.data()[key].clone()] {
            data.insert(key.to_owned(), wrong);
            let error = Stored::read(&data).err().expect("it cannot be used").to_string();
            assert!(!error.contains("hunter2") && error.contains(&key[..2]), "{error}");
        }
        data.remove(key);
        assert!(Stored::read(&data).is_err());
    }
    let mut data = stored.data();
    data.insert("next-ca.crt".to_owned(), b"nonsense".to_vec());
    assert!(Stored::read(&data) == Ok(stored), "what is not needed to serve does no harm");
}

#[test]
fn a_ca_that_has_signed_what_is_served_is_published_on() {
    let (served, made_anew) = (new(), new());
    let both = made_anew.remembering(&served);
    assert!(verifies(&both.bundle(), &served, START) && verifies(&both.bundle(), &made_anew, START));
    assert!(both.remembering(&served) == both && served.remembering(&served) == served);
}
