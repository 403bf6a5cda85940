use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// StatefulSet names that leave no room for the pods' labels.
    ///
    /// ## What it does
    /// Finds names longer than 52 characters. From 56 on it is certain that no pod is created; from 53 to 55 it depends on
    /// the revision's hash, so that is a warning. A `generateName` counts with the five characters that are added to it.
    ///
    /// ## Why it matters
    /// Every pod carries the label `controller-revision-hash: <name>-<hash>`, and a label's value has at most 63
    /// characters. The hash has up to ten. The API server accepts the longer name, and then the controller fails to create
    /// pods, which only events show.
    ///
    /// ## Example
    /// ```yaml
    /// metadata:
    ///   name: customer-facing-production-postgresql-primary-cluster-eu   # 58 characters
    /// ```
    ///
    /// ## Use instead
    /// A name of at most 52 characters.
    ///
    /// ## Fix
    /// None: a name cannot be changed.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-overlong-name` on the StatefulSet.
    ///
    /// ## References
    /// - kubernetes/kubernetes#64023: a StatefulSet with a long name creates no pods.
    pub OverlongName {
        code: "STS108", name: "overlong-name", since: "0.1",
        hooks: [StatefulSet],
        default: [Deny, Deny, Deny]
    }
}

const SAFE: usize = 52;
const HOPELESS: usize = 55;

impl Rule for OverlongName {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        let metadata = set.metadata();
        let name = metadata.name.as_deref().filter(|name| !name.is_empty());
        let (length, field) = match (name, metadata.generate_name.as_deref()) {
            (Some(name), _) => (name.len(), "name"),
            (None, Some(prefix)) => (prefix.len() + 5, "generateName"),
            (None, None) => return,
        };
        if length <= SAFE {
            return;
        }
        let hopeless = length > HOPELESS;
        found
            .object(Pointer::new("/metadata").field(field))
            .say(if hopeless {
                format!("a name of {length} characters leaves no room for the revision label: no pod is created")
            } else {
                format!("with {length} characters this revision may start, most later ones will not; 52 are safe")
            })
            .help("use at most 52 characters")
            .at_most(if hopeless && field == "name" { Action::Deny } else { Action::Warn });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::rule::Occasion;
    use crate::rules::harness;
    use serde_json::json;

    fn action(metadata: &serde_json::Value) -> Option<Action> {
        let set: StatefulSet = harness::read(&json!({ "metadata": metadata }));
        let found = harness::findings(
            "STS108",
            &Subject::StatefulSet(&set, Change::State),
            Occasion::Create,
            &InMemory::default(),
        );
        found.first().map(|finding| finding.action)
    }

    #[test]
    fn denies_what_never_fits_and_warns_of_what_may() {
        assert_eq!(action(&json!({"name": "a".repeat(56)})), Some(Action::Deny));
        assert_eq!(action(&json!({"name": "a".repeat(55)})), Some(Action::Warn));
        assert_eq!(action(&json!({"name": "a".repeat(53)})), Some(Action::Warn));
        assert_eq!(action(&json!({"name": "a".repeat(52)})), None);
    }

    #[test]
    fn counts_the_characters_that_generate_name_adds() {
        assert_eq!(action(&json!({"generateName": "a".repeat(48)})), Some(Action::Warn));
        assert_eq!(action(&json!({"generateName": "a".repeat(60)})), Some(Action::Warn));
        assert_eq!(action(&json!({"generateName": "a".repeat(47)})), None);
    }
}
