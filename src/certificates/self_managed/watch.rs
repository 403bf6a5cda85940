//! What the API server has told of the Secret and of our webhook entries.

use k8s_openapi::api::core::v1::Secret;

use tokio::sync::Notify;

use super::ObjectNames;
use crate::certificates::entries::{Configuration, Entries};
use crate::watch::{News, Watch};

/// What is known; `None` where the API server has told nothing yet.
#[derive(Clone, Default)]
pub(super) struct Known {
    /// The Secret.
    pub(super) secret: Option<Found>,
    /// Our entries of the validating configuration; none if it does not exist.
    pub(super) validating: Option<Entries>,
    /// Our entries of the mutating configuration.
    pub(super) mutating: Option<Entries>,
}

/// What the API server has told of the Secret.
#[derive(Clone)]
pub(super) enum Found {
    /// There is none.
    Nothing,
    /// It is this one.
    Secret(Box<Secret>),
}

impl From<Option<Secret>> for Found {
    fn from(found: Option<Secret>) -> Self {
        found.map_or(Self::Nothing, |secret| Self::Secret(Box::new(secret)))
    }
}

impl Known {
    /// Whether each of our entries shows this CA. There must be one that denies; the configuration of those that fix may
    /// be gone: somebody who wants no fixes has deleted it.
    pub(super) fn show(&self, authority: &str) -> bool {
        let all = |entries: &Option<Entries>| entries.as_ref().is_some_and(|entries| entries.show(authority));
        all(&self.validating) && all(&self.mutating) && self.validating.as_ref().is_some_and(|one| !one.is_empty())
    }
}

/// The entries of a configuration; none if it does not exist.
pub(super) fn entries<K: Configuration>(found: Option<K>, names: &ObjectNames) -> Entries {
    found.map(|found| Entries::of(&found, &names.service, &names.namespace)).unwrap_or_default()
}

/// Follows one object by its name until the end of the program, and tells each state of it, `None` when it is gone, and
/// each time that the watch `fails`.
pub(super) async fn follow<K>(watch: Watch<K>, name: &str, tell: impl Fn(Option<K>), fails: impl Fn())
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let (mut listed, mut broken) = (None, false);
    let news = |news| match news {
        News::Listed(object) => listed = Some(object),
        News::Complete => {
            tell(listed.take());
            if std::mem::replace(&mut broken, false) {
                tracing::info!(kind = %K::kind(&()), name, "the watch goes on");
            }
        }
        News::Changed(object) => tell(Some(object)),
        News::Deleted(_) => tell(None),
        News::Reached(_) => {}
        News::Failed(error) => {
            listed = None;
            fails();
            if !std::mem::replace(&mut broken, true) {
                tracing::warn!(kind = %K::kind(&()), name, cause = error.cause(), "the watch failed and is tried again");
            }
        }
    };
    // Nobody waits for a version here.
    watch.named(name).follow(&Notify::new(), news).await;
}
