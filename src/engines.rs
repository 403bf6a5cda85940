//! Which database server an image is, what it needs, and where it keeps its data.
//!
//! The facts stand in `catalogue` as data; the code here reads image references, command lines and environments.
//! What is not known for sure is left unknown, and unknown never denies and never mutates.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod catalogue;
mod data_directory;
mod entrypoint;
mod environment;
mod image;
mod independent;
mod mount;
mod quorum;
mod readiness;
mod release;
mod server;
mod trust;

pub use catalogue::{Engine, FindsPeers, Image, Layout, StartUp};
pub use data_directory::{DataDirectory, Directory, SetBy};
pub use entrypoint::Start;
pub use environment::{ConfigMaps, Variable, is_secret_variable, variable};
pub use image::{Degree, ImageReference, Mirror, major};
pub use independent::{Independent, looks_on};
pub use mount::{Backing, BackingSource, backing, is_below, normalise};
pub use quorum::Quorum;
pub use readiness::{Asks, Readiness};
pub use release::{Release, Upgrades};
pub use server::{Server, holds_data, servers, shadow};
pub use trust::{SetTo, Trust};

/// The engine that an image runs, by its name alone.
pub fn engine_of(image: &str, mirrors: &[Mirror]) -> Option<&'static Engine> {
    image::identify(&ImageReference::parse(image)?, mirrors).map(|(engine, ..)| engine)
}

/// The catalogue, in the order of its pages.
pub fn engines() -> impl Iterator<Item = &'static Engine> {
    catalogue::PAGES.iter().flat_map(|page| page.iter())
}
