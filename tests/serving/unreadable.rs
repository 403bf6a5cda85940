//! Bodies that are too large, no reviews, or reviews of nonsense.

use serde_json::{Value, json};

use super::client::{post, request};
use super::objects::{creation, set, set_creation};
use super::served::Served;

const TOO_MUCH: usize = 9 << 20;

#[tokio::test]
async fn refuses_a_body_that_says_it_is_too_large() {
    let served = Served::ready().await;
    let length = TOO_MUCH.to_string();
    let head = [("content-type", "application/json"), ("content-length", length.as_str())];
    let announced = served.connect().await.exchange(&request("POST", "/validate", &head, b"")).await;
    let announced = announced.expect("it is answered before the body comes");
    assert_eq!((announced.status, announced.closes()), (413, true));
    let sent = served.connect().await.exchange(&post("/validate", &vec![b' '; TOO_MUCH])).await;
    assert_eq!(sent.expect("it is answered").status, 413);
}

#[tokio::test]
async fn refuses_chunks_that_become_too_much() {
    let served = Served::ready().await;
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked")];
    let asked = request("POST", "/validate", &headers, &chunk.repeat(TOO_MUCH >> 20));
    let response = served.connect().await.exchange(&asked).await.expect("it is answered");
    assert_eq!((response.status, response.closes()), (413, true));
}

#[tokio::test]
async fn refuses_what_is_no_review_with_400_and_without_its_text() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies =
        ["", "hunter2", "{}", "[]", "null", "{\"hunter2\": ", "\u{0}\u{1}", "{\"request\": \"hunter2\"}", &nested];
    for body in bodies {
        let response = connection.exchange(&post("/validate", body.as_bytes())).await.expect("it is answered");
        assert_eq!(response.status, 400, "{body:.40}");
        assert!(!response.text().contains("hunter2"), "{}", response.text());
    }
    let response = connection.exchange(&post("/mutate", b"\xff\xfe{}")).await.expect("it is answered");
    assert_eq!(response.status, 400);
}

#[tokio::test]
async fn answers_objects_nested_as_deeply_as_a_body_can_be() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    for (open, close) in
        [("[", "]"), ("{\"a\":", "}"), ("{\"spec\":", "}"), ("{\"metadata\":{\"managedFields\":", "}}")]
    {
        let depth = 100_000;
        let object = format!("{}{}{}", open.repeat(depth), "1", close.repeat(depth));
        let body = set_creation().to_string().replacen(&set().to_string(), &object, 1);
        assert!(body.contains(&object), "the object is put in");
        for path in ["/validate", "/mutate"] {
            let verdict = connection.exchange(&post(path, body.as_bytes())).await.expect("it is answered").verdict();
            assert_eq!(verdict["uid"], json!("0b1f"), "{open}");
        }
    }
    let panics = served.metric("stsguard_panics_total").await;
    assert!(panics < 1.0, "{panics} panics");
}

fn refusal(verdict: &Value) -> &str {
    assert_eq!((&verdict["uid"], &verdict["allowed"]), (&json!("0b1f"), &json!(false)), "{verdict}");
    assert_eq!(verdict["status"]["code"], json!(400), "{verdict}");
    verdict["status"]["message"].as_str().expect("a refusal says why")
}

#[tokio::test]
async fn refuses_an_object_that_is_null_with_the_uid() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    for resource in [("apps", "statefulsets"), ("", "services")] {
        let verdict = connection.review("/validate", &creation(resource.0, resource.1, &Value::Null)).await;
        assert!(refusal(&verdict).contains("object"), "{verdict}");
    }
}

#[tokio::test]
async fn refuses_wrong_types_with_the_uid_and_without_their_values() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    for (path, wrong) in [
        ("/spec/replicas", json!("hunter2")),
        ("/spec", json!("hunter2")),
        ("/spec/template/spec/containers", json!({"hunter2": "hunter2"})),
        ("/metadata", json!(["hunter2"])),
    ] {
        let mut object = set();
        *object.pointer_mut(path).expect("it is there") = wrong;
        let verdict = connection.review("/validate", &creation("apps", "statefulsets", &object)).await;
        assert!(!refusal(&verdict).contains("hunter2"), "{path}: {verdict}");
    }
    let mut review = set_creation();
    review["request"]["operation"] = json!(["hunter2"]);
    let verdict = connection.review("/validate", &review).await;
    assert!(!refusal(&verdict).contains("hunter2"), "{verdict}");
}

#[tokio::test]
async fn refuses_more_parts_than_any_object_needs_with_the_uid_and_counts_no_managed_fields() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    let parts = vec![json!({}); 100_000];
    let mut object = set();
    object["spec"]["template"]["spec"]["containers"] = json!(parts);
    let verdict = connection.review("/validate", &creation("apps", "statefulsets", &object)).await;
    assert!(refusal(&verdict).contains("more parts"), "{verdict}");
    let mut object = set();
    object["metadata"]["managedFields"] = json!(parts);
    let verdict = connection.review("/mutate", &creation("apps", "statefulsets", &object)).await;
    assert_eq!(verdict["allowed"], true, "{verdict}");
}
