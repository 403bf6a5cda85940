//! The place where everything runs: network, mount and process namespaces that vanish with the run.
//!
//! The program starts itself again inside `unshare`. The outer half only waits, passes interruptions on and clears
//! up; the inner half is process 1 of its own process namespace, so the kernel ends whatever it started when it ends.
//! The two are joined by a Unix socket: when the outer half is told to stop, or dies, the inner half sees the end of
//! the stream and tears down in order.

use std::{
    convert::Infallible,
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio, exit},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    net::{UnixListener, UnixStream},
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

/// What the outer half tells the inner one: the folder of the run, and that of the control plane's programs.
const DIRECTORY: &str = "TEST_CLUSTER_DIRECTORY";
const BINARIES: &str = "TEST_CLUSTER_BINARIES";
const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

/// What an interrupted run ends with: nobody wants its logs.
const INTERRUPTED: u8 = 130;

/// What a program decides about its run.
#[derive(Debug, Clone)]
pub struct Run {
    /// What the name of its folder begins with.
    pub name: String,
    /// Where the control plane's programs lie; they are built when no folder is named.
    pub binaries: Option<PathBuf>,
    /// The version of Kubernetes that is built, such as `v1.30.14`; the one of `control-plane/go.mod` when none is named.
    pub kubernetes: Option<String>,
    /// Where they are built, once for all runs.
    pub cache: PathBuf,
    /// Whether the logs stay when all goes well; they always do when something fails.
    pub keep_logs: bool,
}

/// The inner half's surroundings.
pub struct Place {
    /// A tmpfs for keys, volumes and databases; gone with the mount namespace.
    pub state: PathBuf,
    /// Log files, on disk; kept by the outer half when the run fails.
    pub logs: PathBuf,
    /// The folder of etcd, kube-apiserver, kube-controller-manager, kubectl and helm.
    pub binaries: PathBuf,
    /// False in a user namespace, where no process can change to another user.
    pub can_switch_user: bool,
    lifeline: PathBuf,
}

impl Place {
    /// Ends the program, and with it all that it has started, when the outer half wants that or is gone.
    async fn interrupted(&self) -> Result<Infallible> {
        let stream = UnixStream::connect(&self.lifeline).await.context("the outer half cannot be reached")?;
        stream.readable().await.context("watching the outer half")?;
        // An outer half that is gone cannot clear up. The state goes with the mount namespace.
        Command::new("umount").arg("--lazy").arg(&self.state).status()?;
        if let Some(directory) = self.state.parent() {
            fs::remove_dir_all(directory).ok(); // a log may be written at this very moment
        }
        // This is process 1 of its namespace: the kernel ends the others, now.
        exit(INTERRUPTED.into())
    }
}

/// Does `work` in namespaces of its own and returns the code that the program is to end with.
///
/// It starts the program again, with the same arguments, and there `work` is done; [`crate::sandbox::take_part`] must have
/// been called before. Whoever started the program sees one process that ends when all has ended.
///
/// # Errors
/// When this system cannot make the namespaces, or the control plane cannot be built, the message names the remedy; else
/// the error of `work`.
pub fn isolated(run: &Run, work: impl AsyncFnOnce(&Place) -> Result<ExitCode>) -> Result<ExitCode> {
    ensure!(cfg!(target_os = "linux"), "the cluster needs Linux: it runs in namespaces");
    let Some(directory) = env::var_os(DIRECTORY) else { return outside(run) };
    let place = inside(Path::new(&directory))?;
    Runtime::new()?.block_on(async {
        tokio::select! {
            done = work(&place) => done,
            never = place.interrupted() => match never? {},
        }
    })
}

fn inside(directory: &Path) -> Result<Place> {
    let state = directory.join("state");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "mode=755", "tmpfs"]).arg(&state).status()?;
    ensure!(mounted.success(), "cannot mount a tmpfs at {}", state.display());
    let whole_range = fs::read_to_string("/proc/self/uid_map")?.split_whitespace().nth(2) == Some("4294967295");
    Ok(Place {
        state,
        logs: directory.join("logs"),
        binaries: env::var_os(BINARIES).map(PathBuf::from).context("the outer half names no control plane")?,
        can_switch_user: whole_range,
        lifeline: directory.join("lifeline"),
    })
}

fn outside(run: &Run) -> Result<ExitCode> {
    prepare_system()?;
    let binaries = run.binaries.clone().map_or_else(|| control_plane(run), Ok)?;
    let namespaces = namespaces()?;
    let directory = tempfile::Builder::new().prefix(&format!("{}-", run.name)).tempdir()?;
    fs::create_dir(directory.path().join("state"))?;
    fs::create_dir(directory.path().join("logs"))?;

    let code = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(supervise(
        &namespaces,
        &binaries,
        directory.path(),
    ))?;

    if (code != 0 && code != INTERRUPTED) || run.keep_logs {
        let kept = directory.keep();
        fs::remove_file(kept.join("lifeline")).ok();
        fs::remove_dir(kept.join("state")).ok();
        eprintln!("the logs are kept in {}", kept.join("logs").display());
    }
    Ok(ExitCode::from(code))
}

/// Runs the inner half and returns its exit code.
async fn supervise(namespaces: &[&str], binaries: &Path, directory: &Path) -> Result<u8> {
    let listener = UnixListener::bind(directory.join("lifeline"))?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut inner = tokio::process::Command::new("unshare")
        .args(namespaces)
        .arg("--")
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(DIRECTORY, directory)
        .env(BINARIES, binaries)
        .kill_on_drop(true)
        .spawn()?;
    let mut line = None;
    let mut stopping = false;
    loop {
        tokio::select! {
            status = inner.wait() => {
                let code = status?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                return Ok(if stopping { INTERRUPTED } else { code });
            }
            accepted = listener.accept(), if line.is_none() && !stopping => line = Some(accepted?.0),
            () = either(&mut interrupt, &mut terminate) => {
                if stopping || line.is_none() {
                    inner.start_kill()?; // with --kill-child the kernel ends all the rest
                } else {
                    eprintln!("stopping (once more to stop at once)");
                }
                stopping = true;
                line = None;
            }
        }
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

/// Sees to it that the tools called from here are installed.
fn prepare_system() -> Result<()> {
    let installed = Command::new("sh").arg(SOURCES.to_owned() + "/packages.sh").status()?;
    ensure!(installed.success(), "tools are missing, see above");
    Ok(())
}

/// The folder of the control plane's programs, which are built when they are not in the cache.
fn control_plane(run: &Run) -> Result<PathBuf> {
    let built = Command::new("sh")
        .arg(SOURCES.to_owned() + "/control-plane/build.sh")
        .arg(&run.cache)
        .args(&run.kubernetes)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(built.status.success(), "the control plane could not be built, see above");
    Ok(String::from_utf8(built.stdout)?.trim_end().into())
}

/// The arguments for unshare that work here.
fn namespaces() -> Result<Vec<&'static str>> {
    let mut arguments =
        vec!["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if fs::metadata("/proc/self")?.uid() != 0 {
        arguments.push("--map-root-user");
    }
    let tried = Command::new("unshare").args(&arguments).arg("true").output()?;
    if !tried.status.success() {
        bail!(
            "`unshare {}` fails here: {}\nrun as root, or allow user namespaces \
             (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; \
             in a container: --privileged)",
            arguments.join(" "),
            String::from_utf8_lossy(&tried.stderr).trim_end()
        );
    }
    Ok(arguments)
}
