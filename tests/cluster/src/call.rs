//! kubectl and helm, run as a user of the cluster.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, Result, ensure};
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    Cluster,
    api_server::Server,
    credentials::{Credentials, User},
};

/// A command that has not been run yet.
#[must_use]
pub struct Call {
    command: Command,
    line: String,
    stdin: Option<String>,
    credentials: Credentials,
    user: User,
    server: Server,
}

/// What a command has printed and how it ended.
#[derive(Debug)]
pub struct Output {
    /// The command line.
    pub line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Call {
    pub(super) fn new(
        cluster: &Cluster,
        program: &str,
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        let mut command = Command::new(cluster.binaries.join(program));
        command.args(&arguments).envs(cluster.client_environment());
        Self {
            line: format!("{program} {}", arguments.join(" ")),
            command,
            stdin: None,
            credentials: cluster.credentials.clone(),
            user: User::Admin,
            server: Server::First,
        }
    }

    /// Runs it as this user rather than as the administrator.
    pub fn user(mut self, user: User) -> Self {
        self.user = user;
        self
    }

    /// Lets it speak to this API server rather than to the first.
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Gives it this on standard input.
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// Runs it in this folder.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.command.current_dir(folder.into());
        self
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn output(mut self) -> Result<Output> {
        let stdin = if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = self
            .command
            .env("KUBECONFIG", self.credentials.kubeconfig(self.user, self.server))
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting `{}`", self.line))?;
        let input = child.stdin.take();
        let feed = async {
            if let (Some(mut input), Some(text)) = (input, self.stdin) {
                input.write_all(text.as_bytes()).await.ok(); // who does not read it all says so in the output
            }
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        let output = output?;
        Ok(Output {
            line: self.line,
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it and returns what it wrote to standard output.
    ///
    /// # Errors
    /// When it does not succeed; the message has all that it printed.
    pub async fn ok(self) -> Result<String> {
        self.output().await?.ok()
    }

    /// Runs it, expects that it fails, and returns what it wrote to standard error.
    ///
    /// # Errors
    /// When it succeeds.
    pub async fn refused(self) -> Result<String> {
        self.output().await?.refused()
    }
}

impl Output {
    /// Standard output of a command that succeeded.
    ///
    /// # Errors
    /// When it did not succeed; the message has all that it printed.
    pub fn ok(self) -> Result<String> {
        ensure!(self.status.success(), "{self}");
        Ok(self.stdout)
    }

    /// Standard error of a command that failed.
    ///
    /// # Errors
    /// When it succeeded; the message has all that it printed.
    pub fn refused(self) -> Result<String> {
        ensure!(!self.status.success(), "expected a refusal: {self}");
        Ok(self.stderr)
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}\n{}{}", self.line, self.status, self.stdout, self.stderr)
    }
}
