use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::facts::{BudgetFacts, Lookup};
use crate::kubernetes::{LabelSelector, RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// Replicas that a node drain may stop all at once, or never.
    ///
    /// ## What it does
    /// Finds StatefulSets of two and more replicas whose pods no PodDisruptionBudget of the namespace selects; in `check`,
    /// none among the files. And PodDisruptionBudgets that never let one of a set's pods be evicted: `maxUnavailable` 0 or
    /// 0%, `minAvailable` 100% or not below the number of replicas, one replica included. Those are warned about at least,
    /// unless the rule is off.
    ///
    /// ## Why it matters
    /// Draining nodes evicts pods. Without a budget two nodes drained at the same time take two replicas with them, and
    /// with these the quorum or the last copy in sync. A budget that never lets a pod go makes every drain of its node
    /// wait for ever, an upgrade of the cluster as well, until somebody deletes the pod or the budget by hand.
    ///
    /// ## Example
    /// ```yaml
    /// kind: PodDisruptionBudget
    /// spec:
    ///   minAvailable: 3   # of 3 replicas
    ///   selector: {matchLabels: {app: postgres}}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// apiVersion: policy/v1
    /// kind: PodDisruptionBudget
    /// metadata: {name: postgres}
    /// spec:
    ///   maxUnavailable: 1
    ///   selector: {matchLabels: {app: postgres}}
    /// ```
    ///
    /// ## Fix
    /// None: it stands in another object.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-missing-disruption-budget` on the StatefulSet, for example where an operator moves the pods
    /// itself and the budget only holds everybody else off.
    ///
    /// ## References
    /// - Kubernetes documentation, "Specifying a Disruption Budget for your Application".
    pub MissingDisruptionBudget {
        code: "STS501", name: "missing-disruption-budget", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Audit, Warn]
    }
}

impl Rule for MissingDisruptionBudget {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let (replicas, labels) = (set.replicas(), &set.template().metadata.labels);
        if replicas < 1 || labels.is_empty() {
            return;
        }
        let budgets = cx.list::<BudgetFacts>(|budget| budget.selects(labels) != Some(false));
        if budgets.is_surely_empty() && replicas > 1 {
            found
                .object(Pointer::new("/spec/replicas"))
                .say(if cx.occasion.is_in_files() {
                    format!("a PodDisruptionBudget for these {replicas} replicas is not among the files checked")
                } else {
                    format!("no PodDisruptionBudget selects the pods of these {replicas} replicas (yet)")
                })
                .help(format!("create one: {}", budget(set)));
        }
        let names: BTreeSet<_> = budgets.items.iter().map(|budget| &*budget.name).collect();
        for name in names {
            // Of several files that define it, the nearest counts.
            let Lookup::Found(budget) = cx.get::<BudgetFacts>(name) else { continue };
            if budget.selects(labels) == Some(true)
                && let Some(limit) = budget.forbids(replicas, set.spec.selector.as_ref())
            {
                found
                    .part(name, Pointer::new("/spec/replicas"))
                    .say(format!(
                        "PodDisruptionBudget {name:?} never lets a pod be evicted: {limit}, replicas: {replicas}"
                    ))
                    .help(format!(
                        "in the spec of PodDisruptionBudget {name:?} write maxUnavailable: 1 in place of {limit}"
                    ))
                    .at_least(Action::Warn);
            }
        }
    }
}

/// The labels by which to select the set's pods, as YAML.
pub(super) fn labels(set: &Workload<'_, StatefulSet>) -> Value {
    let own = set.spec.selector.as_ref().filter(|own| own.match_expressions.is_empty());
    let labels = own.map(|own: &LabelSelector| &own.match_labels).filter(|labels| !labels.is_empty());
    json!(labels.unwrap_or(&set.template().metadata.labels))
}

/// A budget for the set's pods, as YAML.
fn budget(set: &Workload<'_, StatefulSet>) -> String {
    let labels = labels(set);
    let name = set.metadata().name.as_deref().unwrap_or("<name>");
    format!(
        "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: {name}}}, spec: {{maxUnavailable: 1, \
         selector: {{matchLabels: {labels}}}}}}}"
    )
}

#[cfg(test)]
#[path = "missing_disruption_budget_tests.rs"]
mod tests;
