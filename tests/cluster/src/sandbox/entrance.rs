//! How a command gets into a container that runs, as `kubectl exec` and probes do it.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::{Sandbox, find};

/// What a command needs to see what the container's own program sees.
#[derive(Debug)]
pub struct Entrance {
    pid_file: PathBuf,
    environment: BTreeMap<String, String>,
    user: Option<(i64, i64, Vec<i64>)>,
}

impl Entrance {
    /// The entrance of the container that this describes.
    pub fn of(sandbox: Sandbox) -> Self {
        let Sandbox { pid_file, environment, user, .. } = sandbox;
        Self { pid_file, environment, user }
    }

    /// Runs a command inside; what is left of it after `limit` is killed.
    ///
    /// # Errors
    /// When it fails, takes too long, or the container is not made yet or not there any more.
    pub async fn run(&self, command: &[String], limit: Duration) -> Result<()> {
        let pid = fs::read_to_string(&self.pid_file).context("the container has no process")?;
        let root = fs::metadata(format!("/proc/{pid}/root/"))?;
        let own = fs::metadata("/")?;
        ensure!((root.dev(), root.ino()) != (own.dev(), own.ino()), "the container is still being made");

        // nsenter's child is not ended with it, but `timeout` ends its whole group. Absolute paths, for the search path is
        // the container's.
        let mut line = Command::new(find("timeout")?);
        line.arg("--signal=KILL").arg(limit.as_secs_f64().to_string()).arg(find("nsenter")?);
        line.args(["--target", &pid, "--mount", "--net", "--pid", "--ipc", "--root"]);
        if let Some((user, group, _)) = &self.user {
            line.args([format!("--setuid={user}"), format!("--setgid={group}")]);
        }
        line.arg("--").args(command).env_clear().envs(&self.environment);
        let status = line
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .status()
            .await?;
        ensure!(status.success(), "`{}`: {status}", command.join(" "));
        Ok(())
    }
}
