//! The arrows of docs/architecture.md, read off the `use crate::` lines.

use std::fs;
use std::path::{Path, PathBuf};

/// What a module may use, besides itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("kubernetes", &[]),
    ("engines", &["kubernetes"]),
    // Rules speak evaluation's vocabulary: Context, Findings, Fix, Workload.
    ("rules", &["kubernetes", "engines", "policy", "evaluation"]),
    ("policy", &["kubernetes", "rules", "engines", "yaml"]),
    ("yaml", &["kubernetes"]),
    ("evaluation", &["kubernetes", "engines", "policy", "rules"]),
    ("admission", &["kubernetes", "policy", "rules", "evaluation"]),
    ("cluster", &["kubernetes", "evaluation"]),
    ("certificates", &[]),
    ("serve", &["admission", "cluster", "certificates", "evaluation", "policy"]),
    ("check", &["kubernetes", "policy", "rules", "evaluation", "yaml"]),
    ("cli", &["admission", "certificates", "check", "evaluation", "policy", "rules", "serve", "yaml", "kubernetes"]),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let read = found.into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("a file can be read");
        (path.strip_prefix(&root).expect("it lies below").to_owned(), text)
    });
    read.collect()
}

fn module(path: &Path) -> String {
    let first = path.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    first.unwrap_or_default().trim_end_matches(".rs").to_owned()
}

#[test]
fn arrows_point_one_way() {
    let sources = sources();
    assert!(sources.len() > 50, "the sources are found");
    for (path, text) in &sources {
        let module = module(path);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else { continue };
        let is_test = path.to_string_lossy().contains("test");
        for (number, line) in text.lines().enumerate().take_while(|(_, line)| !line.contains("#[cfg(test)]")) {
            let Some((_, used)) = line.split_once("crate::") else { continue };
            let used: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let fine = used.is_empty() || used == module || allowed.contains(&used.as_str()) || is_test;
            assert!(fine, "{}:{}: {module} must not use {used}", path.display(), number + 1);
        }
    }
}

#[test]
fn no_file_has_outgrown_one_thing() {
    let long: Vec<_> = sources().into_iter().filter(|(_, text)| text.lines().count() > 280).collect();
    assert!(long.is_empty(), "{:?}", long.iter().map(|(path, _)| path).collect::<Vec<_>>());
}
