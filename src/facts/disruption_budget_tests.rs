use super::*;
use serde_json::{Value, json};

fn budget(spec: &Value) -> BudgetFacts {
    BudgetFacts::from(&read(&json!({"metadata": {"name": "db"}, "spec": spec})))
}

fn read(budget: &Value) -> DisruptionBudget {
    serde_json::from_value(budget.clone()).expect("a budget")
}

fn selects(selector: &Value) -> Option<bool> {
    budget(&json!({ "selector": selector })).selects(&[("app".to_owned(), "db".to_owned())].into())
}

#[test]
fn an_empty_selector_selects_all_and_none_selects_none() {
    assert_eq!((selects(&json!({})), selects(&json!(null))), (Some(true), Some(false)));
    assert_eq!(budget(&json!({})).selects(&Labels::new()), Some(false));
    let old = read(&json!({"apiVersion": "policy/v1beta1", "metadata": {"name": "db"}, "spec": {"selector": {}}}));
    assert_eq!(BudgetFacts::from(&old).selects(&Labels::new()), Some(false));
}

#[test]
fn a_selector_of_single_pods_is_not_understood() {
    let of_one = json!({"matchLabels": {"statefulset.kubernetes.io/pod-name": "db-0"}});
    assert_eq!(selects(&of_one), None);
    assert_eq!(selects(&json!({"matchLabels": {"app": "db"}})), Some(true));
    assert_eq!(selects(&json!({"matchLabels": {"app": "web"}})), Some(false));
}

/// Whether a budget of just the set's pods forbids, and whether one that may select others does.
fn forbids(field: &str, amount: &Value, replicas: i32) -> (bool, bool) {
    let own: LabelSelector = serde_json::from_value(json!({"matchLabels": {"app": "db"}})).expect("a selector");
    let with = |selector: &Value| budget(&json!({ field: amount, "selector": selector })).forbids(replicas, Some(&own));
    let (alone, shared) = (with(&json!({"matchLabels": {"app": "db", "tier": "x"}})), with(&json!({})));
    (alone.is_some(), shared.is_some())
}

#[test]
fn forbids_where_none_may_be_missing() {
    for amount in [json!(0), json!("0%")] {
        assert_eq!(forbids("maxUnavailable", &amount, 3), (true, true), "{amount}");
    }
    for amount in [json!(1), json!("1%"), json!("0"), json!("none"), json!(-1)] {
        assert_eq!(forbids("maxUnavailable", &amount, 1), (false, false), "{amount}");
    }
    assert_eq!(forbids("minAvailable", &json!("100%"), 3), (true, true));
}

#[test]
fn forbids_where_a_minimum_takes_all_of_the_sets_own_pods() {
    assert_eq!(forbids("minAvailable", &json!(3), 3), (true, false));
    assert_eq!(forbids("minAvailable", &json!(4), 3), (true, false));
    assert_eq!(forbids("minAvailable", &json!(1), 1), (true, false));
    // Rounded up: 51 % of one pod is one pod.
    assert_eq!(forbids("minAvailable", &json!("51%"), 1), (true, false));
    assert_eq!(forbids("minAvailable", &json!("99%"), 3), (true, false));
    for (amount, replicas) in [(json!(2), 3), (json!("67%"), 4), (json!("50%"), 3), (json!("many"), 3), (json!(0), 1)] {
        assert_eq!(forbids("minAvailable", &amount, replicas), (false, false), "{amount} of {replicas}");
    }
}

#[test]
fn says_nothing_where_neither_is_written_or_the_sets_selector_is_not_known() {
    assert_eq!(budget(&json!({"selector": {}})).forbids(3, None), None);
    let least = json!({"minAvailable": 3, "selector": {"matchLabels": {"app": "db"}}});
    assert_eq!(budget(&least).forbids(3, None), None);
}
