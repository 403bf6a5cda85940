//! The commands of the documentation, pasted into a shell: each block of a page is run here, or says why it is not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use test_cluster::{Cluster, call::Output};

use super::installation::{RELEASE, install_release_again};
use super::{Scenario, alone};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[alone!(can_be_pasted)];

/// The page whose commands the scenario `rollout` runs.
const ROLLOUT: &str = "docs/rollout.md";

/// What stands before a block that no test runs, with the reason.
const NOT_RUN: &str = "<!-- not run by a test: ";

/// A block of commands and where it stands.
struct Block {
    page: String,
    text: String,
}

async fn can_be_pasted(cluster: &Cluster) -> Result<()> {
    let shell = Shell::open(cluster)?;
    let done = paste_all(&shell).await;
    shell.run(&format!("helm uninstall {RELEASE} -n {RELEASE} --wait || true")).await?;
    shell.run("kubectl delete namespace stsguard shop-of-documents --ignore-not-found").await?;
    let words =
        "delete validatingwebhookconfiguration,mutatingwebhookconfiguration,clusterrole,clusterrolebinding stsguard";
    cluster.kubectl(words.split(' ').chain(["--ignore-not-found"])).ok().await?;
    install_release_again(cluster).await?;
    done
}

async fn paste_all(shell: &Shell<'_>) -> Result<()> {
    let mut left = blocks()?;
    let mut paste = |page: &str, start: &str| {
        let found = left.iter().position(|block| block.page == page && block.text.starts_with(start));
        found.map(|index| left.remove(index).text).with_context(|| format!("{page} has no block {start:?}"))
    };
    let uninstall = "helm uninstall stsguard -n stsguard --wait";
    shell.ok(&format!("{uninstall}; kubectl delete namespace stsguard")).await?;

    // From nothing to a guarded cluster, and what one looks at there.
    shell.ok(&paste("README.md", "helm upgrade --install")?).await?;
    let warned = shell.output(&paste("docs/platforms.md", "kubectl create --dry-run=server")?).await?;
    ensure!(warned.status.success() && warned.stderr.contains("Warning: STS401"), "{warned}");
    let valid = shell.ok(&paste("docs/policy.md", "stsguard policy")?).await?;
    ensure!(valid.contains("examples/policy.yaml is a valid policy"), "{valid}");
    shell.ok("kubectl create namespace shop-of-documents").await?;
    shell.ok("kubectl apply -n shop-of-documents -f examples/bad/no-grace-period.yaml").await?;
    let fixed = shell.ok(&paste("docs/install.md", "kubectl get statefulsets -A")?).await?;
    ensure!(fixed.contains("shop-of-documents/postgres: STS301"), "{fixed}");
    let checked = shell.output(&paste("docs/runbook.md", "kubectl get statefulsets,services")?).await?;
    ensure!(checked.stdout.contains("checked ") && checked.status.code() != Some(2), "{checked}");
    let judged =
        shell.ok(&paste("README.md", "cargo install")?.replace("cargo install --path .\n", "cd chart\n")).await?;
    ensure!(judged.matches("checked 1 object in 1 file: no findings").count() == 2, "{judged}");
    for command in inline("docs/runbook.md")? {
        if !command.starts_with("helm uninstall") {
            shell.ok(&command).await?;
        }
    }

    let answered = shell.ok(&paste("docs/install.md", "helm upgrade stsguard")?).await?;
    ensure!(answered.matches(" over TLS 1.2").count() == 5, "{answered}");

    // The same way with a certificate of one's own, from the start and later.
    shell.ok(&format!("{uninstall}; rm -rf certs")).await?;
    shell.ok(&paste("docs/install.md", "stsguard certs")?).await?;
    shell.ok(uninstall).await?;
    shell.ok(&paste("docs/install.md", "helm upgrade --install")?).await?;
    shell.ok(&paste("docs/install.md", "kubectl get secret stsguard-authority")?).await?;
    shell.ok("cp certs/ca.crt ca.crt").await?;
    shell.ok(&paste("docs/install.md", "kubectl create configmap api-server-ca")?).await?;

    // Out of it in an emergency, and by manifests alone.
    let emergency = paste("docs/runbook.md", "kubectl delete validatingwebhookconfiguration")?;
    ensure!(paste("README.md", "kubectl delete validatingwebhookconfiguration")? == emergency, "README says otherwise");
    shell.ok(&emergency).await?;
    ensure!(paste("charts/stsguard/README.md", "helm upgrade --install")?.contains("registry.example.com"));
    shell.ok(&format!("{uninstall}; kubectl delete namespace stsguard")).await?;
    let manifests = paste("docs/gitops.md", "kubectl create namespace stsguard")?;
    shell.ok(&manifests).await?;
    shell
        .ok(&manifests
            .replace("| kubectl apply -n", "| kubectl delete -n")
            .replace("kubectl create namespace stsguard", ""))
        .await?;

    ensure!(left.is_empty(), "{}: no test runs {:?}", left[0].page, left[0].text);
    Ok(())
}

