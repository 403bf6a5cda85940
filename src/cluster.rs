//! Everything that is read from the API server: stores fed by watches, and live reads before a denial.

mod bounded;
mod heard;
mod index;
mod live;
mod projection;
mod store;
mod stores;

pub use heard::heard;
pub use live::Live;
pub use store::StoreState;
pub use stores::{SILENCE, Stores};
