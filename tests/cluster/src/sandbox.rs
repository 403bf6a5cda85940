//! A container's file system, made by the first process of the container itself.
//!
//! The node starts this very program twice over: as the holder of the container, which only waits and passes the exit
//! code on, and by it as process 1 of the container's namespaces, which mounts what the container sees, as a
//! [`Sandbox`] says, and becomes the container's program. The root is a fresh tmpfs that holds the program, `/proc`, a
//! few devices and the volumes, as in an image made from scratch: no shell, no `/tmp`. Only where the program is linked
//! to shared libraries the system's are there too, and a `/tmp`; and where it is a script, the system's programs.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, exit},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::process::exit_code;

pub mod entrance;
pub mod interpreter;

/// The first argument that makes this program the holder of a container.
const HOLD: &str = "--hold-container";
/// The first argument that makes this program a container's first process.
const BECOME: &str = "--become-container";
/// Where shared libraries lie.
const LIBRARIES: [&str; 6] = ["lib", "lib32", "lib64", "usr/lib", "usr/lib32", "usr/lib64"];
/// Where the system's programs lie, libraries and all.
const PROGRAMS: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "usr"];
/// The exit code of a container that could not be made.
const NOT_MADE: i32 = 128;

/// What a container sees and as whom it runs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sandbox {
    /// An empty folder: where the root is put together.
    pub root: PathBuf,
    /// Where the first process leaves its process id, as seen by the node.
    pub pid_file: PathBuf,
    /// The executable, outside and inside.
    pub binary: (PathBuf, PathBuf),
    /// The system's programs are seen too, and these folders; none where nothing but the executable is.
    pub system: Option<Vec<PathBuf>>,
    /// The program and its arguments, as seen inside.
    pub command: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Volumes.
    pub mounts: Vec<Mount>,
    /// Files written into the root: path inside, content.
    pub files: Vec<(PathBuf, String)>,
    /// Nothing of the root can be written, only volumes.
    pub read_only_root: bool,
    /// A program cannot gain privileges by executing another.
    pub no_new_privileges: bool,
    /// User, group and further groups; none where no user can be switched to.
    pub user: Option<(i64, i64, Vec<i64>)>,
    /// The user's number where it is not root's although no user can be switched to.
    pub renumbered: Option<i64>,
}

/// A folder or file of the node that is seen inside.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mount {
    /// Path on the node.
    pub source: PathBuf,
    /// Absolute path inside.
    pub target: PathBuf,
    /// Whether writing is refused.
    pub read_only: bool,
}

