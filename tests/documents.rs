//! What the documentation promises, tests show: every test that it names exists.

use std::fs;
use std::path::{Path, PathBuf};

const PAGES: [&str; 1] = ["docs/threat-model.md"];

fn sources(folder: &Path, text: &mut String) {
    for path in fs::read_dir(folder).expect("a folder can be read").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("a file can be read"));
        }
    }
}

#[test]
fn every_test_that_a_page_names_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("src"), &mut text);
    sources(&root.join("tests"), &mut text);
    for page in PAGES {
        let page_text = fs::read_to_string(root.join(page)).expect("the page is there");
        let rows = page_text.lines().filter(|line| line.starts_with("| ")).skip(1);
        let mut seen = 0;
        for row in rows {
            let last = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
            for name in last.split('`').skip(1).step_by(2).filter(|name| !name.starts_with("make ")) {
                assert!(text.contains(&format!("fn {name}(")), "{page} names a test that is not there: {name}");
                seen += 1;
            }
        }
        assert!(seen > 5, "{page} names only {seen} tests");
    }
}
