//! Everything that is read from the API server: stores fed by watches, and live reads before a denial.

mod bounded;
mod fault;
mod kept;
mod live;
mod observed;
mod store;
mod stores;

pub use live::Live;
pub use store::StoreState;
pub use stores::Stores;