impl Sandbox {
    /// The command line that runs the container described by this file, for a process whose children are in a process
    /// namespace of their own. It ends with the exit code of the container, which ends only by its own process id.
    ///
    /// # Errors
    /// When the own executable cannot be found or the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<Vec<PathBuf>> {
        fs::write(file, serde_json::to_vec(self)?)?;
        Ok(vec![env::current_exe()?, HOLD.into(), file.into()])
    }

    fn inside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Starts the first process of the container and returns its exit code.
    ///
    /// `unshare --fork` would do, but up to util-linux 2.38 it reports 1 for a child that was killed.
    fn hold(&self, file: &OsStr) -> Result<i32> {
        let mut first = Command::new(env::current_exe()?).arg(BECOME).arg(file).spawn()?;
        let unfinished = self.pid_file.with_extension("new");
        fs::write(&unfinished, first.id().to_string())?;
        fs::rename(unfinished, &self.pid_file)?;
        Ok(exit_code(first.wait()?))
    }

    fn build(&self) -> Result<()> {
        mount(&["-t", "tmpfs", "-o", "mode=755", "tmpfs"], &self.root)?;
        for folder in ["proc", "dev", "etc"] {
            fs::create_dir_all(self.root.join(folder))?;
        }
        if let Some(folders) = &self.system {
            self.add_system(folders)?;
        } else if interpreter::is_needed(&self.binary.0)? {
            self.add(&LIBRARIES)?;
            self.add_temporary("tmp")?;
        }
        mount(&["-t", "proc", "proc"], &self.root.join("proc"))?;
        for device in ["null", "zero", "full", "random", "urandom"] {
            self.bind(&Path::new("/dev").join(device), &Path::new("/dev").join(device), false)?;
        }
        for (path, content) in &self.files {
            fs::write(self.inside(path), content)?;
        }
        self.bind(&self.binary.0, &self.binary.1, true)?;
        let mut mounts: Vec<_> = self.mounts.iter().collect();
        mounts.sort_by_key(|mount| &mount.target); // an outer folder before what is mounted in it
        for Mount { source, target, read_only } in mounts {
            self.bind(source, target, *read_only)?;
        }
        if self.read_only_root {
            mount(&["-o", "remount,bind,ro"], &self.root)?;
        }
        Ok(())
    }

    fn add_system(&self, folders: &[PathBuf]) -> Result<()> {
        self.add(&PROGRAMS)?;
        self.add_file("/etc/passwd")?;
        self.add_file("/etc/group")?;
        for folder in folders {
            self.bind(folder, folder, true)?;
        }
        self.add_temporary("tmp")?;
        self.add_temporary("dev/shm")
    }

    fn add_temporary(&self, name: &str) -> Result<()> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777))?;
        Ok(())
    }

    /// Shows what the system has of these folders, and the loader's cache.
    fn add(&self, folders: &[&str]) -> Result<()> {
        for name in folders {
            let source = Path::new("/").join(name);
            let Ok(found) = fs::symlink_metadata(&source) else { continue };
            if found.is_symlink() {
                symlink(fs::read_link(&source)?, self.root.join(name))?;
            } else {
                self.bind(&source, &source, true)?;
            }
        }
        self.add_file("/etc/ld.so.cache")
    }

    fn add_file(&self, name: &str) -> Result<()> {
        let file = Path::new(name);
        if file.exists() { self.bind(file, file, true) } else { Ok(()) }
    }

    fn bind(&self, source: &Path, target: &Path, read_only: bool) -> Result<()> {
        let target = self.inside(target);
        if source.is_dir() {
            fs::create_dir_all(&target)?;
        } else {
            fs::create_dir_all(target.parent().context("a mount needs a path below the root")?)?;
            fs::OpenOptions::new().create(true).append(true).open(&target)?;
        }
        let source = source.to_str().context("a path must be UTF-8")?;
        mount(&["-o", if read_only { "bind,ro" } else { "bind" }, source], &target)
    }

    fn enter(&self) -> Result<()> {
        // Absolute paths, for the search path is the container's by then.
        let mut command = Command::new(find("setpriv")?);
        if self.no_new_privileges {
            command.arg("--no-new-privs");
        }
        if let Some(user) = self.renumbered {
            // A user namespace with one user in it, made before the root is changed: afterwards none can be.
            command.arg(find("unshare")?).args(["--user", "--keep-caps"]);
            command.args([format!("--map-user={user}"), format!("--map-group={user}")]);
        }
        command.arg(find("chroot")?);
        if let Some((user, group, groups)) = &self.user {
            let groups = groups.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
            command.arg(format!("--userspec=+{user}:+{group}")).arg(format!("--groups={groups}"));
        }
        command.arg(&self.root).args(&self.command).env_clear().envs(&self.environment);
        Err(command.exec()).context("becoming the container's program")
    }
}

/// When the program was started to hold or become a container, does so and never returns.
pub fn take_part() {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [role, file] = &arguments[..] else { return };
    let play = || -> Result<i32> {
        let sandbox: Sandbox = serde_json::from_slice(&fs::read(file)?)?;
        if role == HOLD {
            return sandbox.hold(file);
        }
        sandbox.build()?;
        sandbox.enter()?;
        Ok(NOT_MADE)
    };
    if role == HOLD || role == BECOME {
        exit(play().unwrap_or_else(|error| {
            eprintln!("the container cannot be made: {error:#}");
            NOT_MADE
        }));
    }
}

fn mount(arguments: &[&str], target: &Path) -> Result<()> {
    let status = Command::new("mount").args(arguments).arg(target).status()?;
    ensure!(status.success(), "mount {} {} fails", arguments.join(" "), target.display());
    Ok(())
}

/// Where a program of the system lies.
fn find(program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let standard = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(standard)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("{program} is not installed"))
}
