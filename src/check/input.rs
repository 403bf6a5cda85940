//! The files to check: named ones as they are, folders searched for manifests, `-` for standard input.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::outcome::Remark;
use crate::yaml::{Position, Positions, position};

/// The largest file that is read; manifests are a thousandth of it.
const LARGEST: u64 = 64 << 20;

/// A file's text.
#[derive(Debug)]
pub struct File {
    /// Its path as it is shown.
    pub name: String,
    /// The folder that it stands in; none for standard input.
    pub folder: Option<PathBuf>,
    /// Its text.
    pub text: String,
    /// Where its lines are; counted when the first remark asks.
    positions: OnceCell<Positions>,
}

impl File {
    /// The line and column of a byte.
    pub(super) fn position(&self, offset: usize) -> Position {
        self.positions.get_or_init(|| Positions::of(&self.text)).at(&self.text, offset)
    }

    /// Whether this is a template of a Helm chart, which means nothing before it is rendered.
    pub(super) fn is_helm_template(&self) -> bool {
        self.text.contains("{{") && self.chart().is_some()
    }

    /// The chart whose templates folder this file stands in.
    pub(super) fn chart(&self) -> Option<&Path> {
        let above = self.folder.as_deref()?.ancestors().filter(|folder| folder.ends_with("templates"));
        above.filter_map(Path::parent).find(|chart| chart.join("Chart.yaml").is_file())
    }
}

/// What the paths hold.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The files, in the order of the paths; those of a folder sorted.
    pub files: Vec<File>,
    /// What could not be read.
    pub problems: Vec<Remark>,
    /// What else is worth knowing.
    pub notes: Vec<Remark>,
    /// What has been read, under whatever path.
    seen: HashSet<PathBuf>,
}

/// Reads all files that the paths name.
pub fn gather(paths: &[PathBuf], stdin: &mut dyn Read) -> Gathered {
    let mut gathered = Gathered::default();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            let read = stdin.take(LARGEST + 1).read_to_end(&mut bytes);
            gathered.take("<stdin>".to_owned(), None, read.map(|_| bytes));
        } else if path.is_dir() {
            gathered.folder(path);
        } else {
            gathered.file(path);
        }
    }
    gathered
}

impl Gathered {
    fn folder(&mut self, root: &Path) {
        let mut found = Vec::new();
        self.search(root, &mut HashSet::new(), &mut found);
        if found.is_empty() {
            let message = "no *.yaml, *.yml or *.json file in it".to_owned();
            self.notes.push(Remark { file: root.display().to_string(), position: None, message });
        }
        found.sort();
        for path in found {
            self.file(&path);
        }
    }

    /// Collects the manifests below a folder. Hidden entries are left out, and a folder that links lead to twice is
    /// searched once.
    fn search(&mut self, folder: &Path, seen: &mut HashSet<PathBuf>, found: &mut Vec<PathBuf>) {
        match list(folder, seen) {
            Ok(entries) => {
                for path in entries {
                    if path.is_dir() {
                        self.search(&path, seen, found);
                    } else if is_manifest(&path) {
                        found.push(path);
                    }
                }
            }
            Err(error) => self.fail(folder.display().to_string(), None, format!("cannot be searched: {error}")),
        }
    }

    /// Reads a file, unless it has been read under another path.
    fn file(&mut self, path: &Path) {
        if fs::canonicalize(path).is_ok_and(|path| !self.seen.insert(path)) {
            return;
        }
        let folder = path.parent().map(Path::to_owned);
        let read = fs::File::open(path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(LARGEST + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        self.take(path.display().to_string(), folder, read);
    }

    fn take(&mut self, name: String, folder: Option<PathBuf>, read: io::Result<Vec<u8>>) {
        let bytes = match read {
            Ok(bytes) if bytes.len() as u64 > LARGEST => {
                return self.fail(name, None, "is larger than 64 MiB".to_owned());
            }
            Ok(bytes) => bytes,
            Err(error) => return self.fail(name, None, format!("cannot be read: {error}")),
        };
        match String::from_utf8(bytes) {
            Ok(text) => self.files.push(File { name, folder, text, positions: OnceCell::new() }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let place = String::from_utf8_lossy(&error.as_bytes()[..good]);
                self.fail(name, Some(position(&place, good)), "is not text in UTF-8".to_owned());
            }
        }
    }

    fn fail(&mut self, file: String, position: Option<Position>, message: String) {
        self.problems.push(Remark { file, position, message });
    }
}

/// The entries of a folder that are not hidden, sorted; none if it has been listed before.
fn list(folder: &Path, seen: &mut HashSet<PathBuf>) -> io::Result<Vec<PathBuf>> {
    if !seen.insert(fs::canonicalize(folder)?) {
        return Ok(Vec::new());
    }
    let mut entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.retain(|path| !path.file_name().unwrap_or_default().as_encoded_bytes().starts_with(b"."));
    entries.sort();
    Ok(entries)
}

/// Whether a path looks like a manifest. A link that leads nowhere does, to be reported; a pipe would never end.
fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml" || kind == "json")
        && (path.is_file() || !path.exists())
}
