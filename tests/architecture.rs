//! The arrows of docs/architecture.md, read off the code: what it draws is what there is, and nothing points back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

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

/// Every file below `src` with its text, by its path from there.
fn sources() -> BTreeMap<String, String> {
    let folder = root().join("src");
    let mut found = Vec::new();
    files(&folder, &mut found);
    let read = found.into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("a file can be read");
        (path.strip_prefix(&folder).expect("it lies below").to_string_lossy().into_owned(), text)
    });
    read.collect()
}

/// The text without comments and without what only tests compile; and the files that such a part names as modules.
fn compiled(text: &str) -> (String, Vec<String>) {
    let (mut kept, mut tests) = (String::new(), Vec::new());
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        // One item follows, after attributes of its own: to the line that ends it, by its indentation.
        let indentation = line.len() - line.trim_start().len();
        let mut path = None;
        for line in lines.by_ref() {
            let item = line.trim();
            path = item.strip_prefix("#[path = \"").map(|rest| rest.trim_end_matches("\"]").to_owned()).or(path);
            let ends = line.len() - line.trim_start().len() == indentation && !item.starts_with("#[");
            if ends && item.ends_with(';') {
                let module = item.trim_end_matches(';').rsplit(' ').next().unwrap_or_default();
                tests.push(path.unwrap_or_else(|| format!("{module}.rs")));
                break;
            }
            if ends && item.starts_with('}') {
                break;
            }
        }
    }
    (kept, tests)
}

/// The module at the top that a file belongs to.
fn module(path: &str) -> &str {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// Which module uses which, read off every path that starts at the crate's root.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let sources = sources();
    let compiled: BTreeMap<_, _> = sources.iter().map(|(path, text)| (path.as_str(), compiled(text))).collect();
    let of_tests: BTreeSet<PathBuf> = compiled
        .iter()
        .flat_map(|(path, (_, tests))| {
            let beside = Path::new(path).parent().unwrap_or(Path::new("")).to_owned();
            let below = Path::new(path).with_extension("");
            tests.iter().flat_map(move |test| [beside.join(test), below.join(test)])
        })
        .collect();
    let mut arrows = BTreeMap::<String, BTreeSet<String>>::new();
    for (path, (text, _)) in compiled {
        let from = module(path);
        if matches!(from, "lib" | "main") || of_tests.contains(Path::new(path)) {
            continue;
        }
        let used = arrows.entry(from.to_owned()).or_default();
        for (_, after) in text.match_indices("crate::").map(|(at, word)| text.split_at(at + word.len())) {
            let to: String = after.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            assert!(!to.is_empty(), "{path}: name what is used of the crate's root");
            if to != from {
                used.insert(to);
            }
        }
    }
    arrows
}

/// What docs/architecture.md draws: a line a module, in reading order, with the modules that it uses.
fn drawn() -> Vec<(String, BTreeSet<String>)> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).expect("there is a page");
    let (_, rest) = page.split_once("<!-- arrows -->\n```text\n").expect("the page has a drawing");
    let (drawing, _) = rest.split_once("```").expect("the drawing has an end");
    let line = |line: &str| {
        let (module, used) = line.split_once('→').unwrap_or((line, ""));
        (module.trim().to_owned(), used.split_whitespace().map(str::to_owned).collect())
    };
    drawing.lines().map(line).collect()
}

#[test]
fn arrows_point_one_way() {
    let drawn = drawn();
    let mut before = BTreeSet::new();
    for (module, used) in &drawn {
        for to in used {
            assert!(before.contains(to), "{module} uses {to}, which does not stand before it: the arrow points back");
        }
        assert!(before.insert(module.clone()), "{module} is drawn twice");
    }
}

#[test]
fn every_arrow_is_drawn_and_every_drawn_arrow_exists() {
    let drawn: BTreeMap<_, _> = drawn().into_iter().collect();
    let found = arrows();
    assert!(found.len() > 10, "the sources are found");
    let line = |(module, used): (&String, &BTreeSet<String>)| {
        let used = used.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        format!("{module} → {used}\n")
    };
    let true_ones: String = found.iter().map(line).collect();
    for (module, used) in &found {
        assert_eq!(drawn.get(module), Some(used), "{module} is drawn wrong; the lines that are true:\n{true_ones}");
    }
    for module in drawn.keys() {
        assert!(found.contains_key(module), "docs/architecture.md draws {module}, which is gone");
    }
}

#[test]
fn the_map_in_the_crate_is_in_reading_order() {
    let text = fs::read_to_string(root().join("src/lib.rs")).expect("there is a map");
    // A module that is named as a primitive type is linked as `mod@name`.
    let entries = text.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split('`').next());
    let entries = entries.map(|entry| entry.trim_start_matches("mod@"));
    assert_eq!(entries.collect::<Vec<_>>(), drawn().iter().map(|(module, _)| module.as_str()).collect::<Vec<_>>());
}

/// What only tests compile is no arrow; what stands behind it is.
#[test]
fn reads_around_tests() {
    let text = "use crate::a;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}\nuse crate::c;\n#[cfg(test)]\n#[path = \"x_tests.rs\"]\nmod more;\n// crate::d\nfn f() {}\n";
    let (kept, tests) = compiled(text);
    assert_eq!(kept, "use crate::a;\nuse crate::c;\nfn f() {}\n");
    assert_eq!(tests, ["x_tests.rs"]);
}

#[test]
fn no_file_has_outgrown_one_thing() {
    let long: Vec<_> = sources().into_iter().filter(|(_, text)| text.lines().count() > 280).collect();
    assert!(long.is_empty(), "{:?}", long.iter().map(|(path, _)| path).collect::<Vec<_>>());
}
