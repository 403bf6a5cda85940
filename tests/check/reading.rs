//! Files are read as kubectl reads them.

use crate::{Folder, run_in, service, web};

const STS101: &str = "STS101 deny web";

#[test]
fn opens_lists_of_any_kind() {
    let indented = |text: &str| text.replace('\n', "\n    ");
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n  - {}\n  - {}\n",
        indented(&service("web", false)).trim_end(),
        indented(&web("web", "web")).trim_end()
    );
    let (found, ended) = Folder::with(&[("list.yaml", &list)]).check(&["list.yaml"]);
    assert_eq!((found, ended.code), (vec![STS101.to_owned()], 1));

    let typed = list
        .replace("kind: List", "kind: StatefulSetList")
        .replace("apiVersion: v1\nkind: StatefulSetList", "apiVersion: apps/v1\nkind: StatefulSetList")
        .replace("  - apiVersion: apps/v1\n    kind: StatefulSet\n    metadata", "  - metadata");
    assert_ne!(typed, list);
    let (found, ended) = Folder::with(&[("typed.yaml", &typed)]).check(&["typed.yaml"]);
    assert_eq!((found, ended.code), (vec![STS101.to_owned()], 1));
    assert!(ended.stdout.contains("\"line\": 12"), "the place inside the list is told: {}", ended.stdout);
}

#[test]
fn reads_json_and_json_after_json() {
    let object = |text: &str| {
        let documents = stsguard::yaml::documents(text);
        documents[0].read().expect("the text is good").value.to_string()
    };
    let service = object(&service("web", false));
    let set = object(&web("web", "web"));
    for text in [format!("{service}{set}"), format!("{service}\n---\n{set}\n"), format!("\n{service}\n\t{set}")] {
        let (found, _) = Folder::with(&[("all.json", &text)]).check(&["."]);
        assert_eq!(found, [STS101], "{text}");
    }
}

#[test]
fn reads_standard_input() {
    let text = format!("{}---\n{}", service("web", false), web("web", "web"));
    let ended = run_in(Folder::with(&[]).0.path(), &["check", "-"], &text);
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("--> <stdin>:12:16"), "{}", ended.stdout);
}

#[test]
fn searches_folders_but_not_hidden_ones_and_follows_no_link_twice() {
    let folder = Folder::with(&[
        ("a/web.yaml", &web("web", "web")),
        ("a/b/service.yml", &service("web", false)),
        ("a/.git/web.yaml", "not: [yaml"),
        ("a/notes.txt", "not: [yaml"),
    ]);
    std::os::unix::fs::symlink("..", folder.0.path().join("a/b/up")).expect("a link can be made");
    let (found, ended) = folder.check(&["a"]);
    assert_eq!((found, ended.stderr.as_str()), (vec![STS101.to_owned()], ""));
    assert!(ended.stdout.contains("\"files\": 2"), "{}", ended.stdout);
}

#[test]
fn reads_a_file_once_however_often_it_is_named() {
    let folder = Folder::with(&[("web.yaml", &format!("{}---\n{}", service("web", false), web("web", "web")))]);
    std::os::unix::fs::symlink("web.yaml", folder.0.path().join("z.yaml")).expect("a link can be made");
    assert_eq!(folder.check(&["web.yaml", ".", "./web.yaml"]).0, [STS101]);
}

#[test]
fn reads_windows_line_ends_and_byte_order_marks() {
    let text = format!("\u{feff}{}---\n{}", service("web", false), web("web", "web")).replace('\n', "\r\n");
    let (found, ended) = Folder::with(&[("web.yaml", &text)]).check(&["web.yaml"]);
    assert_eq!((found, ended.code), (vec![STS101.to_owned()], 1));
    assert!(ended.stdout.contains("\"line\": 12"), "{}", ended.stdout);
}

