//! The catalogue tests itself: its order, its names, its documentation and the pages made from it.
//!
//! `STSGUARD_UPDATE=1 cargo test --test catalogue` writes the generated pages.

mod catalogue {
    pub mod complaint;
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

use catalogue::complaint::{self, Files};

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

/// The files that tell of rules.
fn files() -> Files {
    let mut found = Files::new();
    let mut folders = vec![root().join("src/rules")];
    let mut paths: Vec<_> = ["src/rules.rs", "CHANGELOG.md", "docs/policy.md"].map(|path| root().join(path)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    for path in paths {
        let text = fs::read_to_string(&path).expect("it can be read");
        found.insert(relative(&path), text);
    }
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("it lies below").to_string_lossy().into_owned()
}

fn assert_complete(complaints: &[String]) {
    assert!(complaints.is_empty(), "something is still to be done:\n{}", complaints.join("\n"));
}

#[test]
fn every_rule_is_in_the_table_and_told_of() {
    let files = files();
    let mut complaints = complaint::unlisted(&files);
    complaints.extend(infos().flat_map(|info| complaint::untold(info, &files)));
    assert_complete(&complaints);
}

/// docs/architecture.md shows how to add a rule in ten lines: what fails without them is named in them.
#[test]
fn ten_lines_say_how_to_add_a_rule() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).expect("there is a page");
    let (_, section) = page.split_once("\n## Adding a rule\n").expect("it has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let steps: Vec<_> = section.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(steps.len(), 10, "{section}");
    for place in [
        "src/rules/<family>/<name>.rs",
        "src/rules/<family>.rs",
        "`mod <name>;`",
        "`pub use <name>::<Name>;`",
        "src/rules.rs",
        "`&<family>::<Name>,`",
        "tests/fixtures/<name>/",
        "`fail-",
        "`pass-",
        "CHANGELOG.md",
        "`STSGUARD_UPDATE=1 cargo test --test catalogue`",
    ] {
        assert!(steps.iter().any(|step| step.contains(place)), "no line names {place}");
    }
    let model = root().join("src/rules/lifecycle/zero_grace_period.rs");
    assert!(model.exists() && section.contains(&relative(&model)), "the rule to copy is not there");
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
    if std::env::var_os("STSGUARD_UPDATE").is_some() {
        for (file, expected) in generated() {
            fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("a folder can be made");
            fs::write(&file, expected).expect("it can be written");
        }
        return;
    }
    let complaints = generated().into_iter().filter_map(|(file, expected)| {
        let found = fs::read_to_string(&file).ok();
        complaint::stale(&relative(&file), found.as_deref(), &expected)
    });
    assert_complete(&complaints.collect::<Vec<_>>());
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
        assert!(info.parameters.iter().all(|parameter| parameter.code == info.code), "{}", info.code);
    }
}
