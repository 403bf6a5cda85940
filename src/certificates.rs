//! Where the serving pair comes from: a folder with `tls.crt` and `tls.key`, or a CA of our own in a Secret.

pub mod authority;
mod entries;
mod issue;
pub mod local;
mod names;
mod pair;
mod reload;
mod self_managed;

pub use pair::{Pair, PairError};
pub use reload::{Folder, FolderError, Look, Serving};
pub use self_managed::{Event, Keeper, Place, SelfManaged};
