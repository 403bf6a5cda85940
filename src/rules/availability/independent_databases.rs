use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, config_map, rule};

rule! {
    /// Replicas of a database that know nothing of each other.
    ///
    /// ## What it does
    /// Finds several replicas of PostgreSQL, MySQL, MariaDB, Percona Server, MongoDB or InfluxDB from their plain images,
    /// where nothing in the pod can make them replicate: no word of it in command, arguments and environment, no other
    /// container but exporters, no script and no configuration that is mounted. What is not seen may do it, and
    /// then it says nothing.
    ///
    /// ## Why it matters
    /// Each pod makes a database of its own. Behind one Service each connection gets one of them: what one writes, the next
    /// does not find, and it looks like lost data. None of them is a copy that could take over.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   template:
    ///     spec: {containers: [{name: postgres, image: "postgres:16"}]}
    /// ```
    ///
    /// ## Use instead
    /// One replica; or an operator, or an image that sets replication up, for PostgreSQL for example CloudNativePG or Patroni.
    ///
    /// ## Fix
    /// None: which of the databases counts is not known.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-independent-databases` on the StatefulSet, for example where clients name each pod, or where
    /// replication was set up by hand.
    ///
    /// ## References
    /// - docker-library/postgres, docker-entrypoint.sh; Kubernetes documentation, "Run a Replicated Stateful Application".
    pub IndependentDatabases {
        code: "STS504", name: "independent-databases", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Audit, Warn]
    }
}

impl Rule for IndependentDatabases {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let replicas = set.replicas();
        if replicas < 2 {
            return;
        }
        let Some(server) = set
            .leading()
            .filter(|server| server.is_independent(set.pod(), set.claim_templates(), &|name| config_map(cx, name)))
        else {
            return;
        };
        found
            .server(server, Pointer::new("/spec/replicas"))
            .say(format!(
                "nothing here makes these {replicas} {} servers replicate: each has a database of its own",
                server.engine.title
            ))
            .help("use one replica, or an operator or image that sets replication up");
    }
}

#[cfg(test)]
#[path = "independent_databases_tests.rs"]
mod tests;
