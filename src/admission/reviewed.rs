//! Reads a review's objects: typed in two passes, and only where there is something to judge.

use serde_json::value::RawValue;

use super::part::{Misread, changed, object, optional, passes};
use super::wire;
use crate::evaluation::{Change, Subject};
use crate::exemption::EXEMPTION_PREFIX;
use crate::kubernetes::{DeleteOptions, Deployment, RunsPods as _, Scale, Service, StatefulSet};
use crate::rule::{Occasion, Specs};

/// What a review is about, its objects typed.
#[derive(Debug)]
pub(super) enum Reviewed {
    /// Nothing to look at: another kind, nothing changed, being deleted, a trusted caller.
    Nothing,
    Set(Box<StatefulSet>),
    SetUpdate {
        old: Box<StatefulSet>,
        new: Box<StatefulSet>,
        specs: SpecTexts,
    },
    SetDelete {
        set: Box<StatefulSet>,
        options: DeleteOptions,
    },
    Scale {
        old: Scale,
        new: Scale,
    },
    Service(Service),
    ServiceUpdate {
        old: Service,
        new: Service,
    },
    ServiceDelete(Service, DeleteOptions),
    Deployment(Box<Deployment>),
    DeploymentUpdate {
        old: Box<Deployment>,
        new: Box<Deployment>,
    },
}

/// The specs of an update as text, as far as somebody asks for it.
#[derive(Debug)]
pub(super) enum SpecTexts {
    /// They are equal.
    Equal,
    /// They differ, and nothing in the new object makes a rule ask where.
    Differ,
    /// They differ: the old and the new one.
    Kept(Box<RawValue>, Box<RawValue>),
}

impl SpecTexts {
    fn of(old: Option<&RawValue>, new: Option<&RawValue>, set: &StatefulSet) -> Self {
        let asks =
            || set.partition() > 0 || set.metadata.annotations.keys().any(|key| key.starts_with(EXEMPTION_PREFIX));
        match (old, new) {
            _ if old.map(RawValue::get) == new.map(RawValue::get) => Self::Equal,
            (Some(old), Some(new)) if asks() => Self::Kept(old.to_owned(), new.to_owned()),
            _ => Self::Differ,
        }
    }

    /// The same for rules.
    pub(super) fn as_specs(&self) -> Specs<'_> {
        match self {
            Self::Equal => Specs::Equal,
            Self::Differ => Specs::Differ,
            Self::Kept(old, new) => Specs::Texts { old: old.get(), new: new.get() },
        }
    }
}

impl Reviewed {
    /// Reads what the request is about.
    pub(super) fn read(request: &wire::Request<'_>) -> Result<Self, Misread> {
        let user = request.user_info.username.as_str();
        let (resource, sub) = (&request.resource, request.sub_resource.as_str());
        match (resource.group.as_str(), resource.resource.as_str(), sub, request.operation.as_str()) {
            ("apps", "statefulsets", "", "CREATE") => {
                let set: StatefulSet = object("object", request.object)?;
                let judged = !passes(&set.metadata) && runs_something(&set);
                Ok(if judged { Self::Set(Box::new(set)) } else { Self::Nothing })
            }
            ("apps", "statefulsets", "", "UPDATE") => {
                let Some((old, new)) = changed(request)? else { return Ok(Self::Nothing) };
                let set = |part, (metadata, raw)| {
                    let spec = optional(part, raw)?;
                    Ok(Box::new(StatefulSet { metadata, spec }))
                };
                let (old_text, new_text) = (old.1, new.1);
                let (old, new) = (set("oldObject.spec", old)?, set("object.spec", new)?);
                let specs = SpecTexts::of(old_text, new_text, &new);
                Ok(if runs_something(&new) { Self::SetUpdate { old, new, specs } } else { Self::Nothing })
            }
            ("apps", "statefulsets", "", "DELETE") if !is_trusted(user) => {
                let set = Box::new(object("oldObject", request.old_object)?);
                Ok(Self::SetDelete { set, options: optional("options", request.options)? })
            }
            ("apps", "statefulsets", "scale", "UPDATE") => {
                let old: Scale = object("oldObject", request.old_object)?;
                let new: Scale = object("object", request.object)?;
                Ok(if old.spec.replicas == new.spec.replicas { Self::Nothing } else { Self::Scale { old, new } })
            }
            ("", "services", "", "CREATE") => object("object", request.object).map(Self::Service),
            ("", "services", "", "UPDATE") => {
                let Some((old, new)) = changed(request)? else { return Ok(Self::Nothing) };
                let service = |part, (metadata, raw)| {
                    let spec = optional(part, raw)?;
                    Ok(Service { metadata, spec })
                };
                Ok(Self::ServiceUpdate { old: service("oldObject.spec", old)?, new: service("object.spec", new)? })
            }
            ("", "services", "", "DELETE") if !is_trusted(user) => {
                let service = object("oldObject", request.old_object)?;
                Ok(Self::ServiceDelete(service, optional("options", request.options)?))
            }
            ("apps", "deployments", "", "CREATE") => {
                let deployment: Deployment = object("object", request.object)?;
                Ok(if passes(&deployment.metadata) { Self::Nothing } else { Self::Deployment(Box::new(deployment)) })
            }
            ("apps", "deployments", "", "UPDATE") => {
                let Some((old, new)) = changed(request)? else { return Ok(Self::Nothing) };
                let deployment = |part, (metadata, raw)| {
                    let spec = optional(part, raw)?;
                    Ok(Box::new(Deployment { metadata, spec }))
                };
                let (old, new) = (deployment("oldObject.spec", old)?, deployment("object.spec", new)?);
                Ok(Self::DeploymentUpdate { old, new })
            }
            _ => Ok(Self::Nothing),
        }
    }

