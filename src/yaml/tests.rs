use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::pointer::Pointer;

/// What each document is read as; `None` where it cannot be read.
fn read_all(text: &str) -> Vec<Option<Value>> {
    documents(text).iter().map(|document| document.read().ok().map(|read| read.value)).collect()
}

fn read_one(text: &str) -> Value {
    read_all(text).remove(0).expect("the document is good")
}

// The expectations below are what the decoder of k8s.io/apimachinery 0.37 gives for the same text.

#[test]
fn splits_at_separators_and_leaves_empty_documents_out() {
    let text = "--- # one\na: 1\n---\t\nb: 2\n--- \n---\n# only a comment\n---\nc: 3\n...\nd: 4\n";
    assert_eq!(read_all(text), [Some(json!({"a": 1})), Some(json!({"b": 2})), Some(json!({"c": 3}))]);
    assert_eq!(read_all("a: 1\n--- {b: 2}\n"), [Some(json!({"a": 1})), None]);
    assert_eq!(read_all("\u{feff}a: 1\r\n---\r\nb: 2\r\n"), [Some(json!({"a": 1})), Some(json!({"b": 2}))]);
    assert!(read_all("").is_empty() && read_all("# nothing\n\n---\n").is_empty());
}

#[test]
fn splits_json_values_and_reads_braces_that_are_no_json_as_yaml() {
    assert_eq!(read_all("{\"a\":1}{\"b\":2}\n{\"c\": [1,\n\t2]}").len(), 3);
    assert_eq!(read_all("{\"a\":1}\n---\n{\"b\":2}\n"), [Some(json!({"a": 1})), Some(json!({"b": 2}))]);
    assert_eq!(read_all("{a: 1}\n---\nb: 2\n"), [Some(json!({"a": 1})), Some(json!({"b": 2}))]);
    assert_eq!(read_all("{\"a\":1}\n}"), [Some(json!({"a": 1})), None]);
}

#[test]
fn merges_where_the_merge_key_stands() {
    let text = "base: &b {a: 1, c: {d: 2}}\nlist: &l {a: 9, z: 1}\nlate: {a: 5, <<: *b}\nearly: {<<: *b, a: 5}\n\
                both: {<<: [*b, *l]}\nquoted: {\"<<\": {c: 1}}\n";
    let value = read_one(text);
    assert_eq!(value["late"], json!({"a": 1, "c": {"d": 2}}));
    assert_eq!(value["early"], json!({"a": 5, "c": {"d": 2}}));
    assert_eq!(value["both"], json!({"a": 1, "c": {"d": 2}, "z": 1}));
    assert_eq!(value["quoted"], json!({"<<": {"c": 1}}));
    assert_eq!(read_all("a: {<<: 1}"), [None]);
}

#[test]
fn turns_keys_into_text() {
    assert_eq!(read_one("on: 1\n8080: 2\n010: 3\n1.5: 4\n"), json!({"true": 1, "8080": 2, "8": 3, "1.5": 4}));
    assert_eq!(read_all("null: x\n"), [None]);
    assert_eq!(read_all("? [a]\n: b\n"), [None]);
}

#[test]
fn counts_the_last_of_equal_keys_and_tells_where_it_is() {
    let text = "a: 1\nb:\n  x: 1\n  x: 2\n";
    let read = documents(text)[0].read().expect("it is good");
    assert_eq!(read.value["b"]["x"], 2);
    assert_eq!(read.duplicates, [DuplicateKey { offset: 17, name: "x".into() }]);
    assert_eq!(position(text, 17), Position { line: 4, column: 3 });
}

#[test]
fn finds_values_by_pointer_or_else_what_is_around_them() {
    let text = "---\nspec:\n  list:\n    - name: a\n      text: |\n        b\n    - &x {name: c}\n    - *x\n";
    let document = documents(text)[0];
    let places = document.places();
    let shown = |pointer: &str| &text[places.nearest(&Pointer::new(pointer)).shown(text)];
    assert_eq!(shown("/spec/list/0/name"), "a");
    assert_eq!(shown("/spec/list/0"), "name: a");
    assert_eq!(shown("/spec/list/0/text"), "text");
    assert_eq!(shown("/spec/list/1/name"), "c");
    assert_eq!(shown("/spec/list/2/name"), "*x");
    assert_eq!(shown("/spec/missing/deep"), "spec");
    assert_eq!(shown("/spec/list/7"), "list");
}

#[test]
fn finds_values_in_json_too() {
    let text = "{\n\t\"kind\": \"List\",\n\t\"items\": [\n\t\t{\"spec\": {\"replicas\": 3}}\n\t]\n}\n";
    let places = documents(text)[0].places();
    assert!(places.are_traced());
    assert_eq!(&text[places.nearest(&Pointer::new("/items/0/spec/replicas")).shown(text)], "3");
}

/// A list in a list, and so on: `depth` levels around something.
fn nested(depth: usize, inside: &str) -> String {
    format!("{}{inside}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn bounds_the_depth_of_what_aliases_unfold_to() {
    let anchor = format!("a: &a {}\n", nested(200, "x"));
    let read = |rest: &str| documents(&format!("{anchor}{rest}"))[0].read();
    assert!(read(&format!("b: {}\n", nested(54, "*a"))).is_ok(), "255 levels");
    let too_deep = [
        format!("b: {}\n", nested(55, "*a")),
        format!("b: &b {}\nc: {}\n", nested(30, "*a"), nested(30, "*b")),
        format!("b: {{<<: {{c: {}}}}}\n", nested(54, "*a")),
        format!("b: {{<<: [{{c: {}}}]}}\n", nested(54, "*a")),
        format!("b: &b {{c: {}}}\nd: {}<<: *b{}\n", nested(10, "*a"), "{x: ".repeat(60) + "{", "}".repeat(61)),
    ];
    for rest in too_deep {
        let error = read(&rest).expect_err("it is too deep");
        assert_eq!(error.message, "the document is nested too deep where this alias is unfolded", "{rest}");
        let alias = anchor.len() + rest.rfind('*').expect("there is an alias");
        assert_eq!(error.offset, alias, "{rest}");
    }
}

#[test]
fn keeps_the_place_of_much_below_a_long_key() {
    // With the key in the place of each element this would be four gigabytes.
    let text = format!("? {}\n:\n{}", "k".repeat(200_000), "- x\n".repeat(20_000));
    assert_eq!(documents(&text)[0].places().of(|_| true).count(), 20_002);
}

#[test]
fn underlines_no_more_than_fits_on_a_line() {
    let text = format!("[[{}], {}]", "x,".repeat(1000), "y".repeat(1000));
    let places = documents(&text)[0].places();
    for pointer in ["/0", "/1"] {
        assert_eq!(places.nearest(&Pointer::new(pointer)).shown(&text).len(), 256, "{pointer}");
    }
}

proptest! {
    #[test]
    fn never_panics_and_never_points_outside(text in "[ \\-a-c0-9:{}\\[\\]&*<,#|>'\"\n\t!%é\u{feff}]{0,80}") {
        for document in documents(&text) {
            if let Err(error) = document.read() {
                position(&text, error.offset);
            }
            for mark in document.places().of(|_| true) {
                prop_assert!(text.get(mark.shown(&text)).is_some(), "{mark:?}");
            }
        }
    }

    #[test]
    fn reads_json_as_serde_does(value in json_value()) {
        let text = json!({ "v": value }).to_string();
        prop_assert_eq!(read_one(&text).to_string(), text);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z~/]{0,5}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
