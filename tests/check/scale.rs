//! Many remarks and findings in one text: each of these takes a second or two, and took minutes when the text was gone
//! through for each of them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{Folder, service, web};

fn in_a_list(items: impl Iterator<Item = String>) -> String {
    items.fold("apiVersion: v1\nkind: List\nitems:\n".to_owned(), |mut list, item| {
        writeln!(list, "  - {}", item.trim_end().replace('\n', "\n    ")).expect("memory takes it");
        list
    })
}

#[test]
fn notes_20_000_repeated_keys() {
    let keys: Vec<_> = (0..20_000).map(|number| format!("key-{number}: 1\n")).collect();
    let ended = Folder::with(&[("keys.yaml", &keys.concat().repeat(2))]).run(&["check", "keys.yaml"]);
    assert_eq!((ended.code, ended.stderr.lines().count()), (0, 20_000));
    assert!(ended.stderr.contains("note: keys.yaml:20001:1: the key \"key-0\" is written twice here"));
}

#[test]
fn notes_5_000_partial_objects_in_one_list() {
    let partial = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec: {replicas: 5}\n";
    let list = in_a_list(std::iter::repeat_n(partial.to_owned(), 5000));
    let ended = Folder::with(&[("list.yaml", &list)]).run(&["check", "list.yaml"]);
    assert_eq!((ended.code, ended.stderr.lines().count()), (0, 5000));
    assert!(
        ended.stderr.ends_with(
            "note: list.yaml:20000:5: partial object (StatefulSet); check the output of `kustomize build`\n"
        )
    );
}

#[test]
fn tells_5_000_mismatches_in_one_list() {
    let wrong = web("web", "web").replace("replicas: 2", "replicas: two");
    let list = in_a_list(std::iter::repeat_n(wrong, 5000));
    let ended = Folder::with(&[("list.yaml", &list)]).run(&["check", "list.yaml"]);
    assert_eq!((ended.code, ended.stderr.lines().count()), (2, 5000));
}

#[test]
fn shows_5_000_findings_on_one_line_with_what_is_near_them() {
    let read = |text: &str| stsguard::yaml::documents(text)[0].read().expect("it is good").value;
    let mut items = vec![read(&service("web", false))];
    let mut set = read(&web("web", "web"));
    set["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["s3cret"]);
    items.extend(std::iter::repeat_n(set, 5000));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": Value::from(items)}).to_string();
    let places: Vec<_> = list.match_indices("\"serviceName\":").map(|(at, key)| at + key.len() + 1).collect();
    let ended = Folder::with(&[("list.json", &list)]).run(&["check", "list.json"]);
    assert_eq!((ended.code, ended.stdout.matches("error[STS101 ").count()), (1, 5000));
    assert!(ended.stdout.contains(&format!("--> list.json:1:{}\n", places[4999])), "the column is the file's");
    assert!(ended.stdout.lines().all(|line| line.len() < 200), "lines are cut");
    assert!(ended.stdout.contains("\"serviceName\":\"web\"") && !ended.stdout.contains("s3cret"));
}

#[test]
fn tells_services_apart_among_4_000_that_share_a_label() {
    let services = (0..4000).map(|number| {
        let own = format!("selector: {{app: web, number: \"{number}\"}}");
        service(&format!("web-{number}"), true).replace(&format!("selector: {{app: web-{number}}}"), &own)
    });
    let sets =
        (0..4000).map(|number| web(&format!("set-{number}"), "web").replace("serviceName: web", "serviceName: none"));
    let text = services.chain(sets).collect::<Vec<_>>().join("---\n");
    let (found, _) = Folder::with(&[("all.yaml", &text)]).check(&["."]);
    assert_eq!(found.len(), 4000);
    assert!(found.iter().all(|finding| finding.starts_with("STS102 warn set-")));
}