    /// What is to be evaluated, and why it is looked at; `name` is the request's, which alone tells what is scaled.
    pub(super) fn subject<'s>(&'s self, name: &'s str) -> Option<(Occasion, Subject<'s>)> {
        Some(match self {
            Self::Nothing => return None,
            Self::Set(set) => (Occasion::Create, Subject::StatefulSet(set, Change::State)),
            Self::SetUpdate { old, new, specs } => {
                let change = Change::Update { old: &**old, specs: specs.as_specs() };
                (Occasion::Update, Subject::StatefulSet(new, change))
            }
            Self::SetDelete { set, options } => (Occasion::Delete, Subject::StatefulSet(set, Change::Delete(options))),
            Self::Scale { old, new } => (Occasion::Update, Subject::Scale { name, old, new }),
            Self::Service(service) => (Occasion::Create, Subject::Service(service, Change::State)),
            Self::ServiceUpdate { old, new } => {
                (Occasion::Update, Subject::Service(new, Change::Update { old, specs: Specs::Differ }))
            }
            Self::ServiceDelete(service, options) => {
                (Occasion::Delete, Subject::Service(service, Change::Delete(options)))
            }
            Self::Deployment(deployment) => (Occasion::Create, Subject::Deployment { deployment, old: None }),
            Self::DeploymentUpdate { old, new } => {
                (Occasion::Update, Subject::Deployment { deployment: new, old: Some(old) })
            }
        })
    }

    /// The object's own name, for requests that carry none (a deletion of a collection).
    pub(super) fn name(&self) -> String {
        let metadata = match self {
            Self::Nothing => return String::new(),
            Self::Set(set) | Self::SetUpdate { new: set, .. } | Self::SetDelete { set, .. } => &set.metadata,
            Self::Scale { new, .. } => &new.metadata,
            Self::Service(service) | Self::ServiceUpdate { new: service, .. } | Self::ServiceDelete(service, _) => {
                &service.metadata
            }
            Self::Deployment(deployment) | Self::DeploymentUpdate { new: deployment, .. } => &deployment.metadata,
        };
        metadata.display_name()
    }
}

/// The namespace controller and the garbage collector only carry out what somebody was allowed to ask for.
///
/// With some control planes all controllers share the account `system:kube-controller-manager`.
fn is_trusted(user: &str) -> bool {
    matches!(
        user,
        "system:serviceaccount:kube-system:namespace-controller"
            | "system:serviceaccount:kube-system:generic-garbage-collector"
            | "system:kube-controller-manager"
    )
}

/// Whether a set has containers. Without any the API server refuses it, and there would be no place for fixes.
fn runs_something(set: &StatefulSet) -> bool {
    !set.pod().containers.is_empty()
}
