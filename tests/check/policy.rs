//! A policy file changes what `check` says.

use crate::{Folder, repository, run_in, service, web};

fn folder(policy: &str) -> Folder {
    let text = format!("{}---\n{}", service("web", false), web("web", "web"));
    Folder::with(&[("manifests/web.yaml", &text), ("policy.yaml", policy)])
}

#[test]
fn takes_actions_from_the_policy() {
    let cases = [
        ("rules: {STS101: warn}", "STS101 warn web", 0),
        ("enforcement: warn", "STS101 warn web", 0),
        ("rules: {non-headless-service: off}", "", 0),
        ("enforcement: audit", "", 0),
        ("profile: baseline", "STS101 deny web", 1),
    ];
    for (policy, finding, code) in cases {
        let (found, ended) = folder(policy).check(&["manifests", "--policy", "policy.yaml"]);
        assert_eq!((found.join("\n").as_str(), ended.code, ended.stderr.as_str()), (finding, code, ""), "{policy}");
    }
}

#[test]
fn refuses_a_bad_policy_before_anything_is_read() {
    let ended = folder("profil: strict\nrules: {STS999: warn}\n").run(&["check", "missing", "--policy", "policy.yaml"]);
    assert_eq!(ended.code, 2);
    assert_eq!(
        ended.stderr,
        "stsguard: policy.yaml:1:1: there is no field \"profil\"; did you mean profile?\n\
         policy.yaml:2:9: there is no rule \"STS999\"; `stsguard rules` lists all\n"
    );
    let ended = folder("").run(&["check", "manifests", "--policy", "nowhere.yaml"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("cannot read the policy nowhere.yaml"), "{}", ended.stderr);
}

#[test]
fn takes_the_example_policy() {
    let arguments = ["check", "--policy", "examples/policy.yaml", "examples/bad/service-with-cluster-ip.yaml"];
    let ended = run_in(repository(), &arguments, "");
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
}

#[test]
fn counts_what_is_exempt() {
    let text = format!("{}---\n{}", service("web", false), web("web", "web"));
    let annotated =
        "{name: web, annotations: {stsguard.dev/exempt-non-headless-service: \"clients only\"}}\nspec:\n  serviceName";
    let text = text.replace("{name: web}\nspec:\n  serviceName", annotated);
    let ended = Folder::with(&[("web.yaml", &text)]).run(&["check"]);
    let expected = "checked 1 object in 1 file: no findings, 2 for the record (--show audit), 1 exempt\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (0, expected));
}

#[test]
fn fails_on_warnings_when_asked_to() {
    let folder = folder("rules: {STS101: warn}");
    let arguments = ["check", "manifests", "--policy", "policy.yaml"];
    assert_eq!(folder.run(&arguments).code, 0);
    assert_eq!(folder.run(&[&arguments[..], &["--fail-on", "warn"]].concat()).code, 1);
}

#[test]
fn validates_a_policy_and_shows_what_counts() {
    let folder = folder(
        "profile: strict\nenforcement: warn\nrules: {STS301: {action: audit, parameters: {defaultGraceSeconds: 90}}}\n",
    );
    let ended = folder.run(&["policy", "policy.yaml"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    for line in [
        "policy.yaml is a valid policy\n",
        "profile: strict · enforcement: warn · fixes: true\n",
        "STS101  non-headless-service            warn      deny, capped by enforcement: warn\n",
        "STS301  short-grace-period              audit +   the policy says so\n",
        "STS304  missing-readiness-probe         warn      deny, capped by enforcement: warn\n",
        "STS501  missing-disruption-budget       warn      profile strict\n",
        "STS301 defaultGraceSeconds: 90 (the policy says so)\n",
    ] {
        assert!(ended.stdout.contains(line), "{line}{}", ended.stdout);
    }
    let unfixed = run_in(folder.0.path(), &["policy", "-"], "fixes: false\n").stdout;
    assert!(unfixed.contains("warn      profile recommended, without its fix by fixes: false\n"), "{unfixed}");
}

#[test]
fn shows_a_profile_and_what_nothing_changes() {
    let shown = |arguments: &[&str]| run_in(repository(), arguments, "").stdout;
    assert!(shown(&["policy"]).starts_with("profile: recommended · enforcement: deny"));
    assert!(shown(&["policy", "--profile", "baseline"]).starts_with("profile: baseline"));
    // What a command that failed pipes in is not called valid.
    assert!(shown(&["policy", "-"]).starts_with("standard input is empty, which changes nothing\n"));
}

#[test]
fn refuses_a_bad_policy_with_every_line() {
    let folder = folder("enforcment: warn\nrules: {nope: deny, short-grace-perod: warn}\n");
    let ended = folder.run(&["policy", "policy.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert_eq!(
        ended.stderr,
        "stsguard: policy.yaml:1:1: there is no field \"enforcment\"; did you mean enforcement?\n\
         policy.yaml:2:9: there is no rule \"nope\"; `stsguard rules` lists all\n\
         policy.yaml:2:21: there is no rule \"short-grace-perod\"; did you mean short-grace-period?\n"
    );
    assert_eq!(folder.run(&["policy", "nowhere.yaml"]).code, 2);
}
