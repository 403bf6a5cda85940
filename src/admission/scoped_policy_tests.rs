//! What a policy says of some namespaces and objects only.

use serde_json::{Value, json};

use super::tests::{Trusted, headless, postgres, review};
use super::{Endpoint, Review};
use crate::facts::{Answers, NamespaceFacts, Question, Source};

#[test]
fn a_denial_that_labels_of_the_namespace_bring_rests_on_them() {
    let text = "enforcement: warn\noverrides: [{namespaceSelector: {matchLabels: {tier: prod}}, enforcement: deny}]\n";
    let policy = crate::policy::parse(text, crate::rules::RULES).expect("the policy is good");
    let mut set = postgres("OrderedReady", 60, &json!({}));
    set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(0);
    let review = Review::parse(&review("CREATE", &set, &Value::Null)).expect("the review is well formed");
    let decide = |tier: &str, source| {
        let labels = [("tier".to_owned(), tier.to_owned())].into();
        let Trusted(known, _) = headless();
        let facts = Trusted(known.with("", "shop", NamespaceFacts { labels, terminating: false }), source);
        review.decide(Endpoint::Validate, &policy, &facts, &Answers::new())
    };
    let denied = decide("prod", Source::Final);
    assert!(!denied.verdict.allowed && denied.needs.is_empty(), "{:?}", denied.verdict);
    assert!(decide("test", Source::Final).verdict.allowed);
    let namespace = Question::get::<NamespaceFacts>("shop", "shop");
    assert!(decide("prod", Source::Store).needs.contains(&namespace), "what a store shows is read again");
    assert!(decide("prod", Source::Unconfirmed).verdict.allowed, "what cannot be confirmed denies nothing");
}

#[test]
fn an_exemption_of_the_policy_ends_with_its_day() {
    let text = "exemptions: [{rules: [STS302], names: [pg], reason: a drill, expires: 2026-11-25}]\n";
    let policy = crate::policy::parse(text, crate::rules::RULES).expect("the policy is good");
    let body = review("CREATE", &postgres("OrderedReady", 0, &json!({})), &Value::Null);
    let on = |day| {
        let review = Review::parse(&body).expect("the review is well formed").on(day);
        review.decide(Endpoint::Validate, &policy, &headless(), &Answers::new()).verdict
    };
    assert!(on(time::macros::date!(2026 - 11 - 25)).allowed);
    let after = on(time::macros::date!(2026 - 11 - 26));
    assert!(!after.allowed && after.warnings.iter().any(|line| line.starts_with("STS001: ")), "{after:?}");
}
