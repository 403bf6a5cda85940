//! An interactive shell inside the cluster, for people.

use std::fs;

use anyhow::{Context, Result};
use tokio::process::Command;

use super::{Cluster, api_server::Server, credentials::User};

impl Cluster {
    /// Runs `bash` in the cluster's namespaces, with kubectl and helm set up, until the user leaves it. `title` is what
    /// its prompt says.
    ///
    /// # Errors
    /// When there is no bash.
    pub async fn shell(&self, title: &str) -> Result<()> {
        let startup = self.state.join("bashrc");
        let prompt = format!("PS1='({title}) \\w \\$ '");
        fs::write(&startup, format!("[ ! -f ~/.bashrc ] || . ~/.bashrc\n{prompt}\nalias k=kubectl\n"))?;
        let variable = |name| std::env::var(name).unwrap_or_default();
        // Its own process group and the terminal are the shell's business, so unlike other children it gets neither.
        Command::new("bash")
            .arg("--rcfile")
            .arg(startup)
            .arg("-i")
            .envs(self.client_environment())
            .env("KUBECONFIG", self.credentials.kubeconfig(User::Admin, Server::First))
            .env("PATH", format!("{}:{}", self.binaries.display(), variable("PATH")))
            .env("HOME", variable("HOME"))
            .status()
            .await
            .context("starting bash")?;
        Ok(())
    }
}
