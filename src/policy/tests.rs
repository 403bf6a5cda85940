use super::*;
use crate::engines::Mirror;
use crate::rule::{Action, Owned, Parameter, Setting};
use crate::rules::{self, RULES};

fn faults(text: &str) -> Vec<String> {
    let faults = super::parse(text, RULES).expect_err("the policy is refused");
    faults.iter().map(|f| format!("{}:{}: {}", f.position.line, f.position.column, f.message)).collect()
}

fn parameter(code: &str) -> &'static Parameter {
    &RULES[RULES.find(code).expect("the rule exists")].info().parameters[0]
}

fn setting(policy: &Policy, rule: &str) -> Setting {
    policy.written(RULES.find(rule).expect("the rule exists"))
}

#[test]
fn reads_every_field() {
    let policy = super::parse(
        "profile: strict\n\
         enforcement: warn\n\
         restoreLabels: [velero.io/restore-name, example.com/restored]\n\
         ownedByControllers: enforce\n\
         mirrors: {registry.example.com/hub: docker.io/}\n\
         rules:\n\
         \x20 short-grace-period: {action: warn, fix: true, parameters: {defaultGraceSeconds: 90}}\n\
         \x20 STS101: {action: warn, parameters: {singleReplica: warn}}\n\
         \x20 data-directory-shadowed: {parameters: {imageVolumes: ignored}}\n\
         \x20 parallel-startup: off\n",
        RULES,
    )
    .expect("the policy is good");
    assert_eq!(policy.profile, Profile::Strict);
    assert_eq!(policy.enforcement, Action::Warn);
    assert_eq!(policy.restore_labels, ["velero.io/restore-name", "example.com/restored"]);
    assert_eq!(policy.owned_by_controllers, Owned::Enforce);
    assert_eq!(
        policy.mirrors,
        [Mirror { prefix: "registry.example.com/hub/".into(), stands_for: "docker.io/".into() }]
    );
    assert_eq!(setting(&policy, "STS301"), Setting { action: Action::Warn, fix: true });
    assert_eq!(policy.seconds(parameter("STS301")), 90);
    assert_eq!(setting(&policy, "STS101").action, Action::Warn);
    assert_eq!(policy.word(parameter("STS101")), Some("warn"));
    assert_eq!(policy.word(parameter("STS203")), Some("ignored"));
    assert_eq!(setting(&policy, "STS303").action, Action::Off);
}

#[test]
fn takes_an_empty_file_for_the_default_policy() {
    for text in ["", "# nothing yet\n", "---\n", "{}", "rules:\n"] {
        assert_eq!(super::parse(text, RULES), Ok(rules::policy(Profile::Recommended)), "{text:?}");
    }
}

#[test]
fn names_all_that_is_unknown_with_its_place_and_what_was_meant() {
    assert_eq!(
        faults("profle: strict\nrules:\n  short-grace-perid: warn\n  sts101: {acton: warn}\n  STS999999: off\n"),
        [
            "1:1: there is no field \"profle\"; did you mean profile?",
            "3:3: there is no rule \"short-grace-perid\"; did you mean short-grace-period?",
            "4:12: there is no field \"acton\"; did you mean action?",
            "5:3: there is no rule \"STS999999\"; `stsguard rules` lists all",
        ]
    );
}

#[test]
fn refuses_words_it_does_not_know() {
    assert_eq!(faults("profile: lax"), ["1:10: \"lax\" is none of baseline, recommended, strict"]);
    assert_eq!(faults("fixes: never"), ["1:8: fixes is the text \"never\"; write true or false"]);
    assert_eq!(faults("enforcement: off"), ["1:14: \"off\" is none of deny, warn, audit"]);
    assert_eq!(faults("rules: {STS101: on}"), ["1:17: this is the boolean true; write one of deny, warn, audit, off"]);
}

