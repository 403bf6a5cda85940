//! Files of a volume, replaced all at once the way kubelet does it.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;

use super::Files;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What is in it.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Its owner when that is not root.
    pub user: Option<u32>,
}

/// All files of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload(pub Files);

impl Payload {
    /// Writes the files into a new folder and moves the link `..data` to it, so that a reader who resolves the link
    /// once sees all files of one moment; then the former folder goes.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, place: &Path, group: Option<u32>, can_switch_user: bool) -> Result<()> {
        fs::create_dir_all(place)?;
        let stamp = format!("..{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
        let folder = place.join(&stamp);
        fs::create_dir(&folder)?;
        for (path, file) in &self.0 {
            let target = folder.join(path);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&target, &file.content)?;
            // A group for volumes may read what the owner may.
            let mode = if group.is_some() { file.mode | 0o440 } else { file.mode };
            chown(&target, file.user.filter(|_| can_switch_user), group)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
        }

        let data = place.join("..data");
        let former = fs::read_link(&data).ok();
        symlink(&stamp, place.join("..data_tmp"))?;
        fs::rename(place.join("..data_tmp"), &data)?;

        let wanted: BTreeSet<&str> = self.0.keys().filter_map(|path| path.split('/').next()).collect();
        for name in &wanted {
            let link = place.join(name);
            if fs::symlink_metadata(&link).is_err() {
                symlink(Path::new("..data").join(name), link)?;
            }
        }
        for entry in fs::read_dir(place)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.starts_with("..") && !wanted.contains(name.as_str()) {
                fs::remove_file(place.join(name))?;
            }
        }
        if let Some(former) = former {
            fs::remove_dir_all(place.join(former))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{File, Payload};
    use std::fs;

    fn payload(files: &[(&str, &str)]) -> Payload {
        let file = |content: &str| File { content: content.into(), mode: 0o640, user: None };
        Payload(files.iter().map(|(path, content)| ((*path).to_owned(), file(content))).collect())
    }

    #[test]
    fn replaces_all_files_at_once_and_leaves_nothing_of_the_old_ones() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let place = folder.path();
        let write = |files| payload(files).write(place, None, false).expect("files can be written");
        write(&[("tls.crt", "old"), ("tls.key", "old"), ("sub/file", "old")]);
        let former = fs::read_link(place.join("..data")).expect("a link");
        write(&[("tls.crt", "new"), ("tls.key", "new")]);
        for name in ["tls.crt", "tls.key"] {
            assert_eq!(fs::read_to_string(place.join(name)).expect("a file"), "new");
        }
        assert_ne!(fs::read_link(place.join("..data")).expect("a link"), former);
        assert!(!place.join(former).exists() && !place.join("sub").exists());
    }
}
