//! A panic in one review is that review's alone.

use super::answer::Read;
use super::api::Api;
use super::client::post;
use super::objects::{DB, service, set_creation};
use super::served::Served;

#[tokio::test]
async fn a_panic_in_a_review_is_one_500_that_is_not_tried_again() {
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(DB, Read::Panic);
    let served = Served::ready_with(api, |settings| settings.limits.in_flight = 1).await;
    let mut connection = served.connect().await;
    let review = set_creation().to_string();
    for count in 1..=3_u8 {
        let response = connection.exchange(&post("/validate", review.as_bytes())).await.expect("it is answered");
        assert_eq!((response.status, response.header("retry-after"), response.closes()), (500, None, false));
        assert!(!response.text().contains("hunter2"), "{}", response.text());
        let panics = served.metric("stsguard_panics_total").await;
        assert!((panics - f64::from(count)).abs() < 0.5, "{panics} of {count}");
    }
    served.api.read(DB, Read::Object(service("db", true)));
    assert_eq!(connection.review("/validate", &set_creation()).await["allowed"], true, "the connection goes on");
    assert_eq!(served.admin("/ready").await.status, 200);
    assert!(!served.counts("stsguard_in_flight", 1.0).await);
}
