//! What is answered to which request.

use base64::Engine as _;
use serde_json::{Value, json};

use super::api::Api;
use super::client::{Connection, post, request};
use super::objects::{creation, fixable_set, service, set_creation, warnings};
use super::served::Served;

#[tokio::test]
async fn answers_a_good_review_with_its_uid() {
    let api = Api::default();
    api.put("services", &service("db", true));
    let served = Served::ready_with(api, |_| {}).await;
    let verdict = served.connect().await.review("/validate?timeout=10s", &set_creation()).await;
    assert_eq!((&verdict["uid"], &verdict["allowed"]), (&json!("0b1f"), &json!(true)), "{verdict}");
    assert!(warnings(&verdict).is_empty(), "{verdict}");
}

#[tokio::test]
async fn mutates_with_a_json_patch_in_base64() {
    let served = Served::ready().await;
    let review = creation("apps", "statefulsets", &fixable_set());
    let mut connection = served.connect().await;
    let verdict = connection.review("/mutate", &review).await;
    assert_eq!((&verdict["allowed"], &verdict["patchType"]), (&json!(true), &json!("JSONPatch")), "{verdict}");
    let patch = verdict["patch"].as_str().expect("a patch is a string");
    let patch = base64::engine::general_purpose::STANDARD.decode(patch).expect("a patch is base64");
    let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("a patch is a JSON Patch");
    let mut fixed = fixable_set();
    json_patch::patch(&mut fixed, &patch).expect("a patch fits the object");
    assert_ne!(fixed["spec"], fixable_set()["spec"]);
    let again = connection.review("/mutate", &creation("apps", "statefulsets", &fixed)).await;
    let fixed = fixed["metadata"]["annotations"]["stsguard.dev/fixed"].as_str().expect("fixes are recorded");
    assert!(!fixed.is_empty() && again["auditAnnotations"]["fixed"].is_null(), "{again}");
}

#[tokio::test]
async fn denies_with_403_and_a_message() {
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(super::objects::DB, super::answer::Read::Object(service("db", false)));
    let served = Served::ready_with(api, |_| {}).await;
    let verdict = served.connect().await.review("/validate", &set_creation()).await;
    assert_eq!((&verdict["allowed"], &verdict["status"]["code"]), (&json!(false), &json!(403)), "{verdict}");
    assert!(verdict["status"]["message"].as_str().is_some_and(|text| text.contains("STS101")), "{verdict}");
}

#[tokio::test]
async fn allows_other_kinds_without_a_word() {
    let served = Served::ready().await;
    let pod = json!({"metadata": {"name": "db-0"}, "spec": "not even read"});
    let verdict = served.connect().await.review("/validate", &creation("", "pods", &pod)).await;
    assert_eq!(verdict, json!({"uid": "0b1f", "allowed": true}));
}

#[tokio::test]
async fn knows_only_two_paths() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    for path in ["/", "/validate/", "/Mutate", "/metrics", "/ready", "//validate"] {
        let body = set_creation().to_string();
        let response = connection.exchange(&post(path, body.as_bytes())).await.expect("it is answered");
        assert_eq!(response.status, 404, "{path}");
    }
}

#[tokio::test]
async fn takes_reviews_by_post_alone() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let asked = request(method, "/validate", &[("content-type", "application/json")], b"");
        let response = connection.exchange(&asked).await.expect("it is answered");
        assert_eq!((response.status, response.header("allow")), (405, Some("POST")), "{method}");
    }
}

async fn post_with(connection: &mut Connection, headers: &[(&str, &str)]) -> u16 {
    let body = set_creation().to_string();
    let length = body.len().to_string();
    let headers = [headers, &[("content-length", length.as_str())]].concat();
    let asked = request("POST", "/validate", &headers, body.as_bytes());
    connection.exchange(&asked).await.expect("it is answered").status
}

#[tokio::test]
async fn takes_plain_json_alone() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    for media in ["text/plain", "application/yaml", "application/jsonx", ""] {
        assert_eq!(post_with(&mut connection, &[("content-type", media)]).await, 415, "{media}");
    }
    assert_eq!(post_with(&mut connection, &[]).await, 415, "no type");
    for encoding in ["gzip", "identity, gzip", "br"] {
        let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
        assert_eq!(post_with(&mut connection, &headers).await, 415, "{encoding}");
    }
    for media in ["application/json; charset=utf-8", "Application/JSON"] {
        let headers = [("content-type", media), ("content-encoding", "identity")];
        assert_eq!(post_with(&mut connection, &headers).await, 200, "{media}");
    }
}

#[tokio::test]
async fn reads_a_review_that_comes_in_chunks() {
    let served = Served::ready().await;
    let body = set_creation().to_string();
    let (first, second) = body.split_at(100);
    let chunks = format!("{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked")];
    let asked = request("POST", "/validate", &headers, chunks.as_bytes());
    let verdict = served.connect().await.exchange(&asked).await.expect("it is answered").verdict();
    assert_eq!(verdict["uid"], json!("0b1f"));
}

#[tokio::test]
async fn reads_two_objects_of_three_mebibytes() {
    let served = Served::ready().await;
    let mut review = set_creation();
    let mut object: Value = super::objects::set();
    object["metadata"]["annotations"] = json!({ "notes": "x".repeat(3 << 20) });
    review["request"]["operation"] = json!("UPDATE");
    review["request"]["oldObject"] = object.clone();
    review["request"]["object"] = object;
    let verdict = served.connect().await.review("/validate", &review).await;
    assert_eq!(verdict, json!({"uid": "0b1f", "allowed": true}));
}
