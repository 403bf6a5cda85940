//! A local CA and a pair signed by it: for trying things out, and for clusters without cert-manager.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use super::issue;

/// Names that a pair covers when none are given.
pub const DEFAULT_NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "stsguard.stsguard.svc"];

/// The CA and the pair, as PEM text.
pub struct Made {
    /// The CA's certificate: the caBundle.
    pub ca: String,
    /// The CA's key.
    pub ca_key: String,
    /// The certificate that is served.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file stands in the way.
    #[error("{0} is there already; remove it first, or choose another folder with --out")]
    Exists(PathBuf),
    /// A file or folder cannot be written.
    #[error("{path} cannot be written: {fault}")]
    Write {
        /// The path.
        path: PathBuf,
        /// What the system says.
        fault: io::Error,
    },
    /// A name is none.
    #[error("the certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// Makes a CA (ten years) and a pair signed by it (one year), P-256, valid from an hour ago so that clocks may differ.
///
/// # Errors
/// A name that cannot stand in a certificate.
pub fn make(names: &[String]) -> Result<Made, LocalError> {
    let now = OffsetDateTime::now_utc();
    let (ca, name) = issue::authority(now, now + Duration::days(3650))?;
    let leaf = issue::leaf((&name, &ca.key), names, now, now + Duration::days(365))?;
    Ok(Made { ca: ca.certificate, ca_key: ca.key, certificate: leaf.certificate, key: leaf.key })
}

/// Writes `ca.crt`, `ca.key`, `tls.crt` and `tls.key` into `folder`; keys are readable by their owner alone. Returns what
/// was written.
///
/// # Errors
/// A file that exists already (nothing is written then), or one that cannot be written.
pub fn write(folder: &Path, names: &[String]) -> Result<Vec<PathBuf>, LocalError> {
    let files = ["ca.crt", "ca.key", "tls.crt", "tls.key"].map(|name| folder.join(name));
    if let Some(existing) = files.iter().find(|file| file.exists()) {
        return Err(LocalError::Exists(existing.clone()));
    }
    let made = make(names)?;
    fs::create_dir_all(folder).map_err(|fault| LocalError::Write { path: folder.to_owned(), fault })?;
    for (file, text) in files.iter().zip([&made.ca, &made.ca_key, &made.certificate, &made.key]) {
        let mode = if file.extension().is_some_and(|extension| extension == "key") { 0o600 } else { 0o644 };
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(mode).open(file);
        opened
            .and_then(|mut opened| opened.write_all(text.as_bytes()))
            .map_err(|fault| LocalError::Write { path: file.clone(), fault })?;
    }
    Ok(files.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn writes_keys_for_their_owner_alone_and_refuses_to_overwrite() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let names = DEFAULT_NAMES.map(str::to_owned);
        let written = write(&folder.path().join("certs"), &names).expect("it can be written");
        let mode = |file: &Path| fs::metadata(file).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(written.iter().map(|file| mode(file)).collect::<Vec<_>>(), [0o644, 0o600, 0o644, 0o600]);
        let before = fs::read(&written[3]).expect("it can be read");
        assert!(matches!(write(&folder.path().join("certs"), &names), Err(LocalError::Exists(_))));
        assert_eq!(fs::read(&written[3]).expect("it can be read"), before);
    }
}