#[test]
fn refuses_a_rule_that_is_named_twice() {
    assert_eq!(
        faults("rules:\n  STS301: warn\n  short-grace-period: off\n"),
        ["3:3: short-grace-period is the same rule as \"STS301\" above; write it once"]
    );
    assert_eq!(
        faults("rules:\n  STS301: warn\n  STS301: off\n"),
        ["3:3: \"STS301\" is written twice; remove one of the two"]
    );
}

#[test]
fn refuses_fixes_and_parameters_that_a_rule_does_not_have() {
    assert_eq!(
        faults("rules: {STS101: {fix: true}}"),
        ["1:23: STS101 has no fix that admission could make; remove this line"]
    );
    assert_eq!(faults("rules: {STS302: {parameters: {a: 1}}}"), ["1:18: STS302 has no parameters; remove this"]);
    assert_eq!(
        faults("rules: {STS301: {parameters: {defaultGraceSecond: 1}}}"),
        ["1:31: there is no parameter \"defaultGraceSecond\"; did you mean defaultGraceSeconds?"]
    );
    assert_eq!(
        faults("rules: {STS301: {parameters: {defaultGraceSeconds: soon}}}"),
        ["1:52: defaultGraceSeconds is the text \"soon\"; write whole seconds, at least 1"]
    );
    assert_eq!(faults("rules: {STS301: {parameters: {defaultGraceSeconds: 1.5}}}").len(), 1);
    let with_a_point = super::parse("rules: {STS301: {parameters: {defaultGraceSeconds: 90.0}}}", RULES);
    assert_eq!(with_a_point.expect("it is whole").seconds(parameter("STS301")), 90);
}

#[test]
fn refuses_what_is_no_policy_at_all() {
    assert_eq!(faults("- a\n"), ["1:1: the policy is a list; write a mapping"]);
    assert_eq!(faults("profile: strict\n---\nprofile: baseline\n").len(), 1);
    assert!(faults("profile: [")[0].contains("this is not valid YAML"));
}

#[test]
fn refuses_anchors_that_nest_deeper_than_a_stack_without_ending_the_process() {
    let text = include_str!("../../tests/fuzzed/policy/chained-anchors.yaml");
    assert_eq!(faults(text), ["2:249: the document is nested too deep where this alias is unfolded"]);
}

#[test]
fn names_what_is_wrong_with_overrides_and_exemptions() {
    for (text, said) in [
        (
            "overrides: [{profile: strict}]",
            "1:13: this override says for no namespaces; write namespaces or namespaceSelector",
        ),
        (
            "overrides: [{namespaces: [Team]}]",
            "1:27: no object can be called the text \"Team\"; write a name of small letters, digits, - and ., with * for any characters",
        ),
        (
            "overrides: [{namespace: [a]}]",
            "1:14: there is no field of an override \"namespace\"; did you mean namespaces?",
        ),
        (
            "exemptions: [{rules: [STS31], names: [a], reason: x}]",
            "1:23: there is no rule \"STS31\"; did you mean STS301?",
        ),
        (
            "exemptions: [{rules: [STS301], reason: x}]",
            "1:14: this exemption is about every object; write namespaces, names or selector, or turn the rule off",
        ),
        ("exemptions: [{rules: [STS301], names: [a]}]", "1:14: this exemption gives no reason; write reason: and why"),
        (
            "exemptions: [{rules: [STS301], names: [a], reason: x, expires: 2027-02-30}]",
            "1:64: this is the text \"2027-02-30\"; write the last day on which it counts: 2027-06-30",
        ),
        ("kind: Polcy", "1:7: kind is the text \"Polcy\"; write Policy, or leave it out"),
    ] {
        let said_of = faults(text);
        assert!(said_of.iter().any(|fault| fault.starts_with(said)), "{text}: {said_of:?}");
    }
    // The last one in an override is told, though it is none elsewhere.
    assert_eq!(faults("overrides: [{namespaces: [a], rules: {STS101: {exemptable: false}}}]").len(), 1);
}
