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
        let page_text = fs::read_to_string(root.join(page)).expect("the page is there");
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
