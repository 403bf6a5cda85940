//! Variables by which a server lets everybody in.

use super::environment::{ConfigMaps, Variable, variable};
use super::image::ImageReference;
use super::server::Server;
use crate::kubernetes::Container;

/// A variable by which a server lets everybody in.
#[derive(Debug, Clone, Copy)]
pub struct Trust {
    /// Its name.
    pub variable: &'static str,
    /// What it must be set to.
    pub set_to: SetTo,
    /// Whose images know it, by a word in their path; `None` for all.
    pub maker: Option<&'static str>,
    /// Variables of which none may be set; empty where nothing makes a difference.
    pub unless: &'static [&'static str],
}

/// What a variable must be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetTo {
    /// Exactly this.
    Word(&'static str),
    /// A word for yes.
    Yes,
    /// Anything: only whether it is set makes a difference.
    Anything,
}

impl Trust {
    /// Bitnami's switch, which its images have for all servers.
    pub(super) const fn by_bitnami(unless: &'static [&'static str]) -> Self {
        Self { variable: "ALLOW_EMPTY_PASSWORD", set_to: SetTo::Yes, maker: Some("bitnami"), unless }
    }
}

/// What lets everybody into the server, as far as its container shows it.
pub(super) fn found(server: &Server<'_>, config_maps: &ConfigMaps<'_>) -> Option<&'static Trust> {
    let container = server.container;
    let path = ImageReference::parse(container.image.as_deref()?)?.path;
    server.engine.trust.iter().find(|trust| {
        trust.maker.is_none_or(|maker| path.contains(maker))
            && is_set_to(container, trust, config_maps)
            && !trust.unless.iter().any(|name| may_be_set(container, name, config_maps))
    })
}

fn is_set_to(container: &Container, trust: &Trust, config_maps: &ConfigMaps<'_>) -> bool {
    let Variable::Literal(value) = variable(container, trust.variable, config_maps) else { return false };
    match trust.set_to {
        SetTo::Word(word) => value == word,
        SetTo::Yes => ["yes", "true", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes)),
        SetTo::Anything => true,
    }
}

/// Whether a variable is set, or a file that takes its place is, or a Secret that nobody sees may set either.
fn may_be_set(container: &Container, name: &str, config_maps: &ConfigMaps<'_>) -> bool {
    let unseen = container.env_from.iter().any(|source| source.secret_ref.is_some());
    [name, &format!("{name}_FILE")].into_iter().any(|name| {
        let is_written = container.env.iter().any(|entry| entry.name == name);
        variable(container, name, config_maps) != Variable::Unset || (unseen && !is_written)
    })
}
