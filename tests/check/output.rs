//! What people and programs are shown.

use std::process::{Command, Stdio};

use crate::{Folder, repository, run_in, service, web};

fn example(arguments: &[&str]) -> String {
    run_in(repository(), &[&["check"], arguments].concat(), "").stdout
}

#[test]
fn shows_the_line_at_fault_with_what_to_do() {
    insta::assert_snapshot!(example(&[
        "examples/bad/service-with-cluster-ip.yaml",
        "examples/bad/no-grace-period.yaml"
    ]));
}

#[test]
fn writes_one_json_object_for_programs() {
    insta::assert_snapshot!(example(&["--format", "json", "examples/bad/data-in-volume-root.yaml"]));
}

#[test]
fn is_calm_when_all_is_well() {
    // There is no disruption budget among the files.
    let expected = "checked 1 object in 1 file: no findings, 1 for the record (--show audit)\n";
    assert_eq!(example(&["examples/good"]), expected);
}

#[test]
fn masks_literals_of_the_environment_in_excerpts() {
    let text = std::fs::read_to_string(repository().join("examples/bad/literal-password.yaml")).expect("it is there");
    let flow = text.replace(
        "            - name: POSTGRES_PASSWORD\n              value: change-me\n",
        "            - {value: \"s3cret\", name: POSTGRES_PASSWORD} # not the s3cret's comment\n",
    );
    let block = text.replace("value: change-me\n", "value: |\n                s3cret\n                more\n");
    assert_ne!(flow, text);
    assert_ne!(block, text);
    let ended = Folder::with(&[("flow.yaml", &flow)]).run(&["check"]);
    assert!(ended.stdout.contains("- {value: ***, name: POSTGRES_PASSWORD}"), "{}", ended.stdout);
    let ended = Folder::with(&[("block.yaml", &block)]).run(&["check"]);
    assert!(ended.stdout.contains("value: |") && !ended.stdout.contains("s3cret"), "{}", ended.stdout);
    for format in ["full", "json"] {
        let shown = example(&["--format", format, "examples/bad/literal-password.yaml"]);
        assert!(shown.contains("STS401") && !shown.contains("change-me"), "{shown}");
    }
}

#[test]
fn masks_command_lines_in_excerpts() {
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: cache}\nspec:\n  serviceName: cache\n  \
               selector: {matchLabels: {app: cache}}\n  template:\n    metadata: {labels: {app: cache}}\n    spec:\n      \
               containers:\n        - {name: cache, image: \"redis:7\", args: [--requirepass, s3cret]}\n";
    let ended = Folder::with(&[("set.yaml", set)]).run(&["check"]);
    assert!(ended.stdout.contains("args: [***, ***]") && !ended.stdout.contains("s3cret"), "{}", ended.stdout);
}

#[test]
fn uses_colours_only_when_asked_to() {
    let bad = "examples/bad/no-grace-period.yaml";
    assert!(!example(&[bad]).contains('\u{1b}'), "a pipe is no terminal");
    assert!(example(&[bad, "--color", "always"]).contains("\u{1b}["));
    assert!(!example(&[bad, "--color", "never"]).contains('\u{1b}'));
}

#[test]
fn shows_audit_findings_only_when_asked_to() {
    let text = format!("{}---\n{}", service("web", true), web("web", "web")).replace("replicas: 2", "replicas: 1");
    let alone = text.split("---\n").nth(1).expect("the set comes second").to_owned();
    let folder = Folder::with(&[("web.yaml", &alone)]);
    let quiet = folder.run(&["check"]);
    assert_eq!(quiet.stdout, "checked 1 object in 1 file: no findings, 1 for the record (--show audit)\n");
    let shown = folder.run(&["check", "--show", "audit"]);
    assert!(shown.stdout.starts_with("note[STS102]: "), "{}", shown.stdout);
    assert!(shown.stdout.ends_with("checked 1 object in 1 file: no findings, 1 for the record\n"), "{}", shown.stdout);
}

#[test]
fn ends_quietly_when_nobody_reads_on() {
    // More findings than a pipe holds, so that writing meets the closed end.
    let text = format!("{}---\n{}", service("web", false), vec![web("web", "web"); 2000].join("---\n"));
    let folder = Folder::with(&[("web.yaml", &text)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_stsguard"))
        .args(["check", "web.yaml"])
        .current_dir(folder.0.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
}
