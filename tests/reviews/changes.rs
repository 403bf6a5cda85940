//! The rules that look at changes, deletions and Services, each on fixtures that no single file could be.

use std::path::Path;

use serde_json::{Value, json};
use stsguard::admission::{Endpoint, Verdict};
use stsguard::evaluation::{Change, Report, Subject, evaluate};
use stsguard::facts::{Answers, ClaimFacts, InMemory, PodFacts};
use stsguard::kubernetes::DeleteOptions;
use stsguard::rule::{Action, Profile};
use stsguard::rule::{Context, Finding, Front, Info, Occasion, Specs};
use stsguard::rules::{self, RULES};

use super::request::{NAMESPACE, below, documents, known, read, review, root, stored, verdict};

/// One fixture: the first document is what the request is about, the others stand in the cluster already.
struct Fixture {
    operation: &'static str,
    old: Value,
    new: Value,
    options: Value,
    facts: InMemory,
}

impl Fixture {
    fn read(file: &Path) -> Self {
        let documents = documents(file);
        let (subject, others) = documents.split_first().expect("a fixture has a document");
        let options = others.iter().find(|document| document["kind"] == "DeleteOptions");
        let options = options.cloned().unwrap_or(Value::Null);
        let facts = known(others).knowing::<ClaimFacts>().knowing::<PodFacts>();
        let before = file.with_extension("old.yaml");
        if file.to_string_lossy().ends_with(".delete.yaml") {
            let (old, new) = (stored(subject), Value::Null);
            Self { operation: "DELETE", old, new, options, facts }
        } else if before.exists() {
            let old = stored(&self::documents(&before)[0]);
            Self { operation: "UPDATE", old, new: stored(subject), options, facts }
        } else {
            Self { operation: "CREATE", old: Value::Null, new: stored(subject), options, facts }
        }
    }

    fn through_the_webhook(&self) -> Verdict {
        let review = review(self.operation, &self.new, &self.old, &self.options);
        let mutated = verdict(&review, Endpoint::Mutate, &self.facts);
        assert!(mutated.allowed && mutated.operations.is_empty(), "nothing here is fixed: {mutated:?}");
        verdict(&review, Endpoint::Validate, &self.facts)
    }

    /// The texts of both specs; a fixture that is about an exemption needs them.
    fn specs(&self) -> Specs<'_> {
        if self.old["spec"] == self.new["spec"] { Specs::Equal } else { Specs::Differ }
    }

    /// The same without a wire.
    fn evaluated(&self) -> Report {
        let (policy, answers) = (rules::policy(Profile::Recommended), Answers::new());
        let judge = |occasion, subject: &Subject<'_>| {
            evaluate(subject, Context::new(&policy, occasion, NAMESPACE, &self.facts, &answers))
        };
        let kind = if self.new.is_null() { &self.old["kind"] } else { &self.new["kind"] };
        match (self.operation, kind.as_str()) {
            ("CREATE", Some("Service")) => judge(Occasion::Create, &Subject::Service(&read(&self.new), Change::State)),
            ("CREATE", Some("StatefulSet")) => {
                judge(Occasion::Create, &Subject::StatefulSet(&read(&self.new), Change::State))
            }
            ("UPDATE", Some("Service")) => {
                let change = Change::Update { old: &read(&self.old), specs: self.specs() };
                judge(Occasion::Update, &Subject::Service(&read(&self.new), change))
            }
            ("UPDATE", Some("StatefulSet")) => {
                let change = Change::Update { old: &read(&self.old), specs: self.specs() };
                judge(Occasion::Update, &Subject::StatefulSet(&read(&self.new), change))
            }
            ("DELETE", Some("Service")) => {
                let change = Change::Delete(&DeleteOptions::default());
                judge(Occasion::Delete, &Subject::Service(&read(&self.old), change))
            }
            ("DELETE", Some("StatefulSet")) => {
                let options: DeleteOptions =
                    if self.options.is_null() { DeleteOptions::default() } else { read(&self.options) };
                judge(Occasion::Delete, &Subject::StatefulSet(&read(&self.old), Change::Delete(&options)))
            }
            other => panic!("{other:?} is no change"),
        }
    }
}

fn told(finding: &Finding) -> String {
    let Finding { rule, action, pointer, message, help, .. } = finding;
    let fix = json!(finding.fix.as_ref().map(|fix| &fix.operations));
    format!("{} {action} {pointer} | {message} | {help} | {fix}", rule.code)
}

/// Lower case, unless it starts with a name: a kind, a product, a variable, a quoted value.
fn starts_well(message: &str) -> bool {
    let titles = stsguard::engines::engines().map(|engine| engine.title);
    let first_word = message.split(' ').next().unwrap_or_default();
    message.starts_with(|first: char| first.is_lowercase() || first == '"')
        || first_word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        || titles.chain(["Service "]).any(|name| message.starts_with(name))
}

#[test]
fn each_change_is_judged_as_its_name_promises() {
    let mut seen = 0;
    let unseen = |info: &&Info| !info.hooks.iter().any(|hook| hook.is_run_by(Front::Check));
    for info in RULES.iter().map(|rule| rule.info()).filter(unseen) {
        let rule = info.name;
        let files: Vec<_> = below(&root().join(rule))
            .into_iter()
            .filter(|file| !file.to_string_lossy().ends_with(".old.yaml"))
            .collect();
        let name = |file: &Path| file.file_name().expect("a file has a name").to_string_lossy().into_owned();
        for file in files {
            let name = name(&file);
            let change = Fixture::read(&file);
            let findings = change.through_the_webhook().findings;
            let told: Vec<_> = findings.iter().map(told).collect();
            let own = findings.iter().any(|finding| finding.rule.code == info.code);
            assert_eq!(own, name.starts_with("fail-"), "{rule}/{name}: {told:#?}");
            assert_eq!(told, change.evaluated().findings.iter().map(self::told).collect::<Vec<_>>(), "{rule}/{name}");
            for Finding { message, action, .. } in &findings {
                assert!(starts_well(message) && !message.ends_with('.'), "{rule}/{name}: {message}");
                let fits = *action == Action::Deny || message.chars().count() <= 112;
                assert!(fits, "a warning of more than 120 characters is cut: {message}");
            }
            insta::assert_snapshot!(format!("{rule}__{}", name.trim_end_matches(".yaml")), told.join("\n"));
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} changes were judged");
}
