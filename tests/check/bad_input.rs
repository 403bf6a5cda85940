//! What cannot be read is told with its place; the rest goes on.

use std::fmt::Write as _;

use crate::{Ended, Folder, service, web};

/// Checks one file beside a good pair that is to be judged all the same.
fn beside_a_bad_service(name: &str, bytes: &[u8]) -> Ended {
    let folder = Folder::with(&[("good.yaml", &format!("{}---\n{}", service("web", false), web("web", "web")))]);
    folder.write(name, bytes);
    let (found, ended) = folder.check(&["."]);
    assert_eq!(found, ["STS101 deny web"], "the good file is judged: {}", ended.stderr);
    assert_eq!(ended.code, 2, "what could not be checked weighs more than a finding");
    ended
}

#[test]
fn tells_the_place_of_bad_yaml_and_goes_on_with_the_next_document() {
    let text = format!("a: 1\n---\nb: [1\nc: 2\n---\n{}---\n{}", service("web", false), web("web", "web"));
    let (found, ended) = Folder::with(&[("all.yaml", &text)]).check(&["all.yaml"]);
    assert_eq!((found, ended.code), (vec!["STS101 deny web".to_owned()], 2));
    assert!(ended.stderr.starts_with("error: all.yaml:4:"), "{}", ended.stderr);
}

#[test]
fn bounds_nesting() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("{\"a\":", "}"), ("- ", "")] {
        let text = format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
        let ended = beside_a_bad_service("deep.yaml", text.as_bytes());
        assert!(ended.stderr.starts_with("error: ./deep.yaml:1:"), "{}", ended.stderr);
    }
}

#[test]
fn bounds_what_aliases_unfold_to() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        writeln!(bomb, "a{level}: &a{level} [{}]", [alias.as_str(); 10].join(", ")).expect("memory takes it");
    }
    let ended = beside_a_bad_service("bomb.yaml", bomb.as_bytes());
    assert!(ended.stderr.contains("aliases unfold to too much"), "{}", ended.stderr);

    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), ["*a"; 1000].join(", "));
    let ended = beside_a_bad_service("long.yaml", long.as_bytes());
    assert!(ended.stderr.contains("aliases unfold to too much"), "{}", ended.stderr);

    let ended = beside_a_bad_service("self.yaml", b"a: &a [*a]\n");
    assert_eq!(ended.stderr, "error: ./self.yaml:1:8: this alias stands inside what it names\n");
}

#[test]
fn bounds_the_depth_to_which_aliases_unfold() {
    for (name, place) in [("chained-anchors.yaml", "2:249"), ("chained-merges.yaml", "2:818")] {
        let path = crate::repository().join("tests/fuzzed/manifest").join(name);
        let ended = beside_a_bad_service("deep.yaml", &std::fs::read(path).expect("it is there"));
        let message = "the document is nested too deep where this alias is unfolded";
        assert_eq!(ended.stderr, format!("error: ./deep.yaml:{place}: {message}\n"));
    }
}

#[test]
fn refuses_what_is_no_text() {
    let ended = beside_a_bad_service("latin.yaml", b"name: x\nplace: M\xfcnchen\n");
    assert_eq!(ended.stderr, "error: ./latin.yaml:2:9: is not text in UTF-8\n");
    let ended = beside_a_bad_service("binary.json", &[0, 1, 2, 3]);
    assert!(ended.stderr.starts_with("error: ./binary.json:1:1: this is not valid YAML"), "{}", ended.stderr);
    let ended = beside_a_bad_service("broken.json", b"{\"a\": 1}\n{\"b\": }\n");
    assert_eq!(ended.stderr, "error: ./broken.json:2:7: this is not valid JSON\n");
    let ended = beside_a_bad_service("tab.yaml", b"a:\n\tb: 1\n");
    assert!(ended.stderr.starts_with("error: ./tab.yaml:2:"), "{}", ended.stderr);
    let ended = beside_a_bad_service("template.yaml", b"a: {{ .Values.a }}\n");
    assert!(ended.stderr.contains("a key must be text; a template is checked once rendered"), "{}", ended.stderr);
}

#[test]
fn refuses_what_the_api_server_would_not_decode_and_never_shows_the_value() {
    let cases = [
        ("replicas: 2", "replicas: hunter2", ":6:3: ", "/spec/replicas is text, but must be a whole number"),
        ("serviceName: other", "serviceName: yes", ":5:3: ", "/spec/serviceName is a boolean, but must be text"),
        ("serviceName: other", "serviceName: 0644", ":5:3: ", "/spec/serviceName is a number, but must be text"),
        (
            "image: example.com/web:1.0",
            "image: example.com/web:1.0\n          env: [{name: P, value: 12345}]",
            "/spec/template/spec/containers/0/env/0/value",
            "is a number, but must be text",
        ),
        (
            "image: example.com/web:1.0",
            "image: example.com/web:1.0\n          args: --a",
            "/spec/template/spec/containers/0/args",
            "is text, but must be a list",
        ),
        (
            "metadata: {labels: {app: other}}\n",
            "metadata: hunter2\n",
            "/spec/template/metadata",
            "is text, but must be a mapping",
        ),
    ];
    for (from, to, place, message) in cases {
        let text = web("other", "other").replace(from, to);
        assert_ne!(text, web("other", "other"), "{to}");
        let ended = beside_a_bad_service("wrong.yaml", text.as_bytes());
        assert!(ended.stderr.contains(message) && ended.stderr.contains(place), "{}", ended.stderr);
        assert!(ended.stderr.starts_with("error: ./wrong.yaml:"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains("12345"), "{}", ended.stderr);
    }
}

#[test]
fn refuses_a_set_without_a_spec() {
    for spec in ["", "spec: null\n", "spec:\n"] {
        let text = format!("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db}}\n{spec}");
        let ended = beside_a_bad_service("bare.yaml", text.as_bytes());
        assert_eq!(ended.stderr, "error: ./bare.yaml:1:1: StatefulSet: the object has no spec\n");
    }
}

#[test]
fn reports_files_that_are_not_there() {
    let ended = Folder::with(&[]).run(&["check", "missing.yaml"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.starts_with("error: missing.yaml: cannot be read: "), "{}", ended.stderr);
}

#[test]
fn reports_links_that_lead_nowhere_and_reads_no_pipes() {
    let folder = Folder::with(&[("web.yaml", &format!("{}---\n{}", service("web", true), web("web", "web")))]);
    std::os::unix::fs::symlink("nowhere", folder.0.path().join("link.yaml")).expect("a link can be made");
    let _socket = std::os::unix::net::UnixListener::bind(folder.0.path().join("pipe.yaml")).expect("it can be made");
    let (found, ended) = folder.check(&["."]);
    assert_eq!((found, ended.code), (vec![], 2));
    assert!(ended.stderr.starts_with("error: ./link.yaml: cannot be read: "), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn notes_a_folder_without_manifests() {
    let ended = Folder::with(&[("readme.txt", "")]).run(&["check", "."]);
    assert_eq!(ended.code, 0);
    assert_eq!(ended.stderr, "note: .: no *.yaml, *.yml or *.json file in it\n");
    assert_eq!(ended.stdout, "checked nothing in 0 files: there is no StatefulSet or Deployment in what was read\n");
}
