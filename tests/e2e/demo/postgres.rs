//! The PostgreSQL of this machine.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use test_cluster::Script;

use super::{pods, screen, shop::Shop};

/// The password in each Secret `postgres`.
pub const PASSWORD: &str = "short-and-stout";

/// A server's programs.
pub struct Postgres {
    folder: PathBuf,
    /// What the server says of itself.
    pub version: String,
}

impl Postgres {
    /// The programs in the folder that `PG_BIN` names; none when it names none.
    pub fn find() -> Result<Option<Self>> {
        let Some(folder) = env::var_os("PG_BIN").filter(|folder| !folder.is_empty() && folder != "none") else {
            return Ok(None);
        };
        let folder = PathBuf::from(folder);
        let told = Command::new(folder.join("postgres")).arg("--version").output();
        let told = told.with_context(|| format!("PG_BIN={} has no server", folder.display()))?;
        ensure!(told.status.success(), "postgres --version: {}", String::from_utf8_lossy(&told.stderr));
        let version = String::from_utf8(told.stdout)?.trim().trim_start_matches("postgres ").replace(['(', ')'], "");
        Ok(Some(Self { folder, version }))
    }

    /// The image `postgres`, with its variables; the search path leads to these programs.
    pub fn image(&self) -> Script {
        let path = format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", self.folder.display());
        let variables = [("PATH", path.as_str()), ("PGDATA", "/var/lib/postgresql/data")];
        let around = self.folder.parent().filter(|folder| !folder.starts_with("/usr"));
        Script {
            image: "postgres".into(),
            entrypoint: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/demo/postgres.sh"),
            folders: around.into_iter().map(Path::to_owned).collect(),
            environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    /// Shows what psql prints for a statement, sent to the server in a pod, and returns it.
    pub async fn query(&self, shop: &Shop<'_>, pod: &str, statement: &str) -> Result<Output> {
        let address = pods::address(shop, pod).await?;
        screen::command(&format!("psql -h {pod}.postgres -U postgres -Atc \"{statement}\""));
        let host = format!("{pod}.postgres");
        let output = tokio::process::Command::new(self.folder.join("psql"))
            .args(["-h", &host, "-U", "postgres", "-Atc", statement])
            // The cluster has no DNS: the address of the name.
            .env("PGHOSTADDR", address)
            .env("PGPASSWORD", PASSWORD)
            .env("PGCONNECT_TIMEOUT", "10")
            .env("LC_ALL", "C")
            .output()
            .await
            .context("starting psql")?;
        screen::lines(&String::from_utf8_lossy(&output.stderr));
        screen::lines(&String::from_utf8_lossy(&output.stdout));
        Ok(output)
    }
}
