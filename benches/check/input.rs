//! What is checked: any number of one kind of remark, finding or duplicate.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;
use stsguard::rules::RULES;
use tempfile::TempDir;

/// One thing that a check has to say.
pub struct Kind {
    pub name: String,
    /// So many of it.
    pub input: Box<dyn Fn(usize) -> Result<Input>>,
    /// Whether the format makes a difference worth measuring; remarks are the same in both.
    pub in_both: bool,
}

pub enum Input {
    Text(String),
    Folder(TempDir),
}

const PARTIAL: &str = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec: {replicas: 5}\n";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  clusterIP: None\n  \
                       selector: {app: web}\n  ports: [{port: 80}]\n";
/// In which nothing is wrong but that its Service is not headless, where it is not.
const SET: &str = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec:\n  serviceName: web\n  \
                   replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    \
                   metadata: {labels: {app: web}}\n    spec:\n      containers:\n        - name: web\n          \
                   image: example.com/web:1.0\n          readinessProbe: {tcpSocket: {port: 80}}\n";

/// All kinds: remarks, findings, duplicates.
pub fn kinds() -> Result<Vec<Kind>> {
    let clustered = SERVICE.replace("  clusterIP: None\n", "");
    let wrong = SET.replace("replicas: 2", "replicas: two");
    let mut kinds = vec![
        Kind::text("key written twice", |size| {
            let keys: Vec<_> = (0..size).map(|number| format!("key-{number}: 1\n")).collect();
            keys.concat().repeat(2)
        }),
        Kind::text("partial object in a List", |size| list(size, |_| PARTIAL.to_owned())),
        Kind::text("partial object in a document", |size| documents(size, |_| PARTIAL.to_owned())),
        Kind::text("partial object on one line", |size| {
            let partial = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"replicas": 5}});
            json!({"apiVersion": "v1", "kind": "List", "items": vec![partial; size]}).to_string()
        }),
        Kind::text("mismatch in a List", {
            let wrong = wrong.clone();
            move |size| list(size, |_| wrong.clone())
        }),
        Kind::text("mismatch in a document", move |size| documents(size, |_| wrong.clone())),
        Kind::text("document that is no YAML", |size| documents(size, |_| "a: [\n".to_owned())),
        Kind::text("bad separator", |size| "--- a\n".repeat(size)),
        Kind::text("finding in a List", {
            let first = clustered.clone();
            move |size| list(size + 1, |number| if number == 0 { first.clone() } else { numbered(SET, number) })
        })
        .in_both(),
        Kind::text("finding in a document", {
            let first = clustered.clone();
            move |size| documents(size + 1, |number| if number == 0 { first.clone() } else { numbered(SET, number) })
        })
        .in_both(),
        Kind::text("finding on one line", on_one_line).in_both(),
        Kind::text("finding in one object", |size| {
            let mount = |number| format!("            - {{name: gone-{number}, mountPath: /mnt/{number}}}\n");
            format!("{SERVICE}---\n{SET}          volumeMounts:\n{}", (0..size).map(mount).collect::<String>())
        })
        .in_both(),
        Kind::text("name given twice", move |size| {
            let services =
                documents(size, |number| if number % 2 == 0 { SERVICE.to_owned() } else { clustered.clone() });
            // Between definitions that contradict each other nothing is said of a set, so it has a fault of its own.
            services + "---\n" + &documents(size, |number| numbered(SET, number).replace("Name: web", "Name: none"))
        }),
        Kind::text("label shared", |size| {
            let own = |number| format!("{{app: web, number: \"{number}\"}}");
            documents(size, |number| numbered(&SERVICE.replace("{app: web}", &own(number)), number))
                + "---\n"
                + &documents(size, |number| numbered(SET, number))
        }),
        Kind { name: "name given in several files".to_owned(), input: Box::new(folder), in_both: false },
    ];
    for info in RULES.iter().map(|rule| rule.info()) {
        if let Some(text) = fixture(info.name)? {
            let input = Box::new(move |size| parts(&text, size));
            kinds.push(Kind { name: format!("finding {}", info.code), input, in_both: false });
        }
    }
    Ok(kinds)
}

impl Kind {
    fn text(name: &str, text: impl Fn(usize) -> String + 'static) -> Self {
        Self { name: name.to_owned(), input: Box::new(move |size| Ok(Input::Text(text(size)))), in_both: false }
    }

    fn in_both(self) -> Self {
        Self { in_both: true, ..self }
    }
}

fn numbered(text: &str, number: usize) -> String {
    text.replace("{name: web}", &format!("{{name: web-{number}}}"))
}

fn documents(size: usize, document: impl Fn(usize) -> String) -> String {
    (0..size).map(document).collect::<Vec<_>>().join("---\n")
}

fn list(size: usize, item: impl Fn(usize) -> String) -> String {
    (0..size).map(item).fold("apiVersion: v1\nkind: List\nitems:\n".to_owned(), |list, item| {
        list + "  - " + item.trim_end().replace('\n', "\n    ").as_str() + "\n"
    })
}

fn on_one_line(size: usize) -> String {
    let mut text = r#"{"apiVersion":"v1","kind":"List","items":["#.to_owned();
    text += r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}"#;
    for number in 0..size {
        let metadata = json!({"labels": {"app": "web"}});
        let pod = json!({"containers": [{"name": "web", "image": "example.com/web:1.0", "args": ["--all"]}]});
        let spec = json!({
            "serviceName": "web", "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": metadata, "spec": pod},
        });
        let name = format!("web-{number}");
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": spec});
        write!(text, ",{set}").expect("memory takes it");
    }
    text + "]}"
}

/// Each file defines the same name; its neighbour says otherwise.
fn folder(size: usize) -> Result<Input> {
    let folder = tempfile::tempdir()?;
    for number in 0..size {
        let address = if number % 2 == 0 { "clusterIP: None" } else { "type: ClusterIP" };
        let service = SERVICE.replace("clusterIP: None", address);
        let set = numbered(SET, number).replace("serviceName: web", "serviceName: none");
        fs::write(folder.path().join(format!("{number}.yaml")), format!("{service}---\n{set}"))?;
    }
    Ok(Input::Folder(folder))
}

/// The same text again and again, in files that are small enough to be read.
fn parts(text: &str, size: usize) -> Result<Input> {
    const PART: usize = 10_000;
    let folder = tempfile::tempdir()?;
    for begin in (0..size).step_by(PART) {
        let part = documents(PART.min(size - begin), |_| text.to_owned());
        fs::write(folder.path().join(format!("{begin}.yaml")), part)?;
    }
    Ok(Input::Folder(folder))
}

/// A manifest in which a rule finds something, if files can show it.
fn fixture(rule: &str) -> Result<Option<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(rule);
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(None) };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
    let mut names = names.collect::<std::io::Result<Vec<_>>>()?;
    // What shows a change or a deletion is no manifest to check.
    let is_change = |name: &String| name.contains(".delete.") || name.contains(".old.");
    if names.iter().any(is_change) {
        return Ok(None);
    }
    names.retain(|name| name.starts_with("fail-"));
    names.sort();
    let Some(name) = names.first() else { return Ok(None) };
    fs::read_to_string(folder.join(name)).map(Some).with_context(|| format!("{rule}/{name} cannot be read"))
}
