//! Reviews that a real API server sent, byte for byte; `cargo run --example capture` makes them again from `story/`.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use stsguard::admission::{Endpoint, Review};
use stsguard::facts::Answers;
use stsguard::rule::Profile;
use stsguard::rules;

use super::facts::AllIsWell;
use super::request::below;

fn answer(path: &str, body: &Value) -> Value {
    let endpoint = if path.ends_with(".mutate.json") { Endpoint::Mutate } else { Endpoint::Validate };
    let review = Review::parse(body.to_string().as_bytes()).unwrap_or_else(|_| panic!("{path} cannot be read"));
    let decision = review.decide(endpoint, &rules::policy(Profile::Recommended), &AllIsWell, &Answers::new());
    assert!(decision.needs.is_empty(), "{path} leaves questions: {:?}", decision.needs);
    let mut answer: Value = serde_json::from_slice(&review.answer(&decision.verdict)).expect("it answers JSON");
    let response = answer["response"].take();
    assert_eq!(response["uid"], body["request"]["uid"], "{path}");
    response
}

/// The answer as people read it.
fn legible(mut response: Value) -> Value {
    let fields = response.as_object_mut().expect("an object");
    fields.remove("uid");
    if let Some(Value::String(patch)) = fields.get("patch") {
        let patch = STANDARD.decode(patch).expect("base64");
        fields.insert("patch".to_owned(), serde_json::from_slice(&patch).expect("JSON"));
    }
    response
}

#[test]
fn real_reviews_are_answered_as_before() {
    let mut seen = 0;
    for file in below(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reviews/captured")) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let body: Value = serde_json::from_slice(&fs::read(&file).expect("it can be read")).expect("it is JSON");
        let given = answer(&name, &body);

        // What does not matter must not: dry runs, and what no rule reads.
        let mut other = body.clone();
        other["request"]["dryRun"] = Value::Bool(body["request"]["dryRun"] != true);
        for object in ["object", "oldObject"] {
            if other["request"][object].is_object() {
                other["request"][object]["status"] = serde_json::json!({"replicas": 7});
                other["request"][object]["spec"]["unheardOf"] = Value::Bool(true);
            }
        }
        assert_eq!(answer(&name, &other), given, "{name}");

        insta::assert_json_snapshot!(name.trim_end_matches(".json"), legible(given));
        seen += 1;
    }
    assert!(seen > 20, "only {seen} reviews were found");
}
