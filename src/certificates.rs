//! Where the serving pair comes from: a folder with `tls.crt` and `tls.key`, or a CA of our own in a Secret.

pub mod authority;
mod entries;
mod folder;
mod issue;
pub mod local;
mod names;
mod pair;
mod self_managed;
mod serving;

pub use folder::{Folder, FolderError, PairBytes};
pub use pair::{Pair, PairError};
pub use self_managed::{Event, Keeper, ObjectNames, SelfManaged};
pub use serving::Serving;
