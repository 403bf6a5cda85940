//! What the documentation promises, tests show: every test that it names exists.

use std::fs;
use std::path::{Path, PathBuf};

/// Pages with tables of promises, and the column, from 0, that names tests.
const PAGES: [(&str, usize); 2] = [("docs/threat-model.md", 2), ("docs/reliability.md", 1)];

fn sources(folder: &Path, text: &mut String) {
    for path in fs::read_dir(folder).expect("a folder can be read").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("a file can be read"));
        }
    }
}

/// The file of this repository as text.
fn text_of(path: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is there")
}

/// The cells of a table's row; none of a line that is no row.
fn cells(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")).unwrap_or_default();
    inner.split(" | ").collect()
}

#[test]
fn every_test_that_a_page_names_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("src"), &mut text);
    sources(&root.join("tests"), &mut text);
    for (page, column) in PAGES {
        let page_text = text_of(page);
        assert!(!page_text.contains("@@"), "{page} has a place that is still to be filled");
        let named = page_text.lines().filter_map(|line| cells(line).get(column).copied());
        let mut seen = 0;
        for name in named.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
            let Some(name) = name.rsplit("::").next().filter(|name| !name.starts_with("make ") && *name != "*") else {
                continue;
            };
            assert!(text.contains(&format!("fn {name}(")), "{page} names a test that is not there: {name}");
            seen += 1;
        }
        assert!(seen > 20, "{page} names only {seen} tests");
    }
}

/// The one that tests run on unless told otherwise, and the oldest that the chart lets in.
#[test]
fn the_versions_that_are_claimed_and_tested_are_in_the_table() {
    let page = text_of("docs/compatibility.md");
    let rows: Vec<_> = page.lines().map(cells).filter(|cells| cells[0].starts_with("v1.")).collect();
    let tested = |version: &str| rows.iter().any(|cells| cells[0].starts_with(version));

    let pins = text_of("tests/cluster/control-plane/go.mod");
    let pinned = pins.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes ")).expect("it is pinned");
    assert!(
        tested(pinned),
        "docs/compatibility.md says nothing of {pinned}: make e2e, then write down what came of it"
    );

    let chart = text_of("charts/stsguard/Chart.yaml");
    let oldest = chart.split("kubeVersion: \">=1.").nth(1).and_then(|rest| rest.split('.').next()).expect("an oldest");
    assert!(tested(&format!("v1.{oldest}.")), "docs/compatibility.md says nothing of 1.{oldest}");
    let claim = format!("Kubernetes 1.{oldest} or later");
    for page in ["docs/install.md", "docs/compatibility.md", "charts/stsguard/README.md"] {
        assert!(text_of(page).contains(&claim), "{page} does not say {claim:?}");
    }
}
