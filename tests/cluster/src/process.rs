//! Child processes with a log file, ended for certain.

use std::{
    fs::{File, OpenOptions},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// A long-running program whose output goes to a file; killed when dropped.
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts a program; its output is appended to `log`.
    ///
    /// # Errors
    /// When the program or its log file cannot be started or made.
    pub fn start(program: &Path, arguments: &[String], log: &Path) -> Result<Self> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.args(arguments);
        let child = spawn(command, log).with_context(|| format!("starting {name}"))?;
        Ok(Self { name, log: log.into(), child })
    }

    /// Fails when the program has ended, which none of the control plane should.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} has ended, {status}:\n{}", self.name, tail(&self.log, 5)),
            None => Ok(()),
        }
    }

    /// Asks the program to end, and kills it when it takes longer than `patience`.
    ///
    /// # Errors
    /// When it can be neither signalled nor waited for.
    pub async fn stop(&mut self, patience: Duration) -> Result<()> {
        if let Some(pid) = self.child.id() {
            send("TERM", pid).await?;
        }
        if timeout(patience, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

/// Starts a command in a process group of its own (the terminal's Ctrl-C is not for it), its output going to `log`.
///
/// # Errors
/// When the command or its log file cannot be started or made.
pub fn spawn(mut command: Command, log: &Path) -> Result<Child> {
    let out = open_log(log)?;
    let child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}

/// Opens a log file for appending and makes its folders.
///
/// # Errors
/// When it cannot be made.
pub fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path).with_context(|| format!("opening {}", path.display()))
}

/// Sends a signal (`TERM`, `KILL`, …) to a process; one that is gone already is no error.
///
/// # Errors
/// When no command can be run.
pub async fn send(signal: &str, pid: u32) -> Result<()> {
    Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\" 2>/dev/null", "sh", signal, &pid.to_string()])
        .status()
        .await
        .context("sending a signal")?;
    Ok(())
}

/// Runs a command of the system to its end.
///
/// # Errors
/// When it fails; the message has what it printed.
pub async fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().await;
    let output = output.with_context(|| format!("starting {program}"))?;
    ensure!(
        output.status.success(),
        "`{program} {}`: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(())
}

/// The exit code as a container runtime reports it: 128 + the signal for a killed process.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// The last lines of a text file; nothing when it cannot be read.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
