//! A file that is read again while serving: what it last held soundly stays in use.
//!
//! The kubelet replaces a mounted ConfigMap or Secret by swapping the link `..data`; watches on the file never fire, so
//! its bytes are compared.

use std::path::{Path, PathBuf};

/// What a look at the file has led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look<T> {
    /// The same bytes as when it was last used.
    Unchanged,
    /// It holds something new.
    Replaced(T),
    /// It cannot be used, and why; said again only when the reason has changed.
    Kept {
        /// What is wrong, with the remedy.
        fault: String,
        /// Whether nobody has been told yet.
        new: bool,
    },
}

/// A file, and what is made of its bytes.
pub(super) struct Polled<T> {
    path: PathBuf,
    read: fn(&Path, &[u8]) -> Result<T, String>,
    used: Option<Vec<u8>>,
    said: Option<String>,
}

impl<T> Polled<T> {
    /// A file that has not been looked at; `read` makes something of its bytes.
    pub(super) fn new(path: PathBuf, read: fn(&Path, &[u8]) -> Result<T, String>) -> Self {
        Self { path, read, used: None, said: None }
    }

    /// Looks at the file.
    pub(super) fn look(&mut self) -> Look<T> {
        let path = self.path.display();
        let bytes = std::fs::read(&self.path).map_err(|error| format!("{path} cannot be read: {error}"));
        if let (Ok(bytes), Some(used)) = (&bytes, &self.used)
            && bytes == used
        {
            self.said = None;
            return Look::Unchanged;
        }
        match bytes.and_then(|bytes| (self.read)(&self.path, &bytes).map(|made| (made, bytes))) {
            Ok((made, bytes)) => {
                self.used = Some(bytes);
                self.said = None;
                Look::Replaced(made)
            }
            Err(fault) => {
                let new = self.said.as_ref() != Some(&fault);
                self.said = Some(fault.clone());
                Look::Kept { fault, new }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn number(_: &Path, bytes: &[u8]) -> Result<u32, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        text.parse().map_err(|_| format!("{text:?} is no number"))
    }

    /// Puts a file into `folder` as the kubelet does.
    fn publish(folder: &Path, version: &str, text: &str) {
        fs::create_dir(folder.join(version)).expect("a folder can be made");
        fs::write(folder.join(version).join("file"), text).expect("a file can be written");
        symlink(version, folder.join("..tmp")).expect("a link can be made");
        fs::rename(folder.join("..tmp"), folder.join("..data")).expect("a link can be replaced");
    }

    #[test]
    fn reports_each_change_once_and_goes_back_to_what_it_had() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut file = Polled::new(folder.path().join("..data/file"), number);
        assert!(matches!(file.look(), Look::Kept { new: true, .. }), "there is none");
        publish(folder.path(), "..1", "1");
        assert_eq!((file.look(), file.look()), (Look::Replaced(1), Look::Unchanged));
        publish(folder.path(), "..2", "two");
        let fault = || "\"two\" is no number".to_owned();
        assert_eq!(file.look(), Look::Kept { fault: fault(), new: true });
        assert_eq!(file.look(), Look::Kept { fault: fault(), new: false });
        publish(folder.path(), "..3", "1");
        assert_eq!(file.look(), Look::Unchanged);
        publish(folder.path(), "..4", "two");
        assert_eq!(file.look(), Look::Kept { fault: fault(), new: true });
        publish(folder.path(), "..5", "3");
        assert_eq!(file.look(), Look::Replaced(3));
    }
}
