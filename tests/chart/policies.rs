//! The policy's schema takes what the policy's reader takes, and nothing else.
//!
//! Both judge the table in policies.yaml. Helm is what evaluates the schema, over a list, which it leaves as it is written.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use stsguard::policy::{parse, schema};
use stsguard::rules::RULES;

use super::tools::{Helm, helm, root, template};

/// The policies of the table: whether each is good, and its text.
fn table() -> Vec<(bool, String)> {
    let text = fs::read_to_string(root().join("tests/chart/policies.yaml")).expect("the table is there");
    let mut good = None;
    let mut found = Vec::new();
    for line in text.lines() {
        match line {
            "good:" => good = Some(true),
            "wrong:" => good = Some(false),
            _ => {
                let Some(policy) = line.strip_prefix("- ") else { continue };
                found.push((good.expect("a heading comes first"), policy.to_owned()));
            }
        }
    }
    found
}

/// The places in a list at which a helm finds policies that the schema refuses.
fn refused_by_schema(version: Helm, policies: &[String]) -> BTreeSet<usize> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file can be written");
    let items = schema(RULES, "#/properties/policies/items");
    let list = json!({"type": "object", "properties": {"policies": {"type": "array", "items": items}}});
    write("Chart.yaml", "{apiVersion: v2, name: policies, version: 0.1.0}");
    write("values.schema.json", &list.to_string());
    write("policies.yaml", &format!("policies:\n- {}\n", policies.join("\n- ")));
    fs::create_dir(folder.path().join("templates")).expect("a folder can be made");
    let (chart, values) = (folder.path().display().to_string(), folder.path().join("policies.yaml"));
    let output = helm(version, &["template", "policies", &chart, "-f", &values.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let at = |rest: &str| rest.split(['/', '\'']).next().and_then(|digits| digits.parse().ok());
    let refused: BTreeSet<_> = said.split("/policies/").skip(1).filter_map(at).collect();
    assert_eq!(output.status.success(), refused.is_empty(), "{said}");
    refused
}

#[test]
fn the_reader_and_the_schema_agree_on_every_policy() {
    let table = table();
    assert!(table.len() >= 100, "only {} policies", table.len());
    let wrong: BTreeSet<_> = table.iter().enumerate().filter(|(_, (good, _))| !good).map(|(at, _)| at).collect();
    let texts: Vec<_> = table.iter().map(|(_, text)| text.clone()).collect();
    let at = |places: &BTreeSet<usize>| places.iter().map(|at| texts[*at].clone()).collect::<Vec<_>>();
    let reader = |text: &String| parse(text, RULES).is_err();
    let read: BTreeSet<_> = texts.iter().enumerate().filter(|(_, text)| reader(text)).map(|(at, _)| at).collect();
    let differs = |found: &BTreeSet<usize>| at(&(found ^ &wrong));
    assert!(differs(&read).is_empty(), "the reader and the table differ: {:?}", differs(&read));
    for version in [Helm::Three, Helm::Four] {
        let schema = refused_by_schema(version, &texts);
        assert!(differs(&schema).is_empty(), "{version:?}: the schema and the table differ: {:?}", differs(&schema));
    }
}

#[test]
fn every_rule_is_taken_by_name_and_by_code_and_with_each_word_of_its_parameters() {
    let mut policies = Vec::new();
    for info in RULES.iter().map(|rule| rule.info()) {
        for name in [info.name.to_owned(), info.code.to_owned(), info.code.to_lowercase()] {
            policies.push(format!("{{rules: {{{name}: {{action: warn, fix: false}}}}}}"));
        }
        policies.push(format!("{{rules: {{{}: {{fix: true}}}}}}", info.name));
        policies.push(format!("{{rules: {{{}: {{parameters: {{}}}}}}}}", info.name));
        policies.push(format!("{{rules: {{{}: warn, {}: warn}}}}", info.name, info.code));
    }
    let reader = |text: &String| parse(text, RULES).is_err();
    let read: BTreeSet<_> = policies.iter().enumerate().filter(|(_, text)| reader(text)).map(|(at, _)| at).collect();
    assert!(read.len() > RULES.len() && read.len() < policies.len() / 2, "{read:?}");
    assert_eq!(refused_by_schema(Helm::Four, &policies), read);
}

#[test]
fn the_chart_refuses_what_the_program_would_and_says_where() {
    for (wrong, said) in [
        ("policy.rules.nope=deny", "'nope' not allowed"),
        ("policy.rules.STS999=deny", "'STS999' not allowed"),
        ("policy.rules.zero-grace-period.action=denny", "/policy/rules/zero-grace-period/action"),
        ("policy.rules.zero-grace-period.acton=deny", "'acton' not allowed"),
        ("policy.rules.sts301.parameters.defaultGraceSeconds=0", "defaultGraceSeconds"),
        ("policy.rules.STS101.fix=true", "/policy/rules/STS101/fix"),
        ("policy.rules.STS301=warn,policy.rules.short-grace-period=off", "/policy/rules"),
    ] {
        for version in [Helm::Three, Helm::Four] {
            let output = template(version, &["--set", wrong]);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && stderr.contains(said), "{version:?} {wrong}: {stderr}");
        }
    }
    let text = fs::read_to_string(root().join("charts/stsguard/values.schema.json")).expect("there is a schema");
    let embedded: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(embedded["properties"]["policy"], schema(RULES, "#/properties/policy"));
}
