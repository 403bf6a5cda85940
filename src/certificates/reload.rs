//! A folder with `tls.crt` and `tls.key`, polled: what it holds is served as soon as it is sound.
//!
//! The kubelet replaces a mounted Secret by swapping the link `..data`; watches on the files never fire, so their bytes
//! are compared. Both are read from one target of that link, or a swap in between would mix two pairs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::{Pair, PairError};

/// The pair that is served now; handed to rustls as its resolver.
#[derive(Debug, Default)]
pub struct Serving(ArcSwapOption<Pair>);

impl Serving {
    /// The pair, if there has ever been a sound one.
    pub fn pair(&self) -> Option<Arc<Pair>> {
        self.0.load_full()
    }

    /// Serves another pair from the next handshake on.
    pub(super) fn serve(&self, pair: Pair) {
        self.0.store(Some(Arc::new(pair)));
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|pair| Arc::clone(&pair.certified))
    }
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

/// What a look into the folder has led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// The same bytes as before.
    Unchanged,
    /// A new pair is served.
    Replaced,
    /// What is there cannot be served; the last sound pair goes on.
    Kept(FolderError),
}

/// A folder that a pair is read from.
pub struct Folder {
    path: PathBuf,
    name: Option<String>,
    seen: Option<(Vec<u8>, Vec<u8>)>,
}

impl Folder {
    /// A folder whose certificate must cover `name`, if one is given.
    pub fn new(path: impl Into<PathBuf>, name: Option<String>) -> Self {
        Self { path: path.into(), name, seen: None }
    }

    /// Looks into the folder and serves what is there if it is new and sound.
    pub fn look(&mut self, serving: &Serving) -> Look {
        let bytes = match self.bytes() {
            Ok(bytes) => bytes,
            Err(error) => return Look::Kept(error),
        };
        if self.seen.as_ref() == Some(&bytes) {
            return Look::Unchanged;
        }
        match Pair::read(&bytes.0, &bytes.1, self.name.as_deref()) {
            Ok(pair) => {
                serving.serve(pair);
                self.seen = Some(bytes);
                Look::Replaced
            }
            Err(fault) => Look::Kept(FolderError::Pair { folder: self.path.display().to_string(), fault }),
        }
    }

    fn bytes(&self) -> Result<(Vec<u8>, Vec<u8>), FolderError> {
        let data = self.path.join("..data");
        let folder = std::fs::canonicalize(&data).unwrap_or_else(|_| self.path.clone());
        Ok((read(&folder.join("tls.crt"))?, read(&folder.join("tls.key"))?))
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
    fn serves_what_is_new_and_sound() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (serving, mut watched) = (Serving::default(), Folder::new(folder.path(), None));
        assert!(matches!(watched.look(&serving), Look::Kept(FolderError::File { .. })) && serving.pair().is_none());
        let (first, second) = (made(), made());
        publish(folder.path(), "..1", &first.certificate, &first.key);
        assert_eq!(watched.look(&serving), Look::Replaced);
        assert_eq!(watched.look(&serving), Look::Unchanged);
        let before = serving.pair().expect("a pair is served");
        publish(folder.path(), "..2", &second.certificate, &second.key);
        assert_eq!(watched.look(&serving), Look::Replaced);
        assert_ne!(serving.pair().expect("a pair is served").certified.cert, before.certified.cert);
    }

    #[test]
    fn keeps_the_old_pair_when_the_new_one_is_bad() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (serving, mut watched) =
            (Serving::default(), Folder::new(folder.path(), Some("stsguard.stsguard.svc".to_owned())));
        let (first, second) = (made(), made());
        publish(folder.path(), "..1", &first.certificate, &first.key);
        assert_eq!(watched.look(&serving), Look::Replaced);
        let before = serving.pair().expect("a pair is served");
        let other = local::make(&["elsewhere.example".to_owned()]).expect("a pair can be made");
        for (version, certificate, key, fault) in [
            ("..2", first.certificate.as_str(), second.key.as_str(), PairError::Mismatch),
            ("..3", &second.certificate, "", PairError::Key),
            ("..4", "", &second.key, PairError::Certificate("it holds none".to_owned())),
            ("..5", &other.certificate, &other.key, PairError::Name("stsguard.stsguard.svc".to_owned())),
        ] {
            publish(folder.path(), version, certificate, key);
            match watched.look(&serving) {
                Look::Kept(FolderError::Pair { fault: found, .. }) => assert_eq!(found, fault),
                look => panic!("{version}: {look:?}"),
            }
            assert_eq!(serving.pair().expect("a pair is served").certified.cert, before.certified.cert);
        }
    }
}
