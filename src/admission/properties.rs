//! What holds for any input: no panic, the same uid, patches that apply.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::review;
use super::{Endpoint, Review, Unreadable};
use crate::facts::{Answers, NoFacts};

/// Any JSON value, with the field names that admission reads made likely.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop_oneof![Just("postgres:16".to_owned()), Just("/data".to_owned()), ".{0,12}"].prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("metadata"),
        Just("spec"),
        Just("template"),
        Just("containers"),
        Just("image"),
        Just("env"),
        Just("name"),
        Just("value"),
        Just("volumeMounts"),
        Just("mountPath"),
        Just("replicas"),
        Just("annotations"),
        Just("volumeClaimTemplates"),
        Just("serviceName"),
        Just("terminationGracePeriodSeconds"),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = Review::parse(&body);
    }

    #[test]
    fn arbitrary_objects_are_answered_with_their_uid_and_patches_apply(
        object in anything(), old in anything(), update in any::<bool>(),
    ) {
        let body = review(if update { "UPDATE" } else { "CREATE" }, &object, &old);
        match Review::parse(&body) {
            Ok(review) => for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
                let verdict = review.decide(endpoint, &crate::rules::policy(crate::rule::Profile::Recommended), &NoFacts, &Answers::new()).verdict;
                let answer: Value = serde_json::from_slice(&review.answer(&verdict)).expect("the answer is JSON");
                prop_assert_eq!(&answer["response"]["uid"], &json!("11-22"));
                let patch: json_patch::Patch = serde_json::from_value(json!(verdict.operations)).expect("a patch");
                let mut patched = object.clone();
                prop_assert!(json_patch::patch(&mut patched, &patch).is_ok(), "{} on {}", patch, object);
            },
            Err(Unreadable::Answered(answer)) => {
                let answer: Value = serde_json::from_slice(&answer).expect("the answer is JSON");
                prop_assert_eq!(&answer["response"]["uid"], &json!("11-22"));
            }
            Err(Unreadable::Bare { .. }) => prop_assert!(false, "the uid was readable"),
        }
    }
}
