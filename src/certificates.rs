//! Where the serving pair comes from: a folder with `tls.crt` and `tls.key`, reloaded while serving.

pub mod local;
mod pair;
mod reload;

pub use pair::{Pair, PairError};
pub use reload::{Folder, FolderError, Look, Serving};
