//! helm, helm 3 and promtool, built once and run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use stsguard::yaml::documents;

/// Which helm renders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helm {
    Three,
    Four,
}

#[path = "../cache.rs"]
mod cache;

static CONTROL_PLANE: LazyLock<PathBuf> =
    LazyLock::new(|| match std::env::var_os("STSGUARD_CONTROL_PLANE").filter(|folder| !folder.is_empty()) {
        Some(folder) => folder.into(),
        None => built("tests/cluster/control-plane/build.sh"),
    });
static TOOLS: LazyLock<PathBuf> = LazyLock::new(|| built("tests/chart/tools/build.sh"));

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn chart() -> PathBuf {
    root().join("charts/stsguard")
}

fn built(script: &str) -> PathBuf {
    let output = Command::new(root().join(script)).arg(cache::folder()).output().expect("the script can be run");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints a path").trim().into()
}

/// Runs helm; nothing of the user's is read.
pub fn helm(helm: Helm, arguments: &[&str]) -> Output {
    let program = match helm {
        Helm::Three => TOOLS.join("helm3"),
        Helm::Four => CONTROL_PLANE.join("helm"),
    };
    let home = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(program);
    command.args(arguments).env("HOME", home.path()).env_remove("KUBECONFIG");
    command.output().expect("helm can be run")
}

/// Runs promtool in a folder.
pub fn promtool(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(TOOLS.join("promtool")).args(arguments).current_dir(folder).output().expect("promtool can be run")
}

/// `helm template` of the release stsguard in the namespace stsguard.
pub fn template(version: Helm, arguments: &[&str]) -> Output {
    let chart = chart().display().to_string();
    let words = [&["template", "stsguard", &chart, "-n", "stsguard"], arguments].concat();
    helm(version, &words)
}

/// `helm lint --strict` with a values file.
pub fn lint(version: Helm, values: &Path) -> Output {
    let (chart, values) = (chart().display().to_string(), format!("--values={}", values.display()));
    helm(version, &["lint", "--strict", &chart, &values])
}

/// The objects that helm 4 renders, hooks included.
pub fn rendered(arguments: &[&str]) -> Vec<Value> {
    objects(&text(&template(Helm::Four, arguments)))
}

/// What a command printed that must succeed.
pub fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("it prints text")
}

/// The documents of a YAML text.
pub fn objects(text: &str) -> Vec<Value> {
    let read = |document: stsguard::yaml::Document<'_>| {
        let read = document.read().unwrap_or_else(|fault| panic!("{fault}:\n{}", document.text()));
        assert!(read.duplicates.is_empty(), "{:?}", read.duplicates);
        read.value
    };
    documents(text).into_iter().map(read).filter(|value| !value.is_null()).collect()
}

/// One object, by kind and name.
pub fn object<'v>(objects: &'v [Value], kind: &str, name: &str) -> &'v Value {
    let wanted = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().find(wanted).unwrap_or_else(|| panic!("{kind} {name} is not rendered"))
}

/// All values files: one per taste, and those that exercise options.
pub fn values_files() -> Vec<PathBuf> {
    let files = |folder: &str| {
        let entries = fs::read_dir(chart().join(folder)).expect("the folder is there");
        entries.map(|entry| entry.expect("an entry can be read").path()).collect::<Vec<_>>()
    };
    let mut all = [files("values"), files("ci")].concat();
    all.sort();
    assert!(all.len() >= 7, "{all:?}");
    all
}
