//! What must hold for any input; the fuzz targets and the regression test `tests/fuzzed.rs` share it.

use std::io::sink;
use std::path::PathBuf;

use base64::Engine as _;
use serde_json::{Value, json};
use stsguard::admission::{Endpoint, Review, Unreadable};
use stsguard::certificates::Pair;
use stsguard::check::{self, Format, Settings};
use stsguard::engines::ImageReference;
use stsguard::facts::{Answers, NoFacts};
use stsguard::policy;
use stsguard::rule::{Action, Profile};
use stsguard::rules;

/// The stack on which YAML is read. A document of 255 levels, the deepest that is allowed, needs up to 640 KiB of it in an
/// unoptimised build (composed, judged and dropped); a fifth more is left, so that what goes deeper by much overflows it.
const STACK: usize = 768 << 10;

/// A review is answered with its uid; what is patched is the object that was sent, and the patch applies.
pub fn review(body: &[u8]) {
    let uid = |answer: &[u8]| {
        let answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
        assert_eq!(answer["kind"], "AdmissionReview");
        answer["response"]["uid"].as_str().expect("an answer has a uid").to_owned()
    };
    match Review::parse(body) {
        Ok(review) => {
            for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
                let verdict =
                    review.decide(endpoint, &rules::policy(Profile::Recommended), &NoFacts, &Answers::new()).verdict;
                let answer = review.answer(&verdict);
                assert!(verdict.allowed || endpoint == Endpoint::Validate, "only /validate denies");
                assert!(verdict.operations.is_empty() || endpoint == Endpoint::Mutate, "only /mutate patches");
                // What no rule reads is skipped, not checked: text there may be no UTF-8.
                let Ok(sent) = serde_json::from_slice::<Value>(body) else { continue };
                assert_eq!(uid(&answer), sent["request"]["uid"].as_str().expect("a review has a uid"));
                let patch: json_patch::Patch = serde_json::from_value(json!(verdict.operations)).expect("a JSON Patch");
                let mut object = sent["request"]["object"].clone();
                json_patch::patch(&mut object, &patch).expect("the patch applies");
            }
        }
        Err(Unreadable::Answered(answer)) => drop(uid(&answer)),
        Err(Unreadable::Bare { status, .. }) => assert!((400..500).contains(&status), "{status}"),
    }
}

/// A certificate and a key are served or refused: PEM text as it is, and what the text would hold.
pub fn pair(data: &[u8]) {
    let (certificate, key) = data.split_at(data.len() / 2);
    let name = Some("stsguard.stsguard.svc");
    let _ = Pair::read(certificate, key, name);
    let armoured = |what: &str, inside: &[u8]| {
        let inside = base64::engine::general_purpose::STANDARD.encode(inside);
        format!("-----BEGIN {what}-----\n{inside}\n-----END {what}-----\n").into_bytes()
    };
    let _ = Pair::read(&armoured("CERTIFICATE", certificate), &armoured("PRIVATE KEY", key), name);
}

/// The parts of an image reference are parts of its text.
pub fn image(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(image) = ImageReference::parse(text) else { return };
    for part in [image.registry, Some(image.path), image.tag, image.digest, Some(image.last_segment())] {
        assert!(text.contains(part.unwrap_or_default()));
    }
}

/// A policy is read, or refused with a place that exists.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    on_a_small_stack(|| {
        if let Err(faults) = policy::parse(text, rules::RULES) {
            assert!(!faults.is_empty(), "refused without a reason");
        }
    });
}

/// Manifests are checked to the end, in both formats.
pub fn manifest(data: &[u8]) {
    on_a_small_stack(|| {
        for format in [Format::Full, Format::Json] {
            let settings = Settings {
                paths: vec![PathBuf::from("-")],
                policy: rules::policy(Profile::Recommended),
                namespace: "default".to_owned(),
                format,
                show: Action::Audit,
                fail_on: Action::Deny,
                today: None,
                require_objects: false,
                colour: false,
            };
            check::run(&settings, &mut &*data, &mut sink(), &mut sink()).expect("nothing fails to be written");
        }
    });
}

/// Reads YAML where there is just room for the deepest document that is allowed.
fn on_a_small_stack(property: impl FnOnce() + Send) {
    let thread = std::thread::Builder::new().stack_size(STACK);
    std::thread::scope(|scope| {
        let running = thread.spawn_scoped(scope, property).expect("a thread can be started");
        if let Err(broken) = running.join() {
            std::panic::resume_unwind(broken);
        }
    });
}
