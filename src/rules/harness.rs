//! Tries one rule on a small object: what the rules' own tests are written with. What a test knows of the cluster is an
//! [`InMemory`].

use serde_json::Value;

use crate::evaluation::{Change, Subject, evaluate};
use crate::facts::{Answers, InMemory};
use crate::kubernetes::{DeleteOptions, Service, StatefulSet};
use crate::rule::{Context, Finding, Occasion, Policy, Profile, Specs};
use crate::rules;

/// The namespace of all objects.
pub const NAMESPACE: &str = "shop";

/// Reads an object from JSON.
pub fn read<T: serde::de::DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).expect("a test's object is well formed")
}

/// The findings of one rule on a subject under the recommended profile.
pub fn findings(code: &str, subject: &Subject<'_>, occasion: Occasion, facts: &InMemory) -> Vec<Finding> {
    findings_under(&rules::policy(Profile::Recommended), code, subject, occasion, facts)
}

/// The same under any policy.
pub fn findings_under(
    policy: &Policy,
    code: &str,
    subject: &Subject<'_>,
    occasion: Occasion,
    facts: &InMemory,
) -> Vec<Finding> {
    let answers = Answers::new();
    let report = evaluate(subject, Context::new(policy, occasion, NAMESPACE, facts, &answers));
    report.findings.into_iter().filter(|finding| finding.rule.code == code).collect()
}

/// The messages of one rule on a new set, with no facts.
pub fn create(code: &str, set: &Value) -> Vec<String> {
    create_with(code, set, &InMemory::default())
}

/// The messages of one rule on a new set.
pub fn create_with(code: &str, set: &Value, facts: &InMemory) -> Vec<String> {
    messages(created(code, set, facts))
}

/// The findings of one rule on a new set.
pub fn created(code: &str, set: &Value, facts: &InMemory) -> Vec<Finding> {
    let set: StatefulSet = read(set);
    findings(code, &Subject::StatefulSet(&set, Change::State), Occasion::Create, facts)
}

/// The findings of one rule on an update of a set.
pub fn update(code: &str, old: &Value, new: &Value) -> Vec<Finding> {
    let (old, new): (StatefulSet, StatefulSet) = (read(old), read(new));
    let change = Change::Update { old: &old, specs: Specs::Differ };
    findings(code, &Subject::StatefulSet(&new, change), Occasion::Update, &InMemory::default())
}

/// The messages of one rule on the deletion of a set.
pub fn delete(code: &str, set: &Value, options: &Value) -> Vec<String> {
    let (set, options): (StatefulSet, DeleteOptions) = (read(set), read(options));
    let subject = Subject::StatefulSet(&set, Change::Delete(&options));
    messages(findings(code, &subject, Occasion::Delete, &InMemory::default()))
}

/// The findings of one rule on a Service: created when there is no old one.
pub fn service_findings(code: &str, old: Option<&Value>, new: &Value, facts: &InMemory) -> Vec<Finding> {
    let new: Service = read(new);
    match old {
        Some(old) => {
            let old: Service = read(old);
            let change = Change::Update { old: &old, specs: Specs::Differ };
            findings(code, &Subject::Service(&new, change), Occasion::Update, facts)
        }
        None => findings(code, &Subject::Service(&new, Change::State), Occasion::Create, facts),
    }
}

fn messages(findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| finding.message).collect()
}
