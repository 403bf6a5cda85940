//! What the chart says of itself to people who look at it before they install: README, icon, and what it needs.
//!
//! `STSGUARD_UPDATE=1 cargo test --test chart package` writes the README's table and the icon.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::tools::{Helm, chart, helm, objects, text};

/// A value in values.yaml: its path, its default where it is no map of further ones, and what the comment above it says.
struct Explained {
    path: String,
    default: Option<String>,
    words: String,
}

/// All values in the order of the file. A comment that is indented further than others shows an example, and is left out.
fn explained(text: &str) -> Vec<Explained> {
    let mut found = Vec::new();
    let (mut words, mut parents) = (Vec::new(), Vec::<&str>::new());
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(comment) = trimmed.strip_prefix('#') {
            if !comment.starts_with("  ") {
                words.push(comment.trim());
            }
            continue;
        }
        let Some((key, default)) = trimmed.split_once(':').filter(|_| !trimmed.starts_with('-')) else {
            words.clear();
            continue;
        };
        parents.truncate((line.len() - trimmed.len()) / 2);
        parents.push(key);
        let default = Some(default.trim()).filter(|default| !default.is_empty()).map(str::to_owned);
        found.push(Explained { path: parents.join("."), default, words: words.join(" ") });
        words.clear();
    }
    found
}

fn table() -> String {
    let values = fs::read_to_string(chart().join("values.yaml")).expect("there are values");
    let cell = |text: &str| text.replace('|', "\\|").replace('<', "\\<");
    let row = |value: &Explained| {
        let default = value.default.as_ref().map(|default| format!("`{default}`")).unwrap_or_default();
        format!("| `{}` | {default} | {} |\n", value.path, cell(&value.words))
    };
    let rows: String = explained(&values).iter().map(row).collect();
    format!("| value | default | what it is |\n|---|---|---|\n{rows}")
}

/// The README and Chart.yaml with what should stand in them.
fn generated() -> [(&'static str, String); 2] {
    let read = |file: &str| fs::read_to_string(chart().join(file)).expect("the file is there");
    let readme = read("README.md");
    let (head, rest) = readme.split_once("<!-- values -->\n").expect("there is a place for the table");
    let (_, tail) = rest.split_once("<!-- /values -->").expect("the place has an end");
    let readme = format!("{head}<!-- values -->\n{}<!-- /values -->{tail}", table());

    let picture = BASE64_STANDARD.encode(read("icon.svg"));
    let icon = |line: &str| {
        if line.starts_with("icon: ") { format!("icon: data:image/svg+xml;base64,{picture}") } else { line.to_owned() }
    };
    let metadata = read("Chart.yaml").lines().map(|line| icon(line) + "\n").collect();
    [("README.md", readme), ("Chart.yaml", metadata)]
}

#[test]
fn the_readme_lists_every_value_and_the_icon_is_the_picture() {
    for (file, expected) in generated() {
        let path = chart().join(file);
        if std::env::var_os("STSGUARD_UPDATE").is_some() {
            fs::write(&path, expected).expect("it can be written");
        } else {
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == expected,
                "{file} is not current: STSGUARD_UPDATE=1 cargo test --test chart package writes it"
            );
        }
    }
}

#[test]
fn helm_shows_the_readme_and_what_the_chart_needs() {
    let folder = chart().display().to_string();
    for version in [Helm::Three, Helm::Four] {
        let readme = text(&helm(version, &["show", "readme", &folder]));
        assert!(readme.contains("| `webhook.failurePolicy` | `Ignore` |"), "{version:?}: {readme}");
        let metadata = objects(&text(&helm(version, &["show", "chart", &folder]))).remove(0);
        assert_eq!(metadata["kubeVersion"], ">=1.30.0-0");
        assert_eq!(metadata["annotations"]["artifacthub.io/license"], env!("CARGO_PKG_LICENSE"));
        assert_eq!((&metadata["version"], &metadata["appVersion"]), (&metadata["appVersion"], &metadata["version"]));
        assert!(metadata["icon"].as_str().is_some_and(|icon| icon.len() > 100), "{metadata}");
        let lint = helm(version, &["lint", "--strict", &folder]);
        let said = String::from_utf8_lossy(&lint.stdout).into_owned();
        assert!(lint.status.success() && !said.contains("icon"), "{said}");
    }
}

#[test]
fn a_value_is_read_with_its_path_and_its_comment() {
    let text = "# About a.\na:\n  # What b is,\n  # in words.\n  b: 1\n  #  - example\n  c: {d: e}\nf:\n";
    let found: Vec<_> = explained(text).into_iter().map(|value| (value.path, value.default, value.words)).collect();
    let value = |path: &str, default: Option<&str>, words: &str| {
        (path.to_owned(), default.map(str::to_owned), words.to_owned())
    };
    let expected = [
        value("a", None, "About a."),
        value("a.b", Some("1"), "What b is, in words."),
        value("a.c", Some("{d: e}"), ""),
        value("f", None, ""),
    ];
    assert_eq!(found, expected);
}
