//! Policies that say different things of different namespaces and objects.

use crate::{Folder, service, web};

/// A StatefulSet behind a ClusterIP Service in each of these namespaces, and the namespaces themselves with a label.
fn folder(policy: &str) -> Folder {
    let mut text = String::new();
    for (namespace, tier) in [("team-a", "test"), ("shop", "prod")] {
        let inside = |object: String| object.replace("{name: web}", &format!("{{name: web, namespace: {namespace}}}"));
        text.push_str(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{tier: {tier}}}}}\n---\n{}---\n{}---\n",
            inside(service("web", false)),
            inside(web("web", "web")).replace("namespace: shop}", "namespace: shop, labels: {old: \"yes\"}}"),
        ));
    }
    Folder::with(&[("web.yaml", &text), ("policy.yaml", policy)])
}

/// What is found of STS101 and STS001, as namespace and action.
fn found(policy: &str) -> Vec<String> {
    let folder = folder(policy);
    let ended = folder.run(&["check", "web.yaml", "--policy", "policy.yaml", "--show", "audit", "--format", "json"]);
    assert_eq!(ended.stderr, "", "{policy}");
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    let findings = report["findings"].as_array().expect("there is a list");
    let shown = |finding: &&serde_json::Value| ["STS101", "STS001"].iter().any(|code| finding["code"] == *code);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let said = findings.iter().filter(shown).map(|finding| {
        format!("{} {} {}", text(&finding["object"]["namespace"]), text(&finding["code"]), text(&finding["action"]))
    });
    said.collect()
}

#[test]
fn overrides_count_where_names_and_labels_say() {
    for (overrides, team, shop) in [
        ("[]", "deny", "deny"),
        ("[{namespaces: [team-*], enforcement: warn}]", "warn", "deny"),
        ("[{namespaces: ['*'], rules: {STS101: audit}}]", "audit", "audit"),
        ("[{namespaceSelector: {matchLabels: {tier: prod}}, rules: {non-headless-service: warn}}]", "deny", "warn"),
        (
            "[{namespaces: [team-a, shop], namespaceSelector: {matchLabels: {tier: test}}, enforcement: audit}]",
            "audit",
            "deny",
        ),
        // Of two that contradict each other, the later one counts.
        ("[{namespaces: ['*'], rules: {STS101: audit}}, {namespaces: [shop], rules: {STS101: warn}}]", "audit", "warn"),
        (
            "[{namespaces: [shop], rules: {STS101: warn}}, {namespaces: ['*'], rules: {STS101: audit}}]",
            "audit",
            "audit",
        ),
        // A profile counts for rules that the policy does not name.
        ("[{namespaces: [shop], profile: strict}]\nrules: {STS101: warn}", "warn", "warn"),
        ("[{namespaces: [nobody-*], rules: {STS101: off}}]", "deny", "deny"),
    ] {
        let policy = format!("overrides: {overrides}\n");
        let expected = [format!("team-a STS101 {team}"), format!("shop STS101 {shop}")];
        assert_eq!(found(&policy), expected, "{policy}");
    }
}

#[test]
fn labels_that_nobody_knows_choose_the_milder_setting() {
    let set = web("web", "web").replace("{name: web}", "{name: web, namespace: unseen}");
    let service = service("web", false).replace("{name: web}", "{name: web, namespace: unseen}");
    for (overrides, code) in [
        ("{namespaceSelector: {matchLabels: {tier: prod}}, rules: {STS101: warn}}", 0),
        ("{namespaceSelector: {matchLabels: {tier: prod}}, enforcement: deny, rules: {STS101: deny}}", 0),
    ] {
        let base = "rules: {STS101: warn}\n";
        let policy = format!("{base}overrides: [{overrides}]\n");
        let folder = Folder::with(&[("web.yaml", &format!("{service}---\n{set}")), ("policy.yaml", &policy)]);
        let ended = folder.run(&["check", "web.yaml", "--policy", "policy.yaml"]);
        assert_eq!(ended.code, code, "{policy}{}", ended.stdout);
        assert!(ended.stdout.contains("1 warning,"), "{}", ended.stdout);
    }
}

