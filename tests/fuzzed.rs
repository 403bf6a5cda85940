//! Inputs that fuzzing has found interesting, held to the same properties: `make fuzz` adds to `tests/fuzzed/<target>`.

use std::fs;
use std::path::Path;

#[path = "../fuzz/properties.rs"]
mod properties;

fn each(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzzed").join(target);
    let files: Vec<_> =
        fs::read_dir(&folder).expect("there are inputs").map(|entry| entry.expect("an entry")).collect();
    assert!(!files.is_empty(), "{target} has no inputs");
    for file in files {
        println!("{}", file.path().display());
        property(&fs::read(file.path()).expect("it can be read"));
    }
}

#[test]
fn holds_for_reviews() {
    each("review", properties::review);
}

#[test]
fn holds_for_pairs() {
    each("pair", properties::pair);
}

#[test]
fn holds_for_images() {
    each("image", properties::image);
}

#[test]
fn holds_for_policies() {
    each("policy", properties::policy);
}

#[test]
fn holds_for_manifests() {
    each("manifest", properties::manifest);
}