/// A shell in a folder that looks like this repository to a reader, with the programs that the pages speak of.
struct Shell<'c> {
    cluster: &'c Cluster,
    folder: PathBuf,
    path: String,
}

impl<'c> Shell<'c> {
    fn open(cluster: &'c Cluster) -> Result<Self> {
        let folder = cluster.scratch().join("documents");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let chart = folder.join("chart");
        fs::create_dir_all(chart.join("templates"))?;
        for name in ["charts", "examples"] {
            symlink(root.join(name), folder.join(name))?;
        }
        // What a reader has of his own: manifests, and a chart that renders them.
        symlink(root.join("examples/good"), chart.join("manifests"))?;
        fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 1.0.0\n")?;
        for entry in fs::read_dir(root.join("examples/good"))? {
            let entry = entry?;
            fs::copy(entry.path(), chart.join("templates").join(entry.file_name()))?;
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_stsguard")).parent().context("a program stands in a folder")?;
        let path = format!("{}:{}:/usr/bin:/bin", cluster.programs().display(), binary.display());
        Ok(Self { cluster, folder, path })
    }

    async fn output(&self, script: &str) -> Result<Output> {
        let script = format!("set -euo pipefail; export PATH={}; cd {}\n{script}", self.path, self.folder.display());
        self.cluster.program("/bin/bash", ["-c".to_owned(), script]).output().await
    }

    async fn run(&self, script: &str) -> Result<()> {
        self.output(script).await.map(drop)
    }

    async fn ok(&self, script: &str) -> Result<String> {
        self.output(script).await?.ok()
    }
}

/// The blocks of commands on all pages, but for those that say why they are not run.
fn blocks() -> Result<Vec<Block>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "charts/stsguard/README.md"].map(PathBuf::from).into();
    for entry in fs::read_dir(root.join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path.strip_prefix(root)?.to_owned());
        }
    }
    let mut blocks = Vec::new();
    for page in pages.into_iter().filter(|page| page != Path::new(ROLLOUT)) {
        let text = fs::read_to_string(root.join(&page))?;
        let mut parts = text.split("```sh\n");
        let mut before = parts.next().unwrap_or_default();
        for part in parts {
            let (block, after) =
                part.split_once("```").with_context(|| format!("{}: an open block", page.display()))?;
            let is_left_out = before.lines().last().is_some_and(|line| line.starts_with(NOT_RUN));
            if !is_left_out {
                blocks.push(Block { page: page.display().to_string(), text: block.to_owned() });
            }
            before = after;
        }
    }
    Ok(blocks)
}

/// The commands of helm that stand in a page's sentences.
fn inline(page: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page))?;
    let quoted = text.split('`').skip(1).step_by(2).map(|code| code.split_whitespace().collect::<Vec<_>>().join(" "));
    let commands: Vec<_> = quoted.filter(|code| code.starts_with("helm ") && code.contains("-n stsguard")).collect();
    ensure!(commands.len() >= 3, "{page}: only {} commands were found", commands.len());
    Ok(commands)
}