#[test]
fn counts_the_last_of_equal_keys_and_says_so() {
    let text = format!("{}---\n{}", service("web", true), web("web", "web"))
        .replace("  clusterIP: None\n", "  clusterIP: None\n  clusterIP: 10.0.0.7\n");
    let (found, ended) = Folder::with(&[("web.yaml", &text)]).check(&["web.yaml"]);
    assert_eq!(found, [STS101]);
    assert_eq!(ended.stderr, "note: web.yaml:6:3: the key \"clusterIP\" is written twice here; the last one counts\n");
}

#[test]
fn follows_anchors_and_merge_keys() {
    let text = format!("{}---\n{}", service("web", true), web("web", "web")).replace(
        "spec:\n  clusterIP: None\n",
        "spec:\n  <<: {clusterIP: None, type: &kind ClusterIP}\n  sessionAffinity: *kind\n",
    );
    let (found, ended) = Folder::with(&[("web.yaml", &text)]).check(&["web.yaml"]);
    assert_eq!((found, ended.code, ended.stderr.as_str()), (vec![], 0, ""));
}

#[test]
fn takes_the_beta_versions_for_apps_v1_and_passes_other_groups_over() {
    let beta = web("web", "web").replace("apps/v1", "apps/v1beta2");
    let other = web("web", "web").replace("apps/v1", "apps.kruise.io/v1beta1");
    let folder = Folder::with(&[
        ("beta/all.yaml", &format!("{}---\n{beta}", service("web", false))),
        ("other/all.yaml", &format!("{}---\n{other}", service("web", false))),
    ]);
    assert_eq!(folder.check(&["beta"]).0, [STS101]);
    let (found, ended) = folder.check(&["other"]);
    assert_eq!((found, ended.code, ended.stderr.as_str()), (vec![], 0, ""));
}

#[test]
fn passes_over_what_is_no_kubernetes_object() {
    let folder = Folder::with(&[
        ("compose.yaml", "services: {db: {image: \"postgres:16\"}}\n"),
        ("kustomization.yaml", "resources: [web.yaml]\n"),
        ("list.yaml", "- a\n- b\n"),
        ("words.yaml", "just words\n"),
        ("empty.yaml", ""),
        ("comments.yaml", "# nothing\n---\n# at all\n"),
        ("crd.yaml", "apiVersion: example.com/v1\nkind: Database\nspec: {replicas: many}\n"),
        (
            "manifest-in-map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {set.yaml: \"kind: StatefulSet\"}\n",
        ),
    ]);
    let (found, ended) = folder.check(&["."]);
    assert_eq!((found, ended.code, ended.stderr.as_str()), (vec![], 0, ""));
}

#[test]
fn passes_partial_objects_over_with_a_note() {
    let folder = Folder::with(&[
        ("replicas.yaml", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec: {replicas: 5}\n"),
        ("delete.yaml", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\n$patch: delete\n"),
        ("image.yaml", &web("web", "web").replace("          image: example.com/web:1.0\n", "")),
    ]);
    let (found, ended) = folder.check(&["."]);
    assert_eq!((found, ended.code), (vec![], 0));
    let note = "partial object (StatefulSet); check the output of `kustomize build`";
    assert_eq!(
        ended.stderr,
        format!("note: ./delete.yaml:1:1: {note}\nnote: ./image.yaml:1:1: {note}\nnote: ./replicas.yaml:1:1: {note}\n")
    );
}

#[test]
fn passes_helm_templates_over_with_one_note_for_each_chart() {
    let template = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{ .Values.metadata }}\n";
    let folder = Folder::with(&[
        ("chart/Chart.yaml", "name: db\n"),
        ("chart/values.yaml", "image: postgres\n"),
        ("chart/templates/set.yaml", template),
        ("chart/templates/more/set.yaml", template),
        ("web.yaml", &web("web", "web")),
    ]);
    let (found, ended) = folder.check(&["."]);
    // The Service may well be in the chart.
    assert_eq!((found, ended.code), (vec![], 0));
    assert_eq!(
        ended.stderr,
        "note: ./chart/templates: helm templates are passed over; check the output of `helm template`\n"
    );
}
