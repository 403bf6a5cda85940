//! A folder with `tls.crt` and `tls.key`.
//!
//! The kubelet replaces a mounted Secret by swapping the link `..data`: both files are read from one target of that link,
//! or a swap in between would mix two pairs.

use std::path::{Path, PathBuf};

use super::pair::{Pair, PairError};

/// A folder that a pair is read from.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    name: Option<String>,
}

/// The bytes of a certificate and its key.
#[derive(PartialEq, Eq)]
pub struct PairBytes {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Why a folder's pair is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// A file cannot be read.
    #[error("{file} cannot be read: {fault}")]
    File {
        /// The file.
        file: String,
        /// What the system says.
        fault: String,
    },
    /// The pair is not sound.
    #[error("the pair in {folder} cannot be served: {fault}")]
    Pair {
        /// The folder.
        folder: String,
        /// What is wrong.
        fault: PairError,
    },
}

impl Folder {
    /// A folder whose certificate must cover `name`, if one is given.
    pub fn new(path: impl Into<PathBuf>, name: Option<String>) -> Self {
        Self { path: path.into(), name }
    }

    /// The bytes of both files.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn bytes(&self) -> Result<PairBytes, FolderError> {
        let data = self.path.join("..data");
        let folder = std::fs::canonicalize(&data).unwrap_or_else(|_| self.path.clone());
        Ok(PairBytes { certificate: read(&folder.join("tls.crt"))?, key: read(&folder.join("tls.key"))? })
    }

    /// The pair that these bytes are.
    ///
    /// # Errors
    /// A pair that is not sound.
    pub fn pair(&self, PairBytes { certificate, key }: &PairBytes) -> Result<Pair, FolderError> {
        Pair::read(certificate, key, self.name.as_deref())
            .map_err(|fault| FolderError::Pair { folder: self.path.display().to_string(), fault })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, FolderError> {
    std::fs::read(file)
        .map_err(|error| FolderError::File { file: file.display().to_string(), fault: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificates::local;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Puts a pair into `folder` as the kubelet does.
    fn publish(folder: &Path, version: &str, certificate: &str, key: &str) {
        let target = folder.join(version);
        fs::create_dir_all(&target).expect("a folder can be made");
        fs::write(target.join("tls.crt"), certificate).expect("a file can be written");
        fs::write(target.join("tls.key"), key).expect("a file can be written");
        symlink(version, folder.join("..tmp")).expect("a link can be made");
        fs::rename(folder.join("..tmp"), folder.join("..data")).expect("a link can be replaced");
    }

    fn made() -> local::Made {
        local::make(&["stsguard.stsguard.svc".to_owned()]).expect("a pair can be made")
    }

    #[test]
    fn reads_what_is_new_and_sound() {
        let target = tempfile::tempdir().expect("a folder can be made");
        let folder = Folder::new(target.path(), None);
        assert!(matches!(folder.bytes(), Err(FolderError::File { .. })));
        let read = || folder.pair(&folder.bytes().expect("there are files")).expect("they are a pair").certified;
        let (first, second) = (made(), made());
        publish(target.path(), "..1", &first.certificate, &first.key);
        let before = read();
        assert!(folder.bytes().ok() == folder.bytes().ok());
        publish(target.path(), "..2", &second.certificate, &second.key);
        assert_ne!(read().cert, before.cert);
    }

    #[test]
    fn refuses_a_pair_that_is_bad_and_says_why() {
        let target = tempfile::tempdir().expect("a folder can be made");
        let folder = Folder::new(target.path(), Some("stsguard.stsguard.svc".to_owned()));
        let (first, second) = (made(), made());
        let other = local::make(&["elsewhere.example".to_owned()]).expect("a pair can be made");
        for (version, certificate, key, fault) in [
            ("..1", first.certificate.as_str(), second.key.as_str(), PairError::Mismatch),
            ("..2", &second.certificate, "", PairError::Key),
            ("..3", "", &second.key, PairError::Certificate("it holds none".to_owned())),
            ("..4", &other.certificate, &other.key, PairError::Name("stsguard.stsguard.svc".to_owned())),
        ] {
            publish(target.path(), version, certificate, key);
            match folder.pair(&folder.bytes().expect("there are files")) {
                Err(FolderError::Pair { fault: found, .. }) => assert_eq!(found, fault),
                read => panic!("{version}: {read:?}"),
            }
        }
    }
}
