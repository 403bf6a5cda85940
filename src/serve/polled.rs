//! Files that are read again while serving: what they last held soundly stays in use.
//!
//! The kubelet replaces a mounted ConfigMap or Secret by swapping the link `..data`; watches on the files never fire, so
//! their bytes are compared.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a look at the files has led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look<T> {
    /// The same bytes as when they were last used.
    Unchanged,
    /// They hold something new.
    Replaced(T),
    /// They cannot be used.
    Kept {
        /// What is wrong, with the remedy.
        fault: String,
        /// Whether this has not been told by the look before: each fault is logged once.
        new: bool,
    },
}

/// Makes something of bytes.
type Read<B, T> = Box<dyn Fn(&B) -> Result<T, String> + Send>;

/// Files that belong together, and what is made of their bytes.
pub(super) struct Polled<B, T> {
    fetch: Box<dyn Fn() -> Result<B, String> + Send>,
    read: Read<B, T>,
    used: Option<B>,
    said: Option<String>,
}

impl<T: 'static> Polled<Vec<u8>, T> {
    /// A single file; `read` makes something of its bytes.
    pub(super) fn file(path: PathBuf, read: fn(&Path, &[u8]) -> Result<T, String>) -> Self {
        let shown = path.clone();
        let fetch = move || std::fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()));
        Self::new(fetch, move |bytes| read(&shown, bytes))
    }
}

impl<B: PartialEq, T> Polled<B, T> {
    /// Files that have not been looked at: `fetch` brings their bytes, and `read` makes something of them.
    pub(super) fn new(
        fetch: impl Fn() -> Result<B, String> + Send + 'static,
        read: impl Fn(&B) -> Result<T, String> + Send + 'static,
    ) -> Self {
        Self { fetch: Box::new(fetch), read: Box::new(read), used: None, said: None }
    }

    /// Looks at the files now, and every `poll` until the future is dropped; tells each look.
    pub(super) fn follow(mut self, poll: Duration, mut tell: impl FnMut(Look<T>)) -> impl Future<Output = ()> {
        tell(self.look());
        async move {
            let mut ticks = tokio::time::interval(poll);
            // The first tick comes at once, and that look has been made.
            ticks.tick().await;
            loop {
                ticks.tick().await;
                tell(self.look());
            }
        }
    }

    fn look(&mut self) -> Look<T> {
        let bytes = (self.fetch)();
        if let (Ok(bytes), Some(used)) = (&bytes, &self.used)
            && bytes == used
        {
            self.said = None;
            return Look::Unchanged;
        }
        match bytes.and_then(|bytes| (self.read)(&bytes).map(|made| (made, bytes))) {
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
        let mut file = Polled::file(folder.path().join("..data/file"), number);
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

    #[tokio::test]
    async fn looks_before_it_is_waited_for() {
        let looks = std::cell::Cell::new(0);
        let file = Polled::new(|| Ok(1), |number| Ok(*number));
        drop(file.follow(Duration::from_secs(3600), |_| looks.set(looks.get() + 1)));
        assert_eq!(looks.get(), 1);
    }
}
