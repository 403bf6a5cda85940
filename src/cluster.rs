//! Everything that is read from the API server: stores fed by watches, and live reads before a denial.

mod bounded;
mod index;
mod live;
mod projection;
mod store;
mod stores;

pub use live::Live;
pub use store::StoreState;
pub use stores::Stores;
