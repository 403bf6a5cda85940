//! The built program as a process of its own, and what only a process shows: its signals, its log, its limits.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::api::Api;
use super::patience::until;
use super::served::{pair, publish};
use super::target::Target;

/// A running program; it is ended by its id when this is dropped.
pub struct Process {
    target: Target,
    child: Child,
    folder: TempDir,
}

impl Deref for Process {
    type Target = Target;

    fn deref(&self) -> &Target {
        &self.target
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// The program, ready, with further arguments, and a command of the shell before it such as `ulimit -n 64`.
    pub async fn ready(api: &Api, before: &str, arguments: &[&str]) -> Self {
        let process = Self::start(api.listen().await, before, arguments).await;
        process.becomes_ready().await;
        process
    }

    /// The program, listening, with an API server at this address.
    pub async fn start(api: SocketAddr, before: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let certificates = folder.path().join("certificates");
        fs::create_dir(&certificates).expect("a folder can be made");
        let made = pair();
        publish(&certificates, "..first", &made.certificate, &made.key);
        let kubeconfig = folder.path().join("kubeconfig");
        fs::write(&kubeconfig, kubeconfig_for(api)).expect("a file can be written");
        let log = File::create(folder.path().join("log")).expect("a file can be made");
        let child = Command::new("sh")
            .args(["-c", &format!("{before}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_stsguard"), "serve"])
            .args(["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--certificates"])
            .arg(&certificates)
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", &kubeconfig)
            .stderr(log)
            .spawn()
            .expect("the program is there");
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let target = Target { reviews: nowhere, admin: nowhere, cas: made.ca };
        let mut process = Self { target, child, folder };
        until("the ports", async || process.said("listening").first().is_some_and(|line| line["admin"].is_string()))
            .await;
        let listening = process.said("listening").swap_remove(0);
        let address =
            |name: &str| listening[name].as_str().and_then(|text| text.parse().ok()).expect("it is an address");
        (process.target.reviews, process.target.admin) = (address("listen"), address("admin"));
        process
    }

    /// The lines of its log that begin with this message.
    pub fn said(&self, message: &str) -> Vec<Value> {
        self.log()
            .into_iter()
            .filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message)))
            .collect()
    }

    /// All whole lines of its log.
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("log")).expect("the log can be read");
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// A figure of its memory in KiB, as `/proc/PID/status` names it: `VmHWM`, `RssAnon`.
    pub fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("Linux says");
        line.trim().trim_end_matches(" kB").parse().expect("it is a number")
    }

    /// How many files it has open.
    pub fn files(&self) -> usize {
        fs::read_dir(Path::new("/proc").join(self.child.id().to_string()).join("fd")).expect("the process runs").count()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> ExitStatus {
        let mut status = None;
        until("the end", async || {
            status = self.child.try_wait().expect("it is a child");
            status.is_some()
        })
        .await;
        status.expect("it was just set")
    }
}

fn kubeconfig_for(api: SocketAddr) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": format!("http://{api}")}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "users": [{"name": "test", "user": {}}],
    })
    .to_string()
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let process = Process::ready(&Api::default(), "true", &["--drain-propagation=10m"]).await;
    process.signal("TERM");
    until("the drain", async || !process.said("stopping: draining").is_empty()).await;
    assert_eq!(process.admin("/live").await.status, 200, "the drain goes on");
    process.signal("TERM");
    assert_eq!(process.ended().await.code(), Some(1));
}

#[tokio::test]
async fn says_in_one_line_that_the_api_server_is_away_and_tries_again() {
    // Whoever connects is turned away at once, and counted.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port can be bound");
    let address = listener.local_addr().expect("the system says");
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    // The thread ends with the process of the tests.
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            counted.fetch_add(1, Ordering::AcqRel);
        }
    });
    let process = Process::start(address, "true", &[]).await;
    until("further tries", async || tries.load(Ordering::Acquire) >= 15).await;
    assert_eq!((process.admin("/ready").await.status, process.admin("/live").await.status), (503, 200));
    let said = process.said("the API server cannot be reached");
    assert!(said.len() == 1 && said[0]["cause"].is_string(), "{said:?}");
    let troubles: Vec<_> = process.log().into_iter().filter(|line| line["level"] != "INFO").collect();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
}

#[tokio::test]
async fn refuses_limits_that_contradict_each_other() {
    let program = || Command::new(env!("CARGO_BIN_EXE_stsguard"));
    for (arguments, part) in [
        (["--max-body=8Mi", "--max-bytes-in-flight=1Mi"], "--max-bytes-in-flight"),
        (["--max-connections=0", "--max-body=1Mi"], "--max-connections"),
        (["--client-name=a", "--max-body=1Mi"], "--client-ca"),
        (["--max-body=8MB", "--max-queue=1"], "8Mi"),
    ] {
        let ended = program().arg("serve").args(arguments).env_clear().output().expect("the program is there");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(2) && said.contains(part), "{arguments:?}: {said}");
    }
}
