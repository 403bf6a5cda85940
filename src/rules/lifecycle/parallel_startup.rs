use serde_json::json;

use crate::engines::{Degree, Start, StartUp};
use crate::kubernetes::{Slot, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Action, Applicability, Context, Findings, Fix, Operation, Rule, Workload, rule};

rule! {
    /// Databases that bootstrap in order, started all at once.
    ///
    /// ## What it does
    /// Finds `podManagementPolicy: Parallel` with a server that must come up in order: plain PostgreSQL, MySQL, MariaDB and
    /// Galera, Percona Server. It is silent for engines that want Parallel (most that keep a quorum), for high-availability
    /// images that order themselves, and for unknown servers.
    ///
    /// ## Why it matters
    /// Replicas of these servers copy their data from the first pod or join it. Started at the same moment, each
    /// initialises itself: two primaries, or a cluster that splits on its first day.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   podManagementPolicy: Parallel
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   podManagementPolicy: OrderedReady
    /// ```
    ///
    /// ## Fix
    /// Safe on CREATE: OrderedReady, with one replica too, since the field cannot be changed later. Somebody wrote
    /// Parallel, so GitOps tools show this fix as drift until the manifest says it too.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-parallel-startup: "verified parallel start"` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Pod Management Policies".
    pub ParallelStartup {
        code: "STS303", name: "parallel-startup", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn + fix, Deny]
    }
}

impl Rule for ParallelStartup {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let wants = |start_up| set.servers.iter().find(|server| server.start_up() == start_up);
        let Some(server) = wants(StartUp::Ordered).filter(|_| set.is_parallel()) else { return };
        if wants(StartUp::Parallel).is_some() {
            return; // Two servers in one pod that want opposites: nobody knows which one the set is about.
        }
        // A script of unknown content, or a helper beside the container that the set is about.
        let sure = server.degree == Degree::Official
            && server.start != Start::UnknownScript
            && server.slot == Slot::Container(0);
        let finding = found
            .object(Pointer::new("/spec/podManagementPolicy"))
            .say(format!("{} bootstraps in order, Parallel starts all pods at once", server.engine.title))
            .help(if cx.occasion.is_new() {
                "use podManagementPolicy: OrderedReady, unless a parallel start is verified"
            } else {
                "the field is immutable: delete the set with --cascade=orphan and create it with OrderedReady; its pods and \
                 claims stay"
            })
            .at_most(if sure { Action::Deny } else { Action::Warn });
        if sure && cx.occasion.is_new() {
            finding.fix(order("pods start in order"));
        }
    }

    /// The field is immutable: whatever else changed, with Parallel the API server would refuse the whole update.
    fn keep_fixes(&self, old: &Workload<'_, StatefulSet>, new: &Workload<'_, StatefulSet>) -> Vec<Fix> {
        let brought_back = !old.is_parallel() && new.is_parallel();
        brought_back.then(|| order("pods go on starting in order")).into_iter().collect()
    }
}

fn order(title: &str) -> Fix {
    let path = Pointer::new("/spec/podManagementPolicy");
    Fix {
        applicability: Applicability::Safe,
        title: title.to_owned(),
        yaml: "podManagementPolicy: OrderedReady".to_owned(),
        operations: vec![Operation::Replace { path, value: json!("OrderedReady") }],
        rests_on: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::rule::{Finding, Occasion};
    use crate::rules::harness;

    fn created(image: &str, policy: &str) -> Option<Finding> {
        let pod = json!({"containers": [{"name": "db", "image": image}]});
        let spec = json!({"podManagementPolicy": policy, "template": {"spec": pod}});
        let set: StatefulSet = harness::read(&json!({ "spec": spec }));
        harness::findings("STS303", &Subject::StatefulSet(&set, Change::State), Occasion::Create, &InMemory::default())
            .pop()
    }

    #[test]
    fn fixes_engines_that_bootstrap_in_order() {
        for image in ["postgres:16", "mysql:8.4", "mariadb:11"] {
            let found = created(image, "Parallel").expect("it bootstraps in order");
            assert!(found.safe_fix().is_some(), "{image}");
        }
    }

    #[test]
    fn only_warns_of_somebodys_own_image() {
        let found = created("acme/postgres:16", "Parallel").expect("it is PostgreSQL by its name");
        assert!(found.fix.is_none() && found.action == Action::Warn);
    }

    #[test]
    fn accepts_order_engines_that_want_parallel_and_unknown_servers() {
        assert!(created("postgres:16", "OrderedReady").is_none());
        assert!(created("cockroachdb/cockroach:v24.1.0", "Parallel").is_none());
        assert!(created("acme/ledger:1", "Parallel").is_none());
    }
}
