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
    // No disruption budget is among the files, and nothing spreads the replicas or makes them replicate.
    let expected = "checked 1 object in 1 file: no findings, 3 for the record (--show audit)\n";
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
               containers:\n        - {name: cache, image: \"redis:7\", env: [{name: REDIS_PASSWORD, value: other}], args: [--requirepass, s3cret]}\n";
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
    assert!(shown.stdout.starts_with("note[STS102 missing-service]: "), "{}", shown.stdout);
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

#[test]
fn says_once_a_rule_how_often_it_speaks_and_how_to_exempt() {
    let text = format!("{}---\n{}---\n{}", service("web", false), web("web", "web"), web("other", "web"));
    let ended = Folder::with(&[("web.yaml", &text)]).run(&["check"]);
    let line = "  STS101  2 to deny  stsguard.dev/exempt-non-headless-service: \"<reason>\"\n";
    assert_eq!(ended.stdout.matches(line).count(), 1, "{}", ended.stdout);
    assert_eq!(ended.stdout.matches("exempt-").count(), 1, "{}", ended.stdout);
}

#[test]
fn shows_no_excerpt_of_what_is_not_written() {
    let shown = example(&["examples/bad/no-grace-period.yaml"]);
    assert!(shown.contains("no-grace-period.yaml:39:5: StatefulSet default/postgres\n"), "{shown}");
    assert!(shown.contains("30 s, the default,") && !shown.contains("^^^"), "{shown}");
}

#[test]
fn says_that_nothing_was_judged() {
    let review = "{\"apiVersion\": \"admission.k8s.io/v1\", \"kind\": \"AdmissionReview\", \"request\": {}}\n";
    let chart = [("chart/Chart.yaml", "name: db\nversion: 1.0.0\n"), ("chart/templates/db.yaml", "a: {{ .b }}\n")];
    let nothing = "there is no StatefulSet or Deployment in what was read\n";
    for (folder, files) in [
        (Folder::with(&[("review.json", review)]), 1),
        (Folder::with(&chart), 2),
        (Folder::with(&[("readme.txt", "no manifest\n")]), 0),
    ] {
        let ended = folder.run(&["check"]);
        let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        assert_eq!((ended.code, ended.stdout), (0, format!("checked nothing in {files}: {nothing}")));
        assert_eq!(folder.run(&["check", "--require-objects"]).code, 2);
    }
    assert_eq!(run_in(repository(), &["check", "examples/good", "--require-objects"], "").code, 0);
}

#[test]
fn tells_programs_what_could_not_be_checked_and_what_was_passed_over() {
    let text = web("web", "web").replace("replicas: 2", "replicas: two");
    let folder = Folder::with(&[("set.yaml", &text), ("twice.yaml", "a: 1\na: 2\n")]);
    let ended = folder.run(&["check", "--format", "json", "."]);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    assert_eq!((ended.code, &report["version"]), (2, &env!("CARGO_PKG_VERSION").into()));
    let told = |list: &str| {
        let said = &report[list][0];
        (said["file"].clone(), said["line"].clone(), said["message"].as_str().unwrap_or_default().to_owned())
    };
    let (file, line, message) = told("errors");
    assert!((file, line) == ("./set.yaml".into(), 6.into()) && message.contains("replicas"), "{message}");
    let (file, line, message) = told("notes");
    assert!((file, line) == ("./twice.yaml".into(), 2.into()) && message.contains("twice"), "{message}");
}

#[test]
fn says_what_it_reads_when_something_is_piped_in() {
    let folder = Folder::with(&[("web.yaml", &service("web", true))]);
    let hint = "run `stsguard check -`";
    assert!(run_in(folder.0.path(), &["check"], "kind: Pod\n").stderr.contains(hint));
    assert!(!run_in(folder.0.path(), &["check", "."], "kind: Pod\n").stderr.contains(hint));
}

#[test]
fn says_that_definitions_contradict_each_other() {
    let text = format!("{}---\n{}---\n{}", service("web", true), service("web", false), web("web", "web"));
    let ended = Folder::with(&[("web.yaml", &text)]).run(&["check", "."]);
    let note = "note: ./web.yaml:9:1: the Service \"web\" is defined here and in ./web.yaml:1, and they differ";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    // Of one that nobody asks for, nothing is said.
    let apart =
        Folder::with(&[("web.yaml", &text.replace("serviceName: web", "serviceName: \"\""))]).run(&["check", "."]);
    assert!(!apart.stderr.contains("differ"), "{}", apart.stderr);
}

#[test]
fn warns_at_most_of_what_is_being_deleted() {
    let text = format!("{}---\n{}", service("web", false), web("web", "web"));
    assert_eq!(Folder::with(&[("web.yaml", &text)]).run(&["check"]).code, 1);
    let going = "{name: web, uid: 1, deletionTimestamp: \"2026-01-01T00:00:00Z\"}\nspec:\n  serviceName";
    let going = text.replace("{name: web}\nspec:\n  serviceName", going);
    let ended = Folder::with(&[("web.yaml", &going)]).run(&["check"]);
    assert!(ended.code == 0 && ended.stdout.contains("warning[STS101 "), "{}", ended.stdout);
}

/// A manifest of a set that exists, as `kubectl get -o yaml` shows it, calls no fix "made at admission" and speaks first of
/// the data that it may hold.
#[test]
fn knows_an_object_that_lives() {
    let read = |name: &str| std::fs::read_to_string(repository().join("examples/bad").join(name)).expect("it is there");
    let live = "kind: StatefulSet\nmetadata:\n  uid: 7ad4f7c2-0000-4000-8000-000000000001\n";
    for (name, said, change) in [
        ("data-in-volume-root.yaml", "existing data must be moved first", live),
        ("parallel-startup.yaml", "the field is immutable", live),
        ("no-grace-period.yaml", "that restarts the pods", live),
        (
            "no-grace-period.yaml",
            "that restarts the pods",
            "status: {observedGeneration: 1}\nkind: StatefulSet\nmetadata:\n",
        ),
    ] {
        let text = read(name);
        let dump = text.replace("kind: StatefulSet\nmetadata:\n", change);
        assert_ne!(dump, text);
        let shown = Folder::with(&[("dump.yaml", &dump)]).run(&["check"]).stdout;
        assert!(shown.contains(said) && !shown.contains("made at admission") && !shown.contains("unsafe"), "{shown}");
        // What generators write is no status.
        let generated =
            text.replace("kind: StatefulSet\nmetadata:\n", "status: {replicas: 0}\nkind: StatefulSet\nmetadata:\n");
        let shown = Folder::with(&[("new.yaml", &generated)]).run(&["check"]).stdout;
        assert!(!shown.contains(said), "{shown}");
    }
}
