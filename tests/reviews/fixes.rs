//! What a fix leaves behind: a patch that applies, an object that the rule accepts, and nothing to do a second time.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use stsguard::admission::{Endpoint, Verdict};
use stsguard::evaluation::{Change, Subject, evaluate};
use stsguard::facts::{Answers, InMemory};
use stsguard::kubernetes::StatefulSet;
use stsguard::rule::Profile;
use stsguard::rule::{Applicability, Context, Finding, Occasion, Operation};
use stsguard::rules;

use super::request::{NAMESPACE, below, documents, known, read, review, root, stored, verdict, with_claims};

/// The rules whose fix the webhook makes.
const FIXED: [&str; 3] = ["STS201", "STS301", "STS303"];

/// Every fixture that is about a new StatefulSet: the file, the set, the facts.
fn sets() -> Vec<(PathBuf, Value, Vec<Value>)> {
    let folders = below(&root()).into_iter().filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| below(&folder));
    let sets = files.filter_map(|file| {
        let documents = documents(&file);
        let set = documents.iter().find(|document| document["kind"] == "StatefulSet")?.clone();
        Some((file, set, documents))
    });
    sets.collect()
}

fn patched(object: &Value, operations: &[Operation]) -> Value {
    let patch: json_patch::Patch = serde_json::from_value(json!(operations)).expect("it is a JSON Patch");
    let mut patched = object.clone();
    json_patch::patch(&mut patched, &patch).unwrap_or_else(|error| panic!("{error}: {patch} on {object}"));
    patched
}

fn created(endpoint: Endpoint, set: &Value, facts: &InMemory) -> Verdict {
    verdict(&review("CREATE", set, &Value::Null, &Value::Null), endpoint, facts)
}

#[test]
fn the_webhook_fixes_a_new_set_once_and_for_all() {
    let mut fixed = BTreeSet::new();
    for (file, set, documents) in sets() {
        let facts = with_claims(known(&documents), &[]);
        let set = stored(&set);
        let first = created(Endpoint::Mutate, &set, &facts);
        let after = patched(&set, &first.operations);
        let second = created(Endpoint::Mutate, &after, &facts);
        assert!(second.operations.is_empty(), "{}: {:?}", file.display(), second.operations);
        for finding in created(Endpoint::Validate, &after, &facts).findings {
            let code = finding.rule.code;
            assert!(!first.fixed.contains(&code), "{}: {code} is left: {}", file.display(), finding.message);
        }
        if !first.fixed.is_empty() {
            let folder = file.parent().and_then(|folder| folder.file_name()).expect("a folder").to_string_lossy();
            let case = file.file_stem().expect("a name").to_string_lossy();
            insta::assert_json_snapshot!(format!("fixed__{folder}__{case}"), first.operations);
        }
        fixed.extend(first.fixed);
    }
    assert_eq!(fixed, BTreeSet::from(FIXED));
}

#[test]
fn the_webhook_moves_no_data_directory_where_claims_exist_or_may_exist() {
    let mut seen = 0;
    for (file, set, documents) in sets() {
        let facts = with_claims(known(&documents), &["data-db-0"]);
        for facts in [&known(&documents), &facts] {
            let verdict = created(Endpoint::Mutate, &stored(&set), facts);
            assert!(!verdict.fixed.contains(&"STS201"), "{}: {:?}", file.display(), verdict.operations);
        }
        let findings = created(Endpoint::Validate, &stored(&set), &facts).findings;
        for finding in findings.iter().filter(|finding| finding.rule.code == "STS201") {
            assert!(finding.message.contains("data-db-0"), "{}: {}", file.display(), finding.message);
            seen += 1;
        }
    }
    assert!(seen > 0, "no fixture keeps its data in the root of a volume");
}

#[test]
fn fixes_in_files_end_their_findings_and_change_nothing_twice() {
    let mut fixed = BTreeSet::new();
    for (file, set, documents) in sets() {
        let facts = known(&documents);
        let findings = |set: &Value| -> Vec<Finding> {
            let (policy, answers, set) =
                (rules::policy(Profile::Recommended), Answers::new(), read::<StatefulSet>(set));
            let context = Context::new(&policy, Occasion::Check, NAMESPACE, &facts, &answers);
            evaluate(&Subject::StatefulSet(&set, Change::State), context).findings
        };
        let appliable = |finding: &Finding| {
            finding.fix.as_ref().is_some_and(|fix| {
                assert!(
                    fix.operations.is_empty() == (fix.applicability == Applicability::DisplayOnly),
                    "{}",
                    fix.title
                );
                !fix.operations.is_empty()
            })
        };
        let mut after = set.clone();
        let mut codes = BTreeSet::new();
        for finding in findings(&set).iter().filter(|finding| appliable(finding)) {
            after = patched(&after, &finding.fix.as_ref().expect("it has one").operations);
            codes.insert(finding.rule.code);
        }
        for finding in findings(&after) {
            let code = finding.rule.code;
            assert!(!codes.contains(code) && !appliable(&finding), "{}: {code} is left", file.display());
        }
        fixed.extend(codes);
    }
    assert_eq!(fixed, BTreeSet::from(FIXED));
}
