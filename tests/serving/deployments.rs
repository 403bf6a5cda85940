//! Reviews of Deployments, as a real API server sends them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use stsguard::rule::Profile;
use stsguard::rules;

use super::api::Api;
use super::objects::warnings;
use super::served::Served;

fn captured(step: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reviews/captured");
    let text = fs::read(folder.join(format!("{step}.validate.json"))).expect("it is captured");
    serde_json::from_slice(&text).expect("it is JSON")
}

async fn under(profile: Profile) -> Served {
    Served::ready_with(Api::default(), |settings| settings.policy = rules::policy(profile)).await
}

#[tokio::test]
async fn a_real_review_of_a_new_database_warns_or_denies() {
    let review = captured("deployment-created");
    let verdict = under(Profile::Recommended).await.connect().await.review("/validate?timeout=5s", &review).await;
    let [line] = warnings(&verdict)[..] else { panic!("one warning: {verdict}") };
    assert!(verdict["allowed"] == true && line.starts_with("STS601: PostgreSQL"), "{verdict}");
    let verdict = under(Profile::Strict).await.connect().await.review("/validate?timeout=5s", &review).await;
    assert_eq!((&verdict["allowed"], &verdict["status"]["code"]), (&json!(false), &json!(403)), "{verdict}");
    assert_eq!(verdict["uid"], review["request"]["uid"]);
}

#[tokio::test]
async fn a_real_review_of_a_change_blames_nobody_for_what_was_there() {
    let served = under(Profile::Strict).await;
    let mut connection = served.connect().await;
    let changed = connection.review("/validate", &captured("deployment-image-changed")).await;
    assert!(changed["allowed"] == true && warnings(&changed).len() == 1, "denied before, now it warns: {changed}");
    let labelled = connection.review("/validate", &captured("deployment-labelled")).await;
    assert!(labelled["allowed"] == true && warnings(&labelled).is_empty(), "{labelled}");
    for step in ["deployment-created", "deployment-image-changed"] {
        let untouched = connection.review("/mutate", &captured(step)).await;
        assert!(untouched["allowed"] == true && untouched["patch"].is_null(), "{untouched}");
    }
}
