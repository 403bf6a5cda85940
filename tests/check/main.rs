//! The commands that need no cluster, run as their users run them.

mod bad_input;
mod commands;
mod output;
mod policy;
mod reading;
mod scale;
mod scoped_policy;
mod scopes;
mod tutorial;

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with files, in which commands run.
struct Folder(TempDir);

/// How a command ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Folder {
    /// A folder with these files; folders in their paths are made.
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        for (path, text) in files {
            folder.write(path, text.as_bytes());
        }
        folder
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("the file stands in a folder")).expect("folders can be made");
        fs::write(path, bytes).expect("the file can be written");
    }

    /// Runs `stsguard` in the folder.
    fn run(&self, arguments: &[&str]) -> Ended {
        run_in(self.0.path(), arguments, "")
    }

    /// Runs `stsguard check --format json` and returns the findings as `code action name`, with the rest.
    fn check(&self, arguments: &[&str]) -> (Vec<String>, Ended) {
        let ended = self.run(&[&["check", "--format", "json"], arguments].concat());
        (findings(&ended), ended)
    }
}

fn run_in(folder: &Path, arguments: &[&str], stdin: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stsguard"));
    // What the developer's shell sets must not reach the tests.
    command.current_dir(folder).env_clear().args(arguments).write_stdin(stdin);
    let Output { status, stdout, stderr } = command.output().expect("the command runs");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Ended { code: status.code().expect("the command was not killed"), stdout: text(stdout), stderr: text(stderr) }
}

fn findings(ended: &Ended) -> Vec<String> {
    let report: Value = serde_json::from_str(&ended.stdout).expect("the output is one JSON object");
    let list = report["findings"].as_array().expect("there is a list of findings");
    let text = |finding: &Value, pointer: &str| finding.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let shown = list.iter().map(|finding| {
        let part = |pointer| text(finding, pointer).expect("a finding has all its fields");
        format!("{} {} {}", part("/code"), part("/action"), part("/object/name"))
    });
    shown.collect()
}

/// The root of this repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Service, headless or not.
fn service(name: &str, headless: bool) -> String {
    let address = if headless { "  clusterIP: None\n" } else { "" };
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n{address}  \
         selector: {{app: {name}}}\n  ports: [{{port: 80}}]\n"
    )
}

/// A StatefulSet of two plain web servers, in which nothing is wrong as long as its Service is headless.
fn web(name: &str, service: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: {name}}}\nspec:\n  serviceName: {service}\n  \
         replicas: 2\n  selector: {{matchLabels: {{app: {service}}}}}\n  template:\n    \
         metadata: {{labels: {{app: {service}}}}}\n    spec:\n      containers:\n        - name: web\n          \
         image: example.com/web:1.0\n          readinessProbe: {{tcpSocket: {{port: 80}}}}\n"
    )
}
