//! The commands in the documentation can be pasted, and what they leave behind can be upgraded.

use std::fs;
use std::path::PathBuf;

use super::tools::{Helm, chart, root, template, text};

/// Every page that shows commands.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).expect("there is documentation");
    let docs = docs.map(|entry| entry.expect("an entry can be read").path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.chain([root().join("README.md"), chart().join("README.md")]).collect()
}

/// The commands of helm in a text, each on one line. Neither prose that only names a command, nor another chart's.
fn commands(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let verbs = ["install", "upgrade", "template", "test", "uninstall", "rollback"];
    let starts = verbs.iter().flat_map(|verb| {
        let start = format!("helm {verb} ");
        text.match_indices(&start).map(|(at, _)| at).collect::<Vec<_>>()
    });
    let command = |at: usize| text[at..].split(['\n', '`', '|']).next().unwrap_or_default().trim().to_owned();
    starts.map(command).filter(|command| command.contains("stsguard")).collect()
}

#[test]
fn name_the_release_and_its_namespace_and_never_an_older_charts_defaults() {
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page can be read");
        for command in commands(&text) {
            let words: Vec<_> = command.split_whitespace().collect();
            let names = |wanted: &[&str]| words.windows(wanted.len()).any(|some| some == wanted);
            let chart = ["install", "upgrade", "template"].contains(&words[1]);
            let release =
                if chart { names(&["stsguard", "charts/stsguard"]) } else { words.get(2) == Some(&"stsguard") };
            assert!(release && names(&["-n", "stsguard"]), "{}: {command}", page.display());
            assert!(!words.contains(&"--reuse-values"), "{}: {command}", page.display());
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} commands were found");
}

#[test]
fn a_command_is_found_in_a_block_and_in_a_line() {
    let text = "as `helm install --wait` does, `helm test stsguard` too\nhelm upgrade stsguard \\\n  -n b | cat\n";
    assert_eq!(commands(text), ["helm upgrade stsguard    -n b", "helm test stsguard"]);
}

/// Values that the first charts did not have; a null takes them away, as `--reuse-values` does.
const NEWER: [&str; 15] = [
    "commonLabels",
    "extraVolumeMounts",
    "extraVolumes",
    "fullnameOverride",
    "image.digest",
    "image.registry",
    "livenessProbe",
    "metrics.prometheusRule.runbookBaseUrl",
    "nameOverride",
    "podDisruptionBudget.maxUnavailable",
    "podDisruptionBudget.minAvailable",
    "readinessProbe",
    "resourceQuota",
    "serviceAccount.create",
    "tls",
];

#[test]
fn values_of_an_older_chart_still_render() {
    let all =
        "metrics.prometheusRule.enabled=true,priorityClassName=system-cluster-critical,uninstallHook.enabled=true";
    let gone: Vec<_> = NEWER.iter().map(|value| format!("{value}=null")).collect();
    let settings = format!("--set={all},topologySpreadConstraints=null,{}", gone.join(","));
    for version in [Helm::Three, Helm::Four] {
        let older = text(&template(version, &[&settings]));
        assert!(!older.contains("<nil>") && !older.contains("no value"), "{older}");
        for kept in ["kind: ServiceAccount", "kind: PodDisruptionBudget", "kind: ResourceQuota", "path: /ready"] {
            assert!(older.contains(kept), "{version:?}: {kept}");
        }
    }
}
