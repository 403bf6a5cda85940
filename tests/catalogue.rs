//! The catalogue tests itself: its order, its names, its documentation and the pages made from it.
//!
//! `STSGUARD_UPDATE=1 cargo test --test catalogue` writes the generated pages.

mod catalogue {
    pub mod probes;
}

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use stsguard::exemption::EXEMPTION_PREFIX;
use stsguard::facts;
use stsguard::policy::schema;
use stsguard::rule::{Front, Hook, Info};
use stsguard::rules::RULES;

const SECTIONS: [&str; 7] =
    ["What it does", "Why it matters", "Example", "Use instead", "Fix", "Exemptions", "References"];

fn infos() -> impl Iterator<Item = &'static Info> {
    RULES.iter().map(|rule| rule.info())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn codes_are_in_order_and_names_are_unique() {
    assert!(infos().map(|info| info.code).is_sorted_by(|a, b| a < b));
    assert_eq!(infos().map(|info| info.name).collect::<BTreeSet<_>>().len(), RULES.len());
    for Info { code, name, .. } in infos() {
        let digits = code.strip_prefix("STS").unwrap_or_default();
        assert!(digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name} is not in kebab case");
        assert!(!name.starts_with("no-"), "{name} does not read well after \"allow\"");
        let annotation = format!("{EXEMPTION_PREFIX}{name}");
        assert!(annotation.split('/').nth(1).is_some_and(|key| key.len() <= 63), "{annotation} is too long");
    }
}

#[test]
fn documentation_has_a_summary_and_every_section_in_order() {
    for info in infos() {
        assert!(info.summary().ends_with('.'), "{}: the summary is no sentence", info.code);
        let sections: Vec<_> = info.docs.lines().filter_map(|line| line.trim().strip_prefix("## ")).collect();
        assert_eq!(sections, SECTIONS, "{}", info.code);
        assert!(
            info.docs.contains(&info.exemption()) || info.code == "STS001",
            "{}: how to exempt is missing",
            info.code
        );
    }
}

#[test]
fn stricter_profiles_are_never_milder() {
    for info in infos() {
        let actions = info.defaults.map(|setting| setting.action);
        assert!(actions.is_sorted(), "{}: {actions:?}", info.code);
    }
}

fn printed(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stsguard"));
    let output = command.arg("rules").args(arguments).args(["--format", "markdown"]).output().expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The generated files with what they should hold.
fn generated() -> Vec<(PathBuf, String)> {
    let folder = root().join("docs/rules");
    let mut files: Vec<_> =
        infos().map(|info| (folder.join(format!("{}.md", info.name)), printed(&[info.code]))).collect();
    let linked = infos().fold(printed(&[]), |table, info| {
        table.replace(&format!("| {} |", info.name), &format!("| [{0}]({0}.md) |", info.name))
    });
    let head = "# Rules\n\nGenerated from the rules' own documentation; `+` marks what is fixed on CREATE.\n\
                `check` and admission: of what a rule speaks in files and in a cluster.\n\n";
    files.push((folder.join("README.md"), format!("{head}{linked}")));

    files.push((root().join("docs/probes.md"), catalogue::probes::page()));
    files.push(between("README.md", "<!-- rules -->\n", "<!-- /rules -->", &printed(&[])));
    let standing_alone = schema(RULES, "#");
    let mut titled = json!({"$schema": "http://json-schema.org/draft-07/schema#", "title": "The policy of stsguard"});
    titled.as_object_mut().expect("an object").extend(standing_alone.as_object().expect("another").clone());
    files.push((root().join("docs/policy.schema.json"), format!("{}\n", laid_out(&titled, 0))));
    let embedded = laid_out(&schema(RULES, "#/properties/policy"), 4);
    let values = "charts/stsguard/values.schema.json";
    files.push(between(values, "    \"policy\": ", ",\n    \"webhook\": {", &embedded));
    files.push(between("charts/stsguard/templates/rbac.yaml", "  # <kinds>\n", "  # </kinds>", &rights()));
    files
}

/// A file with what should stand between two marks in it.
fn between(file: &str, from: &str, to: &str, expected: &str) -> (PathBuf, String) {
    let path = root().join(file);
    let text = fs::read_to_string(&path).expect("the file is there");
    let (before, rest) = text.split_once(from).expect("the file has a place for what is generated");
    let (_, after) = rest.split_once(to).expect("the place has an end");
    (path, format!("{before}{from}{expected}{to}{after}"))
}

/// JSON as people write it: what fits into a line stands in one.
fn laid_out(value: &Value, indent: usize) -> String {
    let flat = flat(value);
    if flat.len() + indent <= 120 || !(value.is_object() || value.is_array()) {
        return flat;
    }
    let deeper = " ".repeat(indent + 2);
    let lines: Vec<_> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| format!("{deeper}{}: {}", json!(key), laid_out(value, indent + 2))).collect()
        }
        other => {
            let items = other.as_array().into_iter().flatten();
            items.map(|value| format!("{deeper}{}", laid_out(value, indent + 2))).collect()
        }
    };
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    format!("{open}\n{}\n{}{close}", lines.join(",\n"), " ".repeat(indent))
}

fn flat(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields: Vec<_> = map.iter().map(|(key, value)| format!("{}: {}", json!(key), flat(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The chart's rights to read what the table of kinds asks of a cluster.
fn rights() -> String {
    let rule = |((group, plural), verbs): ((&str, &str), BTreeSet<&str>)| {
        let group = if group.is_empty() { "\"\"" } else { group };
        let verbs = verbs.into_iter().collect::<Vec<_>>().join(", ");
        format!("  - apiGroups: [{group}]\n    resources: [{plural}]\n    verbs: [{verbs}]\n")
    };
    facts::rights().into_iter().map(rule).collect()
}

#[test]
fn generated_pages_are_current() {
    let update = std::env::var_os("STSGUARD_UPDATE").is_some();
    for (file, expected) in generated() {
        if update {
            fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("a folder can be made");
            fs::write(&file, expected).expect("it can be written");
        } else {
            let found = fs::read_to_string(&file).unwrap_or_default();
            assert!(found == expected, "{} is not current: STSGUARD_UPDATE=1 writes it", file.display());
        }
    }
}

#[test]
fn every_rule_is_run_by_a_front_and_owns_its_parameters() {
    for info in infos() {
        assert!(info.hooks.is_sorted(), "{}: hooks are in the order of Hook", info.code);
        let run = |front| info.hooks.iter().any(|hook: &Hook| hook.is_run_by(front));
        assert!(run(Front::Admission) || run(Front::Check), "{}: nobody runs it", info.code);
        for hook in info.hooks.iter().filter(|hook| hook.is_run_by(Front::Admission)) {
            assert!(!hook.reviewed().is_empty(), "{}: no review runs {hook:?}", info.code);
        }
        let parameters = fs::read_to_string(root().join("docs/policy.md")).expect("there is a page");
        for parameter in info.parameters {
            assert_eq!(parameter.code, info.code, "{}", parameter.name);
            let row = format!("| {} ({}) | `{}` |", info.name, info.code, parameter.name);
            assert!(parameters.contains(&row), "docs/policy.md lacks the row: {row}");
        }
    }
}
