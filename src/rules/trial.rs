//! Tries one rule on a small object: what the rules' own tests are written with.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::evaluation::{
    Answer, Answers, Context, Facts, Finding, NoFacts, Occasion, Question, Source, Specs, Subject, evaluate,
};
use crate::kubernetes::{Service, StatefulSet};
use crate::policy::{Policy, Profile};
use crate::rules::DeleteOptions;

/// Facts that a test lists.
#[derive(Default)]
pub struct Known(pub BTreeMap<Question, Answer>);

impl Facts for Known {
    fn answer(&self, question: &Question) -> Option<(Answer, Source)> {
        self.0.get(question).cloned().map(|answer| (answer, Source::Final))
    }
}

/// The question for a Service in the namespace of all trials.
pub fn service(name: &str) -> Question {
    Question::Service { namespace: "shop".into(), name: name.into() }
}

/// Reads an object from JSON.
pub fn read<T: serde::de::DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).expect("a test's object is well formed")
}

/// The findings of one rule on a subject under the recommended profile.
pub fn findings(code: &str, subject: &Subject<'_>, occasion: Occasion, facts: &dyn Facts) -> Vec<Finding> {
    findings_under(&Policy::new(Profile::Recommended), code, subject, occasion, facts)
}

/// The same under any policy.
pub fn findings_under(
    policy: &Policy,
    code: &str,
    subject: &Subject<'_>,
    occasion: Occasion,
    facts: &dyn Facts,
) -> Vec<Finding> {
    let answers = Answers::new();
    let report = evaluate(subject, Context::new(policy, occasion, "shop", facts, &answers));
    report.findings.into_iter().filter(|finding| finding.rule.code == code).collect()
}

/// The messages of one rule on a new set, with no facts.
pub fn create(code: &str, set: &Value) -> Vec<String> {
    create_with(code, set, &NoFacts)
}

/// The messages of one rule on a new set.
pub fn create_with(code: &str, set: &Value, facts: &dyn Facts) -> Vec<String> {
    let set: StatefulSet = read(set);
    messages(findings(code, &Subject::StatefulSet(&set), Occasion::Create, facts))
}

/// The findings of one rule on an update of a set.
pub fn update(code: &str, old: &Value, new: &Value) -> Vec<Finding> {
    let (old, new): (StatefulSet, StatefulSet) = (read(old), read(new));
    findings(
        code,
        &Subject::StatefulSetUpdate { old: &old, new: &new, specs: Specs::Differ },
        Occasion::Update,
        &NoFacts,
    )
}

/// The messages of one rule on the deletion of a set.
pub fn delete(code: &str, set: &Value, options: &Value) -> Vec<String> {
    let (set, options): (StatefulSet, DeleteOptions) = (read(set), read(options));
    messages(findings(code, &Subject::StatefulSetDelete { set: &set, options: &options }, Occasion::Delete, &NoFacts))
}

/// The findings of one rule on a Service: created when there is no old one.
pub fn service_findings(code: &str, old: Option<&Value>, new: &Value, facts: &dyn Facts) -> Vec<Finding> {
    let new: Service = read(new);
    match old {
        Some(old) => {
            let old: Service = read(old);
            findings(code, &Subject::ServiceUpdate { old: &old, new: &new }, Occasion::Update, facts)
        }
        None => findings(code, &Subject::Service(&new), Occasion::Create, facts),
    }
}

fn messages(findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| finding.message).collect()
}
