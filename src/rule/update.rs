//! An update of a StatefulSet as rules see it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::workload::Workload;
use crate::engines::Server;
use crate::kubernetes::{RunsPods as _, StatefulSet};

/// The specs of an update as the API server sends them: equal specs are the same text, byte for byte.
#[derive(Debug, Clone, Copy)]
pub enum Specs<'a> {
    /// They are equal.
    Equal,
    /// They differ; the texts were not kept.
    Differ,
    /// They differ.
    Texts {
        /// Before.
        old: &'a str,
        /// After.
        new: &'a str,
    },
}

impl Specs<'_> {
    /// Whether nothing in the spec changed.
    pub fn are_equal(self) -> bool {
        matches!(self, Self::Equal)
    }
}

/// A StatefulSet before and after an update or a scale.
#[derive(Clone, Copy)]
pub struct Update<'a, 's> {
    /// Before.
    pub old: &'a Workload<'s, StatefulSet>,
    /// After.
    pub new: &'a Workload<'s, StatefulSet>,
    /// Both specs as text.
    pub specs: Specs<'a>,
}

impl<'a, 's> Update<'a, 's> {
    /// A server of the new set as it was before: in the container of that name, or the only one of its engine.
    pub fn before(&self, server: &Server<'_>) -> Option<&'a Server<'s>> {
        let same = |before: &&Server<'_>| before.engine.id == server.engine.id;
        let by_name =
            self.old.servers.iter().filter(same).find(|before| before.container.name == server.container.name);
        let lone = |set: &'a Workload<'s, StatefulSet>| set.servers.iter().filter(same).count() == 1;
        by_name.or_else(|| self.old.servers.iter().find(same).filter(|_| lone(self.old) && lone(self.new)))
    }

    /// Whether it is a scale, which names replicas and nothing else: autoscalers send it too, and nobody tells them apart.
    pub fn is_scale(&self) -> bool {
        self.specs.are_equal() && self.old.replicas() != self.new.replicas()
    }

    /// Whether anything in the pod template changed, also what no rule reads: pods are replaced.
    ///
    /// Without the texts only the fields that rules read are compared.
    pub fn changes_template(&self) -> bool {
        match self.specs {
            Specs::Equal => false,
            Specs::Differ => self.old.template() != self.new.template(),
            Specs::Texts { old, new } => template(old) != template(new),
        }
    }
}

/// The text of the pod template in the text of a spec.
fn template(spec: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct Spec<'t> {
        #[serde(borrow)]
        template: Option<&'t RawValue>,
    }
    serde_json::from_str::<Spec<'_>>(spec).ok()?.template.map(RawValue::get)
}
