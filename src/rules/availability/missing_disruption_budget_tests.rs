use super::*;
use crate::evaluation::{Change, Subject};
use crate::facts::InMemory;
use crate::rule::{Finding, Occasion, Policy, Profile, Specs};
use crate::rules::{self, harness};

fn set(replicas: i32) -> Value {
    let labels = json!({"app": "db", "tier": "data"});
    json!({"metadata": {"name": "db"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "db"}}, "template": {"metadata": {"labels": labels}},
    }})
}

/// A namespace with budgets of these specs.
fn knowing(budgets: &[Value]) -> InMemory {
    let mut facts = InMemory::default().knowing::<BudgetFacts>();
    for (number, spec) in budgets.iter().enumerate() {
        let metadata = json!({"name": format!("budget-{number}")});
        let manifest = json!({"kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec});
        facts.put_manifest(harness::NAMESPACE, &manifest).expect("a budget");
    }
    facts
}

fn under(policy: &Policy, set: &Value, occasion: Occasion, budgets: &[Value]) -> Vec<Finding> {
    let set: StatefulSet = harness::read(set);
    let subject = Subject::StatefulSet(&set, Change::State);
    harness::findings_under(policy, "STS501", &subject, occasion, &knowing(budgets))
}

fn created(replicas: i32, budgets: &[Value]) -> Vec<Finding> {
    under(&rules::policy(Profile::Recommended), &set(replicas), Occasion::Create, budgets)
}

fn selecting(app: &str) -> Value {
    json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": app}}})
}

#[test]
fn misses_a_budget_where_there_are_several_replicas() {
    let found = created(3, &[selecting("web")]);
    assert_eq!((found.len(), found[0].action), (1, Action::Audit));
    assert!(found[0].message.contains("these 3 replicas") && found[0].help.contains(r#"matchLabels: {"app":"db"}"#));
    assert!(created(1, &[]).is_empty() && created(0, &[]).is_empty());
    let strict = rules::policy(Profile::Strict);
    assert_eq!(under(&strict, &set(2), Occasion::Create, &[])[0].action, Action::Warn);
    assert!(under(&rules::policy(Profile::Baseline), &set(2), Occasion::Create, &[]).is_empty());
}

#[test]
fn says_in_files_that_it_looked_among_the_files() {
    let found = under(&rules::policy(Profile::Recommended), &set(2), Occasion::Check, &[]);
    assert!(found[0].message.ends_with("is not among the files checked"));
}

#[test]
fn accepts_a_budget_that_lets_one_go() {
    for budget in [selecting("db"), json!({"minAvailable": 2, "selector": {}})] {
        assert!(created(3, &[budget]).is_empty());
    }
}

#[test]
fn says_nothing_of_absence_where_a_budget_may_select_the_pods() {
    let near = json!({"key": "app", "operator": "Near", "values": ["db"]});
    assert!(created(3, &[json!({"maxUnavailable": 0, "selector": {"matchExpressions": [near]}})]).is_empty());
    let of_one = json!({"statefulset.kubernetes.io/pod-name": "db-0"});
    assert!(created(3, &[json!({"maxUnavailable": 0, "selector": {"matchLabels": of_one}})]).is_empty());
    assert_eq!(created(3, &[json!({"maxUnavailable": 0, "selector": null})])[0].action, Action::Audit);
}

#[test]
fn says_nothing_where_labels_or_budgets_are_not_known() {
    assert!(harness::create("STS501", &set(3)).is_empty());
    let unlabelled = json!({"spec": {"replicas": 3}});
    assert!(under(&rules::policy(Profile::Strict), &unlabelled, Occasion::Create, &[]).is_empty());
}

#[test]
fn warns_of_a_budget_that_never_lets_a_pod_go() {
    let all = |app: &str| json!({"minAvailable": 1, "selector": {"matchLabels": {"app": app}}});
    for (replicas, budget) in [(1, all("db")), (3, json!({"maxUnavailable": "0%", "selector": {}}))] {
        let found = created(replicas, &[selecting("db"), budget, all("web")]);
        assert_eq!((found.len(), found[0].action), (1, Action::Warn), "{found:?}");
        assert!(found[0].message.contains("\"budget-1\""), "{found:?}");
    }
    assert!(created(0, &[all("db")]).is_empty() && created(2, &[all("db")]).is_empty());
}

#[test]
fn warns_no_louder_than_the_policy_allows() {
    let mut policy = rules::policy(Profile::Recommended);
    policy.enforcement = Action::Audit;
    let never = json!({"maxUnavailable": 0, "selector": {}});
    assert_eq!(under(&policy, &set(3), Occasion::Create, std::slice::from_ref(&never))[0].action, Action::Audit);
    let policy = crate::policy::parse("rules: {STS501: audit}", rules::RULES).expect("it is a policy");
    assert_eq!(under(&policy, &set(3), Occasion::Create, &[never])[0].action, Action::Audit);
}

#[test]
fn scaling_down_to_what_a_budget_keeps_is_new() {
    let (old, new): (StatefulSet, StatefulSet) = (harness::read(&set(3)), harness::read(&set(1)));
    let subject = Subject::StatefulSet(&new, Change::Update { old: &old, specs: Specs::Differ });
    let facts = knowing(&[json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}})]);
    let found = harness::findings("STS501", &subject, Occasion::Update, &facts);
    assert_eq!((found.len(), found[0].action, found[0].pre_existing), (1, Action::Warn, false));
}
