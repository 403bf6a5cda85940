use crate::engines::{Server, Start};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::rule::{Context, Findings, Rule, Workload, config_map, rule};

rule! {
    /// Servers that let in whoever reaches them.
    ///
    /// ## What it does
    /// Finds `POSTGRES_HOST_AUTH_METHOD=trust`, and switches that allow an empty password where surely none is set:
    /// `MYSQL_ALLOW_EMPTY_PASSWORD`, `MARIADB_ALLOW_EMPTY_ROOT_PASSWORD` (official images, whatever the value) and
    /// `ALLOW_EMPTY_PASSWORD=yes` (Bitnami's). A password may come from a Secret that is not seen; then it says nothing.
    ///
    /// ## Why it matters
    /// Every pod of the cluster reaches the server unless a NetworkPolicy forbids it, and is its superuser then.
    ///
    /// ## Example
    /// ```yaml
    /// env:
    ///   - {name: POSTGRES_HOST_AUTH_METHOD, value: trust}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// env:
    ///   - name: POSTGRES_PASSWORD
    ///     valueFrom: {secretKeyRef: {name: postgres, key: password}}
    /// ```
    ///
    /// ## Fix
    /// None: the clients must know the password first. Data that is there keeps what it was made with: on it change
    /// pg_hba.conf, or root's password, too.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-trust-authentication` on the StatefulSet.
    ///
    /// ## References
    /// - docker-library/postgres, docker-entrypoint.sh, pg_setup_hba_conf; docker-library/mysql and MariaDB/mariadb-docker,
    ///   docker-entrypoint.sh, docker_verify_minimum_env; bitnami/containers, README files, ALLOW_EMPTY_PASSWORD.
    pub TrustAuthentication {
        code: "STS402", name: "trust-authentication", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for TrustAuthentication {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        // A script of unknown content need not run what reads the variables.
        for server in set.servers.iter().filter(|server| server.start != Start::UnknownScript) {
            let Some(trust) = server.trust(&|name| config_map(cx, name)) else { continue };
            let title = server.engine.title;
            let place = server.slot.pointer(StatefulSet::POD).field("env");
            let index = server.container.env.iter().rposition(|entry| entry.name == trust.variable);
            found
                .server(server, index.map_or_else(|| place.clone(), |index| place.clone().index(index)))
                .say(if trust.unless.is_empty() {
                    format!("{} lets whoever reaches {title} in without a password", trust.variable)
                } else {
                    format!("{} is set and no password is: whoever reaches {title} is let in", trust.variable)
                })
                .help(if cx.occasion.is_new() {
                    format!("set the password by valueFrom.secretKeyRef in place of {}", trust.variable)
                } else {
                    format!(
                        "first change it in {title} itself, then set the password by valueFrom.secretKeyRef in place of {}",
                        trust.variable
                    )
                });
        }
    }
}

/// Whether the server asks for no password, whatever is set as one.
pub(super) fn is_useless(server: &Server<'_>, cx: &Context<'_>) -> bool {
    server.start != Start::UnknownScript
        && server.trust(&|name| config_map(cx, name)).is_some_and(|trust| trust.unless.is_empty())
}

#[cfg(test)]
#[path = "trust_authentication_tests.rs"]
mod tests;
