//! Which of several definitions counts, and what is missing.

use crate::{Folder, service, web};

const DENIED: &[&str] = &["STS101 deny web"];

#[test]
fn prefers_the_same_file_to_the_same_folder_to_the_rest() {
    let both = format!("{}---\n{}", service("web", true), web("web", "web"));
    let folder = Folder::with(&[
        ("a/set.yaml", &web("web", "web")),
        ("a/service.yaml", &service("web", false)),
        ("b/all.yaml", &both),
        ("b/service.yaml", &service("web", false)),
    ]);
    let (found, ended) = folder.check(&["."]);
    assert_eq!(found, DENIED);
    assert!(ended.stdout.contains("\"file\": \"./a/set.yaml\""), "{}", ended.stdout);
}

#[test]
fn says_nothing_where_definitions_contradict_each_other() {
    let folder = Folder::with(&[
        ("set.yaml", &web("web", "web")),
        ("one/service.yaml", &service("web", false)),
        ("two/service.yaml", &service("web", true)),
    ]);
    assert_eq!(folder.check(&["."]).0, [""; 0]);
    // Alone, the first one counts.
    assert_eq!(folder.check(&["set.yaml", "one"]).0, DENIED);
}

#[test]
fn looks_for_the_service_in_the_namespace_of_the_set() {
    let named = service("web", false).replace("{name: web}", "{name: web, namespace: shop}");
    let folder = Folder::with(&[("set.yaml", &web("web", "web")), ("service.yaml", &named)]);
    assert_eq!(folder.check(&["."]).0, ["STS102 warn web"]);
    assert_eq!(folder.check(&[".", "--namespace", "shop"]).0, DENIED);
}

#[test]
fn calls_a_service_missing_only_when_everything_was_understood() {
    let folder = Folder::with(&[("set.yaml", &web("web", "web")), ("broken.yaml", "a: [")]);
    assert_eq!(folder.check(&["set.yaml"]).0, ["STS102 warn web"]);
    let (found, ended) = folder.check(&["."]);
    assert_eq!((found, ended.code), (vec![], 2));
}

#[test]
fn takes_a_patch_for_a_service_as_a_sign_that_there_is_one() {
    let patch = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer}\n";
    let folder = Folder::with(&[("set.yaml", &web("web", "web")), ("patch.yaml", patch)]);
    let (found, ended) = folder.check(&["."]);
    assert_eq!((found, ended.code), (vec![], 0));
    assert!(ended.stderr.contains("partial object (Service)"), "{}", ended.stderr);
}

#[test]
fn finds_the_data_directory_in_a_config_map_among_the_files() {
    let config = |path: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: postgres}}\ndata: {{PGDATA: {path}}}\n")
    };
    let good = std::fs::read_to_string(crate::repository().join("examples/good/postgres.yaml")).expect("it is there");
    let env = "            - name: PGDATA\n              value: /var/lib/postgresql/data/pgdata\n";
    let moved = good.replace(env, "          envFrom: [{configMapRef: {name: postgres}}]\n");
    assert_ne!(moved, good);
    let root = Folder::with(&[("set.yaml", &moved), ("config.yaml", &config("/var/lib/postgresql/data"))]);
    assert_eq!(root.check(&["."]).0, ["STS201 warn postgres"]);
    let below = Folder::with(&[("set.yaml", &moved), ("config.yaml", &config("/var/lib/postgresql/data/pgdata"))]);
    assert_eq!(below.check(&["."]).0, [""; 0]);
    // A ConfigMap that nobody sees could say anything.
    assert_eq!(root.check(&["set.yaml"]).0, [""; 0]);
}

#[test]
fn takes_the_budget_of_another_application_for_no_budget_of_this_one() {
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec:\n  maxUnavailable: 0\n  \
                  selector: {matchLabels: {app: web}}\n";
    let set = format!("{}---\n{}", service("web", true), web("web", "web"));
    let folder = Folder::with(&[("one/set.yaml", &set), ("one/budget.yaml", budget), ("two/set.yaml", &set)]);
    let (found, ended) = folder.check(&["."]);
    assert_eq!(found, ["STS501 warn web"]);
    assert!(ended.stdout.contains("\"file\": \"./one/set.yaml\""), "{}", ended.stdout);
    // It may be meant for both: none is missing.
    assert!(!folder.check(&[".", "--show", "audit"]).0.contains(&"STS501 audit web".to_owned()));
    // One that stands beside no set is everybody's.
    let apart = Folder::with(&[("set.yaml", &set), ("budgets/web.yaml", budget)]);
    assert_eq!(apart.check(&["."]).0, ["STS501 warn web"]);
}