#[test]
fn exemptions_count_for_what_they_name_until_they_expire() {
    let exempt = |fields: &str| format!("exemptions: [{{rules: [STS101], reason: moves in June, {fields}}}]\n");
    let all = ["team-a STS101 deny", "shop STS101 deny"];
    for (fields, left) in [
        ("namespaces: [team-*]", vec![all[1]]),
        ("names: [web]", vec![]),
        ("names: ['w*b'], namespaces: [shop]", vec![all[0]]),
        ("names: [other]", all.to_vec()),
        ("selector: {matchLabels: {old: 'yes'}}", vec![all[0]]),
        ("namespaces: [team-a], expires: 9999-12-31", vec![all[1]]),
        ("namespaces: [team-a], expires: 2020-01-01", vec![all[0], "team-a STS001 warn", all[1]]),
    ] {
        let mut found = found(&exempt(fields));
        found.sort();
        let mut expected: Vec<_> = left.iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(found, expected, "{fields}");
    }
    // What the policy exempts is counted.
    let folder = folder(&exempt("names: [web]"));
    assert!(folder.run(&["check", "web.yaml", "--policy", "policy.yaml"]).stdout.ends_with(", 2 exempt\n"));
}

#[test]
fn a_rule_can_be_left_to_the_policys_own_list() {
    let annotated =
        "{name: web, annotations: {stsguard.dev/exempt-non-headless-service: \"we know\"}}\nspec:\n  serviceName";
    let text = format!("{}---\n{}", service("web", false), web("web", "web"));
    let text = text.replace("{name: web}\nspec:\n  serviceName", annotated);
    let check = |policy: &str| {
        Folder::with(&[("web.yaml", &text), ("policy.yaml", policy)]).run(&[
            "check",
            "web.yaml",
            "--policy",
            "policy.yaml",
        ])
    };
    assert_eq!(check("{}").code, 0);
    let ended = check("rules: {STS101: {exemptable: false}}");
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("exempts nothing: from that rule the policy alone exempts"), "{}", ended.stdout);
    assert!(ended.stdout.contains("STS101  1 to deny  only the policy exempts from this rule\n"), "{}", ended.stdout);
    let listed = "rules: {STS101: {exemptable: false}}\nexemptions: [{rules: [STS101], names: [web], reason: agreed}]";
    assert_eq!(check(listed).code, 0);
}

#[test]
fn is_fast_with_10_000_exemptions() {
    let each =
        |number: usize| format!("- {{rules: [STS101, STS301], names: [set-{number}], reason: number {number}}}\n");
    let policy = format!("exemptions:\n{}", (0..10_000).map(each).collect::<String>());
    assert_eq!(found(&policy), ["team-a STS101 deny", "shop STS101 deny"]);
    let named = format!("{policy}- {{rules: [STS101], names: [web], reason: the last}}\n");
    assert_eq!(found(&named), [""; 0]);
}

#[test]
fn shows_what_counts_in_one_namespace() {
    let policy = "overrides:\n- {namespaces: [team-*], enforcement: warn, rules: {STS304: off}}\n\
                  - {namespaceSelector: {matchLabels: {tier: prod}}, profile: strict}\n\
                  exemptions:\n- {rules: [STS301], namespaces: [legacy-*], reason: moves, expires: 2020-01-01}\n\
                  - {rules: [STS302], names: [cache], namespaces: [team-a], reason: a cache}\n";
    let folder = Folder::with(&[("policy.yaml", policy)]);
    let shown = |arguments: &[&str]| folder.run(&[&["policy", "policy.yaml"], arguments].concat()).stdout;
    let whole = shown(&[]);
    assert!(whole.contains("2 overrides: show one namespace with -n"), "{whole}");
    assert!(
        whole.contains("exempt from STS301: in legacy-*: moves (expired on 2020-01-01: it exempts nothing)"),
        "{whole}"
    );
    let team = shown(&["-n", "team-a"]);
    assert!(team.contains("profile: recommended · enforcement: warn"), "{team}");
    assert!(
        team.contains("STS304  missing-readiness-probe         off       an override for this namespace\n"),
        "{team}"
    );
    assert!(
        team.contains("Overrides by label may apply here")
            && team.contains("exempt from STS302: named cache in team-a")
    );
    assert!(!team.contains("legacy"), "{team}");
}
